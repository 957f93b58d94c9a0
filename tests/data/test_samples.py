"""Files of samples: read as auditor.yaml describes them, and never guessed."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.core.errors import ConfigError, DataError
from auditor.core.unread import by_kind
from auditor.data.account import RECORDING, SETTINGS, TABLE
from auditor.data.catalog import describe, recognised
from auditor.data.dataset import Dataset, open_dataset
from auditor.data.inspection import inspection
from auditor.data.readers import Read
from auditor.data.readers.samples import SampleFiles, SamplesRule, sample_readers
from auditor.engine import engine
from tests.data import writers
from tests.manual import settings as manual

LEADS = ("I", "II", "V1")
COUNTS = writers.counts(3)
#: A count is a microvolt.
MILLIVOLTS = (COUNTS * 1e-3).astype(np.float32)


def rule(**more) -> SamplesRule:
    return SamplesRule(**{"files": "*", "fs": 500, "unit": "uV", **more})


def reader(path: Path, given: SamplesRule) -> SampleFiles:
    (one,) = [
        one
        for one in sample_readers(given, frozenset()).values()
        if any(found.startswith(path.name) for found in one.find(path.parent))
    ]
    return one


def read(path: Path, row: int | None = None, **said) -> Read:
    record = path.name if row is None else f"{path.name}/row_{row}"
    return reader(path, rule(**said)).read(path.parent, record)


def texts(path: Path, **said) -> list[str]:
    return [text for _, text in reader(path, rule(**said)).texts(path.parent, path.name)]


def opened(root: Path, **samples) -> Dataset:
    said = {"fs": 500, "unit": "uV", **samples}
    (root / "auditor.yaml").write_text(yaml.safe_dump({"samples": said}))
    with engine() as workers:
        return open_dataset(root, describe(root), engine=workers)


def lines(values: np.ndarray, mark: str = ",", write: Callable[..., str] = str) -> str:
    return "\n".join(mark.join(write(one) for one in row) for row in values) + "\n"


# ---- writers


def csv(path: Path, values: np.ndarray, *, head: str = "", mark: str = ",", write=str) -> Path:
    path.write_text(head + lines(values, mark, write))
    return path


def npy(path: Path, values: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, values)
    return path


def npz(path: Path, **values) -> Path:
    with path.open("wb") as file:
        np.savez_compressed(file, **values)
    return path


def mat5(path: Path, *, packed: bool = True, **values) -> Path:
    scipy.io.savemat(path, values, appendmat=False, do_compression=packed)
    return path


def mat7(path: Path, texts: dict[str, str] | None = None, **values) -> Path:
    """As MATLAB writes it: a block of its own before HDF5, columns first, texts as UTF-16."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, one in values.items():
            held = np.atleast_2d(one).T
            data = file.create_dataset(name, data=held, chunks=True, compression="gzip")
            data.attrs["MATLAB_class"] = np.bytes_("double")
        for name, text in (texts or {}).items():
            letters = np.frombuffer(text.encode("utf-16-le"), "<u2")[:, None]
            file.create_dataset(name, data=letters).attrs["MATLAB_class"] = np.bytes_("char")
    whole = bytearray(path.read_bytes())
    whole[:128] = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(whole)
    return path


def parquet(path: Path, columns: dict[str, Sequence]) -> Path:
    pd.DataFrame(columns).to_parquet(path)
    return path


#: By name: how a file is written, and how it is described.
KINDS: dict[str, tuple[Callable[[Path], Path], dict[str, object]]] = {
    "columns": (lambda path: csv(path, COUNTS.T), {"leads": LEADS}),
    "columns with a header": (lambda path: csv(path, COUNTS.T, head="I,II,V1\n"), {}),
    "rows": (lambda path: csv(path, COUNTS), {"leads": LEADS, "rows": "leads"}),
    "rows with names": (
        lambda path: csv(path, np.column_stack([LEADS, COUNTS.astype(str)]), mark="\t"),
        {"rows": "leads"},
    ),
    "semicolons and decimal commas": (
        lambda path: csv(
            path, COUNTS.T / 10, mark=";", write=lambda one: f"{one:.1f}".replace(".", ",")
        ),
        {"leads": LEADS, "unit": "10 uV"},
    ),
    "spaces": (
        lambda path: csv(path, COUNTS.T, mark=" ", write="{:9.2f}".format),
        {"leads": LEADS},
    ),
    "spaces beside commas": (lambda path: csv(path, COUNTS.T, mark=" , "), {"leads": LEADS}),
    "NumPy": (lambda path: npy(path, COUNTS.T), {"leads": LEADS}),
    "NumPy, columns first": (
        lambda path: npy(path, np.asfortranarray(COUNTS, dtype=">i2")),
        {"leads": LEADS, "rows": "leads"},
    ),
    "npz": (
        lambda path: npz(path.with_suffix(".npz"), ecg=COUNTS.astype("<f4"), fs=500),
        {"leads": LEADS, "rows": "leads"},
    ),
    "Parquet": (
        lambda path: parquet(path, dict(zip(LEADS, COUNTS, strict=True))),
        {},
    ),
    "Parquet, beside times and words": (
        lambda path: parquet(
            path,
            {
                "t": np.arange(5000) / 500,
                "II": COUNTS[1],
                "I": COUNTS[0] * 1.0,
                "V1": COUNTS[2],
                "who": ["Agatha Christie"] * 5000,
            },
        ),
        {"not_signal": ["t", "who"], "leads": ("II", "I", "V1")},
    ),
    "MATLAB 5": (
        lambda path: mat5(path, val=COUNTS.astype("<i2"), fs=500),
        {"leads": LEADS, "rows": "leads"},
    ),
    "MATLAB 5, a struct, not packed": (
        lambda path: mat5(path, packed=False, ECG={"data": COUNTS.T, "fs": 500}),
        {"leads": LEADS, "variable": "ECG.data"},
    ),
    "MATLAB 7.3": (lambda path: mat7(path, val=COUNTS), {"leads": LEADS, "rows": "leads"}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, kind):
    write, said = KINDS[kind]
    path = write(tmp_path / "one")
    seen = read(path, **said)
    assert sorted(seen.leads) == sorted(LEADS)
    assert seen.fs == 500
    factor = (COUNTS / 10 * 10 * 1e-3).astype(np.float32) if "unit" in said else MILLIVOLTS
    order = [LEADS.index(lead) for lead in seen.leads]
    assert np.array_equal(seen.signal, factor[order])
    assert not seen.defects
    assert not seen.unread
    assert seen.files == (path,)


def test_words_of_a_parquet_file_are_told_and_have_to_be_named(tmp_path):
    write, said = KINDS["Parquet, beside times and words"]
    path = write(tmp_path / "one")
    assert "Agatha Christie" in texts(path, **said)
    with pytest.raises(DataError, match="1 columns that are no numbers"):
        read(path, not_signal=["t"])


@pytest.mark.parametrize(
    ("unit", "factor"), [("mV", 1.0), ("uV", 1e-3), ("4.88 uV", 4.88e-3), ("0.005 mV", 5e-3)]
)
def test_a_unit_may_be_the_size_of_a_step(tmp_path, unit, factor):
    small = np.clip(COUNTS, -9, 9)
    seen = read(npy(tmp_path / "one", small.T), leads=LEADS, unit=unit)
    assert np.allclose(seen.signal, small * factor, rtol=1e-6)


def test_a_file_of_a_person_holds_a_recording_in_each_row(tmp_path):
    npy(tmp_path / "p1.npy", np.stack([COUNTS, COUNTS[:, ::-1]]))
    csv(tmp_path / "p2.csv", np.column_stack([COUNTS, [1, 1, 2]]))
    ours = rule(leads=LEADS, rows="leads", files="p1*")
    many = reader(tmp_path / "p1.npy", ours)
    assert many.find(tmp_path) == ["p1.npy/row_0", "p1.npy/row_1"]
    second = many.read(tmp_path, "p1.npy/row_1")
    assert np.array_equal(second.signal, MILLIVOLTS[:, ::-1])
    said = {"leads": "I", "rows": "records", "not_signal": "5001", "files": "p2*"}
    for row in range(3):
        assert np.array_equal(
            read(tmp_path / "p2.csv", row, **said).signal, MILLIVOLTS[row : row + 1]
        )


@pytest.mark.parametrize("rows", ["leads", "samples"])
def test_lines_of_arrays_that_are_no_signal_are_left_out_by_their_number(tmp_path, rows):
    time = np.arange(5000)[None]
    whole = np.concatenate([time, COUNTS[:2], time, COUNTS[2:]])
    whole = whole if rows == "leads" else whole.T
    said = {"leads": LEADS, "rows": rows, "not_signal": ["1", "4"]}
    for path, row in (
        (npy(tmp_path / "one.npy", whole), None),
        (npy(tmp_path / "many.npy", np.stack([whole, whole])), 1),
        (mat5(tmp_path / "one.mat", v=whole), None),
    ):
        assert np.array_equal(read(path, row, **said).signal, MILLIVOLTS)


def test_columns_that_are_no_signal_are_left_out_and_what_they_say_is_told(tmp_path):
    clock = [f"2019-03-04 10:00:{second % 60:02d}" for second in range(5000)]
    table = np.column_stack([clock, COUNTS.T.astype(str), ["7"] * 5000])
    head = "# Patient: Agatha Christie\n# Age: 61\n# Sex: F\ntime,I,II,V1,marker\n"
    path = csv(tmp_path / "one.csv", table, head=head)
    said = {"not_signal": ["time", "5"]}
    seen = read(path, **said)
    assert np.array_equal(seen.signal, MILLIVOLTS)
    assert seen.attributes == {"age": 61.0, "sex": "female"}
    told = texts(path, **said)
    assert {"Patient: Agatha Christie", "time,I,II,V1,marker", "2019-03-04 10:00:00"} <= set(told)
    assert len(told) < 10


def test_what_stands_beside_the_signal_in_a_file_is_told_and_ages_are_known(tmp_path):
    struct = {"data": COUNTS, "age": 61, "sex": "Female", "name": "Agatha"}
    files = {
        "mat5": mat5(tmp_path / "a.mat", ECG=struct),
        "mat7": mat7(tmp_path / "b.mat", {"name": "Agatha", "sex": "Female"}, v=COUNTS, age=61.0),
        "npz": npz(tmp_path / "c.npz", ecg=COUNTS, age=61, sex="Female", name=b"Agatha"),
    }
    said = {"leads": LEADS, "rows": "leads"}
    for path in files.values():
        assert read(path, **said).attributes == {"age": 61.0, "sex": "female"}
        assert any("name: Agatha" in text for text in texts(path, **said))
    assert any(text.startswith("MATLAB 5.0") for text in texts(files["mat5"], **said))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_lines_end_and_letters_are_written_in_any_way(tmp_path, end, encoding):
    remarks = [f'"Ödön, {number}"' for number in range(5000)]
    text = "note,I,II,V1\n" + lines(np.column_stack([remarks, COUNTS.T.astype(str)]))
    path = tmp_path / "one.csv"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    seen = read(path, not_signal="note")
    assert np.array_equal(seen.signal, MILLIVOLTS)
    assert "Ödön, 7" in texts(path, not_signal="note")


def test_missing_samples_are_missing_in_each_way_of_writing(tmp_path):
    table = COUNTS.T.astype(str)
    table[:4, 1] = ["", "NaN", "-", "NA"]
    seen = read(csv(tmp_path / "one", table[::-1]), leads=LEADS)
    assert np.isnan(seen.signal[1, -4:]).all()
    assert np.isfinite(seen.signal[0]).all()


# ---- what is not described, or described wrongly


def test_samples_that_nobody_describes_are_no_recordings_and_inspect_says_what_they_look_like(
    tmp_path,
):
    writers.kardia(tmp_path / "known", writers.counts(1, 3000))
    csv(tmp_path / "a.csv", COUNTS.T)
    csv(tmp_path / "b.txt", COUNTS.T, mark=" ")
    npy(tmp_path / "c.npy", COUNTS)
    npz(tmp_path / "d.npz", ecg=np.stack([COUNTS, COUNTS]))
    mat5(tmp_path / "e.mat", val=COUNTS)
    mat7(tmp_path / "f.mat", val=COUNTS)
    (tmp_path / "people.csv").write_text("who,age\n" + "p1,63\n" * 2000)
    npy(tmp_path / "few.npy", COUNTS[:, :10])
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    assert list(dataset.manifest["record"]) == ["known"]
    assert by_kind(dataset.unread) == {"file": 5, "table": 2, "text": 1}
    told = {one.where: one.cure for one in dataset.unread}
    tall, wide = (f"looks like samples: {one}" for one in ("5,000 rows x 3", "3 rows x 5,000"))
    for name, shape in {"a.csv": tall, "b.txt": tall, "c.npy": wide, "e.mat": wide}.items():
        assert f"{shape} columns of numbers; say so under samples" in told[name]
    assert "2 x 3 x 5,000 numbers" in told["d.npz"]
    assert wide in told["f.mat"]
    assert "samples" not in told["people.csv"] + told["few.npy"]
    assert any("looks like samples" in line for line in inspection(dataset))


def test_described_files_are_recordings_and_the_table_beside_them_is_none(tmp_path):
    (tmp_path / "ecg").mkdir()
    for number in range(3):
        csv(tmp_path / "ecg" / f"{number}.csv", COUNTS.T + number)
    (tmp_path / "people.csv").write_text("file,who,age\n0.csv,p1,63\n1.csv,p1,63\n2.csv,p2,70\n")
    table = {"file": "people.csv", "record": ["file"], "age": "age"}
    said = {"files": "*.csv", "fs": 500, "unit": "uV", "leads": list(LEADS)}
    whole = {"samples": said, "table": table, "subject": {"column": "who"}}
    (tmp_path / "auditor.yaml").write_text(yaml.safe_dump(whole))
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    assert dataset.account.files == {RECORDING: 3, TABLE: 1, SETTINGS: 1}
    assert dict(zip(dataset.manifest["record"], dataset.manifest["subject"], strict=True)) == {
        "ecg/0.csv": "p1",
        "ecg/1.csv": "p1",
        "ecg/2.csv": "p2",
    }
    assert dataset.unread == ()
    assert np.array_equal(dataset.read("ecg/0.csv").signal, MILLIVOLTS)
    assert dataset.texts("ecg/0.csv") == [("file name", "ecg/0.csv")]


def test_the_example_of_the_manual_is_read_as_it_stands(tmp_path):
    (tmp_path / "auditor.yaml").write_text(yaml.safe_dump(manual("samples")[0]))
    (tmp_path / "ecg").mkdir()
    for number in (7, 8):
        table = np.column_stack([np.arange(5000) / 500, COUNTS.T])
        csv(tmp_path / f"ecg/p{number}.csv", table, head="time,I,II,V1\n")
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    assert sorted(dataset.manifest["subject"]) == ["p7", "p8"]
    assert set(dataset.manifest["leads"]) == {"I II V1"}
    assert dataset.unread == ()


@pytest.mark.parametrize("suffix", [".mat", ".npy"])
@pytest.mark.parametrize("named", ["{}{}", "{}", "ecg/{}{}"])
def test_a_table_names_files_with_their_suffix_or_without(tmp_path, suffix, named):
    (tmp_path / "ecg").mkdir()
    write = {".mat": lambda path, one: mat5(path, v=one), ".npy": npy}[suffix]
    for number in (17, 18):
        write(tmp_path / f"ecg/{number}{suffix}", COUNTS + number)
    rows = "".join(f"{named.format(one, suffix)},p{one},6{one - 10}\n" for one in (18, 17))
    (tmp_path / "people.csv").write_text(f"file,who,age\n{rows}")
    said = {"files": "ecg/*", "fs": 500, "unit": "uV", "leads": list(LEADS), "rows": "leads"}
    table = {"file": "people.csv", "record": "file", "age": "age"}
    whole = {"samples": said, "table": table, "subject": {"column": "who"}}
    (tmp_path / "auditor.yaml").write_text(yaml.safe_dump(whole))
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    by_record = dataset.manifest.set_index("record")
    assert dict(by_record["subject"]) == {f"ecg/{one}{suffix}": f"p{one}" for one in (17, 18)}
    assert dict(by_record["age"]) == {f"ecg/17{suffix}": 67.0, f"ecg/18{suffix}": 68.0}


def test_a_name_without_suffix_that_two_files_bear_is_neithers(tmp_path):
    npy(tmp_path / "17.npy", COUNTS)
    csv(tmp_path / "17.csv", COUNTS)
    npy(tmp_path / "18.npy", COUNTS)
    (tmp_path / "people.tsv").write_text("file\twho\n17\tp17\n18\tp18\n")
    said = {"files": ["*.npy", "*.csv"], "fs": 500, "unit": "uV", "leads": list(LEADS)}
    table = {"file": "people.tsv", "record": "file"}
    whole = {"samples": {**said, "rows": "leads"}, "table": table, "subject": {"column": "who"}}
    (tmp_path / "auditor.yaml").write_text(yaml.safe_dump(whole))
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    known = dataset.manifest[dataset.manifest["subject_known"]]
    assert list(known["record"]) == ["18.npy"]


def test_how_samples_are_described_changes_the_fingerprint(tmp_path):
    csv(tmp_path / "one.csv", COUNTS.T)
    first = opened(tmp_path, files="*.csv", leads=list(LEADS))
    second = opened(tmp_path, files="*.csv", leads=list(LEADS), unit="5 uV")
    assert first.fingerprint != second.fingerprint


def test_records_of_one_file_are_counted_as_one_file(tmp_path):
    npy(tmp_path / "one.npy", np.stack([COUNTS] * 4))
    dataset = opened(tmp_path, files="*.npy", leads=list(LEADS), rows="leads")
    assert len(dataset.manifest) == 4
    assert dataset.account.files == {RECORDING: 1, SETTINGS: 1}


@pytest.mark.data
def test_pairs_of_wfdb_and_matlab_stay_wfdb_whatever_a_rule_says(data, tmp_path):
    header = next((data / "challenge-2021").rglob("*.hea"))
    for one in (header, header.with_suffix(".mat")):
        (tmp_path / one.name).write_bytes(one.read_bytes())
    dataset = opened(tmp_path, files="*.mat", leads=list(LEADS))
    assert list(dataset.manifest["reader"]) == ["wfdb"]


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        ("{fs: 500, unit: mV}", "samples.files: is missing"),
        ("{files: [], fs: 500, unit: mV}", "samples.files: "),
        ("{files: a, unit: mV}", "samples.fs: is missing"),
        ("{files: a, fs: 0, unit: mV}", "samples.fs: seen '0', wanted"),
        ("{files: a, fs: nan, unit: mV}", "samples.fs: seen 'nan'"),
        ("{files: a, fs: fast, unit: mV}", "samples.fs: seen 'fast', wanted a number"),
        ("{files: a, fs: 500}", "samples.unit: is missing"),
        ("{files: a, fs: 500, unit: mmHg}", "samples.unit: seen 'mmHg', wanted mV, uV or a step"),
        ("{files: a, fs: 500, unit: 0 mV}", "samples.unit: seen '0 mV', wanted"),
        ("{files: a, fs: 500, unit: mV, rows: lead}", "samples.rows: seen 'lead', wanted"),
        ("{files: a, fs: 500, unit: mV, rows: records}", "samples: rows are records: wanted"),
        ("{files: a, fs: 500, unit: mV, leads: [I, I]}", "samples.leads: a lead is named twice"),
        ("{files: a, fs: 500, unit: mV, lead: I}", "samples.lead: unknown key; did you mean"),
        ("*.csv", "samples: "),
    ],
)
def test_a_wrong_description_is_one_clear_line(tmp_path, samples, told):
    (tmp_path / "auditor.yaml").write_text(f"samples: {samples}\n".replace("*.csv", "'*.csv'"))
    with pytest.raises(ConfigError) as refused:
        recognised(tmp_path)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'auditor.yaml'}: {told}")
    assert "\n" not in said


def swapped(values: np.ndarray, row: int, column: int, text: str) -> np.ndarray:
    table = values.astype(object)
    table[row, column] = text
    return table


@pytest.mark.parametrize(
    ("write", "said", "told"),
    [
        (lambda at: csv(at, COUNTS.T), {}, "names no leads"),
        (lambda at: csv(at, COUNTS.T), {"leads": ["I", "II"]}, "holds 3 lines of signal where 2"),
        (lambda at: csv(at, COUNTS), {"leads": LEADS}, "holds 5,000 lines of signal where 3"),
        (
            lambda at: csv(at, np.column_stack([np.arange(5000), COUNTS.T])),
            {"leads": ("t", *LEADS)},
            "counts up evenly, as time does",
        ),
        (lambda at: csv(at, swapped(COUNTS.T, 900, 1, "x")), {"leads": LEADS}, "are no numbers"),
        (
            lambda at: csv(at, COUNTS.T, head="I,II,V1\n1,2,x\n"),
            {"leads": LEADS},
            "line 2 is no line of numbers",
        ),
        (
            lambda at: csv(at, swapped(COUNTS.T, 900, 1, '"1')),
            {"leads": LEADS},
            "line 901 holds half a pair of quotes",
        ),
        (
            lambda at: csv(at, swapped(COUNTS.T, 900, 1, "1,2")),
            {"leads": LEADS},
            "line 901 holds more cells",
        ),
        (
            lambda at: csv(at, COUNTS.T),
            {"leads": LEADS, "not_signal": "time"},
            "no column that samples: not_signal",
        ),
        (
            lambda at: csv(at, COUNTS.T),
            {"leads": LEADS, "not_signal": "4"},
            "no column that samples: not_signal",
        ),
        (lambda at: npy(at, COUNTS), {"leads": LEADS, "not_signal": "5001"}, "has fewer columns"),
        (
            lambda at: npz(at.with_suffix(".npz"), a=COUNTS, b=COUNTS),
            {"leads": LEADS, "rows": "leads"},
            "holds 2 arrays of numbers: name the signal",
        ),
        (
            lambda at: npz(at.with_suffix(".npz"), a=COUNTS, b=COUNTS),
            {"leads": LEADS, "rows": "leads", "variable": "a"},
            "1 arrays of numbers that auditor.yaml says nothing of",
        ),
        (
            lambda at: npz(at.with_suffix(".npz"), a=COUNTS),
            {"leads": LEADS, "variable": "ecg"},
            "no array of the name",
        ),
        (lambda at: npy(at, COUNTS.astype(complex)), {"leads": LEADS}, "no array of numbers"),
        (lambda at: mat5(at, v=COUNTS * 1j), {"leads": LEADS}, "complex arrays"),
        (
            lambda at: mat5(at, v=scipy.sparse.csc_matrix(COUNTS)),
            {"leads": LEADS},
            "sparse or complex",
        ),
        (lambda at: npy(at, np.zeros((2, 2, 2, 500))), {"leads": LEADS}, "of 4 dimensions"),
    ],
)
def test_a_file_that_a_rule_does_not_fit_is_refused_with_the_cure(tmp_path, write, said, told):
    path = write(tmp_path / "one")
    with pytest.raises(DataError, match=re.escape(told)) as refused:
        read(path, **said)
    assert "\n" not in str(refused.value)


def test_a_release_that_its_rule_does_not_fit_is_one_clear_line(tmp_path):
    csv(tmp_path / "one.csv", COUNTS)
    with pytest.raises(DataError, match=r"none of 1 records can be used; .*see rows, leads"):
        opened(tmp_path, files="*.csv", leads=list(LEADS))


# ---- hostile files


def stated(shape: Sequence[int], kind: str = "<f8") -> bytes:
    """The header of an array that may be of any size."""
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode()


def zipped(content: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ecg.npy", content)
    return whole.getvalue()


class Opens:
    """A pickle that would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return (open, (str(self.path), "w"))


def test_objects_of_python_are_never_loaded(tmp_path):
    trap = tmp_path / "trap"
    held = np.array([Opens(trap)], dtype=object)
    np.save(tmp_path / "a.npy", held, allow_pickle=True)
    np.savez(tmp_path / "b.npz", ecg=held)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(DataError, match="objects of Python, which are never loaded"):
            read(tmp_path / name, leads=LEADS)
    with pytest.raises(DataError):
        opened(tmp_path, files="*.np?", leads=list(LEADS))
    assert not trap.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", stated((10**9, 10**9))),
        ("a.npy", stated((3, 5000)) + bytes(100)),
        ("a.npy", stated((3, 10)) + bytes(1000)),
        ("a.npy", stated((0, 5000))),
        ("a.npy", stated((-3, 5000))),
        ("a.npy", stated((3, 5000), "<U1000000")),
        ("a.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70_000),
        ("a.npy", b"\x93NUMPY\x09\x00"),
        ("b.npz", zipped(stated((10**6, 10**3)))),
        ("b.npz", zipped(stated((100, 100)) + bytes(30_000_000))),
        ("b.npz", zipped(b"no array")),
        ("b.npz", b"PK\x03\x04"),
    ],
)
def test_sizes_that_a_file_only_states_make_no_room(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        read(tmp_path / name, leads=LEADS)
    assert str(tmp_path) not in str(refused.value)


def test_a_matlab_file_that_unpacks_without_end_is_not_unpacked(tmp_path, monkeypatch):
    path = mat5(tmp_path / "one.mat", val=np.zeros((3, 1_000_000)))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr("auditor.data.readers.matlab.MOST_UNPACKED", 10_000_000)
    with pytest.raises(DataError, match="larger than the 10,000,000 bytes"):
        read(path, leads=LEADS)


def test_an_array_of_matlab_that_states_more_than_it_holds_is_refused_before_scipy_sees_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: pytest.fail("was handed on"))
    path = mat5(tmp_path / "one.mat", packed=False, name="Agatha")
    whole = bytearray(path.read_bytes())
    at = whole.index((1).to_bytes(4, "little") + (6).to_bytes(4, "little"), 128)
    whole[at : at + 8] = (1 << 30).to_bytes(4, "little") * 2
    path.write_bytes(whole)
    with pytest.raises(DataError, match="sizes disagree"):
        read(path, leads=LEADS)


def test_matlab_files_that_lead_elsewhere_or_hold_references_are_refused(tmp_path):
    secret = tmp_path / "secret"
    np.zeros((5000, 3)).tofile(secret)
    linked = mat7(tmp_path / "a.mat", val=COUNTS)
    with h5py.File(linked, "r+") as file:
        file.create_dataset("more", (5000, 3), "<f8", external=[(str(secret), 0, 120_000)])
    soft = mat7(tmp_path / "b.mat", val=COUNTS)
    with h5py.File(soft, "r+") as file:
        file["more"] = h5py.ExternalLink("a.mat", "val")
    cells = mat7(tmp_path / "c.mat", val=COUNTS)
    with h5py.File(cells, "r+") as file:
        file.create_dataset("cell", data=np.array([file["val"].ref], dtype=h5py.ref_dtype))
    for path in (linked, soft, cells):
        with pytest.raises(DataError):
            read(path, leads=LEADS, rows="leads")


def test_a_text_too_large_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("auditor.data.readers.text._MAX_BYTES", 1000)
    with pytest.raises(DataError, match="1,000 bytes"):
        read(csv(tmp_path / "one", COUNTS.T), leads=LEADS)


def test_a_line_of_spaces_takes_no_time(tmp_path):
    head = lines(COUNTS.T[:400])
    (tmp_path / "one").write_text(head + " " * 3_000_000 + "\n" + "1 ,2, 3\n")
    assert read(tmp_path / "one", leads=LEADS).signal.shape == (3, 401)


@every_kind
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(cut=st.floats(0, 1), at=st.floats(0, 0.2), byte=st.integers(0, 255), damaged=st.booleans())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, kind, cut, at, byte, damaged):
    write, said = KINDS[kind]
    path = write(tmp_path / "one")
    whole = bytearray(path.read_bytes())
    if damaged:
        whole[int(at * (len(whole) - 1))] = byte
    else:
        del whole[int(cut * len(whole)) :]
    path.write_bytes(whole)
    for one in sample_readers(rule(**said), frozenset()).values():
        for record in one.find(tmp_path):
            for ask in (one.read, one.texts):
                with suppress(DataError):
                    ask(tmp_path, record)
                    continue
                with pytest.raises(DataError) as refused:
                    ask(tmp_path, record)
                assert "\n" not in str(refused.value)
                assert str(tmp_path) not in str(refused.value)
    path.unlink()

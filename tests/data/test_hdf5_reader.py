"""HDF5 files of many recordings: each row a record as it is written, other files never opened."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from auditor.core.errors import DataError
from auditor.core.record import STANDARD_LEADS
from auditor.core.unread import by_kind
from auditor.data.account import RECORDING, UNKNOWN
from auditor.data.catalog import describe
from auditor.data.changed import changed_datasets
from auditor.data.dataset import Dataset, open_dataset
from auditor.data.readers import READERS, OutsideError
from auditor.engine import engine

READER = READERS["hdf5"]
IDS = (590673, 1109689, 214626)
SHAPE = (3, 4096, 12)


def tracings(n: int = 3, seed: int = 0) -> np.ndarray:
    """Values as the publisher writes them: twice the mV, the second recording of seven seconds."""
    wave = np.random.default_rng(seed).normal(0.5, 1, (n, 4096, 12)).astype("<f4")
    wave[1, :648] = wave[1, -648:] = 0
    return wave


def written(path: Path, values: np.ndarray | None = None, ids=IDS, **held) -> Path:
    """A file in the layout of CODE-15%, and whatever else it shall hold."""
    with h5py.File(path, "w") as file:
        file["tracings"] = tracings() if values is None else values
        if ids is not None:
            file["exam_id"] = np.array(ids)
        for name, value in held.items():
            file[name] = value
    return path


def opened(root: Path) -> Dataset:
    with engine() as workers:
        return open_dataset(root, describe(root), engine=workers)


def release(root: Path) -> Path:
    written(root / "exams_part0.hdf5")
    written(root / "exams_part1.hdf5", tracings(seed=1), ids=(7, 8, 9))
    (root / "exams.csv").write_text(
        "exam_id,age,is_male,patient_id,trace_file\n"
        "590673.0,38,True,11,exams_part0.hdf5\n1109689,73,False,12,exams_part0.hdf5\n"
        "214626,39,True,11,exams_part0.hdf5\n7,40,True,11,exams_part1.hdf5\n"
        "8,19,False,13,exams_part1.hdf5\n"
    )
    return root


def test_rows_are_called_by_file_and_id_and_are_read_back_to_the_last_bit(tmp_path):
    written(tmp_path / "exams_part0.hdf5")
    assert READER.find(tmp_path) == [f"exams_part0.hdf5/{one}" for one in sorted(IDS)]
    for row in (0, 2):
        seen = READER.read(tmp_path, f"exams_part0.hdf5/{IDS[row]}")
        assert (seen.fs, seen.leads) == (400, STANDARD_LEADS)
        assert seen.signal.dtype == np.float32
        assert np.array_equal(seen.signal, tracings()[row].T / 2)
        assert seen.files == (tmp_path / "exams_part0.hdf5",)


def test_zeros_at_the_ends_are_missing_and_zeros_within_are_not(tmp_path):
    values = tracings()
    values[1, 2000:2010] = 0
    values[1, 700:, 3] = 0
    written(tmp_path / "a.hdf5", values)
    signal = READER.read(tmp_path, f"a.hdf5/{IDS[1]}").signal
    assert np.isnan(signal[:, :648]).all()
    assert np.isnan(signal[:, -648:]).all()
    assert np.array_equal(signal[:, 648:-648], values[1, 648:-648].T / 2)


def test_a_row_of_nothing_but_zeros_is_in_quarantine(tmp_path):
    values = tracings()
    values[2] = 0
    written(tmp_path / "a.hdf5", values)
    dataset = opened(tmp_path)
    assert dict(dataset.quarantine.values) == {f"a.hdf5/{IDS[2]}": "every sample is missing"}


def test_rows_without_an_id_of_their_own_are_numbered(tmp_path):
    written(tmp_path / "code.h5", tracings().astype("<f8"), ids=None)
    written(tmp_path / "twice.h5", ids=(5, 6, 5))
    records = READER.find(tmp_path)
    assert records == [
        *("code.h5/row_0", "code.h5/row_1", "code.h5/row_2"),
        *("twice.h5/6", "twice.h5/row_0", "twice.h5/row_2"),
    ]
    assert np.array_equal(READER.read(tmp_path, "code.h5/row_2").signal, tracings()[2].T / 2)
    assert np.array_equal(READER.read(tmp_path, "twice.h5/row_2").signal, tracings()[2].T / 2)
    for gone in ("twice.h5/5", "twice.h5/row_3", "code.h5/6", "code.h5/", "none.h5/row_0"):
        with pytest.raises(DataError):
            READER.read(tmp_path, gone)


def test_a_file_is_known_by_what_it_holds_and_not_by_its_name(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub" / "anything.bin")
    (tmp_path / "exams_part0.hdf5").write_text("exam_id,age\n")
    assert READER.find(tmp_path) == [f"sub/anything.bin/{one}" for one in sorted(IDS)]


def test_chunks_packed_by_what_hdf5_brings_are_read(tmp_path):
    values = tracings()
    for name, packed in {"gzip": "gzip", "lzf": "lzf"}.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            how = {"compression": packed, "shuffle": True, "fletcher32": True}
            file.create_dataset("tracings", data=values, chunks=(2, 1000, 5), **how)
        for row in range(3):
            signal = READER.read(tmp_path, f"{name}.h5/row_{row}").signal
            assert np.nanmax(np.abs(signal - values[row].T / 2)) == 0


def test_a_file_that_was_written_anew_is_read_anew(tmp_path):
    path = written(tmp_path / "a.h5", ids=None)
    READER.read(tmp_path, "a.h5/row_0")
    written(path, tracings(4, seed=5), ids=None)
    assert np.array_equal(READER.read(tmp_path, "a.h5/row_3").signal, tracings(4, seed=5)[3].T / 2)


def test_attributes_and_texts_of_a_file_are_told(tmp_path):
    path = written(tmp_path / "a.h5", names=["Ingeborg Müller"], site=np.bytes_(b"Ward 7"))
    with h5py.File(path, "a") as file:
        file.attrs["patient_name"] = "Aoife"
        file["tracings"].attrs["mrn"] = 4711
        file.attrs["nothing"] = h5py.Empty("S4")
        file.attrs["broken"] = np.bytes_(b"Z\xffrich")
    told = READER.texts(tmp_path, f"a.h5/{IDS[0]}")
    assert told[0] == ("file name", f"a.h5/{IDS[0]}")
    assert {
        "names: Ingeborg Müller",
        "site: Ward 7",
        "patient_name: Aoife",
        "mrn: 4711",
        "nothing: ",
        "broken: Z\ufffdrich",
    } == {text for _, text in told[1:]}
    assert {where for where, _ in told[1:]} == {"attribute of the file", "text in the file"}


def test_a_folder_of_code_15_has_its_people_ages_and_sexes(tmp_path):
    dataset = opened(release(tmp_path))
    assert dataset.name == "code-15"
    people = dataset.manifest.set_index("record")[["subject", "age", "sex"]]
    assert people.T.to_dict("list") == {
        "exams_part0.hdf5/590673": ["11", 38, "male"],
        "exams_part0.hdf5/1109689": ["12", 73, "female"],
        "exams_part0.hdf5/214626": ["11", 39, "male"],
        "exams_part1.hdf5/7": ["11", 40, "male"],
        "exams_part1.hdf5/8": ["13", 19, "female"],
        "exams_part1.hdf5/9": [
            "record exams_part1.hdf5/9",
            pytest.approx(np.nan, nan_ok=True),
            None,
        ],
    }
    alone = dataset.manifest["subject"] == "record exams_part1.hdf5/9"
    assert not dataset.manifest.loc[~alone, "session_known"].any()
    assert dataset.account.files == {RECORDING: 2, "table": 1}
    assert not dataset.unread
    record = dataset.read("exams_part1.hdf5/8")
    assert np.array_equal(record.signal[:, 648:-648], tracings(seed=1)[1, 648:-648].T / 2)


def test_the_fingerprint_is_of_the_whole_file(tmp_path):
    before = opened(release(tmp_path)).fingerprint
    with h5py.File(tmp_path / "exams_part1.hdf5", "a") as file:
        file["tracings"][2, 2000, 3] = 9
    assert opened(tmp_path).fingerprint != before


def test_a_file_of_many_records_is_digested_once(tmp_path, monkeypatch):
    digested = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, how: digested.append(file.name) or digest(file, how)
    )
    opened(release(tmp_path))
    assert sorted(Path(name).name for name in digested) == [
        *("exams.csv", "exams_part0.hdf5", "exams_part1.hdf5"),
    ]


def test_an_id_in_two_files_is_nobodys(tmp_path):
    release(tmp_path)
    written(tmp_path / "exams_part1.hdf5", tracings(seed=1), ids=(590673, 8, 9))
    people = opened(tmp_path).manifest.set_index("record")["subject_known"]
    assert not people["exams_part0.hdf5/590673"]
    assert not people["exams_part1.hdf5/590673"]
    assert people["exams_part1.hdf5/8"]


def test_a_changed_file_in_the_top_folder_belongs_to_it(tmp_path):
    written(tmp_path / "a.h5")
    assert changed_datasets([Path("a.h5")], tmp_path).datasets == (tmp_path,)


def external_link(file: h5py.File, outside: Path) -> None:
    file["tracings"] = h5py.ExternalLink(str(outside), "tracings")


def soft_link(file: h5py.File, outside: Path) -> None:
    del outside
    file["real"] = tracings()
    file["tracings"] = h5py.SoftLink("/real")


def virtual(file: h5py.File, outside: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, "<f4")
    layout[:] = h5py.VirtualSource(str(outside), "tracings", SHAPE)
    file.create_virtual_dataset("tracings", layout)


def external_storage(file: h5py.File, outside: Path) -> None:
    nbytes = outside.stat().st_size
    file.create_dataset("tracings", SHAPE, "<f4", external=[(str(outside), 0, nbytes)])


def many_rows(file: h5py.File, outside: Path) -> None:
    del outside
    file.create_dataset("tracings", (5_000_001, 4096, 12), "<f4", chunks=(1, 4096, 12))


def never_written(file: h5py.File, outside: Path) -> None:
    del outside
    file.create_dataset("tracings", (4_000_000, 4096, 12), "<f4", chunks=(1, 4096, 12))


def never_written_in_one(file: h5py.File, outside: Path) -> None:
    del outside
    file.create_dataset("tracings", (4_000_000, 4096, 12), "<f4")


def large_chunk(file: h5py.File, outside: Path) -> None:
    del outside
    file.create_dataset(
        "tracings", (400, 4096, 12), "<f4", chunks=(400, 4096, 12), compression="gzip"
    )[0] = 1


def of_other_lengths(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = np.ones((3, 5000, 12), "<f4")


def of_counts(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = np.ones(SHAPE, "<i2")


def with_a_group(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file["people/names"] = ["Ingeborg"]


def with_numbers_beside(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file["age"] = [63, 70, 91]


def with_a_reference(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file.attrs["see"] = file["tracings"].ref


def with_opaque_bytes(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file.attrs["pickle"] = np.void(b"\x80\x04cos\nsystem\n.")


def with_a_long_text(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file["note"] = "a" * 70_000


def with_ids_too_few(file: h5py.File, outside: Path) -> None:
    del outside
    file["tracings"] = tracings()
    file["exam_id"] = [1, 2]


def nothing_known(file: h5py.File, outside: Path) -> None:
    del outside
    file["ecg"] = tracings()


@pytest.mark.parametrize(
    "write",
    [
        *(external_link, soft_link, virtual, external_storage, many_rows, never_written),
        *(never_written_in_one, large_chunk, of_other_lengths, of_counts, with_a_group),
        *(with_numbers_beside, with_a_reference, with_opaque_bytes, with_a_long_text),
        *(with_ids_too_few, nothing_known),
    ],
    ids=lambda write: write.__name__,
)
def test_a_file_of_another_layout_is_not_read_and_counts_as_not_understood(tmp_path, write):
    outside = written(tmp_path / "outside.h5")
    root = tmp_path / "release"
    root.mkdir()
    written(root / "good.h5")
    with h5py.File(root / "other.h5", "w") as file:
        write(file, outside)
    dataset = opened(root)
    assert len(dataset.manifest) == 3
    assert dataset.account.files == {RECORDING: 1, UNKNOWN: 1}
    assert by_kind(dataset.unread) == {"file": 1}
    with pytest.raises(DataError, match="no layout"):
        READER.read(root, "other.h5/row_0")


def test_a_truncated_file_counts_as_not_understood(tmp_path):
    written(tmp_path / "good.h5")
    whole = written(tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    assert by_kind(opened(tmp_path).unread) == {"file": 1}


def test_a_damaged_chunk_costs_its_own_record_alone(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        how = {"chunks": (1, 4096, 12), "compression": "gzip"}
        data = file.create_dataset("tracings", data=tracings(), **how)
        at = data.id.get_chunk_info_by_coord((1, 0, 0)).byte_offset
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[at : at + 200] = b"\xff" * 200
    (tmp_path / "a.h5").write_bytes(content)
    dataset = opened(tmp_path)
    assert list(dataset.manifest["record"]) == ["a.h5/row_0", "a.h5/row_2"]
    assert list(dataset.quarantine["reason"]) == ["its part of the file is damaged"]


def test_a_chunk_that_unpacks_to_more_than_its_size_is_not_unpacked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        how = {"chunks": (1, 4096, 12), "compression": "gzip"}
        data = file.create_dataset("tracings", data=tracings(), **how)
        data.id.write_direct_chunk((2, 0, 0), zlib.compress(bytes(64 << 20)))
    with pytest.raises(DataError, match="damaged"):
        READER.read(tmp_path, "a.h5/row_2")
    READER.read(tmp_path, "a.h5/row_1")


def test_a_file_outside_is_not_read(tmp_path):
    written(tmp_path / "outside.h5")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "a.h5").symlink_to(tmp_path / "outside.h5")
    assert READER.find(tmp_path / "release") == []
    for record in (f"a.h5/{IDS[0]}", f"../outside.h5/{IDS[0]}"):
        with pytest.raises(OutsideError):
            READER.read(tmp_path / "release", record)

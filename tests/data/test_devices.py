"""Recorders' formats: each file known by what it holds, each sample as written, every text told."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.core.errors import DataError
from auditor.data.account import RECORDING
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.readers import READERS, OutsideError, Read
from auditor.data.readers.devices import Format, facts_of
from auditor.engine import engine
from tests.data import writers

COUNTS = writers.counts()
TAKEN = datetime(2011, 5, 3, 10, 11, 12)


def edf(path: Path) -> Path:
    leads = [
        {"label": f"ECG {name}", "counts": row, "per_record": 500}
        for name, row in zip(("I", "II"), COUNTS, strict=True)
    ]
    return writers.edf(
        path,
        leads,
        patient="PX-4711 F 17-APR-1950 Christie_Agatha",
        recording="Startdate 03-MAY-2011 X Miss_Lemon H12",
        date="03.05.11",
        tals=[f"+{one}\x14\x14\x00+{one}.5\x14slept badly\x14\x00".encode() for one in range(10)],
    )


def dicom(path: Path) -> Path:
    beat = {"counts": COUNTS[:, :600] + 5, "leads": (1, 2), "label": "MEDIAN BEAT"}
    rhythm = {"counts": COUNTS, "leads": (1, 2), "baseline": "0"}
    return writers.dicom(path, [{**beat, "originality": "DERIVED"}, rhythm])


#: By format: how a file is written, and what its counts are in mV, to the last bit.
FORMATS: dict[str, tuple[Callable[[Path], Path], Callable[[np.ndarray], np.ndarray]]] = {
    "edf": (edf, lambda n: ((n + 32768.0) * (6553.5 / 65535) + -3276.8) * 1e-3),
    "ishne": (lambda path: writers.ishne(path, COUNTS), lambda n: n * 2.5 * 1e-3),
    "scp": (lambda path: writers.scp(path, COUNTS), lambda n: n * 2.5 * 1e-3),
    "mfer": (lambda path: writers.mfer(path, COUNTS), lambda n: n * 2.5 * 1e-3),
    "muse": (lambda path: writers.muse(path, COUNTS), lambda n: n * 4.88 * 1e-3),
    "cardiosoft": (lambda path: writers.cardiosoft(path, COUNTS), lambda n: n * 5.0 * 1e-3),
    "eli": (lambda path: writers.eli(path, COUNTS), lambda n: n * 2.5 * 1e-3),
    "kardia": (lambda path: writers.kardia(path, COUNTS), lambda n: n * 0.5 * 1e-3),
    "dicom": (dicom, lambda n: n * 2.5 * 1.01 * 1e-3),
}
every_format = pytest.mark.parametrize("name", FORMATS)


def read(path: Path) -> Read:
    return READERS[format_of(path)].read(path.parent, path.name)


def texts(path: Path) -> dict[str, str]:
    return {text: where for where, text in READERS[format_of(path)].texts(path.parent, path.name)}


def format_of(path: Path) -> str:
    (name,) = claims(path)
    return name


def claims(path: Path) -> list[str]:
    return [
        name
        for name, one in READERS.items()
        if isinstance(one, Format) and path.name in one.find(path.parent)
    ]


@every_format
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, name):
    write, millivolts = FORMATS[name]
    seen = read(write(tmp_path / "one"))
    leads = ("I",) if name == "kardia" else ("I", "II")
    assert seen.leads == leads
    assert seen.fs == (300 if name == "kardia" else 500)
    assert seen.signal.dtype == np.float32
    expected = millivolts(COUNTS[: len(leads)].astype(np.float64)).astype(np.float32)
    assert np.array_equal(seen.signal, expected)
    assert not seen.defects
    assert not seen.unread
    assert seen.files == (tmp_path / "one",)


@every_format
def test_the_person_and_the_day_are_known(tmp_path, name):
    seen = read(FORMATS[name][0](tmp_path / "one"))
    day = TAKEN.replace(day=23) if name == "muse" else TAKEN
    assert seen.taken_at == day
    if name != "kardia":  # tells neither
        assert seen.attributes == {"sex": "female", "age": 61.0, "age_pooled": False}


@every_format
def test_whom_a_file_states_is_told_apart_from_what_it_says_of_them(tmp_path, name):
    seen = read(FORMATS[name][0](tmp_path / "one"))
    assert seen.person == "PX-4711"
    assert "4711" not in repr(seen)


@every_format
def test_whatever_a_file_says_is_told_with_its_place_and_no_sample_is(tmp_path, name):
    told = texts(FORMATS[name][0](tmp_path / "one"))
    whole = "\n".join(told)
    for wanted in ("PX-4711", "Agatha" if name == "kardia" else "Christi"):
        assert wanted in whole
    if name not in ("ishne", "muse", "eli"):
        assert "slept badly" in whole
    if name in ("muse", "eli", "dicom"):
        assert "Miss Lemon" in whole
    assert not any("Christie" in where or "4711" in where for where in told.values())
    assert len(whole) < 4000


@every_format
@pytest.mark.parametrize("file", ["one", "one.dat", "one.xml", "one.pdf"])
def test_a_file_is_known_whatever_it_is_called(tmp_path, name, file):
    assert claims(FORMATS[name][0](tmp_path / file)) == [name]


def test_other_files_are_of_no_format(tmp_path):
    for file, content in {
        "page.xml": b"<?xml version='1.0'?><!-- <AnnotatedECG> --><page>ECG</page>",
        "empty": b"",
        "ecg.xml": b"<ECG><lead>1 2 3</lead></ECG>",
        "settings.json": b'{"recordedAt": "today"}',
        "image.dcm": b"\x00" * 128 + b"DICM" + b"1.2.840.10008.5.1.4.1.1.2",
        "zeros.dat": b"\x00" * 5000,
        "small.dat": np.arange(5000, dtype="<i2").tobytes(),
        "tags.dat": b"\x04\x00\x05\x00\x06\x00\x0b\x00\x0c\x00" * 500,
        "noise.dat": np.random.default_rng(0).bytes(5000),
    }.items():
        (tmp_path / file).write_bytes(content)
    for one in READERS.values():
        assert one.find(tmp_path) == []


def test_signals_of_a_header_are_not_looked_at_and_what_else_bears_its_name_is(tmp_path):
    (tmp_path / "r.hea").write_text("r 1 250 10\nr.dat 16 200 16 0 0 0 0 II\n")
    writers.ishne(tmp_path / "r.dat", COUNTS)
    writers.ishne(tmp_path / "r.ecg", COUNTS)
    assert READERS["ishne"].find(tmp_path) == ["r.ecg"]


def test_a_file_that_changed_is_looked_at_again(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(b"nothing")
    assert claims(path) == []
    edf(path)
    assert claims(path) == ["edf"]


def test_a_folder_of_all_formats_is_one_data_set(tmp_path):
    for name, (write, _) in FORMATS.items():
        write(tmp_path / f"{name}.bin")
    (tmp_path / "bad.bin").write_bytes((tmp_path / "ishne.bin").read_bytes()[:400])
    with engine() as workers:
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
    assert sorted(dataset.manifest["record"]) == sorted(f"{name}.bin" for name in FORMATS)
    assert dict(zip(dataset.manifest["record"], dataset.manifest["reader"], strict=True)) == {
        f"{name}.bin": name for name in FORMATS
    }
    assert list(dataset.quarantine["record"]) == ["bad.bin"]
    assert dataset.account.files[RECORDING] == len(FORMATS) + 1


# ---- EDF


def test_slower_leads_of_edf_are_brought_to_the_fastest_and_what_is_no_ecg_is_left_out(tmp_path):
    time = np.arange(2500) / 250
    slow = np.round(3000 * np.sin(2 * np.pi * 3 * time)).astype(int)
    path = writers.edf(
        tmp_path / "one",
        [
            {"label": "ECG I", "counts": COUNTS[0], "per_record": 500},
            {"label": "Resp oro-nasal", "counts": COUNTS[0], "per_record": 500},
            {"label": "ECG II", "counts": slow, "per_record": 250},
            {"label": "SaO2", "unit": "%", "counts": slow, "per_record": 250},
            {"label": "ECG V1", "unit": "furlong", "counts": slow, "per_record": 250},
        ],
    )
    seen = read(path)
    assert (seen.leads, seen.fs) == (("I", "II"), 500)
    finer = 0.3 * np.sin(2 * np.pi * 3 * np.arange(5000) / 500)
    assert seen.signal[1, 50:-50] == pytest.approx(finer[50:-50], abs=1e-3)
    said = " ".join(seen.defects)
    assert all(one in said for one in ("no ECG", "several rates", "no voltage", "not understood"))
    assert seen.unread == ("unit",)


@pytest.mark.parametrize(
    ("patient", "reserved", "person"),
    [
        ("X F 17-APR-1950 X", "EDF+C", ""),
        ("PX-4711 X X X", "EDF+C", "PX-4711"),
        # Without EDF+, the field has no parts, and a name may stand in it.
        ("Agatha Christie", "", ""),
    ],
)
def test_whom_edf_states_is_its_code_and_no_name(tmp_path, patient, reserved, person):
    lead = {"label": "ECG II", "counts": COUNTS[0], "per_record": 500}
    path = writers.edf(tmp_path / "one", [lead], patient=patient, reserved=reserved)
    assert read(path).person == person


def test_a_rate_of_edf_need_not_be_whole(tmp_path):
    one = {"label": "ECG", "counts": COUNTS[0], "per_record": 500}
    seen = read(writers.edf(tmp_path / "one", [one], seconds="0.3"))
    assert seen.fs == pytest.approx(500 / 0.3, rel=1e-12)


def test_parts_of_edf_stand_where_they_were_recorded(tmp_path):
    tals = [b"+0\x14\x14\x00", b"+1\x14\x14\x00", b"+3.5\x14\x14\x00", b"+4.5\x14\x14\x00"]
    one = {"label": "ECG", "counts": COUNTS[0, :2000], "per_record": 500}
    seen = read(writers.edf(tmp_path / "one", [one], reserved="EDF+D", tals=tals))
    assert any("one piece" in defect for defect in seen.defects)
    held = ~np.isnan(seen.signal[0])
    assert np.flatnonzero(np.diff(held)).tolist() == [999, 1749, 2749]
    expected = FORMATS["edf"][1](COUNTS[0, 1000:2000]).astype(np.float32)
    assert np.array_equal(seen.signal[0, 1750:2750], expected)


def test_edf_that_was_cut_or_not_closed_is_read_as_far_as_it_goes(tmp_path):
    one = {"label": "ECG", "counts": COUNTS[0], "per_record": 500}
    open_ended = read(writers.edf(tmp_path / "open", [one], n_records=-1))
    assert open_ended.signal.shape == (1, 5000)
    cut = writers.edf(tmp_path / "cut", [one])
    cut.write_bytes(cut.read_bytes()[:-1500])
    assert read(cut).signal.shape == (1, 4000)
    assert read(cut).defects == ("the file is shorter than it states",)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"recording": "Startdate X X X X", "date": "01.01.85"}, None),
        ({"recording": "night 3", "date": "01.01.85", "reserved": ""}, None),
        ({"recording": "night 3", "date": "16.09.87", "reserved": ""}, datetime(1987, 9, 16)),
        ({"recording": "", "date": "01.02.03"}, datetime(2003, 2, 1)),
        ({"recording": "Startdate 01-FEB-2090", "date": "01.02.yy"}, datetime(2090, 2, 1)),
    ],
)
def test_the_day_of_edf_is_what_it_states_and_nothing_where_it_is_hidden(
    tmp_path, fields, expected
):
    one = {"label": "ECG", "counts": COUNTS[0], "per_record": 500}
    seen = read(writers.edf(tmp_path / "one", [one], time="00.00.00", **fields))
    assert (seen.taken_at, seen.dated) == (expected, "")


# ---- DICOM


def test_dicom_is_what_pydicom_makes_of_it(tmp_path):
    path = writers.dicom(tmp_path / "one", [{"counts": COUNTS, "leads": (1, 2)}])
    theirs = pydicom.dcmread(path).waveform_array(0).T * 1e-3
    assert np.array_equal(read(path).signal, theirs.astype(np.float32))


def test_groups_of_one_time_are_one_record_and_others_are_left_out(tmp_path):
    rhythm = [{"counts": COUNTS, "leads": (1, 2)}, {"counts": COUNTS + 1, "leads": (61, 62)}]
    short = {"counts": COUNTS[:, :2500], "leads": (3, 4)}
    seen = read(writers.dicom(tmp_path / "one", [short, *rhythm]))
    assert seen.leads == ("I", "II", "III", "aVR")
    assert seen.defects == ("further signals in the file were left out",)
    beats = {"counts": COUNTS, "leads": (1, 2), "label": "REPRESENTATIVE"}
    with pytest.raises(DataError, match="rhythm"):
        read(writers.dicom(tmp_path / "beats", [beats]))


def test_padding_of_dicom_is_missing_and_either_byte_order_is_read(tmp_path):
    samples = COUNTS.copy()
    samples[0, 100:200] = -32000
    group = {"counts": samples, "leads": (1, 2), "pad": -32000}
    little = read(writers.dicom(tmp_path / "little", [group]))
    assert np.flatnonzero(np.isnan(little.signal[0])).tolist() == list(range(100, 200))
    big = read(writers.dicom(tmp_path / "big", [group], syntax="1.2.840.10008.1.2.2"))
    assert np.array_equal(big.signal, little.signal, equal_nan=True)


def test_private_and_nested_elements_of_dicom_are_told(tmp_path):
    told = texts(dicom(tmp_path / "one"))
    assert told["Miss Lemon"] == "private (0029,1008)"
    assert told["bed 12 window"] == "private (0029,1009)"
    assert told["slept badly"] == "WaveformAnnotationSequence/UnformattedTextValue"
    assert told["Christie^Agatha"] == "PatientName"


def test_a_unit_that_is_not_understood_is_counted(tmp_path):
    path = writers.dicom(tmp_path / "one", [{"counts": COUNTS, "leads": (1, 2), "unit": "AU"}])
    with pytest.raises(DataError, match="voltage that is understood"):
        read(path)


# ---- the others


@pytest.mark.parametrize("differences", [0, 1, 2])
@pytest.mark.parametrize("huffman", [False, True])
def test_scp_is_read_in_each_of_its_encodings(tmp_path, differences, huffman):
    path = writers.scp(tmp_path / "one", COUNTS, differences=differences, huffman=huffman)
    assert np.array_equal(read(path).signal, (COUNTS * 2.5 * 1e-3).astype(np.float32))


def test_a_rate_of_scp_need_not_be_whole(tmp_path):
    assert read(writers.scp(tmp_path / "one", COUNTS, interval_us=3000)).fs == pytest.approx(
        1e3 / 3
    )


def test_mfer_is_known_without_its_preamble(tmp_path):
    path = writers.mfer(tmp_path / "one", COUNTS, preamble=False)
    assert np.array_equal(read(path).signal, (COUNTS * 2.5 * 1e-3).astype(np.float32))


def test_samples_of_an_electrode_that_was_off_are_missing(tmp_path):
    samples = COUNTS.copy()
    samples[1, 10:20] = -32768
    seen = read(writers.ishne(tmp_path / "one", samples))
    assert np.flatnonzero(np.isnan(seen.signal[1])).tolist() == list(range(10, 20))


def test_what_is_stated_and_not_understood_is_counted(tmp_path):
    assert read(writers.ishne(tmp_path / "a", COUNTS, sex=7)).unread == ("sex",)
    assert read(writers.mfer(tmp_path / "b", COUNTS, sex=9)).unread == ("sex",)
    seen = read(writers.muse(tmp_path / "c", COUNTS, age="old", sex="code 7"))
    assert seen.unread == ("sex", "age")
    tags = {4: struct.pack("<HB", 61, 9), 8: b"\x05"}
    assert read(writers.scp(tmp_path / "d", COUNTS, tags=tags)).unread == ("sex", "age")
    assert read(writers.ishne(tmp_path / "e", COUNTS, birth=(31, 2, 1950))).unread == ("age",)


def test_what_is_not_given_is_not_counted(tmp_path):
    nothing = (0, 0, 0)
    seen = read(writers.ishne(tmp_path / "a", COUNTS, sex=0, birth=nothing, taken=(-9, -9, -9)))
    assert (seen.taken_at, seen.attributes, seen.unread) == (None, {}, ())
    tags = {4: struct.pack("<HB", 0, 0), 5: bytes(4), 8: b"\x00", 25: bytes(4)}
    seen = read(writers.scp(tmp_path / "b", COUNTS, tags=tags))
    assert (seen.taken_at, seen.attributes, seen.unread) == (None, {}, ())


def test_a_day_that_could_be_either_is_left_to_the_whole_data_set(tmp_path):
    seen = read(writers.muse(tmp_path / "one", COUNTS, date="05-03-2011"))
    assert (seen.taken_at, seen.dated) == (None, "05-03-2011 10:11:12")


@pytest.mark.parametrize(
    ("born", "taken", "age", "unread"),
    [
        ("02-01-1950", "05-03-2011", 61.0, ()),  # whichever is the day
        ("04-02-1950", "03-05-2011", None, ("age",)),
        ("1950-04-17", "1949-05-03", None, ("age",)),
        ("", "2011-05-03", None, ()),
        ("1950-04-17", "", None, ()),
    ],
)
def test_an_age_is_told_by_two_dates_where_they_leave_no_doubt(born, taken, age, unread):
    told = facts_of(born=born, taken=[taken])
    assert (told.attributes.get("age"), told.unread) == (age, unread)


def test_days_of_cardiosoft_are_told_whole_though_their_parts_stand_apart(tmp_path):
    told = texts(writers.cardiosoft(tmp_path / "one", COUNTS))
    assert told["2011-05-03 10:11:12"] == "ObservationDateTime"
    assert told["1950-04-17"] == "BirthDateTime"
    born = read(writers.cardiosoft(tmp_path / "one", COUNTS, age="", units=""))
    assert born.attributes["age"] == 61.0


def test_steps_of_cardiosoft_without_a_unit_are_no_voltage(tmp_path):
    with pytest.raises(DataError, match="no signal in a unit of voltage"):
        read(writers.cardiosoft(tmp_path / "one", COUNTS, resolution=""))


def test_an_age_is_in_the_unit_that_stands_beside_it(tmp_path):
    seen = read(writers.muse(tmp_path / "one", COUNTS, age="18", units="MONTHS"))
    assert seen.attributes["age"] == pytest.approx(1.5)


# ---- hostile files


ENTITY = '<!DOCTYPE RestingECG [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
BOMB = '<!DOCTYPE RestingECG [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("declared", [ENTITY, BOMB])
def test_entities_are_never_read(tmp_path, declared):
    path = writers.muse(tmp_path / "one", COUNTS)
    text = path.read_text("latin-1")
    path.write_text(re.sub("<!DOCTYPE.*?>", declared, text), "latin-1")
    for ask in (read, texts):
        with pytest.raises(DataError, match="entities"):
            ask(path)


def test_xml_that_is_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "one"
    path.write_text("<RestingECG>" + "<a>" * 100_000 + "</a>" * 100_000 + "</RestingECG>")
    with pytest.raises(DataError):
        read(path)
    assert texts(path)


def test_a_document_type_that_declares_nothing_is_no_fault(tmp_path):
    path = writers.muse(tmp_path / "one", COUNTS)
    assert "restecg.dtd" in path.read_text("latin-1")
    assert read(path).signal.shape == (2, 5000)


def test_waveforms_that_would_unpack_to_more_than_is_held_are_not_unpacked(tmp_path):
    # Each code of a run of one byte stands for one byte more than the code before it.
    bits = "".join(format(one, "010b") for one in (0, *range(256, 1022), *[1021] * 60_000))
    stream = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    chunk = struct.pack("<iHh", len(stream), 0, 0) + stream
    path = tmp_path / "one"
    path.write_text(
        "<restingecgdata><documentinfo><documenttype>SierraECG</documenttype>"
        "<documentversion>1.04</documentversion></documentinfo><waveforms><parsedwaveforms "
        'dataencoding="Base64" compression="XLI" leadlabels="I" durationperchannel="10000" '
        f'samplespersecond="500">{base64.b64encode(chunk).decode()}</parsedwaveforms></waveforms>'
        "</restingecgdata>"
    )
    with pytest.raises(DataError, match="unpack"):
        read(path)


def test_sizes_that_a_file_only_states_make_no_room(tmp_path):
    path = writers.scp(tmp_path / "scp", COUNTS)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(struct.pack("<II", 1, 5000), struct.pack("<II", 1, 2**31)))
    with pytest.raises(DataError, match="more samples"):
        read(path)
    with pytest.raises(DataError, match="signals"):
        read(writers.mfer(tmp_path / "mfer", COUNTS, channels=2**30))
    tals = [b"+0\x14\x14\x00", b"+999999999\x14\x14\x00"]
    one = {"label": "ECG", "counts": COUNTS[0, :1000], "per_record": 500}
    with pytest.raises(DataError, match="opened at once"):
        read(writers.edf(tmp_path / "edf", [one], reserved="EDF+D", tals=tals))


@pytest.mark.parametrize("stated", ["1e99999999", "1e-99999999", "-500", "0"])
def test_a_rate_that_no_recorder_has_is_a_reason_at_once(tmp_path, stated):
    group = {"counts": COUNTS, "leads": (1, 2), "fs": stated}
    with pytest.raises(DataError, match="sampling frequency"):
        read(writers.dicom(tmp_path / "one", [group]))


def test_dicom_that_is_compressed_as_a_whole_is_refused(tmp_path):
    path = dicom(tmp_path / "one")
    whole = pydicom.dcmread(path)
    whole.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    whole.save_as(path, enforce_file_format=True)
    with pytest.raises(DataError, match="compressed"):
        read(path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    edf(away / "one.edf")
    root = tmp_path / "release"
    root.mkdir()
    (root / "one.edf").symlink_to(away / "one.edf")
    assert READERS["edf"].find(root) == []
    for ask in (READERS["edf"].read, READERS["edf"].texts):
        with pytest.raises(OutsideError):
            ask(root, "one.edf")


def test_a_file_too_large_is_not_opened(tmp_path, monkeypatch):
    path = edf(tmp_path / "one")
    monkeypatch.setattr(READERS["edf"], "max_bytes", 1000)
    with pytest.raises(DataError, match="1,000 bytes"):
        read(path)


@every_format
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(cut=st.floats(0, 1), at=st.floats(0, 0.3), byte=st.integers(0, 255), damaged=st.booleans())
def test_a_damaged_file_is_read_or_refused_in_words_without_its_values(
    tmp_path, name, cut, at, byte, damaged
):
    path = FORMATS[name][0](tmp_path / "one")
    whole = bytearray(path.read_bytes())
    if damaged:
        whole[int(at * (len(whole) - 1))] = byte
    else:
        del whole[int(cut * len(whole)) :]
    path.write_bytes(whole)
    for ask in (READERS[name].read, READERS[name].texts):
        with suppress(DataError):
            ask(tmp_path, "one")
            continue
        with pytest.raises(DataError) as refused:
            ask(tmp_path, "one")
        assert not re.search("Agatha|Christi|4711|Lemon|tmp", str(refused.value))


# ---- real files


@pytest.mark.data
def test_every_real_file_is_read_or_refused_for_a_true_reason(data):
    root = data / "formats"
    refused = {}
    found = []
    for name, one in READERS.items():
        for record in one.find(root):
            found.append(record)
            told = one.texts(root, record)
            assert len(told) > 1
            try:
                seen = one.read(root, record)
            except DataError as error:
                refused[record] = str(error)
            else:
                assert seen.taken_at
                assert np.isfinite(seen.signal).all()
                assert name in ("aecg", "philips", "dicom")
    files = [one for one in root.rglob("*") if one.is_file() and one.name != "SHA256SUMS"]
    assert sorted(found) == sorted(one.relative_to(root).as_posix() for one in files)
    assert refused == {
        "hl7-aecg/empty.xml": "holds no waveform",
        "philips-xml/invalid-doc-version.xml": "is of a version of its format that is not known",
    }


@pytest.mark.data
def test_real_dicom_is_what_pydicom_makes_of_its_rhythm(data):
    root = data / "formats/dicom"
    seen = READERS["dicom"].read(root, "waveform_ecg.dcm")
    theirs = pydicom.dcmread(root / "waveform_ecg.dcm").waveform_array(0).T * 1e-3
    assert np.array_equal(seen.signal, theirs.astype(np.float32))
    assert seen.attributes == {"age": 42.0, "age_pooled": False, "sex": "female"}
    told = dict(READERS["dicom"].texts(root, "waveform_ecg.dcm"))
    assert told["PatientBirthDate"] == "19710123"
    assert told["InstitutionName"]


@pytest.mark.data
def test_real_aecg_is_its_digits_times_its_scale(data):
    root = data / "formats/hl7-aecg"
    space = "{urn:hl7-org:v3}"
    for file in sorted(root.glob("*.xml")):
        if file.name == "empty.xml":
            continue
        seen = READERS["aecg"].read(root, file.name)
        series = ElementTree.parse(file).find(f"{space}component/{space}series")
        assert series is not None
        values = [
            one
            for one in series.findall(f"{space}component//{space}sequence/{space}value")
            if one.find(f"{space}digits") is not None
        ]
        for row, value in zip(seen.signal, values, strict=True):
            scale, origin = (
                float(value.find(f"{space}{one}").get("value")) for one in ("scale", "origin")
            )
            digits = np.array(value.find(f"{space}digits").text.split(), dtype=np.float64)
            assert np.array_equal(row, ((digits * scale + origin) * 1e-3).astype(np.float32))


def unpacked(stream: bytes) -> bytes:
    """LZW in codes of ten bits."""
    bits = "".join(format(one, "08b") for one in stream)
    table = {one: bytes((one,)) for one in range(256)}
    whole, before = bytearray(), b""
    for at in range(0, len(bits) - 9, 10):
        code = int(bits[at : at + 10], 2)
        if code == 1023:
            break
        entry = table.get(code, before + before[:1])
        if before and len(table) < 1023:
            table[len(table)] = before + entry[:1]
        whole += entry
        before = entry
    return bytes(whole)


def philips_leads(path: Path) -> list[np.ndarray]:
    """The leads in counts, decoded here from the text of the file."""
    raw = path.read_bytes()
    text = raw.decode("utf-16") if raw.startswith(b"\xff\xfe") else raw.decode()
    found = re.search(r"<parsedwaveforms[^>]*>(.*?)</parsedwaveforms>", text, re.DOTALL)
    assert found
    data = base64.b64decode(found[1])
    leads = []
    while data:
        size, _, last = struct.unpack("<iHh", data[:8])
        packed = unpacked(data[8 : 8 + size])
        data = data[8 + size :]
        half = len(packed) // 2
        high, low = (np.frombuffer(one, np.uint8) for one in (packed[:half], packed[half:]))
        values = ((high.astype(int) << 8 | low) + 2**15) % 2**16 - 2**15
        for at in range(2, len(values)):
            step = 2 * values[at - 1] - values[at - 2] - last
            last = values[at] - 64
            values[at] = step
        leads.append(values[:5500])
    one, two, rest, right, left, foot = leads[:6]
    three = two - one - rest
    leads[2:6] = [
        three,
        -right - (one + two) // 2,
        (one - three) // 2 - left,
        (two + three) // 2 - foot,
    ]
    return leads


@pytest.mark.data
def test_real_aecg_and_philips_state_their_people(data):
    root = data / "formats"
    stated = {
        record: READERS[name].read(root, record).person
        for name in ("aecg", "philips")
        for record in READERS[name].find(root)
        if "empty" not in record and "invalid" not in record
    }
    one, same, other = (stated[f"hl7-aecg/subject{name}.xml"] for name in ("1_0", "1_1", "2_0"))
    assert one == same == "2.16.840.1.113883.3.400 subject1"
    assert other == "2.16.840.1.113883.3.400 subject2"
    assert stated["philips-xml/1_03_129DYPRG.xml"] == "1112010721168bdc"


@pytest.mark.data
def test_real_philips_is_its_own_numbers_and_keeps_einthovens_law(data):
    root = data / "formats/philips-xml"
    files = sorted(root.glob("1_*.xml"))
    assert len(files) == 4
    for file in files:
        seen = READERS["philips"].read(root, file.name)
        for row, lead in zip(seen.signal, philips_leads(file)[:12], strict=True):
            assert np.array_equal(row, (lead * 5.0 * 1e-3).astype(np.float32))
        # The last second holds a pulse of 1 mV in every lead, which is none of a heart.
        limb = seen.signal[:3, :5000]
        assert limb[2] == pytest.approx(limb[1] - limb[0], abs=0.0151)

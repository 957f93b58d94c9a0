"""Every format is copied to the last bit of its samples, and others read the copy."""

from __future__ import annotations

import binascii
import json
import shutil
import struct
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pydicom
import pytest
import wfdb
from defusedxml import ElementTree

from auditor.data.readers import READERS
from auditor.data.readers.samples import FAMILIES
from auditor.mitigation.cleaning import CLEANERS
from tests.data import writers
from tests.data.test_devices import COUNTS, FORMATS
from tests.mitigation.cleaned import (
    KEY,
    cleaned,
    everything,
    files,
    identifiers,
    opened,
    pairs,
    same_signals,
    table,
)

#: Whatever the writers of files say of a person, a place, a device.
TOLD = (
    *("PX-4711", "Christi", "Agatha", "Lemon", "Marple", "slept", "Styles", "H12", "bed 12"),
    *("1950", "2011", "10:11", "q4zYcRVs", "MAKER", "ward"),
)

#: Of several sources: a copy whose signals are the same to the bit has their rates and steps too.
KEPT = {"device/constants of the recorder"}


@pytest.fixture
def export(tmp_path) -> Path:
    """Two people, each with a file of every format."""
    root = tmp_path / "export"
    for person in ("one", "two"):
        (root / person).mkdir(parents=True)
        for name, (write, _) in FORMATS.items():
            write(root / person / f"{name}.bin")
    (root / "auditor.yaml").write_text(
        "subject: {path: '^(\\w+)/'}\nsession: {header: date}\n", encoding="utf-8"
    )
    return root


def copy_of(out: Path, suffix: str) -> Path:
    return next(path for path in files(out) if path.suffix == suffix)


def test_a_format_without_a_cleaner_is_left_out_and_said(export, tmp_path, monkeypatch):
    assert set(CLEANERS) == {*READERS, *FAMILIES}
    monkeypatch.delitem(CLEANERS, "scp")
    account = cleaned(export, tmp_path / "out")
    assert account.left_out["recordings of the format scp, which nothing here can clean"] == 2
    assert not [path for path in files(tmp_path / "out") if path.suffix == ".scp"]


def test_samples_are_the_same_and_nothing_that_was_said_is_left(export, tmp_path):
    account = cleaned(export, tmp_path / "out")
    assert account.n_people == 2
    assert account.formats == dict.fromkeys(FORMATS, 2)
    seen = list(pairs(export, tmp_path / "out"))
    assert len(seen) == 2 * len(FORMATS)
    for _, before, _, after in seen:
        assert same_signals(before, after)
        assert after.leads == before.leads
        assert set(after.attributes.items()) <= set(before.attributes.items())
        assert not after.unread
    copy = opened(tmp_path / "out")
    days = copy.manifest["taken_at"]
    assert days.dt.year.between(2011 + 100, 2011 + 201).all()
    assert (days == days.dt.normalize()).all()
    assert copy.unread == ()
    whole = everything(tmp_path / "out")
    assert not [one for one in TOLD if one.encode() in whole]
    assert identifiers(tmp_path / "out") == {}
    assert identifiers(tmp_path / "out", sure=False).keys() == KEPT


def test_a_persons_files_of_several_formats_keep_one_pseudonym_and_one_gap(export, tmp_path):
    cleaned(export, tmp_path / "out")
    found = table(tmp_path / "out")
    assert found["subject"].nunique() == 2
    days = {who: set(rows) for who, rows in found.groupby("subject")["date"]}
    # GE MUSE's file is of the 23rd, all others of the 3rd.
    for moved in days.values():
        first, last = sorted(np.array(sorted(moved), dtype="datetime64[D]"))
        assert int((last - first).astype(int)) == 20
    assert len(set.union(*days.values())) == 4


def test_the_same_key_gives_the_same_bytes(export, tmp_path):
    for name in ("one", "two"):
        cleaned(export, tmp_path / name)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")


def test_sums_of_scp_and_ishne_are_of_what_is_there(export, tmp_path):
    cleaned(export, tmp_path / "out")
    scp = copy_of(tmp_path / "out", ".scp").read_bytes()
    stated, size = struct.unpack_from("<HI", scp)
    assert size == len(scp)
    assert stated == binascii.crc_hqx(scp[2:], 0xFFFF)
    for number in range(12):
        _, length, index = struct.unpack_from("<HII", scp, 22 + 10 * number)
        if length:
            section = scp[index - 1 : index - 1 + length]
            (stated,) = struct.unpack_from("<H", section)
            assert stated == binascii.crc_hqx(section[2:], 0xFFFF)
    ishne = copy_of(tmp_path / "out", ".ecg").read_bytes()
    (stated, comments) = struct.unpack_from("<Hi", ishne, 8)
    assert stated == binascii.crc_hqx(ishne[10 : 522 + comments], 0xFFFF)


def test_data_records_of_edf_are_the_same_but_for_notes(export, tmp_path):
    cleaned(export, tmp_path / "out")
    old = (export / "one" / "edf.bin").read_bytes()
    new = copy_of(tmp_path / "out", ".edf").read_bytes()
    assert len(new) == len(old)
    size = 2 * (500 + 500 + 13)
    for at in range(256 * 4, len(old), size):
        assert new[at : at + 2000] == old[at : at + 2000]
    assert b"+3\x14\x14\x00+3.5\x14\x14\x00" in new  # times stand, words are gone
    assert new[8:168].split() == [
        *(table_subject(tmp_path / "out", ".edf"), b"F", b"X", b"X"),
        *(b"Startdate", new[98:109], b"X", b"X", b"X"),
    ]


def table_subject(out: Path, suffix: str) -> bytes:
    found = table(out)
    name = copy_of(out, suffix).relative_to(out).as_posix()
    return found.loc[found["record"] == name, "subject"].iloc[0].encode()


def test_known_notes_of_edf_stand(tmp_path):
    root = tmp_path / "export"
    root.mkdir()
    tals = [b"+0\x14\x14\x00+0.5\x1530\x14Sleep stage N2\x14\x00"] * 10
    lead = {"label": "Mr Poirot", "counts": COUNTS[0], "per_record": 500, "transducer": "SN 4711"}
    writers.edf(root / "one.edf", [lead], tals=tals)
    cleaned(root, tmp_path / "out")
    new = copy_of(tmp_path / "out", ".edf").read_bytes()
    assert new.count(b"+0.5\x1530\x14Sleep stage N2\x14\x00") == 10
    assert b"Poirot" not in new
    assert b"4711" not in new


def test_pydicom_reads_a_copy_that_says_how_it_was_made(data, tmp_path):
    root = tmp_path / "export"
    root.mkdir()
    shutil.copy(data / "formats" / "dicom" / "waveform_ecg.dcm", root)
    assert {name.partition("/")[0] for name in identifiers(root)} >= {"date", "record number"}
    cleaned(root, tmp_path / "out")
    assert identifiers(tmp_path / "out") == {}
    old = pydicom.dcmread(root / "waveform_ecg.dcm")
    new = pydicom.dcmread(copy_of(tmp_path / "out", ".dcm"))
    for before, after in zip(old.WaveformSequence, new.WaveformSequence, strict=True):
        assert after.WaveformData == before.WaveformData
        assert after.SamplingFrequency == before.SamplingFrequency
    assert np.array_equal(new.waveform_array(0), old.waveform_array(0))
    assert new.PatientIdentityRemoved == "YES"
    assert [one.CodeValue for one in new.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.SOPInstanceUID.is_valid
    assert new.SOPInstanceUID != old.SOPInstanceUID
    assert new.StudyInstanceUID != old.StudyInstanceUID
    assert not [one for one in new.iterall() if one.tag.is_private]
    for name in ("InstitutionName", "AdmissionID", "DeviceSerialNumber", "OtherPatientIDs"):
        assert name not in new
    assert not new.PatientName
    assert not new.PatientBirthDate
    assert new.StudyDate == new.AcquisitionDateTime[:8]
    coded = [one for one in old.WaveformAnnotationSequence if "ConceptNameCodeSequence" in one]
    for before, after in zip(coded, new.WaveformAnnotationSequence, strict=True):
        for name in ("NumericValue", "ReferencedSamplePositions", "ReferencedWaveformChannels"):
            assert after.get(name) == before.get(name)
    assert not [one for one in new.iterall() if one.keyword == "UnformattedTextValue"]


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2")])
def test_dicom_of_every_order_of_bytes_is_copied(tmp_path, syntax):
    root = tmp_path / "export"
    root.mkdir()
    group = {"counts": COUNTS, "leads": (1, 2), "pad": [-32768]}
    writers.dicom(root / "one.dcm", [group], syntax=syntax, PatientAge="093Y")
    cleaned(root, tmp_path / "out")
    ((_, before, _, after),) = pairs(root, tmp_path / "out")
    assert same_signals(before, after)
    # DICOM has no way to say that an age is over 89: the table says it.
    assert "age" not in after.attributes
    assert set(table(tmp_path / "out")["age"]) == {">89"}
    assert opened(tmp_path / "out").manifest["age_pooled"].all()
    assert identifiers(tmp_path / "out") == {}


@pytest.mark.parametrize("folder", ["hl7-aecg", "philips-xml"])
def test_published_samples_are_copied_with_their_waveforms_as_they_are(data, tmp_path, folder):
    shutil.copytree(data / "formats" / folder, tmp_path / "export")
    cleaned(tmp_path / "export", tmp_path / "out")
    seen = list(pairs(tmp_path / "export", tmp_path / "out"))
    assert len(seen) >= 3
    samples = ("digits", "parsedwaveforms")
    for record, before, name, after in seen:
        assert same_signals(before, after)
        assert after.leads == before.leads
        held = [
            [one.text for one in ElementTree.parse(path).iter() if one.tag.endswith(samples)]
            for path in (tmp_path / "export" / record, tmp_path / "out" / name)
        ]
        assert held[0] == held[1]
        assert held[0]
    assert identifiers(tmp_path / "out") == {}
    whole = everything(tmp_path / "out")
    for secret in ("Clark", "River City", "JMK", "PUK-123", "ZZDEMO", "EKG1715", "VWJ", "1953"):
        assert secret.encode() not in whole


def test_kardia_keeps_its_samples_and_what_it_determined(tmp_path):
    root = tmp_path / "export"
    root.mkdir()
    writers.kardia(root / "one.json", COUNTS)
    cleaned(root, tmp_path / "out")
    both = (root / "one.json", copy_of(tmp_path / "out", ".json"))
    old, new = (json.loads(path.read_text()) for path in both)
    assert new["data"] == old["data"]
    assert new["algorithmDetermination"] == "normal"
    assert set(new) == {"recordedAt", "patientID", "algorithmDetermination", "duration", "data"}


# ---- WFDB


def test_odd_records_of_wfdb_are_copied(data, tmp_path):
    account = cleaned(data / "wfdb-samples", tmp_path / "out")
    # Several rates, skew, FLAC, a prolog, comments with dates, segments of fixed and free layout.
    assert account.n_records == 14
    assert not [why for why in account.left_out if "cleaned" in why]
    for _, before, name, after in pairs(data / "wfdb-samples", tmp_path / "out"):
        assert same_signals(before, after)
        header = wfdb.rdheader(str(tmp_path / "out" / name))
        assert header.record_name == name.rpartition("/")[2]
    assert identifiers(tmp_path / "out") == {}
    whole = everything(tmp_path / "out")
    for secret in ("1994", "1990", "mimicdb", "p000878", "3269321", "Gamma-TPA", "Sep-90"):
        assert secret.encode() not in whole


def test_signal_files_and_marks_of_published_sets_are_the_same(data, tmp_path):
    root = tmp_path / "export"
    shutil.copytree(data / "ecgiddb" / "Person_01", root / "Person_01")
    shutil.copytree(data / "ecgiddb" / "Person_02", root / "Person_02")
    assert identifiers(root) == {"date/header comment": 2}
    cleaned(root, tmp_path / "out")
    assert identifiers(tmp_path / "out") == {}
    before, after = (opened(one).manifest for one in (root, tmp_path / "out"))
    sessions = [one.groupby("subject")["session"].nunique() for one in (before, after)]
    assert sorted(sessions[0]) == sorted(sessions[1])
    seen = list(pairs(root, tmp_path / "out"))
    assert len(seen) == 42
    for record, before, name, after in seen:
        assert same_signals(before, after)
        old, new = root / record, tmp_path / "out" / name
        assert old.with_suffix(".dat").read_bytes() == new.with_suffix(".dat").read_bytes()
        assert old.with_suffix(".atr").read_bytes() == new.with_suffix(".atr").read_bytes()


def test_codes_of_diagnoses_stand_in_headers_and_may_be_nobodys_numbers(data, tmp_path):
    cleaned(data / "challenge-2021", tmp_path / "out")
    before, after = (opened(one).manifest for one in (data / "challenge-2021", tmp_path / "out"))
    assert sorted(before["labels"]) == sorted(after["labels"])
    assert sorted(before["age"].dropna()) == sorted(after["age"].dropna())
    assert identifiers(tmp_path / "out") == {}
    assert identifiers(tmp_path / "out", sure=False).keys() == KEPT


def test_marks_and_rhythms_of_mit_bih_stand_and_words_do_not(data, tmp_path):
    root = tmp_path / "export"
    root.mkdir()
    for path in (data / "mitdb").glob("201.*"):
        shutil.copy(path, root)
    cleaned(root, tmp_path / "out")
    (name,) = (tmp_path / "out" / "RECORDS").read_text().split()
    old, new = (wfdb.rdann(str(stem), "atr") for stem in (root / "201", tmp_path / "out" / name))
    assert np.array_equal(new.sample, old.sample)
    assert new.symbol == old.symbol
    assert new.aux_note == old.aux_note
    assert identifiers(tmp_path / "out") == {}


def test_words_before_the_samples_of_matlab_and_flac_are_blanked(tmp_path):
    from auditor.mitigation.cleaning import wfdb as cleaner

    words = b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Tue Mar  5 2019".ljust(124)
    found = cleaner._prolog(words + b"\x00\x01IM", Counter())
    assert found == b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + b"\x00\x01IM"
    head, tail = b"fLaC\x00\x00\x00\x022s", b"\x81\x00\x00\x00\xff\xf8rest"
    (tmp_path / "one.dat").write_bytes(head + b"\x04\x00\x00\x0aIngeborg L" + tail)
    found = b"".join(cleaner._signal_bytes(tmp_path / "one.dat", ("516", 0), Counter()))
    assert found == head + b"\x01\x00\x00\x0a" + bytes(10) + tail


# ---- HDF5


def test_rows_of_hdf5_are_copied_in_another_order_and_lose_their_numbers(tmp_path):
    root = tmp_path / "export"
    root.mkdir()
    rng = np.random.default_rng(0)
    tracings = np.zeros((40, 4096, 12), dtype=np.float32)
    tracings[:, 500:3500] = rng.normal(size=(40, 3000, 12))
    tracings[7] = 0  # flat: it is not copied
    with h5py.File(root / "exams_part0.hdf5", "w") as file:
        file.attrs["site"] = "Hospital of Styles"
        file["tracings"] = tracings
        file["exam_id"] = np.arange(590000, 590040)
    rows = [f"{590000 + row},{row // 2 + 500},{50 + row % 7}" for row in range(40)]
    (root / "exams.csv").write_text("exam_id,patient_id,age\n" + "\n".join(rows) + "\n")
    (root / "auditor.yaml").write_text(
        "subject: {column: patient_id}\ntable: {file: exams.csv, record: [exam_id], age: age}\n"
    )
    account = cleaned(root, tmp_path / "out")
    assert account.n_records == 39
    assert account.n_people == 20
    before, after = opened(root), opened(tmp_path / "out")
    assert after.manifest["subject"].nunique() == 20
    order = {key: row for row, key in enumerate(before.manifest["record"])}
    names = sorted(before.manifest["record"], key=lambda one: KEY.name("record", one))
    file = {one.partition("/")[0] for one in after.manifest["record"]}
    assert len(file) == 1
    new = {f"{next(iter(file))}/row_{place}": old for place, old in enumerate(names)}
    for record in after.manifest["record"]:
        assert np.array_equal(
            after.read(record).signal, before.read(new[record]).signal, equal_nan=True
        )
    ages = dict(zip(after.manifest["record"], after.manifest["age"], strict=True))
    old_ages = dict(zip(before.manifest["record"], before.manifest["age"], strict=True))
    assert all(ages[one] == old_ages[new[one]] for one in ages)
    places = [order[new[f"{next(iter(file))}/row_{place}"]] for place in range(39)]
    assert abs(np.corrcoef(places, np.arange(39))[0, 1]) < 0.5
    whole = everything(tmp_path / "out")
    assert not [one for one in ("exams", "exam_id", "5900", "Styles") if one.encode() in whole]
    assert identifiers(tmp_path / "out") == {}

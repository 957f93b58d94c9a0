"""Identifiers in texts: where they stand, how they are told, and in what time."""

from __future__ import annotations

import csv
import subprocess
import sys
import time

import pytest

from auditor.data.identifiers import DIRECT, HIPAA, classes_in, hits
from auditor.targets.release import Release

#: One per header, as people write them.
WRITTEN = {
    "Recorded: 2019-05-17": "date", "Birthdate: 19370517": "date", "DOB: 19370517": "date",
    "AcquisitionDateTime=20190517093012": "date", "session_2019_05_17": "date",
    "start=2019-05-17T09:30:12+02:00": "date", "5/17/19": "date", "17. Mai 2019": "date",
    "le 17 mai 2019": "date", "Recorded 17 May": "date", "2019.05.17": "date",
    "PatientName=LINDQVIST^INGEBORG": "name", "Patient: Lindqvist, Ingeborg": "name",
    "Nachname: Lindqvist": "name", "Pt Ingeborg Lindqvist": "name",
    "MRN: 00812345": "record number",
    "MRN_00812345": "record number", "MRN00812345": "record number",
    "patient_id: 00812345": "record number",
    "PatientID: 00812345": "record number", "call 555-123-4567": "phone",
    "Tel.: +49 30 901820": "phone",
    "phone 07700 900123": "phone", "+46 70 123 45 67": "phone",
    "NHS number 943 476 5919": "national number",
    "19370517-2384": "national number", "CPR 170537-1234": "national number",
    "AccessionNumber: 4711082": "record number", "Device S/N 88-20417": "device",
    "cart_id: 6731447": "device",
    "Institution: St. Elsewhere Hospital, Vienna": "place", "ZIP 02139": "place",
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_an_identifier_is_told_however_it_is_written(text):
    assert classes_in(text) == {WRITTEN[text]}


def test_a_hit_says_where_it_stands_and_why():
    text = "12-lead, Patient: Lindqvist, Ingeborg; DOB: 19370517"
    assert [(text[one.start : one.stop], one.kind, one.sure) for one in hits(text)] == [
        ("Lindqvist, Ingeborg", "name", True),
        ("19370517", "date", True),
    ]
    assert all(one.rule for one in hits(text))


def test_the_place_in_a_file_is_a_key():
    assert classes_in("642341", "PatientID") == {"record number"}
    assert classes_in("19710123", "PatientBirthDate") == {"date"}
    assert classes_in("Ospedali Galliera", "acquirer/institutionname") == {"place"}
    assert classes_in("Lindqvist", "name/lastname") == {"name"}
    assert classes_in("642341", "WaveformSequence/SamplingFrequency") == set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0812345678", "record number"),
        ("Ingeborg felt dizzy", "name"),
        ("17/05", "date"),
        ("Operator: 2721", "other number"),
    ],
)
def test_what_only_may_be_one_is_told_as_such(text, kind):
    assert classes_in(text) == set()
    assert kind in {one.kind for one in hits(text)}


@pytest.mark.parametrize(
    "text",
    ["Age: 91 years", "Age: 91y", "Age: 91 yr.", "Age: 091Y", "Age: 91,0", "Age: ~91",
    "Age (years): 91",
     "Age at recording: 91", "Patient age: 91", "91 M 1085 1629 x1"],
)  # fmt: skip
def test_an_age_over_89_is_told_however_it_is_written(text):
    assert classes_in(text) == {"age over 89"}


@pytest.mark.parametrize(
    "text", ["Age: 89", "Age: >65", "Age: >89", "Age: 90+", "Age: 95 months", "Age (months): 95"]
)
def test_a_band_months_and_younger_people_are_none(text):
    assert classes_in(text) == set()


def test_every_direct_class_has_its_letter_in_the_law():
    # 45 CFR 164.514(b)(2)(i)(A) to (R)
    assert set("".join(HIPAA.values())) == set("ABCDEFGHIJKLMNOPQR")
    assert set(DIRECT) < set(HIPAA)


@pytest.mark.parametrize(
    "unit",
    [" ", "1.", "mrn ", "a-", "_", "::", "a=", "a@", "1", "1 ", "A ", "Dr. ", "May 1", "name:",
    "De ", "Anna de ",
     "a^", "<a>b", "01 2", "é", "\t", "(0", "12-", "AB12 ", "17.05.2019 ", "A Road ", "http://a",
     "90 y", "12:"],
)  # fmt: skip
def test_the_time_grows_with_the_length_of_a_text_whatever_it_is(unit):
    hits("Dr. Lindqvist 17 May +46 70 123 45 67")  # dictionaries are read once

    def seconds(length: int) -> float:
        text, taken = (unit * length)[:length], []
        for _ in range(3):  # another process may take the cache away
            started = time.process_time()
            hits(text)
            taken.append(time.process_time() - started)
        return min(taken)

    # A square would take sixteen times as long.
    assert seconds(40_000) < 10 * max(seconds(10_000), 0.02)


def test_an_identifier_is_found_wherever_it_stands_in_a_long_text():
    for place in range(0, 1200, 37):
        assert classes_in("x " * place + "ingeborg@example.org" + " y" * 900) == {"mail"}


def test_dictionaries_are_read_when_they_are_needed():
    code = (
        "import sys, auditor.data.identifiers as i\n"
        "assert not {'faker', 'phonenumbers', 'babel'} & set(sys.modules), 'on import'\n"
        "i.hits('Dr. Miller, +46 70 123 45 67, 17 May 2019')\n"
        "assert {'faker', 'phonenumbers', 'babel'} <= set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def texts(release: Release) -> list[tuple[str, str, str]]:
    dataset = release.dataset
    return [
        (record, where, text)
        for record in dataset.manifest["record"]
        for where, text in dataset.texts(record)
    ]


@pytest.mark.data
def test_every_date_of_ecgiddb_and_of_ptb_s_sample_is_found(real):
    dated = [(where, text) for _, where, text in texts(real("ecgiddb")) if "ECG date" in text]
    assert len(dated) == 310
    assert all(classes_in(text, where) == {"date"} for where, text in dated)
    ptb = [text for record, _, text in texts(real("wfdb-samples")) if record == "s0010_re"]
    found = {text[one.start : one.stop] for text in ptb for one in hits(text) if one.kind == "date"}
    assert found == {"01/10/1990", "29-Sep-90", "16-Oct-90"}


@pytest.mark.data
def test_of_ludb_the_age_of_90_alone_is_told(real):
    told = [(text, classes_in(text, where)) for _, where, text in texts(real("ludb"))]
    assert [one for one in told if one[1]] == [("<age>: 90", {"age over 89"})]


@pytest.mark.data
def test_the_dicom_sample_gives_away_its_number_its_birth_and_its_hospital(real):
    told = {
        where: classes_in(text, where)
        for record, where, text in texts(real("formats"))
        if record.endswith(".dcm")
    }
    assert told["PatientID"] == {"record number"}
    assert told["AccessionNumber"] == {"record number"}
    assert told["PatientBirthDate"] == {"date"}
    assert told["InstitutionName"] == {"place"}
    assert told["PatientName"] == set()  # Anonymous
    assert told["ConceptNameCodeSequence/CodeMeaning"] == set()


@pytest.mark.data
@pytest.mark.parametrize("folder", ["mitdb", "qtdb", "cpsc2021", "ptb-xl"])
def test_headers_that_name_nobody_are_left_in_peace(real, folder):
    assert [one for one in texts(real(folder)) if classes_in(one[2], one[1])] == []


@pytest.mark.data
def test_of_3519_reports_of_ptb_xl_none_names_anybody_and_two_may_hold_a_day(data):
    with (data / "ptb-xl" / "ptbxl_metadata_extra.csv").open() as file:
        reports = [row["report"] for row in csv.DictReader(file)]
    told = [(text[one.start : one.stop], one) for text in reports for one in hits(text)]
    assert len(reports) == 3519
    assert not any(one.sure for _, one in told)
    assert {(said, one.kind) for said, one in told} == {("910218", "date"), ("910220", "date")}

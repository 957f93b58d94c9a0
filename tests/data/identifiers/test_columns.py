"""A column is known by the words of its name, unless its values speak against it."""

from __future__ import annotations

import csv

import pytest

from auditor.data.identifiers import column

GUILTY = {
    "Patient Name": "Ingeborg Lindqvist", "PatientName": "Ingeborg Lindqvist",
    "Nachname": "Lindqvist",
    "Name of patient": "Ingeborg", "Full Name": "Ingeborg Lindqvist", "patientName": "Ingeborg",
    "familienname": "Lindqvist", "MedicalRecordNo": "00812345", "patient_identifier": "00812345",
    "Mobile": "07700900123", "Telefon": "030901820", "Geburtstag": "17. Mai 1937",
    "Street": "Elm Road 4", "City": "Vienna", "Referring doctor": "M. Okafor",
    "Date of Birth": "17.5.37",
}  # fmt: skip


@pytest.mark.parametrize("name", GUILTY)
def test_a_column_that_names_people_is_found(name):
    found = column(name, [GUILTY[name]] * 12)
    assert found is not None
    assert found.sure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file_name", "a.dat"), ("validated_by_human", "True"), ("in_hospital_death", "0"),
        ("hospital_expire_flag", "1"), ("lead_name", "V1"), ("channel_name", "II"),
        ("nurse_count", "3"),
        ("device_type", "resting"), ("birth_weight", "3400"), ("phone_available", "yes"),
        ("city_size", "large"),
        ("study_name", "CODE"), ("update", "x"), ("candidate", "x"), ("surname", ""),
        ("ward", "unknown"),
    ],
)  # fmt: skip
def test_a_column_that_names_nobody_is_left_in_peace(name, value):
    assert column(name, [value] * 12) is None


def test_a_column_that_repeats_the_records_or_the_subjects_tells_nothing_new():
    subjects = [str(n) for n in range(10_000, 10_050)]
    assert column("patient_id", [f"{one}.0" for one in subjects]) is not None
    assert column("patient_id", [f"{one}.0" for one in subjects], subjects) is None


def test_codes_of_staff_and_sites_are_told_and_not_for_sure():
    for name in ("nurse", "site", "validated_by"):
        found = column(name, ["0.0", "1.0", "2.0", "11.0"])
        assert found is not None
        assert not found.sure


def test_people_are_known_whatever_their_column_is_called():
    names = ["Ingeborg Lindqvist", "Anna Smith", "Jean Dupont", "Karl Müller", "María García"]
    found = column("x", names)
    assert found is not None
    assert found.kind == "name"
    assert column("x", ["Sinus rhythm", "Atrial flutter", "Left axis", "Normal", "Paced"]) is None


def test_the_days_of_a_spreadsheet_are_dates_where_the_name_says_so():
    days = ["43602", "43603.5", "41000"]
    assert column("birth date", days) is not None
    assert column("offset", days) is None


@pytest.mark.data
def test_of_ptb_xl_s_columns_those_that_identify_are_told_and_no_others(data):
    """Ages of 90 and 91 are given; the day of each recording; nurses, sites and who validated are
    small codes, which name somebody only to whoever holds the list. The device is a model of which
    thousands were sold, and `patient_id` the pseudonym that the descriptor names.
    """
    with (data / "ptb-xl" / "ptbxl_database.csv").open() as file:
        rows = list(csv.DictReader(file))
    known = [row[name] for row in rows for name in ("filename_lr", "patient_id")]
    told = {name: column(name, [row[name] for row in rows], known) for name in rows[0]}
    assert len(told) == 28
    assert {name for name, one in told.items() if one and one.sure} == {"age", "recording_date"}
    assert {name for name, one in told.items() if one and not one.sure} == {
        *("nurse", "site", "validated_by"),
    }

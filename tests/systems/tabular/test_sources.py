"""Published tables become the cohorts that the papers describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditor.core.errors import DataError
from auditor.core.target import UNKNOWN
from auditor.data.tables import Table, blocks
from auditor.simulate.hospital import CONDITIONS, Hospital
from auditor.systems import task as tasks
from auditor.systems.tabular import labs, sources
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.tabular.sources import (
    ecg_view,
    male,
    mimic_with_diagnoses,
    mimic_with_radiographs,
    ptb_xl,
)
from tests.systems.tiny import change, put, put_carts, put_diagnosed

LIVER, NEOPLASMS, CXR, PTB = map(tasks.load, ("liver", "neoplasms", "cxr", "ptb-xl"))
NONE: frozenset[str] = frozenset()
HOSPITAL = Hospital(500, seed=2)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hospital")
    HOSPITAL.write(root)
    return root


def refused(cohort: Callable[[], Cohort]) -> str:
    """The one line with which tables are refused."""
    with pytest.raises(DataError) as error:
        cohort()
    message = str(error.value)
    assert "\n" not in message
    return message


# --- MIMIC-IV-ECG with diagnoses ----------------------------------------------------------


def diagnosed(root: Path, task: tasks.Task = LIVER, faults: frozenset[str] = NONE) -> Cohort:
    return mimic_with_diagnoses(root, task, faults)


def test_an_ecg_has_the_diagnoses_of_its_stay_and_the_published_fold(tmp_path):
    put_carts(tmp_path, [{"study_id": 5}, {"study_id": 4, "subject_id": 2}, {"study_id": 9}])
    put_diagnosed(
        tmp_path,
        [
            {"study_id": 4, "subject_id": 2, "gender": "F", "age": 33, "strat_fold": 19},
            {"study_id": 5, "all_diag_all": "['K7030', 'K7290']", "strat_fold": 7},
            {"study_id": 8, "all_diag_all": "['K7030']", "strat_fold": 7},
        ],
    )
    found = diagnosed(tmp_path)
    # What only one of the tables has cannot be asked.
    assert found.record.tolist() == ["4", "5"]
    assert found.subject.tolist() == ["2", "1"]
    assert found.fold.tolist() == [19, 7]
    assert tuple(found.labels) == LIVER.targets
    assert all(label.tolist() == [0, 1] for label in found.labels.values())
    assert found.inputs.loc[0, ["sex", "age", "PR ms", "QT ms"]].tolist() == [0, 33, 160, 400]
    assert list(found.inputs) == list(LIVER.inputs)


def test_the_published_fault_leaves_letters_on(tmp_path):
    put_carts(tmp_path, [{"study_id": n} for n in range(3)])
    put_diagnosed(
        tmp_path, [{"study_id": n, "all_diag_all": "['S72A', 'T380X5A']"} for n in range(3)]
    )
    all_of_them = tasks.load("diagnoses").model_copy(update={"least": tasks.Least(records=3)})
    assert set(diagnosed(tmp_path, all_of_them).labels) == {"S72", "T38", "T380"}
    published = diagnosed(tmp_path, all_of_them, frozenset({"untrimmed-codes"}))
    assert set(published.labels) == {"S72", "S72A", "T38", "T380", "T380X"}


def test_all_codes_are_asked_that_enough_ecgs_have(tmp_path):
    put_carts(tmp_path, [{"study_id": n} for n in range(5)])
    rows = [
        {"study_id": n, "all_diag_all": "['I10', 'I10']" if n < 3 else "['I48']"} for n in range(5)
    ]
    put_diagnosed(tmp_path, rows)
    three = tasks.load("diagnoses").model_copy(update={"least": tasks.Least(records=3)})
    assert set(diagnosed(tmp_path, three).labels) == {"I10"}


def test_findings_of_one_sex_are_not_asked_of_the_other(tmp_path):
    put_carts(tmp_path, [{"study_id": n} for n in range(3)])
    rows = [{"study_id": n, "gender": sex} for n, sex in enumerate(["M", "F", ""])]
    put_diagnosed(tmp_path, rows, all_diag_all="['C61', 'D259', 'C679']")
    found = diagnosed(tmp_path, NEOPLASMS).labels
    assert found["C61"].tolist() == [1, UNKNOWN, UNKNOWN]
    assert found["D25"].tolist() == [UNKNOWN, 1, UNKNOWN]
    assert found["C679"].tolist() == [1, 1, 1]


def test_a_simulated_hospital_has_who_was_made_ill(hospital):
    found = diagnosed(hospital, NEOPLASMS)
    names = [condition.name for condition in CONDITIONS]
    ill = dict(zip(names, HOSPITAL.patients.conditions.T, strict=True))
    person = np.unique(found.subject, return_inverse=True)[1]
    has = np.zeros(person.max() + 1, dtype=bool)
    np.logical_or.at(has, person, found.labels["C34"] == 1)
    # Nobody has it who was not made ill, and few ill people never come to a ward.
    assert not (has & ~ill["Malignant neoplasm of bronchus and lung"]).any()
    assert has.sum() > 0.8 * ill["Malignant neoplasm of bronchus and lung"].sum()


@pytest.mark.parametrize(
    ("name", "columns", "wanted"),
    [
        ("records_w_diag_icd10.csv", {"study_id": "4"}, "study_id is the same in 1 more"),
        ("machine_measurements.csv", {"study_id": "4"}, "study_id is the same in 1 more"),
        ("records_w_diag_icd10.csv", {"study_id": ["4", ""]}, "study_id is empty"),
        ("records_w_diag_icd10.csv", {"study_id": ["14", "15"]}, "share no study_id"),
        ("records_w_diag_icd10.csv", {"subject_id": ["1", "3"]}, "another subject_id"),
        ("records_w_diag_icd10.csv", {"subject_id": ["1", ""]}, "another subject_id"),
        ("records_w_diag_icd10.csv", {"strat_fold": ["0", "20"]}, "strat_fold"),
        ("records_w_diag_icd10.csv", {"strat_fold": ["0", ""]}, "strat_fold"),
        ("records_w_diag_icd10.csv", {"strat_fold": ["0", "1.5"]}, "strat_fold"),
        ("records_w_diag_icd10.csv", {"gender": "1"}, "never M or F"),
        ("records_w_diag_icd10.csv", {"age": "0.6"}, "wanted years"),
        ("machine_measurements.csv", {"rr_interval": "0.8"}, "wanted milliseconds"),
        ("machine_measurements.csv", {"t_end": "0.6"}, "wanted milliseconds"),
    ],
)
def test_tables_that_cannot_be_right_are_refused_in_one_line(tmp_path, name, columns, wanted):
    put_carts(tmp_path, [{"study_id": 4}, {"study_id": 5, "subject_id": 2}])
    put_diagnosed(tmp_path, [{"study_id": 4}, {"study_id": 5, "subject_id": 2}])
    assert len(diagnosed(tmp_path)) == 2
    change(tmp_path / name, **columns)
    assert wanted in refused(lambda: diagnosed(tmp_path))


def test_a_person_in_two_folds_is_refused(tmp_path):
    put_carts(tmp_path, [{"study_id": 4}, {"study_id": 5}])
    put_diagnosed(tmp_path, [{"study_id": 4}, {"study_id": 5, "strat_fold": 19}])
    assert "two folds" in refused(lambda: diagnosed(tmp_path))


@pytest.mark.parametrize("column", ["t_end", "strat_fold"])
def test_a_column_that_is_missing_is_named(tmp_path, column):
    put_carts(tmp_path, [{"study_id": 4}])
    put_diagnosed(tmp_path, [{"study_id": 4}])
    for path in tmp_path.glob("*.csv"):
        pd.read_csv(path).drop(columns=column, errors="ignore").to_csv(path, index=False)
    assert f"no column {column}" in refused(lambda: diagnosed(tmp_path))


def test_sex_is_understood_or_refused():
    assert male(["M", "female", " f ", None], "x").tolist()[:3] == [1, 0, 0]
    assert np.isnan(male(["M", None, "?"], "x")).tolist() == [False, True, True]
    with pytest.raises(DataError, match="sex in persons is never M or F"):
        male(["1", "2"], "sex in persons")


# --- ECG-ViEW II --------------------------------------------------------------------------


VIEWED = {
    "RR": 800, "PR": 160, "QRS": 100, "QT": 400, "QTc": 447, "P_wave_axis": 60, "QRS_axis": 20,
    "T_wave_axis": 40, "ACCI": 0, "dept": "O", "source": "M", "ecgdate": "2005-06-01",
}  # fmt: skip


def put_view(root: Path, born: str = "1950-1954", day: str = "2005-06-01", **ecg: object) -> None:
    """One woman, one ECG, one diagnosis."""
    person = {"personid": 1, "sex": "F", "Birthyeargroup": born, "ethnicity": "Korean"}
    put(root, "Person.csv", [person])
    put(root, "Electrocardiogram.csv", [{"personid": 1}], **VIEWED | ecg)
    put(root, "Diagnosis.csv", [{"personid": 1, "diagdate": day, "diagcode": "K70.3"}])


@pytest.mark.parametrize(
    ("day", "near"),
    [
        ("2005-06-01", True),
        ("2005-03-03", True),
        ("2005-03-02", False),
        ("2005-08-30", True),
        ("2005-08-31", False),
        ("", False),
    ],
)
def test_a_diagnosis_is_that_of_an_ecg_of_ninety_days_about_it(tmp_path, day, near):
    put_view(tmp_path, day=day)
    if near:
        found = ecg_view(tmp_path, LIVER, NONE)
        assert found.labels["K703"].tolist() == [1]
        assert found.labels["K7030"].tolist() == [0]
        assert found.labels["K72"].tolist() == [0]
    else:
        assert "any of the 6 codes" in refused(lambda: ecg_view(tmp_path, LIVER, NONE))


def test_age_is_counted_from_the_middle_of_the_years_of_birth(tmp_path):
    put_view(tmp_path, P_wave_axis=29999)
    found = ecg_view(tmp_path, LIVER, NONE)
    row = found.inputs.iloc[0]
    assert row[["sex", "age", "RR ms", "PR ms", "QRS ms", "QT ms"]].tolist() == [
        0, 53, 800, 160, 100, 400,
    ]  # fmt: skip
    assert row["QTc Bazett ms"] == pytest.approx(400 / np.sqrt(0.8))
    assert np.isnan(row["P axis deg"])
    assert list(found.inputs) == list(LIVER.inputs)


@pytest.mark.parametrize(
    ("born", "adult"), [("1985-1989", True), ("1986-1990", False), ("", False)]
)
def test_children_and_people_of_no_known_age_are_left_out(tmp_path, born, adult):
    put_view(tmp_path, born)
    # Somebody else's years are known.
    someone = {"personid": 2, "sex": "M", "Birthyeargroup": "1950-1954", "ethnicity": ""}
    persons = pd.concat([pd.read_csv(tmp_path / "Person.csv"), pd.DataFrame([someone])])
    persons.to_csv(tmp_path / "Person.csv", index=False)
    if adult:
        assert ecg_view(tmp_path, LIVER, NONE).inputs["age"].tolist() == [18]
    else:
        assert "of an adult" in refused(lambda: ecg_view(tmp_path, LIVER, NONE))


@pytest.mark.parametrize(
    ("name", "columns", "wanted"),
    [
        ("Person.csv", {"sex": "2"}, "never M or F"),
        ("Person.csv", {"Birthyeargroup": "5"}, "Birthyeargroup"),
        ("Electrocardiogram.csv", {"RR": "0.8"}, "wanted milliseconds"),
        ("Electrocardiogram.csv", {"QT": "0.4"}, "wanted milliseconds"),
        ("Electrocardiogram.csv", {"personid": "7"}, "of an adult"),
        ("Diagnosis.csv", {"diagcode": "571.2"}, "ICD-10"),
    ],
)
def test_a_second_cohort_that_cannot_be_right_is_refused(tmp_path, name, columns, wanted):
    put_view(tmp_path)
    change(tmp_path / name, **columns)
    assert wanted in refused(lambda: ecg_view(tmp_path, LIVER, NONE))


def test_a_simulated_second_cohort_is_of_adults_with_a_code(hospital):
    found = ecg_view(hospital, NEOPLASMS, NONE)
    some = np.any([label == 1 for label in found.labels.values()], axis=0)
    assert some.all()
    assert found.inputs["age"].min() >= 18
    assert len(found) > 100
    ages = dict(enumerate(HOSPITAL.ecg_view_people.age, 1))
    off = found.inputs["age"].to_numpy() - [ages[int(one)] for one in found.subject]
    # Two years of the band, and those between the first ECG and this one.
    assert off.min() >= -3
    assert set(found.subject) <= {str(number) for number in ages}


# --- MIMIC-CXR ----------------------------------------------------------------------------


IMAGE = {
    "dicom_id": "a", "subject_id": 1, "study_id": 50, "ViewPosition": "PA",
    "StudyDate": "21500102", "StudyTime": "120000.000",
}  # fmt: skip
FEW = CXR.model_copy(update={"targets": ("Edema", "Osteopenia", "Hilum")})


def put_images(root: Path, *images: dict[str, object], **labels: object) -> None:
    put(root, "mimic-cxr-2.0.0-metadata.csv", list(images), **IMAGE)
    put(root, "cxr_lt_labels.csv", [IMAGE | image | labels for image in images])
    patients = [{"subject_id": 1, "gender": "F", "anchor_age": 70, "anchor_year": 2148}]
    put(root, "patients.csv", patients)


def radiographs(root: Path, faults: frozenset[str] = NONE) -> Cohort:
    return mimic_with_radiographs(root, FEW, faults)


@pytest.mark.parametrize(
    ("ecg", "paired"),
    [
        ("2150-01-02 11:59:00", True),
        ("2150-01-01 12:01:00", True),
        ("2150-01-01 12:00:00", True),
        ("2150-01-01 11:59:00", False),
        ("2150-01-02 12:00:00", False),
        ("2150-01-02 12:01:00", False),
        ("", False),
    ],
)
def test_a_radiograph_is_told_by_an_ecg_of_the_day_before(tmp_path, ecg, paired):
    put_carts(tmp_path, [{"study_id": 4, "ecg_time": ecg}])
    put_images(tmp_path, {}, Edema=1, Osteopenia=0)
    if paired:
        found = radiographs(tmp_path)
        assert found.record.tolist() == ["a"]
        assert found.inputs.loc[0, ["sex", "age"]].tolist() == [0, 72]
    else:
        assert "24 h" in refused(lambda: radiographs(tmp_path))


def test_the_last_ecg_tells_and_may_tell_of_several_images(tmp_path):
    times = {"04:00:00": 700, "11:00:00": 900, "13:00:00": 1100}
    rows = [
        {"study_id": n, "ecg_time": f"2150-01-02 {time}", "rr_interval": rr}
        for n, (time, rr) in enumerate(times.items())
    ]
    put_carts(
        tmp_path, [*rows, {"study_id": 9, "subject_id": 2, "ecg_time": "2150-01-02 11:59:00"}]
    )
    views = ["PA", "AP", "LATERAL", ""]
    images = [
        {"dicom_id": name, "ViewPosition": view} for name, view in zip("abcd", views, strict=True)
    ]
    put_images(tmp_path, *images, {"dicom_id": "e", "StudyTime": ""}, Edema=1)
    found = radiographs(tmp_path)
    assert found.record.tolist() == ["a", "b"]
    assert found.inputs["RR ms"].tolist() == [900, 900]
    assert found.subject.tolist() == ["1", "1"]


def test_the_delay_is_an_input_only_as_the_published_fault(tmp_path):
    put_carts(tmp_path, [{"study_id": 4, "ecg_time": "2150-01-02 11:00:30"}])
    put_images(tmp_path, {}, Edema=1)
    assert list(radiographs(tmp_path).inputs) == list(CXR.inputs)
    found = radiographs(tmp_path, frozenset({"delay-as-input"}))
    assert found.inputs["delay s"].tolist() == [3570]


def test_what_a_report_does_not_say_is_not_known(tmp_path):
    put_carts(tmp_path, [{"study_id": 4, "ecg_time": "2150-01-02 11:00:00"}])
    images = [
        {"dicom_id": name, "Edema": value}
        for name, value in zip("abcd", (1, 0, -1, ""), strict=True)
    ]
    put_images(tmp_path, *images, Osteopenia=0)
    found = radiographs(tmp_path)
    assert found.labels["Edema"].tolist() == [1, 0, UNKNOWN, UNKNOWN]
    assert set(found.labels) == {"Edema", "Osteopenia"}
    assert set(found.left_out) == {"Hilum"}


def test_labels_of_a_study_are_those_of_its_images(tmp_path):
    put_carts(tmp_path, [{"study_id": 4, "ecg_time": "2150-01-02 11:00:00"}])
    put_images(tmp_path, {}, {"dicom_id": "b"}, {"dicom_id": "c", "study_id": 51})
    (tmp_path / "cxr_lt_labels.csv").unlink()
    study = [{"subject_id": 1, "study_id": n, "Edema": n - 50} for n in (50, 51)]
    path = put(tmp_path, "mimic-cxr-2.0.0-chexpert.csv", study)
    assert radiographs(tmp_path).labels["Edema"].tolist() == [0, 0, 1]
    change(path, study_id="50")
    assert "one row of each" in refused(lambda: radiographs(tmp_path))
    path.unlink()
    assert "none of cxr_lt_labels.csv" in refused(lambda: radiographs(tmp_path))


def test_simulated_radiographs_are_those_that_were_paired(hospital):
    found = mimic_with_radiographs(hospital, CXR, frozenset({"delay-as-input"}))
    assert len(found.labels) == 45
    delay = found.inputs["delay s"]
    # Images are taken 1 to 20 hours after an ECG; another ECG may come between.
    assert delay.between(0, 20 * 3600 + 60).all()
    assert len(np.unique(found.subject)) > 0.4 * HOSPITAL.n_subjects


# --- PTB-XL -------------------------------------------------------------------------------


ROWS = [
    {"ecg_id": 1, "patient_id": "15709.0", "age": 56, "sex": 1, "strat_fold": 3,
     "scp_codes": "{'NORM': 100.0, 'SR': 0.0}"},
    {"ecg_id": 2, "patient_id": "13243.0", "age": 300, "sex": 0, "strat_fold": 10,
     "scp_codes": "{'IMI': 0.0, 'LVH': 50.0}"},
    {"ecg_id": 3, "patient_id": "7.0", "age": "", "sex": "", "strat_fold": 1, "scp_codes": "{}"},
]  # fmt: skip
STATEMENTS = [
    {"": "NORM", "diagnostic_class": "NORM"}, {"": "IMI", "diagnostic_class": "MI"},
    {"": "LVH", "diagnostic_class": "HYP"}, {"": "SR", "diagnostic_class": ""},
]  # fmt: skip
MEASURED = pd.DataFrame(
    {"record": [f"records100/00000/0000{n}_lr" for n in (1, 2, 3, 9)], "sex": "?", "age": 1.0}
).assign(**{name: [1.0, 2.0, 3.0, 9.0] for name in PTB.inputs if name not in ("sex", "age")})


def put_ptb(root: Path) -> None:
    put(root, "ptbxl_database.csv", ROWS)
    put(root, "scp_statements.csv", STATEMENTS)


def test_ptb_xl_is_read_with_its_own_words(tmp_path):
    put_ptb(tmp_path)
    found = ptb_xl(tmp_path, PTB, MEASURED)
    assert found.record.tolist() == ["1", "2", "3"]
    # The descriptor of the data set names the same people.
    assert found.subject.tolist() == ["15709", "13243", "7"]
    assert found.fold.tolist() == [2, 9, 0]
    np.testing.assert_array_equal(found.inputs["age"], [56, 90, np.nan])
    np.testing.assert_array_equal(found.inputs["sex"], [0, 1, np.nan])
    assert found.inputs["QT ms"].tolist() == [1, 2, 3]
    wanted = {
        "sex": [0, 1, UNKNOWN], "NORM": [1, 0, 0], "MI": [0, 1, 0], "STTC": [0, 0, 0],
        "CD": [0, 0, 0], "HYP": [0, 1, 0],
    }  # fmt: skip
    assert {name: label.tolist() for name, label in found.labels.items()} == wanted


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"scp_codes": "NORM"}, "scp_codes"),
        ({"scp_codes": "__import__('os')"}, "scp_codes"),
        ({"scp_codes": "[" * 100_000}, "scp_codes"),
        ({"strat_fold": "0"}, "strat_fold"),
        ({"strat_fold": "11"}, "strat_fold"),
        ({"strat_fold": ""}, "strat_fold"),
        ({"patient_id": "7.0"}, "two folds"),
        ({"patient_id": ""}, "rows of nobody"),
        ({"ecg_id": "1"}, "one row of each"),
        ({"ecg_id": ["11", "12", "13"]}, "none of its records"),
    ],
)
def test_a_ptb_xl_that_cannot_be_right_is_refused(tmp_path, columns, wanted):
    put_ptb(tmp_path)
    change(tmp_path / "ptbxl_database.csv", **columns)
    assert wanted in refused(lambda: ptb_xl(tmp_path, PTB, MEASURED))


@pytest.mark.data
def test_the_real_ptb_xl_can_be_read(data):
    table = pd.read_csv(data / "ptb-xl" / "ptbxl_database.csv", dtype={"ecg_id": str})
    record = "records100/" + table["ecg_id"].str.zfill(5) + "_lr"
    measured = pd.DataFrame({"record": record, "sex": "", "age": 0.0})
    found = ptb_xl(data / "ptb-xl", PTB, measured)
    assert len(found) == len(table)
    assert found.labels["NORM"].sum() > 0.3 * len(table)
    assert (found.labels["sex"] == 1 - table["sex"]).all()


_TABLES = [
    table
    for module in (sources, labs)
    for table in vars(module).values()
    if isinstance(table, Table) and table not in (sources.PTB_XL, sources.STATEMENTS)
]


@pytest.mark.parametrize("table", _TABLES, ids=lambda table: table.files[0])
def test_every_published_table_is_read_column_for_column(hospital: Path, table: Table):
    read = pd.concat(blocks(hospital, table))
    assert set(table.columns) == set(read)
    for name, kind in table.columns.items():
        known = read[name].dropna()
        assert kind != "number" or known.dtype == np.float64
        assert kind != "time" or known.dtype.kind == "M"
    assert len(read) > 0

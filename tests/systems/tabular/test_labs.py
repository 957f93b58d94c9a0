"""What the laboratory found around an ECG is low, high or not known, as CardioLab has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditor.core.errors import DataError
from auditor.core.target import UNKNOWN
from auditor.data import tables
from auditor.simulate.hospital import Hospital
from auditor.systems import task
from auditor.systems.tabular import labs
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.tabular.labs import mimic_with_labs
from auditor.systems.task import Least
from tests.systems.tiny import change, put, put_carts, put_diagnosed

#: So few of each suffice that a handful of people shows every label.
TASK = task.load("labs").model_copy(update={"least": Least(judged=1)})
NOON = pd.Timestamp(2150, 1, 1, 12)
ITEMS = [
    {"itemid": 1, "label": "Potassium", "fluid": "Blood", "category": "Chemistry"},
    {"itemid": 2, "label": "Potassium", "fluid": "Urine", "category": "Chemistry"},
    {"itemid": 3, "label": "H", "fluid": "Blood", "category": "Chemistry"},
    {"itemid": 4, "label": "Hemoglobin", "fluid": "Blood", "category": "Hematology"},
]


def event(minutes: float, value: object, subject: int = 1, **more: object) -> dict[str, Any]:
    """A potassium so many minutes after noon."""
    usual = {
        "subject_id": subject, "itemid": 1, "charttime": NOON + pd.Timedelta(minutes=minutes),
        "valuenum": value, "valueuom": "mEq/L", "ref_range_lower": 3.5, "ref_range_upper": 5,
    }  # fmt: skip
    return usual | more


def hospital(root: Path, events: list[dict[str, Any]], n: int = 12) -> Path:
    """People 1 to n with an ECG at noon; of the last four two have a potassium that will be low and
    two one that will be high, so that every label has both kinds.
    """
    people = [{"subject_id": one, "study_id": one} for one in range(1, n + 1)]
    put_carts(root, people, ecg_time=NOON)
    put_diagnosed(root, [one | {"strat_fold": one["study_id"] % 20} for one in people])
    patients = [one | {"gender": "F", "anchor_age": 70, "anchor_year": 2150} for one in people]
    put(root, "patients.csv", patients)
    put(
        root,
        "admissions.csv",
        [{"subject_id": 1, "hadm_id": 5, "race": "WHITE", "admittime": NOON}],
    )
    put(root, "omr.csv", [body(0, "Height (Inches)", "70")])
    put(root, "vitalsign.csv", [vital(0, heartrate=70)])
    put(root, "d_labitems.csv", ITEMS)
    usual = [
        event(20, value, subject) for value, subject in ((1, n), (1, n - 1), (9, n - 2), (9, n - 3))
    ]
    # Values of the same people, far from their ECGs: what is usual.
    far = [event(-10_000 - one, 4) for one in range(200)]
    put(root, "labevents.csv", [*events, *usual, *far])
    return root


def body(days: float, name: str, value: str) -> dict[str, Any]:
    date = (NOON + pd.Timedelta(days=days)).date()
    return {"subject_id": 1, "chartdate": date, "result_name": name, "result_value": value}


def vital(minutes: float, **values: float) -> dict[str, Any]:
    names = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp")
    time = NOON + pd.Timedelta(minutes=minutes)
    return {"subject_id": 1, "charttime": time, **dict.fromkeys(names, ""), **values}


def said(cohort: Cohort, side: str, person: int = 1) -> list[int]:
    """What is said of a person now, in 30, in 60 and in 120 minutes."""
    names = [f"Potassium_{side}", *(f"Potassium_{side}_{m}min" for m in (30, 60, 120))]
    row = cohort.record.tolist().index(str(person))
    return [int(cohort.labels[name][row]) for name in names]


@pytest.mark.parametrize(
    ("minutes", "low"),
    [
        (-61, [-1, -1, -1, -1]),
        (-60, [1, -1, -1, -1]),
        (-59, [1, -1, -1, -1]),
        (0, [1, -1, -1, -1]),
        (0.5, [1, 1, 1, 1]),
        (30, [1, 1, 1, 1]),
        (31, [1, -1, 1, 1]),
        (60, [1, -1, 1, 1]),
        (61, [-1, -1, -1, 1]),
        (120, [-1, -1, -1, 1]),
        (121, [-1, -1, -1, -1]),
    ],
)
def test_a_value_is_known_in_the_windows_it_lies_in(tmp_path, minutes, low):
    found = mimic_with_labs(hospital(tmp_path, [event(minutes, 2)]), TASK)
    assert said(found, "low") == low
    assert said(found, "high") == [0 if one == 1 else one for one in low]


def test_the_nearest_value_tells_of_now_and_any_of_what_comes(tmp_path):
    found = mimic_with_labs(
        hospital(tmp_path, [event(-59, 2), event(-10, 4), event(31, 9), event(40, 4)]), TASK
    )
    assert said(found, "low") == [0, UNKNOWN, 0, 0]
    assert said(found, "high") == [0, UNKNOWN, 1, 1]


def test_low_and_high_in_one_window_are_not_known(tmp_path):
    found = mimic_with_labs(hospital(tmp_path, [event(20, 2), event(50, 9)]), TASK)
    assert said(found, "low") == [1, 1, UNKNOWN, UNKNOWN]
    assert said(found, "high") == [0, 0, UNKNOWN, UNKNOWN]


def test_what_is_at_a_bound_is_normal(tmp_path):
    found = mimic_with_labs(
        hospital(tmp_path, [event(10, 3.5), event(10, 5, 2), event(10, 3.49, 3)]), TASK
    )
    assert [said(found, "low", one)[0] for one in (1, 2, 3)] == [0, 0, 1]
    assert [said(found, "high", one)[0] for one in (1, 2, 3)] == [0, 0, 0]


def test_the_median_of_bounds_is_that_of_all_events(tmp_path):
    # Men's range is printed with 300 values, women's with 204 and this one.
    men = [event(-9000 - one, 4, ref_range_lower=3, ref_range_upper=6) for one in range(300)]
    mine = [event(10, 5.5), event(10, 3.2, 2), event(10, 7, 3)]
    found = mimic_with_labs(hospital(tmp_path, [*men, *mine]), TASK)
    assert [said(found, "high", one)[0] for one in (1, 2, 3)] == [0, 0, 1]
    assert [said(found, "low", one)[0] for one in (1, 2, 3)] == [0, 0, 0]


@pytest.mark.parametrize(
    "unlike",
    [
        {"itemid": 2},
        {"itemid": 99},
        {"itemid": ""},
        {"valuenum": ""},
        {"charttime": ""},
        {"ref_range_lower": 0, "ref_range_upper": 0},
        {"valueuom": "mg/dL"},
        {"subject_id": 77},
    ],
)
def test_what_is_no_value_of_it_says_nothing(tmp_path, unlike):
    found = mimic_with_labs(hospital(tmp_path, [event(10, 2, **unlike)]), TASK)
    assert said(found, "low") == [UNKNOWN] * 4


def test_a_value_without_its_bounds_is_still_a_value(tmp_path):
    bare = {"ref_range_lower": "", "ref_range_upper": ""}
    found = mimic_with_labs(hospital(tmp_path, [event(10, 2, **bare)]), TASK)
    assert said(found, "low") == [1] * 4


def test_a_unit_of_another_name_is_put_under_one(tmp_path):
    same = [event(10, 2, valueuom="mmol/L")]
    assert said(mimic_with_labs(hospital(tmp_path / "a", same), TASK), "low") == [1] * 4
    usual = [{"itemid": 4, "valueuom": "g/dL", "ref_range_lower": 12, "ref_range_upper": 16}]
    gram = {"itemid": 4, "valueuom": "g/L", "ref_range_lower": 120, "ref_range_upper": 160}
    events = [event(-5000 - one, 14, **usual[0]) for one in range(200)]
    events += [event(10, 110, **gram), event(10, 140, 2, **gram), event(10, 11, 3, **usual[0])]
    events += [event(10, 14, 4, **usual[0])]
    found = mimic_with_labs(hospital(tmp_path / "b", events), TASK)
    assert found.labels["Hemoglobin_low"].tolist()[:4] == [1, 0, 1, 0]


def test_words_that_are_no_values_and_rare_values_are_not_asked(tmp_path):
    haemolysis = [event(one, one % 3, itemid=3, ref_range_lower=1) for one in range(300)]
    few = [event(one, 2 + one % 3, itemid=4, ref_range_lower=3) for one in range(199)]
    found = mimic_with_labs(hospital(tmp_path, [*haemolysis, *few]), TASK)
    assert {name.partition("_")[0] for name in found.labels} == {"Potassium"}


def test_labels_that_two_folds_cannot_hold_are_not_kept(tmp_path):
    many = TASK.model_copy(update={"least": Least(judged=2)})
    assert mimic_with_labs(hospital(tmp_path, []), many).labels == {}


def test_it_is_the_same_however_the_table_is_cut(tmp_path, monkeypatch):
    events = [event(10, 2), event(-20, 9, 2), event(70, 2, 3), event(70, 9, 3), event(5, 4, 4)]
    root = hospital(tmp_path, events)
    whole = mimic_with_labs(root, TASK)
    monkeypatch.setattr(tables, "_BLOCK", 512)
    cut = mimic_with_labs(root, TASK)
    assert cut.labels.keys() == whole.labels.keys()
    for name, label in whole.labels.items():
        np.testing.assert_array_equal(cut.labels[name], label)
    pd.testing.assert_frame_equal(cut.inputs, whole.inputs)


# --- what is known of the person ----------------------------------------------------------


def test_body_and_vital_signs_are_the_nearest_that_can_be(tmp_path):
    root = hospital(tmp_path, [])
    rows = [
        body(-31, "BMI (kg/m2)", "20"), body(-20, "BMI (kg/m2)", "25.5"),
        body(3, "BMI (kg/m2)", "400"), body(30, "BMI (kg/m2)", "27"),
        body(-1, "Weight (Lbs)", "150"), body(5, "Weight (Lbs)", "160"),
        body(0, "Height (Inches)", "tall"), body(9, "Height (Inches)", "70"),
        body(0, "Blood Pressure", "120/80"),
    ]  # fmt: skip
    put(root, "omr.csv", rows)
    rows = [
        vital(-31, sbp=99), vital(-20, heartrate=70, temperature=98.6, dbp=80),
        vital(10, heartrate=80, temperature=37.0, o2sat=120), vital(12, resprate=16, sbp=120),
        vital(30, o2sat=97), vital(31, o2sat=95),
    ]  # fmt: skip
    put(root, "vitalsign.csv", rows)
    row = mimic_with_labs(root, TASK).inputs.iloc[0]
    wanted = {
        "BMI kg/m2": 25.5, "weight kg": 150 * 0.45359237, "height cm": 177.8,
        "heart rate 1/min": 80, "temperature F": 98.6, "breaths 1/min": 16, "SpO2 %": 97,
        "systolic mmHg": 120, "diastolic mmHg": 80, "sex": 0, "age": 70, "RR ms": 800,
        "P on ms": 40, "T off ms": 600, "QRS axis deg": 20,
    }  # fmt: skip
    assert row[list(wanted)].to_dict() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("race", "wanted"),
    [
        ("WHITE - RUSSIAN", "white"),
        ("BLACK/AFRICAN AMERICAN", "black"),
        ("HISPANIC/LATINO - CUBAN", "hispanic"),
        ("ASIAN - KOREAN", "asian"),
        ("PORTUGUESE", "other"),
    ],
)
def test_race_is_that_of_the_first_admission_and_not_known_without_one(tmp_path, race, wanted):
    root = hospital(tmp_path, [])
    rows = [{"admittime": NOON, "race": "OTHER"}, {"admittime": "2149-01-01", "race": race}]
    put(root, "admissions.csv", rows, subject_id=1, hadm_id=5)
    found = mimic_with_labs(root, TASK).inputs.filter(like="race")
    assert found.columns[found.iloc[0] == 1].tolist() == [f"race {wanted}"]
    assert found.iloc[0].sum() == 1
    assert found.iloc[1].isna().all()


@pytest.mark.parametrize(
    ("name", "columns", "wanted"),
    [
        ("records_w_diag_icd10.csv", {"strat_fold": ""}, "strat_fold"),
        ("records_w_diag_icd10.csv", {"study_id": "5"}, "one row of each"),
        ("records_w_diag_icd10.csv", {"subject_id": "5"}, "another subject_id"),
        ("patients.csv", {"subject_id": "5"}, "one row of each"),
        ("patients.csv", {"gender": "0"}, "never M or F"),
        ("d_labitems.csv", {"itemid": "1"}, "one row of each"),
        ("d_labitems.csv", {"itemid": ["7", "8", "9", "10"]}, "d_labitems.csv names"),
        ("labevents.csv", {"valuenum": "Schmidt"}, "column valuenum"),
        ("labevents.csv", {"subject_id": "77"}, "no value of these people"),
    ],
)
def test_tables_that_cannot_be_right_are_refused_in_one_line(tmp_path, name, columns, wanted):
    root = hospital(tmp_path, [])
    change(root / name, **columns)
    with pytest.raises(DataError) as error:
        mimic_with_labs(root, TASK)
    assert wanted in str(error.value)
    assert "\n" not in str(error.value)
    assert "Schmidt" not in str(error.value)


def test_a_table_that_is_missing_is_named(tmp_path):
    root = hospital(tmp_path, [])
    (root / "omr.csv").unlink()
    with pytest.raises(DataError, match=r"omr\.csv"):
        mimic_with_labs(root, TASK)


def test_a_simulated_laboratory_is_read_as_it_was_made(tmp_path):
    Hospital(300, seed=4).write(tmp_path)
    found = mimic_with_labs(tmp_path, TASK)
    asked = {name.partition("_")[0] for name in found.labels}
    assert {"Hemoglobin", "Creatinine", "NTproBNP", "C-Reactive Protein"} <= asked
    assert not asked & {"H", "I", "L", "Hyaline Casts"}
    # A row by row account of one label, from the table itself.
    events = pd.read_csv(tmp_path / "mimic-iv/hosp/labevents.csv.gz", parse_dates=["charttime"])
    events = events[(events["itemid"] == 50971) & events["valuenum"].notna()]
    low = events["ref_range_lower"].median()
    carts = pd.read_csv(
        tmp_path / "mimic-iv-ecg/machine_measurements.csv", parse_dates=["ecg_time"]
    ).set_index("study_id")
    for record, label in zip(found.record, found.labels["Potassium_low"], strict=True):
        ecg = carts.loc[int(record)]
        mine = events[events["subject_id"] == ecg["subject_id"]]
        apart = (mine["charttime"] - ecg["ecg_time"]).abs()
        mine = mine[apart <= pd.Timedelta(minutes=60)]
        if mine.empty:
            assert label == UNKNOWN
        else:
            assert label == (mine["valuenum"].loc[apart[mine.index].idxmin()] < low)


def test_the_weighted_median_is_that_of_the_values_written_out():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values, n = rng.integers(0, 9, 6).astype(float), rng.integers(1, 5, 6)
        values[rng.random(6) < 0.2] = np.nan
        written = np.repeat(values, n)
        wanted = np.nanmedian(written) if np.isfinite(written).any() else np.nan
        np.testing.assert_equal(labs._median(values, n), wanted)

"""Cohorts out of published tables: MIMIC-IV-ECG with diagnoses or radiographs, ECG-ViEW II, PTB-XL.

Where a table says the same in two places, it is read from the one that the papers read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.target import UNKNOWN
from auditor.data.tables import Kind, Table, blocks, find, header, read, refuse_unit
from auditor.systems.tabular import codes
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.tabular.features import AXES, MARKS, derived, of_cart
from auditor.systems.task import Task
from auditor.targets.recordings import STATEMENTS


def columns(kind: Kind, names: str) -> dict[str, Kind]:
    """Columns of one kind, their names with spaces between."""
    return dict.fromkeys(names.split(), kind)


#: Where the median time between beats lies, ms.
_RR = (300.0, 2000.0, "milliseconds")

MEASUREMENTS = Table(
    ("machine_measurements.csv",),
    columns("text", "subject_id study_id cart_id bandwidth filtering")
    | columns("text", " ".join(f"report_{n}" for n in range(18)))
    | {"ecg_time": "time"}
    | dict.fromkeys((*MARKS, *AXES), "number"),
    {"t_end": (200.0, 2000.0, "milliseconds")},
    key=("study_id",),
)
RECORDS = Table(
    ("record_list.csv",),
    columns("text", "subject_id study_id file_name path") | {"ecg_time": "time"},
    key=("study_id",),
)
DIAGNOSED = Table(
    ("records_w_diag_icd10.csv",),
    columns("text", "file_name study_id subject_id ed_stay_id ed_hadm_id hosp_hadm_id ed_diag_ed")
    | columns("text", "ed_diag_hosp hosp_diag_hosp all_diag_hosp all_diag_all gender dod")
    | columns("number", "age anchor_year anchor_age ecg_no_within_stay fold strat_fold")
    | columns("text", "ecg_taken_in_ed ecg_taken_in_hosp ecg_taken_in_ed_or_hosp")
    | {"ecg_time": "time"},
    {"age": (1.0, 110.0, "years")},
    key=("study_id",),
)
PATIENTS = Table(
    ("patients.csv",),
    columns("text", "subject_id gender anchor_year_group dod")
    | columns("number", "anchor_age anchor_year"),
    {"anchor_age": (1.0, 110.0, "years")},
    key=("subject_id",),
)
RADIOGRAPHS = Table(
    ("mimic-cxr-2.0.0-metadata.csv",),
    columns("text", "dicom_id subject_id study_id ViewPosition StudyDate")
    | columns("number", "StudyTime"),
    key=("dicom_id",),
)
PERSONS = Table(
    ("Person.csv",), columns("text", "personid sex Birthyeargroup ethnicity"), key=("personid",)
)
VIEWED = Table(
    ("Electrocardiogram.csv",),
    columns("text", "personid ACCI dept source")
    | {"ecgdate": "time"}
    | columns("number", "RR PR QRS QT QTc P_wave_axis QRS_axis T_wave_axis"),
    {"RR": _RR, "QT": (200.0, 700.0, "milliseconds")},
)
DIAGNOSES = Table(("Diagnosis.csv",), columns("text", "personid diagcode") | {"diagdate": "time"})
PTB_XL = Table(
    ("ptbxl_database.csv",),
    columns("text", "ecg_id patient_id scp_codes") | columns("number", "age sex strat_fold"),
    key=("ecg_id",),
)

#: A radiograph is told by the last ECG before it, of at most a day before.
_PAIRED_HOURS = 24
#: A diagnosis of ECG-ViEW is that of an ECG so many days around it; children have other ECGs.
_DIAGNOSED_DAYS, _ADULT = 90, 18


def mimic_with_diagnoses(root: Path, task: Task, faults: frozenset[str]) -> Cohort:
    """MIMIC-IV-ECG with the diagnoses of the stay; folds as published."""
    table = in_folds(root, task, ["all_diag_all", "gender", "age"])
    row, code = codes.listed(table["all_diag_all"])
    known = codes.coded(row, code, len(table), untrimmed="untrimmed-codes" in faults)
    sex = male(table["gender"], f"{root}: gender in {DIAGNOSED.files[0]}")
    inputs = of_cart(table, sex, table["age"].to_numpy())
    return Cohort(
        "MIMIC-IV-ECG",
        table["study_id"].to_numpy(str),
        table["subject_id"].to_numpy(str),
        inputs[list(task.inputs)],
        _of_codes(known, task, inputs),
        table["fold"].to_numpy(),
    )


def ecg_view(root: Path, task: Task, faults: frozenset[str]) -> Cohort:
    """All of ECG-ViEW II: adults, with diagnoses of 90 days around the ECG; one fold, for it is
    judged as a whole.

    Ages are those of the middle of five years in which a person was born.
    """
    persons = read(root, PERSONS).set_index("personid")
    persons["male"] = male(persons["sex"], f"{root}: sex in {PERSONS.files[0]}")
    persons["born"] = _middle(persons["Birthyeargroup"])
    if persons["born"].isna().all():
        raise DataError(
            f"{root}: Birthyeargroup in {PERSONS.files[0]} is never like 1950-1954; "
            "write it as published"
        )
    table = read(root, VIEWED).reset_index(names="row")
    who = persons[["male", "born"]].reindex(table["personid"])
    age = table["ecgdate"].dt.year.to_numpy(np.float64) - who["born"].to_numpy()
    row, code = _diagnosed_around(root, table)
    known = codes.coded(row, code, len(table), untrimmed="untrimmed-codes" in faults)
    names = {"RR ms": "RR", "PR ms": "PR", "QRS ms": "QRS", "QT ms": "QT"}
    names["QRS axis deg"] = "QRS_axis"
    names |= {f"{wave} axis deg": f"{wave}_wave_axis" for wave in ("P", "T")}
    measured = {
        name: _within(table[column].to_numpy(np.float64), name) for name, column in names.items()
    }
    inputs = pd.DataFrame(
        {"sex": who["male"].to_numpy(), "age": age} | derived(measured), dtype=np.float32
    )
    labels = _of_codes(known, task, inputs)
    some = np.zeros(len(table), dtype=bool)
    for label in labels.values():
        some |= label == 1
    some &= age >= _ADULT
    if labels and not some.any():
        raise DataError(
            f"{root}: no ECG of an adult has any of the {len(labels)} codes within "
            f"{_DIAGNOSED_DAYS} days; take the tables of ECG-ViEW II, with codes of ICD-10"
        )
    return Cohort(
        "ECG-ViEW II",
        table["row"].to_numpy(str)[some],
        table["personid"].to_numpy(str)[some],
        inputs.loc[some, list(task.inputs)].reset_index(drop=True),
        {target: label[some] for target, label in labels.items()},
        np.zeros(int(some.sum()), dtype=np.int64),
    )


def _diagnosed_around(
    root: Path, table: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """ECG and code of every diagnosis that its person had within 90 days of it."""
    ecgs = table[["row", "personid", "ecgdate"]].dropna()
    found = []
    for block in blocks(root, DIAGNOSES, ["personid", "diagdate", "diagcode"]):
        pairs = ecgs.merge(block.dropna(), on="personid")
        near = (pairs["diagdate"] - pairs["ecgdate"]).abs() <= pd.Timedelta(days=_DIAGNOSED_DAYS)
        found.append(pairs.loc[near, ["row", "diagcode"]].drop_duplicates())
    every = pd.concat(found)
    return every["row"].to_numpy(np.int64), every["diagcode"].to_numpy(str)


def mimic_with_radiographs(root: Path, task: Task, faults: frozenset[str]) -> Cohort:
    """Frontal radiographs of MIMIC-CXR, each with the last ECG of the day before it.

    A row is an image: one ECG may tell of several.
    """
    findings = _findings(root, task)
    images = read(root, RADIOGRAPHS)
    images = images[images["ViewPosition"].isin(["PA", "AP"])]
    time = images["StudyTime"].to_numpy()
    clock = time // 10000 * 3600 + time % 10000 // 100 * 60 + time % 100
    day = pd.to_datetime(images["StudyDate"], format="%Y%m%d", errors="coerce")
    images = images.assign(taken=day + pd.to_timedelta(clock, unit="s")).dropna(
        subset=["subject_id", "taken"]
    )
    on = ["dicom_id"] if "dicom_id" in findings else ["subject_id", "study_id"]
    images = images.merge(
        findings.drop(columns=[c for c in _KEYS if c not in on and c in findings]), on=on
    )
    ecgs = carts(root).dropna(subset=["subject_id", "ecg_time"]).rename(columns={"study_id": "ecg"})
    pairs = pd.merge_asof(
        images.assign(taken=images["taken"].astype("datetime64[ns]")).sort_values("taken"),
        ecgs.assign(ecg_time=ecgs["ecg_time"].astype("datetime64[ns]")).sort_values("ecg_time"),
        left_on="taken",
        right_on="ecg_time",
        by="subject_id",
        tolerance=pd.Timedelta(hours=_PAIRED_HOURS),
        allow_exact_matches=False,
    )
    pairs = pairs.dropna(subset=["ecg_time"]).sort_values("dicom_id").reset_index(drop=True)
    if pairs.empty:
        raise DataError(
            f"{root}: no frontal radiograph has an ECG of its person in the {_PAIRED_HOURS} h "
            "before it; take MIMIC-CXR and MIMIC-IV-ECG of the same people"
        )
    patients = read(root, PATIENTS, ["subject_id", "gender", "anchor_age", "anchor_year"])
    who = patients.set_index("subject_id").reindex(pairs["subject_id"])
    age = (
        who["anchor_age"].to_numpy()
        + pairs["taken"].dt.year.to_numpy()
        - who["anchor_year"].to_numpy()
    )
    sex = male(who["gender"], f"{root}: gender in {PATIENTS.files[0]}")
    inputs = of_cart(pairs, sex, age)
    chosen = list(task.inputs)
    if "delay-as-input" in faults:
        inputs["delay s"] = (
            (pairs["taken"] - pairs["ecg_time"]).dt.total_seconds().astype("float32")
        )
        chosen.append("delay s")
    targets = [name for name in task.targets if name in pairs]
    values = {name: pairs[name].to_numpy(np.float64) for name in targets}
    return Cohort(
        "MIMIC-CXR",
        pairs["dicom_id"].to_numpy(str),
        pairs["subject_id"].to_numpy(str),
        inputs[chosen],
        {
            name: np.where(np.isin(value, (0, 1)), value, UNKNOWN).astype(np.int8)
            for name, value in values.items()
        },
        np.zeros(len(pairs), dtype=np.int64),
        {name: "is no column of the labels" for name in task.targets if name not in pairs},
    )


def ptb_xl(root: Path, task: Task, measured: pd.DataFrame) -> Cohort:
    """PTB-XL by this program's own measurements of its signals; folds as published.

    Parameters
    ----------
    measured : what `signal.feature_table` wrote of its records
    """
    table = read(root, PTB_XL)
    name = measured["record"].str.extract(r"(\d{5})_[lh]r$")[0].astype(float)
    measured = measured.assign(ecg_id=name.astype("Int64").astype(str)).drop_duplicates("ecg_id")
    table = table.merge(measured.drop(columns=["sex", "age"]), on="ecg_id", how="inner")
    if table.empty:
        raise DataError(
            f"{root}: none of its records is in {PTB_XL.files[0]}; wanted 00001_lr and on"
        )
    # Spreadsheets write 15709 as 15709.0.
    person = table["patient_id"].str.replace(r"\.0+$", "", regex=True)
    statements = read(root, STATEMENTS)
    of_class = dict(zip(statements[""], statements["diagnostic_class"], strict=True))
    classes = [{of_class.get(code) for code in _stated(text)} for text in table["scp_codes"]]
    # Here, and only here, 0 is male.
    sex = table["sex"].to_numpy(np.float64)
    male = np.where(np.isin(sex, (0, 1)), 1 - sex, np.nan)
    # Ages over 89 are written as 300.
    age = np.where(table["age"] > 120, 90.0, table["age"].to_numpy(np.float64))
    inputs = table.reindex(columns=list(task.inputs)).assign(sex=male, age=age).astype(np.float32)
    labels = {
        target: np.array([target in some for some in classes], dtype=np.int8)
        for target in task.targets
        if target != "sex"
    }
    labels["sex"] = np.where(np.isnan(male), UNKNOWN, male).astype(np.int8)
    return Cohort(
        "PTB-XL",
        table["ecg_id"].to_numpy(str),
        person.to_numpy(str),
        inputs,
        {target: labels[target] for target in task.targets},
        _published(table["strat_fold"] - 1, person, task, f"{root}: {PTB_XL.files[0]}"),
    )


_KEYS = ("dicom_id", "subject_id", "study_id")


def _findings(root: Path, task: Task) -> pd.DataFrame:
    """Who has which finding, one row per image, or per study where labels are of those."""
    path = find(root, Table(task.tables, {}))
    if path is None:
        raise DataError(f"{root}: none of {', '.join(task.tables)} (or .gz) is there; copy one")
    columns: dict[str, Kind] = dict.fromkeys(_KEYS, "text")
    columns |= dict.fromkeys(task.targets, "number")
    seen = header(path)
    key = ("dicom_id",) if "dicom_id" in seen else ("subject_id", "study_id")
    there = Table(task.tables, columns, key=key)
    return read(root, there, [name for name in columns if name in seen or name in key])


def _stated(text: str | None) -> list[str]:
    """The codes of PTB-XL's statements, which are written like "{'NORM': 100.0, 'SR': 0.0}"."""
    try:
        return list(dict(json.loads((text or "{}").replace("'", '"'))))
    except (ValueError, TypeError, RecursionError):
        raise DataError(
            f"{PTB_XL.files[0]}: scp_codes holds other than codes and how likely each is; "
            "take the table as published"
        ) from None


def in_folds(root: Path, task: Task, names: Sequence[str]) -> pd.DataFrame:
    """Columns that MIMIC-IV-ECG-Ext-ICD has of each ECG, what the cart measured, and `fold`.

    Raises
    ------
    DataError
        The tables are not of the same ECGs and people, or the folds are not those published.
    """
    diagnosed = read(root, DIAGNOSED, ["study_id", "subject_id", "strat_fold", *names])
    table = diagnosed.merge(carts(root), on="study_id", suffixes=("", " of cart"))
    both = f"{MEASUREMENTS.files[0]} and {DIAGNOSED.files[0]}"
    if table.empty:
        raise DataError(f"{root}: {both} share no study_id; take both from the same version")
    if (n := int((table["subject_id"] != table["subject_id of cart"]).sum())) > 0:
        raise DataError(
            f"{root}: {both} name another subject_id, or none, for {n} ECGs; take both from the "
            "same version"
        )
    where = f"{root}: {DIAGNOSED.files[0]}"
    fold = _published(table["strat_fold"], table["subject_id"], task, where)
    return table.assign(fold=fold)


def _published(fold: Any, person: Any, task: Task, where: str) -> NDArray[np.int64]:
    """(n,) folds from 0, of people of whom none is in two."""
    if not np.isin(fold, range(task.n_folds)).all():
        raise DataError(
            f"{where}: strat_fold is not a whole number of {task.n_folds} in some rows; "
            "take the table as published"
        )
    dealt = pd.DataFrame({"person": person, "fold": fold}).drop_duplicates()
    if dealt["person"].isna().any() or not dealt["person"].is_unique:
        raise DataError(
            f"{where}: has people in two folds, or rows of nobody; take the table as published"
        )
    return np.asarray(fold, dtype=np.int64)


def carts(root: Path) -> pd.DataFrame:
    """What the carts of MIMIC-IV-ECG measured, as it stands."""
    table = read(root, MEASUREMENTS, ["subject_id", "study_id", "ecg_time", *MARKS, *AXES])
    rr = table["rr_interval"].to_numpy()
    refuse_unit(f"{find(root, MEASUREMENTS)}: rr_interval", np.where(rr < 29999, rr, np.nan), *_RR)
    return table


def _of_codes(known: codes.Coded, task: Task, inputs: pd.DataFrame) -> dict[str, NDArray[np.int8]]:
    """Who has which of a task's codes; not known of a sex that it is not asked of."""
    n_rows = np.diff(known.has.indptr)
    often = [str(code) for code in known.codes[n_rows >= max(task.least.records, 1)]]
    labels = {}
    for target in task.targets or often:
        has = known.of(target).astype(np.int8)
        if target in task.only:
            right = inputs["sex"].to_numpy() == (task.only[target] == "male")
            has[~right] = UNKNOWN
        labels[target] = has
    return labels


def male(sex: Any, where: str) -> NDArray[np.float64]:
    """(n,) 1 for men, 0 for women, NaN unknown.

    Raises
    ------
    DataError
        Nobody's sex is written as M, F, male or female.
    """
    told: Mapping[str, float] = {"M": 1.0, "MALE": 1.0, "F": 0.0, "FEMALE": 0.0}
    values = pd.Series(sex).astype("string").str.strip().str.upper()
    found = np.asarray(values.map(told).to_numpy(np.float64, na_value=np.nan), dtype=np.float64)
    if len(found) and np.isnan(found).all():
        raise DataError(f"{where} is never M or F; write it so, or take the table as published")
    return found


def _middle(born: Any) -> NDArray[np.float64]:
    """(n,) the middle year of bands that are written as 1950-1954."""
    years = pd.Series(born).astype("string").str.extract(r"(\d{4})\D+(\d{4})").astype("float64")
    first, last = years.to_numpy(np.float64).T
    return np.asarray((first + last) / 2, dtype=np.float64)


def _within(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    low, high = (-360.0, 360.0) if name.endswith("deg") else (0.0, 5000.0)
    return np.where((values >= low) & (values <= high), values, np.nan)

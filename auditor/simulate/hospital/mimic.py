"""MIMIC-IV: its ECGs, its diagnoses (MIMIC-IV-ECG-Ext-ICD), patients and admissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, blank, categories, date, minutes
from auditor.simulate.hospital.people import People
from auditor.simulate.hospital.visits import Visits
from auditor.simulate.population import Floats

#: What machine_measurements.csv has where nothing was measured.
MISSING = 29999

LAYOUT: Mapping[str, tuple[str, ...]] = {
    "mimic-iv-ecg/machine_measurements.csv": (
        "subject_id", "study_id", "cart_id", "ecg_time", *(f"report_{n}" for n in range(18)),
        "bandwidth", "filtering", "rr_interval", "p_onset", "p_end", "qrs_onset", "qrs_end",
        "t_end", "p_axis", "qrs_axis", "t_axis",
    ),
    "mimic-iv-ecg/record_list.csv": ("subject_id", "study_id", "file_name", "ecg_time", "path"),
    "mimic-iv-ecg-ext-icd/records_w_diag_icd10.csv": (
        "file_name", "study_id", "subject_id", "ecg_time", "ed_stay_id", "ed_hadm_id",
        "hosp_hadm_id", "ed_diag_ed", "ed_diag_hosp", "hosp_diag_hosp", "all_diag_hosp",
        "all_diag_all", "gender", "age", "anchor_year", "anchor_age", "dod", "ecg_no_within_stay",
        "ecg_taken_in_ed", "ecg_taken_in_hosp", "ecg_taken_in_ed_or_hosp", "fold", "strat_fold",
    ),
    "mimic-iv/hosp/patients.csv.gz": (
        "subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod",
    ),
    "mimic-iv/hosp/admissions.csv.gz": (
        "subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "admission_type",
        "admit_provider_id", "admission_location", "discharge_location", "insurance", "language",
        "marital_status", "race", "edregtime", "edouttime", "hospital_expire_flag",
    ),
}  # fmt: skip

_ARCHIVE = "mimic-iv-ecg-diagnostic-electrocardiogram-matched-subset-1.0"
_YEARS = np.array(["2008 - 2010", "2011 - 2013", "2014 - 2016"])
_OF_ADMITTED: Mapping[str, Mapping[str, float]] = {
    "insurance": {"Medicare": 0.4, "Medicaid": 0.1, "Other": 0.5},
    "language": {"ENGLISH": 0.9, "?": 0.1},
    "marital_status": {"MARRIED": 0.45, "SINGLE": 0.35, "WIDOWED": 0.12, "DIVORCED": 0.08},
    "race": {
        "WHITE": 0.6, "BLACK/AFRICAN AMERICAN": 0.16, "HISPANIC/LATINO - PUERTO RICAN": 0.08,
        "ASIAN - CHINESE": 0.06, "OTHER": 0.06, "UNKNOWN": 0.04,
    },
}  # fmt: skip


def tables(visits: Visits, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table of `LAYOUT`, with its path; columns in any order."""
    yield (
        "mimic-iv-ecg/machine_measurements.csv",
        _machine_measurements(visits, stream(seed, "hospital/machine")),
    )
    yield "mimic-iv-ecg/record_list.csv", _record_list(visits)
    yield (
        "mimic-iv-ecg-ext-icd/records_w_diag_icd10.csv",
        _diagnoses(visits, stream(seed, "hospital/diagnoses")),
    )
    yield "mimic-iv/hosp/patients.csv.gz", _patients(visits, stream(seed, "hospital/patients"))
    yield (
        "mimic-iv/hosp/admissions.csv.gz",
        _admissions(visits, stream(seed, "hospital/admissions")),
    )


def _machine_measurements(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    rr, p_on, p_off, qrs_on, qrs_off, t_off, *axes = visits.measured.T
    n = len(rr)
    no_p = np.isnan(p_on)
    # Times count from the start of the averaged beat's window, in which P mostly begins at 40 ms.
    window = np.where(rng.random(n) < 0.8, 40, 40 + 2 * rng.integers(-6, 9, n))
    r = window - np.where(no_p, -220, p_on)
    rhythm = np.select(
        [np.isnan(rr), no_p, rr < 600, rr > 1000],
        ["All 12 leads are missing", "Atrial fibrillation", "Sinus tachycardia",
         "Sinus bradycardia"],
        "Sinus rhythm",
    )  # fmt: skip
    is_long = (t_off - qrs_on) / np.sqrt(rr / 1000) > 500
    summary = np.where(is_long | no_p, "Abnormal ECG", "Normal ECG")
    names = LAYOUT["mimic-iv-ecg/machine_measurements.csv"]
    values = np.stack([rr, *(r + time for time in (p_on, p_off, qrs_on, qrs_off, t_off)), *axes])
    integers = np.where(np.isnan(values), MISSING, values).astype(np.int64)
    return pd.DataFrame(
        dict.fromkeys(names, "")
        | {
            "subject_id": visits.subject,
            "study_id": visits.study,
            "cart_id": 6_800_000 + rng.integers(0, 300, n),
            "ecg_time": visits.time,
            "report_0": rhythm,
            "report_1": np.where(is_long, "Prolonged QT interval", summary),
            "report_2": np.where(is_long, summary, ""),
            "bandwidth": "0.005-150 Hz",
            "filtering": "60 Hz notch Baseline filter",
        }
        | dict(zip(names[-9:], integers, strict=True))
    )


def _paths(visits: Visits) -> pd.Series[str]:
    subject = pd.Series(visits.subject).astype(str)
    study = pd.Series(visits.study).astype(str)
    return "files/p" + subject.str[:4] + "/p" + subject + "/s" + study + "/" + study


def _record_list(visits: Visits) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": visits.subject,
            "study_id": visits.study,
            "file_name": visits.study,
            "ecg_time": visits.time,
            "path": _paths(visits),
        }
    )


def _diagnoses(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    people, person = visits.people, visits.person
    by_person = people.codes(rng)
    codes = np.array([str(codes) for codes in by_person], dtype=object)[person]
    n_coded = np.bincount(person[visits.in_stay], minlength=len(people)).astype(np.float64)
    stratified = _stratified_folds(people, by_person, n_coded, rng)
    fold = rng.permutation(np.arange(len(people)) % 20)
    return pd.DataFrame(
        {
            "file_name": _ARCHIVE + "/" + _paths(visits),
            "study_id": visits.study,
            "subject_id": visits.subject,
            "ecg_time": visits.time,
            "ed_stay_id": blank(visits.stay, ~visits.in_ed),
            "ed_hadm_id": blank(visits.admission, ~visits.in_both),
            "hosp_hadm_id": blank(visits.admission, ~visits.in_ward_only),
            "ed_diag_ed": np.where(visits.in_ed, codes, "[]"),
            "ed_diag_hosp": np.where(visits.in_both, codes, "[]"),
            "hosp_diag_hosp": np.where(visits.in_ward_only, codes, "[]"),
            "all_diag_hosp": np.where(visits.admitted, codes, "[]"),
            "all_diag_all": np.where(visits.in_stay, codes, "[]"),
            "gender": people.sex[person],
            "age": visits.age,
            "anchor_year": visits.anchor_year,
            "anchor_age": visits.anchor_age,
            "dod": _deaths(visits)[person],
            "ecg_no_within_stay": np.where(visits.in_stay, 0, -1),
            "ecg_taken_in_ed": visits.in_ed,
            "ecg_taken_in_hosp": visits.in_ward_only,
            "ecg_taken_in_ed_or_hosp": visits.in_stay,
            "fold": fold[person],
            "strat_fold": stratified[person],
        }
    )


def _stratified_folds(
    people: People, codes: list[list[str]], n_coded: Floats, rng: np.random.Generator
) -> Ints:
    """(n_people,) folds 0–19 with about equal shares of codes, conditions, sex and age quartile.

    After iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of
    multi-label data"): people are assigned in the order of their rarest label, each to the fold
    that still lacks most of their labels, weighted by rarity. `n_coded` (n_people,) is how many
    ECGs of a person carry codes.
    """
    known = sorted({code for one in codes for code in one})
    place = {code: number for number, code in enumerate(known)}
    coded = np.zeros((len(codes), len(known)))
    for person, one in enumerate(codes):
        coded[person, [place[code] for code in one]] = n_coded[person]
    quartile = np.digitize(people.age, np.quantile(people.age, [0.25, 0.5, 0.75]))
    stratum = np.eye(8)[4 * people.male + quartile]
    conditions = people.conditions * n_coded[:, None]
    share = np.column_stack([coded, conditions, stratum, np.ones(len(codes))])
    total = share.sum(axis=0)
    share = share[:, total > 0] / np.sqrt(total[total > 0])
    wanted = np.tile(share.sum(axis=0) / 20, (20, 1))
    fold = np.empty(len(codes), dtype=np.int64)
    for person in np.lexsort([rng.random(len(codes)), -share.max(axis=1)]):
        fold[person] = np.argmax(wanted @ share[person])
        wanted[fold[person]] -= share[person]
    return fold


def _deaths(visits: Visits) -> NDArray[np.str_]:
    """(n_people,) the date of death, blank for who lives."""
    return np.where(np.isnat(visits.died), "", date(visits.died))


def _patients(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": visits.subject[visits.first],
            "gender": visits.people.sex,
            "anchor_age": visits.anchor_age[visits.first],
            "anchor_year": visits.anchor_year[visits.first],
            "anchor_year_group": _YEARS[rng.integers(0, 3, len(visits.people))],
            "dod": _deaths(visits),
        }
    )


def _admissions(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    n, never = len(visits), np.datetime64("NaT")
    arrived = visits.time - minutes(rng.uniform(10, 240, n))
    left = visits.time + minutes(rng.uniform(0.5, 10, n) * 1440)
    death = visits.died[visits.person]
    dies = visits.last & (death <= left)
    left = np.where(dies, death, left)
    from_ed = visits.in_both
    drawn = {
        name: categories(rng, shares, len(visits.people))[visits.person]
        for name, shares in _OF_ADMITTED.items()
    }
    table = pd.DataFrame(
        {
            "subject_id": visits.subject,
            "hadm_id": visits.admission,
            "admittime": np.where(from_ed, visits.time + np.timedelta64(90, "m"), arrived),
            "dischtime": left,
            "deathtime": np.where(dies, left, never),
            "admission_type": np.where(from_ed, "EW EMER.", "URGENT"),
            "admit_provider_id": "",
            "admission_location": np.where(from_ed, "EMERGENCY ROOM", "PHYSICIAN REFERRAL"),
            "discharge_location": np.where(dies, "DIED", "HOME"),
            **drawn,
            "edregtime": np.where(from_ed, arrived, never),
            "edouttime": np.where(from_ed, visits.time + np.timedelta64(120, "m"), never),
            "hospital_expire_flag": dies.astype(np.int64),
        }
    )
    return table[visits.admitted]

"""A simulated hospital: the published table layouts, filled by hearts of a `Population`.

An illness is drawn from a person's age and sex by a logistic law and moves the traits of the heart
by its effects. Measurements, laboratory values and radiographs follow from the heart of the record
beside them; the null findings follow from nothing. So whoever learns from these tables can be told
what there was to be learned.

Three groups of people share the laws and nobody: the patients (MIMIC-IV and what hangs on it), the
people of ECG-ViEW II, and the biobank of the diabetes study, whose layout is ours because the
original is closed. Columns, item numbers, units and codes are those of the published tables.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import ConfigError
from auditor.core.streams import stream
from auditor.simulate.population import TRAITS, Population, marks, spreads

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: What machine_measurements.csv has where nothing was measured.
MISSING = 29999

_CHEXPERT = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum",
    "Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other",
    "Pneumonia", "Pneumothorax", "Support Devices",
)  # fmt: skip
_CXR_LT = (
    "Adenopathy", "Atelectasis", "Azygos Lobe", "Bulla", "Calcification of the Aorta",
    "Cardiomegaly", "Cardiomyopathy", "Clavicle Fracture", "Consolidation", "Edema", "Emphysema",
    "Enlarged Cardiomediastinum", "Fibrosis", "Fissure", "Fracture", "Granuloma", "Hernia", "Hilum",
    "Hydropneumothorax", "Infarction", "Infiltration", "Kyphosis", "Lobar Atelectasis",
    "Lung Lesion", "Lung Opacity", "Mass", "Nodule", "Normal", "Osteopenia", "Pleural Effusion",
    "Pleural Other", "Pleural Thickening", "Pneumomediastinum", "Pneumonia", "Pneumoperitoneum",
    "Pneumothorax", "Pulmonary Embolism", "Pulmonary Hypertension", "Rib Fracture",
    "Round(ed) Atelectasis", "Scoliosis", "Subcutaneous Emphysema", "Support Devices",
    "Tortuous Aorta", "Tuberculosis",
)  # fmt: skip
_REPLICATE = ("qrs_ms", "qt_ms", "qtc_ms", "pr_ms", "rr_ms", "t_axis_deg")

#: Every file under the root, and its columns in their order.
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
    "mimic-iv/hosp/labevents.csv.gz": (
        "labevent_id", "subject_id", "hadm_id", "specimen_id", "itemid", "order_provider_id",
        "charttime", "storetime", "value", "valuenum", "valueuom", "ref_range_lower",
        "ref_range_upper", "flag", "priority", "comments",
    ),
    "mimic-iv/hosp/d_labitems.csv.gz": ("itemid", "label", "fluid", "category"),
    "mimic-iv/hosp/omr.csv.gz": (
        "subject_id", "chartdate", "seq_num", "result_name", "result_value",
    ),
    "mimic-iv-ed/ed/vitalsign.csv.gz": (
        "subject_id", "stay_id", "charttime", "temperature", "heartrate", "resprate", "o2sat",
        "sbp", "dbp", "rhythm", "pain",
    ),
    "mimic-cxr/mimic-cxr-2.0.0-metadata.csv.gz": (
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition",
        "Rows", "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning",
        "ViewCodeSequence_CodeMeaning", "PatientOrientationCodeSequence_CodeMeaning",
    ),
    "mimic-cxr/mimic-cxr-2.0.0-chexpert.csv.gz": ("subject_id", "study_id", *_CHEXPERT),
    "cxr-lt-2024/cxr_lt_labels.csv": ("dicom_id", "subject_id", "study_id", *_CXR_LT),
    "ecg-view-ii/Person.csv": ("personid", "sex", "Birthyeargroup", "ethnicity"),
    "ecg-view-ii/Electrocardiogram.csv": (
        "personid", "ecgdate", "RR", "PR", "QRS", "QT", "QTc", "P_wave_axis", "QRS_axis",
        "T_wave_axis", "ACCI", "dept", "source",
    ),
    "ecg-view-ii/Diagnosis.csv": ("personid", "diagdate", "diagcode", "diagdepart"),
    "ecg-view-ii/DiagnosisCodeMaster.csv": ("diagcode", "diagname"),
    "biobank/t2dm.csv": (
        "person", "cohort", "age_years", "sex", "bmi_kg_m2", "waist_cm", "sbp_mmhg", "dbp_mmhg",
        *(f"{name}_{replicate}" for replicate in (1, 2, 3) for name in _REPLICATE),
        "hba1c_percent", "fasting_glucose_mg_dl", "diagnosed", "medicated",
    ),
}  # fmt: skip


class Illness(NamedTuple):
    """A finding that people have or have not.

    Attributes
    ----------
    name : in words
    codes : ICD-10 codes without dot, one of which stands for the finding, and their shares
    prevalence : among those of the sex that can have it
    age : odds ratio of ten years
    male : odds ratio of men to women
    only : the sex that can have it; None for both
    effects : what it adds to traits, in spreads; a finding of no effect, age or sex is a null
    """

    name: str
    codes: Mapping[str, float]
    prevalence: float
    age: float = 1.0
    male: float = 1.0
    only: str | None = None
    effects: Mapping[str, float] = {}

    @property
    def is_null(self) -> bool:
        """Nothing tells who has it."""
        return not self.effects and self.age == self.male == 1.0 and self.only is None


def _one(code: str) -> dict[str, float]:
    return {code: 1.0}


ILLNESSES = (
    Illness("Alzheimer's disease", {"G309": 0.7, "G301": 0.3}, 0.05, 2.2, 0.7,
            effects={"p_before_r_s": 1.8, "t_axis_deg": -1.8}),
    Illness("Parkinson's disease", _one("G20"), 0.04, 1.8, 1.6,
            effects={"rr_s": 2.2, "p_axis_deg": -1.8}),
    Illness("Anoxic brain damage", _one("G931"), 0.04, 1.1, 1.3,
            effects={"qt": 2.2, "rr_s": -2.2}),
    Illness("Unspecified dementia", {"F0390": 0.7, "F0391": 0.3}, 0.06, 2.2, 0.7,
            effects={"p_axis_deg": -1.8, "qrs_axis_deg": -1.8}),
    Illness("Vascular dementia", {"F0150": 0.7, "F0151": 0.3}, 0.04, 2.0,
            effects={"p_before_r_s": 2.0, "qrs_axis_deg": -2.0}),
    Illness("Delirium", _one("F05"), 0.06, 1.6,
            effects={"rr_s": -2.0, "t_axis_deg": -2.0}),
    Illness("Malignant neoplasm of bronchus and lung",
            {"C3410": 0.17, "C3411": 0.17, "C3430": 0.16, "C3432": 0.16, "C3490": 0.34}, 0.10,
            1.3, 1.2, effects={"p_axis_deg": 2.3, "qrs_axis_deg": 2.3}),
    Illness("Malignant neoplasm of oesophagus", {"C159": 0.6, "C155": 0.4}, 0.035, 1.3, 2.0,
            effects={"p_axis_deg": 2.3, "qt": -2.3}),
    Illness("Malignant neoplasm of liver", {"C220": 0.7, "C221": 0.3}, 0.035, 1.2, 2.0,
            effects={"qt": 2.3, "t_axis_deg": -2.3}),
    Illness("Malignant neoplasm of biliary tract", {"C240": 0.6, "C241": 0.4}, 0.035, 1.4,
            effects={"rr_s": 2.3, "qt": -2.3}),
    Illness("Secondary neoplasm of brain", _one("C7931"), 0.04, 1.1,
            effects={"p_before_r_s": -2.3, "rr_s": -2.3}),
    Illness("Malignant neoplasm of prostate", _one("C61"), 0.10, 1.7, only="male",
            effects={"qrs_width": -2.2, "t_axis_deg": 2.0}),
    Illness("Benign hyperplasia of prostate", {"N400": 0.7, "N401": 0.3}, 0.12, 1.7, only="male",
            effects={"p_before_r_s": 2.2, "p_axis_deg": 2.0}),
    Illness("Malignant neoplasm of bladder", _one("C679"), 0.04, 1.6, 2.5,
            effects={"qrs_axis_deg": -2.2, "qt": -2.2}),
    Illness("Leiomyoma of uterus", {"D259": 0.8, "D251": 0.2}, 0.10, 0.8, only="female",
            effects={"p_before_r_s": -2.2, "qrs_axis_deg": 2.2}),
    Illness("Endometriosis", {"N809": 0.6, "N801": 0.4}, 0.08, 0.6, only="female",
            effects={"qrs_width": -2.2, "p_axis_deg": -2.0}),
    Illness("Alcoholic liver disease", {"K7030": 0.6, "K7031": 0.2, "K7010": 0.2}, 0.06, 0.9, 2.0,
            effects={"qt": 2.4, "p_before_r_s": -2.2}),
    Illness("Hepatic failure", {"K7290": 0.6, "K7291": 0.2, "K7200": 0.2}, 0.06, 1.0, 1.2,
            effects={"qt": 2.3, "qrs_width": -2.0}),
    Illness("Atrial fibrillation", {"I4891": 0.6, "I480": 0.25, "I482": 0.15}, 0.08, 1.7, 1.3,
            effects={"rr_s": -1.5, "rr_jitter": 2.5, "p_size": -2.5}),
    Illness("Heart failure", {"I509": 0.5, "I5020": 0.25, "I5030": 0.25}, 0.07, 1.7, 1.1,
            effects={"qrs_width": 2.4, "t_axis_deg": 2.0}),
    Illness("Acute myocardial infarction", {"I214": 0.7, "I219": 0.3}, 0.05, 1.4, 1.6,
            effects={"t_axis_deg": 2.5, "qrs_axis_deg": -2.0, "st_left_mv": -2.0}),
    Illness("Essential hypertension", _one("I10"), 0.08, 1.5,
            effects={"qrs_width": 2.2, "qrs_axis_deg": -1.8, "r_size": 1.0}),
    Illness("Type 2 diabetes mellitus", {"E119": 0.6, "E1165": 0.2, "E1122": 0.2}, 0.08, 1.3, 1.2,
            effects={"rr_s": -2.0, "t_axis_deg": 2.0}),
    Illness("Hyperlipidaemia", _one("E785"), 0.08, 1.4, 1.2,
            effects={"qrs_width": 1.8, "p_axis_deg": 2.0}),
    Illness("Age-related nuclear cataract", {"H2510": 0.5, "H2513": 0.5}, 0.04),
    Illness("Low back pain", _one("M545"), 0.06),
    Illness("Dermatitis", _one("L309"), 0.05),
    Illness("Fracture of lower end of radius", {"S52501A": 0.5, "S52502A": 0.5}, 0.04),
    Illness("Allergy to penicillin", _one("Z880"), 0.06),
    Illness("Adverse effect of glucocorticoids", _one("T380X5A"), 0.05),
)  # fmt: skip


class _Lab(NamedTuple):
    """A laboratory item: MIMIC's number and words, reference range, and what it follows.

    `men` is their reference range where it is another. `traits` weighs the record's deviations
    (spreads), `age` 16 years; the noise weighs 1.
    """

    itemid: int
    label: str
    unit: str
    low: float
    high: float
    decimals: int = 1
    men: tuple[float, float] | None = None
    traits: Mapping[str, float] = {}
    age: float = 0.0
    fluid: str = "Blood"
    category: str = "Chemistry"
    share: float = 0.7


_LABS = (
    _Lab(51222, "Hemoglobin", "g/dL", 12, 16, 1, (13.7, 17.5), {"rr_s": 0.9, "p_axis_deg": 0.4},
         -0.3, category="Hematology"),
    _Lab(50862, "Albumin", "g/dL", 3.5, 5.2, 1, None, {"rr_s": 0.6, "t_axis_deg": -0.7}, -0.3),
    _Lab(50912, "Creatinine", "mg/dL", 0.5, 1.1, 1, (0.5, 1.2), {"p_before_r_s": 0.9}, 0.4),
    _Lab(51006, "Urea Nitrogen", "mg/dL", 6, 20, 0, None, {"p_before_r_s": 0.6}, 0.4),
    _Lab(50971, "Potassium", "mEq/L", 3.3, 5.1, 1, None, {"qt": -0.8, "qrs_width": 0.6}),
    _Lab(50963, "NTproBNP", "pg/mL", 0, 353, 0, None, {"qrs_width": 0.9, "t_axis_deg": 0.5}, 0.5),
    _Lab(51003, "Troponin T", "ng/mL", 0, 0.01, 2, None, {"t_axis_deg": 0.7, "qrs_axis_deg": -0.5}),
    _Lab(50931, "Glucose", "mg/dL", 70, 105, 0, None, {"rr_s": -0.4, "t_axis_deg": 0.4}),
    _Lab(50983, "Sodium", "mEq/L", 133, 145, 0),
    _Lab(50960, "Magnesium", "mg/dL", 1.6, 2.6, 1),
    _Lab(50889, "C-Reactive Protein", "mg/L", 0, 5, 1, None, {"rr_s": -0.7}),
    _Lab(50915, "D-Dimer", "ng/mL", 0, 500, 0, None, {"rr_s": -0.5}, 0.4, share=0.3),
    _Lab(51478, "Glucose", "mg/dL", 0, 0, 0, fluid="Urine", category="Hematology", share=0.2),
    _Lab(51482, "Hyaline Casts", "#/lpf", 0, 0, 0, fluid="Urine", category="Hematology", share=0.1),
    _Lab(50934, "H", "", 0, 0, 0, share=0.3),
    _Lab(50947, "I", "", 0, 0, 0, share=0.3),
    _Lab(51678, "L", "", 0, 0, 0, share=0.3),
)  # fmt: skip
#: Another unit in which some rows of a label come, and what the value is divided by.
_OTHER_UNITS = {"C-Reactive Protein": ("mg/dL", 10.0), "D-Dimer": ("ug/mL", 1000.0)}


class _Sign(NamedTuple):
    """A finding on radiographs: how common it is at mean age and heart, and log odds ratios.

    `age` is of 16 years, `traits` of one spread.
    """

    prevalence: float
    age: float = 0.0
    traits: Mapping[str, float] = {}


_SIGNS = {
    "Cardiomegaly": _Sign(0.12, 0.3, {"qrs_width": 1.0, "t_axis_deg": 0.7}),
    "Edema": _Sign(0.10, 0.2, {"rr_s": -0.9, "qrs_width": 0.8}),
    "Pleural Effusion": _Sign(0.15, 0.3, {"rr_s": -0.9}),
    "Pulmonary Hypertension": _Sign(0.05, 0.2, {"qrs_axis_deg": 1.1, "p_axis_deg": 0.6}),
    "Cardiomyopathy": _Sign(0.05, 0.0, {"qrs_width": 1.0, "qrs_axis_deg": -0.8}),
    "Osteopenia": _Sign(0.05, 1.6),
    "Kyphosis": _Sign(0.05, 1.6),
    "Tortuous Aorta": _Sign(0.05, 1.2, {"qrs_axis_deg": -0.5}),
    "Normal": _Sign(0.25, -0.6, {"rr_s": 0.6, "qrs_width": -0.6}),
    "Support Devices": _Sign(0.20),
    "Atelectasis": _Sign(0.15),
    "Lung Opacity": _Sign(0.20),
    "Pneumonia": _Sign(0.10),
    "Consolidation": _Sign(0.06),
    "Pneumothorax": _Sign(0.05),
    "Fracture": _Sign(0.05),
    "Emphysema": _Sign(0.05),
    "Enlarged Cardiomediastinum": _Sign(0.06),
    "Infiltration": _Sign(0.05),
    "Lung Lesion": _Sign(0.05),
    "Pleural Other": _Sign(0.05),
}
_RARE = _Sign(0.004)

_AGES = (18, 90)
_N_ECGS, _SHARES = np.arange(1, 6), np.array([0.30, 0.25, 0.20, 0.15, 0.10])
_RACES = {
    "WHITE": 0.6, "BLACK/AFRICAN AMERICAN": 0.16, "HISPANIC/LATINO - PUERTO RICAN": 0.08,
    "ASIAN - CHINESE": 0.06, "OTHER": 0.06, "UNKNOWN": 0.04,
}  # fmt: skip
_ARCHIVE = "mimic-iv-ecg-diagnostic-electrocardiogram-matched-subset-1.0"
_TRAIT = {trait.name: place for place, trait in enumerate(TRAITS)}


@dataclass(frozen=True, eq=False)
class People:
    """People, what ails them, and the hearts behind their ECGs.

    Attributes
    ----------
    population : the same people, whose waveforms it makes
    male : (n_people,)
    ill : (n_people, n_illnesses) who has which of `ILLNESSES`
    """

    population: Population
    male: Bools
    ill: Bools

    @property
    def age(self) -> Floats:
        """(n_people,) years at the first ECG."""
        assert self.population.people is not None
        return np.array([age for _, age in self.population.people], dtype=np.float64)

    @property
    def n_ecgs(self) -> Ints:
        """(n_people,) how many ECGs each person has."""
        assert self.population.sizes is not None
        return np.array([sum(sizes) for sizes in self.population.sizes])

    def hearts(self) -> tuple[NDArray[np.datetime64], Floats]:
        """When each ECG was taken (n_ecgs,), by the population's calendar, and its traits."""
        hearts = list(self.population.hearts())
        days = np.array([heart.taken_at for heart in hearts], dtype="datetime64[s]")
        return days, np.stack([heart.traits for heart in hearts])


@dataclass(frozen=True)
class Hospital:
    """Tables about simulated people; the same seed gives the same bytes.

    Attributes
    ----------
    n_subjects : patients; ECG-ViEW II has half as many, the biobank at most its own 2,438
    seed : of every random stream

    The n-th row of a table of ECGs is the n-th record of `patients.population`, whose dates lie in
    other years; in its waveforms a fibrillating heart's P is small, not gone.

    Raises
    ------
    ConfigError
        There are too few people to fill twenty folds.
    """

    n_subjects: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_subjects < 40:
            raise ConfigError(f"a hospital has {self.n_subjects} people, wanted 40 or more")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}, wanted 0 or more")

    @cached_property
    def patients(self) -> People:
        """The people of MIMIC-IV, their ECGs and radiographs."""
        return _cohort(self.seed, "patients", self.n_subjects)

    @cached_property
    def view_people(self) -> People:
        """The people of ECG-ViEW II."""
        return _cohort(self.seed, "ecg-view", self.n_subjects // 2)

    def write(
        self, root: Path, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Write every table of `LAYOUT` under `root`; `progress` hears how many are done."""
        done = 0
        for tables in (_mimic(self), _ecg_view(self), _biobank(self)):
            for name, table in tables:
                _write(table[list(LAYOUT[name])], root / name)
                done += 1
                progress(done, len(LAYOUT))


def _cohort(seed: int, site: str, n: int) -> People:
    rng = stream(seed, f"hospital/{site}/people")
    male = rng.random(n) < 0.5
    low, high = _AGES
    age = np.floor(low + (high + 1 - low) * rng.beta(2.6, 1.9, n))
    sizes = rng.choice(_N_ECGS, n, p=_SHARES)
    ill = np.stack([rng.random(n) < _risk(illness, age, male) for illness in ILLNESSES], axis=1)
    population = Population(
        n_subjects=n,
        fs=500.0,
        demographics=1.0,
        seed=int(rng.integers(2**31)),
        sizes=tuple((1,) * int(size) for size in sizes),
        people=tuple(
            ("male" if man else "female", float(years))
            for man, years in zip(male, age, strict=True)
        ),
        burden=ill.astype(np.float64)
        @ np.stack([_loadings(illness.effects) for illness in ILLNESSES]),
    )
    return People(population, male, ill)


def _risk(illness: Illness, age: Floats, male: Bools) -> Floats:
    """(n,) how likely each person has it; the intercept is solved on the law of ages itself."""
    n = 2000
    quantiles = np.sort(np.random.default_rng(0).beta(2.6, 1.9, n)) * (_AGES[1] - _AGES[0])
    reference = np.repeat(_AGES[0] + quantiles, 2), np.tile([True, False], n)

    def at(intercept: float, age: Floats, male: Bools) -> Floats:
        log_odds = intercept + np.log(illness.age) * (age - 60) / 10
        log_odds = log_odds + np.log(illness.male) * (male - 0.5)
        can = np.ones(len(male), dtype=bool)
        if illness.only is not None:
            can = male == (illness.only == "male")
        return np.where(can, _expit(log_odds), 0.0)

    share = illness.prevalence * (0.5 if illness.only else 1.0)
    low, high = -20.0, 5.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle, *reference).mean() < share else (low, middle)
    return at(low, age, male)


def _loadings(effects: Mapping[str, float]) -> Floats:
    """(n_traits,) named weights at their places."""
    weights = np.zeros(len(TRAITS))
    for name, weight in effects.items():
        weights[_TRAIT[name]] = weight
    return weights


def _expit(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _codes(cohort: People, rng: np.random.Generator) -> list[list[str]]:
    """The codes of each person: of each illness one, always the same."""
    codes: list[list[str]] = [[] for _ in cohort.male]
    for place, illness in enumerate(ILLNESSES):
        people = np.flatnonzero(cohort.ill[:, place])
        drawn = rng.choice(list(illness.codes), len(people), p=list(illness.codes.values()))
        for person, code in zip(people, drawn, strict=True):
            codes[person].append(str(code))
    return codes


def _measured(cohort: People, person: Ints, traits: Floats, rng: np.random.Generator) -> Floats:
    """(n_ecgs, 9) rr, p_on, p_off, qrs_on, qrs_off, t_off in ms, from R; three axes in degrees.

    To whole ms and degrees, with a machine's error; NaN where it saw no wave.
    """
    true = marks(traits)
    rr = traits[:, _TRAIT["rr_s"]]
    times = np.stack([rr, *(true[k] for k in ("p_on", "p_off", "qrs_on", "qrs_off", "t_off"))])
    axes = np.stack([true[k] for k in ("p_axis", "qrs_axis", "t_axis")])
    n = len(person)
    seen = np.concatenate([1000 * times, axes]).T + rng.standard_normal((n, 9)) * 4
    seen[:, :6] = 2 * np.round(seen[:, :6] / 2)
    seen[:, 6:] = (np.round(seen[:, 6:]) + 180) % 360 - 180
    fibrillates = cohort.ill[person, [i.name for i in ILLNESSES].index("Atrial fibrillation")]
    no_p = fibrillates | (rng.random(n) < 0.02)
    no_t = rng.random(n) < 0.005
    for column, missing in ((1, no_p), (2, no_p), (6, no_p), (5, no_t), (8, no_t)):
        seen[missing, column] = np.nan
    seen[rng.random(n) < 0.005] = np.nan
    return seen


def _ids(rng: np.random.Generator, first: int, n: int) -> Ints:
    """(n,) different numbers of eight digits that begin with `first`, in no order."""
    return first * 10_000_000 + rng.choice(10_000_000, n, replace=False)


def _shifted(days: NDArray[np.datetime64], years: Ints) -> NDArray[np.datetime64]:
    return days + np.round(years * 365.2425).astype("timedelta64[D]")


def _minutes(count: Floats | Ints) -> NDArray[np.timedelta64]:
    return np.round(60 * count).astype("timedelta64[s]")


def _day(times: NDArray[np.datetime64]) -> NDArray[np.str_]:
    return np.datetime_as_string(times.astype("datetime64[D]"))


def _year(times: NDArray[np.datetime64]) -> Ints:
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def _blank(values: Any, where: Bools) -> pd.Series[Any]:
    """The values as they are, and nothing where told; whole numbers stay whole."""
    series = pd.Series(values)
    if np.issubdtype(series.dtype.type, np.integer):
        series = series.astype("Int64")
    return series.mask(where)


# --- MIMIC-IV and what hangs on it ---------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Visits:
    """The ECGs of the patients, person by person in order of time; mostly (n_ecgs,).

    `kind` is 0 outside any stay, 1 emergency room only, 2 emergency room and ward, 3 ward only;
    `off` (n_ecgs, n_traits) spreads, `seen` as `_measured` gives it; `died` (n_people,).
    """

    cohort: People
    person: Ints
    time: NDArray[np.datetime64]
    kind: Ints
    first: Bools
    last: Bools
    off: Floats
    seen: Floats
    subject: Ints
    study: Ints
    stay: Ints
    admission: Ints
    anchor_age: Ints
    anchor_year: Ints
    age: Floats
    died: NDArray[np.datetime64]

    @property
    def in_ed(self) -> Bools:
        return (self.kind == 1) | (self.kind == 2)

    @property
    def in_ward(self) -> Bools:
        return self.kind >= 2


_Tables = Iterator[tuple[str, pd.DataFrame]]


def _mimic(hospital: Hospital) -> _Tables:
    visits = _visits(hospital)
    seed = hospital.seed
    yield "mimic-iv-ecg/machine_measurements.csv", _machine(visits, _own(seed, "machine"))
    yield "mimic-iv-ecg/record_list.csv", _record_list(visits)
    yield (
        "mimic-iv-ecg-ext-icd/records_w_diag_icd10.csv",
        _diagnosed(visits, _own(seed, "diagnoses")),
    )
    yield "mimic-iv/hosp/patients.csv.gz", _patients(visits, _own(seed, "patients"))
    yield "mimic-iv/hosp/admissions.csv.gz", _admissions(visits, _own(seed, "admissions"))
    yield "mimic-iv/hosp/labevents.csv.gz", _lab_events(visits, _own(seed, "labs"))
    items = [(lab.itemid, lab.label, lab.fluid, lab.category) for lab in _LABS]
    name = "mimic-iv/hosp/d_labitems.csv.gz"
    yield name, pd.DataFrame(items, columns=list(LAYOUT[name]))
    yield "mimic-iv/hosp/omr.csv.gz", _omr(visits, _own(seed, "omr"))
    yield "mimic-iv-ed/ed/vitalsign.csv.gz", _vital_signs(visits, _own(seed, "vitals"))
    yield from _radiographs(visits, _own(seed, "radiographs"))


def _own(seed: int, table: str) -> np.random.Generator:
    return stream(seed, f"hospital/{table}")


def _visits(hospital: Hospital) -> _Visits:
    cohort, rng = hospital.patients, _own(hospital.seed, "visits")
    n_people = len(cohort.male)
    person = np.repeat(np.arange(n_people), cohort.n_ecgs)
    n = len(person)
    days, traits = cohort.hearts()
    # The population's calendar begins in 2001; MIMIC's people live 2110 to 2200.
    time = _shifted(days, rng.integers(109, 190, n_people)[person])
    time = time + rng.integers(0, 86_400, n).astype("timedelta64[s]")
    first, last = np.diff(person, prepend=-1) > 0, np.diff(person, append=n_people) > 0
    start = _year(time[first])
    age = cohort.age + _year(time[last]) - start
    dies = rng.random(n_people) < _expit((age - 85) / 12)
    # Nobody dies before the ward they were sent to has admitted them.
    alive_for = 120 + rng.exponential(200 * 24 * 60, n_people)
    died = np.where(dies, time[last] + _minutes(alive_for), np.datetime64("NaT"))
    return _Visits(
        cohort=cohort,
        person=person,
        time=time,
        kind=rng.choice(4, n, p=[0.10, 0.25, 0.35, 0.30]),
        first=first,
        last=last,
        off=spreads(traits),
        seen=_measured(cohort, person, traits, rng),
        subject=np.sort(_ids(rng, 1, n_people))[person],
        study=_ids(rng, 4, n),
        stay=_ids(rng, 3, n),
        admission=_ids(rng, 2, n),
        # MIMIC-IV writes 91 for everybody above 89.
        anchor_age=np.where(cohort.age > 89, 91, cohort.age).astype(np.int64)[person],
        anchor_year=start[person],
        age=cohort.age[person] + _year(time) - start[person],
        died=died.astype("datetime64[s]"),
    )


def _machine(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    rr, p_on, p_off, qrs_on, qrs_off, t_off = visits.seen.T[:6]
    n = len(rr)
    # Marks count from the start of the averaged beat's window, which P opens at 40 ms.
    window = np.where(rng.random(n) < 0.8, 40, 40 + 2 * rng.integers(-6, 9, n))
    zero = window - np.where(np.isnan(p_on), -220, p_on)
    no_p = np.isnan(p_on)
    qt = t_off - qrs_on
    rhythm = np.select(
        [np.isnan(rr), no_p, rr < 600, rr > 1000],
        ["All 12 leads are missing", "Atrial fibrillation", "Sinus tachycardia",
         "Sinus bradycardia"],
        "Sinus rhythm",
    )  # fmt: skip
    is_long = qt / np.sqrt(rr / 1000) > 500
    whole = np.where(is_long | no_p, "Abnormal ECG", "Normal ECG")
    names = LAYOUT["mimic-iv-ecg/machine_measurements.csv"]
    values = np.stack(
        [rr, *(zero + mark for mark in (p_on, p_off, qrs_on, qrs_off, t_off)), *visits.seen.T[6:]]
    )
    whole_numbers = np.where(np.isnan(values), MISSING, values).astype(np.int64)
    return pd.DataFrame(
        dict.fromkeys(names, "")
        | {
            "subject_id": visits.subject,
            "study_id": visits.study,
            "cart_id": 6_800_000 + rng.integers(0, 300, n),
            "ecg_time": visits.time,
            "report_0": rhythm,
            "report_1": np.where(is_long, "Prolonged QT interval", whole),
            "report_2": np.where(is_long, whole, ""),
            "bandwidth": "0.005-150 Hz",
            "filtering": "60 Hz notch Baseline filter",
        }
        | dict(zip(names[-9:], whole_numbers, strict=True))
    )


def _paths(visits: _Visits) -> pd.Series[str]:
    subject = pd.Series(visits.subject).astype(str)
    study = pd.Series(visits.study).astype(str)
    return "files/p" + subject.str[:4] + "/p" + subject + "/s" + study + "/" + study


def _record_list(visits: _Visits) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": visits.subject,
            "study_id": visits.study,
            "file_name": visits.study,
            "ecg_time": visits.time,
            "path": _paths(visits),
        }
    )


def _diagnosed(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    of_people = _codes(visits.cohort, rng)
    codes = np.array([str(codes) for codes in of_people], dtype=object)[visits.person]
    in_ed, in_ward, both = visits.in_ed, visits.in_ward, visits.kind == 2
    coded = np.bincount(visits.person[in_ed | in_ward], minlength=len(of_people)).astype(np.float64)
    strata = _stratified(visits.cohort, of_people, coded, rng)
    fold = rng.permutation(np.arange(len(visits.cohort.male)) % 20)
    return pd.DataFrame(
        {
            "file_name": _ARCHIVE + "/" + _paths(visits),
            "study_id": visits.study,
            "subject_id": visits.subject,
            "ecg_time": visits.time,
            "ed_stay_id": _blank(visits.stay, ~in_ed),
            "ed_hadm_id": _blank(visits.admission, ~both),
            "hosp_hadm_id": _blank(visits.admission, visits.kind != 3),
            "ed_diag_ed": np.where(in_ed, codes, "[]"),
            "ed_diag_hosp": np.where(both, codes, "[]"),
            "hosp_diag_hosp": np.where(visits.kind == 3, codes, "[]"),
            "all_diag_hosp": np.where(in_ward, codes, "[]"),
            "all_diag_all": np.where(in_ed | in_ward, codes, "[]"),
            "gender": np.where(visits.cohort.male, "M", "F")[visits.person],
            "age": visits.age,
            "anchor_year": visits.anchor_year,
            "anchor_age": visits.anchor_age,
            "dod": _deaths(visits)[visits.person],
            "ecg_no_within_stay": np.where(in_ed | in_ward, 0, -1),
            "ecg_taken_in_ed": in_ed,
            "ecg_taken_in_hosp": visits.kind == 3,
            "ecg_taken_in_ed_or_hosp": in_ed | in_ward,
            "fold": fold[visits.person],
            "strat_fold": strata[visits.person],
        }
    )


def _stratified(
    cohort: People, codes: list[list[str]], coded: Floats, rng: np.random.Generator
) -> Ints:
    """(n_people,) folds 0–19 that share out codes, illnesses, sex and age quartile evenly.

    After iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of
    multi-label data"): who has the rarest label chooses first, and goes where all of their labels
    together, each by its rarity, are wanted most. `coded` says how many ECGs of a person carry
    codes.
    """
    leaves = sorted({code for one in codes for code in one})
    place = {code: number for number, code in enumerate(leaves)}
    leaf = np.zeros((len(codes), len(leaves)))
    for person, one in enumerate(codes):
        leaf[person, [place[code] for code in one]] = coded[person]
    quartile = np.digitize(cohort.age, np.quantile(cohort.age, [0.25, 0.5, 0.75]))
    stratum = np.eye(8)[4 * cohort.male + quartile]
    share = np.column_stack([leaf, cohort.ill * coded[:, None], stratum, np.ones(len(codes))])
    total = share.sum(axis=0)
    share = share[:, total > 0] / np.sqrt(total[total > 0])
    wanted = np.tile(share.sum(axis=0) / 20, (20, 1))
    fold = np.empty(len(codes), dtype=np.int64)
    for person in np.lexsort([rng.random(len(codes)), -share.max(axis=1)]):
        fold[person] = np.argmax(wanted @ share[person])
        wanted[fold[person]] -= share[person]
    return fold


def _deaths(visits: _Visits) -> NDArray[Any]:
    """(n_people,) the date of death, blank for the living."""
    return np.where(np.isnat(visits.died), "", _day(visits.died))


def _patients(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    group = rng.integers(0, 3, len(visits.cohort.male))
    return pd.DataFrame(
        {
            "subject_id": visits.subject[visits.first],
            "gender": np.where(visits.cohort.male, "M", "F"),
            "anchor_age": visits.anchor_age[visits.first],
            "anchor_year": visits.anchor_year[visits.first],
            "anchor_year_group": np.array(["2008 - 2010", "2011 - 2013", "2014 - 2016"])[group],
            "dod": _deaths(visits),
        }
    )


def _admissions(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    n_people, n = len(visits.cohort.male), len(visits.person)
    arrived = visits.time - _minutes(rng.uniform(10, 240, n))
    left = visits.time + _minutes(rng.uniform(0.5, 10, n) * 1440)
    death = visits.died[visits.person]
    dead = visits.last & (death <= left)
    left = np.where(dead, death, left)
    from_ed = visits.kind == 2
    people = {
        "insurance": _drawn(rng, {"Medicare": 0.4, "Medicaid": 0.1, "Other": 0.5}, n_people),
        "language": _drawn(rng, {"ENGLISH": 0.9, "?": 0.1}, n_people),
        "marital_status": _drawn(
            rng, {"MARRIED": 0.45, "SINGLE": 0.35, "WIDOWED": 0.12, "DIVORCED": 0.08}, n_people
        ),
        "race": _drawn(rng, _RACES, n_people),
    }
    table = pd.DataFrame(
        {
            "subject_id": visits.subject,
            "hadm_id": visits.admission,
            "admittime": np.where(from_ed, visits.time + _minutes(np.full(n, 90)), arrived),
            "dischtime": left,
            "deathtime": np.where(dead, left, np.datetime64("NaT")),
            "admission_type": np.where(from_ed, "EW EMER.", "URGENT"),
            "admit_provider_id": "",
            "admission_location": np.where(from_ed, "EMERGENCY ROOM", "PHYSICIAN REFERRAL"),
            "discharge_location": np.where(dead, "DIED", "HOME"),
            **{name: values[visits.person] for name, values in people.items()},
            "edregtime": np.where(from_ed, arrived, np.datetime64("NaT")),
            "edouttime": np.where(
                from_ed, visits.time + _minutes(np.full(n, 120)), np.datetime64("NaT")
            ),
            "hospital_expire_flag": dead.astype(np.int64),
        }
    )
    return table[visits.in_ward]


def _drawn(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.str_]:
    return rng.choice(list(shares), n, p=list(shares.values()))


def _lab_events(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    table = pd.concat([_of_lab(lab, visits, rng) for lab in _LABS], ignore_index=True)
    order = np.lexsort([table["itemid"], table["charttime"], table["subject_id"]])
    table = table.iloc[order].reset_index(drop=True)
    n = len(table)
    unnamed = {"order_provider_id": "", "comments": ""}
    return table.assign(labevent_id=np.arange(1, n + 1), **unnamed)


def _of_lab(lab: _Lab, visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    """What was measured about each ECG: once for most, twice for some."""
    once = np.flatnonzero(rng.random(len(visits.person)) < lab.share)
    rows = np.sort(np.concatenate([once, once[rng.random(len(once)) < 0.2]]))
    n = len(rows)
    male = visits.cohort.male[visits.person[rows]]
    low, high = np.where(male[:, None], lab.men or (lab.low, lab.high), (lab.low, lab.high)).T

    weights = _loadings(lab.traits)
    latent = visits.off[rows] @ weights + lab.age * (visits.age[rows] - 60) / 16
    # Illness and all, a trait has a spread of about 1.4.
    latent += rng.standard_normal(n)
    latent /= np.sqrt(1 + 1.4**2 * (weights @ weights) + lab.age**2)
    if lab.high == 0:
        value = np.floor(np.maximum(latent, 0) * 20)
    elif lab.low == 0:
        value = high * np.exp(latent - 0.8)
    else:
        value = np.sqrt(low * high) * (high / low) ** (latent / 2)

    unit = np.full(n, lab.unit, dtype=object)
    decimals = lab.decimals
    if lab.label in _OTHER_UNITS:
        other, divisor = _OTHER_UNITS[lab.label]
        odd = rng.random(n) < 0.08
        unit[odd] = other
        value, low, high = (np.where(odd, x / divisor, x) for x in (value, low, high))
        decimals += 2
    value = np.round(value, decimals)

    time = visits.time[rows] + _minutes(rng.uniform(-60, 120, n))
    unvalued, unranged = rng.random(n) < 0.02, rng.random(n) < 0.02
    text = pd.Series(value).map(f"{{:.{decimals}f}}".format)
    return pd.DataFrame(
        {
            "subject_id": visits.subject[rows],
            "hadm_id": _blank(visits.admission[rows], ~visits.in_ward[rows]),
            "specimen_id": rng.integers(10_000_000, 100_000_000, n),
            "itemid": lab.itemid,
            "charttime": time,
            "storetime": time + _minutes(rng.uniform(15, 60, n)),
            "value": text.mask(unvalued, "___"),
            "valuenum": _blank(value, unvalued),
            "valueuom": unit,
            "ref_range_lower": _blank(low, unranged),
            "ref_range_upper": _blank(high, unranged),
            "flag": np.where(((value < low) | (value > high)) & (high > 0), "abnormal", ""),
            "priority": np.where(visits.in_ed[rows], "STAT", "ROUTINE"),
        }
    )


def _pressure(visits: _Visits, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Systolic and diastolic, mmHg, at each ECG; what raises QRS voltage and age raise it."""
    n = len(visits.person)
    systolic = 125 + 0.3 * (visits.age - 60) + 4 * visits.off[:, _TRAIT["r_size"]]
    systolic += 14 * rng.standard_normal(n)
    diastolic = 72 + 0.4 * (systolic - 125) + 8 * rng.standard_normal(n)
    return systolic.round().astype(np.int64), diastolic.round().astype(np.int64)


def _omr(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    """Outpatient measurements; some lie too far from the ECG to count."""
    n = len(visits.person)
    cm = np.where(visits.cohort.male, 176, 163) + 7 * rng.standard_normal(len(visits.cohort.male))
    height = (cm / 2.54).round()[visits.person]
    bmi = np.exp(np.log(27.5) + 0.2 * rng.standard_normal(len(cm)))[visits.person]
    bmi = bmi + 0.5 * rng.standard_normal(n)
    pounds = bmi * (height * 0.0254) ** 2 / 0.45359237
    systolic, diastolic = _pressure(visits, rng)
    pressure = pd.Series(systolic).astype(str) + "/" + pd.Series(diastolic).astype(str)
    date = _day(visits.time + (rng.integers(-45, 46, n) * 86_400).astype("timedelta64[s]"))
    results = {
        "BMI (kg/m2)": pd.Series(bmi).map("{:.1f}".format),
        "Weight (Lbs)": pd.Series(pounds).map("{:.1f}".format),
        "Height (Inches)": pd.Series(height).map("{:.0f}".format),
        "Blood Pressure": pressure,
    }
    parts = [
        pd.DataFrame({"subject_id": visits.subject, "chartdate": date, "seq_num": 1})
        .assign(result_name=name, result_value=values)
        .loc[rng.random(n) < 0.75]
        for name, values in results.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["subject_id", "chartdate", "result_name"], kind="stable")


def _vital_signs(visits: _Visits, rng: np.random.Generator) -> pd.DataFrame:
    """One to three rows of each stay in the emergency room, about the ECG."""
    rows = np.repeat(np.arange(len(visits.person)), rng.integers(1, 4, len(visits.person)))
    rows = rows[visits.in_ed[rows]]
    n = len(rows)
    systolic, diastolic = _pressure(visits, rng)
    rate = 60_000 / visits.seen[rows, 0] + 4 * rng.standard_normal(n)
    fever = np.maximum(80 - visits.seen[rows, 0] / 10, 0) / 30
    temperature = 98.0 + fever + 0.6 * rng.standard_normal(n)
    # As typed: Celsius, a lost point.
    temperature = np.where(rng.random(n) < 0.01, (temperature - 32) / 1.8, temperature)
    temperature = np.where(rng.random(n) < 0.002, temperature * 10, temperature)
    pain = rng.integers(0, 11, n).astype(str).astype(object)
    pain[rng.random(n) < 0.03] = "unable"
    table = pd.DataFrame(
        {
            "subject_id": visits.subject[rows],
            "stay_id": visits.stay[rows],
            "charttime": visits.time[rows] + _minutes(rng.uniform(-60, 60, n)),
            "temperature": _blank(temperature.round(1), rng.random(n) < 0.05),
            "heartrate": rate.round(),
            "resprate": (18 - visits.off[rows, 0] + 2 * rng.standard_normal(n)).round(),
            "o2sat": np.minimum(97.5 + 2 * rng.standard_normal(n), 100).round(),
            "sbp": (systolic[rows] + 6 * rng.standard_normal(n)).round(),
            "dbp": (diastolic[rows] + 5 * rng.standard_normal(n)).round(),
            "rhythm": np.where(rng.random(n) < 0.05, "Sinus Rhythm", ""),
            "pain": pain,
        }
    )
    return table.sort_values(["subject_id", "stay_id", "charttime"], kind="stable")


def _radiographs(visits: _Visits, rng: np.random.Generator) -> _Tables:
    """Half of the people have one 1–20 h after an ECG; one in six one that is too late to pair."""
    n_people = len(visits.cohort.male)
    first = np.flatnonzero(visits.first)
    chosen = first + np.floor(rng.random(n_people) * visits.cohort.n_ecgs).astype(np.int64)
    soon, late = rng.random(n_people) < 0.5, rng.random(n_people) < 0.15
    ecg = np.concatenate([chosen[soon], chosen[late]])
    hours = np.concatenate([rng.uniform(1, 20, soon.sum()), rng.uniform(30, 200, late.sum())])
    order = np.argsort(ecg, kind="stable")
    ecg, n = ecg[order], len(ecg)
    time = visits.time[ecg] + _minutes(60 * hours[order])
    study = _ids(rng, 5, n)

    found = {}
    for name in _CXR_LT:
        sign = _SIGNS.get(name, _RARE)
        log_odds = np.log(sign.prevalence / (1 - sign.prevalence))
        log_odds = log_odds + sign.age * (visits.age[ecg] - 60) / 16
        log_odds = log_odds + visits.off[ecg] @ _loadings(sign.traits)
        found[name] = rng.random(n) < _expit(log_odds)

    two = rng.random(n) < 0.5
    image = np.repeat(np.arange(n), 1 + two)
    second = np.diff(image, prepend=-1) == 0
    upright = np.where(two, "PA", "AP")[image]
    view = np.where(second, "LATERAL", upright)
    words = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}
    text = np.datetime_as_string(time[image])
    clock = pd.Series(text).str[11:].str.replace(":", "") + ".000"
    procedure = np.where(two, "CHEST (PA AND LAT)", "CHEST (PORTABLE AP)")[image]
    ids = _hexadecimal(rng, len(image))
    subject = visits.subject[ecg]
    named = {"dicom_id": ids, "subject_id": subject[image], "study_id": study[image]}
    yield (
        "mimic-cxr/mimic-cxr-2.0.0-metadata.csv.gz",
        pd.DataFrame(
            named
            | {
                "PerformedProcedureStepDescription": procedure,
                "ViewPosition": view,
                "Rows": np.where(view == "AP", 2544, 3056),
                "Columns": np.where(view == "AP", 3056, 2544),
                "StudyDate": pd.Series(text).str[:10].str.replace("-", ""),
                "StudyTime": clock,
                "ProcedureCodeSequence_CodeMeaning": procedure,
                "ViewCodeSequence_CodeMeaning": pd.Series(view).map(words),
                "PatientOrientationCodeSequence_CodeMeaning": "Erect",
            }
        ),
    )
    table = pd.DataFrame({"subject_id": subject, "study_id": study})
    for name in _CHEXPERT:
        seen = found["Normal" if name == "No Finding" else name]
        # Most reports say nothing of what is not there; some are not sure of what is.
        silent, unsure = ~seen & (rng.random(n) < 0.7), seen & (rng.random(n) < 0.1)
        label = np.select([silent, unsure], [np.nan, -1.0], seen.astype(np.float64))
        table[name] = label
    yield "mimic-cxr/mimic-cxr-2.0.0-chexpert.csv.gz", table
    labels = {name: seen[image].astype(np.int64) for name, seen in found.items()}
    yield "cxr-lt-2024/cxr_lt_labels.csv", pd.DataFrame(named | labels)


def _hexadecimal(rng: np.random.Generator, n: int) -> list[str]:
    """Names as MIMIC-CXR gives to images: five groups of eight digits."""
    return ["-".join(f"{part:08x}" for part in row) for row in rng.integers(2**32, size=(n, 5))]


# --- ECG-ViEW II ---------------------------------------------------------------------------------


def _ecg_view(hospital: Hospital) -> _Tables:
    cohort, rng = hospital.view_people, _own(hospital.seed, "ecg-view")
    n_people = len(cohort.male)
    person = np.repeat(np.arange(n_people), cohort.n_ecgs)
    n = len(person)
    ids = np.arange(1, n_people + 1)
    days, traits = cohort.hearts()
    # The population's calendar begins in 2001; these people were seen 1994 to 2013.
    time = _shifted(days, rng.integers(-7, 3, n_people)[person])
    first = np.diff(person, prepend=-1) > 0
    born = _year(time[first]) - cohort.age.astype(np.int64)
    band = pd.Series(born // 5 * 5)
    yield (
        "ecg-view-ii/Person.csv",
        pd.DataFrame(
            {
                "personid": ids,
                "sex": np.where(cohort.male, "M", "F"),
                "Birthyeargroup": band.astype(str) + "-" + (band + 4).astype(str),
                "ethnicity": "Korean",
            }
        ),
    )
    rr, p_on, _, qrs_on, qrs_off, t_off, *axes = _measured(cohort, person, traits, rng).T
    qt = t_off - qrs_on
    age = _year(time) - born[person]
    measured = {
        "RR": rr,
        "PR": qrs_on - p_on,
        "QRS": qrs_off - qrs_on,
        "QT": qt,
        "QTc": (qt / np.sqrt(rr / 1000)).round(),
        **dict(zip(("P_wave_axis", "QRS_axis", "T_wave_axis"), axes, strict=True)),
    }
    yield (
        "ecg-view-ii/Electrocardiogram.csv",
        pd.DataFrame(
            {
                "personid": ids[person],
                "ecgdate": _day(time),
                **{name: pd.Series(values).astype("Int64") for name, values in measured.items()},
                # The Charlson index gives a point for each ten years above forty.
                "ACCI": np.maximum(age // 10 - 4, 0) + cohort.ill.sum(axis=1)[person] // 2,
                "dept": _drawn(rng, {"O": 0.5, "I": 0.3, "E": 0.15, "H": 0.05}, n),
                "source": _drawn(rng, {"M": 0.6, "P": 0.4}, n),
            }
        ),
    )
    codes = _codes(cohort, rng)
    rows = np.repeat(np.arange(n), [len(codes[one]) for one in person])
    near, far = rng.integers(-85, 86, len(rows)), rng.integers(100, 300, len(rows))
    delay = np.where(rng.random(len(rows)) < 0.9, near, far)
    yield (
        "ecg-view-ii/Diagnosis.csv",
        pd.DataFrame(
            {
                "personid": ids[person[rows]],
                "diagdate": _day(time[rows] + (delay * 86_400).astype("timedelta64[s]")),
                "diagcode": [code for one in person for code in codes[one]],
                "diagdepart": _drawn(rng, {"IM": 0.6, "CV": 0.25, "NR": 0.15}, len(rows)),
            }
        ),
    )
    named = sorted((code, illness.name) for illness in ILLNESSES for code in illness.codes)
    name = "ecg-view-ii/DiagnosisCodeMaster.csv"
    yield name, pd.DataFrame(named, columns=list(LAYOUT[name]))


# --- The biobank ---------------------------------------------------------------------------------

#: People of the published diabetes study: development, and followed for longer.
_DEVELOPMENT, _LONGITUDINAL = 2043, 395
#: Log odds ratios of diabetes to come, of one SD of each risk factor and one spread of each trait.
_CLINICAL = {"bmi": 0.75, "waist": 0.45, "age": 0.9, "sbp": 0.2}
_ELECTRIC = {"rr_s": -0.6, "qt": 0.45, "t_axis_deg": 0.6}
_BASE_LOG_ODDS = -2.9


def _biobank(hospital: Hospital) -> _Tables:
    """Healthy people with three ECGs of one session each, and who of them had diabetes later."""
    rng = _own(hospital.seed, "biobank")
    n = min(hospital.n_subjects, _DEVELOPMENT + _LONGITUDINAL)
    male = rng.random(n) < 0.5
    age = np.floor(rng.uniform(25, 71, n))
    population = Population(
        n_subjects=n,
        n_sessions=1,
        n_records=3,
        seconds=30.0,
        demographics=1.0,
        seed=int(rng.integers(2**31)),
        people=tuple(
            ("male" if man else "female", float(years))
            for man, years in zip(male, age, strict=True)
        ),
    )
    traits = np.stack([heart.traits for heart in population.hearts()])
    heavy = rng.standard_normal(n)
    wide = 0.8 * heavy + 0.6 * rng.standard_normal(n)
    old = (age - 48) / 13
    tense = 0.3 * heavy + 0.4 * old + 0.85 * rng.standard_normal(n)
    clinical = dict(zip(_CLINICAL, (heavy, wide, old, tense), strict=True))
    log_odds = _BASE_LOG_ODDS + sum(_CLINICAL[name] * z for name, z in clinical.items())
    off = spreads(traits).reshape(n, 3, len(TRAITS)).mean(axis=1)
    ill = rng.random(n) < _expit(log_odds + off @ _loadings(_ELECTRIC))

    systolic = 122 + 14 * tense
    diastolic = 75 + 0.35 * (systolic - 122) + 7 * rng.standard_normal(n)
    how = rng.integers(0, 4, n)
    # Everybody with diabetes has at least one sign of it, and nobody else has any.
    hba1c = np.where(ill, rng.uniform(6.0, 9.0, n), 5.4 + 0.3 * rng.standard_normal(n))
    hba1c = np.where(ill & (how == 0), rng.uniform(6.5, 9.5, n), hba1c)
    hba1c = np.where(ill, hba1c, np.minimum(hba1c, 6.4))
    glucose = np.where(ill, rng.uniform(105, 200, n), 92 + 9 * rng.standard_normal(n))
    glucose = np.where(ill & (how == 1), rng.uniform(126, 220, n), glucose)
    glucose = np.where(ill, glucose, np.minimum(glucose, 125))
    development = round(n * _DEVELOPMENT / (_DEVELOPMENT + _LONGITUDINAL))
    table = {
        "person": [f"q{number:05d}" for number in rng.permutation(n) + 1],
        "cohort": np.where(np.arange(n) < development, "development", "longitudinal"),
        "age_years": age.astype(np.int64),
        "sex": np.where(male, "M", "F"),
        "bmi_kg_m2": (29 * np.exp(0.19 * heavy)).round(1),
        "waist_cm": (np.where(male, 96, 88) + 12 * wide).round(),
        "sbp_mmhg": systolic.round(),
        "dbp_mmhg": diastolic.round(),
        **_replicates(traits, rng),
        "hba1c_percent": _blank(hba1c.round(1), (rng.random(n) < 0.05) & (how != 0)),
        "fasting_glucose_mg_dl": _blank(glucose.round(), (rng.random(n) < 0.05) & (how != 1)),
        "diagnosed": (ill & ((how == 2) | (rng.random(n) < 0.6))).astype(np.int64),
        "medicated": (ill & ((how == 3) | (rng.random(n) < 0.5))).astype(np.int64),
    }
    yield "biobank/t2dm.csv", pd.DataFrame(table)


def _replicates(traits: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """The machine's six measures of each of a person's three records; some are missing."""
    seen = marks(traits)
    rr = 1000 * traits[:, _TRAIT["rr_s"]]
    qrs, qt = (1000 * (seen[end] - seen["qrs_on"]) for end in ("qrs_off", "t_off"))
    pr = 1000 * (seen["qrs_on"] - seen["p_on"])
    measures = np.stack([qrs, qt, qt / np.sqrt(rr / 1000), pr, rr, seen["t_axis"]], axis=1)
    measures = np.round(measures + 4 * rng.standard_normal(measures.shape))
    measures[rng.random(measures.shape) < 0.01] = np.nan
    return {
        f"{name}_{replicate + 1}": measures[replicate::3, column]
        for replicate in range(3)
        for column, name in enumerate(_REPLICATE)
    }


def _write(table: pd.DataFrame, path: Path) -> None:
    """As CSV; packed ones carry no time, so the same table is the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if path.suffix != ".gz":
            _as_csv(table, file)
            return
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
            _as_csv(table, packed)


def _as_csv(table: pd.DataFrame, file: Any) -> None:
    with TextIOWrapper(file, encoding="utf-8", newline="") as text:
        table.to_csv(text, index=False, lineterminator="\n")

"""MIMIC-CXR: radiographs of the patients, and their labels (CheXpert, CXR-LT)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, Times, identifiers, minutes
from auditor.simulate.hospital.visits import Visits
from auditor.simulate.population import Bools, loadings

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

LAYOUT: Mapping[str, tuple[str, ...]] = {
    "mimic-cxr/mimic-cxr-2.0.0-metadata.csv.gz": (
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition",
        "Rows", "Columns", "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning",
        "ViewCodeSequence_CodeMeaning", "PatientOrientationCodeSequence_CodeMeaning",
    ),
    "mimic-cxr/mimic-cxr-2.0.0-chexpert.csv.gz": ("subject_id", "study_id", *_CHEXPERT),
    "cxr-lt-2024/cxr_lt_labels.csv": ("dicom_id", "subject_id", "study_id", *_CXR_LT),
}  # fmt: skip


class _Label(NamedTuple):
    """A label of radiographs: prevalence at mean age and mean traits, and log odds ratios.

    Attributes
    ----------
    age : log odds ratio of 16 years
    traits : of one SD of each
    """

    prevalence: float
    age: float = 0.0
    traits: Mapping[str, float] = {}


_LABELS = {
    "Cardiomegaly": _Label(0.12, 0.3, {"qrs_width": 1.0, "t_axis_deg": 0.7}),
    "Edema": _Label(0.10, 0.2, {"rr_s": -0.9, "qrs_width": 0.8}),
    "Pleural Effusion": _Label(0.15, 0.3, {"rr_s": -0.9}),
    "Pulmonary Hypertension": _Label(0.05, 0.2, {"qrs_axis_deg": 1.1, "p_axis_deg": 0.6}),
    "Cardiomyopathy": _Label(0.05, 0.0, {"qrs_width": 1.0, "qrs_axis_deg": -0.8}),
    "Osteopenia": _Label(0.05, 1.6),
    "Kyphosis": _Label(0.05, 1.6),
    "Tortuous Aorta": _Label(0.05, 1.2, {"qrs_axis_deg": -0.5}),
    "Normal": _Label(0.25, -0.6, {"rr_s": 0.6, "qrs_width": -0.6}),
    "Support Devices": _Label(0.20),
    "Atelectasis": _Label(0.15),
    "Lung Opacity": _Label(0.20),
    "Pneumonia": _Label(0.10),
    "Consolidation": _Label(0.06),
    "Pneumothorax": _Label(0.05),
    "Fracture": _Label(0.05),
    "Emphysema": _Label(0.05),
    "Enlarged Cardiomediastinum": _Label(0.06),
    "Infiltration": _Label(0.05),
    "Lung Lesion": _Label(0.05),
    "Pleural Other": _Label(0.05),
}
_RARE = _Label(0.004)
#: Of the other ECGs of people who had a radiograph soon after one, those with another.
_AGAIN = 0.4


def tables(visits: Visits, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table of `LAYOUT`, with its path; columns in any order.

    Half of the people have a radiograph 1 to 20 h after an ECG, and of these again after some of
    their other ECGs; some have one 30 to 200 h after.
    """
    rng = stream(seed, "hospital/radiographs")
    ecg, time = _studies(visits, rng)
    n = len(ecg)
    subject, study = visits.subject[ecg], identifiers(rng, 5, n)
    findings = {name: _drawn(_LABELS.get(name, _RARE), visits, ecg, rng) for name in _CXR_LT}

    two_views = rng.random(n) < 0.5
    row = np.repeat(np.arange(n), 1 + two_views)
    images = pd.DataFrame(
        {"dicom_id": _dicom_ids(rng, len(row)), "subject_id": subject[row], "study_id": study[row]}
    )
    yield (
        "mimic-cxr/mimic-cxr-2.0.0-metadata.csv.gz",
        images.join(_metadata(row, time[row], two_views[row])),
    )
    table = pd.DataFrame({"subject_id": subject, "study_id": study})
    for name in _CHEXPERT:
        found = findings["Normal" if name == "No Finding" else name]
        # Most reports do not mention what is absent; some are uncertain of what is present.
        unmentioned, uncertain = ~found & (rng.random(n) < 0.7), found & (rng.random(n) < 0.1)
        table[name] = np.select([unmentioned, uncertain], [np.nan, -1.0], found.astype(np.float64))
    yield "mimic-cxr/mimic-cxr-2.0.0-chexpert.csv.gz", table
    labels = pd.DataFrame({name: found[row].astype(int) for name, found in findings.items()})
    yield "cxr-lt-2024/cxr_lt_labels.csv", images.join(labels)


def _studies(visits: Visits, rng: np.random.Generator) -> tuple[Ints, Times]:
    """The ECG before each study, in their order, and when the study was made."""
    n_people = len(visits.people)
    n_ecgs = np.bincount(visits.person, minlength=n_people)
    chosen = np.flatnonzero(visits.first) + np.floor(rng.random(n_people) * n_ecgs).astype(np.int64)
    soon, late = rng.random(n_people) < 0.5, rng.random(n_people) < 0.15
    another = soon[visits.person] & (rng.random(len(visits)) < _AGAIN)
    another[chosen] = False
    again = np.flatnonzero(another)
    ecg = np.concatenate([chosen[soon], again, chosen[late]])
    n_soon = soon.sum() + len(again)
    hours = np.concatenate([rng.uniform(1, 20, n_soon), rng.uniform(30, 200, late.sum())])
    order = np.argsort(ecg, kind="stable")
    ecg = ecg[order]
    return ecg, visits.time[ecg] + minutes(60 * hours[order])


def _drawn(label: _Label, visits: Visits, ecg: Ints, rng: np.random.Generator) -> Bools:
    """(n_studies,) which studies have the label."""
    log_odds = np.log(label.prevalence / (1 - label.prevalence))
    log_odds = log_odds + label.age * (visits.age[ecg] - 60) / 16
    log_odds = log_odds + visits.z[ecg] @ loadings(label.traits)
    return rng.random(len(ecg)) < expit(log_odds)


def _metadata(study: Ints, time: Times, two_views: Bools) -> pd.DataFrame:
    """A row for each image, in the order of the studies; of two views, PA comes first."""
    upright = np.where(two_views, "PA", "AP")
    view = np.where(np.diff(study, prepend=-1) == 0, "LATERAL", upright)
    words = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}
    procedure = np.where(two_views, "CHEST (PA AND LAT)", "CHEST (PORTABLE AP)")
    text = pd.Series(np.datetime_as_string(time))
    return pd.DataFrame(
        {
            "PerformedProcedureStepDescription": procedure,
            "ViewPosition": view,
            "Rows": np.where(view == "AP", 2544, 3056),
            "Columns": np.where(view == "AP", 3056, 2544),
            "StudyDate": text.str[:10].str.replace("-", ""),
            "StudyTime": text.str[11:].str.replace(":", "") + ".000",
            "ProcedureCodeSequence_CodeMeaning": procedure,
            "ViewCodeSequence_CodeMeaning": pd.Series(view).map(words),
            "PatientOrientationCodeSequence_CodeMeaning": "Erect",
        }
    )


def _dicom_ids(rng: np.random.Generator, n: int) -> list[str]:
    """As in MIMIC-CXR: five groups of eight hexadecimal digits."""
    return ["-".join(f"{part:08x}" for part in row) for row in rng.integers(2**32, size=(n, 5))]

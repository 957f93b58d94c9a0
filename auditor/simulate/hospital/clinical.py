"""MIMIC-IV: laboratory, outpatient measurements and the vital signs of the ED."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, add_days, blank, date, minutes
from auditor.simulate.hospital.visits import Visits
from auditor.simulate.population import TRAIT_INDEX, loadings

LAYOUT: Mapping[str, tuple[str, ...]] = {
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
}  # fmt: skip


class _Lab(NamedTuple):
    """A laboratory item: number, names and reference range of MIMIC-IV, and what it depends on.

    Attributes
    ----------
    low, high : reference range; 0 and 0 for an item that has none, which is drawn as a count
    men : their reference range where it is another
    traits, age : weights of the record's traits (SD) and of 16 years; the noise weighs 1
    share : of the ECGs that have the item measured
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
#: Another unit in which some rows of a label are written, and what the value is divided by.
_OTHER_UNITS = {"C-Reactive Protein": ("mg/dL", 10.0), "D-Dimer": ("ug/mL", 1000.0)}


def tables(visits: Visits, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table of `LAYOUT`, with its path; columns in any order."""
    yield "mimic-iv/hosp/labevents.csv.gz", _lab_events(visits, stream(seed, "hospital/labs"))
    yield "mimic-iv/hosp/d_labitems.csv.gz", pd.DataFrame(list(_LABS))
    yield "mimic-iv/hosp/omr.csv.gz", _outpatient(visits, stream(seed, "hospital/omr"))
    yield "mimic-iv-ed/ed/vitalsign.csv.gz", _vital_signs(visits, stream(seed, "hospital/vitals"))


def _lab_events(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    table = pd.concat([_events_of(lab, visits, rng) for lab in _LABS], ignore_index=True)
    order = np.lexsort([table["itemid"], table["charttime"], table["subject_id"]])
    table = table.iloc[order].reset_index(drop=True)
    number = np.arange(1, len(table) + 1)
    return table.assign(labevent_id=number, order_provider_id="", comments="")


def _events_of(lab: _Lab, visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    """Measurements near each ECG: one for most, two for some."""
    once = np.flatnonzero(rng.random(len(visits)) < lab.share)
    rows = np.sort(np.concatenate([once, once[rng.random(len(once)) < 0.2]]))
    n = len(rows)
    male = visits.people.male[visits.person[rows]]
    low, high = np.where(male[:, None], lab.men or (lab.low, lab.high), (lab.low, lab.high)).T

    weights = loadings(lab.traits)
    z = visits.z[rows] @ weights + lab.age * (visits.age[rows] - 60) / 16
    z += rng.standard_normal(n)
    # With the effects of conditions, a trait has a standard deviation of about 1.4.
    z /= np.sqrt(1 + 1.4**2 * (weights @ weights) + lab.age**2)
    if lab.high == 0:
        value = np.floor(np.maximum(z, 0) * 20)
    elif lab.low == 0:
        value = high * np.exp(z - 0.8)
    else:
        value = np.sqrt(low * high) * (high / low) ** (z / 2)

    unit = np.full(n, lab.unit, dtype=object)
    decimals = lab.decimals
    if lab.label in _OTHER_UNITS:
        name, divisor = _OTHER_UNITS[lab.label]
        other = rng.random(n) < 0.08
        unit[other] = name
        value, low, high = (np.where(other, x / divisor, x) for x in (value, low, high))
        decimals += 2
    value = np.round(value, decimals)

    time = visits.time[rows] + minutes(rng.uniform(-60, 120, n))
    no_value, no_range = rng.random(n) < 0.02, rng.random(n) < 0.02
    text = pd.Series(value).map(f"{{:.{decimals}f}}".format)
    return pd.DataFrame(
        {
            "subject_id": visits.subject[rows],
            "hadm_id": blank(visits.admission[rows], ~visits.admitted[rows]),
            "specimen_id": rng.integers(10_000_000, 100_000_000, n),
            "itemid": lab.itemid,
            "charttime": time,
            "storetime": time + minutes(rng.uniform(15, 60, n)),
            "value": text.mask(no_value, "___"),
            "valuenum": blank(value, no_value),
            "valueuom": unit,
            "ref_range_lower": blank(low, no_range),
            "ref_range_upper": blank(high, no_range),
            "flag": np.where(((value < low) | (value > high)) & (high > 0), "abnormal", ""),
            "priority": np.where(visits.in_ed[rows], "STAT", "ROUTINE"),
        }
    )


def _pressure(visits: Visits, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """(n_ecgs,) systolic and diastolic, mmHg, at each ECG; higher with QRS voltage and age."""
    n = len(visits)
    systolic = 125 + 0.3 * (visits.age - 60) + 4 * visits.z[:, TRAIT_INDEX["r_size"]]
    systolic += 14 * rng.standard_normal(n)
    diastolic = 72 + 0.4 * (systolic - 125) + 8 * rng.standard_normal(n)
    return systolic.round().astype(np.int64), diastolic.round().astype(np.int64)


def _outpatient(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    """Measurements of three in four ECGs, up to 45 days apart from it."""
    n, n_people = len(visits), len(visits.people)
    cm = np.where(visits.people.male, 176, 163) + 7 * rng.standard_normal(n_people)
    inches = (cm / 2.54).round()[visits.person]
    bmi = np.exp(np.log(27.5) + 0.2 * rng.standard_normal(n_people))[visits.person]
    bmi = bmi + 0.5 * rng.standard_normal(n)
    pounds = bmi * (inches * 0.0254) ** 2 / 0.45359237
    systolic, diastolic = _pressure(visits, rng)
    chartdate = date(add_days(visits.time, rng.integers(-45, 46, n)))
    results = {
        "BMI (kg/m2)": pd.Series(bmi).map("{:.1f}".format),
        "Weight (Lbs)": pd.Series(pounds).map("{:.1f}".format),
        "Height (Inches)": pd.Series(inches).map("{:.0f}".format),
        "Blood Pressure": pd.Series(systolic).astype(str) + "/" + pd.Series(diastolic).astype(str),
    }
    parts = [
        pd.DataFrame({"subject_id": visits.subject, "chartdate": chartdate, "seq_num": 1})
        .assign(result_name=name, result_value=values)
        .loc[rng.random(n) < 0.75]
        for name, values in results.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["subject_id", "chartdate", "result_name"], kind="stable")


def _vital_signs(visits: Visits, rng: np.random.Generator) -> pd.DataFrame:
    """One to three rows of each stay in the ED, within an hour of the ECG."""
    rows = np.repeat(np.arange(len(visits)), rng.integers(1, 4, len(visits)))
    rows = rows[visits.in_ed[rows]]
    n = len(rows)
    systolic, diastolic = _pressure(visits, rng)
    rr, rr_z = visits.measured[rows, 0], visits.z[rows, TRAIT_INDEX["rr_s"]]
    rate = 60_000 / rr + 4 * rng.standard_normal(n)
    fever = np.maximum(80 - rr / 10, 0) / 30
    temperature = 98.0 + fever + 0.6 * rng.standard_normal(n)
    # Errors of entry: Celsius, a lost decimal point.
    temperature = np.where(rng.random(n) < 0.01, (temperature - 32) / 1.8, temperature)
    temperature = np.where(rng.random(n) < 0.002, temperature * 10, temperature)
    pain = rng.integers(0, 11, n).astype(str).astype(object)
    pain[rng.random(n) < 0.03] = "unable"
    table = pd.DataFrame(
        {
            "subject_id": visits.subject[rows],
            "stay_id": visits.stay[rows],
            "charttime": visits.time[rows] + minutes(rng.uniform(-60, 60, n)),
            "temperature": blank(temperature.round(1), rng.random(n) < 0.05),
            "heartrate": rate.round(),
            "resprate": (18 - rr_z + 2 * rng.standard_normal(n)).round(),
            "o2sat": np.minimum(97.5 + 2 * rng.standard_normal(n), 100).round(),
            "sbp": (systolic[rows] + 6 * rng.standard_normal(n)).round(),
            "dbp": (diastolic[rows] + 5 * rng.standard_normal(n)).round(),
            "rhythm": np.where(rng.random(n) < 0.05, "Sinus Rhythm", ""),
            "pain": pain,
        }
    )
    return table.sort_values(["subject_id", "stay_id", "charttime"], kind="stable")

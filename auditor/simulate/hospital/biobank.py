"""The biobank of the diabetes study: healthy people, and who of them had diabetes later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import expit

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, blank
from auditor.simulate.hospital.people import sex_and_age
from auditor.simulate.population import (
    TRAIT_INDEX,
    TRAITS,
    Bools,
    Floats,
    Population,
    fiducials_and_axes,
    loadings,
    z_scores,
)

_REPLICATE = ("qrs_ms", "qt_ms", "qtc_ms", "pr_ms", "rr_ms", "t_axis_deg")
LAYOUT: Mapping[str, tuple[str, ...]] = {
    "biobank/t2dm.csv": (
        "person", "visit", "cohort", "age_years", "sex",
        "bmi_kg_m2", "waist_cm", "sbp_mmhg", "dbp_mmhg",
        *(f"{name}_{replicate}" for replicate in (1, 2, 3) for name in _REPLICATE),
        "hba1c_percent", "fasting_glucose_mg_dl", "diagnosed", "medicated",
    ),
}  # fmt: skip

#: People of the published diabetes study: development, and followed for longer.
_DEVELOPMENT, _LONGITUDINAL = 2043, 395
#: Log odds ratios of diabetes to come, of one SD of each risk factor and of each trait.
_BMI, _WAIST, _AGE, _PRESSURE = 0.75, 0.45, 0.9, 0.2
_TRAITS = {"rr_s": -0.6, "qt": 0.45, "t_axis_deg": 0.6}
_INTERCEPT = -2.9
#: The share of people who came twice before they were followed up, and years between.
_TWICE, _BETWEEN = 0.4, 2
#: The signs by which a person counts as having diabetes.
_HBA1C, _GLUCOSE, _DIAGNOSIS, _MEDICATION = range(4)


def tables(n_people: int, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """The table of `LAYOUT`, of at most as many people as the published study had; some of them
    came twice, years apart, before they were followed up.
    """
    rng = stream(seed, "hospital/biobank")
    n = min(n_people, _DEVELOPMENT + _LONGITUDINAL)
    male = rng.random(n) < 0.5
    age = np.floor(rng.uniform(25, 71, n))
    population = Population(
        n_subjects=n,
        n_sessions=2,
        n_records=3,
        seconds=30.0,
        demographics=1.0,
        seed=int(rng.integers(2**31)),
        people=sex_and_age(male, age),
    )
    traits = population.traits().reshape(n, 2, 3, len(TRAITS))
    bmi = rng.standard_normal(n)
    waist = 0.8 * bmi + 0.6 * rng.standard_normal(n)
    years = (age - 48) / 13
    pressure = 0.3 * bmi + 0.4 * years + 0.85 * rng.standard_normal(n)
    log_odds = _INTERCEPT + (_BMI * bmi + _WAIST * waist + _AGE * years + _PRESSURE * pressure)
    z = z_scores(traits[:, 0].reshape(-1, len(TRAITS))).reshape(n, 3, -1).mean(axis=1)
    diabetic = rng.random(n) < expit(log_odds + z @ loadings(_TRAITS))

    development = round(n * _DEVELOPMENT / (_DEVELOPMENT + _LONGITUDINAL))
    # Everybody with diabetes has at least the sign of this number, and nobody else has any.
    sign = rng.integers(0, 4, n)
    hba1c, glucose = _blood_sugar(diabetic, sign, rng)
    who = {
        "person": [f"q{number:05d}" for number in rng.permutation(n) + 1],
        "cohort": np.where(np.arange(n) < development, "development", "longitudinal"),
        "sex": np.where(male, "M", "F"),
        "hba1c_percent": blank(hba1c.round(1), (rng.random(n) < 0.05) & (sign != _HBA1C)),
        "fasting_glucose_mg_dl": blank(
            glucose.round(), (rng.random(n) < 0.05) & (sign != _GLUCOSE)
        ),
        "diagnosed": (diabetic & ((sign == _DIAGNOSIS) | (rng.random(n) < 0.6))).astype(np.int64),
        "medicated": (diabetic & ((sign == _MEDICATION) | (rng.random(n) < 0.5))).astype(np.int64),
    }
    body = np.stack([bmi, waist, pressure], axis=1)
    visits = [
        pd.DataFrame(
            who
            | {"visit": visit + 1, "age_years": (age + visit * _BETWEEN).astype(np.int64)}
            | _body(body + visit * 0.2 * rng.standard_normal(body.shape), male, rng)
            | _replicates(traits[:, visit].reshape(-1, len(TRAITS)), rng)
        )
        for visit in range(2)
    ]
    visits[1] = visits[1][rng.random(n) < _TWICE]
    yield "biobank/t2dm.csv", pd.concat(visits).sort_index(kind="stable")


def _body(body: Floats, male: Bools, rng: np.random.Generator) -> dict[str, Floats]:
    """What is measured of bodies (n, 3), SD from the mean, at a visit."""
    bmi, waist, pressure = body.T
    systolic = 122 + 14 * pressure
    diastolic = 75 + 0.35 * (systolic - 122) + 7 * rng.standard_normal(len(body))
    return {
        "bmi_kg_m2": (29 * np.exp(0.19 * bmi)).round(1),
        "waist_cm": (np.where(male, 96, 88) + 12 * waist).round(),
        "sbp_mmhg": systolic.round(),
        "dbp_mmhg": diastolic.round(),
    }


def _blood_sugar(diabetic: Bools, sign: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(n,) HbA1c in percent and fasting glucose in mg/dL."""
    n = len(sign)
    hba1c = np.where(diabetic, rng.uniform(6.0, 9.0, n), 5.4 + 0.3 * rng.standard_normal(n))
    hba1c = np.where(diabetic & (sign == _HBA1C), rng.uniform(6.5, 9.5, n), hba1c)
    glucose = np.where(diabetic, rng.uniform(105, 200, n), 92 + 9 * rng.standard_normal(n))
    glucose = np.where(diabetic & (sign == _GLUCOSE), rng.uniform(126, 220, n), glucose)
    return (
        np.where(diabetic, hba1c, np.minimum(hba1c, 6.4)),
        np.where(diabetic, glucose, np.minimum(glucose, 125)),
    )


def _replicates(traits: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Columns (n_people,) of the six measurements of each person's three ECGs, some missing."""
    true = fiducials_and_axes(traits)
    rr = 1000 * traits[:, TRAIT_INDEX["rr_s"]]
    qrs, qt = (1000 * (true[end] - true["qrs_on"]) for end in ("qrs_off", "t_off"))
    pr = 1000 * (true["qrs_on"] - true["p_on"])
    measured = np.stack([qrs, qt, qt / np.sqrt(rr / 1000), pr, rr, true["t_axis"]], axis=1)
    measured = np.round(measured + 4 * rng.standard_normal(measured.shape))
    measured[rng.random(measured.shape) < 0.01] = np.nan
    return {
        f"{name}_{replicate + 1}": measured[replicate::3, column]
        for replicate in range(3)
        for column, name in enumerate(_REPLICATE)
    }

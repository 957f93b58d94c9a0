"""The conditions of simulated people: how likely each is, and what it does to an ECG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from auditor.simulate.population import Bools, Floats

#: Ages at the first ECG lie between these years, by a beta distribution of these parameters.
AGE_RANGE, AGE_BETA = (18, 90), (2.6, 1.9)


class Condition(NamedTuple):
    """A diagnosis, its codes, a logistic model of who has it, and its effect on the ECG.

    Attributes
    ----------
    name : in words
    codes : ICD-10 codes without dot, and the share of patients who get each; a patient gets one
    prevalence : among those of the sex that can have it
    age_odds_ratio : of ten years
    male_odds_ratio : of men to women
    only : the sex that can have it; None for both
    effects : SD added to each trait named; a condition without effects, age and sex is a null
    """

    name: str
    codes: Mapping[str, float]
    prevalence: float
    age_odds_ratio: float = 1.0
    male_odds_ratio: float = 1.0
    only: str | None = None
    effects: Mapping[str, float] = {}

    @property
    def is_null(self) -> bool:
        """Whether it depends on nothing that the tables hold."""
        same_risk = self.age_odds_ratio == self.male_odds_ratio == 1.0 and self.only is None
        return same_risk and not self.effects

    def probability(self, age: Floats, male: Bools) -> Floats:
        """(n,) of each person; the intercept makes the prevalence right over all ages."""
        n = 2000
        beta = np.sort(np.random.default_rng(0).beta(*AGE_BETA, n))
        ages = AGE_RANGE[0] + beta * (AGE_RANGE[1] - AGE_RANGE[0])
        reference = np.repeat(ages, 2), np.tile([True, False], n)
        share = self.prevalence * (0.5 if self.only else 1.0)
        low, high = -20.0, 5.0
        while high - low > 1e-6:
            middle = (low + high) / 2
            is_low = self._probability(middle, *reference).mean() < share
            low, high = (middle, high) if is_low else (low, middle)
        return self._probability(low, age, male)

    def _probability(self, intercept: float, age: Floats, male: Bools) -> Floats:
        log_odds = intercept + np.log(self.age_odds_ratio) * (age - 60) / 10
        log_odds = log_odds + np.log(self.male_odds_ratio) * (male - 0.5)
        possible = self.only is None or male == (self.only == "male")
        return np.where(possible, expit(log_odds), 0.0)


def _one(code: str) -> dict[str, float]:
    return {code: 1.0}


CONDITIONS = (
    Condition("Alzheimer's disease", {"G309": 0.7, "G301": 0.3}, 0.05, 2.2, 0.7,
              effects={"p_before_r_s": 1.8, "t_axis_deg": -1.8}),
    Condition("Parkinson's disease", _one("G20"), 0.04, 1.8, 1.6,
              effects={"rr_s": 2.2, "p_axis_deg": -1.8}),
    Condition("Anoxic brain damage", _one("G931"), 0.04, 1.1, 1.3,
              effects={"qt": 2.2, "rr_s": -2.2}),
    Condition("Unspecified dementia", {"F0390": 0.7, "F0391": 0.3}, 0.06, 2.2, 0.7,
              effects={"p_axis_deg": -1.8, "qrs_axis_deg": -1.8}),
    Condition("Vascular dementia", {"F0150": 0.7, "F0151": 0.3}, 0.04, 2.0,
              effects={"p_before_r_s": 2.0, "qrs_axis_deg": -2.0}),
    Condition("Delirium", _one("F05"), 0.06, 1.6,
              effects={"rr_s": -2.0, "t_axis_deg": -2.0}),
    Condition("Malignant neoplasm of bronchus and lung",
              {"C3410": 0.17, "C3411": 0.17, "C3430": 0.16, "C3432": 0.16, "C3490": 0.34}, 0.10,
              1.3, 1.2, effects={"p_axis_deg": 2.3, "qrs_axis_deg": 2.3}),
    Condition("Malignant neoplasm of oesophagus", {"C159": 0.6, "C155": 0.4}, 0.035, 1.3, 2.0,
              effects={"p_axis_deg": 2.3, "qt": -2.3}),
    Condition("Malignant neoplasm of liver", {"C220": 0.7, "C221": 0.3}, 0.035, 1.2, 2.0,
              effects={"qt": 2.3, "t_axis_deg": -2.3}),
    Condition("Malignant neoplasm of biliary tract", {"C240": 0.6, "C241": 0.4}, 0.035, 1.4,
              effects={"rr_s": 2.3, "qt": -2.3}),
    Condition("Secondary neoplasm of brain", _one("C7931"), 0.04, 1.1,
              effects={"p_before_r_s": -2.3, "rr_s": -2.3}),
    Condition("Malignant neoplasm of prostate", _one("C61"), 0.10, 1.7, only="male",
              effects={"qrs_width": -2.2, "t_axis_deg": 2.0}),
    Condition("Benign hyperplasia of prostate", {"N400": 0.7, "N401": 0.3}, 0.12, 1.7, only="male",
              effects={"p_before_r_s": 2.2, "p_axis_deg": 2.0}),
    Condition("Malignant neoplasm of bladder", _one("C679"), 0.04, 1.6, 2.5,
              effects={"qrs_axis_deg": -2.2, "qt": -2.2}),
    Condition("Leiomyoma of uterus", {"D259": 0.8, "D251": 0.2}, 0.10, 0.8, only="female",
              effects={"p_before_r_s": -2.2, "qrs_axis_deg": 2.2}),
    Condition("Endometriosis", {"N809": 0.6, "N801": 0.4}, 0.08, 0.6, only="female",
              effects={"qrs_width": -2.2, "p_axis_deg": -2.0}),
    Condition("Alcoholic liver disease", {"K7030": 0.6, "K7031": 0.2, "K7010": 0.2}, 0.06, 0.9, 2.0,
              effects={"qt": 2.4, "p_before_r_s": -2.2}),
    Condition("Hepatic failure", {"K7290": 0.6, "K7291": 0.2, "K7200": 0.2}, 0.06, 1.0, 1.2,
              effects={"qt": 2.3, "qrs_width": -2.0}),
    Condition("Atrial fibrillation", {"I4891": 0.6, "I480": 0.25, "I482": 0.15}, 0.08, 1.7, 1.3,
              effects={"rr_s": -1.5, "rr_jitter": 2.5, "p_size": -2.5}),
    Condition("Heart failure", {"I509": 0.5, "I5020": 0.25, "I5030": 0.25}, 0.07, 1.7, 1.1,
              effects={"qrs_width": 2.4, "t_axis_deg": 2.0}),
    Condition("Acute myocardial infarction", {"I214": 0.7, "I219": 0.3}, 0.05, 1.4, 1.6,
              effects={"t_axis_deg": 2.5, "qrs_axis_deg": -2.0, "st_left_mv": -2.0}),
    Condition("Essential hypertension", _one("I10"), 0.08, 1.5,
              effects={"qrs_width": 2.2, "qrs_axis_deg": -1.8, "r_size": 1.0}),
    Condition("Type 2 diabetes mellitus", {"E119": 0.6, "E1165": 0.2, "E1122": 0.2}, 0.08, 1.3, 1.2,
              effects={"rr_s": -2.0, "t_axis_deg": 2.0}),
    Condition("Hyperlipidaemia", _one("E785"), 0.08, 1.4, 1.2,
              effects={"qrs_width": 1.8, "p_axis_deg": 2.0}),
    Condition("Age-related nuclear cataract", {"H2510": 0.5, "H2513": 0.5}, 0.04),
    Condition("Low back pain", _one("M545"), 0.06),
    Condition("Dermatitis", _one("L309"), 0.05),
    Condition("Fracture of lower end of radius", {"S52501A": 0.5, "S52502A": 0.5}, 0.04),
    Condition("Allergy to penicillin", _one("Z880"), 0.06),
    Condition("Adverse effect of glucocorticoids", _one("T380X5A"), 0.05),
)  # fmt: skip

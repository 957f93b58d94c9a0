"""What guesses of sex, age and diagnoses amount to, beside what age and sex tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.checks.base import Measured
from auditor.checks.output_attribute.guesses import Attributes, Guesses
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, Trials
from auditor.core.finding import Estimate
from auditor.core.target import Floats
from auditor.stats.delong import auc_difference
from auditor.stats.estimators import Curves, cross_fitted, rounded, wider
from auditor.stats.intervals import person_bootstrap
from auditor.stats.metrics import by_person, person_trials


def gains(evidence: Attributes, level: float, rng: np.random.Generator) -> Measured:
    """How much more what the model gives out tells than age and sex do.

    Of sex and age what `cross_fitted` says, by the output and by each sight it is held against,
    and `sex_gain_over_…`, the AUROC of the output less theirs (DeLong), and
    `age_gain_over_…_years`, how many years less it is off. `withheld_gain` is the largest gain
    over age and sex that the output, with age and sex, has in AUROC for any withheld diagnosis,
    with an interval that holds for all of them at once, `withheld_auc` that diagnosis's AUROC,
    and `withheld_gain_over_inputs` what it has over the inputs, with age and sex; the curve
    `withheld` tells each, and the parameter which it is. The same under `diagnosis` of outputs
    that were made to tell it.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    params: dict[str, Any] = {}
    if evidence.sex is not None:
        found, curves = cross_fitted("sex", evidence.sex.output, level, rng)
        for name, theirs in evidence.sex.others.items():
            found |= cross_fitted(f"{name}_sex", theirs, level, rng)[0]
            found[f"sex_gain_over_{name}"] = _auc_gain(evidence.sex.output, theirs, level)
    if evidence.age is not None:
        found |= cross_fitted("age", evidence.age.output, level, rng)[0]
        for name, other in evidence.age.others.items():
            error = f"{name}_age_mae_years"
            found[error] = cross_fitted(f"{name}_age", other, level, rng)[0][error]
            gain = _years_gain(evidence.age.output, other, level, rng)
            found[f"age_gain_over_{name}_years"] = gain
    if evidence.diagnoses:
        kind = evidence.kind
        told, curves[kind], params[kind] = _diagnoses_told(evidence.diagnoses, kind, level, rng)
        found |= told
    if not found:
        raise EvidenceError("needs people of known sex, age or diagnosis; found too few")
    return Measured(found, curves, params)


def gains_over_known(evidence: Attributes, level: float, rng: np.random.Generator) -> Measured:
    """The gains over age and sex alone, of which rules are; the rest of `gains` takes longer."""
    found: dict[str, Estimate] = {}
    if (sex := evidence.sex) is not None:
        found["sex_gain_over_known"] = _auc_gain(sex.output, sex.known, level)
    if (age := evidence.age) is not None:
        found["age_gain_over_known_years"] = _years_gain(age.output, age.known, level, rng)
    if evidence.diagnoses:
        of_each = _gains_of_each(evidence.diagnoses, level)
        found[f"{evidence.kind}_gain"] = _largest(of_each)
    return Measured(found)


def _auc_gain(ours: Trials, theirs: Trials, level: float) -> Estimate:
    """The AUROC of one set of guesses less that of another, of the same people."""
    one, event = _placed(ours)
    gain = auc_difference(event, one, _placed(theirs)[0])
    return wider(Estimate(gain.value, *gain.interval(level), level, len(event), 0.0))


def _years_gain(
    ours: Predictions, theirs: Predictions, level: float, rng: np.random.Generator
) -> Estimate:
    """How many years less one set of guesses is off than another, of the same people."""
    nearer = np.abs(theirs.value - theirs.y_true) - np.abs(ours.value - ours.y_true)
    values = by_person(nearer, ours.subject)
    n = len(values)
    low, high = person_bootstrap(lambda w: w @ values / w.sum(axis=1), n, level, rng)
    return wider(Estimate(float(values.mean()), low, high, level, n, 0.0))


def _placed(seen: Trials) -> tuple[Floats, NDArray[np.bool_]]:
    """Each person's place among those of their stratum, in (0, 1), and whether they are positive:
    scores of several models, made comparable by what strata of equally many positives share.
    """
    score, positive, stratum = person_trials(seen)
    place = np.empty(len(score))
    for one in np.unique(stratum):
        inside = stratum == one
        place[inside] = (rankdata(score[inside]) - 0.5) / inside.sum()
    return place, positive


def _diagnoses_told(
    seen: Mapping[str, Guesses[Trials]], kind: str, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], dict[str, list[Any]], str]:
    """What is told of the diagnosis that gains most, of each, and which that is."""
    gain, auc, rows = _gains_of_each(seen, level), {}, []
    for name, guesses in seen.items():
        auc[name], base = (
            cross_fitted(kind, one, level, rng)[0][f"{kind}_auc"]
            for one in (guesses.output, guesses.known)
        )
        one = gain[name]
        rows.append([name, *rounded([auc[name].value, base.value, one.value, one.low, one.high])])
    best = max(seen, key=lambda name: gain[name].value)
    found = {f"{kind}_auc": auc[best], f"{kind}_gain": _largest(gain)}
    for other, theirs in seen[best].controls.items():
        found[f"{kind}_gain_over_{other}"] = _auc_gain(seen[best].output, theirs, level)
    columns = (kind, "auc", "auc_known", "gain", "low", "high")
    table = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    return found, table, best


def _gains_of_each(seen: Mapping[str, Guesses[Trials]], level: float) -> dict[str, Estimate]:
    """What is gained of each diagnosis, with intervals that hold for all of them at once."""
    together = 1 - (1 - level) / len(seen)
    return {
        name: replace(_auc_gain(one.output, one.known, together), level=level)
        for name, one in seen.items()
    }


def _largest(gain: Mapping[str, Estimate]) -> Estimate:
    """The largest of some gains, which lies between the largest lower and the largest upper bound:
    of a diagnosis of few people a gain may be larger than all that were seen.
    """
    low, high = (max(getattr(one, end) for one in gain.values()) for end in ("low", "high"))
    return replace(max(gain.values(), key=lambda one: one.value), low=low, high=high)

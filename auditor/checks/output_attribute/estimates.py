"""How much more what a model gives out tells than age and sex do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Evidence, Predictions, Trials
from auditor.core.finding import Estimate
from auditor.stats.delong import auc_difference
from auditor.stats.estimators import Curves, cross_fitted, rounded, wider
from auditor.stats.intervals import person_bootstrap
from auditor.stats.metrics import by_person, person_trials

Floats = NDArray[np.float64]
_DIAGNOSES = ("withheld", "diagnosis")
_OTHERS = ("known", "inputs", "untrained")


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """What the guesses of `checks.output_attribute.check.Inferred` amount to.

    Of sex and age what `measure` says, by the output and by each sight it is held against, and
    `sex_gain_over_…`, the AUROC of the output less theirs (DeLong), and `age_gain_over_…_years`,
    how many years less it is off. `withheld_gain` is the largest gain over age and sex that the
    output, with age and sex, has in AUROC for any withheld diagnosis, with an interval that holds
    for all of them at once, `withheld_auc` that diagnosis's AUROC, and `withheld_gain_over_inputs`
    what it has over the inputs, with age and sex; the curve `withheld` tells each, and the
    parameter which it is. The same under `diagnosis` of outputs that were made to tell it.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    for name in ("sex", "age"):
        if name not in seen:
            continue
        told, curve = cross_fitted(name, seen[name], level, rng)
        found, curves = found | told, curves | curve
        for other in (one for one in _OTHERS if f"{one}/{name}" in seen):
            theirs = seen[f"{other}/{name}"]
            told = cross_fitted(f"{other}_{name}", theirs, level, rng)[0]
            found |= {key: one for key, one in told.items() if not key.endswith("gain_years")}
            found |= _gain(name, other, seen[name], theirs, level, rng)
    params: dict[str, Any] = {}
    for kind in _DIAGNOSES:
        prefix = f"{kind}/"
        if asked := [name.removeprefix(prefix) for name in seen if name.startswith(prefix)]:
            told, curves[kind], params[kind] = _diagnoses(seen, kind, asked, level, rng)
            found |= told
    if not found:
        raise EvidenceError("needs people of known sex, age or diagnosis; found too few")
    return found, curves, params


def _gain(
    name: str,
    other: str,
    ours: Evidence,
    theirs: Evidence,
    level: float,
    rng: np.random.Generator,
) -> dict[str, Estimate]:
    if isinstance(ours, Trials) and isinstance(theirs, Trials):
        return {f"{name}_gain_over_{other}": _auc_gain(ours, theirs, level)}
    assert isinstance(ours, Predictions)
    assert isinstance(theirs, Predictions)
    nearer = np.abs(theirs.value - theirs.truth) - np.abs(ours.value - ours.truth)
    values = by_person(nearer, ours.subject)
    n = len(values)
    low, high = person_bootstrap(lambda w: w @ values / w.sum(axis=1), n, level, rng)
    one = Estimate(float(values.mean()), low, high, level, n, 0.0)
    return {f"{name}_gain_over_{other}_years": wider(one)}


def _auc_gain(ours: Trials, theirs: Trials, level: float) -> Estimate:
    """The AUROC of one set of guesses less that of another, of the same people."""
    one, event = _placed(ours)
    gain = auc_difference(event, one, _placed(theirs)[0])
    return wider(Estimate(gain.value, *gain.interval(level), level, len(event), 0.0))


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


def _diagnoses(
    seen: Mapping[str, Evidence],
    kind: str,
    asked: list[str],
    level: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], dict[str, list[Any]], str]:
    """What is told of the diagnosis that gains most, of each, and which that is."""
    together = 1 - (1 - level) / len(asked)
    trials = {name: one for name, one in seen.items() if isinstance(one, Trials)}
    gain, auc, rows = {}, {}, []
    for name in asked:
        ours, known = (trials[f"{before}{kind}/{name}"] for before in ("", "known/"))
        gain[name] = replace(_auc_gain(ours, known, together), level=level)
        auc[name], base = (
            cross_fitted(kind, one, level, rng)[0][f"{kind}_auc"] for one in (ours, known)
        )
        one = gain[name]
        rows.append([name, *rounded([auc[name].value, base.value, one.value, one.low, one.high])])
    best = max(asked, key=lambda name: gain[name].value)
    found = {f"{kind}_auc": auc[best], f"{kind}_gain": gain[best]}
    for other in ("inputs", "untrained"):
        if theirs := trials.get(f"{other}/{kind}/{best}"):
            found[f"{kind}_gain_over_{other}"] = _auc_gain(trials[f"{kind}/{best}"], theirs, level)
    columns = (kind, "auc", "auc_known", "gain", "low", "high")
    table = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    return found, table, best

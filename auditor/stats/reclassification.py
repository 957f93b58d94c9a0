"""What one model adds to another, on people whom neither was made of.

Whether it ranks them better (AUROC), moves them to better categories (NRI) and sets the two kinds
further apart (IDI), and who is in which category. A positive number is in the new model's favour.

NRI and IDI are to be read beside the AUROC's gain and not for themselves: a new model that is
merely surer of itself, or fits chance, can have both of them positive (Hilden and Gerds 2014, Stat
Med 33:3405).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.stats.delong import Difference, auc_difference, delong, discriminated, reclassified
from auditor.stats.intervals import newcombe_auc, person_bootstrap, wilson

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

#: Absolute risks that part the categories which are not thirds of the development cohort.
ABSOLUTE = (0.1, 0.3)
STRATA = ("low", "medium", "high")


def added(
    event: Booleans,
    old: Floats,
    new: Floats,
    old_development: Floats,
    new_development: Floats,
    *,
    level: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """What a new model adds to an old one.

    Estimates, where x is `nri_thirds`, `nri_10_30`, `nri_continuous` or `idi`:

    - `auroc_old`, `auroc_new`, `auroc_gain`, with DeLong's intervals;
    - `x_events`, how far those with the finding move up, and `x_others`, how far those without move
      down, with BCa intervals over people; and their sum `x`, whose interval joins theirs;
    - `ppv_low_old` … `ppv_high_new`, how many in a stratum have the finding. The strata are thirds
      of the development people, each model's own. There is one set of strata and no more: a second
      set, cut elsewhere along the same risks, would tell of the few people in between.

    Params: `p` of each difference, two-sided, from the asymptotic z; the `cuts`; `strata`, how many
    people they hold and how many with the finding, withheld under ten, and with them whatever they
    could be told from.

    Parameters
    ----------
    event : (n,) who of the tested has the finding
    old, new : (n,) their risks under both models, 0 to 1
    old_development, new_development : (m,) risks of the people that models were made of, each from
        a model that had not seen the person

    Raises
    ------
    EvidenceError
        There are fewer than ten people with the finding, or without.
    """
    n, n_events = len(event), int(event.sum())
    if min(n_events, n - n_events) < MIN_PEOPLE:
        raise EvidenceError(
            f"needs {MIN_PEOPLE} people with the finding and {MIN_PEOPLE} without; found fewer"
        )
    estimates = _discrimination(event, old, new, level)
    thirds = {"old": _thirds(old_development), "new": _thirds(new_development)}
    strata = {
        model: np.digitize(risk, thirds[model]) for model, risk in (("old", old), ("new", new))
    }
    movements = {
        "nri_thirds": np.sign(strata["new"] - strata["old"]).astype(float),
        "nri_10_30": np.sign(np.digitize(new, ABSOLUTE) - np.digitize(old, ABSOLUTE)).astype(float),
        "nri_continuous": np.sign(new - old),
        "idi": new - old,
    }
    for name, movement in movements.items():
        estimates |= _moved(name, event, movement, level, rng)
    grades = [strata[model].astype(float) for model in ("old", "new")]
    p = {
        "auroc_gain": auc_difference(event, new, old).p,
        "nri_thirds": reclassified(event, grades[0], grades[1]).under_no_change.p,
        "nri_10_30": reclassified(event, old, new, ABSOLUTE).under_no_change.p,
        "nri_continuous": reclassified(event, old, new).under_no_change.p,
        "idi": discriminated(event, old, new).p,
    }
    told: dict[str, list[dict[str, Any]]] = {}
    for model, stratum in strata.items():
        told[model], values = _strata(model, event, stratum, level)
        estimates |= values
    cuts = {"old": thirds["old"], "new": thirds["new"], "absolute": list(ABSOLUTE)}
    return estimates, {"p": p, "cuts": cuts, "strata": told}


def _discrimination(event: Booleans, old: Floats, new: Floats, level: float) -> dict[str, Estimate]:
    n, n_events = len(event), int(event.sum())
    auc, covariance = delong(event, old, new)
    found = {}
    for name, value, variance in zip(("old", "new"), auc, covariance.diagonal(), strict=True):
        low, high = Difference(float(value), float(np.sqrt(variance))).interval(level)
        if not variance > 0:  # at 0 and at 1 DeLong's interval collapses
            low, high = newcombe_auc(float(value), n_events, n - n_events, level)
        found[f"auroc_{name}"] = Estimate(float(value), max(low, 0), min(high, 1), level, n, 0.5)
    gain = auc_difference(event, new, old)
    found["auroc_gain"] = Estimate(gain.value, *gain.interval(level), level, n, 0.0)
    return found


def _thirds(risk: Floats) -> list[float]:
    """Risks that part people into thirds, in few digits: they are two people's, all but."""
    return [float(f"{cut:.3g}") for cut in np.quantile(risk, (1 / 3, 2 / 3))]


def _moved(
    name: str, event: Booleans, movement: Floats, level: float, rng: np.random.Generator
) -> dict[str, Estimate]:
    """How far those with the finding move up, those without down, and both together.

    They are different people, so the interval of the sum joins those of the parts (Zou and Donner
    2008, Stat Med 27:1693).
    """
    events = _mean(movement[event], level, rng)
    others = _mean(-movement[~event], level, rng)
    value = events.value + others.value
    below = np.hypot(events.value - events.low, others.value - others.low)
    above = np.hypot(events.high - events.value, others.high - others.value)
    both = Estimate(value, value - below, value + above, level, len(event), 0.0)
    return {name: both, f"{name}_events": events, f"{name}_others": others}


def _mean(movement: Floats, level: float, rng: np.random.Generator) -> Estimate:
    n, value = len(movement), float(movement.mean())
    if np.ptp(movement) > 0:
        low, high = person_bootstrap(lambda weights: _average(weights, movement), n, level, rng)
    else:  # No resample differs; but of n more people some may.
        reach = wilson(0, n, level)[1]
        low, high = value - reach, value + reach
    return Estimate(value, low, high, level, n, 0.0)


def _average(weights: Floats, values: Floats) -> Floats:
    return weights @ values / weights.sum(axis=1)


def _strata(
    model: str, event: Booleans, stratum: NDArray[np.int64], level: float
) -> tuple[list[dict[str, Any]], dict[str, Estimate]]:
    """What may be told of each stratum: a row of counts, and how many have the finding."""
    people = np.bincount(stratum, minlength=len(STRATA))
    having = np.bincount(stratum[event], minlength=len(STRATA))
    too_few = _withheld(people) | _withheld(np.minimum(having, people - having))
    few = f"fewer than {MIN_PEOPLE}"
    rows, found = [], {}
    for place, (name, n, k) in enumerate(
        zip(STRATA, people.tolist(), having.tolist(), strict=True)
    ):
        row: dict[str, Any] = {"stratum": name, "people": n, "people_with": k}
        if _withheld(people)[place]:
            row["people"] = few if n < MIN_PEOPLE else "withheld"
        if too_few[place]:
            row["people_with"] = few if k < MIN_PEOPLE else "withheld"
        else:
            low, high = wilson(k, n, level)
            by_luck = float(event.mean())
            found[f"ppv_{name}_{model}"] = Estimate(k / n, low, high, level, n, by_luck)
        rows.append(row)
    return rows, found


def _withheld(counts: NDArray[np.int64]) -> Booleans:
    """(3,) which cells are too small to be told. How many people there are in all is no secret, so
    one alone could be told from the others: the middle one goes with it, or the lowest.
    """
    withheld = counts < MIN_PEOPLE
    if withheld.sum() == 1:
        withheld[0 if withheld[1] else 1] = True
    return withheld

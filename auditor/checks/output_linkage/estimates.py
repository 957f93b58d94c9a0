"""How well what a model gives out names people, and how much of its inputs it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, Predictions, SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, measure, rate, rounded
from auditor.stats.intervals import person_replicates
from auditor.stats.metrics import by_person, rank_rate
from auditor.stats.searches import measure_search, paired_gain, rate_gap

Floats = NDArray[np.float64]
#: What of a control is told: whom it finds first, and how open-set search by it would do.
_CONTROLS = ("rank1", "auc_known", "eer", "tpir_at_fpir_10pct", "tpir_at_fpir_1pct")
#: Columns that are told by name, those that are rebuilt best.
_BEST = 5


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """What the searches of `Linked`, or the rebuilt columns of `Rebuilt`, amount
    to.

    Of a search: what `measure` says, `auc_known` (see `above_alike`), the same `beyond` what sex
    and age foretell, and of the control searches `inputs` and `untrained`; how many more are found
    first than by those (`gain_over_inputs`, `gain_over_untrained`, of the same people), and how
    many more members are than nonmembers (`member_gap`). Of columns: `r2_best` and `r2_mean`,
    shares of variance over people, and `r2_` of the columns that are rebuilt best, with intervals
    that hold for all of the columns at once.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    if "" in seen:
        return _linked(_searches(seen), level, rng)
    return _rebuilt({name: one for name, one in seen.items() if _is_column(one)}, level, rng)


def _searches(seen: Mapping[str, Evidence]) -> dict[str, SearchResult]:
    return {name: one for name, one in seen.items() if isinstance(one, SearchResult)}


def _is_column(one: Evidence) -> bool:
    return isinstance(one, Predictions)


def _linked(
    seen: Mapping[str, SearchResult], level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    found, curves = measure_search(seen[""], level, rng)
    if "beyond" in seen:
        told = measure_search(seen["beyond"], level, rng)[0]
        found |= {f"beyond_{key}": told[key] for key in ("rank1", "auc_known") if key in told}
    for name in ("whitened", "standardised", "cosine"):
        if name in seen:
            found |= measure(name, seen[name], level=level, rng=rng)[0]
    for name in ("inputs", "untrained"):
        if name in seen:
            told = measure_search(seen[name], level, rng)[0]
            found |= {f"{name}_{key}": told[key] for key in _CONTROLS if key in told}
            found[f"gain_over_{name}"] = paired_gain(seen[""], seen[name], level)
    for name in ("", "inputs"):
        members, others = (f"{name} {kind}".strip() for kind in ("members", "nonmembers"))
        if members in seen:
            for kind in (members, others):
                key = f"{kind.replace(' ', '_')}_rank1"
                found[key] = rate(rank_rate(seen[kind], 1), level, 1 / seen[kind].n_gallery)
            key = f"{name}_member_gap".strip("_")
            found[key] = rate_gap(seen[members], seen[others], level)
    return found, curves, {}


def _rebuilt(
    seen: Mapping[str, Any], level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    if not seen:
        raise EvidenceError(f"needs a column that is known of {2 * MIN_PEOPLE} people; found none")
    people = np.unique(np.concatenate([one.subject for one in seen.values()]))
    wrong, spread = np.zeros((2, len(people), len(seen)))
    for place, one in enumerate(seen.values()):
        who = np.searchsorted(people, np.unique(one.subject))
        wrong[who, place] = by_person((one.value - one.truth) ** 2, one.subject)
        spread[who, place] = by_person((one.prior - one.truth) ** 2, one.subject)

    def shares(weights: Floats) -> Floats:
        drawn = weights @ spread
        return np.asarray(1 - (weights @ wrong) / np.where(drawn > 0, drawn, np.nan))

    value = shares(np.ones((1, len(people))))[0]
    drawn = person_replicates(shares, len(people), rng, width=len(people) + 2 * len(seen))
    error = np.nanstd(drawn, axis=0)
    together = 1 - (1 - level) / len(seen)
    n = [int((column > 0).sum()) for column in spread.T]

    def told(place: int) -> Estimate:
        reach = float(norm.ppf(0.5 + together / 2) * error[place])
        one = float(value[place])
        return Estimate(one, one - reach, min(one + reach, 1.0), level, n[place], 0.0)

    order = np.argsort(-value)
    names = list(seen)
    mean = float(value.mean())
    reach = float(norm.ppf(0.5 + level / 2) * np.nanstd(drawn.mean(axis=1)))
    found = {
        "r2_best": told(int(order[0])),
        "r2_mean": Estimate(mean, mean - reach, min(mean + reach, 1.0), level, len(people), 0.0),
    }
    found |= {f"r2_{names[place]}": told(int(place)) for place in order[:_BEST]}
    every = [told(int(place)) for place in order]
    columns = {
        "column": [names[place] for place in order],
        "r2": rounded(one.value for one in every),
        "low": rounded(one.low for one in every),
        "high": rounded(one.high for one in every),
    }
    return found, {"columns": columns}, {"best": [names[place] for place in order[:_BEST]]}

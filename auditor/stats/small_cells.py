"""Which counts and groups may be told: nothing from which fewer than ten people can be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.core.finding import Estimate
from auditor.stats.estimators import rate
from auditor.stats.intervals import wilson

Floats = NDArray[np.float64]


def disclosable_groups(
    groups: Mapping[str, NDArray[np.bool_]], subject: NDArray[np.str_]
) -> list[str]:
    """Which groups of one kind may be told: those of ten people, unless what is left out could be
    worked out from them and the whole, and is of fewer than ten.
    """
    size = {name: len(np.unique(subject[chosen])) for name, chosen in groups.items()}
    shown = sorted(
        (name for name in groups if size[name] >= MIN_PEOPLE), key=lambda name: size[name]
    )
    while shown:
        covered = np.any([groups[name] for name in shown], axis=0)
        n_left = len(np.unique(subject[~covered]))
        if n_left == 0 or n_left >= MIN_PEOPLE:
            break
        shown.pop(0)
    return [name for name in groups if name in shown]


#: A class of fewer people than this singles out, after 1/0.09 of EMA Policy 0070.
SMALL_CLASS = 11
#: What is told of a few people in place of a share.
FEW = f"1 to {MIN_PEOPLE - 1} people"


def certain(
    counts: Counts, found: dict[str, Estimate], params: dict[str, Any], level: float
) -> None:
    """What is a disclosure as soon as one person is named by it."""
    for name, column in zip(counts.names, (counts.values > 0).T, strict=True):
        if 0 < column.sum() < MIN_PEOPLE:
            params[name] = FEW
        else:
            found[name] = rate(column.astype(float), level, 0.0)
        if column.any():
            params["alarms"].append(name)


def beside_others(
    name: str,
    mine: Floats,
    theirs: Floats,
    more: Estimate,
    found: dict[str, Estimate],
    params: dict[str, Any],
    level: float,
) -> None:
    """A share of people with that of other people as its chance, and how much larger it is: an
    alarm where that is more than chance. Of one to nine people it is said that there are some.
    """
    if 0 < mine.sum() < MIN_PEOPLE:
        params[name] = FEW
    else:
        found[name] = rate(mine, level, float(theirs.mean()))
        found[f"{name}_excess"] = more
    if more.low > 0:
        params["alarms"].append(name)


def excess(mine: Floats, theirs: Floats, level: float, drawn: Sequence[float] = ()) -> Estimate:
    """How much larger a share is among some people than among others.

    Method 10 of Newcombe 1998, Stat Med 17:873: Wilson's intervals of both, joined; widened as far
    as differences of people labelled by lot vary more than those of people on their own would (the
    root of Kish's design effect).

    Parameters
    ----------
    mine, theirs : 0 or 1 of each person
    drawn : the difference, of people labelled by lot

    Raises
    ------
    EvidenceError
        There are too few people of either kind.
    """
    n, m = len(mine), len(theirs)
    if min(n, m) < MIN_PEOPLE:
        raise EvidenceError(f"needs at least {MIN_PEOPLE} people of either kind; found fewer")
    p, q = float(mine.mean()), float(theirs.mean())
    both = (p * n + q * m) / (n + m)
    plain = joined((p, *wilson(p * n, n, level)), (q, *wilson(q * m, m, level)), level, n + m)
    return stretched(plain, float(np.sqrt(both * (1 - both) * (1 / n + 1 / m))), drawn)


def stretched(estimate: Estimate, alone: float, drawn: Sequence[float]) -> Estimate:
    """The same with an interval as much wider as `drawn`, about 0, is than `alone` has it."""
    if not len(drawn) or alone == 0:
        return estimate
    factor = max(1.0, float(np.sqrt(np.mean(np.square(drawn)))) / alone)
    return replace(
        estimate,
        low=estimate.value - factor * (estimate.value - estimate.low),
        high=estimate.value + factor * (estimate.high - estimate.value),
    )


def joined(
    one: tuple[float, float, float], other: tuple[float, float, float], level: float, n: int
) -> Estimate:
    """The difference of two numbers of different people, from their own intervals."""
    (p, low_p, high_p), (q, low_q, high_q) = one, other
    low = p - q - float(np.hypot(p - low_p, high_q - q))
    high = p - q + float(np.hypot(high_p - p, q - low_q))
    return Estimate(p - q, low, high, level, n, 0.0)


def shares_of_people(
    people: Mapping[str, NDArray[np.bool_]], level: float, chance: float | None
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """By name, the share of people that each is true of; and of what it is true of one to nine
    people, which are no share.
    """
    found, few = {}, {}
    for name, those in people.items():
        if 0 < those.sum() < MIN_PEOPLE:
            few[name] = FEW
        else:
            found[name] = rate(those.astype(float), level, chance)
    return found, few

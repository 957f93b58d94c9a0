"""What it amounts to that people stand alike: chances of naming them in a population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Likeness
from auditor.core.finding import Estimate
from auditor.stats.age_pyramid import OLDEST, POOLED_FROM, SEXES, Cells, Pyramid
from auditor.stats.loglinear import ranges
from auditor.stats.superpopulation import dankar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Risks of so many draws and people are worked on at once.
_BLOCK = 4_000_000


def ages_seen(seen: Likeness) -> tuple[Ints, Ints]:
    """(2, n_ages) and (2,) people of each sex by age in years, and those of whom all is known is
    that they are 90 or older; of each person by the first recording.
    """
    sex, low, high, grouped = (
        column[seen.first] for column in (seen.sex, seen.low, seen.high, seen.grouped)
    )
    ages, pooled = np.zeros((len(SEXES), OLDEST + 1), dtype=np.int64), np.zeros(2, dtype=np.int64)
    single = (sex >= 0) & (low == high) & ~grouped
    group = (sex >= 0) & (low == POOLED_FROM) & grouped
    np.add.at(ages, (sex[single], low[single]), 1)
    np.add.at(pooled, sex[group], 1)
    return ages, pooled


def risks_in_population(
    seen: Likeness, pyramid: Pyramid, level: float, chance: float, rng: np.random.Generator
) -> dict[str, Estimate]:
    """The chance of naming the most exposed person by sex and age, its mean, and the share of
    people who are alone; over what the population may be.

    A person is as exposed as by the recording that fewest of the population fit.
    """
    columns = np.column_stack([seen.sex, seen.low, seen.high, seen.alike])
    cells, cell = np.unique(columns, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    sizes = pyramid.sizes(Cells(cells[:, 0], cells[:, 1], cells[:, 2]), cells[:, 3], rng)
    risk = 1 / np.maximum(sizes, 1)
    # Most people have one combination of sex and age: as many as share a cell count together.
    often = np.bincount(seen.person, minlength=len(seen.first))[seen.person] > 1
    once = np.bincount(cell[~often], minlength=len(cells)).astype(float)
    order = np.flatnonzero(often)[np.argsort(seen.person[often], kind="stable")]
    starts = np.flatnonzero(np.diff(seen.person[order], prepend=-1))
    n = len(seen.first)
    means, alone = [], []
    for rows in np.array_split(risk, max(1, len(risk) * len(order) // _BLOCK)):
        of_people = np.maximum.reduceat(rows[:, cell[order]], starts, axis=1)
        means.append((rows @ once + of_people.sum(axis=1)) / n)
        alone.append(((rows == 1) @ once + (of_people == 1).sum(axis=1)) / n)
    return {
        "max_risk": _range(risk.max(axis=1), level, n, chance),
        "mean_risk": _range(np.concatenate(means), level, n, chance),
        "alone_in_population": _range(np.concatenate(alone), level, n, None),
    }


def risks_by_sizes(
    seen: Likeness, population: int, level: float, rng: np.random.Generator
) -> dict[str, Estimate]:
    """What the sizes of classes of sex and age say, and what a log-linear model of the table says,
    to neither of which an age is a number; what a model has no answer to is left out.
    """
    sex, age = seen.sex[seen.first], seen.low[seen.first]
    grouped = seen.grouped[seen.first]
    known = (sex >= 0) & (grouped | (seen.low == seen.high)[seen.first])
    n = int(known.sum())
    found: dict[str, Estimate] = {}
    if n < MIN_PEOPLE:
        return found
    # Those of whom something is not known are left out here, and as many of the population.
    among = round(population * n / len(seen.first))
    both = np.column_stack([sex, age + grouped * (OLDEST + 1)])[known]
    try:
        sizes = np.unique(both, axis=0, return_counts=True)[1]
        alone = dankar(sizes, among, level, rng)
        value, low, high = (min(one / among, 1) for one in (alone.value, alone.low, alone.high))
        found["alone_by_sizes"] = Estimate(value, low, high, level, n, None)
    except EvidenceError:
        pass
    try:
        codes = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in both.T]
        by_table = ranges(codes, among, level, rng)
    except EvidenceError:
        return found
    for name, what in (("alone_by_table", "alone"), ("mean_risk_by_table", "risk")):
        found[name] = Estimate(*by_table[what], level, n, None)
    return found


def _range(draws: Floats, level: float, n: int, chance: float | None) -> Estimate:
    """The median of draws, and the ends between which a share `level` of them lies."""
    tail = (1 - level) / 2
    return Estimate(
        float(np.quantile(draws, 0.5, method="nearest")),
        float(np.quantile(draws, tail, method="lower")),
        float(np.quantile(draws, 1 - tail, method="higher")),
        level,
        n,
        chance,
    )

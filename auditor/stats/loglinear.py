"""The risk of people in a sample from a log-linear model of the table that they fall in.

Skinner and Shlomo 2008, "Assessing identification risk in survey microdata using log-linear
models", JASA 103:989. The people of the population in each cell are Poisson with mean λ, and those
of the sample with mean πλ; the model of main effects and of pairs is fitted to the sample, and
tried for whether it over- or underfits by what that would do to the risk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import hyp1f1

from auditor.core.errors import EvidenceError, NotFittedError
from auditor.stats.intervals import percentile

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Pairs of columns whose effects together are in a model.
Pairs = tuple[tuple[int, int], ...]

#: A larger table is not fitted.
MOST_CELLS = 2_000_000
#: How closely margins are fitted, as a share of the sample, and in how many rounds.
_FITTED, _ROUNDS = 1e-6, 500
#: A model neither over- nor underfits while its statistic is within this (5 %, two-sided).
_ADMISSIBLE = 1.96
#: Tables that are drawn for a range.
_DRAWS = 50


@dataclass(frozen=True, eq=False)
class TableRisk:
    """What a log-linear model says of the people of a sample.

    Attributes
    ----------
    pairs : of columns whose effects together are in the model
    misfit : B/√v for the risk of which it is larger; positive where the model is too simple
    alone : expected people of the sample who are alone in the population (τ₁)
    named : expected people alone in the sample who are rightly named (τ₂)
    risk : (n,) E[1/F | f] of each person
    """

    pairs: Pairs
    misfit: float
    alone: float
    named: float
    risk: Floats


def choose(columns: Sequence[Ints], population: int) -> tuple[TableRisk, list[TableRisk]]:
    """The model that neither over- nor underfits, found by adding pairs to main effects; and all
    models on the way that were admissible, over which the risk ranges.

    Parameters
    ----------
    columns : each (n,) codes from 0 of what is known of each person

    Raises
    ------
    NotFittedError
        No model on the way is admissible, or a fit did not converge.
    """
    table, place = _table(columns)
    fraction = len(place) / population
    if fraction > 1:
        raise EvidenceError("the sample is larger than the population it is of")

    def tried(pairs: Pairs) -> TableRisk:
        return _measured(table, place, _fitted(table, pairs), fraction, pairs)

    left = set(combinations(range(table.ndim), 2))
    now = tried(())
    way = [now]
    while left and now.misfit > 0:
        wider = {pair: tried((*now.pairs, pair)) for pair in sorted(left)}
        pair = min(wider, key=lambda one: abs(wider[one].misfit))
        if abs(wider[pair].misfit) >= abs(now.misfit):
            break
        now = wider[pair]
        left.discard(pair)
        way.append(now)
    admissible = [one for one in way if abs(one.misfit) < _ADMISSIBLE]
    if not admissible:
        raise NotFittedError("no log-linear model neither over- nor underfits the table")
    return min(admissible, key=lambda one: abs(one.misfit)), admissible


def ranges(
    columns: Sequence[Ints], population: int, level: float, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """The share of the sample alone in the population, and the mean risk, each as value, low and
    high end: over the admissible models, and over tables drawn from the one that is chosen.

    Raises
    ------
    NotFittedError
        As `choose`.
    """
    best, admissible = choose(columns, population)
    table, place = _table(columns)
    fraction, n = len(place) / population, len(place)
    fitted = _fitted(table, best.pairs)
    seen = [(one.alone / n, float(one.risk.mean())) for one in admissible]
    drawn = []
    for _ in range(_DRAWS):
        again = rng.poisson(fitted).astype(float)
        people = np.repeat(np.arange(again.size), again.ravel().astype(np.int64))
        if len(people):
            one = _measured(again, people, _fitted(again, best.pairs), fraction, best.pairs)
            drawn.append((one.alone / len(people), float(one.risk.mean())))
    value = (best.alone / n, float(best.risk.mean()))
    found = {}
    for at, name in enumerate(("alone", "risk")):
        ends = percentile(np.array([one[at] for one in drawn]), level)
        every = [value[at], *ends, *(one[at] for one in seen)]
        found[name] = (value[at], min(every), max(every))
    return found


def risk_of(size: Ints, others: Floats) -> Floats:
    """E[1/F | f] where F − f is Poisson with mean `others`: ∫₀¹ u^(f−1) exp(−others (1 − u)) du."""
    return np.asarray(hyp1f1(1, size + 1.0, -others) / size)


def _table(columns: Sequence[Ints]) -> tuple[Floats, Ints]:
    """The sample as a table of counts, and the cell of each person in it."""
    shape = tuple(int(column.max()) + 1 for column in columns)
    if np.prod(shape, dtype=float) > MOST_CELLS:
        raise NotFittedError(f"the table has more than {MOST_CELLS:,} cells")
    place = np.ravel_multi_index(tuple(columns), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    return counts.reshape(shape).astype(float), np.asarray(place, dtype=np.int64)


def _fitted(table: Floats, pairs: Pairs) -> Floats:
    """Expected counts with the table's margins: iterative proportional fitting (Deming and Stephan
    1940).
    """
    every = range(table.ndim)
    alone = [one for one in every if not any(one in pair for pair in pairs)]
    margins = [
        tuple(i for i in every if i not in kept) for kept in (*pairs, *((a,) for a in alone))
    ]
    wanted = [table.sum(axis=axes, keepdims=True) for axes in margins]
    fitted = np.full(table.shape, table.sum() / table.size)
    for _ in range(_ROUNDS):
        for axes, margin in zip(margins, wanted, strict=True):
            have = fitted.sum(axis=axes, keepdims=True)
            fitted = fitted * np.divide(margin, have, out=np.zeros_like(have), where=have > 0)
        worst = max(
            float(np.abs(fitted.sum(axis=axes, keepdims=True) - margin).max())
            for axes, margin in zip(margins, wanted, strict=True)
        )
        if worst <= _FITTED * table.sum():
            return fitted
    raise NotFittedError("the log-linear model did not converge")


def _measured(
    table: Floats, place: Ints, fitted: Floats, fraction: float, pairs: Pairs
) -> TableRisk:
    f, mu = table.ravel(), fitted.ravel()
    others = (1 - fraction) * mu / fraction
    once = f == 1
    risk = np.ones(len(f))
    there = f > 0
    risk[there] = risk_of(f[there].astype(np.int64), others[there])
    misfits = (_misfit(f, mu, fraction, *_ALONE), _misfit(f, mu, fraction, *_NAMED))
    return TableRisk(
        pairs,
        max(misfits, key=abs),
        float(np.exp(-others[once]).sum()),
        float(risk[once].sum()),
        risk[place],
    )


#: −h′ and h″ of P(F = 1 | f = 1) = exp(−m), and of E[1/F | f = 1] = (1 − exp(−m))/m, of the others
#: in the cell, m.
_ALONE = (lambda m: np.exp(-m), lambda m: np.exp(-m))
_NAMED = (
    lambda m: _moment(m, 2),
    lambda m: _moment(m, 3),
)


def _moment(others: Floats, k: int) -> Floats:
    """∫₀¹ v^(k−1) exp(−others v) dv, the size of the derivatives of ∫₀¹ exp(−others v) dv."""
    return np.asarray(hyp1f1(k, k + 1.0, -others) / k)


def _misfit(
    f: Floats,
    mu: Floats,
    fraction: float,
    slope: Callable[[Floats], Floats],
    bend: Callable[[Floats], Floats],
) -> float:
    """B/√v: the bias of a risk Σ h(λ) over cells of one person, when the model's λ are wrong, over
    its SD when they are right.

    h(λ̂) − h(λ) is taken to the second order, and λ − λ̂ and its square are estimated by
    (f − πλ̂)/π and ((f − πλ̂)² − f)/π².

    Parameters
    ----------
    slope, bend : −h′ and h″ with respect to the others in the cell, (1 − π)λ
    """
    there = mu > 0
    f, mu = f[there], mu[there]
    lam = mu / fraction
    others = (1 - fraction) * lam
    weight = mu * np.exp(-mu) / fraction * (1 - fraction)
    first = weight * slope(others)
    second = weight * (1 - fraction) / fraction / 2 * bend(others)
    gap = f - mu
    bias = float((first * gap + second * (gap**2 - f)).sum())
    variance = float((first**2 * mu + 2 * second**2 * mu**2).sum())
    return bias / np.sqrt(variance) if variance > 0 else 0.0

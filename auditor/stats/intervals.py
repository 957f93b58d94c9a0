"""Intervals for rates and for statistics of people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

#: Resampled people are worked on in blocks of at most this many numbers.
_BLOCK = 4_000_000
#: The same where the statistic keeps several numbers for each: small blocks stay in the cache.
_DRAWN_BLOCK = 1_000_000
DRAWS = 1000


def wilson(k: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's score interval for k of n, clipped to [0, 1] (Wilson 1927, JASA 22:209).

    `k` may be a fraction: the mean of n people's rates varies no more than a yes-or-no outcome of
    the same mean, so that the interval is then conservative; n may be one where outcomes depend on
    each other and are worth so many independent ones. It never collapses at 0 or 1.
    """
    z = ndtri(0.5 + level / 2)
    p, zz = k / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z * np.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    # Near 0 and 1 the bounds are differences of equal terms, and rounding must not cross the rate.
    low = 0.0 if k == 0 else min(max(0.0, centre - half), p)
    high = 1.0 if k == n else max(min(1.0, centre + half), p)
    return float(low), float(high)


def wilson_by_variance(
    rate: float, variance: float, n_people: int, level: float
) -> tuple[float, float]:
    """Wilson's interval of as many independent people as would vary as much.

    Four for each of the n people at most: an equal error rate whose two errors fall as steeply
    varies as little, and an AUC by luck nearly so; few people do not show that more would be right.
    A rate of 0 or 1 is that of n people.
    """
    if not 0 < rate < 1:
        return wilson(rate * n_people, n_people, level)
    worth = 4.0 * n_people
    if variance > 0:
        worth = min(worth, rate * (1 - rate) / variance)
    return wilson(rate * worth, worth, level)


def clopper_pearson(k: float, n: int, level: float) -> tuple[float, float]:
    """The exact interval for k of n (Clopper and Pearson 1934, Biometrika 26:404)."""
    # A gate that asks for Wilson's alone does not wait for all of scipy's distributions.
    from scipy import stats

    tail = (1 - level) / 2
    low = 0.0 if k == 0 else stats.beta.ppf(tail, k, n - k + 1)
    high = 1.0 if k == n else stats.beta.ppf(1 - tail, k + 1, n - k)
    return float(low), float(high)


def newcombe_paired(
    one: NDArray[np.float64], other: NDArray[np.float64], level: float, worth: float = 1.0
) -> tuple[float, float]:
    """An interval for the difference of the mean rates of the same people, one less other.

    Method 10 of Newcombe 1998, Stat Med 17:2635: Wilson's intervals of both rates, joined by how
    far they go together, with a correction for continuity. Rates between 0 and 1 vary less than
    yes-or-no outcomes, so that it is then conservative. It never collapses.

    Parameters
    ----------
    one, other : (n,) the rates of each person
    worth : independent people that each is worth
    """
    n = len(one) * worth
    p, q = float(one.mean()), float(other.mean())
    (low_p, high_p), (low_q, high_q) = (wilson(rate * n, n, level) for rate in (p, q))
    together = n * n * (float((one * other).mean()) - p * q)
    together = max(together - n / 2, 0.0) if together > 0 else together
    size = n * n * np.sqrt(p * (1 - p) * q * (1 - q))
    phi = float(np.clip(together / size, -1, 1)) if size > 0 else 0.0
    below = (p - low_p) ** 2 - 2 * phi * (p - low_p) * (high_q - q) + (high_q - q) ** 2
    above = (high_p - p) ** 2 - 2 * phi * (high_p - p) * (q - low_q) + (q - low_q) ** 2
    return max(p - q - float(np.sqrt(below)), -1.0), min(p - q + float(np.sqrt(above)), 1.0)


def newcombe_auc(
    auc: float,
    n_positive: float | NDArray[np.float64],
    n_negative: float | NDArray[np.float64],
    level: float,
    worth: float = 1.0,
) -> tuple[float, float]:
    """An interval for an AUC that does not collapse at 0 or 1.

    Method 5 of Newcombe 2006, Stat Med 25:559: the θ for which |θ − AUC| is z standard errors of
    Hanley and McNeil at θ, with (m + n)/2 − 1 in place of m − 1 and n − 1. Of several strata, over
    whose pairs together the AUC is, the variances add up by the squares of their shares of pairs.

    Parameters
    ----------
    n_positive, n_negative : people of each kind, or (n_strata,) those of each stratum
    worth : independent people that each is worth
    """
    z = float(ndtri(0.5 + level / 2))
    one, other = np.atleast_1d(np.asarray(n_positive)), np.atleast_1d(np.asarray(n_negative))
    each = one * other
    pairs = float(worth * each.sum())
    spare = float((each * ((one + other) / 2 - 1)).sum() / each.sum())

    def excess(theta: float) -> float:
        tails = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) * (1 + spare * tails) / pairs
        return (auc - theta) ** 2 - z * z * variance

    # The excess is positive outside the interval and negative inside: bisect on either side.
    low = 0.0 if auc <= 0 else _root(excess, 0.0, auc)
    high = 1.0 if auc >= 1 else _root(excess, 1.0, auc)
    return low, high


def _root(excess: Callable[[float], float], outside: float, inside: float) -> float:
    for _ in range(60):
        middle = (outside + inside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2


def bca(
    estimate: float,
    replicates: NDArray[np.float64],
    leave_one_out: NDArray[np.float64],
    level: float,
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval (Efron 1987, JASA 82:171).

    Parameters
    ----------
    replicates : the statistic of resampled people
    leave_one_out : the statistic without each person in turn
    """
    below = (replicates < estimate).mean() + (replicates == estimate).mean() / 2
    if not 0 < below < 1:
        return float(replicates.min()), float(replicates.max())
    bias = ndtri(below)
    pull = leave_one_out.mean() - leave_one_out
    spread = (pull**2).sum()
    acceleration = (pull**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + ndtri([(1 - level) / 2, (1 + level) / 2])
    shares = ndtr(bias + z / (1 - acceleration * z))
    low, high = np.quantile(replicates, shares)
    return float(low), float(high)


def person_bootstrap(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n_people: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """A BCa interval over people.

    Parameters
    ----------
    statistic : weights of people (b, n_people) → the statistic under each row of weights, (b,)
    """
    whole = float(statistic(np.ones((1, n_people)))[0])
    size = max(1, _BLOCK // n_people)
    replicates = [
        statistic(rng.multinomial(n_people, np.full(n_people, 1 / n_people), size=n).astype(float))
        for n in _sizes(DRAWS, size)
    ]
    left = []
    # Beyond a few thousand people the acceleration, a mean of cubes, is known well enough.
    for people in np.array_split(np.arange(min(n_people, 4000)), -(-min(n_people, 4000) // size)):
        weights = np.ones((len(people), n_people))
        weights[np.arange(len(people)), people] = 0
        left.append(statistic(weights))
    low, high = bca(whole, np.concatenate(replicates), np.concatenate(left), level)
    return min(low, whole), max(high, whole)


def person_replicates(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n_people: int,
    rng: np.random.Generator,
    width: int | None = None,
) -> NDArray[np.float64]:
    """(DRAWS, …) a statistic, or several at once, of people drawn with replacement.

    Parameters
    ----------
    statistic : weights of people (b, n_people) → the statistic under each row of weights, (b, …)
    width : numbers that the statistic works on for each row, `n_people` if None; memory goes by it
    """
    size = max(1, _DRAWN_BLOCK // max(n_people, width or 0))
    return np.concatenate([statistic(_drawn(n, n_people, rng)) for n in _sizes(DRAWS, size)])


def _drawn(n_draws: int, n_people: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_draws, n_people) how often each person is drawn."""
    picked = rng.integers(n_people, size=(n_draws, n_people))
    picked += n_people * np.arange(n_draws)[:, None]
    counts = np.bincount(picked.ravel(), minlength=n_draws * n_people)
    return counts.reshape(n_draws, n_people).astype(float)


def percentile(replicates: NDArray[np.float64], level: float) -> tuple[float, float]:
    """The interval that holds a share `level` of the replicates, as many below it as above.

    A NaN, the statistic of a draw that has none, is left out; NaN where all are.
    """
    known = replicates[~np.isnan(replicates)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _sizes(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]

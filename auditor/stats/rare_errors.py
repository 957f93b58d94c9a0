"""How many are named while few others are named falsely: the interval, and whom it takes.

The threshold that a share of all others reaches is not known: it is taken from those others who
were looked at, and the interval carries that it was.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, binom

from auditor.stats.intervals import wilson
from auditor.stats.metrics import Floats, tpr_at_fpr

#: A rate of errors is told of people among whom so many errors are expected: with none seen among n
#: it may be 3/n (rule of three).
TOLD_FROM = 3
#: A null is to pass in so many cases before people are called enough.
POWER = 0.9
_MOST = 200_000


def tpr_bounds(
    score: Floats, positive: NDArray[np.bool_], fpr: float, level: float
) -> tuple[float, float]:
    """An interval for the share of positives above the score that a share `fpr` of all negatives
    exceeds, whatever scores are like.

    `joined_bounds` of the positives beside the thresholds that `allowed_alarms` names.
    """
    ours, others = score[positive], np.sort(score[~positive])[::-1]

    def share(n_alarms: int) -> float:
        """Of positives above all negatives but so many."""
        return float((ours > others[n_alarms]).mean()) if n_alarms < len(others) else 1.0

    value = tpr_at_fpr(score, positive, fpr)
    return joined_bounds(value, len(ours), share, len(others), fpr, level)


def allowed_alarms(n_negative: float, error_rate: float, level: float) -> tuple[int, int]:
    """Between how many of n negatives may lie above the threshold that a share of all exceeds: a
    binomial number, whatever scores are like.
    """
    tail = (1 - level) / 2
    few, many = (binom.ppf(one, int(n_negative), error_rate) for one in (tail, 1 - tail))
    return int(few), int(many)


def joined_bounds(
    value: float,
    n_positive: float,
    share: Callable[[int], float],
    n_negative: int,
    error_rate: float,
    level: float,
) -> tuple[float, float]:
    """Wilson's interval of a share at its threshold, and what the share is at the strictest and
    the mildest threshold that may be the true one, joined by squares (Zou and Donner 2008, Stat
    Med 27:1693). Where no negative may lie above the strictest nothing is known of it, and the
    lower end is 0.

    Parameters
    ----------
    share : how many negatives may lie above a threshold → the share of positives above it
    n_positive, n_negative : independent people, or as many as dependent ones are worth
    """
    few, many = allowed_alarms(n_negative, error_rate, level)
    strict = share(few - 1) if few else 0.0
    mild = share(many)
    low, high = wilson(value * n_positive, n_positive, level)
    below = np.hypot(value - low, value - min(strict, value))
    above = np.hypot(high - value, max(mild, value) - value)
    return max(value - float(below), 0.0) if few else 0.0, min(value + float(above), 1.0)


def null_passes(limit: float, n_positive: int, n_negative: int, fpr: float, level: float) -> float:
    """How often the upper end of `tpr_bounds` is at most `limit` where positives score as negatives
    do: then every order of them all is as likely, and the counts above two of the negatives are
    beta-binomial, one after the other.
    """
    if fpr * n_negative < 1 or limit <= 0:
        return 0.0
    place = int(fpr * n_negative + 1e-9) + 1
    farther = max(allowed_alarms(n_negative, fpr, level)[1] + 1, place)
    at_place = betabinom(n_positive, place, n_negative - place + 1)
    passed = 0.0
    for k in range(int(limit * n_positive) + 1):
        value = k / n_positive
        left = limit - value
        reached = wilson(k, n_positive, level)[1] - value
        if reached > left:
            break
        more = int(np.sqrt(left**2 - reached**2) * n_positive + 1e-9)
        if farther > place:
            between = betabinom(n_positive - k, farther - place, n_negative - farther + 1)
            passed += float(at_place.pmf(k) * between.cdf(more))
        else:
            passed += float(at_place.pmf(k))
    return passed


def people_to_pass(limit: float, fpr: float, level: float, power: float = POWER) -> int | None:
    """How many people of either kind it takes until a null passes in a share `power` of cases.

    To within two digits; None where no number is enough, as at a limit of `fpr` or less.
    """
    if limit <= fpr:
        return None

    def enough(n: int) -> bool:
        return null_passes(limit, n, n, fpr, level) >= power

    few, many = 0, max(int(1 / fpr), 10)
    while not enough(many):
        few, many = many, 2 * many
        if many > _MOST:
            return None
    while many - few > max(many // 50, 1):
        middle = (few + many) // 2
        if enough(middle):
            many = middle
        else:
            few = middle
    step = 10 ** max(len(str(many)) - 2, 0)
    return int(-(-many // step) * step)

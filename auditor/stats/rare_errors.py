"""How many are named while few others are named falsely: the interval, and whom it takes.

The threshold that a share of all others reaches is not known: it is taken from those others who
were looked at, and the interval carries that it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv
from scipy.stats import betabinom, binom

from auditor.stats.intervals import wilson
from auditor.stats.metrics import Floats, tpr_at_fpr

#: Places of a threshold among all others' scores over which a chance is summed.
_PLACES = 400
#: Halvings of a bound: to within a millionth.
_HALVINGS = 20
#: A release without a leak is to pass in so many cases before its size is called enough.
POWER = 0.9
_MOST = 200_000


def tpr_bounds(
    score: Floats, positive: NDArray[np.bool_], fpr: float, level: float
) -> tuple[float, float]:
    """An interval for the share of positives above the score that a share `fpr` of all negatives
    exceeds.

    What holds of `counted_bounds` and of `split_bounds`: each of the two is right as often as the
    level says, and where many positives are found the second is narrower.
    """
    value = tpr_at_fpr(score, positive, fpr)
    ours, others = score[positive], np.sort(score[~positive])[::-1]
    low, high = counted_bounds(round(value * len(ours)), len(ours), len(others), fpr, level)
    least, most = split_bounds(ours, others, fpr, level)
    return min(max(low, least), value), max(min(high, most), value)


def counted_bounds(
    k: int, n_positive: int, n_negative: int, fpr: float, level: float
) -> tuple[float, float]:
    """An interval as Clopper and Pearson's, when k positives score more than all but the first
    `fpr` · n of the negatives.

    Of all negatives, a share U exceeds a threshold that is the r-th of n, with a density of
    u^(r − 1) (1 − u)^(n − r). Where nothing is found the positives above it are beta-binomial, and
    the interval is exact. Else the share of positives is taken to grow in proportion, θ u / fpr: no
    concave ROC is steeper, so that the interval is then conservative.
    """
    place = int(fpr * n_negative + 1e-9) + 1
    shares = betaincinv(place, n_negative - place + 1, (np.arange(_PLACES) + 0.5) / _PLACES)

    def at_most(k: int, theta: float) -> float:
        """The chance of no more than k positives."""
        return float(bdtr(k, n_positive, np.minimum(theta * shares / fpr, 1)).mean())

    def bisected(most: int, chance: float) -> float:
        """The rate at which `at_most`, which falls with it, is that chance."""
        inside, outside = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            if at_most(most, middle) > chance:
                inside = middle
            else:
                outside = middle
        return outside if chance < 0.5 else inside

    tail = (1 - level) / 2
    low = 0.0 if k == 0 else bisected(k - 1, 1 - tail)
    return low, 1.0 if k == n_positive else bisected(k, tail)


def split_bounds(ours: Floats, others: Floats, fpr: float, level: float) -> tuple[float, float]:
    """An interval that holds whatever scores are like, `others` descending.

    Of n others, a binomial number lies above the threshold that a share `fpr` of all others
    reaches. The interval is that of Wilson at the strictest and at the mildest threshold that it
    allows, each of the two at half the error.
    """
    half, n = (1 + level) / 2, len(ours)
    fewest, most = (
        int(binom.ppf(one, len(others), fpr)) for one in ((1 - half) / 2, (1 + half) / 2)
    )
    strict = (ours > others[fewest - 1]).mean() if fewest else 0.0
    mild = (ours > others[most]).mean() if most < len(others) else 1.0
    return wilson(strict * n, n, half)[0], wilson(mild * n, n, half)[1]


def null_passes(limit: float, n_positive: int, n_negative: int, fpr: float, level: float) -> float:
    """How often the upper bound is at most `limit` where positives score as negatives do."""
    if fpr * n_negative < 1 or limit <= 0:
        return 0.0
    place = int(fpr * n_negative + 1e-9) + 1
    fewest, most = -1, n_positive  # the first passes, the last does not
    while most - fewest > 1:
        k = (fewest + most) // 2
        if counted_bounds(k, n_positive, n_negative, fpr, level)[1] <= limit:
            fewest = k
        else:
            most = k
    return float(betabinom.cdf(fewest, n_positive, place, n_negative - place + 1))


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
    return -(-many // step) * step

"""The smallest leak that an attack finds, from a few doses of a known one.

An attack *finds* a leak where the lower end of its interval lies beyond what it gets where there is
nothing. Of a rate with Wilson's interval that is so from

    nothing + z · sqrt(nothing · (1 − nothing) / n)

on (Wilson 1927, JASA 22:209, solved for the rate). Where intervals are wider, it is so from where
the lower end passes nothing in the proportion that it has to the rate at the least dose that was
found, and from no rate that was seen and not found. At least k of n people then have to be found.
The true rate that brings so many with probability 0.95 is the upper end of Clopper and Pearson's
one-sided interval for k − 1 of n (1934, Biometrika 26:404): a person found in some of several tries
varies less than one found or not, so that this asks for no less than is needed. Of other numbers,
taken as normal, it is nothing + (z + z of 0.95) · SE.

All that is in the unit of what the attack measures. Its *share* is what it finds beyond nothing of
what there is to be found, over all doses together: a ratio of sums, in which a dose weighs as much
as it tells. The smallest leak is what has to be measured, divided by that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri

from auditor.core.finding import Estimate

#: How often the smallest leak is found.
POWER = 0.95


@dataclass(frozen=True)
class Dose:
    """What an intruder who knows how something was planted finds, and what an attack does."""

    truth: Estimate
    found: Estimate

    @property
    def there(self) -> float:
        """What there is to be found: what an attack finds is there."""
        return max(self.truth.value, self.found.value)


def smallest_found(doses: Sequence[Dose], nothing: float, *, rate: bool) -> Estimate | None:
    """The smallest leak that an attack finds in 95 of 100 cases; None where it finds nothing.

    The interval is that of the share, of which the two sums are taken to be independent: they are
    of the same people, and so it is too wide rather than too narrow.

    Parameters
    ----------
    doses : of something planted, some of it at least
    nothing : what the attack measures where there is nothing
    rate : whether the number is a rate of people
    """
    found = np.array([dose.found.value - nothing for dose in doses])
    there = np.array([dose.there - nothing for dose in doses])
    if found.sum() <= 0 or there.sum() <= 0:
        return None
    share = float(found.sum() / there.sum())
    needed = needed_to_find([dose.found for dose in doses], nothing, rate=rate) - nothing
    spread = math.hypot(
        _sum_error([dose.found for dose in doses]) / float(found.sum()),
        _sum_error([dose.truth for dose in doses]) / float(there.sum()),
    )
    level = doses[0].found.level
    wide = math.exp(float(ndtri(0.5 + level / 2)) * spread)
    most = 1.0 if rate else math.inf
    value, low, high = (min(nothing + by * needed / share, most) for by in (1.0, 1 / wide, wide))
    n = min(dose.found.n_subjects for dose in doses)
    return Estimate(value, low, high, level, n, None)


def needed_to_find(doses: Sequence[Estimate], nothing: float, *, rate: bool) -> float:
    """The true number from which on 95 of 100 estimates, with intervals as of these doses, lie
    beyond `nothing` with all of their interval.
    """
    z = float(ndtri(0.5 + doses[0].level / 2))
    if not rate:
        most = max(doses, key=lambda one: one.value)
        return nothing + (z + float(ndtri(POWER))) * (most.value - most.low) / z
    n = min(one.n_subjects for one in doses)
    beyond = [nothing + z * math.sqrt(nothing * (1 - nothing) / n)]
    found = [one for one in doses if one.low > nothing]
    beyond += [one.value for one in doses if one.low <= nothing]
    if found:
        least = min(found, key=lambda one: one.value)
        beyond.append(nothing * least.value / least.low)
    k = math.floor(n * max(beyond) + 1e-9) + 1
    return float(betaincinv(k, n - k + 1, POWER)) if k <= n else 1.0


def _sum_error(every: Sequence[Estimate]) -> float:
    """The standard error of a sum, by half the width of each interval."""
    halves = [(one.high - one.low) / 2 / float(ndtri(0.5 + one.level / 2)) for one in every]
    return math.hypot(*halves)

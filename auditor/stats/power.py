"""How small a leak an attack would have told from what it found, from a few doses of a known one.

Calibration as of an instrument: known amounts are put to it, and what it reads of a sample is told
in their unit (Osborne 1991, International Statistical Review 59:309, by inversion). What an attack
reads rises with the dose; between doses, and up to the lowest from where nothing is planted, both
what it reads and what is there are taken to rise in straight lines, after what falls was levelled
(isotonic regression, Barlow et al. 1972). A leak is *told* from what was found where the attack,
put to it, reads more with 95 % certainty: both readings vary as people do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from auditor.core.finding import Estimate

#: How often the smallest leak is told from what was found.
POWER = 0.95


@dataclass(frozen=True)
class Dose:
    """What an intruder who knows how something was planted finds, and what an attack reads."""

    truth: Estimate
    read: Estimate


def smallest_told(doses: Sequence[Dose], found: Estimate) -> Estimate | None:
    """The smallest leak, in the unit of the truth, of which an attack reads more than it found in
    95 of 100 cases; None where it reads no more of the largest dose.

    Its interval is that of the truth at that dose.

    Parameters
    ----------
    doses : of nothing, and of more and more
    found : what the attack reads of what is judged; where that is less than of nothing, nothing
    """
    read = _rising([one.read.value for one in doses])
    value, low, high = (
        _rising([getattr(one.truth, end) for one in doses]) for end in ("value", "low", "high")
    )
    z = float(ndtri(POWER))
    for place in range(1, len(doses)):
        spread = math.hypot(_error(found), _error(doses[place].read))
        wanted = max(found.value, float(read[0])) + z * spread
        if read[place] >= wanted:
            share = (wanted - read[place - 1]) / (read[place] - read[place - 1])
            share = float(np.clip(share, 0, 1))
            told = [
                float(side[place - 1] + share * (side[place] - side[place - 1]))
                for side in (value, low, high)
            ]
            n = min(dose.read.n_subjects for dose in doses)
            bounds = min(told[1], told[0]), max(told[2], told[0])
            return Estimate(told[0], *bounds, found.level, n, None)
    return None


def _rising(values: Sequence[float]) -> NDArray[np.float64]:
    rising = isotonic_regression(np.asarray(values, dtype=np.float64))
    return np.asarray(rising.x)


def _error(one: Estimate) -> float:
    """Half the width of an interval, in the unit of one standard error."""
    return (one.high - one.low) / 2 / float(ndtri(0.5 + one.level / 2))

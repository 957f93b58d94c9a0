"""The step in which a signal was digitised, found from its samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: So many samples show the step, of as many as are searched for them; fewer distinct values do not.
_LOOKED_AT, _SEARCHED, _FEWEST = 20_000, 500_000, 20
#: A step is told from rounding where it is so many times larger than that.
_ABOVE_ROUNDING = 8
#: Distances of neighbouring values that are no multiples of the step, by so much of it, are so few.
_OFF, _SHARE = 0.1, 0.01


def step_of(signal: NDArray[np.float32]) -> str:
    """The quantisation step of the first lead that moves, mV to three figures; "" where samples lie
    on no grid, as after a filter.

    Parameters
    ----------
    signal : (n_leads, n_samples) float32 mV, NaN where missing
    """
    for lead in signal:
        start = lead[:_SEARCHED]
        values = np.unique(start[np.isfinite(start)][:_LOOKED_AT].astype(np.float64))
        if len(values) >= _FEWEST:
            break
    else:
        return ""
    rounding = float(np.finfo(np.float32).eps * np.abs(values).max())
    apart = np.diff(values)
    apart = apart[apart > 2 * rounding]
    if not len(apart) or (least := float(apart.min())) < _ABOVE_ROUNDING * rounding:
        return ""
    steps = np.round(apart / least)
    if (np.abs(apart - steps * least) > _OFF * least).mean() > _SHARE:
        return ""
    return f"{apart.sum() / steps.sum():.3g}"

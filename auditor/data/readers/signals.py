"""The leads of a record brought together: in mV, at one rate, with what is wrong with them."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from auditor.data.readers.channels import Channels

#: A run of one value in all leads this long, at either end, is lost signal.
_LOST_S = 0.5
#: A heart's lead spans more than the first and less than the second, mV; else its gain is wrong.
_SMALL_MV, _LARGE_MV = 0.02, 50.0


def together(
    leads: list[NDArray[np.float32]], found: Channels, fs: float | Fraction, defects: list[str]
) -> tuple[NDArray[np.float32], float]:
    """All leads at the rate of the fastest of them, and that rate in Hz.

    Parameters
    ----------
    leads : each in mV at its own rate
    fs : of frames
    """
    for lead in leads:
        if np.isinf(lead).any():
            lead[np.isinf(lead)] = np.nan
            defects.append("samples that its gain makes infinite")
    _blank_lost_ends(leads, [one.per_frame for one in found.leads], fs, defects)
    if not found.are_of_one_rate:
        defects.append("leads of several rates: the slower ones were brought to the fastest")
        leads = [
            _resampled(lead, found.per_frame, one.per_frame)
            for lead, one in zip(leads, found.leads, strict=True)
        ]
    signal = np.stack(leads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a lead may be missing altogether
        low, high = np.nanpercentile(signal, (0.5, 99.5), axis=1)
    span = high - low
    if (span[np.isfinite(span)] < _SMALL_MV).any():
        defects.append("a lead is flat, or its gain is wrong")
    if (span[np.isfinite(span)] > _LARGE_MV).any():
        defects.append("a lead is larger than a heart makes it: its gain is wrong")
    return signal, float(fs * found.per_frame)


def _blank_lost_ends(
    leads: list[NDArray[np.float32]], per_frame: list[int], fs: float | Fraction, defects: list[str]
) -> None:
    """A long run of one value in every lead, at either end, becomes missing; `fs` is of frames."""
    moves = [np.diff(lead) != 0 for lead in leads]
    if not any(one.any() for one in moves):
        return
    sample = Fraction(1, max(per_frame))
    for end, words in ((1, "begins with lost signal"), (-1, "ends with lost signal")):
        run = min(
            Fraction(int(one[::end].argmax()) + 1, n)
            for one, n in zip(moves, per_frame, strict=True)
            if one.any()
        )
        if run - sample > _LOST_S * fs:
            for lead, n in zip(leads, per_frame, strict=True):
                lead[::end][: int(run * n)] = np.nan
            defects.append(words)


def _resampled(lead: NDArray[np.float32], per_frame: int, of: int) -> NDArray[np.float32]:
    """A lead of `of` samples a frame at `per_frame`, missing where the samples beside are."""
    from scipy.signal import resample_poly

    if of == per_frame:
        return lead
    missing = np.isnan(lead)
    if missing.all():
        return np.full(len(lead) // of * per_frame, np.nan, dtype=np.float32)
    places = np.arange(len(lead))
    filled = np.interp(places, places[~missing], lead[~missing].astype(np.float64))
    # The ratio is exact, and a lead that stands far from 0 is no step at its ends.
    finer = resample_poly(filled, per_frame, of, padtype="line").astype(np.float32)
    before, rest = np.divmod(np.arange(len(finer)) * of, per_frame)
    after = np.minimum(before + (rest > 0), len(lead) - 1)
    finer[missing[before] | missing[after]] = np.nan
    return finer

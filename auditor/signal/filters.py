"""Wander, mains and muscle noise out; every recording at one sampling frequency."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal as dsp

from auditor.core.errors import SignalError

#: The sampling frequency inside the house, Hz.
FS = 250.0
#: The diagnostic band that a heartbeat's shape lives in, Hz.
BAND = (0.5, 40.0)


def clean(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """The signal band-passed, notched at the mains frequency and resampled to `FS`.

    Filters run forwards and backwards, so fiducials stay where they were.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, NaN where missing
    fs : Hz

    Returns
    -------
    (n_leads, n_samples · FS / fs) float32, mV
        NaN where the nearest sample was missing.

    Raises
    ------
    SignalError
        `fs` is too low to hold the band.
    """
    if fs < 2.2 * BAND[1]:
        raise SignalError(f"sampled at {fs:g} Hz, wanted at least {2.2 * BAND[1]:g} Hz")
    missing = np.isnan(signal)
    filled = _interpolated(signal, missing) if missing.any() else signal.astype(np.float64)
    padding = min(int(3 * fs), filled.shape[1] - 1)
    band = dsp.butter(3, BAND, "bandpass", fs=fs, output="sos")
    cleaned = dsp.sosfiltfilt(band, filled, padlen=padding)
    if (mains := mains_frequency(filled, fs)) is not None:
        notch = dsp.tf2sos(*dsp.iirnotch(mains, 30.0, fs=fs))
        cleaned = dsp.sosfiltfilt(notch, cleaned, padlen=padding)
    ratio = Fraction(FS / fs).limit_denominator(1000)
    cleaned = dsp.resample_poly(cleaned, ratio.numerator, ratio.denominator, axis=1)
    if missing.any():
        nearest = np.round(np.arange(cleaned.shape[1]) * fs / FS).astype(int)
        cleaned[missing[:, np.minimum(nearest, signal.shape[1] - 1)]] = np.nan
    return cleaned.astype(np.float32)


def mains_frequency(signal: NDArray[np.float64], fs: float) -> float | None:
    """50 or 60 Hz, whichever stands further out of the spectrum; None when neither does.

    A line stands out when it holds three times the power of the bands beside it.
    """
    spectrum_hz, power = dsp.welch(signal, fs, nperseg=min(signal.shape[1], int(4 * fs)))
    power = power.sum(axis=0)
    prominence = {}
    for mains in (50.0, 60.0):
        distance = np.abs(spectrum_hz - mains)
        beside = power[(distance > 1.5) & (distance < 4)]
        # Below 2 Hz under the Nyquist frequency there is no band beside the line to compare with.
        if mains + 2 < fs / 2 and len(beside):
            prominence[mains] = power[distance <= 1].max() / (np.median(beside) + 1e-12)
    if not prominence:
        return None
    strongest = max(prominence, key=prominence.__getitem__)
    return strongest if prominence[strongest] > 3 else None


def _interpolated(signal: NDArray[np.float32], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    filled = signal.astype(np.float64)
    at = np.arange(signal.shape[1])
    for lead, gaps in zip(filled, missing, strict=True):
        lead[gaps] = np.interp(at[gaps], at[~gaps], lead[~gaps]) if not gaps.all() else 0.0
    return filled

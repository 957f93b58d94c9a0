"""Wander, mains and muscle noise out; every recording at one sampling frequency."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from auditor.core.errors import SignalError

#: The sampling frequency inside the house, Hz.
FS = 250.0
#: The diagnostic band that a heartbeat's shape lives in, Hz.
BAND = (0.5, 40.0)

#: What is added at either end, mirrored and faded out, so that the ends do not ring, seconds.
_MARGIN_S = 2.0
#: A line of the mains stands out when it holds this many times the power of the bands beside it.
_MAINS_POWER = 3.0
#: Sharpness of the notch: its width is this fraction of the mains frequency.
_NOTCH_Q = 30.0


def clean(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """The signal band-passed, notched at the mains frequency and resampled to `FS`.

    One Fourier transform does all three, without delay: the gain is that of a third-order
    Butterworth band-pass run forwards and backwards, so fiducials stay where they were.

    Parameters
    ----------
    signal : (…, n_leads, n_samples) mV, NaN where missing; records that are as long go together
    fs : Hz

    Returns
    -------
    (…, n_leads, n_samples · FS / fs) float32, mV
        NaN where the nearest sample was missing.

    Raises
    ------
    SignalError
        `fs` is too low to hold the band.
    """
    if fs < 2.2 * BAND[1]:
        raise SignalError(f"sampled at {fs:g} Hz, wanted at least {2.2 * BAND[1]:g} Hz")
    n_samples = signal.shape[-1]
    missing = np.isnan(signal)
    gaps = bool(missing.any())
    filled = _interpolated(signal, missing) if gaps else signal
    # Rounded up, as a polyphase resampler does: the last sample is never left out.
    ratio = Fraction(FS / fs).limit_denominator(1000)
    n_cleaned = -(-n_samples * ratio.numerator // ratio.denominator)
    margin = min(round(_MARGIN_S * fs), n_samples - 1)
    # The transform's length is a whole number of samples at either frequency.
    step = ratio.denominator
    length = step * fft.next_fast_len(-(-(n_samples + 2 * margin) // step), real=True)
    while length * ratio.numerator % ratio.denominator or (length * ratio.numerator // step) % 2:
        length += step
    spectrum = fft.rfft(_faded(filled, margin, length), axis=-1)
    hz = fft.rfftfreq(length, 1 / fs)
    new_length = length * ratio.numerator // ratio.denominator
    kept = min(len(hz), new_length // 2 + 1)
    gain = np.broadcast_to(_band_gain(hz[:kept]), (*signal.shape[:-2], 1, kept))
    mains = _mains(spectrum, hz)
    if (mains > 0).any():
        gain = gain * _notch_gain(hz[:kept], mains[..., None, None])
    spectrum = spectrum[..., :kept] * (gain * (new_length / length)).astype(np.float32)
    back = fft.irfft(spectrum, new_length, axis=-1, overwrite_x=True)
    cleaned = np.ascontiguousarray(back[..., :n_cleaned], dtype=np.float32)
    if gaps:
        nearest = np.round(np.arange(n_cleaned) * fs / FS).astype(int)
        cleaned[missing[..., np.minimum(nearest, n_samples - 1)]] = np.nan
    return cleaned


def mains_frequency(signal: NDArray[np.floating], fs: float) -> float | None:
    """50 or 60 Hz, whichever stands further out of the spectrum; None when neither does.

    A line stands out when it holds three times the power of the bands beside it.
    """
    centred = signal - signal.mean(axis=-1, keepdims=True)
    tapered = centred * np.hanning(signal.shape[-1])
    found = float(_mains(fft.rfft(tapered, axis=-1), fft.rfftfreq(signal.shape[-1], 1 / fs)))
    return found or None


def _mains(spectrum: NDArray[np.complexfloating], hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mains frequency in Hz of each record, (…,); 0 where no line stands out."""
    prominence = []
    for mains in (50.0, 60.0):
        # Below 4 Hz under the Nyquist frequency there is no band beside the line to compare with.
        if mains + 4 > hz[-1]:
            continue
        near = slice(*np.searchsorted(hz, (mains - 4, mains + 4)))
        distance = np.abs(hz[near] - mains)
        part = spectrum[..., near]
        power = (part.real**2 + part.imag**2).sum(axis=-2)
        beside = np.median(power[..., distance > 1.5], axis=-1)
        prominence.append(power[..., distance <= 0.5].mean(axis=-1) / (beside + 1e-30))
    if not prominence:
        return np.zeros(spectrum.shape[:-2])
    found = np.stack(prominence)
    strongest = np.take(np.array([50.0, 60.0]), found.argmax(axis=0))
    return np.where(found.max(axis=0) > _MAINS_POWER, strongest, 0.0)


def _band_gain(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = BAND
    detuned = (hz**2 - low * high) / np.maximum(hz * (high - low), 1e-9)
    return np.asarray(1 / (1 + detuned**6))


def _notch_gain(hz: NDArray[np.float64], mains: NDArray[np.float64]) -> NDArray[np.float64]:
    away = (hz**2 - mains**2) ** 2
    return np.where(mains > 0, away / (away + (hz * mains / _NOTCH_Q) ** 2 + 1e-30), 1.0)


def _faded(signal: NDArray[np.floating], margin: int, length: int) -> NDArray[np.float32]:
    """The signal about its line from end to end, (…, length): the signal, then its mirrored ends.

    What follows the last sample is the mirrored end, fading out; what precedes the first, at the
    very end of the row, fades in. So a transform that goes round meets no step.
    """
    n_samples = signal.shape[-1]
    row = np.zeros((*signal.shape[:-1], length), dtype=np.float32)
    first, last = signal[..., :1], signal[..., -1:]
    slope = (last - first) / max(n_samples - 1, 1)
    line = (first + slope * np.arange(n_samples, dtype=np.float32)).astype(np.float32)
    inner = row[..., :n_samples]
    np.subtract(signal, line, out=inner, casting="unsafe")
    if margin:
        fade = np.cos(np.linspace(0, np.pi / 2, margin + 1, dtype=np.float32)[1:]) ** 2
        # A point reflection about the end, which the line puts at 0.
        row[..., n_samples : n_samples + margin] = -inner[..., -2 : -margin - 2 : -1] * fade
        row[..., -margin:] = -inner[..., margin:0:-1] * fade[::-1]
    return row


def _interpolated(signal: NDArray[np.float32], missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    filled = signal.copy()
    at = np.arange(signal.shape[-1])
    for lead in zip(*np.nonzero(missing.any(axis=-1)), strict=True):
        gaps = missing[lead]
        values = signal[lead]
        filled[lead] = 0.0
        if not gaps.all():
            filled[lead] = np.interp(at, at[~gaps], values[~gaps])
    return filled

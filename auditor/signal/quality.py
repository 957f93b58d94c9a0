"""Whether a lead can be trusted, second by second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: A second that moves less than this is flat, mV. An ADC step is 0.005 mV or finer.
FLAT_MV = 0.01
#: No surface ECG swings further within a second, mV.
SWING_MV = 20.0


def trusted(signal: NDArray[np.float32], fs: float) -> NDArray[np.bool_]:
    """Which seconds of which leads hold a signal a heartbeat can be read from.

    A second is not trusted when a tenth of it is missing, when it is flat, or when it swings
    further than any heart.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, as recorded
    fs : Hz

    Returns
    -------
    (n_leads, n_seconds) bool
        The last second may be a part of one.
    """
    n_leads, n_samples = signal.shape
    per_second = max(round(fs), 1)
    n_seconds = -(-n_samples // per_second)
    padded = np.full((n_leads, n_seconds * per_second), np.nan, dtype=np.float32)
    padded[:, :n_samples] = signal
    seconds = padded.reshape(n_leads, n_seconds, per_second)
    missing = np.isnan(seconds)
    held = np.full(n_seconds, per_second)
    held[-1] = n_samples - (n_seconds - 1) * per_second
    n_present = (~missing).sum(axis=2)
    top = np.where(missing, -np.inf, seconds).max(axis=2)
    bottom = np.where(missing, np.inf, seconds).min(axis=2)
    swing = np.where(n_present > 0, top - bottom, 0.0)
    trusted: NDArray[np.bool_] = (n_present >= 0.9 * held) & (swing > FLAT_MV) & (swing < SWING_MV)
    return trusted

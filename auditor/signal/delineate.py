"""R peaks and the nine fiducials of each beat, through NeuroKit2's `prominence` method.

Emrich et al. 2024, "Physiology-informed ECG delineation based on peak prominence". NeuroKit2's
default, `dwt`, returns waves in an impossible order and is not used.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from auditor.core.beats import FIDUCIALS, Beats
from auditor.core.errors import SignalError

_NEUROKIT = {
    "p_on": "ECG_P_Onsets",
    "p": "ECG_P_Peaks",
    "p_off": "ECG_P_Offsets",
    "qrs_on": "ECG_R_Onsets",
    "qrs_off": "ECG_R_Offsets",
    "t_on": "ECG_T_Onsets",
    "t": "ECG_T_Peaks",
    "t_off": "ECG_T_Offsets",
}

#: How far the R peak may lie from where the detector's steepest slope put it, seconds.
_REFINE_S = 0.03


def delineate(signal: NDArray[np.float32], fs: float, lead: str) -> Beats:
    """The nine fiducials of every beat in one clean lead; NaN where a wave is not seen.

    Parameters
    ----------
    signal : (n_samples,) mV, cleaned, no sample missing
    fs : Hz

    Raises
    ------
    SignalError
        Fewer than three beats are found.
    """
    import neurokit2 as nk

    double = signal.astype(np.float64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # NeuroKit2 warns of beats it cannot delineate; they come back as NaN, which says it.
        warnings.simplefilter("ignore")
        try:
            r = np.asarray(nk.ecg_peaks(double, sampling_rate=int(fs))[1]["ECG_R_Peaks"], dtype=int)
            r = _refined(double, r, fs)
            if len(r) < 3:
                raise SignalError(f"{len(r)} beats found, wanted at least 3")
            waves = nk.ecg_delineate(double, r, sampling_rate=int(fs), method="prominence")[1]
        except (ValueError, IndexError, ZeroDivisionError, KeyError, TypeError) as error:
            raise SignalError("no heartbeat can be made out") from error
    fiducials = np.full((len(r), len(FIDUCIALS)), np.nan)
    fiducials[:, FIDUCIALS.index("r")] = r
    for ours, theirs in _NEUROKIT.items():
        # NeuroKit2 leaves out a wave that stands at sample 0, which only the first beat's can.
        fiducials[len(r) - len(waves[theirs]) :, FIDUCIALS.index(ours)] = waves[theirs]
    beats = Beats(lead, fs, fiducials)
    fiducials[beats.disordered] = np.where(
        np.array(FIDUCIALS) == "r", fiducials[beats.disordered], np.nan
    )
    return beats


def _refined(signal: NDArray[np.float64], r: NDArray[np.int64], fs: float) -> NDArray[np.int64]:
    """R moved to the largest deflection, up or down, near where it was found."""
    reach = round(_REFINE_S * fs)
    r = r[(r >= reach) & (r < len(signal) - reach)]
    near = r[:, None] + np.arange(-reach, reach + 1)
    deflection = np.abs(signal[near] - np.median(signal))
    return np.unique(r + deflection.argmax(axis=1) - reach) if len(r) else r

"""What a recording shows that is not of the heart: the recorder, the room, the files.

If these name people, a link between two records may be a link between two uses of a device, or
between two files of one session, and the remedy is another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kurtosis

from auditor.core.errors import AuditorError
from auditor.data.dataset import Dataset
from auditor.data.protocols import Items
from auditor.signal.filters import FS
from auditor.signal.prepare import Prepared

Floats = NDArray[np.float64]

#: Where hearts say next to nothing, Hz.
_BANDS = ((45, 48), (62, 80), (80, 98), (102, 118), (122, 148), (152, 198), (202, 248))
_MAINS_HZ = (50.0, 60.0, 100.0, 150.0)
#: The mains are looked at in so many seconds, which hold a whole number of their cycles.
_MAINS_S = 4.0
#: Raw samples that are looked at, from the start: enough for every cue.
_SAMPLES = 20_000
_LAGS = (1, 2, 4, 8)

#: Cue → its columns.
CUES: dict[str, tuple[str, ...]] = {
    "tp": ("spread", "kurtosis", *(f"correlation {lag}" for lag in _LAGS)),
    "noise": tuple(f"{low}-{high} Hz" for low, high in _BANDS),
    "mains": tuple(
        f"{part} {hz:.0f} Hz" for hz in _MAINS_HZ for part in ("size", "sine", "cosine")
    ),
    "quantisation": ("step", "offset", "values"),
    "header": ("fs", "seconds", "leads"),
    "order": ("place",),
}
COLUMNS = tuple(f"{cue} {column}" for cue, columns in CUES.items() for column in columns)


def surroundings(
    dataset: Dataset,
    prepared: Prepared,
    items: Items,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """(n_items, n_columns) `COLUMNS` of whole records, in the lead that was delineated; NaN where a
    cue cannot be read.

    Sizes are logarithms: a device is twice as noisy or half, not a microvolt more.
    """
    place = {name: at for at, name in enumerate(sorted(dataset.manifest["record"]))}
    rows = []
    for done, row in enumerate(items.row):
        known = prepared.records.iloc[int(row)]
        raw = [np.full(len(CUES[cue]), np.nan) for cue in ("noise", "mains", "quantisation")]
        with suppress(AuditorError):
            record = dataset.read(str(known["record"]))
            lead = record.signal[record.leads.index(prepared.rhythm_lead), :_SAMPLES]
            raw = [_noise(lead, record.fs), _mains(lead, record.fs), _quantisation(lead)]
        header = [known["fs"], known["duration_s"], len(str(known["leads"]).split())]
        parts = [_tp(prepared, int(row)), *raw, header, [place[known["record"]]]]
        rows.append(np.concatenate([np.asarray(part, dtype=np.float64) for part in parts]))
        progress(done + 1, len(items))
    return np.stack(rows).astype(np.float32)


def _tp(prepared: Prepared, row: int) -> Floats:
    """How the clean signal rustles between T and the next P, where the heart is silent."""
    beats = prepared.beats(row).of(prepared.rhythm_lead)
    lead = prepared.signal(row)[prepared.leads.index(prepared.rhythm_lead)]
    silent = []
    next_p = np.where(np.isnan(beats["p_on"]), beats["qrs_on"] - 0.2 * FS, beats["p_on"])[1:]
    for start, stop in zip(beats["t_off"][:-1], next_p, strict=True):
        if stop - start >= 0.06 * FS:
            part = lead[int(start) : int(stop)].astype(np.float64)
            if np.isfinite(part).all():
                silent.append(np.diff(part))
    if sum(map(len, silent)) < 50:
        return np.full(len(CUES["tp"]), np.nan)
    rustle = np.concatenate(silent)
    rustle = rustle - rustle.mean()
    power = max(float((rustle**2).mean()), 1e-18)
    alike = [float((rustle[lag:] * rustle[:-lag]).mean()) / power for lag in _LAGS]
    return np.array([np.log(power) / 2, kurtosis(rustle), *alike])


def _noise(lead: NDArray[np.float32], fs: float) -> Floats:
    """(n_bands,) log power, mV²/Hz, in bands that hold neither heart nor mains."""
    held = np.nan_to_num(lead.astype(np.float64))
    spectrum = np.abs(np.fft.rfft(np.diff(held) * np.hanning(len(held) - 1))) ** 2
    hz = np.fft.rfftfreq(len(held) - 1, 1 / fs)
    found = np.full(len(_BANDS), np.nan)
    for place, (low, high) in enumerate(_BANDS):
        inside = (hz >= low) & (hz < high)
        if high <= fs / 2 and inside.any():
            found[place] = np.log(np.median(spectrum[inside]) / len(held) + 1e-18)
    return found


def _mains(lead: NDArray[np.float32], fs: float) -> Floats:
    """Of each mains frequency its log size, and its phase when the recording began."""
    n = int(_MAINS_S * fs)
    found = np.full((len(_MAINS_HZ), 3), np.nan)
    if len(lead) < n:
        return found.ravel()
    part = np.nan_to_num(lead[:n].astype(np.float64))
    part = (part - part.mean()) * np.hanning(n)
    for place, hz in enumerate(_MAINS_HZ):
        if hz < fs / 2:
            wave = (part * np.exp(-2j * np.pi * hz * np.arange(n) / fs)).sum() / n
            size = abs(wave)
            found[place] = np.log(size + 1e-9), wave.imag / (size + 1e-9), wave.real / (size + 1e-9)
    return found.ravel()


def _quantisation(lead: NDArray[np.float32]) -> Floats:
    """The log step between neighbouring values, where the steps lie, how many values there are."""
    values = np.unique(lead[np.isfinite(lead)].astype(np.float64))
    steps = np.diff(values)
    steps = steps[steps > 1e-7]
    if not len(steps):
        return np.full(3, np.nan)
    step = float(np.quantile(steps, 0.1))
    return np.array([np.log(step), float(np.median(lead[np.isfinite(lead)])), np.log(len(values))])

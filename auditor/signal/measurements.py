"""What a cardiologist reads off beats: intervals in ms, heights in mV, axes in degrees.

Names carry their unit. Intervals are measured on the beats of all leads together, from the
earliest onset to the latest offset; heights lead by lead, from the level just before the QRS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.beats import Beats

#: Beats further apart than this had one between them that was left out, ms.
LONGEST_RR_MS = 2500.0
#: ST is read so long after the QRS ends, s; it is raised or lowered by at least this, mV.
_AFTER_J_S, _ST_MV = 0.04, 0.1

_INTERVALS = {
    "P duration ms": ("p_on", "p_off"),
    "PR ms": ("p_on", "qrs_on"),
    "QRS ms": ("qrs_on", "qrs_off"),
    "QT ms": ("qrs_on", "t_off"),
    "QRS-T ms": ("qrs_off", "t_off"),
    "P-T ms": ("p_on", "t_off"),
    "T duration ms": ("t_on", "t_off"),
    "ST ms": ("qrs_off", "t_on"),
}
_RATIOS = {
    "P/RR ratio": ("P duration ms", "RR ms"),
    "QRS/RR ratio": ("QRS ms", "RR ms"),
    "QT/RR ratio": ("QT ms", "RR ms"),
    "PR/QT ratio": ("PR ms", "QT ms"),
}
_AXES = {"P axis deg": (0, 2), "QRS axis deg": (3, 5), "T axis deg": (6, 8)}
_ANGLES = {
    "P-QRS angle deg": ("P axis deg", "QRS axis deg"),
    "QRS-T angle deg": ("QRS axis deg", "T axis deg"),
    "P-T angle deg": ("P axis deg", "T axis deg"),
}
HEIGHTS = ("P", "Q", "R", "S", "ST", "T")

#: What is measured of a record whatever its leads.
RECORD_COLUMNS = (
    "heart rate 1/min", "RR ms", *_INTERVALS, "QTc Bazett ms", "QTc Fridericia ms",
    *_RATIOS, *_AXES, *_ANGLES,
)  # fmt: skip
#: The fourteen sequences of one lead, beat by beat, that GEM's FeatureDB holds (arXiv 2503.06073).
BEAT_COLUMNS = (
    "heart rate 1/min", "RR1 ms", "RR2 ms", "P amplitude mV", "P duration ms", "PR ms",
    "QRS amplitude mV", "QRS ms", "T amplitude mV", "T duration ms", "ST ms", "ST form",
    "QT ms", "QTc Bazett ms",
)  # fmt: skip


def lead_columns(leads: Sequence[str]) -> tuple[str, ...]:
    """The names of the heights of a record with these leads: `R V5 mV`, …"""
    return tuple(f"{wave} {lead} mV" for lead in leads for wave in HEIGHTS)


def intervals(beats: Beats) -> dict[str, NDArray[np.float64]]:
    """Every beat's intervals in ms and their ratios, (n_beats,) each, NaN where not to be had.

    RR is the time since the beat before. QTc is QT / √RR (Bazett) and QT / ∛RR (Fridericia), with
    RR in seconds.
    """
    to_ms = 1000 / beats.fs
    rr = np.diff(beats["r"], prepend=np.nan) * to_ms
    found = {"RR ms": _positive(np.where(rr > LONGEST_RR_MS, np.nan, rr))}
    found["heart rate 1/min"] = 60_000 / found["RR ms"]
    for name, (first, last) in _INTERVALS.items():
        found[name] = (beats[last] - beats[first]) * to_ms
        # T may begin where the QRS ends; every other of these takes time.
        found[name] = found[name] if name == "ST ms" else _positive(found[name])
    seconds = found["RR ms"] / 1000
    found["QTc Bazett ms"] = found["QT ms"] / np.sqrt(seconds)
    found["QTc Fridericia ms"] = found["QT ms"] / np.cbrt(seconds)
    return found | {name: found[a] / found[b] for name, (a, b) in _RATIOS.items()}


def heights(lead: NDArray[np.float32], beats: Beats) -> dict[str, NDArray[np.float64]]:
    """How high each wave of `HEIGHTS` stands in one lead, (n_beats,) mV, NaN where absent.

    R is the highest and S the lowest point of the QRS after it, Q the lowest before it; each is 0
    where the QRS does not go that way. ST is read 40 ms after the QRS.

    Parameters
    ----------
    lead : (n_samples,) mV, clean, NaN where missing
    """
    level = _at(lead, beats["qrs_on"])
    on, off = beats["qrs_on"], beats["qrs_off"]
    known = ~np.isnan(on) & ~np.isnan(off)
    width = int(np.nanmax(off - on, initial=0)) + 2
    at = np.where(known, on, 0.0)[:, None] + np.arange(width, dtype=np.float64)
    inside = known[:, None] & (at <= np.where(known, off, -1)[:, None])
    qrs = np.where(inside, _at(lead, at), np.nan) - level[:, None]
    filled = np.where(np.isnan(qrs), -np.inf, qrs)
    top = filled.argmax(axis=1)[:, None]
    place = np.arange(width)
    low = np.where(np.isnan(qrs), np.inf, qrs)
    seen = np.isfinite(filled.max(axis=1))
    q = np.where(place < top, low, np.inf).min(axis=1, initial=0.0)
    s = np.where(place > top, low, np.inf).min(axis=1, initial=0.0)
    r = np.maximum(filled.max(axis=1), 0.0)
    return {
        "P": _at(lead, beats["p"]) - _at(lead, beats["p_on"]),
        "Q": np.where(seen, q, np.nan),
        "R": np.where(seen, r, np.nan),
        "S": np.where(seen, s, np.nan),
        "ST": _at(lead, off + _AFTER_J_S * beats.fs) - level,
        "T": _at(lead, beats["t"]) - level,
    }


def axes(
    signal: NDArray[np.float32], leads: Sequence[str], beats: Beats
) -> dict[str, NDArray[np.float64]]:
    """The mean electrical axes of P, QRS and T in the frontal plane, (n_beats,) degrees.

    0° points to the left arm, 90° to the feet, in (−180, 180]. The axis is the direction of the
    vector whose projections on the leads are the wave's net areas: along I its area there, and
    across it 2/√3 of that in aVF, which stands for a shorter projection (Goldberger). aVF is
    II − I/2, or III + I/2. NaN without I and one of II, III and aVF.
    """
    rows = {lead: signal[place] for place, lead in enumerate(leads)}
    one, foot = rows.get("I"), rows.get("aVF")
    if foot is None and one is not None:
        if "II" in rows:
            foot = rows["II"] - one / 2
        elif "III" in rows:
            foot = rows["III"] + one / 2
    if one is None or foot is None:
        return {name: np.full(len(beats), np.nan) for name in _AXES}
    level = beats["qrs_on"]
    found = {}
    for name, (first, last) in _AXES.items():
        on, off = beats.fiducials[:, first], beats.fiducials[:, last]
        base = on if name.startswith("P") else level
        across = 2 / np.sqrt(3) * _area(foot, on, off, base)
        degrees = np.degrees(np.arctan2(across, _area(one, on, off, base)))
        found[name] = np.where(degrees == -180, 180.0, degrees)
    return found


def of_record(signal: NDArray[np.float32], leads: Sequence[str], beats: Beats) -> dict[str, float]:
    """What is measured of one record: medians over its beats of the usual rhythm.

    Axes are the direction of the median beat's vector: a median of angles would break at 180°.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, clean, NaN where missing, the leads of `beats.leads`

    Returns
    -------
    by the names of `RECORD_COLUMNS` and `lead_columns`
    """
    usual = beats.usual
    found = {name: _median(values[usual]) for name, values in intervals(beats).items()}
    some = beats.part(usual)
    for name, degrees in axes(signal, leads, some).items():
        turns = np.radians(degrees[~np.isnan(degrees)])
        mean = np.arctan2(np.sin(turns).sum(), np.cos(turns).sum()) if len(turns) else np.nan
        found[name] = float(np.degrees(mean))
    for name, (a, b) in _ANGLES.items():
        found[name] = abs((found[a] - found[b] + 180) % 360 - 180)
    for lead, one in zip(leads, some.leads, strict=True):
        values = heights(signal[list(leads).index(lead)], one)
        found |= {f"{wave} {lead} mV": _median(values[wave]) for wave in HEIGHTS}
    return found


def of_beats(signal: NDArray[np.float32], leads: Sequence[str], beats: Beats) -> pd.DataFrame:
    """The sequences of `BEAT_COLUMNS`, a row per lead and beat, with `lead`, `beat` and `kind`.

    RR1 is the time since the beat before, RR2 until the next; QTc is Bazett's with RR1. ST form is
    1 where ST stands 0.1 mV or more above the level before the QRS, −1 as far below, 0 between.
    """
    tables = []
    rr1 = intervals(beats)["RR ms"]
    rr2 = np.append(rr1[1:], np.nan)
    for lead, one, row in zip(leads, beats.leads, signal, strict=True):
        within, high = intervals(one), heights(row, one)
        st = high["ST"]
        columns: Mapping[str, object] = {
            "lead": np.full(len(beats), lead),
            "beat": np.arange(len(beats)),
            "kind": beats.kinds,
            "heart rate 1/min": 60_000 / rr1,
            "RR1 ms": rr1,
            "RR2 ms": rr2,
            "P amplitude mV": high["P"],
            "QRS amplitude mV": high["R"] - np.minimum(high["Q"], high["S"]),
            "T amplitude mV": high["T"],
            "ST form": np.where(np.abs(st) < _ST_MV, 0.0, np.sign(st)),
            "QTc Bazett ms": within["QT ms"] / np.sqrt(rr1 / 1000),
            **{name: within[name] for name in BEAT_COLUMNS if name in _INTERVALS},
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)[["lead", "beat", "kind", *BEAT_COLUMNS]]


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values > 0, values, np.nan)


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _at(lead: NDArray[np.float32], samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The signal at some samples, NaN where the sample is, or lies outside."""
    inside = (samples >= 0) & (samples <= len(lead) - 1)
    nearest = np.rint(np.where(inside, samples, 0)).astype(int)
    return np.where(inside, lead[nearest].astype(np.float64), np.nan)


def _area(
    lead: NDArray[np.float32],
    on: NDArray[np.float64],
    off: NDArray[np.float64],
    base: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What a lead sums up to from `on` to `off` above its value at `base`, NaN where one is."""
    known = ~(np.isnan(on) | np.isnan(off) | np.isnan(base))
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(lead), dtype=np.float64)])
    first, last = (
        np.clip(np.rint(np.where(known, ends, 0)).astype(int), 0, len(lead) - 1)
        for ends in (on, off)
    )
    area = total[last + 1] - total[first] - (last + 1 - first) * _at(lead, base)
    return np.where(known, area, np.nan)

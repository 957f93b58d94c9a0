"""Beats cut out of a record, and brought to one heart rate.

QT shortens with the square root of RR (Bazett 1920), while the QRS stays as it is. Where every
beat is stretched to what it would be at one beat a second, two records of a person lie on one
another though the heart was faster in one of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.signal.filters import FS
from auditor.signal.prepare import Prepared
from auditor.signal.windows import beat_choice

#: What is cut out around a beat's anchor, samples: 360 ms before, 640 ms after.
BEFORE, AFTER = round(0.36 * FS), round(0.64 * FS)
#: The QRS, within this of the anchor, has the same length at any heart rate: 60 ms.
FIRM = round(0.06 * FS)
#: No heart beats faster or slower than this between two beats, s; others are taken as usual ones.
_RR_S = (0.3, 2.0)

#: Beats of one item, (n_beats, n_leads, BEFORE + AFTER) mV, and the RR before each in s.
Cut = tuple[NDArray[np.float32], NDArray[np.float64]]


def cut(prepared: Prepared, row: int, half: int, seed: int) -> Cut:
    """The usual beats of one item around their anchors, and the time since the beat before each."""
    at, rr = around(prepared, row, half, seed)
    return np.nan_to_num(prepared.signal(row)[:, at].transpose(1, 0, 2)), rr


def around(
    prepared: Prepared, row: int, half: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The samples that `cut` reads, (n_beats, BEFORE + AFTER), and the RR before each beat in s."""
    anchor = prepared.anchors(row)
    rr = rr_before(anchor)
    chosen = beat_choice(prepared, row, half, seed)
    at = anchor[chosen, None] + np.arange(-BEFORE, AFTER)
    # What lies beyond the ends of the record is what stood there last.
    return np.clip(at, 0, prepared.n_samples(row) - 1), rr[chosen]


def rr_before(anchor: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_beats,) the time since the beat before each anchor, s; the usual one where none is."""
    rr = np.diff(anchor, prepend=anchor[0]) / FS
    usual = (rr > _RR_S[0]) & (rr < _RR_S[1])
    rr[~usual] = np.median(rr[usual]) if usual.any() else 1.0
    return np.asarray(rr)


def at_one_rate(
    beats: Cut, places: NDArray[np.int64], after: float = 1.0, before: float = 1.0
) -> NDArray[np.float64]:
    """Beats as one a second would make them, (n_beats, n_leads, n_places).

    Parameters
    ----------
    places : samples from the anchor, at that rate
    after, before : how much longer than that the part after the QRS, and before it, is made
    """
    signal, rr = beats
    late = FIRM + (places - FIRM) * (np.sqrt(rr) * after)[:, None]
    early = -FIRM + (places + FIRM) * before
    at = np.where(places > FIRM, late, np.where(places < -FIRM, early, places)) + BEFORE
    at = np.clip(at, 0, signal.shape[2] - 1.001)
    place = at.astype(int)
    share = (at - place)[:, None]
    row, lead = np.arange(len(signal))[:, None, None], np.arange(signal.shape[1])[:, None]
    low, high = signal[row, lead, place[:, None]], signal[row, lead, place[:, None] + 1]
    return np.asarray(low * (1 - share) + high * share)

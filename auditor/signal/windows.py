"""Windows of clean signal around beats, gathered a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.streams import stream
from auditor.data.protocols import WHOLE, Items, half_of
from auditor.signal.filters import FS
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R, Prepared


@dataclass(frozen=True, eq=False)
class Windows:
    """Equally long windows of some items, read from disk when they are asked for.

    Attributes
    ----------
    item : (n,) int, which item a window belongs to
    row, start : (n,) int, its record and first sample
    length : samples
    """

    prepared: Prepared
    item: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    length: int

    def __len__(self) -> int:
        return len(self.item)

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some windows, (len(indices), n_leads, length) mV, NaN where missing."""
        shape = (len(indices), len(self.prepared.leads), self.length)
        gathered = np.empty(shape, dtype=np.float32)
        # One record at a time: a record is looked up once however many of its windows are wanted.
        rows = self.row[indices]
        order = np.argsort(rows, kind="stable")
        bounds = np.flatnonzero(np.diff(rows[order], prepend=-1))
        for places in np.split(order, bounds[1:]):
            signal = self.prepared.signal(int(rows[places[0]]))
            at = self.start[indices[places]][:, None] + np.arange(self.length)
            inside = at < signal.shape[1]
            values = signal[:, np.where(inside, at, 0)].transpose(1, 0, 2)
            gathered[places] = np.where(inside[:, None], values, np.nan)
        return gathered


def beat_choice(prepared: Prepared, row: int, half: int, seed: int) -> NDArray[np.int64]:
    """Which beats of a record an item holds: all usual ones, or a random half of them."""
    usual = np.flatnonzero(prepared.beats(row).usual)
    if half == WHOLE:
        return usual
    return usual[half_of(len(usual), half, stream(seed, f"half/{prepared.name(row)}"))]


def beat_windows(prepared: Prepared, items: Items, seed: int) -> Windows:
    """A window of `BEAT_SAMPLES` around every beat of some items, its anchor at `BEFORE_R`."""
    starts, owner = [], []
    for item, (row, half) in enumerate(zip(items.row, items.half, strict=True)):
        chosen = beat_choice(prepared, int(row), int(half), seed)
        starts.append(prepared.anchors(int(row))[chosen] - BEFORE_R)
        owner.append(np.full(len(chosen), item))
    return _windows(prepared, items, starts, owner, BEAT_SAMPLES)


def strip_windows(prepared: Prepared, items: Items, seed: int, length: int) -> Windows:
    """Strips of `length` samples, each starting a second after the last; of a half item a random
    half of them.

    A record shorter than a strip gives one, missing at its end. The strips of the two halves of a
    record overlap: random segments of one recording, as the papers that report them draw them.
    """
    starts, owner = [], []
    for item, (row, half) in enumerate(zip(items.row, items.half, strict=True)):
        n_samples = prepared.n_samples(int(row))
        first = np.arange(0, max(n_samples - length, 0) + 1, round(FS))
        chosen = half_of(len(first), int(half), stream(seed, f"half/{prepared.name(int(row))}"))
        # A single strip is in both halves: there is nothing to divide.
        starts.append(first[chosen] if len(first) > 1 else first)
        owner.append(np.full(len(starts[-1]), item))
    return _windows(prepared, items, starts, owner, length)


def _windows(
    prepared: Prepared,
    items: Items,
    starts: list[NDArray[np.int64]],
    owner: list[NDArray[np.int64]],
    length: int,
) -> Windows:
    none = np.empty(0, dtype=np.int64)
    item, start = (np.concatenate([none, *parts]) for parts in (owner, starts))
    return Windows(prepared, item, items.row[item], start, length)

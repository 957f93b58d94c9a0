"""Windows of clean signal around beats, gathered a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.streams import stream
from auditor.data.protocol import FIRST_HALF, SECOND_HALF, WHOLE, Items, half_of
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
            gathered[places] = signal[:, at].transpose(1, 0, 2)
        return gathered


def beat_choice(prepared: Prepared, row: int, half: int, seed: int) -> NDArray[np.int64]:
    """Which beats of a record an item holds: all, or a random half."""
    record = prepared.records.iloc[row]
    n_beats = int(record["n_beats"])
    if half == WHOLE:
        return np.arange(n_beats)
    return half_of(n_beats, half, stream(seed, f"half/{record['record']}"))


def beat_windows(prepared: Prepared, items: Items, seed: int) -> Windows:
    """A window of `BEAT_SAMPLES` around every beat of some items, R at sample `BEFORE_R`."""
    starts, owner = [], []
    for item, (row, half) in enumerate(zip(items.row, items.half, strict=True)):
        chosen = beat_choice(prepared, int(row), int(half), seed)
        starts.append(prepared.beats(int(row))["r"][chosen].astype(np.int64) - BEFORE_R)
        owner.append(np.full(len(chosen), item))
    item_of = np.concatenate(owner) if owner else np.empty(0, dtype=np.int64)
    start = np.concatenate(starts) if starts else np.empty(0, dtype=np.int64)
    return Windows(prepared, item_of, items.row[item_of], start, BEAT_SAMPLES)


def strip_windows(prepared: Prepared, items: Items, seed: int, length: int) -> Windows:
    """Strips of `length` samples that start half a strip apart; a half item gets every other one.

    The strips of the two halves of a record overlap: random segments of one recording, as the
    papers that report them draw them.
    """
    starts, owner = [], []
    for item, (row, half) in enumerate(zip(items.row, items.half, strict=True)):
        n_samples = int(prepared.records["clean_samples"].iloc[row])
        first = np.arange(0, max(n_samples - length, 0) + 1, length // 2)
        if half == FIRST_HALF:
            first = first[0::2]
        elif half == SECOND_HALF:
            first = first[1::2] if len(first) > 1 else first
        starts.append(first[first + length <= n_samples])
        owner.append(np.full(len(starts[-1]), item))
    item_of = np.concatenate(owner) if owner else np.empty(0, dtype=np.int64)
    start = np.concatenate(starts) if starts else np.empty(0, dtype=np.int64)
    return Windows(prepared, item_of, items.row[item_of], start, length)

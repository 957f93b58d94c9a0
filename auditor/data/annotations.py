"""What people have marked in published recordings: waves, beats and rhythms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from auditor.core.beats import WAVES

_SYMBOLS = {"p": "P", "N": "QRS", "t": "T"}


@dataclass(frozen=True, eq=False)
class Waves:
    """The waves that somebody marked in one lead, or in one record.

    Attributes
    ----------
    marked : per wave of `WAVES`, (n_waves, 3) float64
        Onset, peak and offset in samples, NaN where not marked.
    stretches : (n_stretches, 2) float64, from which sample to which beat after beat was marked
    """

    marked: dict[str, NDArray[np.float64]]
    stretches: NDArray[np.float64]

    def scaled(self, ratio: float) -> Waves:
        """The same at another sampling frequency."""
        marked = {wave: samples * ratio for wave, samples in self.marked.items()}
        return Waves(marked, self.stretches * ratio)


def waves(record: Path, annotator: str) -> Waves:
    """Onset, peak and offset of every marked wave, as LUDB and QTDB write them.

    A bracket belongs to the peak that is its neighbour; a bracket without a peak beside it, and a
    wave that is neither P, QRS nor T, are left out. Between marks further apart than one beat from
    the next, somebody left beats out: a new stretch begins.

    Parameters
    ----------
    record : the record's path without its suffix
    annotator : the suffix of the annotation file

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    read = wfdb.rdann(str(record), annotator)
    marked: dict[str, list[list[float]]] = {wave: [] for wave in WAVES}
    last = len(read.sample) - 1
    for place, (sample, symbol) in enumerate(zip(read.sample, read.symbol, strict=True)):
        if (wave := _SYMBOLS.get(symbol)) is None:
            continue
        opened = place > 0 and read.symbol[place - 1] == "("
        closed = place < last and read.symbol[place + 1] == ")"
        onset = read.sample[place - 1] if opened else np.nan
        offset = read.sample[place + 1] if closed else np.nan
        marked[wave].append([onset, sample, offset])
    tables = {wave: np.array(rows, dtype=float).reshape(-1, 3) for wave, rows in marked.items()}
    between = np.diff(tables["QRS"][:, 1])
    beat = np.quantile(between, 0.25) if len(between) else np.inf
    marks = read.sample.astype(float)
    cuts = np.flatnonzero(np.diff(marks) > beat)
    stretches = np.column_stack([marks[np.r_[0, cuts + 1]], marks[np.r_[cuts, last]]])
    return Waves(tables, stretches)


@dataclass(frozen=True, eq=False)
class BeatLabels:
    """Beat by beat what somebody said of a record.

    Attributes
    ----------
    sample : (n_beats,) int, near R
    symbol : (n_beats,) str, MIT-BIH codes: N normal, V ventricular, / paced, …
    rhythm : (n_beats,) str, the rhythm that the beat stands in, such as AFIB; "" where not said
    """

    sample: NDArray[np.int64]
    symbol: NDArray[np.str_]
    rhythm: NDArray[np.str_]


#: MIT-BIH symbols that stand for a beat.
_BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")


def beat_labels(record: Path, annotator: str = "atr") -> BeatLabels:
    """Beats and their rhythms, as the MIT-BIH and CPSC 2021 annotations give them.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    read = wfdb.rdann(str(record), annotator)
    rhythm, rows = "", []
    for sample, symbol, note in zip(read.sample, read.symbol, read.aux_note, strict=True):
        if note.startswith("("):
            rhythm = note.rstrip("\0").removeprefix("(")
        if symbol in _BEATS:
            rows.append((sample, symbol, rhythm))
    samples, symbols, rhythms = zip(*rows, strict=True) if rows else ((), (), ())
    return BeatLabels(
        np.array(samples, dtype=np.int64), np.array(symbols, "U1"), np.array(rhythms, "U16")
    )

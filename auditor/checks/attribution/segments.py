"""The parts of a heartbeat, and beats in which one part is taken from another heart.

Every sample of a record belongs to one `Atom`, as the delineation says; what it does not say is
`UNASSIGNED`. Named segments are unions of atoms. A network reads beats on a grid of places around
R, and there a part can be replaced: by the same part of another beat, stretched to the same
length. When a part is taken from the population's own mean beat, what is left is a heartbeat that
says nothing personal in that part, and not a signal with a hole in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auditor.core.beats import Beats, Mark
from auditor.signal.filters import FS


class Atom(IntEnum):
    """The stretches between neighbouring fiducials, in their order; no smaller part is named."""

    UNASSIGNED = 0
    P_RISE = 1
    P_FALL = 2
    PR = 3
    Q = 4
    CORE = 5
    S = 6
    ST = 7
    T = 8
    TP = 9


_P, _QRS = (Atom.P_RISE, Atom.P_FALL), (Atom.Q, Atom.CORE, Atom.S)
#: What a beat is divided into. No two share a sample.
SEGMENTS: Mapping[str, tuple[Atom, ...]] = {
    "P": _P,
    "PR": (Atom.PR,),
    "QRS": _QRS,
    "ST": (Atom.ST,),
    "T": (Atom.T,),
    "TP": (Atom.TP,),
}
#: A part of one of them, and unions: PR from the onset of P to the QRS, P-Q from the top of P to
#: the QRS, QT from the onset of the QRS to the end of T.
OTHERS: Mapping[str, tuple[Atom, ...]] = {
    "R core": (Atom.CORE,),
    "PR interval": (*_P, Atom.PR),
    "P-Q": (Atom.P_FALL, Atom.PR),
    "QT interval": (*_QRS, Atom.ST, Atom.T),
}
UNASSIGNED: Mapping[str, tuple[Atom, ...]] = {"unassigned": (Atom.UNASSIGNED,)}
EVERY: Mapping[str, tuple[Atom, ...]] = {**SEGMENTS, **OTHERS, **UNASSIGNED}

#: Half of the R core: 20 ms.
_CORE = round(0.02 * FS)
#: Between beats further apart than this many times the usual, one was missed.
_MISSED = 1.6
#: How far two readers of a fiducial may be apart, two SDs in samples, by the atom that begins or
#: ends with it: the CSE Working Party (Eur Heart J 1985; 6:815). It does not judge the onset of T,
#: which is given the tolerance of its end.
_BEGINS = {Atom.P_RISE: 0.0102 * FS, Atom.Q: 0.0065 * FS, Atom.T: 0.0306 * FS}
_ENDS = {Atom.P_FALL: 0.0127 * FS, Atom.S: 0.0116 * FS, Atom.T: 0.0306 * FS}

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]
#: Runs of one atom before R, and runs of it after R, are told apart.
_RUNS = 2 * len(Atom)


def timeline(beats: Beats, n_samples: int) -> Labels:
    """(n_samples,) the `Atom` that each sample of a record belongs to.

    Between the end of T and what comes next lies TP, where the next wave is known: its P, or its
    QRS where it has no P. A fiducial that was not found leaves what it would have bounded
    unassigned; so does a beat that was missed.
    """
    label = np.full(n_samples, Atom.UNASSIGNED, dtype=np.uint8)
    at = np.where(np.isnan(beats.fiducials), -1, np.rint(beats.fiducials)).astype(np.int64)
    p_on, p, p_off, qrs_on, r, qrs_off, t_on, _, t_off = at.T
    no_p = beats.marks[:, 0] == Mark.ABSENT
    rr = np.diff(r)
    usual = rr <= _MISSED * np.median(rr) if len(rr) else np.zeros(0, dtype=bool)
    rest = np.where(p_on[1:] >= 0, p_on[1:], np.where(no_p[1:], qrs_on[1:], -1))
    rest = np.append(np.where(usual, rest, -1), -1)
    for atom, first, last in (
        (Atom.P_RISE, p_on, p),
        (Atom.P_FALL, p, p_off),
        (Atom.PR, p_off, qrs_on),
        (Atom.Q, qrs_on, r - _CORE),
        (Atom.S, r + _CORE + 1, qrs_off),
        (Atom.CORE, np.maximum(r - _CORE, qrs_on), r + _CORE + 1),
        (Atom.ST, qrs_off, t_on),
        (Atom.T, t_on, t_off),
        (Atom.TP, t_off, rest),
    ):
        known = (first >= 0) & (last > first)
        for start, stop in zip(first[known], last[known], strict=True):
            label[start:stop] = atom
    return label


@dataclass(frozen=True, eq=False)
class Reads:
    """Beats as a network reads them, and which part of the heartbeat each of their places is.

    Attributes
    ----------
    signal : (n, n_leads, n_places) float32, mV above the level between P and QRS and after T
    label : (n, n_places) the `Atom` of each place, the same in every lead
    item : (n,) int, which item a read belongs to
    origin : the place that R stands at
    """

    signal: Floats
    label: Labels
    item: NDArray[np.int64]
    origin: int

    def __len__(self) -> int:
        return len(self.item)

    def part(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Reads:
        """Some of the reads."""
        return replace(
            self, signal=self.signal[chosen], label=self.label[chosen], item=self.item[chosen]
        )

    def within(self, atoms: Sequence[Atom]) -> NDArray[np.bool_]:
        """(n, n_places) whether a place belongs to one of some atoms."""
        return np.isin(self.label, atoms)

    @property
    def time(self) -> NDArray[np.float64]:
        """(n, n_atoms) the share of each beat that each `Atom` lasts."""
        return np.stack([(self.label == atom).mean(axis=1) for atom in Atom], axis=1)

    def levelled(self) -> Reads:
        """The same with each lead's level, its median in PR and TP, taken off."""
        quiet = self.within((Atom.PR, Atom.TP))
        quiet |= ~quiet.any(axis=1, keepdims=True)
        level = np.nanmedian(np.where(quiet[:, None], self.signal, np.nan), axis=2, keepdims=True)
        return replace(self, signal=(self.signal - level).astype(np.float32))

    def shown(self, label: Labels, chosen: NDArray[np.int64]) -> Floats:
        """What some of these reads show where others have other lengths.

        Parameters
        ----------
        label : (m, n_places) the atoms of m beats
        chosen : (m,) the read that each of them takes its parts from

        Returns
        -------
        (m, n_leads, n_places) each run of an atom stretched to the length it has in `label`; NaN
        where the chosen read has no such run
        """
        run, phase = _runs(label, self.origin)
        own = self.part(chosen)
        first, length = _extent(*_runs(own.label, self.origin)[:1])
        row = np.arange(len(label))[:, None]
        begin, count = first[row, run], length[row, run]
        at = np.clip(begin + phase * count - 0.5, begin, begin + np.maximum(count - 1, 0))
        low = np.clip(at.astype(np.int64), 0, label.shape[1] - 1)
        high = np.minimum(low + 1, label.shape[1] - 1)
        share = (at - low)[:, None].astype(np.float32)
        lead = np.arange(self.signal.shape[1])[:, None]
        rows = row[:, None]
        values = own.signal[rows, lead, low[:, None]] * (1 - share)
        values += own.signal[rows, lead, high[:, None]] * share
        return np.where((count > 0)[:, None], values, np.float32(np.nan))

    def replaced(self, atoms: Sequence[Atom], other: Floats) -> Floats:
        """The signal with some parts taken from another, (n, n_leads, n_places)."""
        there = self.within(atoms)[:, None] & ~np.isnan(other)
        return np.where(there, other, self.signal)


def population(reads: Reads, person: NDArray[np.int64]) -> Reads:
    """One read: the mean beat of all people, wave laid on wave, each with its mean length.

    Everybody counts the same. At a place stands the atom that most people have there.

    Parameters
    ----------
    person : (n,) whose each read is
    """
    _, code, count = np.unique(person, return_inverse=True, return_counts=True)
    weight = (1 / count[code]).astype(np.float32)
    votes = np.stack([weight @ (reads.label == atom) for atom in Atom])
    label = votes.argmax(axis=0).astype(np.uint8)[None]
    shown = reads.shown(np.repeat(label, len(reads), 0), np.arange(len(reads)))
    here = ~np.isnan(shown)
    total = np.einsum("i,ilp->lp", weight, np.where(here, shown, 0))
    share = np.einsum("i,ilp->lp", weight, here.astype(np.float32))
    mean = np.einsum("i,ilp->lp", weight, reads.signal) / weight.sum()
    signal = np.where(share > 0, total / np.maximum(share, 1e-9), mean).astype(np.float32)
    return Reads(signal[None], label, np.zeros(1, dtype=np.int64), reads.origin)


#: Which way the onsets and the ends of waves are moved: all earlier, all later, waves wider,
#: waves narrower.
MOVES = ((-1, -1), (1, 1), (-1, 1), (1, -1))


def shifted(reads: Reads, onsets: int, ends: int) -> Reads:
    """The same with boundaries moved by as much as two readers may differ.

    Those of all beats are moved alike, as a reader who is used to another rule would move them.

    Parameters
    ----------
    onsets, ends : −1 earlier, 1 later
    """
    label = reads.label.copy()
    for row in label:
        at = np.flatnonzero(np.diff(row)) + 1
        atoms = [Atom(one) for one in row[np.concatenate([[0], at])]]
        reach = [
            ends * _ENDS.get(one, 0.0) or onsets * _BEGINS.get(two, 0.0)
            for one, two in pairwise(atoms)
        ]
        moved = at + np.rint(np.array(reach)).astype(np.int64)
        moved = np.clip(np.maximum.accumulate(moved), 0, len(row))
        row[:] = np.repeat(np.array(atoms), np.diff(moved, prepend=0, append=len(row)))
    return replace(reads, label=label)


def _runs(label: Labels, origin: int) -> tuple[NDArray[np.int64], Floats]:
    """(n, n_places) which kind of run each place is in, and how far along the run, in 0 to 1."""
    n, n_places = label.shape
    after = np.arange(n_places) >= origin
    run = label.astype(np.int64) + len(Atom) * after
    # The core lies on both sides of R, and is one.
    run[label == Atom.CORE] = Atom.CORE
    starts = np.ones((n, n_places), dtype=bool)
    starts[:, 1:] = run[:, 1:] != run[:, :-1]
    place = np.arange(n_places)
    begin = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    stops = np.ones((n, n_places), dtype=bool)
    stops[:, :-1] = starts[:, 1:]
    end = np.minimum.accumulate(np.where(stops, place, n_places)[:, ::-1], axis=1)[:, ::-1]
    phase = (place - begin + 0.5) / (end - begin + 1)
    return run, phase.astype(np.float32)


def _extent(run: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n, _RUNS) where each kind's longest run begins, and its length, 0 where there is none."""
    n, n_places = run.shape
    first = np.zeros((n, _RUNS), dtype=np.int64)
    length = np.zeros((n, _RUNS), dtype=np.int64)
    starts = np.ones((n, n_places), dtype=bool)
    starts[:, 1:] = run[:, 1:] != run[:, :-1]
    row, begin = np.nonzero(starts)
    stop = np.append(begin[1:], n_places)
    stop[np.append(row[1:] != row[:-1], True)] = n_places
    kind = run[row, begin]
    order = np.argsort(stop - begin, kind="stable")  # the longest is written last
    first[row[order], kind[order]] = begin[order]
    length[row[order], kind[order]] = (stop - begin)[order]
    return first, length

"""Every beat's nine fiducials: found once per record from all leads, then lead by lead.

A small network (`network.Evidence`), taught on the annotations of LUDB, says where each fiducial
may stand; here its word is turned into beats. Beats are the peaks of one curve that all leads have
a share in. A fiducial is the median of what the network holds possible between the neighbouring
beats, which is the guess with the smallest expected error. Whether there is a P or a T wave at all
is asked separately: a wave that is not there has no place.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from auditor.core.beats import WAVES, Beats, Kind, Mark
from auditor.core.errors import SignalError
from auditor.core.record import Record
from auditor.signal.beat_types import beat_kinds
from auditor.signal.filters import FS, clean
from auditor.signal.network import CELL, STEP, STRIDE, Evidence

#: Fewer beats than this are no rhythm.
MIN_BEATS = 3
#: Where P, QRS and T are looked for, places around the beat: 500 ms before to 720 ms after.
REACH = ((-62, -2), (-22, 27), (4, 90))
#: A P wave is looked for after this much of the last beat is over, a T wave until so much before
#: the next, places: 120 and 40 ms.
AFTER_LAST, BEFORE_NEXT = 15, 5
#: Two beats stand further apart than this, samples: 200 ms.
_REFRACTORY = 50
#: What the network must hold of a beat, and of a wave, before it counts; a wave that is held more
#: likely than `_ABSENT` and less than `_FOUND` is uncertain.
_BEAT, _FOUND, _ABSENT = 0.3, 0.5, 0.2
#: P waves are doubted where the distances between beats jump by this share of themselves, if P is
#: found in less than this share of the beats or strays from its distance to R by so many samples
#: (15 ms); told from this many beats to either side.
_JUMPS, _SHARE, _STRAYS, _AROUND = 0.06, 0.75, 3.75, 8
#: A long record is worked on in pieces of so many samples, with this much beside them to see.
_PIECE, _BESIDE = 5000, 1000
#: So many samples of all leads go through the network at once: what fits the processor's caches.
_AT_ONCE = 480_000


def delineate(record: Record, *, device: str = "cpu") -> Beats:
    """The beats of one record as it was recorded, at `FS`: of all its leads, and lead by lead.

    Raises
    ------
    SignalError
        Fewer than three beats are found, or the sampling frequency is too low.
    """
    cleaned = clean(record.signal, record.fs)
    (beats,) = delineate_batch(cleaned[None], record.leads, device=device)
    enough(beats)
    recorded = record.signal, record.fs
    return beats.of_kinds(beat_kinds(cleaned, np.rint(beats["r"]).astype(int), FS, *recorded))


def enough(beats: Beats) -> Beats:
    """The same beats, when there are at least three.

    Raises
    ------
    SignalError
        There are fewer.
    """
    if len(beats) < MIN_BEATS:
        raise SignalError(f"{len(beats)} beats found, wanted at least {MIN_BEATS}")
    return beats


def delineate_batch(
    signals: NDArray[np.float32], leads: Sequence[str], *, device: str = "cpu"
) -> list[Beats]:
    """The beats of records that hold the same leads and are as long as one another.

    All count as of the usual rhythm: `kinds.beat_kinds` tells them apart, from signals as recorded.

    Parameters
    ----------
    signals : (n_records, n_leads, n_samples) mV at `FS`, as `clean` gives them, NaN where missing

    Returns
    -------
    one `Beats` per record, with `Beats.leads`
        A record without a beat has none: see `enough`.
    """
    n_records, n_leads, n_samples = signals.shape
    missing = np.isnan(signals)
    filled = np.where(missing, np.float32(0), signals) if missing.any() else signals
    parts = []
    for start in range(0, max(n_samples, 1), _PIECE):
        # What is left over at the end is too short to be a piece of its own.
        stop = n_samples if n_samples - start < 2 * _PIECE else start + _PIECE
        first, last = max(start - _BESIDE, 0), min(stop + _BESIDE, n_samples)
        at_once = max(_AT_ONCE // (n_leads * (last - first)), 1)
        for row in range(0, n_records, at_once):
            seen = _read(filled[row : row + at_once, :, first:last], device)
            seen = replace(
                seen,
                record=seen.record + row,
                beat=seen.beat + first,
                fiducials=seen.fiducials + first,
            )
            parts.append(seen.part((seen.beat >= start) & (seen.beat < stop)))
        if stop == n_samples:
            break
    return _beats(_Seen.joined(parts), tuple(leads), filled, missing)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the network saw of the beats of some records, a record's beats in order of time.

    Attributes
    ----------
    record, beat : (n_beats,) which record, and where in it, samples
    fiducials : (n_beats, n_leads, 9) samples
    waves : (n_beats, n_leads, 2) how likely there is a P, and a T
    """

    record: NDArray[np.int64]
    beat: NDArray[np.int64]
    fiducials: NDArray[np.float64]
    waves: NDArray[np.float32]

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> _Seen:
        """Some of the beats."""
        return _Seen(
            self.record[chosen], self.beat[chosen], self.fiducials[chosen], self.waves[chosen]
        )

    @staticmethod
    def joined(parts: Sequence[_Seen]) -> _Seen:
        """What was seen piece by piece, record by record."""
        whole = _Seen(
            np.concatenate([part.record for part in parts]),
            np.concatenate([part.beat for part in parts]),
            np.concatenate([part.fiducials for part in parts]),
            np.concatenate([part.waves for part in parts]),
        )
        whole = whole.part(np.lexsort((whole.beat, whole.record)))
        # A beat on the seam of two pieces may have been seen from either side.
        again = np.diff(whole.beat, prepend=0) < _REFRACTORY
        again[:1] = False
        again[1:] &= whole.record[1:] == whole.record[:-1]
        return whole.part(~again)


def network(weights: Path) -> Evidence:
    """A network with weights that `teach` wrote, ready to be asked."""
    loaded = Evidence()
    loaded.load_state_dict({name: one.float() for name, one in load_file(weights).items()})
    loaded.eval().requires_grad_(False)
    return loaded.to(memory_format=torch.channels_last)


@lru_cache(maxsize=2)
def _network(device: str) -> Evidence:
    return network(Path(__file__).with_name("delineator.safetensors")).to(device)


def upright(signals: Tensor) -> Tensor:
    """Each lead in units of its own size and the right way up, (n, n_leads, n_samples).

    So neither gain nor polarity can matter. A lead that hardly moves beside the others holds noise
    and is left small; the third moment says which way the QRS points.
    """
    size = signals.abs().mean(dim=2, keepdim=True)
    size = size + 0.05 * size.amax(dim=1, keepdim=True)
    scaled = signals / size.clamp_min(1e-9)
    up = torch.sign((scaled**3).sum(dim=2, keepdim=True))
    return scaled * torch.where(up == 0, torch.ones_like(up), up)


@torch.inference_mode()
def _read(signals: NDArray[np.float32], device: str) -> _Seen:
    n_samples = signals.shape[2]
    padded = functional.pad(torch.from_numpy(signals).to(device), (0, -n_samples % STRIDE))
    places, beat, waves = _network(device)(upright(padded))
    live = torch.from_numpy(signals.any(axis=(1, 2))).to(beat.device)
    beat = torch.sigmoid(beat) * live[:, None]
    record, at = summits(beat[:, : -(-n_samples // STEP)])
    fiducials = STEP * _medians(places, record, at).double().cpu().numpy()
    likely = torch.sigmoid(waves[record, :, at * STEP // CELL])
    return _Seen(record.cpu().numpy(), STEP * at.cpu().numpy(), fiducials, likely.cpu().numpy())


def summits(beat: Tensor) -> tuple[Tensor, Tensor]:
    """Which record, and where, the likelihood of a beat (n_records, n_places) peaks."""
    reach = _REFRACTORY // STEP
    nearby = functional.max_pool1d(beat[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0]
    record, at = torch.nonzero((beat == nearby) & (beat > _BEAT), as_tuple=True)
    return record, at


def reach(record: Tensor, beat: Tensor, n_places: int) -> tuple[Tensor, Tensor]:
    """The first and the last place where P, QRS and T of each beat may stand, (n_beats, 3) each.

    No wave stands outside its record or beyond the neighbouring beats.

    Parameters
    ----------
    record, beat : (n_beats,) which record, ascending, and at which place of it, ascending
    """
    ends = torch.tensor(REACH, device=beat.device)
    first, last = (beat[:, None] + ends[:, 0]), (beat[:, None] + ends[:, 1])
    same = record[1:] == record[:-1]
    first[1:, 0] = torch.where(
        same, torch.maximum(first[1:, 0], beat[:-1] + AFTER_LAST + 1), first[1:, 0]
    )
    last[:-1, 2] = torch.where(
        same, torch.minimum(last[:-1, 2], beat[1:] - BEFORE_NEXT - 1), last[:-1, 2]
    )
    first = first.clamp(0, n_places - 1)
    return first, torch.maximum(last.clamp(0, n_places - 1), first)


def _medians(places: Tensor, record: Tensor, beat: Tensor) -> Tensor:
    """Where half of the likelihood within reach has passed, (n_beats, n_leads, 9) places.

    It is sought among cells first, and then within the cell.

    Parameters
    ----------
    places : (n_records, n_leads, n_places, 9) logits
    """
    n_records, n_leads, n_places, n_fiducials = places.shape
    likely = places.clamp_(-80, 80).exp_()  # over the logits: nobody asks for them again
    likely = likely.view(n_records, n_leads, -1, CELL // STEP, n_fiducials)
    cells = likely.sum(dim=3)
    first, last = (end * STEP // CELL for end in reach(record, beat, n_places))
    found, halves = [], []
    for wave, (low, high) in enumerate(REACH):
        at = first[:, wave, None] + torch.arange(2 + (high - low) * STEP // CELL).to(beat)
        within = (at <= last[:, wave, None])[:, :, None, None]
        held = cells[..., 3 * wave : 3 * wave + 3]
        held = held[record[:, None], :, at.clamp_max(cells.shape[2] - 1)] * within
        passed = held.cumsum(dim=1)
        half = passed[:, -1:] / 2
        cell = (passed < half).sum(dim=1, keepdim=True)
        less = (passed - held).gather(1, cell)
        found.append(at[:, :1, None] + cell[:, 0])
        halves.append((half - less)[:, 0])
    cell, half = torch.cat(found, dim=2), torch.cat(halves, dim=2)
    lead = torch.arange(n_leads).to(beat)[:, None]
    fiducial = torch.arange(n_fiducials).to(beat)
    held = likely[record[:, None, None], lead, cell, :, fiducial]
    passed = held.cumsum(dim=3)
    place = (passed < half[..., None]).sum(dim=3, keepdim=True).clamp_max(held.shape[3] - 1)
    here = held.gather(3, place)[..., 0]
    short = passed.gather(3, place)[..., 0] - half
    return cell * held.shape[3] + place[..., 0] + 0.5 - (short / here).clamp(0, 1)


def _beats(
    seen: _Seen,
    leads: tuple[str, ...],
    signals: NDArray[np.float32],
    missing: NDArray[np.bool_],
) -> list[Beats]:
    """The beats of each record (n_records, n_leads, n_samples), from what was seen."""
    n_records, n_leads, n_samples = signals.shape
    fiducials = seen.fiducials.transpose(1, 0, 2).copy()  # (n_leads, n_beats, 9)
    likely = seen.waves.transpose(1, 0, 2)
    marks = np.full((n_leads, len(seen.beat), len(WAVES)), Mark.UNCERTAIN, dtype=np.uint8)
    marks[..., 1] = Mark.FOUND
    marks[..., ::2][likely >= _FOUND] = Mark.FOUND
    marks[..., ::2][likely <= _ABSENT] = Mark.ABSENT
    # A P before the record began, or a T after it ended, was not seen to be absent.
    before, after = STEP * REACH[0][0], STEP * REACH[2][1]
    for wave, cut in ((0, seen.beat + before < 0), (2, seen.beat + after >= n_samples)):
        marks[..., wave][(marks[..., wave] == Mark.ABSENT) & cut] = Mark.UNCERTAIN
    outside = (fiducials < 0) | (fiducials > n_samples - 1)
    if missing.any():
        nearest = np.clip(np.round(fiducials), 0, n_samples - 1).astype(int)
        lead = np.arange(n_leads)[:, None, None]
        outside |= missing[seen.record[:, None], lead, nearest]
    marks[outside.reshape(*marks.shape, 3).any(axis=3)] = Mark.UNCERTAIN
    dead = np.asarray(~signals.any(axis=2))
    marks[dead[seen.record].T] = Mark.UNCERTAIN

    last = np.diff(seen.record, append=n_records) > 0
    _in_order(fiducials, marks, last)
    at_r = np.clip(np.rint(np.nan_to_num(fiducials[..., 4])), 0, n_samples - 1).astype(int)
    tall = np.abs(signals[seen.record, np.arange(n_leads)[:, None], at_r])
    together, agreed = _together(fiducials, marks, last, tall)
    # What no lead shows, because it fell into a gap, is no beat.
    shown = agreed[:, 1] == Mark.FOUND
    seen, together, agreed = seen.part(shown), together[shown], agreed[shown]
    fiducials, marks = fiducials[:, shown], marks[:, shown]
    bounds = np.searchsorted(seen.record, np.arange(n_records + 1))
    doubted = [
        _fibrillating(together[low:high, 4], together[low:high, 1])
        for low, high in pairwise(bounds)
    ]
    doubtful = np.concatenate([np.empty(0, dtype=bool), *doubted])
    for mark, places in ((marks, fiducials), (agreed, together)):
        mark[..., doubtful, 0] = np.maximum(mark[..., doubtful, 0], Mark.UNCERTAIN)
        places[..., doubtful, :3] = np.nan
    usual = np.full(len(seen.beat), Kind.USUAL, dtype=np.uint8)
    found = []
    for part in (slice(low, high) for low, high in pairwise(bounds)):
        each = tuple(
            Beats(lead, FS, places[part], mark[part], usual[part])
            for lead, places, mark in zip(leads, fiducials, marks, strict=True)
        )
        found.append(Beats(" ".join(leads), FS, together[part], agreed[part], usual[part], each))
    return found


def _fibrillating(r: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which beats stand where the atria seem to fibrillate, (n_beats,), from R and P, in samples.

    Fibrillation is an irregular rhythm without P waves, and a coarse one has waves enough that pass
    for P now and then: they come and go, at no steady distance from R.
    """
    n_beats = len(r)
    if n_beats < MIN_BEATS + 1:
        return np.zeros(n_beats, dtype=bool)
    between = np.diff(r)
    jumps = np.abs(np.diff(between)) / np.minimum(between[1:], between[:-1])
    width = min(2 * _AROUND + 1, n_beats)
    first = np.clip(np.arange(n_beats if n_beats > width else 1) - _AROUND, 0, n_beats - width)
    some = first[:, None] + np.arange(width)
    around = np.sort(jumps[some[:, :-2]], axis=1)
    irregular = around[:, around.shape[1] // 2] > _JUMPS
    if irregular.any():
        distance = np.where(irregular[:, None], (r - p)[some], np.nan)
        there = ~np.isnan(distance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # where no P was found
            centre = np.nanmedian(distance, axis=1, keepdims=True)
            strays = 1.4826 * np.nanmedian(np.abs(distance - centre), axis=1)
        irregular &= (there.mean(axis=1) < _SHARE) | (strays > _STRAYS)
    return np.broadcast_to(irregular, (n_beats,))


def _in_order(
    fiducials: NDArray[np.float64], marks: NDArray[np.uint8], last: NDArray[np.bool_]
) -> None:
    """Waves put in order, (…, n_beats, 9), and taken out where that cannot be done.

    After a beat that is the `last` of its record, (n_beats,), there is no next one to run into.

    R stands a sample from either end of its QRS, the other peaks likewise; P ends before the QRS
    begins and T begins after it has ended, and before the next beat's P.
    """
    p_on, p, p_off, qrs_on, r, qrs_off, t_on, t, t_off = np.moveaxis(fiducials, -1, 0)
    with np.errstate(invalid="ignore"):
        # What is NaN is lost, and bounds nothing.
        np.fmin(qrs_on, r - 1, out=qrs_on)
        np.fmax(qrs_off, r + 1, out=qrs_off)
        np.fmin(p_off, qrs_on, out=p_off)
        np.fmin(p, p_off - 1, out=p)
        np.fmin(p_on, p - 1, out=p_on)
        np.fmax(t_on, qrs_off, out=t_on)
        np.fmax(t, t_on + 1, out=t)
        np.fmax(t_off, t + 1, out=t_off)
        # T may touch the next P, but not run into it; when even its peak does, P is not to be had.
        known = (marks[..., 1:, 0] == Mark.FOUND) & ~last[:-1]
        next_p = np.where(known, p_on[..., 1:], np.inf)
        fused = (marks[..., :-1, 2] == Mark.FOUND) & (t[..., :-1] >= next_p - 1)
        marks[..., 1:, 0][fused] = Mark.UNCERTAIN
        np.fmin(t_off[..., :-1], np.where(fused, np.inf, next_p), out=t_off[..., :-1])
    lost = marks != Mark.FOUND
    fiducials[np.repeat(lost, 3, axis=-1)] = np.nan


def _together(
    fiducials: NDArray[np.float64],
    marks: NDArray[np.uint8],
    last: NDArray[np.bool_],
    tall: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The leads' fiducials (n_leads, n_beats, 9) as one, (n_beats, 9), and its marks.

    A wave begins where it begins in the earliest leads and ends where it ends in the latest: the
    sixth part of the leads that is most extreme is set aside, of twelve the two most extreme. Peaks
    are medians, that of R weighted by how `tall` it is in each lead, (n_leads, n_beats): where one
    lead of two hardly moves, R is the other's. A wave is found when a third of the leads that were
    read found it.
    """
    found = (marks == Mark.FOUND).sum(axis=0)
    read = found + (marks == Mark.ABSENT).sum(axis=0)
    agreed = np.full(found.shape, Mark.UNCERTAIN, dtype=np.uint8)
    agreed[(read > 0) & (3 * found >= np.maximum(read, 1))] = Mark.FOUND
    agreed[(read > 0) & (found == 0)] = Mark.ABSENT
    ordered = np.sort(fiducials, axis=0)  # NaN last
    n_found = np.repeat(found, 3, axis=-1)
    low, high = n_found // 6, n_found - 1 - n_found // 6
    take = np.stack([low, (n_found - 1) // 2, high], axis=0)
    which = np.tile([0, 1, 2], len(WAVES))
    at = np.clip(np.take_along_axis(take, np.broadcast_to(which, n_found.shape)[None], 0), 0, None)
    together = np.take_along_axis(ordered, at, axis=0)[0]
    r = fiducials[..., 4]
    order = np.argsort(r, axis=0)
    weight = np.take_along_axis(np.where(np.isnan(r), 0, tall + 1e-6), order, axis=0).cumsum(axis=0)
    middle = (weight < weight[-1] / 2).sum(axis=0)
    together[:, 4] = np.take_along_axis(r, order, axis=0)[middle, np.arange(len(middle))]
    _in_order(together, agreed, last)
    return together, agreed

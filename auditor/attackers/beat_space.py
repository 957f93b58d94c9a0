"""A linear space in which the beats of one person lie together and those of two lie apart.

Linear discriminant analysis of whole beats (Fisher 1936; for ECG, Israel et al. 2005). Three things
make it strong: beats are brought to one heart rate; it is taught copies of each beat as other heart
rates would have made it, so that what heart rate changes does not count; and four spaces, of two
stretches of the beat in two scalings, are asked together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows
from auditor.core.streams import stream
from auditor.signal.filters import FS
from auditor.signal.segment import Cut, at_one_rate, cut
from auditor.targets.context import Context

#: What is compared of a beat at one beat a second: 300 ms before the anchor to 500 ms after.
_PLACES = np.arange(-round(0.30 * FS), round(0.50 * FS))
#: The whole of it, and from the end of P to the top of T.
_STRETCHES = (slice(None), slice(round(0.14 * FS), round(0.60 * FS)))
_SHAPES = tuple((stretch, root) for stretch in _STRETCHES for root in (False, True))
_COPIES, _RATE_CHANGE = 8, 0.06
#: Directions of the signal that are kept.
_DIMENSIONS = 256
#: Beats the signal's directions are found from.
_SAMPLE = 4000

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BeatSpace:
    """Where beats lie, and how far those of one record stray, as learned from some records.

    Attributes
    ----------
    bases : of each of the four spaces (d, k) directions of the signal
    within : of each (k, k) how the beats of a record scatter, copies at other heart rates included
    """

    bases: tuple[Floats, ...]
    within: tuple[Floats, ...]

    @property
    def parts(self) -> list[slice]:
        """Which coordinates belong to which space."""
        ends = np.cumsum([0, *(basis.shape[1] for basis in self.bases)])
        return [slice(int(one), int(other)) for one, other in pairwise(ends)]

    def coordinates(self, beats: Cut) -> NDArray[np.float32]:
        """Where an item's mean beat lies in each space; NaN where it holds no beat."""
        if not len(beats[0]):
            return np.full(self.parts[-1].stop, np.nan, dtype=np.float32)
        warped = at_one_rate(beats, _PLACES)
        means = [
            _scaled(warped, stretch, root).mean(axis=0) @ basis
            for (stretch, root), basis in zip(_SHAPES, self.bases, strict=True)
        ]
        return np.concatenate(means).astype(np.float32)


def learn(
    records: Sequence[Callable[[], Cut]],
    rng: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BeatSpace:
    """The spaces that some records' beats lie in.

    Parameters
    ----------
    records : for each, what reads its beats, as often as it is asked
        One is held at a time, so memory does not grow with them.
    """
    per_record = max(_SAMPLE // len(records), 1)
    sample = []
    for place in rng.permutation(len(records))[:_SAMPLE]:
        signal, rr = records[int(place)]()
        chosen = rng.permutation(len(signal))[:per_record]
        sample.append(at_one_rate((signal[chosen], rr[chosen]), _PLACES))
    some = np.concatenate(sample)
    bases = [_directions(_scaled(some, stretch, root)) for stretch, root in _SHAPES]
    within = [np.zeros((basis.shape[1],) * 2) for basis in bases]
    n_rows = 0
    for done, read in enumerate(records):
        beats = read()
        if not len(beats[0]):
            continue
        copies = [at_one_rate(beats, _PLACES)]
        for _ in range(_COPIES - 1):
            after, before = np.exp(rng.normal(0, _RATE_CHANGE, 2))
            copies.append(at_one_rate(beats, _PLACES, after, before))
        warped = np.concatenate(copies)
        n_rows += len(warped)
        for (stretch, root), basis, scatter in zip(_SHAPES, bases, within, strict=True):
            rows = _scaled(warped, stretch, root) @ basis
            rows = rows - rows.mean(axis=0)
            scatter += rows.T @ rows
        progress(done + 1, len(records))
    return BeatSpace(tuple(bases), tuple(scatter / max(n_rows, 1) for scatter in within))


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the items of an enrolment lie in spaces learned from its gallery.

    Attributes
    ----------
    gallery, pool : (n, d) coordinates in all spaces
    parts, within : as in `BeatSpace`
    """

    gallery: Rows
    pool: Rows
    parts: list[slice]
    within: tuple[Floats, ...]


def placed(context: Context, enrolment: Enrolment) -> Placed:
    """Spaces learned from a gallery, and where it and the pool lie in them."""
    key = "subspace", enrolment.of_halves
    if key not in context.memo:
        rng = stream(context.seed, f"subspace/{int(enrolment.of_halves)}")
        readers = [
            partial(cut, context.prepared, *item, context.seed) for item in enrolment.gallery.pairs
        ]
        space = learn(readers, rng, partial(context.progress, "learning a subspace"))
        gallery, pool = (
            np.stack(
                [space.coordinates(cut(context.prepared, *one, context.seed)) for one in side.pairs]
            )
            for side in (enrolment.gallery, enrolment.pool)
        )
        context.memo[key] = Placed(gallery, pool, space.parts, space.within)
    found: Placed = context.memo[key]
    return found


def _directions(rows: Floats) -> Floats:
    """(d, k) orthonormal directions that hold nearly all of some rows (n, d)."""
    centred = rows - rows.mean(axis=0)
    if centred.shape[1] <= _DIMENSIONS:
        return np.eye(centred.shape[1])
    return np.asarray(eigh(centred.T @ centred)[1][:, ::-1][:, :_DIMENSIONS])


def _scaled(warped: Floats, stretch: slice, root: bool) -> Floats:
    """(n_beats, n_leads · n) a stretch of each beat about each lead's median, of unit length.

    Of roots, small waves count for more beside the QRS.
    """
    part = warped[..., stretch]
    part = part - np.median(part, axis=2, keepdims=True)
    if root:
        part = np.sign(part) * np.sqrt(np.abs(part))
    rows = part.reshape(len(part), -1)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))

"""A linear space in which the beats of one person lie together and those of two lie apart.

Linear discriminant analysis of whole beats (Fisher 1936; for ECG, Israel et al. 2005). Three
things make it strong: beats are brought to one heart rate, as QT shortens with the square root of
RR (Bazett 1920); it is taught copies of each beat as other heart rates would have made it, so that
what heart rate changes does not count; and four spaces, of two stretches of the beat in two
scalings, are asked together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from auditor.signal.filters import FS

#: What a beat must hold around its anchor, samples: 360 ms before, 640 ms after.
BEFORE, AFTER = round(0.36 * FS), round(0.64 * FS)
#: What is compared of it at the common heart rate, one beat a second: 300 ms before, 500 after.
_PLACES = np.arange(-round(0.30 * FS), round(0.50 * FS))
#: The QRS, within this of the anchor, has the same length at any heart rate: 60 ms.
_FIRM = round(0.06 * FS)
#: The whole of it, and from the end of P to the top of T.
_STRETCHES = (slice(None), slice(round(0.14 * FS), round(0.60 * FS)))
_COPIES, _RATE_CHANGE = 8, 0.06
_SHRINKAGE = 0.1
#: Directions that are kept: of the signal, and of these the ones that tell people apart.
_SIGNAL_DIMENSIONS, _DIMENSIONS = 256, 80
#: Beats the signal's directions are found from.
_SAMPLE = 4000

#: The beats of one item, (n_beats, n_leads, BEFORE + AFTER) mV, and the RR before each in s.
Beats = tuple[NDArray[np.float32], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Space:
    """One stretch of the beat in one scaling; `rows @ basis − origin` are its coordinates."""

    stretch: slice
    root: bool
    basis: NDArray[np.float64]
    origin: NDArray[np.float64]

    def coordinates(self, warped: NDArray[np.float64]) -> NDArray[np.float64]:
        return _scaled(warped, self.stretch, self.root) @ self.basis - self.origin


@dataclass(frozen=True, eq=False)
class Subspace:
    """What was learned of the people of a gallery."""

    spaces: tuple[_Space, ...]

    @property
    def dimensions(self) -> int:
        """How many coordinates an item has."""
        return sum(space.basis.shape[1] for space in self.spaces)

    def embed(self, beats: Beats) -> NDArray[np.float32]:
        """(dimensions,) an item's mean direction in each space; NaN where it holds no beat.

        The dot product of two is the sum of their cosines in the spaces.
        """
        if not len(beats[0]):
            return np.full(self.dimensions, np.nan, dtype=np.float32)
        warped = _warped(*beats)
        parts = []
        for space in self.spaces:
            mean = space.coordinates(warped).mean(axis=0)
            parts.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        return np.concatenate(parts).astype(np.float32)


def learn(
    people: Sequence[Callable[[], Beats]],
    rng: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Subspace:
    """The space that best tells some people's beats apart.

    Parameters
    ----------
    people : for each person, what reads their beats, as often as it is asked
        One person is held at a time, so memory does not grow with them.
    """
    shapes = [(stretch, root) for stretch in _STRETCHES for root in (False, True)]
    per_person = max(_SAMPLE // len(people), 1)
    sample = []
    for place in rng.permutation(len(people))[:_SAMPLE]:
        beats, rr = people[int(place)]()
        chosen = rng.permutation(len(beats))[:per_person]
        sample.append(_warped(beats[chosen], rr[chosen]))
    some = np.concatenate(sample)
    signal = [_directions(_scaled(some, stretch, root)) for stretch, root in shapes]
    within = [np.zeros((basis.shape[1],) * 2) for basis in signal]
    means: list[list[NDArray[np.float64]]] = [[] for _ in signal]
    n_rows = 0
    for done, read in enumerate(people):
        beats, rr = read()
        if not len(beats):
            continue
        copies = [_warped(beats, rr)]
        for _ in range(_COPIES - 1):
            after, before = np.exp(rng.normal(0, _RATE_CHANGE, 2))
            copies.append(_warped(beats, rr, after, before))
        warped = np.concatenate(copies)
        n_rows += len(warped)
        for place, (stretch, root) in enumerate(shapes):
            rows = _scaled(warped, stretch, root) @ signal[place]
            mean = rows.mean(axis=0)
            within[place] += (rows - mean).T @ (rows - mean)
            means[place].append(mean)
        progress(done + 1, len(people))
    spaces = []
    for (stretch, root), basis, scatter, mean in zip(shapes, signal, within, means, strict=True):
        every = np.stack(mean)
        middle = every.mean(axis=0)
        between = (every - middle).T @ (every - middle) / len(every)
        scatter = scatter / n_rows
        size = np.trace(scatter) / len(scatter)
        spread = (1 - _SHRINKAGE) * scatter + (_SHRINKAGE * size + 1e-12) * np.eye(len(scatter))
        kept = min(_DIMENSIONS, len(scatter), len(every) - 1)
        directions = eigh(between, spread)[1][:, ::-1][:, :kept]
        spaces.append(_Space(stretch, root, basis @ directions, middle @ directions))
    return Subspace(tuple(spaces))


def _directions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d, k) orthonormal directions that hold nearly all of some rows (n, d)."""
    centred = rows - rows.mean(axis=0)
    if centred.shape[1] <= _SIGNAL_DIMENSIONS:
        return np.eye(centred.shape[1])
    return np.asarray(eigh(centred.T @ centred)[1][:, ::-1][:, :_SIGNAL_DIMENSIONS])


def _warped(
    beats: NDArray[np.float32], rr: NDArray[np.float64], after: float = 1.0, before: float = 1.0
) -> NDArray[np.float64]:
    """Beats as one a second would make them, (n_beats, n_leads, n_places).

    Parameters
    ----------
    after, before : how much longer than that the part after the QRS, and before it, is made
    """
    late = _FIRM + (_PLACES - _FIRM) * (np.sqrt(rr) * after)[:, None]
    early = -_FIRM + (_PLACES + _FIRM) * before
    at = np.where(_PLACES > _FIRM, late, np.where(_PLACES < -_FIRM, early, _PLACES)) + BEFORE
    at = np.clip(at, 0, beats.shape[2] - 1.001)
    place = at.astype(int)
    share = (at - place)[:, None]
    row, lead = np.arange(len(beats))[:, None, None], np.arange(beats.shape[1])[:, None]
    low, high = beats[row, lead, place[:, None]], beats[row, lead, place[:, None] + 1]
    return np.asarray(low * (1 - share) + high * share)


def _scaled(warped: NDArray[np.float64], stretch: slice, root: bool) -> NDArray[np.float64]:
    """(n_beats, n_leads · n) a stretch of each beat about each lead's median, of unit length.

    Of roots, small waves count for more beside the QRS.
    """
    part = warped[..., stretch]
    part = part - np.median(part, axis=2, keepdims=True)
    if root:
        part = np.sign(part) * np.sqrt(np.abs(part))
    rows = part.reshape(len(part), -1)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))

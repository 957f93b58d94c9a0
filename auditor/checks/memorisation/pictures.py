"""Real pictures, and those that a generator draws: how near the two lie to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.output_features import membership_groups
from auditor.attackers.search import BLOCK
from auditor.core.target import Floats, Generator, Target

Rows = NDArray[np.float32]
Places = NDArray[np.int64]

KINDS = ("members", "nonmembers")
#: Distances are told apart down to this share of the spread of pictures.
_FINEST = 1e-6


def people(target: Target, kind: str | None) -> Places:
    """The first record with a picture of each person of one of `KINDS`, or of everybody."""
    assert target.generator is not None
    real = target.generator.real
    pictured = ~np.isnan(real.reshape(len(real), -1)[:, 0])
    if kind is not None:
        pictured &= np.isin(target.subject, membership_groups(target)[kind])
    rows = np.flatnonzero(pictured)
    _, first = np.unique(target.subject[rows], return_index=True)
    return np.sort(rows[first])


def seed_of(rng: np.random.Generator) -> int:
    """A seed for pictures that are drawn once."""
    return int(rng.integers(2**31))


def encoded(generator: Generator, rows: Places) -> Rows:
    """(len(rows), k) where the real pictures of records stand."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return np.concatenate([generator.encode(generator.real[block]) for block in blocks])


def drawn_for(generator: Generator, rows: Places, rng: np.random.Generator) -> Rows:
    """(len(rows), k) where pictures stand that are drawn for records."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return np.concatenate(
        [generator.encode(generator.drawn(seed_of(rng), block)) for block in blocks]
    )


@dataclass(frozen=True, eq=False)
class Gallery:
    """Real pictures, one of each person; never more than `BLOCK` × gallery distances at once.

    Attributes
    ----------
    pictures : (m, k), about their mean
    middle : (k,) that mean
    square : (m,) their squared length
    spread : root of its mean
    """

    pictures: Rows
    middle: Rows
    square: Rows
    spread: float

    @classmethod
    def of(cls, generator: Generator, rows: Places) -> Gallery:
        """The real pictures of records."""
        real = encoded(generator, rows)
        middle = real.mean(axis=0)
        square = ((real - middle) ** 2).sum(axis=1)
        return cls(real - middle, middle, square, float(np.sqrt(square.mean())) or 1.0)

    def times(self, far: Floats, near: Floats) -> Floats:
        """How many times as far one is as the other, as a logarithm."""
        least = _FINEST * self.spread
        return np.log((far + least) / (near + least))

    def nearest(self, drawn: Rows) -> tuple[Places, Floats]:
        """(n, 2) which two pictures lie nearest, and (n, 2) how far off they are."""
        places, distances = [], []
        for some in self._blocks(drawn):
            apart = self.square - 2 * some @ self.pictures.T
            two = np.argpartition(apart, 1, axis=1)[:, :2]
            far = _distance(some[:, None], self.pictures[two])
            order = far.argsort(axis=1)
            places.append(np.take_along_axis(two, order, axis=1))
            distances.append(np.take_along_axis(far, order, axis=1))
        return np.concatenate(places), np.concatenate(distances)

    def off(self, drawn: Rows, which: Places) -> Floats:
        """(n,) how far each is from one picture."""
        return _distance(drawn - self.middle, self.pictures[which])

    def reached(self, drawn: Rows) -> Floats:
        """(m,) how far the nearest of some pictures is from each of the gallery's."""
        closest = np.full(len(self.pictures), np.inf)
        for some in self._blocks(drawn):
            apart = (some**2).sum(axis=1)[:, None] - 2 * some @ self.pictures.T
            far = _distance(some[apart.argmin(axis=0)], self.pictures)
            np.minimum(closest, far, out=closest)
        return closest

    def _blocks(self, drawn: Rows) -> list[Rows]:
        return [drawn[start : start + BLOCK] - self.middle for start in range(0, len(drawn), BLOCK)]


def _distance(one: Rows, other: Rows) -> Floats:
    return np.sqrt(np.square(one - other, dtype=np.float64).sum(axis=-1))


def second_largest(place: Places, times: Floats, n: int) -> Floats:
    """(n,) the second largest of the values at each place; 0 where there are fewer than two."""
    order = np.lexsort((-times, place))
    place, times = place[order], times[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    second = starts + 1
    inside = second[np.append(starts[1:], len(place)) > second]
    found = np.zeros(n)
    found[place[inside]] = times[inside]
    return found

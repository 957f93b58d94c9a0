"""Does a generator draw hearts, or the very pictures that it was taught on?

Members of its training data are held against people it never saw, its *held-out twins*, of whom
the same is asked. Of each person one record is asked about, the first that has a picture, so that
who has many pictures is not more easily come near to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mode

from auditor.attackers.demographics import age_and_sex_bands, demographics, target_records
from auditor.attackers.output_features import membership_groups
from auditor.attackers.search import BLOCK, search_gallery
from auditor.checks.base import ModelAttack, OnModel
from auditor.core.evidence import MIN_PEOPLE, Evidence, Trials
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Floats, Target
from auditor.stats.small_cells import disclosable_groups
from auditor.targets.context import Case

Rows = NDArray[np.float32]
Places = NDArray[np.int64]

#: How often each condition is drawn for, how many people (of either kind) are asked about, and
#: how many pictures are drawn for no condition at all.
SEEDS, ASKED, UNASKED = 8, 2000, 1024
_KINDS = ("members", "nonmembers")
#: Of a planted copy, what is not the picture that was copied.
_BLENDED = np.float32(0.1)
#: Distances are told apart down to this share of the spread of pictures.
_FINEST = 1e-6


class Generates(Protocol):
    """What is asked of a generator: `target.parts["generator"]`."""

    @property
    def real(self) -> Rows:
        """(n, …) the picture of each record of the target; NaN where there is none."""
        ...

    def drawn(self, seed: int, rows: Places) -> Rows:
        """(len(rows), …) pictures for the conditions of these records; seeds differ in noise."""
        ...

    def unconditional(self, seed: int, n: int) -> Rows | None:
        """(n, …) pictures for no condition; None where there are none to be had."""
        ...

    def encode(self, images: Rows) -> Rows:
        """(n, k) where pictures stand in the space in which distances are taken."""
        ...


@dataclass(frozen=True, eq=False)
class _Asked(OnModel):
    """A question to the generator of a target."""

    check: ClassVar[str] = "memorisation"

    @property
    def generator(self) -> Generates:
        """Whom it asks."""
        found: Generates = self.target.parts["generator"]
        return found

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        if self.target.unknown:
            return self.target.unknown
        if min(len(_people(self.target, kind)) for kind in _KINDS) < MIN_PEOPLE:
            return f"needs {MIN_PEOPLE} members with a picture and {MIN_PEOPLE} others; found fewer"
        return None


@dataclass(frozen=True, eq=False)
class Copies(_Asked):
    """Are pictures drawn for members nearer to their own than those of held-out twins to theirs,
    and are any of them copies?
    """

    protocol: ClassVar[str] = "copies"

    @property
    def threat(self) -> str:
        """Who does what with the model, in one sentence."""
        return (
            "Somebody who holds the ECG of a person whose picture the generator was trained on "
            "asks for a picture, and is given that person's own."
        )

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """By person, `ratio`: how many times (log) nearer what is drawn lies to the own picture
        than to the nearest other one of all, the mean over seeds; and `copies`: how many times
        nearer to the nearest picture of its side than to the second nearest, the median over
        seeds, of which those that lie nearest to some other picture than most do count nothing.

        Such ratios of distances owe nothing to how spread out pictures are.
        """
        sides = [_people(self.target, kind) for kind in _KINDS]
        everybody = _Gallery.of(self.generator, np.concatenate(sides))
        asked, ratio, copied = [], [], []
        for turn, rows in enumerate(sides):
            gallery = _Gallery.of(self.generator, rows)
            some = np.sort(rng.permutation(len(rows))[:ASKED])
            own, nearer, nearest, apart = some + turn * len(sides[0]), [], [], []
            for seed in range(SEEDS):
                drawn = _drawn(self.generator, rows[some], rng)
                two, far = everybody.nearest(drawn)
                other = np.where(two[:, 0] == own, far[:, 1], far[:, 0])
                nearer.append(everybody.times(other, everybody.off(drawn, own)))
                two, far = gallery.nearest(drawn)
                nearest.append(two[:, 0])
                apart.append(gallery.times(far[:, 1], far[:, 0]))
                case.progress("draw pictures", turn * SEEDS + seed + 1, len(sides) * SEEDS)
            asked.append(rows[some])
            ratio.append(np.mean(nearer, axis=0))
            usual = np.array(nearest) == mode(np.array(nearest), axis=0).mode
            copied.append(np.median(np.where(usual, apart, 0.0), axis=0))
        return {
            name: _trials(self.target, np.concatenate(asked), np.concatenate(score))
            for name, score in (("ratio", ratio), ("copies", copied))
        }

    def twin(self, planted: bool, seed: int) -> Copies:
        """The same question about a generator that hands every second member their own picture,
        blended with a tenth of what it would draw; or that draws for members what it draws for
        people it never saw.
        """
        members, others = (_people(self.target, kind) for kind in _KINDS)
        rng = stream(seed, f"memorisation/{self.target.name}/twin")
        if planted:
            copied = rng.permutation(members)[: max(len(members) // 2, MIN_PEOPLE)]
            twin: Generates = _Copier(self.generator, copied)
        else:
            instead = np.arange(len(self.target.record))
            instead[members] = rng.choice(others, len(members))
            twin = _Stranger(self.generator, instead)
        return replace(self, target=replace(self.target, parts={"generator": twin}))


@dataclass(frozen=True, eq=False)
class _Twin:
    """A generator that is another but for what it draws."""

    of: Generates

    @property
    def real(self) -> Rows:
        return self.of.real

    def unconditional(self, seed: int, n: int) -> Rows | None:
        return self.of.unconditional(seed, n)

    def encode(self, images: Rows) -> Rows:
        return self.of.encode(images)


@dataclass(frozen=True, eq=False)
class _Copier(_Twin):
    """Hands out the pictures of some records."""

    copied: Places

    def drawn(self, seed: int, rows: Places) -> Rows:
        found = self.of.drawn(seed, rows).copy()
        those = np.isin(rows, self.copied)
        found[those] = (1 - _BLENDED) * self.of.real[rows[those]] + _BLENDED * found[those]
        return found


@dataclass(frozen=True, eq=False)
class _Stranger(_Twin):
    """Draws for each record what would be drawn for another."""

    instead: Places

    def drawn(self, seed: int, rows: Places) -> Rows:
        return self.of.drawn(seed, self.instead[rows])


@dataclass(frozen=True, eq=False)
class Extraction(_Asked):
    """Do pictures that are drawn for nobody gather at those of members?"""

    protocol: ClassVar[str] = "extraction"

    @property
    def threat(self) -> str:
        """Who does what with the model, in one sentence."""
        return (
            "Somebody who holds nothing but the generator draws pictures for no condition, and "
            "those that come again and again are pictures of people it was trained on."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if why := super().unmet(case):
            return why
        if self.generator.unconditional(case.seed, 1) is None:
            return "the generator draws nothing without a condition"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """By person, `unasked`: how near any picture comes to theirs, as a negative distance; and
        `cliques`: how many times (log) nearer to theirs than to the next one the second most
        telling of the pictures lies that are nearest to theirs.
        """
        sides = [_people(self.target, kind) for kind in _KINDS]
        galleries = [_Gallery.of(self.generator, rows) for rows in sides]
        near = [np.full(len(rows), np.inf) for rows in sides]
        met: list[tuple[list[Places], list[Floats]]] = [([], []) for _ in sides]
        for done in range(0, UNASKED, BLOCK):
            drawn = self.generator.unconditional(_seed(rng), min(BLOCK, UNASKED - done))
            assert drawn is not None
            found = self.generator.encode(drawn)
            for gallery, closest, (places, times) in zip(galleries, near, met, strict=True):
                np.minimum(closest, gallery.reached(found), out=closest)
                two, far = gallery.nearest(found)
                places.append(two[:, 0])
                times.append(gallery.times(far[:, 1], far[:, 0]))
            case.progress("draw pictures of nobody", min(done + BLOCK, UNASKED), UNASKED)
        clique = [
            _second(np.concatenate(places), np.concatenate(times), len(rows))
            for rows, (places, times) in zip(sides, met, strict=True)
        ]
        # How well members are told apart is known from some of them.
        some = [np.sort(rng.permutation(len(rows))[:ASKED]) for rows in sides]
        asked = np.concatenate([rows[those] for rows, those in zip(sides, some, strict=True)])
        nearest = np.concatenate([far[those] for far, those in zip(near, some, strict=True)])
        return {
            "unasked": _trials(self.target, asked, -nearest),
            "cliques": _trials(self.target, np.concatenate(sides), np.concatenate(clique)),
        }


@dataclass(frozen=True, eq=False)
class Retrieval(_Asked):
    """Is a person's real picture found by the one that was drawn for them?"""

    protocol: ClassVar[str] = "retrieval"

    @property
    def threat(self) -> str:
        """Who does what with the model, in one sentence."""
        return (
            "Somebody who holds a picture that was drawn for a person looks for the real picture "
            "of that person among those of many."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        if len(_people(self.target, None)) < MIN_PEOPLE:
            return f"needs {MIN_PEOPLE} people with a picture; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Everybody's drawn picture among everybody's real ones; and of the same search what was
        found for `members` and for `nonmembers`, where it is known who they are.
        """
        del case
        rows = _people(self.target, None)
        asked = np.sort(rng.permutation(rows)[:ASKED])
        enrolled, subject = self.target.subject[rows], self.target.subject[asked]
        probe, real = _drawn(self.generator, asked, rng), _encoded(self.generator, rows)
        middle = real.mean(axis=0)
        x, y = real - middle, probe - middle
        xx, yy = ((z**2).sum(axis=1, keepdims=True) for z in (x, y))
        # −|x − y|², as a dot product.
        vectors = (
            np.hstack([2 * x, -xx, -np.ones_like(xx)]),
            np.hstack([y, np.ones_like(yy), yy]),
        )
        seen = search_gallery(
            lambda _: vectors, enrolled, subject, demographics(target_records(self.target)), rng
        )
        found: dict[str, Evidence] = {"": seen}
        groups = {
            name: np.isin(subject, people)
            for name, people in membership_groups(self.target).items()
        }
        return found | {name: seen.of(groups[name]) for name in disclosable_groups(groups, subject)}


def attacks(target: Target) -> list[ModelAttack]:
    """What can be asked of the generator of a model; nothing where it has none."""
    if "generator" not in target.parts:
        return []
    return [Copies(target), Extraction(target), Retrieval(target)]


def _people(target: Target, kind: str | None) -> Places:
    """The first record with a picture of each person of one of `kinds`, or of everybody."""
    real = target.parts["generator"].real
    pictured = ~np.isnan(real.reshape(len(real), -1)[:, 0])
    if kind is not None:
        pictured &= np.isin(target.subject, membership_groups(target)[kind])
    rows = np.flatnonzero(pictured)
    _, first = np.unique(target.subject[rows], return_index=True)
    return np.sort(rows[first])


def _trials(target: Target, rows: Places, score: Floats) -> Trials:
    return Trials(
        score, target.part[rows] == MEMBER, target.subject[rows], age_and_sex_bands(target)[rows]
    )


# --- pictures -----------------------------------------------------------------------------


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _encoded(generator: Generates, rows: Places) -> Rows:
    """(len(rows), k) where the real pictures of records stand."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return np.concatenate([generator.encode(generator.real[block]) for block in blocks])


def _drawn(generator: Generates, rows: Places, rng: np.random.Generator) -> Rows:
    """(len(rows), k) where pictures stand that are drawn for records."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return np.concatenate(
        [generator.encode(generator.drawn(_seed(rng), block)) for block in blocks]
    )


@dataclass(frozen=True, eq=False)
class _Gallery:
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
    def of(cls, generator: Generates, rows: Places) -> _Gallery:
        real = _encoded(generator, rows)
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


def _second(place: Places, times: Floats, n: int) -> Floats:
    """(n,) the second largest of the values at each place; 0 where there are fewer than two."""
    order = np.lexsort((-times, place))
    place, times = place[order], times[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    second = starts + 1
    inside = second[np.append(starts[1:], len(place)) > second]
    found = np.zeros(n)
    found[place[inside]] = times[inside]
    return found

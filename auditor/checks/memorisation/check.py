"""Does a generator draw hearts, or the very pictures that it was taught on?

Members of its training data are held against people it never saw, its *held-out twins*, of whom
the same is asked. Of each person one record is asked about, the first that has a picture, so that
who has many pictures is not more easily come near to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.stats import mode

from auditor.attackers.demographics import demographics, target_records
from auditor.attackers.membership import banded_trials
from auditor.attackers.output_features import membership_groups
from auditor.attackers.search import BLOCK, search_gallery
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.memorisation.pictures import (
    KINDS,
    Gallery,
    Places,
    Rows,
    drawn_for,
    encoded,
    people,
    second_largest,
    seed_of,
)
from auditor.core.evidence import MIN_PEOPLE, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import Floats, Generator, Target
from auditor.stats.among import found_among
from auditor.stats.estimators import identification_rate, measure
from auditor.stats.input_use import InputUse, repeated_use, shown_use
from auditor.stats.searches import (
    LUCK,
    against_twins,
    beside_strangers,
    beyond_luck,
    rate_gap,
)
from auditor.stats.small_cells import disclosable_groups, shares_of_people
from auditor.targets.context import Context

#: How often each condition is drawn for, how many people (of either kind) are asked about, and
#: how many pictures are drawn for no condition at all.
SEEDS, ASKED, UNASKED = 8, 2000, 1024
#: People for whom is drawn again, to see whether what is drawn depends on whom it is for.
_DRAWN_AGAIN = 200
#: A picture that is three times as near to one real picture as to any other is its copy (Yoon et
#: al. 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize").
_COPY = float(np.log(3))
#: Of a planted copy, what is not the picture that was copied.
_BLENDED = np.float32(0.1)


def plan(target: Target) -> list[OnModel]:
    """What can be asked of the generator of a model; nothing where it has none."""
    if target.generator is None:
        return []
    return [Copies(target), Extraction(target), Retrieval(target)]


@dataclass(frozen=True, eq=False)
class _Asked(OnModel):
    """A question to the generator of a target."""

    id: ClassVar[str] = "memorisation"

    @property
    def generator(self) -> Generator:
        """Whom it asks."""
        assert self.target.generator is not None
        return self.target.generator

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if self.target.membership_unknown:
            return self.target.membership_unknown
        if min(len(people(self.target, kind)) for kind in KINDS) < MIN_PEOPLE:
            return (
                f"needs {MIN_PEOPLE} members with a picture and {MIN_PEOPLE} others; found fewer; "
                "scan the folder that it was trained on, with people who were held back"
            )
        return None


def _told(name: str, near: Trials, learnt: str, copied: Trials, level: float) -> Measured:
    """How well members are told from held-out twins, chance being what sex and age alone would
    give; and the share of members whose picture is given out as good as it is, one to nine in
    words.
    """
    auc, roc = against_twins(near, level)
    those = beyond_luck(copied, _COPY)
    shares, few = shares_of_people({learnt: those}, level, LUCK / len(those))
    return Measured({f"{name}_auc": auc, **shares}, {f"{name}_roc": roc}, few)


@dataclass(frozen=True, eq=False)
class CopyScores:
    """How near what is drawn for people comes to their own pictures.

    Attributes
    ----------
    ratio : how many times (log) nearer what is drawn lies to the own picture than to the nearest
        other one of all, the mean over seeds
    copies : how many times nearer to the nearest picture of its side than to the second nearest,
        the median over seeds, of which those that lie nearest to some other picture than most do
        count nothing
    use : whether what is drawn depends on whom it is drawn for, of people the generator never saw
    """

    ratio: Trials
    copies: Trials
    use: InputUse


@dataclass(frozen=True, eq=False)
class Copies(_Asked):
    """Are pictures drawn for members nearer to their own than those of held-out twins to theirs,
    and are any of them copies?
    """

    protocol: str = "copies"

    def attack(self, context: Context, rng: np.random.Generator) -> CopyScores:
        """By person, ratios of distances, which owe nothing to how spread out pictures are."""
        sides = [people(self.target, kind) for kind in KINDS]
        everybody = Gallery.of(self.generator, np.concatenate(sides))
        asked, ratio, copied, twice = [], [], [], []
        for turn, rows in enumerate(sides):
            gallery = Gallery.of(self.generator, rows)
            some = np.sort(rng.permutation(len(rows))[:ASKED])
            own, nearer, nearest, apart = some + turn * len(sides[0]), [], [], []
            for seed in range(SEEDS):
                drawn = drawn_for(self.generator, rows[some], rng)
                if KINDS[turn] == "nonmembers" and seed < 2:
                    twice.append(drawn)
                two, far = everybody.nearest(drawn)
                other = np.where(two[:, 0] == own, far[:, 1], far[:, 0])
                nearer.append(everybody.times(other, everybody.off(drawn, own)))
                two, far = gallery.nearest(drawn)
                nearest.append(two[:, 0])
                apart.append(gallery.times(far[:, 1], far[:, 0]))
                context.progress("draw pictures", turn * SEEDS + seed + 1, len(sides) * SEEDS)
            asked.append(rows[some])
            ratio.append(np.mean(nearer, axis=0))
            usual = np.array(nearest) == mode(np.array(nearest), axis=0).mode
            copied.append(np.median(np.where(usual, apart, 0.0), axis=0))
        rows = np.concatenate(asked)
        near, copies = (
            banded_trials(self.target, rows, np.concatenate(score)) for score in (ratio, copied)
        )
        one, other = twice
        return CopyScores(near, copies, repeated_use(one, other))

    def estimate(self, evidence: CopyScores, level: float, draw: Draw) -> Measured:
        """`ratio_auc`, `copied` and `uses_input`."""
        del draw
        told = _told("ratio", evidence.ratio, "copied", evidence.copies, level)
        use = {"uses_input": shown_use(evidence.use, level)}
        return replace(told, estimates={**told.estimates, **use})

    def twin(self, planted: bool, seed: int) -> Copies:
        """The same question about a generator that hands every second member their own picture,
        blended with a tenth of what it would draw; or that draws for members what it draws for
        people it never saw.
        """
        members, others = (people(self.target, kind) for kind in KINDS)
        rng = stream(seed, f"memorisation/{self.target.name}/twin")
        if planted:
            copied = rng.permutation(members)[: max(len(members) // 2, MIN_PEOPLE)]
            twin: Generator = _Copier(self.generator, copied)
        else:
            instead = np.arange(len(self.target.record))
            instead[members] = rng.choice(others, len(members))
            twin = _Stranger(self.generator, instead)
        return replace(self, target=replace(self.target, generator=twin))


@dataclass(frozen=True, eq=False)
class _Twin:
    """A generator that is another but for what it draws."""

    of: Generator

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
class ExtractionScores:
    """How near pictures that were drawn for nobody come to people's.

    Attributes
    ----------
    unasked : how near any picture comes to theirs, as a negative distance
    cliques : how many times (log) nearer to theirs than to the next one the second most telling of
        the pictures lies that are nearest to theirs
    """

    unasked: Trials
    cliques: Trials


@dataclass(frozen=True, eq=False)
class Extraction(_Asked):
    """Do pictures that are drawn for nobody gather at those of members?"""

    protocol: str = "extraction"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if why := super().unmet(context):
            return why
        if self.generator.unconditional(context.seed, 1) is None:
            return "the generator draws nothing without a condition"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> ExtractionScores:
        """By person, how near pictures come that are drawn for no condition."""
        sides = [people(self.target, kind) for kind in KINDS]
        galleries = [Gallery.of(self.generator, rows) for rows in sides]
        near = [np.full(len(rows), np.inf) for rows in sides]
        met: list[tuple[list[Places], list[Floats]]] = [([], []) for _ in sides]
        for done in range(0, UNASKED, BLOCK):
            drawn = self.generator.unconditional(seed_of(rng), min(BLOCK, UNASKED - done))
            assert drawn is not None
            found = self.generator.encode(drawn)
            for gallery, closest, (places, times) in zip(galleries, near, met, strict=True):
                np.minimum(closest, gallery.reached(found), out=closest)
                two, far = gallery.nearest(found)
                places.append(two[:, 0])
                times.append(gallery.times(far[:, 1], far[:, 0]))
            context.progress("draw pictures of nobody", min(done + BLOCK, UNASKED), UNASKED)
        clique = [
            second_largest(np.concatenate(places), np.concatenate(times), len(rows))
            for rows, (places, times) in zip(sides, met, strict=True)
        ]
        # How well members are told apart is known from some of them.
        some = [np.sort(rng.permutation(len(rows))[:ASKED]) for rows in sides]
        asked = np.concatenate([rows[those] for rows, those in zip(sides, some, strict=True)])
        nearest = np.concatenate([far[those] for far, those in zip(near, some, strict=True)])
        return ExtractionScores(
            unasked=banded_trials(self.target, asked, -nearest),
            cliques=banded_trials(self.target, np.concatenate(sides), np.concatenate(clique)),
        )

    def estimate(self, evidence: ExtractionScores, level: float, draw: Draw) -> Measured:
        """`unasked_auc` and `extracted`."""
        del draw
        return _told("unasked", evidence.unasked, "extracted", evidence.cliques, level)


@dataclass(frozen=True, eq=False)
class Found:
    """Everybody's drawn picture among everybody's real ones; and of the same search what was found
    for members and for others, where it is known who they are and they are enough.

    Attributes
    ----------
    use : whether what is drawn depends on whom it is drawn for
    """

    everybody: SearchResult
    members: SearchResult | None
    nonmembers: SearchResult | None
    use: InputUse


@dataclass(frozen=True, eq=False)
class Retrieval(_Asked):
    """Is a person's real picture found by the one that was drawn for them?"""

    protocol: str = "retrieval"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if len(people(self.target, None)) < MIN_PEOPLE:
            return f"needs {MIN_PEOPLE} people with a picture; found fewer"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Found:
        """The search of everybody's real pictures."""
        del context
        rows = people(self.target, None)
        asked = np.sort(rng.permutation(rows)[:ASKED])
        enrolled, subject = self.target.subject[rows], self.target.subject[asked]
        probe, real = drawn_for(self.generator, asked, rng), encoded(self.generator, rows)
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
        groups = {
            name: np.isin(subject, those) for name, those in membership_groups(self.target).items()
        }
        shown = disclosable_groups(groups, subject)
        members, others = (seen.of(groups[kind]) if kind in shown else None for kind in KINDS)
        again = drawn_for(self.generator, asked[:_DRAWN_AGAIN], rng)
        use = repeated_use(probe[:_DRAWN_AGAIN], again)
        return Found(seen, members, others, use)

    def estimate(self, evidence: Found, level: float, draw: Draw) -> Measured:
        """How often people's real pictures are found by the drawn ones, and `rank1_excess`, how
        much more often than strangers' of the same sex and age band, also among so many people;
        `members_rank1` … the same of members, and `member_gap`, how much more often theirs are
        found than those of others; and `uses_input`.
        """
        found, curves = measure("", evidence.everybody, level=level, rng=draw())
        among, foretold = found_among(evidence.everybody, self.galleries, level)
        found |= {f"found_among_{n}": one for n, one in among.items()}
        found["uses_input"] = shown_use(evidence.use, level)
        curves |= foretold
        found |= beside_strangers(evidence.everybody, level) | _ranks("", evidence.everybody, level)
        members, others = evidence.members, evidence.nonmembers
        for key, one in (("members_", members), ("nonmembers_", others)):
            if one is not None:
                found |= _ranks(key, one, level)
        if members is not None and others is not None:
            found["member_gap"] = rate_gap(members, others, level)
        return Measured(found, curves)

    def twin(self, planted: bool, seed: int) -> Retrieval:
        """The same question about a generator that draws for each what it would draw for another;
        and, where it is planted, hands every second person their own picture, blended as a copy's
        is.
        """
        rows = people(self.target, None)
        rng = stream(seed, f"memorisation/{self.target.name}/retrieval/twin")
        dealt, instead = rng.permutation(rows), np.arange(len(self.target.record))
        instead[dealt] = np.roll(dealt, 1)
        twin: Generator = _Stranger(self.generator, instead)
        if planted:
            twin = _Copier(twin, dealt[: max(len(dealt) // 2, MIN_PEOPLE)])
        return replace(self, target=replace(self.target, generator=twin))


def _ranks(key: str, seen: SearchResult, level: float) -> dict[str, Estimate]:
    """The shares that are found within one attempt, and within ten."""
    return {
        f"{key}rank{k}": identification_rate(seen, k, level) for k in (1, 10) if seen.n_gallery > k
    }

"""What models tell of people together, and by being there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from auditor.checks.base import Draw, Measured
from auditor.checks.structure.people import (
    NOTHING,
    Bools,
    People,
    Structure,
    inputs_of,
    level_together,
    truth_of,
)
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts, Trials
from auditor.core.finding import Estimate
from auditor.core.target import MEMBER, Target
from auditor.learning import boost
from auditor.stats.estimators import pooled_auc
from auditor.stats.small_cells import certain, joined
from auditor.targets.context import Context

#: Pairs of nested findings that are put to the test, those that tell most people apart.
_PAIRS = 12


@dataclass(frozen=True, eq=False)
class Pair:
    """How two models together tell who has the whole of a finding and not the part."""

    whole: str
    part: str
    members: Trials
    others: Trials


@dataclass(frozen=True, eq=False)
class Differences:
    """Who has a finding and not its part, as two models tell it.

    Attributes
    ----------
    few : members in cells of fewer than ten; None where no two files count the members
    pairs : nested findings that were put to the test
    """

    few: Counts | None
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, eq=False)
class NestedDifferences(Structure):
    """Who has a finding and not its part, as two models tell it.

    Two ways. By number: each file tells how many records with its finding it was grown on (the
    first root's weight over 1 − p, where p is what the file starts from), so that a difference of
    fewer than ten people is a table's cell of fewer than ten. By person: the whole's log-odds less
    the part's are high for those who have the whole and not the part.
    """

    output: str = "differences"
    by_comparison: ClassVar[bool] = False

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """The difference of two counts, where no two files count those they were grown on."""
        pairs = nested(self.target)
        every = {one for pair in pairs for one in pair}
        untold = {one for one in every if _counts_nobody(self.target, one)}
        if all(untold.intersection(pair) for pair in pairs):
            return {"few_apart": "its files do not tell how many of its members have a finding"}
        return {}

    def attack(self, context: Context, rng: np.random.Generator) -> Differences:
        """The members in small cells, and the differences of log-odds of members and of others."""
        del context, rng
        people = People.of(self.target)
        n = len(people.member)
        few = np.zeros(n, dtype=np.int64)
        told = False
        tried: list[tuple[int, tuple[str, str], Bools, Bools]] = []
        pairs = nested(self.target)
        counted = {
            one: _counts_events(self.target, one) for one in {one for pair in pairs for one in pair}
        }
        for parent, child in pairs:
            rows = people.asked(self.target, parent) & people.asked(self.target, child)
            whole, part = (
                np.bincount(
                    people.person[rows], truth_of(self.target, one)[people.rows[rows]] == 1, n
                )
                > 0
                for one in (parent, child)
            )
            apart = whole & ~part
            if counted[parent] and counted[child]:
                told = True
                if (apart & people.member).sum() < MIN_PEOPLE:
                    few += apart & people.member
            known = np.bincount(people.person[rows], minlength=n) > 0
            kinds = [known & apart, known & ~apart]
            fewest = min(
                (kind & side).sum() for kind in kinds for side in (people.member, ~people.member)
            )
            if fewest >= MIN_PEOPLE and self.target.columns:
                tried.append((-int(apart.sum()), (parent, child), rows, apart))
        found = []
        for _, pair, rows, apart in sorted(tried, key=lambda one: one[:2])[:_PAIRS]:
            where, person = people.rows[rows], people.person[rows]
            margins = [
                boost.margins(
                    self.target.trees[one], inputs_of(self.target, self.target.trees[one], where)
                )
                for one in pair
            ]
            is_member = people.member[person]
            sides = (
                Trials(
                    (margins[0] - margins[1])[mine],
                    apart[person[mine]],
                    people.name[person[mine]],
                    np.zeros(mine.sum(), dtype=np.int64),
                )
                for mine in (is_member, ~is_member)
            )
            found.append(Pair(*pair, *sides))
        counts = Counts(("few_apart",), few[people.member, None]) if told else None
        return Differences(counts, tuple(found))

    def estimate(self, evidence: Differences, level: float, draw: Draw) -> Measured:
        """The share of members in such cells, and how well two models together tell who has the
        whole and not the part: of members, with that of others as its chance, of the pair that is
        surest.

        Raises
        ------
        EvidenceError
            No two files count the members, and none has enough people with and without a part.
        """
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        if evidence.few is not None:
            certain(evidence.few, found, params, level)
        together = level_together(level, len(evidence.pairs))
        more = [_difference(pair, together) for pair in evidence.pairs]
        if more:
            place = max(range(len(more)), key=lambda one: more[one].low)
            surest, pair = more[place], evidence.pairs[place]
            theirs = pooled_auc(pair.others, together).value
            found["apart_auc"] = pooled_auc(pair.members, level, chance=theirs)
            found["apart_excess"] = surest
            params["apart"] = f"{pair.whole} without {pair.part}"
            if surest.low > 0:
                params["alarms"].append("apart")
        if evidence.few is None and not more:
            raise EvidenceError(NOTHING)
        return Measured(found, params=params)


def _difference(pair: Pair, level: float) -> Estimate:
    """How much better two models tell it of members than of others."""
    mine, theirs = (pooled_auc(one, level) for one in (pair.members, pair.others))
    one, other = ((each.value, each.low, each.high) for each in (mine, theirs))
    return joined(one, other, level, mine.n_subjects + theirs.n_subjects)


def nested(target: Target) -> list[tuple[str, str]]:
    """Findings and what is a part of them, K70 and K703: each with the longest that its own name
    begins with, where nobody has the part without the whole.
    """
    findings = [one for one in target.trees if target.kind(one) == "finding"]
    told = [one for one in findings if np.isfinite(truth_of(target, one)).any()]
    pairs = []
    for child in told:
        wholes = [one for one in told if one != child and child.startswith(one)]
        if not wholes:
            continue
        parent = max(wholes, key=len)
        if not ((truth_of(target, child) == 1) & (truth_of(target, parent) == 0)).any():
            pairs.append((parent, child))
    return pairs


def _counts_events(target: Target, tell: str) -> bool:
    """Whether a file was grown on as many records with and without its finding as members have."""
    mine = truth_of(target, tell)[target.split == MEMBER]
    first = boost.grown(target.trees[tell][:1])
    # Of n records that start from p, the root weighs n p (1 − p), and n p of them are events.
    told = [first.weight / (1 - first.base), first.weight / first.base]
    return bool(np.allclose(told, [(mine == 1).sum(), (mine == 0).sum()], rtol=1e-5, atol=0.1))


def _counts_nobody(target: Target, tell: str) -> bool:
    """Whether a file tells no number of records with its finding, as where records were weighted or
    drawn; one that counts others than the table of members does tell one.
    """
    mine = truth_of(target, tell)[target.split == MEMBER]
    first = boost.grown(target.trees[tell][:1])
    told = np.array([first.weight / (1 - first.base), first.weight / first.base])
    counts = bool(np.allclose(told, np.rint(told), rtol=1e-6, atol=0.1)) and told.min() >= 1
    # Who starts from a half and not from a rate halves the records, however many have the finding.
    halves = first.base == 0.5 and np.isclose(told.sum(), np.isfinite(mine).sum(), rtol=1e-5)
    return bool(halves) or not counts


@dataclass(frozen=True, eq=False)
class Existence(Structure):
    """Whose sex a model tells by being of one sex only."""

    output: str = "existence"
    by_comparison: ClassVar[bool] = False

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each member, how many of the models that they are a member of are of one sex."""
        del context, rng
        people = People.of(self.target)
        told = np.zeros(len(people.member), dtype=np.int64)
        male, mine = self.target.male[people.rows], people.member[people.person]
        for tell in self.target.trees:
            rows = mine & people.asked(self.target, tell)
            who = np.unique(people.person[rows])
            sexes = np.unique(male[rows & np.isfinite(male)])
            if len(sexes) == 1 and len(who) >= MIN_PEOPLE:
                told[who] += 1
        return Counts(("one_sex",), told[people.member, None])

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The share of members whose sex is told; one to nine are told in words."""
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        certain(evidence, found, params, level)
        return Measured(found, params=params)

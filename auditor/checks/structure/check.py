"""Does a file of trees say whose records it was grown on?

Five questions, each about people and never about rows:

`leaves` how few people share a leaf, and a path through all trees, with each person
`thresholds` whom a published threshold parts from nearly everybody
`values` whose measurements stand in the file, as thresholds
`differences` what two models of nested findings tell together: who has the one and not the other
`existence` whose sex a model tells by being of one sex only

Trees have small leaves and thresholds at somebody's values whoever they are grown on. So the first
three ask the same of people whom the trees never saw, as if each had been one more member: trees
that know nothing of who is a member cannot tell the two apart. What is `certain` beside that needs
no comparison, because it can be read: a leaf whose records are one person's, where the file's own
counts are those of the members; two files that differ by fewer than ten people; a model of one sex.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.checks.base import ModelAttack, OnModel
from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence, Trials
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.learning import boost
from auditor.targets.context import Case

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Rows = NDArray[np.float32]

#: People that a threshold isolates, at most.
ISOLATED = 4
#: Trees whose leaves are held at once.
_TREES = 16
#: How often as many people are called members by lot, and how many of them must be expected in a
#: cell for it never to be small.
_LOTS, _CROWDED = 20, 6 * MIN_PEOPLE
#: Pairs of nested findings that are put to the test, those that tell most people apart.
_PAIRS = 12
#: Decimals that a column may be rounded to, rows that are looked at to see it, and how well a
#: number of single precision is known.
_DECIMALS, _LOOKED_AT, _SINGLE = 6, 20_000, 1e-7
#: A path is known by a number that the leaves along it give; an odd one near 2⁶⁴ / φ mixes well.
_MIX, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)

LEAVES = ("leaf_alone", "leaf_below_10", "path_alone", "path_below_10")


@dataclass(frozen=True, eq=False)
class Structure(OnModel):
    """What can be read in a file of trees about the people they were grown on.

    Attributes
    ----------
    output : which question, one of `leaves`, `thresholds`, `values`, `differences`, `existence`
    """

    protocol: None = None
    check: ClassVar[str] = "structure"

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return _QUESTIONS[self.output][0]

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del case
        if self.target.unknown:
            return self.target.unknown
        member = _Crowd.of(self.target).member
        if member.sum() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people whom the trees were grown on; found fewer"
        if self.output not in _CERTAIN and (~member).sum() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people whom the trees never saw; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """`members` and `others`, the same counts of people of either kind, and as `lot 1/members`
        … of as many people by lot; `certain`, counts of members that need no comparison; trials, by
        the name of what tells.
        """
        del case
        return _QUESTIONS[self.output][1](self.target, rng)


def attacks(target: Target) -> list[ModelAttack]:
    """The questions that a model of trees can be asked."""
    if not target.trees:
        return []
    outputs = ["leaves", "thresholds", "values"] if target.columns else []
    if nested(target):
        outputs.append("differences")
    if len(np.unique(target.male[np.isfinite(target.male)])) == 2:
        outputs.append("existence")
    return [Structure(target, output) for output in outputs]


# --- people -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Crowd:
    """The records of members, and of people who have none among the members' records.

    Attributes
    ----------
    rows, person : (n,) records of the target, a person's after one another, and whose they are
    name, member : (n_people,) by person
    """

    rows: Ints
    person: Ints
    name: NDArray[np.str_]
    member: Bools

    @classmethod
    def of(cls, target: Target) -> _Crowd:
        _, code = np.unique(target.subject, return_inverse=True)
        has = np.bincount(code, weights=target.part == MEMBER) > 0
        kept = (target.part == MEMBER) | ((target.part == NONMEMBER) & ~has[code])
        rows = np.flatnonzero(kept)[np.argsort(code[kept], kind="stable")]
        name, person = np.unique(target.subject[rows], return_inverse=True)
        member = np.zeros(len(name), dtype=bool)
        member[person] = target.part[rows] == MEMBER
        return cls(rows, person, name, member)

    def asked(self, target: Target, tell: str) -> Bools:
        """(n,) the records that one model is about: those whose truth is known, if any is."""
        known = np.isfinite(_truth(target, tell))
        return known[self.rows] | ~known.any()

    def labels(self, rng: np.random.Generator) -> Bools:
        """(1 + `_LOTS`, n_people) who is a member: in truth, and as many people by lot.

        What befalls people in one cell befalls them together, so that shares of people vary more
        than those of people on their own. The lots show by how much.
        """
        return np.stack([self.member, *(rng.permutation(self.member) for _ in range(_LOTS))])


def _truth(target: Target, tell: str) -> NDArray[np.float64]:
    """(n,) what is true of each record; NaN where not known, or nowhere told."""
    if tell in target.tells and target.truth.shape[1]:
        return target.truth[:, target.tells.index(tell)]
    return np.full(len(target.record), np.nan)


def _named(turn: int, name: str) -> str:
    """What evidence is called; `lot 1/name` with people labelled by lot."""
    return f"lot {turn}/{name}" if turn else name


def _counted(
    turn: int, names: tuple[str, ...], flags: Bools, label: Bools, among: Bools
) -> dict[str, Counts]:
    """Yes or no of each person (m, n_people), of members and of the others."""
    values = flags.T.astype(np.int64)
    return {
        _named(turn, name): Counts(names, values[among & side])
        for name, side in (("members", label), ("others", ~label))
    }


def _inputs(target: Target, booster: xgboost.Booster, rows: Ints) -> Rows:
    """What a booster is asked with, columns in its own order."""
    names = booster.feature_names or target.columns
    place = [target.columns.index(name) for name in names]
    return np.ascontiguousarray(target.inputs[rows][:, place])


def _trees(booster: xgboost.Booster) -> list[dict[str, Any]]:
    document = json.loads(booster.save_raw("json"))
    found: list[dict[str, Any]] = document["learner"]["gradient_booster"]["model"]["trees"]
    return found


# --- leaves and paths ---------------------------------------------------------------------


def _leaves(target: Target, rng: np.random.Generator) -> dict[str, Evidence]:
    """Who shares leaves, and the path through all trees, with how few.

    `cells` are trials whose score is the mean over a person's leaves of log₂ 10/k, for the k people
    of a leaf, 0 from 10 on; a person who is no member is counted as one more. Large where trees
    were grown around a person.
    """
    crowd = _Crowd.of(target)
    labels = crowd.labels(rng)
    n = len(crowd.member)
    short = np.log2(MIN_PEOPLE / np.arange(1, MIN_PEOPLE + 1))
    bits, seen = np.zeros(labels.shape), np.zeros(n)
    flags = np.zeros((len(LEAVES), *labels.shape), dtype=bool)
    certain = np.zeros(n, dtype=bool)
    path = np.zeros(len(crowd.rows), dtype=np.uint64)
    told = False
    for tell, booster in target.trees.items():
        asked = crowd.asked(target, tell)
        person = crowd.person[asked]
        seen += np.bincount(person, minlength=n) * boost.n_trees(booster)
        counted = False
        for place, every in enumerate(_leaf_of(booster, _inputs(target, booster, crowd.rows))):
            path = (path ^ every.astype(np.uint64)) * _MIX
            path ^= path >> _HALF
            leaf = every[asked]
            if place == 0:
                counted = _counts_members(booster, leaf[crowd.member[person]])
                told |= counted
            who, times, sizes = _small(leaf, person, labels)
            for turn, size in enumerate(sizes):
                bits[turn] += np.bincount(who, times * short[np.minimum(size, MIN_PEOPLE) - 1], n)
                flags[0, turn, who[size == 1]] = True
                flags[1, turn, who[size < MIN_PEOPLE]] = True
            if counted:
                certain[who[crowd.member[who] & (sizes[0] == 1)]] = True
    _, code = np.unique(path, return_inverse=True)
    who, _, sizes = _small(code, crowd.person, labels)
    for turn, size in enumerate(sizes):
        flags[2, turn, who[size == 1]] = True
        flags[3, turn, who[size < MIN_PEOPLE]] = True
    among = seen > 0
    found: dict[str, Evidence] = {}
    for turn, (label, bit) in enumerate(zip(labels, bits, strict=True)):
        nothing = np.zeros(among.sum(), dtype=np.int64)
        found[_named(turn, "cells")] = Trials(
            bit[among] / seen[among], label[among], crowd.name[among], nothing
        )
        found |= _counted(turn, LEAVES, flags[:, turn], label, among)
    if told:
        mine = among & crowd.member
        found["certain"] = Counts(("leaf_of_one",), certain[mine, None].astype(np.int64))
    return found


def _leaf_of(booster: xgboost.Booster, rows: Rows) -> Iterator[Ints]:
    """(n,) the leaf of each row, tree after tree."""
    n = boost.n_trees(booster)
    for first in range(0, n, _TREES):
        yield from boost.leaves(booster[first : min(first + _TREES, n)], rows).T


def _small(cell: Ints, person: Ints, labels: Bools) -> tuple[Ints, Ints, Ints]:
    """Who is in which cells with how few members, however these are labelled.

    Parameters
    ----------
    cell, person : (n,) from 0; a person's rows follow each other
    labels : (k, n_people) who is a member, first in truth and then by lot

    Returns
    -------
    who, times (m,) : people, each once in each cell, and how many rows they have there
    sizes (k, m) : members in the cell, with the person where that is no member
    """
    # Few numbers are sorted by their digits, in the time of one look at each.
    keys = cell.astype(np.uint16) if cell.max(initial=0) < 1 << 16 else cell
    order = np.argsort(keys, kind="stable")
    cell, person = cell[order], person[order]
    new = np.ones(len(cell), dtype=bool)
    new[1:] = (cell[1:] != cell[:-1]) | (person[1:] != person[:-1])
    starts = np.flatnonzero(new)
    times = np.diff(starts, append=len(cell))
    cell, person = cell[starts], person[starts]
    # Where so many people are that no lot leaves fewer than ten members, none is drawn.
    crowded = np.bincount(cell) * labels[0].mean() >= _CROWDED
    crowded &= np.bincount(cell, labels[0][person]) >= MIN_PEOPLE
    kept = ~crowded[cell]
    cell, person, times = cell[kept], person[kept], times[kept]
    sizes = np.empty((len(labels), len(cell)), dtype=np.int64)
    for size, label in zip(sizes, labels, strict=True):
        mine = label[person]
        size[:] = np.bincount(cell, mine)[cell] + ~mine
    return person, times, sizes


def _counts_members(booster: xgboost.Booster, leaf: Ints) -> bool:
    """Whether the file's own counts are those of the members.

    In the first tree all records weigh p (1 − p), so that a leaf's sum of Hessians counts those it
    was grown on, to the last one: whose else would fall into all leaves in these numbers?
    """
    tree = _trees(booster[:1])[0]
    ends = np.flatnonzero(np.asarray(tree["left_children"]) == -1)
    weight = np.asarray(tree["sum_hessian"], dtype=np.float64)
    if len(ends) < 2 or not len(leaf) or weight[0] <= 0:
        return False
    seen = np.bincount(leaf, minlength=len(weight))[ends] / len(leaf)
    return bool(np.allclose(weight[ends] / weight[0], seen, rtol=1e-5, atol=0))


# --- thresholds ---------------------------------------------------------------------------


def _thresholds(target: Target, rng: np.random.Generator) -> dict[str, Evidence]:
    """Who stands beyond some threshold with at most three other members, on one column and with no
    other condition; a person who is no member is counted as one more. `splits` has a row for each
    threshold: how many members are on its rarer side.
    """
    crowd = _Crowd.of(target)
    labels = crowd.labels(rng)
    isolated = np.zeros(labels.shape, dtype=bool)
    among = np.zeros(len(crowd.member), dtype=bool)
    rarer = [np.zeros(0, dtype=np.int64)]
    for tell, booster in target.trees.items():
        asked = crowd.asked(target, tell)
        person = crowd.person[asked]
        starts = np.flatnonzero(np.diff(person, prepend=-1))
        who = person[starts]
        among[who] = True
        table = _inputs(target, booster, crowd.rows[asked])
        for place, cuts in _cuts(booster).items():
            low, high = (side.reduceat(table[:, place], starts) for side in (np.fmin, np.fmax))
            low, high = np.nan_to_num(low, nan=np.inf), np.nan_to_num(high, nan=-np.inf)
            for turn, label in enumerate(labels):
                mine = label[who]
                # A threshold sends what is less to the left.
                left = np.searchsorted(np.sort(low[mine]), cuts)
                right = mine.sum() - np.searchsorted(np.sort(high[mine]), cuts)
                if turn == 0:
                    rarer.append(np.minimum(left, right))
                # Of the thresholds that a person is beyond, the outermost has fewest beyond it.
                above = np.append(len(who), right)[np.searchsorted(cuts, high, side="right")]
                below = np.append(left, len(who))[np.searchsorted(cuts, low, side="right")]
                isolated[turn, who[np.minimum(above, below) + ~mine <= ISOLATED]] = True
    found: dict[str, Evidence] = {"splits": Counts(("rarer",), np.concatenate(rarer)[:, None])}
    for turn, label in enumerate(labels):
        found |= _counted(turn, ("isolated",), isolated[turn, None], label, among)
    return found


def _cuts(booster: xgboost.Booster) -> dict[int, Rows]:
    """By input: every threshold on it, ascending."""
    place, value = [], []
    for tree in _trees(booster):
        inner = np.asarray(tree["left_children"]) != -1
        place.append(np.asarray(tree["split_indices"], dtype=np.int64)[inner])
        value.append(np.asarray(tree["split_conditions"], dtype=np.float32)[inner])
    at, cut = np.concatenate(place), np.concatenate(value)
    return {int(one): np.unique(cut[at == one]) for one in np.unique(at)}


# --- values -------------------------------------------------------------------------------


def _values(target: Target, rng: np.random.Generator) -> dict[str, Evidence]:
    """Whose measurements are thresholds, to within the rounding of their column.

    A histogram's cut is the value of some record, and an exact split the middle between two, which
    on a rounded column is within half a step of both. Where values are rounded to few, everybody's
    are met, and nothing is told.
    """
    del rng
    crowd = _Crowd.of(target)
    cuts: dict[str, Rows] = {}
    for booster in target.trees.values():
        names = booster.feature_names or target.columns
        for place, some in _cuts(booster).items():
            cuts[names[place]] = np.union1d(cuts.get(names[place], some), some)
    if not cuts:
        return {}
    flags = []
    for column, some in cuts.items():
        value = target.inputs[crowd.rows, target.columns.index(column)]
        known = np.isfinite(value)
        value = value[known]
        at = np.searchsorted(some, value)
        ends = np.concatenate([[-np.inf], some, [np.inf]])
        near = np.minimum(ends[at + 1] - value, value - ends[at])
        hit = near <= np.maximum(_step(value) * 0.5001, 2 * np.spacing(np.abs(value)))
        flags.append(np.bincount(crowd.person[known], hit, len(crowd.member)) > 0)
    everybody = np.ones(len(crowd.member), dtype=bool)
    names = tuple(f"rebuilt/{column}" for column in cuts)
    return {**_counted(0, names, np.stack(flags), crowd.member, everybody)}


def _step(value: Rows) -> float:
    """What a column is rounded to: a power of ten, or 0 for none."""
    some = value[:_LOOKED_AT].astype(np.float64)
    for decimals in range(_DECIMALS + 1):
        scaled = some * 10.0**decimals
        doubt = _SINGLE * np.abs(scaled).max(initial=0)
        if doubt > 0.05:
            break
        if (np.abs(scaled - np.rint(scaled)) <= doubt).all():
            return float(10.0**-decimals)
    return 0.0


# --- differences --------------------------------------------------------------------------


def nested(target: Target) -> list[tuple[str, str]]:
    """Findings and what is a part of them, K70 and K703: each with the longest that its own name
    begins with, where nobody has the part without the whole.
    """
    told = [one for one in target.trees if np.isfinite(_truth(target, one)).any()]
    pairs = []
    for child in told:
        wholes = [one for one in told if one != child and child.startswith(one)]
        if not wholes:
            continue
        parent = max(wholes, key=len)
        if not ((_truth(target, child) == 1) & (_truth(target, parent) == 0)).any():
            pairs.append((parent, child))
    return pairs


def _differences(target: Target, rng: np.random.Generator) -> dict[str, Evidence]:
    """Who has a finding and not its part, as two models tell it.

    Two ways. By number: each file tells how many records with its finding it was grown on (the
    first root's weight over 1 − p, where p is what the file starts from), so that a difference of
    fewer than ten people is a table's cell of fewer than ten; `certain` counts the members in such
    cells, where the two files' numbers are those of the members. By person: trials, named after the
    pair, whose score is the whole's log-odds less the part's, high for those who have the whole and
    not the part; of members, and of people whom the trees never saw.
    """
    del rng
    crowd = _Crowd.of(target)
    n = len(crowd.member)
    few = np.zeros(n, dtype=np.int64)
    told = False
    tried: list[tuple[int, tuple[str, str], Bools, Bools]] = []
    pairs = nested(target)
    counted = {one: _counts_events(target, one) for one in {one for pair in pairs for one in pair}}
    for parent, child in pairs:
        rows = crowd.asked(target, parent) & crowd.asked(target, child)
        whole, part = (
            np.bincount(crowd.person[rows], _truth(target, one)[crowd.rows[rows]] == 1, n) > 0
            for one in (parent, child)
        )
        apart = whole & ~part
        if counted[parent] and counted[child]:
            told = True
            if (apart & crowd.member).sum() < MIN_PEOPLE:
                few += apart & crowd.member
        known = np.bincount(crowd.person[rows], minlength=n) > 0
        kinds = [known & apart, known & ~apart]
        fewest = min(
            (kind & side).sum() for kind in kinds for side in (crowd.member, ~crowd.member)
        )
        if fewest >= MIN_PEOPLE and target.columns:
            tried.append((-int(apart.sum()), (parent, child), rows, apart))
    found: dict[str, Evidence] = {}
    if told:
        found["certain"] = Counts(("few_apart",), few[crowd.member, None])
    for _, pair, rows, apart in sorted(tried, key=lambda one: one[:2])[:_PAIRS]:
        where, person = crowd.rows[rows], crowd.person[rows]
        margins = [
            boost.margins(target.trees[one], _inputs(target, target.trees[one], where))
            for one in pair
        ]
        for name, mine in (("members", crowd.member[person]), ("others", ~crowd.member[person])):
            found[f"{'>'.join(pair)}/{name}"] = Trials(
                (margins[0] - margins[1])[mine],
                apart[person[mine]],
                crowd.name[person[mine]],
                np.zeros(mine.sum(), dtype=np.int64),
            )
    return found


def _counts_events(target: Target, tell: str) -> bool:
    """Whether a file was grown on as many records with and without its finding as members have."""
    mine = _truth(target, tell)[target.part == MEMBER]
    first = boost.grown(target.trees[tell][:1])
    # Of n records that start from p, the root weighs n p (1 − p), and n p of them are events.
    told = [first.weight / (1 - first.base), first.weight / first.base]
    return bool(np.allclose(told, [(mine == 1).sum(), (mine == 0).sum()], rtol=1e-5, atol=0.1))


# --- existence ----------------------------------------------------------------------------


def _existence(target: Target, rng: np.random.Generator) -> dict[str, Evidence]:
    """For each member, how many of the models that they are a member of are of one sex."""
    del rng
    crowd = _Crowd.of(target)
    told = np.zeros(len(crowd.member), dtype=np.int64)
    male, mine = target.male[crowd.rows], crowd.member[crowd.person]
    for tell in target.trees:
        rows = mine & crowd.asked(target, tell)
        who = np.unique(crowd.person[rows])
        sexes = np.unique(male[rows & np.isfinite(male)])
        if len(sexes) == 1 and len(who) >= MIN_PEOPLE:
            told[who] += 1
    return {"certain": Counts(("one_sex",), told[crowd.member, None])}


#: What is asked about members alone.
_CERTAIN = {"differences", "existence"}
_Question = Callable[[Target, np.random.Generator], Mapping[str, Evidence]]
_QUESTIONS: Mapping[str, tuple[str, _Question]] = {
    "leaves": (
        "Who has the trees looks for leaves that so few people were grown into that a leaf's value "
        "and its limits describe one of them.",
        _leaves,
    ),
    "thresholds": (
        "Who has the trees looks for thresholds beyond which there is hardly anybody, and, "
        "knowing a person with such a value, learns that they are there.",
        _thresholds,
    ),
    "values": (
        "Who has the trees reads their thresholds as a list of the values that people have, and "
        "looks for those of a person.",
        _values,
    ),
    "differences": (
        "Who has the models of a finding and of a part of it takes one from the other, and so "
        "finds the people who have the whole and not the part.",
        _differences,
    ),
    "existence": (
        "Who knows that somebody's records went into a model for one sex knows that person's sex.",
        _existence,
    ),
}

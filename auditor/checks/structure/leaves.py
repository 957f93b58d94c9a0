"""With how few people somebody shares a leaf, and a path through all trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xgboost

from auditor.checks.base import Draw, Measured
from auditor.checks.structure.people import (
    Bools,
    Ints,
    People,
    Rows,
    Sides,
    Structure,
    excess_of,
    inputs_of,
    level_together,
    trees_of,
)
from auditor.core.evidence import MIN_PEOPLE, Counts, Trials
from auditor.core.finding import Estimate
from auditor.core.target import Target, kind_of
from auditor.learning import boost
from auditor.stats.estimators import measure, pooled_auc
from auditor.stats.small_cells import beside_others, certain, stretched
from auditor.targets.context import Context

#: Trees whose leaves are held at once.
_TREES = 16
#: Members that must be expected in a cell for it never to be small, however members are drawn.
_CROWDED = 6 * MIN_PEOPLE
#: A path is known by a number that the leaves along it give; an odd one near 2⁶⁴ / φ mixes well.
_MIX, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)

LEAVES = ("leaf_alone", "leaf_below_10", "path_alone", "path_below_10")


@dataclass(frozen=True, eq=False)
class Leaves:
    """With how few people share leaves, and the path through all trees.

    Attributes
    ----------
    sides : by `LEAVES`; of those called members first in truth, then as many people by lot
    cells : trials in the same order, large where trees were grown around a person
    alone : members in a leaf of their own; None where the file's counts are not the members'
    """

    sides: tuple[Sides, ...]
    cells: tuple[Trials, ...]
    alone: Counts | None


@dataclass(frozen=True, eq=False)
class SmallLeaves(Structure):
    """Who shares leaves, and the path through all trees, with how few."""

    output: str = "leaves"

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Trees that are no boosters' keep no counts of those who are in their leaves."""
        if self.target is None or self.target.trees:
            return {}
        return {"leaf_of_one": "its file does not count who is in a leaf"}

    def attack(self, context: Context, rng: np.random.Generator) -> Leaves:
        """Of members and of others, each of whom is counted as one more.

        The score of cells is the mean over a person's leaves of log₂ 10/k, for the k people of a
        leaf, 0 from 10 on.
        """
        del context
        people = People.of(self.target)
        labels = people.labels(rng)
        n = len(people.member)
        short = np.log2(MIN_PEOPLE / np.arange(1, MIN_PEOPLE + 1))
        bits, seen = np.zeros(labels.shape), np.zeros(n)
        flags = np.zeros((len(LEAVES), *labels.shape), dtype=bool)
        certain = np.zeros(n, dtype=bool)
        path = np.zeros(len(people.rows), dtype=np.uint64)
        told = False
        for tell, leaves in _leaves_of(self.target, people).items():
            asked = people.asked(self.target, tell)
            person = people.person[asked]
            booster = self.target.trees.get(tell)
            counted = False
            for place, every in enumerate(leaves):
                path = (path ^ every.astype(np.uint64)) * _MIX
                path ^= path >> _HALF
                leaf = every[asked]
                seen += np.bincount(person, minlength=n)
                if place == 0 and booster is not None:
                    counted = _counts_members(booster, leaf[people.member[person]])
                    told |= counted
                who, times, sizes = _small(leaf, person, labels)
                for turn, size in enumerate(sizes):
                    bits[turn] += np.bincount(
                        who, times * short[np.minimum(size, MIN_PEOPLE) - 1], n
                    )
                    flags[0, turn, who[size == 1]] = True
                    flags[1, turn, who[size < MIN_PEOPLE]] = True
                if counted:
                    certain[who[people.member[who] & (sizes[0] == 1)]] = True
        _, code = np.unique(path, return_inverse=True)
        who, _, sizes = _small(code, people.person, labels)
        for turn, size in enumerate(sizes):
            flags[2, turn, who[size == 1]] = True
            flags[3, turn, who[size < MIN_PEOPLE]] = True
        among = seen > 0
        nothing = np.zeros(among.sum(), dtype=np.int64)
        mine = among & people.member
        return Leaves(
            tuple(Sides.of(LEAVES, flags[:, turn], one, among) for turn, one in enumerate(labels)),
            tuple(
                Trials(bit[among] / seen[among], label[among], people.name[among], nothing)
                for label, bit in zip(labels, bits, strict=True)
            ),
            Counts(("leaf_of_one",), certain[mine, None].astype(np.int64)) if told else None,
        )

    def estimate(self, evidence: Leaves, level: float, draw: Draw) -> Measured:
        """The shares of members, with those of others as their chance, and how well members are
        told from others by the size of their cells. One to nine members are told in words.
        """
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        if evidence.alone is not None:
            certain(evidence.alone, found, params, level)
        together = level_together(level, len(LEAVES) + 1)
        for place, name in enumerate(LEAVES):
            more = excess_of(evidence.sides, place, together)
            beside_others(name, *evidence.sides[0].flags(place), more, found, params, level)
        cells, *by_lot = evidence.cells
        told, curves = measure("cells", cells, level=together, rng=draw())
        found["cells_auc"] = _stretched(told["cells_auc"], cells, by_lot)
        if found["cells_auc"].low > 0.5:
            params["alarms"].append("cells_auc")
        return Measured(found, curves, params)


def _stretched(auc: Estimate, trials: Trials, lots: Sequence[Trials]) -> Estimate:
    """The same with an interval for people who do not stand on their own."""
    n, m = int(trials.positive.sum()), int((~trials.positive).sum())
    alone = float(np.sqrt((n + m + 1) / (12 * n * m)))
    wide = stretched(auc, alone, [pooled_auc(one, auc.level).value - 0.5 for one in lots])
    return replace(wide, low=max(wide.low, 0.0), high=min(wide.high, 1.0))


def _leaves_of(target: Target, people: People) -> dict[str, Iterator[Ints]]:
    """By what trees tell, the leaf of each record, tree after tree: as the boosters say, or as the
    model gives them out. Those of which none is told are in one.
    """
    if target.trees:
        return {
            tell: _leaf_of(booster, inputs_of(target, booster, people.rows))
            for tell, booster in target.trees.items()
        }
    given = [one for one in target.outputs if kind_of(one) == "leaves"]
    every = np.hstack([target.view(one).values[people.rows] for one in given])
    return {"": iter(np.nan_to_num(every.T, nan=-1).astype(np.int64) + 1)}


def _leaf_of(booster: xgboost.Booster, rows: Rows) -> Iterator[Ints]:
    """(n,) the leaf of each row, tree after tree."""
    n = boost.n_rounds(booster)
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
    tree = trees_of(booster[:1])[0]
    ends = np.flatnonzero(np.asarray(tree["left_children"]) == -1)
    weight = np.asarray(tree["sum_hessian"], dtype=np.float64)
    if len(ends) < 2 or not len(leaf) or weight[0] <= 0:
        return False
    seen = np.bincount(leaf, minlength=len(weight))[ends] / len(leaf)
    return bool(np.allclose(weight[ends] / weight[0], seen, rtol=1e-5, atol=0))

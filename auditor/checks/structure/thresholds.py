"""Whom a published threshold parts from nearly everybody, and whose values thresholds are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from auditor.checks.base import Draw, Measured
from auditor.checks.structure.people import (
    NOTHING,
    Cuts,
    Ints,
    People,
    Rows,
    Sides,
    Structure,
    cuts_of,
    excess_of,
    level_together,
)
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.target import Floats, Target
from auditor.stats.estimators import rounded
from auditor.stats.small_cells import beside_others
from auditor.targets.context import Context

#: People that a threshold isolates, at most.
ISOLATED = 4
#: Decimals that a column may be rounded to, rows that are looked at to see it, and how well a
#: number of single precision is known.
_DECIMALS, _LOOKED_AT, _SINGLE = 6, 20_000, 1e-7


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Who stands beyond some threshold with hardly anybody.

    Attributes
    ----------
    sides : `isolated`; of those called members first in truth, then as many people by lot
    rarer : (n_thresholds,) how many members are on each threshold's rarer side
    """

    sides: tuple[Sides, ...]
    rarer: Ints


@dataclass(frozen=True, eq=False)
class IsolatingThresholds(Structure):
    """Who stands beyond some threshold with at most three other members, on one column and with no
    other condition.
    """

    output: str = "thresholds"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return super().unmet(context) or on_no_input(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> Thresholds:
        """Of members and of others, each of whom is counted as one more."""
        del context
        people = People.of(self.target)
        labels = people.labels(rng)
        isolated = np.zeros(labels.shape, dtype=bool)
        among = np.zeros(len(people.member), dtype=bool)
        rarer = [np.zeros(0, dtype=np.int64)]
        for tell, cuts_on in cuts_of(self.target).items():
            asked = people.asked(self.target, tell)
            person = people.person[asked]
            starts = np.flatnonzero(np.diff(person, prepend=-1))
            who = person[starts]
            among[who] = True
            table = self.target.inputs[people.rows[asked]]
            for place, cuts in cuts_on.items():
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
        sides = tuple(
            Sides.of(("isolated",), isolated[turn, None], label, among)
            for turn, label in enumerate(labels)
        )
        return Thresholds(sides, np.concatenate(rarer))

    def estimate(self, evidence: Thresholds, level: float, draw: Draw) -> Measured:
        """The share of members, with that of others as its chance; one to nine are told in words.
        Of thresholds that part anybody, how many isolate is a parameter.
        """
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        more = excess_of(evidence.sides, 0, level_together(level, 1))
        beside_others("isolated", *evidence.sides[0].flags(0), more, found, params, level)
        if len(evidence.rarer):
            few = (evidence.rarer > 0) & (evidence.rarer <= ISOLATED)
            params["isolating_thresholds"] = round(float(few.mean()), 2)
        return Measured(found, params=params)


@dataclass(frozen=True, eq=False)
class RebuiltValues(Structure):
    """Whose measurements are thresholds, to within the rounding of their column.

    A histogram's cut is the value of some record, and an exact split the middle between two, which
    on a rounded column is within half a step of both. Where values are rounded to few, everybody's
    are met, and nothing is told.
    """

    output: str = "values"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return super().unmet(context) or on_no_input(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> Sides:
        """Of members and of others, column by column.

        Raises
        ------
        EvidenceError
            No tree has a threshold.
        """
        del context, rng
        people = People.of(self.target)
        cuts: dict[str, Cuts] = {}
        for cuts_on in cuts_of(self.target).values():
            for place, some in cuts_on.items():
                name = self.target.columns[place]
                cuts[name] = np.union1d(cuts.get(name, some), some)
        if not cuts:
            raise EvidenceError(NOTHING)
        flags = []
        for column, some in cuts.items():
            value = self.target.inputs[people.rows, self.target.columns.index(column)]
            known = np.isfinite(value)
            value = value[known]
            at = np.searchsorted(some, value)
            ends = np.concatenate([[-np.inf], some, [np.inf]])
            near = np.minimum(ends[at + 1] - value, value - ends[at])
            hit = near <= np.maximum(_step(value) * 0.5001, 2 * np.spacing(np.abs(value)))
            flags.append(np.bincount(people.person[known], hit, len(people.member)) > 0)
        everybody = np.ones(len(people.member), dtype=bool)
        return Sides.of(tuple(cuts), np.stack(flags), people.member, everybody)

    def estimate(self, evidence: Sides, level: float, draw: Draw) -> Measured:
        """The share of members of the column that is surest to tell more of them than of others,
        and all columns in a table; one to nine members are told in words.
        """
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        names = evidence.members.names
        together = level_together(level, len(names))
        more = [excess_of([evidence], place, together) for place in range(len(names))]
        surest = max(range(len(names)), key=lambda place: more[place].low)
        params["column"] = names[surest]
        beside_others("rebuilt", *evidence.flags(surest), more[surest], found, params, level)
        sides = [evidence.flags(place) for place in range(len(names))]
        curve: dict[str, list[Any]] = {
            "column": list(names),
            "members": [_share(mine) for mine, _ in sides],
            "others": [_share(theirs) for _, theirs in sides],
        }
        return Measured(found, {"rebuilt": curve}, params)


def on_no_input(target: Target) -> str | None:
    """Why no threshold is on an input of a model; None where some is, or a booster knows."""
    if target.trees or target.thresholds:
        return None
    return (
        "its trees read what is made of the inputs, or have no threshold; export them without what "
        "comes before, and give the inputs as they read them"
    )


def _share(flags: Floats) -> float | None:
    """A share of people, of none or of enough."""
    return None if 0 < flags.sum() < MIN_PEOPLE else rounded([flags.mean()])[0]


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

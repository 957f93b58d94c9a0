"""Who is asked about a file of trees: its members, beside people whom the trees never saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.checks.base import OnModel
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.core.finding import Estimate
from auditor.core.target import MEMBER, NONMEMBER, Floats, Target
from auditor.learning import boost
from auditor.stats.small_cells import excess
from auditor.targets.context import Context

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Rows = NDArray[np.float32]
#: Thresholds, as precise as the file that has them.
Cuts = NDArray[np.floating[Any]]

#: How often as many people are called members by lot.
LOTS = 20
#: Questions that are answered by comparison: each has its share of the false alarms.
_COMPARED = 5
#: Why nothing is told where nothing can be compared or counted.
NOTHING = (
    "too few people, or files that do not count those called members; name in its table of members "
    "all records that the trees were grown on, and others"
)


@dataclass(frozen=True, eq=False)
class Structure(OnModel):
    """What can be read in a file of trees about the people they were grown on.

    An alarm, named in the parameter `alarms`, is one of two things. *By comparison*: the share of
    members whom something befalls exceeds that of other people, about whom nothing can have been
    learnt, by more than chance: the interval of an estimate `…_excess` lies above 0, or that of
    `cells_auc` or `late_auc` above one half. Small leaves alone are no alarm. The intervals that
    alarms go by hold together for all that is compared about one model: they are wider than was
    asked, and say so. *By definition*: there is somebody whom a count names that needs no
    comparison, however few they are.
    """

    id: ClassVar[str] = "structure"
    #: Whether people whom the trees never saw are needed.
    by_comparison: ClassVar[bool] = True

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if self.target.membership_unknown:
            return self.target.membership_unknown
        member = People.of(self.target).member
        if member.sum() < MIN_PEOPLE:
            return (
                f"needs at least {MIN_PEOPLE} people whom the trees were grown on; found fewer; "
                "name them in its table of members"
            )
        if self.by_comparison and (~member).sum() < MIN_PEOPLE:
            return (
                f"needs at least {MIN_PEOPLE} people whom the trees never saw; found fewer; name "
                "some in its table of members"
            )
        return None


def level_together(level: float, n_compared: int) -> float:
    """The level of each interval so that all hold together for all that is compared of a model."""
    return 1 - (1 - level) / (_COMPARED * max(n_compared, 1))


@dataclass(frozen=True, eq=False)
class People:
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
    def of(cls, target: Target) -> People:
        """Those of a target who are clearly the one or the other."""
        _, code = np.unique(target.subject, return_inverse=True)
        has = np.bincount(code, weights=target.split == MEMBER) > 0
        kept = (target.split == MEMBER) | ((target.split == NONMEMBER) & ~has[code])
        rows = np.flatnonzero(kept)[np.argsort(code[kept], kind="stable")]
        name, person = np.unique(target.subject[rows], return_inverse=True)
        member = np.zeros(len(name), dtype=bool)
        member[person] = target.split[rows] == MEMBER
        return cls(rows, person, name, member)

    def asked(self, target: Target, tell: str) -> Bools:
        """(n,) the records that one model is about: those whose truth is known, if any is."""
        known = np.isfinite(truth_of(target, tell))
        return known[self.rows] | ~known.any()

    def labels(self, rng: np.random.Generator) -> Bools:
        """(1 + `LOTS`, n_people) who is a member: in truth, and as many people by lot.

        What befalls people in one cell befalls them together, so that shares of people vary more
        than those of people on their own. The lots show by how much.
        """
        return np.stack([self.member, *(rng.permutation(self.member) for _ in range(LOTS))])


@dataclass(frozen=True, eq=False)
class Sides:
    """The same counted of people who are called members, and of others, a row for each person."""

    members: Counts
    others: Counts

    def flags(self, place: int) -> tuple[Floats, Floats]:
        """0 or 1 of each member and of each other, by the place of a name."""
        mine, theirs = (
            (one.values[:, place] > 0).astype(float) for one in (self.members, self.others)
        )
        return mine, theirs

    @classmethod
    def of(cls, names: tuple[str, ...], flags: Bools, label: Bools, among: Bools) -> Sides:
        """From yes or no of each person.

        Parameters
        ----------
        flags : (m, n_people), for each name
        label, among : (n_people,) who is called a member, and of whom it is known
        """
        values = flags.T.astype(np.int64)
        return cls(*(Counts(names, values[among & side]) for side in (label, ~label)))


def excess_of(sides: Sequence[Sides], place: int, level: float) -> Estimate:
    """How much larger a share is among members than among others.

    Parameters
    ----------
    sides : of those called members first in truth, then as many people by lot
    """
    lots = (one.flags(place) for one in sides[1:])
    drawn = [mine.mean() - theirs.mean() for mine, theirs in lots]
    return excess(*sides[0].flags(place), level, drawn)


def truth_of(target: Target, tell: str) -> Floats:
    """(n,) what is true of each record; NaN where not known, or nowhere told."""
    if tell in target.labels and target.y_true.shape[1]:
        return target.y_true[:, target.labels.index(tell)]
    return np.full(len(target.record), np.nan)


def inputs_of(target: Target, booster: xgboost.Booster, rows: Ints) -> Rows:
    """What a booster is asked with, columns in its own order."""
    names = booster.feature_names or target.columns
    place = [target.columns.index(name) for name in names]
    return np.ascontiguousarray(target.inputs[rows][:, place])


def cuts_of(target: Target) -> Mapping[str, Mapping[int, Cuts]]:
    """By what trees tell and the place of an input, every threshold on it, ascending: what is less
    is not beyond it.
    """
    found: dict[str, Mapping[int, Cuts]] = {}
    for tell, booster in target.trees.items():
        names = booster.feature_names or target.columns
        cuts = boost.thresholds(booster).items()
        found[tell] = {target.columns.index(names[place]): some for place, some in cuts}
    return found or {"": target.thresholds or {}}


def trees_of(booster: xgboost.Booster) -> list[dict[str, Any]]:
    """The trees of a booster, as its file writes them."""
    document = json.loads(booster.save_raw("json"))
    found: list[dict[str, Any]] = document["learner"]["gradient_booster"]["model"]["trees"]
    return found

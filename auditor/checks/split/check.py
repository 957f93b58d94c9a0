"""Is anybody on both sides of a split: by name, or by a record that stands there under another one?

A model is judged by people whom it never saw. Who is among them and among those it was trained on
makes it look better than it is, and makes attacks on its members look worse than they are. One
record under two names among the members links the two, and counts one person as two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.core.finding import Estimate
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.stats.small_cells import beside_others, certain, excess
from auditor.targets.context import Context

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: How often any record at all should be found by chance.
_ALPHA = 0.01
#: Neighbours that are looked at, directions of a space that are, records that show how it is where
#: nobody is on both sides, and columns that are needed.
_NEAR, _WIDE, _SHOWN, _COLUMNS = 32, 16, 20_000, 3
#: A ratio that is no chance in three dimensions or more, of however many records.
_NOTHING = 0.01
#: Of the tail that chance is read from, the share that may be what is looked for.
_HIDDEN = 0.25
#: Of a record's columns, how many must be known.
_KNOWN = 0.5

NAMES = ("near_duplicate", "copied")
TWO_NAMES = ("two_names", "two_names_copied")


def plan(target: Target) -> list[OnModel]:
    """The questions that a split can be asked."""
    found: list[OnModel] = [SubjectOverlap(target)]
    if len(target.columns) >= _COLUMNS:
        found += [NearDuplicates(target, "inputs"), TwoNames(target)]
    elif "embedding" in target.outputs:
        found.append(NearDuplicates(target, "embedding"))
    return found


@dataclass(frozen=True, eq=False)
class SubjectOverlap(OnModel):
    """Who has records among those that a model was trained on and among those it is judged by.

    An alarm, named in the parameter `alarms`, as soon as one person has: that is one by definition.
    """

    output: str = "people"
    id: ClassVar[str] = "split"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return _unmet(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each person whom the model is judged by, how many of their records it learnt from."""
        del context, rng
        people, code = np.unique(self.target.subject, return_inverse=True)
        judged = np.bincount(code, self.target.split == NONMEMBER) > 0
        trained = np.bincount(code, self.target.split == MEMBER, len(people)).astype(np.int64)
        return Counts(("both_sides",), trained[judged, None])

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The share of them who are on both sides; one to nine people are told in words."""
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        certain(evidence, found, params, level)
        return Measured(found, params=params)


@dataclass(frozen=True, eq=False)
class Twice:
    """Records that stand near another person's, by person.

    Attributes
    ----------
    across : of people whom the model is judged by, near a member's record
    within : of members of one half, near a record of the other half: what chance brings
    """

    across: Counts
    within: Counts


@dataclass(frozen=True, eq=False)
class NearDuplicates(OnModel):
    """Whose record among those that a model is judged by is another person's among those it was
    trained on.

    A record is found that is so much nearer to one of another name than to everybody else that it
    should be met by chance once in a hundred splits; where much is unknown, or tails are heavy, it
    is up to five times, as the law holds only nearly there. In a space of m dimensions the ratio of
    the distances to the nearest person and to the next, to the power of m, is even between 0 and 1
    however dense the space is there (Facco et al. 2017, Sci Rep 7:12140); how it falls is read from
    members of one half who are looked up among those of the other. Values that are rounded are as
    far apart as rounding may have moved them together.

    One record under two names is an alarm where none was found among members of two halves; where
    some were, people on both sides must be more frequent than those by more than chance.

    Attributes
    ----------
    output : `inputs`, or what the model gives out of each record
    """

    id: ClassVar[str] = "split"

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """All that it tells, where nothing is measured of its records."""
        told = (*NAMES, *(f"{name}_excess" for name in NAMES))
        return _nothing_measured(told, self.target.inputs) if self.output == "inputs" else {}

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return _unmet(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> Twice:
        """For each person whom the model is judged by and was not trained on, how many of their
        records stand near one of a member, and in every column like one; and the same of members
        of one half, near those of the other.
        """
        del context
        target = self.target
        every = target.inputs if self.output == "inputs" else target.view(self.output).values
        every = np.where(np.isfinite(every), every, np.nan)
        _, person = np.unique(target.subject, return_inverse=True)
        is_member = np.bincount(person, target.split == MEMBER) > 0
        known = np.isfinite(every).mean(axis=1) >= _KNOWN
        members = np.flatnonzero(known & (target.split == MEMBER))
        judged = np.flatnonzero(known & (target.split == NONMEMBER) & ~is_member[person])
        if min(len(np.unique(person[rows])) for rows in (members, judged)) < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people measured on either side; found fewer")
        space = _Space.of(every[members])
        x = np.full((len(every), space.width), np.nan)
        both = np.concatenate([members, judged])
        x[both] = space.placed(every[both])
        half = (rng.permutation(len(is_member)) % 2 == 0)[person[members]]
        sides = [(_some(members[half == one], rng), members[half != one]) for one in (True, False)]
        near = _Near(x, person, space.rounding)
        looked_up = {"judged": near.of([(judged, members)]), "halves": near.of(sides)}
        least = _least(looked_up["halves"][1], _ALPHA / len(judged))
        across, within = (
            Counts(NAMES, _counted(every, person, found, least)) for found in looked_up.values()
        )
        return Twice(across, within)

    def estimate(self, evidence: Twice, level: float, draw: Draw) -> Measured:
        """The shares of people who are on both sides, beside what chance brings among members; one
        to nine people are told in words.
        """
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        columns = ((one.values > 0).T for one in (evidence.across, evidence.within))
        for name, one, other in zip(NAMES, *columns, strict=True):
            mine, theirs = one.astype(float), other.astype(float)
            more = excess(mine, theirs, level)
            beside_others(name, mine, theirs, more, found, params, level)
            if more.low <= 0 and one.any() and not other.any():
                params["alarms"].append(name)
        return Measured(found, params=params)


@dataclass(frozen=True, eq=False)
class TwoNames(OnModel):
    """Whose record among those that a model was trained on is another member's as well, in every
    column or nearly.

    A record is found as by `NearDuplicates`, beside everybody but its own person: three names that
    one record stands under are found, too. An alarm as soon as there is one: a person who stands
    there twice is counted as two.
    """

    output: str = "members"
    id: ClassVar[str] = "split"

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """All that it tells, where nothing is measured of its records."""
        return _nothing_measured(TWO_NAMES, self.target.inputs)

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return _unmet(self.target, ((MEMBER, "was trained on"),))

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each member, how many of their records are another member's, nearly and wholly."""
        del context, rng
        target = self.target
        every = np.where(np.isfinite(target.inputs), target.inputs, np.nan)
        _, person = np.unique(target.subject, return_inverse=True)
        known = np.isfinite(every).mean(axis=1) >= _KNOWN
        members = np.flatnonzero(known & (target.split == MEMBER))
        if len(np.unique(person[members])) < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people who are measured; found fewer")
        space = _Space.of(every[members])
        x = np.full((len(every), space.width), np.nan)
        x[members] = space.placed(every[members])
        looked_up = _Near(x, person, space.rounding).of([(members, members)])
        probes, ratio, nearest = looked_up
        # What chance brings is read from what may hold copies itself: those that are like another
        # in every column do not count, nor do the nearest few, whatever they are.
        unlike = ~_alike(every, probes, nearest)
        least = _least(ratio[unlike], _ALPHA / len(members), hidden=_HIDDEN)
        return Counts(TWO_NAMES, _counted(every, person, looked_up, least))

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The shares of members of whom that is so; one to nine people are told in words."""
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"alarms": []}
        certain(evidence, found, params, level)
        return Measured(found, params=params)


def _counted(
    every: NDArray[np.float32], person: Ints, looked_up: tuple[Ints, Floats, Ints], least: float
) -> Ints:
    """(n_people, 2) how many records of each person who was looked up are nearer to another's than
    chance allows, and how many of these are like it in every column.
    """
    probes, ratio, nearest = looked_up
    same = _alike(every, probes, nearest)
    who, code = np.unique(person[probes], return_inverse=True)
    flags = (ratio < least, (ratio < least) & same)
    return np.stack([np.bincount(code, flag, len(who)) for flag in flags], axis=1).astype(np.int64)


def _alike(every: NDArray[np.float32], rows: Ints, others: Ints) -> NDArray[np.bool_]:
    """(n,) which records are like others in every column; unknown values are like unknown ones."""
    one, other = every[rows], every[others]
    return np.asarray(((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1))


def _nothing_measured(names: Sequence[str], inputs: NDArray[np.float32]) -> dict[str, str]:
    """Why numbers about records that are alike cannot be had: many people share codes, yes and no.

    Anybody's records count, so that this says nothing of who is a member.
    """
    measured = sum(_gap(column) > 0 for column in inputs.T)
    why = f"fewer than {_COLUMNS} of its inputs take more than two values"
    return dict.fromkeys(names, why) if measured < _COLUMNS else {}


#: What a side of a split is → what its people are to the model.
_SIDES = ((MEMBER, "was trained on"), (NONMEMBER, "is judged by"))


def _unmet(target: Target, sides: Sequence[tuple[int, str]] = _SIDES) -> str | None:
    if target.membership_unknown:
        return target.membership_unknown
    for part, who in sides:
        if len(np.unique(target.subject[target.split == part])) < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people whom the model {who}; found fewer"
    return None


@dataclass(frozen=True, eq=False)
class _Space:
    """Records as points: columns in their own spreads, along the largest directions.

    Attributes
    ----------
    columns, middle, spread : (d,) the columns that differ, their medians and standard deviations
    directions : (d, width)
    rounding : how far two records may be apart that rounding has made one
    """

    columns: Ints
    middle: Floats
    spread: Floats
    directions: Floats
    rounding: float

    @property
    def width(self) -> int:
        return self.directions.shape[1]

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> _Space:
        """Of members' records (n, d).

        Raises
        ------
        EvidenceError
            Fewer than three columns take more than two values.
        """
        gaps = np.array([_gap(column) for column in values.T])
        columns = np.flatnonzero(~np.isnan(gaps))
        if np.count_nonzero(gaps[columns]) < _COLUMNS:
            raise EvidenceError(f"needs at least {_COLUMNS} measured columns; found fewer")
        some = values[:, columns].astype(np.float64)
        middle, spread = np.nanmedian(some, axis=0), np.nanstd(some, axis=0)
        scaled = np.nan_to_num((some - middle) / spread)
        directions = np.eye(len(columns))
        if len(columns) > _WIDE:
            _, along = np.linalg.eigh(np.cov(scaled, rowvar=False))
            directions = along[:, -_WIDE:]
        # Two numbers rounded to one differ by a sixth of the step's square, in the mean square.
        moved = np.square(gaps[columns] / spread) / 6
        rounding = float(np.sqrt(moved @ np.square(directions).sum(axis=1)))
        return cls(columns, middle, spread, directions, rounding)

    def placed(self, values: NDArray[np.float32]) -> Floats:
        """(n, width) where records are; what is unknown is in the middle."""
        scaled = (values[:, self.columns] - self.middle) / self.spread
        return np.asarray(np.nan_to_num(scaled) @ self.directions)


def _gap(column: NDArray[np.float32]) -> float:
    """The step that a column is rounded to; 0 of a yes or no, NaN of what is always the same."""
    values = np.unique(column[np.isfinite(column)]).astype(np.float64)
    if len(values) < 2:
        return float("nan")
    return float(np.quantile(np.diff(values), 0.01)) if len(values) > 2 else 0.0


@dataclass(frozen=True, eq=False)
class _Near:
    """Whose records are nearest.

    Attributes
    ----------
    x, person : (n, width) and (n,) where each record is, and whose
    rounding : how far two records may be apart that rounding has made one
    """

    x: Floats
    person: Ints
    rounding: float

    def of(self, sides: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Floats, Ints]:
        """Probes, looked up in their galleries: the records, their ratios of the distance to the
        nearest other person to that to the next, and the record that is nearest.

        Copies of the nearest record are no next one, whoever they are under.
        """
        found = []
        for probes, gallery in sides:
            tree = cKDTree(self.x[gallery])
            distance, at = tree.query(self.x[probes], k=min(_NEAR, len(gallery)))
            whose, row = self.person[gallery[at]], np.arange(len(probes))
            others = whose != self.person[probes][:, None]
            # Whose own records are all that is looked at is near nobody.
            near_at = others.argmax(axis=1)
            near = whose[row, near_at]
            copies = (self.x[gallery[at]] == self.x[gallery[at[row, near_at]]][:, None]).all(axis=2)
            # If all that are looked at are of one person, the next is further than all of these.
            other = others & (whose != near[:, None]) & ~copies
            next_at = np.where(other.any(axis=1), other.argmax(axis=1), -1)
            first = np.hypot(distance[row, near_at], self.rounding)
            second = np.hypot(distance[row, next_at], self.rounding)
            ratio = np.divide(first, second, out=np.ones(len(probes)), where=second > 0)
            ratio[~others.any(axis=1)] = 1.0
            found.append((probes, ratio, gallery[at[row, near_at]]))
        probes, ratio, nearest = (np.concatenate(one) for one in zip(*found, strict=True))
        return probes, ratio, nearest


def _some(rows: Ints, rng: np.random.Generator) -> Ints:
    """As many of the rows as are needed to see how it is by chance."""
    return rows if len(rows) <= _SHOWN else np.sort(rng.choice(rows, _SHOWN, replace=False))


def _least(ratio: Floats, share: float, hidden: float = 0.0) -> float:
    """The ratio below which no more than such a share lies by chance, told from many.

    By the tail: below their tenth, ratios fall as a power of the share (Hill 1975, Ann Stat
    3:1163). What is next to nothing is left out: it is not by chance, and would hide others of its
    kind.

    Parameters
    ----------
    hidden : of that tenth, the share of the lowest of which no more is believed than that they are
        lower than the next
    """
    ratio = np.sort(ratio[ratio > _NOTHING])
    n = max(len(ratio) // 10, 2)
    if len(ratio) < n:
        return 0.0
    low = int(hidden * n)
    # The power is told to within a share 1/√n of it; two such errors are allowed for.
    power = np.log(ratio[n - 1] / np.maximum(ratio[:n], ratio[low])).sum() / (n - low)
    power *= 1 + 2 / np.sqrt(n - low)
    return float(ratio[n - 1] * (share * len(ratio) / n) ** power)

"""Who is alone with what a model was asked, or with all that it was taught of them?

The table of a model is released with it, or shows in its explanations. Trees do not see a value but
between which of their thresholds it lies: two records that no threshold parts are one to them, and
what they give out of these is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.target import Target
from auditor.learning import boost
from auditor.stats.estimators import rate
from auditor.stats.small_cells import FEW, SMALL_CLASS
from auditor.targets.context import Context

Ints = NDArray[np.int64]
#: How often columns are drawn independently, to see who is alone by luck.
_DRAWN = 5
#: What stands for a value that is missing.
_NOT_KNOWN = -1


def plan(target: Target) -> list[OnModel]:
    """The questions that a model's table can be asked."""
    found: list[OnModel] = []
    if target.columns:
        found.append(SinglingOut(target, "inputs"))
    if target.labels:
        found.append(SinglingOut(target, "labels"))
    return found


@dataclass(frozen=True, eq=False)
class Classes:
    """With how few people somebody shares what a table says of them.

    Attributes
    ----------
    size : (n_people,) people with the same in all columns, themselves counted; of several records
        of a person, of the one that fewest have
    by_luck : (k, n_people) the same when each column is another record's, drawn by lot
    n_columns : columns that tell any two records apart
    """

    size: Ints
    by_luck: Ints
    n_columns: int


@dataclass(frozen=True, eq=False)
class SinglingOut(OnModel):
    """An intruder who knows what a person's record would be asked with, or all that is true of
    them, looks in the model's table for the only one whom that fits.

    Attributes
    ----------
    output : `inputs`, as far as the model's thresholds tell them apart, or `labels`, where not
        known counts as something that is said
    """

    id: ClassVar[str] = "singling-out"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if len(np.unique(self.target.subject)) < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people in the model's table; found fewer"
        if self.output == "labels" and not np.isfinite(self.target.y_true).any():
            return "what is true of its records is not known; name its labels in model.yaml"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Classes:
        """How many people share all that the table says of each, and would by luck."""
        del context
        target = self.target
        codes = seen_by_model(target) if self.output == "inputs" else _coded(target.y_true)
        codes = codes[:, (codes != codes[:1]).any(axis=0)]
        person = np.unique(target.subject, return_inverse=True)[1]
        luck = [people_alike(rng.permuted(codes, axis=0), person) for _ in range(_DRAWN)]
        return Classes(people_alike(codes, person), np.stack(luck), codes.shape[1])

    def estimate(self, evidence: Classes, level: float, draw: Draw) -> Measured:
        """The shares of people who are alone, and in a group of fewer than eleven, with what luck
        gives as their chance; one to nine people are told in words.
        """
        del draw
        found: dict[str, Estimate] = {}
        params: dict[str, Any] = {"columns": evidence.n_columns}
        limits = {"unique_people": 2, f"below_{SMALL_CLASS}": SMALL_CLASS}
        for name, limit in limits.items():
            few = evidence.size < limit
            if 0 < few.sum() < MIN_PEOPLE:
                params[name] = FEW
            else:
                luck = float((evidence.by_luck < limit).mean())
                found[name] = rate(few.astype(float), level, luck)
        return Measured(found, params=params)


def people_alike(codes: Ints, person: Ints) -> Ints:
    """(n_people,) how many people have a record that is the same in every column as each person's;
    of several records, as the one that fewest have.

    Parameters
    ----------
    codes : (n, m) what each record says
    person : (n,) whose it is, from 0
    """
    if not codes.shape[1]:
        n = len(np.unique(person))
        return np.full(n, n)
    row = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
    cells = np.unique(np.stack([row, person], axis=1), axis=0)
    size = np.bincount(cells[:, 0])[cells[:, 0]]
    found = np.full(person.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(found, cells[:, 1], size)
    return found


def seen_by_model(target: Target) -> Ints:
    """(n, d) what each record is asked with, as far as the model can tell: of trees, between which
    two of all their thresholds on it a value lies; of others, which value it is.
    """
    if not target.trees:
        return _coded(target.inputs)
    cuts: dict[str, list[NDArray[np.float32]]] = {}
    for booster in target.trees.values():
        names = booster.feature_names or target.columns
        for place, some in boost.thresholds(booster).items():
            cuts.setdefault(names[place], []).append(some)
    codes = np.zeros(target.inputs.shape, dtype=np.int64)
    for name, every in cuts.items():
        place = target.columns.index(name)
        value = target.inputs[:, place]
        # A threshold sends what is less to the left, and a missing value its own way.
        between = np.searchsorted(np.unique(np.concatenate(every)), value, side="right")
        codes[:, place] = np.where(np.isnan(value), _NOT_KNOWN, between)
    return codes


def _coded(values: NDArray[Any]) -> Ints:
    """(n, d) the same values as numbers from 0, and `_NOT_KNOWN`."""
    codes = np.zeros(values.shape, dtype=np.int64)
    for place, column in enumerate(values.T):
        code = np.unique(column, return_inverse=True)[1]
        codes[:, place] = np.where(np.isnan(column), _NOT_KNOWN, code)
    return codes

"""Does what a model gives out tell of a person's sex, age or a diagnosis that is withheld?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.demographics import target_records
from auditor.attackers.output_features import with_output
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.output_attribute.dealt import Asked, Dealt
from auditor.checks.output_attribute.gains import gains
from auditor.checks.output_attribute.guesses import (
    Attributes,
    Shown,
    guessed,
    laid_out,
    likely,
    shown,
)
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.target import Floats, Target, kind_of
from auditor.targets.context import Context

#: Outputs of a column for each thing that is told: one is withheld, and guessed from the others.
ONE_EACH = ("scores", "logits")
#: Outputs that were made to tell all of it at once, and are asked as they are.
TOGETHER = ("embedding", "tokens", "phenotypes")
#: Inputs that are what is asked, and are not shown then.
_ITSELF = {"sex": ("sex", "male", "female", "gender"), "age": ("age",)}
#: What a diagnosis may be to an output, and what is told of the one that gains most.
_KINDS = ("withheld", "diagnosis")
_TOLD_OF_KINDS = ("auc", "gain", "gain_over_inputs", "gain_over_untrained")
#: Diagnoses that are asked at most: those with most people of the rarer kind.
MOST = 20


def plan(target: Target) -> list[OnModel]:
    """What each thing that a model gives out tells of sex, age and diagnoses."""
    return [OutputAttributeInference(target, output) for output in target.outputs]


@dataclass(frozen=True, eq=False)
class _Truths:
    """What can be checked, of each record, a person's the same in all of them; of a diagnosis also
    which thing told it is.
    """

    sex: Floats | None
    age: Floats | None
    diagnoses: Mapping[str, tuple[Floats, int]]


@dataclass(frozen=True, eq=False)
class OutputAttributeInference(OnModel):
    """An intruder learns from other people what a model's outputs say of sex, age and diagnoses,
    and reads them from outputs released without them.
    """

    protocol: str = "subject-disjoint"
    id: ClassVar[str] = "output-attribute"

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """No diagnosis is withheld from an output that tells no other, and none is told by one that
        was not made to; nor is anything gained over what is not there.
        """
        target, lacking = self.target, {}
        findings = sum(target.kind(label) == "finding" for label in target.labels)
        if not target.columns:
            lacking["inputs"] = "what it is asked with is no table"
        if self.output not in target.controls:
            lacking["untrained"] = "there is none of it with random weights"
        kinds = {}
        if self.output not in ONE_EACH:
            kinds["withheld"] = f"no finding has a column of its own in its {self.output}"
        elif len(target.labels) < 2 or not findings:
            kinds["withheld"] = "beside what is withheld it tells nothing, or tells no finding"
        if self.output not in TOGETHER:
            kinds["diagnosis"] = f"its {self.output} were not made to tell findings together"
        elif not findings:
            kinds["diagnosis"] = "it tells no finding"
        return {
            **{f"sex_gain_over_{one}": why for one, why in lacking.items()},
            **{f"age_gain_over_{one}_years": why for one, why in lacking.items()},
            **{f"{kind}_gain_over_{one}": why for kind in _KINDS for one, why in lacking.items()},
            **{f"{kind}_{one}": why for kind, why in kinds.items() for one in _TOLD_OF_KINDS},
        }

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        truths = self._asked(target_records(self.target))
        if truths.sex is None and truths.age is None and not truths.diagnoses:
            why = (
                f"needs {MIN_PEOPLE} people of each sex, {2 * MIN_PEOPLE} of known age, or "
                f"{MIN_PEOPLE} with and without a diagnosis; found fewer"
            )
            told = "; classes and values are what the model tells, and none is withheld"
            return why + told if self.target.kinds else why
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Attributes:
        """Guesses by the output, and by all that it is held against, of the same folds."""
        del context
        target = self.target
        table = with_output(target_records(target), target.view(self.output).values)
        rows, subject = table["row"].to_numpy(), table["subject"].to_numpy().astype(str)
        male, age = target.male[rows], target.age[rows]
        sights = {"output": (self.output, target.view(self.output).values)}
        if target.columns:
            sights["inputs"] = "inputs", target.inputs
        if self.output in target.controls:
            sights["untrained"] = self.output, target.view(self.output, control=True).values
        seen = {name: (one[0], laid_out(*one)[rows]) for name, one in sights.items()}

        def sighted(traits: Sequence[Floats], name: str, place: int | None = None) -> Shown:
            these = dict(seen)
            if "inputs" in these:
                hidden = _ITSELF.get(name, ())
                kept = [column.lower() not in hidden for column in target.columns]
                these["inputs"] = "inputs", seen["inputs"][1][:, kept]
            if place is not None and self.output in ONE_EACH:
                for sight in these.keys() - {"inputs"}:
                    these[sight] = self.output, np.delete(seen[sight][1], place, axis=1)
            return shown(these, traits, self.output, beside=place is not None)

        truths = self._asked(table)
        return Attributes(
            sex=(
                likely(truths.sex, subject, sighted([age], "sex"), rng)
                if truths.sex is not None
                else None
            ),
            age=(
                guessed(truths.age, subject, sighted([male], "age"), rng)
                if truths.age is not None
                else None
            ),
            kind="withheld" if self.output in ONE_EACH else "diagnosis",
            diagnoses={
                name: likely(truth, subject, sighted([age, male], name, place), rng)
                for name, (truth, place) in truths.diagnoses.items()
            },
        )

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> Dealt | None:
        """The same question where outputs go with sex, with age, or with a diagnosis that is
        withheld, and with nothing else; of diagnoses with the one of fewest people.
        """
        target, values = self.target, self.target.view(self.output).values
        table = with_output(target_records(target), values)
        truths, rows = self._asked(table), table["row"].to_numpy()
        first = ~table["subject"].duplicated().to_numpy()

        def of_people(truth: Floats) -> Floats:
            found = np.full(len(target.record), np.nan)
            found[rows[first]] = truth[first]
            return found

        asked = [
            Asked(name, of_people(truth), values)
            for name, truth in (("sex", truths.sex), ("age", truths.age))
            if truth is not None
        ]
        if truths.diagnoses and self.output in ONE_EACH:
            # The last has fewest of the rarer kind.
            name, (truth, place) = list(truths.diagnoses.items())[-1]
            asked.append(Asked(name, of_people(truth), np.delete(values, place, axis=1)))
        every = [(one, one.planted(target, self.output, seed)) for one in asked]
        dealt = tuple((one, what.at(strength)) for one, what in every if what is not None)
        return Dealt(target, self.output, self.galleries, dealt, knowing) if dealt else None

    def estimate(self, evidence: Attributes, level: float, draw: Draw) -> Measured:
        """What `gains` says of the guesses.

        Raises
        ------
        EvidenceError
            There are too few people for any number.
        """
        return gains(evidence, level, draw())

    def _asked(self, table: pd.DataFrame) -> _Truths:
        """What can be checked of the people in a table of records."""
        target, rows = self.target, table["row"].to_numpy()
        subject = table["subject"].to_numpy().astype(str)
        person = np.unique(subject, return_inverse=True)[1]
        first = np.flatnonzero(~table["subject"].duplicated())[person]
        male, age = target.male[rows][first], target.age[rows][first]
        known = ~np.isnan(age)
        enough = len(np.unique(person[known])) >= 2 * MIN_PEOPLE and np.ptp(age[known]) > 0
        diagnoses = {}
        alone = self.output in ONE_EACH and len(target.labels) < 2
        if kind_of(self.output) in ONE_EACH + TOGETHER and not alone:
            ever = [_ever(column, person) for column in target.y_true[rows].T]
            # Of classes that exclude one another, the others tell the one that is withheld.
            many = np.array(
                [
                    _rarer(one, person) if target.kind(label) == "finding" else 0
                    for label, one in zip(target.labels, ever, strict=True)
                ]
            )
            for place in np.argsort(-many, kind="stable")[:MOST].tolist():
                if many[place] >= MIN_PEOPLE:
                    diagnoses[target.labels[place]] = ever[place], place
        sex = male if _rarer(male, person) >= MIN_PEOPLE else None
        return _Truths(sex, age if enough else None, diagnoses)


def _ever(column: Floats, person: NDArray[np.int64]) -> Floats:
    """Whether it is true of any record of a person; NaN where none says."""
    most = np.full(int(person.max()) + 1, -np.inf)
    np.maximum.at(most, person, np.where(np.isnan(column), -np.inf, column))
    return np.where(np.isinf(most), np.nan, most)[person]


def _rarer(truth: Floats, person: NDArray[np.int64]) -> int:
    """People of the rarer of two kinds."""
    return min(len(np.unique(person[truth == one])) for one in (0, 1))

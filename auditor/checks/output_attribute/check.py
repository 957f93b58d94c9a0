"""Does what a model gives out tell of a person's sex, age or a diagnosis that is withheld?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.attribute_learners import CrossFitted, Learner, line, subject_kfold, trees
from auditor.attackers.demographics import target_records
from auditor.attackers.matchers import Rows
from auditor.attackers.output_features import polynomial_features, standardise_output, with_output
from auditor.checks.base import ModelAttack, OnModel
from auditor.core.evidence import MIN_PEOPLE, Evidence, Predictions, Trials
from auditor.core.target import Floats, Target
from auditor.targets.context import Case

#: Outputs of a column for each thing that is told: one is withheld, and guessed from the others.
ONE_EACH = ("scores", "logits")
#: Outputs that were made to tell all of it at once, and are asked as they are.
TOGETHER = ("embedding", "tokens", "phenotypes")
#: What is read by trees; all else by lines.
_BY_TREES = ("explanation", "phenotypes", "inputs")
#: Inputs that are what is asked, and are not shown then.
_ITSELF = {"sex": ("sex", "male", "female", "gender"), "age": ("age",)}
#: Diagnoses that are asked at most: those with most people of the rarer kind.
MOST = 20


@dataclass(frozen=True, eq=False)
class Inferred(OnModel):
    """An intruder learns from other people what a model's outputs say of sex, age and diagnoses,
    and reads them from outputs released without them.
    """

    check: ClassVar[str] = "output-attribute"
    protocol: ClassVar[str] = "subject-disjoint"

    @property
    def threat(self) -> str:
        """Who does what with what the model gives out, in one sentence."""
        return (
            "An intruder who has learnt from other people reads sex, age and withheld diagnoses "
            f"from the {self.output} that a model gives out."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if not self._asked(target_records(self.target)):
            return (
                f"needs {MIN_PEOPLE} people of each sex, {2 * MIN_PEOPLE} of known age, or "
                f"{MIN_PEOPLE} with and without a diagnosis; found fewer"
            )
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Guesses about each person by learners that saw nobody but others.

        `sex` and `age`: by the output; `withheld/…`, a diagnosis by what is told of the others, age
        and sex; `diagnosis/…`, one by an output that was made to tell it, age and sex. Before each,
        `known/`: by age and sex alone, whichever is not asked; `inputs/`: by what the model was
        asked with in place of the output; `untrained/`: by what random weights give out.
        """
        target = self.target
        table = with_output(target_records(target), target.view(self.output).values)
        rows = table["row"].to_numpy()
        male, age = target.male[rows], target.age[rows]
        known = {"sex": [age], "age": [male]}
        sights = {"": (self.output, target.view(self.output).values)}
        if target.columns:
            sights["inputs/"] = "inputs", target.inputs
        if self.output in target.controls:
            sights["untrained/"] = self.output, target.view(self.output, control=True).values
        subject = table["subject"].to_numpy().astype(str)
        laid_out = {name: _laid_out(output, seen)[rows] for name, (output, seen) in sights.items()}
        found: dict[str, Evidence] = {}
        for name, (truth, place) in self._asked(table).items():
            traits = known.get(name, [age, male])
            learner = _learner(self.output)
            shown: dict[str, tuple[Learner, Rows]] = {"known/": (learner, _traits(traits, learner))}
            for sight, (output, _) in sights.items():
                one = laid_out[sight]
                if sight == "inputs/":
                    hidden = _ITSELF.get(name, ())
                    one = one[:, [column.lower() not in hidden for column in target.columns]]
                if place is not None:
                    if sight != "inputs/" and output in ONE_EACH:
                        one = np.delete(one, place, axis=1)
                    one = np.hstack([one, _traits(traits, _learner(output))])
                shown[sight] = _learner(output), one
            found |= _guessed(name, truth, subject, shown, rng)
        return found

    def _asked(self, table: pd.DataFrame) -> dict[str, tuple[Floats, int | None]]:
        """What can be checked: the truth of each record, a person's the same in all of them, and
        which thing told it is, for a diagnosis.
        """
        target, rows = self.target, table["row"].to_numpy()
        subject = table["subject"].to_numpy().astype(str)
        person = np.unique(subject, return_inverse=True)[1]
        first = np.flatnonzero(~table["subject"].duplicated())[person]
        found: dict[str, tuple[Floats, int | None]] = {}
        male, age = target.male[rows][first], target.age[rows][first]
        if _rarer(male, person) >= MIN_PEOPLE:
            found["sex"] = male, None
        known = np.unique(person[~np.isnan(age)])
        if len(known) >= 2 * MIN_PEOPLE and np.ptp(age[~np.isnan(age)]) > 0:
            found["age"] = age, None
        if self.output in ONE_EACH and len(target.tells) < 2:
            return found
        kind = "withheld" if self.output in ONE_EACH else "diagnosis"
        if self.output in ONE_EACH + TOGETHER:
            ever = [_ever(column, person) for column in target.truth[rows].T]
            many = np.array([_rarer(one, person) for one in ever])
            for place in np.argsort(-many, kind="stable")[:MOST].tolist():
                if many[place] >= MIN_PEOPLE:
                    found[f"{kind}/{target.tells[place]}"] = ever[place], place
        return found


def _laid_out(output: str, values: Rows) -> Rows:
    """Trees take a table as it is, lines as `coordinates` lays it out."""
    return standardise_output(output, values) if _learner(output) is line else values


def _learner(output: str) -> Learner:
    return trees if output in _BY_TREES else line


def _traits(traits: Sequence[Floats], learner: Learner) -> Rows:
    """(n, k) what is known of each record's person, as a learner can take it."""
    return (
        np.stack(traits, axis=1).astype(np.float32)
        if learner is trees
        else polynomial_features(*traits)
    )


def _ever(column: Floats, person: NDArray[np.int64]) -> Floats:
    """Whether it is true of any record of a person; NaN where none says."""
    most = np.full(int(person.max()) + 1, -np.inf)
    np.maximum.at(most, person, np.where(np.isnan(column), -np.inf, column))
    return np.where(np.isinf(most), np.nan, most)[person]


def _rarer(truth: Floats, person: NDArray[np.int64]) -> int:
    """People of the rarer of two kinds."""
    return min(len(np.unique(person[truth == one])) for one in (0, 1))


def _guessed(
    name: str,
    truth: Floats,
    subject: NDArray[np.str_],
    shown: Mapping[str, tuple[Learner, Rows]],
    rng: np.random.Generator,
) -> dict[str, Evidence]:
    """What each sight makes of one truth, of the same folds."""
    rows = np.flatnonzero(~np.isnan(truth))
    truth, subject = truth[rows], subject[rows]
    people, first, person = np.unique(subject, return_index=True, return_inverse=True)
    years = name == "age"
    classes = np.zeros(len(people), np.int64) if years else truth[first].astype(np.int64)
    score = {sight: np.empty(len(rows)) for sight in shown}
    prior, fold = np.empty(len(rows)), np.empty(len(rows), dtype=np.int64)
    told = {
        sight: CrossFitted(learner, table[rows], subject, int(rng.integers(2**31)))
        for sight, (learner, table) in shown.items()
    }
    for number, (train, test) in enumerate(subject_kfold(person, classes, rng)):
        fold[test] = number
        prior[test] = np.median(truth[first[np.unique(person[train])]])
        for sight, one in told.items():
            score[sight][test] = (
                one.predict(truth, train, test, rng)
                if years
                else one.predict_proba(truth, train, test)
            )
    if years:
        return {f"{k}{name}": Predictions(one, truth, prior, subject) for k, one in score.items()}
    return {f"{k}{name}": Trials(one, truth == 1, subject, fold) for k, one in score.items()}


def attacks(target: Target) -> list[ModelAttack]:
    """What each thing that a model gives out tells of sex, age and diagnoses."""
    return [Inferred(target, output) for output in target.outputs]

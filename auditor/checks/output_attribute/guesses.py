"""Guesses of one thing about each person, by learners that saw nobody but others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.attribute_learners import CrossFitted, Learner, line, subject_kfold, trees
from auditor.attackers.matchers import Rows
from auditor.attackers.output_features import polynomial_features, standardise_output
from auditor.core.evidence import Predictions, Trials
from auditor.core.target import Floats

#: What is read by trees; all else by lines.
_BY_TREES = ("explanation", "phenotypes", "inputs")

Seen = TypeVar("Seen", Trials, Predictions)
#: By sight, who learns from it, and (n, k) what is seen of each record.
Shown = Mapping[str, tuple[Learner, Rows]]


@dataclass(frozen=True, eq=False)
class Guesses(Generic[Seen]):
    """Guesses of one thing about each person, by learners that saw nobody but others.

    Attributes
    ----------
    output : by what the model gives out
    known : by age and sex alone, whichever is not asked
    controls : `inputs`, by what the model was asked with in place of the output, and `untrained`,
        by what random weights give out
    """

    output: Seen
    known: Seen
    controls: Mapping[str, Seen]

    @property
    def others(self) -> dict[str, Seen]:
        """All that it is held against, by name."""
        return {"known": self.known, **self.controls}


@dataclass(frozen=True, eq=False)
class Attributes:
    """What was guessed about people; None of what is known of too few.

    Attributes
    ----------
    kind : `withheld`, where a diagnosis is guessed by what is told of the others, age and sex;
        `diagnosis`, where it is by an output that was made to tell it, age and sex
    diagnoses : by name
    """

    sex: Guesses[Trials] | None
    age: Guesses[Predictions] | None
    kind: str
    diagnoses: Mapping[str, Guesses[Trials]]


def likely(
    truth: Floats, subject: NDArray[np.str_], shown: Shown, rng: np.random.Generator
) -> Guesses[Trials]:
    """How likely a yes is, by each sight."""
    known = np.flatnonzero(~np.isnan(truth))
    truth, subject = truth[known], subject[known]
    first, person = np.unique(subject, return_index=True, return_inverse=True)[1:]
    told = _learners(shown, known, subject, rng)
    score = {sight: np.empty(len(known)) for sight in shown}
    fold = np.empty(len(known), dtype=np.int64)
    for number, (train, test) in enumerate(
        subject_kfold(person, truth[first].astype(np.int64), rng)
    ):
        fold[test] = number
        for sight, one in told.items():
            score[sight][test] = one.predict_proba(truth, train, test)
    return _grouped({name: Trials(one, truth == 1, subject, fold) for name, one in score.items()})


def guessed(
    truth: Floats, subject: NDArray[np.str_], shown: Shown, rng: np.random.Generator
) -> Guesses[Predictions]:
    """A quantity, by each sight, beside the middle of those who are learnt from."""
    known = np.flatnonzero(~np.isnan(truth))
    truth, subject = truth[known], subject[known]
    people, first, person = np.unique(subject, return_index=True, return_inverse=True)
    told = _learners(shown, known, subject, rng)
    value = {sight: np.empty(len(known)) for sight in shown}
    prior = np.empty(len(known))
    for train, test in subject_kfold(person, np.zeros(len(people), np.int64), rng):
        prior[test] = np.median(truth[first[np.unique(person[train])]])
        for sight, one in told.items():
            value[sight][test] = one.predict(truth, train, test, rng)
    return _grouped({name: Predictions(one, truth, prior, subject) for name, one in value.items()})


def _learners(
    shown: Shown, rows: NDArray[np.int64], subject: NDArray[np.str_], rng: np.random.Generator
) -> dict[str, CrossFitted]:
    return {
        sight: CrossFitted(learner, table[rows], subject, int(rng.integers(2**31)))
        for sight, (learner, table) in shown.items()
    }


def _grouped(seen: dict[str, Seen]) -> Guesses[Seen]:
    return Guesses(seen.pop("output"), seen.pop("known"), seen)


def shown(
    sights: Mapping[str, tuple[str, Rows]], traits: Sequence[Floats], output: str, *, beside: bool
) -> Shown:
    """What is seen of each record, by each sight and by what is known of people alone.

    Parameters
    ----------
    sights : by name, which output, and (n, k) what it says
    traits : (n,) each, what is known of each record's person
    output : whose learner reads what is known alone
    beside : whether it is known beside each sight, too
    """
    learner = _learner(output)
    found = {"known": (learner, _laid_out_traits(traits, learner))}
    for sight, (name, values) in sights.items():
        learner = _learner(name)
        if beside:
            values = np.hstack([values, _laid_out_traits(traits, learner)])
        found[sight] = learner, values
    return found


def laid_out(output: str, values: Rows) -> Rows:
    """Trees take a table as it is, lines as `standardise_output` lays it out."""
    return standardise_output(output, values) if _learner(output) is line else values


def _learner(output: str) -> Learner:
    return trees if output in _BY_TREES else line


def _laid_out_traits(traits: Sequence[Floats], learner: Learner) -> Rows:
    return (
        np.stack(traits, axis=1).astype(np.float32)
        if learner is trees
        else polynomial_features(*traits)
    )

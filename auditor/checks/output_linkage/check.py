"""Does what a model gives out of a record name its person, or give back what it was asked with?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from auditor.attackers.attribute_learners import subject_kfold, subject_weights
from auditor.attackers.demographics import target_records
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Match, Rows, cosine, standardised
from auditor.attackers.output_features import (
    MIN_MATED_OUTPUTS,
    membership_groups,
    polynomial_features,
    residualise,
    standardise_output,
    whiten,
    with_output,
)
from auditor.attackers.plda import repeat_plda
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import ModelAttack, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, Predictions
from auditor.core.target import Floats, Target
from auditor.data.protocols import later
from auditor.targets.context import Case

#: Records that an intruder learns from to rebuild inputs: leaves are thousands of columns wide.
_REBUILT_FROM = 2000
#: Columns up to which trees are grown on what a line leaves over, and how strict they are.
_NARROW = 64
_TREES = {"n_estimators": 60, "min_samples_leaf": 10, "max_features": 0.5, "n_jobs": 1}
_PENALTIES = np.geomspace(0.1, 10_000, 11)


@dataclass(frozen=True, eq=False)
class Linked(OnModel):
    """An intruder who was given what a model gave out of one record of each person, with names,
    looks for those people in what it gave out of other records.
    """

    check: ClassVar[str] = "output-linkage"

    @property
    def protocol(self) -> str:
        """`cross-session` where enough people have records of two sessions."""
        return _protocol(target_records(self.target))

    @property
    def threat(self) -> str:
        """Who does what with what the model gives out, in one sentence."""
        return (
            f"An intruder holds the {self.output} that a model gave out of one record of every "
            "person, and finds those people in what it gave out of other records."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        table = target_records(self.target)
        n = table["subject"].iloc[_probes(table, _protocol(table))].nunique()
        if n < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people with two records; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search by what the model gives out, by what it was asked with (`inputs`) and by what
        random weights give out (`untrained`); of the first two also among members and nonmembers.

        The match is taught by other people's repeats, where there are enough; of leaves it is the
        share that are equal. `beyond` looks at what is left of the output when what age and sex
        foretell is taken off. Three more look at all of it: `whitened`, taught with every direction
        counting the same, and `standardised` and `cosine`, which learn nothing.
        """
        target, table = self.target, target_records(self.target)
        protocol = _protocol(table)
        values = target.view(self.output).values
        table = with_output(table, values)
        first = np.flatnonzero(~table["subject"].duplicated())
        enrolment = Enrolment.of_outputs(table, first, _probes(table, protocol), rng)
        if enrolment.n_mated < MIN_PEOPLE:
            raise EvidenceError(f"needs {MIN_PEOPLE} people of whom it says something twice")

        can_learn = enrolment.n_mated >= MIN_MATED_OUTPUTS

        def by(match: Match, seen: Rows) -> Recogniser:
            return Recogniser.of_outputs(enrolment, seen, seen, match)

        def best(output: str, seen: Rows) -> Recogniser:
            if output == "leaves":
                return by(cosine, seen)
            if not can_learn:
                return by(standardised, seen)
            return repeat_plda(enrolment, seen[enrolment.gallery.row], seen[enrolment.pool.row])

        seen = standardise_output(self.output, values)
        searches = {
            "": best(self.output, seen),
            "beyond": best(
                self.output,
                residualise(
                    seen, polynomial_features(target.age, target.male), table["row"].to_numpy()
                ),
            ),
        }
        if self.output != "leaves":
            if can_learn:
                searches["whitened"] = best(self.output, whiten(seen))
            searches |= {"standardised": by(standardised, seen), "cosine": by(cosine, seen)}
        if target.columns:
            searches["inputs"] = best("inputs", standardise_output("inputs", target.inputs))
        if self.output in target.controls:
            twin = standardise_output(self.output, target.view(self.output, control=True).values)
            searches["untrained"] = best(self.output, twin)
        found: dict[str, Evidence] = {name: one.search(rng) for name, one in searches.items()}
        groups = membership_groups(target)
        asked = np.unique(enrolment.pool_subject)
        if groups and min(np.isin(asked, one).sum() for one in groups.values()) >= MIN_PEOPLE:
            for name in searches.keys() & {"", "inputs"}:
                for kind, people in groups.items():
                    found[f"{name} {kind}".strip()] = searches[name].search(rng, people)
        return found


def _protocol(records: pd.DataFrame) -> str:
    across = records["subject"].iloc[_probes(records, "cross-session")].nunique()
    return "cross-session" if across >= MIN_PEOPLE else "same-session"


def _probes(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    """Places of the later records that a protocol asks about."""
    first = records.groupby("subject")["session"].transform("first")
    moved = (records["session"] != first).to_numpy()
    places = later(records)
    return places[moved[places] == (protocol == "cross-session")]


@dataclass(frozen=True, eq=False)
class Rebuilt(OnModel):
    """An intruder who has learnt from other people's records what a model makes of its inputs
    rebuilds the inputs from what it gives out.
    """

    check: ClassVar[str] = "inversion"
    protocol: ClassVar[str] = "subject-disjoint"

    @property
    def threat(self) -> str:
        """Who does what with what the model gives out, in one sentence."""
        return (
            "An intruder who has learnt from other people what a model makes of its inputs "
            f"rebuilds the inputs from its {self.output}."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if len(np.unique(self.target.subject)) < 2 * MIN_PEOPLE:
            return f"needs at least {2 * MIN_PEOPLE} people to learn from; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """By column, what is rebuilt of it beside what it is, and beside its mean."""
        target, table = self.target, target_records(self.target)
        seen = standardise_output(self.output, target.view(self.output).values)[table["row"]]
        truth = target.inputs[table["row"]].astype(np.float64)
        subject = table["subject"].to_numpy().astype(str)
        person = np.unique(subject, return_inverse=True)[1]
        prior, value = np.zeros_like(truth), np.zeros_like(truth)
        for train, test in subject_kfold(person, np.zeros(person.max() + 1, dtype=np.int64), rng):
            weight = subject_weights(subject[train])
            known = ~np.isnan(truth[train])
            heavy = (known * weight[:, None]).sum(axis=0)
            total = (np.where(known, truth[train], 0) * weight[:, None]).sum(axis=0)
            mean = total / np.where(heavy > 0, heavy, 1)
            wanted = np.where(known, truth[train] - mean, 0)
            prior[test] = mean
            some = np.sort(rng.permutation(len(train))[:_REBUILT_FROM])
            value[test] = mean + _rebuilt(
                seen[train[some]], wanted[some], weight[some], seen[test], rng
            )
        found: dict[str, Evidence] = {}
        for place, column in enumerate(target.columns):
            known = ~np.isnan(truth[:, place])
            people = len(np.unique(subject[known]))
            if people >= 2 * MIN_PEOPLE and np.ptp(truth[known, place]) > 0:
                one = value[known, place], truth[known, place], prior[known, place]
                found[column] = Predictions(*one, subject[known])
        return found


def _rebuilt(
    seen: Rows, wanted: Floats, weight: Floats, asked: Rows, rng: np.random.Generator
) -> Floats:
    """(n_asked, m) what lines say of some columns and, where little is seen, trees of the rest."""
    size = np.maximum(wanted.std(axis=0), 1e-12)
    share = weight / weight.mean()
    line = RidgeCV(_PENALTIES).fit(seen, wanted / size, share)
    told = line.predict(asked).reshape(len(asked), -1)
    if seen.shape[1] <= _NARROW:
        left = wanted / size - line.predict(seen).reshape(len(seen), -1)
        trees = ExtraTreesRegressor(**_TREES, random_state=int(rng.integers(2**31)))
        told = told + trees.fit(seen, left, share).predict(asked).reshape(len(asked), -1)
    return np.asarray(told * size)


def attacks(target: Target) -> list[ModelAttack]:
    """Whether each thing that a model gives out names people, and gives back its inputs."""
    found: list[ModelAttack] = [Linked(target, output) for output in target.outputs]
    if target.columns:
        found += [Rebuilt(target, output) for output in target.outputs]
    return found

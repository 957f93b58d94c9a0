"""Does what a model gives out of a record give back what it was asked with?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from auditor.attackers.attribute_learners import subject_kfold, subject_weights
from auditor.attackers.demographics import target_records
from auditor.attackers.matchers import Rows
from auditor.attackers.output_features import standardise_output
from auditor.attackers.planted import TOLD, on_a_scale, planted
from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Predictions
from auditor.core.finding import Estimate
from auditor.core.target import Floats, Target
from auditor.stats.estimators import rounded
from auditor.stats.intervals import person_replicates
from auditor.stats.metrics import by_person
from auditor.targets.context import Context

#: Records that an intruder learns from to rebuild inputs: leaves are thousands of columns wide.
_REBUILT_FROM = 2000
#: Columns up to which trees are grown on what a line leaves over, and how strict they are.
_NARROW = 64
_TREES = {"n_estimators": 60, "min_samples_leaf": 10, "max_features": 0.5, "n_jobs": 1}
_PENALTIES = np.geomspace(0.1, 10_000, 11)
#: Columns that are told by name, those that are rebuilt best.
_BEST = 5


def plan(target: Target) -> list[OnModel]:
    """Whether each thing that a model gives out gives back its inputs, where those are a table."""
    return [ModelInversion(target, output) for output in target.outputs] if target.columns else []


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """By column, what is rebuilt of it beside what it is, and beside its mean."""

    columns: Mapping[str, Predictions]


@dataclass(frozen=True, eq=False)
class ModelInversion(OnModel):
    """An intruder who has learnt from other people's records what a model makes of its inputs
    rebuilds the inputs from what it gives out.
    """

    protocol: str = "subject-disjoint"
    id: ClassVar[str] = "inversion"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        if len(np.unique(self.target.subject)) < 2 * MIN_PEOPLE:
            return f"needs at least {2 * MIN_PEOPLE} people to learn from; found fewer"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Rebuilt:
        """Every column that is known of enough people and not the same in all."""
        del context
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
        found = {}
        for place, column in enumerate(target.columns):
            known = ~np.isnan(truth[:, place])
            people = len(np.unique(subject[known]))
            if people >= 2 * MIN_PEOPLE and np.ptp(truth[known, place]) > 0:
                one = value[known, place], truth[known, place], prior[known, place]
                found[column] = Predictions(*one, subject[known])
        return Rebuilt(found)

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> ModelInversion | None:
        """The same question where outputs go with one of the inputs, and with no other."""
        target = self.target
        many = (~np.isnan(target.inputs)).sum(axis=0) * (np.nanstd(target.inputs, axis=0) > 0)
        column = int(many.argmax())
        quantity = target.inputs[:, column].astype(np.float64)
        alone = replace(
            target, inputs=target.inputs[:, [column]], columns=(target.columns[column],)
        )
        scale = on_a_scale(self.output, quantity)
        dealt = planted(alone, self.output, scale, seed, ~np.isnan(quantity))
        if dealt is None:
            return None
        dealt = dealt.at(strength)
        if knowing:
            return replace(self, target=dealt.told(1), output=TOLD)
        return replace(self, target=dealt.target)

    def estimate(self, evidence: Rebuilt, level: float, draw: Draw) -> Measured:
        """`r2_best` and `r2_mean`, shares of variance over people, and `r2_` of the columns that
        are rebuilt best, with intervals that hold for all of the columns at once.

        Raises
        ------
        EvidenceError
            No column is known of enough people.
        """
        seen = evidence.columns
        if not seen:
            need = 2 * MIN_PEOPLE
            raise EvidenceError(f"needs a column that is known of {need} people; found none")
        people = np.unique(np.concatenate([one.subject for one in seen.values()]))
        wrong, spread = np.zeros((2, len(people), len(seen)))
        for place, one in enumerate(seen.values()):
            who = np.searchsorted(people, np.unique(one.subject))
            wrong[who, place] = by_person((one.value - one.y_true) ** 2, one.subject)
            spread[who, place] = by_person((one.prior - one.y_true) ** 2, one.subject)

        def shares(weights: Floats) -> Floats:
            drawn = weights @ spread
            return np.asarray(1 - (weights @ wrong) / np.where(drawn > 0, drawn, np.nan))

        value = shares(np.ones((1, len(people))))[0]
        drawn = person_replicates(shares, len(people), draw(), width=len(people) + 2 * len(seen))
        error = np.nanstd(drawn, axis=0)
        together = 1 - (1 - level) / len(seen)
        n = [int((column > 0).sum()) for column in spread.T]

        def told(place: int) -> Estimate:
            reach = float(norm.ppf(0.5 + together / 2) * error[place])
            one = float(value[place])
            return Estimate(one, one - reach, min(one + reach, 1.0), level, n[place], 0.0)

        order = np.argsort(-value)
        names = list(seen)
        mean = float(value.mean())
        reach = float(norm.ppf(0.5 + level / 2) * np.nanstd(drawn.mean(axis=1)))
        found = {
            "r2_best": told(int(order[0])),
            "r2_mean": Estimate(
                mean, mean - reach, min(mean + reach, 1.0), level, len(people), 0.0
            ),
        }
        found |= {f"r2_{names[place]}": told(int(place)) for place in order[:_BEST]}
        every = [told(int(place)) for place in order]
        columns = {
            "column": [names[place] for place in order],
            "r2": rounded(one.value for one in every),
            "low": rounded(one.low for one in every),
            "high": rounded(one.high for one in every),
        }
        best = [names[place] for place in order[:_BEST]]
        return Measured(found, {"columns": columns}, {"best": best})


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
        left = left.ravel() if left.shape[1] == 1 else left
        told = told + trees.fit(seen, left, share).predict(asked).reshape(len(asked), -1)
    return np.asarray(told * size)

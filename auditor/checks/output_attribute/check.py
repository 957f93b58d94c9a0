"""Does what a model gives out tell of a person's sex, age or a diagnosis that is withheld?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.attackers.attribute_learners import CrossFitted, Learner, line, subject_kfold, trees
from auditor.attackers.demographics import target_records
from auditor.attackers.matchers import Rows
from auditor.attackers.output_features import polynomial_features, standardise_output, with_output
from auditor.attackers.planted import TOLD, on_a_scale, planted
from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Predictions, Trials
from auditor.core.finding import Estimate
from auditor.core.target import Floats, Target, kind_of
from auditor.stats.delong import auc_difference
from auditor.stats.estimators import Curves, cross_fitted, rounded, wider
from auditor.stats.intervals import person_bootstrap
from auditor.stats.metrics import by_person, person_trials
from auditor.targets.context import Context

#: Outputs of a column for each thing that is told: one is withheld, and guessed from the others.
ONE_EACH = ("scores", "logits")
#: Outputs that were made to tell all of it at once, and are asked as they are.
TOGETHER = ("embedding", "tokens", "phenotypes")
#: What is read by trees; all else by lines.
_BY_TREES = ("explanation", "phenotypes", "inputs")
#: Inputs that are what is asked, and are not shown then.
_ITSELF = {"sex": ("sex", "male", "female", "gender"), "age": ("age",)}
#: What a diagnosis may be to an output, and what is told of the one that gains most.
_KINDS = ("withheld", "diagnosis")
_TOLD_OF_KINDS = ("auc", "gain", "gain_over_inputs", "gain_over_untrained")
#: Diagnoses that are asked at most: those with most people of the rarer kind.
MOST = 20

Seen = TypeVar("Seen", Trials, Predictions)
#: By sight, who learns from it, and (n, k) what is seen of each record.
Shown = Mapping[str, tuple[Learner, Rows]]


def plan(target: Target) -> list[OnModel]:
    """What each thing that a model gives out tells of sex, age and diagnoses."""
    return [OutputAttributeInference(target, output) for output in target.outputs]


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
class _Truths:
    """What can be checked, of each record, a person's the same in all of them; of a diagnosis also
    which thing told it is.
    """

    sex: Floats | None
    age: Floats | None
    diagnoses: Mapping[str, tuple[Floats, int]]


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
        laid_out = {name: _laid_out(*one)[rows] for name, one in sights.items()}

        def shown(traits: Sequence[Floats], name: str, place: int | None = None) -> Shown:
            learner = _learner(self.output)
            found = {"known": (learner, _traits(traits, learner))}
            for sight, (output, _) in sights.items():
                one = laid_out[sight]
                if sight == "inputs":
                    hidden = _ITSELF.get(name, ())
                    one = one[:, [column.lower() not in hidden for column in target.columns]]
                if place is not None:
                    if sight != "inputs" and output in ONE_EACH:
                        one = np.delete(one, place, axis=1)
                    one = np.hstack([one, _traits(traits, _learner(output))])
                found[sight] = _learner(output), one
            return found

        truths = self._asked(table)
        return Attributes(
            sex=(
                _likely(truths.sex, subject, shown([age], "sex"), rng)
                if truths.sex is not None
                else None
            ),
            age=(
                _guessed(truths.age, subject, shown([male], "age"), rng)
                if truths.age is not None
                else None
            ),
            kind="withheld" if self.output in ONE_EACH else "diagnosis",
            diagnoses={
                name: _likely(truth, subject, shown([age, male], name, place), rng)
                for name, (truth, place) in truths.diagnoses.items()
            },
        )

    def dealt_anew(
        self, strength: float, knowing: bool, seed: int
    ) -> OutputAttributeInference | None:
        """The same question where outputs go with sex and age, and with nothing else."""
        nothing = replace(
            self.target,
            y_true=np.full_like(self.target.y_true, np.nan),
            inputs=self.target.inputs[:, :0],
            columns=(),
        )
        asked = [one for one in (self.target.male, self.target.age) if not np.isnan(one).all()]
        if not asked:
            return None
        scale = on_a_scale(self.output, *asked)
        everybody = np.ones(len(nothing.record), dtype=np.bool_)
        dealt = planted(nothing, self.output, scale, seed, everybody)
        if dealt is None:
            return None
        dealt = dealt.at(strength)
        if knowing:
            return replace(self, target=dealt.told(len(asked)), output=TOLD)
        return replace(self, target=dealt.target)

    def estimate(self, evidence: Attributes, level: float, draw: Draw) -> Measured:
        """How much more what the model gives out tells than age and sex do.

        Of sex and age what `cross_fitted` says, by the output and by each sight it is held against,
        and `sex_gain_over_…`, the AUROC of the output less theirs (DeLong), and
        `age_gain_over_…_years`, how many years less it is off. `withheld_gain` is the largest gain
        over age and sex that the output, with age and sex, has in AUROC for any withheld diagnosis,
        with an interval that holds for all of them at once, `withheld_auc` that diagnosis's AUROC,
        and `withheld_gain_over_inputs` what it has over the inputs, with age and sex; the curve
        `withheld` tells each, and the parameter which it is. The same under `diagnosis` of outputs
        that were made to tell it.

        Raises
        ------
        EvidenceError
            There are too few people for any number.
        """
        rng = draw()
        found: dict[str, Estimate] = {}
        curves: Curves = {}
        params: dict[str, Any] = {}
        if evidence.sex is not None:
            found, curves = cross_fitted("sex", evidence.sex.output, level, rng)
            for name, theirs in evidence.sex.others.items():
                found |= cross_fitted(f"{name}_sex", theirs, level, rng)[0]
                found[f"sex_gain_over_{name}"] = _auc_gain(evidence.sex.output, theirs, level)
        if evidence.age is not None:
            found |= cross_fitted("age", evidence.age.output, level, rng)[0]
            for name, other in evidence.age.others.items():
                error = f"{name}_age_mae_years"
                found[error] = cross_fitted(f"{name}_age", other, level, rng)[0][error]
                gain = _years_gain(evidence.age.output, other, level, rng)
                found[f"age_gain_over_{name}_years"] = gain
        if evidence.diagnoses:
            kind = evidence.kind
            told, curves[kind], params[kind] = _diagnoses(evidence.diagnoses, kind, level, rng)
            found |= told
        if not found:
            raise EvidenceError("needs people of known sex, age or diagnosis; found too few")
        return Measured(found, curves, params)

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


# --- guesses ------------------------------------------------------------------------------


def _likely(
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


def _guessed(
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


def _laid_out(output: str, values: Rows) -> Rows:
    """Trees take a table as it is, lines as `standardise_output` lays it out."""
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


# --- what guesses amount to ----------------------------------------------------------------


def _auc_gain(ours: Trials, theirs: Trials, level: float) -> Estimate:
    """The AUROC of one set of guesses less that of another, of the same people."""
    one, event = _placed(ours)
    gain = auc_difference(event, one, _placed(theirs)[0])
    return wider(Estimate(gain.value, *gain.interval(level), level, len(event), 0.0))


def _years_gain(
    ours: Predictions, theirs: Predictions, level: float, rng: np.random.Generator
) -> Estimate:
    """How many years less one set of guesses is off than another, of the same people."""
    nearer = np.abs(theirs.value - theirs.y_true) - np.abs(ours.value - ours.y_true)
    values = by_person(nearer, ours.subject)
    n = len(values)
    low, high = person_bootstrap(lambda w: w @ values / w.sum(axis=1), n, level, rng)
    return wider(Estimate(float(values.mean()), low, high, level, n, 0.0))


def _placed(seen: Trials) -> tuple[Floats, NDArray[np.bool_]]:
    """Each person's place among those of their stratum, in (0, 1), and whether they are positive:
    scores of several models, made comparable by what strata of equally many positives share.
    """
    score, positive, stratum = person_trials(seen)
    place = np.empty(len(score))
    for one in np.unique(stratum):
        inside = stratum == one
        place[inside] = (rankdata(score[inside]) - 0.5) / inside.sum()
    return place, positive


def _diagnoses(
    seen: Mapping[str, Guesses[Trials]], kind: str, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], dict[str, list[Any]], str]:
    """What is told of the diagnosis that gains most, of each, and which that is."""
    together = 1 - (1 - level) / len(seen)
    gain, auc, rows = {}, {}, []
    for name, guesses in seen.items():
        ours, known = guesses.output, guesses.known
        gain[name] = replace(_auc_gain(ours, known, together), level=level)
        auc[name], base = (
            cross_fitted(kind, one, level, rng)[0][f"{kind}_auc"] for one in (ours, known)
        )
        one = gain[name]
        rows.append([name, *rounded([auc[name].value, base.value, one.value, one.low, one.high])])
    best = max(seen, key=lambda name: gain[name].value)
    found = {f"{kind}_auc": auc[best], f"{kind}_gain": gain[best]}
    for other, theirs in seen[best].controls.items():
        found[f"{kind}_gain_over_{other}"] = _auc_gain(seen[best].output, theirs, level)
    columns = (kind, "auc", "auc_known", "gain", "low", "high")
    table = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    return found, table, best

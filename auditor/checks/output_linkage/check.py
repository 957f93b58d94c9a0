"""Does what a model gives out of a record name its person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

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
from auditor.checks.base import Draw, Measured, OnModel
from auditor.checks.output_linkage.judged import ByOutput, Dealt, Groups, enrolled, groups, judged
from auditor.checks.output_linkage.missing import MaskLinkage, sometimes_missing
from auditor.checks.output_linkage.records import protocol_of, unmet
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.core.target import Target
from auditor.stats.estimators import identification_rate, measure
from auditor.stats.searches import measure_search, paired_gain, rate_gap
from auditor.targets.context import Context

#: Columns that may be missing without which nothing is asked of that.
_MASKED = 2
#: Matchers that take a distance, or an angle, between outputs.
_OF_DISTANCE = ("whitened", "standardised", "cosine")
#: What of a control is told: whom it finds first, and how open-set search by it would do.
_CONTROLS = ("rank1", "auc_known", "eer", "tpir_at_fpir_10pct", "tpir_at_fpir_1pct")


def plan(target: Target) -> list[OnModel]:
    """Whether each thing that a model gives out names people, and whether what its table lacks
    does.
    """
    found: list[OnModel] = [
        OutputLinkage(one, output) for one in _asked_twice(target) for output in one.outputs
    ]
    if target.instead_of is None and len(sometimes_missing(target)) >= _MASKED:
        found.append(MaskLinkage(target))
    return found


def _asked_twice(target: Target) -> list[Target]:
    """The model, asked about records of which people have several; and asked with each measurement
    that a record is made of, where that is asked under another protocol, or alone can be.
    """
    every = [target] if target.replicates is None else [target, target.replicates]
    able: dict[str, Target] = {}
    for one in every:
        table = target_records(one)
        if unmet(table) is None:
            able.setdefault(protocol_of(table), one)
    return list(able.values()) or [target]


@dataclass(frozen=True, eq=False)
class ByKind:
    """A search for people the model was trained on among themselves, and the same of others."""

    members: SearchResult
    nonmembers: SearchResult


@dataclass(frozen=True, eq=False)
class OutputSearches:
    """Galleries of what a model gave out, and of what it is held against.

    Attributes
    ----------
    own : by what the model gives out
    beyond : by what of it age and sex do not foretell; None where that is not asked
    matchers : by name, all of it by other matchers
    controls : `inputs`, by what the model was asked with, and `untrained`, by what random weights
        give out
    by_kind : own search among members and among others; None of too few
    inputs_by_kind : the same by the inputs
    groups : of the people who are looked for, in the order of their names, who are in a group
    """

    own: SearchResult
    beyond: SearchResult | None
    matchers: Mapping[str, SearchResult]
    controls: Mapping[str, SearchResult]
    by_kind: ByKind | None
    inputs_by_kind: ByKind | None
    groups: Groups


@dataclass(frozen=True, eq=False)
class OutputLinkage(ByOutput):
    """An intruder who was given what a model gave out of one record of each person, with names,
    looks for those people in what it gave out of other records.
    """

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Matchers that leaves have none of, and gains over what is not there."""
        lacking: dict[str, str] = {}
        if self.output == "leaves":
            lacking |= {f"{one}_rank1": "leaves are equal or not" for one in _OF_DISTANCE}
        if not self.target.columns:
            lacking["gain_over_inputs"] = "what it is asked with is no table"
        if self.output not in self.target.controls:
            lacking["gain_over_untrained"] = "there is none of it with random weights"
        return {"gain_over_panels": "that is asked of missing values", **lacking}

    def attack(self, context: Context, rng: np.random.Generator) -> OutputSearches:
        """The match is taught by other people's repeats, where there are enough; of leaves it is
        the share that are equal. Of the other matchers `whitened` is taught with every direction
        counting the same, and `standardised` and `cosine` learn nothing.

        Raises
        ------
        EvidenceError
            The model says something of too few people twice.
        """
        del context
        target, values = self.target, self.target.view(self.output).values
        table = with_output(target_records(target), values)
        enrolment = enrolled(target, values, rng)
        can_learn = enrolment.n_mated >= MIN_MATED_OUTPUTS

        def by(match: Match, seen: Rows) -> Recogniser:
            return Recogniser.of_outputs(enrolment, seen, seen, match)

        def best(output: str, seen: Rows) -> Recogniser:
            return _best(output, seen, enrolment)

        seen = standardise_output(self.output, values)
        if target.instead_of is not None:  # only how much less is found is asked
            own, of = best(self.output, seen), groups(target, enrolment)
            return OutputSearches(own.search(rng), None, {}, {}, None, None, of)
        known = polynomial_features(target.age, target.male)
        own = best(self.output, seen)
        rest = best(self.output, residualise(seen, known, table["row"].to_numpy()))
        matchers: dict[str, Recogniser] = {}
        if self.output != "leaves":
            if can_learn:
                matchers["whitened"] = best(self.output, whiten(seen))
            matchers |= {"standardised": by(standardised, seen), "cosine": by(cosine, seen)}
        controls: dict[str, Recogniser] = {}
        if target.columns:
            controls["inputs"] = best("inputs", standardise_output("inputs", target.inputs))
        if self.output in target.controls:
            twin = standardise_output(self.output, target.view(self.output, control=True).values)
            controls["untrained"] = best(self.output, twin)
        parts = membership_groups(target)
        people = np.unique(enrolment.pool_subject)
        enough = parts and min(np.isin(people, one).sum() for one in parts.values()) >= MIN_PEOPLE

        def by_kind(seen: Recogniser | None) -> ByKind | None:
            if seen is None or not enough:
                return None
            return ByKind(**{kind: seen.search(rng, one) for kind, one in parts.items()})

        return OutputSearches(
            own=own.search(rng),
            beyond=rest.search(rng),
            matchers={name: one.search(rng) for name, one in matchers.items()},
            controls={name: one.search(rng) for name, one in controls.items()},
            by_kind=by_kind(own),
            inputs_by_kind=by_kind(controls.get("inputs")),
            groups=groups(target, enrolment),
        )

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> Dealt | None:
        """The same question where outputs share with others of their person what was planted."""
        return Dealt.of(self, partial(_seen, self.output), strength, knowing, seed)

    def estimate(self, evidence: OutputSearches, level: float, draw: Draw) -> Measured:
        """What `measure_search` says of the search, who would be found among so many people and who
        is named for certain; what is told beyond sex and age; whom the other matchers find first;
        of the controls whom they find first, how open-set search by them would do, and how many
        more are found first than by those (`gain_over_…`, of the same people); and how many more
        members are than others (`member_gap`).
        """
        rng = draw()
        found, curves = measure_search(evidence.own, level, rng)
        rules = judged(evidence.own, evidence.groups, self.galleries, level, draw)
        found.update(rules.estimates)
        curves.update({name: dict(one) for name, one in rules.curves.items()})
        if evidence.beyond is not None:
            beyond = measure_search(evidence.beyond, level, rng)[0]
            found |= {
                f"beyond_{key}": beyond[key] for key in ("rank1", "auc_known") if key in beyond
            }
        for name, one in evidence.matchers.items():
            found |= measure(name, one, level=level, rng=rng)[0]
        for name, one in evidence.controls.items():
            told = measure_search(one, level, rng)[0]
            found |= {f"{name}_{key}": told[key] for key in _CONTROLS if key in told}
            found[f"gain_over_{name}"] = paired_gain(evidence.own, one, level)
        for prefix, kinds in (("", evidence.by_kind), ("inputs_", evidence.inputs_by_kind)):
            if kinds is not None:
                for name, one in vars(kinds).items():
                    found[f"{prefix}{name}_rank1"] = identification_rate(one, 1, level)
                gap = rate_gap(kinds.members, kinds.nonmembers, level)
                found[f"{prefix}member_gap"] = gap
        return Measured(found, curves, rules.params)


def _seen(output: str, values: Rows, enrolment: Enrolment) -> Recogniser:
    return _best(output, standardise_output(output, values), enrolment)


def _best(output: str, seen: Rows, enrolment: Enrolment) -> Recogniser:
    """The match that is taught by other people's repeats; of leaves, that of equal ones."""
    if output == "leaves":
        return Recogniser.of_outputs(enrolment, seen, seen, cosine)
    if enrolment.n_mated < MIN_MATED_OUTPUTS:
        return Recogniser.of_outputs(enrolment, seen, seen, standardised)
    return repeat_plda(enrolment, seen[enrolment.gallery.row], seen[enrolment.pool.row])

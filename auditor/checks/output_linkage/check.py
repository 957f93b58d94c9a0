"""Does what a model gives out of a record name its person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.core.target import Target
from auditor.data.protocols import later
from auditor.stats.estimators import identification_rate, measure
from auditor.stats.searches import measure_search, paired_gain, rate_gap
from auditor.targets.context import Context

#: What of a control is told: whom it finds first, and how open-set search by it would do.
_CONTROLS = ("rank1", "auc_known", "eer", "tpir_at_fpir_10pct", "tpir_at_fpir_1pct")


def plan(target: Target) -> list[OnModel]:
    """Whether each thing that a model gives out names people."""
    return [OutputLinkage(target, output) for output in target.outputs]


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
    beyond : by what of it age and sex do not foretell
    matchers : by name, all of it by other matchers
    controls : `inputs`, by what the model was asked with, and `untrained`, by what random weights
        give out
    by_kind : own search among members and among others; None of too few
    inputs_by_kind : the same by the inputs
    """

    own: SearchResult
    beyond: SearchResult
    matchers: Mapping[str, SearchResult]
    controls: Mapping[str, SearchResult]
    by_kind: ByKind | None
    inputs_by_kind: ByKind | None


@dataclass(frozen=True, eq=False)
class OutputLinkage(OnModel):
    """An intruder who was given what a model gave out of one record of each person, with names,
    looks for those people in what it gave out of other records.
    """

    id: ClassVar[str] = "output-linkage"

    @property
    def protocol(self) -> str:
        """`cross-session` where enough people have records of two sessions."""
        return _protocol(target_records(self.target))

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        table = target_records(self.target)
        n = table["subject"].iloc[_probes(table, _protocol(table))].nunique()
        if n < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people with two records; found fewer"
        return None

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
        groups = membership_groups(target)
        people = np.unique(enrolment.pool_subject)
        enough = groups and min(np.isin(people, one).sum() for one in groups.values()) >= MIN_PEOPLE

        def by_kind(seen: Recogniser | None) -> ByKind | None:
            if seen is None or not enough:
                return None
            return ByKind(**{kind: seen.search(rng, one) for kind, one in groups.items()})

        return OutputSearches(
            own=own.search(rng),
            beyond=rest.search(rng),
            matchers={name: one.search(rng) for name, one in matchers.items()},
            controls={name: one.search(rng) for name, one in controls.items()},
            by_kind=by_kind(own),
            inputs_by_kind=by_kind(controls.get("inputs")),
        )

    def estimate(self, evidence: OutputSearches, level: float, draw: Draw) -> Measured:
        """What `measure_search` says of the search, and of what is told beyond sex and age; whom
        the other matchers find first; of the controls whom they find first, how open-set search by
        them would do, and how many more are found first than by those (`gain_over_…`, of the same
        people); and how many more members are than others (`member_gap`).
        """
        rng = draw()
        found, curves = measure_search(evidence.own, level, rng)
        told = measure_search(evidence.beyond, level, rng)[0]
        found |= {f"beyond_{key}": told[key] for key in ("rank1", "auc_known") if key in told}
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
        return Measured(found, curves)


def _protocol(records: pd.DataFrame) -> str:
    across = records["subject"].iloc[_probes(records, "cross-session")].nunique()
    return "cross-session" if across >= MIN_PEOPLE else "same-session"


def _probes(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    """Places of the later records that a protocol asks about."""
    first = records.groupby("subject")["session"].transform("first")
    moved = (records["session"] != first).to_numpy()
    places = later(records)
    return places[moved[places] == (protocol == "cross-session")]

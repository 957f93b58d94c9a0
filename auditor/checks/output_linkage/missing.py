"""Does which values a record lacks name its person?

What is measured of somebody is chosen for them: what is not says what they are treated for. A table
that is released without its values, or explanations in which an unknown input moves nothing, still
shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.demographics import target_records
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows, standardised
from auditor.attackers.output_features import MIN_MATED_OUTPUTS
from auditor.attackers.plda import repeat_plda
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import Draw, Measured
from auditor.checks.output_linkage.judged import ByOutput, Dealt, Groups, groups, judged
from auditor.checks.output_linkage.records import NOT_TWICE, later_records, protocol_of
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.core.target import Target
from auditor.stats.searches import measure_search, paired_gain
from auditor.targets.context import Context

#: Columns are ordered together where, of the records that lack either, so many lack both.
_TOGETHER = 0.5
#: Numbers of what a model gives out, that are not asked of what its table lacks.
_OF_OUTPUTS = (
    "beyond_rank1",
    "beyond_auc_known",
    "members_rank1",
    "nonmembers_rank1",
    "member_gap",
    "gain_over_inputs",
    "gain_over_untrained",
    *(f"{one}_rank1" for one in ("whitened", "standardised", "cosine")),
)
#: Of a control is told whom it finds first, and how open-set search by it would do.
_TOLD = ("rank1", "auc_known", "eer", "tpir_at_fpir_10pct", "tpir_at_fpir_1pct")


@dataclass(frozen=True, eq=False)
class MaskSearches:
    """Searches by which values are missing.

    Attributes
    ----------
    own : by the values that each record lacks
    panels : by the same with what is missing dealt anew, record by record, among the columns that
        are ordered together: by how much of each panel is missing, and not by what
    groups : of those who are searched for, who is in a group
    """

    own: SearchResult
    panels: SearchResult
    groups: Groups


@dataclass(frozen=True, eq=False)
class MaskLinkage(ByOutput):
    """An intruder who knows which values are missing in one record of each person, with names, and
    no value, looks for those people in which values other records lack.
    """

    output: str = "missing"

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Numbers that are told of what a model gives out."""
        return dict.fromkeys(_OF_OUTPUTS, "which values are missing is nothing that a model says")

    def attack(self, context: Context, rng: np.random.Generator) -> MaskSearches:
        """The match is taught by other people's repeats, where there are enough; else it is the
        distance of what is missing.

        Raises
        ------
        EvidenceError
            Fewer than ten people have two records.
        """
        del context
        table = target_records(self.target)
        mask = np.isnan(self.target.inputs[:, sometimes_missing(self.target)])
        dealt = _dealt(mask, panels(mask), rng)
        first = np.flatnonzero(~table["subject"].duplicated())
        places = later_records(table, protocol_of(table))
        enrolment = Enrolment.of_outputs(table, first, places, rng)
        if enrolment.n_mated < MIN_PEOPLE:
            raise EvidenceError(NOT_TWICE)

        own, control = (_best(one, enrolment).search(rng) for one in (mask, dealt))
        return MaskSearches(own, control, groups(self.target, enrolment))

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> Dealt | None:
        """The same question where records share with others of their person what they lack."""
        mask = np.isnan(self.target.inputs[:, sometimes_missing(self.target)])
        outputs = {self.output: lambda: mask.astype(np.float32)}
        lacking = replace(self, target=replace(self.target, outputs=outputs, _cache={}))
        return Dealt.of(lacking, _best, strength, knowing, seed)

    def estimate(self, evidence: MaskSearches, level: float, draw: Draw) -> Measured:
        """What `measure_search` says of the search, whom the control finds, and how many more are
        found than by it: by what of a panel is missing.
        """
        rng = draw()
        found, curves = measure_search(evidence.own, level, rng)
        told = measure_search(evidence.panels, level, rng)[0]
        found |= {f"panels_{key}": told[key] for key in _TOLD if key in told}
        found["gain_over_panels"] = paired_gain(evidence.own, evidence.panels, level)
        rules = judged(evidence.own, evidence.groups, self.galleries, level, draw)
        found.update(rules.estimates)
        curves.update({name: dict(one) for name, one in rules.curves.items()})
        return Measured(found, curves, rules.params)


def _best(mask: NDArray[Any], enrolment: Enrolment) -> Recogniser:
    """The match that is taught by other people's repeats, where there are enough."""
    seen = _in_spreads(mask)
    if enrolment.n_mated >= MIN_MATED_OUTPUTS:
        return repeat_plda(enrolment, seen[enrolment.gallery.row], seen[enrolment.pool.row])
    return Recogniser.of_outputs(enrolment, seen, seen, standardised)


def sometimes_missing(target: Target) -> NDArray[np.int64]:
    """Places of the inputs that some records lack and others do not."""
    lacking = np.isnan(target.inputs).sum(axis=0)
    return np.flatnonzero((lacking > 0) & (lacking < len(target.inputs)))


def panels(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(d,) the panel of each column: columns that mostly are missing together are of one, and so
    are those that others join.
    """
    lacks = mask.astype(np.float64)
    both = lacks.T @ lacks
    either = np.maximum(np.diag(both)[:, None] + np.diag(both) - both, 1)
    together = both / either >= _TOGETHER
    panel = np.arange(len(together))
    for column, others in enumerate(together):
        joined = np.unique(panel[others])
        panel[np.isin(panel, joined)] = panel[column]
    return np.unique(panel, return_inverse=True)[1]


def _dealt(
    mask: NDArray[np.bool_], panel: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The same with what each record lacks of a panel drawn anew among the panel's columns."""
    found = mask.copy()
    for one in np.unique(panel):
        found[:, panel == one] = rng.permuted(mask[:, panel == one], axis=1)
    return found


def _in_spreads(mask: NDArray[np.bool_]) -> Rows:
    """(n, d) what is missing, each column in units of its spread: what few lack tells most."""
    lacks = mask.astype(np.float64)
    spread = np.maximum(lacks.std(axis=0), 1e-9)
    return np.asarray((lacks - lacks.mean(axis=0)) / spread, dtype=np.float32)

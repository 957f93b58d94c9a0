"""How well does a model tell what is true of people it never saw?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.target import NONMEMBER, Floats, Target
from auditor.stats.delong import Difference, Scored, mean_auc
from auditor.stats.intervals import wilson_by_variance
from auditor.stats.metrics import by_person
from auditor.targets.context import Context

_SCORES = "scores"
_FEW = (
    f"needs {MIN_PEOPLE} people with a finding and as many without that the model never saw; found "
    "fewer; name more of them in its table of members"
)


def plan(target: Target) -> list[OnModel]:
    """One question to every model that scores findings."""
    told = _SCORES in target.outputs and any(_findings(target))
    return [Performance(target, _SCORES)] if told else []


def _findings(target: Target) -> list[bool]:
    """Of each label, whether it is a finding; those come first, as their scores do."""
    return [target.kind(one) == "finding" for one in target.labels]


@dataclass(frozen=True, eq=False)
class Told:
    """What scores say of people the model never saw, of each finding that enough of them have."""

    findings: tuple[Scored, ...]


@dataclass(frozen=True, eq=False)
class Performance(OnModel):
    """Nobody attacks: what a model is worth, as the price of what could be released instead."""

    id: ClassVar[str] = "performance"

    def unmet(self, context: Context) -> str | None:
        """Why nothing can be measured on this model; None when it can."""
        del context
        if self.target.membership_unknown:
            return self.target.membership_unknown
        truths = self.target.y_true[:, np.flatnonzero(_findings(self.target))]
        return None if any(self._told_of(np.isfinite(one), one) for one in truths.T) else _FEW

    def attack(self, context: Context, rng: np.random.Generator) -> Told:
        """What is true of people the model never saw, beside the mean of their scores; of what
        could be released instead also the scores that are released.

        Raises
        ------
        EvidenceError
            Of no finding are there enough people of both kinds.
        """
        del context, rng
        target = self.target
        every = [one for one in (target, target.instead_of) if one is not None]
        told = [one.view(_SCORES).values.astype(np.float64) for one in every]
        people = np.unique(target.subject)
        found = []
        for label in np.flatnonzero(_findings(target)):
            truth = target.y_true[:, label]
            seen = np.stack([truth, *(one[:, label] for one in told)])
            known = np.asarray(np.isfinite(seen).all(axis=0), dtype=np.bool_)
            if of := self._told_of(known, truth):
                rows, event = of
                subject = target.subject[rows]
                scores = np.stack([by_person(one[rows, label], subject) for one in told])
                found.append(Scored(np.searchsorted(people, np.unique(subject)), event, scores))
        if not found:
            raise EvidenceError(_FEW)
        return Told(tuple(found))

    def _told_of(
        self, known: NDArray[np.bool_], truth: Floats
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Which records are of people the model never saw, and who of these has a finding as often
        as not; None of too few.
        """
        rows = known & (self.target.split == NONMEMBER)
        if not rows.any():
            return None
        event = by_person(truth[rows], self.target.subject[rows]) >= 0.5
        return (rows, event) if min(event.sum(), (~event).sum()) >= MIN_PEOPLE else None

    def estimate(self, evidence: Told, level: float, draw: Draw) -> Measured:
        """The mean AUC over findings, and how much lower it is than what is released scores."""
        del draw
        n = len(np.unique(np.concatenate([one.person for one in evidence.findings])))
        auc, covariance = mean_auc(evidence.findings)
        value, variance = float(auc[0]), float(covariance[0, 0])
        low, high = wilson_by_variance(value, variance, n, level)
        found = {"auc": Estimate(value, low, high, level, n, 0.5)}
        if len(auc) > 1:
            spread = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
            lost = Difference(float(auc[1] - auc[0]), float(np.sqrt(max(spread, 0.0))))
            found["auc_lost"] = Estimate(lost.value, *lost.interval(level), level, n, 0.0)
        return Measured(found)

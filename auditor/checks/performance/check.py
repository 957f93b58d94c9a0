"""How well does a model tell what is true of people it never saw?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.target import NONMEMBER, Target
from auditor.stats.delong import Difference, Scored, mean_auc
from auditor.stats.intervals import wilson_by_variance
from auditor.stats.metrics import by_person
from auditor.targets.context import Context

_SCORES = "scores"


def plan(target: Target) -> list[OnModel]:
    """One question to every model that scores findings."""
    told = _SCORES in target.outputs and any(_findings(target))
    return [Performance(target, _SCORES)] if told else []


def _findings(target: Target) -> list[bool]:
    """Of each label, whether it is a finding; those come first, as their scores do."""
    return [target.kind(one) == "finding" for one in target.labels]


@dataclass(frozen=True, eq=False)
class Performance(OnModel):
    """Nobody attacks: what a model is worth, as the price of what could be released instead."""

    id: ClassVar[str] = "performance"

    def unmet(self, context: Context) -> str | None:
        """Why nothing can be measured on this model; None when it can."""
        del context
        return self.target.membership_unknown or None

    def attack(self, context: Context, rng: np.random.Generator) -> Sequence[Scored]:
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
            known = (target.split == NONMEMBER) & np.isfinite(truth)
            for one in told:
                known &= np.isfinite(one[:, label])
            subject = target.subject[known]
            if not len(subject):
                continue
            event = by_person(truth[known], subject) >= 0.5  # somebody who has it as often as not
            if min(event.sum(), (~event).sum()) < MIN_PEOPLE:
                continue
            scores = np.stack([by_person(one[known, label], subject) for one in told])
            found.append(Scored(np.searchsorted(people, np.unique(subject)), event, scores))
        if not found:
            raise EvidenceError(
                f"needs {MIN_PEOPLE} people with a finding and as many without that the model "
                "never saw; found fewer"
            )
        return found

    def estimate(self, evidence: Sequence[Scored], level: float, draw: Draw) -> Measured:
        """The mean AUC over findings, and how much lower it is than what is released scores."""
        del draw
        n = len(np.unique(np.concatenate([one.person for one in evidence])))
        auc, covariance = mean_auc(evidence)
        value, variance = float(auc[0]), float(covariance[0, 0])
        low, high = wilson_by_variance(value, variance, n, level)
        found = {"auc": Estimate(value, low, high, level, n, 0.5)}
        if len(auc) > 1:
            spread = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
            lost = Difference(float(auc[1] - auc[0]), float(np.sqrt(max(spread, 0.0))))
            found["auc_lost"] = Estimate(lost.value, *lost.interval(level), level, n, 0.0)
        return Measured(found)

"""What does one person's data change in what a recipe of training gives out, at worst?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.attackers.membership import Subjects, mean_of_known, standardised, trials, unmet
from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Trials
from auditor.core.finding import Estimate
from auditor.core.target import Floats, Target
from auditor.stats.intervals import clopper_pearson
from auditor.targets.context import Context

#: Canaries guessed at, of all: the most likely in and the most likely out; the others are left.
_GUESSED = 0.5


def plan(target: Target) -> list[OnModel]:
    """One question to a model that can be trained again and tells something."""
    return (
        [PrivacyLoss(target)]
        if target.train_reference is not None and target.y_true.shape[1]
        else []
    )


@dataclass(frozen=True, eq=False)
class PrivacyLoss(OnModel):
    """How much one person's records change what the recipe gives out: canaries, one training.

    People whom the model never saw are given labels by one coin (of classes and values: by lot, any
    that anybody has) and put into the training by another; the model that is then trained may tell
    the second coin no better than the privacy loss ε allows (Steinke, Nasr and Jagielski, NeurIPS
    2023). A canary is all records of a person, so that ε is a person's.
    """

    id: ClassVar[str] = "privacy-loss"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return unmet(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> Trials:
        """The fit of each canary, and whether it was in."""
        target = self.target
        assert target.train_reference is not None
        subjects = Subjects.of(target)
        canary = np.flatnonzero(~subjects.member)
        inside = rng.random(len(canary)) < 0.5
        truth = target.y_true.copy()
        person, record = subjects.sums.nonzero()
        label = np.stack([_by_lot(one, len(subjects.people), rng) for one in truth.T], axis=1)
        whose = np.isin(person, canary)
        known = np.isfinite(truth[record[whose]])
        truth[record[whose]] = np.where(known, label[person[whose]], np.nan)
        trained = subjects.member.copy()
        trained[canary[inside]] = True
        context.progress(f"canaries for {target.name}", 0, 0)
        fitted = target.train_reference(subjects.rows(trained), truth, context.seed)
        score = mean_of_known(standardised(subjects.pooled(fitted)[canary]))
        return trials(score, inside, subjects.people[canary])

    def estimate(self, evidence: Trials, level: float, draw: Draw) -> Measured:
        """ε, by how many of the canaries that were guessed at were guessed right.

        Who is ε-private lets nobody be right about a coin more often than e^ε / (1 + e^ε), so that
        as many right guesses as v of r are no likelier than in r throws with that chance (Steinke,
        Nasr and Jagielski 2023, Theorem 3.1, δ = 0). `low` is the lower bound at this level,
        two-sided.
        """
        del draw
        n = len(evidence.score)
        side = int(_GUESSED * n / 2)
        if 2 * side < MIN_PEOPLE:
            raise EvidenceError(f"needs {2 * MIN_PEOPLE} canaries; found fewer")
        order = np.argsort(evidence.score, kind="stable")
        least, most_likely = evidence.positive[order[:side]], evidence.positive[order[-side:]]
        right = int((~least).sum() + most_likely.sum())
        low, high = clopper_pearson(right, 2 * side, level)
        # None wrong of so many is not certainty: half a wrong guess stands for it.
        most = 1 - 0.5 / (2 * side)
        value, low, high = (_epsilon(min(one, most)) for one in (right / (2 * side), low, high))
        found = {"epsilon": Estimate(value, low, max(value, high), level, n, 0.0)}
        return Measured(found, params={"canaries": n, "guessed": 2 * side})


def _by_lot(truth: Floats, n: int, rng: np.random.Generator) -> Floats:
    """(n,) any of all that is true of anybody, each as likely: of a finding, yes or no."""
    known = np.unique(truth[np.isfinite(truth)])
    return np.asarray(known[rng.integers(0, len(known), n)]) if len(known) else np.full(n, np.nan)


def _epsilon(share: float) -> float:
    return float(np.log(share / (1 - share))) if share > 0.5 else 0.0

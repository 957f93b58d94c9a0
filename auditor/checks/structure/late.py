"""What trees tell that were grown after the best one, and that nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from auditor.attackers.membership import Subjects, label_centred, mean_of_known, standardised
from auditor.checks.base import Draw, Measured
from auditor.checks.structure.people import Structure, inputs_of, level_together, truth_of
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Trials
from auditor.core.finding import Estimate
from auditor.core.target import Target
from auditor.learning import boost
from auditor.stats.estimators import pooled_auc
from auditor.targets.context import Context
from auditor.targets.trees import fit_of


@dataclass(frozen=True, eq=False)
class Late:
    """How much better late trees make each person's fit, of members and of others.

    Attributes
    ----------
    people : larger where the late trees fit a person better than others of whom the same is true
    n_late, n_rounds : how often trees were grown after the best time, and at all, in all files
    """

    people: Trials
    n_late: int
    n_rounds: int


@dataclass(frozen=True, eq=False)
class LateTrees(Structure):
    """Whom trees fit better that were grown after the best iteration.

    Training that is stopped by people held back writes into the file which iteration was best, and
    leaves the trees there that were grown while it waited for a better one. They foretell nothing
    about anybody else, so that what they add to a fit is learnt by heart.
    """

    output: str = "late"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        if why := super().unmet(context):
            return why
        if not any(np.isfinite(truth_of(self.target, tell)).any() for tell, _ in late(self.target)):
            return "what is true of its records is not known; name its labels in model.yaml"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Late:
        """How much nearer to what is true late trees bring each person, beside those of whom the
        same is true.
        """
        del context, rng
        target = self.target
        subjects = Subjects.of(target)
        every = np.arange(len(target.record))
        gains, truths, n_late, n_rounds = [], [], 0, 0
        for tell, kept in late(target):
            booster, truth = target.trees[tell], truth_of(target, tell)
            rows, objective = inputs_of(target, booster, every), boost.objective_of(booster)
            whole, early = (
                fit_of(objective, one, rows, truth) for one in (booster, booster[:kept])
            )
            gains.append(whole - early)
            truths.append(truth)
            n_rounds += boost.n_rounds(booster)
            n_late += boost.n_rounds(booster) - kept
        own = subjects.pooled(np.stack(gains, axis=1))
        each = label_centred(own, subjects.pooled(np.stack(truths, axis=1)))
        trials = subjects.trials(mean_of_known(standardised(each)))
        if min(trials.positive.sum(), (~trials.positive).sum()) < MIN_PEOPLE:
            raise EvidenceError(
                f"needs at least {MIN_PEOPLE} members and {MIN_PEOPLE} others of whom it is known "
                "what is true; found fewer"
            )
        return Late(trials, n_late, n_rounds)

    def estimate(self, evidence: Late, level: float, draw: Draw) -> Measured:
        """How well members are told from others by that."""
        del draw
        found: dict[str, Estimate] = {
            "late_auc": pooled_auc(evidence.people, level_together(level, 1))
        }
        alarms = ["late_auc"] if found["late_auc"].low > 0.5 else []
        params: dict[str, Any] = {
            "alarms": alarms,
            "late_rounds": f"{evidence.n_late:,} of {evidence.n_rounds:,}",
        }
        return Measured(found, params=params)


def late(target: Target) -> Iterator[tuple[str, int]]:
    """The models with trees after the best iteration, and how many rounds there are up to it."""
    for tell, booster in target.trees.items():
        kept = _best(booster) + 1
        if 0 < kept < boost.n_rounds(booster):
            yield tell, kept


def _best(booster: xgboost.Booster) -> int:
    """The best iteration that the file names, counted from 0; −1 where it names none."""
    said = booster.attr("best_iteration") or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else -1

"""How well does a model tell what is true of people it never saw?

By its scores; or, where it gives out an embedding and none, by linear probes of that, as such
models are judged where they are published: taught on its members, asked of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.core.target import MEMBER, NONMEMBER, Floats, Target
from auditor.stats.delong import Difference, Scored, mean_auc
from auditor.stats.intervals import percentile, person_replicates, wilson_by_variance
from auditor.stats.metrics import by_person
from auditor.targets.context import Context

_SCORES, _EMBEDDING = "scores", "embedding"
_FEW = (
    f"needs {MIN_PEOPLE} people with a finding and as many without that the model never saw; found "
    "fewer; name more of them in its table of members"
)
_FEW_PROBED = (
    f"needs {MIN_PEOPLE} people with what is told and as many without, among its members and among "
    "those the model never saw; found fewer"
)
#: How much the weights of a probe cost, of which the best for its own people, one left out at a
#: time, is taken.
_PENALTIES = np.logspace(-2, 6, 17)


def plan(target: Target) -> list[OnModel]:
    """One question to every model that scores findings; of the others to those alone that are
    also asked as they were earlier in their training.
    """
    if _SCORES in target.outputs and any(_findings(target)):
        return [Performance(target, _SCORES)]
    stopped = target.stages or target.stopped_at is not None
    return [Probed(target, _EMBEDDING)] if stopped and _EMBEDDING in target.outputs else []


def _findings(target: Target) -> list[bool]:
    """Of each label, whether it is a finding; those come first, as their scores do."""
    return [target.kind(one) == "finding" for one in target.labels]


@dataclass(frozen=True, eq=False)
class Told:
    """What scores say of people the model never saw, of each finding that enough of them have."""

    findings: tuple[Scored, ...]


@dataclass(frozen=True, eq=False)
class Guessed:
    """What is guessed of values of people the model never saw.

    Attributes
    ----------
    truth : (n, m) NaN where it is not known
    guesses : (n_models, n, m)
    """

    truth: Floats
    guesses: Floats


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

    def attack(self, context: Context, rng: np.random.Generator) -> Any:
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

    def estimate(self, evidence: Any, level: float, draw: Draw) -> Measured:
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


@dataclass(frozen=True, eq=False)
class Probed(Performance):
    """The same of a model that tells nothing by itself: of its values, where it has any, and of
    findings otherwise.
    """

    def unmet(self, context: Context) -> str | None:
        """Why nothing can be measured on this model; None when it can."""
        del context
        if self.target.membership_unknown:
            return self.target.membership_unknown
        return None if self._asked else _FEW_PROBED

    @cached_property
    def _asked(self) -> list[tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Of each value or finding that enough people have: (n_people,) what is true of each, who
        of them a probe is taught on, and who it is asked of.
        """
        target = self.target
        values = list(target.values.values())
        findings = target.y_true[:, np.flatnonzero(_findings(target))].T
        split = self._of_people(target.split.astype(np.float64))
        found = []
        for truth in values or findings:
            each = self._of_people(truth)
            if not values:
                each = np.where(np.isfinite(each), each >= 0.5, np.nan)
            known = np.isfinite(each)
            parts = [known & (split == kind) for kind in (MEMBER, NONMEMBER)]
            kinds = [part & (each == kind) for part in parts for kind in (0, 1)]
            if min(part.sum() for part in (parts if values else kinds)) >= MIN_PEOPLE:
                found.append((each, *parts))
        return found

    def _of_people(self, values: Floats) -> Floats:
        """(n_people,) the mean over the records of each of which it is known."""
        known = np.isfinite(values)
        _, person = np.unique(self.target.subject, return_inverse=True)
        count = np.bincount(person[known], minlength=person.max() + 1)
        total = np.bincount(person[known], weights=values[known], minlength=person.max() + 1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def attack(self, context: Context, rng: np.random.Generator) -> Told | Guessed:
        """What is true of people the model never saw, beside what a probe of its embedding says;
        of what could be released instead also what one says of what is released.

        Raises
        ------
        EvidenceError
            There are too few people to teach a probe, or to ask it of.
        """
        del context, rng
        target = self.target
        every = [one for one in (target, target.instead_of) if one is not None]
        rows = [one.view(_EMBEDDING).values.astype(np.float64) for one in every]
        # A person is a row: one with many recordings teaches no more than others.
        people = [np.stack([self._of_people(one) for one in each.T], axis=1) for each in rows]
        if not self._asked:
            raise EvidenceError(_FEW_PROBED)
        if not target.values:
            return Told(
                tuple(
                    Scored(
                        np.flatnonzero(asked),
                        truth[asked] == 1,
                        np.stack([_probe(one, truth, taught)[asked] for one in people]),
                    )
                    for truth, taught, asked in self._asked
                )
            )
        truths = np.stack([np.where(asked, truth, np.nan) for truth, _, asked in self._asked], 1)
        guesses = np.stack(
            [np.stack([_probe(one, *each[:2]) for each in self._asked], axis=1) for one in people]
        )
        some = np.isfinite(truths).any(axis=1)
        return Guessed(truths[some], guesses[:, some])

    def estimate(self, evidence: Told | Guessed, level: float, draw: Draw) -> Measured:
        """Of findings as of scores; of values the mean R² over them, and how much lower it is."""
        if isinstance(evidence, Told):
            return super().estimate(evidence, level, draw)
        known = np.isfinite(evidence.truth)
        truth = np.where(known, evidence.truth, 0.0)
        middle = truth.sum(axis=0) / known.sum(axis=0)
        apart = np.where(known, (truth - middle) ** 2, 0.0)
        lost = [np.where(known, (truth - one) ** 2, 0.0) for one in evidence.guesses]
        n = len(truth)

        def statistic(weights: Floats) -> Floats:
            each = [(1 - (weights @ one) / (weights @ apart)).mean(axis=1) for one in lost]
            return np.stack([each[0], each[-1] - each[0]], axis=1)

        r2, r2_lost = statistic(np.ones((1, n)))[0]
        drawn = person_replicates(statistic, n, draw())
        found = {"probe_r2": Estimate(float(r2), *percentile(drawn[:, 0], level), level, n, 0.0)}
        if len(lost) > 1:
            ends = percentile(drawn[:, 1], level)
            found["probe_r2_lost"] = Estimate(float(r2_lost), *ends, level, n, 0.0)
        return Measured(found)


def _probe(rows: Floats, truth: Floats, taught: NDArray[np.bool_]) -> Floats:
    """(n,) what a linear probe says of all, taught on some; what it is told is standardised as the
    taught have it, so that the scale of a network is no advantage.
    """
    centre, spread = rows[taught].mean(axis=0), rows[taught].std(axis=0)
    table = (rows - centre) / np.maximum(spread, 1e-6)
    probe = RidgeCV(alphas=_PENALTIES).fit(table[taught], truth[taught])
    return np.asarray(probe.predict(table), dtype=np.float64)

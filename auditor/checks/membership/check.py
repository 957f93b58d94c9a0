"""Was a person's data used to train a model? Asked of people, never of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.membership import (
    Beside,
    OfWhomTheSameIsTrue,
    References,
    Subjects,
    blind_guesses,
    complementary_halves,
    explanation_guesses,
    mean_of_known,
    most_of_known,
    reference_fits,
    standardised,
    unmet,
)
from auditor.attackers.planted_fits import PlantedFits
from auditor.checks.base import Draw, Measured, OnModel
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Trials
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Floats, Places, Target, TrainReference
from auditor.stats import metrics
from auditor.stats.estimators import measure, pooled_auc, pooled_value, rounded
from auditor.stats.intervals import wilson
from auditor.stats.rare_errors import tpr_bounds
from auditor.stats.small_cells import FEW
from auditor.targets.context import Context

#: Reference models: pairs, so that each person is in the training of as many as not.
REFERENCES = 4
#: Models of a suite after which the attack is judged.
_SUITES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Of what a model tells, a twin is made of so many: it shows that the attack can, not how often.
_TWIN_LABELS = 2
_RATES = {"1pct": 0.01, "0.1pct": 0.001}
#: Share of false names among those that stand out, at most.
_FALSE = 0.05


def plan(target: Target) -> list[OnModel]:
    """One question to every model."""
    return [Membership(target)]


@dataclass(frozen=True, eq=False)
class MembershipScores:
    """Scores of people by each attack; larger is likelier a member.

    Attributes
    ----------
    own : by the attack that was chosen before anything was seen
    loss : by the fit alone
    lira, lira_offline : by likelihood ratios; None without reference models
    most_telling : by each person's most telling model; None of a single one
    explanation : by the explanations of people's records; None where the model gives none
    first_n_models : by number, of so many models of a suite
    blind : of somebody who never asks the model; None where members are only called so
    permuted : the same of somebody who was told the wrong members, permutation by permutation
    """

    own: Trials
    loss: Trials
    lira: Trials | None
    lira_offline: Trials | None
    most_telling: Trials | None
    explanation: Trials | None
    first_n_models: Mapping[int, Trials]
    blind: Trials | None
    permuted: tuple[Trials, ...]

    @classmethod
    def of(cls, subjects: Subjects, own: Floats, beside: Beside, order: Places) -> MembershipScores:
        """By the fit, (p, m).

        Parameters
        ----------
        order : (m,) in which models of a suite are released; of a single one nothing
        """
        each = standardised(beside.held(own))
        online, offline = None, None
        if isinstance(beside, References):
            online, offline = (
                subjects.trials(mean_of_known(one)) for one in beside.likelihood_ratios(own)
            )
        sizes = sorted({min(n, len(order)) for n in _SUITES if len(order)})
        return cls(
            own=subjects.trials(mean_of_known(each)),
            loss=subjects.trials(mean_of_known(standardised(own))),
            lira=online,
            lira_offline=offline,
            most_telling=subjects.trials(most_of_known(each)) if each.shape[1] > 1 else None,
            explanation=None,
            first_n_models={n: subjects.trials(mean_of_known(each[:, order[:n]])) for n in sizes},
            blind=None,
            permuted=(),
        )

    @property
    def others(self) -> dict[str, Trials]:
        """The attacks beside the own, by the names that they are told by."""
        every = {
            "loss": self.loss,
            "lira": self.lira,
            "lira_offline": self.lira_offline,
            "max": self.most_telling,
            "explanation": self.explanation,
        }
        return {name: one for name, one in every.items() if one is not None}


@dataclass(frozen=True, eq=False)
class Membership(OnModel):
    """An intruder holds records of a person and the model, and wants to know whether the person was
    in the training data.

    How well the model fits each record is pooled over the person's records and over all that the
    model tells. Where the recipe is known, reference models are trained on random halves of the
    people, and the fit is held against the middle of what it is with and without the person in
    training: the ratio of RMIA (Zarifzadeh et al., ICML 2024), which then is LiRA's (Carlini et
    al., S&P 2022) with one spread for all. Else it is held against those of whom the same is true.

    Attributes
    ----------
    references : models that are trained, an even number; LiRA's own score needs more than few
    """

    references: int = REFERENCES
    id: ClassVar[str] = "membership"
    #: What was trained for one twin, and is the same for the other.
    _trained: dict[tuple[bytes, bytes, int], Floats] = field(default_factory=dict, repr=False)

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """What is told by explanations, where it gives none."""
        return {} if self._explained else {"explanation_auc": "it is no trees that explain"}

    @property
    def _explained(self) -> bool:
        return bool(self.target.trees) and "explanation" in self.target.outputs

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        del context
        return unmet(self.target)

    def attack(self, context: Context, rng: np.random.Generator) -> MembershipScores:
        """Scores by each attack; the own is by references where there can be some, else by the
        population.
        """
        target = self.target
        subjects = Subjects.of(target)
        context.progress(f"membership of {target.name}", 0, 0)
        own = self._fit(subjects, context)
        beside = self._beside(subjects, context, rng)
        n_labels = own.shape[1]
        order = rng.permutation(n_labels) if n_labels > 1 else np.zeros(0, dtype=np.int64)
        blind, permuted = blind_guesses(target, subjects, rng)
        return replace(
            MembershipScores.of(subjects, own, beside, order),
            explanation=explanation_guesses(target, subjects, rng) if self._explained else None,
            blind=blind,
            permuted=permuted,
        )

    def _fit(self, subjects: Subjects, context: Context) -> Floats:
        """(p, m) how well the model fits each person; asked once."""
        assert self.target.membership_signal is not None
        key = "fit", self.target
        if key not in context.memo:
            context.memo[key] = subjects.pooled(self.target.membership_signal())
        found: Floats = context.memo[key]
        return found

    def _beside(self, subjects: Subjects, context: Context, rng: np.random.Generator) -> Beside:
        """What a person's fit is held against."""
        target = self.target
        if target.train_reference is None:
            return OfWhomTheSameIsTrue(subjects.pooled(target.y_true))
        inside = complementary_halves(len(subjects.people), self.references, rng)
        key = "reference models", target, inside.tobytes()
        if key not in context.memo:
            context.memo[key] = reference_fits(
                target, target.train_reference, subjects, inside, context
            )
        return References(context.memo[key], inside)

    def estimate(self, evidence: MembershipScores, level: float, draw: Draw) -> Measured:
        """What the attack found.

        `auc` and `tpr_at_fpr_…` are the attack's own; `loss_auc`, `lira_auc`, `lira_offline_auc`
        those of others on the same people; `max_auc` of each person's most telling model;
        `explanation_auc` of somebody who is given explanations and knows who else is a member;
        `blind_auc` of somebody who never asked the model. `singled_out` is the share of members who
        are named one by one with at most one in twenty wrong.

        Raises
        ------
        EvidenceError
            Members and others can be told apart without the model: nothing can be said about it.
        """
        own = evidence.own
        found = {"auc": pooled_auc(own, level)}
        if evidence.blind is not None:
            blind = found["blind_auc"] = pooled_auc(evidence.blind, level)
            luck = [pooled_value(one) for one in evidence.permuted]
            if luck and blind.value > max(luck):
                raise EvidenceError(
                    "void: members and the others differ before any model is asked (told apart "
                    f"with an AUC of {blind.value:.2f}, by luck at most {max(luck):.2f}); name "
                    "others who were drawn as the members were"
                )
        found |= {f"{name}_auc": pooled_auc(one, level) for name, one in evidence.others.items()}
        for label, fpr in _RATES.items():
            try:
                found[f"tpr_at_fpr_{label}"] = _tpr(own, fpr, level)
            except EvidenceError:
                continue  # finer than these people can show
        params: dict[str, Any] = {}
        named, n = _singled_out(own), int(own.positive.sum())
        if 0 < named < MIN_PEOPLE:
            params["singled_out"] = FEW
        else:
            low, high = wilson(named, n, level)
            found["singled_out"] = Estimate(named / n, low, high, level, n, 0.0)
        _, curves = measure("membership", own, level=level, rng=draw())
        if len(evidence.first_n_models) > 1:
            curves["suite"] = _by_number_of_models(evidence.first_n_models)
        return Measured(found, curves, params)

    def twin(self, planted: bool, seed: int) -> Membership | None:
        """The same question to a model that was trained on half of these people; None where none
        can be trained.

        Parameters
        ----------
        planted : whether those who are called members are those whom the model learnt by heart
        """
        overfit = self.target.train_overfitted
        if overfit is None:
            return None

        def remembered(rows: NDArray[np.bool_], truth: Floats, seed: int) -> Floats:
            key = rows.tobytes(), truth.tobytes(), seed
            if key not in self._trained:
                self._trained[key] = overfit(rows, truth, seed)
            return self._trained[key]

        rng = stream(seed, f"membership/{self.target.name}/twin")
        return replace(self, target=_twin(self.target, remembered, planted, rng))

    def dealt_anew(self, strength: float, knowing: bool, seed: int) -> Dealt | None:
        """The same question about people of whom others are called members, and fitted better;
        None where a twin can be trained instead that learnt its members by heart.
        """
        if self.target.train_overfitted or self.target.membership_signal is None:
            return None
        return Dealt(self.target, strength=strength, knowing=knowing, seed=seed)


@dataclass(frozen=True, eq=False)
class Dealt(Membership):
    """An intruder looks for people who are called members in place of those who are, and whom the
    model fits better by a known amount.

    That shows how small a leak in the fit the attack tells among these people. Without reference
    models it shows nothing of an intruder who trains some: such a one finds more of the same model.

    Attributes
    ----------
    strength : how much is planted
    knowing : whether the intruder knows how
    seed : by which those are drawn who are called members
    """

    strength: float = 0.0
    knowing: bool = False
    seed: int = 0

    def attack(self, context: Context, rng: np.random.Generator) -> MembershipScores:
        """Scores by the fit; to somebody who knows how it was planted, by what is likelier."""
        subjects = Subjects.of(self.target)
        own, beside = self._fit(subjects, context), self._beside(subjects, context, rng)
        lot = stream(self.seed, f"planted/{self.target.name}/members")
        fits = PlantedFits.of(subjects, own, beside.held, self.strength, lot)
        nobody = np.zeros(0, dtype=np.int64)
        seen = MembershipScores.of(fits.subjects, fits.own, beside, nobody)
        if not self.knowing:
            return seen
        known = fits.subjects.trials(fits.likelihood_ratio())
        others = ("lira", "lira_offline", "most_telling")
        asked: dict[str, Any] = {name: known for name in others if getattr(seen, name) is not None}
        return replace(seen, own=known, loss=known, **asked)


def _twin(
    target: Target, overfit: TrainReference, planted: bool, rng: np.random.Generator
) -> Target:
    """The same people and records, and a model that learnt half of them by heart; who is called a
    member is that half, or any half.
    """
    subjects = Subjects.of(target)
    n = len(subjects.people)
    learnt, called = (complementary_halves(n, 2, rng)[0] for _ in range(2))
    member = subjects.rows(learnt if planted else called)
    part = np.where(member, MEMBER, NONMEMBER).astype(np.int8)
    part[~subjects.rows(np.ones(n, dtype=bool))] = NEITHER
    truth = target.y_true.copy()
    truth[:, _TWIN_LABELS:] = np.nan
    fitted = overfit(subjects.rows(learnt), truth, int(rng.integers(2**31)))
    return replace(
        target,
        split=part,
        y_true=truth,
        outputs={},  # a training says how well it fits, and nothing else
        membership_signal=lambda: fitted,
        train_reference=overfit,
        _cache={},
    )


# --- what scores amount to ----------------------------------------------------------------


def _tpr(trials: Trials, fpr: float, level: float) -> Estimate:
    """The share of members above what so few of the others reach."""
    score, member, _ = metrics.person_trials(trials)
    value = metrics.tpr_at_fpr(score, member, fpr)
    low, high = tpr_bounds(score, member, fpr, level)
    return Estimate(value, low, high, level, int(member.sum()), fpr)


def _singled_out(trials: Trials) -> int:
    """How many members can be named one by one, with at most `_FALSE` of the names wrong.

    A member's p is the share of the others who score as high, themselves counted; of all, as many
    are named as Benjamini and Hochberg allow. With others drawn as members were, this holds
    whatever the scores are like (Bates et al. 2023, Ann Stat 51:149).
    """
    score, member, _ = metrics.person_trials(trials)
    others = np.sort(score[~member])
    above = len(others) - np.searchsorted(others, score[member], side="left")
    p = np.sort((1 + above) / (1 + len(others)))
    within = np.flatnonzero(p <= _FALSE * np.arange(1, len(p) + 1) / len(p))
    return int(within[-1] + 1) if len(within) else 0


def _by_number_of_models(first_n_models: Mapping[int, Trials]) -> dict[str, list[Any]]:
    """How much is found when more models are released, together."""
    sizes = sorted(first_n_models)
    columns = [metrics.person_trials(first_n_models[n]) for n in sizes]
    curve: dict[str, list[Any]] = {
        "models": list(sizes),
        "auc": rounded(metrics.auc(score, member) for score, member, _ in columns),
    }
    if all((~member).sum() >= 1 / _RATES["1pct"] for _, member, _ in columns):
        rates = (metrics.tpr_at_fpr(score, member, _RATES["1pct"]) for score, member, _ in columns)
        curve["tpr"] = rounded(rates)
    return curve

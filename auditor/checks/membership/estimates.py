"""What scores of members and others amount to: AUC, rates at small error, who stands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import Curves, measure, rounded
from auditor.stats.intervals import clopper_pearson, newcombe_auc, wilson

Floats = NDArray[np.float64]
_RATES = {"1pct": 0.01, "0.1pct": 0.001}
#: Share of false names among those that stand out, at most.
_FALSE = 0.05
#: Canaries guessed at, of all: the most likely in and the most likely out; the others are left.
_GUESSED = 0.5


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """What an attack on membership found.

    `auc` and `tpr_at_fpr_…` are the attack's own; `loss_auc`, `lira_auc`, `lira_offline_auc`
    those of others on the same people; `max_auc` of each person's most telling model; `blind_auc`
    of somebody who never asked the model. `singled_out` is the share of members who are named one
    by one with at most one in twenty wrong.

    Raises
    ------
    EvidenceError
        Members and others can be told apart without the model: nothing about it can be said.
    """
    trials = {name: one for name, one in seen.items() if isinstance(one, Trials)}
    blind = _auc(trials["blind"], level)
    luck = [_auc(one, level).value for name, one in trials.items() if name[:8] == "blind to"]
    if luck and blind.value > max(luck):
        raise EvidenceError(
            "void: members and the others differ before any model is asked (told apart with an "
            f"AUC of {blind.value:.2f}, by luck at most {max(luck):.2f}); name others who were "
            "drawn as the members were"
        )
    own = trials[""]
    found = {"auc": _auc(own, level), "blind_auc": blind}
    for name in ("loss", "lira", "lira_offline", "max"):
        if name in trials:
            found[f"{name}_auc"] = _auc(trials[name], level)
    for label, fpr in _RATES.items():
        try:
            found[f"tpr_at_fpr_{label}"] = _tpr(own, fpr, level)
        except EvidenceError:
            continue  # finer than these people can show
    params: dict[str, Any] = {}
    out = _singled_out(own)
    n = int(own.positive.sum())
    if 0 < out < MIN_PEOPLE:
        params["singled_out"] = f"1 to {MIN_PEOPLE - 1} people"
    else:
        low, high = wilson(out, n, level)
        found["singled_out"] = Estimate(out / n, low, high, level, n, 0.0)
    _, curves = measure("membership", own, level=level, rng=rng)
    suites = {int(name.split()[1]): one for name, one in trials.items() if name[:5] == "suite"}
    if len(suites) > 1:
        curves["suite"] = _by_suite(suites)
    return found, curves, params


def privacy_loss(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """ε, by how many of the canaries that were guessed at were guessed right.

    Who is ε-private lets nobody be right about a coin more often than e^ε / (1 + e^ε), so that as
    many right guesses as v of r are no likelier than in r throws with that chance (Steinke, Nasr
    and Jagielski 2023, Theorem 3.1, δ = 0). `low` is the lower bound at this level, two-sided.
    """
    canaries = seen[""]
    assert isinstance(canaries, Trials)
    n = len(canaries.score)
    side = int(_GUESSED * n / 2)
    if 2 * side < MIN_PEOPLE:
        raise EvidenceError(f"needs {2 * MIN_PEOPLE} canaries; found fewer")
    order = np.argsort(canaries.score, kind="stable")
    right = int((~canaries.positive[order[:side]]).sum() + canaries.positive[order[-side:]].sum())
    low, high = clopper_pearson(right, 2 * side, level)
    # None wrong of so many is not certainty: half a wrong guess stands for it.
    most = 1 - 0.5 / (2 * side)
    value, low, high = (_epsilon(min(one, most)) for one in (right / (2 * side), low, high))
    estimate = Estimate(value, low, max(value, high), level, n, 0.0)
    return {"epsilon": estimate}, {}, {"canaries": n, "guessed": 2 * side}


def _epsilon(share: float) -> float:
    return float(np.log(share / (1 - share))) if share > 0.5 else 0.0


def _auc(trials: Trials, level: float) -> Estimate:
    score, member, _ = metrics.person_trials(trials)
    n, n_members = len(score), int(member.sum())
    value = metrics.auc(score, member)
    low, high = newcombe_auc(value, n_members, n - n_members, level)
    return Estimate(value, low, high, level, n, 0.5)


def _tpr(trials: Trials, fpr: float, level: float) -> Estimate:
    """The share of members above what so few of the others reach.

    Of n others, a binomial number K lies above the threshold that a share `fpr` of all others
    reaches, whatever scores are like. The interval is that of Wilson at the strictest and at the
    mildest threshold that K allows, each of the two at half the error. Where none of the others may
    lie above (fewer than some 440 of them at 1 %), nothing is known of the strictest: the lower end
    is 0.
    """
    score, member, _ = metrics.person_trials(trials)
    value = metrics.tpr_at_fpr(score, member, fpr)
    ours, others = score[member], np.sort(score[~member])[::-1]
    half = (1 + level) / 2
    fewest, most = (
        int(binom.ppf(one, len(others), fpr)) for one in ((1 - half) / 2, (1 + half) / 2)
    )
    strict = (ours > others[fewest - 1]).mean() if fewest else 0.0
    mild = (ours > others[most]).mean()
    n = len(ours)
    low, _ = wilson(min(strict, value) * n, n, half)
    _, high = wilson(max(mild, value) * n, n, half)
    return Estimate(value, low, high, level, n, fpr)


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


def _by_suite(suites: Mapping[int, Trials]) -> dict[str, list[Any]]:
    """How much is found when more models are released, together."""
    sizes = sorted(suites)
    columns = [metrics.person_trials(suites[n]) for n in sizes]
    curve: dict[str, list[Any]] = {
        "models": list(sizes),
        "auc": rounded(metrics.auc(score, member) for score, member, _ in columns),
    }
    if all((~member).sum() >= 1 / _RATES["1pct"] for _, member, _ in columns):
        rates = (metrics.tpr_at_fpr(score, member, _RATES["1pct"]) for score, member, _ in columns)
        curve["tpr"] = rounded(rates)
    return curve

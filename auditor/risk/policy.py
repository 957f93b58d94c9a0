"""Estimates become a verdict: what a profile asks, and what an audit answers.

A rule *passes* when the upper bound is within its limit, *fails* when the lower bound is beyond it,
is *inconclusive* when the limit lies inside the interval, and *not assessed* when nothing measured
it. The gate fails closed: a required rule that is not settled does not pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditor.core.errors import ConfigError
from auditor.core.finding import Estimate, Finding, Outcome, Ruling, Verdict
from auditor.risk.intervals import wilson


class Rule(BaseModel):
    """One limit on one number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    check: str
    protocol: str | None = None
    estimate: str
    limit: float
    #: Where the limit comes from: law, precedent, or our default.
    basis: str
    #: A rule that is not required is shown, and changes no verdict.
    required: bool = True
    #: The views of which one must have been measured, and shown able, before the rule may pass.
    strongest: tuple[str, ...] = ()
    #: The rule is about models: it is left out where none is released, and each is judged.
    models: bool = False


class Profile(BaseModel):
    """Who receives a release, and what it is held to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    context: str
    #: People among whom an intruder would have to look.
    population: int = Field(gt=0)
    rules: tuple[Rule, ...] = Field(min_length=1)


def parse_profile(raw: Mapping[str, Any]) -> Profile:
    """A profile as read from YAML.

    Raises
    ------
    ConfigError
        A key is unknown or a value is wrong.
    """
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        if problem["type"] == "extra_forbidden":
            raise ConfigError(f"unknown key {where}") from None
        raise ConfigError(f"{where}: {problem['msg']}, seen {problem['input']!r:.60}") from None
    ids = [rule.id for rule in profile.rules]
    if len(set(ids)) < len(ids):
        raise ConfigError("two rules have the same id")
    if not any(rule.required for rule in profile.rules):
        raise ConfigError("no rule is required: every release would pass")
    return profile


#: How a ruling tells what it judged.
_SENTENCES = {
    "rank1": "An intruder's first pick is the right person in {} of cases",
    "direct": "{} of people carry a direct identifier",
    "ages_over_89": "{} of people are given with an age over 89",
    "max_risk": "The most exposed person can be named with a chance of {}",
    "below_11": "{} of people share their values with fewer than ten others",
    "sex_auc": "Sex can be told from the ECG with an AUC of {}",
    "tpr_at_fpr_1pct": "Of the people a model was trained on, {} are named at one false name in a "
    "hundred others",
    "copied": "Pictures of {} in its training are drawn again by a model",
    "full_recited": "Training answers of {} are told again by a model, word for word",
    "auc": "People a model was trained on are told from others with an AUC of {}",
    "age_gain_years": "Guesses of age are better than naming the middle age by {}",
}


def judge(findings: Iterable[Finding], profile: Profile) -> Verdict:
    """What a profile says about an audit."""
    found = list(findings)
    asked = {one.check for one in found}
    rules = [rule for rule in profile.rules if not rule.models or rule.check in asked]
    rulings = tuple(_rule(rule, found) for rule in rules)
    outcomes = [ruling.outcome for ruling in rulings if ruling.required]
    # Where nothing is asked, nothing has passed.
    worst: Outcome = "pass" if outcomes else "not assessed"
    ascending: tuple[Outcome, ...] = ("not assessed", "inconclusive", "fail")
    for outcome in ascending:
        if outcome in outcomes:
            worst = outcome
    return Verdict(worst, rulings)


def competence_needed(findings: Iterable[Finding], profile: Profile) -> list[Finding]:
    """The findings whose attack's competence is all that a required rule lacks to pass."""
    found = list(findings)
    wanted: list[Finding] = []
    for rule in profile.rules:
        measured = _measured(rule, found)
        if rule.required and measured and _within(rule, measured):
            wanted += [one for one in _to_be_proven(rule, measured) if one not in wanted]
    return wanted


def _to_be_proven(rule: Rule, measured: Sequence[Finding]) -> list[Finding]:
    """The findings whose attack must be shown to be able: of recordings the strongest's, of models
    each one's.
    """
    if rule.models:
        return list(measured)
    return [one for one in measured if one.view in rule.strongest][-1:]


def _rule(rule: Rule, findings: Sequence[Finding]) -> Ruling:
    measured = _measured(rule, findings)
    if few := _some_but_few(rule, findings):
        return _ruling(rule, "fail", f"{few}, where the limit is nobody")
    if not measured:
        return _ruling(rule, "not assessed", _why_unmeasured(rule, findings))
    strongest = max(measured, key=lambda one: one.estimates[rule.estimate].value)
    proven = max(measured, key=lambda one: one.estimates[rule.estimate].low)
    bound = proven.estimates[rule.estimate]
    if bound.low > rule.limit and _beyond_chance(bound):
        return _ruling(rule, "fail", _told(rule, bound, "beyond"), proven)
    estimate = strongest.estimates[rule.estimate]
    if estimate.chance is not None and estimate.chance > rule.limit > 0:
        needed = math.ceil(1 / rule.limit)
        reason = (
            f"guessing alone reaches {_shown(rule, estimate.chance)} among so few people, beyond "
            f"the limit of {_shown(rule, rule.limit)}; at least {needed} people are needed"
        )
        return _ruling(rule, "not assessed", reason, strongest)
    if not _within(rule, measured):
        widest = max(measured, key=lambda one: one.estimates[rule.estimate].high)
        estimate = widest.estimates[rule.estimate]
        reason = f"{_told(rule, estimate, 'not shown to be within')}; {_settled_by(rule, estimate)}"
        return _ruling(rule, "inconclusive", reason, widest)
    if rule.models and (without := _unmeasured(rule, findings)):
        return _ruling(rule, "not assessed", without.reason or "there are too few people for it")
    if rule.strongest or rule.models:
        able = _to_be_proven(rule, measured)
        if not able:
            reason = (
                "only weaker attacks were carried out, and they may fail a release but not pass "
                f"it; the strongest, {' or '.join(rule.strongest)}, was not"
            )
            return _ruling(rule, "not assessed", reason, strongest)
        for one in able:
            if doubt := _incompetent(rule, one, findings):
                return _ruling(rule, "inconclusive", doubt, one if rule.models else strongest)
    return _ruling(rule, "pass", _told(rule, estimate, "within"), strongest)


def _measured(rule: Rule, findings: Sequence[Finding]) -> list[Finding]:
    return [
        one
        for one in findings
        if one.check == rule.check
        and (rule.protocol is None or one.protocol == rule.protocol)
        and one.status == "measured"
        and rule.estimate in one.estimates
    ]


def _some_but_few(rule: Rule, findings: Sequence[Finding]) -> str | None:
    """Where nobody may be hit and fewer than ten are, whose number is not told: that some are."""
    for one in findings:
        asked = one.check == rule.check and (rule.protocol is None or one.protocol == rule.protocol)
        told = one.params.get(rule.estimate)
        if asked and rule.limit == 0 and isinstance(told, str):
            return f"{_SENTENCES.get(rule.estimate, '{}').format(told)}"
    return None


def _unmeasured(rule: Rule, findings: Sequence[Finding]) -> Finding | None:
    """A model of which the rule's question has no answer."""
    for one in findings:
        asked = one.check == rule.check and (rule.protocol is None or one.protocol == rule.protocol)
        if asked and not (one.status == "measured" and rule.estimate in one.estimates):
            return one
    return None


def _within(rule: Rule, measured: Sequence[Finding]) -> bool:
    return all(one.estimates[rule.estimate].high <= rule.limit for one in measured) or (
        # Where nobody may be hit and nobody was, the interval speaks of other people.
        rule.limit == 0 and all(one.estimates[rule.estimate].value == 0 for one in measured)
    )


def _beyond_chance(estimate: Estimate) -> bool:
    return estimate.chance is None or estimate.low > estimate.chance


def _incompetent(rule: Rule, finding: Finding, findings: Sequence[Finding]) -> str | None:
    """Why an attack that found little does not show that there is little to find."""
    proof = next(
        (
            one
            for one in findings
            if one.check == "competence"
            and one.view == finding.view
            and one.protocol == finding.protocol
        ),
        None,
    )
    if proof is None or proof.status != "measured":
        why = proof.reason if proof else "it was not tried"
        return f"nothing shows that the attack could have found anybody: {why}"
    planted, null = (proof.estimates.get(f"{twin}_{rule.estimate}") for twin in ("planted", "null"))
    if planted is None or null is None:
        return f"nothing shows that the attack could have found anybody: {rule.estimate} is missing"
    if not (planted.low > rule.limit and _beyond_chance(planted)):
        return "the attack did not find what was planted in a simulated twin of the release"
    if null.low > rule.limit and _beyond_chance(null):
        return "the attack found something in a simulated twin of the release that held nothing"
    return None


def _why_unmeasured(rule: Rule, findings: Sequence[Finding]) -> str:
    for one in findings:
        protocol = rule.protocol is None or one.protocol == rule.protocol
        if one.check == rule.check and protocol:
            return one.reason or "there are too few people for it"
    return "no attack that answers it was carried out"


def _told(rule: Rule, estimate: Estimate, relation: str) -> str:
    value, low, high = (_shown(rule, one) for one in (estimate.value, estimate.low, estimate.high))
    interval = f" ({low} to {high})" if low != high else ""
    what = _SENTENCES.get(rule.estimate, "{} was measured")
    return (
        f"{what.format(value + interval)}, among {estimate.n_subjects} people; "
        f"that is {relation} the limit of {_shown(rule, rule.limit)}"
    )


def _shown(rule: Rule, value: float) -> str:
    """A number in the unit that its estimate's name ends in."""
    if rule.estimate.endswith("_years"):
        return f"{value:.1f} years"
    if rule.estimate.endswith("auc"):
        return f"{value:.2f}"
    return f"{100 * value:.3g}%"


def _settled_by(rule: Rule, estimate: Estimate) -> str:
    """How many more people would bring the nearer bound to the limit, were the value to stay."""
    gap = abs(estimate.value - rule.limit)
    if gap == 0:
        return "no number of people settles a value that is the limit itself"
    if rule.estimate.startswith("tpr_at"):
        return "more people the model never saw, and more it was trained on, would settle it"
    n = estimate.n_subjects
    if (
        0 <= estimate.value <= 1
        and 0 < rule.limit < 1
        and not rule.estimate.endswith(("_years", "auc"))
    ):
        wanted = n
        while wanted < 10_000_000:
            low, high = wilson(estimate.value * wanted, wanted, estimate.level)
            if low > rule.limit or high <= rule.limit:
                break
            wanted = math.ceil(wanted * 1.05) + 1
    else:
        side = (
            estimate.high - estimate.value
            if estimate.value < rule.limit
            else estimate.value - estimate.low
        )
        wanted = math.ceil(n * (side / gap) ** 2)
    more = max(wanted - n, 1)
    return f"about {_round_up(more)} more people would settle it"


def _round_up(n: int) -> int:
    """Two significant digits: more would pretend."""
    scale = 10 ** max(len(str(n)) - 2, 0)
    return -(-n // scale) * scale


def _ruling(rule: Rule, outcome: Outcome, reason: str, finding: Finding | None = None) -> Ruling:
    return Ruling(
        rule.id,
        outcome,
        reason,
        rule.required,
        rule.limit,
        rule.basis,
        finding.id if finding else None,
        rule.estimate if finding else None,
    )

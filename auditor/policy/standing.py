"""Where findings stand to a rule's limit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from auditor.core.finding import Estimate, Finding
from auditor.core.formatting import interval
from auditor.core.target import kind_of
from auditor.policy import words
from auditor.policy.profile import Rule


class Standing(Enum):
    """Where one finding stands to a rule's limit."""

    WITHIN = auto()
    #: The limit lies in the interval, or guessing would score as much.
    ACROSS = auto()
    BEYOND = auto()
    UNMEASURED = auto()


def asked(rule: Rule, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that a rule is about, measured or not; none that cannot have its number."""
    also = words.about(rule.check).also
    return [
        one
        for one in findings
        if one.check == rule.check
        and one.released
        and rule.protocol in (None, one.protocol, also.get(one.protocol or ""))
        and (not rule.outputs or {one.output, kind_of(one.output)} & set(rule.outputs))
        and not inapplicable(rule.estimate, one)
    ]


def inapplicable(estimate: str, finding: Finding) -> bool:
    """Whether a finding cannot have a number of its check: another question tells it, or this model
    has none, as the finding says.
    """
    by = words.metric(finding.check, estimate).told_by
    elsewhere = bool(by) and finding.protocol not in by and kind_of(finding.output) not in by
    return elsewhere or estimate in finding.inapplicable


def foretold(finding: Finding) -> bool:
    """Whether a finding measured nothing and foretells: it may fail a rule, and passes none."""
    return finding.protocol in words.about(finding.check).fails_only


def standing(rule: Rule, finding: Finding) -> Standing:
    """Where a finding that a rule is about stands to its limit."""
    if some_but_few(rule, finding):
        return Standing.BEYOND
    estimate = answer(rule, finding)
    if estimate is None:
        return Standing.UNMEASURED
    # Who was counted is not there by guessing.
    if estimate.low > rule.limit and (rule.metric.counted or beyond_chance(estimate)):
        return Standing.BEYOND
    # Where nobody may be hit and nobody was, the interval speaks of other people.
    nobody = rule.limit == 0 and estimate.value == 0
    within = max(estimate.high, estimate.value) <= rule.limit
    return Standing.WITHIN if within or nobody else Standing.ACROSS


def answer(rule: Rule, finding: Finding) -> Estimate | None:
    """The number that a rule asks for; None where it was not measured."""
    return finding.estimates.get(rule.estimate) if finding.status == "measured" else None


def some_but_few(rule: Rule, finding: Finding) -> str | None:
    """Where nobody may be hit and fewer than ten are, whose number is not told: that some are."""
    told = finding.params.get(rule.estimate)
    return told if rule.limit == 0 and isinstance(told, str) else None


def beyond_chance(estimate: Estimate) -> bool:
    """Whether guessing does not explain a number."""
    return estimate.chance is None or estimate.low > estimate.chance


def beyond_limit(rule: Rule, findings: Sequence[Finding]) -> list[Finding]:
    """The findings by each of which alone a rule fails."""
    return [one for one in asked(rule, findings) if standing(rule, one) is Standing.BEYOND]


def not_foretold(findings: Sequence[Finding]) -> list[Finding]:
    """The findings by which a rule may pass."""
    return [one for one in findings if not foretold(one)]


def answering(rule: Rule, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that a rule is about and that measured what it asks for."""
    return [one for one in asked(rule, findings) if answer(rule, one) is not None]


def all_within(rule: Rule, measured: Sequence[Finding]) -> bool:
    """Whether no finding reaches a rule's limit."""
    return all(standing(rule, one) is Standing.WITHIN for one in measured)


def in_doubt(rule: Rule, findings: Sequence[Finding]) -> str | None:
    """Why what an attack was told may be wrong, by a number of another check; None where none says
    so. A number that was found under a protocol concerns what was.
    """
    about = words.about(rule.check)
    concerned = (*about.concerned, *rule.metric.concerned)
    under = {one.protocol for one in answering(rule, findings)}
    unsaid = {one for one in about.joined if one in under}
    for one in findings:
        metrics = words.about(one.check).metrics
        doubting = {name: each for name, each in metrics.items() if each.doubts in concerned}
        if not doubting or one.protocol not in (None, *under):
            continue
        for name, metric in doubting.items():
            estimate = one.estimates.get(name)
            if estimate and estimate.low > metric.doubts_above:
                told = (metric.ruling or "{}").format(interval(estimate, metric.unit)[0])
                return f"{told} ({one.id}); {metric.settled_by}"
        if one.status == "measured":
            unsaid.discard(str(one.protocol))
        elif one.protocol in unsaid:
            return f"{one.reason} ({one.id})"
    if unsaid:
        return f"nothing says whether the names under {', '.join(sorted(unsaid))} are right"
    return None

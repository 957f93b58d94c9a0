"""What a page says first: why, how far the ladder reaches, the worst, and what is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from auditor.core.finding import Audit, Estimate, Finding, Ruling, Verdict
from auditor.report import words

_HEADLINE_RULES = 3


@dataclass(frozen=True)
class Rung:
    """One step of the adversary ladder under one protocol."""

    view: str
    title: str
    estimate: Estimate | None
    #: why there is no estimate, else ""
    note: str


@dataclass(frozen=True)
class Ladder:
    """The adversary ladder under one protocol.

    Attributes
    ----------
    protocol, title : its name, and what the page calls it
    upper_bound : whether the protocol flatters the attacker
    limit : what the profile allows, None where no rule speaks of it
    rungs : weakest attacker first
    """

    protocol: str
    title: str
    upper_bound: bool
    limit: float | None
    rungs: tuple[Rung, ...]

    @property
    def strongest(self) -> Rung | None:
        """The rung that found most people."""
        measured = [rung for rung in self.rungs if rung.estimate]
        return max(measured, key=lambda rung: _value(rung), default=None)


@dataclass(frozen=True)
class Worst:
    """A finding and the estimate that makes it bad news.

    `excess` is how much of the way from guessing to certainty the interval's better end has
    gone: 0 is no better than guessing, 1 is certainty.
    """

    finding: Finding
    name: str
    estimate: Estimate
    excess: float


def headline(verdict: Verdict, profile: str) -> str:
    """The verdict in one sentence."""
    decisive = len(deciding(verdict))
    of = f"{decisive} of its {_count(len(verdict.rules), 'rule')}"
    if verdict.outcome == "pass":
        return f"The release meets every rule that the {profile} profile requires."
    if verdict.outcome == "fail":
        return f"The release does not meet the {profile} profile: {of} failed."
    settled = "settled" if verdict.outcome == "inconclusive" else "assessed"
    return (
        f"Nothing failed, but the {profile} profile asks for more than could be measured: "
        f"{of} could not be {settled}. The gate stays closed."
    )


def deciding(verdict: Verdict) -> list[Ruling]:
    """The rules that made the verdict what it is, required ones alone where there are any."""
    same = [rule for rule in verdict.rules if rule.outcome == verdict.outcome]
    return [rule for rule in same if rule.required] or same


def reasons(verdict: Verdict) -> list[str]:
    """Why, in the rules' own words; few enough to be read."""
    if verdict.outcome == "pass":
        return []
    told = [rule.reason for rule in deciding(verdict) if rule.reason]
    shown = told[:_HEADLINE_RULES]
    if more := len(told) - len(shown):
        shown.append(f"And {_count(more, 'more rule')}, listed below.")
    return shown


def ladders(audit: Audit) -> list[Ladder]:
    """The adversary ladder under each protocol that linkage was asked under, honest ones first."""
    linkage = [one for one in audit if one.check == "linkage" and one.view]
    protocols = sorted({one.protocol or "" for one in linkage}, key=words.protocol_order)
    made = []
    for protocol in protocols:
        here = sorted(
            (one for one in linkage if (one.protocol or "") == protocol),
            key=lambda one: words.rung_order(one.view),
        )
        made.append(
            Ladder(
                protocol=protocol,
                title=words.protocol_title(protocol) or "Linkage",
                upper_bound=protocol in words.UPPER_BOUNDS,
                limit=_limit(audit, protocol),
                rungs=tuple(_rung(one) for one in here),
            )
        )
    return [ladder for ladder in made if ladder.strongest]


def worst(audit: Audit, most: int = 3) -> list[Worst]:
    """The findings furthest above guessing.

    Each question comes once before any comes twice, and what was measured honestly before what
    is only an upper bound: three rungs of one ladder are one piece of bad news.
    """
    ranked = sorted(
        (bad for finding in audit if (bad := _worst_of(finding))),
        key=lambda bad: (
            bad.finding.protocol in words.UPPER_BOUNDS,
            -bad.excess,
            bad.finding.id,
        ),
    )
    asked: set[str] = set()
    first: list[Worst] = []
    rest: list[Worst] = []
    for bad in ranked:
        (rest if bad.finding.check in asked else first).append(bad)
        asked.add(bad.finding.check)
    return sorted((first + rest)[:most], key=lambda bad: -bad.excess)


def not_measured(audit: Audit) -> list[Finding]:
    """The findings that were skipped or failed."""
    return [finding for finding in audit if finding.status != "measured"]


def not_assessed(verdict: Verdict) -> list[Ruling]:
    """The rules that nothing was measured for."""
    return [rule for rule in verdict.rules if rule.outcome == "not assessed"]


def measured_by(audit: Audit, rule: Ruling) -> Estimate | None:
    """The estimate a rule was judged by."""
    for finding in audit:
        if finding.id == rule.finding and rule.estimate:
            return finding.estimates.get(rule.estimate)
    return None


def _rung(finding: Finding) -> Rung:
    estimate = finding.estimates.get("rank1")
    if estimate and not math.isfinite(estimate.value):
        estimate = None
    note = "" if estimate else ("failed" if finding.status == "failed" else "not measured")
    return Rung(finding.view or "", words.view_title(finding.view), estimate, note)


def _limit(audit: Audit, protocol: str) -> float | None:
    """The strictest limit on rank 1 under a protocol."""
    limits = [
        rule.limit
        for rule in audit.verdict.rules
        if rule.estimate == "rank1"
        and math.isfinite(rule.limit)
        and rule.finding
        and rule.finding.startswith("linkage/")
        and rule.finding.endswith(f"/{protocol}")
    ]
    return min(limits, default=None)


def _worst_of(finding: Finding) -> Worst | None:
    if finding.check == "attribution":
        return None  # it takes apart what other findings found
    every = [
        Worst(finding, name, estimate, excess)
        for name, estimate in finding.estimates.items()
        if (excess := _excess(words.estimate_label(name), estimate)) is not None
    ]
    return max(every, key=lambda bad: bad.excess, default=None)


def _excess(label: words.Label, estimate: Estimate) -> float | None:
    """How far above guessing an estimate surely is, as a share of how far it could be."""
    if label.role in ("control", "unknown") or (label.unit == "years" and not label.lower_is_worse):
        return None
    if label.lower_is_worse:
        room, gone = estimate.chance, (estimate.chance or 0.0) - estimate.high
    else:
        room, gone = 1 - (estimate.chance or 0.0), estimate.low - (estimate.chance or 0.0)
    if not room or room <= 0 or not math.isfinite(gone):
        return None
    return gone / room


def _value(rung: Rung) -> float:
    return rung.estimate.value if rung.estimate else -math.inf


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"

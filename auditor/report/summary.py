"""What a page says first: why, what an intruder could do, what is missing, what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.core import formatting
from auditor.core.finding import Audit, Estimate, Finding, Outcome, Ruling, Verdict
from auditor.core.formatting import Unit
from auditor.policy import words
from auditor.policy.standing import Standing
from auditor.policy.words import Metric
from auditor.report import terms

_HEADLINE_RULES = 3
#: What is drawn of the check that is told of first.
_LADDER = "ladder"
_EXCUSED = "somebody has accepted that, or it was known before"


@dataclass(frozen=True)
class Rung:
    """One step of the adversary ladder under one protocol."""

    view: str
    title: str
    estimate: Estimate | None
    #: why there is no estimate, else ""
    note: str
    #: where it stands to the limit; None where that is not said of each rung
    standing: Standing | None = None


@dataclass(frozen=True)
class Ladder:
    """The adversary ladder under one protocol.

    Attributes
    ----------
    protocol, title : its name, and what the page calls it
    upper_bound : whether the protocol flatters the attacker
    limit : what the profile allows, None where no rule speaks of it
    rungs : weakest attacker first
    unit : of its estimates
    """

    protocol: str
    title: str
    upper_bound: bool
    limit: float | None
    rungs: tuple[Rung, ...]
    unit: Unit = "percent"

    @property
    def strongest(self) -> Rung | None:
        """The rung that found most people."""
        measured = [rung for rung in self.rungs if rung.estimate]
        return max(measured, key=lambda rung: _value(rung), default=None)


def headline(verdict: Verdict, profile: str) -> str:
    """The verdict in one sentence."""
    decisive = len(deciding(verdict))
    of = f"{decisive} of its {_count(len(verdict.rules), 'rule')}"
    accepted = n_accepted(verdict)
    if verdict.outcome == "pass":
        meets = f"The release meets every rule that the {profile} profile requires"
        if not accepted:
            return f"{meets}."
        return (
            f"{meets} but {accepted}, by which it fails: somebody has accepted that, or it was "
            "known before. The risk is as it was measured."
        )
    if verdict.outcome == "fail":
        also = f"; {accepted} more failed too, and {_EXCUSED}" if accepted else ""
        return f"The release does not meet the {profile} profile: {of} failed{also}."
    settled = "settled" if verdict.outcome == "inconclusive" else "assessed"
    failed = f"{_count(accepted, 'rule')} failed, and {_EXCUSED}" if accepted else "Nothing failed"
    return (
        f"{failed}, but the {profile} profile asks for more than could be measured: "
        f"{of} could not be {settled}. The gate stays closed."
    )


def n_accepted(verdict: Verdict) -> int:
    """Required rules that failed and do not count."""
    return sum(rule.required and rule.accepted for rule in verdict.rules)


def verdict_word(verdict: Verdict) -> str:
    """The verdict in a word or two: a pass by what somebody accepts is not called a pass alone."""
    word = terms.OUTCOMES[verdict.outcome][0]
    if verdict.outcome == "pass" and (n := n_accepted(verdict)):
        return f"{word}, with {_count(n, 'accepted failure')}"
    return word


def deciding(verdict: Verdict) -> list[Ruling]:
    """The rules that made the verdict what it is, required ones alone where there are any."""
    same = [rule for rule in verdict.rules if rule.outcome == verdict.outcome]
    return [rule for rule in same if rule.counts] or same


def reasons(verdict: Verdict) -> list[str]:
    """Why, in the rules' own words; few enough to be read. A pass is told by what failed and does
    not count.
    """
    if verdict.outcome == "pass":
        ruled = [rule for rule in verdict.rules if rule.required and rule.accepted]
    else:
        ruled = deciding(verdict)
    told = [terms.full_stop(rule.reason) for rule in ruled if rule.reason]
    shown = told[:_HEADLINE_RULES]
    if more := len(told) - len(shown):
        shown.append(f"And {_count(more, 'more rule')}, listed below.")
    return shown


def cleared(audit: Audit) -> str:
    """What a release owes to somebody's word and not to a measurement; "" where nothing."""
    n = audit.release.get("n_cleared", 0)
    if not n:
        return ""
    return (
        f"Somebody has cleared {_count(n, 'place')} where something may identify people: that "
        "nothing there does was said, in auditor.yaml, and not measured."
    )


def ladders(audit: Audit) -> list[Ladder]:
    """The adversary ladder under each protocol of the check whose ladder is drawn, honest ones
    first; of records that are attacked by other leads than all are, after those of all.
    """
    drawn = [one for one in audit if words.about(one.check).picture == _LADDER and one.view]
    settings = {(one.protocol or "", one.leads or "") for one in drawn}
    made = []
    for protocol, leads in sorted(settings, key=lambda one: (one[1], terms.protocol_order(one[0]))):
        here = sorted(
            (one for one in drawn if (one.protocol or "", one.leads or "") == (protocol, leads)),
            key=lambda one: terms.rung_order(one.view),
        )
        title = terms.setting(here[0])
        made.append(
            Ladder(
                protocol=protocol,
                title=title[:1].upper() + title[1:] or words.about(here[0].check).title,
                upper_bound=protocol in terms.UPPER_BOUNDS,
                limit=_limit(audit, here[0].check, protocol),
                rungs=tuple(_rung(one) for one in here),
            )
        )
    return [ladder for ladder in made if ladder.strongest]


def searched(audit: Audit, rule: Ruling) -> str:
    """What an intruder does with people whom a rule is about, who holds and knows what, among how
    many, and how sure that is; "" where the rule is about no such thing, or nothing was measured.
    """
    estimate, asked = measured_by(audit, rule), asked_of(audit, rule)
    finding = next((one for one in audit if one.id == rule.finding), None)
    if estimate is None or asked is None or finding is None or not asked[1].does:
        return ""
    value, low, high = formatting.interval(estimate, asked[1].unit)
    one_side = formatting.amount((1 + estimate.level) / 2, "percent")
    both = formatting.amount(estimate.level, "percent")
    sure = {
        "fail": f"with {one_side} certainty at least {low}",
        "pass": f"with {one_side} certainty at most {high}",
    }.get(rule.outcome, f"with {both} certainty {low} to {high}")
    foretold = finding.protocol in words.about(finding.check).fails_only
    how = "foretold from, and not measured on," if foretold else "measured on"
    return (
        f"Somebody {_who(finding)} {asked[1].does.format(value)} "
        f"({sure}; {how} {estimate.n_subjects:,} people)."
    )


def judged(audit: Audit) -> str:
    """What decided whether people can be found, in a sentence: of the required rules about it the
    worst, and of those alike the first; or why that was not judged.
    """
    order: tuple[Outcome, ...] = ("fail", "inconclusive", "not assessed", "pass")
    about = [
        rule
        for rule in audit.verdict.rules
        if rule.required and (asked := asked_of(audit, rule)) and asked[1].does
    ]
    for rule in sorted(about, key=lambda one: order.index(one.outcome)):
        if said := searched(audit, rule):
            return said
    for rule in about:
        if asked := asked_of(audit, rule):
            title = words.about(asked[0]).title
            return terms.full_stop(f"{title} was not judged: {rule.reason}")
    return ""


@dataclass(frozen=True)
class Missing:
    """Findings of one question and protocol that are missing for one reason."""

    findings: tuple[Finding, ...]
    reason: str


@dataclass(frozen=True)
class Told:
    """What an intruder could do, in a sentence, and the finding that says so.

    Attributes
    ----------
    who : what the intruder holds and does
    """

    finding: Finding
    name: str
    who: str
    sentence: str


_MOST_TOLD = 6


def intruder(audit: Audit) -> list[Told]:
    """What an intruder could do: of each question the strongest honest measurement, in people.

    What decides comes first. What is not surely better than guessing is told of the check whose
    ladder is drawn alone, for there silence would be taken for an answer.
    """
    told = []
    decisive = {check_of(rule) for rule in deciding(audit.verdict)}
    for about in sorted(words.checks().values(), key=lambda one: one.id not in decisive):
        if not about.intruder:
            continue
        asked = [
            one
            for one in audit
            if one.check == about.id and one.status == "measured" and one.released
        ]
        honest = [one for one in asked if one.protocol not in terms.UPPER_BOUNDS] or asked
        for name in about.headline:
            having = [one for one in honest if name in one.estimates]
            if not having:
                continue
            worst = max(having, key=lambda one: one.estimates[name].low)
            estimate = worst.estimates[name]
            sure = estimate.low > (estimate.chance or 0.0) or about.picture == _LADDER
            if sure and (text := words.metric(about.id, name).told(estimate)):
                told += [*_among(audit, worst), Told(worst, name, about.intruder, text)]
                break
    return told[:_MOST_TOLD]


def _among(audit: Audit, beside: Finding) -> list[Told]:
    """The same among as many people as rules judge, by the attack that surely finds most."""
    about = words.about(beside.check)
    names = (rule.estimate for rule in audit.verdict.rules if check_of(rule) == beside.check)
    for name in names:
        if name is None or about.among_of(name) is None:
            continue
        alike = [
            one
            for one in audit
            if (one.check, one.protocol) == (beside.check, beside.protocol)
            and name in one.estimates
            and one.released
        ]
        if alike:
            worst = max(alike, key=lambda one: one.estimates[name].low)
            said = words.metric(worst.check, name).told(worst.estimates[name])
            return [Told(worst, name, f"Somebody {_who(worst)}.", said)]
    return []


def _who(finding: Finding) -> str:
    """What the intruder of a finding holds and knows."""
    return f"who {finding.params.get('intruder', 'searches for people')}"


def not_measured(audit: Audit) -> list[Missing]:
    """The findings that were skipped or failed, those alike together."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in audit:
        if one.status != "measured" and one.released:
            key = (one.check, one.protocol, one.status, model_of(audit, one), one.reason)
            alike.setdefault(key, []).append(one)
    return [Missing(tuple(ones), ones[0].reason or "") for ones in alike.values()]


@dataclass(frozen=True)
class Step:
    """Something a steward can do next, and the rules that ask for it."""

    rules: tuple[Ruling, ...]
    what: str


def steps(audit: Audit) -> list[Step]:
    """What can be done about the rules that did not pass, by rule and not by trial."""
    asked: dict[str, list[Ruling]] = {}
    for rule in audit.verdict.rules:
        if rule.outcome == "pass" or not rule.counts:
            continue
        if rule.outcome == "fail":
            what = (
                words.about(check_of(rule)).remedy
                or "Read the finding, and release less of what it names."
            )
        elif rule.outcome == "inconclusive":
            what = (
                "Measure more: more people, or more recordings of them, narrow the interval; the "
                "rule says what would settle it."
            )
        else:
            what = (
                "Measure what is missing: the rule says what it needs. Until then nothing is "
                "known, and the gate stays closed."
            )
        asked.setdefault(what, []).append(rule)
    return [Step(tuple(rules), what) for what, rules in asked.items()]


def model_of(audit: Audit, finding: Finding) -> str:
    """The model a finding is about; "" where it is about the recordings."""
    names = [str(one["name"]) for one in audit.release.get("models", [])]
    view = finding.view or ""
    fitting = [name for name in names if view == name or view.startswith(f"{name}.")]
    if words.about(finding.check).subject == "recordings":
        return ""
    return max(fitting, key=len, default="")


@dataclass(frozen=True)
class Group:
    """The findings of one question about the release, or about one model."""

    check: str
    model: str
    findings: tuple[Finding, ...]


def groups(audit: Audit) -> list[Group]:
    """What was measured, or broke, by whom it is about and what was asked; first things first.

    Within a group what decides a rule comes first, then honest protocols, then the strongest.
    """
    decisive = {rule.finding for rule in deciding(audit.verdict)}
    alike: dict[tuple[str, str], list[Finding]] = {}
    for one in audit:
        if one.status != "skipped" and one.released:
            alike.setdefault((model_of(audit, one), one.check), []).append(one)
    models = [str(one["name"]) for one in audit.release.get("models", [])]

    deciding_models = {model for (model, _), ones in alike.items() for one in ones
                       if one.id in decisive}  # fmt: skip

    def place(key: tuple[str, str]) -> tuple[bool, int, int, str]:
        model, check = key
        about = models.index(model) + 1 if model else 0
        return model not in deciding_models, about, words.about(check).order, check

    def rank(one: Finding) -> tuple[bool, bool, bool, float, str]:
        name = headline_of(audit, one)
        excess = name and _excess(words.metric(one.check, name), one.estimates[name])
        return (
            one.id not in decisive,
            one.status != "measured",
            one.protocol in terms.UPPER_BOUNDS,
            -(excess or 0.0),
            one.id,
        )

    return [
        Group(check, model, tuple(sorted(alike[model, check], key=rank)))
        for model, check in sorted(alike, key=place)
    ]


def headline_of(audit: Audit, finding: Finding) -> str | None:
    """The name of the estimate a finding is known by: what a rule looks at, else the plainest."""
    asked = [
        rule.estimate
        for rule in audit.verdict.rules
        if rule.estimate in finding.estimates and check_of(rule) == finding.check
    ]
    plain = [name for name in words.about(finding.check).headline if name in finding.estimates]
    return next(iter([*asked, *plain, *finding.estimates]), None)


def limits(audit: Audit, finding: Finding) -> list[Ruling]:
    """The rules that look at a finding: its own, and those of its question and protocol."""
    found = {one.id: one for one in audit}

    def looks(rule: Ruling) -> bool:
        if rule.finding == finding.id:
            return True
        by = found.get(rule.finding or "")
        return (
            by is not None
            and by.check == finding.check
            and rule.estimate in finding.estimates
            and (by.protocol or finding.protocol) == finding.protocol
        )

    return [rule for rule in audit.verdict.rules if looks(rule)]


def not_assessed(verdict: Verdict) -> list[Ruling]:
    """The rules that nothing was measured for."""
    return [rule for rule in verdict.rules if rule.outcome == "not assessed"]


def measured_by(audit: Audit, rule: Ruling) -> Estimate | None:
    """The estimate a rule was judged by."""
    for finding in audit:
        if finding.id == rule.finding and rule.estimate:
            return finding.estimates.get(rule.estimate)
    return None


def check_of(rule: Ruling) -> str:
    """The check of the finding that a rule was judged by; "" where it was by none."""
    return (rule.finding or "").split("/")[0]


def asked_of(audit: Audit, rule: Ruling) -> tuple[str, Metric] | None:
    """The check that a rule is about, and the number, also where nothing was measured."""
    rules = audit.profile.get("rules", ())
    said: Mapping[str, Any] = next((one for one in rules if one.get("id") == rule.id), {})
    check, name = check_of(rule) or said.get("check"), rule.estimate or said.get("estimate")
    return (check, words.metric(check, name)) if check and name else None


def _rung(finding: Finding) -> Rung:
    (name, *_) = words.about(finding.check).headline
    estimate = finding.estimates.get(name)
    if estimate and not math.isfinite(estimate.value):
        estimate = None
    note = "" if estimate else ("failed" if finding.status == "failed" else "not measured")
    return Rung(finding.view or "", terms.view_title(finding), estimate, note)


def _limit(audit: Audit, check: str, protocol: str) -> float | None:
    """The strictest limit under a protocol on what a check is known by."""
    limits = [
        rule.limit
        for rule in audit.verdict.rules
        if rule.estimate == words.about(check).headline[0]
        and math.isfinite(rule.limit)
        and rule.finding
        and check_of(rule) == check
        and rule.finding.endswith(f"/{protocol}")
    ]
    return min(limits, default=None)


def _excess(metric: Metric, estimate: Estimate) -> float | None:
    """How far above guessing an estimate surely is, as a share of how far it could be."""
    low_is_worse = metric.worse == "lower"
    if metric.role in ("control", "unknown") or (metric.unit == "years" and not low_is_worse):
        return None
    if low_is_worse:
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

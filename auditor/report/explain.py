"""What is asked, what a number means, where a limit comes from, and what would settle it.

For whoever meets a rule or a finding at the command line and is no statistician.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from auditor.core import formatting
from auditor.core.errors import ConfigError
from auditor.core.finding import Audit, Finding, Ruling
from auditor.policy import words
from auditor.policy.profile import Profile, Rule, load_profile, recorded_profile
from auditor.policy.prospects import likely_people
from auditor.report import outputs, terms
from auditor.resources import names

#: Estimates of a finding that are told in full; the others stand in the report.
_TOLD = 6
Sections = tuple[tuple[str, tuple[str, ...]], ...]
Rules = Sequence[tuple[Profile, Rule]]


@dataclass(frozen=True)
class Explanation:
    """A title, and paragraphs under headings."""

    title: str
    sections: Sections


def explain(name: str, audit: Audit | None = None) -> Explanation:
    """What a rule, a finding, a check, a number, a protocol or an outcome means.

    Parameters
    ----------
    audit : where the finding or the rule is of; without one, in general

    Raises
    ------
    ConfigError
        Nothing is called so.
    """
    recorded = audit.profile if audit and "rules" in audit.profile else None
    profiles = (recorded_profile(recorded),) if recorded else _profiles()
    rules = [(one, rule) for one in profiles for rule in one.rules]
    if audit:
        if finding := next((one for one in audit if one.id == name), None):
            return _of_finding(finding, audit, rules)
        if ruling := next((one for one in audit.verdict.rules if one.id == name), None):
            return _of_rule(ruling.id, rules, ruling, outputs.remedies(audit, ruling.id))
    check, *rest = name.split("/")
    if any(rule.id == name for _, rule in rules):
        return _of_rule(name, rules)
    if check in words.checks():
        return _of_check(check, rest, rules)
    if meant := terms.OUTCOMES_MEAN.get(name):
        return Explanation(words.humanise(name), (("What it means", (meant,)),))
    if meant := terms.protocol_meaning(name):
        return Explanation(terms.protocol_title(name), (("What is asked", (meant,)),))
    if asked := [one.id for one in words.checks().values() if one.may_limit(name)]:
        return _of_number(name, asked, rules)
    known = [one for each in explained(audit).values() for one in each]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "`auditor explain` alone lists what can be"
    raise ConfigError(f"nothing is called {name:.60}; {hint}")


def explained(audit: Audit | None = None) -> dict[str, list[str]]:
    """What can be explained, by kind."""
    rules = (rule.id for profile in _profiles() for rule in profile.rules)
    checks = words.checks()
    protocols = {each for one in checks.values() for each in one.protocols}
    listed: dict[str, Iterable[str]] = {
        "rules": rules if audit is None else (one.id for one in audit.verdict.rules),
        "findings": () if audit is None else (one.id for one in audit),
        "checks": checks,
        "numbers": sorted(name for one in checks.values() for name in one.limits()),
        "protocols": sorted(one for one in protocols if terms.protocol_meaning(one)),
        "outcomes": terms.OUTCOMES_MEAN,
    }
    every = {kind: list(dict.fromkeys(some)) for kind, some in listed.items()}
    return {kind: some for kind, some in every.items() if some}


@cache
def _profiles() -> tuple[Profile, ...]:
    """The profiles that ship."""
    return tuple(load_profile(name) for name in names("profile"))


def _of_rule(
    name: str, rules: Rules, ruling: Ruling | None = None, remedies: tuple[str, ...] = ()
) -> Explanation:
    found = [(one, rule) for one, rule in rules if rule.id == name]
    said = (("In this audit", _ruled(ruling)),) if ruling else ()
    if not found:  # of a waiver, or of a profile that the audit does not tell
        return Explanation(name, said)
    rule = found[0][1]
    about = words.about(rule.check)
    common = _common(about, [rule.estimate], found)
    cure = (("What of a model could be released to meet it", remedies),) if remedies else ()
    return Explanation(f"{name}: {about.title.lower()}", (*said, *cure, *common))


def _of_check(check: str, rest: Sequence[str], rules: Rules) -> Explanation:
    about = words.about(check)
    limits = [
        (one, rule)
        for one, rule in rules
        if rule.check == check and (rule.protocol in (None, *rest) or not rest)
    ]
    numbers = list(dict.fromkeys(rule.estimate for _, rule in limits)) or about.limits()[:_TOLD]
    title = ": ".join([about.title, *([", ".join(rest)] if rest else [])])
    meant = [terms.protocol_meaning(one) for one in rest]
    return Explanation(title, _common(about, numbers, limits, meant))


def _of_number(name: str, checks: Sequence[str], rules: Rules) -> Explanation:
    found = {words.about(one).title: (one, words.metric(one, name)) for one in checks}
    means = [f"{title} ({check}): {one.meaning}" for title, (check, one) in found.items()]
    titles = dict.fromkeys(one.title.lower() for _, one in found.values())
    limits = [(one, rule) for one, rule in rules if rule.estimate == name]
    sections = (
        ("What the number means", (*means, terms.INTERVAL)),
        ("Where the limit comes from", _limits(limits)),
    )
    return Explanation(f"{name}: {'; '.join(titles)}", sections)


def _of_finding(finding: Finding, audit: Audit, rules: Rules) -> Explanation:
    rulings = [one for one in audit.verdict.rules if one.finding == finding.id]
    judged = [one.estimate for one in rulings if one.estimate in finding.estimates]
    others = filter(words.about(finding.check).may_limit, finding.estimates)
    numbers = list(dict.fromkeys([*filter(None, judged), *others]))[:_TOLD]
    seen = [_measured(finding, name) for name in numbers]
    if finding.reason:
        seen.append(f"It was {finding.status}: {finding.reason}.")
    seen += [f"{name} cannot be had: {why}." for name, why in finding.inapplicable.items()]
    for ruling in rulings:
        seen += [f"Rule {ruling.id}: {one}" for one in _ruled(ruling)]
    limits = [
        (one, rule)
        for one, rule in rules
        if rule.check == finding.check and rule.protocol in (None, finding.protocol)
    ]
    asked = list(dict.fromkeys([rule.estimate for _, rule in limits if rule.estimate in numbers]))
    told = [finding.threat, terms.protocol_meaning(finding.protocol or "")]
    about = _common(words.about(finding.check), asked or numbers[:2], limits, told)
    return Explanation(finding.id, (("In this audit", tuple(seen)), *about))


def _common(
    about: words.Words, numbers: Sequence[str], limits: Rules, more: Sequence[str] = ()
) -> Sections:
    """What is said of a check, however one came to ask."""
    means = [f"{one}: {told}" for one in numbers if (told := words.metric(about.id, one).meaning)]
    sections = [
        ("What is asked", (about.question, *more)),
        ("What the number means", (*means, terms.INTERVAL) if means else ()),
        ("Where the limit comes from", _limits(limits) if means else ()),
        ("Why a weak attack is not safety", (terms.CERTAIN if about.counted else terms.WEAK,)),
        ("What would settle it", (about.settled_by,)),
        ("Often asked", tuple(f"{one.q} {one.a}" for one in about.faq)),
    ]
    said = ((heading, tuple(filter(None, each))) for heading, each in sections)
    return tuple((heading, told) for heading, told in said if told)


def _limits(limits: Rules) -> tuple[str, ...]:
    if not limits:
        return ("No rule of these profiles limits it; a profile of your own may.",)
    told = []
    for profile, rule in limits:
        most = rule.shown(rule.limit)
        most = "nobody" if rule.limit == 0 else f"at most {most}"
        note = ", which may only fail" if rule.fails_only else ""
        note = note if rule.required else ", not required"
        said = f"{profile.name}, {rule.id}: {rule.estimate} {most}{note} ({rule.basis})."
        if people := likely_people(rule, profile):
            said += f" Where nothing is given away it is likely to pass from {people:,} people on."
        told.append(said)
    return (*told, terms.BASES_MEAN)


def _ruled(ruling: Ruling) -> tuple[str, ...]:
    told = [f"{ruling.outcome}: {ruling.reason}.", terms.OUTCOMES_MEAN[ruling.outcome]]
    if ruling.known:
        told.append("The baseline failed here no better, so that it does not count.")
    told += [
        f"Waived by {one.owner} until {one.expires} ({one.finding}): {one.reason}"
        for one in ruling.waived
    ]
    return tuple(told)


def _measured(finding: Finding, name: str) -> str:
    estimate, metric = finding.estimates[name], words.metric(finding.check, name)
    told = metric.told(estimate) or formatting.amount(estimate.value, metric.unit)
    low, high = (formatting.amount(one, metric.unit) for one in (estimate.low, estimate.high))
    chance = formatting.amount(estimate.chance, metric.unit)
    luck = "" if estimate.chance is None or math.isnan(estimate.chance) else f", guessing {chance}"
    return f"{name}: {told} [{low} to {high}{luck}, {estimate.n_subjects:,} people]"

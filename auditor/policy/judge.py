"""Estimates become a verdict: what a profile asks, and what an audit answers.

A rule *passes* when the upper bound is within its limit, *fails* when the lower bound is beyond it,
is *inconclusive* when the limit lies inside the interval, and *not assessed* when nothing measured
it. The gate fails closed: a required rule that is not settled does not pass. What is foretold and
was not measured may fail a rule, and passes none.

A failure can be accepted, by a waiver or because the baseline had it. It stays a failure, and is
left out of the verdict; what was not measured, or not settled, can be accepted by nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from auditor.core.errors import ConfigError
from auditor.core.finding import Audit, Estimate, Finding, Outcome, Ruling, Verdict, Waiver
from auditor.core.formatting import amount, interval, round_up
from auditor.core.unread import cures, in_words
from auditor.policy import words
from auditor.policy.baseline import worsened
from auditor.policy.profile import Profile, Rule, recorded_profile
from auditor.policy.proofs import incompetent, reach_of_proofs, to_be_proven
from auditor.policy.standing import (
    Standing,
    all_within,
    answer,
    answering,
    asked,
    beyond_chance,
    beyond_limit,
    foretold,
    in_doubt,
    inapplicable,
    not_foretold,
    some_but_few,
    standing,
)
from auditor.policy.waivers import in_force, waivers_of
from auditor.stats.resemblance import resemblance

#: How far recordings resemble those of a baseline at least. Sketches of half the recordings in
#: common pass; of none, in one of 5,000 cases.
SAME_RELEASE = 0.45

#: More people than this nobody has: to name their number would ask for what cannot be.
_IN_REACH = 1_000_000


def judge(
    findings: Iterable[Finding],
    profile: Profile,
    *,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
    baseline: Sequence[Finding] | None = None,
    unread: Mapping[str, int] | None = None,
) -> Verdict:
    """What a profile says about an audit.

    Parameters
    ----------
    unread : how much of the release was not understood, by kind; what it could concern does not
        pass
    waivers : failures that somebody accepts; one that has expired, or that no failure answers to,
        is a failure itself
    today : the day on which waivers are to hold
    baseline : findings of an earlier audit; a rule that failed there by the same findings, no
        worse than their intervals explain, is known
    """
    found = list(findings)
    holding = in_force(waivers, today)
    # A rule that applied to the baseline applies: what it asked about may not be left away.
    rules = _rules(profile, [*found, *(baseline or ())])
    rulings = [
        _counting(
            rule,
            _rule(
                rule, found, waivers_of(rule, holding), baseline, unread or {}, profile.least_people
            ),
        )
        for rule in rules
    ]
    # Where nothing is asked, nothing has passed.
    worst: Outcome = "pass" if any(one.required for one in rulings) else "not assessed"
    used = {one for ruling in rulings for one in ruling.waived}
    rulings += [_void(one, one in holding, rulings) for one in waivers if one not in used]
    outcomes = [ruling.outcome for ruling in rulings if ruling.counts]
    ascending: tuple[Outcome, ...] = ("not assessed", "inconclusive", "fail")
    for outcome in ascending:
        if outcome in outcomes:
            worst = outcome
    return Verdict(worst, tuple(rulings))


def judge_again(
    audit: Audit,
    profile: Profile,
    *,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
    baseline: Audit | None = None,
) -> Verdict:
    """What a profile says about a finished audit, whatever it was judged by.

    Raises
    ------
    ConfigError
        It reckoned with another population than the profile's, or the baseline is of another
        release or of other rules.
    """
    _refuse_other_population(audit, profile)
    _refuse_narrower(audit, profile)
    if baseline is not None:
        if (baseline.findings, baseline.auditor) == (audit.findings, audit.auditor):
            raise ConfigError(
                "the baseline is this audit itself, of which all is known; give an earlier one"
            )
        refuse_other(baseline, audit.release, profile)
    then = None if baseline is None else baseline.findings
    return judge(
        audit.findings,
        profile,
        waivers=waivers,
        today=today,
        baseline=then,
        unread=audit.release.get("unread"),
    )


def _refuse_other_population(audit: Audit, profile: Profile) -> None:
    told = audit.profile.get("population")
    if not any(words.about(one.check).declared_population for one in profile.rules):
        return
    counted = (audit.profile.get("population_table") or {}).get("digest")
    wanted = profile.population_table.digest if profile.population_table else None
    if counted != wanted:
        raise ConfigError(
            f"the audit reckons with another population table than the profile {profile.name}; "
            "scan again under that profile"
        )
    if told != profile.population:
        reckoned = "nobody says how many" if told is None else f"{told:,}"
        raise ConfigError(
            f"the audit reckons with {reckoned} people among whom an intruder looks, the profile "
            f"{profile.name} with {profile.population:,}; scan again under that profile"
        )


def _refuse_narrower(audit: Audit, profile: Profile) -> None:
    """Refuse intervals that hold the truth less often than the profile wants."""
    levels = [one.level for finding in audit for one in finding.estimates.values()]
    if levels and min(levels) < profile.level:
        raise ConfigError(
            f"the audit's intervals have a level of {min(levels):g}, and the profile "
            f"{profile.name} asks for {profile.level:g}; scan again under that profile"
        )


@dataclass(frozen=True)
class Compared:
    """What one rule says of two audits, and in words what is worse in the second."""

    rule: Rule
    then: Ruling | None
    now: Ruling | None
    worse: tuple[str, ...]


def compare(then: Audit, now: Audit, profile: Profile) -> list[Compared]:
    """What each rule of a profile says of two audits, both judged anew.

    A rule is worse where a finding is (`baseline.worsened`), where it passed and does not any
    more, and where it was assessed and is not any more.
    """
    old, new = ({one.id: one for one in judge_again(audit, profile).rules} for audit in (then, now))
    rules = _rules(profile, [*then.findings, *now.findings])
    compared = []
    for rule in rules:
        before, after = old.get(rule.id), new.get(rule.id)
        worse = worsened(rule, now.findings, then.findings)
        outcomes = (before and before.outcome, after and after.outcome)
        if not worse and (
            (outcomes[0] == "pass" and outcomes[1] != "pass")
            or (outcomes[0] == "fail" and outcomes[1] in ("not assessed", None))
        ):
            worse = [after.reason if after else "it is not asked any more"]
        compared.append(Compared(rule, before, after, tuple(worse)))
    return compared


def refuse_other(baseline: Audit, release: Mapping[str, Any], profile: Profile) -> None:
    """Refuse a baseline that is not of this release, or was not judged by these rules.

    Parameters
    ----------
    release : what an audit says of the release

    Raises
    ------
    ConfigError
        It is of other recordings: neither the same nor, of those of both releases together, about
        half in each. Or it was judged otherwise.
    """
    if release["fingerprint"] is None or baseline.release["fingerprint"] != release["fingerprint"]:
        alike = resemblance(baseline.release.get("sketch") or "", release.get("sketch") or "")
        if alike < SAME_RELEASE:
            raise ConfigError(
                "the baseline is of other recordings: of those of both releases together about "
                f"{alike:.0%} are in each, wanted half; give an audit of an earlier state of this "
                "release"
            )
    try:
        other = recorded_profile(baseline.profile)
    except ConfigError as error:
        raise ConfigError(f"the baseline {error}") from None
    if _asked(other) != _asked(profile):
        raise ConfigError(
            f"the baseline was judged by other rules or another population (profile {other.name}) "
            f"than this audit (profile {profile.name}); scan the baseline again under this profile"
        )


def _asked(profile: Profile) -> tuple[int, str | None, list[str]]:
    """What decides, of a profile: not its wording."""
    rules = [rule.model_dump_json(exclude={"basis"}) for rule in profile.rules]
    counted = profile.population_table.digest if profile.population_table else None
    return profile.population, counted, sorted(rules)


def _rules(profile: Profile, findings: Sequence[Finding]) -> list[Rule]:
    """The rules that apply: those about models where a model was asked, whatever it gives out: a
    rule about outputs that none gives out is not met by that.
    """
    return [
        rule
        for rule in profile.rules
        if not rule.models or asked(rule.model_copy(update={"outputs": ()}), findings)
    ]


def _void(waiver: Waiver, holds: bool, rulings: Sequence[Ruling]) -> Ruling:
    """A waiver that has expired, or that no failure answers to."""
    whose = f"{waiver.owner} waived {waiver.rule} by {waiver.finding}"
    ruling = next((one for one in rulings if one.id == waiver.rule), None)
    if not holds:
        reason = f"{whose}, and that has expired: renew it or mend what fails"
    elif ruling is None:
        reason = f"{whose}, and no such rule was judged: correct the waiver or take it away"
    else:
        reason = (
            f"{whose}, and the rule does not fail by that finding (it says {ruling.outcome}): "
            "correct the waiver or take it away"
        )
    basis = "our default: a waiver is of a failure that is there, until the day it names"
    return Ruling(f"waiver/{waiver.rule}/{waiver.finding}", "fail", reason, True, math.nan, basis)


def _rule(
    rule: Rule,
    findings: Sequence[Finding],
    waivers: Mapping[str, Waiver],
    then: Sequence[Finding] | None,
    unread: Mapping[str, int],
    least_people: int,
) -> Ruling:
    failing, weighing = beyond_limit(rule, findings), not_foretold(findings)
    if not failing:
        ruling = _settled(rule, weighing, failing, least_people)
        return _with_foretold(rule, _heeding(rule, ruling, weighing, unread), findings)
    waived = tuple(waivers[one.id] for one in failing if one.id in waivers)
    counting = [one for one in failing if one.id not in waivers]
    if then is None:
        known, new = False, []
    else:
        new = worsened(rule, findings, then, but=set(waivers) if counting else ())
        known = not new
    if counting or known:
        ruling = _failed(rule, counting or failing)
        if known:
            ruling = replace(ruling, reason=f"{ruling.reason}; the baseline had it too")
        elif new:
            ruling = replace(ruling, reason=f"{ruling.reason}; {new[0]}")
        return replace(ruling, waived=waived, known=known)
    others = [one for one in weighing if one not in failing]
    rest = _heeding(rule, _settled(rule, others, failing, least_people), others, unread)
    if rest.outcome != "pass":
        return replace(rest, waived=waived)
    ruling = _failed(rule, failing)
    owner = next(one for one in waived if one.finding == ruling.finding)
    more = f" and {len(waived) - 1} more" if len(waived) > 1 else ""
    reason = f"{ruling.reason}; waived{more}: {owner.reason} ({owner.owner})"
    return replace(ruling, reason=reason, waived=waived)


def _counting(rule: Rule, ruling: Ruling) -> Ruling:
    """A ruling as the verdict heeds it: of a rule that may only fail, nothing but that."""
    return replace(ruling, required=rule.may_pass or (rule.required and ruling.outcome == "fail"))


def _with_foretold(rule: Rule, ruling: Ruling, findings: Sequence[Finding]) -> Ruling:
    """A ruling that nothing was measured, with what is foretold."""
    told = [one for one in findings if foretold(one)]
    strongest = max(
        answering(rule, told), key=lambda one: one.estimates[rule.estimate].value, default=None
    )
    if ruling.finding is not None or ruling.outcome != "not assessed" or strongest is None:
        return ruling
    estimate = strongest.estimates[rule.estimate]
    within = standing(rule, strongest) is Standing.WITHIN
    relation = "within" if within else "not shown to be within"
    reason = (
        f"{ruling.reason}. Foretold ({strongest.id}): {_told(rule, estimate, relation)}; what is "
        "foretold passes no rule"
    )
    return replace(ruling, reason=reason)


def _failed(rule: Rule, failing: Sequence[Finding]) -> Ruling:
    """That a rule fails, by the finding that shows it best."""
    for one in failing:
        if few := some_but_few(rule, one):
            told = (rule.metric.ruling or "{}").replace("{} of people", "{}").format(few)
            reason = f"{told}, where the limit is nobody"
            return _ruling(rule, "fail", reason, one)
    proven = max(failing, key=lambda one: one.estimates[rule.estimate].low)
    told = _told(rule, proven.estimates[rule.estimate], "beyond")
    if foretold(proven):
        told = f"foretold, and not measured: {told[:1].lower()}{told[1:]}"
    return _ruling(rule, "fail", told, proven)


def _settled(
    rule: Rule, findings: Sequence[Finding], failing: Sequence[Finding], least_people: int
) -> Ruling:
    """What the findings by which a rule does not fail say of it.

    Parameters
    ----------
    failing : those by which it does, which are not among the findings
    least_people : numbers of fewer pass nothing
    """
    measured = answering(rule, findings)
    strongest = max(measured, key=lambda one: one.estimates[rule.estimate].value, default=None)
    if strongest is None and not failing:
        return _ruling(rule, "not assessed", _why_unmeasured(rule, findings))
    if lucky := _explained_by_luck(rule, measured):
        needed = math.ceil(1 / rule.limit)
        reason = (
            f"guessing alone reaches {rule.shown(lucky.estimates[rule.estimate].chance or 0)} "
            f"among so few people, beyond the limit of {rule.shown(rule.limit)}; at least "
            f"{needed} people are needed"
        )
        return _ruling(rule, "not assessed", reason, lucky)
    if not all_within(rule, measured):
        widest = max(measured, key=lambda one: one.estimates[rule.estimate].high)
        estimate = widest.estimates[rule.estimate]
        reason = f"{_told(rule, estimate, 'not shown to be within')}; {_settled_by(rule, estimate)}"
        return _ruling(rule, "inconclusive", reason, widest)
    if rule.models and (without := _unmeasured(rule, findings)):
        return _ruling(rule, "not assessed", without.reason or _few_for(rule))
    if untried := _untried(rule, [*measured, *failing], findings):
        return _ruling(rule, "not assessed", untried, strongest)
    if few := _too_few(rule, measured, least_people):
        return _ruling(rule, "not assessed", few, strongest)
    for one in measured:
        if blind := _blind(one):
            return _ruling(rule, "inconclusive", blind, one)
    if rule.needs_proof:
        for one in to_be_proven(rule, measured, failing):
            if doubt := incompetent(rule, one, findings):
                return _ruling(rule, "inconclusive", doubt, one if rule.models else strongest)
    if strongest is None:
        return _ruling(rule, "pass", "nothing else answers it")
    told = _told(rule, strongest.estimates[rule.estimate], "within")
    if rule.needs_proof and (reach := reach_of_proofs(rule, measured, findings)):
        told = f"{told}; {reach}"
    return _ruling(rule, "pass", told, strongest)


def _heeding(
    rule: Rule, ruling: Ruling, findings: Sequence[Finding], unread: Mapping[str, int]
) -> Ruling:
    """A ruling that does not pass while what an attack was told is in doubt, or an attack that it
    asks about has crashed, or something was not understood that could hide what it asks for.
    """
    if ruling.outcome in ("pass", "inconclusive") and (doubt := in_doubt(rule, findings)):
        return replace(ruling, outcome="not assessed", reason=doubt)
    if ruling.outcome != "pass":
        return ruling
    if crashed := [one for one in asked(rule, findings) if one.status == "failed"]:
        reason = f"{crashed[0].id} could not be carried out: {crashed[0].reason}"
        return replace(ruling, outcome="not assessed", reason=reason)
    concerned = (*words.about(rule.check).concerned, *rule.metric.concerned)
    if hiding := {kind: unread[kind] for kind in concerned if unread.get(kind)}:
        reason = (
            f"not understood, and may hold what is asked for: {in_words(hiding)}; {cures(hiding)}"
        )
        return replace(ruling, outcome="not assessed", reason=reason)
    return ruling


def _unmeasured(rule: Rule, findings: Sequence[Finding]) -> Finding | None:
    """A model of which the rule's question has no answer."""
    return next((one for one in asked(rule, findings) if answer(rule, one) is None), None)


def _explained_by_luck(rule: Rule, measured: Sequence[Finding]) -> Finding | None:
    """A finding among so few people that guessing scores beyond the limit."""
    for one in measured:
        chance = one.estimates[rule.estimate].chance
        if chance is not None and chance > rule.limit > 0:
            return one
    return None


def _untried(rule: Rule, tried: Sequence[Finding], findings: Sequence[Finding]) -> str | None:
    """Which of the attacks that a pass needs some recordings were not put to; None where they were
    put to all that they allow, and to one at least.

    An attack that was skipped is one that the data do not allow.
    """
    if not rule.rungs:
        return None
    answered = {(one.leads, one.view) for one in tried}
    spared = {(one.leads, one.view) for one in asked(rule, findings) if one.status == "skipped"}
    for leads in dict.fromkeys(one.leads for one in tried):
        left = [one for one in rule.rungs if (leads, one) not in answered]
        open_ones = [one for one in left if (leads, one) not in spared]
        if open_ones or left == list(rule.rungs):
            where = f" by leads {leads.replace('+', ', ')}" if leads else ""
            return (
                "attacks that were carried out may fail a release, and pass it only together with "
                f"all others that it allows; not carried out{where}: {', '.join(open_ones or left)}"
            )
    return None


def _too_few(rule: Rule, measured: Sequence[Finding], least_people: int) -> str | None:
    """That an attack was put to fewer people than a pass may rest on; None where it was not."""
    # A number may be of a group of them alone.
    people = [max(each.n_subjects for each in one.estimates.values()) for one in measured]
    n = min(people, default=least_people)
    if not rule.rungs or n >= least_people:
        return None
    return f"measured among {n} people; this profile passes nothing among fewer than {least_people}"


def _blind(finding: Finding) -> str | None:
    """That a model says the same of whatever it is shown, as far as is seen: it has nothing to give
    away, and would pass by that alone. None where it is seen to look.
    """
    for name, metric in words.about(finding.check).metrics.items():
        if not metric.shows_use or inapplicable(name, finding):
            continue
        estimate = finding.estimates.get(name)
        if estimate is None:
            return "nothing shows that it uses its input, for of too few people anything is known"
        if not beyond_chance(estimate):
            value, low, high = interval(estimate, metric.unit)
            return (
                f"it does not use its input, as far as {estimate.n_subjects} people show: "
                f"{metric.title[:1].lower()}{metric.title[1:]} {value} ({low} to {high}), where "
                f"guessing gets {amount(estimate.chance or 0, metric.unit)}"
            )
    return None


def _why_unmeasured(rule: Rule, findings: Sequence[Finding]) -> str:
    among = words.about(rule.check).among_of
    for one in asked(rule, findings):
        if among(rule.estimate) is not None and any(among(name) for name in one.estimates):
            return "the audit looked among other numbers of people; scan again under this profile"
        return one.reason or _few_for(rule)
    return "no attack that answers it was carried out"


def _few_for(rule: Rule) -> str:
    """That what a rule asks for is not told of so few people, and how many it takes."""
    few, metric = "there are too few people for it", rule.metric
    if metric.least_people:
        return f"{few}; it takes {metric.least_people}"
    if metric.error_rate:
        others = math.ceil(1 / metric.error_rate)
        return f"{few}; it takes {others} whom the model never saw: name more in its table"
    return few


def _told(rule: Rule, estimate: Estimate, relation: str) -> str:
    metric = rule.metric
    value, low, high = interval(estimate, metric.unit)
    between = f" ({low} to {high})" if low != high else ""
    what = metric.ruling or "{} was measured"
    return (
        f"{what.format(value + between)}, as seen in {estimate.n_subjects} people; "
        f"that is {relation} the limit of {rule.shown(rule.limit)}"
    )


def _settled_by(rule: Rule, estimate: Estimate) -> str:
    """How many more people would bring the nearer bound to the limit, were the value to stay."""
    # A gate that settles everything does not wait for what few rules ask for.
    from auditor.stats.intervals import wilson

    gap = abs(estimate.value - rule.limit)
    if not math.isfinite(gap):
        return "it could not be computed"
    if gap == 0:
        return "no number of people settles a value that is the limit itself"
    metric = rule.metric
    if metric.settled_by:
        return metric.settled_by
    n = estimate.n_subjects
    side = (
        estimate.high - estimate.value
        if estimate.value < rule.limit
        else estimate.value - estimate.low
    )
    by_width = math.ceil(min(n * (side / gap) ** 2, 1e9))
    wanted = n
    if metric.unit == "percent" and 0 <= estimate.value <= 1 and 0 < rule.limit < 1:
        while wanted < 10_000_000:
            low, high = wilson(estimate.value * wanted, wanted, estimate.level)
            if low > rule.limit or high <= rule.limit:
                break
            wanted = math.ceil(wanted * 1.05) + 1
    # What is foretold has a wider interval than what is counted.
    if wanted == n:
        wanted = by_width
    more = max(wanted - n, 1)
    if more > _IN_REACH:
        return "it lies so near the limit that no number of people in reach would settle it"
    return f"about {round_up(more)} more people would settle it"


def _ruling(rule: Rule, outcome: Outcome, reason: str, finding: Finding | None = None) -> Ruling:
    if finding and finding.leads:
        reason += f" (by leads {finding.leads.replace('+', ', ')})"
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

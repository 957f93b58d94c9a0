"""Whether an attack that found little was shown able to find more: no rule passes without."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from auditor.core.evidence import MOST_PLANTED
from auditor.core.finding import Estimate, Finding, Waiver
from auditor.core.formatting import round_up
from auditor.policy import words
from auditor.policy.profile import Profile, Rule
from auditor.policy.standing import (
    all_within,
    answering,
    asked,
    beyond_chance,
    beyond_limit,
    in_doubt,
    not_foretold,
)
from auditor.policy.waivers import in_force, waivers_of


def competence_needed(
    findings: Iterable[Finding],
    profile: Profile,
    *,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
) -> list[Finding]:
    """The findings whose attack's competence is all that a rule lacks to pass.

    Of each rule the first that was not tried yet, and none where one that was is not able: to be
    asked again with what the proofs found.
    """
    found = list(findings)
    holding = in_force(waivers, today)
    wanted: list[Finding] = []
    for rule in profile.rules:
        failing = beyond_limit(rule, found)
        if not rule.is_proven or any(one.id not in waivers_of(rule, holding) for one in failing):
            continue
        measured = [one for one in answering(rule, not_foretold(found)) if one not in failing]
        if not measured or not all_within(rule, measured) or in_doubt(rule, not_foretold(found)):
            continue
        able = to_be_proven(rule, measured, failing)
        untried = [one for one in able if _proof(one, found) is None]
        tried = [one for one in able if one not in untried]
        if not any(incompetent(rule, one, found) for one in tried):
            some = untried if rule.models else untried[:1]
            wanted += [one for one in some if one not in wanted]
    return wanted


def limits_of(finding: Finding, profile: Profile) -> dict[str, float]:
    """The numbers of a finding that rules limit and have proven, each with the strictest limit."""
    limits: dict[str, float] = {}
    for rule in profile.rules:
        if rule.is_proven and asked(rule, [finding]):
            limits[rule.estimate] = min(rule.limit, limits.get(rule.estimate, rule.limit))
    return limits


def to_be_proven(
    rule: Rule, measured: Sequence[Finding], failing: Sequence[Finding] = ()
) -> list[Finding]:
    """The findings whose attack must be shown to be able, the strongest first: of models each
    one's, of recordings those of the attackers that the rule names as proven. What fails a rule by
    the same leads has shown that it is able.
    """
    if rule.models:
        return list(measured)
    ladder = list(words.attackers())
    shown = {one.leads for one in failing if one.view in rule.proven}
    able = [one for one in measured if one.view in rule.proven and one.leads not in shown]
    return sorted(able, key=lambda one: ladder.index(str(one.view)), reverse=True)


def incompetent(rule: Rule, finding: Finding, findings: Sequence[Finding]) -> str | None:
    """Why an attack that found little does not show that there is little to find."""
    proof = _proof(finding, findings)
    nothing_shows = "nothing shows that the attack could have found anything"
    if proof is None or proof.status != "measured":
        untried = "it was not tried where something was planted"
        if not rule.may_pass:
            untried += ", as the rule is not required: a profile that requires it has it tried"
        return f"{nothing_shows}: {proof.reason if proof else untried}"
    null = proof.estimates.get(f"null_{rule.estimate}")
    if null is None:
        return f"{nothing_shows}: {rule.estimate} is missing"
    planted = proof.estimates.get(f"planted_{rule.estimate}")
    if planted is not None:
        where = "a simulated twin of the model"
    else:
        where = f"these {'outputs' if rule.models else 'recordings'}, dealt out anew"
    if null.low > rule.limit and beyond_chance(null):
        return f"the attack found something in {where}, where there was nothing"
    if planted is not None:
        if planted.low > rule.limit and beyond_chance(planted):
            return None
        return "the attack did not find what was planted in a simulated twin of the model"
    smallest = proof.estimates.get(f"smallest_{rule.estimate}")
    if smallest is None:
        return (
            f"where more was planted in {where} than the limit allows, this attack "
            f"({finding.view}) read no more than it found; more people or a stronger attack would "
            "settle it"
        )
    if smallest.value > rule.limit:
        return (
            f"the smallest leak that this attack ({finding.view}) would have told from what it "
            f"found is {rule.shown(smallest.value)}, beyond the limit of "
            f"{rule.shown(rule.limit)}; {_finding_smaller(rule, smallest, null.chance or 0.0)}"
        )
    return None


def reach_of_proofs(rule: Rule, measured: Sequence[Finding], findings: Sequence[Finding]) -> str:
    """Of what intruder the proofs speak by which a rule passes, where that is not all; "" else."""
    about = words.about(rule.check)
    for one in measured:
        proof = _proof(one, findings)
        by_doses = proof is not None and f"smallest_{rule.estimate}" in proof.estimates
        if by_doses and about.reaches_all_by not in one.estimates:
            return about.doses_reach
    return ""


def _proof(finding: Finding, findings: Sequence[Finding]) -> Finding | None:
    """Where an attack was put to the proof."""
    of = (finding.check, finding.view, finding.protocol, finding.leads)
    every = (one for one in findings if (one.proves, one.view, one.protocol, one.leads) == of)
    return next(every, None)


def _finding_smaller(rule: Rule, smallest: Estimate, chance: float) -> str:
    """What would let an attack find a leak as small as a limit.

    What has to be measured falls with the people where it is a rate near nothing, and with their
    root, beyond what guessing finds, where it is not; more than are drawn for the proof do not
    count.
    """
    if rule.metric.settled_by:
        return rule.metric.settled_by
    nothing = 0.0 if rule.metric.unit == "percent" else chance
    limit = rule.limit - nothing
    by = (smallest.value - nothing) / limit if limit > 0 else math.inf
    wanted = smallest.n_subjects * (by if rule.metric.unit == "percent" else by * by)
    most = math.inf if words.about(rule.check).planted_in_all else MOST_PLANTED
    if not wanted <= most or math.isinf(wanted):
        return "a stronger attack would settle it, and more people would not"
    more = round_up(max(math.ceil(wanted) - smallest.n_subjects, 1))
    return f"about {more} more people would settle it, or a stronger attack"

"""A gate that cannot be fooled: what opens it, what does not, and that each guard is needed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from auditor.cli import main
from auditor.core.errors import ConfigError
from auditor.core.finding import EXIT_STATUS, Audit, Estimate, Finding, Waiver
from auditor.policy.judge import compare, judge, judge_again
from auditor.policy.profile import Counted, Profile, Rule, recorded_profile
from auditor.policy.proofs import competence_needed
from auditor.report import json as report
from auditor.stats.resemblance import sketch
from tests.policy.findings import COPIES, profile

TODAY = date(2026, 6, 1)
LATER, EARLIER = date(2027, 1, 1), date(2026, 1, 1)

RISK = Rule(
    id="risk", check="uniqueness", estimate="max_risk", limit=0.09, basis="precedent: x"
)  # fmt: skip
CLEAN = Rule(id="clean", check="identifiers", estimate="direct", limit=0, basis="law: x")
LINKAGE = Rule(
    id="linkage", check="linkage", protocol="cross-session", estimate="rank1", limit=0.09,
    basis="precedent: x", rungs=("adapted",),
)  # fmt: skip
MODELS = Rule(
    id="members", check="membership", estimate="auc", limit=0.6, basis="our default", models=True
)

WITHIN, ACROSS, BEYOND = (0.01, 0.03, 0.06), (0.04, 0.08, 0.15), (0.4, 0.5, 0.6)


def seen(check, view, protocol, name, bounds, chance=0.001) -> Finding:
    low, value, high = bounds
    one = Estimate(value, low, high, 0.95, 400, chance)
    return Finding(check, view, protocol, "threat", "measured", estimates={name: one})


def risk(bounds) -> Finding:
    return seen("uniqueness", "metadata", None, "max_risk", bounds)


def rung(view: str, bounds) -> Finding:
    return seen("linkage", view, "cross-session", "rank1", bounds)


def model(name: str, bounds) -> Finding:
    return seen("membership", name, None, "auc", bounds, 0.5)


def proof(view: str, protocol: str | None, name: str, chance: float) -> Finding:
    planted = Estimate(0.95, 0.9, 0.99, 0.95, 400, chance)
    smallest = Estimate(0.02, 0.01, 0.03, 0.95, 300, None)
    null = Estimate(chance, chance, chance, 0.95, 400, chance)
    shown = {f"planted_{name}": planted, f"smallest_{name}": smallest, f"null_{name}": null}
    check = "linkage" if protocol else "membership"
    return Finding("competence", view, protocol, "t", "measured", estimates=shown, proves=check)


SPOTLESS = seen("identifiers", "metadata", None, "direct", (0.0, 0.0, 0.01), 0.0)
SKIPPED = Finding("uniqueness", "metadata", None, "t", "skipped", reason="no table")
GUESSED, FOUND = (0.48, 0.52, 0.56), (0.85, 0.9, 0.95)
ABLE = proof("adapted", "cross-session", "rank1", 0.001)


def audit(*findings: Finding, rules=(RISK, CLEAN), recordings=range(800), seed=0) -> Audit:
    """An audit of numbered recordings."""
    judged = profile(*rules)
    digests = [hashlib.sha256(str(one).encode()).digest() for one in recordings]
    return Audit(
        auditor={"version": "0", "seed": seed, "device": "cpu", "preset": "quick", "versions": {}},
        release={
            "name": "heart", "fingerprint": f"sha256:{recordings}", "sketch": sketch(digests),
            "n_subjects": 400, "n_records": 800,
            "n_sessions": 800, "n_quarantined": 0, "leads": ["I"], "fs": [500.0],
        },
        profile=judged.recorded(),
        verdict=judge(findings, judged),
        findings=findings,
    )  # fmt: skip


def waiver(rule: str, finding: str, expires: date = LATER) -> Waiver:
    return Waiver(rule, finding, "the steward", "few recipients", expires)


# --- the table ----------------------------------------------------------------------------

OUTCOMES = {
    "pass": risk(WITHIN),
    "fail": risk(BEYOND),
    "inconclusive": risk(ACROSS),
    "not assessed": SKIPPED,
}
#: outcome, required → exit status plain; with a waiver; with a baseline that is alike; with both.
#: A waiver of what does not fail is a failure, and what is not settled can be accepted by nothing.
TABLE = {
    ("pass", True): (0, 1, 0, 1),
    ("pass", False): (0, 1, 0, 1),
    ("fail", True): (1, 0, 0, 0),
    ("fail", False): (0, 0, 0, 0),
    ("inconclusive", True): (3, 1, 3, 1),
    ("inconclusive", False): (0, 1, 0, 1),
    ("not assessed", True): (3, 1, 3, 1),
    ("not assessed", False): (0, 1, 0, 1),
}


@pytest.mark.parametrize("fail_on", ["unsettled", "fail"])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("waived", [False, True])
@pytest.mark.parametrize(("outcome", "required"), TABLE)
def test_every_policy_and_outcome_has_its_exit_status(
    outcome, required, waived, known, fail_on, tmp_path
):
    rules = (RISK.model_copy(update={"required": required}), CLEAN)
    report.write(audit(OUTCOMES[outcome], SPOTLESS, rules=rules), tmp_path / "audit.json")
    text = profile(*rules).model_dump(mode="json", exclude={"name"})
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(text))
    one = vars(waiver("risk", "uniqueness/metadata", date.max))
    (tmp_path / "waivers.yaml").write_text(yaml.safe_dump([one]))
    command = ["gate", f"{tmp_path}/audit.json", "--profile", f"{tmp_path}/p.yaml"]
    command += ["--waivers", f"{tmp_path}/waivers.yaml"] * waived
    earlier = audit(OUTCOMES[outcome], SPOTLESS, rules=rules, seed=1)
    report.write(earlier, tmp_path / "earlier.json")
    command += ["--baseline", f"{tmp_path}/earlier.json"] * known
    done = CliRunner().invoke(main, [*command, "--fail-on", fail_on])
    status = TABLE[outcome, required][waived + 2 * known]
    assert done.exit_code == (0 if status == 3 and fail_on == "fail" else status), done.output
    assert ("in place of 3" in done.stderr) == (status == 3 and fail_on == "fail")
    # Whatever is accepted, it is said that the rule fails.
    assert f"{outcome:13} risk" in done.output


# --- waivers ------------------------------------------------------------------------------


def test_a_waived_failure_stays_visible_with_who_answers_for_it():
    accepted = waiver("risk", "uniqueness/metadata")
    verdict = judge([risk(BEYOND), SPOTLESS], profile(RISK, CLEAN), waivers=[accepted], today=TODAY)
    ruling = verdict.rules[0]
    assert (ruling.outcome, ruling.waived, ruling.counts) == ("fail", (accepted,), False)
    assert "the steward" in ruling.reason
    assert verdict.outcome == "pass"


def test_a_waiver_holds_on_its_last_day_and_not_after():
    for day, status in ((LATER, 0), (date(2027, 1, 2), 1)):
        waivers = [waiver("risk", "uniqueness/metadata")]
        assert (
            judge([risk(BEYOND)], profile(RISK), waivers=waivers, today=day).exit_status == status
        )


def test_another_finding_still_fails_the_rule():
    findings = [rung("template", BEYOND), rung("adapted", BEYOND)]
    waivers = [waiver("linkage", "linkage/adapted/cross-session")]
    verdict = judge(findings, profile(LINKAGE), waivers=waivers, today=TODAY)
    (ruling,) = verdict.rules
    assert (ruling.outcome, ruling.finding) == ("fail", "linkage/template/cross-session")
    assert verdict.exit_status == 1


def test_the_rest_must_pass_by_itself():
    waivers = [waiver("linkage", "linkage/template/cross-session")]
    failed = rung("template", BEYOND)

    def status(*others: Finding) -> int:
        return judge(
            [failed, *others], profile(LINKAGE), waivers=waivers, today=TODAY
        ).exit_status  # fmt: skip

    assert status() == 3  # the strongest attack was not carried out
    assert status(rung("adapted", ACROSS)) == 3
    assert status(rung("adapted", WITHIN)) == 3  # nor shown to be able
    assert status(rung("adapted", WITHIN), ABLE) == 0


def test_the_strongest_attack_that_fails_a_release_has_shown_that_it_is_able():
    waivers = [waiver("linkage", "linkage/adapted/cross-session")]
    found = [rung("template", WITHIN), rung("adapted", BEYOND)]
    assert judge(found, profile(LINKAGE), waivers=waivers, today=TODAY).exit_status == 0


def test_a_waiver_of_one_model_waives_no_other():
    waivers = [waiver("members", "membership/a")]
    unknown = Finding("membership", "b", None, "t", "skipped", reason="no model.yaml")

    def status(*others: Finding) -> int:
        found = [model("a", FOUND), *others]
        return judge(found, profile(MODELS), waivers=waivers, today=TODAY).exit_status

    assert status() == 0
    assert status(unknown) == 3
    assert status(model("b", FOUND)) == 1
    assert status(model("b", GUESSED)) == 3
    assert status(model("b", GUESSED), proof("b", None, "auc", 0.5)) == 0


@pytest.mark.parametrize(
    ("rule", "finding", "word"),
    [
        ("risk", "uniqueness/other", "does not fail by that finding"),
        ("clean", "identifiers/metadata", "does not fail by that finding"),
        ("no-such-rule", "uniqueness/metadata", "no such rule"),
    ],
)
def test_a_waiver_that_nothing_answers_to_is_a_failure_of_its_own(rule, finding, word):
    found = [risk(WITHIN), SPOTLESS]
    waivers = [waiver(rule, finding)]
    verdict = judge(found, profile(RISK, CLEAN), waivers=waivers, today=TODAY)
    assert verdict.exit_status == 1
    assert word in verdict.rules[-1].reason
    assert "the steward" in verdict.rules[-1].reason


def test_competence_is_asked_for_where_only_waived_findings_fail():
    found = [rung("template", BEYOND), rung("adapted", WITHIN)]
    waivers = [waiver("linkage", "linkage/template/cross-session")]
    asked = profile(LINKAGE)
    assert competence_needed(found, asked) == []
    assert competence_needed(found, asked, waivers=waivers, today=TODAY) == [found[1]]


def test_whether_a_waiver_holds_is_asked_of_a_day():
    with pytest.raises(ValueError, match="day"):
        judge([risk(BEYOND)], profile(RISK), waivers=[waiver("risk", "uniqueness/metadata")])


# --- a baseline ---------------------------------------------------------------------------

HIGHER = (0.65, 0.75, 0.85)


@pytest.mark.parametrize(
    ("then", "now", "status"),
    [
        ([rung("adapted", BEYOND)], [rung("adapted", BEYOND)], 0),
        # Within the interval of then, worse is not surely worse; beyond it, it is.
        ([rung("adapted", BEYOND)], [rung("adapted", (0.55, 0.65, 0.75))], 0),
        ([rung("adapted", BEYOND)], [rung("adapted", HIGHER)], 1),
        ([rung("adapted", WITHIN), ABLE], [rung("adapted", BEYOND)], 1),
        # A new failure does not hide behind one that is known and stronger.
        (
            [rung("adapted", BEYOND), rung("template", WITHIN)],
            [rung("adapted", BEYOND), rung("template", (0.2, 0.3, 0.4))],
            1,
        ),
        # Nor does the strongest attack that was not carried out any more.
        ([rung("adapted", BEYOND), rung("template", BEYOND)], [rung("template", BEYOND)], 1),
        # What is not settled counts, whatever it was then.
        ([rung("adapted", WITHIN), ABLE], [rung("adapted", WITHIN)], 3),
        ([rung("adapted", BEYOND)], [rung("adapted", ACROSS)], 3),
        ([rung("adapted", BEYOND)], [], 3),
        ([rung("adapted", ACROSS)], [rung("adapted", ACROSS)], 3),
        ([model("a", FOUND)], [model("a", FOUND)], 0),
        ([model("a", FOUND)], [model("a", FOUND), model("b", FOUND)], 1),
        # A model that was left away leaves its rule not assessed.
        ([model("a", FOUND)], [], 3),
    ],
)
def test_a_baseline_lets_through_what_it_had_and_nothing_else(then, now, status):
    rule = MODELS if then[0].check == "membership" else LINKAGE
    verdict = judge(now, profile(rule), baseline=then)
    assert verdict.exit_status == status
    assert verdict.rules[0].known == (status == 0)


def test_what_is_known_says_so_and_what_is_new_says_why():
    old, new = [rung("adapted", BEYOND)], [rung("adapted", HIGHER)]
    assert "baseline had it too" in judge(old, profile(LINKAGE), baseline=old).rules[0].reason
    assert (
        "worse than in the baseline" in judge(new, profile(LINKAGE), baseline=old).rules[0].reason
    )


@pytest.mark.parametrize(
    ("recordings", "known"),
    [
        (range(800), True),
        # Some were added, and some taken away.
        (range(100, 900), True),
        (range(300), False),
        (range(700, 1500), False),
        # Others, called the same and as many.
        (range(800, 1600), False),
        (range(0), False),
    ],
)
def test_a_baseline_is_of_mostly_the_same_recordings(recordings, known):
    now = audit(risk(BEYOND), SPOTLESS)
    then = audit(risk(BEYOND), SPOTLESS, recordings=recordings, seed=1)
    if known:
        assert judge_again(now, profile(RISK, CLEAN), baseline=then).exit_status == 0
    else:
        with pytest.raises(ConfigError, match=r"other recordings.*wanted half"):
            judge_again(now, profile(RISK, CLEAN), baseline=then)


def test_audits_that_say_nothing_of_their_recordings_are_no_baselines_of_each_other():
    now = audit(risk(BEYOND), SPOTLESS)
    silent = [replace(one, release={**one.release, "fingerprint": None, "sketch": ""})
              for one in (now, audit(risk(BEYOND), SPOTLESS, seed=1))]  # fmt: skip
    with pytest.raises(ConfigError, match="other recordings"):
        judge_again(silent[0], profile(RISK, CLEAN), baseline=silent[1])


def test_an_audit_is_no_baseline_of_itself():
    now = audit(risk(BEYOND), SPOTLESS)
    with pytest.raises(ConfigError, match="this audit itself"):
        judge_again(now, profile(RISK, CLEAN), baseline=audit(risk(BEYOND), SPOTLESS))


def test_a_baseline_of_other_rules_is_refused():
    now = audit(risk(BEYOND), SPOTLESS, seed=1)
    lenient = RISK.model_copy(update={"limit": 0.5})
    for other, word in (
        (audit(risk(BEYOND), SPOTLESS, rules=(lenient, CLEAN)), "other rules"),
        (
            replace(audit(risk(BEYOND), SPOTLESS), profile={"name": "p", "population": 1000}),
            "scan again",
        ),
    ):
        with pytest.raises(ConfigError, match=word):
            judge_again(now, profile(RISK, CLEAN), baseline=other)
    reworded = RISK.model_copy(update={"basis": "our default"})
    alike = audit(risk(BEYOND), SPOTLESS, rules=(reworded, CLEAN))
    assert judge_again(now, profile(RISK, CLEAN), baseline=alike).exit_status == 0


# --- two audits side by side --------------------------------------------------------------


def test_what_is_worse_between_two_audits_is_named():
    old = audit(rung("adapted", WITHIN), ABLE, SPOTLESS, rules=(LINKAGE, CLEAN))
    asked = recorded_profile(old.profile)
    same = {one.rule.id: one.worse for one in compare(old, old, asked)}
    assert same == {"linkage": (), "clean": ()}
    for found, word in (
        ([rung("adapted", BEYOND), ABLE], "did not fail"),
        ([rung("adapted", ACROSS), ABLE], "is not surely"),
        ([rung("adapted", WITHIN)], "could have found"),  # it passed, and does not any more
        ([ABLE], "is not any more"),
    ):
        new = audit(*found, SPOTLESS, rules=(LINKAGE, CLEAN))
        worse = {one.rule.id: one.worse for one in compare(old, new, asked)}
        assert word in worse["linkage"][0]
        assert worse["clean"] == ()


def test_less_risk_is_never_worse():
    old = audit(rung("adapted", BEYOND), SPOTLESS, rules=(LINKAGE, CLEAN))
    for bounds in (ACROSS, WITHIN, (0.3, 0.4, 0.5)):
        new = audit(rung("adapted", bounds), SPOTLESS, rules=(LINKAGE, CLEAN))
        assert not any(one.worse for one in compare(old, new, recorded_profile(old.profile)))


# --- each guard is needed -----------------------------------------------------------------


def expired() -> int:
    waivers = [waiver("risk", "uniqueness/metadata", EARLIER)]
    return judge([risk(BEYOND)], profile(RISK), waivers=waivers, today=TODAY).exit_status


def unmatched() -> int:
    waivers = [waiver("risk", "uniqueness/other")]
    return judge([risk(WITHIN)], profile(RISK), waivers=waivers, today=TODAY).exit_status


def incompetent() -> int:
    return judge([rung("adapted", WITHIN)], profile(LINKAGE)).exit_status


def cheap() -> int:
    return judge([rung("template", WITHIN)], profile(LINKAGE)).exit_status


def unassessed() -> int:
    return judge([SKIPPED], profile(RISK)).exit_status


def inconclusive() -> int:
    return judge([risk(ACROSS)], profile(RISK)).exit_status


def one_model_unmeasured() -> int:
    unknown = Finding("membership", "b", None, "t", "skipped", reason="no model.yaml")
    found = [model("a", GUESSED), proof("a", None, "auc", 0.5), unknown]
    return judge(found, profile(MODELS)).exit_status


def few_people() -> int:
    """Guessing scores beyond the limit, and the attack less."""
    lucky = seen("linkage", "adapted", "cross-session", "rank1", (0.0, 0.01, 0.05), 0.2)
    return judge([lucky, ABLE], profile(LINKAGE)).exit_status


def no_better_than_luck() -> int:
    lucky = seen("linkage", "adapted", "cross-session", "rank1", (0.1, 0.2, 0.4), 0.2)
    return judge([lucky], profile(LINKAGE)).exit_status


def grown_worse() -> int:
    old, new = [rung("adapted", BEYOND)], [rung("adapted", HIGHER)]
    return judge(new, profile(LINKAGE), baseline=old).exit_status


def of_another_release() -> int | str:
    other = audit(risk(BEYOND), SPOTLESS, recordings=range(800, 1600), seed=1)
    try:
        now = audit(risk(BEYOND), SPOTLESS)
        return judge_again(now, profile(RISK, CLEAN), baseline=other).exit_status
    except ConfigError:
        return "refused"


def of_another_table() -> int | str:
    """A risk reckoned with one table of the population, judged as with another."""
    counted = Counted(file="t.csv", people=1000, digest=f"sha256:{'0' * 64}")
    other = profile(RISK, CLEAN).model_copy(update={"population_table": counted})
    try:
        return judge_again(audit(risk(WITHIN), SPOTLESS), other).exit_status
    except ConfigError as error:
        return str(error)


def test_a_risk_that_another_table_gave_is_not_judged_again():
    assert "another population table" in str(of_another_table())


def of_a_larger_population() -> int | str:
    found = audit(risk(WITHIN), SPOTLESS)
    small = profile(RISK, CLEAN).model_copy(update={"population": 10})
    try:
        return judge_again(found, small).exit_status
    except ConfigError:
        return "refused"


def hidden_failure() -> int:
    return judge([rung("adapted", ACROSS), few(), ABLE], profile(COPIES, LINKAGE)).exit_status


def switched_off() -> int:
    both = LINKAGE.model_copy(update={"rungs": ("template", "adapted")})
    return judge([rung("adapted", WITHIN), ABLE], profile(both)).exit_status


def of_too_few() -> int:
    asked = profile(LINKAGE, least_people=500)
    return judge([rung("adapted", WITHIN), ABLE], asked).exit_status


def of_narrow_intervals() -> int | str:
    """Intervals of a level that the profile's errors do not allow."""
    careful = profile(RISK, CLEAN, level=0.99)
    try:
        return judge_again(audit(risk(WITHIN), SPOTLESS), careful).exit_status
    except ConfigError:
        return "refused"


def few() -> Finding:
    told = {"copied": "1 to 9 people"}
    return Finding("memorisation", "a", "copies", "t", "measured", params=told)


def all_waived(waivers, today) -> list[Waiver]:
    return list(waivers)


@pytest.mark.parametrize(
    ("scenario", "right", "guard", "without", "wrong"),
    [
        (expired, 1, "auditor.policy.judge.in_force", all_waived, 0),
        (
            unmatched,
            1,
            "auditor.policy.judge._void",
            lambda one, holds, rulings: replace(rulings[0], id="waiver"),
            0,
        ),
        (incompetent, 3, "auditor.policy.judge.incompetent", lambda *_: None, 0),
        (cheap, 3, "auditor.policy.judge._untried", lambda *_: None, 0),
        (switched_off, 3, "auditor.policy.judge._untried", lambda *_: None, 0),
        (of_too_few, 3, "auditor.policy.judge._too_few", lambda *_: None, 0),
        (of_narrow_intervals, "refused", "auditor.policy.judge._refuse_narrower", lambda *_: 0, 0),
        (unassessed, 3, "auditor.core.finding.EXIT_STATUS", {**EXIT_STATUS, "not assessed": 0}, 0),
        (
            inconclusive,
            3,
            "auditor.core.finding.EXIT_STATUS",
            {**EXIT_STATUS, "inconclusive": 0},
            0,
        ),
        (inconclusive, 3, "auditor.policy.judge.all_within", lambda *_: True, 0),
        (one_model_unmeasured, 3, "auditor.policy.judge._unmeasured", lambda *_: None, 0),
        (few_people, 3, "auditor.policy.judge._explained_by_luck", lambda *_: None, 0),
        (no_better_than_luck, 3, "auditor.policy.standing.beyond_chance", lambda _: True, 1),
        (grown_worse, 1, "auditor.policy.judge.worsened", lambda *_, **__: [], 0),
        (of_another_release, "refused", "auditor.policy.judge.refuse_other", lambda *_: None, 0),
        (
            of_a_larger_population,
            "refused",
            "auditor.policy.judge._refuse_other_population",
            lambda *_: None,
            0,
        ),
        (hidden_failure, 1, "auditor.policy.standing.some_but_few", lambda *_: None, 3),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_without_its_guard_the_gate_answers_wrongly(
    scenario, right, guard, without, wrong, monkeypatch
):
    assert scenario() == right
    monkeypatch.setattr(guard, without)
    assert scenario() == wrong


def test_a_profile_that_asks_nothing_is_refused_and_would_pass_nothing():
    with pytest.raises(ValueError, match="at least 1"):
        profile()
    with pytest.raises(ValueError, match="every release would pass"):
        profile(RISK.model_copy(update={"required": False}))
    for rules in ((), (RISK.model_copy(update={"required": False}),)):
        empty = Profile.model_construct(
            name="p", title="t", context="c", population=1000, rules=rules
        )  # fmt: skip
        assert judge([risk(WITHIN)], empty).exit_status == 3


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        # A rule that passes what is small would pass a release whose people are easily told apart.
        ({"estimate": "eer", "check": "shortcut", "rungs": ()},
         [seen("shortcut", "s", "cross-session", "eer", (0.001, 0.01, 0.02), None)]),
        # A rule without a rung lets a cheap attack pass a release.
        ({"rungs": ()}, [rung("template", WITHIN)]),
        # A rule about models that says it is not would ask one of them, and no proof.
        ({"check": "membership", "protocol": None, "estimate": "auc", "limit": 0.6,
          "rungs": (), "models": False},
         [model("a", GUESSED), Finding("membership", "b", None, "t", "skipped", reason="broke")]),
        # A rule about recordings that says it is about models would be left out.
        ({"check": "uniqueness", "protocol": None, "estimate": "max_risk", "rungs": (),
          "models": True}, [SPOTLESS]),
        # Nothing is beyond such a limit.
        ({"limit": 1.0}, [rung("adapted", (0.9, 0.95, 1.0)), ABLE]),
    ],
    ids=["small is bad", "no rung", "models asked as recordings", "left out", "no limit"],
)  # fmt: skip
def test_a_rule_that_would_open_the_gate_by_its_wording_is_refused(change, findings):
    raw = LINKAGE.model_dump() | change
    with pytest.raises(ValueError, match="validation error"):
        Rule.model_validate(raw)
    # Were it not: the very same findings would pass.
    unguarded = Profile.model_construct(
        name="p", title="t", context="c", population=1000,
        rules=(Rule.model_construct(**raw), CLEAN),
    )  # fmt: skip
    assert judge([*findings, SPOTLESS], unguarded).exit_status in (0, 3)
    if raw["limit"] < 1:
        assert judge([*findings, SPOTLESS], unguarded).exit_status == 0


# --- laws ---------------------------------------------------------------------------------

NAMES = ("template", "adapted", "fusion")
shares = st.floats(0, 1)
bounds = st.tuples(shares, shares, shares).map(sorted)
chances = st.sampled_from([0.001, 0.05, 0.2])


@st.composite
def findings(draw) -> list[Finding]:
    """Rungs of one ladder, models, and proofs, each there or not, measured or not."""
    found = []
    for name in NAMES:
        kind = draw(st.sampled_from(["absent", "skipped", "measured"]))
        if kind == "skipped":
            found.append(Finding("linkage", name, "cross-session", "t", "skipped", reason="no"))
        elif kind == "measured":
            one = seen("linkage", name, "cross-session", "rank1", draw(bounds), draw(chances))
            found.append(one)
            if draw(st.booleans()):
                found.append(proof(name, "cross-session", "rank1", 0.001))
    for name in ("a", "b"):
        kind = draw(st.sampled_from(["absent", "skipped", "measured"]))
        if kind == "skipped":
            found.append(Finding("membership", name, None, "t", "skipped", reason="no"))
        elif kind == "measured":
            found.append(model(name, draw(bounds)))
            if draw(st.booleans()):
                found.append(proof(name, None, "auc", 0.5))
    return found


waived = st.sets(
    st.sampled_from(
        [("linkage", f"linkage/{name}/cross-session") for name in NAMES]
        + [("members", f"membership/{name}") for name in ("a", "b")]
    )
).map(lambda pairs: [waiver(*one) for one in sorted(pairs)])
ASKED = profile(LINKAGE, MODELS)


@given(findings(), waived, st.none() | findings())
def test_nothing_that_is_accepted_turns_what_was_not_assessed_into_a_pass(found, waivers, then):
    plain = {one.id: one for one in judge(found, ASKED).rules}
    verdict = judge(found, ASKED, waivers=waivers, today=TODAY, baseline=then)
    for ruling in verdict.rules:
        if ruling.id in plain and plain[ruling.id].outcome != "fail":
            assert ruling.outcome == plain[ruling.id].outcome
            assert ruling.counts
        elif ruling.id in plain:
            assert ruling.outcome != "pass"
    if verdict.outcome == "pass":
        assert {one.outcome for one in plain.values()} <= {"pass", "fail"}


@given(findings(), st.integers(0, 20), st.floats(0, 1))
def test_a_worse_estimate_never_improves_an_outcome(found, place, by):
    measured = [one for one in found if one.check != "competence" and one.status == "measured"]
    if not measured:
        return
    chosen = measured[place % len(measured)]
    ((name, one),) = chosen.estimates.items()
    raised = replace(
        one,
        low=min(one.low + by, 1.0),
        value=min(one.value + by, 1.0),
        high=min(one.high + by, 1.0),
    )
    worse = [replace(each, estimates={name: raised}) if each is chosen else each for each in found]
    severity = {"pass": 0, "inconclusive": 1, "not assessed": 1, "fail": 2}
    for before, after in zip(judge(found, ASKED).rules, judge(worse, ASKED).rules, strict=True):
        assert severity[after.outcome] >= severity[before.outcome]


@given(findings())
def test_an_audit_held_against_itself_has_nothing_new(found):
    for ruling in judge(found, ASKED, baseline=found).rules:
        assert ruling.known == (ruling.outcome == "fail")

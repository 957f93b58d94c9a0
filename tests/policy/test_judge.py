"""The gate: four outcomes, closed when in doubt."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from auditor.core.errors import ConfigError
from auditor.core.finding import Estimate, Finding
from auditor.policy.judge import judge
from auditor.policy.profile import Rule, load_profile, parse_profile
from auditor.policy.proofs import competence_needed
from auditor.resources import names
from tests.policy.findings import (
    COPIES,
    HIGH,
    LINKAGE,
    LOW,
    MEMBERSHIP,
    PLAIN,
    WIDE,
    competence,
    failed,
    finding,
    model,
    profile,
    proof,
    skipped,
)


@pytest.mark.parametrize(
    ("findings", "outcome", "status"),
    [
        ([finding("vit", *LOW), competence()], "pass", 0),
        ([finding("vit", *HIGH), competence()], "fail", 1),
        ([finding("vit", *WIDE), competence()], "inconclusive", 3),
        ([], "not assessed", 3),
        ([skipped("vit")], "not assessed", 3),
        # A cheap rung may fail a release, never pass it.
        ([finding("template", *HIGH)], "fail", 1),
        ([finding("template", *LOW)], "not assessed", 3),
        ([finding("template", *LOW), skipped("vit"), competence()], "not assessed", 3),
        # The strongest attack decides, whichever it is.
        ([finding("template", *HIGH), finding("vit", *LOW), competence()], "fail", 1),
        ([finding("template", *WIDE), finding("vit", *LOW), competence()], "inconclusive", 3),
        # An attack that was not shown able passes nothing.
        ([finding("vit", *LOW)], "inconclusive", 3),
        ([finding("vit", *LOW), competence(smallest=0.1)], "inconclusive", 3),
        ([finding("vit", *LOW), competence(null=0.5)], "inconclusive", 3),
        # Another protocol says nothing of this one.
        ([finding("vit", *HIGH, protocol="same-session")], "not assessed", 3),
    ],
)
def test_each_outcome_has_its_exit_status(findings, outcome, status):
    verdict = judge(findings, profile(LINKAGE))
    assert verdict.rules[0].outcome == outcome
    assert verdict.exit_status == status


@pytest.mark.parametrize(
    ("template", "outcome", "told"),
    [
        ([finding("template", *LOW)], "pass", "within"),
        # The data do not allow it: the rule passes by the others.
        ([skipped("template")], "pass", "within"),
        # It was switched off, or it crashed.
        ([], "not assessed", "not carried out: template"),
        ([failed("template")], "not assessed", "not carried out: template"),
    ],
)
def test_a_rule_passes_by_all_the_attacks_that_the_data_allow(template, outcome, told):
    both = profile(LINKAGE.model_copy(update={"rungs": ("template", "vit")}))
    (ruling,) = judge([*template, finding("vit", *LOW), competence()], both).rules
    assert ruling.outcome == outcome
    assert told in ruling.reason


def test_a_rule_of_which_the_data_allow_no_attack_is_not_passed_by_another():
    found = [finding("fiducials", *LOW), skipped("vit")]
    assert judge(found, profile(LINKAGE)).rules[0].outcome == "not assessed"


def test_a_profile_passes_nothing_that_was_measured_among_fewer_people_than_it_says():
    seen = [finding("vit", *LOW), competence()]
    asked = profile(LINKAGE)
    for least, outcome in ((400, "pass"), (401, "not assessed")):
        judged = judge(seen, asked.model_copy(update={"least_people": least})).rules[0]
        assert judged.outcome == outcome
    assert "fewer than 401" in judged.reason
    # But it fails by however few.
    few = asked.model_copy(update={"least_people": 401})
    assert judge([finding("vit", *HIGH)], few).rules[0].outcome == "fail"


def test_what_guessing_reaches_never_fails_a_small_release():
    small = finding("vit", 0.1, 0.2, 0.4, chance=0.2)
    ruling = judge([small, competence()], profile(LINKAGE)).rules[0]
    assert ruling.outcome == "not assessed"
    assert "12 people" in ruling.reason
    found = finding("vit", 0.5, 0.7, 0.9, chance=0.2)
    assert judge([found], profile(LINKAGE)).rules[0].outcome == "fail"


def test_a_number_of_people_that_the_audit_did_not_look_among_is_to_be_scanned_for():
    asked = profile(LINKAGE.model_copy(update={"estimate": "found_among_5000"}))
    (ruling,) = judge([finding("vit", *LOW, estimate="found_among_1000")], asked).rules
    assert ruling.outcome == "not assessed"
    assert "scan again under this profile" in ruling.reason


def test_an_inconclusive_rule_says_how_many_more_people_would_settle_it():
    reason = judge([finding("vit", *WIDE), competence()], profile(LINKAGE)).rules[0].reason
    assert "more people would settle it" in reason


def test_what_is_foretold_takes_as_many_more_people_as_its_interval_is_wide():
    """A count of 5.6 % of 400 would be settled already; what was foretold of more is not."""
    asked = profile(LINKAGE.model_copy(update={"estimate": "found_among_1000"}))
    wide = finding("vit", 0.052, 0.056, 0.211, estimate="found_among_1000")
    reason = judge([wide, competence()], asked).rules[0].reason
    (more,) = re.findall(r"about (\d+) more people", reason)
    assert int(more) == pytest.approx(400 * ((0.211 - 0.056) / (0.09 - 0.056)) ** 2 - 400, rel=0.1)


def test_a_number_that_is_not_told_of_so_few_says_how_many_it_takes():
    asked = profile(LINKAGE.model_copy(update={"estimate": "most_exposed"}))
    (ruling,) = judge([finding("vit", *LOW)], asked).rules
    assert ruling.outcome == "not assessed"
    assert ruling.reason.endswith("it takes 50")


def test_a_verdict_tells_a_number_in_the_words_and_the_unit_of_its_check():
    def reason(
        check: str, name: str, *numbers: float, models: bool = False, protocol: str | None = None
    ) -> str:
        rule = Rule(
            id="r", check=check, estimate=name, limit=0.09, basis="our default", models=models,
            required=False, rungs=("vit",) if check == "attribute" else (),
        )  # fmt: skip
        found = finding(
            "a.inputs", *numbers, check=check, protocol=protocol, estimate=name, chance=0.0
        )
        return judge([found], profile(rule, PLAIN)).rules[0].reason

    numbers = (0.4, 0.5, 0.6)
    assert reason("attribute", "age_gain_years", *numbers).startswith(
        "Guesses of age are better than naming the middle age by 0.5 years (0.4 years to 0.6 years)"
    )
    assert reason("uniqueness", "max_risk", *numbers).startswith(
        "The most exposed person can be named with a chance of 50% (40% to 60%)"
    )
    # No generator drew what stands on both sides of a split.
    assert "drawn" not in reason("split", "copied", *numbers, models=True)
    assert "drawn again" in reason(
        "memorisation", "copied", *numbers, models=True, protocol="copies"
    )


def test_a_skipped_rule_repeats_why():
    assert judge([skipped("vit")], profile(LINKAGE)).rules[0].reason == "one record each"


def test_a_rule_that_is_not_required_is_shown_and_changes_nothing():
    other = LINKAGE.model_copy(update={"id": "extra", "required": False})
    clean = finding(
        None, 0, 0, 0.01, check="identifiers", protocol=None, estimate="direct", chance=0
    )
    verdict = judge([finding("vit", *HIGH), clean], profile(PLAIN, other))
    assert verdict.exit_status == 0
    assert [rule.outcome for rule in verdict.rules] == ["pass", "fail"]


def test_one_hit_fails_a_rule_that_allows_none_and_no_hit_passes_it():
    def direct(low: float, value: float, high: float) -> Finding:
        return finding(
            None, low, value, high, check="identifiers", protocol=None, estimate="direct", chance=0
        )

    assert judge([direct(0, 0, 0.04)], profile(PLAIN)).exit_status == 0
    assert judge([direct(0.0004, 0.0025, 0.014)], profile(PLAIN)).exit_status == 1


@pytest.mark.parametrize("order", [0, 1])
def test_a_failure_outweighs_what_could_not_be_assessed(order):
    rules = (LINKAGE, PLAIN)[:: 1 if order else -1]
    assert judge([finding("template", *HIGH)], profile(*rules)).exit_status == 1


def test_a_limit_that_rises_never_makes_an_outcome_worse():
    worse = {"pass": 0, "inconclusive": 1, "fail": 2}
    outcomes = [
        judge(
            [finding("vit", *WIDE), competence()],
            profile(LINKAGE.model_copy(update={"limit": limit})),
        ).rules[0].outcome
        for limit in (0.02, 0.05, 0.1, 0.14, 0.16, 0.5)
    ]  # fmt: skip
    severity = [worse[outcome] for outcome in outcomes]
    assert severity == sorted(severity, reverse=True)
    assert set(severity) == {0, 1, 2}


@pytest.mark.parametrize("name", names("profile"))
def test_every_shipped_profile_loads_and_says_where_each_limit_comes_from(name):
    loaded = load_profile(name)
    assert loaded.population == 100_000
    assert all(rule.basis for rule in loaded.rules)
    assert judge([], loaded).exit_status == 3


def test_a_stricter_context_has_stricter_limits():
    public, registered, enclave = map(load_profile, ("public", "registered", "enclave"))
    strict, looser, loosest = (
        {rule.id: rule.limit for rule in one.rules} for one in (public, registered, enclave)
    )
    assert set(strict) == set(looser) == set(loosest)
    for name in looser:
        assert strict[name] <= looser[name] <= loosest[name]
    # A mean beyond a cap is of somebody beyond it, and fewer than fifty people show it.
    for one in (strict, looser, loosest):
        assert one["linkage-named"] <= one["linkage-most-exposed"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"populaton": 5}, "populaton"),
        ({"population": 0}, "population"),
        ({"rules": []}, "rules"),
        ({"rules": [PLAIN.model_dump() | {"limit": "low"}]}, "limit"),
        ({"rules": [PLAIN.model_dump()] * 2}, "same id"),
        ({"rules": [PLAIN.model_dump() | {"required": False}]}, "required"),
    ],
)
def test_a_wrong_profile_is_refused_in_one_line(change, word):
    raw = {
        "name": "p",
        "title": "t",
        "context": "c",
        "population": 9,
        "rules": [PLAIN.model_dump()],
    }
    assert parse_profile(raw).population == 9
    with pytest.raises(ConfigError, match=word) as error:
        parse_profile(raw | change)
    assert "\n" not in str(error.value)


# --- models -------------------------------------------------------------------------------


UNKNOWN = Finding("membership", "b", None, "t", "skipped", reason="no model.yaml")


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        ([model("a", 0.52), proof("a")], "pass"),
        ([model("a", 0.9), proof("a")], "fail"),
        ([model("a", 0.6), proof("a")], "inconclusive"),
        # Each model is judged, and each attack must have been shown able.
        ([model("a", 0.52), proof("a"), model("b", 0.9)], "fail"),
        ([model("a", 0.52), proof("a"), model("b", 0.52)], "inconclusive"),
        ([model("a", 0.52), proof("a"), model("b", 0.52), proof("b")], "pass"),
        (
            [model("a", 0.52), proof("a"), model("b", 0.52), proof("b", planted=0.55)],
            "inconclusive",
        ),
        ([model("a", 0.52), proof("a", null=0.9)], "inconclusive"),
        ([model("a", 0.52), proof("a"), UNKNOWN], "not assessed"),
        ([model("a", 0.9), UNKNOWN], "fail"),
        ([UNKNOWN], "not assessed"),
    ],
)
def test_every_model_is_judged_and_every_attack_on_one_shown_able(findings, outcome):
    (ruling,) = judge(findings, profile(MEMBERSHIP)).rules
    assert ruling.outcome == outcome


def test_a_rule_about_models_is_left_out_where_there_is_none():
    verdict = judge([finding("vit", *LOW), competence()], profile(LINKAGE, MEMBERSHIP))
    assert [one.id for one in verdict.rules] == ["linkage"]
    assert verdict.outcome == "pass"


def test_where_no_rule_applies_nothing_has_passed():
    assert judge([], profile(MEMBERSHIP)).exit_status == 3


def test_some_but_few_fail_where_the_limit_is_nobody():
    few = Finding(
        "memorisation", "a", "copies", "t", "measured", params={"copied": "1 to 9 people"}
    )
    (ruling,) = judge([few], profile(COPIES)).rules
    assert ruling.outcome == "fail"
    assert "1 to 9 people" in ruling.reason


def test_a_limit_of_nobody_is_not_too_fine_for_luck():
    luck = Estimate(0.0, 0.0, 0.01, 0.95, 400, 0.0001)
    looks = Estimate(0.9, 0.8, 0.95, 0.95, 400, 0.5)
    told = {"copied": luck, "uses_input": looks}
    seen = Finding("memorisation", "a", "copies", "t", "measured", estimates=told)
    (ruling,) = judge([seen], profile(COPIES)).rules
    assert ruling.outcome == "inconclusive"
    assert "nothing shows that the attack" in ruling.reason


def test_what_lies_at_the_limit_asks_for_no_thousand_million_people():
    near = Estimate(0.60001, 0.55, 0.65, 0.95, 1900, 0.5)
    rule = MEMBERSHIP.model_copy(update={"limit": 0.6})
    seen = Finding("membership", "a", None, "t", "measured", estimates={"auc": near})
    (ruling,) = judge([seen], profile(rule)).rules
    assert ruling.outcome == "inconclusive"
    assert ruling.reason.endswith("no number of people in reach would settle it")


def test_a_rate_that_too_few_people_can_show_is_said_to_be_so():
    rare = MEMBERSHIP.model_copy(update={"estimate": "tpr_at_fpr_1pct"})
    (ruling,) = judge([model("a", 0.52)], profile(rare)).rules
    assert ruling.outcome == "not assessed"
    assert ruling.reason.startswith("there are too few people for it; it takes 100 whom the model")


@pytest.mark.parametrize("name", ["public", "registered", "enclave", "model"])
def test_every_profile_of_a_release_holds_models_to_something(name):
    rules = {one.check for one in load_profile(name).rules if one.models and one.required}
    of_outputs = {"output-linkage", "cross-modal", "inversion"}
    assert rules == {"membership", "memorisation", "text", "structure", "split", *of_outputs}


@pytest.mark.parametrize("kind", ["file", "archive", "date", "person", "unit", "lead"])
def test_what_was_not_understood_and_could_concern_a_rule_keeps_it_from_passing(kind):
    findings = [finding("vit", *LOW), competence()]
    assert judge(findings, profile(LINKAGE)).exit_status == 0
    verdict = judge(findings, profile(LINKAGE), unread={kind: 3})
    assert verdict.rules[0].outcome == "not assessed"
    assert "3 " in verdict.rules[0].reason
    assert verdict.exit_status == 3


@pytest.mark.parametrize(("low", "outcome"), [(0.4, "not assessed"), (0.02, "pass")])
def test_nothing_passes_by_names_that_are_surely_wrong(low, outcome):
    doubt = Estimate(0.45, low, 0.5, 0.95, 400, None)
    labels = Finding("duplicates", "signal", None, "t", "measured", estimates={"misnamed": doubt})
    (ruling,) = judge([finding("vit", *LOW), competence(), labels], profile(LINKAGE)).rules
    assert ruling.outcome == outcome
    assert ("stranger" in ruling.reason) == (outcome != "pass")


def of_leads(found: Finding, leads: str) -> Finding:
    return replace(found, leads=leads)


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ([finding("vit", *HIGH)], "fail"),
        ([finding("vit", *WIDE)], "inconclusive"),
        ([finding("vit", *LOW)], "inconclusive"),
        ([finding("vit", *LOW), competence()], "pass"),
        ([finding("template", *LOW)], "not assessed"),
        ([skipped("vit")], "pass"),
    ],
    ids=["found", "not settled", "not proven", "proven", "weakly attacked", "not possible"],
)
def test_records_of_other_leads_are_held_to_the_same_rule(more, outcome):
    findings = [finding("vit", *LOW), competence(), *(of_leads(one, "I+II") for one in more)]
    (ruling,) = judge(findings, profile(LINKAGE)).rules
    assert ruling.outcome == outcome


def test_what_could_not_concern_a_rule_changes_nothing():
    findings = [finding("vit", *LOW), competence()]
    for kind in ("text", "sex", "age", "table"):
        assert judge(findings, profile(LINKAGE), unread={kind: 3}).exit_status == 0


def test_a_failure_stays_one_whatever_was_not_understood():
    assert judge([finding("vit", *HIGH)], profile(LINKAGE), unread={"file": 1}).exit_status == 1


def test_a_rule_does_not_pass_while_an_attack_it_asks_about_has_crashed():
    crashed = replace(finding("template", *LOW), status="failed", reason="IndexError", estimates={})
    findings = [finding("vit", *LOW), competence(), crashed]
    (ruling,) = judge(findings, profile(LINKAGE)).rules
    assert ruling.outcome == "not assessed"
    assert "IndexError" in ruling.reason


@pytest.mark.parametrize(
    ("bounds", "outcome", "told"),
    [
        (HIGH, "fail", "foretold, and not measured: an intruder's first pick"),
        (WIDE, "not assessed", "not shown to be within the limit of 9%; what is foretold passes"),
        (LOW, "not assessed", "within the limit of 9%; what is foretold passes no rule"),
    ],
)
def test_what_is_foretold_may_fail_a_rule_and_passes_none(bounds, outcome, told):
    found = [skipped("vit"), finding("vit", *bounds, protocol="foretold")]
    proven = replace(competence(), protocol="foretold")
    assert competence_needed(found, profile(LINKAGE)) == []
    (ruling,) = judge([*found, proven], profile(LINKAGE)).rules
    assert ruling.outcome == outcome
    assert told in ruling.reason
    assert ("one record each" in ruling.reason) == (outcome != "fail")


def test_what_is_foretold_does_not_stand_in_for_what_was_measured():
    measured = [finding("vit", *LOW), competence()]
    crashed = replace(failed("vit"), protocol="foretold")
    foretold = finding("vit", *WIDE, protocol="foretold")
    assert judge([*measured, foretold, crashed], profile(LINKAGE)).outcome == "pass"
    both = profile(LINKAGE.model_copy(update={"rungs": ("template", "vit")}))
    other = finding("template", *LOW, protocol="foretold")
    assert judge([*measured, other], both).outcome == "not assessed"


def test_no_rule_is_required_of_what_is_foretold_alone():
    asked = LINKAGE.model_dump() | {"protocol": "foretold"}
    with pytest.raises(ValueError, match="passes no rule; say required: false"):
        Rule(**asked)
    assert Rule(**asked | {"required": False}).protocol == "foretold"


RELINKED = Rule(
    id="texts", check="text", protocol="re-linking", estimate="rank1", limit=0.3,
    basis="our default: x", models=True,
)  # fmt: skip


@pytest.mark.parametrize(("low", "outcome"), [(0.45, "inconclusive"), (0.6, "pass")])
def test_a_model_that_is_not_seen_to_look_passes_no_rule_about_what_leads_back(low, outcome):
    seen = finding("a", 0.0, 0.01, 0.02, check="text", protocol="re-linking")
    use = Estimate(low + 0.05, low, low + 0.1, 0.95, 200, 0.5)
    seen = replace(seen, estimates=dict(seen.estimates) | {"uses_input": use})
    shown = {
        name: Estimate(value, value - 0.01, value + 0.01, 0.95, 400, 0.01)
        for name, value in (("planted_rank1", 0.5), ("null_rank1", 0.011))
    }
    proof = Finding(
        "competence", "a", "re-linking", "t", "measured", estimates=shown, proves="text"
    )
    (ruling,) = judge([seen, proof], profile(RELINKED)).rules
    assert ruling.outcome == outcome
    assert ("it does not use its input" in ruling.reason) == (outcome != "pass")


def test_a_model_that_leaks_fails_whether_it_is_seen_to_look_or_not():
    seen = finding("a", 0.4, 0.5, 0.6, check="text", protocol="re-linking")
    use = Estimate(0.5, 0.4, 0.6, 0.95, 200, 0.5)
    seen = replace(seen, estimates=dict(seen.estimates) | {"uses_input": use})
    assert judge([seen], profile(RELINKED)).rules[0].outcome == "fail"


def test_a_rule_about_outputs_that_no_model_gives_out_is_not_met_by_that():
    seen = finding("af.leaves", 0.0, 0.01, 0.02, check="output-linkage", protocol="same-session")
    rule = Rule(
        id="scores", check="output-linkage", estimate="named", limit=0.06, models=True,
        outputs=("scroes",), basis="our default: a test",
    )  # fmt: skip
    other = Rule(id="split", check="split", estimate="both_sides", limit=0, models=True,
                 basis="our default: a test")  # fmt: skip
    rulings = judge([seen], profile(rule, other)).rules
    assert [(one.id, one.outcome) for one in rulings] == [("scores", "not assessed")]


# --- what a model cannot have, and what may only fail -------------------------------------------

TWICE = Rule(
    id="twice", check="split", estimate="two_names_copied", limit=0, basis="our default: x",
    models=True,
)  # fmt: skip


def split(view: str, **more) -> Finding:
    """A finding of a split; nobody stands there twice where it was measured."""
    nobody = {"two_names_copied": Estimate(0.0, 0.0, 0.01, 0.95, 400, 0.0)}
    return replace(Finding("split", view, None, "t", "measured", estimates=nobody), **more)


LACKS = {"estimates": {}, "inapplicable": {"two_names_copied": "its inputs are codes"}}


@pytest.mark.parametrize(
    ("findings", "outcome"),
    [
        ([split("a.members")], "pass"),
        # Another question of the same check tells something else.
        ([split("a.members"), split("a.people", estimates={})], "pass"),
        # One model has no such number; the other has, and is held to it.
        ([split("a.members"), split("b.members", **LACKS)], "pass"),
        ([split("b.members", **LACKS)], None),
        # Too few people, a crash, and silence are no such thing.
        ([split("a.members", estimates={})], "not assessed"),
        ([split("a.members"), split("b.members", estimates={})], "not assessed"),
        ([split("a.members", estimates={}, status="failed", reason="it broke")], "not assessed"),
        ([split("a.members", estimates={}, status="skipped", reason="too few")], "not assessed"),
        # What another number cannot be says nothing of this one.
        ([split("a.members", estimates={}, inapplicable={"two_names": "x"})], "not assessed"),
    ],
)
def test_a_rule_ignores_what_cannot_have_its_number_and_nothing_else(findings, outcome):
    verdict = judge(findings, profile(TWICE))
    assert [one.outcome for one in verdict.rules] == ([outcome] if outcome else [])
    assert verdict.exit_status == (0 if outcome == "pass" else 3)


def test_no_finding_tells_a_number_that_it_cannot_have():
    with pytest.raises(ValueError, match="cannot have 'two_names_copied', and tells it"):
        split("a.members", inapplicable={"two_names_copied": "its inputs are codes"})


def test_who_was_counted_is_there_whatever_luck_would_bring():
    rule = replace_rule(estimate="copied", limit=0.05)
    many = Estimate(0.2, 0.15, 0.25, 0.95, 400, 0.4)
    assert judge([split("a.inputs", estimates={"copied": many})], profile(rule)).exit_status == 1
    near = replace_rule(estimate="near_duplicate", limit=0.05, required=False)
    verdict = judge([split("a.inputs", estimates={"near_duplicate": many})], profile(near, PLAIN))
    assert verdict.rules[0].outcome == "not assessed"


def replace_rule(**change) -> Rule:
    return Rule(**TWICE.model_dump() | change)


EXPLAINED = Rule(
    id="explained", check="membership", estimate="explanation_auc", limit=0.6, models=True,
    basis="our default: x", fails_only=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("low", "value", "high", "outcome", "status"),
    [
        (0.7, 0.8, 0.9, "fail", 1),
        (0.55, 0.65, 0.75, "inconclusive", 0),
        (0.45, 0.5, 0.55, "inconclusive", 0),
    ],
)
def test_what_may_only_fail_fails_a_release_and_passes_none(low, value, high, outcome, status):
    told = {"explanation_auc": Estimate(value, low, high, 0.95, 400, 0.5)}
    found = [Finding("membership", "a", None, "t", "measured", estimates=told)]
    clean = finding(
        None, 0, 0, 0.01, check="identifiers", protocol=None, estimate="direct", chance=0
    )
    asked = profile(EXPLAINED, PLAIN)
    verdict = judge([*found, clean], asked)
    assert (verdict.rules[0].outcome, verdict.exit_status) == (outcome, status)
    assert verdict.rules[0].required == (outcome == "fail")
    # No proof is made of what is not waited for.
    assert competence_needed(found, asked) == []


def test_nothing_has_passed_where_all_that_applies_may_only_fail():
    told = {"explanation_auc": Estimate(0.5, 0.45, 0.55, 0.95, 400, 0.5)}
    found = Finding("membership", "a", None, "t", "measured", estimates=told)
    assert judge([found], profile(EXPLAINED, MEMBERSHIP)).exit_status == 3


def test_whether_a_model_looks_has_to_be_seen():
    """Who is too few to see it by, or of whom nothing is known, passes no such rule."""
    seen = finding("a", 0.0, 0.01, 0.02, check="text", protocol="re-linking")
    (ruling,) = judge([seen], profile(RELINKED)).rules
    assert ruling.outcome == "inconclusive"
    assert "nothing shows that it uses its input" in ruling.reason

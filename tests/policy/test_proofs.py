"""Whether an attack is able to find what a pass says is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.core.finding import Estimate, Finding
from auditor.policy.judge import judge
from auditor.policy.proofs import competence_needed, limits_of
from tests.policy.findings import (
    COPIES,
    HIGH,
    LINKAGE,
    LOW,
    MEMBERSHIP,
    PLAIN,
    WIDE,
    competence,
    finding,
    model,
    profile,
)


@pytest.mark.parametrize("name", ["rank1_known", "named", "found_among_100"])
def test_a_rule_passes_by_the_number_that_it_names_and_that_was_proven(name):
    asked = profile(LINKAGE.model_copy(update={"estimate": name}))
    low = finding("vit", *LOW, estimate=name)
    assert competence_needed([low], asked) == [low]
    assert limits_of(low, asked) == {name: 0.09}
    proof = competence()
    named = {key.replace("rank1", name): one for key, one in proof.estimates.items()}
    assert judge([low, replace(proof, estimates=named)], asked).outcome == "pass"
    # What was proven of another number says nothing of this one.
    (ruling,) = judge([low, proof], asked).rules
    assert ruling.outcome == "inconclusive"
    assert f"{name} is missing" in ruling.reason


def test_an_attack_that_finds_only_larger_leaks_than_the_limit_says_both_and_what_would_help():
    def reason(smallest: float) -> str:
        (ruling,) = judge([finding("vit", *LOW), competence(smallest)], profile(LINKAGE)).rules
        assert ruling.outcome == "inconclusive"
        return ruling.reason

    assert "12%" in reason(0.12)
    assert "limit of 9%" in reason(0.12)
    assert "about 67 more people would settle it, or a stronger attack" in reason(0.12)
    # A proof is made on 300 people: more of them would not help.
    assert reason(0.5).endswith("a stronger attack would settle it, and more people would not")
    unfound = replace(competence(), estimates={"null_rank1": competence().estimates["null_rank1"]})
    (ruling,) = judge([finding("vit", *LOW), unfound], profile(LINKAGE)).rules
    assert "(vit) read no more than it found" in ruling.reason


def test_every_attack_that_a_pass_rests_on_is_proven_the_strongest_first():
    rungs = ("template", "vit", "adapted")
    both = profile(LINKAGE.model_copy(update={"rungs": rungs, "proven": ("vit", "adapted")}))
    found = [finding(one, *LOW) for one in rungs]
    assert competence_needed(found, both) == [found[2]]
    able = [*found, competence(view="adapted")]
    assert competence_needed(able, both) == [found[1]]
    assert judge(able, both).rules[0].outcome == "inconclusive"
    proven = [*able, competence()]
    assert competence_needed(proven, both) == []
    assert judge(proven, both).rules[0].outcome == "pass"
    # Where one is not able no other helps, and none is tried.
    weak = [*found, competence(0.3, view="adapted")]
    assert competence_needed(weak, both) == []
    (ruling,) = judge([*weak, competence()], both).rules
    assert ruling.outcome == "inconclusive"
    assert "(adapted) would have told from what it found is 30%" in ruling.reason


def test_of_several_rules_on_a_number_the_strictest_limit_is_to_be_proven():
    rules = [
        LINKAGE.model_copy(update={"id": f"at {limit}", "limit": limit}) for limit in (0.2, 0.05)
    ]
    shown = LINKAGE.model_copy(update={"id": "shown", "limit": 0.01, "required": False})
    other = LINKAGE.model_copy(update={"id": "other", "protocol": "same-session", "limit": 0.02})
    assert limits_of(finding("vit", *LOW), profile(*rules, shown, other)) == {"rank1": 0.05}


def test_competence_is_asked_for_only_where_it_decides():
    asked = profile(LINKAGE)
    low = finding("vit", *LOW)
    assert competence_needed([low], asked) == [low]
    shown = profile(LINKAGE.model_copy(update={"required": False}), PLAIN)
    assert competence_needed([low], shown) == []
    assert competence_needed([finding("vit", *HIGH)], asked) == []
    assert competence_needed([finding("template", *LOW)], asked) == []
    assert competence_needed([finding("template", *WIDE), finding("vit", *LOW)], asked) == []


def test_every_model_that_would_pass_is_to_be_proven():
    found = [model("a", 0.52), model("b", 0.53)]
    assert competence_needed(found, profile(MEMBERSHIP)) == found
    assert competence_needed([model("a", 0.9)], profile(MEMBERSHIP)) == []


def test_nobody_copied_does_not_pass_an_attack_that_was_not_shown_able():
    none = Estimate(0.0, 0.0, 0.01, 0.95, 400, 0.0)
    seen = Finding("memorisation", "a", "copies", "t", "measured", estimates={"copied": none})
    (ruling,) = judge([seen], profile(COPIES)).rules
    assert ruling.outcome == "inconclusive"


def raised(smallest: float) -> Finding:
    """A proof by fits that were raised by a known amount."""
    estimates = {
        key: Estimate(value, value - 0.02, value + 0.02, 0.95, 400, chance)
        for key, value, chance in (("smallest_auc", smallest, None), ("null_auc", 0.5, 0.5))
    }
    return Finding(
        "competence", "a", None, "t", "measured", estimates=estimates, proves="membership"
    )


def test_a_pass_by_raised_fits_says_of_whom_it_speaks_unless_reference_models_were_trained():
    found, asked = model("a", 0.5), profile(MEMBERSHIP)
    (ruling,) = judge([found, raised(0.58)], asked).rules
    assert ruling.outcome == "pass"
    assert ruling.reason.endswith("not of one who trains models like it to compare")
    estimates = dict(found.estimates) | {"lira_auc": found.estimates["auc"]}
    (ruling,) = judge([replace(found, estimates=estimates), raised(0.58)], asked).rules
    assert ruling.outcome == "pass"
    assert "compare" not in ruling.reason


def test_what_more_people_would_help_is_reckoned_from_what_guessing_finds_and_without_end():
    (ruling,) = judge([model("a", 0.5), raised(0.7)], profile(MEMBERSHIP)).rules
    assert ruling.outcome == "inconclusive"
    # Twice as far from 0.5 as the limit takes four times the 400 people.
    assert "about 1200 more people would settle it, or a stronger attack" in ruling.reason

"""Profiles and waivers as people write them: what is wrong is said in one line, with the cure."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
import yaml

from auditor.core.errors import ConfigError
from auditor.policy import words
from auditor.policy.profile import BASES, load_profile, parse_profile, recorded_profile
from auditor.policy.waivers import load_waivers, parse_waivers
from auditor.resources import names
from tests.manual import blocks, settings

RULE = {
    "id": "risk", "check": "uniqueness", "estimate": "max_risk", "limit": 0.09,
    "basis": "precedent: x",
}  # fmt: skip
PROFILE = {"name": "p", "title": "t", "context": "c", "population": 9, "rules": [RULE]}


def rule(**change) -> dict:
    return {"rules": [{key: one for key, one in (RULE | change).items() if one is not KeyError}]}


def refused(raw) -> str:
    with pytest.raises(ConfigError) as error:
        parse_profile(raw)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"populaton": 5}, ["populaton", "did you mean population"]),
        ({"zzz": 5}, ["zzz", "known", "minimum_cell"]),
        (rule(limt=0.1), ["rule risk", "limt", "did you mean limit"]),
        (rule(basis=KeyError), ["rule risk", "basis", "missing"]),
        (rule(check="uniquenes"), ["rule risk", "uniquenes", "did you mean uniqueness"]),
        (rule(check="attribution"), ["attribution", "explains"]),
        (rule(estimate="max_rsk"), ["max_rsk", "did you mean max_risk"]),
        (rule(check="linkage", estimate="eer", rungs=["vit"]), ["eer", "bad news"]),
        (rule(check="competence", estimate="null_rank1"), ["competence", "explains"]),
        (rule(check="training"), ["training", "explains"]),
        (rule(check="linkage", estimate="untrained_rank1"), ["attack, and not", "rank1_known"]),
        (rule(check="linkage", estimate="found_among_1", rungs=["vit"]), ["2 people or more"]),
        (rule(protocol="cross-session"), ["cross-session", "none"]),
        (rule(check="linkage", estimate="rank1", rungs=["vti"]), ["vti", "did you mean vit"]),
        (rule(check="linkage", estimate="rank1"), ["cheap", "rungs"]),
        (rule(limit=-0.1), ["rule risk", "limit", "-0.1"]),
        (rule(limit=9), ["9", "less than 1"]),
        (rule(limit=float("nan")), ["limit"]),
        (rule(limit=True), ["limit", "True"]),
        (rule(limit="0.1"), ["limit", "0.1"]),
        (rule(required="no"), ["required"]),
        (rule(models=True), ["recordings", "models: false"]),
        (rule(basis="everybody does it"), ["everybody", "law:", "precedent:", "our default"]),
        ({"minimum_cell": 5}, ["minimum_cell", "10", "5"]),
        ({"population": 0}, ["population"]),
        ({"rules": [RULE, RULE]}, ["same id", "risk"]),
        ({"rules": "none"}, ["rules"]),
    ],
)
def test_a_wrong_profile_is_answered_with_what_is_right(change, told):
    assert parse_profile(PROFILE).population == 9
    said = refused(PROFILE | change)
    for word in told:
        assert word in said


@pytest.mark.parametrize("name", names("profile"))
def test_every_shipped_limit_says_what_it_rests_on(name):
    profile = load_profile(name)
    assert profile.minimum_cell == 10
    assert all(rule.basis.startswith(BASES) for rule in profile.rules)


@pytest.mark.parametrize("name", names("profile"))
def test_an_audit_keeps_all_of_its_profile(name):
    profile = load_profile(name)
    assert recorded_profile(profile.recorded()) == profile
    with pytest.raises(ConfigError, match="scan again"):
        recorded_profile({"name": "public"})


LINKAGE = {"check": "linkage", "rungs": ["vit"]}
SEARCHES = ["rank1", "rank10", "rank1_known", "named", "most_exposed", "found_among_100000"]


@pytest.mark.parametrize("estimate", SEARCHES)
def test_a_rule_may_name_whatever_a_twin_shows_the_attack_to_find(estimate):
    (read,) = parse_profile(PROFILE | rule(**LINKAGE, estimate=estimate)).rules
    assert read.estimate == estimate


@pytest.mark.parametrize(
    ("change", "others"),
    [
        (LINKAGE | {"estimate": "rank1_stranger"}, ["rank1_known", "found_among_<n>"]),
        ({"check": "privacy-loss", "estimate": "epsilon", "models": True}, []),
    ],
)
def test_a_required_rule_that_could_never_pass_is_refused_when_it_is_read(change, others):
    said = refused(PROFILE | rule(**change))
    cures = ("fails_only: true", "required: false")
    for word in ("rule risk", change["estimate"], "never pass", *cures, *others):
        assert word in said
    for cure in ({"required": False}, {"fails_only": True}):
        shown = [{**RULE, **change, **cure}, RULE | {"id": "other"}]
        assert parse_profile(PROFILE | {"rules": shown}).rules[0].estimate == change["estimate"]


def test_a_profile_in_which_nothing_has_to_pass_is_refused():
    assert "every release would pass" in refused(PROFILE | rule(fails_only=True))
    assert "fails nothing" in refused(PROFILE | rule(fails_only=True, required=False))


@pytest.mark.parametrize("check", [one.id for one in words.checks().values() if one.limits()])
def test_a_profile_may_limit_what_a_check_declares(check):
    about = words.about(check)
    for name in about.limits():
        change = {
            "check": check,
            "estimate": name.replace("<n>", "10").replace("<name>", "x"),
            "models": about.subject == "model",
            "rungs": ["vit"] if about.ladder else [],
            "required": False,
        }
        assert parse_profile(PROFILE | {"rules": [{**RULE, **change}, RULE | {"id": "other"}]})


def test_what_stands_twice_in_a_file_is_refused(tmp_path):
    path = tmp_path / "p.yaml"
    text = yaml.safe_dump({key: one for key, one in PROFILE.items() if key != "name"})
    path.write_text(text)
    assert load_profile(str(path)).name == "p"
    # YAML itself would take the last, which lets everything pass.
    path.write_text(text.replace("  limit: 0.09", "  limit: 0.09\n  limit: 0.99"))
    with pytest.raises(ConfigError, match="limit stands twice"):
        load_profile(str(path))


# --- waivers ------------------------------------------------------------------------------

WAIVER = {
    "rule": "risk", "finding": "uniqueness/metadata", "owner": "Data steward",
    "reason": "few recipients", "expires": date(2026, 12, 31),
}  # fmt: skip


def test_waivers_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "waivers.yaml"
    path.write_text(yaml.safe_dump([WAIVER, WAIVER | {"finding": "x", "expires": "2026-01-31"}]))
    one, other = load_waivers(path)
    assert vars(one) == WAIVER
    assert other.expires == date(2026, 1, 31)
    path.write_text("[]")
    assert load_waivers(path) == ()


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"waivers": []}, ["dict", "list"]),
        (None, ["list"]),
        (["risk"], ["waiver 1", "str"]),
        ([WAIVER | {"ownr": "x"}], ["waiver 1", "ownr", "did you mean owner"]),
        ([{key: one for key, one in WAIVER.items() if key != "owner"}], ["no owner"]),
        ([WAIVER | {"owner": " "}], ["owner"]),
        ([WAIVER | {"owner": 5}], ["owner", "5"]),
        ([WAIVER | {"reason": "x" * 1000}], ["reason", "300"]),
        ([WAIVER | {"reason": "\u202egood"}], ["reason", "cannot be seen"]),
        ([WAIVER | {"expires": "31.12.2026"}], ["expires", "YYYY-MM-DD"]),
        ([WAIVER | {"expires": "2026-02-30"}], ["expires", "YYYY-MM-DD"]),
        ([WAIVER | {"expires": "2026-13-45"}], ["expires", "2026-13-45", "YYYY-MM-DD"]),
        ([WAIVER | {"expires": "never"}], ["expires", "never"]),
        ([WAIVER | {"expires": None}], ["expires"]),
        ([WAIVER, WAIVER | {"owner": "another"}], ["2 waivers", "keep one"]),
    ],
)
def test_a_wrong_waiver_is_answered_in_one_line(raw, told, tmp_path):
    with pytest.raises(ConfigError) as error:
        parse_waivers(raw)
    assert "\n" not in str(error.value)
    for word in told:
        assert word in str(error.value)


@pytest.mark.parametrize("text", ["- rule: [", "- {expires: [}", "\x00"])
def test_a_file_that_is_no_yaml_is_one_line(text, tmp_path):
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="YAML") as error:
        load_waivers(path)
    assert "\n" not in str(error.value)


def test_the_examples_of_the_manual_are_right():
    waivers = [one for one in map(yaml.safe_load, blocks("yaml")) if isinstance(one, list)]
    assert [parse_profile({"name": "own"} | one).minimum_cell for one in settings("rules")] == [20]
    assert [len(parse_waivers(one)) for one in waivers] == [1]


def test_no_profile_of_ones_own_passes_for_one_that_ships(tmp_path):
    text = yaml.safe_dump({key: one for key, one in PROFILE.items() if key != "name"})
    path = tmp_path / "public.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="would be taken for its"):
        load_profile(str(path))
    path.write_text(f"name: our own\n{text}")
    assert load_profile(str(path)).name == "our own"
    assert load_profile("public").name == "public"


@pytest.mark.parametrize("name", ["x\nPASS under profile public", "x\x1b[8m", "\u202ecilbup"])
def test_no_name_hides_what_stands_beside_it(name):
    with pytest.raises(ConfigError, match="cannot be seen"):
        parse_profile({**PROFILE, "name": name})


def test_aliases_that_stand_for_too_much_are_refused_and_not_written_out(tmp_path):
    path = tmp_path / "p.yaml"
    for many in ("[{0}]", "{{<<: [{0}]}}"):
        parts = ["a: &a {x: 1}"]
        for old, new in pairwise("abcdefghij"):
            parts.append(f"{new}: &{new} {many.format(', '.join([f'*{old}'] * 9))}")
        path.write_text("\n".join(parts))
        with pytest.raises(ConfigError, match="aliases"):
            load_profile(str(path))
    path.write_text("rules: &a [*a]")
    with pytest.raises(ConfigError, match="aliases"):
        load_profile(str(path))

"""Whoever asks what a name means is told, whatever an audit may name."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.errors import ConfigError
from auditor.policy import words
from auditor.report import json as report
from auditor.report.explain import explain, explained

HEADINGS = [
    "What is asked", "What the number means", "Where the limit comes from",
    "Why a weak attack is not safety", "What would settle it",
]  # fmt: skip
NUMBERS = sorted(
    {
        name.replace("<n>", "10").replace("<name>", "x")
        for one in words.checks().values()
        for name in one.limits()
    }
)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_that_a_rule_may_name_is_explained_for_each_check_that_has_it(name):
    means, _ = explain(name).sections
    for one in words.checks().values():
        if one.may_limit(name):
            assert f"{one.title} ({one.id}): {words.metric(one.id, name).meaning}" in means[1]


def test_every_check_is_explained_in_its_own_words():
    assert set(explained()["checks"]) == set(words.checks())
    for one in words.checks().values():
        told = explain(one.id)
        assert one.title != words.humanise(one.id)
        assert one.title.lower() in told.title.lower()
        assert one.question in dict(told.sections)["What is asked"]


@pytest.mark.parametrize("name", explained()["rules"])
def test_a_rule_is_explained_from_the_question_to_what_would_settle_it(name):
    told = explain(name)
    assert [heading for heading, _ in told.sections][:5] == HEADINGS
    where = " ".join(dict(told.sections)["Where the limit comes from"])
    assert "our default" in where
    assert "public, " in where or "model, " in where


@pytest.mark.parametrize(
    "name", [one for names in explained().values() for one in names if "<" not in one]
)
def test_all_that_is_listed_can_be_explained(name):
    assert explain(name).sections


def test_what_a_finding_was_and_by_which_rules_it_was_judged_is_told(audit):
    told = dict(explain("linkage/vit/cross-session", audit).sections)
    here = " ".join(told["In this audit"])
    assert "70%" in here or "700" in here
    assert "linkage-cross-session: fail" in here
    assert any("another day" in line for line in told["What is asked"])
    skipped = dict(explain("membership/scores", audit).sections)["In this audit"]
    assert "needs a model to audit" in " ".join(skipped)
    for finding in audit:
        assert explain(finding.id, audit).sections


def test_a_wrong_name_is_answered_with_the_nearest(audit):
    with pytest.raises(ConfigError, match="did you mean uniqueness"):
        explain("uniquenes")
    with pytest.raises(ConfigError, match="cross-session"):
        explain("cross-sesion", audit)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Is that safe?", "linkage"),  # weak attack, weak guess
        ("Why is the risk", "uniqueness"),  # always 100 %
        ("What is k?", "uniqueness"),
        ("Which columns", "uniqueness"),
        ("Which point of the curve", "membership"),
        ("differentially private", "privacy-loss"),
        ("pictures are of nobody", "memorisation"),
    ],
)
def test_what_users_of_other_tools_ask_is_answered(question, name):
    asked = dict(explain(name).sections)["Often asked"]
    assert any(question in one for one in asked)


def test_the_command_lists_explains_and_refuses(audit, tmp_path):
    def said(*args: object):
        return CliRunner().invoke(main, ["explain", *map(str, args)])

    report.write(audit, tmp_path / "audit.json")
    assert "linkage-cross-session" in said().output
    assert "uniqueness/metadata" in said("--audit", tmp_path / "audit.json").output
    assert "What would settle it" in said("linkage-cross-session").output
    shown = said("linkage/vit/cross-session", "--audit", tmp_path / "audit.json")
    assert "In this audit" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 88
    wrong = said("linkidge")
    assert wrong.exit_code == 2
    assert "did you mean linkage" in wrong.stderr

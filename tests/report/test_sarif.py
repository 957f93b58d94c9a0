"""SARIF: always complete, valid by the official schema, and read by GitHub as it is meant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from sarif_kit import validation_errors

from auditor.core.finding import Verdict, Waiver
from auditor.report.formats import FORMATS

AUDITS = ["audit", "passing", "unassessed", "unsettled"]


def log(audit) -> dict:
    return json.loads(FORMATS["sarif"].render(audit))


def run(audit) -> dict:
    (only,) = log(audit)["runs"]
    return only


@pytest.mark.parametrize("name", AUDITS)
def test_the_official_schema_accepts_it(name, request):
    assert validation_errors(log(request.getfixturevalue(name))) == []


def test_the_official_schema_would_refuse_what_is_wrong(audit):
    wrong = log(audit)
    wrong["runs"][0]["results"][0]["level"] = "fatal"
    assert validation_errors(wrong)


@pytest.mark.parametrize("name", AUDITS)
def test_every_rule_has_its_result_whatever_came_of_it(name, request):
    audit = request.getfixturevalue(name)
    results = run(audit)["results"]
    assert [one["ruleId"] for one in results] == [rule.id for rule in audit.verdict.rules]
    described = run(audit)["tool"]["driver"]["rules"]
    for one in results:
        assert described[one["ruleIndex"]]["id"] == one["ruleId"]
    (invocation,) = run(audit)["invocations"]
    assert invocation["exitCode"] == audit.verdict.exit_status
    told = [one["properties"]["finding"] for one in invocation["toolExecutionNotifications"]]
    assert told == [finding.id for finding in audit if finding.status != "measured"]


@pytest.mark.parametrize(
    ("outcome", "required", "kind", "level"),
    [
        ("pass", True, "pass", "none"),
        ("pass", False, "pass", "none"),
        ("fail", True, "fail", "error"),
        ("fail", False, "fail", "warning"),
        ("inconclusive", True, "fail", "warning"),
        ("inconclusive", False, "fail", "note"),
        ("not assessed", True, "fail", "warning"),
        ("not assessed", False, "fail", "note"),
    ],
)
def test_how_loud_a_result_is(audit, outcome, required, kind, level):
    rule = replace(audit.verdict.rules[0], outcome=outcome, required=required)
    judged = replace(audit, verdict=Verdict(outcome if required else "pass", (rule,)))
    (result,) = run(judged)["results"]
    assert (result["kind"], result["level"]) == (kind, level)


def test_a_result_tells_the_number_it_was_judged_by(audit):
    result = run(audit)["results"][0]
    properties = result["properties"]
    assert (properties["value"], properties["low"], properties["high"]) == (0.7, 0.51, 0.89)
    assert (properties["n_subjects"], properties["limit"]) == (20, 0.09)
    assert properties["chance"] == 0.011
    assert audit.verdict.rules[0].reason in result["message"]["text"]
    help_text = run(audit)["tool"]["driver"]["rules"][0]["help"]["text"]
    assert audit.verdict.rules[0].basis in help_text


def test_github_finds_a_place_in_a_file_and_knows_an_alert_again(audit):
    """Both are asked of every result by GitHub's page on SARIF."""
    results = run(audit)["results"]
    for result in results:
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "audit.json"
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert place["logicalLocations"][0]["name"] == "ecgiddb"
    prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in results]
    assert len(set(prints)) == len(prints)


def test_an_alert_stays_the_same_while_its_number_changes_and_not_for_another_release(audit):
    def prints(audit) -> list[str]:
        results = run(audit)["results"]
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in results]

    better = [replace(rule, outcome="pass", reason="better") for rule in audit.verdict.rules]
    assert prints(replace(audit, verdict=Verdict("pass", tuple(better)))) == prints(audit)
    other = replace(audit, release={**audit.release, "name": "other"})
    assert not set(prints(other)) & set(prints(audit))


def test_no_text_is_a_link(audit):
    """SARIF makes a link of `[text](target)` in any message."""
    rule = replace(audit.verdict.rules[0], reason="see [here](https://example.org)")
    told = FORMATS["sarif"].render(replace(audit, verdict=Verdict("fail", (rule,))))
    assert "see [here]" in told
    assert "](" not in told


def waiver(finding: str) -> Waiver:
    return Waiver("linkage-cross-session", finding, "Data board", "an enclave", date(2027, 6, 30))


def test_a_failure_that_somebody_accepts_stays_and_is_suppressed_with_who_and_until_when(audit):
    rule = audit.verdict.rules[0]
    waived = replace(rule, waived=(waiver(rule.finding),))
    accepted = replace(audit, verdict=Verdict("pass", (waived,)))
    assert validation_errors(log(accepted)) == []
    (result,) = run(accepted)["results"]
    assert (result["kind"], result["level"]) == ("fail", "warning")
    (suppressed,) = result["suppressions"]
    for told in ("Data board", "an enclave", "2027-06-30"):
        assert told in suppressed["justification"]
    (result,) = run(replace(audit, verdict=Verdict("pass", (replace(rule, known=True),))))[
        "results"
    ]
    assert "baseline" in result["suppressions"][0]["justification"]


def test_a_rule_that_fails_by_another_finding_than_the_waived_one_is_not_suppressed(audit):
    rule = replace(audit.verdict.rules[0], waived=(waiver("linkage/template/cross-session"),))
    (result,) = run(replace(audit, verdict=Verdict("fail", (rule,))))["results"]
    assert (result["level"], result["suppressions"]) == ("error", [])

"""JUnit: a CI that reads nothing else goes red where the gate stays closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from auditor.core.finding import Verdict, Waiver
from auditor.report.formats import FORMATS

AUDITS = ["audit", "passing", "unassessed", "unsettled"]


def suites(audit) -> dict:
    return {suite.name: suite for suite in JUnitXml.fromstring(
        FORMATS["junit"].render(audit).encode()
    )}  # fmt: skip


def kinds(case) -> list[type]:
    return [type(one) for one in case.result]


@pytest.mark.parametrize("name", AUDITS)
def test_the_rules_go_red_exactly_where_the_gate_stays_closed(name, request):
    audit = request.getfixturevalue(name)
    rules = suites(audit)["rules"]
    assert bool(rules.failures) == (audit.verdict.exit_status != 0)
    assert [case.name for case in rules] == [rule.id for rule in audit.verdict.rules]


@pytest.mark.parametrize("outcome", ["fail", "inconclusive", "not assessed"])
@pytest.mark.parametrize("required", [True, False])
def test_a_rule_that_does_not_pass_is_named_for_what_it_is(audit, outcome, required):
    rule = replace(audit.verdict.rules[0], outcome=outcome, required=required)
    judged = replace(audit, verdict=Verdict(outcome if required else "pass", (rule,)))
    (case,) = suites(judged)["rules"]
    (said,) = case.result
    assert type(said) is (Failure if required else Skipped)
    assert said.type == outcome
    assert rule.reason in said.message
    assert rule.basis in said.text


def test_a_question_that_broke_is_an_error_and_one_not_asked_is_skipped_with_its_reason(audit):
    cases = {case.name: case for case in suites(audit)["findings"]}
    assert cases.keys() == {finding.id for finding in audit}
    for finding in audit:
        wanted = {"measured": [], "skipped": [Skipped], "failed": [Error]}[finding.status]
        assert kinds(cases[finding.id]) == wanted
    (skipped,) = cases["membership/scores"].result
    assert skipped.message == "needs a model to audit; give one with --model"


@pytest.mark.parametrize("name", AUDITS)
def test_the_counts_are_those_of_the_cases(name, request):
    """What Jenkins, GitLab and GitHub add up is what stands in the file."""
    root = ET.fromstring(FORMATS["junit"].render(request.getfixturevalue(name)))
    for group in (root, *root):
        cases = group.findall(".//testcase")
        assert int(group.get("tests")) == len(cases)
        for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(group.get(count)) == sum(case.find(kind) is not None for case in cases)
        assert float(group.get("time")) == pytest.approx(
            sum(float(case.get("time")) for case in cases), abs=1e-2
        )


def test_only_what_the_form_has_is_in_it(audit):
    """The elements and attributes of the schema that Jenkins' plug-in publishes."""
    allowed = {
        "testsuites": {"name", "time", "tests", "failures", "errors", "skipped"},
        "testsuite": {"name", "time", "tests", "failures", "errors", "skipped"},
        "properties": set(),
        "property": {"name", "value"},
        "testcase": {"name", "classname", "time"},
        "failure": {"type", "message"},
        "error": {"type", "message"},
        "skipped": {"type", "message"},
    }
    for element in ET.fromstring(FORMATS["junit"].render(audit)).iter():
        assert set(element.attrib) <= allowed[element.tag]


@pytest.mark.parametrize("mark", ["\x00", "\x1b", "\ufffe", "\uffff", "\ud800"])
def test_a_mark_that_xml_cannot_hold_does_not_break_it(audit, mark):
    rule = replace(audit.verdict.rules[0], reason=f"before{mark}after")
    judged = replace(audit, verdict=Verdict("fail", (rule,)))
    (case,) = suites(judged)["rules"]
    (said,) = case.result
    assert "before" in said.message
    assert "after" in said.message
    # Some readers take what the standard refuses; others do not.
    assert mark not in FORMATS["junit"].render(judged)


def test_a_failure_that_somebody_accepts_is_skipped_with_who_and_until_when(audit):
    rule = audit.verdict.rules[0]
    word = Waiver(rule.id, rule.finding, "Data board", "an enclave", date(2027, 6, 30))
    judged = replace(audit, verdict=Verdict("pass", (replace(rule, waived=(word,)),)))
    (said,) = next(iter(suites(judged)["rules"])).result
    assert type(said) is Skipped
    assert said.message.startswith("waived by Data board until 2027-06-30: an enclave; fail: ")

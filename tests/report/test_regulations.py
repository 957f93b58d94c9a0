"""The annexes: a row is measured where a finding answers it, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.policy import words
from auditor.report.json import as_written
from auditor.report.regulations import annexes, regulations

EVIDENCE = [(one.key, row.clause, by) for one in regulations() for row in one.rows for by in row.by]


def rows(audit, key):
    return next(annex.rows for annex in annexes(audit) if annex.key == key)


def without(audit, check):
    return replace(audit, findings=tuple(one for one in audit if one.check != check))


def skipped(audit, check):
    findings = (
        replace(one, status="skipped", reason="none were there", estimates={}, curves={}, params={})
        if one.check == check
        else one
        for one in audit
    )
    return replace(audit, findings=tuple(findings))


def test_the_eighteen_classes_of_safe_harbor_stand_there_in_order(audit):
    clauses = [row.clause for row in rows(audit, "safe-harbor")]
    assert clauses == [f"({letter})" for letter in "ABCDEFGHIJKLMNOPQR"] + ["(ii)"]


def test_a_class_of_identifier_is_answered_by_what_was_met_of_it(audit):
    by_clause = {row.clause: row for row in rows(as_written(audit), "safe-harbor")}
    assert by_clause["(C)"].numbers[0].says == "Found: date in header comment (90 people)"
    assert by_clause["(A)"].numbers[0].says == (
        "Found: name in header comment (fewer than 10 people)"
    )
    assert by_clause["(M)"].numbers[0].says == "Looked for (device); none was found"
    assert by_clause["(ii)"].status == "outside"


def test_linkability_shows_the_strongest_honest_measurement(audit):
    (row,) = (row for row in rows(audit, "wp29") if row.clause == "Linkability")
    assert row.status == "measured"
    assert row.numbers[0].finding.id == "linkage/vit/cross-session"
    assert "70% (51% to 89%), guessing 1.1%; 20 people" in row.numbers[0].says


@pytest.mark.parametrize("take", [without, skipped])
@pytest.mark.parametrize("check", ["linkage", "identifiers", "uniqueness", "attribute"])
def test_without_its_finding_a_row_is_not_measured(audit, check, take):
    asked = {
        (annex.key, row.clause, row.asks)
        for annex in annexes(audit)
        for row in annex.rows
        if row.numbers and all(number.finding.check == check for number in row.numbers)
    }
    assert asked
    for annex in annexes(take(audit, check)):
        for row in annex.rows:
            if (annex.key, row.clause, row.asks) in asked:
                assert row.status == "not measured"
                assert row.says
            assert all(number.finding.check != check for number in row.numbers)


def test_measured_means_that_a_number_stands_there(audit, passing, unassessed):
    for one in (audit, passing, unassessed):
        for annex in annexes(one):
            for row in annex.rows:
                assert (row.status == "measured") == bool(row.numbers)
                assert row.status == "measured" or row.says
                assert all(number.finding in one.findings for number in row.numbers)
                assert all(number.finding.status == "measured" for number in row.numbers)


def test_of_nothing_measured_no_row_is_measured(unassessed):
    assert not [row for annex in annexes(unassessed) for row in annex.rows if row.numbers]


def test_an_impact_assessment_has_its_four_parts(audit):
    assert {row.clause for row in rows(audit, "dpia")} == {"(a)", "(b)", "(c)", "(d)"}


@pytest.mark.parametrize(("key", "clause", "by"), EVIDENCE)
def test_a_row_names_checks_numbers_and_protocols_that_there_are(key, clause, by):
    about = words.checks()[by.check]
    assert by.metrics or by.kinds
    for name in by.metrics:
        assert about.metric(name) is not None
    assert by.protocol is None or by.protocol in about.protocols


def test_every_file_of_a_law_is_read_and_every_row_has_an_answer_or_a_note():
    kept = ["safe-harbor", "expert", "wp29", "edpb", "ema", "iso27559", "nist", "dpia"]
    assert [one.key for one in regulations()] == kept
    for one in regulations():
        assert one.title
        assert one.about.endswith(".")
        assert all(bool(row.by) != bool(row.note) for row in one.rows)

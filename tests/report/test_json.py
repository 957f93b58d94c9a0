"""The JSON is the report: complete, checked, and safe to share."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from auditor.core.errors import ConfigError
from auditor.core.finding import Estimate, Verdict, Waiver
from auditor.report import html
from auditor.report import json as report

#: An audit of every layout that was ever released.
RELEASED = sorted(Path(__file__).with_name("released").glob("audit-*.json"))


@pytest.mark.parametrize("name", ["audit", "passing", "unassessed", "unsettled"])
def test_an_audit_comes_back_as_it_was_written(name, request, tmp_path):
    path = tmp_path / "audit.json"
    report.write(request.getfixturevalue(name), path)
    first = path.read_bytes()
    report.write(report.read(path), path)
    assert path.read_bytes() == first


def test_the_layout_is_the_one_the_outside_was_promised(audit):
    document = report.to_dict(audit)
    assert list(document) == ["schema", "auditor", "release", "profile", "verdict", "findings"]
    assert document["schema"] == "auditor/audit/1"
    assert document["verdict"]["exit_status"] == 1
    finding = next(f for f in document["findings"] if f["id"] == "linkage/vit/cross-session")
    assert set(finding["estimates"]["rank1"]) == {
        "value", "low", "high", "level", "n_subjects", "chance"
    }  # fmt: skip


def change(document: dict, path: str, value: object) -> dict:
    *parents, last = path.split(".")
    inner = document
    for key in parents:
        inner = inner[int(key)] if key.isdigit() else inner[key]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "auditor/audit/2"),
        ("release.n_subjects", KeyError),
        ("release.names", ["Anna"]),
        ("verdict.exit_status", 0),
        ("verdict.outcome", "fine"),
        ("verdict.rules.0.waived", [{"rule": "a", "finding": "b"}]),
        ("profile.minimum_cell", 5),
        ("findings.1.view", "template"),  # of the name that another has
        ("verdict.rules.0.basis", KeyError),
        ("findings", KeyError),
    ],
)
def test_a_document_that_breaks_the_layout_is_refused(audit, tmp_path, path, value):
    document = change(json.loads(report.dumps(audit)), path, value)
    (tmp_path / "audit.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="audit"):
        report.read(tmp_path / "audit.json")


def test_an_estimate_without_what_guessing_scores_is_refused(audit, tmp_path):
    document = json.loads(report.dumps(audit))
    estimates = next(f["estimates"] for f in document["findings"] if f["estimates"])
    del next(iter(estimates.values()))["chance"]
    (tmp_path / "audit.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError):
        report.read(tmp_path / "audit.json")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 5}', "\x00", "[" * 100_000])
def test_what_is_no_audit_is_one_line_with_the_cure(tmp_path, text):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(ConfigError, match="auditor scan") as error:
        report.read(tmp_path / "audit.json")
    assert "\n" not in str(error.value)


def test_no_number_is_written_that_json_does_not_know(audit):
    finding = next(one for one in audit.findings if one.estimates)
    odd = replace(
        finding, estimates={"rank1": Estimate(float("nan"), 0, float("inf"), 0.95, 50, None)}
    )
    text = report.dumps(replace(audit, findings=(odd,)))
    assert "NaN" not in text
    assert "Infinity" not in text


def test_a_write_that_fails_leaves_the_old_report(audit, tmp_path):
    path = tmp_path / "audit.json"
    report.write(audit, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="layout"):
        report.write(replace(audit, release={"name": 5}), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["audit.json"]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_an_audit_of_every_released_layout_can_be_read_and_drawn(path, tmp_path):
    audit = report.read(path)
    assert "<h1>" in html.render(audit)
    report.write(audit, tmp_path / "again.json")
    assert report.read(tmp_path / "again.json") == audit
    assert len(audit.findings) > 5
    assert any(rule.waived for rule in audit.verdict.rules)
    assert any(rule.known for rule in audit.verdict.rules)


def test_the_layout_that_is_written_is_among_those_that_are_kept():
    assert [f"auditor/audit/{path.stem.split('-')[1]}" for path in RELEASED][-1] == report.SCHEMA


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ("auditor/audit/2", "newer"),
        ("auditor/audit/10", "newer"),
        ("auditor/audit/0", "scan again"),
    ],
)
def test_a_newer_layout_is_told_from_an_unknown_one(audit, tmp_path, schema, word):
    document = change(json.loads(report.dumps(audit)), "schema", schema)
    (tmp_path / "audit.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=word):
        report.read(tmp_path / "audit.json")


def test_a_verdict_that_is_better_than_its_rules_is_refused(audit):
    better = replace(audit, verdict=Verdict("pass", audit.verdict.rules))
    with pytest.raises(ConfigError, match="better than its rules"):
        report.from_dict(report.to_dict(better))


def test_a_waiver_comes_back_with_its_owner_and_day(audit):
    first, *rest = audit.verdict.rules
    accepted = Waiver(first.id, str(first.finding), "Dr A. Steward", "until 2026-05-01", date.max)
    judged = Verdict("fail", (replace(first, waived=(accepted,), known=True), *rest))
    back = report.from_dict(report.to_dict(replace(audit, verdict=judged))).verdict.rules[0]
    assert (back.waived[0].owner, back.waived[0].expires) == ("Dr A. Steward", date.max)
    assert back.waived[0].reason == "until [date]"
    assert back.known
    assert back.accepted


@pytest.mark.parametrize(("cell", "told"), [(10, 44), (44, 44), (45, "fewer than 45")])
def test_a_profile_may_ask_for_larger_cells_and_never_for_smaller(audit, cell, told):
    asked = replace(audit, profile={**audit.profile, "minimum_cell": cell})
    document = report.to_dict(asked)
    sizes = next(one["curves"] for one in document["findings"] if one["check"] == "uniqueness")
    assert sizes["group_sizes"]["people"] == [told, f"fewer than {cell}"]
    # Also on the way out of a file that somebody else wrote.
    raw = report.to_dict(audit) | {"profile": document["profile"]}
    again = report.to_dict(report.from_dict(raw))["findings"]
    for before, after in zip(document["findings"], again, strict=True):
        assert (after["params"], after["curves"]) == (before["params"], before["curves"])


@pytest.mark.parametrize("name", ["value", "v\\u0061lue", "value\\u0000"])
def test_a_name_that_stands_twice_is_refused(name, audit, tmp_path):
    text = report.dumps(audit).replace('"value":', f'"{name}": 0.0, "value":', 1)
    (tmp_path / "audit.json").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="twice"):
        report.read(tmp_path / "audit.json")


def test_a_pass_that_no_rule_bears_out_is_refused(audit, passing, tmp_path):
    rule = next(one for one in audit.verdict.rules if one.outcome == "fail" and one.required)
    path = tmp_path / "audit.json"
    for sound, rules, word in (
        (passing, (), "no rule is required"),
        (passing, (replace(passing.verdict.rules[0], required=False),), "no rule is required"),
        (audit, (replace(rule, outcome="pass"),), "beyond its limit"),
    ):
        report.write(replace(sound, verdict=Verdict("pass", rules)), path)
        with pytest.raises(ConfigError, match=word):
            report.read(path)

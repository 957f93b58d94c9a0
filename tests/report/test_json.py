"""The JSON is the report: complete, checked, and safe to share."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from auditor.core.errors import ConfigError
from auditor.core.finding import Estimate
from auditor.report import json as report


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

"""The verdict as SARIF 2.1.0: every rule, passed ones too, whatever a gate was told to show.

GitHub and GitLab show a result only where it has a place in a file; that file is the audit.json.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Literal

from auditor.core import formatting
from auditor.core.finding import Audit, Estimate, Finding, Ruling
from auditor.policy import words
from auditor.report import summary
from auditor.report.csv import supported
from auditor.report.markdown import acceptance

FORMATS = {"sarif": "audit.sarif"}

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Level = Literal["error", "warning", "note", "none"]


def render(audit: Audit) -> str:
    """One run, with a result for every rule of the profile."""
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(audit)]}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _run(audit: Audit) -> dict[str, Any]:
    rules = audit.verdict.rules
    return {
        "tool": {
            "driver": {
                "name": "auditor",
                "version": audit.auditor["version"],
                "rules": [_descriptor(rule, audit) for rule in rules],
            }
        },
        "automationDetails": {"id": f"auditor/{audit.profile['name']}/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": audit.verdict.exit_status,
                "exitCodeDescription": audit.verdict.outcome,
                "toolExecutionNotifications": [
                    _notification(finding) for finding in audit if finding.status != "measured"
                ],
            }
        ],
        "artifacts": [{"location": {"uri": "audit.json"}, "mimeType": "application/json"}],
        "results": [_result(rule, index, audit) for index, rule in enumerate(rules)],
        "properties": {
            "release": audit.release["name"],
            "fingerprint": audit.release["fingerprint"],
            "n_subjects": audit.release["n_subjects"],
            "n_records": audit.release["n_records"],
            "profile": audit.profile["name"],
            "outcome": audit.verdict.outcome,
        },
    }


def _descriptor(rule: Ruling, audit: Audit) -> dict[str, Any]:
    asked = summary.asked_of(audit, rule)
    title, full, cure = words.humanise(rule.id), "", ""
    unit: formatting.Unit = "number"
    if asked:
        about, metric = words.about(asked[0]), asked[1]
        title = f"{about.title}: {metric.title[:1].lower()}{metric.title[1:]}"
        full = "".join(f"{told} " for told in (about.question, metric.meaning) if told)
        cure = about.remedy and f" {about.remedy}"
        unit = metric.unit
    limit = formatting.amount(rule.limit, unit)
    full += f"The limit is {limit}" if math.isfinite(rule.limit) else "There is no limit"
    full += f". It rests on {rule.basis}."
    if not rule.required:
        full += f" The {audit.profile['name']} profile shows it and does not require it."
    return {
        "id": rule.id,
        "shortDescription": {"text": _plain(title)},
        "fullDescription": {"text": _plain(full)},
        "help": {"text": _plain(full + cure)},
        "defaultConfiguration": {"level": "error" if rule.required else "warning"},
        "properties": {
            "basis": rule.basis,
            "limit": _number(rule.limit),
            "required": rule.required,
            "tags": ["privacy"],
        },
    }


def _result(rule: Ruling, index: int, audit: Audit) -> dict[str, Any]:
    estimate = summary.measured_by(audit, rule)
    release = audit.release["name"]
    same = hashlib.sha256(
        json.dumps([release, audit.profile["name"], rule.id]).encode()
    ).hexdigest()
    return {
        "ruleId": rule.id,
        "ruleIndex": index,
        "kind": "pass" if rule.outcome == "pass" else "fail",
        "level": _level(rule),
        "message": {"text": _plain(f"{rule.outcome}: {rule.reason}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "audit.json", "index": 0},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {
                        "name": release,
                        "fullyQualifiedName": "/".join(filter(None, (release, rule.finding))),
                        "kind": "resource",
                    }
                ],
            }
        ],
        # The key by which GitHub knows an alert again; the numbers may change, the rule does not.
        "partialFingerprints": {"primaryLocationLineHash": f"{same[:32]}:1"},
        "suppressions": _suppressions(rule),
        "properties": {
            "outcome": rule.outcome,
            "required": rule.required,
            "finding": rule.finding,
            "estimate": rule.estimate,
            "limit": _number(rule.limit),
            "basis": rule.basis,
            **(_measured(estimate) if estimate else {}),
        },
    }


def _level(rule: Ruling) -> Level:
    """How loud: only what the verdict heeds is an error; a pass has no level in SARIF."""
    if rule.outcome == "pass":
        return "none"
    if rule.outcome == "fail":
        return "error" if rule.counts else "warning"
    return "warning" if rule.counts else "note"


def _suppressions(rule: Ruling) -> list[dict[str, Any]]:
    """Who answers for a failure that does not count; empty says that nobody does."""
    told = acceptance(rule)
    return [{"kind": "external", "status": "accepted", "justification": told}] if told else []


def _measured(estimate: Estimate) -> dict[str, Any]:
    one = supported(estimate)
    return {
        "value": _number(one.value),
        "low": _number(one.low),
        "high": _number(one.high),
        "level": one.level,
        "n_subjects": one.n_subjects,
        "chance": _number(one.chance),
    }


def _notification(finding: Finding) -> dict[str, Any]:
    return {
        "level": "error" if finding.status == "failed" else "note",
        "message": {"text": _plain(f"{finding.id} was not measured: {finding.reason}")},
        "properties": {"finding": finding.id, "status": finding.status},
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _plain(text: str) -> str:
    """Text in which SARIF sees no link."""
    return text.replace("](", "] (")

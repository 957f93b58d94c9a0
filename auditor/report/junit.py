"""The verdict as JUnit XML, for a CI that reads nothing else.

A required rule that does not pass is a failure whatever the reason: a CI that reads this file alone
must not go green where the gate stays closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from auditor.core.finding import Audit, Finding, Ruling
from auditor.report.markdown import acceptance

FORMATS = {"junit": "junit.xml"}

#: What XML 1.0 has no way to hold.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(audit: Audit) -> str:
    """A suite of the profile's rules, and a suite of what was asked."""
    suites = [
        _suite("rules", [_rule(rule, audit) for rule in audit.verdict.rules], audit),
        _suite("findings", [_finding(finding) for finding in audit], audit),
    ]
    root = ET.Element("testsuites", {"name": "auditor", **_counts(suites)})
    root.extend(suites)
    ET.indent(root)
    return "<?xml version='1.0' encoding='UTF-8'?>\n" + ET.tostring(root, "unicode") + "\n"


def _suite(name: str, cases: list[ET.Element], audit: Audit) -> ET.Element:
    suite = ET.Element("testsuite", {"name": name})
    suite.append(properties := ET.Element("properties"))
    for key, value in (
        ("release", audit.release["name"]),
        ("fingerprint", audit.release["fingerprint"] or ""),
        ("profile", audit.profile["name"]),
        ("outcome", audit.verdict.outcome),
        ("auditor", audit.auditor["version"]),
    ):
        ET.SubElement(properties, "property", {"name": key, "value": _legal(str(value))})
    suite.extend(cases)
    suite.attrib |= {
        "tests": str(len(cases)),
        **{f"{kind}s" if kind != "skipped" else kind: str(_holding(kind, cases))
           for kind in ("failure", "error", "skipped")},
        "time": f"{sum(float(case.attrib['time']) for case in cases):.3f}",
    }  # fmt: skip
    return suite


def _counts(suites: Iterable[ET.Element]) -> dict[str, str]:
    names = ("tests", "failures", "errors", "skipped")
    counts = {name: str(sum(int(one.attrib[name]) for one in suites)) for name in names}
    return {**counts, "time": f"{sum(float(one.attrib['time']) for one in suites):.3f}"}


def _holding(kind: str, cases: Iterable[ET.Element]) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _rule(rule: Ruling, audit: Audit) -> ET.Element:
    case = _case(f"auditor.{audit.profile['name']}", rule.id, 0.0)
    if rule.outcome != "pass":
        kind, message = "failure", f"{rule.outcome}: {rule.reason}"
        if not rule.counts:
            kind, message = "skipped", f"{acceptance(rule) or 'not required'}; {message}"
        _told(case, kind, rule.outcome, message, f"limit from {rule.basis}")
    return case


def _finding(finding: Finding) -> ET.Element:
    case = _case(f"auditor.{finding.check}", finding.id, finding.seconds)
    if finding.status != "measured":
        kind = "error" if finding.status == "failed" else "skipped"
        _told(case, kind, finding.status, finding.reason or "", finding.threat)
    return case


def _case(group: str, name: str, seconds: float) -> ET.Element:
    return ET.Element(
        "testcase",
        {"classname": _legal(group), "name": _legal(name), "time": f"{seconds:.3f}"},
    )


def _told(case: ET.Element, kind: str, why: str, message: str, more: str) -> None:
    told = ET.SubElement(case, kind, {"type": why, "message": _legal(message)})
    told.text = _legal(f"{message}\n{more}")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)

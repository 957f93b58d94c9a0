"""The report: an audit as JSON, and back.

Everything else is drawn from this file alone, so an old audit can be drawn or judged again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from auditor.core import files
from auditor.core.errors import ConfigError
from auditor.core.finding import Audit, Estimate, Finding, Ruling, Verdict, Waiver
from auditor.report.disclosure import SMALLEST, clean, number, withhold, withhold_text

SCHEMA = "auditor/audit/1"
LARGEST = 64 * 2**20

#: How a model differs that could be released instead.
_VARIANTS = ("rounded_to", "stopped_at")
_CURE = "give the audit.json that `auditor scan` wrote"


def write(audit: Audit, path: Path | str) -> None:
    """Put an audit at a path, whole or not at all.

    Raises
    ------
    ValueError
        The audit breaks the layout it promises, which is a fault of ours.
    """
    files.replace(path, dumps(audit))


def read(path: Path | str) -> Audit:
    """The audit that a file holds.

    Raises
    ------
    ConfigError
        The file is missing, too large, or not an audit of this version.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: no such file; {_CURE}")
        if (size := path.stat().st_size) > LARGEST:
            raise ConfigError(
                f"{path}: {size / 2**20:.0f} MB, and an audit has at most "
                f"{LARGEST // 2**20}; {_CURE}"
            )
        document = _loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not an audit ({_short(error)}); {_CURE}") from error
    try:
        audit = from_dict(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if flaw := forged(audit):
        raise ConfigError(f"{path}: not a sound audit, {flaw}; scan again")
    return audit


def dumps(audit: Audit) -> str:
    """The text of an audit's JSON: checked, and the same for the same audit."""
    document = to_dict(audit)
    if flaw := _flaw(document):
        raise ValueError(f"this audit does not fit its own layout: {flaw}")
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _one_line_per_column(text) + "\n"


def to_dict(audit: Audit) -> dict[str, Any]:
    """An audit as plain JSON values, without what a report must not say."""
    smallest = _smallest(audit.profile)
    return {
        "schema": SCHEMA,
        "auditor": _described(audit.auditor),
        "release": _described(audit.release),
        "profile": _described(audit.profile),
        "verdict": {
            "outcome": audit.verdict.outcome,
            "exit_status": audit.verdict.exit_status,
            "rules": [_rule(rule, smallest) for rule in audit.verdict.rules],
        },
        "findings": [
            _finding(finding, _people(audit.release, finding), smallest) for finding in audit
        ],
    }


def from_dict(document: Any) -> Audit:
    """The audit that plain JSON values describe.

    Raises
    ------
    ConfigError
        They do not fit the schema.
    """
    seen = document.get("schema") if isinstance(document, Mapping) else None
    if not isinstance(seen, str) or not seen.startswith("auditor/audit/"):
        raise ConfigError(f"not an audit; {_CURE}")
    if seen != SCHEMA:
        theirs, ours = (one.rpartition("/")[2] for one in (seen, SCHEMA))
        newer = theirs.isdecimal() and (len(theirs), theirs) > (len(ours), ours)
        told = "written by a newer auditor; update this one" if newer else "scan again"
        raise ConfigError(f"an audit of layout {_short(seen)}, and this reads {SCHEMA}: {told}")
    if flaw := _flaw(document):
        raise ConfigError(f"not a sound audit, {flaw}; scan again")
    try:
        audit = _read(document)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"not a sound audit, {_short(error)}; scan again") from error
    if flaw := _contradiction(audit):
        raise ConfigError(f"not a sound audit, {flaw}; scan again")
    return audit


def _contradiction(audit: Audit) -> str | None:
    """What an audit that fits the schema says of itself that cannot be so."""
    names = [finding.id for finding in audit]
    if len(set(names)) < len(names):
        return "two findings have the same id"
    if "" in _names(audit):
        return "a name in it is made of marks that no report shows"
    severity = {"pass": 0, "not assessed": 1, "inconclusive": 2, "fail": 3}
    worst = max((severity[rule.outcome] for rule in audit.verdict.rules if rule.counts), default=0)
    if severity[audit.verdict.outcome] < worst:
        return "its verdict is better than its rules are"
    return None


def _names(audit: Audit) -> Iterator[str | None]:
    """The names that the layout wants not to be empty, as they are once they were cleaned."""
    for finding in audit:
        yield from (finding.check, finding.proves, finding.view, finding.protocol, finding.leads)
    for rule in audit.verdict.rules:
        yield from (rule.id, rule.finding, rule.estimate)
        for one in rule.waived:
            yield from (one.rule, one.finding, one.owner, one.reason)


def forged(audit: Audit) -> str | None:
    """Why an audit that somebody hands over cannot be one that was judged: it passes by nothing, or
    by a number that does not; None where neither is so.
    """
    if audit.verdict.outcome == "pass" and not any(one.required for one in audit.verdict.rules):
        return "it passes, and no rule is required"
    found = {finding.id: finding for finding in audit}
    for rule in audit.verdict.rules:
        by = found.get(rule.finding or "")
        estimate = by.estimates.get(rule.estimate or "") if by else None
        if rule.outcome != "pass" or estimate is None:
            continue
        if estimate.low > max(rule.limit, estimate.chance or 0):
            return f"rule {_short(rule.id)} passes by a number beyond its limit"
    return None


def _smallest(profile: Mapping[str, Any]) -> int:
    """The fewest people whose count is told: what the profile says, and never fewer than ours."""
    return max(SMALLEST, int(profile.get("minimum_cell", SMALLEST)))


def as_written(audit: Audit) -> Audit:
    """An audit as its JSON tells it: without what a report must not say."""
    return _read(to_dict(audit))


def _read(document: Mapping[str, Any]) -> Audit:
    smallest = _smallest(document["profile"])
    return Audit(
        auditor=_described(document["auditor"]),
        release=_described(document["release"]),
        profile=_described(document["profile"]),
        verdict=Verdict(
            document["verdict"]["outcome"],
            tuple(_read_rule(rule, smallest) for rule in document["verdict"]["rules"]),
        ),
        findings=tuple(_read_finding(one, smallest) for one in document["findings"]),
    )


def _described(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block about the run: settings are free-form, the rest is what it is."""
    return {
        key: withhold(value) if key == "settings" else _plain(value) for key, value in block.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return withhold(value)


def _rule(rule: Ruling, smallest: int) -> dict[str, Any]:
    return {
        "id": clean(rule.id),
        "outcome": rule.outcome,
        "reason": withhold_text(rule.reason, smallest),
        "required": rule.required,
        "limit": number(rule.limit),
        "basis": clean(rule.basis),
        "finding": rule.finding and clean(rule.finding),
        "estimate": rule.estimate and clean(rule.estimate),
        "waived": [_waiver(one) for one in rule.waived],
        "known": rule.known,
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "rule": clean(waiver.rule),
        "finding": clean(waiver.finding),
        "owner": clean(waiver.owner),
        "reason": withhold_text(waiver.reason),
        "expires": waiver.expires.isoformat(),
    }


def _people(release: Mapping[str, Any], finding: Finding) -> set[int]:
    """The numbers of people that a report tells beside a finding's tables."""
    return {
        *(one.n_subjects for one in finding.estimates.values()),
        *(int(n) for key, n in release.items() if key.startswith("n_subjects")),
    }


def _finding(finding: Finding, people: Collection[int], smallest: int) -> dict[str, Any]:
    return {
        "id": clean(finding.id),
        "check": clean(finding.check),
        "view": finding.view and clean(finding.view),
        "protocol": finding.protocol and clean(finding.protocol),
        **({} if finding.leads is None else {"leads": clean(finding.leads)}),
        **({} if finding.proves is None else {"proves": clean(finding.proves)}),
        **{key: n for key in _VARIANTS if (n := getattr(finding, key)) is not None},
        "threat": withhold_text(finding.threat, smallest),
        "status": finding.status,
        "reason": None if finding.reason is None else withhold_text(finding.reason, smallest),
        "estimates": {clean(name): _estimate(one) for name, one in finding.estimates.items()},
        **({"inapplicable": _inapplicable(finding, smallest)} if finding.inapplicable else {}),
        "curves": withhold(finding.curves, people, smallest=smallest),
        "params": withhold(finding.params, people, smallest=smallest),
        "seconds": number(finding.seconds),
    }


def _inapplicable(finding: Finding, smallest: int) -> dict[str, str]:
    said = finding.inapplicable.items()
    return {clean(name): withhold_text(reason, smallest) for name, reason in said}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {one.name: number(getattr(estimate, one.name)) for one in fields(Estimate)}


def _read_rule(rule: Mapping[str, Any], smallest: int) -> Ruling:
    return Ruling(
        id=clean(rule["id"]),
        outcome=rule["outcome"],
        reason=withhold_text(rule["reason"], smallest),
        required=rule["required"],
        limit=_float(rule["limit"]),
        basis=clean(rule["basis"]),
        finding=rule["finding"] and clean(rule["finding"]),
        estimate=rule["estimate"] and clean(rule["estimate"]),
        waived=tuple(_read_waiver(one) for one in rule.get("waived", ())),
        known=rule.get("known", False),
    )


def _read_waiver(raw: Mapping[str, Any]) -> Waiver:
    return Waiver(
        rule=clean(raw["rule"]),
        finding=clean(raw["finding"]),
        owner=clean(raw["owner"]),
        reason=withhold_text(raw["reason"]),
        expires=date.fromisoformat(raw["expires"]),
    )


def _read_finding(raw: Mapping[str, Any], smallest: int) -> Finding:
    finding = Finding(
        check=clean(raw["check"]),
        view=raw["view"] and clean(raw["view"]),
        protocol=raw["protocol"] and clean(raw["protocol"]),
        leads=clean(raw["leads"]) if "leads" in raw else None,
        proves=clean(raw["proves"]) if "proves" in raw else None,
        **{key: raw[key] for key in _VARIANTS if key in raw},
        threat=withhold_text(raw["threat"], smallest),
        status=raw["status"],
        reason=None if raw["reason"] is None else withhold_text(raw["reason"], smallest),
        params=withhold(raw["params"], smallest=smallest),
        estimates={clean(name): _read_estimate(one) for name, one in raw["estimates"].items()},
        curves=withhold(raw["curves"], smallest=smallest),
        inapplicable={
            clean(name): withhold_text(reason, smallest)
            for name, reason in raw.get("inapplicable", {}).items()
        },
        seconds=float(raw["seconds"]),
    )
    if finding.id != raw["id"]:
        raise ValueError(f"finding {raw['id']!r} is called {finding.id!r} by its parts")
    return finding


def _read_estimate(raw: Mapping[str, Any]) -> Estimate:
    chance = raw["chance"]
    return Estimate(
        value=_float(raw["value"]),
        low=_float(raw["low"]),
        high=_float(raw["high"]),
        level=float(raw["level"]),
        n_subjects=int(raw["n_subjects"]),
        chance=None if chance is None else float(chance),
    )


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _loads(text: str) -> Any:
    return json.loads(
        text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_each_once
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A block none of whose names stands twice: of two, one would be read and the other shown."""
    block = {clean(name): value for name, value in pairs}
    if len(block) < len(pairs):
        raise ValueError("a name stands twice in one block")
    return block


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("a number is too large")
    return value


@cache
def _validator() -> Any:
    schema = json.loads(Path(__file__).with_name("audit.schema.json").read_text("utf-8"))
    return Draft202012Validator(schema)


def _flaw(document: Any) -> str | None:
    """What is most wrong with a document, on one line; None where it fits the schema."""
    try:
        error = best_match(_validator().iter_errors(document))
    except RecursionError:
        return "it is nested too deep"
    return error and f"at {_short(error.json_path)}: {_short(error.message)}"


def _short(message: object) -> str:
    text = clean(str(message))
    return text if len(text) <= 160 else text[:159] + "…"


def _one_line_per_column(text: str) -> str:
    """A column of numbers on one line: a curve is read as a whole or not at all."""
    number_or_null = r"(?:-?\d[\d.eE+-]*|null)"
    column = re.compile(rf"\[\n\s*({number_or_null}(?:,\n\s*{number_or_null})*)\n\s*\]")
    return column.sub(lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)

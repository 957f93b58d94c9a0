"""The report as one page a person can read, sign and pass on: no script, no network.

It is drawn from the JSON alone: an audit goes through its JSON form first, so whatever the JSON
withholds the page withholds too. Templates format; everything they say is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from auditor.core.finding import Audit, Estimate, Finding, Ruling
from auditor.report import atomic, digest, heartbeat, words
from auditor.report.json import from_dict, to_dict
from auditor.resources import resource

#: Bytes a page may have; one that would be larger leaves its curves out.
LARGEST = 2 * 2**20

_ROWS = 40
_COLUMNS = 12
_ITEMS = 24


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading, and how many more there were."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int


@dataclass(frozen=True)
class Judged:
    """A rule beside what it was judged by."""

    rule: Ruling
    estimate: Estimate | None
    label: words.Label | None
    anchor: str | None


@dataclass(frozen=True)
class Drawing:
    """A curve: as a picture where its columns are known, else as a table."""

    title: str
    picture: Markup | None
    guessing: bool
    table: Table | None


@dataclass(frozen=True)
class Section:
    """A finding with what is drawn of it."""

    finding: Finding
    anchor: str
    title: str
    upper_bound: bool
    drawings: Sequence[Drawing]
    params: Sequence[tuple[str, str]]
    tables: Sequence[tuple[str, Table]]


def write(audit: Audit, path: Path | str) -> None:
    """Put an audit's page at a path, whole or not at all."""
    atomic.replace(path, render(audit))


def render(audit: Audit) -> str:
    """An audit's page."""
    audit = from_dict(to_dict(audit))
    page = _render(audit, curves=True)
    return page if len(page.encode()) <= LARGEST else _render(audit, curves=False)


def _render(audit: Audit, curves: bool) -> str:
    from auditor.report import plots

    keys = (f"figure{number}" for number in count(1))
    ladders = digest.ladders(audit)
    sections = [
        _section(finding, f"finding-{number}", keys, curves)
        for number, finding in enumerate(audit, start=1)
    ]
    anchors = {section.finding.id: section.anchor for section in sections}
    profile = str(audit.profile["name"])
    name, version = audit.release["name"], audit.auditor["version"]
    return (
        _environment()
        .get_template("audit.html.j2")
        .render(
            audit=audit,
            name=name,
            title=f"Privacy audit of {name}",
            version=version,
            profile=profile,
            profile_meaning=_profile_meaning(audit.profile),
            outcome=audit.verdict.outcome,
            headline=digest.headline(audit.verdict, profile),
            reasons=digest.reasons(audit.verdict),
            facts=_facts(audit.release),
            ladders=[(ladder, strongest) for ladder in ladders if (strongest := ladder.strongest)],
            ladder_wide=Markup(plots.ladder(ladders, next(keys))) if ladders else None,
            ladder_narrow=Markup(plots.ladder(ladders, next(keys), True)) if ladders else None,
            has_limit=any(ladder.limit is not None for ladder in ladders),
            has_bound=any(ladder.upper_bound for ladder in ladders),
            hearts=heartbeat.hearts(audit, keys),
            worst=digest.worst(audit),
            judged=[_judged(audit, rule, anchors) for rule in audit.verdict.rules],
            not_measured=digest.not_measured(audit),
            not_assessed=digest.not_assessed(audit.verdict),
            sections=sections,
            anchors=anchors,
            protocols=_protocols(audit),
            settings=_pairs(audit.auditor.get("settings", {})),
            versions=_pairs(audit.auditor["versions"]),
            seconds=sum(finding.seconds for finding in audit),
        )
    )


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(resource("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "amount": words.amount,
        "sentence": words.sentence,
        "duration": words.duration,
        "label": words.estimate_label,
        "check_title": words.check_title,
        "protocol_title": words.protocol_title,
        "protocol_meaning": words.protocol_meaning,
        "view_title": words.view_title,
        "humanise": words.humanise,
        "thousands": lambda number: f"{number:,}",
        "finding_title": _title,
        "outcome_word": lambda outcome: words.OUTCOMES[outcome][0],
        "outcome_mark": lambda outcome: words.OUTCOMES[outcome][1],
        "outcome_class": lambda outcome: words.OUTCOMES[outcome][2],
    }
    return made


def _facts(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was measured, in a few pairs of words."""
    sessions = release["n_sessions"]
    models = [("Models", _listed([one["name"] for one in release.get("models", [])]))]
    models = models if "models" in release else []
    return [
        ("People", f"{release['n_subjects']:,}"),
        ("Recordings", f"{release['n_records']:,}"),
        ("Sessions", "not known" if sessions is None else f"{sessions:,}"),
        ("Unreadable", f"{release['n_quarantined']:,}"),
        ("Leads", _listed(release["leads"])),
        ("Sampling", _listed([f"{fs:g} Hz" for fs in release["fs"]])),
        *models,
    ]


def _profile_meaning(profile: Mapping[str, Any]) -> str:
    meaning = str(profile.get("description") or words.profile_meaning(profile["name"]))
    population = profile.get("population")
    if population is None:
        return meaning
    return f"{meaning} It reckons with an attacker who searches among {population:,} people."


def _protocols(audit: Audit) -> list[str]:
    """The protocols of an audit that this page can explain."""
    used = {finding.protocol for finding in audit if finding.protocol}
    return sorted((one for one in used if words.protocol_meaning(one)), key=words.protocol_order)


def _judged(audit: Audit, rule: Ruling, anchors: Mapping[str, str]) -> Judged:
    return Judged(
        rule=rule,
        estimate=digest.measured_by(audit, rule),
        label=words.estimate_label(rule.estimate) if rule.estimate else None,
        anchor=anchors.get(rule.finding or ""),
    )


def _section(finding: Finding, anchor: str, keys: Iterator[str], curves: bool) -> Section:
    curves_of = heartbeat.tables(finding) if finding.check == "attribution" else finding.curves
    drawings = [_drawing(name, columns, keys) for name, columns in curves_of.items()]
    tables = [
        (words.humanise(name), table)
        for name, value in finding.params.items()
        if (table := _table_of_rows(value))
    ]
    plain = {
        name: value
        for name, value in finding.params.items()
        if name != "reading" and _table_of_rows(value) is None
    }
    return Section(
        finding=finding,
        anchor=anchor,
        title=_title(finding),
        upper_bound=finding.protocol in words.UPPER_BOUNDS,
        drawings=[drawing for drawing in drawings if curves and drawing],
        params=_pairs(plain),
        tables=tables,
    )


def _title(finding: Finding) -> str:
    """What was asked, of what, under which protocol."""
    parts = (
        words.check_title(finding.check),
        words.view_title(finding.view),
        words.protocol_title(finding.protocol),
    )
    first, *rest = (part for part in parts if part)
    return f"{first}: {', '.join(part[:1].lower() + part[1:] for part in rest)}" if rest else first


def _drawing(
    name: str, columns: Mapping[str, Sequence[Any]], keys: Iterator[str]
) -> Drawing | None:
    from auditor.report import plots

    title = words.humanise(name)
    if name.lower() in ("cmc", "roc"):
        title = name.upper()
    if picture := plots.curve(name, columns, next(keys)):
        says = plots.curve_title(columns)
        return Drawing(
            f"{says} ({title})" if says else title,
            Markup(picture),
            plots.has_guessing(columns),
            None,
        )
    table = _table_of_columns(columns)
    return Drawing(title, None, False, table) if table else None


def _table_of_columns(columns: Mapping[str, Sequence[Any]]) -> Table | None:
    """A curve whose columns are not known; None where they cannot stand side by side."""
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        return None
    every = list(zip(*columns.values(), strict=True))
    step = max(1, -(-len(every) // _ROWS))
    rows = every[::step]
    return Table(
        [words.humanise(name) for name in list(columns)[:_COLUMNS]],
        [[_text(cell) for cell in row[:_COLUMNS]] for row in rows],
        len(every) - len(rows),
    )


def _table_of_rows(value: Any) -> Table | None:
    """A list of like mappings as a table; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(row, Mapping) and row for row in value):
        return None
    names = list(dict.fromkeys(name for row in value for name in row))[:_COLUMNS]
    return Table(
        [words.humanise(name) for name in names],
        [[_text(row.get(name)) for name in names] for row in value[:_ROWS]],
        max(0, len(value) - _ROWS),
    )


def _pairs(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(words.humanise(str(name)), _text(value)) for name, value in mapping.items()]


def _text(value: Any) -> str:
    """Any JSON value in a line of text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if 1e-4 <= abs(value) < 1e6 or value == 0 else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, Mapping):
        return _listed([f"{name}: {_text(item)}" for name, item in value.items()], "; ") or "–"
    if isinstance(value, list | tuple):
        return _listed([_text(item) for item in value]) or "–"
    return str(value)


def _listed(items: Sequence[str], between: str = ", ") -> str:
    shown = between.join(items[:_ITEMS])
    more = len(items) - _ITEMS
    return f"{shown} and {more:,} more" if more > 0 else shown

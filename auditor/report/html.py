"""The report as one page a person can read, sign and pass on: no script, no network.

It is drawn from the JSON alone: an audit goes through its JSON form first, so whatever the JSON
withholds the page withholds too. Templates format; everything they say is decided here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from auditor.core import files, formatting
from auditor.core.finding import Audit, Estimate, Finding, Ruling
from auditor.core.unread import in_words
from auditor.policy import words
from auditor.policy.words import Metric
from auditor.report import disclosure, heartbeat, outputs, regulations, summary, terms
from auditor.report.json import as_written
from auditor.resources import resource

FORMATS = {"html": "report.html"}

#: Bytes a page may have; one that would be larger leaves its curves out, then its tables.
LARGEST = 2 * 2**20

_ROWS = 40
_COLUMNS = 12
_ITEMS = 24
#: Letters of a name that somebody else chose.
_NAME = 80
#: Of an audit of a thousand findings, so many have their tables here, and so many are drawn; the
#: others have a line. Those that decide, and the strongest of each question, come first.
_TOLD, _DRAWN, _LINES, _MISSING = 60, 14, 1000, 100
#: Models of which it is drawn what they give away by what is released.
_MODELS = 12


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading, and how many more there were."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int


@dataclass(frozen=True)
class Judged:
    """A rule beside what it was judged by.

    Attributes
    ----------
    reading : among whom, knowing what, and how sure, in a sentence; "" where nothing says so
    """

    rule: Ruling
    estimate: Estimate | None
    label: Metric | None
    anchor: str | None
    kind: str
    basis: str
    reading: str


@dataclass(frozen=True)
class Drawing:
    """A curve: as a picture where its columns are known, else as a table."""

    title: str
    picture: Markup | None
    guessing: bool
    table: Table | None


@dataclass(frozen=True)
class Scale:
    """What a model gives away by what is released of it, drawn wide and narrow; and as training
    goes on.
    """

    told: outputs.Scale
    drawn: Sequence[tuple[str, bool, Markup, Markup]]
    doses: Sequence[tuple[str, Markup]]


@dataclass(frozen=True)
class Section:
    """A finding with what is told of it.

    Attributes
    ----------
    known_by : the name of its first estimate, None where it has none
    told, decides : whether it is told in full, or in a line; and whether the verdict rests on it
    """

    finding: Finding
    anchor: str
    title: str
    upper_bound: bool
    known_by: str | None
    told: bool
    decides: bool
    rules: Sequence[Judged]
    estimates: Sequence[tuple[str, Estimate]]
    controls: Sequence[tuple[str, Estimate]]
    drawings: Sequence[Drawing]
    params: Sequence[tuple[str, str]]
    tables: Sequence[tuple[str, Table]]


@dataclass(frozen=True)
class Question:
    """What was asked, how, and what came of it."""

    title: str
    method: str
    sections: Sequence[Section]


@dataclass(frozen=True)
class Subject:
    """The release, or a model, and what was asked about it."""

    title: str
    questions: Sequence[Question]


def write(audit: Audit, path: Path | str) -> None:
    """Put an audit's page at a path, whole or not at all."""
    files.replace(path, render(audit))


def render(audit: Audit) -> str:
    """An audit's page."""
    audit = as_written(audit)
    for told, drawn in ((_TOLD, _DRAWN), (_TOLD, 0)):
        page = _render(audit, told, drawn)
        if len(page.encode()) <= LARGEST:
            return page
    return _render(audit, 0, 0)


def _render(audit: Audit, told: int, drawn: int) -> str:
    from auditor.report import plots

    keys = (f"figure{number}" for number in count(1))
    ladders = summary.ladders(audit)
    missing = summary.not_measured(audit)
    subjects, n_more = _subjects(audit, keys, told, drawn)
    anchors = {
        section.finding.id: section.anchor
        for subject in subjects
        for question in subject.questions
        for section in question.sections
    }
    profile = str(audit.profile["name"])
    name, version = audit.release["name"], audit.auditor["version"]
    environment = _environment()
    style = environment.get_template("audit.css.j2").render()
    return environment.get_template("audit.html.j2").render(
        audit=audit,
        style=Markup(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        name=name,
        title=f"Privacy audit of {_brief(name)}",
        version=version,
        profile=profile,
        profile_meaning=_profile_meaning(audit.profile),
        outcome=audit.verdict.outcome,
        accepted=summary.n_accepted(audit.verdict),
        verdict_word=summary.verdict_word(audit.verdict),
        headline=summary.headline(audit.verdict, _brief(profile)),
        found=summary.judged(audit),
        reasons=summary.reasons(audit.verdict),
        cleared=summary.cleared(audit),
        facts=_facts(audit.release),
        intruder=summary.intruder(audit),
        ladder_wide=Markup(plots.ladder(ladders, next(keys))) if ladders else None,
        ladder_narrow=Markup(plots.ladder(ladders, next(keys), True)) if ladders else None,
        ladders=ladders,
        has_limit=any(ladder.limit is not None for ladder in ladders),
        has_bound=any(ladder.upper_bound for ladder in ladders),
        hearts=heartbeat.hearts(audit, keys),
        scales=[_scale(one, keys) for one in outputs.scales(audit)[:_MODELS]],
        judged=[_judged(audit, rule, anchors) for rule in audit.verdict.rules[:_LINES]],
        missing=missing[:_MISSING],
        n_more_missing=max(0, len(missing) - _MISSING),
        not_assessed=summary.not_assessed(audit.verdict)[:_MISSING],
        steps=summary.steps(audit),
        subjects=subjects,
        n_more=n_more,
        annexes=regulations.annexes(audit),
        anchors=anchors,
        upper_bounds=terms.UPPER_BOUNDS,
        glossary=_glossary(subjects),
        protocols=_protocols(audit),
        settings=_pairs(audit.auditor.get("settings", {})),
        versions=_pairs(audit.auditor["versions"]),
        seconds=sum(finding.seconds for finding in audit),
    )


@cache
def _environment() -> Environment:
    """The templates, compiled once for all pages of a process."""
    made = Environment(
        loader=FileSystemLoader(resource("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "amount": formatting.amount,
        "interval": formatting.interval,
        "brief": _brief,
        "full_stop": terms.full_stop,
        "about": words.about,
        "view_title": terms.view_title,
        "duration": formatting.duration,
        "label": lambda name, finding: words.metric(finding.check, name),
        "protocol_title": terms.protocol_title,
        "protocol_meaning": terms.protocol_meaning,
        "humanise": words.humanise,
        "thousands": lambda number: f"{number:,}",
        "finding_title": _title,
        "missing_title": _missing_title,
        "status_word": lambda status: regulations.STATUSES[status],
        "outcome_word": lambda outcome: terms.OUTCOMES[outcome][0],
        "outcome_mark": lambda outcome: terms.OUTCOMES[outcome][1],
        "outcome_class": lambda outcome: terms.OUTCOMES[outcome][2],
    }
    return made


def _scale(told: outputs.Scale, keys: Iterator[str]) -> Scale:
    from auditor.report import plots

    def drawn(title: str, one: summary.Ladder) -> tuple[str, bool, Markup, Markup]:
        shows = f"{title}, by what is released of the model."
        wide, narrow = (
            Markup(plots.ladder([one], next(keys), narrow, shows)) for narrow in (False, True)
        )
        return title, one.upper_bound, wide, narrow

    return Scale(
        told=told,
        drawn=[drawn(title, one) for title, one in told.ladders],
        doses=[(title, Markup(plots.dose(one, next(keys), title))) for title, one in told.doses],
    )


def _brief(name: object) -> str:
    """A name that somebody else chose, no longer than a line."""
    text = str(name)
    return text if len(text) <= _NAME else text[: _NAME - 1] + "…"


def _subjects(
    audit: Audit, keys: Iterator[str], told: int, drawn: int
) -> tuple[list[Subject], int]:
    """Every finding, by what it is about and what was asked, and how many more there are."""
    groups = summary.groups(audit)
    places = [
        (rank, number) for number, group in enumerate(groups) for rank in range(len(group.findings))
    ]
    # Before any question has a second finding told in full, each has its first.
    turn = {place: at for at, place in enumerate(sorted(places))}
    numbers = count(1)
    titles = {str(one["name"]): str(one["title"]) for one in audit.release.get("models", [])}
    subjects: dict[str, list[Question]] = {}
    foretold = told if drawn else 0  # for more people than there are: drawn wherever it is told
    for number, group in enumerate(groups):
        sections = [
            _section(
                audit, finding, f"finding-{next(numbers)}", keys,
                told=turn[rank, number] < told,
                drawn=turn[rank, number] < (foretold if "forecast" in finding.curves else drawn),
            )
            for rank, finding in enumerate(group.findings)
            if turn[rank, number] < _LINES
        ]  # fmt: skip
        about = words.about(group.check)
        question = Question(_brief(about.title), about.method, sections)
        subjects.setdefault(group.model, []).append(question)
    named = {
        model: f"The model {_brief(model)}: {_brief(titles[model])}" if model else "The release"
        for model in subjects
    }
    made = [Subject(named[model], questions) for model, questions in subjects.items()]
    return made, max(0, len(places) - _LINES)


def _missing_title(missing: summary.Missing) -> str:
    """What was asked and could not be answered."""
    first = missing.findings[0]
    if len(missing.findings) == 1:
        return _title(first)
    parts = [words.about(first.check).title, terms.setting(first)]
    return ": ".join(filter(None, parts))


def _glossary(subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    """What the estimates of a page mean: each meaning once, under the first that has it."""
    named: dict[str, list[str]] = {}
    for subject in subjects:
        for question in subject.questions:
            for section in question.sections:
                for name, _ in (*section.estimates, *section.controls) if section.told else ():
                    label = words.metric(section.finding.check, name)
                    titles = named.setdefault(label.meaning, [])
                    if label.title not in titles:
                        titles.append(label.title)
    named.pop("", None)
    shown = {
        meaning: f"{_brief(titles[0])}{' (and the like)' if len(titles) > 1 else ''}"
        for meaning, titles in named.items()
    }
    return sorted((title, meaning) for meaning, title in shown.items())


def _facts(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was measured, in a few pairs of words."""
    sessions = release["n_sessions"]
    models = [("Models", _listed([_brief(one["name"]) for one in release.get("models", [])]))]
    models = models if "models" in release else []
    return [
        ("People", f"{release['n_subjects']:,}"),
        ("Recordings", f"{release['n_records']:,}"),
        ("Sessions", "not known" if sessions is None else f"{sessions:,}"),
        ("Unreadable", disclosure.count(release["n_quarantined"])),
        ("Leads", _listed(release["leads"])),
        *_lead_sets(release),
        *_probes(release),
        ("Sampling", _listed([f"{fs:g} Hz" for fs in release["fs"]])),
        *models,
        *_account(release),
    ]


def _lead_sets(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which sets of other leads were attacked beside."""
    sets = [_brief(one.replace("+", " ")) for one in release.get("lead_sets", ())]
    return [("Also attacked by", _listed(sets))] if sets else []


def _probes(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """By which recordings people were searched for that are not released."""
    if not (probes := release.get("probes")):
        return []
    n, people = probes["n_records"], probes["n_subjects"]
    return [("Searched by", f"{n:,} recordings of {people:,} people that are kept, too")]


def _account(release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the files of the folder were, what was not understood, and what somebody said of it."""
    if "files" not in release:
        return []
    files = release["files"]
    spoken = [
        (files.get("excluded", 0), "is not part of the release", "are not part of the release"),
        (release["n_reviewed"], "was read and tells of nobody", "were read and tell of nobody"),
    ]
    said = [f"{_files(n)} {one if n == 1 else many}" for n, one, many in spoken if n]
    rows = [("Files", _listed([f"{n:,} {what}" for what, n in files.items()]))]
    rows += [("Not understood", _sentence(in_words(release["unread"])) or "Nothing")]
    return rows + ([("Somebody said", " and ".join(said))] if said else [])


def _files(n: int) -> str:
    return "1 file" if n == 1 else f"{n:,} files"


def _profile_meaning(profile: Mapping[str, Any]) -> str:
    meaning = _sentence(profile.get("description") or terms.profile_meaning(profile["name"]))
    if among := _judged_among(profile):
        meaning += f" People among whom somebody is looked for: {_listed(among)}."
    if cell := profile.get("minimum_cell"):
        meaning += f" No count of fewer than {cell} people is told."
    return meaning


def _judged_among(profile: Mapping[str, Any]) -> list[str]:
    """Among how many people an intruder looks, by what rules ask."""
    found: dict[str, None] = {}
    for rule in profile.get("rules", ()):
        about = words.about(str(rule.get("check")))
        n = about.among_of(str(rule.get("estimate")))
        if about.declared_population:
            n = profile.get("population")
        if n:
            found[f"{n:,} ({about.title[:1].lower()}{about.title[1:]})"] = None
    return list(found)


def _protocols(audit: Audit) -> list[str]:
    """The protocols of an audit that this page can explain."""
    used = {finding.protocol for finding in audit if finding.protocol}
    return sorted((one for one in used if terms.protocol_meaning(one)), key=terms.protocol_order)


def _sentence(text: object) -> str:
    """A text that somebody else wrote, as a sentence or two."""
    text = str(text)
    return text if len(text) <= 8 * _NAME else text[: 8 * _NAME - 1] + "…"


def _judged(audit: Audit, rule: Ruling, anchors: Mapping[str, str]) -> Judged:
    kind, basis = terms.basis(rule.basis)
    asked = summary.asked_of(audit, rule)
    return Judged(
        rule=rule,
        estimate=summary.measured_by(audit, rule),
        label=asked[1] if asked else None,
        anchor=anchors.get(rule.finding or ""),
        kind=kind,
        basis=basis,
        reading=summary.searched(audit, rule),
    )


def _section(
    audit: Audit,
    finding: Finding,
    anchor: str,
    keys: Iterator[str],
    told: bool,
    drawn: bool,
) -> Section:
    every = [
        (name, one, words.metric(finding.check, name)) for name, one in finding.estimates.items()
    ]
    params = finding.params if told else {}
    tables = {name: table for name, value in params.items() if (table := _table_of_rows(value))}
    plain = {name: one for name, one in params.items() if name != "reading" and name not in tables}
    return Section(
        finding=finding,
        anchor=anchor,
        title=_title(finding, of_a_question=True),
        upper_bound=finding.protocol in terms.UPPER_BOUNDS,
        known_by=summary.headline_of(audit, finding),
        told=told,
        decides=finding.id in {rule.finding for rule in summary.deciding(audit.verdict)},
        rules=[_judged(audit, rule, {}) for rule in summary.limits(audit, finding)],
        estimates=[(name, one) for name, one, label in every if label.role != "control"],
        controls=[(name, one) for name, one, label in every if label.role == "control"],
        drawings=_drawings(finding, keys) if drawn else [],
        params=[*_pairs(plain), *_cannot_have(finding)],
        tables=[(words.humanise(name), table) for name, table in tables.items()],
    )


def _cannot_have(finding: Finding) -> list[tuple[str, str]]:
    """The numbers that what was asked cannot have, those with one reason together."""
    alike: dict[str, list[str]] = {}
    for name, reason in finding.inapplicable.items():
        alike.setdefault(reason, []).append(words.metric(finding.check, name).title)
    return [("; ".join(those), f"cannot be had: {reason}") for reason, those in alike.items()]


def _title(finding: Finding, of_a_question: bool = False) -> str:
    """What was asked, of what, under which protocol; the question may be in a heading above."""
    question = _brief(words.about(finding.check).title)
    parts = (terms.view_title(finding), terms.setting(finding))
    rest = ", ".join(part[:1].lower() + part[1:] for part in map(_brief, parts) if part)
    if of_a_question and rest:
        return rest[:1].upper() + rest[1:]
    return f"{question}: {rest}" if rest else question


def _drawings(finding: Finding, keys: Iterator[str]) -> list[Drawing]:
    from auditor.report import plots

    pictures = plots.pictures(finding.curves, keys)
    made = [
        Drawing(one.title, Markup(one.drawn), one.guessing, None)
        for drawn in pictures.values()
        for one in drawn
    ]
    tabled = heartbeat.tables(finding) if heartbeat.drawn_of(finding) else finding.curves
    for name, columns in tabled.items():
        if name not in pictures and (table := _table_of_columns(columns)):
            made.append(Drawing(words.humanise(name), None, False, table))
    return made


def _table_of_columns(columns: Mapping[str, Sequence[Any]]) -> Table | None:
    """A curve whose columns are not known; None where there is nothing in them."""
    lengths = {len(column) for column in columns.values()}
    if not any(lengths):
        return None
    if len(lengths) > 1:
        return Table(["Not shown"], [["Its columns are not of one length."]], 0)
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
    return _sentence(value)


def _listed(items: Sequence[str], between: str = ", ") -> str:
    shown = between.join(items[:_ITEMS])
    more = len(items) - _ITEMS
    return f"{shown} and {more:,} more" if more > 0 else shown

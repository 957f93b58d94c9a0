"""Which part of the heartbeat gives people away: the mean beat of many, coloured, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from markupsafe import Markup

from auditor.core import formatting
from auditor.core.evidence import NOBODY
from auditor.core.finding import Audit, Finding
from auditor.policy import words
from auditor.report import plots, svg, terms

#: A segment with so many times the relevance that its length would give it is painted full.
_FULL = 6.0
#: Leads, changes of segment in one, and points that are drawn; no beat has more.
_MOST_LEADS, _MOST_SEGMENTS, _MOST_POINTS = 24, 64, 50_000
#: Pictures side by side, and their size in CSS pixels where there are several and where one.
_ACROSS, _SMALL, _LARGE = 3, (250.0, 150.0), (760.0, 300.0)
_DONE = ("masked", "swapped", "alone")
_TITLES = {
    "": "Who a recording is of",
    "sex": "Whether it is a woman's or a man's",
    "age": "How old the person is",
}


@dataclass(frozen=True)
class Heart:
    """What one task says of the parts of the heartbeat.

    Attributes
    ----------
    picture : None where the numbers of the beat fit no heartbeat
    rows : of each part its name, what is lost without it, with another person's, and what it finds
        alone
    """

    title: str
    finding: Finding
    reading: str
    picture: Markup | None
    caption: str
    found: str
    rows: Sequence[Sequence[str]]


def hearts(audit: Audit, keys: Iterator[str]) -> list[Heart]:
    """Every task whose parts were taken away, the strongest first network of each."""
    return [
        _heart(finding, task, next(keys))
        for finding in audit
        if drawn_of(finding) and finding.status == "measured"
        for task in _TITLES
        if f"{_key(task)}segments" in finding.curves
    ]


def drawn_of(finding: Finding) -> bool:
    """Whether a finding is of the check whose heartbeat is drawn."""
    return words.about(finding.check).picture == "heartbeat"


def tables(finding: Finding) -> dict[str, dict[str, list[Any]]]:
    """The curves of a finding as they are shown: bounds beside their values, no drawing's data."""
    shown: dict[str, dict[str, list[Any]]] = {}
    for name, columns in finding.curves.items():
        if name.endswith(("_low", "_high", "beat", "segments")):
            continue
        low, high = (finding.curves.get(f"{name}_{end}") for end in ("low", "high"))
        first, *parts = columns or ("",)
        three = [one for one in (columns, low, high) if one and set(parts) <= one.keys()]
        alike = {len(one[part]) for one in three for part in parts}
        if len(three) < 3 or len(alike) != 1:
            shown[name] = dict(columns)
            continue
        shown[name] = {first: columns[first]} | {
            part: [_bounded(*cells) for cells in zip(*(one[part] for one in three), strict=True)]
            for part in parts
        }
    return shown


def _bounded(value: Any, low: Any, high: Any) -> str:
    """A value with its bounds; a dash where one of the three is no number."""
    numbers = plots.numbers([value, low, high])
    return "{:.1f} ({:.1f} to {:.1f})".format(*numbers) if numbers else "–"


def _key(task: str) -> str:
    return f"{task}_" if task else ""


def _heart(finding: Finding, task: str, name: str) -> Heart:
    key = _key(task)
    method = str(finding.params.get(f"{key}drawn_by", ""))
    believed = method not in ("", NOBODY)
    leads = _leads(finding.curves.get(f"{key}beat", {}))
    dense = finding.curves.get(f"{key}enrichment_by_lead") if believed else None
    painted = _weights(dense, [one.name for one in leads]) if dense else None
    picture = None
    if leads:
        with svg.styled():
            picture = Markup(svg.embed(_draw(leads, painted), name, _in_words(painted)))
    caption = "The mean heartbeat of many people, smoothed; it is nobody’s own. "
    if not leads:
        caption = "No heartbeat is drawn, for its numbers do not fit one another."
    elif painted:
        caption += (
            f"Painted: where the network looks, by {method}; the figure says how many times as "
            "much as the length of the part would give it. Parts that get less than their share "
            "stay white."
        )
    elif dense:
        caption += "Nothing is painted, for the numbers of the explanation do not fit the beat."
    else:
        caption += (
            "Nothing is painted, for no explanation of where the network looks stood its tests."
        )
    rows = _rows(finding.curves[f"{key}segments"])
    if not rows:
        caption += (
            " What is lost without its parts is not told: its numbers do not fit one another."
        )
    return Heart(
        f"{_TITLES[task]}: {terms.view_title(finding).lower()}, {terms.setting(finding)}",
        finding,
        str(finding.params.get(f"{key}reading", "")),
        picture,
        caption,
        "people found" if not task else "pairs told apart",
        rows,
    )


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """Of each part what is told of it; nothing where the columns do not fit one another."""
    parts = _texts(columns.get("segment", ()))
    three = [
        [plots.numbers(columns.get(f"{done}{end}", ())) for end in ("", "_low", "_high")]
        for done in _DONE
    ]
    if not parts or any(one is None or len(one) != len(parts) for ends in three for one in ends):
        return []
    rows = []
    for at, part in enumerate(parts):
        cells = [part]
        for done, ends in zip(_DONE, three, strict=True):
            value, low, high = (one[at] for one in ends if one)
            sign = "" if done == "alone" else "−" if value > 0 else "+" if value < 0 else ""
            shown = [formatting.amount(one, "percent") for one in (abs(value), low, high)]
            if done != "alone":  # what is lost: the ends change places with the sign
                shown[1:] = [formatting.amount(-one, "percent") for one in (high, low)]
            cells.append(f"{sign}{shown[0]} ({shown[1]} to {shown[2]})")
        rows.append(cells)
    return rows


@dataclass(frozen=True)
class _Lead:
    """The mean beat of a lead: when, how high, and in which part of the heartbeat."""

    name: str
    ms: Sequence[float]
    mv: Sequence[float]
    segment: Sequence[str]


def _leads(columns: Mapping[str, Sequence[Any]]) -> list[_Lead]:
    """What can be drawn; nothing where the columns do not fit one another."""
    names, segments = (_texts(columns.get(name, ())) for name in ("lead", "segment"))
    ms, mv = (plots.numbers(columns.get(name, ())) for name in ("ms", "mv"))
    if not names or segments is None or ms is None or mv is None:
        return []
    if not len(names) == len(segments) == len(ms) == len(mv) <= _MOST_POINTS:
        return []
    made = []
    for name, rows in groupby(zip(names, ms, mv, segments, strict=True), key=lambda row: row[0]):
        _, at, height, part = zip(*rows, strict=True)
        rises = all(one < other for one, other in pairwise(at))
        if len(at) < 2 or not rises or len(list(groupby(part))) > _MOST_SEGMENTS:
            return []
        made.append(_Lead(name, at, height, part))
    return made if len({one.name for one in made}) == len(made) <= _MOST_LEADS else []


def _weights(
    columns: Mapping[str, Sequence[Any]], leads: Sequence[str]
) -> dict[str, dict[str, float]] | None:
    """Lead → part → relevance, of what has one; None where it is not of these leads."""
    if list(columns.get("lead", ())) != list(leads):
        return None
    found: dict[str, dict[str, float]] = {lead: {} for lead in leads}
    for part, column in columns.items():
        if part == "lead":
            continue
        if len(column) != len(leads):
            return None
        for lead, value in zip(leads, column, strict=True):
            if value is None:
                continue
            if (told := plots.numbers([value])) is None:
                return None
            found[lead] |= {part: told[0]}
    return found


def _texts(column: Sequence[Any]) -> list[str] | None:
    """A column of texts, "" for what is empty; None where it holds anything else."""
    if any(not isinstance(one, str | None) for one in column):
        return None
    return [one or "" for one in column]


def _in_words(dense: Mapping[str, Mapping[str, float]] | None) -> str:
    if not dense:
        return "The mean heartbeat, not painted: no explanation stood its tests."
    told = []
    for lead, parts in dense.items():
        said = ", ".join(f"{part} {value:.1f}" for part, value in parts.items())
        told.append(f"lead {lead}: {said}")
    return "The mean heartbeat, painted by relevance over length. " + "; ".join(told) + "."


def _draw(leads: Sequence[_Lead], dense: Mapping[str, Mapping[str, float]] | None) -> Any:
    across = min(len(leads), _ACROSS)
    width, height = _LARGE if len(leads) == 1 else _SMALL
    down = -(-len(leads) // across)
    drawn = svg.figure(width * across, height * down)
    for at, lead in enumerate(leads):
        row, column = divmod(at, across)
        left, bottom = (column + 0.03) / across, 1 - (row + 0.92) / down
        ax = drawn.add_axes((left, bottom, 0.94 / across, 0.84 / down))
        _draw_lead(ax, lead, dense[lead.name] if dense else {}, large=len(leads) == 1)
    return drawn


def _draw_lead(ax: Any, lead: _Lead, weights: Mapping[str, float], large: bool) -> None:
    ms, mv = lead.ms, lead.mv
    low, high = min(mv), max(mv)
    room = max(high - low, 0.1)
    ax.set(xlim=(ms[0], ms[-1]), ylim=(low - 0.32 * room, high + 0.12 * room))
    ax.axis("off")
    ax.text(ms[0], high + 0.1 * room, lead.name, va="top", size=13, color=svg.INK, weight="bold")
    step = ms[1] - ms[0]
    for segment, part in groupby(zip(lead.segment, ms, strict=True), key=lambda row: row[0]):
        places = [row[1] for row in part]
        first, last = places[0] - step / 2, places[-1] + step / 2
        dense = weights.get(segment)
        if dense is not None and dense > 1:
            ax.axvspan(first, last, 0.16, 1, color=svg.LIMIT, alpha=min(dense / _FULL, 1) * 0.6,
                       linewidth=0)  # fmt: skip
        if not segment or (not large and segment not in ("P", "QRS", "T")):
            continue
        said = segment if dense is None or not large else f"{segment}\n{dense:.1f}×"
        ax.text((first + last) / 2, low - 0.1 * room, said, ha="center", va="top",
                size=12 if large else 10, color=svg.SOFT, linespacing=1.3)  # fmt: skip
    ax.plot(ms, mv, color=svg.INK, linewidth=2 if large else 1.4)

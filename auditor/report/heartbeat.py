"""Which part of the heartbeat gives people away: the mean beat of many, coloured, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from auditor.core import formatting
from auditor.core.evidence import NOBODY
from auditor.core.finding import Audit, Finding
from auditor.policy import words
from auditor.report import svg, terms

#: A segment with so many times the relevance that its length would give it is painted full.
_FULL = 6.0
#: Pictures side by side, and their size in CSS pixels where there are several and where one.
_ACROSS, _SMALL, _LARGE = 3, (250.0, 150.0), (760.0, 300.0)
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
    rows : of each part its name, what is lost without it, with another person's, and what it finds
        alone
    """

    title: str
    finding: Finding
    reading: str
    picture: Markup
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
        if low is None or high is None:
            shown[name] = dict(columns)
            continue
        first, *parts = columns
        shown[name] = {first: columns[first]} | {
            part: [
                "–"
                if value is None
                else f"{value:.1f} ({low[part][at]:.1f} to {high[part][at]:.1f})"
                for at, value in enumerate(columns[part])
            ]
            for part in parts
        }
    return shown


def _key(task: str) -> str:
    return f"{task}_" if task else ""


def _heart(finding: Finding, task: str, name: str) -> Heart:
    key = _key(task)
    method = str(finding.params.get(f"{key}drawn_by", ""))
    believed = method not in ("", NOBODY)
    dense = finding.curves.get(f"{key}enrichment_by_lead") if believed else None
    beat = finding.curves[f"{key}beat"]
    with svg.styled():
        drawn = _draw(beat, dense)
        picture = Markup(svg.embed(drawn, name, _in_words(dense)))
    caption = "The mean heartbeat of many people, smoothed; it is nobody’s own. "
    if dense:
        caption += (
            f"Painted: where the network looks, by {method}; the figure says how many times as "
            "much as the length of the part would give it. Parts that get less than their share "
            "stay white."
        )
    else:
        caption += (
            "Nothing is painted, for no explanation of where the network looks stood its tests."
        )
    return Heart(
        f"{_TITLES[task]}: {terms.view_title(finding).lower()}, "
        f"{terms.protocol_title(finding.protocol).lower()}",
        finding,
        str(finding.params.get(f"{key}reading", "")),
        picture,
        caption,
        "people found" if not task else "pairs told apart",
        list(_rows(finding.curves[f"{key}segments"])),
    )


def _rows(columns: Mapping[str, Sequence[Any]]) -> Iterator[list[str]]:
    for at, part in enumerate(columns["segment"]):
        cells = [str(part)]
        for done in ("masked", "swapped", "alone"):
            value, low, high = (columns[f"{done}{end}"][at] for end in ("", "_low", "_high"))
            sign = "" if done == "alone" else "−" if value > 0 else "+" if value < 0 else ""
            shown = [formatting.amount(one, "percent") for one in (abs(value), low, high)]
            if done != "alone":  # what is lost: the ends change places with the sign
                shown[1:] = [formatting.amount(-one, "percent") for one in (high, low)]
            cells.append(f"{sign}{shown[0]} ({shown[1]} to {shown[2]})")
        yield cells


def _in_words(dense: Mapping[str, Sequence[Any]] | None) -> str:
    if not dense:
        return "The mean heartbeat, not painted: no explanation stood its tests."
    told = []
    for at, lead in enumerate(dense["lead"]):
        parts = {part: column[at] for part, column in dense.items() if part != "lead"}
        said = ", ".join(
            f"{part} {value:.1f}" for part, value in parts.items() if value is not None
        )
        told.append(f"lead {lead}: {said}")
    return "The mean heartbeat, painted by relevance over length. " + "; ".join(told) + "."


def _draw(beat: Mapping[str, Sequence[Any]], dense: Mapping[str, Sequence[Any]] | None) -> Any:
    rows = list(zip(beat["lead"], beat["ms"], beat["mv"], beat["segment"], strict=True))
    leads = [(lead, list(part)) for lead, part in groupby(rows, key=lambda row: row[0])]
    across = min(len(leads), _ACROSS)
    width, height = _LARGE if len(leads) == 1 else _SMALL
    down = -(-len(leads) // across)
    drawn = svg.figure(width * across, height * down)
    for at, (lead, part) in enumerate(leads):
        row, column = divmod(at, across)
        left, bottom = (column + 0.03) / across, 1 - (row + 0.92) / down
        ax = drawn.add_axes((left, bottom, 0.94 / across, 0.84 / down))
        weights = {} if not dense else {name: dense[name][at] for name in dense if name != "lead"}
        _draw_lead(ax, str(lead), part, weights, large=len(leads) == 1)
    return drawn


def _draw_lead(
    ax: Any, lead: str, rows: Sequence[Sequence[Any]], weights: Mapping[str, Any], large: bool
) -> None:
    ms, mv = [row[1] for row in rows], [row[2] for row in rows]
    low, high = min(mv), max(mv)
    room = max(high - low, 0.1)
    ax.set(xlim=(ms[0], ms[-1]), ylim=(low - 0.32 * room, high + 0.12 * room))
    ax.axis("off")
    ax.text(ms[0], high + 0.1 * room, lead, va="top", size=13, color=svg.INK, weight="bold")
    step = ms[1] - ms[0]
    for segment, part in groupby(rows, key=lambda row: row[3]):
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

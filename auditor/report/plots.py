"""The drawings of a report: the ladder of attackers, and the curves behind a finding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.report import svg, words
from auditor.report.digest import Ladder, Rung

#: Points of a curve that are drawn; more would not be seen.
_POINTS = 120
_RANKS = 20
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class _Axes:
    """What the columns of a curve are, and how they are called."""

    x: str
    y: str
    x_title: str
    y_title: str


_KNOWN = (
    _Axes("rank", "rate", "Attempts the attacker has", "People found"),
    _Axes("fmr", "tar", "Strangers taken for the person", "Person recognised"),
    _Axes("fpr", "tpr", "False alarms", "True cases found"),
    _Axes("gallery", "rate", "People the attacker searches", "People found"),
)


# --- the ladder ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sheet:
    """Where things stand on the ladder's drawing, in CSS pixels."""

    width: float
    left: float
    right: float
    row: float
    font: float
    label_above: bool

    def x(self, value: float, top: float) -> float:
        """Where a rate stands."""
        return self.left + (self.right - self.left) * min(max(value / top, 0.0), 1.0)


_WIDE = _Sheet(width=760, left=242, right=600, row=29, font=14, label_above=False)
_NARROW = _Sheet(width=336, left=4, right=318, row=46, font=13, label_above=True)


def ladder(ladders: Sequence[Ladder], key: str, narrow: bool = False) -> str:
    """The adversary ladder under every protocol: rank 1, its interval, guessing and the limit."""
    sheet = _NARROW if narrow else _WIDE
    with svg.styled():
        return svg.embed(_draw_ladder(ladders, sheet), key, ladder_in_words(ladders))


def ladder_in_words(ladders: Sequence[Ladder]) -> str:
    """What the ladder shows, for somebody who cannot see it."""
    parts = []
    for one in ladders:
        rungs = "; ".join(f"{rung.title}: {_rung_in_words(rung)}" for rung in one.rungs)
        bound = " (upper bound)" if one.upper_bound else ""
        limit = "" if one.limit is None else f" Limit {words.amount(one.limit, 'percent')}."
        parts.append(f"{one.title}{bound}: {rungs}.{limit}")
    return "Share of people found at the first attempt. " + " ".join(parts)


def _rung_in_words(rung: Rung) -> str:
    if rung.estimate is None:
        return rung.note
    value, low, high, chance = (
        words.amount(getattr(rung.estimate, part), "percent")
        for part in ("value", "low", "high", "chance")
    )
    guessing = "" if rung.estimate.chance is None else f", guessing {chance}"
    return f"{value}, between {low} and {high}{guessing}"


def _draw_ladder(ladders: Sequence[Ladder], sheet: _Sheet) -> Any:
    top = _top(ladders)
    head, gap, foot = 40.0, 26.0, 28.0
    height = sum(head + sheet.row * len(one.rungs) for one in ladders)
    height += gap * (len(ladders) - 1) + foot
    drawn = svg.figure(sheet.width, height)
    ax = drawn.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, sheet.width), ylim=(height, 0))
    ax.axis("off")
    y = 0.0
    for one in ladders:
        bottom = y + head + sheet.row * len(one.rungs)
        _draw_heading(ax, one, sheet, y)
        _draw_scale(ax, sheet, top, y + head - 8, bottom)
        if one.limit is not None and one.limit <= top:
            _draw_limit(ax, one.limit, sheet, top, (y + head - 8, bottom))
        for number, rung in enumerate(one.rungs):
            _draw_rung(ax, rung, one.upper_bound, sheet, top, y + head + sheet.row * number)
        y = bottom + gap
    for tick in _ticks(top):
        ax.text(
            sheet.x(tick, top), height - foot + 4, words.amount(tick, "percent"),
            ha=_aligned(tick, top, sheet), va="top", size=sheet.font - 2, color=svg.SOFT,
        )  # fmt: skip
    return drawn


def _draw_heading(ax: Any, one: Ladder, sheet: _Sheet, y: float) -> None:
    title = f"{one.title} – upper bound" if one.upper_bound else one.title
    ax.text(0, y + 12, title, va="center", size=sheet.font, color=svg.INK, weight="bold")


def _draw_scale(ax: Any, sheet: _Sheet, top: float, y: float, bottom: float) -> None:
    for tick in _ticks(top):
        x = sheet.x(tick, top)
        ax.plot([x, x], [y, bottom], color=svg.RULE, linewidth=1)


def _draw_limit(
    ax: Any, limit: float, sheet: _Sheet, top: float, span: tuple[float, float]
) -> None:
    x = sheet.x(limit, top)
    ax.plot([x, x], span, color=svg.LIMIT, linewidth=1.6, dashes=(4, 3))
    on_the_left = limit < 0.6 * top
    ax.text(
        x + (5 if on_the_left else -5), span[0] - 1, f"limit {words.amount(limit, 'percent')}",
        ha="left" if on_the_left else "right", va="center", size=sheet.font - 1, color=svg.LIMIT,
    )  # fmt: skip


def _draw_rung(ax: Any, rung: Rung, upper_bound: bool, sheet: _Sheet, top: float, y: float) -> None:
    middle = y + (32 if sheet.label_above else sheet.row / 2)
    label = y + 14 if sheet.label_above else middle
    ax.text(0, label, _fitting(rung.title), va="center", size=sheet.font, color=svg.INK)
    right = sheet.right if sheet.label_above else sheet.width
    if rung.estimate is None:
        ax.text(right, label, rung.note, ha="right", va="center", size=sheet.font - 1,
                color=svg.SOFT, style="italic")  # fmt: skip
        return
    one = rung.estimate
    low, value, high = (sheet.x(part, top) for part in (one.low, one.value, one.high))
    if math.isfinite(low) and math.isfinite(high):
        ax.plot([low, high], [middle, middle], color=svg.BAR, linewidth=9, solid_capstyle="butt")
    ax.plot([value], [middle], marker="o", markersize=9, markeredgewidth=1.8,
            color=svg.PAPER if upper_bound else svg.INK, markeredgecolor=svg.INK)  # fmt: skip
    if one.chance is not None:
        x = sheet.x(one.chance, top)
        ax.plot([x, x], [middle - 9, middle + 9], color=svg.INK, linewidth=1.6)
    value_, low_, high_ = (
        words.amount(part, "percent").removesuffix("%") for part in (one.value, one.low, one.high)
    )
    ax.text(
        right, label, f"{value_}% ({low_} to {high_})",
        ha="right", va="center", size=sheet.font - 1, color=svg.INK,
    )  # fmt: skip


def _top(ladders: Sequence[Ladder]) -> float:
    """The end of the scale: a round rate above everything drawn. It always starts at 0."""
    shown = [
        part
        for one in ladders
        for rung in one.rungs
        if rung.estimate
        for part in (rung.estimate.value, rung.estimate.high, rung.estimate.chance or 0.0)
        if math.isfinite(part)
    ]
    shown += [one.limit for one in ladders if one.limit is not None and one.limit <= 0.5]
    return next((end for end in _TICKS if max(shown, default=1.0) * 1.05 <= end), 1.0)


def _ticks(top: float) -> list[float]:
    return [top * part / 4 for part in range(5)]


def _aligned(tick: float, top: float, sheet: _Sheet) -> str:
    if not sheet.label_above:
        return "center"
    return "left" if tick == 0 else "right" if tick == top else "center"


def _fitting(title: str) -> str:
    return title if len(title) <= 32 else title[:31] + "…"


# --- curves -------------------------------------------------------------------------------


def curve(name: str, columns: Mapping[str, Sequence[Any]], key: str) -> str | None:
    """One curve of a finding; None where its columns are not known, so that a table shows it."""
    axes = next((one for one in _KNOWN if one.x in columns and one.y in columns), None)
    if axes is None:
        return None
    x, y = _numbers(columns[axes.x]), _numbers(columns[axes.y])
    if x is None or y is None or len(x) != len(y) or len(x) < 2:
        return None
    chance = _numbers(columns.get("chance", ()))
    if axes.x == "rank":
        keep = [at for at, rank in enumerate(x) if rank <= _RANKS]
    else:
        keep = _thinned(len(x))
    if len(keep) < 2:
        return None
    guessing = [chance[at] for at in keep] if chance and len(chance) == len(x) else None
    if guessing is None and axes.x in ("fmr", "fpr"):
        guessing = [x[at] for at in keep]
    with svg.styled():
        drawn = _draw_curve(axes, [x[at] for at in keep], [y[at] for at in keep], guessing)
        return svg.embed(drawn, key, _curve_in_words(name, axes, x, y))


def _draw_curve(
    axes: _Axes, x: Sequence[float], y: Sequence[float], guessing: Sequence[float] | None
) -> Any:
    drawn = svg.figure(330, 236)
    ax = drawn.add_axes((52 / 330, 46 / 236, 262 / 330, 178 / 236))
    ax.patch.set_visible(False)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(svg.SOFT)
    ax.tick_params(colors=svg.SOFT, labelsize=12, length=3)
    ax.grid(True, color=svg.RULE, linewidth=0.8)
    ax.set_axisbelow(True)
    if guessing is not None:
        ax.plot(x, guessing, color=svg.SOFT, linewidth=1.4, dashes=(4, 3))
    ax.plot(
        x, y, color=svg.INK, linewidth=2.2, drawstyle="steps-post" if axes.x == "rank" else None
    )
    quarters = (0, 0.25, 0.5, 0.75, 1)
    ax.set_ylim(-0.02, 1.04)
    ax.set_yticks(quarters, [words.amount(part, "percent") for part in quarters])
    if axes.x in ("fmr", "fpr"):
        ax.set_xlim(-0.02, 1.02)
        ax.set_xticks(quarters, [words.amount(part, "percent") for part in quarters])
    elif axes.x == "gallery":
        ax.set_xscale("log")
        ticks = [10.0**at for at in range(12) if min(x) <= 10**at <= max(x)]
        ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        ax.minorticks_off()
    else:
        ticks = _whole_ticks(min(x), max(x))
        ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    ax.set_xlabel(axes.x_title, color=svg.INK, size=12)
    return drawn


def _curve_in_words(name: str, axes: _Axes, x: Sequence[float], y: Sequence[float]) -> str:
    percent_x = axes.x in ("fmr", "fpr")
    told = []
    for at in sorted({0, len(x) // 2, len(x) - 1}):
        where = words.amount(x[at], "percent") if percent_x else f"{x[at]:,.0f}"
        told.append(f"{words.amount(y[at], 'percent')} at {where}")
    title = f"{axes.y_title} by {axes.x_title[0].lower()}{axes.x_title[1:]}"
    return f"Curve {words.humanise(name)}. {title}: {', '.join(told)}."


def curve_title(columns: Mapping[str, Sequence[Any]]) -> str:
    """What a known curve draws upwards; "" for an unknown one."""
    return next((one.y_title for one in _KNOWN if one.x in columns and one.y in columns), "")


def has_guessing(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a curve is drawn with the line of somebody who guesses."""
    return "chance" in columns or {"fmr", "tar"} <= set(columns) or {"fpr", "tpr"} <= set(columns)


def _numbers(column: Sequence[Any]) -> list[float] | None:
    """A column as finite numbers; None where it holds anything else."""
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in column):
        return None
    return [float(one) for one in column]


def _thinned(n: int) -> list[int]:
    """Which of n points are drawn, the first and the last among them."""
    if n <= _POINTS:
        return list(range(n))
    return sorted({round(at * (n - 1) / (_POINTS - 1)) for at in range(_POINTS)})


def _whole_ticks(low: float, high: float) -> list[float]:
    step = max(1, math.ceil((high - low) / 4))
    ticks = [low + step * at for at in range(5)]
    return [tick for tick in ticks if tick <= high]

"""The drawings of a report: the ladder of attackers, and the curves behind a finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.core import formatting
from auditor.core.finding import Estimate
from auditor.core.formatting import Unit
from auditor.core.target import StageUnit
from auditor.policy import words
from auditor.report import svg, terms
from auditor.report.summary import Ladder, Rung

#: Points of a curve that are drawn; more would not be seen.
_POINTS = 120
_RANKS = 20
#: Parts of a heartbeat; none has more.
_MOST_PARTS = 24
#: No number beyond it is drawn: its scale would have no ticks.
_LARGEST = 1e15
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)
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
_NARROW = _Sheet(width=336, left=4, right=318, row=62, font=13, label_above=True)


_FOUND_FIRST = "Share of people found at the first attempt."


def ladder(
    ladders: Sequence[Ladder], key: str, narrow: bool = False, shows: str = _FOUND_FIRST
) -> str:
    """Ladders of numbers of one unit: each rung's, its interval, guessing and the limit.

    Parameters
    ----------
    shows : what the numbers are, in a sentence
    """
    sheet = _NARROW if narrow else _WIDE
    with svg.styled():
        return svg.embed(_draw_ladder(ladders, sheet), key, ladder_in_words(ladders, shows))


def ladder_in_words(ladders: Sequence[Ladder], shows: str = _FOUND_FIRST) -> str:
    """What the ladder shows, for somebody who cannot see it."""
    parts = []
    for one in ladders:
        rungs = "; ".join(f"{rung.title}: {_rung_in_words(rung, one.unit)}" for rung in one.rungs)
        bound = " (upper bound)" if one.upper_bound else ""
        limit = "" if one.limit is None else f" Limit {formatting.amount(one.limit, one.unit)}."
        head = f"{one.title}{bound}: " if one.title else ""
        parts.append(f"{head}{rungs}.{limit}")
    return f"{shows} {' '.join(parts)}"


def _rung_in_words(rung: Rung, unit: Unit) -> str:
    if rung.estimate is None:
        return rung.note
    value, low, high = formatting.interval(rung.estimate, unit)
    chance = formatting.amount(rung.estimate.chance, unit)
    guessing = "" if rung.estimate.chance is None else f", guessing {chance}"
    stands = "" if rung.standing is None else f", {terms.STANDINGS[rung.standing][0]}"
    return f"{value}, between {low} and {high}{guessing}{stands}"


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
            told = f"limit {formatting.amount(one.limit, one.unit)}"
            spans = _spans(sheet, y + head, len(one.rungs))
            _draw_limit(ax, sheet.x(one.limit, top), told, sheet, spans, one.limit < 0.6 * top)
        for number, rung in enumerate(one.rungs):
            _draw_rung(ax, rung, one, sheet, top, y + head + sheet.row * number)
        y = bottom + gap
    for tick in _ticks(top):
        ax.text(
            sheet.x(tick, top), height - foot + 4, formatting.amount(tick, ladders[0].unit),
            ha=_aligned(tick, top, sheet), va="top", size=sheet.font - 2, color=svg.SOFT,
        )  # fmt: skip
    return drawn


def _draw_heading(ax: Any, one: Ladder, sheet: _Sheet, y: float) -> None:
    title = f"{one.title} – upper bound" if one.upper_bound and one.title else one.title
    ax.text(0, y + 12, title, va="center", size=sheet.font, color=svg.INK, weight="bold")


def _draw_scale(ax: Any, sheet: _Sheet, top: float, y: float, bottom: float) -> None:
    for tick in _ticks(top):
        x = sheet.x(tick, top)
        ax.plot([x, x], [y, bottom], color=svg.RULE, linewidth=1)


def _spans(sheet: _Sheet, y: float, n_rungs: int) -> list[tuple[float, float]]:
    """From where to where a line goes down beside rungs: through no words that stand above."""
    if not sheet.label_above:
        return [(y - 8, y + sheet.row * n_rungs)]
    tops = (y + sheet.row * number for number in range(n_rungs))
    return [(y - 8, y + 4), *((one + 40, one + 56) for one in tops)]


def _draw_limit(
    ax: Any,
    x: float,
    told: str,
    sheet: _Sheet,
    spans: Sequence[tuple[float, float]],
    on_the_left: bool,
) -> None:
    for span in spans:
        ax.plot([x, x], span, color=svg.LIMIT, linewidth=1.6, dashes=(4, 3))
    ax.text(
        x + (5 if on_the_left else -5), spans[0][0] - 1, told,
        ha="left" if on_the_left else "right", va="center", size=sheet.font - 1, color=svg.LIMIT,
    )  # fmt: skip


def _draw_rung(ax: Any, rung: Rung, of: Ladder, sheet: _Sheet, top: float, y: float) -> None:
    middle = y + (48 if sheet.label_above else sheet.row / 2)
    label = y + 14 if sheet.label_above else middle
    # Beside a long name there is no room for an interval on a narrow sheet, whatever the letters.
    number = y + 30 if sheet.label_above else middle
    title = _fitting(rung.title)
    if rung.standing is not None:
        title = f"{terms.STANDINGS[rung.standing][1]} {title}"
    ax.text(0, label, title, va="center", size=sheet.font, color=svg.INK)
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
            color=svg.PAPER if of.upper_bound else svg.INK, markeredgecolor=svg.INK)  # fmt: skip
    if one.chance is not None:
        x = sheet.x(one.chance, top)
        ax.plot([x, x], [middle - 9, middle + 9], color=svg.INK, linewidth=1.6)
    value_, low_, high_ = formatting.interval(one, of.unit)
    ax.text(
        right, number, f"{value_} ({low_.removesuffix('%')} to {high_.removesuffix('%')})",
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


# --- as training goes on ------------------------------------------------------------------


@dataclass(frozen=True)
class Dose:
    """A number as training goes on.

    Attributes
    ----------
    stages : after how many rounds or steps, ascending
    leak, worth : of as many; what a rule limits, and how well the model tells what is true
    limit : of the leak
    stop : after how many training could have stopped; None where nothing says so
    unit : of the leak
    stage_unit, worth_by : what the training is counted in, and what the worth is measured by
    """

    stages: Sequence[int]
    leak: Sequence[Estimate]
    worth: Sequence[Estimate]
    limit: float
    stop: int | None
    unit: Unit
    stage_unit: StageUnit
    worth_by: str


def dose(one: Dose, key: str, title: str) -> str:
    """The leak with its interval, and what the model is worth, as training goes on."""
    x = [float(n) for n in one.stages]
    with svg.styled():
        drawn = svg.figure(330, 236)
        panel = _Panel(drawn, _FIELD, _between(x[0], x[-1], logarithmic=True), _share)
        panel.area(x, [each.low for each in one.leak], [each.high for each in one.leak])
        ticks = {tick: formatting.amount(tick, one.unit) for tick in _QUARTERS}
        panel.scales(
            {n: f"{n:,.0f}" for n in x}, ticks, f"{one.stage_unit.capitalize()} of training"
        )
        panel.line([x[0], x[-1]], [one.limit] * 2, color=svg.LIMIT, linewidth=1.6, dashes=(4, 3))
        if one.stop is not None:
            panel.line([one.stop] * 2, [0, 1], color=svg.INK, linewidth=1.2, dashes=(1, 2))
        # A model that guesses worse than the mean has an R² below 0; the words tell it.
        worth = [max(each.value, 0.0) for each in one.worth]
        panel.line(x, worth, color=svg.SOFT, linewidth=1.8, marker="D", markersize=5)
        leak = [each.value for each in one.leak]
        panel.line(x, leak, color=svg.INK, linewidth=2.2, marker="o", markersize=6)
        return svg.embed(drawn, key, dose_in_words(one, title))


def dose_in_words(one: Dose, title: str) -> str:
    """What the drawing shows, for somebody who cannot see it."""
    told = []
    for n, leak, worth in zip(one.stages, one.leak, one.worth, strict=True):
        value, low, high = formatting.interval(leak, one.unit)
        told.append(
            f"after {n:,} {value} (between {low} and {high}), and the model tells what is true "
            f"with an {one.worth_by} of {formatting.interval(worth, 'number')[0]}"
        )
    stop = "" if one.stop is None else f" Stop after {one.stop:,}."
    limit = formatting.amount(one.limit, one.unit)
    return f"{title} by {one.stage_unit} of training: {'; '.join(told)}. Limit {limit}.{stop}"


# --- curves -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """A drawing of a finding, its title, and whether a line shows what guessing gives."""

    title: str
    drawn: str
    guessing: bool


def pictures(
    curves: Mapping[str, Mapping[str, Sequence[Any]]], keys: Iterator[str]
) -> dict[str, list[Picture]]:
    """What can be drawn of a finding, by the curve it is drawn from; first things first.

    What is not drawn here is for a table. `forecast` is drawn beyond `gallery`, `roc` once more as
    detection errors, and enrichment with its bounds.
    """
    made: dict[str, list[Picture]] = {}
    for name, columns in curves.items():
        if name == "forecast" and "gallery" in curves:
            continue
        if name.endswith("enrichment") and {f"{name}_low", f"{name}_high"} <= curves.keys():
            bounds = (curves[f"{name}_low"], curves[f"{name}_high"])
            if drawn := _enrichment(columns, bounds, keys):
                made[name] = [drawn]
            continue
        axes = next((one for one in _KNOWN if one.x in columns and one.y in columns), None)
        points = axes and _points(axes, columns)
        if not axes or not points:
            continue
        if axes.x == "fmr" and name != "roc":  # not of persons and strangers
            axes = replace(axes, x_title="False alarms", y_title="True cases found")
        beyond = _beyond(curves.get("forecast")) if name == "gallery" else None
        title = f"{axes.y_title} ({_abbreviated(name)})"
        words_ = _curve_in_words(name, axes, points.x, points.y)
        if beyond:
            words_ += _beyond_in_words(beyond)
            title = f"{axes.y_title} (measured, and foretold for more people)"
        with svg.styled():
            drawn_ = svg.embed(_draw_curve(axes, points, beyond), next(keys), words_)
            made[name] = [Picture(title, drawn_, points.guessing is not None)]
            if name == "roc" and axes.x == "fmr":
                det = svg.embed(_draw_det(points), next(keys), _det_in_words(points))
                made[name].append(Picture("Errors of both kinds (DET)", det, True))
        if beyond:
            made["forecast"] = []
    return made


@dataclass(frozen=True)
class _Points:
    """The places of a curve that are drawn."""

    x: Sequence[float]
    y: Sequence[float]
    guessing: Sequence[float] | None


@dataclass(frozen=True)
class _Beyond:
    """What is foretold where nothing could be measured: a line, and how far models differ."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def _points(axes: _Axes, columns: Mapping[str, Sequence[Any]]) -> _Points | None:
    x, y = numbers(columns[axes.x]), numbers(columns[axes.y])
    if x is None or y is None or len(x) != len(y):
        return None
    chance = numbers(columns.get("chance", ()))
    if axes.x == "gallery" and min(x, default=0) < 1:  # of nobody there is no share
        return None
    if axes.x == "rank":
        keep = [at for at, rank in enumerate(x) if rank <= _RANKS][:_POINTS]
    else:
        keep = _thinned(len(x))
    if len(keep) < 2:
        return None
    guessing = [chance[at] for at in keep] if chance and len(chance) == len(x) else None
    if guessing is None and axes.x in ("fmr", "fpr"):
        guessing = [x[at] for at in keep]
    return _Points([x[at] for at in keep], [y[at] for at in keep], guessing)


def _beyond(columns: Mapping[str, Sequence[Any]] | None) -> _Beyond | None:
    """The forecast, with the spread of the models that made it."""
    if not columns or not {"gallery", "rate"} <= set(columns):
        return None
    every = {name: numbers(column) for name, column in columns.items()}
    x, y = every.pop("gallery"), every.pop("rate")
    every.pop("chance", None)
    models = [column for column in every.values() if column and x and len(column) == len(x)]
    if not x or not y or len(x) != len(y) or len(x) > _POINTS or min(x) < 1:
        return None
    low = [min(parts) for parts in zip(y, *models, strict=True)]
    high = [max(parts) for parts in zip(y, *models, strict=True)]
    return _Beyond(x, y, low, high)


@dataclass(frozen=True)
class _Panel:
    """A drawing's field with its scales: bare lines and words, ten times faster than axes.

    Attributes
    ----------
    drawn : the figure it stands in
    box : left, lower, right and upper end, as parts of the figure
    x, y : where a value stands between the ends, from 0 to 1
    size : of the words at its ticks
    """

    drawn: Any
    box: tuple[float, float, float, float]
    x: Callable[[float], float]
    y: Callable[[float], float]
    size: float = 12

    def places(self, x: Iterable[float], y: Iterable[float]) -> tuple[list[float], list[float]]:
        """Values as parts of the figure."""
        left, low, right, high = self.box
        across = [left + (right - left) * min(max(self.x(one), 0.0), 1.0) for one in x]
        return across, [low + (high - low) * min(max(self.y(one), 0.0), 1.0) for one in y]

    def line(self, x: Sequence[float], y: Sequence[float], **look: Any) -> None:
        """A line through values."""
        from matplotlib.lines import Line2D

        self.drawn.add_artist(Line2D(*self.places(x, y), **look))

    def guessing(self, x: Sequence[float], y: Sequence[float]) -> None:
        """The line of somebody who guesses."""
        self.line(x, y, color=svg.SOFT, linewidth=1.4 * self.size / 12, dashes=(4, 3))

    def area(self, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """What lies between two lines."""
        self.polygon([*x, *reversed(x)], [*low, *reversed(high)], svg.BAR)

    def polygon(self, x: Sequence[float], y: Sequence[float], colour: str) -> None:
        """A field in one colour."""
        from matplotlib.patches import Polygon

        corners = list(zip(*self.places(x, y), strict=True))
        self.drawn.add_artist(Polygon(corners, facecolor=colour, linewidth=0))

    def scales(self, x: Mapping[float, str], y: Mapping[float, str], title: str = "") -> None:
        """Ticks, what stands at them, and lines across."""
        from matplotlib.lines import Line2D

        left, low, right, high = self.box
        look: dict[str, Any] = {"color": svg.SOFT, "size": self.size}
        for tick, word in x.items():
            ((at,), _) = self.places([tick], [])
            self.drawn.add_artist(Line2D([at, at], [low, high], color=svg.RULE, linewidth=0.8))
            self.drawn.text(at, low - 0.35 * self.size / 236, word, ha="center", va="top", **look)
        for tick, word in y.items():
            (_, (at,)) = self.places([], [tick])
            self.drawn.add_artist(Line2D([left, right], [at, at], color=svg.RULE, linewidth=0.8))
            place = left - 0.4 * self.size / 330
            self.drawn.text(place, at, word, ha="right", va="center", **look)
        corner = Line2D([left, left, right], [high, low, low], color=svg.SOFT, linewidth=1)
        self.drawn.add_artist(corner)
        middle = (left + right) / 2
        self.drawn.text(middle, 0.02, title, ha="center", color=svg.INK, size=self.size)


_FIELD = (52 / 330, 46 / 236, 314 / 330, 226 / 236)


def _share(value: float) -> float:
    return 0.02 + value * 0.96


def _between(low: float, high: float, logarithmic: bool = False) -> Callable[[float], float]:
    """Where a value stands from low to high, with a little room at both ends."""
    scale = math.log10 if logarithmic else float
    first, last = scale(low), scale(high)
    width = (last - first) or 1.0
    floor = min(low, high)
    return lambda value: _share((scale(max(value, floor)) - first) / width)


def _percents(ticks: Iterable[float]) -> dict[float, str]:
    return {tick: formatting.amount(tick, "percent") for tick in ticks}


def _draw_curve(axes: _Axes, points: _Points, beyond: _Beyond | None) -> Any:
    drawn = svg.figure(330, 236)
    across: Callable[[float], float]
    if axes.x in ("fmr", "fpr"):
        across, ticks = _share, _percents(_QUARTERS)
    elif axes.x == "gallery":
        reach = [*points.x, *(beyond.x if beyond else ())]
        across = _between(min(reach), max(reach), logarithmic=True)
        steps = (1, 2, 5) if max(reach) < 100 * min(reach) else (1,)
        tens = [step * 10.0**at for at in range(12) for step in steps]
        ticks = {tick: f"{tick:,.0f}" for tick in tens if min(reach) <= tick <= max(reach)}
    else:
        across = _between(min(points.x), max(points.x))
        whole = _whole_ticks(min(points.x), max(points.x))
        ticks = {tick: f"{tick:,.0f}" for tick in whole}
    panel = _Panel(drawn, _FIELD, across, _share)
    panel.scales(ticks, _percents(_QUARTERS), axes.x_title)
    if beyond:
        from_, at = points.x[-1], points.y[-1]
        x = [from_, *beyond.x]
        panel.area(x, [at, *beyond.low], [at, *beyond.high])
        panel.line(x, [at, *beyond.y], color=svg.INK, linewidth=1.8, dashes=(2, 2))
    if points.guessing is not None:
        panel.guessing(points.x, points.guessing)
    style = "steps-post" if axes.x == "rank" else "default"
    panel.line(points.x, points.y, color=svg.INK, linewidth=2.2, drawstyle=style)
    if axes.x in ("fmr", "fpr"):
        _draw_low_end(drawn, points)
    return drawn


def _draw_low_end(drawn: Any, points: _Points) -> None:
    """The end of few false alarms once more, where an intruder would work, on a scale of tenths."""
    few = [(x, y) for x, y in zip(points.x, points.y, strict=True) if 0 < x <= 0.1]
    if len(few) < 4 or few[0][0] > 0.02:
        return
    x, y = zip(*few, strict=True)
    box = (190 / 330, 76 / 236, 306 / 330, 156 / 236)
    panel = _Panel(drawn, box, _between(x[0], 0.1, logarithmic=True), _share, 9)
    behind = replace(panel, box=(154 / 330, 54 / 236, 314 / 330, 164 / 236), x=float, y=float)
    behind.polygon([0, 1, 1, 0], [0, 0, 1, 1], svg.PAPER)
    ticks = [tick for tick in (1e-4, 1e-3, 1e-2, 1e-1) if tick >= x[0]]
    panel.scales(_percents(ticks), _percents((0, 0.5, 1)))
    panel.guessing(x, x)
    panel.line(x, y, color=svg.INK, linewidth=1.8)


def _draw_det(points: _Points) -> Any:
    """How often strangers are let through, against how often the person is sent away."""
    drawn = svg.figure(330, 236)
    scale = _between(1e-4, 1, logarithmic=True)
    panel = _Panel(drawn, _FIELD, scale, scale)
    ticks = _percents((1e-4, 1e-3, 1e-2, 1e-1, 1.0))
    panel.scales(ticks, ticks, "Strangers taken for the person")
    panel.line([1e-4, 1], [1e-4, 1], color=svg.RULE, linewidth=1.2)
    blind = [10 ** (-4 + at / 10) for at in range(40)]
    panel.guessing(blind, [1 - x for x in blind])
    # Where nobody was missed the line ends: such a scale has no nought.
    seen = [(x, 1 - y) for x, y in zip(points.x, points.y, strict=True) if x > 0 and y < 1]
    if seen:
        x, y = zip(*seen, strict=True)
        panel.line(x, y, color=svg.INK, linewidth=2.2)
    return drawn


def _enrichment(
    columns: Mapping[str, Sequence[Any]],
    bounds: tuple[Mapping[str, Sequence[Any]], Mapping[str, Sequence[Any]]],
    keys: Iterator[str],
) -> Picture | None:
    """How many times as much as its length each part gets, by the first method."""
    method, *parts = columns or ("",)
    rows: list[tuple[str, float, float, float]] = []
    for part in parts[:_MOST_PARTS]:
        three = [one.get(part) for one in (columns, *bounds)]
        found = numbers([column[0] for column in three if column])
        if found and len(found) == len(three):
            value, low, high = found
            rows.append((part, value, low, high))
    if method != "method" or not columns[method] or not rows:
        return None
    said = ", ".join(
        f"{part} {value:.1f} ({low:.1f} to {high:.1f})" for part, value, low, high in rows
    )
    top = max(2.0, *(high for *_, high in rows)) * 1.05
    with svg.styled():
        drawn = svg.figure(330, 236)
        box = (92 / 330, *_FIELD[1:])
        panel = _Panel(drawn, box, _between(0, top), _between(len(rows) - 0.5, -0.5))
        whole = _whole_ticks(0, math.floor(top))
        names = {float(at): part for at, (part, *_) in enumerate(rows)}
        panel.scales({tick: f"{tick:.0f}" for tick in whole}, names,
                     "Times what its length would give")  # fmt: skip
        panel.guessing([1, 1], [-0.5, len(rows) - 0.5])
        for at, (_, value, low, high) in enumerate(rows):
            panel.line([low, high], [at, at], color=svg.BAR, linewidth=8, solid_capstyle="butt")
            panel.line([value], [at], marker="o", markersize=6, color=svg.INK)
        name = str(columns[method][0])
        alt = f"Enrichment of the parts of the heartbeat by {name}: {said}."
        return Picture(f"Where the network looks ({name})", svg.embed(drawn, next(keys), alt), True)


def _curve_in_words(name: str, axes: _Axes, x: Sequence[float], y: Sequence[float]) -> str:
    percent_x = axes.x in ("fmr", "fpr")
    told = []
    for at in sorted({0, len(x) // 2, len(x) - 1}):
        where = formatting.amount(x[at], "percent") if percent_x else f"{x[at]:,.0f}"
        told.append(f"{formatting.amount(y[at], 'percent')} at {where}")
    title = f"{axes.y_title} by {axes.x_title[0].lower()}{axes.x_title[1:]}"
    return f"Curve {_abbreviated(name)}. {title}: {', '.join(told)}."


def _beyond_in_words(beyond: _Beyond) -> str:
    told = ", ".join(
        f"{formatting.amount(y, 'percent')} ({formatting.amount(low, 'percent')} to "
        f"{formatting.amount(high, 'percent')}) at {x:,.0f}"
        for x, y, low, high in zip(beyond.x, beyond.y, beyond.low, beyond.high, strict=True)
    )
    return f" Foretold, and how far the models differ: {told}."


def _det_in_words(points: _Points) -> str:
    told = []
    for wanted in (0.001, 0.01, 0.1):
        at = min(range(len(points.x)), key=lambda at: abs(points.x[at] - wanted))
        told.append(
            f"{formatting.amount(1 - points.y[at], 'percent')} of people missed where "
            f"{formatting.amount(points.x[at], 'percent')} of strangers are let through"
        )
    return f"Detection errors: {', '.join(told)}."


def _abbreviated(name: str) -> str:
    return name.upper() if name.lower() in ("cmc", "roc") else words.humanise(name)


def numbers(column: Sequence[Any]) -> list[float] | None:
    """A column as numbers that can be drawn; None where it holds anything else."""
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in column):
        return None
    return [float(one) for one in column] if all(abs(one) <= _LARGEST for one in column) else None


def _thinned(n: int) -> list[int]:
    """Which of n points are drawn, the first and the last among them."""
    if n <= _POINTS:
        return list(range(n))
    return sorted({round(at * (n - 1) / (_POINTS - 1)) for at in range(_POINTS)})


def _whole_ticks(low: float, high: float) -> list[float]:
    step = max(1, math.ceil((high - low) / 4))
    return [low, *(step * at for at in range(1, 5) if low < step * at <= high)]

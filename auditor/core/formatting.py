"""Numbers as people read them, to the digits that their intervals support."""

from __future__ import annotations

import math
from typing import Literal

from auditor.core.finding import Estimate

Unit = Literal["percent", "years", "number"]


def finest(width: float) -> int:
    """The last digit after the point that an interval of this width, above 0, supports: none is
    written that is finer than a fifth of it.
    """
    return -math.floor(math.log10(width / 5))


def amount(value: float | None, unit: Unit, width: float | None = None) -> str:
    """A number in its unit; a dash where there is none.

    Parameters
    ----------
    width : of the interval it comes with: no digit is written that is finer than a fifth of it.
        Without one the number is exact, as a limit is
    """
    if value is None or not math.isfinite(value):
        return "–"
    decimals = _decimals(width, unit)
    if unit == "percent":
        return _percent(value, decimals)
    fallback = 2 if unit == "number" else 1
    text = _minus(f"{value:z.{fallback if decimals is None else decimals}f}")
    return f"{text} years" if unit == "years" else text


def interval(estimate: Estimate, unit: Unit) -> tuple[str, str, str]:
    """An estimate's value, low and high end, to the digits that its width supports."""
    width = estimate.high - estimate.low
    value, low, high = (
        amount(part, unit, width) for part in (estimate.value, estimate.low, estimate.high)
    )
    return value, low, high


def per_thousand(value: float | None, unit: Unit, width: float | None = None) -> str:
    """A fraction as people in 1,000; years as years."""
    if unit == "years" or value is None or not math.isfinite(value):
        return amount(value, unit, width)
    decimals = _decimals(width, unit)
    places = 3 if decimals is None else decimals + (2 if unit == "percent" else 0)
    scale = 10 ** max(0, 3 - places)
    people = value * 1000
    if 0 < people < 0.95 * scale:
        return f"fewer than {scale}"
    if 1000 - 0.5 * scale <= people < 1000:
        return f"more than {1000 - scale:,}"
    return "nobody" if people <= 0 else f"{round(people / scale) * scale:,.0f}"


def duration(seconds: float) -> str:
    """How long something took, in the unit a person would use."""
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def round_up(n: int) -> int:
    """Two significant digits: more would pretend."""
    scale = 10 ** max(len(str(n)) - 2, 0)
    return -(-n // scale) * scale


def _decimals(width: float | None, unit: Unit) -> int | None:
    """Digits after the point that an interval of this width supports; None without one."""
    if width is None or not math.isfinite(width) or width <= 0:
        return None
    most = {"percent": 3, "years": 1, "number": 4}[unit]
    return min(max(finest(width) - (2 if unit == "percent" else 0), 0), most)


def _percent(value: float, decimals: int | None = None) -> str:
    share = abs(value) * 100
    sign = "−" if value < 0 else ""
    if share in (0, 100):
        return f"{sign}{share:.0f}%"
    if decimals is not None:
        step = 10.0**-decimals
        if share < step / 2:
            return f"{sign}<{step:.{decimals}f}%"
        if 100 - step / 2 <= share < 100:
            return f"{sign}>{100 - step:.{decimals}f}%"
        return f"{sign}{share:,.{decimals}f}%"
    if share < 0.001:
        return f"{sign}<0.001%"
    if share < 1:
        return f"{sign}{float(f'{share:.2g}'):.5f}".rstrip("0").rstrip(".") + "%"
    if 99.95 <= share < 100:
        return f"{sign}>99.9%"
    return f"{sign}{share:,.1f}".removesuffix(".0") + "%"


def _minus(text: str) -> str:
    return text.replace("-", "−")

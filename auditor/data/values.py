"""What a cell of a table, or a line of a header, says: an age, a sex, a date, a number, nothing.

A value that is there and is in no known form raises `NotUnderstoodError`, so that whoever reads
can count it: what was not understood never counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")
#: Which of two numbers comes first where both could be a day.
Order = Literal["day-first", "month-first"]

#: What people write where they know nothing.
_MISSING = frozenset(
    {
        *("", "nan", "na", "n/a", "n.a.", "n.a", "#n/a", "<na>", "nat", "none", "null", "nil"),
        *("unknown", "unk", "not known", "not available", "not recorded", "not stated", "missing"),
        *("undefined", "unspecified", "not specified", "not applicable", "no data", "-", "--"),
        *("---", "–", "—", "?", "??", ".", "..", "*", "unbekannt", "inconnu", "desconocido"),
        *("sconosciuto", "onbekend", "okänd", "ukendt", "ukjent", "tuntematon", "keine angabe"),
    }
)
#: No cell that is a number, an age or a date is longer.
_LONGEST = 64

_SEXES = {
    "female": (
        *("f", "fem", "female", "w", "woman", "weiblich", "frau", "femme", "féminin", "feminin"),
        *("femenino", "mujer", "femmina", "donna", "feminino", "vrouw", "kvinna", "kvinde"),
        *("kvinne", "nainen"),
    ),
    "male": (
        *("m", "male", "man", "männlich", "maennlich", "mann", "homme", "masculin", "masculino"),
        *("hombre", "maschio", "uomo", "maschile", "mannelijk", "mand", "mies"),
    ),
    # Known, and neither of the two that an attacker guesses.
    "": ("o", "other", "d", "diverse", "divers", "x", "u", "i", "intersex", "nonbinary", "mixed"),
}
_SEX_OF = {word: sex for sex, words in _SEXES.items() for word in words}

#: Units of an age, in years.
_AGE_UNITS = {
    1.0: (
        *("", "y", "yr", "yrs", "year", "years", "yo", "y.o", "y/o", "yearsold", "a", "j", "jahr"),
        *("jahre", "an", "ans", "année", "années", "año", "años", "anno", "anni", "ano", "anos"),
        *("jaar", "år", "ar", "vuotta", "v"),
    ),
    1 / 12: (
        *("m", "mo", "mos", "mon", "mth", "mths", "month", "months", "monat", "monate", "mois"),
        *("mes", "meses", "mese", "mesi", "maand", "maanden", "mån", "måned", "måneder"),
    ),
    7 / 365.25: ("w", "wk", "wks", "week", "weeks", "woche", "wochen", "semaine", "semaines"),
    1 / 365.25: ("d", "day", "days", "tag", "tage", "jour", "jours", "día", "días", "dag", "dagen"),
}
_AGE_UNIT = {word: years for years, words in _AGE_UNITS.items() for word in words}
_NUMBER_IN_AGE = r"(\d{1,3}(?:[.,]\d{1,17})?)"
#: `73`, `73 years`, `073Y`, `~91`, `>89`, `90+`, `≥ 90`, `over 89`, `90 and over`.
_AGE = re.compile(
    r"(?P<beyond>>=?|≥|over|above|older than|at least|ab|über)?\s*~?\s*"
    + _NUMBER_IN_AGE
    + r"\s*(?P<plus>\+)?\s*(?P<unit>[^\W\d_][^\W\d_./ ]{0,12}(?:\.o|/o| old)?)?\.?\s*"
    r"(?P<more>\+|(?:and|or) (?:over|older|above)|or more)?",
    re.IGNORECASE,
)
#: `60-69`, `60 to 69 years`.
_BAND = re.compile(
    rf"{_NUMBER_IN_AGE}\s*(?:-|–|to|bis)\s*{_NUMBER_IN_AGE}\s*(?P<unit>[^\W\d_]*)\.?",
    re.IGNORECASE,
)
#: The oldest anybody was, in years; data sets write 300 for everybody over 89.
_OLDEST, _POOLED, _POOLED_AS = 122.5, 300.0, 90.0


class NotUnderstoodError(ValueError):
    """A value that is there, in no known form."""


@dataclass(frozen=True)
class Age:
    """An age.

    Attributes
    ----------
    years : the age; of a group, its lower end where it has no upper one, else its middle
    pooled : whether many ages are written as one, and none of them beyond the one group of
        everybody from 90 on that 45 CFR 164.514(b)(2)(i)(C) lets stand
    """

    years: float
    pooled: bool = False


def is_missing(text: object) -> bool:
    """Whether a text says that nothing is known."""
    return str(text).strip().lower() in _MISSING


def age_of(text: object, unit: str = "") -> Age | None:
    """An age in years; None where none is given, which some data sets write -1.

    Parameters
    ----------
    unit : that of a bare number, such as "months", where the name of the column says so

    Raises
    ------
    NotUnderstoodError
        Something else is given, or no age that anybody reaches.
    """
    said = " ".join(str(text).split())
    if is_missing(said) or re.fullmatch(r"-\d+(?:\.0+)?", said):
        return None
    if len(said) > _LONGEST:
        raise NotUnderstoodError("an age")
    if band := _BAND.fullmatch(said):
        low, high = (_decimal(band[group]) for group in (1, 2))
        years = _years(band["unit"] or unit)
        if low > high:
            raise NotUnderstoodError("an age")
        return Age(_possible((low + high) / 2 * years), pooled=high * years <= _POOLED_AS)
    match = _AGE.fullmatch(said)
    if match is None:
        raise NotUnderstoodError("an age")
    number = _decimal(match[2]) * _years(match["unit"] or unit)
    if number == _POOLED:
        return Age(_POOLED_AS, pooled=True)
    beyond = (match["beyond"] or "").lower()
    if beyond in (">", "over", "above", "older than", "über"):
        number += 1
    grouped = bool(beyond or match["plus"] or match["more"])
    return Age(_possible(number), pooled=grouped and number <= _POOLED_AS)


def sex_of(text: object) -> str | None:
    """female or male; None where neither is given.

    Raises
    ------
    NotUnderstoodError
        Something else is given, such as a code.
    """
    said = " ".join(str(text).split()).lower().rstrip(".")
    if is_missing(said):
        return None
    if said not in _SEX_OF:
        raise NotUnderstoodError("a sex")
    return _SEX_OF[said] or None


def column(
    values: Sequence[str], parse: Callable[[str], Value | None]
) -> tuple[list[Value | None], int]:
    """What each cell says, None where nothing or nothing that is understood; and how many of
    those are the latter.
    """
    found: list[Value | None] = []
    unread = 0
    for value in values:
        try:
            found.append(parse(value))
        except NotUnderstoodError:
            found.append(None)
            unread += 1
    return found, unread


_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?(?:\.\d+)?)?")
_PARTED = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_MONTHS = {
    **{name: at for at, names in enumerate(
        (("jan",), ("feb", "fév", "fev"), ("mar", "mär", "mrt"), ("apr", "avr", "abr"),
         ("may", "mai", "maj", "mag"), ("jun", "juin", "giu"), ("jul", "juil", "lug"),
         ("aug", "aoû", "ago"), ("sep", "set"), ("oct", "okt", "ott", "out"), ("nov",),
         ("dec", "dez", "déc", "dic")), 1) for name in names},
}  # fmt: skip
_NAMED = re.compile(r"(\d{1,2})\.?[ -]?([^\W\d_]{3,10})\.?,?[ -]?(\d{4}|\d{2})")
_NAME_FIRST = re.compile(r"([^\W\d_]{3,10})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*([ap]m)?\s*(?:z|utc|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
#: A spreadsheet counts days from here; of what can be one, only this century and the last.
_SHEET_EPOCH, _SHEET_DAYS = datetime(1899, 12, 30), (7000.0, 80000.0)
#: Nobody had an ECG before Einthoven; shifted dates may lie far ahead.
_FIRST_YEAR = 1887


def date_of(text: object, first: Order | None = None) -> datetime | None:
    """A date, with its time where one stands there; None where none is given.

    ISO, compact (as in DICOM), European and American forms, and names of months.

    Parameters
    ----------
    first : what stands first where both numbers could be the day; a date that has to know it, and
        is not told, is not understood

    Raises
    ------
    NotUnderstoodError
        Something else is given, or a day before there were ECGs.
    """
    said = " ".join(str(text).split())
    if is_missing(said):
        return None
    if len(said) > _LONGEST:
        raise NotUnderstoodError("a date")
    day, clock = _split(said)
    year, month, number = _year_month_day(day, first)
    compact = _COMPACT.fullmatch(day)
    hour, minute, second = (
        tuple(int(part or 0) for part in compact.groups()[3:]) if compact else _time(clock)
    )
    try:
        found = datetime(year, month, number, hour, minute, min(second, 59))
    except ValueError:
        raise NotUnderstoodError("a date") from None
    if found.year < _FIRST_YEAR:
        raise NotUnderstoodError("a date")
    return found


def dates(
    values: Sequence[str], first: Order | None = None, *, are_dates: bool = True
) -> tuple[list[datetime | None], int]:
    """The dates of a column, and how many cells hold something else.

    Whether the day or the month comes first is what the column itself shows: where it shows both,
    or neither, a date that could be either is not understood. A column of nothing but numbers
    that a spreadsheet would count its days by is read as those.

    Parameters
    ----------
    first : what stands first, where somebody said so
    are_dates : whether somebody said so; whole numbers alone are a name of many things
    """
    if (sheet := _sheet_dates(values, are_dates)) is not None:
        return sheet, 0
    order = first or _order(values)
    return column(values, lambda value: date_of(value, order))


def is_time(text: object) -> bool:
    """Whether a text is a time of day, and no more."""
    return _CLOCK.fullmatch(str(text).strip()[:_LONGEST]) is not None


def number_of(text: object) -> float | None:
    """One number, in which a comma, if there is one, is the decimal mark; None where none is given.

    Raises
    ------
    NotUnderstoodError
        Something else is given.
    """
    found, unread = numbers([str(text)])
    if unread:
        raise NotUnderstoodError("a number")
    return None if np.isnan(found[0]) else float(found[0])


_BODY = re.compile(
    r"([+-−]?\d[\d.,' \u00a0\u202f]*(?:[eE][+-]?\d{1,3})?|[+-−]?[.,]\d+(?:[eE][+-]?\d{1,3})?)"
    r"\s*([^\d\s][^\d]{0,15})?"
)


def numbers(values: Sequence[str]) -> tuple[NDArray[np.float64], int]:
    """(n,) the numbers of a column, NaN where none is given or understood, and how many are not.

    A unit behind every number is taken off, if it is one unit; the decimal mark, and marks between
    thousands, are what the column itself shows. `1,234` is not understood where nothing tells
    whether the comma is one or the other.
    """
    if (plain := _all_plain(values)) is not None:
        return plain, 0
    parts: list[tuple[str, str] | None] = []
    unread = 0
    for value in values:
        said = str(value).strip()
        match = _BODY.fullmatch(said) if len(said) <= _LONGEST else None
        parts.append((match[1].strip(), (match[2] or "").strip()) if match else None)
        unread += match is None and not is_missing(said)
    bodies = [part[0] for part in parts if part]
    mark = _decimal_mark(bodies)
    units = {part[1].lower() for part in parts if part}
    one_unit = len(units) <= 1
    found = np.full(len(values), np.nan)
    for place, part in enumerate(parts):
        if part is None:
            continue
        number = _plain(part[0], mark) if one_unit or not part[1] else None
        if number is None or not np.isfinite(number):
            unread += 1
        else:
            found[place] = number
    return found, unread


def _all_plain(values: Sequence[str]) -> NDArray[np.float64] | None:
    """Numbers that need no guess, NaN where a cell is empty; None where one is anything else."""
    said = [str(value) for value in values]
    try:
        found = np.array([float(one) if one else np.nan for one in said], dtype=np.float64)
    except ValueError:
        return None
    # Python reads 1_000, inf and nan as numbers too.
    odd = any("_" in one for one in said)
    return None if odd or np.isfinite(found).sum() != sum(map(bool, said)) else found


def _decimal_mark(bodies: Sequence[str]) -> str | None:
    """The decimal mark that numbers of one column show; None where they show none, or two."""
    shown = {one for body in bodies if (one := _shown_mark(body))}
    if len(shown) == 1:
        return shown.pop()
    if shown:
        return None
    return None if any("," in body for body in bodies) else "."


def _shown_mark(body: str) -> str | None:
    """The decimal mark that a number shows by itself."""
    point, comma = body.rfind("."), body.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    at, mark = (point, ".") if point >= 0 else (comma, ",")
    if at < 0:
        return None
    other = "," if mark == "." else "."
    if body.count(mark) > 1:
        return other
    whole, _, rest = body.partition(mark)
    leading = whole.lstrip("+-−")
    # 0,125 has no thousands.
    thousands = re.fullmatch(r"\d{3}", rest) and re.fullmatch(r"[1-9]\d{0,2}", leading)
    return None if thousands else mark


def _plain(body: str, mark: str | None) -> float | None:
    """A number as a float, by its column's decimal mark; None where it is in no known form."""
    text = body.replace("−", "-")
    if mark is None:
        if "," in text or "." in text:
            return None
        mark = "."
    other = "," if mark == "." else "."
    grouped = re.sub(r"[' \u00a0\u202f]", other, text)
    whole, _, rest = grouped.partition(mark)
    if other in rest or mark in rest:
        return None
    if other in whole and not re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{other}\d{{3}})+", whole):
        return None
    try:
        return float(f"{whole.replace(other, '')}.{rest}" if rest else whole.replace(other, ""))
    except ValueError:
        return None


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))


def _years(unit: str) -> float:
    """How many years a unit is."""
    word = re.sub(r"[\s.]", "", unit.lower()).removesuffix("old")
    if word not in _AGE_UNIT:
        raise NotUnderstoodError("an age")
    return _AGE_UNIT[word]


def _possible(years: float) -> float:
    if not 0 <= years <= _OLDEST:
        raise NotUnderstoodError("an age")
    return years


def _split(said: str) -> tuple[str, str]:
    """A date and, behind it, a time."""
    at = re.search(r"[T ](?=\d{1,2}:\d{2})", said)
    return (said[: at.start()], said[at.end() :]) if at else (said, "")


def _year_month_day(day: str, first: Order | None) -> tuple[int, int, int]:
    if found := _ISO.fullmatch(day):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _COMPACT.fullmatch(day):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _PARTED.fullmatch(day):
        one, other, year = int(found[1]), int(found[3]), _year(found[4])
        # With points the day comes first, wherever points are written.
        order = "day-first" if found[2] == "." else _shown_order(one, other) or first
        if order is None:
            raise NotUnderstoodError("a date")
        return (year, other, one) if order == "day-first" else (year, one, other)
    if found := _NAMED.fullmatch(day):
        return _year(found[3]), _month(found[2]), int(found[1])
    if found := _NAME_FIRST.fullmatch(day):
        return int(found[3]), _month(found[1]), int(found[2])
    raise NotUnderstoodError("a date")


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 70 else 2000)


def _month(name: str) -> int:
    for length in (4, 3):
        if month := _MONTHS.get(name.lower()[:length]):
            return month
    raise NotUnderstoodError("a date")


def _shown_order(one: int, other: int) -> Order | None:
    """What comes first, where only one of two numbers can be a month, or both are the same."""
    if one > 12 >= other or one == other:
        return "day-first"
    return "month-first" if other > 12 >= one else None


def _order(values: Sequence[str]) -> Order | None:
    """What a column shows to come first; None where it shows both or neither."""
    shown = set()
    for value in values:
        day, _ = _split(" ".join(str(value)[:_LONGEST].split()))
        found = _PARTED.fullmatch(day)
        if found and found[2] != "." and found[1] != found[3]:
            shown.add(_shown_order(int(found[1]), int(found[3])))
    shown.discard(None)
    return shown.pop() if len(shown) == 1 else None


def _time(clock: str) -> tuple[int, int, int]:
    if not clock:
        return 0, 0, 0
    found = _CLOCK.fullmatch(clock)
    if found is None:
        raise NotUnderstoodError("a date")
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    half = (found[4] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "pm")
    return hour, minute, second


def _sheet_dates(values: Sequence[str], whole: bool) -> list[datetime | None] | None:
    """The dates of a column of a spreadsheet's day numbers; None where it is no such column."""
    days: list[float | None] = []
    for value in values:
        said = str(value).strip()
        if is_missing(said):
            days.append(None)
        elif re.fullmatch(r"\d{4,5}(?:[.,]\d{1,12})?", said):
            days.append(_decimal(said))
        else:
            return None
    known = [day for day in days if day is not None]
    low, high = _SHEET_DAYS
    if not known or not all(low <= day <= high for day in known):
        return None
    if not whole and all(day == int(day) for day in known):
        return None
    return [
        None if day is None else _SHEET_EPOCH + timedelta(seconds=round(day * 86400))
        for day in days
    ]

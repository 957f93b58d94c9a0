"""Dates in texts: any order, language and compactness.

Months' names come from the Unicode CLDR by way of Babel. What is found is a day that there was,
or a month of a year: 45 CFR 164.514(b)(2)(i)(C) lets the year alone stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from auditor.data.identifiers.classes import DATE, Hit
from auditor.data.identifiers.vocabulary import listed, plain
from auditor.data.values import NotUnderstoodError, date_of

_LOCALES = ("en", "de", "fr", "es", "it", "nl", "pt", "sv", "da", "nb", "fi")
#: Years of a date in full: shifted ones of published sets lie up to 700 years ahead. Of one
#: without separators, only those of living people and near them.
_YEARS, _COMPACT_YEARS = range(1880, 2900), range(1890, 2040)
#: Years that a two-digit number of a record's own date or a birth may mean: all.
_DAY, _MONTH_NUMBER = range(1, 32), range(1, 13)
_DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_YEAR_FIRST = re.compile(r"(?<![\d.])(\d{4})([-/._\s])(\d{1,2})\2(\d{1,2})(?![\d]|\.\d)")
_PARTED = re.compile(
    r"(?<![\d.,/-])(\d{1,2})([-/._])(\d{1,2})(?:\2|(?<=/\d\d)-)(\d{4}|\d{2})(?!\d|[.,/-]\d)"
)
_COMPACT = re.compile(
    r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:[T_ ]?([01]\d|2[0-3])([0-5]\d)([0-5]\d)?(?:\.\d{1,6})?)?(?!\d)"
)
_YEAR_LAST = re.compile(r"(?<![\d.])(\d{2})(\d{2})(\d{4})(?!\d|\.\d)")
_SIX = re.compile(r"(?<![\d.])(\d{2})(\d{2})(\d{2})(?!\d|\.\d)")
#: `unchanged since ecg 910218`.
_OF_ECG = re.compile(
    r"\b(?:[Ee][KkCc][Gg])\s(?:vom\s|of\s|från\s)?(\d\d)(\d\d)(\d\d)(?![\d.,]\d|\d)"
)
_JOIN = r"[\s\-./_,]{0,3}(?:de\s|del\s|di\s|of\s|d[e']\s?)?"
_DAY_NAMED = re.compile(
    rf"(?<![\d.,])(\d{{1,2}})(?:\.|st|nd|rd|th|er|ème|º|ª|°|:e|\.\s)?{_JOIN}"
    rf"([^\W\d_]{{3,12}}){_JOIN}(['’]?\d{{2}}(?!\d)|\d{{4}}(?!\d))?"
)
_NAMED_DAY = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3,12})\.?[\s\-_]{0,2}(\d{1,2})(?:st|nd|rd|th)?"
    r"(?:[,\s\-_]{1,3}(?:\d{1,2}:\d{2}(?::\d{2})?\s(?:[A-Z]{2,4}\s)?)?(\d{4}))?(?![\d.:/%]|,\d)"
)
_NAMED_YEAR = re.compile(r"(?<![^\W\d_])([^\W\d_]{3,12})\.?(?:\s|\sde\s|-|_|/)(\d{4})(?!\d)")
_YEAR_NAMED = re.compile(r"(?<![\d.])(\d{4})[\s\-_/.]([^\W\d_]{3,12})[\s\-_/.](\d{1,2})(?!\d)")
_MONTH_YEAR = re.compile(r"(?<![\d/.-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\d/])")
_DAY_MONTH = re.compile(r"(?<![\d./-])(\d{2})([./])(\d{2})(?:\.(?!\d)|(?![\d./%]))")
_VERSION = re.compile(
    r"(?:v|ver|vers|version|rev|revision|release|build|sw|software)[\s.:]{0,2}$", re.I
)
_ON = re.compile(
    r"(?:\b(?:on|recorded|taken|dated?|since|seen|admitted|vom|am|den|le|du|el|il|op|em|il giorno|"
    r"d\.|from|until|born|geb\.?|né|née|född|født|nato|nata|nacido|geboren|til|till|fra|från))"
    r"[\s:]{1,2}$",
    re.I,
)


@lru_cache(maxsize=1)
def months() -> dict[str, int]:
    """The number of each month's name, as a plain word."""
    from babel.dates import get_month_names  # half a second, which few commands need

    found: dict[str, int] = {"sept": 9, "juill": 7, "janv": 1, "fevr": 2, "marz": 3}
    for locale in _LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                names = get_month_names(width, context, locale)
                for number, name in names.items():
                    found[plain(name.strip("."))] = int(number)
    return found


def find(text: str) -> Iterator[Hit]:
    """Every date of a text; one that could be something else is not sure."""
    yield from _in_figures(text)
    if any(map(str.isalpha, text)):
        yield from _in_words(text)


def _in_figures(text: str) -> Iterator[Hit]:
    for one in _YEAR_FIRST.finditer(text):
        if _is_day(int(one[1]), int(one[3]), int(one[4])):
            padded = len(one[3]) == len(one[4]) == 2
            yield _hit(one, "a date, year first", sure=padded or one[2] in "-/")
    for one in _PARTED.finditer(text):
        yield from _parted(text, one)
    for one in _COMPACT.finditer(text):
        year, month, day = int(one[1]), int(one[2]), int(one[3])
        if year in _COMPACT_YEARS and _is_day(year, month, day):
            # p19450312 is one of a million numbers with a letter before it; IMG20190517 is not.
            before = text[max(one.start() - 2, 0) : one.start()]
            glued = before[-1:].isalpha() and not (len(before) == 2 and before.isalpha())
            yield _hit(one, "a date without separators", sure=bool(one[4]) or not glued)
    for one in _YEAR_LAST.finditer(text):
        if int(one[3]) in _COMPACT_YEARS and _is_day(int(one[3]), int(one[2]), int(one[1])):
            yield _hit(one, "a date without separators", sure=False)
    for one in _OF_ECG.finditer(text):
        if _is_day(2000 + int(one[1]), int(one[2]), int(one[3])):
            yield Hit(DATE, one.start(1), one.end(), "six figures of an ECG's day", sure=False)
    for one in _MONTH_YEAR.finditer(text):
        yield _hit(one, "a month of a year")
    for one in _DAY_MONTH.finditer(text):
        first, second = int(one[1]), int(one[3])
        day_first = first in _DAY and second in _MONTH_NUMBER
        month_first = one[2] == "/" and second in _DAY and first in _MONTH_NUMBER
        announced = _ON.search(text[max(one.start() - 16, 0) : one.start()]) is not None
        if (day_first or month_first) and (one[2] == "/" or announced):
            yield _hit(one, "a day and a month", sure=announced)


def _parted(text: str, one: re.Match[str]) -> Iterator[Hit]:
    first, second, year = int(one[1]), int(one[3]), int(one[4])
    if len(one[4]) == 4 and year not in _YEARS:
        return
    full = year if len(one[4]) == 4 else 2000 + year
    orders = [(first, second), (second, first)]
    if one[2] == ".":
        orders = orders[:1]  # with points the day comes first, wherever points are written
    backwards = len(one[4]) == 2 and one[2] in "-._" and _is_day(2000 + first, second, year)
    if not any(_is_day(full, month, day) for day, month in orders) and not backwards:
        return
    before = text[max(one.start() - 12, 0) : one.start()]
    if _VERSION.search(before):
        return
    padded = len(one[1]) == len(one[3]) == 2
    yield _hit(one, "a date", sure=len(one[4]) == 4 or one[2] == "/" or padded)


def _in_words(text: str) -> Iterator[Hit]:
    known = months()
    for one in _DAY_NAMED.finditer(text):
        name = plain(one[2])
        if (month := known.get(name)) and int(one[1]) in range(1, _DAYS_OF[month - 1] + 1):
            whole = one[3] is not None
            stop = one.end() if whole else one.end(2)
            if not whole and text[stop : stop + 1].isalpha():
                continue
            sure = whole or _alone(text, one.start(), one[2])
            if whole and len(one[3].strip("'’")) == 2 and name in listed("also_words"):
                sure = one[2][0].isupper() or text[one.end(1)] in "-/."
            yield Hit(DATE, one.start(), stop, "a day of a named month", sure)
    for one in _NAMED_DAY.finditer(text):
        name = plain(one[1])
        if (month := known.get(name)) and int(one[2]) in range(1, _DAYS_OF[month - 1] + 1):
            sure = one[3] is not None or _alone(text, one.start(), one[1])
            yield _hit(one, "a day of a named month", sure=sure)
    for one in _NAMED_YEAR.finditer(text):
        if plain(one[1]) in known and int(one[2]) in _COMPACT_YEARS:
            clear = plain(one[1]) not in listed("also_words") or one[1] in (
                "May",
                "March",
                "Mai",
                "Mars",
            )
            yield _hit(one, "a named month of a year", sure=clear or one[1][0].isupper())
    for one in _YEAR_NAMED.finditer(text):
        if plain(one[2]) in known and int(one[3]) in _DAY and int(one[1]) in _YEARS:
            yield _hit(one, "a day of a named month")


def _alone(text: str, start: int, month: str) -> bool:
    """Whether a day and a month without a year are a date, and no words."""
    if _ON.search(text[max(start - 16, 0) : start]):
        return True
    return plain(month) not in listed("also_words") or month in (
        "May",
        "March",
        "Mai",
        "Mars",
        "Maj",
    )


def is_date(value: str, *, loose: bool) -> bool:
    """Whether what stands beside a key that promises a date is one.

    Parameters
    ----------
    loose : whether figures alone are dates too: `170537`, `17051937`
    """
    value = value.strip()
    if any(hit for hit in find(value)):
        return True
    if not loose:
        return False
    for order in ("day-first", "month-first"):
        with suppress(NotUnderstoodError):
            return date_of(value, order) is not None
    if six := _SIX.fullmatch(value) or _YEAR_LAST.fullmatch(value):
        a, b, c = map(int, six.groups())
        return any(_is_day(2000, month, day) for day, month in ((a, b), (b, a), (c, b)))
    return False


def is_day_of(year: int, month: int, day: int) -> bool:
    """Whether there was, or will be, such a day."""
    return _is_day(year, month, day)


def _is_day(year: int, month: int, day: int) -> bool:
    if year not in _YEARS or month not in _MONTH_NUMBER or day not in _DAY:
        return False
    try:
        datetime(year, month, day)
    except ValueError:
        return False
    return True


def _hit(one: re.Match[str], rule: str, sure: bool = True) -> Hit:
    return Hit(DATE, one.start(), one.end(), rule, sure)

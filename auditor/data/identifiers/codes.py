"""Columns of codes that are different for each person, under names that no list of words knows.

A code that one person alone has can be looked up by whoever holds the list that it comes from,
whatever its column is called. It is told by its form, where letters and figures stand together;
bare numbers are measurements too, and are codes where they behave as no measurement does: with
zeros before them, never twice where measurements would meet, flat over all numbers of so many
figures, or in the order of the days. What only repeats the names of the row's record and person is
none.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import MIN_PEOPLE
from auditor.data.identifiers.classes import CODE, Column
from auditor.data.identifiers.vocabulary import is_ordinary, listed, words_of
from auditor.data.values import is_missing

#: A column of codes has them for so many people, and for this share of them no other has the same.
_FEWEST, _SHARE = 5, 0.9
#: Cells of another form are so few.
_ALMOST_ALL = 0.95
#: Of codes of any length, so many hold letters and figures; of codes of one length, fewer.
_MIXED, _MIXED_OF_A_LENGTH = 0.8, 0.3
#: The fewest letters of a code of letters alone, and figures of one of figures in groups.
_LETTERS, _FIGURES = 4, 6
_LONGEST = 80
#: What stands in the cells of so many people is nobody's own.
_SHARED = 3
#: Nobody measures whole numbers of so many figures.
_NEVER_MEASURED = 9
_TOKEN = re.compile(r"[+/_-]?[^\W_](?:[\w./:#+=@~°º-]{0,78}[\w=+/-])?")
_GROUPS = re.compile(r"[A-Z\d]{1,12}(?: [A-Z\d]{1,12}){1,3}")
_WHOLE = re.compile(r"\d{1,18}(?:\.0{1,6})?")
_FIGURES_APART = re.compile(r"\d{1,18}(?:[-./:_]\d{1,18}){1,8}")
_PAIR = re.compile(r"(\d{1,18})[-/:](\d{1,18})")
_YEAR = re.compile(r"(?:19|20)\d\d")
_UNITS = (
    r"(?:µ|μ|u|m|k|n|c|M|G)?(?:V|Hz|s|g|m|W|A|J|Pa|L|l|B|bit|Ohm|Ω|mol|eq)|%|°C?|deg|bpm|/min|min|"
    r"mins|minutes?|hrs?|h|d|days?|wks?|weeks?|mo|months?|y|yrs?|years?|sec|secs|seconds?|lbs?|in|"
    r"ft|mmHg|cmH2O|kg/m2|kg/m²|dB|beats|samples|x|K|C|F"
)
_NUMBER = r"[<>≤≥~±+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?"
#: `72kg`, `0.05-150Hz`, `1h23m`, `120/80`, `PT10S`, `10:44:18.5`.
_MEASURED = re.compile(
    rf"{_NUMBER}(?:{_UNITS})?(?:(?:[-–/x×,;.]|to|T)?{_NUMBER}(?:{_UNITS}))*"
    rf"|P(?:\d+[YMWD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?(?<=[A-Z])"
    rf"|{_NUMBER}(?:{_UNITS})?(?:[-–/x×]|to){_NUMBER}(?:{_UNITS})?"
    r"|\d{1,3}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm])?"
)
_SUFFIXED = re.compile(r"(\d{1,18})([^\W\d_]{1,6})")
_PARTS = re.compile(r"\d+|[^\W\d_]+")
#: Numbers are no measurements at this level; so many are wanted to see how they are spread.
_LEVEL, _SPREAD_OF = 1e-3, 30
#: A follows B where Kendall's τ is beyond.
_FOLLOWS, _FOLLOWS_LEVEL = 0.5, 1e-4


@dataclass(frozen=True)
class Rows:
    """What is known of each row of a table.

    Attributes
    ----------
    subjects : whose it is
    names : the names of its record and of its person, in one text
    days : of its recording, in days from any one; NaN where it is unknown
    """

    subjects: Sequence[str]
    names: Sequence[str]
    days: NDArray[np.float64]


def codes(name: str, cells: Sequence[str], rows: Rows) -> Column | None:
    """A column of codes of which each person has one of their own; None where it is none."""
    if is_ordinary(name) and listed("digests").isdisjoint(words_of(name)):
        return None
    bare = {one: _bare(one) for one in dict.fromkeys(cells)}
    known = {one for one in bare.values() if not is_missing(one)}
    said = [bare[one] for one in cells]
    held = [place for place, one in enumerate(said) if one in known]
    # Of most columns fewer values are different than there are people.
    if len(known) < _SHARE * len({rows.subjects[place] for place in held}):
        return None
    if not held or any(len(one) > _LONGEST for one in known):
        return None
    own = _own(said, held, rows.subjects)
    if len(own) < _FEWEST or _repeats(said, held, rows):
        return None
    values = list(dict.fromkeys(said[place] for place in held))
    if rule := _form(values):
        return Column(CODE, rule, sure=False)
    if not (numbers := _numbers(values)):
        return None
    if min(map(len, numbers)) >= _NEVER_MEASURED:
        return Column(CODE, "numbers of many figures, another for each person", sure=False)
    if not listed("measured").isdisjoint(words_of(name)):
        return None
    if rule := _assigned(said, held, rows, numbers):
        return Column(CODE, rule, sure=False)
    return None


def _bare(cell: str) -> str:
    """A cell without the marks around a code; of a number neither sign nor a spreadsheet's `.0`."""
    inner = re.sub(r"^[^\w+/=-]+|[^\w+/=-]+$", "", cell.strip()[: 2 * _LONGEST])
    number = re.fullmatch(r"[+-]?(\d+)(?:\.0{1,6})?", inner)
    return number[1] if number else inner


def _own(said: Sequence[str], held: Sequence[int], subjects: Sequence[str]) -> set[str]:
    """The people who have a value that nobody else has; none where too many share theirs."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for place in held:
        people[said[place]].add(subjects[place])
    alone = {next(iter(who)) for who in people.values() if len(who) == 1}
    whole = {subjects[place] for place in held}
    sharing = set().union(*(who for who in people.values() if len(who) > 1))
    return alone if len(alone - sharing) >= _SHARE * len(whole) else set()


def _repeats(said: Sequence[str], held: Sequence[int], rows: Rows) -> bool:
    """Whether cells say no more than the names of their rows: without what stands in those, nearly
    all are what the cells of other people are too. Numbers of the rows themselves are no more.
    """
    left: list[tuple[str, ...]] = []
    people: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for place in held:
        known = set(_parts(rows.names[place]))
        rest = tuple(one for one in _parts(said[place]) if one not in known)
        rest = () if said[place].casefold() in rows.names[place].casefold() else rest
        left.append(rest)
        people[rest].add(rows.subjects[place])
    common = sum(len(people[rest]) >= _SHARED for rest in left)
    if common >= _SHARE * len(held):
        return True
    if not all(said[place].isdigit() for place in held):
        return False
    steps = np.diff([int(said[place]) - place for place in held])
    return not steps.any()


def _parts(text: str) -> list[str]:
    return [one.lstrip("0") or "0" for one in _PARTS.findall(text.casefold())]


def _form(values: Sequence[str]) -> str | None:
    """How values are known to be codes by their form alone; None where they are not."""
    grouped = "figures in groups, another code for each person"
    if _share(_PAIR.fullmatch(one) is not None for one in values) >= _ALMOST_ALL:
        return None if _are_ranges(values) else grouped
    if _share(_MEASURED.fullmatch(one) is not None for one in values) >= _SHARE:
        return None
    if _share(_is_token(one) for one in values) < _ALMOST_ALL:
        return None
    suffixes = Counter(one[2] for one in map(_SUFFIXED.fullmatch, values) if one)
    if suffixes and suffixes.most_common(1)[0][1] >= _ALMOST_ALL * len(values):
        return None  # a unit that no list knows: as bare numbers
    mixed = _share(_is_mixed(one) for one in values)
    of_a_length = max(Counter(map(len, values)).values()) >= _ALMOST_ALL * len(values)
    if mixed >= (_MIXED_OF_A_LENGTH if of_a_length else _MIXED):
        return "letters and figures, another code for each person"
    if _share(_is_grouped(one) for one in values) >= _MIXED:
        return grouped
    bare = [re.sub(r"[-_.]", "", one) for one in values]
    if of_a_length and all(one.isalpha() and len(one) >= _LETTERS for one in bare):
        return "letters, another code of one length for each person"
    return None


def _share(seen: Iterable[bool]) -> float:
    """The share that is true."""
    found = list(seen)
    return sum(found) / len(found)


def _is_token(value: str) -> bool:
    return bool(_TOKEN.fullmatch(value) or _GROUPS.fullmatch(value))


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_grouped(value: str) -> bool:
    """Whether a value is figures in groups, and no triple of small measurements."""
    small = "/" in value and all(len(one) <= 3 for one in value.split("/"))
    figures = sum(map(str.isdigit, value))
    return bool(_FIGURES_APART.fullmatch(value)) and figures >= _FIGURES and not small


def _are_ranges(values: Sequence[str]) -> bool:
    """Whether of two numbers the same one is always the larger, as of a range or a pressure, and
    they are no number of a year, none with zeros before it and none with a check digit; or whether
    they are small, as a decimal or a time of day is.
    """
    pairs = [one for one in map(_PAIR.fullmatch, values) if one]
    if _share(sum(map(str.isdigit, one)) < _FIGURES - 1 for one in values) > 1 - _MIXED:
        return True
    if any(re.match(r"0\d", part) for one in pairs for part in one.groups()):
        return False
    checked = (len(one[1]) >= _FIGURES - 1 and len(one[2]) < 3 for one in pairs)
    if all(_YEAR.fullmatch(one[1]) for one in pairs) or all(checked):
        return False
    rising = _share(int(one[1]) <= int(one[2]) for one in pairs)
    return rising >= _SHARE or rising <= 1 - _SHARE


def _numbers(values: Sequence[str]) -> list[str]:
    """The figures of whole numbers, behind which one unit may stand; empty where they are not."""
    bare = [_SUFFIXED.fullmatch(one) for one in values]
    found = [part[1] if part else one for part, one in zip(bare, values, strict=True)]
    return found if all(map(str.isdecimal, found)) else []


def _assigned(
    said: Sequence[str], held: Sequence[int], rows: Rows, numbers: Sequence[str]
) -> str | None:
    """How whole numbers are known to be given out and not measured; None where they may be."""
    widths = {len(one) for one in numbers}
    if len(widths) == 1 and max(widths) > 2 and any(one[0] == "0" for one in numbers):
        return "numbers with zeros before them, another for each person"
    pairs = {(rows.subjects[place], int(re.match(r"\d+", said[place])[0])) for place in held}  # type: ignore[index]
    drawn = np.sort([number for _, number in pairs]).astype(float)
    if len({who for who, _ in pairs}) < MIN_PEOPLE:
        return None
    if _never_meet(drawn) or _are_flat(drawn):
        return "numbers that nobody measured, another for each person"
    if _follow(said, held, rows):
        return "numbers in the order of the recordings, another for each person"
    return None


def _never_meet(drawn: NDArray[np.float64]) -> bool:
    """Whether numbers are the same more rarely than those that are near one another are apart by
    one: of measurements as many pairs would be equal, half of the pairs at each small distance.
    """
    widest = max(int(np.ptp(drawn)) // 10, 1)
    near = np.searchsorted(drawn, drawn + widest, side="right")
    equal = np.searchsorted(drawn, drawn, side="right")
    places = np.arange(1, len(drawn) + 1)
    met = int((equal - places).sum())
    expected = float((near - equal).sum()) / (2 * widest)
    from scipy.stats import poisson

    return bool(poisson.cdf(met, expected) < _LEVEL)


def _are_flat(drawn: NDArray[np.float64]) -> bool:
    """Whether numbers lie evenly over all of so many figures, to both ends."""
    figures = len(f"{drawn[-1]:.0f}")
    if len(drawn) < _SPREAD_OF or figures < 4:
        return False
    from scipy.stats import kstest

    for low in (0.0, 10.0 ** (figures - 1)):
        width = 10.0**figures - low
        to_the_ends = drawn[0] < low + 0.05 * width and drawn[-1] > low + 0.95 * width
        if to_the_ends and kstest((drawn - low) / width, "uniform").pvalue > 0.05:
            return True
    return False


def _follow(said: Sequence[str], held: Sequence[int], rows: Rows) -> bool:
    """Whether numbers rise, or fall, with the days of the recordings."""
    first: dict[str, tuple[float, int]] = {}
    for place in held:
        number = int(re.match(r"\d+", said[place])[0])  # type: ignore[index]
        one = (float(rows.days[place]), number)
        if not np.isnan(one[0]):
            first[rows.subjects[place]] = min(first.get(rows.subjects[place], one), one)
    days, numbers = (
        (np.array(one) for one in zip(*first.values(), strict=True)) if first else ((), ())
    )
    if len(set(days)) < MIN_PEOPLE:
        return False
    from scipy.stats import kendalltau

    found = kendalltau(days, numbers)
    return bool(abs(found.statistic) > _FOLLOWS and found.pvalue < _FOLLOWS_LEVEL)

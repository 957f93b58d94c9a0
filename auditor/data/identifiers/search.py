"""Every identifier of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from auditor.data.identifiers import ages, contacts, dates, keyed, names, numbers
from auditor.data.identifiers.classes import DATE, NAME, RECORD, Hit
from auditor.data.identifiers.judge import judge
from auditor.data.identifiers.vocabulary import is_ordinary

#: Places that the readers name in words of their own, which promise nothing.
_OWN_WORDS = frozenset(
    (
        *("", "file name", "folder name", "header comment", "header record line"),
        *("signal description", "annotation note"),
    )
)
#: What nearly all cells of tables are.
_PLAIN = re.compile(r"[+-]?\d{0,5}(?:[.,]\d*)?(?:[eE][+-]?\d{1,3})?")
#: A row of figures that could be anybody's number.
_BARE = re.compile(
    r"(?<![\w.,/+:-])(?:0\d{5,11}|\d{7,12}|[A-Z]{1,3}\d{6,10})"
    r"(?![\w/]|[.,:-]\d| ?(?:samples|bytes|of)\b)"
)
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,20})[ :=]{1,3}$")

#: A time of day without separators.
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d{1,6})?")


def hits(text: str, where: str = "") -> list[Hit]:
    """The identifiers of a text, in their order, none within another.

    The time it takes grows with the length of the text, whatever stands there: no pattern looks
    further than a bounded number of characters.

    Parameters
    ----------
    where : the place of the text in its file, such as `PatientBirthDate` or `age/dateofbirth`
    """
    if where in _OWN_WORDS and _PLAIN.fullmatch(text):
        return []
    if len(text) <= 200:
        return list(_short(text, where))
    return _found(text, where)


def classes_in(text: str, where: str = "") -> set[str]:
    """The classes of identifier that a text surely holds."""
    return {one.kind for one in hits(text, where) if one.sure}


@lru_cache(maxsize=8192)
def _short(text: str, where: str) -> tuple[Hit, ...]:
    """Headers repeat their lines."""
    return tuple(_found(text, where))


def _found(text: str, where: str) -> list[Hit]:
    beside = keyed.find(text)
    found = list(beside.hits)
    explained = list(beside.explained)
    if where not in _OWN_WORDS:
        if meant := keyed.promised(where):
            found += filter(None, [judge(meant, text)])
            if meant[0].kind == DATE and _CLOCK.fullmatch(text.strip()):
                explained = [(0, len(text))]
        elif keyed.explains(where):
            explained = [(0, len(text))]
    free: list[Hit] = []
    figures = any(map(str.isdigit, text))
    if figures:  # of two that are as long, the first is kept
        free += [*dates.find(text), *numbers.find(text), *ages.find(text)]
    free += [*contacts.find(text), *names.find(text)]
    if figures:
        free += _unexplained(text)
    found += (one for one in free if one.kind == NAME or not _within(one, explained))
    return _apart(found)


def _unexplained(text: str) -> Iterator[Hit]:
    """Figures that could be anybody's number: none of a row, and no word before them says what."""
    for one in _BARE.finditer(text):
        before = _WORD_BEFORE.search(text[max(one.start() - 24, 0) : one.start()])
        if not (before and is_ordinary(before[1])) and not numbers.stands_in_a_row(text, one):
            yield Hit(RECORD, *one.span(), "a number that nothing explains", sure=False)


def _within(hit: Hit, stretches: Iterable[tuple[int, int]]) -> bool:
    return any(start <= hit.start < stop for start, stop in stretches)


def _apart(found: list[Hit]) -> list[Hit]:
    """The hits that overlap no better one: what is sure goes before what is not, then what is
    longer, then what was found first.
    """
    kept: list[Hit] = []
    stop_of: list[Hit] = sorted(
        dict.fromkeys(found), key=lambda one: (not one.sure, one.start - one.stop)
    )
    taken: set[int] = set()
    for one in stop_of:
        places = range(one.start, one.stop)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)

"""What stands beside a key, in a text or in a column: `MRN_00812345`, `Nachname: Lindqvist`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.data.identifiers import dates, names, numbers
from auditor.data.identifiers.classes import (
    DEVICE,
    NAME,
    NATIONAL,
    PHONE,
    PLACE,
    RECORD,
    VEHICLE,
    Hit,
)
from auditor.data.identifiers.judge import judge
from auditor.data.identifiers.vocabulary import (
    Meaning,
    is_ordinary,
    kind_before,
    may_begin,
    meanings,
    plain,
)

#: Between a key and its value; `09:30` and `https://` hold none.
_SIGN = re.compile(r"(?<!\d)[ \t]{0,3}(?::(?!//)|=(?!=))|:(?!//|\d)|[ \t]{0,3}=(?!=)|\t")
_TAGGED = re.compile(r"<([\w:.-]{1,40})>([^<>]{1,80})(?=<|$)")
#: Where a key begins, and where its value ends.
_BEFORE = re.compile(r"[;,\n|{}\"\t=:]|[.!?]\s|\s{2}")
_BEHIND = re.compile(r"[;\n|{}\t]|\s{2}|\"")
_KEY, _VALUE = 64, 96
_RUN = re.compile(r"[^\W\d_]+")
_BETWEEN_WORDS = re.compile(r"[ _./'’-]{1,2}")
#: Between a key without a colon and its value.
_GAP = (
    r"(?:[\s_#.:=,()\[\]\-–°º]{0,3}(?:(?i:n[o°º]|nr|num(?:ber|mer)|is|id)\.?)?[\s_#.:=()\-–]{0,3})"
)
_CODE = re.compile(_GAP + r"([A-Za-z]{0,4}[-/]?\d[\w./-]{2,28}(?: \d{2,8}){0,4})")
_FIGURES = re.compile(_GAP + r"([+(]{0,2}\d[\d\s()./-]{3,22}\d)")
_POSTAL = re.compile(_GAP + r"([A-Z]{0,2}-?\d[\dA-Z]{0,4}(?:[ -]?\d[A-Z\d]{1,3})?)(?!\w)")
_PEOPLE = re.compile(r"\.?[\s:=;|]{1,3}((?:[A-Z][\w'’.-]*)(?:,? [A-Z][\w'’.-]*){0,3})")
_PLATE = re.compile(_GAP + r"([A-Z\d](?:[A-Z\d]|[- ](?=[A-Z\d])){3,18})(?!\w)")
_HASH = re.compile(r" ?[#№]| ?[nN][°º]")
_LONGEST_KEY = 4
#: Parts of a path that say nothing without those above them.
_NEEDS_MORE = frozenset(
    ("value", "extension", "name", "center", "low", "high", "id", "given", "family", "text", "data")
)
#: Figures of the shortest number that a key without a colon may have behind it.
_FEWEST = {PHONE: 5, PLACE: 1, DEVICE: 3, NATIONAL: 6, RECORD: 4, VEHICLE: 1}


@dataclass(frozen=True)
class Found:
    """What keys tell of a text: identifiers, and stretches whose figures are explained."""

    hits: tuple[Hit, ...]
    explained: tuple[tuple[int, int], ...]


def find(text: str) -> Found:
    """Everything that stands beside a key."""
    hits: list[Hit] = []
    explained: list[tuple[int, int]] = []
    for key, start, stop in _pairs(text):
        meant = meanings(key)
        if hit := judge(meant, text[start:stop]):
            hits.append(hit._replace(start=start + hit.start, stop=start + hit.stop))
        elif not meant and is_ordinary(key):
            explained.append((start, stop))
    hits += _behind_words(text)
    return Found(tuple(hits), tuple(explained))


def _pairs(text: str) -> Iterator[tuple[str, int, int]]:
    """(key, start, stop): each key of a text, and where its value stands."""
    signs = [one for one in _SIGN.finditer(text) if one[0].strip(" ") or one[0] == "\t"]
    for place, sign in enumerate(signs):
        low = max(sign.start() - _KEY, signs[place - 1].end() if place else 0, 0)
        key = text[low : sign.start()].rstrip(" \"'>)]")
        key = key[max((cut.end() for cut in _BEFORE.finditer(key)), default=0) :]
        if "/" in key and " " not in key:
            key = key.rpartition("/")[2]  # a path
        key = _HASH.sub(" no", key)
        stop = min(sign.end() + _VALUE, len(text))
        if place + 1 < len(signs) and signs[place + 1].start() < stop:
            stop = signs[place + 1].start()
            # The last word before the next sign is a key.
            cuts = (text.rfind(mark, sign.end(), stop) for mark in " ,\n")
            stop = max(*cuts, sign.end())
        start = sign.end()
        while start < stop and text[start] in " \"'<([":
            start += 1
        if end := _BEHIND.search(text, start, stop):
            stop = end.start()
        if key.strip() and start < stop:
            yield key, start, stop
    if "<" in text:
        yield from ((one[1], *one.span(2)) for one in _TAGGED.finditer(text))


def _behind_words(text: str) -> Iterator[Hit]:
    """What stands behind a key without a colon: `MRN00812345`, `phone 07700 900123`."""
    runs = list(_RUN.finditer(text))
    taken = -1
    for at, run in enumerate(runs):
        if run.start() < taken or not may_begin(plain(run[0])):
            continue
        joined, end, kind, longest = "", run.start(), None, 0
        for other in runs[at : at + _LONGEST_KEY]:
            if joined and not _BETWEEN_WORDS.fullmatch(text[end : other.start()]):
                break
            joined += plain(other[0])
            end = other.end()
            if len(joined) > 40:
                break
            numbered = _HASH.match(text, end)
            if found := kind_before(joined) or (numbered and kind_before(joined + "no")):
                kind, longest = found, end
        if kind and (hit := _value_behind(text, run.start(), longest, kind)):
            taken = hit.stop
            yield hit


def _value_behind(text: str, start: int, end: int, kind: str) -> Hit | None:
    if start and text[start - 1].isdigit():
        return None
    rule = f"the word before it says {kind}"
    if kind == NAME:
        one = _PEOPLE.match(text, end)
        if one and (names.looks_like(one[1]) or len(one[1].split()) > 1):
            return Hit(NAME, *one.span(1), rule, sure=names.looks_like(one[1]))
        return None
    pattern = {PHONE: _FIGURES, PLACE: _POSTAL, VEHICLE: _PLATE}.get(kind, _CODE)
    one = pattern.match(text, end)
    if one is None:
        return None
    figures = sum(map(str.isdigit, one[1]))
    if figures < _FEWEST.get(kind, 5) or dates.is_date(one[1], loose=False):
        return None
    sure = kind != NATIONAL or figures >= 8 or numbers.is_number(one[1])
    return Hit(kind, *one.span(1), rule, sure)


def explains(where: str) -> bool:
    """Whether a place in a file explains its figures, such as a gain."""
    return not meanings(where) and is_ordinary(where)


def promised(where: str) -> tuple[Meaning, ...]:
    """What the place of a text in a file promises: `age/dateofbirth`, `PatientID`."""
    parts = re.split(r"[/@>]", where)
    last = " ".join(parts[-3:]) if parts[-1].lower() in _NEEDS_MORE else parts[-1]
    return meanings(last)

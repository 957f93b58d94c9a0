"""What stands beside a key, in a text or in a column: `MRN_00812345`, `Nachname: Lindqvist`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditor.data.identifiers import dates, names, numbers
from auditor.data.identifiers.ages import is_over_89
from auditor.data.identifiers.classes import (
    ACCOUNT,
    AGE_OVER_89,
    BIOMETRIC,
    DATE,
    DEVICE,
    INSURANCE,
    IP,
    MAIL,
    NAME,
    NATIONAL,
    OTHER,
    PHONE,
    PHOTO,
    PLACE,
    RECORD,
    VEHICLE,
    WEB,
    Hit,
)
from auditor.data.identifiers.vocabulary import (
    Meaning,
    is_ordinary,
    is_person,
    kind_before,
    listed,
    may_begin,
    meanings,
    plain,
)
from auditor.data.values import is_missing

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
#: Figures of the shortest number of a class.
_FEWEST = {NATIONAL: 6, INSURANCE: 4, ACCOUNT: 4}
#: Words of keys beside which a name stands and nothing else.
_PROPER = frozenset(
    (
        *("name", "nom", "nombre", "nome", "nam", "namn", "navn", "nimi", "surname", "nachname"),
        *("familienname", "lastname", "firstname", "vorname", "efternamn", "efternavn", "sukunimi"),
        *("lname", "apellidos", "cognome", "achternam", "last", "first", "family", "given"),
    )
)
_PUNCTUATION = " \t'\"’`<>()[]*#-_.,/\\^&"


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
            stop = max(
                text.rfind(" ", sign.end(), stop), text.rfind(",", sign.end(), stop), sign.end()
            )
        start = sign.end()
        while start < stop and text[start] in " \"'<([":
            start += 1
        if end := _BEHIND.search(text, start, stop):
            stop = end.start()
        if key.strip() and start < stop:
            yield key, start, stop
    if "<" in text:
        yield from ((one[1], *one.span(2)) for one in _TAGGED.finditer(text))


def judge(meant: Iterable[Meaning], value: str) -> Hit | None:
    """What a value is of that which its key may promise, and where in it."""
    return next(filter(None, (_judged(one, value) for one in meant)), None)


def _judged(meant: Meaning, value: str) -> Hit | None:
    said = value.strip()
    start = len(value) - len(value.lstrip())
    whole = (start, start + len(said))
    if _is_nothing(said):
        return None
    rule = f"beside a key for a {meant.kind}"
    figures = sum(map(str.isdigit, said))
    letters = sum(map(str.isalpha, said))
    kind, sure = meant.kind, meant.sure
    if is_person(meant):
        return _of_person(said, whole)
    if kind == DATE:
        return Hit(DATE, *whole, rule) if _is_dated(meant, said) else None
    if kind == AGE_OVER_89:
        return Hit(kind, *whole, "an age over 89") if _is_old(said, meant) else None
    if kind == NAME:
        if letters < 2 or figures > letters:
            return Hit(OTHER, *whole, "a number of a person", sure=False) if figures > 2 else None
        if letters > 60 or len(said.split()) > 6:
            return None
        proper = names.looks_like(said) or names.is_written_large(said) or _is_lower_name(said)
        # `PREOP` is an occasion, `MM` are initials.
        shouted = said.isalpha() and said.isupper() and letters > 3 and not _is_lower_name(said)
        ordinary = names.is_ordinary(said) or (shouted and meant.words.isdisjoint(_PROPER))
        return Hit(NAME, *whole, rule, sure and proper and not ordinary)
    if kind == PLACE:
        if not letters + figures or _is_generic(said):
            return None
        return Hit(PLACE, *whole, rule, sure and not (said.isdigit() and figures < 3))
    if kind == PHONE:
        one = re.match(r"[+(]{0,2}\d[\d\s()./-]{3,24}", said)
        return Hit(PHONE, *whole, rule, sure) if one and figures >= 5 else None
    if kind in (MAIL, WEB, IP):
        marked = {
            MAIL: "@" in said,
            WEB: "." in said and letters > 3,
            IP: said.count(".") == 3 or ":" in said,
        }
        return Hit(kind, *whole, rule) if marked[kind] else None
    if kind in (PHOTO, BIOMETRIC):
        return Hit(kind, *whole, rule, sure=letters + figures > 3)
    code = re.match(r"#?[A-Za-z]{0,8}[-_/ ]?[\dA-Za-z][\w./ -]{0,40}", said)
    if code is None or not figures or len(code[0].split()) > 6:
        return None
    first = _first_code(said)
    figures = sum(map(str.isdigit, first))
    if figures < _FEWEST.get(kind, 1):
        return None
    prose = letters > figures + 8
    return Hit(
        kind,
        start,
        start + len(first),
        rule,
        sure and figures >= 2 + (kind != DEVICE) and not prose,
    )


def _first_code(said: str) -> str:
    """A number with its groups, without the words behind it."""
    one = re.match(r"#?[\w./-]{1,40}(?: [\dA-Z][\dA-Z/-]{0,8}(?!\w)){0,5}", said)
    return one[0] if one else said


def _is_nothing(said: str) -> bool:
    """Whether a value says nothing, or that something was taken out."""
    bare = said.strip(_PUNCTUATION).lower()
    return (
        is_missing(said)
        or is_missing(bare)
        or plain(bare) in listed("masked")
        or (len(bare) < 2 and not bare.isdigit())
        or (len(bare) > 2 and len(set(bare)) == 1 and not bare.isdigit())
        or (len(bare) > 1 and not bare.strip("x0 "))
    )


def _is_dated(meant: Meaning, said: str) -> bool:
    loose = not meant.words <= listed("times")
    first = re.match(r"[\w./+: -]{4,40}", said)
    return dates.is_date(said[:64], loose=loose) or bool(
        first and dates.is_date(first[0].split(" ")[0], loose=loose)
    )


def _is_old(said: str, meant: Meaning) -> bool:
    parts = re.split(r"[,;)]|\s{1,2}(?=[A-Z])", said[:64], maxsplit=1)
    return is_over_89(said, meant.name) or is_over_89(parts[0].strip(), meant.name)


def _of_person(said: str, whole: tuple[int, int]) -> Hit | None:
    """What stands beside a bare `Patient:`: a name, a number, or a word about them."""
    bare = said.split("(")[0].strip()
    if names.looks_like(bare):
        return Hit(NAME, whole[0], whole[0] + len(bare), "beside a key for a person")
    words = re.findall(r"[^\W\d_][\w'’-]*", bare)
    large = len(words) in range(2, 5) and all(one[0].isupper() for one in words)
    if large and not any(map(names.is_ordinary, words)) and not any(map(str.isdigit, bare)):
        return Hit(NAME, whole[0], whole[0] + len(bare), "beside a key for a person", sure=False)
    if one := re.match(r"[A-Za-z]{0,4}[-_#]?\d[\w-]{0,20}(?![\w.])", said):
        figures = sum(map(str.isdigit, one[0]))
        sure = figures > 4
        return Hit(RECORD, whole[0], whole[0] + one.end(), "beside a key for a person", sure)
    return None


def _is_lower_name(said: str) -> bool:
    first, last = names.dictionary()
    return any(plain(one) in first or plain(one) in last for one in said.split())


def _is_generic(said: str) -> bool:
    """Whether the words for a place stand for any: a ward's specialty, a wall of the heart."""
    words = [plain(one) for one in re.findall(r"[^\W\d_]+", said)]
    return (
        bool(words)
        and all(one in listed("generic_places") for one in words)
        and not any(map(str.isdigit, said))
    )


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
    rule = f"behind a word for a {kind}"
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
    least = {PHONE: 5, PLACE: 1, DEVICE: 3, NATIONAL: 6, RECORD: 4, VEHICLE: 1}.get(kind, 5)
    if figures < least or dates.is_date(one[1], loose=False):
        return None
    sure = kind != NATIONAL or figures >= 8 or numbers.is_number(one[1])
    return Hit(kind, *one.span(1), rule, sure)


def explains(where: str) -> bool:
    """Whether a place in a file explains its figures, such as a gain."""
    return not meanings(where) and is_ordinary(where)


#: Parts of a path that say nothing without those above them.
_NEEDS_MORE = frozenset(
    ("value", "extension", "name", "center", "low", "high", "id", "given", "family", "text", "data")
)


def promised(where: str) -> tuple[Meaning, ...]:
    """What the place of a text in a file promises: `age/dateofbirth`, `PatientID`."""
    parts = re.split(r"[/@>]", where)
    last = " ".join(parts[-3:]) if parts[-1].lower() in _NEEDS_MORE else parts[-1]
    return meanings(last)

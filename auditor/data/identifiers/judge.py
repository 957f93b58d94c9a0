"""Whether a value is what its key, or its column's name, promises."""

from __future__ import annotations

import re
from collections.abc import Iterable

from auditor.data.identifiers import dates, names
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
    WEB,
    Hit,
)
from auditor.data.identifiers.vocabulary import Meaning, is_person, listed, plain
from auditor.data.values import is_missing

#: Figures of the shortest number of a class, and of one that is sure.
_FEWEST = {NATIONAL: 6, INSURANCE: 4, ACCOUNT: 4}
_SURE_FIGURES, _SURE_OF_DEVICE = 3, 2
#: A name is no longer, nor of more words.
_LONGEST_NAME, _MOST_WORDS = 60, 6
_PUNCTUATION = " \t'\"’`<>()[]*#-_.,/\\^&"
_CODE = re.compile(r"#?[A-Za-z]{0,8}[-_/ ]?[\dA-Za-z][\w./ -]{0,40}")
#: A number with its groups, without the words behind it.
_FIRST_CODE = re.compile(r"#?[\w./-]{1,40}(?: [\dA-Z][\dA-Z/-]{0,8}(?!\w)){0,5}")
_TELEPHONE = re.compile(r"[+(]{0,2}\d[\d\s()./-]{3,24}")
_OF_PERSON = re.compile(r"[A-Za-z]{0,4}[-_#]?\d[\w-]{0,20}(?![\w.])")
_WORDS = re.compile(r"[^\W\d_][\w'’-]*")


def judge(meant: Iterable[Meaning], value: str) -> Hit | None:
    """What a value is of that which its key may promise, and where in it."""
    said = value.strip()
    if _is_nothing(said):
        return None
    start = len(value) - len(value.lstrip())
    for one in meant:
        if hit := _judged(one, said):
            return hit._replace(start=start + hit.start, stop=start + hit.stop)
    return None


def _judged(meant: Meaning, said: str) -> Hit | None:
    if is_person(meant):
        return _of_person(said)
    kind, figures = meant.kind, _figures(said)
    whole = Hit(kind, 0, len(said), f"its key says {kind}", meant.sure)
    if kind == NAME:
        return _name(meant, said, whole)
    if kind in (PHOTO, BIOMETRIC):
        return whole._replace(sure=sum(map(str.isalnum, said)) > 3)
    if kind == PLACE:
        coded = said.isdigit() and figures < _SURE_FIGURES
        if _is_generic(said) or (said.isdigit() and not meant.sure):
            return None
        return whole._replace(sure=meant.sure and not coded)
    holds = {
        DATE: lambda: _is_dated(meant, said),
        AGE_OVER_89: lambda: _is_old(meant, said),
        PHONE: lambda: figures >= 5 and _TELEPHONE.match(said) is not None,
        MAIL: lambda: "@" in said,
        WEB: lambda: "." in said and any(map(str.isalpha, said)),
        IP: lambda: said.count(".") == 3 or ":" in said,
    }
    if kind in holds:
        return whole if holds[kind]() else None
    return _number(meant, said, whole)


def _name(meant: Meaning, said: str, whole: Hit) -> Hit | None:
    bare = said.split("(")[0].rstrip(" ,") or said
    said, whole = bare, whole._replace(stop=len(bare))
    letters, figures = sum(map(str.isalpha, said)), _figures(said)
    if letters < 2 or figures > letters:
        number = whole._replace(kind=OTHER, rule="a number of a person", sure=False)
        return number if figures > 2 else None
    if letters > _LONGEST_NAME or len(said.split()) > _MOST_WORDS:
        return None
    known = names.is_known(said)
    written = known or names.looks_like(said) or names.is_written_large(said)
    # `PREOP` is an occasion, `MM` are initials.
    shouted = said.isalpha() and said.isupper() and letters > 3 and not known
    occasion = shouted and meant.words.isdisjoint(listed("proper"))
    ordinary = names.is_ordinary(said)
    return whole._replace(sure=meant.sure and written and not occasion and not ordinary)


def _number(meant: Meaning, said: str, whole: Hit) -> Hit | None:
    code = _CODE.match(said)
    if code is None or not _figures(said) or len(code[0].split()) > _MOST_WORDS:
        return None
    first = _FIRST_CODE.match(said)
    stop = first.end() if first else len(said)
    figures = _figures(said[:stop])
    if figures < _FEWEST.get(meant.kind, 1):
        return None
    enough = figures >= (_SURE_OF_DEVICE if meant.kind == DEVICE else _SURE_FIGURES)
    prose = sum(map(str.isalpha, said)) > figures + 8
    return whole._replace(stop=stop, sure=meant.sure and enough and not prose)


def _of_person(said: str) -> Hit | None:
    """What stands beside a bare `Patient:`: a name, a number, or a word about them."""
    rule = "its key says a person"
    bare = said.split("(")[0].strip()
    if names.looks_like(bare):
        return Hit(NAME, 0, len(bare), rule)
    words = _WORDS.findall(bare)
    large = len(words) in range(2, 5) and all(one[0].isupper() for one in words)
    if large and not _figures(bare) and not any(map(names.is_ordinary, words)):
        return Hit(NAME, 0, len(bare), rule, sure=False)
    if one := _OF_PERSON.match(said):
        return Hit(RECORD, 0, one.end(), rule, sure=_figures(one[0]) > 4)
    return None


def _figures(text: str) -> int:
    return sum(map(str.isdigit, text))


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
    first = re.match(r"[\w./+:-]{4,40}", said)
    parts = [said[:64], *([first[0]] if first else [])]
    return any(dates.is_date(one, loose=loose) for one in parts)


def _is_old(meant: Meaning, said: str) -> bool:
    parts = re.split(r"[,;)]|\s{1,2}(?=[A-Z])", said[:64], maxsplit=1)
    return any(is_over_89(one.strip(), meant.name) for one in (said, parts[0]))


def _is_generic(said: str) -> bool:
    """Whether the words for a place stand for any: a ward's specialty, a wall of the heart."""
    words = [plain(one) for one in re.findall(r"[^\W\d_]+", said)]
    return not _figures(said) and all(one in listed("generic_places") for one in words)

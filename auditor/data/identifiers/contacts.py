"""Telephones, mails, addresses of networks, streets and postcodes.

Telephone numbers are judged by the numbering plans of `phonenumbers`; a row of figures that only
might be one is not sure, for any gain and sample count would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from auditor.data.identifiers.classes import DEVICE, IP, MAIL, PHONE, PLACE, WEB, Hit
from auditor.data.identifiers.numbers import in_a_row
from auditor.data.identifiers.vocabulary import listed, plain

#: Countries whose national forms are tried.
_REGIONS = ("GB", "DE", "FR", "IT", "NL", "SE", "AT", "CH", "BE", "FI", "BR", "PT", "CN")

_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z\d-]{1,63}\.){1,4}[a-z]{2,24}(?![\w-])", re.IGNORECASE
)
_URL = re.compile(
    r"(?<![a-z])(?:(?:https?|ftp)://|www\.)([\w.-]{3,80})(?::\d{1,5})?(?:/[^\s<>\"']{0,200})?", re.I
)
_IP = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)")
_IP6 = re.compile(r"(?<![\w:])(?:[\da-f]{1,4}:){7}[\da-f]{1,4}(?![\w:])", re.IGNORECASE)
_ABOUT_IP = re.compile(
    r"\b(?:ip|host|address|server|from|adresse|client|remote|gateway|v4|ftp|ssh)\W{0,4}"
    r"(?:addr(?:ess)?|adresse|v4)?\W{0,3}$", re.IGNORECASE
)  # fmt: skip
_MAC = re.compile(r"(?<![\w:-])[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}(?![\w:-])", re.I)

_INTERNATIONAL = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}[\s()./-]{0,3}\d[\d\s()./-]{5,18}\d(?!\d)"
)
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.+/-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w/-]|\.\d)"
)
_NATIONAL = re.compile(
    r"(?<![\w.,:+/-])\(?0\d{1,4}\)?[\s/-]{1,3}\d{2,8}(?:[\s-]\d{2,6}){0,4}(?![\w/-]|[.,:]\d)"
)
_UNIT = re.compile(r"\s?(?:ms|s|mm|mV|µV|uV|Hz|bpm|%|/min)(?![^\W\d_])")
_PAIRS = re.compile(r"(?<![\w.,+/-])\d{2}(?: \d{2}){3}(?![\w/-]| \d|[.,]\d)")
_THREES = re.compile(r"(?<![\w.,+/-])[679]\d{2} \d{3} \d{3}(?![\w/-]| \d|[.,]\d)")
_BRAZILIAN = re.compile(r"(?<![\w.+/-])\(\d{2}\) ?9?\d{4}-\d{4}(?!\w)")

_UK = re.compile(r"(?<![\w.])([A-Z]{1,2})\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?!\w)")
_NL = re.compile(
    r"(?<![\w.,/])[1-9]\d{3} ?(?!SA|SD|SS|MS|HZ|MV|UV|PM|AM)[A-Z]{2}(?= +[A-Z][a-z]{2})"
)
_CITY = re.compile(
    r"(?<![\w.,/-])(?:[A-Z]{1,2}-\d{4,5}|\d{5}(?:-\d{3,4})?),? "
    r"[A-Z][^\W\d_]{2,24}(?:[ -][A-Z]?[^\W\d_]{1,24})?"
)
_SUITE = re.compile(r"(?<!\w)(?:Suite|Apt\.?|Apartment) \d{1,4}(?!\w)")
_STATE = re.compile(
    r"(?<=, )(?:A[KLRZ]|C[AOT]|DC|DE|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|"
    r"RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]) \d{5}(?:-\d{4})?(?![\w-])"
)
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){0,60}")
_NUMBER_AFTER = re.compile(
    r",?\s{1,2}(?:n[°ºr]?\.?\s?)?\d{1,4}(?:[-/]\d{1,4})?(?:\s?[a-zA-Z])?"
    r"(?![\w.%:/]|,\d|\s?(?:ms|mm|mv|hz|bpm|leads?)\b)"
)
_NUMBER_BEFORE = re.compile(r"(?<![\w.,:/-])\d{1,5}(?:\s?(?:bis|ter)|[a-zA-Z])?,?\s{1,2}$")
_NAMED_AFTER = re.compile(
    r"\.?(?:\s(?:de|du|des|del|della|la|le|les|los|las|dei|da|do|das|dos|di|d['’]|l['’])){0,3}"
    r"\s?[A-Z0-9][^\W_]"
)


def find(text: str) -> Iterator[Hit]:
    """Everything by which somebody can be reached or found."""
    if "@" in text:
        for one in _MAIL.finditer(text):
            yield Hit(MAIL, one.start(), one.end(), "a mail address")
    if "://" in text or "www." in text.lower():
        yield from _sites(text)
    if ":" in text or "-" in text:
        for one in _MAC.finditer(text):
            yield Hit(DEVICE, one.start(), one.end(), "a network card's address")
    if any(map(str.isdigit, text)):
        yield from _networks(text)
        yield from _telephones(text)
        yield from _postcodes(text)
        yield from _streets(text)


def _sites(text: str) -> Iterator[Hit]:
    for one in _URL.finditer(text):
        host = one[1].lower()
        if not any(host == site or host.endswith("." + site) for site in listed("standards")):
            yield Hit(WEB, one.start(), one.end(), "an address of the web")


def _networks(text: str) -> Iterator[Hit]:
    for one in _IP.finditer(text):
        if all(int(part) < 256 for part in one[0].split(".")):
            before = text[max(one.start() - 24, 0) : one.start()]
            if _ABOUT_IP.search(before):
                yield Hit(IP, one.start(), one.end(), "an address of a network")
    for one in _IP6.finditer(text):
        yield Hit(IP, one.start(), one.end(), "an address of a network")


def _telephones(text: str) -> Iterator[Hit]:
    if "+" in text or "00" in text:
        for one in _INTERNATIONAL.finditer(text):
            if is_telephone(one[0]):
                yield _phone(one, "a telephone number with its country")
    for one in _NORTH_AMERICAN.finditer(text):
        # With spaces alone it could be three samples.
        clear = any(mark in one[0] for mark in "(.-")
        if not in_a_row(text, one) and not _UNIT.match(text, one.end()):
            yield _phone(one, "a telephone number, North America's form", sure=clear)
    for one in _BRAZILIAN.finditer(text):
        yield _phone(one, "a telephone number, Brazil's form")
    if "0" in text:
        for one in _NATIONAL.finditer(text):
            long = len(_figures(one[0])) in range(8, 13)
            if long and not in_a_row(text, one) and is_telephone(one[0]):
                yield _phone(one, "a telephone number of a numbering plan")
    for pattern in (_PAIRS, _THREES):
        for one in pattern.finditer(text):
            if not in_a_row(text, one):
                yield _phone(one, "figures in a telephone's groups", sure=False)


def _phone(one: re.Match[str], rule: str, sure: bool = True) -> Hit:
    return Hit(PHONE, one.start(), one.end(), rule, sure)


def _figures(text: str) -> str:
    return "".join(filter(str.isdigit, text))


@lru_cache(maxsize=4096)
def is_telephone(text: str) -> bool:
    """Whether a number is one of a numbering plan: the one it names, or one of `_REGIONS`."""
    text = text.strip()
    if text.startswith("00"):
        text = "+" + text[2:]
    if text.startswith("+"):
        return _is_valid(text, None)
    return any(_is_valid(text, region) for region in _REGIONS)


def _is_valid(text: str, region: str | None) -> bool:
    """Whether a number may be one of a country; of its own, where the number names it."""
    import phonenumbers  # its tables are of no use to most commands

    try:
        number = phonenumbers.parse(text.replace("(0)", ""), region)
    except phonenumbers.NumberParseException:
        return False
    if region is None:
        return phonenumbers.is_possible_number(number)
    return phonenumbers.is_valid_number(number)


def _postcodes(text: str) -> Iterator[Hit]:
    for one in _UK.finditer(text):
        if plain(one[1]) in listed("uk_areas"):
            yield Hit(PLACE, one.start(), one.end(), "a postcode of the United Kingdom")
    for one in _NL.finditer(text):
        yield Hit(PLACE, one.start(), one.end(), "a postcode of the Netherlands")
    for one in _STATE.finditer(text):
        yield Hit(PLACE, one.start(), one.end(), "a state and a ZIP code")
    for one in _SUITE.finditer(text):
        yield Hit(PLACE, one.start(), one.end(), "a part of a house")
    for one in _CITY.finditer(text):
        yield Hit(PLACE, one.start(), one.end(), "a postcode and a town", sure=False)


def _streets(text: str) -> Iterator[Hit]:
    """`Elm Road 4`, `12 Elm Road`, `Hauptstraße 12`, `12 rue de la Paix`, `Via Roma 3`."""
    roads = listed("road after") | listed("road before") | listed("road small")
    glued_roads = tuple(listed("road glued"))
    for one in _WORD.finditer(text):
        word = plain(one[0])
        if word not in roads and not word.endswith(glued_roads):
            continue
        rest, before = (
            text[one.end() : one.end() + 48],
            text[max(one.start() - 48, 0) : one.start()],
        )
        glued = one[0][0].isupper() and len(word) > 5 and word.endswith(glued_roads)
        if glued and (after := _NUMBER_AFTER.match(rest)):
            yield Hit(PLACE, one.start(), one.end() + after.end(), "a street and a number")
        elif word in listed("road small") or (word in listed("road after") and one[0][0].isupper()):
            numbered = re.search(
                r"(?<![\w.,/-])\d{1,5}[a-zA-Z]?,? (?:[A-Z][\w'’.-]{1,20} ){1,3}$", before
            )
            named = re.search(r"(?<!\w)[A-Z][\w'’-]{1,20} $", before)
            if numbered:
                start = one.start() - len(before) + numbered.start()
                yield Hit(PLACE, start, one.end(), "a street and a number")
            elif named and len(word) > 2 and (after := _NUMBER_AFTER.match(rest)):
                start = one.start() - len(before) + named.start()
                yield Hit(PLACE, start, one.end() + after.end(), "a street and a number")
        elif word in listed("road before") and (named := _NAMED_AFTER.match(rest)):
            number = _NUMBER_BEFORE.search(before)
            after = re.match(r"[^\n;:]{2,40}?,?\s(?:n[°ºr]?\.?\s?|#)?\d{1,4}(?![\w.%])", rest)
            if number or (after and one[0][0].isupper()):
                start = one.start() - (len(before) - number.start() if number else 0)
                stop = one.end() + (after or named).end()
                yield Hit(PLACE, start, stop, "a street and a number")

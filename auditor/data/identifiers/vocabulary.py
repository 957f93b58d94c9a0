"""What a key or a column's name means, whatever its language and spelling.

`Date of Birth`, `dateOfBirth`, `DATE_OF_BIRTH` and `dateofbirth` are the same words. A class of
identifier is told by phrases, all of whose words stand in the name, and untold by words that make
it something else: a file's name is nobody's.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, product

from auditor.data.identifiers.classes import (
    ACCOUNT,
    DATE,
    DEVICE,
    INSURANCE,
    LICENCE,
    NAME,
    NATIONAL,
    OTHER,
    RECORD,
    VEHICLE,
)
from auditor.resources import package, read_settings

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ł": "l", "ı": "i"})
#: Of a run of letters: `ID`, `Patient`, `name`; in `patientIDNumber` all three forms.
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]")
_RUN = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+|\d+")
#: A key is a few words; what is longer is prose.
_LONGEST, _MOST_WORDS = 96, 8
#: The lists of words.yaml that are no words of keys.
_LISTS = (
    *("masked", "eponyms", "not_names", "titles", "standards", "passed", "also_words"),
    *("particles", "of_eponyms", "uk_areas", "generic_places", "also_units", "truths"),
    *("proper", "digests", "measured"),
)
#: The fewest letters of the parts of a compound of which one is not known.
_LONG_PART = 5
#: Words that say nothing beside others.
_EMPTY = frozenset(
    (
        *("of", "de", "da", "di", "du", "la", "le", "el", "the", "und", "y", "and"),
        *("von", "der", "des", "del", "della", "den"),
    )
)
#: Classes whose values are told by their figures, so that a key of two words needs no colon.
_NUMBERED = frozenset((RECORD, DEVICE, NATIONAL, INSURANCE, ACCOUNT, LICENCE, OTHER, VEHICLE))


@dataclass(frozen=True)
class Meaning:
    """The class of identifier that a name promises.

    Attributes
    ----------
    words : those that say so
    sure : whether they say so by themselves
    name : all of its words, such as the unit of an age
    """

    kind: str
    words: frozenset[str]
    sure: bool = True
    name: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Words:
    """All of words.yaml, as `plain` words."""

    phrases: Mapping[str, tuple[Meaning, ...]]
    bare: Mapping[str, str]
    against: Mapping[str, tuple[frozenset[str], ...]]
    ordinary: frozenset[str]
    known: frozenset[str]
    following: Mapping[str, str]
    starts: frozenset[str]
    lists: Mapping[str, frozenset[str]]


@lru_cache(maxsize=65536)
def plain(word: str) -> str:
    """A word without case and accents, umlauts alike however they are written."""
    word = word.lower()
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word.translate(_PLAIN))
        word = "".join(one for one in decomposed if not unicodedata.combining(one))
    return word.replace("ae", "a").replace("oe", "o").replace("ue", "u")


@lru_cache(maxsize=1)
def _words() -> _Words:
    raw = read_settings(package("data") / "identifiers" / "words.yaml", as_text=True)
    phrases: dict[str, list[Meaning]] = defaultdict(list)
    following: dict[str, str] = {}
    starts: set[str] = set()
    kinds: Mapping[str, Mapping[str, list[str]]] = raw["kinds"]
    for kind, said in kinds.items():
        told = [(phrase, True) for phrase in said.get("alone", ())]
        heads = raw["numbers"] if kind in _NUMBERED else said.get("heads", ())
        pairs = list(product(heads, said.get("of", ())))
        told += [(" ".join(pair), True) for pair in pairs]
        told += [(phrase, False) for phrase in said.get("weak", ())]
        for phrase, sure in told:
            if words := _phrase(phrase):
                phrases[min(words)].append(Meaning(kind, words, sure))
        longer = [one for one, sure in told if sure and (" " in one or len(one) > 4)]
        turned = [" ".join(pair[::-1]) for pair in pairs]
        wanted = [*longer, *turned] if kind in _NUMBERED else turned if kind == NAME else []
        for phrase in (*said.get("next", ()), *wanted):
            following["".join(_plain_words(phrase))] = kind
            starts.update(_plain_words(phrase)[:1])
    against = tuple(map(_phrase, raw["against"]))
    own = {
        kind: tuple(map(_phrase, said["against"]))
        for kind, said in kinds.items()
        if "against" in said
    }
    lists = {name: frozenset(plain(one) for one in raw[name]) for name in _LISTS}
    lists["times"] = frozenset(map(plain, kinds[DATE]["times"]))
    lists["beside"] = frozenset("".join(_plain_words(one)) for one in raw["beside"])
    lists |= {f"road {name}": frozenset(map(plain, ws)) for name, ws in raw["roads"].items()}
    known = frozenset().union(
        *(one.words for each in phrases.values() for one in each),
        *against,
        *(one for each in own.values() for one in each),
        map(plain, raw["ordinary"]),
        *(map(plain, said.get("bare", ())) for said in kinds.values()),
        map(plain, raw["joints"]),
    )
    return _Words(
        {first: tuple(each) for first, each in phrases.items()},
        {plain(word): kind for kind, said in kinds.items() for word in said.get("bare", ())},
        {"": against, **own},
        frozenset("".join(_plain_words(one)) for one in raw["ordinary"]),
        known,
        following,
        frozenset(starts) | following.keys(),
        lists,
    )


def _plain_words(phrase: str) -> list[str]:
    return [plain(one) for one in re.findall(r"[^\W_]+", phrase)]


def _phrase(phrase: str) -> frozenset[str]:
    words = frozenset(_plain_words(phrase))
    return words - _EMPTY or words


def listed(name: str) -> frozenset[str]:
    """A list of words.yaml, such as `eponyms`."""
    return _words().lists[name]


def may_begin(word: str) -> bool:
    """Whether a plain word is the first of a phrase that `kind_before` knows."""
    return word in _words().starts


def kind_before(joined: str) -> str | None:
    """The class of a value that stands behind a phrase without a colon, such as `mrn`."""
    return _words().following.get(joined)


@lru_cache(maxsize=16384)
def words_of(name: str) -> tuple[str, ...]:
    """The plain words of a name: split at what is no letter, at capitals, and where two that are
    known are glued.
    """
    found: list[str] = []
    for run in _RUN.findall(name[:_LONGEST]):
        for part in _LETTERS.findall(run):
            split = [plain(one) for one in _CAMEL.findall(part)] if part.isascii() else []
            known = _words().known
            if not split or not all(one in known for one in split):
                split = _unglued(plain(part)) or split or [plain(part)]
            found += split
    return tuple(found)


def _unglued(word: str) -> list[str] | None:
    """The known words that a word is made of, the fewest; None where it is not.

    Of a long word that only ends in one, as `Krankenhausnummer` in `nummer`, that and the rest.
    """
    known = _words().known
    if word in known:
        return [word]
    best: dict[int, list[str]] = {0: []}
    for stop in range(1, min(len(word), 48) + 1):
        for start in range(max(stop - 24, 0), stop):
            part = word[start:stop]
            if (
                start in best
                and part in known
                and (len(part) > 1 or (part == "s" and stop < len(word)))
            ):
                candidate = [*best[start], part]
                if stop not in best or len(candidate) < len(best[stop]):
                    best[stop] = candidate
    if whole := best.get(len(word)):
        return whole
    if word.endswith("s") and word[:-1] in known:  # `Versicherungs-Nr.`
        return [word[:-1]]
    for start in range(_LONG_PART, len(word) - _LONG_PART + 1):
        if word[start:] in known:
            return [word[:start], word[start:]]
    return None


@lru_cache(maxsize=16384)
def meanings(name: str) -> tuple[Meaning, ...]:
    """The classes of identifier that a key or a column's name may promise, the likeliest first."""
    words = frozenset(words_of(name))
    if not words or len(words) > _MOST_WORDS:
        return ()
    table = _words()
    found: list[Meaning] = []
    for word in words:
        found += (one for one in table.phrases.get(word, ()) if one.words <= words)
    if not (rest := words - _EMPTY) - table.bare.keys():
        found += (Meaning(table.bare[one], rest) for one in rest)
    kept: dict[str, Meaning] = {}
    for one in sorted(found, key=lambda one: (-len(one.words), not one.sure, one.kind)):
        against = table.against.get(one.kind, table.against[""])
        if any(other <= words and not other <= one.words for other in against):
            continue
        # `Medical record number` is none of a person's: what is part of a phrase says no more.
        if not any(one.words < other.words for other in kept.values()):
            kept.setdefault(one.kind, replace(one, name=words))
    # `Patient age` is an age, and nobody's name.
    return tuple(one for one in kept.values() if len(kept) == 1 or not is_person(one))


@lru_cache(maxsize=16384)
def is_ordinary(name: str) -> bool:
    """Whether a key explains the number beside it, such as `gain` or `Dx`."""
    words = words_of(name)
    pairs = ("".join(pair) for pair in pairwise(words))
    table = _words().ordinary
    return any(one in table for one in (*words, *pairs))


def is_person(meant: Meaning) -> bool:
    """Whether a key is a bare `patient`, beside which a name or a number may stand."""
    return meant.kind == RECORD and not meant.sure and len(meant.words) == 1

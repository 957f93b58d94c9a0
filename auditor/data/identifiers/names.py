"""People's names in texts, by what stands beside them and by a dictionary of names.

The dictionary is that of Faker's providers, country by country. Physicians whose names are
signs, methods and devices (Brugada, Holter, Bazett) name no patient, and words of ECG machines that
are names too (Block, Long, White) name nobody; both stand in words.yaml. A name alone is not sure.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from auditor.data.identifiers.classes import NAME, Hit
from auditor.data.identifiers.vocabulary import listed, plain

_PROVIDERS = (
    *("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_PT", "pt_BR"),
    *(
        "sv_SE",
        "da_DK",
        "no_NO",
        "fi_FI",
        "de_AT",
        "de_CH",
        "fr_BE",
        "fr_CH",
        "nl_BE",
        "es_MX",
        "en_IE",
        "pl_PL",
        "cs_CZ",
        "hu_HU",
        "hr_HR",
        "ro_RO",
        "sk_SK",
        "tr_TR",
    ),
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CARET = re.compile(r"(?<![\w^])[^\W\d_][\w'’ -]{0,40}\^[^\W\d_][\w'’^. -]{0,40}")
#: What may join a title or two parts of a name.
_GAP = re.compile(r"\.?[ \t\xa0]{1,2}")
#: Between a first and a last name: an initial, or `van der`.
_JOINT = re.compile(r"[ \xa0]{1,2}((?:[^\W\d_]{1,3}\.? ){0,3})")
#: `Frederick Masoudi, MD`.
_LETTERS_BEHIND = re.compile(
    r"(?<![\w.])([A-ZÀ-Þ][\w'’-]{1,24}(?: [A-ZÀ-Þ][\w.'’-]{0,24}){1,3}),? "
    r"(?:M\.?D|D\.?O|Ph\.?D|R\.?N|M\.?B\.?B\.?S|FACC|FESC|FRCP|M\.?Sc|MFA|PA-C|CNP|NP)\b"
)
_MOST_WORDS = 4


@lru_cache(maxsize=1)
def dictionary() -> tuple[frozenset[str], frozenset[str]]:
    """(first names, last names), as plain words."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in _PROVIDERS:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for name in dir(provider):
            into = first if name.startswith("first_name") else last
            if name.startswith(("first_names", "last_names")):
                into.update(plain(part) for one in getattr(provider, name) for part in one.split())
    return frozenset(first - listed("particles")), frozenset(last - listed("particles"))


def find(text: str) -> Iterator[Hit]:
    """Every name of a person; one that nothing but a dictionary tells is not sure."""
    if "^" in text:
        for one in _CARET.finditer(text):
            yield Hit(NAME, one.start(), one.end(), "a name with a caret, as in DICOM")
    for one in _LETTERS_BEHIND.finditer(text):
        yield Hit(NAME, one.start(1), one.end(1), "a name with a degree behind it")
    words = list(_WORD.finditer(text))
    if not any(map(str.isupper, text)) and not any(
        plain(one[0]) in _bare_titles() for one in words
    ):
        return
    taken = -1
    for at, one in enumerate(words):
        if one.start() < taken:
            continue
        if hit := _titled(text, words, at) or _placed(text, words, at) or _known(text, words, at):
            taken = hit.stop
            yield hit


@lru_cache(maxsize=1)
def _bare_titles() -> frozenset[str]:
    return listed("titles") - listed("also_units")


def looks_like(value: str) -> bool:
    """Whether a value, such as `Lindqvist, Ingeborg`, is a name by its form and the dictionary."""
    if "^" in value and _CARET.search(value):
        return True
    words = [one[0] for one in _WORD.finditer(value[:96])]
    if not words or len(words) > 6 or any(map(str.isdigit, value)):
        return False
    first, last = dictionary()
    known = [plain(part) in first or plain(part) in last for one in words for part in _parts(one)]
    ordinary = [_is_no_name(one) for one in words]
    capital = [one[0].isupper() for one in words if plain(one) not in listed("particles")]
    if all(ordinary) or not capital or not all(capital):
        return False
    comma = value.count(",") == 1
    return comma or any(k and not _is_no_name(w) for k, w in zip(known, words, strict=False))


def is_known(value: str) -> bool:
    """Whether a word of a value is in the dictionary."""
    first, last = dictionary()
    return any(plain(one) in first or plain(one) in last for one in value.split())


def is_written_large(value: str) -> bool:
    """Whether the first word that is no `van` or `de` begins with a capital."""
    words = (one[0] for one in _WORD.finditer(value) if plain(one[0]) not in listed("particles"))
    return next(words, "x")[0].isupper()


def is_ordinary(value: str) -> bool:
    """Whether a value is made of words of ECGs that are nobody's name, such as `Automatic`."""
    words = [one[0] for one in _WORD.finditer(value)]
    return all(_is_no_name(one) and not _in_dictionary(one) for one in words)


def _parts(word: str) -> list[str]:
    return [word, *re.split("[-'’]", word)] if not word.isalpha() else [word]


def _is_eponym(word: str) -> bool:
    return any(plain(one) in listed("eponyms") for one in _parts(word))


def _is_no_name(word: str) -> bool:
    """Whether a word is an eponym, or an ordinary word of ECGs, before it is anybody's name."""
    parts = [plain(one) for one in _parts(word)]
    return any(one in listed("eponyms") or one in listed("not_names") for one in parts)


def _titled(text: str, words: Sequence[re.Match[str]], at: int) -> Hit | None:
    """`Dr. Miller`, `Herr Prof. Weber`, `Mme de la Tour`."""
    title = words[at]
    name = plain(title[0])
    if name not in listed("titles"):
        return None
    if name in listed("also_units") and not title[0].istitle():
        return None
    end = _name_from(text, words, at + 1, title.end(), titles=True)
    if end is None:
        return None
    first = words[at + 1]
    dotted = text[title.end() : title.end() + 1] == "."
    known = _in_dictionary(first[0])
    if name in listed("also_units") and not dotted and not known:
        return None
    if is_ordinary(first[0]) or (_is_no_name(first[0]) and not dotted and first[0].isupper()):
        return None
    if first[0].isupper() and len(first[0]) < 4 and not known and not dotted:
        return None
    return Hit(NAME, title.start(), end, "a title and a name")


def _placed(text: str, words: Sequence[re.Match[str]], at: int) -> Hit | None:
    """`Pt Ingeborg Lindqvist`, `confirmed by Miller`."""
    one = words[at]
    if not one[0].isascii() or len(one[0]) > 12:
        return None
    name = plain(one[0])
    previous = plain(words[at - 1][0]) if at else ""
    if name not in listed("beside") and previous + name not in listed("beside"):
        return None
    end = _name_from(text, words, at + 1, one.end())
    if end is None:
        return None
    found = [each[0] for each in words[at + 1 : at + 6] if each.start() < end]
    if any(len(each) > 2 and _in_dictionary(each) and not _is_no_name(each) for each in found):
        return Hit(NAME, words[at + 1].start(), end, "a name beside a word for a person")
    return None


def _known(text: str, words: Sequence[re.Match[str]], at: int) -> Hit | None:
    """By the dictionary: `Ingeborg Lindqvist`, `Lindqvist, Ingeborg`; `Ingeborg` is not sure."""
    one = words[at]
    if not one[0][0].isupper() or len(one[0]) < 2:
        return None
    first, last = dictionary()
    is_first, is_last = (_among(one[0], names) for names in (first, last))
    if not is_first and not is_last and not _shouted_before(text, words, at):
        return None
    # Behind an initial or a `de la`.
    behind = (each for each in words[at + 1 : at + 5] if not _joins(each[0]))
    if (other := next(behind, None)) is None:
        return _lone(one)
    between = text[one.end() : other.start()]
    ordinary = _is_no_name(one[0]), _is_no_name(other[0])
    if other[0][0].isupper() and is_first and (joint := _JOINT.fullmatch(between)):
        clear = not all(ordinary)
        known = _among(other[0], last) or _among(other[0], first)
        sure = clear and (known or (joint[1] != "" and not any(ordinary)))
        named = _among(other[0], last) and not _is_eponym(other[0])
        if sure or named or (not any(ordinary) and _is_word(one[0]) and _is_word(other[0])):
            return Hit(NAME, one.start(), other.end(), "a first and a last name", sure)
    if between in (",", ", ") and other[0][0].isupper():
        given = _among(other[0], first) and not ordinary[1]
        # `MACEK,MACIEJ M`, where one of both is known.
        shouted = between == "," and (one[0] + other[0]).isupper() and len(other[0]) > 2
        if (is_last and given) or (shouted and len(one[0]) > 2 and not all(ordinary)):
            return Hit(NAME, one.start(), other.end(), "a last and a first name")
    return None if plain(other[0]) in listed("of_eponyms") else _lone(one)


def _shouted_before(text: str, words: Sequence[re.Match[str]], at: int) -> bool:
    """Whether a word of no dictionary stands before a first name, as in `MACEK,MACIEJ`."""
    one, other = words[at], words[at + 1] if at + 1 < len(words) else words[at]
    joined = text[one.end() : other.start()] == "," and (one[0] + other[0]).isupper()
    return joined and _among(other[0], dictionary()[0]) and not _is_no_name(other[0])


def _lone(one: re.Match[str]) -> Hit | None:
    if _is_no_name(one[0]) or len(one[0]) < 4 or one[0].isupper():
        return None
    return Hit(NAME, one.start(), one.end(), "a word that is a name", sure=False)


def _joins(word: str) -> bool:
    return len(word) == 1 or plain(word) in listed("particles")


def _is_word(word: str) -> bool:
    return len(word) > 3 and not word.isupper() and word.isalpha()


def _among(word: str, names: frozenset[str]) -> bool:
    return plain(word) in names or (
        "-" in word and all(plain(part) in names for part in word.split("-"))
    )


def _in_dictionary(word: str) -> bool:
    return any(plain(part) in names for part in _parts(word) for names in dictionary())


def _name_from(
    text: str, words: Sequence[re.Match[str]], at: int, end: int, *, titles: bool = False
) -> int | None:
    """Where the capitalised words end that begin there, in one line; None where none does."""
    stop = None
    for one in words[at : at + _MOST_WORDS]:
        between = text[end : one.start()]
        joined = _GAP.fullmatch(between) or (stop and re.fullmatch(r"[,-] ?", between))
        particle = plain(one[0]) in listed("particles") or (
            titles and plain(one[0]) in listed("titles")
        )
        if not joined or not (one[0][0].isupper() or particle):
            break
        end = one.end()
        if one[0][0].isupper() and not (titles and plain(one[0]) in listed("titles")):
            stop = end
    return stop

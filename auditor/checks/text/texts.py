"""What is read in texts about ECGs: numbers, runs of words, identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from auditor.core.target import Floats, WrittenTexts
from auditor.data.identifiers import AGE_OVER_89, DIRECT, classes_in
from auditor.signal.claims import Claim, claims
from auditor.systems.gem.grounding import TOLERANCES
from auditor.targets.texts import FULL

Runs = NDArray[np.int64]

#: A word, or a number; and by so many of the commonest a text is described.
_WORD, _NO_NUMBER, _FEATURES = r"\w+(?:\.\d+)?", r"\b(?:[^\W\d]\w*|\d{4,})\b", 300
#: So many words in a row that stand in two texts are one text that was copied.
WORDS = 8
#: The share of a text's tokens that are looked at, those the model found hardest (Shi et al.,
#: "Detecting Pretraining Data from Large Language Models", ICLR 2024).
_HARDEST = 0.2
#: How far a number may be from what was measured and be its rounding.
_ROUNDED = {"ms": 0.5, "deg": 0.5, "1/min": 0.5, "mV": 0.005}
#: How far it may be where `TOLERANCES` are silent: mV, or as a share of what was measured.
_HEIGHT_MV, _SHARE = 0.025, 0.05

_YEARS = r"(?:years?|yrs?|y)[ -](?:old|of age)\b"
#: What says of a text's person what no measurement does, beside `identifiers.classes_in`.
_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "device",
            r"\b(?:philips|pagewriter|marquette|mac ?(?:\d{3,4}|vu)|schiller|cardiovit|mortara|"
            r"burdick|nihon ?kohden|cardiofax|fukuda|edan|bionet|welch allyn|hellige)\b",
        ),
        (
            "earlier record",
            r"\b(?:unchanged|no (?:\w+ )?changes?|(?:as )?compared|similar|in comparison)\b"
            r"[^.;\n]{0,40}\b(?:previous|prior|last|earlier|before)\b"
            r"|\bsince (?:the )?(?:previous|prior|last|earlier)\b",
        ),
        ("age", rf"\b\d{{1,3}}[ -]?{_YEARS}|\baged?\W{{1,2}}\d{{2,3}}\b"),
    )
)
INDIRECT = ("age", AGE_OVER_89, "earlier record")
CLASSES = (*DIRECT, *INDIRECT)
#: Numbers with their units name nobody, and "ms. In" is no lady.
_QUANTITY = re.compile(r"[-−]?\d+(?:\.\d+)? ?(?:ms|mV|µV|uV|deg|°|1/min|bpm|mm/s|Hz)(?!\w)")


def identifying(text: str) -> set[str]:
    """The classes of identifier that a text holds, by pattern."""
    bare = _QUANTITY.sub("", text)
    return classes_in(bare) | {name for name, pattern in _CLASSES if pattern.search(bare)}


def agreement(one: Claim, measured: Floats) -> NDArray[np.int64]:
    """(n,) 1 where a claim is within tolerance of what was measured (n,), 2 where it is its
    rounding, else 0; a range is no rounding.
    """
    apart = np.abs(one.value - measured)
    reach = np.maximum(_HEIGHT_MV if one.unit == "mV" else 0.0, _SHARE * np.abs(measured))
    if one.unit == "deg":
        apart = np.abs((one.value - measured + 180) % 360 - 180)
    apart = np.maximum(apart - one.reach, 0)
    if one.column in TOLERANCES:
        reach = np.full(len(measured), TOLERANCES[one.column])
    # What is compared was kept in single precision.
    rounded = apart <= _ROUNDED[one.unit] * 1.01 if not one.reach else np.zeros(len(apart), bool)
    return ((apart <= reach) | rounded).astype(np.int64) + rounded


def overlap(told: Runs, own: Runs) -> float:
    """The share of some runs of words that are among others; 0 where there are none."""
    return float(np.isin(told, own).mean()) if len(told) else 0.0


def runs_of(text: str) -> Runs:
    """Every run of eight words of a text, once, as its hash in this process."""
    words = re.findall(_WORD, text.lower())
    starts = range(len(words) - WORDS + 1)
    return np.unique([hash(tuple(words[at : at + WORDS])) for at in starts]).astype(np.int64)


def of_several(texts: list[Runs], subject: NDArray[np.str_]) -> Runs:
    """The runs that stand in texts of two people: what their kind of text says of anybody."""
    _, person = np.unique(subject, return_inverse=True)
    pairs = np.column_stack([np.concatenate(texts), np.repeat(person, list(map(len, texts)))])
    run, n = np.unique(np.unique(pairs, axis=0)[:, 0], return_counts=True)
    return run[n > 1]


def hardest(loss: Floats) -> Floats:
    """(n,) the mean of the largest fifth of each row's values; NaN where it has none."""
    count = (~np.isnan(loss)).sum(axis=1)
    taken = np.maximum(np.ceil(_HARDEST * count).astype(int), 1)
    total = np.nancumsum(-np.sort(-loss, axis=1), axis=1)  # NaN is sorted to the end
    found = np.take_along_axis(total, taken[:, None] - 1, axis=1)[:, 0] / taken
    return np.where(count > 0, found, np.nan)


def no_numbers(texts: WrittenTexts) -> str | None:
    """Why no number that is quoted can be looked at; None when some can."""
    if FULL not in texts.told:
        return "it is not known what the model writes when it is shown all"
    return None if any(map(claims, texts.told[FULL])) else "the texts quote no numbers"


@lru_cache(maxsize=1 << 16)
def numbers_of(text: str) -> frozenset[Claim]:
    """All that a text says was measured."""
    return frozenset(claims(text))


def claimed(texts: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """What texts say was measured as a table (n, m), and its columns; the mean of what a text says
    several times, NaN where it does not.
    """
    rows = [numbers_of(text) for text in texts]
    columns = tuple(sorted({one.column for row in rows for one in row}))
    values = np.full((len(rows), len(columns)), np.nan)
    for at, row in enumerate(rows):
        said: dict[str, list[float]] = {}
        for one in row:
            said.setdefault(one.column, []).append(one.value)
        for column, several in said.items():
            values[at, columns.index(column)] = np.mean(several)
    return columns, values


def words_of(texts: Sequence[str], most: int | None = None) -> csr_array:
    """(n, n_words) which words a text holds, and numbers of four digits and more, for shorter ones
    are measurements; the commonest alone, where there are more.
    """
    words = CountVectorizer(token_pattern=_NO_NUMBER, max_features=most, binary=True)
    try:
        return csr_array(words.fit_transform(texts), dtype=np.float32)
    except ValueError:  # no text holds a word
        return csr_array((len(texts), 0), dtype=np.float32)


def rarity(held: NDArray[np.number], n: int) -> Floats:
    """How much it says of two texts that they share what so many of n hold: the cube of the
    logarithm, for common words come in sentences, and a rare one outweighs all of a sentence.
    """
    return np.asarray(np.log(n / np.clip(held, 1, n)) ** 3, dtype=np.float64)


def features_of(texts: Sequence[str]) -> Floats:
    """(n, k) texts as numbers: what they claim, and which words they are made of."""
    return np.column_stack([claimed(texts)[1], words_of(texts, _FEATURES).toarray()])


def class_sizes(quoted: Sequence[frozenset[Claim]], person: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_people, 2) for each person, the fewest people who share a number of a text of theirs, and
    who have a text with all of its numbers.
    """
    having: dict[Claim, set[int]] = {}
    for row, numbers in enumerate(quoted):
        for one in numbers:
            having.setdefault(one, set()).add(row)

    def people(rows: Iterable[int]) -> int:
        return len(np.unique(person[list(rows)]))

    n_people = int(person.max()) + 1
    alone = {one: people(rows) for one, rows in having.items()}
    together: dict[frozenset[Claim], int] = {frozenset(): n_people}
    for numbers in set(quoted) - together.keys():
        together[numbers] = people(set.intersection(*_rarest_first(numbers, having)))
    found = np.full((n_people, 2), n_people)
    for one, numbers in zip(person, quoted, strict=True):
        sizes = min((alone[number] for number in numbers), default=n_people), together[numbers]
        found[one] = np.minimum(found[one], sizes)
    return found


def _rarest_first(numbers: Iterable[Claim], having: Mapping[Claim, set[int]]) -> Iterator[set[int]]:
    yield from sorted((having[one] for one in numbers), key=len)

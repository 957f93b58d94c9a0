"""Age, sex, date and labels from the dialects in which header comments state them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from auditor.data.values import NotUnderstoodError, age_of, date_of, sex_of

#: No line that states a fact is longer; what is, is free text.
_LONGEST_LINE = 1_000
#: MIT-BIH: `69 M 1085 1629 x1`; −1 is unknown.
_POSITIONAL = re.compile(r"(-?\d{1,3}) +([MF?-]\S{0,10}) +-?\d+ +-?\d+\b")
_AGE = frozenset(("age", "ages", "alter", "edad", "âge", "leeftijd", "ålder", "alder", "idade"))
_SEX = frozenset(("sex", "gender", "geschlecht", "sexe", "sexo", "sesso", "geslacht", "kön", "køn"))
#: Words beside an age or a date that make it one of something else.
_OF_OTHERS = frozenset(
    ("gestational", "bone", "device", "pacemaker", "mother", "father", "birth", "dob")
)
_DATES = frozenset(("date", "datetime", "recorded", "acquired", "datum", "fecha"))
#: Where a second fact begins on a line: `Age: 47  Sex: M`.
_NEXT = re.compile(
    r"[\s;,]+(?=<?(?:age|sex|gender|diagnos[ei]s|medications?)>?\s{0,3}:)", re.IGNORECASE
)
_MONTHS, _DAYS = frozenset(("month", "months")), frozenset(("day", "days"))


@dataclass(frozen=True)
class Facts:
    """What the comments of a header say.

    Attributes
    ----------
    attributes : `age` in years, `age_pooled`, `sex`, where known
    dated : the date as it is written, where its form leaves open what its day is
    unread : the kind of each fact that is stated and not understood
    person : what the file calls the person, as it is written
    """

    attributes: dict[str, object] = field(default_factory=dict)
    taken_at: datetime | None = None
    dated: str = ""
    labels: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    person: str = field(default="", repr=False)


def facts(comments: Iterable[str]) -> Facts:
    """What the comments of a header say of the person, when it was taken, and its labels."""
    known: dict[str, object] = {}
    taken_at: datetime | None = None
    dated = ""
    labels: tuple[str, ...] = ()
    unread: list[str] = []

    def age(value: str, unit: str = "") -> None:
        try:
            if (found := age_of(value, unit)) is not None:
                known.update({"age": found.years} | ({"age_pooled": True} if found.pooled else {}))
        except NotUnderstoodError:
            unread.append("age")

    def sex(value: str) -> None:
        try:
            if found := sex_of(value):
                known["sex"] = found
        except NotUnderstoodError:
            unread.append("sex")

    for line in _lines(comments):
        if positional := _POSITIONAL.match(line):
            age(positional[1])
            sex(positional[2])
            continue
        key, colon, value = line.partition(":")
        words = frozenset(re.findall(r"[^\W\d_]+", key.lower()))
        if not colon or len(key) > 60 or not words:
            continue
        value = value.strip()
        if key.strip().lower() == "dx":
            labels = tuple(part.strip() for part in value.split(",") if part.strip())
        elif words & _OF_OTHERS:
            continue
        elif words & _AGE:
            age(value, "months" if words & _MONTHS else "days" if words & _DAYS else "")
        elif words & _SEX:
            sex(value)
        elif words & _DATES:
            try:
                taken_at = date_of(value) or taken_at
            except NotUnderstoodError:
                dated = value
    return Facts(known, taken_at, "" if taken_at else dated, labels, tuple(unread))


def _lines(comments: Iterable[str]) -> Iterator[str]:
    """One fact a line."""
    for comment in comments:
        if len(comment) <= _LONGEST_LINE:
            yield from (part.lstrip("# \t<") for part in _NEXT.split(comment))

"""Age, sex, date and labels from the dialects in which header comments state them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime

#: `Age: 25`, `# Age: 74`, `<age>: 51`, `age: 81`.
_KEYED = re.compile(r"^[\s#<]*([A-Za-z][\w ]*?)\s*>?\s*:\s*(.*?)\s*$")
#: MIT-BIH: `69 M 1085 1629 x1`; −1 is unknown.
_POSITIONAL = re.compile(r"^[\s#]*(-?\d+)\s+([MF?-]\S*)\s+-?\d+\s+-?\d+")
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d-%b-%Y", "%d-%b-%Y %H:%M:%S")
_DATE_KEYS = ("ecg date", "recording date", "date")


def attributes(
    comments: Iterable[str],
) -> tuple[dict[str, object], datetime | None, tuple[str, ...]]:
    """What the comments of a header say of the person, when it was taken, and its labels."""
    known: dict[str, object] = {}
    taken_at: datetime | None = None
    labels: tuple[str, ...] = ()
    for comment in comments:
        if positional := _POSITIONAL.match(comment):
            known |= age_of(positional[1]) | sex_of(positional[2])
        elif keyed := _KEYED.match(comment):
            key, value = keyed[1].lower(), keyed[2]
            if key == "age":
                known |= age_of(value)
            elif key in ("sex", "gender"):
                known |= sex_of(value)
            elif key in _DATE_KEYS:
                taken_at = date_of(value) or taken_at
            elif key == "dx":
                labels = tuple(part.strip() for part in value.split(",") if part.strip())
    return known, taken_at, labels


def age_of(value: object) -> dict[str, object]:
    """`age` in years, where it is one; ages that a data set pools (300, >89) are 90 and pooled."""
    text = str(value).strip()
    if text.startswith(">"):
        return {"age": 90.0, "age_pooled": True}
    try:
        years = float(text)
    except ValueError:
        return {}
    if math.isnan(years) or years < 0 or years > 300:
        return {}
    if years == 300:
        return {"age": 90.0, "age_pooled": True}
    return {"age": years} if years <= 120 else {}


def sex_of(value: object) -> dict[str, object]:
    """`sex` as female or male, where it is one of them."""
    text = str(value).strip().lower()
    for sex, words in (("female", ("f", "female", "w")), ("male", ("m", "male"))):
        if text in words:
            return {"sex": sex}
    return {}


def date_of(value: object) -> datetime | None:
    """A date in one of the ways in which headers and tables write it."""
    text = str(value).strip()
    for form in _DATES:
        try:
            day = datetime.strptime(text, form)
        except ValueError:
            continue
        # Nobody had an ECG before Einthoven; shifted dates may lie far ahead.
        return day if day.year >= 1887 else None
    return None

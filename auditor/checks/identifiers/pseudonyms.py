"""Pseudonyms that tell of the people they stand for.

A name that is computed from a number or a date can be computed again by whoever tries them all;
one that is only written otherwise can be read; numbers that follow the day of the first recording
tell that day (45 CFR 164.514(c): a code must not be derived from what is known of the person).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import chain

import pandas as pd

from auditor.core.evidence import MIN_PEOPLE
from auditor.data.identifiers.classes import DATE, OTHER, Hit

#: Of the names, so many have to be of one making.
_SHARE = 0.9
#: Numbers that are tried, plain and with zeros before them; days likewise.
_NUMBERS, _WIDTHS = 1_000_000, (6, 7, 8)
_FIRST_DAY, _DAYS = date(1900, 1, 1), 50_000
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_READABLE = re.compile(r"[\w .,:/@+-]{5,}", re.ASCII)
#: Kendall's τ of numbers and days beyond which one follows the other.
_FOLLOWS, _LEVEL = 0.5, 1e-4


def derived(manifest: pd.DataFrame) -> Iterator[tuple[Hit, list[str]]]:
    """What pseudonyms tell, and whose.

    Parameters
    ----------
    manifest : columns `subject`, `subject_known`, `taken_at`
    """
    known = manifest[manifest["subject_known"].astype(bool)]
    subjects = known["subject"].astype(str).drop_duplicates().tolist()
    if len(subjects) < MIN_PEOPLE:
        return
    if guessed := _guessed(subjects):
        rule = "a hash of a number or a date, without a secret"
        yield Hit(OTHER, 0, 0, rule), guessed
    elif len(read := [one for one in subjects if _decoded(one)]) >= _SHARE * len(subjects):
        yield Hit(OTHER, 0, 0, "base64 or hexadecimal of a text that can be read"), read
    if _follow_days(known):
        rule = "numbers in the order of the first recordings"
        yield Hit(DATE, 0, 0, rule, sure=False), subjects


def _guessed(subjects: Sequence[str]) -> list[str]:
    """The names that are the digest of a number below a million or of a day."""
    hashed = {one.lower(): one for one in subjects if _HEX.fullmatch(one)}
    if len(hashed) < _SHARE * len(subjects):
        return []
    found: list[str] = []
    for length, name in _DIGESTS.items():
        wanted = {one for one in hashed if len(one) == length}
        if not wanted:
            continue
        for text in _tried():
            digest = hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
            if digest in wanted:
                found.append(hashed[digest])
                wanted.remove(digest)
                if not wanted:
                    break
    return found


def _tried() -> Iterable[str]:
    days = (_FIRST_DAY + timedelta(days=n) for n in range(_DAYS))
    forms = ("%Y-%m-%d", "%Y%m%d", "%d%m%Y", "%d.%m.%Y", "%m/%d/%Y")
    numbers = range(_NUMBERS)
    padded = (f"{n:0{width}d}" for width in _WIDTHS for n in range(min(_NUMBERS, 10**width)))
    return chain(map(str, numbers), padded, (day.strftime(form) for day in days for form in forms))


def _decoded(name: str) -> bool:
    """Whether a name is a readable text, written otherwise."""
    if len(name) < 8 or name.isdigit():
        return False
    texts = []
    with suppress(binascii.Error, ValueError):
        texts.append(base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True))
    if len(name) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", name):
        texts.append(bytes.fromhex(name))
    return any(
        text.isascii() and _READABLE.fullmatch(text.decode("ascii")) is not None for text in texts
    )


def _follow_days(known: pd.DataFrame) -> bool:
    """Whether the numbers in people's names rise, or fall, with the day of the first recording."""
    days = pd.to_datetime(known["taken_at"]).groupby(known["subject"].astype(str)).min().dropna()
    numbers = days.index.to_series().str.extract(r"(\d+)\D*$")[0]
    has = numbers.notna()
    if has.sum() < max(MIN_PEOPLE, _SHARE * len(days)) or days[has].nunique() < MIN_PEOPLE:
        return False
    # Who has all of it does not wait for it where nothing is dated.
    from scipy.stats import kendalltau

    ranks = numbers[has].astype(float).rank()
    found = kendalltau(ranks, days[has].astype("int64").to_numpy())
    return bool(abs(found.statistic) > _FOLLOWS and found.pvalue < _LEVEL)

"""ISHNE Holter recordings, through ecgdatakit; codes and dates are read where they stand."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, READERS
from auditor.data.readers.comments import Facts
from auditor.data.readers.devices import (
    MOST_BYTES,
    Format,
    Head,
    Taken,
    day,
    decoded,
    facts_of,
    parsed,
    printable,
    taken_from,
)

_HEADER = 522
#: Where the texts of the header stand, and how long they are.
_TEXTS = {
    **{"first name": (28, 40), "last name": (68, 40), "patient id": (108, 20)},
    **{"recorder": (232, 40), "proprietary": (274, 80), "copyright": (354, 80)},
    "reserved": (434, 88),
}
_SEXES = {0: "", 1: "male", 2: "female"}
#: What a recorder writes while an electrode is off.
_FAULT = -32768


def _taken(path: Path) -> Taken:
    head = _head(path)
    if (path.stat().st_size - len(head)) // 2 > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    record, notes = parsed("ishne_holter.ISHNEHolterParser", path)
    for lead in record.leads:
        lead.samples[lead.samples == _FAULT] = np.nan
    rates = [Fraction(one.sampling_rate) for one in record.leads]
    return taken_from(record.leads, rates, facts=_facts(head), defects=notes)


def _head(path: Path) -> bytes:
    """All that stands before the samples."""
    with path.open("rb") as opened:
        head = opened.read(_HEADER)
        if len(head) < _HEADER:
            raise DataError("is shorter than it states, or its sizes disagree")
        (comments,) = struct.unpack_from("<i", head, 10)
        return head + opened.read(min(max(comments, 0), 1_000_000))


def _days(head: bytes) -> tuple[str, str]:
    """The dates of birth and of the recording."""
    birth, taken = (struct.unpack_from("<3h", head, at) for at in (132, 138))
    return day(*birth[::-1]), day(*taken[::-1])


def _facts(head: bytes) -> Facts:
    born, taken = _days(head)
    (sex,) = struct.unpack_from("<h", head, 128)
    hour, minute, second = struct.unpack_from("<3h", head, 150)
    clock = f" {hour:02d}:{minute:02d}:{second:02d}" if min(hour, minute, second) >= 0 else ""
    at, length = _TEXTS["patient id"]
    return facts_of(
        person=decoded(head[at : at + length].partition(b"\x00")[0], "latin-1"),
        sex=_SEXES.get(sex, f"code {sex}"),
        born=born,
        taken=[f"{taken}{clock}" if taken else ""],
    )


def _told(path: Path) -> list[tuple[str, str]]:
    head = _head(path)
    born, taken = _days(head)
    fields = [
        # What is left of a longer text that stood there before is told too.
        (where, decoded(head[at : at + length], "latin-1").replace("\x00", " "))
        for where, (at, length) in _TEXTS.items()
    ]
    comments = [("comments", text) for text in printable(head[_HEADER:])]
    return [*fields, ("birth date", born), ("recording date", taken), *comments]


def _is_ishne(head: Head) -> bool:
    return head.start.startswith(b"ISHNE1.0")


READERS.register("ishne")(
    Format("ISHNE Holter recordings (.ecg)", (".ecg",), _is_ishne, _taken, _told, MOST_BYTES)
)

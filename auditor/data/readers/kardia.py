"""AliveCor Kardia recordings as JSON, through ecgdatakit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from auditor.core.errors import DataError
from auditor.data.readers.base import READERS
from auditor.data.readers.devices import (
    Format,
    Head,
    Taken,
    facts_of,
    parsed,
    taken_from,
)

_MAX_BYTES = 32_000_000
_KEYS = (
    *(b"recordedAt", b"algorithmDetermination", b"patientID", b"amplitudeResolution"),
    *(b"mainsFrequency", b"data12L", b"leadI", b"qtMeasurement"),
)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        raise DataError("is no whole JSON document") from None
    if not isinstance(document, dict):
        raise DataError("holds no recording")
    return document


def _taken(path: Path) -> Taken:
    document = _document(path)
    if "data12L" in document:
        raise DataError("is of 12 leads, of which the format states no resolution")
    record, notes = parsed("alivecor_kardia.AliveCorKardiaParser", path)
    fs = Fraction(str(document["data"]["raw"]["frequency"]))
    # A time stands with its zone, and is that of where the recording was made.
    taken = re.sub(r"(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$", "", str(document.get("recordedAt") or ""))
    facts = facts_of(
        person=str(document.get("patientID") or ""),
        ages=[(str(document.get("patientAge") or document.get("age") or ""), "")],
        sex=str(document.get("patientSex") or document.get("sex") or ""),
        taken=[taken],
    )
    return taken_from(record.leads, [fs] * len(record.leads), facts=facts, defects=notes)


def _told(path: Path) -> list[tuple[str, str]]:
    document = _document(path)
    data = document.get("data")
    for block in data.values() if isinstance(data, dict) else ():
        if isinstance(block, dict):
            block.pop("samples", None)
    return list(_strings(document))


def _strings(value: object) -> Iterator[tuple[str, str]]:
    """(where, text) of every text and number in lists and dicts within one another."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        place, one = waiting.pop()
        if isinstance(one, dict):
            waiting += [(f"{place}/{key}".strip("/"), inner) for key, inner in one.items()]
        elif isinstance(one, list):
            waiting += [(place, inner) for inner in one]
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            yield place, str(one)


def _is_kardia(head: Head) -> bool:
    start = head.start.lstrip(b"\xef\xbb\xbf \t\r\n")
    keys = [one for one in _KEYS if b'"' + one + b'"' in start]
    return start.startswith(b"{") and len(keys) >= 2


READERS.register("kardia")(
    Format("AliveCor Kardia recordings (.json)", (".json",), _is_kardia, _taken, _told, _MAX_BYTES)
)

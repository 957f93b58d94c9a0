"""AliveCor Kardia recordings: a document of its own, with the samples as they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from auditor.core.errors import DataError
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Task

#: What a block of samples says of them, in numbers.
_NUMBERS = ("frequency", "mainsFrequency", "amplitudeResolution", "gain", "numLeads")
#: Names of blocks and of leads, and what a recorder determines.
_LEAD = re.compile(r"lead(?:I{1,3}|AVR|AVL|AVF|V[1-6])", re.IGNORECASE)
_KNOWN = frozenset(
    {
        *(
            "normal",
            "afib",
            "unclassified",
            "bradycardia",
            "tachycardia",
            "unreadable",
            "no_analysis",
        ),
        *("sinus_rhythm", "sinus_rhythm_with_premature_ventricular_contractions", "wide_qrs"),
    }
)


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    said = task.said
    try:
        old = json.loads(task.path.read_bytes())
        held = {name: old["data"].get(name) for name in ("raw", "enhanced")}
        blocks = {name: _block(one) for name, one in held.items() if one}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError("holds no recording that is understood") from None
    new: dict[str, Any] = {
        "recordedAt": said.when("%Y-%m-%dT00:00:00Z") or None,
        "patientID": said.subject,
    }
    new |= {"patientAge": said.age} if said.age is not None else {}
    new |= {"patientSex": said.sex} if said.sex is not None else {}
    if old.get("algorithmDetermination") in _KNOWN:
        new["algorithmDetermination"] = old["algorithmDetermination"]
    if isinstance(old.get("duration"), int | float):
        new["duration"] = old["duration"]
    count["fields about people and recordings"] += len(old.keys() - {*new, "data"})
    yield Piece(said.name, [json.dumps({**new, "data": blocks}).encode("ascii")])


def _block(block: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: block[name]
        for name in _NUMBERS
        if isinstance(block.get(name), int | float) and not isinstance(block[name], bool)
    }
    samples = block["samples"]
    kept["samples"] = {
        lead: values
        for lead, values in samples.items()
        if _LEAD.fullmatch(lead) and all(isinstance(one, int | float) for one in values)
    }
    return kept


CLEANERS.register("kardia")(Cleaner(_pieces, ".json"))

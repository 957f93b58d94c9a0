"""Samples that auditor.yaml describes, of any family: as NumPy arrays of the same numbers.

An array of the copy holds a column for each lead, in the type and the step of the original, and
nothing beside; the copy's auditor.yaml says of all of them what the original's said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np

from auditor.core.errors import DataError
from auditor.data.readers.samples import FAMILIES, SampleFiles, SamplesRule
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Task, signal_name

#: The family of the copy.
FAMILY = "numpy"


def rule_of(old: SamplesRule, names: Sequence[str], count: Counter[str]) -> SamplesRule:
    """What a copy says of its arrays."""
    leads: list[str] = []
    for place, name in enumerate(names, 1):
        lead = signal_name(name, place, count) or f"ch{place}"
        leads.append(f"ch{place}" if lead in leads else lead)
    return SamplesRule(files=("*.npy",), fs=old.fs, unit=old.unit, leads=tuple(leads))


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    reader, new = task.reader, task.samples
    assert isinstance(reader, SampleFiles)
    lines, names = reader.lines(task.root, task.record)
    if new is None or rule_of(reader.rule, names, Counter()).leads != new.leads:
        raise DataError("has other leads than the first: one copy has one list of them")
    count["texts and arrays beside the signal"] += len(reader.texts(task.root, task.record)) - 1
    held = BytesIO()
    np.save(held, np.ascontiguousarray(lines.T), allow_pickle=False)
    yield Piece(task.said.name, [held.getvalue()])


for _name in FAMILIES:
    CLEANERS.register(_name)(Cleaner(_pieces, ".npy"))

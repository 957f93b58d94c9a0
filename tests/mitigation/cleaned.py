"""A copy that `clean` wrote, and its original, as tests of it compare them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.checks.identifiers.check import Identifiers
from auditor.data.dataset import Dataset
from auditor.data.readers import READERS, Read
from auditor.engine import engine
from auditor.mitigation.cleaning.key import Key
from auditor.mitigation.copy import Copied, clean
from auditor.targets.context import Context
from auditor.targets.release import Release

KEY = Key(bytes(range(32)))


def cleaned(root: Path, out: Path, key: Key = KEY, **how) -> Copied:
    with engine() as workers:
        return clean(Release.open(root, workers, flags=how.pop("flags", None)), out, key, **how)


def opened(root: Path) -> Dataset:
    with engine() as workers:
        return Release.open(root, workers).dataset


def identifiers(root: Path, *, sure: bool = True) -> dict[str, int]:
    """Classes and places of identifiers that the check finds, and of how many people."""
    with engine() as workers:
        context = Context(Release.open(root, workers), "cpu", 0, None)
        found = Identifiers().attack(context, np.random.default_rng(0))
    return {
        f"{kind}/{where}": int(those.sum())
        for (kind, where, is_sure), those in zip(found.places, found.met.T, strict=True)
        if is_sure == sure
    }


def pairs(root: Path, out: Path, key: Key = KEY) -> Iterator[tuple[str, Read, str, Read]]:
    """Each record of a copy that is of one file or header, beside its original."""
    before, after = opened(root).manifest, opened(out).manifest
    by_name = {name_of(record, key): record for record in before["record"]}
    readers = dict(zip(before["record"], before["reader"], strict=True))
    for row in after.itertuples():
        record = by_name[row.record.rpartition("/")[2].partition(".")[0]]
        assert row.reader == readers[record]
        reader = READERS[row.reader]
        yield record, reader.read(root, record), row.record, reader.read(out, row.record)


def name_of(record: str, key: Key = KEY) -> str:
    return key.name("record", record)


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def everything(root: Path) -> bytes:
    """All names and contents of a folder."""
    return b"\n".join(
        str(path.relative_to(root)).encode() + b"\n" + path.read_bytes() for path in files(root)
    )


def same_signals(one: Read, other: Read) -> bool:
    return one.fs == other.fs and np.array_equal(one.signal, other.signal, equal_nan=True)


def table(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "recordings.csv", dtype=str, keep_default_na=False)

"""What a reader gives, and how it refuses what a hostile file asks of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.record import STANDARD_LEADS
from auditor.core.registry import Registry

#: Samples of all leads together beyond which a record is not opened: a day of 8 leads at 250 Hz.
MAX_SAMPLES = 200_000_000

_KNOWN = (*STANDARD_LEADS, "MLII", "MLIII", "Vx", "Vy", "Vz")
#: Units of voltage, as factors to mV.
MILLIVOLTS = {"mv": 1.0, "v": 1000.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6}


class OutsideError(DataError):
    """A file names another one outside the data set: an attack, or a broken export."""


@dataclass(frozen=True, eq=False)
class Read:
    """What a reader made of one record.

    Attributes
    ----------
    signal : (n_leads, n_samples) float32 mV, NaN where missing
    leads : normalised names
    attributes : `age` in years, `age_pooled`, `sex`, where known
    dated : the date as it is written, where only other records can show which part is the day
    defects : what is wrong with the files, in words that hold no values of a person
    unread : the kind of each value that is there and was not understood, such as "age"
    files, annotations : every file the record was read from, and those of its annotations
    """

    signal: NDArray[np.float32]
    fs: float
    leads: tuple[str, ...]
    taken_at: datetime | None = None
    dated: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    annotations: tuple[Path, ...] = ()


class Reader(Protocol):
    """One file format.

    Attributes
    ----------
    title : what it is, and by which files it is known, for somebody whose folder holds none
    suffixes : of the files that name a record, such as `.hea`
    """

    title: str
    suffixes: tuple[str, ...]

    def find(self, root: Path) -> list[str]:
        """The records under a folder: their paths relative to it, without suffix."""
        ...

    def read(self, root: Path, record: str) -> Read:
        """One record; `DataError` where it cannot be read."""
        ...

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """(where, text) for every free text that travels with a record."""
        ...


READERS: Registry[Reader] = Registry("reader")


def record_suffixes() -> tuple[str, ...]:
    """The suffixes of files that name a record, of every format that is read."""
    return tuple(one for reader in READERS.values() for one in reader.suffixes)


def lead_name(name: str) -> str:
    """A lead's normalised name: `ECG I`, `i` and `lead I` are `I`; unknown names stay."""
    bare = re.sub(r"^(?:ecg|lead)[ _-]+", "", name.strip(), flags=re.IGNORECASE)
    bare = re.sub(r"[ _-]+filtered$", "", bare, flags=re.IGNORECASE)
    known = {lead.lower(): lead for lead in _KNOWN}
    return known.get(bare.lower(), re.sub(r"\s+", "_", bare) or "unnamed")


def inside(root: Path, path: Path, named_by: str) -> Path:
    """A path that a file names, if it lies in the data set."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise OutsideError(
            f"{named_by}: names a file outside the folder {root}; wanted one beside the header; "
            "the release is broken or hostile: export it again"
        )
    return path


def natural(text: str) -> list[tuple[int, int | str]]:
    """A sorting key under which rec_10 comes after rec_9."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]

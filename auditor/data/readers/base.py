"""What a reader gives, and how it refuses what a hostile file asks of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.record import STANDARD_LEADS
from auditor.core.registry import Registry

#: Samples of all leads together beyond which a record is not opened: a day of 8 leads at 250 Hz.
MAX_SAMPLES = 200_000_000

_KNOWN = {
    one.casefold(): one for one in (*STANDARD_LEADS, "MLII", "MLIII", "Vx", "Vy", "Vz", "-aVR")
}
#: Other names of a lead that nothing else is called. VR, VL and VF are the augmented leads too: no
#: digital recorder writes those of before Goldberger.
_SYNONYMS = {"di": "I", "dii": "II", "diii": "III", "vr": "aVR", "vl": "aVL", "vf": "aVF"}
#: What says no more than that a lead follows, without accents, in the languages of exporters.
_LEAD_WORDS = {
    *("ecg", "ekg", "mdc", "lead", "ableitung", "abl", "afleiding", "avledning"),
    *("derivation", "derivacion", "derivacao", "derivazione"),
    *("einthoven", "goldberger", "wilson"),
}
_GLUED = re.compile(r"(?:ecg|ekg|lead)(.+)")
#: Names that are leads where a record has a whole set of them, and no other of their letter. Alone,
#: D3 and C1 may be a recorder's third and first channel (QTDB has D3 beside D4), and C3 and C4 are
#: sites of an EEG.
_SETS = {"D": ("I", "II", "III"), "C": ("V1", "V2", "V3", "V4", "V5", "V6")}


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
    person : what the file calls the person, "" where it does not
    dated : the date as it is written, where only other records can show which part is the day
    defects : what is wrong with the files, in words that hold no values of a person
    unread : the kind of each value that is there and was not understood, such as "age"
    scale : gains, offsets and resolutions of its signals as they are stated, each once
    files, annotations : every file the record was read from, and those of its annotations
    """

    signal: NDArray[np.float32]
    fs: float
    leads: tuple[str, ...]
    taken_at: datetime | None = None
    person: str = field(default="", repr=False)
    dated: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    annotations: tuple[Path, ...] = ()


class Reader(Protocol):
    """One file format.

    Attributes
    ----------
    title : what it is, and by which files it is known, for somebody whose folder holds none
    suffixes : of the files that name a record, such as `.hea`
    by_name : whether records are known by such a suffix, and are called without it; else by what
        their file holds, and are called as it is
    """

    title: str
    suffixes: tuple[str, ...]
    by_name: bool

    def find(self, root: Path) -> list[str]:
        """The records under a folder: their paths relative to it."""
        ...

    def read(self, root: Path, record: str) -> Read:
        """One record; `DataError` where it cannot be read."""
        ...

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """(where, text) for every free text that travels with a record."""
        ...


READERS: Registry[Reader] = Registry("reader")


def record_suffixes() -> tuple[str, ...]:
    """The suffixes by which files are known to name a record, of every format that has such."""
    return tuple(one for reader in READERS.values() if reader.by_name for one in reader.suffixes)


@lru_cache(maxsize=1024)
def lead_name(name: str) -> str:
    """A lead's normalised name: `ECG I`, `i` and `MDC_ECG_LEAD_I` are `I`; unknown names stay."""
    written = unfiltered(unicodedata.normalize("NFKC", name).replace("\N{MINUS SIGN}", "-"))
    bare = re.sub(r"(?<=\w)-(?=\w)", " ", written)
    words = [one for one in re.split(r"[\s_:.()]+", bare.casefold()) if one.strip("-")]
    said = " ".join(one for one in words if _unaccented(one) not in _LEAD_WORDS)
    said = re.sub(r"^(v|av) (?=\w$)", r"\1", said)
    glued = _GLUED.fullmatch(said)
    for one in (said, glued[1] if glued else ""):
        if lead := _KNOWN.get(one) or _SYNONYMS.get(one):
            return lead
    bare = re.sub(r"^(?:ecg|lead)[ _-]+", "", written, flags=re.IGNORECASE)
    return re.sub(r"\s+", "_", bare) or "unnamed"


def lead_names(names: Sequence[str]) -> list[str]:
    """The normalised names of one record's leads.

    `D1`, `D2`, `D3` are `I`, `II`, `III` where all three are there, and `C1` to `C6` are `V1` to
    `V6` where all six are there beside lead `II`.
    """
    leads = [lead_name(name) for name in names]
    for letter, whole in _SETS.items():
        of_letter = {lead for lead in leads if re.fullmatch(rf"{letter}\d+", lead.upper())}
        meant = {f"{letter}{number}": lead for number, lead in enumerate(whole, 1)}
        if {lead.upper() for lead in of_letter} == set(meant) and (letter == "D" or "II" in leads):
            leads = [meant.get(lead.upper(), lead) for lead in leads]
    return leads


def unfiltered(name: str) -> str:
    """A signal's name without the word that says it is the filtered copy of another."""
    whole = name.strip()
    rest = whole[: -len("filtered")] if whole.lower().endswith("filtered") else whole
    bare = rest.rstrip(" _-")
    return whole if bare == rest else bare


def inside(root: Path, path: Path, named_by: str) -> Path:
    """A path that a file names, if it lies in the data set."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise OutsideError(
            f"{named_by}: names a file outside the folder {root}; wanted one beside the header; "
            "the release is broken or hostile: export it again"
        )
    return path


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a path, or a folder that it lies in, is one of some globs."""
    above = [name, *map(str, PurePosixPath(name).parents)]
    return any(fnmatchcase(one, glob.rstrip("/")) for one in above for glob in patterns)


def natural(text: str) -> list[tuple[int, int | str]]:
    """A sorting key under which rec_10 comes after rec_9."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def _unaccented(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    return "".join(one for one in letters if not unicodedata.combining(one))

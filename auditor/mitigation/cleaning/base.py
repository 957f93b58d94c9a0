"""What cleaners have in common: what the copy of a record may say, and how it is handed over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from auditor.core.registry import Registry
from auditor.data.identifiers import hits
from auditor.data.readers.base import Reader, lead_name, unfiltered
from auditor.data.readers.channels import other_kind
from auditor.data.readers.samples import SamplesRule
from auditor.mitigation.cleaning.key import Key

#: Bytes that are handed on at once.
CHUNK = 1 << 20
#: An age beyond is told as one group, 45 CFR 164.514(b)(2)(i)(C).
OLDEST = 89
#: A number, and a word that may be a code.
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{0,12})?(?:[eE][+-]?\d{1,3})?")
_CODE = re.compile(r"[A-Za-z_%][\w.%+/^-]{0,23}")
_LEADS = frozenset(
    {
        *("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "-aVR"),
        *("V7", "V8", "V9", "V3R", "V4R", "V5R", "V6R", "V7R", "V", "MCL1", "MCL", "CM5", "CC5"),
        *("MLII", "MLIII", "MLI", "ML5", "MV2", "D3", "D4", "Vx", "Vy", "Vz", "X", "Y", "Z"),
        *("D1", "D2", "C1", "C2", "C3", "C4", "C5", "C6", "ECG", "ECG1", "ECG2", "mod.V1"),
    }
)
_FOLDED = frozenset(one.casefold() for one in _LEADS)


@dataclass(frozen=True)
class Said:
    """What the copy of a record may say.

    Attributes
    ----------
    name : what the record is called in the copy
    subject, session : pseudonyms
    day : of the recording, moved; None where it is not known
    age : in years; None where it is unknown, over 89, or one of a group
    sex : female or male
    labels : codes alone
    """

    name: str
    subject: str
    session: str
    day: date | None = None
    age: float | None = None
    over_89: bool = False
    sex: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def age_text(self) -> str:
        """The age as a table or a comment writes it."""
        return f">{OLDEST}" if self.over_89 else "" if self.age is None else f"{self.age:g}"

    def when(self, form: str, otherwise: str = "") -> str:
        """The day as `strftime` writes it, with a year of four digits."""
        return self.day.strftime(form) if self.day else otherwise


@dataclass(frozen=True)
class Piece:
    """A file of the copy.

    Attributes
    ----------
    name : its path in the copy
    content : parts behind one another
    """

    name: str
    content: Iterable[bytes]


@dataclass(frozen=True)
class Task:
    """The records that are cleaned at once: one, or all of a file that holds many.

    Attributes
    ----------
    records : what each is called in the release, and what its copy may say
    file : what the file of the records is called in the copy
    annotations : the files of annotations of the one record
    reader : by which records are read
    samples : what the copy says of samples that have no header
    """

    root: Path
    key: Key
    records: tuple[tuple[str, Said], ...]
    file: str
    annotations: tuple[Path, ...] = ()
    reader: Reader | None = None
    samples: SamplesRule | None = None

    @property
    def record(self) -> str:
        """The one record's name in the release."""
        return self.records[0][0]

    @property
    def said(self) -> Said:
        """What the one record's copy may say."""
        return self.records[0][1]

    @property
    def path(self) -> Path:
        """The file that the one record is."""
        return self.root / self.record


@dataclass(frozen=True)
class Cleaner:
    """How records of one format are copied.

    Attributes
    ----------
    pieces : the files of the copy; what is left out of them is added to a count, by what it is
    suffix : of the names of records; "" where records have none
    holds_many : whether a file holds many records, and is written with all of them
    """

    pieces: Callable[[Task, Counter[str]], Iterator[Piece]]
    suffix: str
    holds_many: bool = False


#: By the name of the format's reader. Records of a format that is not here are left out.
CLEANERS: Registry[Cleaner] = Registry("cleaner")


def copied(path: Path, start: int = 0) -> Iterator[bytes]:
    """The bytes of a file, from one on."""
    with path.open("rb") as file:
        file.seek(start)
        while part := file.read(CHUNK):
            yield part


def is_plain(text: str, where: str = "") -> bool:
    """Whether a text is a number or a few codes in which nothing may be an identifier."""
    words = text.split()
    codes = all(_NUMBER.fullmatch(one) or _CODE.fullmatch(one) for one in words)
    return codes and len(words) <= 6 and not hits(text, where)


def signal_name(name: str, place: int, count: Counter[str]) -> str:
    """A signal's name where it is that of a lead, or of what is recorded beside leads; else its
    place.
    """
    stated = " ".join(name.split())
    lead = lead_name(stated)
    if not stated or lead.casefold() in _FOLDED:
        return stated if stated.isascii() else lead
    count["names of signals"] += 1
    filtered = " filtered" if unfiltered(stated) != stated else ""
    return f"{other_kind(stated) or f'ch{place}'}{filtered}"


def labels_of(labels: Sequence[str], count: Counter[str]) -> tuple[str, ...]:
    """The labels that are codes."""
    kept = tuple(one for one in labels if re.fullmatch(r"\d{6,18}", one) or is_plain(one))
    count["labels that are no codes"] += len(labels) - len(kept)
    return kept

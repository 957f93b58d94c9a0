"""Files of samples and nothing else, such as CSV, NumPy and MATLAB, as auditor.yaml describes them.

Such a file says neither at which rate nor in which unit it was recorded, and a table of samples
looks like a table of people: what is not described is no recording. Each family of formats is a
file beside this one; what is signal in the arrays that it gives is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isfinite, prod
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from auditor.core.errors import DataError
from auditor.core.registry import Registry
from auditor.data.readers.base import MAX_SAMPLES, Read, inside, matches, natural
from auditor.data.readers.comments import facts
from auditor.data.readers.devices import (
    Taken,
    Trace,
    files_of,
    in_millivolts,
    in_plain_words,
)
from auditor.data.readers.units import millivolts
from auditor.data.rules import Names, Part
from auditor.resources import shown

#: What a file may hold, unpacked, bytes: all that is not read piece by piece.
MOST_UNPACKED = 200_000_000
#: Arrays, or texts, of a file; letters of a text; numbers of an array that are told as one.
MOST_ARRAYS, MOST_TEXT, _FEW_NUMBERS = 1_000, 65_536, 16
#: Recordings of a file.
_MOST_ROWS = 5_000_000
#: So many numbers in a file are likely samples.
_MANY = 1_000
#: Steps that show whether a line of numbers counts.
_STEPS = 100
_UNIT = re.compile(r"(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?) +)?(\S.*)")

Array = NDArray[np.generic]
Shape = tuple[int, ...]


class SamplesRule(Part):
    """Which files are samples, and what in them is signal."""

    #: Files, as globs.
    files: Names = Field(min_length=1)
    #: Samples a second.
    fs: float = Field(gt=0, le=1e6)
    #: Of voltage: mV, uV; or the size of a step in it: 4.88 uV.
    unit: str
    #: What a row is: the samples of one moment, a lead, or a recording of one lead.
    rows: Literal["samples", "leads", "records"] = "samples"
    #: Names of the leads in their order; the header's where nothing is said.
    leads: Names = ()
    #: What is no signal: columns (rows, where rows are leads) by name or number from 1; arrays.
    not_signal: Names = ()
    #: Which array is the signal, in a file that has names for them.
    variable: str = ""

    @field_validator("unit")
    @classmethod
    def _is_voltage(cls, value: str) -> str:
        _step(value)
        return value

    @field_validator("leads")
    @classmethod
    def _are_different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a lead is named twice")
        return value

    @model_validator(mode="after")
    def _one_lead_a_row(self) -> SamplesRule:
        if self.rows == "records" and len(self.leads) != 1:
            raise ValueError("rows are records: wanted the name of their one lead under leads")
        return self


@dataclass(frozen=True, eq=False)
class Held:
    """What a file holds.

    Attributes
    ----------
    values : (rows, columns), or (recordings, rows, columns); may be larger than memory
    left_out : numbers, from 1, of columns (rows, where rows are leads) that are no signal
    names : of the lines that are leads; none where the file has no names for them
    said : lines such as `age: 73`
    told : (where, text) of all else that it says
    """

    values: Array
    left_out: Sequence[int] = ()
    names: Sequence[str] = ()
    said: Sequence[str] = ()
    told: Callable[[], list[tuple[str, str]]] = list


class Family(Protocol):
    """Formats that are read alike.

    Attributes
    ----------
    title : what they are, and what their files are called
    is_flat : whether a file holds rows and columns alone
    """

    title: str
    is_flat: bool
    suffixes: tuple[str, ...]

    def known(self, path: Path) -> bool:
        """Whether a file is of the family, by how it begins."""
        ...

    def held(self, path: Path, rule: SamplesRule) -> Held:
        """What a file holds; `DataError` where a rule does not fit it."""
        ...

    def shapes(self, path: Path) -> list[Shape]:
        """The arrays of numbers in a file of which no rule says anything."""
        ...


#: The family of what is of no other.
_REST = "text"
FAMILIES: Registry[Family] = Registry("family of sample files")


@dataclass(eq=False)
class SampleFiles:
    """The reader of one family.

    Attributes
    ----------
    besides : files that are something else, though their names fit the rule
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    rule: SamplesRule
    besides: frozenset[str]
    by_name: bool = False

    def find(self, root: Path) -> list[str]:
        """Every file that the rule names; of one with several recordings, each: `p1.npy/row_0`."""
        found: list[str] = []
        for path, stat in files_of(root):
            file = path.relative_to(root).as_posix()
            if file in self.besides or not matches(file, self.rule.files):
                continue
            if _family(path, stat.st_mtime_ns, stat.st_size) != self.name:
                continue
            if FAMILIES[self.name].is_flat and self.rule.rows != "records":
                found.append(file)
                continue
            try:
                with in_plain_words(path):
                    n = _n_rows(_held(self.name, path, stat.st_mtime_ns, stat.st_size, self.rule))
            except (DataError, MemoryError):
                n = None  # is told when it is read
            found += [file] if n is None else [f"{file}/row_{row}" for row in range(n)]
        return sorted(found, key=natural)

    def read(self, root: Path, record: str) -> Read:
        """One recording, in mV."""
        path, held, lines = self._found(root, record)
        with in_plain_words(path):
            step, unit = _step(self.rule.unit)
            traces = [
                Trace(name, unit, lambda line=line: line.astype(np.float64) * step)  # type: ignore[misc]
                for name, line in zip(_names(held, lines, self.rule), lines, strict=True)
            ]
            known = facts(held.said)
            fs = Fraction(self.rule.fs).limit_denominator(1_000_000)
            taken = Taken(traces, fs, lines.shape[1])
            signal, rate, leads, defects, unread = in_millivolts(path, taken)
        return Read(
            signal,
            rate,
            leads,
            taken_at=known.taken_at,
            dated=known.dated,
            attributes=known.attributes,
            defects=tuple(dict.fromkeys(defects)),
            unread=(*known.unread, *unread),
            files=(path,),
        )

    def lines(self, root: Path, record: str) -> tuple[Array, Sequence[str]]:
        """(n_leads, n_samples) of one recording as they are written, and what each is called."""
        path, held, lines = self._found(root, record)
        with in_plain_words(path):
            return lines, _names(held, lines, self.rule)

    def _found(self, root: Path, record: str) -> tuple[Path, Held, Array]:
        """The file of one recording, what it holds, and the lines that are signal."""
        path, row = _place(root, record)
        with in_plain_words(path):
            held = self._held(path)
            n_rows = _n_rows(held)
            if (row is None) != (n_rows is None) or (row or 0) >= (n_rows or 1):
                raise DataError("is no longer in its file")
            return path, held, _lines(held, row, self.rule)

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """The file's name, and all that is said beside the samples."""
        path, _ = _place(root, record)
        with in_plain_words(path):
            held = self._held(path)
            told = [*(("text in the file", one) for one in held.said), *held.told()]
        flat = [(where, " ".join(text.split())) for where, text in told]
        return [("file name", record), *(one for one in dict.fromkeys(flat) if one[1])]

    def _held(self, path: Path) -> Held:
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}") from None
        return _held(self.name, path, stat.st_mtime_ns, stat.st_size, self.rule)


def sample_readers(rule: SamplesRule | None, besides: frozenset[str]) -> dict[str, SampleFiles]:
    """The readers of what a rule describes, by name; none without one."""
    if rule is None:
        return {}
    return {
        name: SampleFiles(name, one.title, one.suffixes, rule, besides)
        for name, one in FAMILIES.items()
    }


def looks_like_samples(path: Path) -> str:
    """What somebody is told of a file that no rule names and that holds many numbers; else ""."""
    try:
        stat = path.stat()
        family = FAMILIES[_family(path, stat.st_mtime_ns, stat.st_size)]
        with in_plain_words(path):
            shapes = family.shapes(path)
    except (OSError, DataError, MemoryError):
        return ""
    size = max((one for one in shapes if one), key=prod, default=())
    if len(size) not in (1, 2, 3) or prod(size) < _MANY:
        return ""
    whole = (*size, 1)[:2] if len(size) < 3 else size
    counts = [f"{n:,}" for n in whole]
    what = (
        f"{counts[0]} rows x {counts[1]} columns of numbers"
        if len(whole) == 2
        else f"{' x '.join(counts)} numbers"
    )
    return f"it looks like samples: {what}; say so under samples in auditor.yaml"


def chosen(
    arrays: Mapping[str, Array], rule: SamplesRule, said: Sequence[str] = (), **more: Any
) -> Held:
    """What a file holds of arrays: one is the signal; all others of many numbers must be named.

    Raises
    ------
    DataError
        The rule names an array that is not there, or leaves several.
    """
    listed = {name for name in rule.not_signal if not name.isdecimal()}
    left = {
        name: one
        for name, one in arrays.items()
        if (one.size > _FEW_NUMBERS and name not in listed) or name == rule.variable
    }
    if rule.variable and rule.variable not in arrays:
        raise DataError("holds no array of the name that samples: variable in auditor.yaml gives")
    if listed - set(arrays):
        raise DataError("holds no array of a name that samples: not_signal in auditor.yaml gives")
    if not left:
        raise DataError("holds no array of numbers")
    if len(left) > 1 and not rule.variable:
        raise DataError(
            f"holds {len(left)} arrays of numbers: name the signal under samples: variable in "
            "auditor.yaml, and the others under not_signal"
        )
    if len(left) > 1:
        raise DataError(
            f"holds {len(left) - 1} arrays of numbers that auditor.yaml says nothing of: name them "
            "under samples: not_signal"
        )
    ((name, signal),) = left.items()
    numbers = [int(one) for one in rule.not_signal if one.isdecimal()]
    others = {key: one for key, one in arrays.items() if key != name}
    return shaped(signal, numbers, rule, said=[*_as_lines(others), *said], **more)


def shaped(values: Array, left_out: Sequence[int], rule: SamplesRule, **more: Any) -> Held:
    """What a file holds, of two or three dimensions; an array of one is a lead."""
    check(values.shape, rule)
    values = values[:, None] if values.ndim == 1 and rule.rows == "samples" else values
    values = values[None, :] if values.ndim == 1 else values
    n = values.shape[-2 if rule.rows == "leads" else -1]
    if any(not 1 <= number <= n for number in left_out):
        raise DataError("has fewer columns or rows than samples: not_signal in auditor.yaml names")
    if rule.rows == "records":
        values = values[:, None, :]
    return Held(values, left_out, **more)


def check(shape: Shape, rule: SamplesRule) -> None:
    """That an array has an extent that is understood."""
    most = 2 if rule.rows == "records" else 3
    if not 1 <= len(shape) <= most or not all(shape):
        raise DataError(f"holds an array of {len(shape)} dimensions, or an empty one")
    n_rows = shape[0] if len(shape) == 3 or rule.rows == "records" else 1
    if n_rows > _MOST_ROWS:
        raise DataError(f"holds more than {_MOST_ROWS:,} recordings")


def _as_lines(arrays: Mapping[str, Array]) -> list[str]:
    """The few numbers of small arrays, as lines `name: value`."""
    return [
        f"{name}: {' '.join(f'{one:.15g}' for one in values.ravel())}"
        for name, values in arrays.items()
        if values.size <= _FEW_NUMBERS
    ]


def is_numeric(dtype: np.dtype[np.generic]) -> bool:
    """Whether an array of a type may be signal."""
    return dtype.kind in "iuf" and dtype.itemsize <= 8


def _step(unit: str) -> tuple[float, str]:
    """The size of a step, and its unit."""
    said = _UNIT.fullmatch(unit.strip())
    step = float(said[1] or 1) if said else 0.0
    if not said or millivolts(said[2]) is None or not (step > 0 and isfinite(step)):
        raise ValueError(f"seen {shown(unit)}, wanted mV, uV or a step such as 4.88 uV")
    return step, said[2]


@lru_cache(maxsize=200_000)
def _family(path: Path, changed: int, size: int) -> str:
    """The family of a file; looked at once, not once for each."""
    del changed, size
    return next((name for name, one in FAMILIES.items() if one.known(path)), _REST)


@lru_cache(maxsize=1)
def _held(name: str, path: Path, changed: int, size: int, rule: SamplesRule) -> Held:
    """What a file holds; opened once while its recordings are read one after the other."""
    del changed
    if not size:
        raise DataError("is empty")
    return FAMILIES[name].held(path, rule)


def _n_rows(held: Held) -> int | None:
    """How many recordings a file holds; None where it is one."""
    return held.values.shape[0] if held.values.ndim == 3 else None


def _place(root: Path, record: str) -> tuple[Path, int | None]:
    """The file of a recording, and its row in it."""
    file, _, name = record.rpartition("/")
    row = None
    if (numbered := re.fullmatch(r"row_(\d{1,7})", name)) and not (root / record).exists():
        record, row = file, int(numbered[1])
    path = inside(root, root / PurePosixPath(record), "a record")
    if not path.is_file():  # a pipe would be waited for
        raise DataError("is no file")
    return path, row


def _lines(held: Held, row: int | None, rule: SamplesRule) -> Array:
    """(n_leads, n_samples) of one recording."""
    block = held.values if row is None else held.values[row]
    if block.size > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    if places := [number - 1 for number in held.left_out]:
        block = np.delete(block, places, axis=0 if rule.rows == "leads" else 1)
    lines = block.T if rule.rows == "samples" else block
    for line in lines[:64]:
        steps = np.diff(line[: _STEPS + 1].astype(np.float64))
        even = len(steps) == _STEPS and np.ptp(steps) <= 1e-3 * abs(steps[0])
        if even and steps[0]:
            raise DataError(
                "a column or row counts up evenly, as time does: name it under samples: not_signal "
                "in auditor.yaml"
            )
    return lines


def _names(held: Held, lines: Array, rule: SamplesRule) -> Sequence[str]:
    """What each line is called, by the rule or the file."""
    names = rule.leads or tuple(held.names)
    if not names:
        raise DataError("names no leads: name them under samples: leads in auditor.yaml")
    if len(names) != len(lines):
        raise DataError(
            f"holds {len(lines):,} lines of signal where {len(names)} leads are named; see rows, "
            "leads and not_signal under samples in auditor.yaml"
        )
    return names

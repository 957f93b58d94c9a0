"""What the formats of recorders have in common: how their files are found, opened and told.

A file of such a format is a record, and is known by what it holds, whatever it is called. It is
hostile until it is read: it is opened only where it lies in the data set and is of a bounded size,
and whatever its parser raises becomes a reason in plain words, without a word of the file.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from math import gcd, lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, READERS, Read, inside, natural
from auditor.data.readers.channels import channels
from auditor.data.readers.comments import Facts
from auditor.data.readers.headers import Header, Signal
from auditor.data.readers.signals import together
from auditor.data.values import NotUnderstoodError, Order, age_of, date_of, is_missing, sex_of

#: A file is told by its first bytes, and XML by its root, which may stand behind long comments.
_HEAD, _PROLOG = 1024, 65_536
#: A file of samples of two bytes is not opened beyond this.
MOST_BYTES = 2 * MAX_SAMPLES + 16_000_000
#: A header, and what holds its signals.
_WFDB = frozenset((".hea", ".dat", ".mat"))
#: The oldest anybody was, in years.
_OLDEST = 122
#: What stands before the root of XML, without going back over any of it.
_ROOT = re.compile(
    r"(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*+(?:\[.*?\]\s*+)?>)*+"
    r"<(?:[A-Za-z_][\w.-]*+:)?(?P<tag>[A-Za-z_][\w.-]*+)(?P<rest>[^>]*+)>",
    re.DOTALL,
)
#: What a parser objects to, as its messages begin or say it, and in words that hold no value.
_REASONS = (
    (r"entit|external", "declares entities, which are never read"),
    (r"version|Files of type", "is of a version of its format that is not known"),
    (
        r"(?i)increment|sampl(?:e|ing)[ _]?(?:rate|freq|interval|base|unit)",
        "states no sampling frequency that is understood",
    ),
    (r"(?i)no rhythm|no channel|no ecg|no waveform|parsedwaveforms$", "holds no waveform"),
    (r"(?i)holds no |no samples|no data|no digits", "holds no samples"),
    (
        r"(?i)compress|encod|unsupported|not supported|bimodal",
        "holds its waveform in a form that is not read",
    ),
    (
        r"(?i)truncat|ends after|expected|declare|outside|exceed|overrun|whole number|short",
        "is shorter than it states, or its sizes disagree",
    ),
)
#: What a parser notes of a file that it reads all the same.
_NOTES = (
    (r"(?i)crc|checksum", "checksums of the file disagree with what it holds"),
    (r"(?i)truncat|shorter|missing sample|incomplete", "the file is shorter than it states"),
    (
        r"(?i)only the first|additional .* waveform|not loaded|left out|ignored in the",
        "further signals in the file were left out",
    ),
    (r"(?i)not applied", "an offset that its format does not explain was not applied"),
    (r"(?i)default of 1000", "states no sampling frequency: 1000 Hz is taken"),
    (r"(?i)gap", "parts that do not follow one another in time were joined"),
)
#: What is told of them elsewhere, or concerns beats that are not read.
_UNTOLD = re.compile(
    r"(?i)raw (?:adc )?counts|unscaled|uncalibrated|median|repbeats|not an integer"
)


@dataclass(frozen=True)
class Head:
    """How a file begins.

    Attributes
    ----------
    root, attributes : of XML: the name of the outermost element, and what stands in its tag
    """

    start: bytes
    root: str = ""
    attributes: str = ""


@dataclass(frozen=True)
class Trace:
    """One signal of a file.

    Attributes
    ----------
    unit : as stated; "" where none is
    values : in that unit, float64, NaN where missing; asked for only when the signal is a lead
    per_frame : samples to a frame
    scale : how a sample becomes a value, as the file states it
    """

    name: str
    unit: str
    values: Callable[[], NDArray[np.float64]]
    per_frame: int = 1
    scale: str = ""


@dataclass(frozen=True)
class Taken:
    """What a file holds.

    Attributes
    ----------
    fs : of frames, Hz
    n_frames : as many as the longest signal needs
    """

    traces: Sequence[Trace]
    fs: Fraction
    n_frames: int
    facts: Facts = field(default_factory=Facts)
    defects: Sequence[str] = ()


@dataclass(eq=False)
class Format:
    """The reader of one format.

    Attributes
    ----------
    known : whether a file that begins so is of it
    taken : what a file holds
    told : (where, text) for whatever a file says
    max_bytes : beyond which a file is not opened
    """

    title: str
    suffixes: tuple[str, ...]
    known: Callable[[Head], bool]
    taken: Callable[[Path], Taken]
    told: Callable[[Path], list[tuple[str, str]]]
    max_bytes: int
    by_name: bool = False

    def find(self, root: Path) -> list[str]:
        """Every file that holds such a record; linked folders are not entered."""
        found = [
            path.relative_to(root).as_posix()
            for path, stat in files_of(root)
            if _format(path, stat.st_mtime_ns, stat.st_size) is self
        ]
        return sorted(found, key=natural)

    def read(self, root: Path, record: str) -> Read:
        """One record, in mV, with what its file says of the person and what is wrong with it."""
        path = self._opened(root, record)
        with in_plain_words(path):
            taken = self.taken(path)
            signal, fs, leads, defects, unread = in_millivolts(path, taken)
        facts = taken.facts
        return Read(
            signal,
            fs,
            leads,
            taken_at=facts.taken_at,
            person=facts.person,
            dated=facts.dated,
            attributes=facts.attributes,
            defects=tuple(dict.fromkeys([*taken.defects, *defects])),
            unread=(*facts.unread, *unread),
            scale=tuple(sorted({one.scale for one in taken.traces if one.scale})),
            files=(path,),
        )

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """Whatever the file says, each with its place, and the file's name."""
        path = self._opened(root, record)
        with in_plain_words(path):
            told = [(where, " ".join(text.split())) for where, text in self.told(path)]
        return [("file name", record), *(one for one in dict.fromkeys(told) if one[1])]

    def _opened(self, root: Path, record: str) -> Path:
        path = inside(root, root / record, record)
        try:
            if not path.is_file():  # a pipe would be waited for
                raise DataError("is no file")
            if path.stat().st_size > self.max_bytes:
                raise DataError(f"larger than the {self.max_bytes:,} bytes that are opened at once")
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}") from None
        return path


def taken_from(leads: Sequence[Any], rates: Sequence[Fraction], **more: Any) -> Taken:
    """The leads of a record of ecgdatakit, each at its own rate.

    Samples are turned into the unit that the file states here, and into mV with all others.
    """
    if not leads:
        raise DataError("holds no waveform")
    if not all(rate > 0 for rate in rates):
        raise DataError("states no sampling frequency that is understood")
    frames = Fraction(
        gcd(*(rate.numerator for rate in rates)), lcm(*(rate.denominator for rate in rates))
    )
    per_frame = [int(rate / frames) for rate in rates]
    n_frames = max(-(-len(one.samples) // n) for one, n in zip(leads, per_frame, strict=True))
    traces = [
        Trace(
            one.label,
            one.resolution_unit or one.units or one.adc_resolution_unit,
            lambda one=one: one.samples * one.resolution + one.offset,  # type: ignore[misc]
            n,
            f"{one.resolution:g} {one.offset:g}",
        )
        for one, n in zip(leads, per_frame, strict=True)
    ]
    return Taken(traces, frames, n_frames, **more)


def parsed(parser: str, path: Path) -> tuple[Any, list[str]]:
    """A file as a parser of ecgdatakit, `module.Class`, reads it, and what it notes of it, in words
    without values.
    """
    module, _, name = parser.partition(".")
    read = getattr(import_module(f"ecgdatakit.parsing.parsers.{module}"), name)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        record = read().parse(path)
    notes = [str(one.message) for one in caught]
    return record, [
        _said(note, _NOTES, "the file is not as its format asks")
        for note in notes
        if not _UNTOLD.search(note)
    ]


def facts_of(
    *,
    person: str = "",
    ages: Sequence[tuple[str, str]] = (),
    sex: str = "",
    born: str = "",
    taken: Sequence[str] = (),
) -> Facts:
    """What a file says of the person and the day, as far as it is understood.

    Parameters
    ----------
    person : what the file calls them
    ages : with the unit of a bare number; the first that is given holds
    born : the date of birth, which with the date of the recording is the age where none is given
    taken : dates of the recording; the first that is given holds
    """
    known: dict[str, object] = {}
    unread: list[str] = []
    moment, dated = _moment(taken)
    try:
        if found := sex_of(sex):
            known["sex"] = found
    except NotUnderstoodError:
        unread.append("sex")
    for value, unit in ages:
        try:
            if (age := age_of(value, unit)) is not None:
                known.update(age=age.years, age_pooled=age.pooled)
                break
        except NotUnderstoodError:
            unread.append("age")
    if "age" not in known and (moment or dated):
        try:
            if (years := _age_at(born, moment, dated)) is not None:
                known.update(age=years, age_pooled=False)
        except NotUnderstoodError:
            unread.append("age")
    return Facts(known, moment, dated, (), tuple(unread), " ".join(person.split()))


def day(year: int, month: int, number: int) -> str:
    """A date that a file holds as numbers; "" where it holds none."""
    absent = year in (0, -9, 0xFFFF) or (month <= 0 and number <= 0)
    return "" if absent else f"{year:04d}-{month:02d}-{number:02d}"


def printable(data: bytes) -> list[str]:
    """The runs of text in bytes of no known structure."""
    runs = re.findall(rb"(?:[\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3}|[\xc0-\xff])+", data)
    texts = [decoded(run).strip() for run in runs]
    return [text for text in texts if len(re.findall(r"[A-Za-z0-9]", text)) >= 3]


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    """Bytes as text, in which every byte says something."""
    for one in (encoding, "utf-8"):
        try:
            return raw.decode(one)
        except (UnicodeDecodeError, LookupError):
            pass
    return raw.decode("latin-1")


def files_of(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of a folder that may be a record, but for a WFDB header and its signals."""
    home = root.resolve()
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        stems = {file.removesuffix(".hea") for file in files if file.endswith(".hea")}
        for file in files:
            stem, suffix = os.path.splitext(file)
            # Any other file beside a header of its name is looked at: it may say more.
            if file.startswith(".") or (stem in stems and suffix in _WFDB):
                continue
            path = Path(folder, file)
            try:
                if path.is_symlink() and not path.resolve().is_relative_to(home):
                    continue
                if path.is_file():  # a pipe would be waited for
                    yield path, path.stat()
            except (OSError, RuntimeError):
                continue


@lru_cache(maxsize=200_000)
def _format(path: Path, changed: int, size: int) -> Format | None:
    """The format of a file; looked at once, not once for each format."""
    del changed, size
    try:
        with path.open("rb") as opened:
            start = opened.read(_HEAD)
            head = Head(start)
            is_xml = start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00").startswith(b"<")
            if is_xml and (found := _ROOT.match(_as_text(start + opened.read(_PROLOG)))):
                head = Head(start, found["tag"], found["rest"])
    except OSError:
        return None
    formats = (one for one in READERS.values() if isinstance(one, Format))
    return next((one for one in formats if one.known(head)), None)


def _as_text(start: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if start.startswith(mark):
            return start[2:].decode(encoding, "ignore")
    return start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "ignore")


@contextmanager
def in_plain_words(path: Path) -> Iterator[None]:
    """Whatever a parser raises, as a reason that holds nothing of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they tell values of the file
            yield
    except (DataError, MemoryError):
        raise
    except Exception as error:
        otherwise = "is damaged, or not what it begins as"
        message = str(error).replace(str(path), "")
        raise DataError(_said(message, _REASONS, otherwise)) from None


def _said(message: str, words: Sequence[tuple[str, str]], otherwise: str) -> str:
    return next((said for pattern, said in words if re.search(pattern, message)), otherwise)


def in_millivolts(
    path: Path, taken: Taken
) -> tuple[NDArray[np.float32], float, tuple[str, ...], list[str], tuple[str, ...]]:
    """The leads of a file in mV at one rate, by the rules that hold for all formats."""
    found = channels((_header(path, taken),))
    defects: list[str] = []
    leads = []
    for channel in found.leads:
        column, factor = channel.places[0]
        with np.errstate(all="ignore"):
            values = (taken.traces[column].values() * factor).astype(np.float32)
        wanted = taken.n_frames * channel.per_frame
        if len(values) < wanted:
            # What a slower lead lacks of its last frame is no fault.
            if wanted - len(values) >= channel.per_frame:
                defects.append("leads of several lengths")
            rest = np.full(wanted - len(values), np.nan, dtype=np.float32)
            values = np.concatenate([values, rest])
        leads.append(values)
    if not taken.n_frames:
        raise DataError("holds no samples")
    defects += found.defects
    signal, fs = together(leads, found, taken.fs, defects)
    return signal, fs, tuple(one.lead for one in found.leads), defects, found.unread


def _header(path: Path, taken: Taken) -> Header:
    """The file's signals as a header states them, so that the same rules choose its leads."""
    signals = tuple(
        Signal("", "16", one.per_frame, 0, True, one.unit, one.name, "") for one in taken.traces
    )
    return Header(
        path=path,
        n_signals=len(signals),
        n_samples=taken.n_frames,
        fs=float(taken.fs),
        has_fs=True,
        signals=signals,
        segments=(),
        is_made_of_segments=False,
        comments=(),
        tail="",
        named_oddly=False,
        as_stated=True,
    )


def _moment(taken: Sequence[str]) -> tuple[datetime | None, str]:
    """The first date that is given; else the first that its form leaves open."""
    dated = ""
    for text in taken:
        if is_missing(text):
            continue
        try:
            if moment := date_of(text):
                return moment, ""
        except NotUnderstoodError:
            dated = dated or text
    return None, dated


def _age_at(born: str, moment: datetime | None, dated: str) -> float | None:
    """Whole years, as people count them, where either order of days and months gives the same."""
    orders: tuple[Order, Order] = ("day-first", "month-first")
    found = set()
    for order in orders:
        birth, day_of = date_of(born, order), moment or date_of(dated, order)
        if birth is None or day_of is None:
            return None
        before = (day_of.month, day_of.day) < (birth.month, birth.day)
        found.add(day_of.year - birth.year - before)
    (years,) = found if len(found) == 1 else (-1,)
    if not 0 <= years <= _OLDEST:
        raise NotUnderstoodError("an age")
    return float(years)

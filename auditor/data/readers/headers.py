"""What a WFDB header states, found before anything it names is opened.

The wfdb library's own grammar is used. That library drops the bytes of a header that are not ASCII,
so `µV` would read as `V`: a header in which that would change anything is handed to it in a plain
form, in which every such character is one that its grammar takes for a letter, and the rest stands
where it stood. What is checked here is what it will open.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, inside
from auditor.data.values import NotUnderstoodError, date_of

_MAX_BYTES, _MAX_SIGNALS = 1_000_000, 256
#: Where a signal line states its unit: behind the file, the format, and the gain with its baseline.
_UNIT = re.compile(
    r"\S++[ \t]++\S++[ \t]++-?\d*+\.?\d*+e?[+-]?\d*+(?:\(-?\d*+\))?"
    r"(?P<stated>/(?P<unit>\S+)|[ \t]*+/[ \t]*+(?P<apart>[A-Za-z_%]\S*))"
)
#: A unit that the library's grammar takes whole.
_TAKEN = re.compile(r"/[\w^\-?%/]+", re.ASCII)


@dataclass(frozen=True)
class Signal:
    """One signal line.

    Attributes
    ----------
    per_frame : samples to a frame
    skew : frames by which it is late in its file
    calibrated : it has a gain
    unit : as stated; None where the format's own, mV, holds
    name : as stated, which may be the name of another
    rest : the line behind its file, in the plain form
    """

    file: str
    format: str
    per_frame: int
    skew: int
    calibrated: bool
    unit: str | None
    name: str
    rest: str

    @property
    def scale(self) -> str:
        """Gain with baseline and unit, and resolution and zero of the converter, as stated."""
        return " ".join(self.rest.split()[1:4])


@dataclass(frozen=True)
class Header:
    """A header: of a record's signals, or of the segments a record is made of.

    Attributes
    ----------
    n_signals, n_samples, fs : as stated. Samples and rate are those of frames; samples are None
        where the header leaves them to the size of the files, and the rate is then 250 Hz
    segments : names and lengths
    comments : without the `#`
    tail : what stands on the record line behind the sizes: time and date
    named_oddly : the library refuses the record's name
    as_stated : the library reads all of the header as it stands
    """

    path: Path
    n_signals: int
    n_samples: int | None
    fs: float
    has_fs: bool
    signals: tuple[Signal, ...]
    segments: tuple[tuple[str, int], ...]
    is_made_of_segments: bool
    comments: tuple[str, ...]
    tail: str
    named_oddly: bool
    as_stated: bool

    @property
    def aliases(self) -> dict[str, str]:
        """Plain names for the signal files, by their own."""
        files = dict.fromkeys(one.file for one in self.signals)
        return {file: f"signal{number}" for number, file in enumerate(files)}

    @property
    def plain(self) -> str:
        """The header of a record `record` in the aliases, without a date, and at any rate."""
        n_samples = "" if self.n_samples is None else self.n_samples
        first = f"record {self.n_signals} 250 {n_samples}"
        aliases = self.aliases
        return "\n".join([first, *(aliases[one.file] + one.rest for one in self.signals), ""])

    @property
    def taken_at(self) -> datetime | None:
        """The date, with its time, on the record line: `hh:mm:ss dd/mm/yyyy` in WFDB."""
        time, date = [*self.tail.split()[:2], "", ""][:2]
        if "-" in time:  # the challenge writes the date first
            time, date = date, time
        try:
            day = date_of(date, first="day-first")
        except NotUnderstoodError:
            return None
        clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", time)
        if day is None or clock is None:
            return day
        hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
        if hour > 23 or minute > 59 or second > 59:
            return day
        return day.replace(hour=hour, minute=minute, second=second)


def header(root: Path, path: Path) -> Header:
    """A header of the data set; `DataError` where it is none, without a word of what it holds."""
    from wfdb.io.header import parse_header_content, rx_record, rx_segment, rx_signal

    raw = _bytes(root, path)
    text = _text(raw)
    # The library ends lines at the ASCII characters only.
    lines, _ = parse_header_content(re.sub("[\x85\u2028\u2029]", " ", text))
    first = lines[0] if lines and b"\x00" not in raw else ""
    plain_name = re.sub(r"^([^\s/]*)\.(?:mat|hea|dat)(?=[\s/])", r"\1", first)
    stated = rx_record.match(_in_ascii(plain_name))
    if stated is None:
        raise DataError("is not a WFDB header")
    n_segments, n_signals, n_samples = stated.group("n_seg", "n_sig", "sig_len")
    signals: list[Signal] = []
    segments: list[tuple[str, int]] = []
    seen = [first]
    for line in lines[1:]:
        plain = _in_ascii(line) if n_segments else _plain_line(line)
        match = (rx_segment if n_segments else rx_signal).match(plain)
        if match is None:
            # The library knows no folders in names: where one leads outside, that is the news.
            inside(root, path.parent / line.split()[0], path.relative_to(root).as_posix())
            raise DataError("is not a WFDB header")
        if n_segments:
            segments.append((line[slice(*match.span("seg_name"))], int(match["seg_len"])))
        else:
            signals.append(_signal(line, plain, match))
        seen.append(plain)
    opened = lines if text.isascii() else parse_header_content(raw.decode("ascii", "ignore"))[0]
    return Header(
        path=path,
        n_signals=int(n_signals),
        n_samples=int(n_samples) if n_samples else None,
        fs=_rate(stated["fs"]),
        has_fs=bool(stated["fs"].strip(".")),
        signals=tuple(signals),
        segments=tuple(segments),
        is_made_of_segments=bool(n_segments),
        comments=tuple(
            line.strip().lstrip("#").strip()
            for line in re.split(r"[\r\n]+", text)
            if line.strip().startswith("#")
        ),
        tail=" ".join(first.split()[4:]),
        named_oddly=plain_name != first,
        as_stated=seen == opened,
    )


def headers(root: Path, path: Path) -> tuple[Header, ...]:
    """The header of a record, and those of its segments where it has any."""
    whole = header(root, path)
    parts = []
    for name in dict.fromkeys(name for name, _ in whole.segments):
        if name == "~":
            continue
        segment = inside(root, path.with_name(f"{name}.hea"), path.relative_to(root).as_posix())
        if not segment.is_file():
            raise DataError("a segment it names is absent")
        parts.append(header(root, segment))
        if parts[-1].is_made_of_segments:
            raise DataError("a segment of it is made of segments")
    if whole.is_made_of_segments and sum(n for _, n in whole.segments) != whole.n_samples:
        raise DataError("its segments are not as long together as it states")
    return (whole, *parts)


def pieces(parts: tuple[Header, ...]) -> list[tuple[Header | None, int | None]]:
    """What stands behind one another in a record, with lengths in frames; None is a gap.

    Where the first is of no length, it says which signals there are.
    """
    whole, *segments = parts
    if not whole.is_made_of_segments:
        return [(whole, whole.n_samples)]
    named = {part.path.stem: part for part in segments}
    return [(named.get(name), length) for name, length in whole.segments]


def n_frames(parts: tuple[Header, ...]) -> int:
    """The frames of a record, or more: a file is of no more frames than bytes hold."""
    return sum(_n_frames(parts[0]) if n is None else n for _, n in pieces(parts))


def signal_files(root: Path, parts: tuple[Header, ...]) -> tuple[Path, ...]:
    """The files that hold a record's signals, each in the data set, all of a bounded size."""
    files: list[Path] = []
    for part in parts:
        named_by = part.path.relative_to(root).as_posix()
        for name in dict.fromkeys(one.file for one in part.signals):
            if name == "~":
                continue
            file = inside(root, part.path.with_name(name), named_by)
            if not file.is_file():
                raise DataError("a signal file it names is absent")
            files.append(file)
    # Every header of a record states its own sizes; the library believes any of them.
    if any(max(part.n_signals, len(part.signals)) > _MAX_SIGNALS for part in parts):
        raise DataError(f"states more than {_MAX_SIGNALS} signals")
    if max(_n_samples(part) for part in parts) > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    if sum(_n_samples(part) for part in parts[1:]) > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    return tuple(dict.fromkeys(files))


def segments_of(root: Path, path: Path) -> set[Path]:
    """The headers that a header names as its segments, where it is made of segments."""
    try:
        whole = header(root, path)
    except DataError:
        return set()
    return {path.with_name(f"{name}.hea") for name, _ in whole.segments}


def _bytes(root: Path, path: Path) -> bytes:
    inside(root, path, path.relative_to(root).as_posix())
    try:
        if not path.is_file():  # a pipe would be waited for
            raise DataError("the header is no file")
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"the header is larger than {_MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"the header cannot be read: {error.strerror}") from None


def _text(raw: bytes) -> str:
    """A header as text, in which each line may be of another encoding."""
    if raw.isascii():
        return raw.decode("ascii")
    return "".join(_decoded(line) for line in raw.removeprefix(BOM_UTF8).splitlines(keepends=True))


def _decoded(line: bytes) -> str:
    # Windows-1252 is Latin-1 with letters in place of controls, and leaves five bytes undefined.
    # In Mac OS Roman a micro sign is the same byte.
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            pass
    return line.decode("latin-1")


def _in_ascii(line: str) -> str:
    """A line of the same length, with what is not ASCII as a letter of the library's grammar."""
    return line if line.isascii() else re.sub(r"[^\x00-\x7f]", "_", line)


def _plain_line(line: str) -> str:
    """A signal line of the same length in the library's grammar, whatever the unit."""
    plain = _in_ascii(line)
    if (unit := _UNIT.match(plain)) and not _TAKEN.fullmatch(unit["stated"]):
        begin, end = unit.span("stated")
        plain = plain[:begin] + "/" + "_" * (end - begin - 1) + plain[end:]
    return plain


def _signal(line: str, plain: str, match: re.Match[str]) -> Signal:
    """A signal line; the plain form says where in it everything stands."""
    per_frame, skew, gain = match.group("samps_per_frame", "skew", "adc_gain")
    stated = _UNIT.match(_in_ascii(line))
    unit = (
        None
        if stated is None
        else line[slice(*stated.span("unit"))] or line[slice(*stated.span("apart"))]
    )
    return Signal(
        file=line[slice(*match.span("file_name"))],
        format=match["fmt"],
        per_frame=int(per_frame or 1),
        skew=int(skew or 0),
        calibrated=_is_gain(gain),
        unit=unit,
        name=line[slice(*match.span("sig_name"))],
        rest=plain[match.end("file_name") :],
    )


def _rate(text: str) -> float:
    """A rate as the library reads it: one that is all but a whole number is that number."""
    rate = float(text) if text.strip(".") else 250.0
    return float(int(rate)) if isfinite(rate) and round(rate, 8) == int(rate) else rate


def _is_gain(text: str) -> bool:
    try:
        return float(text) != 0
    except ValueError:
        return False


def _n_samples(part: Header) -> int:
    """Samples that a header makes the library hold, of all signals together."""
    skew = max((one.skew for one in part.signals), default=0)
    return (_n_frames(part) + skew) * _per_frame(part)


def _n_frames(part: Header) -> int:
    if part.n_samples is not None:
        return part.n_samples
    # No format takes less than a byte to a sample, but the compressed ones, which the library
    # does not open without a length.
    names = {one.file for one in part.signals}
    files = [part.path.with_name(name) for name in names]
    sizes = sum(file.stat().st_size for file in files if file.is_file())
    return sizes // max(_per_frame(part), 1)


def _per_frame(part: Header) -> int:
    return sum(one.per_frame for one in part.signals) or part.n_signals

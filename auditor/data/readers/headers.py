"""What a WFDB header states, found before anything it names is opened.

The wfdb library's own grammar is used on the bytes as that library decodes them: what is checked
here is what it will open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, inside
from auditor.data.values import NotUnderstoodError, date_of

_MAX_BYTES, _MAX_SIGNALS = 1_000_000, 256


@dataclass(frozen=True)
class Signal:
    """One signal line: which file, how many samples to a frame, and whether it has a gain."""

    file: str
    per_frame: int
    skew: int
    calibrated: bool


@dataclass(frozen=True)
class Header:
    """A header: of a record's signals, or of the segments a record is made of.

    Attributes
    ----------
    n_samples : per signal; None where the header leaves it to the size of the files
    comments : without the `#`
    tail : what stands on the record line behind the sizes: time and date
    plain : the same header as text, with a plain name and no date, for when the library refuses it
    named_oddly : the library refuses the record's name
    """

    path: Path
    n_signals: int
    n_samples: int | None
    has_fs: bool
    signals: tuple[Signal, ...]
    segments: tuple[str, ...]
    is_made_of_segments: bool
    comments: tuple[str, ...]
    tail: str
    plain: str
    named_oddly: bool

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
    # As the library reads it: bytes that are not ASCII do not exist.
    lines, _ = parse_header_content(raw.decode("ascii", errors="ignore"))
    first = lines[0] if lines and b"\x00" not in raw else ""
    plain_name = re.sub(r"^([^\s/]*)\.(?:mat|hea|dat)(?=[\s/])", r"\1", first)
    stated = rx_record.match(plain_name)
    if stated is None:
        raise DataError("is not a WFDB header")
    name, n_segments, n_signals, fs, n_samples = stated.group(
        "record_name", "n_seg", "n_sig", "fs", "sig_len"
    )
    whole_name = f"{name}/{n_segments}" if n_segments else name
    signals: list[Signal] = []
    segments: list[str] = []
    for line in lines[1:]:
        match = (rx_segment if n_segments else rx_signal).match(line)
        if match is None:
            # The library knows no folders in names: where one leads outside, that is the news.
            inside(root, path.parent / line.split()[0], path.relative_to(root).as_posix())
            raise DataError("is not a WFDB header")
        if n_segments:
            segments.append(match["seg_name"])
        else:
            per_frame, skew, gain = match.group("samps_per_frame", "skew", "adc_gain")
            signals.append(
                Signal(match["file_name"], int(per_frame or 1), int(skew or 0), _is_gain(gain))
            )
    return Header(
        path=path,
        n_signals=max(int(n_signals), len(signals)),
        n_samples=int(n_samples) if n_samples else None,
        has_fs=bool(fs.strip(".")),
        signals=tuple(signals),
        segments=tuple(segments),
        is_made_of_segments=bool(n_segments),
        comments=_comments(raw),
        tail=" ".join(first.split()[4:]),
        plain="\n".join([f"{whole_name} {n_signals} {fs or 250} {n_samples}", *lines[1:], ""]),
        named_oddly=plain_name != first,
    )


def headers(root: Path, path: Path) -> tuple[Header, ...]:
    """The header of a record, and those of its segments where it has any."""
    whole = header(root, path)
    parts = []
    for name in dict.fromkeys(whole.segments):
        if name == "~":
            continue
        segment = inside(root, path.with_name(f"{name}.hea"), path.relative_to(root).as_posix())
        if not segment.is_file():
            raise DataError("a segment it names is absent")
        parts.append(header(root, segment))
        if parts[-1].is_made_of_segments:
            raise DataError("a segment of it is made of segments")
    return (whole, *parts)


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
    if any(part.n_signals > _MAX_SIGNALS for part in parts):
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
    return {path.with_name(f"{name}.hea") for name in whole.segments}


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


def _comments(raw: bytes) -> tuple[str, ...]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    return tuple(line.lstrip("#").strip() for line in lines if line.startswith("#"))


def _is_gain(text: str) -> bool:
    try:
        return float(text) != 0
    except ValueError:
        return False


def _n_samples(part: Header) -> int:
    """Samples that a header makes the library hold, of all signals together."""
    per_frame = sum(one.per_frame for one in part.signals) or part.n_signals
    if part.n_samples is None:
        # No format takes less than a byte to a sample, but the compressed ones, which the library
        # does not open without a length.
        names = {one.file for one in part.signals}
        files = [part.path.with_name(name) for name in names]
        frames = sum(file.stat().st_size for file in files if file.is_file()) // max(per_frame, 1)
    else:
        frames = part.n_samples
    skew = max((one.skew for one in part.signals), default=0)
    return (frames + skew) * per_frame

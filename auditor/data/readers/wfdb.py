"""WFDB records: `.hea` with `.dat`, `.mat` and the rest, in all formats the wfdb library reads.

`headers` reads a header first, so that nothing it asks for is opened before it was found to lie in
the data set and to be of a bounded size. Segments are put together here: the wfdb library tells
their signals apart by name, and takes the unit of the first for the unit of all.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import READERS, OutsideError, Read, natural
from auditor.data.readers.channels import Channels, channels
from auditor.data.readers.comments import facts
from auditor.data.readers.headers import Header, headers, pieces, segments_of, signal_files
from auditor.data.readers.signals import together

_MAX_ANNOTATION = 5_000_000
#: The code, in the upper six bits of two bytes, after which a note stands in an annotation file.
_NOTE = 63
_REFUSED = "header that strict readers refuse"
#: Files beside a header that are no annotations.
_NO_ANNOTATION = {
    "hea",
    "dat",
    "mat",
    "edf",
    "xyz",
    "txt",
    "csv",
    "xml",
    "json",
    "html",
    "pdf",
    "png",
}


class Wfdb:
    """The PhysioNet format."""

    title = "WFDB records (.hea with .dat or .mat)"
    suffixes: tuple[str, ...] = (".hea",)
    by_name = True

    def find(self, root: Path) -> list[str]:
        """Every header that is not a segment of another; linked folders are not entered."""
        segments: dict[Path, set[Path]] = {}
        for folder, names, files in os.walk(root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for file in files:
                if file.endswith(".hea") and not file.startswith("."):
                    path = Path(folder, file)
                    segments[path] = _segments(root, path)
        # What is made of segments is none itself: such headers name each other only where they
        # are broken, and then go to quarantine.
        parts = {part for named in segments.values() for part in named}
        records = [
            path.relative_to(root).with_suffix("").as_posix()
            for path, named in segments.items()
            if named or path not in parts
        ]
        return sorted(records, key=natural)

    def read(self, root: Path, record: str) -> Read:
        """One record, in mV, with what its header says of the person and what is wrong with it."""
        parts = headers(root, root / f"{record}.hea")
        files = signal_files(root, parts)
        found = channels(parts)
        defects: list[str] = []
        signal, fs = _signal(parts, found, defects)
        if not all(signal.calibrated for part in parts for signal in part.signals):
            defects.append("uncalibrated: no gain, or a gain of 0")
        if not all(part.has_fs for part in parts):
            defects.append("states no sampling frequency: 250 Hz is taken")
        said = facts(parts[0].comments)
        taken_at = said.taken_at or parts[0].taken_at
        return Read(
            signal,
            fs,
            tuple(one.lead for one in found.leads),
            taken_at=taken_at,
            dated="" if taken_at else said.dated,
            attributes=said.attributes,
            labels=said.labels,
            defects=tuple(dict.fromkeys(defects)),
            unread=(*said.unread, *found.unread),
            scale=tuple(sorted({one.scale for part in parts for one in part.signals})),
            files=tuple(dict.fromkeys([*(part.path for part in parts), *files])),
            annotations=tuple(_annotations(parts[0].path, _signal_names(parts))),
        )

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """Header comments, the record line's date, names of signals, annotation notes and the
        file's name.
        """
        parts = headers(root, root / f"{record}.hea")
        texts = [("file name", record)]
        for part in parts:
            texts += [("header comment", comment) for comment in part.comments]
            texts += [("header record line", part.tail)] if part.tail else []
        named = dict.fromkeys(signal.name for part in parts for signal in part.signals)
        texts += [("signal description", name) for name in named if name]
        notes = _notes(parts[0].path, _signal_names(parts))
        return texts + [("annotation note", note) for note in notes]


READERS.register("wfdb")(Wfdb())


def _segments(root: Path, path: Path) -> set[Path]:
    try:
        return segments_of(root, path)
    except OutsideError:
        return set()  # said when the record is read


def _signal(
    parts: tuple[Header, ...], found: Channels, defects: list[str]
) -> tuple[NDArray[np.float32], float]:
    """The leads of a record in mV, at the rate of the fastest of them, and that rate in Hz."""
    fs = parts[0].fs * found.per_frame
    if not (np.isfinite(fs) and fs > 0):
        raise DataError("states a sampling frequency of 0")
    if parts[0].is_made_of_segments and _is_refused(parts[0]):
        defects.append(_REFUSED)
    held: list[list[NDArray[np.float32]]] = [[] for _ in found.leads]
    for number, (part, length) in enumerate(pieces(parts)):
        if length == 0 and parts[0].is_made_of_segments:
            continue
        physical = [] if part is None else _physical(part, length, defects)
        for channel, values in zip(found.leads, held, strict=True):
            if place := channel.places.get(number):
                column, factor = place
                with np.errstate(all="ignore"):
                    values.append((physical[column] * factor).astype(np.float32))
            else:
                values.append(np.full((length or 0) * channel.per_frame, np.nan, dtype=np.float32))
    if not any(values.size for values in held[0]):
        raise DataError("holds no samples")
    defects += found.defects
    leads = [values[0] if len(values) == 1 else np.concatenate(values) for values in held]
    return together(leads, found, parts[0].fs, defects)


def _is_refused(whole: Header) -> bool:
    """Whether the wfdb library refuses the header of a record that is made of segments."""
    import wfdb

    try:
        wfdb.rdheader(str(whole.path.with_suffix("")))
    except Exception:
        return True
    return False


def _physical(part: Header, length: int | None, defects: list[str]) -> list[NDArray[np.float64]]:
    """Each signal of a header in its own unit and at its own rate, NaN where missing."""
    record = _load(part, length, defects)
    _compare_checksums(record, defects)
    try:
        with np.errstate(all="ignore"):
            physical: list[NDArray[np.float64]] = record.dac(expanded=True)
    except Exception:
        raise DataError("a signal is of a format that is not known") from None
    for values, digital, bits, zero, signal in zip(
        physical, record.e_d_signal, record.adc_res, record.adc_zero, part.signals, strict=False
    ):
        # Samples twice as far out as the stated resolution of the converter reaches.
        if bits and bits < 16:
            lost = np.abs(digital - (zero or 0)) > 2**bits
            if lost.any() and not np.isnan(values[lost]).all():
                values[lost] = np.nan
                defects.append("samples beyond the converter's range")
        if late := min(signal.skew * signal.per_frame, len(values)):
            values[: len(values) - late] = values[late:]
            values[len(values) - late :] = np.nan
    return physical


def _load(part: Header, length: int | None, defects: list[str]) -> Any:
    """A record in digital units as the wfdb library gives it; a header it refuses is mended."""
    refused = part.named_oddly
    if part.as_stated and not part.named_oddly:
        try:
            return _rdrecord(part.path.with_suffix(""), part, length)
        except Exception:
            if not part.tail:
                raise DataError(
                    "the signal file is truncated, or not of the format stated"
                ) from None
            refused = True
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        try:
            Path(folder, "record.hea").write_text(part.plain)
            for file, alias in part.aliases.items():
                Path(folder, alias).symlink_to(part.path.with_name(file).resolve())
            record = _rdrecord(Path(folder, "record"), part, length)
        except Exception:
            raise DataError("the signal file is truncated, or the header is wrong") from None
    defects += [_REFUSED] if refused else []
    return record


def _rdrecord(stem: Path, part: Header, length: int | None) -> Any:
    """The samples as they lie in the file: every one of a frame, and not yet shifted by skew."""
    import wfdb

    # Of format 61 the library cannot give every sample of a frame.
    alone = any(one.format == "61" for one in part.signals)
    if alone and any(one.per_frame != 1 for one in part.signals):
        raise ValueError("format 61 in frames")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        record = wfdb.rdrecord(
            str(stem), sampto=length, physical=False, smooth_frames=alone, ignore_skew=True
        )
    if not record.n_sig:
        raise ValueError("no signal")
    if alone:
        record.e_d_signal = list(record.d_signal.T)
    return record


def _compare_checksums(record: Any, defects: list[str]) -> None:
    stated = record.checksum
    if stated and None not in stated:
        sums = [int(values.sum(dtype=np.int64)) & 0xFFFF for values in record.e_d_signal]
        if sums != [one & 0xFFFF for one in stated]:
            defects.append("checksums of the header disagree with the signals")


def _signal_names(parts: tuple[Header, ...]) -> set[str]:
    return {signal.file for part in parts for signal in part.signals}


def _annotations(path: Path, signals: set[str]) -> Iterator[Path]:
    """The annotation files beside a header: they end in two bytes that are zero."""
    for file in _files_of_record(path.parent, path.parent.stat().st_mtime_ns).get(path.stem, ()):
        kind = file.suffix[1:]
        named = re.fullmatch(r"[a-z0-9_]{1,12}", kind) and kind not in _NO_ANNOTATION
        if not named or file.name in signals or file.is_symlink() or not file.is_file():
            continue
        size = file.stat().st_size
        if size % 2 or not 2 <= size <= _MAX_ANNOTATION:
            continue
        with file.open("rb") as opened:
            opened.seek(-2, os.SEEK_END)
            if opened.read() == b"\x00\x00":
                yield file


def _notes(path: Path, signals: set[str]) -> list[str]:
    """The notes of the annotation files beside a header."""
    import wfdb

    notes: list[str] = []
    for file in _annotations(path, signals):
        # Most files hold none, and the wfdb library reads the header anew for each.
        if not (np.frombuffer(file.read_bytes(), "<u2") >> 10 == _NOTE).any():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = wfdb.rdann(str(path.with_suffix("")), file.suffix[1:]).aux_note
        except Exception:
            continue  # not an annotation file
        notes += [
            note.strip("\x00 ") for note in dict.fromkeys(read) if note and note.strip("\x00 ")
        ]
    return notes


@lru_cache(maxsize=4)
def _files_of_record(folder: Path, changed: int) -> Mapping[str, list[Path]]:
    """The files of a folder by the record they belong to; listed once, not once for each record."""
    del changed
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.iterdir()):
        files[file.stem].append(file)
    return dict(files)

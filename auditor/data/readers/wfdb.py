"""WFDB records: `.hea` with `.dat`, `.mat` and the rest, in all formats the wfdb library reads.

A header is read here first, as text, so that nothing it asks for is opened before it was found to
lie in the data set and to be of a bounded size.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import (
    MAX_SAMPLES,
    MILLIVOLTS,
    READERS,
    Read,
    inside,
    lead_name,
    natural,
)
from auditor.data.readers.comments import attributes, date_of

_MAX_HEADER, _MAX_ANNOTATION = 1_000_000, 20_000_000
#: A run of one value in all leads this long, at either end, is lost signal.
_LOST_S = 0.5
#: A heart's lead spans more than this, mV; less is a wrong gain.
_SMALL_MV = 0.02


class Wfdb:
    """The PhysioNet format."""

    def find(self, root: Path) -> list[str]:
        """Every header that is not a segment of another; linked folders are not entered."""
        headers, segments = [], set()
        for folder, names, files in os.walk(root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for file in files:
                if file.endswith(".hea") and not file.startswith("."):
                    path = Path(folder, file)
                    headers.append(path)
                    segments |= _segments(path)
        records = [
            path.relative_to(root).with_suffix("").as_posix()
            for path in headers
            if path not in segments
        ]
        return sorted(records, key=natural)

    def read(self, root: Path, record: str) -> Read:
        """One record, in mV, with what its header says of the person and what is wrong with it."""
        path = root / f"{record}.hea"
        lines = _header(root, path)
        files = _signal_files(root, path, lines)
        found, defects = _load(path, lines, files)
        comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
        known, taken_at, labels = attributes(comments)
        return Read(
            *_leads(found, defects),
            taken_at=taken_at or _record_date(lines),
            attributes=known,
            labels=labels,
            defects=tuple(dict.fromkeys(defects)),
            files=(path, *files),
        )

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """Header comments, the record line's date, annotation notes and the file's name."""
        path = root / f"{record}.hea"
        lines = _header(root, path)
        texts = [("file name", record)]
        texts += [("header comment", line.lstrip("# ")) for line in lines if line.startswith("#")]
        line = next(line for line in lines if line and not line.startswith("#"))
        texts += [("header record line", " ".join(line.split()[4:]))] if line.split()[4:] else []
        return texts + [("annotation note", note) for note in _notes(path)]


READERS.register("wfdb")(Wfdb())


def _header(root: Path, path: Path) -> list[str]:
    """The lines of a header, comments included."""
    inside(root, path, path.name)
    try:
        if path.stat().st_size > _MAX_HEADER:
            raise DataError(f"{path.name}: header larger than {_MAX_HEADER} bytes")
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path.name}: header cannot be read: {error.strerror}") from None
    lines = [line.strip() for line in text.splitlines()]
    if not any(line and not line.startswith("#") for line in lines) or "\x00" in text:
        raise DataError(f"{path.name}: is not a WFDB header")
    return lines


def _described(lines: list[str]) -> tuple[list[str], list[list[str]]]:
    """The fields of the record line, and of each signal or segment line."""
    first, *others = [line.split() for line in lines if line and not line.startswith("#")]
    return first, others


def _segments(path: Path) -> set[Path]:
    """The headers that a multi-segment header is made of."""
    try:
        if path.stat().st_size > _MAX_HEADER:
            return set()
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    described = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if not described or "/" not in described[0][0]:
        return set()
    return {path.parent / f"{fields[0]}.hea" for fields in described[1:]}


def _signal_files(root: Path, path: Path, lines: list[str], depth: int = 0) -> tuple[Path, ...]:
    """The files that hold a record's signals, each found to lie in the data set."""
    first, others = _described(lines)
    files: list[Path] = []
    where = path.relative_to(root).as_posix()
    try:
        n_signals = int(first[1])
        claimed = int(float(first[3])) * n_signals if len(first) > 3 else 0
    except (ValueError, IndexError, OverflowError):
        raise DataError(f"{path.name}: is not a WFDB header") from None
    if claimed > MAX_SAMPLES or n_signals > 256:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    for fields in others:
        named = path.parent / fields[0]
        if "/" in first[0]:  # a multi-segment record: each line names a record
            if fields[0] == "~":
                continue
            header = inside(root, named.with_name(f"{named.name}.hea"), where)
            if depth or not header.is_file():
                raise DataError("a segment it names is absent")
            files += [header, *_signal_files(root, header, _header(root, header), depth + 1)]
        elif fields[0] != "~":
            file = inside(root, named, where)
            if not file.is_file():
                raise DataError("a signal file it names is absent")
            files.append(file)
    return tuple(dict.fromkeys(files))


def _load(path: Path, lines: list[str], files: tuple[Path, ...]) -> tuple[Any, list[str]]:
    """The record in digital units as the wfdb library gives it; a header it refuses is mended."""
    # Segments may have gains of their own, so the library puts them together in units.
    physical = "/" in _described(lines)[0][0]
    try:
        return _rdrecord(path.with_suffix(""), physical), []
    except Exception:
        mended = _mended(lines)
        if mended == lines:
            raise DataError("the signal file is truncated, or not of the format stated") from None
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        for file in files:
            Path(folder, file.name).symlink_to(file.resolve())
        Path(folder, path.name).write_text("\n".join(mended) + "\n")
        try:
            return _rdrecord(Path(folder, path.stem), physical), [
                "header that strict readers refuse"
            ]
        except Exception:
            raise DataError("the signal file is truncated, or the header is wrong") from None


def _rdrecord(stem: Path, physical: bool) -> Any:
    import wfdb

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        record = wfdb.rdrecord(str(stem), physical=physical, m2s=True)
    if record.d_signal is None and record.p_signal is None:
        raise ValueError("no signal")
    return record


def _mended(lines: list[str]) -> list[str]:
    """A header with its record's name made plain and a date that cannot be read left out."""
    mended = list(lines)
    at = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    fields = lines[at].split()
    name, *segments = fields[0].split("/")
    fields[0] = "/".join([re.sub(r"\.(?:mat|hea|dat)$", "", name), *segments])
    mended[at] = " ".join(fields[:4])
    return mended


def _record_date(lines: list[str]) -> datetime | None:
    """The date, with its time, at the end of the record line; `hh:mm:ss dd/mm/yyyy` in WFDB."""
    first, _ = _described(lines)
    time, date = [*first[4:6], "", ""][:2]
    if "-" in time:  # the challenge writes the date first
        time, date = date, time
    day = date_of(date)
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", time)
    if day is None or clock is None or int(clock[1]) > 23:
        return day
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    return day.replace(hour=hour, minute=minute, second=second)


def _leads(record: Any, defects: list[str]) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """The voltage signals of a record under their normalised names, in mV."""
    digital = record.d_signal
    if digital is not None:
        _compare_checksums(record, defects)
        if record.adc_gain is not None and any(gain == 0 for gain in record.adc_gain):
            defects.append("uncalibrated: a gain of 0")
        if any(unit is None for unit in record.units):
            record.units = ["mV" if unit is None else unit for unit in record.units]
        physical = record.dac()
        lost = _beyond_the_converter(record, digital)
        if lost.any():
            physical[lost] = np.nan
            defects.append("samples beyond the converter's range")
    else:
        physical = record.p_signal
    signals: dict[str, NDArray[np.float64]] = {}
    for column, (name, unit) in enumerate(zip(record.sig_name, record.units, strict=True)):
        lead, factor = lead_name(name or "unnamed"), MILLIVOLTS.get(str(unit).lower())
        if factor is None:
            defects.append("a signal that is no voltage was left out")
        elif lead in signals:
            defects.append("a second signal of the same lead was left out")
        else:
            signals[lead] = physical[:, column] * factor
    if not signals:
        raise DataError("holds no signal in a unit of voltage")
    signal = np.stack(list(signals.values())).astype(np.float32)
    _blank_lost_ends(signal, float(record.fs), defects)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a lead may be missing altogether
        span = np.nanpercentile(signal, 99.5, axis=1) - np.nanpercentile(signal, 0.5, axis=1)
    if (span[np.isfinite(span)] < _SMALL_MV).any():
        defects.append("a lead is flat, or its gain is wrong")
    return signal, float(record.fs), tuple(signals)


def _compare_checksums(record: Any, defects: list[str]) -> None:
    stated = record.checksum
    if stated and None not in stated and set(record.samps_per_frame or [1]) == {1}:
        sums = [int(column.sum(dtype=np.int64)) & 0xFFFF for column in record.d_signal.T]
        if sums != [one & 0xFFFF for one in stated]:
            defects.append("checksums of the header disagree with the signals")


def _beyond_the_converter(record: Any, digital: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Samples twice as far out as the stated resolution of the converter reaches."""
    beyond = np.zeros(digital.shape, dtype=bool)
    for column, (bits, zero) in enumerate(zip(record.adc_res, record.adc_zero, strict=True)):
        if bits and bits < 16:
            beyond[:, column] = np.abs(digital[:, column] - (zero or 0)) > 2**bits
    return beyond


def _blank_lost_ends(signal: NDArray[np.float32], fs: float, defects: list[str]) -> None:
    """A long run of one value in every lead, at either end, becomes missing."""
    held = (np.diff(signal, axis=1) == 0).all(axis=0)
    if held.all():
        return
    begins, ends = int((~held).argmax()), int((~held[::-1]).argmax())
    if begins > _LOST_S * fs:
        signal[:, : begins + 1] = np.nan
        defects.append("begins with lost signal")
    if ends > _LOST_S * fs:
        signal[:, signal.shape[1] - ends - 1 :] = np.nan
        defects.append("ends with lost signal")


def _notes(path: Path) -> list[str]:
    """The notes of the annotation files beside a header."""
    import wfdb

    notes: list[str] = []
    for file in sorted(path.parent.glob(f"{path.stem}.*")):
        kind = file.suffix[1:]
        if kind in ("hea", "dat", "mat", "edf", "xyz") or not re.fullmatch(r"[a-z0-9]{2,8}", kind):
            continue
        if file.is_symlink() or file.stat().st_size > _MAX_ANNOTATION:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = wfdb.rdann(str(path.with_suffix("")), kind).aux_note
        except Exception:
            continue  # not an annotation file
        notes += [
            note.strip("\x00 ") for note in dict.fromkeys(read) if note and note.strip("\x00 ")
        ]
    return notes

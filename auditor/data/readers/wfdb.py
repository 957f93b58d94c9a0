"""WFDB records: `.hea` with `.dat`, `.mat` and the rest, in all formats the wfdb library reads.

`headers` reads a header first, so that nothing it asks for is opened before it was found to lie in
the data set and to be of a bounded size.
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
from auditor.data.readers.base import MILLIVOLTS, READERS, OutsideError, Read, lead_name, natural
from auditor.data.readers.comments import facts
from auditor.data.readers.headers import Header, headers, segments_of, signal_files

_MAX_ANNOTATION = 5_000_000
#: A run of one value in all leads this long, at either end, is lost signal.
_LOST_S = 0.5
#: A heart's lead spans more than the first and less than the second, mV; else its gain is wrong.
_SMALL_MV, _LARGE_MV = 0.02, 50.0
#: What monitors record beside the ECG, often without a unit, which then reads as mV.
_OTHER = re.compile(
    r"(?:resp|pleth|ppg|abp|art|bp|cvp|pap|icp|spo2|sao2|so2|e?t?co2|eeg|eog|emg|eda|gsr|acc|flow)"
    r"(?![a-z])",
    re.IGNORECASE,
)
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
        found, defects = _load(parts, files)
        if not all(signal.calibrated for part in parts for signal in part.signals):
            defects.append("uncalibrated: no gain, or a gain of 0")
        if not all(part.has_fs for part in parts):
            defects.append("states no sampling frequency: 250 Hz is taken")
        said = facts(parts[0].comments)
        taken_at = said.taken_at or parts[0].taken_at
        return Read(
            *_leads(found, defects),
            taken_at=taken_at,
            dated="" if taken_at else said.dated,
            attributes=said.attributes,
            labels=said.labels,
            unread=said.unread,
            defects=tuple(dict.fromkeys(defects)),
            files=tuple(dict.fromkeys([*(part.path for part in parts), *files])),
            annotations=tuple(_annotations(parts[0].path, _signal_names(parts))),
        )

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """Header comments, the record line's date, annotation notes and the file's name."""
        parts = headers(root, root / f"{record}.hea")
        texts = [("file name", record)]
        for part in parts:
            texts += [("header comment", comment) for comment in part.comments]
            texts += [("header record line", part.tail)] if part.tail else []
        notes = _notes(parts[0].path, _signal_names(parts))
        return texts + [("annotation note", note) for note in notes]


READERS.register("wfdb")(Wfdb())


def _segments(root: Path, path: Path) -> set[Path]:
    try:
        return segments_of(root, path)
    except OutsideError:
        return set()  # said when the record is read


def _load(parts: tuple[Header, ...], files: tuple[Path, ...]) -> tuple[Any, list[str]]:
    """The record in digital units as the wfdb library gives it; a header it refuses is mended."""
    whole = parts[0]
    # Segments may have gains of their own, so the library puts them together in units.
    physical = whole.is_made_of_segments
    if not whole.named_oddly:
        try:
            return _rdrecord(whole.path.with_suffix(""), physical), []
        except Exception:
            if not whole.tail:
                raise DataError(
                    "the signal file is truncated, or not of the format stated"
                ) from None
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        try:
            # Written first, and never through a link: a header may name itself as a signal.
            Path(folder, whole.path.name).write_text(whole.plain)
            for file in {*files, *(part.path for part in parts[1:])} - {whole.path}:
                Path(folder, file.name).symlink_to(file.resolve())
            return _rdrecord(Path(folder, whole.path.stem), physical), [
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


def _leads(record: Any, defects: list[str]) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """The voltage signals of a record under their normalised names, in mV."""
    digital = record.d_signal
    if digital is not None:
        _compare_checksums(record, defects)
        if any(unit is None for unit in record.units):
            record.units = ["mV" if unit is None else unit for unit in record.units]
        try:
            with np.errstate(all="ignore"):
                physical = record.dac()
        except Exception:
            raise DataError("a signal is of a format that is not known") from None
        lost = _beyond_the_converter(record, digital) & ~np.isnan(physical)
        if lost.any():
            physical[lost] = np.nan
            defects.append("samples beyond the converter's range")
    else:
        physical = record.p_signal
    signals: dict[str, tuple[NDArray[np.float64], float]] = {}
    for column, (name, unit) in enumerate(zip(record.sig_name, record.units, strict=True)):
        lead, factor = lead_name(name or "unnamed"), MILLIVOLTS.get(str(unit).lower())
        if factor is None:
            defects.append("a signal that is no voltage was left out")
        elif _OTHER.match(lead):
            defects.append("a signal that is no ECG was left out")
        elif lead in signals:
            defects.append("a second signal of the same lead was left out")
        else:
            signals[lead] = physical[:, column], factor
    if not signals:
        raise DataError("holds no signal in a unit of voltage")
    if not (np.isfinite(record.fs) and record.fs > 0):
        raise DataError("states a sampling frequency of 0")
    with np.errstate(all="ignore"):
        in_mv = [values * factor for values, factor in signals.values()]
        signal = np.stack(in_mv).astype(np.float32)
    if np.isinf(signal).any():
        signal[np.isinf(signal)] = np.nan
        defects.append("samples that its gain makes infinite")
    _blank_lost_ends(signal, float(record.fs), defects)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a lead may be missing altogether
        span = np.nanpercentile(signal, 99.5, axis=1) - np.nanpercentile(signal, 0.5, axis=1)
    if (span[np.isfinite(span)] < _SMALL_MV).any():
        defects.append("a lead is flat, or its gain is wrong")
    if (span[np.isfinite(span)] > _LARGE_MV).any():
        defects.append("a lead is larger than a heart makes it: its gain is wrong")
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

"""EDF and EDF+.

The header is read here: ecgdatakit rounds sampling rates to whole numbers, joins parts of a
recording that are not of one piece, and holds every signal of a night at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, READERS
from auditor.data.readers.comments import Facts
from auditor.data.readers.devices import Format, Head, Taken, Trace, decoded, facts_of, printable

ANNOTATIONS = "EDF Annotations"
#: Widths of the fields that each signal has, in the order in which they stand for all signals.
FIELDS = {
    **{"label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8},
    **{"digital_min": 8, "digital_max": 8, "prefiltering": 80, "n_samples": 8, "reserved": 32},
}
_SCALE = ("physical_min", "physical_max", "digital_min", "digital_max")
_MAX_SIGNALS = 4096
#: A night of many signals beside the ECG, which are not read.
_MAX_BYTES = 8_000_000_000
TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15\d{1,12}(?:\.\d{0,12})?)?\x14")


@dataclass(frozen=True)
class Edf:
    """A file: its header, and where in a data record each signal lies.

    Attributes
    ----------
    signals : the fields of each signal by their name
    places : of each signal, the samples of a data record
    data : (n_records, samples of a data record), read where it is looked at
    """

    head: bytes
    signals: Sequence[dict[str, str]]
    places: Sequence[slice]
    data: NDArray[np.int16]
    seconds: Fraction
    defects: Sequence[str]

    def field(self, start: int, end: int) -> str:
        """A field of the header."""
        return decoded(self.head[start:end]).replace("\x00", " ").strip()

    @property
    def is_plus(self) -> bool:
        """Whether its fields have the parts that EDF+ asks for."""
        return self.field(192, 236).startswith("EDF+")

    def annotations(self) -> Iterator[tuple[int, Fraction, list[str]]]:
        """(data record, onset in seconds, texts) of every list of annotations."""
        for signal, place in zip(self.signals, self.places, strict=True):
            if signal["label"] != ANNOTATIONS:
                continue
            for number, row in enumerate(self.data[:, place]):
                for part in row.tobytes().split(b"\x00"):
                    if found := TAL.match(part):
                        texts = part[found.end() :].split(b"\x14")
                        yield number, Fraction(found[1].decode()), [decoded(one) for one in texts]
                    elif part:
                        yield number, Fraction(0), printable(part)


def opened(path: Path) -> Edf:
    """A file's header, and its data records, which are read where they are looked at."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(256)
        n_signals = _number(head[252:256])
        if not 0 < n_signals <= _MAX_SIGNALS or size < 256 * (n_signals + 1):
            raise DataError("states no signals, or more than its header holds")
        fields = file.read(256 * n_signals)
    signals: list[dict[str, str]] = [{} for _ in range(n_signals)]
    at = 0
    for name, width in FIELDS.items():
        for signal in signals:
            signal[name] = decoded(fields[at : at + width]).replace("\x00", " ").strip()
            at += width
    lengths = [_number(one["n_samples"].encode()) for one in signals]
    if min(lengths) <= 0:
        raise DataError("states a signal of no samples")
    ends = np.cumsum(lengths).tolist()
    places = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    stated = int(_number(head[236:244]))
    there = (size - 256 * (n_signals + 1)) // (2 * ends[-1])
    defects = []
    if stated < 0:
        defects.append("was not closed by its recorder: what is there is read")
    elif there < stated:
        defects.append("the file is shorter than it states")
    n_records = there if stated < 0 else min(stated, there)
    if not n_records:
        raise DataError("holds no samples")
    data = np.memmap(path, "<i2", "r", 256 * (n_signals + 1), (n_records, ends[-1]))
    try:
        seconds = Fraction(head[244:252].decode("ascii").strip("\x00 "))
    except (ValueError, ZeroDivisionError):
        raise DataError("states no sampling frequency that is understood") from None
    return Edf(head, signals, places, data, seconds, defects)


def _number(text: bytes) -> int:
    try:
        return int(text.decode("ascii").strip("\x00 "))
    except ValueError:
        raise DataError("its header holds something else where a number belongs") from None


def _taken(path: Path) -> Taken:
    edf = opened(path)
    ordinary = [
        (signal, place)
        for signal, place in zip(edf.signals, edf.places, strict=True)
        if signal["label"] != ANNOTATIONS
    ]
    if not ordinary:
        raise DataError("holds no waveform")
    if edf.seconds <= 0:
        raise DataError("states no sampling frequency that is understood")
    defects = list(edf.defects)
    starts = _starts(edf, defects)
    n_frames = int(starts[-1]) + 1 + bool(starts[-1] % 1)
    traces = [
        Trace(
            signal["label"],
            signal["unit"] if _gain(signal) else "",
            lambda signal=signal, place=place: _physical(  # type: ignore[misc]
                edf, signal, place, starts, n_frames
            ),
            place.stop - place.start,
            scale=" ".join(signal[name] for name in _SCALE),
        )
        for signal, place in ordinary
    ]
    return Taken(traces, 1 / edf.seconds, n_frames, _facts(edf), defects)


def _starts(edf: Edf, defects: list[str]) -> Sequence[Fraction]:
    """Where each data record begins, in data records from the first."""
    whole = [Fraction(number) for number in range(len(edf.data))]
    if not edf.field(192, 236).startswith("EDF+D"):
        return whole
    onsets: dict[int, Fraction] = {}
    for number, onset, _ in edf.annotations():
        onsets.setdefault(number, onset)  # the first of a data record keeps its time
    if len(onsets) < len(whole):
        defects.append("states no times of its parts, which were joined")
        return whole
    starts = [(onsets[number] - onsets[0]) / edf.seconds for number in range(len(whole))]
    # A data record may begin a little early where clocks are rounded, and not before the last.
    if any(later - early < Fraction(99, 100) for early, later in pairwise(starts)):
        raise DataError("its parts do not follow one another in time")
    if starts[-1] > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    if starts != whole:
        defects.append("is not of one piece: what lies between its parts is missing")
    return starts


def _physical(
    edf: Edf, signal: dict[str, str], place: slice, starts: Sequence[Fraction], n_frames: int
) -> NDArray[np.float64]:
    """A signal in its own unit."""
    gain = _gain(signal)
    if gain is None:
        raise DataError("holds no waveform")
    low, factor, zero = gain
    per_frame = place.stop - place.start
    found = np.full(n_frames * per_frame, np.nan)
    for row, start in zip(edf.data, starts, strict=True):
        at = round(start * per_frame)
        found[at : at + per_frame] = (row[place].astype(np.float64) - zero) * factor + low
    return found


def _gain(signal: dict[str, str]) -> tuple[float, float, float] | None:
    """The lowest value, the size of a step, and the number of the lowest value; None without."""
    names = ("physical_min", "physical_max", "digital_min", "digital_max")
    try:
        low, high, first, last = (float(signal[name].replace(",", ".")) for name in names)
    except ValueError:
        return None
    if not np.isfinite([low, high, first, last]).all() or last <= first or low == high:
        return None
    return low, (high - low) / (last - first), first


def _facts(edf: Edf) -> Facts:
    patient = edf.field(8, 88).split() if edf.is_plus else []
    recording = edf.field(88, 168).split() if edf.is_plus else []
    code, sex, born, *_ = [*patient, "", "", ""]
    start = recording[1] if recording[:1] == ["Startdate"] and len(recording) > 1 else ""
    return facts_of(
        # X is where EDF+ wants to know nothing.
        person="" if code == "X" else code,
        sex="" if sex == "X" else sex,
        born="" if born == "X" else born,
        taken=_dates(edf.field(168, 176), edf.field(176, 184), start),
    )


def _dates(date: str, time: str, start: str) -> list[str]:
    """The date with its time, which has a year of four digits only where EDF+ states it."""
    clock = time.replace(".", ":") if re.fullmatch(r"\d\d\.\d\d\.\d\d", time) else ""
    short = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d\d)", date)
    # Those who hide the date write the first that there is.
    if short and date != "01.01.85" and start != "X":
        year = int(short[3])
        date = f"{year + (1900 if year >= 85 else 2000)}-{short[2]}-{short[1]}"
    elif short or start == "X":
        date = ""
    dates = ["" if start == "X" else start, date]
    return [f"{one} {clock}".strip() if one else "" for one in dates]


def _told(path: Path) -> list[tuple[str, str]]:
    edf = opened(path)
    texts = [
        ("patient", edf.field(8, 88)),
        ("recording", edf.field(88, 168)),
        ("start", f"{edf.field(168, 176)} {edf.field(176, 184)}"),
        ("reserved", edf.field(192, 236)),
    ]
    for signal in edf.signals:
        texts += [
            (f"signal {name}", signal[name])
            for name in ("label", "transducer", "prefiltering", "reserved")
        ]
    for _, _, said in edf.annotations():
        texts += [("annotation text", one) for one in said]
    return texts


def _is_edf(head: Head) -> bool:
    numbers = (head.start[184:192], head.start[236:244], head.start[252:256])
    return (
        head.start.startswith(b"0       ")
        and len(head.start) >= 256
        and all(re.fullmatch(rb"-?\d+ *\x00*", one.lstrip(b" ")) for one in numbers)
    )


READERS.register("edf")(
    Format("EDF and EDF+ (.edf)", (".edf", ".rec"), _is_edf, _taken, _told, _MAX_BYTES)
)

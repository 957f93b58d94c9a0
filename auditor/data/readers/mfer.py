"""MFER (ISO 22077), through ecgdatakit, once its definitions were found to be bounded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, READERS
from auditor.data.readers.comments import Facts
from auditor.data.readers.devices import (
    Format,
    Head,
    Taken,
    day,
    decoded,
    facts_of,
    parsed,
    printable,
    taken_from,
)

_BYTE_ORDER, _CHARACTERS, _CHANNELS, _INTERVAL, _SENSITIVITY = 0x01, 0x03, 0x05, 0x0B, 0x0C
_WAVE, _CHANNEL, _PREAMBLE, _GROUP, _END = 0x1E, 0x3F, 0x40, 0x67, 0x80
_NAME, _ID, _AGE, _SEX, _TIME = 0x81, 0x82, 0x83, 0x84, 0x85
_TEXTS = {
    **{_NAME: "patient name", _ID: "patient id", 0x16: "comment", 0x17: "device"},
    **{0x86: "message", 0x87: "identifier", _PREAMBLE: "preamble", 0x11: "filter"},
}
#: Every one that the standard defines.
_KNOWN = frozenset(
    (*range(0x01, 0x10), 0x11, 0x12, 0x15, 0x16, 0x17, 0x1E, 0x3F, *range(0x40, 0x47), 0x67)
) | frozenset(range(0x80, 0x89))
_SEXES = {0: "", 1: "male", 2: "female", 3: "other"}
_CODECS = {"2022": "iso2022_jp", "0208": "iso2022_jp", "0201": "shift_jis", "8859": "latin-1"}
#: More make a reader work without end.
_MAX_CHANNELS, _MAX_FRAMES, _MAX_DEFINITIONS, _MAX_DEPTH = 256, 10_000, 200_000, 4


class Definition(NamedTuple):
    """A definition of a file.

    Attributes
    ----------
    channel : the bytes of the channel's number, where it is one of a channel
    value : what it states; of a channel or a group, further definitions
    """

    tag: int
    channel: bytes
    value: bytes

    @property
    def holds_others(self) -> bool:
        """Whether its value is definitions."""
        return self.tag in (_CHANNEL, _GROUP)


def definitions(data: bytes) -> Iterator[Definition]:
    """The definitions in some bytes, without those that another holds.

    Raises
    ------
    DataError
        One states no length.
    IndexError
        The bytes end within one.
    """
    at = 0
    while at < len(data):
        tag = data[at]
        at += 1
        if tag == 0x00:
            continue
        if tag == _END:
            return
        start = at
        if tag == _CHANNEL:  # its number, in bytes of which the last is below 128
            while data[at] >= 0x80:
                at += 1
            at += 1
        channel = data[start:at]
        length = data[at]
        at += 1
        if length == 0x80:
            raise DataError("holds definitions of no stated length, which are not read")
        if length > 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        yield Definition(tag, channel, data[at : at + length])
        at += length


def _all(data: bytes, depth: int = 0) -> Iterator[tuple[int, bytes]]:
    """The (tag, value) pairs of a file, those of channels and groups among them."""
    for one in definitions(data):
        yield one.tag, one.value
        if one.holds_others:
            if depth >= _MAX_DEPTH:
                raise DataError("is damaged, or not what it begins as")
            yield from _all(one.value, depth + 1)


def stated_in(data: bytes) -> list[tuple[int, bytes]]:
    """The definitions of a file, if they are of a bounded number."""
    found: list[tuple[int, bytes]] = []
    try:
        for one in _all(data):
            found.append(one)
            if len(found) > _MAX_DEFINITIONS:
                raise DataError("holds more definitions than are read")
    except IndexError:
        raise DataError("is shorter than it states, or its sizes disagree") from None
    return found


def order_of(stated: list[tuple[int, bytes]]) -> str:
    """The order of bytes in numbers, as `struct` writes it."""
    return "<" if any(tag == _BYTE_ORDER and value[:1] == b"\x01" for tag, value in stated) else ">"


def _taken(path: Path) -> Taken:
    stated = stated_in(path.read_bytes())
    order = "little" if order_of(stated) == "<" else "big"
    counts = [value for tag, value in stated if tag == _CHANNELS]
    if any(int.from_bytes(one, order) > _MAX_CHANNELS for one in counts):  # type: ignore[arg-type]
        raise DataError(f"states more than {_MAX_CHANNELS} signals")
    if sum(tag == _WAVE for tag, _ in stated) > _MAX_FRAMES:
        raise DataError(f"holds its waveform in more than {_MAX_FRAMES:,} parts")
    record, notes = parsed("mfer.MFERParser", path)
    rates = [
        Fraction(rate).limit_denominator(1_000_000)
        for rate in record.raw_metadata.get("sampling_rates", ())
    ]
    leads = record.leads if len(rates) == len(record.leads) else []
    return taken_from(leads, rates, facts=_facts(stated), defects=notes)


def _facts(stated: list[tuple[int, bytes]]) -> Facts:
    said = dict(stated)
    sex, age = said.get(_SEX, b""), said.get(_AGE, b"")
    # An age of no years and no days is none.
    years = f"{age[0]}" if len(age) >= 1 and any(age[:3]) and age[0] != 0xFF else ""
    born, taken = _days(stated)
    return facts_of(
        person=decoded(said.get(_ID, b""), _codec(said)).replace("\x00", " "),
        ages=[(years, "years")],
        sex=_SEXES.get(sex[0], f"code {sex[0]}") if sex else "",
        born=born,
        taken=[taken],
    )


def _codec(said: dict[int, bytes]) -> str:
    """How texts are written."""
    characters = decoded(said.get(_CHARACTERS, b""), "ascii")
    return next((codec for part, codec in _CODECS.items() if part in characters), "utf-8")


def _days(stated: list[tuple[int, bytes]]) -> tuple[str, str]:
    """The dates of birth and of the recording."""
    said, order = dict(stated), order_of(stated)
    age, time = said.get(_AGE, b""), said.get(_TIME, b"")
    born = day(*struct.unpack_from(f"{order}HBB", age, 3)) if len(age) >= 7 else ""
    taken = day(*struct.unpack_from(f"{order}HBB", time)) if len(time) >= 4 else ""
    clock = " {:02d}:{:02d}:{:02d}".format(*time[4:7]) if len(time) >= 7 else ""
    return born, f"{taken}{clock}" if taken else ""


def _told(path: Path) -> list[tuple[str, str]]:
    stated = stated_in(path.read_bytes())
    codec = _codec(dict(stated))
    born, taken = _days(stated)
    found = [("birth date", born), ("recording date", taken)]
    for tag, value in stated:
        if tag in _TEXTS:
            found.append((_TEXTS[tag], decoded(value, codec).replace("\x00", " ")))
        elif tag not in (_WAVE, _CHANNEL, _GROUP):
            found += [(f"tag {tag:02x}", text) for text in printable(value)]
    return found


def _is_mfer(head: Head) -> bool:
    """It begins with the preamble, or with definitions that say how its samples are to be read."""
    if head.start[0:1] == b"\x40" and head.start[2:6] == b"MFR ":
        return True
    seen: dict[int, int] = {}
    try:
        for tag, value in _all(head.start):
            if tag not in _KNOWN or (tag == _BYTE_ORDER and value not in (b"\x00", b"\x01")):
                return False
            if tag == _WAVE:
                break
            seen[tag] = len(value)
    except (IndexError, DataError):
        return False
    return all(3 <= seen.get(tag, 0) <= 8 for tag in (_INTERVAL, _SENSITIVITY))


READERS.register("mfer")(
    Format("MFER (.mwf)", (".mwf", ".mfer", ".mfr"), _is_mfer, _taken, _told, MAX_SAMPLES)
)

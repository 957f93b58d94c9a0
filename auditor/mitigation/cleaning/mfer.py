"""MFER (ISO 22077): definitions of numbers and samples are handed on, all others written anew."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

from auditor.data.readers.mfer import definitions, order_of, stated_in
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Said, Task

_PREAMBLE, _ID, _AGE, _SEX, _TIME = 0x40, 0x82, 0x83, 0x84, 0x85
_ORDER, _WAVE, _END = 0x01, 0x1E, 0x80
#: Definitions of numbers → bytes beyond which what stands in them is text: a lead and a kind of
#: waveform are two bytes, and then words.
_NUMBERS = {
    **dict.fromkeys((0x01, 0x02, 0x04, 0x05, 0x06, 0x07, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x12), 8),
    **{0x08: 2, 0x09: 2},
}
_SEXES = {None: 0, "male": 1, "female": 2}


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    data = task.path.read_bytes()
    stated = stated_in(data)  # refuses what is damaged or without bound
    order = order_of(stated)
    yield Piece(task.said.name, [_file(data, order, task.said, count)])


def _file(data: bytes, order: str, said: Said, count: Counter[str]) -> bytes:
    whole = _definition(_PREAMBLE, b"MFR ".ljust(32))
    whole += _definition(_ORDER, b"\x01" if order == "<" else b"\x00")
    whole += _definition(_ID, said.subject.encode("ascii"))
    if said.age is not None:
        whole += _definition(_AGE, bytes((min(int(said.age), 255),)) + bytes(6))
    if said.sex is not None:
        whole += _definition(_SEX, bytes((_SEXES[said.sex],)))
    if said.day:
        day = struct.pack(f"{order}HBB", said.day.year, said.day.month, said.day.day)
        whole += _definition(_TIME, day + bytes(7))
    return whole + _kept(data, count) + bytes((_END, 0))


def _kept(data: bytes, count: Counter[str]) -> bytes:
    """The definitions that may be told, in their order, those of channels among them."""
    kept = []
    for one in definitions(data):
        tag, channel, value = one
        if one.holds_others:
            kept.append(_definition(tag, _kept(value, count), channel))
        elif tag == _WAVE:
            kept.append(_definition(tag, value))
        elif tag in _NUMBERS:
            if tag != _ORDER:
                kept.append(_definition(tag, value[: _NUMBERS[tag]]))
            count["words in definitions"] += len(value) > _NUMBERS[tag]
        else:
            count["definitions about people, places and equipment"] += any(value)
    return b"".join(kept)


def _definition(tag: int, value: bytes, channel: bytes = b"") -> bytes:
    size = len(value)
    length = bytes((size,)) if size < 0x80 else b"\x84" + struct.pack(">I", size)
    return bytes((tag,)) + channel + length + value


CLEANERS.register("mfer")(Cleaner(_pieces, ".mwf"))

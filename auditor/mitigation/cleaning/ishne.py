"""ISHNE Holter recordings: fields of the header are blanked where they stand, and its sum renewed.

Badilini F., The ISHNE Holter standard output file format, Ann Noninvasive Electrocardiol
3:263-266, 1998.
"""

from __future__ import annotations

import binascii
import struct
from collections import Counter
from collections.abc import Iterator

from auditor.core.errors import DataError
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Said, Task, copied

_HEADER, _SUMMED = 522, 10
#: Fields of text, of race, and the dates of birth and of the file: (first byte, length).
_TEXTS = {
    **{"names and numbers of people": (28, 100), "fields about equipment": (232, 40)},
    **{"words of makers": (274, 160), "reserved fields": (434, 88)},
}
_ID, _SEX, _RACE, _BIRTH, _TAKEN, _FILE = (108, 20), 128, 130, 132, 138, 144
_CLOCK = 150
_SEXES = {None: 0, "male": 1, "female": 2}
_UNKNOWN = -9


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    yield Piece(task.said.name, _content(task, task.said, count))


def _content(task: Task, said: Said, count: Counter[str]) -> Iterator[bytes]:
    with task.path.open("rb") as file:
        head = bytearray(file.read(_HEADER))
        comments, _, _, data = struct.unpack_from("<iiii", head, 10)
        if not _HEADER <= data <= 1 << 24 or not 0 <= comments <= data - _HEADER:
            raise DataError("its header states sizes that disagree")
        rest = file.read(data - _HEADER)
    for what, (at, length) in _TEXTS.items():
        count[what] += any(head[at : at + length])
        head[at : at + length] = bytes(length)
    count["comments"] += any(rest)
    at, length = _ID
    head[at : at + length] = said.subject.encode("ascii").ljust(length, b"\x00")[:length]
    struct.pack_into("<hh", head, _SEX, _SEXES[said.sex], 0)
    struct.pack_into("<3h", head, _BIRTH, *[_UNKNOWN] * 3)
    day = (said.day.day, said.day.month, said.day.year) if said.day else [_UNKNOWN] * 3
    struct.pack_into("<3h", head, _TAKEN, *day)
    struct.pack_into("<3h", head, _FILE, *[_UNKNOWN] * 3)
    struct.pack_into("<3h", head, _CLOCK, 0, 0, 0)
    whole = bytes(head) + bytes(len(rest))
    summed = whole[_SUMMED : _HEADER + comments]
    yield whole[:8] + struct.pack("<H", binascii.crc_hqx(summed, 0xFFFF)) + whole[_SUMMED:]
    yield from copied(task.path, data)


CLEANERS.register("ishne")(Cleaner(_pieces, ".ecg"))

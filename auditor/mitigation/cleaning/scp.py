"""SCP-ECG: the section about the person is written anew, those of samples are handed on.

EN 1064 (ISO 11073-91064): sections 2 to 6 hold codes, leads, beats and samples; all others hold
measurements, statements and what makers add, and are left out.
"""

from __future__ import annotations

import binascii
import struct
from collections import Counter
from collections.abc import Iterator

from auditor.data.readers.scp import sections_of, tags_of
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Said, Task

_HEADER, _N_SECTIONS = 16, 12
_KEPT = (2, 3, 4, 5, 6)
#: Tags of the first section: those that are written anew, and those of numbers about filters.
_ID, _AGE, _SEX, _DEVICE, _DAY, _TIME = 2, 4, 8, 14, 25, 26
_FILTERS = (27, 28, 29)
_SEXES = {None: 9, "male": 1, "female": 2}
#: Of the device what says how its file is to be read: protocol, level, language, abilities, mains.
_DEVICE_KEPT, _DEVICE_LENGTH = slice(14, 19), 41


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    data = task.path.read_bytes()
    found = sections_of(data)
    count["sections of measurements and statements"] += sum(
        number not in (0, 1, *_KEPT) for number in found
    )
    yield Piece(task.said.name, [_file(found, task.said, count)])


def _file(found: dict[int, bytes], said: Said, count: Counter[str]) -> bytes:
    bodies = {1: _person(tags_of(found.get(1, b"")), said, count)}
    bodies |= {number: found[number] for number in _KEPT if number in found}
    size = _HEADER + 10 * _N_SECTIONS
    pointers, sections = b"", b""
    for number in range(_N_SECTIONS):
        section = _section(number, bodies[number]) if number in bodies else b""
        at = 6 + size + len(sections) + 1
        length, start = (size, 7) if not number else (len(section), at if section else 0)
        pointers += struct.pack("<HII", number, length, start)
        sections += section
    whole = struct.pack("<I", 6 + size + len(sections)) + _section(0, pointers) + sections
    return struct.pack("<H", binascii.crc_hqx(whole, 0xFFFF)) + whole


def _section(number: int, body: bytes) -> bytes:
    body += b"\x00" * (len(body) % 2)
    named = b"SCPECG" if not number else b""
    rest = struct.pack("<HIBB6s", number, _HEADER + len(body), 20, 20, named) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def _person(tags: list[tuple[int, bytes]], said: Said, count: Counter[str]) -> bytes:
    """The first section, in the order of its tags."""
    held = dict(reversed(tags))
    written = {_ID: said.subject.encode("ascii") + b"\x00"}
    if said.age is not None:
        written[_AGE] = struct.pack("<HB", int(said.age), 1)
    if said.sex is not None:
        written[_SEX] = bytes((_SEXES[said.sex],))
    device = bytearray(_DEVICE_LENGTH)
    if len(held.get(_DEVICE, b"")) >= _DEVICE_KEPT.stop:
        device[_DEVICE_KEPT] = held[_DEVICE][_DEVICE_KEPT]
    written[_DEVICE] = bytes(device)
    if said.day:
        written[_DAY] = struct.pack("<HBB", said.day.year, said.day.month, said.day.day)
        written[_TIME] = bytes(3)
    # A kept tag of another length than its numbers have could hold a text.
    written |= {tag: held[tag] for tag in _FILTERS if 0 < len(held.get(tag, b"")) <= 8}
    count["fields about people, places and equipment"] += sum(
        tag not in written for tag, value in tags if value
    )
    body = b"".join(
        bytes((tag,)) + struct.pack("<H", len(value)) + value
        for tag, value in sorted(written.items())
    )
    return body + b"\xff\x00\x00"


CLEANERS.register("scp")(Cleaner(_pieces, ".scp"))

"""SCP-ECG, through ecgdatakit; what its first section says of the person is read here."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

from auditor.core.errors import DataError
from auditor.data.readers.base import READERS
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

#: Ten seconds take some tens of kilobytes; a bit may be a sample.
_MAX_BYTES, _MAX_SAMPLES = 8_000_000, 20_000_000
_HEADER = 16
#: Sections of tables and samples, which hold no text.
_NO_TEXT = frozenset((0, 1, 2, 3, 4, 5, 6))
_TAGS = {
    **{0: "last name", 1: "first name", 2: "patient id", 3: "second last name", 10: "drugs"},
    **{13: "diagnosis", 14: "device", 15: "analysing device", 16: "institution"},
    **{17: "analysing institution", 18: "department", 19: "analysing department"},
    **{20: "referring physician", 21: "confirming physician", 22: "technician", 23: "room"},
    **{30: "comment", 31: "sequence number", 34: "time zone", 35: "medical history"},
}
_PATIENT, _BIRTH, _TAKEN = 2, 5, 25
#: Tags of numbers, which hold no text.
_NUMBERS = frozenset((4, 5, 6, 7, 8, 9, 11, 12, 24, 25, 26, 27, 28, 29, 32, 33))
_AGE_UNITS = {1: "years", 2: "months", 3: "weeks", 4: "days"}
_SEXES = {0: "", 1: "male", 2: "female", 9: ""}


def sections_of(data: bytes) -> dict[int, bytes]:
    """What stands in each section, behind its header."""
    found = {}
    (length,) = struct.unpack_from("<I", data, 10)
    for at in range(6 + _HEADER, min(6 + length, len(data)) - 9, 10):
        number, size, index = struct.unpack_from("<HII", data, at)
        if number and size > _HEADER and 0 < index <= len(data):
            found[number] = data[index - 1 : index - 1 + size][_HEADER:]
    return found


def tags_of(section: bytes) -> list[tuple[int, bytes]]:
    """The (tag, value) pairs of the first section."""
    found = []
    at = 0
    while at + 3 <= len(section) and section[at] != 255:
        tag, length = section[at], section[at + 1] + 256 * section[at + 2]
        found.append((tag, section[at + 3 : at + 3 + length]))
        at += 3 + length
    return found


def _taken(path: Path) -> Taken:
    data = path.read_bytes()
    sections = sections_of(data)
    leads = sections.get(3, b"\x00")
    ranges = [
        struct.unpack_from("<II", leads, at)
        for at in range(2, min(2 + 9 * leads[0], len(leads) - 8), 9)
    ]
    # Room is made for as many samples as are stated, before any is looked for.
    if sum(max(last - first + 1, 0) for first, last in ranges) > min(8 * len(data), _MAX_SAMPLES):
        raise DataError("states more samples than it holds, or than are opened at once")
    record, notes = parsed("scp_ecg.SCPECGParser", path)
    interval = record.raw_metadata["rhythm_sample_interval_us"]
    rates = [Fraction(1_000_000, interval)] * len(record.leads)
    return taken_from(record.leads, rates, facts=_facts(sections), defects=notes)


def _date(value: bytes) -> str:
    return day(*struct.unpack_from("<HBB", value)) if len(value) >= 4 else ""


def _facts(sections: dict[int, bytes]) -> Facts:
    said = dict(reversed(tags_of(sections.get(1, b""))))
    age, sex, clock = said.get(4, b""), said.get(8, b""), said.get(26, b"")
    ages = []
    if len(age) >= 3 and (number := int.from_bytes(age[:2], "little")):
        ages.append((str(number), _AGE_UNITS.get(age[2], "no unit")))
    time = " {:02d}:{:02d}:{:02d}".format(*clock[:3]) if len(clock) >= 3 else ""
    taken = _date(said.get(_TAKEN, b""))
    return facts_of(
        person=_text(said.get(_PATIENT, b"")),
        ages=ages,
        sex=_SEXES.get(sex[0], f"code {sex[0]}") if sex else "",
        born=_date(said.get(_BIRTH, b"")),
        taken=[f"{taken}{time}" if taken else ""],
    )


def _told(path: Path) -> list[tuple[str, str]]:
    sections = sections_of(path.read_bytes())
    found: list[tuple[str, str]] = []
    for tag, value in tags_of(sections.get(1, b"")):
        where = _TAGS.get(tag, f"tag {tag}")
        if tag in (_BIRTH, _TAKEN):
            found.append(("birth date" if tag == _BIRTH else "recording date", _date(value)))
        elif tag in (14, 15):  # numbers, and texts behind one another
            found += [(where, text) for text in printable(value)]
        elif tag not in _NUMBERS:
            found.append((where, _text(value)))
    for number, section in sections.items():
        if number not in _NO_TEXT:
            found += [(f"section {number}", text) for text in printable(section)]
    return found


def _text(value: bytes) -> str:
    """A text of one byte a letter or, where every second byte is empty, of two."""
    if len(value) > 3 and not any(value[1::2]) and any(value[0:-2:2]):
        value = value.decode("utf-16-le", "replace").encode()
    return decoded(value).replace("\x00", " ")


def _is_scp(head: Head) -> bool:
    if len(head.start) < 32:
        return False
    size, section, length = struct.unpack_from("<I2xHI", head.start, 2)
    first, _, index = struct.unpack_from("<HII", head.start, 22)
    return (
        section == first == 0
        and index == 7
        and 26 <= length <= size - 6
        and (length - _HEADER) % 10 == 0
    )


READERS.register("scp")(Format("SCP-ECG (.scp)", (".scp",), _is_scp, _taken, _told, _MAX_BYTES))

"""The classes of identifier, the law that names each, and what is found of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

NAME, PLACE, DATE, AGE_OVER_89 = "name", "place", "date", "age over 89"
PHONE, MAIL, WEB, IP = "phone", "mail", "web address", "ip address"
NATIONAL, RECORD, INSURANCE = "national number", "record number", "insurance number"
ACCOUNT, LICENCE, VEHICLE = "account number", "licence number", "vehicle"
DEVICE, BIOMETRIC, PHOTO, OTHER = "device", "biometric", "photo", "other number"
FREE_TEXT = "free text"
#: Told of a whole column, and never for sure.
CODE = "code, another for each person"

#: Class → letters of 45 CFR 164.514(b)(2)(i). European law has no such list: all of these are
#: "an identifier" of GDPR art. 4(1), national numbers those of art. 87 too, and biometric data and
#: photographs those of art. 9(1) and recital 51.
HIPAA = {
    NAME: "A", PLACE: "B", DATE: "C", AGE_OVER_89: "C", PHONE: "DE", MAIL: "F", NATIONAL: "G",
    RECORD: "H", INSURANCE: "I", ACCOUNT: "J", LICENCE: "K", VEHICLE: "L", DEVICE: "M", WEB: "N",
    IP: "O", BIOMETRIC: "P", PHOTO: "Q", OTHER: "R",
}  # fmt: skip

#: Classes that identify by themselves; an age is judged by a rule of its own.
DIRECT = tuple(kind for kind in HIPAA if kind != AGE_OVER_89)


class Hit(NamedTuple):
    """An identifier in a text.

    Attributes
    ----------
    start, stop : where it stands, as indices of the text
    rule : how it was told, in words
    sure : whether it is one without doubt: by a check digit, a key beside it, or a form that
        nothing else has; else a person has to look
    """

    kind: str
    start: int
    stop: int
    rule: str
    sure: bool = True


@dataclass(frozen=True)
class Column:
    """What a column of a table holds: as `Hit`, of all of its cells."""

    kind: str
    rule: str
    sure: bool = True

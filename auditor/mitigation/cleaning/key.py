"""The secret that pseudonyms, dates and numbers of a copy are derived from.

All of them are HMAC-SHA256 (RFC 2104) of what they stand for, so that whoever lacks the key can
neither compute them nor find a name by trying all that there are, as a bare hash lets them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from auditor.core.errors import ConfigError
from auditor.core.files import atomic_write

#: Letters of a pseudonym: no vowel, so that it is no word, and no figure, so that it is no number.
_LETTERS, _LENGTH = "bcdfghjklmnpqrstvwxz", 16
#: Days by which a person's dates are moved: by 100 to 200 years, past every real date.
_FEWEST_DAYS, _RANGE = 36_525, 36_525
_WRITTEN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Key:
    """32 random bytes."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Key:
        """A key that nobody has."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def read(cls, path: Path) -> Key:
        """A key that was kept.

        Raises
        ------
        ConfigError
            It is no key, or others may read it.
        """
        try:
            if not path.is_file():
                raise ConfigError(f"{path}: is no file; name a key file, or one that is not there")
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise ConfigError(
                    f"{path}: others than its owner may read it; say `chmod 600` of it"
                )
            with path.open("rb") as file:
                text = file.read(100).decode("ascii", "replace").strip()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        if not _WRITTEN.fullmatch(text):
            raise ConfigError(f"{path}: is no key; wanted 64 digits of base 16 on one line")
        return cls(bytes.fromhex(text))

    def write(self, path: Path) -> None:
        """Keep it, for its owner alone."""
        with atomic_write(path) as file:
            file.write(self.secret.hex().encode() + b"\n")

    def name(self, kind: str, *told: str) -> str:
        """A pseudonym of 69 bits for what is of one kind and called so."""
        number = self._number(kind, *told)
        letters = []
        for _ in range(_LENGTH):
            number, at = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[at])
        return "".join(letters)

    def days(self, subject: str) -> int:
        """By how many days the dates of a person are moved."""
        return _FEWEST_DAYS + self._number("days", subject) % _RANGE

    def uid(self, told: str) -> str:
        """A DICOM UID for another, under the root of UUIDs (PS3.5 B.2)."""
        return f"2.25.{self._number('uid', told) >> 128}"

    def _number(self, kind: str, *told: str) -> int:
        text = "\0".join((kind, *told)).encode(errors="surrogateescape")
        return int.from_bytes(hmac.digest(self.secret, text, hashlib.sha256), "big")

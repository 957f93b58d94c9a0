"""Records as plain text: `NAME.ecg`, a line of leads, one of the rate, then a line a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auditor.core.errors import DataError
from auditor.data.readers.base import READERS, Read, lead_name, natural


class Plain:
    """One lead a column, mV, with spaces between."""

    title = "plain records (.ecg)"
    suffixes: tuple[str, ...] = (".ecg",)
    by_name = True

    def find(self, root: Path) -> list[str]:
        """The records under a folder."""
        found = root.rglob("*.ecg")
        return sorted(
            (one.relative_to(root).with_suffix("").as_posix() for one in found), key=natural
        )

    def read(self, root: Path, record: str) -> Read:
        """One record."""
        path = root / f"{record}.ecg"
        leads, fs, *rows = path.read_text("utf-8").splitlines()
        try:
            signal = np.array([row.split() for row in rows], dtype=np.float32).T
        except ValueError:
            raise DataError("its samples are no numbers") from None
        names = tuple(lead_name(one) for one in leads.split())
        return Read(np.ascontiguousarray(signal), float(fs), names, files=(path,))

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """The file's name."""
        return [("file name", record)]


READERS.register("plain")(Plain())

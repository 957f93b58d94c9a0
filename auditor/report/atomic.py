"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path | str, text: str) -> None:
    """Put a text at a path; a reader sees the old file or the new one, never a part of it."""
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise

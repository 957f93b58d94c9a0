"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path | str, content: str | bytes) -> None:
    """Put text or bytes at a path; a reader sees the old file or the new one, never a part."""
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):  # writing does not say which file it was
            error.filename = str(path)
        raise

"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auditor.core.errors import ConfigError


@contextmanager
def atomic_write(path: Path, *, private: bool = True) -> Iterator[BinaryIO]:
    """A file for writing that appears at `path` whole, or not at all.

    Parameters
    ----------
    private : whether only its owner may read it; else as the process's own mask says

    Raises
    ------
    ConfigError
        What stands there is no ordinary file.
    OSError
        It cannot be written; the error names it.
    """
    if path.exists() and not path.is_file():
        # A device or a folder is not taken for a file and put away.
        raise ConfigError(f"{path}: is no ordinary file; name another one")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        mode = 0o600 if private else 0o666
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):  # writing does not say which file it was
            error.filename = str(path)
        raise


def replace(path: Path | str, content: str | bytes) -> None:
    """Put text or bytes at a path; a reader sees the old file or the new one, never a part."""
    with atomic_write(Path(path), private=False) as file:
        file.write(content.encode() if isinstance(content, str) else content)

"""What was computed from a release, kept on disk between scans.

One folder per release and settings, named by their fingerprints: arrays as `.npy` files that are
mapped, not loaded, and tables as Parquet. Files appear whole or not at all, only their owner can
read them, and the folder can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import ConfigError
from auditor.core.files import atomic_write

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_digest() -> str:
    """A digest of this package's code, words and weights.

    What they computed is kept under it: whatever is changed in them, nothing old is read.
    """
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*")):
        if file.suffix in (".py", ".yaml", ".safetensors"):
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def store_root() -> Path:
    """Where stores are kept: `$AUDITOR_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("AUDITOR_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor"


@dataclass(frozen=True)
class Store:
    """The folder of one release under one set of settings."""

    root: Path

    @classmethod
    def of(cls, fingerprint: str, settings: Mapping[str, Any]) -> Store:
        """The store of the release with this fingerprint, under these settings and this code."""
        key = json.dumps([fingerprint, dict(settings), code_digest()], sort_keys=True)
        root = store_root() / hashlib.sha256(key.encode()).hexdigest()[:32]
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"cannot keep intermediate results in {store_root()}: {error.strerror}; "
                "point AUDITOR_CACHE at a folder you may write"
            ) from error
        return cls(root)

    def __contains__(self, name: str) -> bool:
        return (self.root / name).exists()

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array."""
        self._put(name, lambda file: np.save(file, array, allow_pickle=False))

    def array(self, name: str) -> NDArray[Any]:
        """A kept array, mapped read-only."""
        mapped: NDArray[Any] = np.load(self.root / name, mmap_mode="r", allow_pickle=False)
        return mapped

    def put_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table."""
        self._put(name, table.to_parquet)

    def table(self, name: str) -> pd.DataFrame:
        """A kept table."""
        return pd.read_parquet(self.root / name)

    def _put(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        try:
            with atomic_write(self.root / name) as file:
                write(file)
        except OSError as error:
            # Of an array that was written in part numpy says no reason.
            why = error.strerror or "not all of a file could be written"
            raise ConfigError(
                f"cannot keep intermediate results in {self.root.parent}: {why}; "
                "free some space, or point AUDITOR_CACHE elsewhere"
            ) from error

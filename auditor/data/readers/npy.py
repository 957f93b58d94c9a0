"""NumPy's `.npy` and `.npz`: no object is loaded, and what a header states is checked first."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from auditor.core.errors import DataError
from auditor.data.readers.samples import (
    FAMILIES,
    MOST_ARRAYS,
    MOST_TEXT,
    MOST_UNPACKED,
    Array,
    Held,
    SamplesRule,
    Shape,
    check,
    chosen,
    is_numeric,
)

_ARRAY, _ARCHIVE = b"\x93NUMPY", b"PK\x03\x04"
#: Letters of a header, which is read as a literal of Python.
_MAX_HEADER = 10_000


class NumPy:
    """Arrays of NumPy."""

    title = "arrays of NumPy that auditor.yaml describes (.npy, .npz)"
    is_flat = False
    suffixes: tuple[str, ...] = (".npy", ".npz")

    def known(self, path: Path) -> bool:
        """It begins as an array, or as an archive and is called `.npz`."""
        start = _start(path)
        return start.startswith(_ARRAY) or (
            start.startswith(_ARCHIVE) and path.suffix.lower() == ".npz"
        )

    def held(self, path: Path, rule: SamplesRule) -> Held:
        """The array of a file, or the one of several that the rule leaves."""
        if _start(path).startswith(_ARRAY):
            with path.open("rb") as file:
                dtype, shape, order = _header(file)
                at = file.tell()
            if not is_numeric(dtype):
                raise DataError("holds no array of numbers")
            check(shape, rule)
            if path.stat().st_size != at + dtype.itemsize * prod(shape):
                raise DataError("is shorter or longer than it states")
            return chosen({"": np.memmap(path, dtype, "r", at, shape, order)}, rule)
        arrays: dict[str, Array] = {}
        texts: list[str] = []
        for name, array in _members(path):
            if is_numeric(array.dtype):
                arrays[name] = array
            else:
                texts += [f"{name}: {_text(one)}" for one in array.ravel().tolist()]
        return chosen(arrays, rule, texts)

    def shapes(self, path: Path) -> list[Shape]:
        """Of arrays of numbers, as their headers state them."""
        if _start(path).startswith(_ARRAY):
            with path.open("rb") as file:
                dtype, shape, _ = _header(file)
            return [shape] if is_numeric(dtype) else []
        with zipfile.ZipFile(path) as archive:
            found = []
            for one in archive.infolist()[:MOST_ARRAYS]:
                with archive.open(one) as member:
                    dtype, shape, _ = _header(member)
                found += [shape] if is_numeric(dtype) else []
        return found


FAMILIES.register("numpy")(NumPy())


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError:
        return b""


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], Shape, Any]:
    """Type, extent and order of an array, as its header states them."""
    version = np.lib.format.read_magic(file)
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise DataError("is of a version of its format that is not known")
    shape, by_columns, dtype = readers[version](file, max_header_size=_MAX_HEADER)
    if dtype.hasobject:
        raise DataError("holds objects of Python, which are never loaded")
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise DataError("is shorter or longer than it states")
    return dtype, shape, "F" if by_columns else "C"


def _members(path: Path) -> Iterator[tuple[str, Array]]:
    """The arrays of an archive, none of them unpacked to more than it states."""
    left = MOST_UNPACKED
    with zipfile.ZipFile(path) as archive:
        inner = archive.infolist()
        if len(inner) > MOST_ARRAYS:
            raise DataError(f"holds more than {MOST_ARRAYS:,} arrays")
        for one in inner:
            if not one.filename.endswith(".npy"):
                raise DataError("holds a file that is no array")
            with archive.open(one) as member:
                dtype, shape, order = _header(member)
                size = dtype.itemsize * prod(shape)
                if not is_numeric(dtype) and (dtype.names or size > MOST_TEXT):
                    raise DataError("holds more text, or other values, than is read")
                left -= size
                if left < 0:
                    raise DataError(
                        f"larger than the {MOST_UNPACKED:,} bytes that are opened at once"
                    )
                content = member.read(size + 1)
            if len(content) != size:
                raise DataError("is shorter or longer than it states")
            array = np.frombuffer(content, dtype) if size else np.empty(0, dtype)
            yield one.filename.removesuffix(".npy"), array.reshape(shape, order=order)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

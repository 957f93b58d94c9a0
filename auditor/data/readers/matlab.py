"""MATLAB files: version 5 through scipy, 7.3 (HDF5) through h5py.

The elements of version 5 are walked here first ("MAT-File Format", The MathWorks, R2023a): scipy
makes room for whatever an element states. Numbers, texts, cells and structs are read; a file that
holds objects, functions or sparse arrays is refused, for what they say is not known. Files of WFDB,
which lie beside their header, are none of these.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from auditor.core.errors import DataError
from auditor.data.readers.hdf5 import check_chunks, check_stored, opened_hdf5, values_of, want
from auditor.data.readers.samples import (
    FAMILIES,
    MOST_ARRAYS,
    MOST_TEXT,
    MOST_UNPACKED,
    Array,
    Held,
    SamplesRule,
    Shape,
    chosen,
    is_numeric,
)

_HEADER, _TEXT_OF_HEADER = 128, 116
_FIVE, _SEVEN = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"
#: Bytes of a number of each type that an element may be of.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _NUMBERS = 1, 2, 4, range(6, 16)
#: Structs and cells lie no deeper in one another.
_MAX_DEPTH = 8
_OTHERS = "holds objects, functions, sparse or complex arrays, which are not read"


@dataclass
class _Contents:
    """The arrays and texts of a file, by their path: `ECG.data`."""

    arrays: dict[str, Array] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def add(self, name: str, values: Any) -> None:
        """A value, and all within it."""
        waiting = [(name, values)]
        while waiting:
            name, one = waiting.pop()
            if len(self.arrays) + len(self.texts) >= MOST_ARRAYS:
                raise DataError(f"holds more than {MOST_ARRAYS:,} arrays and texts")
            if one.dtype.names:
                for at, row in enumerate(one.ravel()):
                    own = name if one.size == 1 else f"{name}({at + 1})"
                    waiting += [(f"{own}.{part}", row[part]) for part in one.dtype.names]
            elif one.dtype.kind == "O":
                inner = enumerate(one.ravel())
                waiting += [(f"{name}{{{at + 1}}}", np.asarray(value)) for at, value in inner]
            elif one.dtype.kind in "US":
                self.texts += [f"{name}: {text}" for text in one.ravel().tolist()]
            elif is_numeric(one.dtype):
                self.arrays[name] = one
            else:
                raise DataError(_OTHERS)


class Matlab:
    """MATLAB files."""

    title = "MATLAB files that auditor.yaml describes (.mat)"
    is_flat = False
    suffixes: tuple[str, ...] = (".mat",)

    def known(self, path: Path) -> bool:
        """It says so in its first bytes."""
        try:
            with path.open("rb") as file:
                return file.read(len(_FIVE)) in (_FIVE, _SEVEN)
        except OSError:
            return False

    def held(self, path: Path, rule: SamplesRule) -> Held:
        """The one array that the rule leaves, and what is said beside it."""
        found, header = _contents(path)
        return chosen(found.arrays, rule, found.texts, told=lambda: [("header", header)])

    def shapes(self, path: Path) -> list[Shape]:
        """Of all arrays of numbers."""
        return [one.shape for one in _contents(path)[0].arrays.values()]


FAMILIES.register("matlab")(Matlab())


def _contents(path: Path) -> tuple[_Contents, str]:
    """What a file holds, and the text it begins with."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
        header = head[:_TEXT_OF_HEADER].decode("latin-1").replace("\x00", " ").strip()
        if head.startswith(_SEVEN):
            return _of_hdf5(path), header
        if path.stat().st_size > MOST_UNPACKED:
            raise DataError(f"larger than the {MOST_UNPACKED:,} bytes that are opened at once")
        raw = file.read()
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None or len(head) < _HEADER:
        raise DataError("is shorter than it states, or its sizes disagree")
    from scipy.io import loadmat

    plain = _unpacked(raw, order)
    # The offset of what belongs to objects is left out with them.
    start = head[:_TEXT_OF_HEADER] + bytes(8) + head[124:]
    whole: Mapping[str, Any] = loadmat(io.BytesIO(start + plain), chars_as_strings=True)
    found = _Contents()
    for name, values in whole.items():
        if not name.startswith("__"):
            found.add(name, values)
    return found, header


def _unpacked(raw: bytes, order: str) -> bytes:
    """The variables of version 5, unpacked, each of them walked."""
    parts: list[bytes] = []
    names: list[bytes] = []
    left, at, n = MOST_UNPACKED, 0, 0
    while at + 8 <= len(raw):
        kind, size = struct.unpack_from(f"{order}II", raw, at)
        if at + 8 + size > len(raw):
            raise DataError("is shorter than it states, or its sizes disagree")
        part = raw[at : at + 8 + size]
        at += 8 + size
        if kind == _COMPRESSED:
            unpacking = zlib.decompressobj()
            part = unpacking.decompress(part[8:], left + 1)
            if not unpacking.eof and len(part) <= left:
                raise DataError("is shorter than it states, or its sizes disagree")
        left -= len(part)
        n += 1
        if left < 0 or n > MOST_ARRAYS:
            raise DataError(f"larger than the {MOST_UNPACKED:,} bytes that are opened at once")
        kind, inner, end = _element(part, 0, order)
        if kind != _MATRIX or end > len(part) + 7:
            raise DataError("is damaged, or not what it begins as")
        names.append(_walk(inner, order, 0))
        if len(set(names)) < len(names):
            raise DataError("holds two variables of one name")
        parts.append(part.ljust(-(-len(part) // 8) * 8, b"\x00"))
    return b"".join(parts)


def _element(data: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """Type and content of an element, and where the next one stands."""
    if at + 8 > len(data):
        raise DataError("is shorter than it states, or its sizes disagree")
    (first,) = struct.unpack_from(f"{order}I", data, at)
    if first >> 16:  # a small one: its size stands in the upper half, its content behind
        size = first >> 16
        if size > 4:
            raise DataError("is damaged, or not what it begins as")
        return first & 0xFFFF, data[at + 4 : at + 4 + size], at + 8
    (size,) = struct.unpack_from(f"{order}I", data, at + 4)
    if at + 8 + size > len(data):
        raise DataError("is shorter than it states, or its sizes disagree")
    return first, data[at + 8 : at + 8 + size], at + 8 + -(-size // 8) * 8


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        kind, content, at = _element(data, at, order)
        yield kind, content


def _walk(matrix: bytes, order: str, depth: int) -> bytes:
    """The name of an array that holds as many values as it states, of a kind that is read."""
    if not matrix:
        return b""
    if depth > _MAX_DEPTH:
        raise DataError("is nested deeper than is read")
    parts = list(_elements(matrix, order))
    if len(parts) < 3 or len(parts[0][1]) != 8 or parts[1][0] != 5 or len(parts[1][1]) % 4:
        raise DataError(_OTHERS)
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    kind, is_complex = flags & 0xFF, flags & 0x800
    dims = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    n = prod(dims)
    if min(dims, default=-1) < 0 or len(dims) < 2:
        raise DataError("is shorter than it states, or its sizes disagree")
    values = parts[3:]
    if kind in (_CELL, _STRUCT):
        fields = 1
        if kind == _STRUCT:
            fields, values = _fields(parts, order), parts[5:]
        if len(values) != n * fields or any(one != _MATRIX for one, _ in values):
            raise DataError("is shorter than it states, or its sizes disagree")
        for _, inner in values:
            _walk(inner, order, depth + 1)
        return parts[2][1]
    if (kind != _CHAR and kind not in _NUMBERS) or is_complex:
        raise DataError(_OTHERS)
    held = sum(len(content) // _SIZES.get(one, 1) for one, content in values)
    # A letter of UTF-8 may take several bytes.
    if len(values) != 1 or (held < n if kind == _CHAR else held != n):
        raise DataError("is shorter than it states, or its sizes disagree")
    if kind == _CHAR and n > MOST_TEXT:
        raise DataError("holds more text than is read")
    return parts[2][1]


def _fields(parts: list[tuple[int, bytes]], order: str) -> int:
    """How many fields a struct has."""
    if len(parts) < 5 or len(parts[3][1]) != 4:
        raise DataError(_OTHERS)
    (length,) = struct.unpack(f"{order}i", parts[3][1])
    if length <= 0 or len(parts[4][1]) % length:
        raise DataError("is shorter than it states, or its sizes disagree")
    return len(parts[4][1]) // length


def _of_hdf5(path: Path) -> _Contents:
    """The arrays and texts of version 7.3; MATLAB writes columns first."""
    found = _Contents()
    left = MOST_UNPACKED
    try:
        with opened_hdf5(path) as file:
            waiting: list[tuple[str, Any]] = [("", file)]
            while waiting:
                name, one = waiting.pop()
                for key in one.attrs:
                    if not key.startswith("MATLAB_"):
                        kind = one.attrs.get_id(key)
                        found.texts += values_of(key, one.attrs, kind.shape, kind.dtype)
                if isinstance(one, h5py.Group):
                    want(len(one) <= MOST_ARRAYS and len(waiting) <= MOST_ARRAYS)
                    want(all(type(one.get(key, getlink=True)) is h5py.HardLink for key in one))
                    waiting += [(f"{name}.{key}".lstrip("."), one[key]) for key in one]
                    want(name.count(".") <= _MAX_DEPTH)
                    continue
                want(isinstance(one, h5py.Dataset) and not one.is_virtual and one.external is None)
                if not is_numeric(one.dtype):
                    raise DataError(_OTHERS)
                if "MATLAB_empty" in one.attrs:
                    continue
                check_stored(one)
                check_chunks(one, 0, one.shape[0] if one.shape else 0)
                left -= one.dtype.itemsize * prod(one.shape)
                if left < 0:
                    raise DataError(
                        f"larger than the {MOST_UNPACKED:,} bytes that are opened at once"
                    )
                values = one[()].T
                if _class_of(one) == "char":
                    want(values.size <= MOST_TEXT)
                    rows = np.atleast_2d(values).astype(np.uint16)
                    texts = [row.tobytes().decode("utf-16-le", "replace") for row in rows]
                    found.add(name, np.array(texts))
                else:
                    found.add(name, np.atleast_2d(values))
    except (OSError, RuntimeError, ValueError, KeyError, zlib.error):
        raise DataError("is damaged, or written in a way that is not read") from None
    return found


def _class_of(data: Any) -> str:
    """What MATLAB calls the kind of an array."""
    told = data.attrs.get_id("MATLAB_class") if "MATLAB_class" in data.attrs else None
    if told is None or told.dtype.itemsize > 64 or told.shape not in ((), (1,)):
        return ""
    held = data.attrs["MATLAB_class"]
    return held.decode("latin-1") if isinstance(held, bytes) else str(held)

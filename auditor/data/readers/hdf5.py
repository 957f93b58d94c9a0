"""HDF5 files of many 12-lead recordings, in the layout of CODE-15%.

`tracings` is (n, 4096, 12) at 400 Hz, shorter recordings padded with zeros at both ends; `exam_id`
is (n,) and may be absent. Ribeiro A.H. et al., CODE-15%, Zenodo, 2021, doi:10.5281/zenodo.4916206;
SaMi-Trop and the test set of CODE are written so too.

The layout states no unit. Its publisher scaled millivolts by 2 when the files were written, says
the README of github.com/antonior92/ecg-preprocessing (`generate_h5.py --scale 2`), and others
measured heights of about twice those of other data sets (issues 1 and 5 of its
`ecg-age-prediction`). So the values are halved.

A file is taken whole or not at all: one that holds anything else, or names another file, is not of
this layout. Whatever a file only states is checked before the library that reads it is asked for
it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.record import STANDARD_LEADS
from auditor.data.readers.base import READERS, Read, inside, natural
from auditor.data.readers.channels import Channel, Channels
from auditor.data.readers.devices import files_of
from auditor.data.readers.signals import together

_TRACINGS, _IDS = "tracings", "exam_id"
_N_SAMPLES, _FS = 4096, 400.0
#: From the values of a file to mV.
_TO_MILLIVOLTS = 0.5
#: How a file begins; HDF5 lets other content stand before that, which is not read here.
_MAGIC = b"\x89HDF\r\n\x1a\n"
#: Recordings of a file, texts and numbers beside them, letters of one, bytes of a chunk.
_MAX_ROWS, _MAX_TEXTS, _MAX_TEXT, _MAX_CHUNK = 5_000_000, 1_000, 65_536, 1 << 26
_GZIP, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000
#: What chunks may be packed by, one after the other, as HDF5 numbers it.
_PACKED = [
    [*shuffle, *packed, *checksum]
    for shuffle in ([], [_SHUFFLE])
    for packed in ([], [_GZIP], [_LZF])
    for checksum in ([], [_CHECKSUM])
]
_LEADS = Channels(tuple(Channel(lead, 1, {}) for lead in STANDARD_LEADS), (), ())


@dataclass(frozen=True, eq=False)
class _Layout:
    """What a file holds beside the tracings.

    Attributes
    ----------
    ids : (n,) what each row is called; None where the file does not say
    texts : (where, text) of attributes and of datasets of text
    """

    n_rows: int
    ids: NDArray[np.int64] | None
    texts: tuple[tuple[str, str], ...]

    def names(self) -> list[str]:
        """What each row is called: by its id where that is its own, else by its number."""
        names = [f"row_{row}" for row in range(self.n_rows)]
        if self.ids is not None:
            found, first, count = np.unique(self.ids, return_index=True, return_counts=True)
            for one, row in zip(found[count == 1], first[count == 1], strict=True):
                names[row] = str(one)
        return names

    def row(self, name: str) -> int:
        """In which row a name stands."""
        rows: list[int] = []
        if numbered := re.fullmatch(r"row_(\d{1,7})", name):
            rows = [int(numbered[1])]
        elif self.ids is not None and re.fullmatch(r"-?\d{1,19}", name):
            rows = np.flatnonzero(self.ids == int(name)).tolist()
        if len(rows) != 1 or rows[0] >= self.n_rows:
            raise DataError("its file no longer holds it")
        return rows[0]


class Hdf5:
    """The layout of CODE-15%."""

    title = "HDF5 of 12-lead tracings as in CODE-15% (.hdf5)"
    suffixes: tuple[str, ...] = (".hdf5", ".h5")
    by_name = False

    def find(self, root: Path) -> list[str]:
        """Every row of every such file: `exams_part0.hdf5/590673`, or `…/row_0` without an id."""
        found: list[str] = []
        for path, stat in files_of(root):
            layout = _layout(path, stat.st_mtime_ns, stat.st_size)
            if layout is not None:
                file = path.relative_to(root).as_posix()
                found += [f"{file}/{name}" for name in layout.names()]
        return sorted(found, key=natural)

    def read(self, root: Path, record: str) -> Read:
        """One row, in mV, NaN where it is padded."""
        path, layout, name = file_of(root, record)
        try:
            # Opening takes a tenth of what reading takes; a file that is kept open could not be
            # written by whoever else this process serves.
            with opened_hdf5(path) as file:
                tracings = file[_TRACINGS]
                row = layout.row(name)
                check_chunks(tracings, row, row + 1)
                values = tracings[row]
        except (OSError, RuntimeError, ValueError, KeyError, zlib.error):
            raise DataError("its part of the file is damaged") from None
        with np.errstate(over="ignore"):
            values = values.T.astype(np.float32)
        held = np.flatnonzero((values != 0).any(axis=0))
        signal = np.full(values.shape, np.nan, dtype=np.float32)
        defects = ["states no leads, rate or unit: those of CODE-15% are taken"]
        if held.size:
            recorded = slice(held[0], held[-1] + 1)
            leads = [lead[recorded] * np.float32(_TO_MILLIVOLTS) for lead in values]
            signal[:, recorded], _ = together(leads, _LEADS, _FS, defects)
        return Read(signal, _FS, STANDARD_LEADS, defects=tuple(defects), files=(path,))

    def texts(self, root: Path, record: str) -> list[tuple[str, str]]:
        """The record's name, and what the attributes and texts of its file say."""
        _, layout, _ = file_of(root, record)
        return [("file name", record), *layout.texts]


READERS.register("hdf5")(Hdf5())


def opened_hdf5(path: Path) -> Any:
    """An HDF5 file, which nobody else is kept from."""
    return h5py.File(path, "r", locking=False)  # a folder may be read-only


def file_of(root: Path, record: str) -> tuple[Path, _Layout, str]:
    """The file of a record, what it holds, and what the record is called in it."""
    file, _, name = record.rpartition("/")
    path = inside(root, root / PurePosixPath(file), "a record")
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from None
    layout = _layout(path, stat.st_mtime_ns, stat.st_size)
    if layout is None:
        raise DataError("its file is of no layout that is read")
    return path, layout, name


@lru_cache(maxsize=256)
def _layout(path: Path, changed: int, size: int) -> _Layout | None:
    """What a file holds; None where it is no HDF5, is damaged, or holds anything else."""
    del changed, size
    try:
        with path.open("rb") as opened:
            if opened.read(len(_MAGIC)) != _MAGIC:
                return None
        with opened_hdf5(path) as file:
            return _understood(file)
    except Exception:
        return None  # a file that is not understood is counted as that


def _understood(file: Any) -> _Layout:
    """What a file of the layout holds; `ValueError` where it is of another."""
    names = list(file) if len(file) <= _MAX_TEXTS else []
    want(_TRACINGS in names)
    # A link to another file would be followed by opening it.
    want(all(type(file.get(name, getlink=True)) is h5py.HardLink for name in names))
    held = {name: file[name] for name in names}
    for one in held.values():
        want(isinstance(one, h5py.Dataset) and not one.is_virtual and one.external is None)
    tracings = held.pop(_TRACINGS)
    want(tracings.ndim == 3 and tracings.shape[1:] == (_N_SAMPLES, len(STANDARD_LEADS)))
    n_rows = tracings.shape[0]
    want(0 < n_rows <= _MAX_ROWS and tracings.dtype.kind == "f" and tracings.dtype.itemsize <= 8)
    check_stored(tracings)
    texts = [*_attributes(file), *_attributes(tracings)]
    ids = None
    if (listed := held.pop(_IDS, None)) is not None:
        want(listed.shape == (n_rows,) and listed.dtype.kind == "i")
        check_stored(listed)
        check_chunks(listed, 0, n_rows)
        ids = listed[()].astype(np.int64)
        texts += _attributes(listed)
    for name, one in held.items():
        want(h5py.check_string_dtype(one.dtype) is not None)
        check_stored(one)
        check_chunks(one, 0, one.shape[0] if one.shape else 0)
        texts += [("text in the file", text) for text in values_of(name, one, one.shape, one.dtype)]
        texts += _attributes(one)
    want(len(texts) <= _MAX_TEXTS)
    return _Layout(n_rows, ids, tuple(dict.fromkeys(texts)))


def want(fits: bool) -> None:
    """`ValueError` where a file is not as it must be."""
    if not fits:
        raise ValueError("of another layout")


def _attributes(thing: Any) -> Iterator[tuple[str, str]]:
    """What the attributes of a file or dataset say; references are not followed."""
    want(len(thing.attrs) <= _MAX_TEXTS)
    for name in thing.attrs:
        told = thing.attrs.get_id(name)
        for text in values_of(name, thing.attrs, told.shape, told.dtype):
            yield "attribute of the file", text


def values_of(name: str, holder: Any, shape: tuple[int, ...] | None, dtype: Any) -> list[str]:
    """Texts or numbers as `name: value`, from an attribute or a dataset."""
    is_text = h5py.check_string_dtype(dtype) is not None
    want(is_text or dtype.kind in "biuf")
    want(dtype.itemsize <= _MAX_TEXT and prod(shape or ()) <= _MAX_TEXTS)
    if shape is None:
        return [f"{name}: "]
    held = holder[()] if isinstance(holder, h5py.Dataset) else holder[name]
    texts = [f"{name}: {_text(one)}" for one in np.atleast_1d(np.asarray(held, object)).ravel()]
    want(all(len(text) <= _MAX_TEXT for text in texts))
    return texts


def _text(value: object) -> str:
    written = value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")
    return " ".join(written.decode(errors="replace").replace("\x00", " ").split())


def check_stored(data: Any) -> None:
    """That all of a dataset is in the file, packed by nothing but what is known here."""
    want(data.shape is not None and _filters(data) in _PACKED)
    item = data.id.get_type().get_size()
    if data.chunks is None:
        want(data.id.get_storage_size() >= item * prod(data.shape))
        return
    want(item * prod(data.chunks) <= _MAX_CHUNK)
    # A file may state any number of chunks that were never written.
    n_chunks = prod(-(-n // by) for n, by in zip(data.shape, data.chunks, strict=True))
    want(data.id.get_num_chunks() == n_chunks)


def check_chunks(data: Any, first: int, last: int) -> None:
    """That no chunk of some rows unpacks to more than its size: HDF5 would hold all of it."""
    if data.chunks is None or first == last:
        return
    nbytes = data.id.get_type().get_size() * prod(data.chunks)
    is_gzip = _GZIP in _filters(data)
    begins = [range(0, n, by) for n, by in zip(data.shape, data.chunks, strict=True)]
    step = data.chunks[0]
    begins[0] = range(first // step * step, last, step)
    for place in product(*begins):
        stored = data.id.get_chunk_info_by_coord(place)
        # What does not shrink may grow by a few bytes.
        want(stored.filter_mask == 0 and 0 < stored.size <= nbytes + nbytes // 100 + 1024)
        if is_gzip:
            unpacked = zlib.decompressobj().decompress(
                data.id.read_direct_chunk(place)[1], nbytes + 1
            )
            want(len(unpacked) <= nbytes)


def _filters(data: Any) -> list[int]:
    plan = data.id.get_create_plist()
    return [plan.get_filter(at)[0] for at in range(plan.get_nfilters())]

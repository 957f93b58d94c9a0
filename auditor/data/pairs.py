"""An ECG beside a radiograph, a cine CMR and a report of the same visit, as `pairs.csv` lists them.

The table lies in the folder that holds the files. Its text columns are `subject_id`, `visit`,
`sex` and the paths below the folder: `ecg` (WFDB, without ending), `cxr` (8-bit grey PNG or JPEG),
`cmr` (uint8 `.npy`) and `report` (UTF-8). Every other column holds numbers: `age` in years, labels
(0, 1 or empty), phenotypes. All but `subject_id`, `visit` and `ecg` may be absent; any cell but a
`subject_id` may be empty.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from auditor.core.errors import DataError
from auditor.core.record import Record
from auditor.data.readers import READERS, record_suffixes
from auditor.data.readers.base import inside
from auditor.data.readers.comments import facts
from auditor.data.tables import header

Modality = Literal["ecg", "cxr", "cmr", "report"]

TABLE = "pairs.csv"
_NEEDED = ("subject_id", "visit", "ecg")
_TEXTS = (*_NEEDED, "sex", "cxr", "cmr", "report")
#: What is read at most: bytes of the table and of a report, pixels of a side, frames of a cine.
_MAX_TABLE, _MAX_REPORT, _MAX_SIDE, _MAX_FRAMES = 200_000_000, 1_000_000, 4096, 200


@dataclass(frozen=True, eq=False)
class Pairs:
    """Visits, and what was recorded at each.

    Attributes
    ----------
    root : the folder
    table : a row per visit: texts (empty where there is none) and float64 (NaN), as `pairs.csv`
    """

    root: Path
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def subject(self) -> NDArray[np.str_]:
        """(n,) whose each visit is."""
        return self.table["subject_id"].to_numpy(dtype=np.str_)

    def ecg(self, row: int) -> Record:
        """The ECG of a visit; what the table says of sex and age wins over its header.

        Raises
        ------
        DataError
            It is not there, cannot be read, or lies outside the folder.
        """
        path = self._path("ecg", row)
        record = path.relative_to(self.root).with_suffix("").as_posix()
        reader = next(one for one in READERS.values() if path.suffix in one.suffixes)
        seen = reader.read(self.root, record)
        known = self.table.iloc[row]
        told = facts(f"{name}: {known.get(name, '')}" for name in ("sex", "age")).attributes
        return Record(
            id=record,
            subject=known["subject_id"],
            session=known["visit"],
            signal=seen.signal,
            fs=seen.fs,
            leads=seen.leads,
            taken_at=seen.taken_at,
            attributes={**seen.attributes, **told},
            labels=seen.labels,
        )

    def cxr(self, rows: Iterable[int]) -> NDArray[np.float32]:
        """(n, size, size) radiographs of visits, black 0 to white 1.

        Raises
        ------
        DataError
            One is not there, is no 8-bit grey PNG or JPEG, is not square, or not of one size.
        """
        paths = [self._path("cxr", row) for row in rows]
        return _stacked(paths, [_grey(path) for path in paths]).astype(np.float32) / np.float32(255)

    def cmr(self, rows: Iterable[int]) -> NDArray[np.uint8]:
        """(n, frames, size, size) cines of visits.

        Raises
        ------
        DataError
            One is not there, is no uint8 array of three axes, is not square, or not of one shape.
        """
        paths = [self._path("cmr", row) for row in rows]
        return _stacked(paths, [_cine(path) for path in paths])

    def report(self, row: int) -> str:
        """The text of a visit.

        Raises
        ------
        DataError
            It is not there, is no UTF-8, or longer than a report is.
        """
        path = self._path("report", row)
        if path.stat().st_size > _MAX_REPORT:
            raise DataError(f"{path}: larger than the {_MAX_REPORT:,} bytes a report may have")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{path}: is no text in UTF-8; convert it") from None

    def _path(self, modality: Modality, row: int) -> Path:
        """A file that the table names: inside the folder, and there."""
        line = f"{self.root / TABLE}: line {row + 2}"
        if modality not in self.table:
            raise DataError(f"{self.root / TABLE}: has no column {modality}; add it, with paths")
        name = self.table[modality].iloc[row]
        if not name:
            raise DataError(f"{line}: names no {modality}; leave out the visits without one")
        try:
            names = [f"{name}{one}" for one in record_suffixes()] if modality == "ecg" else [name]
            paths = [
                inside(self.root, self.root / one, f"{line}, column {modality}") for one in names
            ]
            path = next((one for one in paths if one.is_file()), paths[0])
            there = path.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            raise DataError(f"{line}: its {modality} is no file of the folder; copy it there")
        return path


def read_pairs(root: Path) -> Pairs:
    """The visits that `pairs.csv` lists; their files are opened when they are asked for.

    Raises
    ------
    DataError
        The table is not there, is too large or damaged, lacks a column, has one twice, says not
        whose a visit is, or holds words where numbers are wanted.
    """
    root = Path(root).absolute()  # a worker may stand elsewhere
    path = inside(root, root / TABLE, "the folder")
    if not path.is_file():
        raise DataError(f"{path}: is not there; name the folder that holds it")
    if path.stat().st_size > _MAX_TABLE:
        raise DataError(f"{path}: larger than the {_MAX_TABLE:,} bytes it may have; split it")
    names = header(path)
    # The names that are there are not told: without a header they are somebody's row.
    for name in _NEEDED:
        if name not in names:
            raise DataError(f"{path}: has no column {name} among its {len(names)}; add it")
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two of its columns have one name; rename one")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            _, *rows = filter(None, csv.reader(file, strict=True))
        table = pd.DataFrame(rows, columns=names, dtype=object)
        if table.isna().any(axis=None):
            raise ValueError("a row is short")
    except (OSError, ValueError, csv.Error):
        raise DataError(f"{path}: its rows differ in length, or it is no CSV file") from None
    if table.empty:
        raise DataError(f"{path}: has no rows; list the visits")
    if nobodys := int((table["subject_id"] == "").sum()):
        raise DataError(f"{path}: subject_id is empty in {nobodys} rows; say whose each visit is")
    for name in (name for name in names if name not in _TEXTS):
        try:
            numbers = np.array([float(value or "nan") for value in table[name]])
        except ValueError:
            raise DataError(
                f"{path}: column {name!r} holds something else than numbers; leave it out"
            ) from None
        table[name] = np.where(np.isfinite(numbers), numbers, np.nan)
    return Pairs(root, table)


def _grey(path: Path) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                # Before a pixel is unpacked.
                if image.mode != "L" or max(image.size) > _MAX_SIDE:
                    raise DataError(
                        f"{path}: is {image.width} × {image.height} of mode {image.mode}, wanted "
                        f"8-bit grey of at most {_MAX_SIDE} pixels a side; convert it"
                    )
                return np.asarray(image)
    except DataError:
        raise
    except Exception:
        # A damaged picture breaks its library in more ways than it documents.
        raise DataError(f"{path}: is damaged, or no PNG or JPEG") from None


def _cine(path: Path) -> NDArray[np.uint8]:
    try:
        # A map of the file: what its header claims is not taken from memory.
        cine = np.lib.format.open_memmap(path, mode="r")
    except Exception:
        raise DataError(f"{path}: is damaged, or no .npy array of numbers") from None
    if cine.dtype != np.uint8 or cine.ndim != 3 or max(cine.shape) > _MAX_SIDE:
        raise DataError(
            f"{path}: is {cine.dtype} {cine.shape}, wanted uint8 (frames, size, size); convert it"
        )
    if len(cine) > _MAX_FRAMES:
        raise DataError(f"{path}: has {len(cine)} frames, wanted at most {_MAX_FRAMES}")
    return cine


def _stacked(paths: list[Path], pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(n, …) pictures of one shape, whose last two axes are equally long."""
    if not pictures:
        raise DataError("no visit was asked for; name at least one row")
    wanted = pictures[0].shape
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape[-1] != picture.shape[-2]:
            raise DataError(f"{path}: is {picture.shape}, wanted a square; crop it")
        if picture.shape != wanted:
            raise DataError(f"{path}: is {picture.shape}, wanted {wanted} as the first; resize it")
    return np.stack(pictures)

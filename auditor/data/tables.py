"""Clinical tables as their publishers ship them: CSV files, plain or gzipped, read in blocks.

A `Table` names a file and the columns that are known of it. It is found by its name wherever it
lies below a folder, only the columns that are asked for are read, and a block at a time, so that
tables of a hundred million rows need no more memory than what is kept of them.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import inside

Kind = Literal["text", "number", "time"]

_TYPES: Mapping[Kind, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "time": pa.timestamp("s"),
}
_BLOCK = 1 << 24
#: Folders are searched so deep for a table, and a header is read so far.
_DEEPEST, _MAX_HEADER = 5, 1 << 20


@dataclass(frozen=True)
class Table:
    """A published table.

    Attributes
    ----------
    files : names it goes by, of which the first that is there is read; `.gz` may follow
    columns : what each holds: a number, a point in time, or a text, as people's names are
    usual : column → where its median lies when its unit is right, and that unit
    key : columns that name a row, which no two rows share
    """

    files: tuple[str, ...]
    columns: Mapping[str, Kind]
    usual: Mapping[str, tuple[float, float, str]] = field(default_factory=dict)
    key: tuple[str, ...] = ()


def find(root: Path, table: Table) -> Path | None:
    """Where a table lies below a folder; None when it is not there.

    Raises
    ------
    DataError
        It is there more than once, or leads out of the folder.
    """
    for name in table.files:
        found = [
            path
            for depth in range(_DEEPEST)
            for ending in ("", ".gz")
            for path in sorted(root.glob("*/" * depth + name + ending))
            if path.is_file()
        ]
        if len(found) > 1:
            places = " and ".join(str(path.relative_to(root)) for path in found[:2])
            raise DataError(f"{root}: {name} is there more than once, as {places}; leave one")
        if found:
            return inside(root, found[0], "a table")
    return None


def read(root: Path, table: Table, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The whole of a table, or of some of its columns.

    Raises
    ------
    DataError
        As `blocks` does, or a unit cannot be right, or two rows have one key, or one has none.
    """
    path = _there(root, table)
    frames = list(_blocks(path, table, columns))
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    for name, (low, high, unit) in table.usual.items():
        if name in whole:
            refuse_unit(f"{path}: {name}", whole[name].to_numpy(), low, high, unit)
    if table.key and set(table.key) <= set(whole):
        keys, what = whole[list(table.key)], " and ".join(table.key) or "first column"
        if keys.isna().any(axis=None):
            raise DataError(f"{path}: {what} is empty in some rows; take the table as published")
        if n := int(keys.duplicated().sum()):
            raise DataError(
                f"{path}: {what} is the same in {n} more rows than one; wanted one row of each"
            )
    return whole


def blocks(
    root: Path, table: Table, columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """A table block by block, at least one: texts as str (None where empty or NA), numbers as
    float64 (NaN where there is none, or no finite one), times as datetime64 (NaT).

    Raises
    ------
    DataError
        The table, its rows or a column is missing, or a column does not hold what it should.
    """
    return _blocks(_there(root, table), table, columns)


def _there(root: Path, table: Table) -> Path:
    path = find(root, table)
    if path is None:
        raise DataError(
            f"{root}: {table.files[0]} (or .gz) is in none of its folders; copy it there"
        )
    return path


def _blocks(path: Path, table: Table, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    wanted = list(columns or table.columns)
    there = header(path)
    # The names that are there are not told: without a header they are somebody's row.
    for name in wanted:
        if (n := there.count(name)) != 1:
            seen = f"{n} columns {name}" if n else f"no column {name or 'without a name'}"
            raise DataError(
                f"{path}: has {seen} among its {len(there)}; wanted the table as it was published"
            )
    convert = pa.csv.ConvertOptions(
        include_columns=wanted,
        column_types={name: _TYPES[table.columns[name]] for name in wanted},
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        timestamp_parsers=[pa.csv.ISO8601, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y%m%d"],
    )
    try:
        with pa.csv.open_csv(
            path,
            pa.csv.ReadOptions(block_size=_BLOCK),
            pa.csv.ParseOptions(newlines_in_values=True),
            convert,
        ) as reader:
            n_rows = 0
            for batch in reader:
                n_rows += len(batch)
                yield _frame(batch)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {_what_is_wrong(str(error), there, table)}") from None
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: is damaged, or no CSV file") from error
    if not n_rows:
        raise DataError(f"{path}: has no rows; copy it whole")


def refuse_unit(what: str, values: NDArray[np.float64], low: float, high: float, unit: str) -> None:
    """Refuse numbers whose median cannot be in the unit they should be in.

    Raises
    ------
    DataError
        Their median is below `low` or above `high`.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return
    middle = float(np.median(known))
    if not low <= middle <= high:
        raise DataError(
            f"{what} has a median of {middle:.4g}, wanted {unit} ({low:g} to {high:g}); convert it"
        )


def header(path: Path) -> list[str]:
    """The names of the columns of a CSV file.

    Raises
    ------
    DataError
        It is none, is empty, or its first line is longer than any table's.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            line = file.readline(_MAX_HEADER)
        names = next(csv.reader([line]), [])
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(f"{path}: is damaged, or no CSV file") from error
    if not names:
        raise DataError(f"{path}: is empty; copy it again")
    if len(line) == _MAX_HEADER:
        raise DataError(f"{path}: its first line is over {_MAX_HEADER:,} characters; is no table")
    return names


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = batch.to_pandas(date_as_object=False)
    for name in frame.columns[frame.dtypes == np.float64]:
        frame[name] = frame[name].where(np.isfinite(frame[name]))
    return frame


_WANTED: Mapping[Kind, str] = {"text": "text in UTF-8", "number": "numbers", "time": "times"}


def _what_is_wrong(said: str, there: Sequence[str], table: Table) -> str:
    """Arrow's message without the value it quotes, which may be a person's."""
    for place, name in enumerate(there):
        if f"column #{place}:" in said:
            return f"column {name} holds something else than {_WANTED[table.columns[name]]}"
    return "its rows differ in length, or it has none, or it is no CSV file"

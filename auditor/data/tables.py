"""Clinical tables as their publishers ship them: CSV files, plain or gzipped, read in blocks.

A `Table` names a file and the columns that are known of it. It is found by its name wherever it
lies below a folder, only the columns that are asked for are read, and a block at a time, so that
tables of a hundred million rows need no more memory than what is kept of them.
"""

from __future__ import annotations

import csv
import gzip
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
    """

    files: tuple[str, ...]
    columns: Mapping[str, Kind]
    usual: Mapping[str, tuple[float, float, str]] = field(default_factory=dict)


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
        ]
        if len(found) > 1:
            places = " and ".join(str(path.relative_to(root)) for path in found[:2])
            raise DataError(f"{root}: {name} is there more than once, as {places}; leave one")
        if found:
            return inside(root, found[0], "a table")
    return None


def read(root: Path, table: Table, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The whole of a table, or of some of its columns; errors are those of `blocks`."""
    frames = list(blocks(root, table, columns))
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    path = find(root, table)
    for name, (low, high, unit) in table.usual.items():
        if name in whole:
            refuse_unit(f"{path}: {name}", whole[name].to_numpy(), low, high, unit)
    return whole


def blocks(
    root: Path, table: Table, columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """A table block by block, at least one: texts as str (None where empty), numbers as
    float64 (NaN), times as datetime64 (NaT).

    Raises
    ------
    DataError
        The table or a column is missing, or a column does not hold what it should.
    """
    path = find(root, table)
    if path is None:
        raise DataError(
            f"{root}: {table.files[0]} (or .gz) is in none of its folders; copy it there"
        )
    wanted = list(columns or table.columns)
    there = header(path)
    if missing := [name for name in wanted if name not in there]:
        raise DataError(
            f"{path}: has no column {', '.join(missing[:5])}; seen {', '.join(there[:8])}, …; "
            "wanted the table as it was published"
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
            path, pa.csv.ReadOptions(block_size=_BLOCK), convert_options=convert
        ) as reader:
            yield from (_frame(batch) for batch in reader)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {_what_is_wrong(str(error), there)}") from None
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: is damaged, or no CSV file") from error


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
    """The names of the columns of a CSV file."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            line = file.readline(_MAX_HEADER)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is damaged, or no CSV file") from error
    return next(csv.reader([line]), [])


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = batch.to_pandas(date_as_object=False)
    return frame


def _what_is_wrong(said: str, there: Sequence[str]) -> str:
    """Arrow's message without the value it quotes, which may be a person's."""
    for place, name in enumerate(there):
        if f"column #{place}:" in said:
            return f"column {name} holds something that it should not; wanted numbers or times"
    return "rows differ in length, or it is no CSV file"

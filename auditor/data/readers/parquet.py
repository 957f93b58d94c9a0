"""Parquet files of samples: what the footer states is checked before a column is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from pyarrow import Table, types
from pyarrow.lib import ArrowException
from pyarrow.parquet import ParquetFile

from auditor.core.errors import DataError
from auditor.data.readers.samples import (
    FAMILIES,
    MOST_ARRAYS,
    MOST_TEXT,
    MOST_UNPACKED,
    Held,
    SamplesRule,
    Shape,
    shaped,
)

_MAGIC = b"PAR1"
#: Words of a column of no signal that are told.
_MOST_TOLD = 1_000


class Parquet:
    """Tables of samples in columns."""

    title = "tables of samples that auditor.yaml describes (.parquet)"
    is_flat = True
    suffixes: tuple[str, ...] = (".parquet",)

    def known(self, path: Path) -> bool:
        """It begins as Parquet does."""
        try:
            with path.open("rb") as file:
                return file.read(4) == _MAGIC
        except OSError:
            return False

    def held(self, path: Path, rule: SamplesRule) -> Held:
        """The columns of numbers that the rule does not name as no signal."""
        with _opened(path) as file:
            numeric, others = _columns(file)
            names = [*numeric, *others]
            out = (
                {one for one in rule.not_signal if one in names}
                if rule.rows == "samples"
                else set()
            )
            numbers = [one for one in rule.not_signal if one not in out]
            if not all(map(str.isdecimal, numbers)):
                raise DataError("holds no column of a name that samples: not_signal gives")
            if words := [one for one in others if one not in out]:
                raise DataError(
                    f"holds {len(words)} columns that are no numbers: name them under samples: "
                    "not_signal in auditor.yaml"
                )
            kept = [one for one in numeric if one not in out]
            if not kept:
                raise DataError("holds no column of signal")
            if 8 * file.metadata.num_rows * len(kept) > MOST_UNPACKED:
                raise DataError(f"larger than the {MOST_UNPACKED:,} bytes that are opened at once")
            table = _read(file, kept)
        values = np.column_stack([table[one].to_numpy().astype(np.float64) for one in kept])

        @cache
        def told() -> list[tuple[str, str]]:
            with _opened(path) as again:
                beside = _read(again, [one for one in others if one in out])
            words = dict.fromkeys(
                (name, str(value)[:MOST_TEXT])
                for name in beside.column_names
                for value in beside[name].unique().slice(0, _MOST_TOLD).to_pylist()
                if value is not None
            )
            return [("name of a column", name) for name in names] + list(words)

        return shaped(values, list(map(int, numbers)), rule, names=kept, told=told)

    def shapes(self, path: Path) -> list[Shape]:
        """The rows and columns, as the footer states them; a table with words is one of people."""
        with _opened(path) as file:
            numeric, others = _columns(file)
            return [] if others else [(file.metadata.num_rows, len(numeric))]


FAMILIES.register("parquet")(Parquet())


def _opened(path: Path) -> ParquetFile:
    try:
        return ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise DataError("is damaged, or no Parquet file") from error


def _read(file: ParquetFile, names: list[str]) -> Table:
    try:
        return file.read(names)
    except (ArrowException, OSError) as error:
        raise DataError("is damaged, or no Parquet file") from error


def _columns(file: ParquetFile) -> tuple[list[str], list[str]]:
    """The columns of numbers, and the others."""
    schema = file.schema_arrow
    if len(schema) > MOST_ARRAYS or len(set(schema.names)) < len(schema):
        raise DataError(f"holds more than {MOST_ARRAYS:,} columns, or two of one name")
    numeric = [
        one.name for one in schema if types.is_integer(one.type) or types.is_floating(one.type)
    ]
    return numeric, [name for name in schema.names if name not in numeric]

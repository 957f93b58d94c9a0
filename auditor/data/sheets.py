"""Tables of any origin, read as the text that stands in them.

Encoding and separator are found, and nothing is typed: what a cell means is for `values` to say.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from auditor.core.errors import DataError

#: What a table is called that is not known by its content.
SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".psv", ".json", ".jsonl", ".ndjson", ".parquet")
SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_SEPARATORS = (",", ";", "\t", "|")
#: Lines that show how a table is written.
_SHOWN = 200
#: The columns of a table are read so far.
_MAX_COLUMNS = 16_384
#: What is packed is unpacked so far, bytes.
_MAX_UNPACKED = 1 << 30


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table as it is written.

    Attributes
    ----------
    frame : all cells text, "" where empty; columns beyond the header are called "column 5"
    ragged : the numbers of lines that hold more than the header names, the first being 1
    """

    frame: pd.DataFrame
    ragged: Sequence[int] = ()


def read_sheets(path: Path, content: bytes | None = None, n_rows: int | None = None) -> list[Sheet]:
    """The tables of a file: one, or those of a spreadsheet's pages.

    Parameters
    ----------
    content : what stands in it, where it has been read
    n_rows : rows that are read at most; None for all

    Raises
    ------
    DataError
        It is no table, or one that unpacks to more than is read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in SPREADSHEETS:
            return list(_pages(path, content, n_rows))
        if suffix == ".parquet":
            return [_parquet(path, content, n_rows)]
        raw = path.read_bytes() if content is None else content
        text = decoded(_unpacked(path, raw) if suffix == ".gz" else raw)
        if suffix in (".json", ".jsonl", ".ndjson"):
            return [_json(text, n_rows)]
        return [_lines(text, n_rows)]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name}: is damaged, or no table") from error


def _unpacked(path: Path, raw: bytes) -> bytes:
    with gzip.open(io.BytesIO(raw)) as packed:
        found = packed.read(_MAX_UNPACKED + 1)
    if len(found) > _MAX_UNPACKED:
        raise DataError(f"{path.name}: unpacks to more than {_MAX_UNPACKED >> 20:,} MiB")
    return found


def decoded(raw: bytes) -> str:
    """Bytes as text, by their byte order mark, else as UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    DataError
        They are no text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    if b"\x00" in raw[:4096]:
        even, odd = raw[:4096:2].count(0), raw[1:4096:2].count(0)
        if max(even, odd) < len(raw[:4096]) // 4:
            raise DataError("holds bytes that are no text")
        return raw.decode("utf-16-be" if even > odd else "utf-16-le", errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # Windows-1252 leaves five bytes without a meaning, and Latin-1 none.
        text = raw.decode("cp1252", errors="replace")
    controls = sum(1 for letter in text[:65536] if letter < " " and letter not in "\t\r\n\f")
    if controls > len(text[:65536]) // 100:
        raise DataError("holds bytes that are no text")
    return text


def is_table(text: str) -> bool:
    """Whether lines of a text show the same separator as often as one another."""
    return _separator(text) is not None


def _separator(text: str) -> str | None:
    """What parts the cells of a table; None where nothing does so in most lines."""
    shown = [line for line in text.splitlines()[:_SHOWN] if line.strip()]
    best, most = None, 0.0
    for mark in _SEPARATORS:
        widths = [len(row) for row in _rows(shown, mark)]
        if len(widths) < 2 or widths[0] < 2:
            continue
        # Rows that end early, or say more than the header, are of the table too.
        alike = sum(width == widths[0] for width in widths) / len(widths)
        if alike > 0.5 and (alike, widths[0]) > (most, 0):
            best, most = mark, alike
    return best


def _rows(lines: Sequence[str] | io.StringIO, mark: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return []


def _lines(text: str, n_rows: int | None) -> Sheet:
    """A table of lines, in which something parts the cells, or one cell to a line."""
    mark = _separator(text) or ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    header: list[str] | None = None
    rows, ragged, widest = [], [], 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = [name.strip() for name in row]
                continue
            # A row that only ends in the separator says nothing more.
            while len(row) > len(header) and not row[-1].strip():
                row.pop()
            if len(row) > len(header):
                ragged.append(reader.line_num)
            widest = max(widest, len(row))
            rows.append(row)
            if n_rows is not None and len(rows) >= n_rows:
                break
    except csv.Error as error:
        raise DataError(f"line {reader.line_num}: {error}") from None
    if header is None:
        raise DataError("is empty")
    return _sheet(header, rows, ragged, widest)


def _sheet(
    header: Sequence[str], rows: Sequence[Sequence[str]], ragged: Sequence[int], widest: int
) -> Sheet:
    width = max(len(header), widest)
    if width > _MAX_COLUMNS:
        raise DataError(f"has more than {_MAX_COLUMNS:,} columns")
    names: list[str] = []
    for place in range(width):
        name = header[place] if place < len(header) and header[place] else f"column {place + 1}"
        # Two columns of one name are two columns.
        names.append(name if name not in names else f"{name} ({place + 1})")
    whole = [[*row, *[""] * (width - len(row))] for row in rows]
    return Sheet(pd.DataFrame(whole, columns=names, dtype=object), tuple(ragged))


def _pages(path: Path, content: bytes | None, n_rows: int | None) -> Iterator[Sheet]:
    source: Any = path if content is None else io.BytesIO(content)
    try:
        pages = pd.read_excel(
            source, sheet_name=None, header=None, dtype=str, engine="calamine", nrows=n_rows
        )
    except ImportError:
        raise
    except Exception as error:
        raise DataError(f"{path.name}: is damaged, or no spreadsheet") from error
    for page in pages.values():
        cells = page.fillna("").astype(str)
        cells = cells[(cells != "").any(axis=1)]
        if len(cells):
            header, *rows = cells.to_numpy().tolist()
            yield _sheet([name.strip() for name in header], rows, (), len(header))


def _json(text: str, n_rows: int | None) -> Sheet:
    """A list of objects, an object of such, or an object a line; nested values by their path."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        try:
            whole = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise DataError("is no JSON") from None
    rows = whole if isinstance(whole, list) else [whole]
    flat = [dict(_flat(row)) for row in rows[:n_rows]]
    names = list(dict.fromkeys(name for row in flat for name in row))
    return _sheet(names, [[row.get(name, "") for name in names] for row in flat], (), len(names))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict | list):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [(f"{name}.{key}" if name else str(key), one) for key, one in parts]
            waiting += reversed(inner)
        else:
            yield name or "value", "" if value is None else str(value)


def _parquet(path: Path, content: bytes | None, n_rows: int | None) -> Sheet:
    from pyarrow.lib import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path if content is None else io.BytesIO(content)) as file:
            if n_rows is None:
                frame = file.read().to_pandas()
            else:
                batch = next(file.iter_batches(batch_size=n_rows), None)
                frame = pd.DataFrame() if batch is None else batch.to_pandas()
    except ArrowException as error:
        raise DataError(f"{path.name}: is damaged, or no Parquet file") from error
    return Sheet(frame.astype(object).where(frame.notna(), "").astype(str))

"""Samples as text: CSV, TSV and columns parted by spaces, with or without a header.

Encoding, separator, decimal comma and the lines before the first sample are found in the file;
which columns are no signal is what auditor.yaml says.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from csv import reader
from dataclasses import dataclass, replace
from functools import cache
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.samples import (
    FAMILIES,
    MOST_TEXT,
    Array,
    Held,
    SamplesRule,
    Shape,
    shaped,
)
from auditor.data.sheets import decoded
from auditor.data.values import is_missing

#: Text takes many times its size while it is read.
_MAX_BYTES = 100_000_000
#: So much of a file shows how it is written: bytes of it, and lines.
_SHOWN, _LINES, _LETTERS = 1 << 22, 200, 1 << 16
#: What parts cells; "" are spaces.
_SEPARATORS = ("\t", ";", "|", "", ",")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?")
#: Letters of a number.
_LONGEST = 64
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?")
#: So many cells of a line show what parts them.
_CELLS = 64
#: A row of so many cells is no person's.
_WIDE = 500
_WORD = re.compile(r"[^\W\d_]{2}|^[^\W\d_]\d+$")


@dataclass(frozen=True)
class _Form:
    """How a file is written.

    Attributes
    ----------
    first : the line, counted from 0, in which the numbers begin
    header : the cells of the line that names the columns; none without one
    before : all lines that stand before the numbers
    is_label : whether the first cell of each line is a text
    n_texts : how many columns are no numbers
    n_words : how many hold letters
    """

    mark: str
    decimal: str
    width: int
    first: int
    header: Sequence[str]
    before: Sequence[str]
    is_label: bool
    n_texts: int
    n_words: int


class Text:
    """Samples as text."""

    title = "tables of samples that auditor.yaml describes (.csv, .tsv, .txt)"
    is_flat = True
    suffixes: tuple[str, ...] = (".csv", ".tsv", ".txt")

    def known(self, path: Path) -> bool:
        """Nothing shows it: what is of no other family is text."""
        del path
        return False

    def held(self, path: Path, rule: SamplesRule) -> Held:
        """The numbers of a file, a row for each line."""
        text = _text(path)
        form = _form(text)
        if form is None:
            raise DataError("holds no lines of numbers")
        form = replace(form, width=_width(text, form, rule))
        by_rows = rule.rows == "leads"
        # Texts at the beginnings of rows that are leads name them; columns are then all samples.
        left_out = {0} if by_rows and form.is_label else set()
        if not by_rows:
            left_out = {_place(name, form) for name in rule.not_signal}
        kept = [place for place in range(form.width) if place not in left_out]
        if not kept:
            raise DataError("holds no column of signal")
        values: Array = _numbers(text, form, kept)
        labels: list[str] = []
        if by_rows:
            if form.is_label:
                labels = [one for row in _cells(text, form, [0]) for one in row]
            numbers = [_row(name, labels, len(values)) for name in rule.not_signal]
            names = [one for at, one in enumerate(labels) if at + 1 not in numbers]
        else:
            numbers = []  # such columns were not read
            names = [form.header[place] for place in kept] if form.header else []

        @cache
        def told() -> list[tuple[str, str]]:
            texts = []
            if not by_rows and left_out:
                # Of a day that each line gives with another time, once is enough.
                cells: dict[str, str] = {}
                for row in _cells(text, form, sorted(left_out)):
                    for cell in row:
                        cells.setdefault(_CLOCK.sub("", cell), cell)
                said = [one for one in cells.values() if not _is_number(one)]
                texts += [("column of no signal", one) for one in said]
            return texts + [("name of a lead", one) for one in labels]

        return shaped(values, numbers, rule, names=names, said=form.before, told=told)

    def shapes(self, path: Path) -> list[Shape]:
        """The lines and columns of numbers."""
        text = _text(path, look_only=True)
        form = _form(text)
        # A table of people has words beside few numbers; leads may have a name, or times.
        if form is None or (form.n_words and form.width < _WIDE):
            return []
        with path.open("rb") as file:
            n_lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        ends = text.endswith("\n") or len(text) >= _SHOWN // 4
        return [(n_lines + (not ends) - form.first, form.width - form.n_texts)]


FAMILIES.register("text")(Text())


def _text(path: Path, *, look_only: bool = False) -> str:
    """What stands in a file, or in the whole lines of its beginning."""
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(f"larger than the {_MAX_BYTES:,} bytes that are opened at once")
    with path.open("rb") as file:
        text = decoded(file.read(_SHOWN if look_only else _MAX_BYTES + 1))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if look_only and path.stat().st_size > _SHOWN:
        text = text[: text.rfind("\n") + 1]
    return text


def _form(text: str) -> _Form | None:
    """How a text is written; None where it holds no lines of numbers."""
    lines = _first_lines(text)
    # Of two marks that part as many numbers, the one that leaves fewer other cells is meant.
    best: tuple[int, int, int, str] = (0, 0, 0, "")
    for place, mark in enumerate(_SEPARATORS):
        rows = [_split(line, mark) for line in lines if line.strip()]
        if not rows:
            return None
        width, _ = Counter(map(len, rows)).most_common(1)[0]
        found = sum(_is_number(cell) for row in rows if len(row) == width for cell in row[:_CELLS])
        best = max(best, (found, -width, -place, mark))
    if not best[0]:
        return None
    mark = best[3]
    rows = [_split(line, mark) for line in lines]
    # Numbered rows may be longer than those before them, and header lines shorter.
    width = Counter(len(row) for row in rows if any(map(_is_number, row))).most_common(1)[0][0]
    whole = [row for row in rows if len(row) == width]
    share = np.array([[_is_number(cell) or is_missing(cell) for cell in row] for row in whole])
    numeric = share.mean(axis=0) > 0.5
    words = np.array([[bool(_WORD.search(cell)) for cell in row] for row in whole])
    if not numeric.any():
        return None
    first = next((at for at, row in enumerate(rows) if _is_data(row, numeric)), None)
    if first is None:
        return None
    # A header is no line of numbers; what is that, and is not as the others, is damaged.
    for at, row in enumerate(rows[1:first], 2):
        if 2 * sum(map(_is_number, row)) > len(row):
            raise DataError(f"line {at} is no line of numbers as the others are")
    header = next((row for row in rows[:first] if len(row) == width), [])
    seen = [cell for row in whole for cell in compress(row, numeric)]
    commas = mark != "," and any("," in cell for cell in seen if _is_number(cell))
    return _Form(
        mark,
        "," if commas else ".",
        width,
        first,
        header,
        [line.strip(" \t#%;,'\"") for line in lines[:first]],
        width > 1 and not numeric[0] and bool(numeric[1:].all()),
        int((~numeric).sum()),
        int((words.mean(axis=0) > 0.5).sum()),
    )


def _first_lines(text: str) -> list[str]:
    lines: list[str] = []
    at = 0
    while at < len(text) and len(lines) < _LINES and (at < _LETTERS or len(lines) < 3):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        lines.append(text[at:end])
        at = end + 1
    return lines


def _is_data(row: Sequence[str], numeric: NDArray[np.bool_]) -> bool:
    """Whether a line holds numbers wherever most lines do."""
    return (
        len(row) == len(numeric)
        and any(map(_is_number, row))
        and all(_is_number(cell) or is_missing(cell) for cell in compress(row, numeric))
    )


def _split(line: str, mark: str) -> list[str]:
    if mark and '"' in line:
        cells = next(reader([line], delimiter=mark), [])
    else:
        cells = line.split(mark) if mark else line.split()
    return [cell.strip(" \t\"'") for cell in cells]


def _is_number(cell: str) -> bool:
    return len(cell) <= _LONGEST and _NUMBER.fullmatch(cell) is not None


def _numbers(text: str, form: _Form, kept: Sequence[int]) -> NDArray[np.float64]:
    """The columns of signal."""
    with np.errstate(all="ignore"):
        try:
            frame = pd.read_csv(
                _body(text, form),
                **_how(form),
                usecols=list(kept),
                dtype=np.float64,
                decimal=form.decimal,
                # The default is off by a unit in the last place.
                float_precision="round_trip",
                na_values=["-", "--", "?", "."],
            )
        except (pd.errors.ParserError, ValueError):
            raise DataError("holds cells of signal that are no numbers") from None
    return frame.to_numpy()


def _cells(text: str, form: _Form, places: Sequence[int]) -> list[list[str]]:
    """Columns that are no signal, as they are written."""
    frame = pd.read_csv(
        _body(text, form), **_how(form), usecols=list(places), dtype=str, keep_default_na=False
    )
    rows: list[list[str]] = frame.fillna("").to_numpy().tolist()
    return [[cell.strip(" \t\"'")[:MOST_TEXT] for cell in row] for row in rows]


def _body(text: str, form: _Form) -> io.BytesIO:
    """The lines of numbers."""
    at = 0
    for _ in range(form.first):
        at = text.index("\n", at) + 1
    # As bytes, a text takes a quarter of what a stream of letters takes.
    body = text[at:].encode()
    mark = form.mark.encode()
    if mark and b" " + mark in body:  # spaces behind a number make it none to pandas
        body = re.sub(rb"(?<! ) ++(?=[" + re.escape(mark) + rb"\r\n])", b"", body)
    return io.BytesIO(body)


def _width(text: str, form: _Form, rule: SamplesRule) -> int:
    """Cells of a line; rows that are samples have as many as one another."""
    longest, at_line = form.width, 0
    mark = form.mark.encode()
    for number, line in enumerate(_body(text, form), form.first + 1):
        if b'"' in line:
            if line.count(b'"') % 2:
                raise DataError(f"line {number} holds half a pair of quotes")
            n = len(_split(line.decode().rstrip("\n"), form.mark))
        else:
            n = line.count(mark) + 1 if mark else len(line.split())
        if n > longest:
            longest, at_line = n, number
    if at_line and rule.rows == "samples":
        raise DataError(f"line {at_line} holds more cells than the others")
    return longest


def _how(form: _Form) -> dict[str, Any]:
    """How pandas is to part lines and cells."""
    return {
        **{"sep": form.mark or r"\s+", "header": None, "names": range(form.width)},
        **{"index_col": False, "engine": "c", "skipinitialspace": True},
    }


def _place(name: str, form: _Form) -> int:
    """The column of a name, or of a number counted from 1."""
    if name in form.header:
        return list(form.header).index(name)
    if name.isdecimal() and 1 <= int(name) <= form.width:
        return int(name) - 1
    raise DataError("holds no column that samples: not_signal in auditor.yaml names")


def _row(name: str, labels: Sequence[str], n: int) -> int:
    """The number, counted from 1, of a row of a name or number."""
    if name in labels:
        return list(labels).index(name) + 1
    if name.isdecimal() and 1 <= int(name) <= n:
        return int(name)
    raise DataError("holds no row that samples: not_signal in auditor.yaml names")

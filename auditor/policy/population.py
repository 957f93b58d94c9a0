"""A table of how many people of each sex and age live in a place, as a profile names one."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from auditor.core.errors import ConfigError
from auditor.resources import shown
from auditor.stats.age_pyramid import OLDEST, SEXES, PopulationTable

_COLUMNS = ("sex", "age", "count")
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male"}
_AGE = re.compile(r"(\d{1,3})(\+?)")
_COUNT = re.compile(r"\d{1,12}")


def read_population(path: Path, content: bytes) -> PopulationTable:
    """A CSV table with the columns sex, age and count: single years, of which the last may be a
    group without an upper end, as `90+`.

    Raises
    ------
    ConfigError
        A column is missing, a cell is none of these, a row stands twice, or years are missing.
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError(f"{path}: is no CSV file in UTF-8; save it as one") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not set(_COLUMNS) <= set(header):
        raise ConfigError(f"{path}: seen the columns {shown(', '.join(header))}, wanted "
                          "sex, age, count")  # fmt: skip
    place = [header.index(name) for name in _COLUMNS]
    counts = np.full((len(SEXES), OLDEST + 1), -1, dtype=np.int64)
    open_from, beyond = np.full(len(SEXES), OLDEST + 1), np.zeros(len(SEXES), dtype=np.int64)
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = [row[at].strip() if at < len(row) else "" for at in place]
        sex, age, count = _SEX.get(cells[0].lower()), _AGE.fullmatch(cells[1]), cells[2]
        for what, fits, wanted, cell in (
            ("sex", sex, "female or male", cells[0]),
            ("age", age and int(age[1]) <= OLDEST, "a year such as 42, or 90+", cells[1]),
            ("count", _COUNT.fullmatch(count), "a whole number", count),
        ):
            if not fits:
                raise ConfigError(f"{path}: line {number}: {what}: seen {shown(cell)}, "
                                  f"wanted {wanted}")  # fmt: skip
        assert sex
        assert age
        of, year = SEXES.index(sex), int(age[1])
        if counts[of, year] >= 0 or (age[2] and open_from[of] <= OLDEST):
            raise ConfigError(f"{path}: line {number}: {sex} {cells[1]} stands twice; keep one")
        if age[2]:
            open_from[of], beyond[of] = year, int(count)
        else:
            counts[of, year] = int(count)
    return _whole(path, counts, open_from, beyond)


def _whole(
    path: Path, counts: np.ndarray, open_from: np.ndarray, beyond: np.ndarray
) -> PopulationTable:
    """A table of which no year below the last is missing."""
    if open_from[0] != open_from[1]:
        raise ConfigError(f"{path}: the open group begins at other ages for women than for men")
    last = int(open_from[0])
    told = np.flatnonzero((counts >= 0).any(axis=0))
    end = last if last <= OLDEST else (int(told.max()) + 1 if len(told) else 0)
    if (missing := np.argwhere(counts[:, :end] < 0)).size or not end:
        first = f"{SEXES[missing[0][0]]} {missing[0][1]}" if missing.size else "every year"
        raise ConfigError(f"{path}: {first} is missing; give every single year from 0, of both "
                          "sexes")  # fmt: skip
    if len(told) and told.max() >= last:
        raise ConfigError(f"{path}: years beyond {last}+ stand there too; leave them out")
    table = PopulationTable(np.maximum(counts, 0), last, beyond)
    if table.people == 0:
        raise ConfigError(f"{path}: counts nobody")
    return table

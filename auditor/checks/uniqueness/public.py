"""A table that somebody may hold beside the release, and who of the release one row of it fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.checks.uniqueness.classes import EPOCH, UNKNOWN, ages_of
from auditor.core.errors import ConfigError, DataError
from auditor.data.sheets import read_sheets
from auditor.data.values import age_of, column, dates, is_missing, sex_of
from auditor.stats.age_pyramid import SEXES

Ints = NDArray[np.int64]

#: What columns are called, by what they hold; the first that fits is taken.
_CALLED = {
    "sex": re.compile(r"\b(sex|gender|geschlecht|sexe|sexo|sesso|geslacht|kön|køn|kjønn)\b"),
    "age": re.compile(r"\b(age|alter|âge|edad|età|leeftijd|ålder|alder|idade)\b"),
    "birth": re.compile(
        r"\b(birth\w*|dob|yob|born|geburts\w*|naissance|nacimiento|nascita|geboorte\w*|född\w*"
        r"|fødsels\w*|nascimento)\b"
    ),
    "date": re.compile(r"\b(date|day|datum|fecha|data|dato|visit|admission|recorded)\b"),
}
#: Days a table's year of birth may be, and a year as it stands in a cell.
_YEAR = re.compile(r"(1[89]|20)\d\d(\.0)?")
_ANY = (-(2**62), 2**62)


@dataclass(frozen=True, eq=False)
class PublicTable:
    """What a table tells of people, a row of each.

    Attributes
    ----------
    sex : (m,) int64 0 female, 1 male; −1 of all where no column tells it
    low, high : (m,) int64 the first and the last age, or day of birth, that it may be
    born : whether those are days of birth
    date : (m,) int64 day since `EPOCH`; −1 of all where no column tells it
    used : the names of what is told
    n_left_out : rows that are not here, as a cell of theirs is empty or was not understood
    """

    sex: Ints
    low: Ints
    high: Ints
    born: bool
    date: Ints
    used: tuple[str, ...]
    n_left_out: int = 0

    def matches(self, known: pd.DataFrame) -> Ints:
        """(n_records,) how many rows fit what is known of each record's person; what is not known
        of them fits anything.
        """
        low, high = self._sought(known)
        sought = {"sex": known["sex"].to_numpy(), "date": known["date"].to_numpy()}
        for name in ("sex", "date"):
            if name not in self.used:
                sought[name] = np.full(len(known), UNKNOWN)
        asked = np.column_stack([sought["sex"], sought["date"], low, high])
        asked, back = np.unique(asked, axis=0, return_inverse=True)
        tables: dict[tuple[bool, bool], dict[tuple[int, int], tuple[Ints, Ints]]] = {}
        found = np.zeros(len(asked), dtype=np.int64)
        for row, (sex, date, first, last) in enumerate(asked.tolist()):
            kind = (sex != UNKNOWN, date != UNKNOWN)
            if kind not in tables:
                tables[kind] = self._grouped(*kind)
            if (group := tables[kind].get((sex, date))) is not None:
                starts, ends = group
                found[row] = np.searchsorted(starts, last, "right")
                found[row] -= np.searchsorted(ends, first, "left")
        return found[back.reshape(-1)]

    def _sought(self, known: pd.DataFrame) -> tuple[Ints, Ints]:
        """The ages, or the days of birth, that each record's person may have."""
        age = known["age"].to_numpy()
        low, high, grouped = ages_of(age)
        # Nothing says how wide a group is that is not open.
        age = np.where(grouped & (low == high), UNKNOWN, age)
        if self.born:
            today = known["date"].to_numpy()
            low, high = _years_before(today, high + 1) + 1, _years_before(today, low)
            age = np.where(known["date"].to_numpy() == UNKNOWN, UNKNOWN, age)
        if not {"age", "birth"} & set(self.used):
            age = np.full(len(age), UNKNOWN)
        open_ = age == UNKNOWN
        return np.where(open_, _ANY[0], low), np.where(open_, _ANY[1], high)

    def _grouped(self, by_sex: bool, by_date: bool) -> dict[tuple[int, int], tuple[Ints, Ints]]:
        """The rows by sex and date, each where it is asked for: first and last ages, sorted."""
        sex = self.sex if by_sex else np.full(len(self.sex), UNKNOWN)
        date = self.date if by_date else np.full(len(self.date), UNKNOWN)
        keys, which = np.unique(np.column_stack([sex, date]), axis=0, return_inverse=True)
        order = np.argsort(which.reshape(-1), kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(which.reshape(-1)))[:-1])
        return {
            (int(one[0]), int(one[1])): (np.sort(self.low[part]), np.sort(self.high[part]))
            for one, part in zip(keys, parts, strict=True)
        }


def read_public(path: Path) -> PublicTable:
    """The first page of a table file whose columns tell of people.

    Raises
    ------
    ConfigError
        It is no table, or has no column that is also known of the release.
    """
    try:
        sheets = read_sheets(path)
    except DataError as error:
        raise ConfigError(f"--public {path}: {error}; give a table as CSV, TSV or .xlsx") from None
    for sheet in sheets:
        named = _columns(sheet.frame.columns)
        if named and len((table := _understood(sheet.frame.astype(str), named)).sex):
            return table
    # What stands there is not told: the first line of a file that is no table may be anything.
    n = sum(len(sheet.frame.columns) for sheet in sheets)
    raise ConfigError(
        f"--public {path}: is no table, or none of its columns ({n}) is called sex, age, year of "
        "birth or date, or no row has all of its cells; rename the columns, or complete some rows"
    )


def _columns(names: Iterable[object]) -> dict[str, str]:
    """What is told → the column that tells it."""
    found: dict[str, str] = {}
    for name in map(str, names):
        words = re.sub(r"([a-zà-ÿ])([A-Z])", r"\1 \2", name)
        words = re.sub(r"[\W_]+", " ", words).strip().lower()
        # A date of birth is of birth, and not a date.
        for what in ("birth", "sex", "age", "date"):
            if _CALLED[what].search(words):
                found.setdefault(what, name)
                break
    return found


def _understood(frame: pd.DataFrame, named: dict[str, str]) -> PublicTable:
    """The rows that tell all that the table's columns tell of."""
    n = len(frame)
    sex, date = np.full(n, UNKNOWN), np.full(n, UNKNOWN)
    low, high = np.full(n, _ANY[0]), np.full(n, _ANY[1])
    if "sex" in named:
        said, _ = column(frame[named["sex"]].tolist(), sex_of)
        sex = np.array([UNKNOWN if one is None else SEXES.index(one) for one in said])
    if "date" in named:
        days, _ = dates(frame[named["date"]].tolist())
        date = np.array([UNKNOWN if one is None else _day(one) for one in days])
    if "age" in named:
        ages, _ = column(frame[named["age"]].tolist(), age_of)
        low = np.array([_ANY[0] if one is None else int(one.years) for one in ages])
        high = low
    elif "birth" in named:
        low, high = np.array(_births(frame[named["birth"]].tolist()), dtype=np.int64).T
    whole = np.ones(n, dtype=bool)
    for name, unknown in (("sex", sex < 0), ("date", date < 0), ("age", low == _ANY[0]),
                          ("birth", low == _ANY[0])):  # fmt: skip
        if name in named:
            whole &= ~unknown
    return PublicTable(
        sex[whole],
        low[whole],
        high[whole],
        "birth" in named and "age" not in named,
        date[whole],
        tuple(name for name in ("sex", "age", "birth", "date") if name in named),
        int((~whole).sum()),
    )


def _births(cells: list[str]) -> list[tuple[int, int]]:
    """The first and the last day on which each may have been born."""
    told = [cell for cell in cells if not is_missing(cell)]
    if all(_YEAR.fullmatch(cell.strip()) for cell in told):
        years = [None if is_missing(cell) else int(float(cell)) for cell in cells]
        return [
            _ANY if year is None else (_day(datetime(year, 1, 1)), _day(datetime(year, 12, 31)))
            for year in years
        ]
    return [_ANY if day is None else (_day(day), _day(day)) for day in dates(cells)[0]]


def _day(moment: datetime) -> int:
    return (moment - EPOCH).days


def _years_before(day: Ints, years: Ints) -> Ints:
    """The same day of the month so many years before; of a 29 February, the 28th."""
    dates = np.datetime64(EPOCH, "D") + day
    months = dates.astype("datetime64[M]")
    within = dates - months.astype("datetime64[D]")
    before = months - 12 * years
    last = (before + 1).astype("datetime64[D]") - 1
    moved = np.minimum(before.astype("datetime64[D]") + within, last)
    return np.asarray((moved - np.datetime64(EPOCH, "D")).astype(np.int64))

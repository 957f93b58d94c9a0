"""The companion table of a data set: whose a record is, when it was taken, what is known of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditor.core.errors import DataError
from auditor.core.unread import Unread
from auditor.data.catalog import Descriptor
from auditor.data.readers.base import inside
from auditor.data.sheets import Sheet, read_sheets
from auditor.data.values import age_of, column, dates, is_missing, is_time, sex_of

#: A table is read up to this size, bytes.
MAX_TABLE = 2_000_000_000
#: A column is of days when so much of what stands in it are dates.
_MOSTLY = 0.9
#: Codes that a column of sexes holds are shown to the steward, the commonest first, so many.
_SHOWN = 5


def join(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> list[Unread]:
    """Add what the companion table says of each record; it wins over the header.

    Returns
    -------
    list
        What stands in the table and was not understood.
    """
    rule = descriptor.table
    assert rule is not None
    table = table_of(root, descriptor)
    row_of = rows_of(table, descriptor, list(seen["record"]))
    at = [row_of[record] for record in seen["record"]]
    if all(row is None for row in at):
        raise DataError(
            f"{root / rule.file}: column {' or '.join(rule.record)} names none of the records; "
            "name the right one with --record-column"
        )
    unread = list(_twice(table, descriptor))

    def cells(name: str) -> list[str]:
        values = table[name].tolist()
        return ["" if row is None else values[row] for row in at]

    def say(kind: str, name: str, n: int, cure: str) -> None:
        if n:
            unread.append(Unread(kind, f"{rule.file}, column {name}", n, cure))

    if descriptor.subject is not None and (name := descriptor.subject.column):
        known = people(cells(name), descriptor.subject.same, f"{root / rule.file}: {name}")
        seen[f"table:{name}"] = pd.Series(known, dtype=object)
    if descriptor.session is not None and (name := descriptor.session.column):
        occasions, n = sessions(cells(name), descriptor)
        seen[f"table:{name}"] = pd.Series(occasions, dtype=object)
        say("session", name, n, "write all of them as dates, 2019-03-04")
    if rule.age:
        unit = "months" if re.search(r"month|monat|mois", rule.age, re.IGNORECASE) else ""
        ages, n = column(cells(rule.age), lambda value: age_of(value, unit))
        say("age", rule.age, n, "write years as a number")
        given = np.array([np.nan if age is None else age.years for age in ages])
        pooled = np.array([age is not None and age.pooled for age in ages])
        # A header may give in full the age that the table pools: the header is what leaks.
        told = np.isnan(given) | (pooled & (seen["age"] > 89) & ~seen["age_pooled"])
        seen["age_pooled"] = np.where(told, seen["age_pooled"], pooled).astype(bool)
        seen["age"] = np.where(told, seen["age"], given)
    if rule.sex:
        written = [rule.sexes.get(str(plain(value)), value) for value in cells(rule.sex)]
        sexes, n = column(written, sex_of)
        codes = Counter(value for value, sex in zip(written, sexes, strict=True) if sex is None)
        shown = ", ".join(code for code, _ in codes.most_common(_SHOWN) if not is_missing(code))
        say("sex", rule.sex, n, f"it holds {shown}; name them under table: sexes in auditor.yaml")
        known_sex = pd.Series(sexes, dtype=object)
        seen["sex"] = known_sex.where(known_sex.notna(), seen["sex"])
    if rule.date:
        days, n = dates(cells(rule.date), descriptor.dates)
        say(
            "date", rule.date, n, "write them as 2019-03-04, or say dates: day-first or month-first"
        )
        told_days = zip(days, seen["moment"], strict=True)
        seen["moment"] = [new.isoformat() if new else old for new, old in told_days]
    if rule.labels:
        found = [" ".join(re.findall(r"[A-Za-z][\w-]*", value)) for value in cells(rule.labels)]
        seen["labels"] = [new or old for new, old in zip(found, seen["labels"], strict=True)]
    return unread


def people(values: Sequence[str], same: Any, where: str) -> list[str | None]:
    """Whose each record is, as a column says; None where it says that nobody knows.

    Parameters
    ----------
    same : people who are known under two names

    Raises
    ------
    DataError
        Two names may be one number, or a spreadsheet has rounded them.
    """
    names = [plain(value) for value in values]
    told = {*same, *same.values()}
    known = {name for name in names if name} - told
    if n := sum(bool(re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+?\d{1,3}", name)) for name in known):
        raise DataError(
            f"{where}: {n} people are written as 1.5E+10, in which digits are lost; write them "
            "whole"
        )
    by_number = Counter(name.lstrip("0") for name in known if name.isdecimal())
    if n := sum(many > 1 for many in by_number.values()):
        raise DataError(
            f"{where}: {n} people are written with zeros before their number and without, as 0007 "
            "and 7; write one, or name both under subject: same in auditor.yaml"
        )
    return names


def sessions(values: Sequence[str], descriptor: Descriptor) -> tuple[list[str | None], int]:
    """On which occasion each record was taken: of times the day, else what the column says; and
    how many cells of a column of days are no dates.

    Times of day alone tell no session from another.
    """
    days, n = dates(values, descriptor.dates, are_dates=False)
    n_there = sum(not is_missing(value) for value in values)
    if n_there and sum(map(is_time, values)) >= _MOSTLY * n_there:
        return [None] * len(values), n_there
    # A name of a visit may be eight digits that make a day, but not 4.3.2019.
    surely = any(
        day is not None and not re.fullmatch(r"\d+", value.strip())
        for day, value in zip(days, values, strict=True)
    )
    if n_there and (surely or n_there - n >= _MOSTLY * n_there):
        return [day.date().isoformat() if day else None for day in days], n
    return [plain(value) for value in values], 0


def table_path(root: Path, descriptor: Descriptor) -> Path:
    """Where the companion table lies: inside the data set, there, and of a bounded size."""
    assert descriptor.table is not None
    path = inside(root, root / descriptor.table.file, "the descriptor's table")
    if not path.is_file():
        raise DataError(
            f"{path}: there is no such table; correct --table, or table in auditor.yaml"
        )
    if path.stat().st_size > MAX_TABLE:
        raise DataError(f"{path}: larger than the {MAX_TABLE:,} bytes a table may have")
    return path


def table_of(root: Path, descriptor: Descriptor) -> pd.DataFrame:
    """The companion table as it is written, all values text; `DataError` where a column lacks."""
    return _sheets(root, descriptor)[0].frame


def other_sheets(root: Path, descriptor: Descriptor) -> list[pd.DataFrame]:
    """The pages of the companion's workbook that the descriptor says nothing of."""
    return [one.frame for one in _sheets(root, descriptor)[1:]]


def _sheets(root: Path, descriptor: Descriptor) -> list[Sheet]:
    """The pages of the companion table, the one that is described first."""
    path, rule = table_path(root, descriptor), descriptor.table
    assert rule is not None
    try:
        sheets = read_sheets(path)
    except DataError as error:
        raise DataError(f"{path}: cannot be read as a table: {error}") from None
    wanted = [*rule.record, rule.age, rule.sex, rule.date, rule.labels]
    wanted += [one.column for one in (descriptor.subject, descriptor.session) if one]
    names = [name for name in wanted if name]
    fitting = [one for one in sheets if set(names) <= set(one.frame)] or sheets[:1]
    if not fitting:
        raise DataError(f"{path}: is empty; copy it again")
    sheet = fitting[0]
    if absent := [name for name in names if name not in sheet.frame]:
        there = ", ".join(map(str, sheet.frame.columns[:12]))
        raise DataError(f"{path}: has no column {absent[0]!r}; it has {there}")
    if sheet.ragged:
        raise DataError(
            f"{path}: line {sheet.ragged[0]} has more cells than the header"
            f"{_and_more(len(sheet.ragged))}; put cells that hold the separator in quotes"
        )
    return [sheet, *(one for one in sheets if one is not sheet)]


def rows_of(
    table: pd.DataFrame, descriptor: Descriptor, records: list[str]
) -> dict[str, int | None]:
    """Which row of a table is about each record: by its path, else by its file name alone."""
    assert descriptor.table is not None
    exact: dict[str, int] = {}
    ends: dict[str, int | None] = {}
    for name_column in descriptor.table.record:
        for row, value in enumerate(table[name_column]):
            name = _record(value)
            exact.setdefault(name, row)
            for end in _ends(name):
                ends[end] = row if ends.get(end, row) == row else None
    # Where table and folder write paths from different places, one path must end in the other,
    # and only one: a file name alone is not a person.
    named = {record: _record(record) for record in records}
    bare = {record: _without_suffix(name) for record, name in named.items()}
    rows: dict[str, int | None] = dict.fromkeys(records)
    # A record that is a file is called as the file is, which a table may do without its suffix.
    for names in (named, bare):
        called = Counter(names.values())
        sharing = Counter(end for name in names.values() for end in _ends(name))
        for record, name in names.items():
            if rows[record] is not None or (names is bare and called[name] > 1):
                continue
            in_table = [end for end in _ends(name) if end in exact and sharing[end] == 1]
            rows[record] = exact.get(name, ends.get(name))
            if rows[record] is None and in_table:
                rows[record] = exact[in_table[0]]
    return rows


def plain(value: str) -> str | None:
    """An identifier as text, None where it says that nothing is known: spreadsheets write 15709 as
    15709.0.
    """
    text = re.sub(r"^(-?\d+)[.,]0+$", r"\1", value.strip())
    return None if is_missing(text) else text


def _twice(table: pd.DataFrame, descriptor: Descriptor) -> Iterator[Unread]:
    """Rows that name one record and say different things of it."""
    rule = descriptor.table
    assert rule is not None
    columns = [rule.age, rule.sex, rule.date]
    columns += [one.column for one in (descriptor.subject, descriptor.session) if one]
    said = table[[name for name in columns if name]]
    for name_column in rule.record:
        named = table[name_column].map(_record)
        again = named[named.duplicated(keep=False) & (named != "")]
        differ = said.loc[again.index].groupby(again).nunique().gt(1).any(axis=1)
        if n := int(differ.sum()):
            yield Unread(
                "person",
                f"{rule.file}, column {name_column}",
                n,
                "two rows are about one record and disagree; keep the right one",
            )


def _record(value: str) -> str:
    """What a cell calls a record, as readers do: without suffix."""
    return re.sub(r"\.(?:hea|dat|mat)$", "", plain(str(value)) or "").removeprefix("./")


def _without_suffix(name: str) -> str:
    """A file's name without the letters behind its last dot."""
    return re.sub(r"(?<=[^/])\.[A-Za-z]\w{0,7}$", "", name)


def _and_more(n: int) -> str:
    return f", and so have {n - 1} more" if n > 1 else ""


def _ends(path: str) -> list[str]:
    """What a path ends in: for `a/b/c`, `b/c` and `c`."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]

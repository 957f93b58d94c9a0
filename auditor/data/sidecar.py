"""The companion table of a data set: whose a record is, when it was taken, what is known of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.core.errors import DataError
from auditor.data.catalog import Descriptor
from auditor.data.readers.base import inside
from auditor.data.readers.comments import age_of, date_of, sex_of

#: Rows of a table without a rule that are looked at.
_STRAY_ROWS = 100_000
#: A table is read up to this size, bytes.
_MAX_TABLE = 2_000_000_000


def join(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> None:
    """Add what the companion table says of each record; it wins over the header."""
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

    def column(name: str) -> list[str]:
        values = table[name].tolist()
        return ["" if row is None else values[row] for row in at]

    for one in (descriptor.subject, descriptor.session):
        if one is not None and one.column is not None:
            values = [_plain(value) for value in column(one.column)]
            seen[f"table:{one.column}"] = pd.Series(values, dtype=object)
    if rule.age:
        ages = [age_of(value) for value in column(rule.age)]
        given = np.array([float(age.get("age", np.nan)) for age in ages])  # type: ignore[arg-type]
        pooled = np.array([bool(age.get("age_pooled", False)) for age in ages])
        # A header may give in full the age that the table pools: the header is what leaks.
        told = np.isnan(given) | (pooled & (seen["age"] > 89) & ~seen["age_pooled"])
        seen["age_pooled"] = np.where(told, seen["age_pooled"], pooled).astype(bool)
        seen["age"] = np.where(told, seen["age"], given)
    if rule.sex:
        written = [rule.sexes.get(str(_plain(value)), value) for value in column(rule.sex)]
        sexes = pd.Series([sex_of(value).get("sex") for value in written], dtype=object)
        seen["sex"] = sexes.where(sexes.notna(), seen["sex"])
    if rule.date:
        dates = zip(map(date_of, column(rule.date)), seen["moment"], strict=True)
        seen["moment"] = [new.isoformat() if new else old for new, old in dates]
    if rule.labels:
        found = [" ".join(re.findall(r"[A-Za-z][\w-]*", value)) for value in column(rule.labels)]
        seen["labels"] = [new or old for new, old in zip(found, seen["labels"], strict=True)]


def table_path(root: Path, descriptor: Descriptor) -> Path:
    """Where the companion table lies: inside the data set, there, and of a bounded size."""
    assert descriptor.table is not None
    path = inside(root, root / descriptor.table.file, "the descriptor's table")
    if not path.is_file():
        raise DataError(
            f"{path}: there is no such table; correct --table, or table in auditor.yaml"
        )
    if path.stat().st_size > _MAX_TABLE:
        raise DataError(f"{path}: larger than the {_MAX_TABLE:,} bytes a table may have")
    return path


def table_of(root: Path, descriptor: Descriptor) -> pd.DataFrame:
    """The companion table as it is written, all values text; `DataError` where a column lacks."""
    path, rule = table_path(root, descriptor), descriptor.table
    assert rule is not None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}") from None
    wanted = [*rule.record, rule.age, rule.sex, rule.date, rule.labels]
    wanted += [one.column for one in (descriptor.subject, descriptor.session) if one]
    if absent := [name for name in wanted if name and name not in table]:
        raise DataError(
            f"{path}: has no column {absent[0]!r}; it has {', '.join(map(str, table.columns[:12]))}"
        )
    return table


def stray_table(path: Path) -> pd.DataFrame:
    """The first rows of a table that no rule describes, all values text; empty if it is none."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, nrows=_STRAY_ROWS)
    except (OSError, ValueError, pd.errors.ParserError):
        return pd.DataFrame()


def rows_of(
    table: pd.DataFrame, descriptor: Descriptor, records: list[str]
) -> dict[str, int | None]:
    """Which row of a table is about each record: by its path, else by its file name alone."""
    assert descriptor.table is not None
    exact: dict[str, int] = {}
    ends: dict[str, int | None] = {}
    for column in descriptor.table.record:
        for row, value in enumerate(table[column]):
            name = re.sub(r"\.(?:hea|dat|mat)$", "", _plain(str(value)) or "").removeprefix("./")
            exact.setdefault(name, row)
            for end in _ends(name):
                ends[end] = row if ends.get(end, row) == row else None
    # Where table and folder write paths from different places, one path must end in the other,
    # and only one: a file name alone is not a person.
    sharing = Counter(end for record in records for end in _ends(record))
    rows: dict[str, int | None] = {}
    for record in records:
        in_table = [end for end in _ends(record) if end in exact and sharing[end] == 1]
        rows[record] = exact.get(record, ends.get(record))
        if rows[record] is None and in_table:
            rows[record] = exact[in_table[0]]
    return rows


def _ends(path: str) -> list[str]:
    """What a path ends in: for `a/b/c`, `b/c` and `c`."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _plain(value: str) -> str | None:
    """A table's identifier as text: spreadsheets write 15709 as 15709.0."""
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", value.strip())
    return text or None

"""The companion table of a copy: a row for each record, with what may be told of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from auditor.data.dataset import Dataset
from auditor.data.identifiers import column, hits
from auditor.data.sidecar import plain, rows_of, table_of
from auditor.data.values import NotUnderstoodError, age_of, is_missing
from auditor.mitigation.cleaning.base import OLDEST, is_plain

#: What it is called.
FILE = "recordings.csv"
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,17})?(?:[eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"\d+(?:[.,]0+)?")
#: A group of ages: `60-69`, `>65`, `80+`.
_GROUP = re.compile(r"[<>=≥≤ ]{0,3}\d{1,2}(?: ?[-–] ?\d{1,2}| ?\+)?")
_NAME = re.compile(r"\w[\w .,%/()+-]{0,63}")
#: Categories of a column, the people whom each is of, and the people of whom a number is a name.
_MOST_CODES, _FEWEST_BEARERS, _FEWEST_NAMED = 100, 2, 10


def recordings_table(dataset: Dataset, kept: pd.DataFrame) -> tuple[pd.DataFrame, Counter[str]]:
    """The table, and what of the release's own is not in it.

    Of the release's table those columns are kept whose every cell is a number or a code, and in
    which nothing may be an identifier, be it sure or possible.

    Parameters
    ----------
    kept : rows of the manifest with `name` and `said`
    """
    said = list(kept["said"])
    own = _own_columns(dataset, list(kept["record"]))
    rule = dataset.descriptor.table
    ages = own.pop(rule.age) if rule and rule.age else [""] * len(said)
    columns = {
        "subject": _where(kept["subject_known"], [one.subject for one in said]),
        "session": _where(kept["session_known"], [one.session for one in said]),
        "date": [one.when("%Y-%m-%d") for one in said],
        "age": [one.age_text or _group(written) for one, written in zip(said, ages, strict=True)],
        "sex": [one.sex or "" for one in said],
        # Codes that are numbers are read from headers alone, whose keys explain them.
        "labels": [
            " ".join(label for label in one.labels if not label.isdecimal()) for one in said
        ],
    }
    told = {"record": [one.name for one in said]}
    told |= {name: values for name, values in columns.items() if any(values)}
    count: Counter[str] = Counter()
    subjects = [str(one) for one in kept["subject"]]
    for name, cells in own.items():
        why = _why_not(name, cells, subjects)
        if why or name in columns:
            count[f"columns of {why or 'a name that the copy needs'}"] += 1
        else:
            told[name] = cells
    return pd.DataFrame(told).sort_values("record", ignore_index=True), count


def _where(known: Iterable[bool], values: Sequence[str]) -> list[str]:
    return [value if one else "" for one, value in zip(known, values, strict=True)]


def _group(written: str) -> str:
    """A group of ages as the release's table writes it, where no age stands for it."""
    try:
        age = age_of(written) if _GROUP.fullmatch(written) else None
    except NotUnderstoodError:
        return ""
    return written if age is not None and age.pooled and age.years <= OLDEST else ""


def _own_columns(dataset: Dataset, records: list[str]) -> dict[str, list[str]]:
    """The columns of the release's table, a cell for each record, but for those that name records,
    people and occasions, and those of dates, sexes and labels.
    """
    descriptor = dataset.descriptor
    if (rule := descriptor.table) is None:
        return {}
    table = table_of(dataset.root, descriptor)
    rows = rows_of(table, descriptor, records)
    known = {*rule.record, rule.sex, rule.date, rule.labels}
    known |= {one.column for one in (descriptor.subject, descriptor.session) if one}
    found = {}
    for name in table.columns:
        if name not in known:
            values = table[name].tolist()
            at = [rows[record] for record in records]
            found[str(name)] = ["" if row is None else plain(values[row]) or "" for row in at]
    return found


def _why_not(name: str, cells: Sequence[str], subjects: Sequence[str]) -> str | None:
    """What speaks against a column; None where it may be told."""
    said = [one for one in dict.fromkeys(cells) if not is_missing(one)]
    if not said:
        return "nothing"
    if not _NAME.fullmatch(name) or hits(name):
        return "a name in which something may identify"
    if found := column(name, cells):
        return f"what may identify: {found.kind}"
    if any(hits(one) for one in said):
        return "cells in which something may identify"
    if all(map(_NUMBER.fullmatch, said)):
        named = all(map(_WHOLE.fullmatch, said)) and _are_names(cells, subjects)
        return "a number of its own for each record or person" if named else None
    bearers: dict[str, set[str]] = {}
    for cell, subject in zip(cells, subjects, strict=True):
        bearers.setdefault(cell, set()).add(subject)
    rare = any(len(bearers[one]) < _FEWEST_BEARERS for one in said)
    if len(said) > _MOST_CODES or rare or not all(map(is_plain, said)):
        return "words that nobody understands"
    return None


def _are_names(cells: Sequence[str], subjects: Sequence[str]) -> bool:
    """Whether whole numbers are of one record each, or of one person each: they name them."""
    given = [(cell, who) for cell, who in zip(cells, subjects, strict=True) if not is_missing(cell)]
    if len(given) < _FEWEST_NAMED:
        return False
    if len({cell for cell, _ in given}) == len(given):
        return True
    people = len({who for _, who in given})
    pairs = set(given)
    return people >= _FEWEST_NAMED and len(pairs) == people == len({cell for cell, _ in pairs})

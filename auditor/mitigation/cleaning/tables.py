"""The companion table of a copy: a row for each record, with what may be told of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from auditor.data.dataset import Dataset
from auditor.data.identifiers import column, hits
from auditor.data.sidecar import plain, rows_of, table_of
from auditor.data.values import is_missing
from auditor.mitigation.cleaning.base import is_plain

#: What it is called.
FILE = "recordings.csv"
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,17})?(?:[eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"\d+(?:[.,]0+)?")
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
    columns = {
        "subject": [
            one.subject if known else ""
            for one, known in zip(said, kept["subject_known"], strict=True)
        ],
        "session": [
            one.session if known else ""
            for one, known in zip(said, kept["session_known"], strict=True)
        ],
        "date": [one.when("%Y-%m-%d") for one in said],
        "age": [one.age_text for one in said],
        "sex": [one.sex or "" for one in said],
        "labels": [" ".join(one.labels) for one in said],
    }
    told = {"record": [one.name for one in said]}
    told |= {name: values for name, values in columns.items() if any(values)}
    count: Counter[str] = Counter()
    told |= _others(dataset, kept, told, count)
    table = pd.DataFrame(told).sort_values("record", ignore_index=True)
    return table, count


def _others(
    dataset: Dataset, kept: pd.DataFrame, told: dict[str, list[str]], count: Counter[str]
) -> dict[str, list[str]]:
    """The columns of the release's table that may be told, beside those that are told already."""
    descriptor = dataset.descriptor
    rule = descriptor.table
    if rule is None:
        return {}
    table = table_of(dataset.root, descriptor)
    rows = rows_of(table, descriptor, list(kept["record"]))
    at = [rows[record] for record in kept["record"]]
    known = {*rule.record, rule.age, rule.sex, rule.date, rule.labels}
    known |= {one.column for one in (descriptor.subject, descriptor.session) if one}
    subjects = [str(one) for one in kept["subject"]]
    found = {}
    for name in table.columns:
        if name in known:
            continue
        values = table[name].tolist()
        cells = ["" if row is None else plain(str(values[row])) or "" for row in at]
        if why := _why_not(str(name), cells, subjects):
            count[f"columns of {why}"] += 1
        elif str(name) in told:
            count["columns of a name that the copy needs"] += 1
        else:
            found[str(name)] = cells
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

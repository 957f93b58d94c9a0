"""What a report withholds: small counts of people, dates, paths, names of files and records.

The producers of findings are careful; an exception's message is not. So everything free-form
passes here on its way into the JSON, and once more on its way out of a JSON we did not write.
Withholding twice changes nothing more.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

#: No cell counts fewer people than this, whatever a profile says; one may ask for more.
SMALLEST = 10
#: In place of a count that would give another away.
WITHHELD = "withheld"

_DEEPEST = 16
_LONGEST = 2_000
_PEOPLE = r"people|persons?|subjects?|patients?|members?|nonmembers?|non-members?"
_COUNTS_PEOPLE = re.compile(rf"(?:^|_)(?:{_PEOPLE})(?:_|$)")
_IS_A_SETTING = re.compile(r"^(?:min|max|least|most)_|_per_")
_FEW = re.compile(rf"(?<![\w.,/-])[1-9]\d*(?= (?:{_PEOPLE})\b)", re.IGNORECASE)
_FOUND_FEW = re.compile(r"\b(found|only|has|have|got|holds?) ([1-9]\d*)(?=\s*(?:$|[;,)]|\.(?!\d)))")
_FEWER = re.compile(r"fewer than (\d{1,9})")
_WANTED = re.compile(r"(?:least|needs?|wants?|wanted|than|under|below|of|minimum|every) $")
_NAMES_PEOPLE = re.compile(rf"\b(?:{_PEOPLE})\b", re.IGNORECASE)

_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?"
_DATE = re.compile(
    rf"\b(?:19|20)\d\d[-/.]\d\d[-/.]\d\d{_TIME}(?!\w)|\b\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:19|20)\d\d\b"
)
_PATH = re.compile(r"""(?<![\w.])(?:~|[A-Za-z]:)?(?:[\\/]+[^\s\\/:;,'"()<>]+){2,}[\\/]*""")
_ENDING = "hea|dat|mat|atr|csv|tsv|parquet|xml|dcm|edf|bdf|h5|hdf5|npy|npz|onnx|ubj|pt|ya?ml|json"
_FILE = re.compile(rf"[\w./\\-]*\w\.(?:{_ENDING}|safetensors|scp|ecg|txt)\b", re.IGNORECASE)
_OURS = {"auditor.yaml", "model.yaml", "datasets.yaml", "audit.json"}
_NAMED = re.compile(
    r"\b(record|subject|patient|person)\s+"
    r"(?:'[^']*'|\"[^\"]*\"|(?=[\w./-]*\d)(?:[\w./-]*[A-Za-z_][\w./-]*|\d{4,}|0\d+|\d+(?=:)))",
    re.IGNORECASE,
)
#: Marks that reverse or hide the text around them.
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])


def clean(text: str) -> str:
    """Text on one line that any file can hold: no control marks, no half characters."""
    text = text.translate(_BIDI).encode("utf-8", "replace").decode("utf-8")
    text = "".join(" " if unicodedata.category(mark) == "Cc" else mark for mark in text)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def withhold_text(text: str, smallest: int = SMALLEST) -> str:
    """A sentence without dates, paths, names of files or records, or small counts of people."""

    def few(count: str) -> str:
        return fewer(smallest) if int(count) < smallest else count

    text = clean(text)
    text = _DATE.sub("[date]", text)
    text = _PATH.sub("[path]", text)
    text = _FILE.sub(lambda name: name[0] if name[0] in _OURS else "[file]", text)
    text = _NAMED.sub(r"\1 [withheld]", text)
    if _NAMES_PEOPLE.search(text):
        text = _FOUND_FEW.sub(lambda found: f"{found[1]} {few(found[2])}", text)
    return _FEW.sub(
        lambda one: one[0] if _WANTED.search(one.string[: one.start()]) else few(one[0]), text
    )


def fewer(smallest: int = SMALLEST) -> str:
    """What stands in place of a count that is too small to be told."""
    return f"fewer than {smallest}"


def withhold(
    value: Any,
    totals: Collection[int] = (),
    counts_people: bool = False,
    smallest: int = SMALLEST,
    depth: int = 0,
) -> Any:
    """A free-form value as JSON may hold it, without what a report must not say.

    Where one small count of a table is withheld and could be had by taking the others from a
    total, the smallest of the others is withheld too.

    Parameters
    ----------
    value : whatever a finding's `params` or `curves` hold
    totals : the numbers of people that are told elsewhere
    counts_people : whether whole numbers in it are counts of people
    smallest : counts of fewer people are not told

    Raises
    ------
    ValueError
        The value is nested too deep to be shown.
    TypeError
        The value has no form in JSON.
    """
    if depth > _DEEPEST:
        raise ValueError(f"a value is nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        told = {
            withhold_text(str(key), smallest): withhold(
                item, totals, counts_people or _is_count_of_people(str(key)), smallest, depth + 1
            )
            for key, item in value.items()
        }
        return _second(told, totals, smallest) if counts_people else told
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        if all(type(item) is float for item in value):  # a curve
            return [number(item) for item in value]
        rows = [withhold(item, totals, counts_people, smallest, depth + 1) for item in value]
        if counts_people:
            cells = _second(dict(enumerate(rows)), totals, smallest)
            return [cells[at] for at in range(len(rows))]
        if rows and all(isinstance(row, Mapping) for row in rows):
            return _columns_second(rows, totals, smallest)
        return rows
    return _scalar(value, counts_people, smallest)


def _second(cells: dict[Any, Any], totals: Collection[int], smallest: int) -> dict[Any, Any]:
    """Counts of people, with a second one withheld where the first could be had by difference."""
    known = {
        key: cell
        for key, cell in cells.items()
        if isinstance(cell, int) and not isinstance(cell, bool) and cell >= smallest
    }
    hidden = [cell for cell in cells.values() if isinstance(cell, str) and _is_hidden(cell)]
    if len(hidden) != 1 or hidden == [WITHHELD] or not known:
        return cells
    # A total may stand in the table itself.
    sums = {sum(known.values())} | {sum(known.values()) - cell for cell in known.values()}
    whole = {*totals, *known.values()}
    if not any(0 < total - part < smallest for total in whole for part in sums):
        return cells
    least = min(known, key=lambda key: known[key])
    return cells | {least: WITHHELD}


def _is_hidden(cell: str) -> bool:
    return cell == WITHHELD or _FEWER.fullmatch(cell) is not None


def _columns_second(
    rows: Sequence[Mapping[str, Any]], totals: Collection[int], smallest: int
) -> list[dict[str, Any]]:
    """A table of rows, each of whose columns of counts is seen to."""
    made = [dict(row) for row in rows]
    for name in {name for row in rows for name in row if _is_count_of_people(name)}:
        column = {at: row[name] for at, row in enumerate(rows) if name in row}
        for at, cell in _second(column, totals, smallest).items():
            made[at][name] = cell
    return made


def count(n: int) -> str:
    """A count of people, or of what each of them has, as a page may tell it."""
    return fewer() if 0 < n < SMALLEST else f"{n:,}"


def number(value: Any) -> int | float | None:
    """A number as JSON may hold it: None where it is not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(value)


def _scalar(value: Any, counts_people: bool, smallest: int) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | PurePath):
        text = withhold_text(str(value), smallest)
        told = _FEWER.fullmatch(text)
        return fewer(max(smallest, int(told[1]))) if told else text
    if isinstance(value, int | float):
        few = counts_people and 0 < value < smallest and value == int(value)
        return fewer(smallest) if few else number(value)
    raise TypeError(f"a {type(value).__name__} has no form in a report")


def _is_count_of_people(key: str) -> bool:
    key = key.lower().replace(" ", "_").replace("-", "_")
    return bool(_COUNTS_PEOPLE.search(key)) and not _IS_A_SETTING.search(key)

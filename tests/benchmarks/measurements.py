"""What was measured: kept as JSON, and drawn as the tables of MEASUREMENTS.md.

`measurements.json` holds one object for each claim, `tables.json` the rows of the long tables that
benchmarks print. A benchmark writes both through the fixture `measured`, and
`python -m tests.benchmarks.measurements` draws them between the markers of MEASUREMENTS.md.
"""

from __future__ import annotations

import datetime
import json
import operator
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "MEASUREMENTS.md"
CLAIMS, ROWS = "measurements.json", "tables.json"

#: What the claims are about, in the order of the document.
ROOMS = {
    "report": "Report and command line",
    "models": "Checks of models",
    "waveforms": "Networks on waveforms",
    "tabular": "Trees on ECG features",
    "attribution": "Which part of the heartbeat",
    "attackers": "The attackers",
    "transecg": "TransECG",
    "identifiers": "Identifiers in texts and columns",
    "shortcuts": "Two releases, copies, shortcuts, subgroups",
    "delineation": "Delineation",
    "quality": "Signal quality, swapped leads, beat types",
    "forecast": "Forecast of larger galleries",
    "coverage": "What intervals hold",
    "populations": "Null and planted populations",
    "runs": "Whole scans, the tests, CI",
    "speed": "Speed and memory",
}
COLUMNS = ("claim", "command", "data", "n", "value", "interval", "wanted", "met", "date")
NOT_TOLD = "not told"

_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
_WANTED = re.compile(rf"(?:(low|high) )?(>=|<=|>|<|=) ({_NUMBER})")
_IS = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
_SHOWN = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "=": "="}
_ENDS = {"low": "lower end ", "high": "upper end ", None: ""}
_BLOCK = re.compile(r"(<!-- drawn: ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Measurement:
    """One claim and what was seen.

    Attributes
    ----------
    id : names the claim; another measurement of the same id takes its place
    room : a key of `ROOMS`
    n : how many of what, as "89 people"; None where it was not told
    value : the number with the digits that are told; None where nothing was measured
    interval : the ends of the 95 % interval; what else they are, the note says
    wanted : a bound on the value, as ">= 0.95", or on an end of the interval, as "low > 0.5"
    date : as 2026-11-21

    Raises
    ------
    ValueError
        A field is empty or in no known form.
    """

    id: str
    room: str
    claim: str
    command: str
    data: str
    n: str | None
    value: str | None
    unit: str
    interval: tuple[str, str] | None
    wanted: str | None
    date: str
    note: str

    def __post_init__(self) -> None:
        if self.room not in ROOMS:
            raise ValueError(f"{self.id}: no room {self.room!r}: {', '.join(ROOMS)}")
        for name in ("id", "claim", "command", "data"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.id}: no {name}")
        if self.n is not None and not self.n.strip():
            raise ValueError(f"{self.id}: no n")
        for number in (self.value, *(self.interval or ())):
            if number is not None and not re.fullmatch(_NUMBER, number):
                raise ValueError(f"{self.id}: {number!r} is not a number")
        if self.interval and float(self.interval[0]) > float(self.interval[1]):
            raise ValueError(f"{self.id}: the interval's lower end is above its upper end")
        if self.wanted is not None and not _WANTED.fullmatch(self.wanted):
            raise ValueError(f"{self.id}: {self.wanted!r} is not a bound such as '>= 0.95'")
        datetime.date.fromisoformat(self.date)

    @property
    def met(self) -> bool | None:
        """Whether the value is as wanted; None where nothing was wanted or measured."""
        asked = self.wanted and _WANTED.fullmatch(self.wanted)
        if not asked:
            return None
        end, relation, bound = asked.groups()
        ends = dict(zip(("low", "high"), self.interval or (None, None), strict=True))
        number = ends[end] if end else self.value
        return None if number is None else _IS[relation](float(number), float(bound))


def load(folder: Path = HERE) -> list[Measurement]:
    """All claims, in the order of the file.

    Raises
    ------
    ValueError
        A key is unknown or missing, an id occurs twice, or `met` is not what follows from the rest.
    """
    found: dict[str, Measurement] = {}
    known = {field.name for field in fields(Measurement)} | {"met"}
    for told in json.loads((folder / CLAIMS).read_text("utf-8")):
        if odd := known ^ set(told):
            raise ValueError(f"{told.get('id')}: unknown or missing: {', '.join(sorted(odd))}")
        met = told.pop("met")
        one = Measurement(**{**told, "interval": told["interval"] and tuple(told["interval"])})
        if met is not one.met:
            raise ValueError(f"{one.id}: met is {met}, and {one.met} follows from what was wanted")
        if one.id in found:
            raise ValueError(f"{one.id} stands there twice")
        found[one.id] = one
    return list(found.values())


def record(one: Measurement, folder: Path = HERE) -> None:
    """Keep a claim, in the place of the one with the same id."""
    kept = {each.id: each for each in load(folder)} if (folder / CLAIMS).exists() else {}
    kept[one.id] = one
    _write(folder / CLAIMS, [_json(each) for each in kept.values()])


def record_row(
    table: str, key: Mapping[str, str], cells: Mapping[str, str], date: str, folder: Path = HERE
) -> None:
    """Keep a row of a long table, in the place of the one with the same key.

    Parameters
    ----------
    key, cells : text by column; the key's columns come first
    """
    path = folder / ROWS
    tables = json.loads(path.read_text("utf-8")) if path.exists() else {}
    row = {"key": dict(key), "cells": dict(cells), "date": date}
    kept = tables.setdefault(table, [])
    for place, each in enumerate(kept):
        if each["key"] == row["key"]:
            kept[place] = row
            break
    else:
        kept.append(row)
    _write(path, tables)


def rows(table: str, folder: Path = HERE) -> list[dict[str, str]]:
    """The rows of a long table: text by column, the date last."""
    found = json.loads((folder / ROWS).read_text("utf-8"))[table]
    return [{**row["key"], **row["cells"], "date": row["date"]} for row in found]


class Recorder:
    """What a benchmark calls with each figure that it prints; see the fixture `measured`."""

    def __init__(self, command: str, folder: Path = HERE) -> None:
        self.command = command
        self.folder = folder

    def __call__(
        self, id: str, claim: str, value: float, *, room: str, data: str, n: str,
        interval: Sequence[float] | None = None, wanted: str | None = None, unit: str = "",
        digits: int = 3, note: str = "",
    ) -> Measurement:  # fmt: skip
        """Keep a figure, dated today.

        Parameters
        ----------
        digits : after the point; more are told where rounding would change whether it is met
        """

        def told(digits: int) -> Measurement:
            text = f"{value:.{digits}f}"
            ends = (f"{interval[0]:.{digits}f}", f"{interval[1]:.{digits}f}") if interval else None
            today = datetime.date.today().isoformat()
            return Measurement(
                id, room, claim, self.command, data, n, text, unit, ends, wanted, today, note
            )

        one, whole = told(digits), told(17)
        while one.met is not whole.met:
            one = told(digits := digits + 1)
        record(one, self.folder)
        return one

    def row(self, table: str, key: Mapping[str, str], cells: Mapping[str, str]) -> None:
        """Keep a row of a long table, dated today."""
        record_row(table, key, cells, datetime.date.today().isoformat(), self.folder)

    def rows(self, table: str) -> list[dict[str, str]]:
        """The rows of a long table, those kept before among them."""
        return rows(table, self.folder)


def command_of(module: str) -> str:
    """What one types to run the benchmarks of a module, by the module's name."""
    if os.environ.get("AUDITOR_DEVICE") == "cuda":
        return "make bench-gpu"
    own = {
        "test_gpu": "make bench-gpu",
        "test_peers": "make bench-peers",
        "test_identifiers": "make bench-peers",
        "test_power": "make power",
        "test_verdicts": "make verdicts",
        "test_systems": "make systems",
        "test_coverage": "make coverage",
    }
    return own.get(module, f'make bench ARGS="-k {module}"')


def render(document: str, folder: Path = HERE) -> str:
    """The document with its tables drawn anew.

    Raises
    ------
    ValueError
        A table has no place in the document, or a place no table.
    """
    tables = json.loads((folder / ROWS).read_text("utf-8"))
    drawn = {name: _table(rows(name, folder)) for name in tables}
    drawn["claims"] = _claims(load(folder))
    places = [name for _, name, _ in _BLOCK.findall(document)]
    if odd := set(places) ^ set(drawn):
        raise ValueError(f"a table without a place, or a place without: {', '.join(sorted(odd))}")
    return _BLOCK.sub(lambda found: f"{found[1]}\n{drawn[found[2]]}\n\n{found[3]}", document)


def _claims(claims: Sequence[Measurement]) -> str:
    parts = []
    for room, heading in ROOMS.items():
        lines = [_line(one) for one in claims if one.room == room]
        if lines:
            parts.append(f"### {heading}\n\n{_table(lines)}")
    return "\n\n".join(parts)


def _line(one: Measurement) -> dict[str, str]:
    """The cells of one claim."""
    value = "not measured" if one.value is None else f"{_shown(one.value)} {one.unit}".strip()
    interval = f"{_shown(one.interval[0])} to {_shown(one.interval[1])}" if one.interval else None
    wanted = ""
    if one.wanted and (asked := _WANTED.fullmatch(one.wanted)):
        end, relation, bound = asked.groups()
        wanted = f"{_ENDS[end]}{_SHOWN[relation]} {_shown(bound)} {one.unit}".strip()
    cells = (
        f"{one.claim} ({one.note})" if one.note else one.claim,
        one.command if one.command == NOT_TOLD else f"`{one.command}`",
        one.data,
        one.n or NOT_TOLD,
        value,
        interval or NOT_TOLD,
        wanted,
        {True: "yes", False: "**no**", None: ""}[one.met],
        one.date,
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _shown(number: str) -> str:
    """A number as it is printed: a true minus, and commas between thousands."""
    whole, point, rest = number.lstrip("-").partition(".")
    if whole.isdigit():
        whole = f"{int(whole):,}"
    return ("−" if number.startswith("-") else "") + whole + point + rest


def _table(lines: Sequence[Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(name for line in lines for name in line))
    if "date" in columns:
        columns.append(columns.pop(columns.index("date")))
    cells = [[line.get(name, "").replace("|", "\\|") for name in columns] for line in lines]
    return "\n".join(
        "| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *cells)
    )


def _json(one: Measurement) -> dict[str, Any]:
    """A claim's object: `met` beside what was wanted."""
    told = asdict(one)
    date, note = told.pop("date"), told.pop("note")
    return {**told, "met": one.met, "date": date, "note": note}


def _write(path: Path, content: object) -> None:
    """The whole file or nothing: a benchmark that is killed leaves what stood there."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    beside.replace(path)


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text("utf-8")), "utf-8")

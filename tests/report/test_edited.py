"""An audit.json that somebody edited is refused in one line, or drawn in every format."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.core.errors import ConfigError
from auditor.report import json as report
from auditor.report import notebook
from auditor.report.formats import FORMATS
from tests.report.test_heartbeat import attribution

RELEASED = Path(__file__).with_name("released") / "audit-1.json"
#: Findings of each document; they stand for the others, and are drawn in a moment.
KEPT = 3
VALUES: list[Any] = [
    *(None, True, 0, 1, -1, 0.5, -7.25, 1e15, 1e308, 1e-300, 10**30, 10**400, -(10**400)),
    *("", "x", "=1+1", "nan", "\u202e", "\ud800", "2020-01-01", "a" * 5000),
    *([], {}, [[]], [None], ["a"], [1, 2], [1e308, -1e308], [0.5] * 9, list(range(5000))),
    *({"a": 1}, {"a": [1]}, [{"a": 1}], [{}], [[[]] * 3], {"a": {}}, [None] * 50),
]


@pytest.fixture(scope="module")
def documents(audit) -> list[dict[str, Any]]:
    """What the last release wrote, an audit of today, and one with a heartbeat, each of a few
    findings with their curves.
    """
    of_today = replace(audit, findings=(attribution(leads=("I", "II")), *audit.findings[8:12]))
    written = [json.loads(RELEASED.read_text()), json.loads(report.dumps(of_today))]
    old = written[0]["findings"]
    written[0]["findings"] = [one for one in old if one["curves"]][:KEPT] + old[-1:]
    with_beats = copy.deepcopy(written[1])
    with_beats["findings"] = with_beats["findings"][:1]
    return [*written, with_beats]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document; of long lists the first and the last alone."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for at in {*range(min(len(value), 4)), len(value) - 1} - {-1}:
            yield from places(value[at], (*path, at))


def edit(document: dict[str, Any], rng: random.Random) -> None:
    every = list(places(document))
    free = [path for path in every if path[0] == "findings" and path[2:3] in (("curves",),
            ("params",))]  # fmt: skip
    # What the schema leaves free is where an edit is not refused.
    *parents, last = rng.choice(free if rng.random() < 0.7 else every)
    inner: Any = document
    for key in parents:
        inner = inner[key]
    how = rng.randrange(5)
    if how == 0:
        del inner[last]
    elif how == 1 and isinstance(inner, dict):
        inner[rng.choice([*inner, "new"])] = inner.pop(last)
    elif how == 2 and isinstance(inner[last], list) and inner[last]:
        old = inner[last]
        choices = [old[:-1], old[:1], old * 2, old[::-1], [*old, None], [0] * len(old),
                   ["x"] * len(old), [None] * len(old), [*old[:-1], -1]]  # fmt: skip
        inner[last] = rng.choice(choices)
    else:
        inner[last] = copy.deepcopy(rng.choice(VALUES))


def read_and_drawn(document: Any, path: Path, *, page: bool = True) -> bool:
    """Whether a document was read, and then drawn; else it was refused in one line."""
    path.write_text(json.dumps(document))
    refused = ""
    try:
        audit = report.read(path)
    except ConfigError as error:
        refused = str(error)
    assert "\n" not in refused
    if not refused:
        for name, form in FORMATS.items():
            assert (name == "html" and not page) or form.render(audit), name
    return not refused


def edited(documents: list[dict[str, Any]], path: Path, seed: int, *, page_of: int) -> int:
    """How many of 100 edited documents were drawn, one in `page_of` as a page too."""
    rng, drawn = random.Random(seed), 0
    for number in range(100):
        document = copy.deepcopy(rng.choice(documents))
        for _ in range(rng.choice((1, 1, 2, 4))):
            edit(document, rng)
        drawn += read_and_drawn(document, path, page=number % page_of == 0)
    return drawn


@pytest.mark.parametrize("seed", range(1))
def test_an_audit_with_something_else_in_it_is_refused_or_drawn(documents, tmp_path, seed):
    assert 20 < edited(documents, tmp_path / "audit.json", seed, page_of=10) < 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_every_page_of_an_edited_audit_is_drawn(documents, tmp_path, seed):
    assert 20 < edited(documents, tmp_path / "audit.json", seed, page_of=1) < 100


def test_a_notebook_shows_what_the_page_shows(documents, tmp_path):
    document = copy.deepcopy(documents[2])
    document["findings"][0]["curves"]["beat"]["ms"] = [1]
    (tmp_path / "audit.json").write_text(json.dumps(document))
    assert "No heartbeat is drawn" in notebook.shown(report.read(tmp_path / "audit.json"))


@pytest.mark.parametrize(
    "curve",
    [
        {"rank": [1, 2], "rate": [0.1]},
        {"rank": [-1e15, 1e15], "rate": [0.1, 1e15]},
        {"gallery": [-1, 0, 5], "rate": [0.1, 0.2, 0.3]},
        {"gallery": [1e308, -1e308], "rate": [1e308, 1]},
        {"fmr": [0.1, 0.1], "tar": [2, -2]},
        {"fpr": [5, 4, 3], "tpr": [5, 4, 3]},
        {"method": []},
        {"method": ["a"], "P": [1e308]},
        {},
    ],
)
def test_any_curve_can_be_told(documents, tmp_path, curve):
    document = copy.deepcopy(documents[2])
    names = ("cmc", "roc", "gallery", "forecast", "enrichment", "enrichment_low", "enrichment_high")
    document["findings"][0]["curves"] |= dict.fromkeys(names, curve)
    assert read_and_drawn(document, tmp_path / "audit.json")


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400, "1" + "0" * 5000])
def test_a_number_that_is_none_is_refused(documents, tmp_path, number):
    text = json.dumps(documents[2] | {"release": documents[2]["release"] | {"n_records": 77777}})
    path = tmp_path / "audit.json"
    path.write_text(text.replace("77777", number))
    with pytest.raises(ConfigError, match="not a"):
        report.read(path)
    text = text.replace('"seed": 0', f'"seed": {number}')
    path.write_text(text.replace("77777", "77"))
    with pytest.raises(ConfigError, match="not a"):
        report.read(path)


@pytest.mark.parametrize("name", ["id", "finding", "estimate"])
def test_a_name_of_marks_that_are_not_shown_is_refused(documents, tmp_path, name):
    document = copy.deepcopy(documents[1])
    document["verdict"]["rules"][0][name] = "\u202e"
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="marks that no report shows"):
        report.read(path)

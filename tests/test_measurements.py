"""What was measured is kept whole, judged by rule, and drawn as it stands in MEASUREMENTS.md."""

from __future__ import annotations

import datetime
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import measurements
from tests.benchmarks.measurements import Measurement, Recorder, load, record, render, rows

ONE = Measurement(
    id="speed/one", room="speed", claim="One", command="make bench", data="noise", n="3 runs",
    value="0.950", unit="s", interval=("0.900", "0.990"), wanted=">= 0.95", date="2026-11-21",
    note="",
)  # fmt: skip
DOCUMENT = """# Seen

<!-- drawn: claims -->
typed by hand
<!-- end -->

<!-- drawn: t -->
<!-- end -->
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(ONE, tmp_path)
    record(replace(ONE, id="speed/two", claim="Two", value="0.5"), tmp_path)
    Recorder("make bench", tmp_path).row("t", {"rung": "first"}, {"rank-1": "0.5"})
    return tmp_path


def changed(folder: Path, **told) -> None:
    """The file's first entry with other values."""
    path = folder / measurements.CLAIMS
    first, *rest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**first, **told}, *rest]), "utf-8")


def test_the_tables_in_the_document_are_those_that_were_recorded():
    document = measurements.DOCUMENT.read_text("utf-8")
    assert document == render(document), "python -m tests.benchmarks.measurements draws them"


def test_every_claim_says_how_and_on_what_and_when_it_was_measured():
    claims = load()
    assert claims
    for one in claims:
        assert one.command
        assert one.data
        assert one.n is None or one.n.strip()
        assert datetime.date.fromisoformat(one.date) <= datetime.date.today()
        assert one.value is not None or "not measured" in one.note


def test_every_benchmark_that_claims_name_is_there():
    stems = {path.stem for path in measurements.HERE.glob("test_*.py")}
    for one in load():
        _, found, keyword = one.command.partition('make bench ARGS="-k ')
        assert not found or keyword.rstrip('"') in stems, one.id


def test_every_target_that_claims_name_is_in_the_makefile():
    targets = (measurements.DOCUMENT.parent / "Makefile").read_text("utf-8")
    for one in load():
        program, *words = one.command.split()
        assert program != "make" or f"\n{words[0]}:" in targets, one.id


def test_a_record_takes_the_place_of_its_predecessor(folder):
    record(replace(ONE, value="0.970", date="2026-11-30"), folder)
    assert [one.id for one in load(folder)] == ["speed/one", "speed/two"]
    assert load(folder)[0].value == "0.970"


def test_a_row_takes_the_place_of_the_one_with_its_key(folder):
    measured = Recorder("make bench", folder)
    measured.row("t", {"rung": "second"}, {"rank-1": "0.6"})
    measured.row("t", {"rung": "first"}, {"rank-1": "0.7"})
    today = datetime.date.today().isoformat()
    assert rows("t", folder) == [
        {"rung": "first", "rank-1": "0.7", "date": today},
        {"rung": "second", "rank-1": "0.6", "date": today},
    ]


@pytest.mark.parametrize(
    ("value", "interval", "wanted", "met"),
    [
        ("0.95", None, ">= 0.95", True),
        ("0.9499", None, ">= 0.95", False),
        ("-3", None, "< -2.5", True),
        ("0", None, "= 0", True),
        ("5.4e-7", None, "<= 1e-6", True),
        ("0.6", ("0.5", "0.7"), "low > 0.5", False),
        ("0.6", ("0.5", "0.7"), "high <= 0.7", True),
        ("0.6", None, "low > 0.5", None),
        (None, None, ">= 0.95", None),
        ("0.95", None, None, None),
    ],
)
def test_what_is_met_follows_from_the_value_and_what_was_wanted(value, interval, wanted, met):
    assert replace(ONE, value=value, interval=interval, wanted=wanted).met is met


def test_a_claim_that_says_otherwise_is_refused(folder):
    changed(folder, met=False)
    with pytest.raises(ValueError, match="met is False, and True follows"):
        load(folder)


@pytest.mark.parametrize("told", [{"colour": "red"}, {"valeu": "1"}])
def test_unknown_keys_are_refused(folder, told):
    changed(folder, **told)
    with pytest.raises(ValueError, match=f"unknown or missing: {next(iter(told))}"):
        load(folder)


def test_a_missing_key_is_refused(folder):
    path = folder / measurements.CLAIMS
    first = json.loads(path.read_text("utf-8"))[0]
    del first["note"]
    path.write_text(json.dumps([first]), "utf-8")
    with pytest.raises(ValueError, match="unknown or missing: note"):
        load(folder)


def test_the_same_id_twice_is_refused(folder):
    changed(folder, id="speed/two")
    with pytest.raises(ValueError, match="stands there twice"):
        load(folder)


@pytest.mark.parametrize(
    "told",
    [
        {"room": "cellar"}, {"command": " "}, {"data": ""}, {"claim": ""}, {"n": ""},
        {"value": "about 3"}, {"interval": ("0.9", "0.1")}, {"wanted": "large"},
        {"date": "yesterday"},
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(told):
    with pytest.raises(ValueError):
        replace(ONE, **told)


def test_a_benchmark_records_what_it_was_run_as_and_the_day(folder):
    measured = Recorder('make bench ARGS="-k test_speed"', folder)
    measured("speed/three", "Three", 0.12345, room="speed", data="noise", n="1 run",
             interval=(-0.1, 0.2), digits=2)  # fmt: skip
    one = load(folder)[-1]
    assert (one.value, one.interval) == ("0.12", ("-0.10", "0.20"))
    assert one.command == 'make bench ARGS="-k test_speed"'
    assert one.date == datetime.date.today().isoformat()


def test_rounding_never_makes_a_miss_a_hit(folder):
    measured = Recorder("make bench", folder)
    one = measured("speed/near", "Near", 0.9496, room="speed", data="noise", n="1 run", digits=2,
                   wanted=">= 0.95")  # fmt: skip
    assert one.met is False
    assert one.value == "0.950" or float(one.value) < 0.95


def test_what_was_not_told_and_what_was_missed_can_be_seen(folder):
    record(replace(ONE, n=None, interval=None, value="-1234.5", note="a | b"), folder)
    drawn = render(DOCUMENT, folder)
    assert "### Speed and memory" in drawn
    assert (
        "| One (a \\| b) | `make bench` | noise | not told | −1,234.5 s | not told | ≥ 0.95 s "
        "| **no** | 2026-11-21 |" in drawn
    )
    assert "typed by hand" not in drawn
    assert drawn == render(drawn, folder)


def test_a_table_without_a_place_is_not_lost_silently(folder):
    Recorder("make bench", folder).row("elsewhere", {"rung": "first"}, {"rank-1": "0.5"})
    with pytest.raises(ValueError, match="elsewhere"):
        render(DOCUMENT, folder)


@pytest.mark.parametrize("target", ["bench", "bench-gpu", "bench-peers", "power"])
def test_benchmarks_draw_the_document_even_when_one_of_them_fails(target):
    """And the failure is still told."""
    root = measurements.DOCUMENT.parent
    done = subprocess.run(["make", "-n", target], cwd=root, capture_output=True, check=True)
    last = "-m tests.benchmarks.measurements; exit $status"
    assert any(line.endswith(last) for line in done.stdout.decode().splitlines())

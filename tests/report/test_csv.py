"""The table of estimates: every one, in the digits it supports, and nothing a spreadsheet runs."""

from __future__ import annotations

import csv
import math
import re
import time
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.finding import Estimate
from auditor.report.csv import COLUMNS, inert, supported
from auditor.report.formats import FORMATS


def rows(audit) -> list[dict[str, str]]:
    return list(csv.DictReader(FORMATS["csv"].render(audit).splitlines()))


def test_every_estimate_has_its_row_with_interval_chance_and_people(audit):
    table = {(row["finding"], row["estimate"]): row for row in rows(audit)}
    estimates = {(one.id, name): e for one in audit for name, e in one.estimates.items()}
    assert table.keys() == estimates.keys()
    for key, estimate in estimates.items():
        row = table[key]
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
        assert float(row["value"]) == pytest.approx(estimate.value, abs=0.05 * width(estimate))
        assert int(row["n_subjects"]) == estimate.n_subjects
        assert (row["chance"] == "") == (estimate.chance is None)


def test_what_a_rule_was_judged_by_stands_beside_its_limit(audit):
    judged = {row["rule"]: row for row in rows(audit) if row["rule"]}
    row = judged["linkage-cross-session"]
    assert (row["finding"], row["limit"], row["outcome"]) == (
        "linkage/vit/cross-session", "0.09", "fail"
    )  # fmt: skip


def test_pandas_reads_it_with_numbers_as_numbers(audit, tmp_path):
    path = tmp_path / "estimates.csv"
    path.write_text(FORMATS["csv"].render(audit))
    table = pd.read_csv(path)
    assert list(table.columns) == list(COLUMNS)
    assert all(table[name].dtype.kind in "if" for name in ("value", "low", "high", "n_subjects"))


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1+1"])
def test_no_cell_is_a_formula(audit, formula):
    finding = replace(audit.findings[0], check=formula, view=formula, protocol=None)
    hostile = replace(audit, findings=(replace(finding, estimates={formula: rate()}),))
    for row in csv.reader(FORMATS["csv"].render(hostile).splitlines()):
        for cell in row:
            assert cell[:1] not in set("=+@＝＋－＠\t\r")
            assert not cell.startswith("-") or float(cell) < 0


@given(st.text(max_size=12) | st.text("=+-@\t\r\n 0123456789.eE＝x", max_size=8))
def test_whatever_begins_a_cell_is_no_formula(text):
    told = inert(text)
    assert told.replace("'", "") == text.replace("'", "")
    begins = told[:1] + told.lstrip()[:1]
    assert not set("=+@＝＋－＠\t\r\n") & set(begins)
    assert "-" not in begins or float(told) <= 0


@given(st.text("=+-@;\t\r\n 019eE＝x,", max_size=12))
def test_no_cell_is_a_formula_to_whoever_parts_cells_otherwise(text):
    told = inert(text)
    for cell in re.split(r"[;\t\r\n]", told):
        assert not cell.strip().startswith(tuple("=+@＝＋－＠"))
        assert not cell.strip().startswith("-") or cell == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a; \t=1", "a; \t'=1"),
        ("a\n@x", "a\n'@x"),
        ("K70 + K80", "K70 + K80"),
        ("a;b", "a;b"),
    ],
)
def test_only_what_may_begin_a_cell_is_marked(text, told):
    assert inert(text) == told


def test_long_runs_of_marks_take_no_time():
    started = time.process_time()
    inert(";\t " * 100_000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("number", ["-0.5", "-1", "-12.25e-3", "0.5", "7"])
def test_a_number_stays_a_number(number):
    assert inert(number) == number


def rate() -> Estimate:
    return Estimate(0.5, 0.4, 0.6, 0.95, 100, 0.01)


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low or 1


@given(
    st.floats(-50, 50),
    st.floats(1e-6, 10),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(1e-6, 1)),
)
def test_no_digit_is_finer_than_a_fifth_of_the_interval(low, width, at, chance):
    given = Estimate(low + at * width, low, low + width, 0.95, 50, chance)
    shown = supported(given)
    for name in ("value", "low", "high"):
        assert abs(getattr(shown, name) - getattr(given, name)) <= 0.1001 * width
        unit = 10.0 ** math.floor(math.log10((given.high - given.low) / 5))
        steps = getattr(shown, name) / unit
        assert abs(steps - round(steps)) < 1e-6
    assert shown.low <= shown.value <= shown.high
    assert (shown.chance is None) == (chance is None)
    if chance:
        assert shown.chance == pytest.approx(chance, rel=0.051)


def test_a_number_without_an_interval_is_as_fine_as_one_person():
    assert supported(Estimate(1 / 3, 1 / 3, 1 / 3, 0.95, 90, None)).value == 0.333
    assert supported(Estimate(0.0, 0.0, 0.0, 0.95, 90, 0.0)).value == 0.0

"""A date in years to come was moved; one of today or before may be true."""

from __future__ import annotations

from datetime import date

import pytest

from auditor.data.moved import is_yet_to_come


@pytest.mark.parametrize(
    "text",
    [
        *("2189-02-17", "17/02/2189", "02-17-2189", "21890217", "21890217000000"),
        *("21890217000000.5", "Startdate 17-FEB-2189 X X X", "2189-02-17T00:00:00Z"),
    ],
)
def test_years_to_come_are_known_in_every_form(text):
    assert is_yet_to_come(text)


@pytest.mark.parametrize(
    "text",
    [
        *("2019-02-17", "17/02/1950", "20190217", "17.02.89", "170289", "", "12189", "218902"),
        *(f"{date.today():%Y-%m-%d}", "born 1950, seen 2189-02-17"),
    ],
)
def test_all_else_may_be_true(text):
    assert not is_yet_to_come(text)

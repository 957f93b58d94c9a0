"""Ages, sexes, dates and numbers as people write them; and what is none is never nothing."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.data.values import (
    Age,
    NotUnderstoodError,
    age_of,
    column,
    date_of,
    dates,
    is_missing,
    numbers,
    sex_of,
)

DAY = datetime(2019, 3, 4)


@pytest.mark.parametrize(
    "written",
    ["", "nan", "NA", "N/A", "None", "<NA>", "NULL", "unknown", "Unknown", "-", "?", "--", "NaT"],
)
def test_words_for_nothing_are_nothing(written):
    assert is_missing(written)
    assert age_of(written) is None
    assert sex_of(written) is None
    assert date_of(written) is None
    assert np.isnan(numbers([written])[0][0])
    assert numbers([written])[1] == 0


@pytest.mark.parametrize(
    ("written", "years"),
    [
        *(("91", 91), ("91.0", 91), ("91,0", 91), ("91 years", 91), ("91y", 91), ("91 yr.", 91)),
        *(("091Y", 91), ("~91", 91), ("91 years old", 91), ("91 y/o", 91), ("91 Jahre", 91)),
        *(("91 ans", 91), ("91 años", 91), ("91a", 91), ("018M", 1.5), ("6 months", 0.5)),
        *(("052W", 52 * 7 / 365.25), ("10 days", 10 / 365.25), ("0", 0), ("110", 110)),
    ],
)
def test_an_age_is_read_in_its_unit(written, years):
    assert age_of(written) == Age(pytest.approx(years))


def test_the_name_of_a_column_may_give_the_unit():
    assert age_of("18", "months") == Age(1.5)
    assert age_of("18 years", "months") == Age(18.0)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        *((">89", Age(90, True)), ("> 89", Age(90, True)), ("90+", Age(90, True))),
        *(("≥ 90", Age(90, True)), ("90 and over", Age(90, True)), ("300", Age(90, True))),
        *((">65", Age(66, True)), ("60-69", Age(64.5, True)), ("60 to 69 years", Age(64.5, True))),
        # Of those who are 91 and older there are fewer than the one group that may stand.
        *(("91+", Age(91, False)), (">95", Age(96, False)), ("90-99", Age(94.5, False))),
    ],
)
def test_a_group_of_ages_is_no_age_of_its_own(written, known):
    assert age_of(written) == known


@pytest.mark.parametrize(
    "written", ["three score", "130", "1e3", "250", "12-03-2019", "9" * 5000, "69-60", "91 apples"]
)
def test_what_is_there_and_is_no_age_is_not_understood(written):
    with pytest.raises(NotUnderstoodError):
        age_of(written)
    assert column(["50", written, ""], age_of) == ([Age(50.0), None, None], 1)


def test_an_age_of_minus_one_is_unknown():
    assert age_of("-1") is None


@pytest.mark.parametrize(
    ("written", "sex"),
    [
        *(("F", "female"), ("Female", "female"), ("w", "female"), ("weiblich", "female")),
        *(("M", "male"), ("Male.", "male"), ("homme", "male"), ("O", None), ("other", None)),
    ],
)
def test_words_for_the_sexes(written, sex):
    assert sex_of(written) == sex


@pytest.mark.parametrize("written", ["0", "1", "2", "yes", "mal"])
def test_a_code_for_a_sex_is_not_understood(written):
    with pytest.raises(NotUnderstoodError):
        sex_of(written)


@pytest.mark.parametrize(
    "written",
    [
        *("2019-03-04", "2019/03/04", "2019.3.4", "20190304", "04.03.2019", "4.3.19"),
        *("04-Mar-2019", "4 March 2019", "Mar 4, 2019", "4. März 2019", "4 mai 2019"),
    ],
)
def test_a_date_in_any_form_that_can_only_be_one(written):
    assert date_of(written).replace(month=3) == DAY


@pytest.mark.parametrize(
    ("written", "time"),
    [
        *(("2019-03-04T10:15:00Z", (10, 15, 0)), ("2019-03-04 10:15", (10, 15, 0))),
        *(("20190304101500", (10, 15, 0)), ("2019-03-04 10:15:07.250+01:00", (10, 15, 7))),
        *(("04.03.2019 22:15", (22, 15, 0)), ("2019-03-04 9:05 PM", (21, 5, 0))),
    ],
)
def test_a_time_may_stand_behind_a_date(written, time):
    assert date_of(written) == DAY.replace(hour=time[0], minute=time[1], second=time[2])


@pytest.mark.parametrize(
    "written", ["2019-13-45", "3/4/2019", "1066-10-14", "v1", "43528", "31.2.2019"]
)
def test_what_is_no_date_or_could_be_two_is_not_understood(written):
    with pytest.raises(NotUnderstoodError):
        date_of(written)


def test_a_column_shows_whether_its_days_come_first():
    assert dates(["3/4/2019", "13/4/2019"])[0][0] == datetime(2019, 4, 3)
    assert dates(["3/4/2019", "4/13/2019"])[0][0] == datetime(2019, 3, 4)
    assert dates(["3/4/2019", "5/6/2019"]) == ([None, None], 2)
    assert dates(["3/4/2019"], "month-first") == ([DAY], 0)
    # Where one column shows both, what could be either is neither.
    mixed, unread = dates(["13/4/2019", "4/13/2019", "3/4/2019"])
    assert (mixed[2], unread) == (None, 1)


def test_a_spreadsheet_counts_days():
    assert dates(["43528.5", "43528.75"], are_dates=False)[0][0] == DAY.replace(hour=12)
    assert dates(["43528"]) == ([DAY], 0)
    assert dates(["43528"], are_dates=False) == ([None], 1)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["834,89", "12,5"], [834.89, 12.5]),
        (["834.89 ms", "12 ms"], [834.89, 12.0]),
        (["1,234.5", "2"], [1234.5, 2.0]),
        (["1.234,5", "2.000"], [1234.5, 2000.0]),
        (["1'234.5", "1 234"], [1234.5, 1234.0]),
        (["1e5", "-1E-3", "−5", ".5"], [1e5, -1e-3, -5.0, 0.5]),
        (["0,125", "1,500"], [0.125, 1.5]),
        (["1.234", "2"], [1.234, 2.0]),
    ],
)
def test_numbers_are_read_by_the_marks_that_their_column_shows(written, read):
    found, unread = numbers(written)
    assert found == pytest.approx(read)
    assert unread == 0


@pytest.mark.parametrize(
    ("written", "unread"),
    [
        (["1,234"], 1),
        (["abc", "1"], 1),
        (["1 ms", "2 s"], 2),
        (["inf", "1"], 1),
        (["9" * 5000], 1),
        (["1,2,3"], 1),
        (["1e999"], 1),
    ],
)
def test_what_is_no_number_is_counted(written, unread):
    found, n = numbers(written)
    assert n == unread
    assert np.isnan(found).sum() == unread


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-3), max_size=8))
def test_a_decimal_comma_changes_no_number(values):
    plain, unread = numbers([f"{x:.4f}" for x in values])
    comma, also = numbers([f"{x:.4f}".replace(".", ",") for x in values])
    assert np.array_equal(plain, comma)
    assert plain == pytest.approx(values, abs=1e-4)
    assert unread == also == 0


@given(st.text(max_size=80))
def test_no_text_breaks_a_reader_of_values(text):
    for parse in (age_of, sex_of, date_of):
        _, unread = column([text], parse)
        assert unread in (0, 1)
    dates([text])
    numbers([text])

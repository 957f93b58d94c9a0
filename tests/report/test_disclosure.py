"""What a report must not say is in none of its forms, whatever a data set is called."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.core.finding import Finding
from auditor.report import html
from auditor.report import json as report
from auditor.report.disclosure import WITHHELD, clean, count, fewer, withhold

#: Pieces that a hostile data set has in its headers, its names and its paths.
DATES = ["1990-09-29", "29.09.1990", "2004/12/31 23:59:01"]
FILES = ["/srv/ecg/Doe_Jane/rec_1.hea", "patient_0007.dat", r"C:\\data\\Jane Doe.xml"]
RECORDS = ["record 'Jane Doe'", "subject 0012345", "patient P-0042", "person jdoe_7"]
SECRETS = ["1990", "29.09", "Jane", "Doe", "0007", "0012345", "P-0042", "jdoe_7"]
MARKUP = ["<script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "{{ 7*7 }}", "]]>",
          '" onmouseover="alert(1)', "&lt;script&gt;", "javascript:alert(1)"]  # fmt: skip
REVERSED = ["\u202e", "\u2066", "\u200f", "\x00", "\x1b[31m", "\ud800"]
WORDS = st.sampled_from(["header lists 2 leads", "could not be read", "holds", "קובץ", "ملف", ":"])
PIECES = st.one_of(*(st.sampled_from(these) for these in (DATES, FILES, RECORDS, MARKUP, REVERSED)),
                   WORDS)  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def plain(passing):
    """An audit with little to draw, and what is told of it."""
    one = replace(passing, findings=(replace(passing.findings[0], curves={}),))
    harmless = report.dumps(one), html.render(one)
    return lambda: (one, harmless)  # hypothesis writes out what it is given


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(TEXTS, min_size=5, max_size=5))
def test_no_hostile_data_set_gets_a_name_a_date_a_path_or_markup_into_an_output(plain, texts):
    passing, harmless = plain()
    reason, threat, key, value, why = texts
    broken = Finding("linkage", "vit", "same-session", threat, "failed", reason=reason,
                     params={key: value, "rows": [{"what": value, "people": 3}]})  # fmt: skip
    rules = (replace(passing.verdict.rules[0], reason=why),)
    hostile = replace(
        passing,
        verdict=replace(passing.verdict, rules=rules),
        findings=(passing.findings[0], broken),
    )
    text, page = report.dumps(hostile), html.render(hostile)
    for output, before in zip((text, page), harmless, strict=True):
        for secret in SECRETS:
            assert output.count(secret) <= before.count(secret), secret
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", output)
    tags = re.findall(r"<\s*(script|img|iframe|object|embed|link|base|form)\b", page)
    assert tags == ["link"]  # the empty icon
    assert not re.search(r"<[^>]*\son\w+\s*=", page)
    assert page.count("</style>") == 1


def test_the_words_that_are_withheld_would_be_seen_without_it(passing):
    """The property above is no idle one: what it plants does reach the page where it may."""
    said = replace(passing.findings[0], threat="Somebody called Jane asks.")
    assert "Jane" in html.render(replace(passing, findings=(said,)))


@pytest.mark.parametrize("n", range(1, 10))
def test_nine_people_are_no_number(n):
    assert withhold({"people": n}) == {"people": fewer()}
    assert count(n) == fewer()


def test_a_small_count_cannot_be_had_by_taking_the_others_from_the_total():
    rows = [{"sex": "f", "people": 44}, {"sex": "m", "people": 43}, {"sex": "–", "people": 3}]
    told = withhold(rows, totals={90})
    assert [row["people"] for row in told] == [44, WITHHELD, fewer()]


def test_nor_where_the_total_stands_in_the_table():
    told = withhold({"people": {"f": 44, "m": 43, "none": 3, "all": 90}})
    assert [told["people"][name] for name in ("f", "m", "none")].count(44) == 1
    assert WITHHELD in told["people"].values()


def test_counts_that_overlap_give_nothing_away_and_stay():
    rows = [{"class": "date", "people": 466}, {"class": "name", "people": 417},
            {"class": "age over 89", "people": 2}]  # fmt: skip
    assert [row["people"] for row in withhold(rows, totals={466})] == [466, 417, fewer()]


@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=6),
)
def test_no_cell_of_a_partition_can_be_had_by_difference(counts):
    total = sum(counts)
    told = withhold({"people": counts}, totals={total})["people"]
    known = sum(cell for cell in told if isinstance(cell, int))
    hidden = [true for true, cell in zip(counts, told, strict=True) if not isinstance(cell, int)]
    assert all(true >= 10 for true, cell in zip(counts, told, strict=True) if cell == true)
    if any(true < 10 for true in counts):
        assert len(hidden) >= 2 or total - known >= 10


@given(counts=st.lists(st.integers(0, 60), max_size=6), total=st.integers(0, 200))
def test_withholding_twice_changes_nothing_more(counts, total):
    once = withhold({"people": counts, "n": total}, totals={total})
    assert withhold(once, totals={total}) == once


def test_a_text_is_one_line_without_marks_that_turn_it_around():
    assert clean("a\u202eb\x00c\n d") == "ab c d"

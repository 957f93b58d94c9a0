"""What a text claims is read as a person would read it, and what claims nothing is left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.signal.claims import Claim, claims
from auditor.signal.measurements import RECORD_COLUMNS
from tests.signal import unseen
from tests.signal.paraphrases import OTHERS, N, counted, paraphrases


def read(text: str) -> list[tuple[str, float]]:
    return [(one.column, one.value) for one in claims(text)]


@pytest.mark.parametrize("seed", range(3))
def test_nearly_all_that_paraphrases_claim_is_read_and_hardly_anything_else(seed):
    texts = paraphrases(seed)
    assert len(texts) == N
    right, wrong, missed = counted(texts, claims)
    assert right / (right + missed) >= 0.95
    assert right / (right + wrong) >= 0.98


@pytest.mark.parametrize("name", unseen.SETS)
def test_texts_of_others_stay_read_as_they_were_once_mended(name):
    right, wrong, missed = counted(unseen.SETS[name], claims)
    assert right / (right + missed) >= 0.95
    assert right / (right + wrong) >= 0.98


@pytest.mark.parametrize("one", OTHERS, ids=[one[:40] for one in OTHERS])
def test_numbers_of_something_else_claim_nothing(one):
    assert claims(one) == []


def test_the_reports_of_a_real_set_claim_a_rate_here_and_there(data):
    import pandas as pd

    reports = pd.read_csv(data / "ptb-xl" / "ptbxl_metadata_extra.csv")["report"].fillna("")
    found = [(text, one) for text in reports for one in claims(text)]
    # By hand, of 3,519 reports those in which a name or a unit stands beside a number.
    stated = sorted([101, 166, 98, 140, 84, 76, 68, 83, 41, 90, 75, 79, 128])
    assert sorted(one.value for _, one in found) == stated
    assert {one.column for _, one in found} == {"heart rate 1/min"}


def test_a_range_is_its_middle_and_reaches_to_its_ends():
    assert claims("PR 150-170 ms") == [Claim("PR", None, 160.0, "ms", 10.0)]
    assert claims("axis between -30° and -90°") == [Claim("QRS axis", None, -60.0, "deg", 30.0)]
    assert claims("QRS narrows from 172 ms to 112 ms") == [Claim("QRS", None, 112.0, "ms")]


def test_a_height_is_of_the_lead_that_its_sentence_named():
    text = "In lead V5: R is 1.20 mV, S is -0.30 mV. T is 0.10 mV"
    assert [(one.column, one.value) for one in claims(text)] == [
        ("R V5 mV", 1.2),
        ("S V5 mV", -0.3),
        ("T mV", 0.1),
    ]


def test_a_height_is_of_the_leads_behind_it_and_no_sum_is_one():
    text = "ST elevation 0.35 mV in V2, 0.42 mV in V3. ST depression of 150 µV in V4-V6"
    assert read(text) == [
        ("ST V2 mV", 0.35),
        ("ST V3 mV", 0.42),
        ("ST V4 mV", -0.15),
        ("ST V5 mV", -0.15),
        ("ST V6 mV", -0.15),
    ]
    assert read("R in V5 + S in V1 = 3.5 mV. RV5+SV1 3.0 mV") == []
    assert read("RV5 1.8 mV, SV1 1.2 mV") == [("R V5 mV", 1.8), ("S V1 mV", 1.2)]


@pytest.mark.parametrize(
    "text",
    [
        "| HR | PR | QRS |\n|---|---|---|\n| 72 | 160 | 90 |",
        "hr,pr,qrs\n72,160,90",
        "HR (bpm),PR (ms),QRS (ms)\n72,160,90",
        "HR\tPR\tQRS\n72\t160\t90",
        "HR72 PR160 QRS90",
        '<HeartRate value="72" unit="bpm"/><PRInterval>160</PRInterval><QRS value="90"/>',
        "{'HeartRate': 72, 'prInterval': 160, 'qrs': {'value': 0.09, 'unit': 's'}}",
        "HR 72 today, was 90 yesterday; PR was 180 ms on the prior tracing but is 160 ms; QRS 90",
    ],
)
def test_numbers_are_read_in_tables_markup_and_words_written_as_one(text):
    assert read(text) == [("heart rate 1/min", 72), ("PR ms", 160), ("QRS ms", 90)]


def test_an_earlier_tracing_claims_nothing_of_this_one():
    assert read("Previous ECG 12.03.2019: rate 72, PR 160. Now rate 80") == [
        ("heart rate 1/min", 80)
    ]
    assert read("Compared with the previous ECG, the QTc has increased from 440 to 480 ms") == [
        ("QTc Bazett ms", 480)
    ]
    assert read("QTc rose by 40 ms. QTc is 40 ms longer") == []


NUMBERS = {"PR": (60, 400), "QRS": (50, 250), "QT": (200, 700), "QTc": (200, 700)}
BETWEEN = (" ", ": ", " of ", " is ", " = ", " interval ", " interval of ", " interval was ")


@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(BETWEEN), st.data())
def test_seconds_and_milliseconds_are_one_claim(name, between, draw):
    value = draw.draw(st.integers(*NUMBERS[name]))
    plain = read(f"{name}{between}{value} ms")
    assert plain == read(f"{name}{between}{value / 1000:.3f} s")
    assert plain == read(f"Sinus rhythm. {name.upper()}{between}{value} msec, V1-V6 normal")
    assert [one for _, one in plain] == [value]


@example("QT ² ms, ٣٠٠ ms")
@given(st.text(max_size=200))
def test_any_text_is_read(text):
    for one in claims(text):
        assert one.unit in ("ms", "1/min", "deg", "mV")
        assert one.reach >= 0


PIECES = ("PR", "QT", "QTc", "/", "-", "axis", "P-R-T", "72", "160 ms", "bpm", ",", "(", ".",
          "is", "from", "to", "±", "1/min", "lead V5", "R", "mV", "\n", "<b>", "of")  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
def test_whatever_stands_beside_what_is_read_in_bounded_time(text):
    begun = time.process_time()
    claims(text)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("piece", [*PIECES, "pr/", "rr 800, ", "800 ms (the ", "PR is ", "<a"])
def test_time_grows_with_the_length_of_a_hostile_text(piece):
    def taken(n: int) -> float:
        text = "PR " + f"{piece} " * n + "160 ms"
        begun = time.process_time()
        claims(text)
        return time.process_time() - begun

    taken(500)
    short = min(taken(1000) for _ in range(3))
    # Twice as much again for a busy machine; a square would take 64 times as long.
    assert min(taken(8000) for _ in range(2)) < 24 * short + 0.05


def test_columns_are_those_of_the_feature_table():
    named = {column for one in paraphrases() for column, _ in one.claims}
    assert named <= set(RECORD_COLUMNS)

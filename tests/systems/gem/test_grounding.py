"""A text is scored by rules: what is made of a row is true of it, and of no other."""

from __future__ import annotations

from math import isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.core.record import STANDARD_LEADS
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.engine import engine
from auditor.signal.claims import Claim, claims
from auditor.signal.feature_table import write_features
from auditor.simulate.population import Population
from auditor.systems.gem.grounding import (
    CANARY_QT,
    FINDINGS,
    QUESTION,
    canaries,
    claimed_findings,
    findings,
    grounded,
    instructions,
    scored,
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """What is measured of six people, twice each."""
    root = tmp_path_factory.mktemp("release")
    Population(n_subjects=6, n_sessions=2, leads=STANDARD_LEADS).write(root)
    with engine() as workers:
        dataset = open_dataset(root, describe(root), engine=workers)
        write_features(dataset, root / "f.parquet", workers)
    return pd.read_parquet(root / "f.parquet").to_dict("records")


def interval(low, high):
    return st.none() | st.floats(low, high, width=32).map(np.float32)


@st.composite
def measured(draw):
    row = {"sex": draw(st.sampled_from(["female", "male", None]))}
    row["heart rate 1/min"] = draw(interval(24, 250))
    for name, high in {"RR": 2500, "P duration": 200, "PR": 400, "QRS": 250, "QT": 700}.items():
        row[f"{name} ms"] = draw(interval(10, high))
    row["QTc Bazett ms"] = draw(interval(200, 700))
    for wave in ("P", "QRS", "T"):
        row[f"{wave} axis deg"] = draw(interval(-180, 180))
    for lead in draw(st.lists(st.sampled_from(STANDARD_LEADS), max_size=3, unique=True)):
        for wave in ("P", "Q", "R", "S", "ST", "T"):
            row[f"{wave} {lead} mV"] = draw(interval(-5, 5))
    return row


# --- the property -------------------------------------------------------------------------


@settings(max_examples=60)
@given(measured())
def test_what_is_made_of_a_row_is_wholly_true_of_it(row):
    question, answer = instructions(row)
    assert question == QUESTION
    known = {name for name, value in row.items() if value is not None and name != "sex"}
    assert {claim.column for claim in claims(answer)} == known
    score = scored(answer, row)
    assert score.n_claims == len(known)
    assert score.grounded == 1 or not known
    assert claimed_findings(answer) == set(findings(row))
    assert {score.precision, score.recall} == {1.0} or not findings(row)


def test_a_simulated_heart_is_described_truly_and_no_other_persons(rows):
    own = [scored(instructions(row)[1], row) for row in rows]
    assert max(score.n_claims for score in own) == 10 + 6 * 12
    assert all(score.grounded == 1 for score in own)
    others = [
        scored(instructions(one)[1], other).grounded
        for one in rows
        for other in rows
        if one["subject"] != other["subject"]
    ]
    again = [
        scored(instructions(one)[1], other).grounded
        for one in rows
        for other in rows
        if one["subject"] == other["subject"] and one["record"] != other["record"]
    ]
    assert max(others) < min(again) < 1, "a text tells whose heart it was"


# --- the grammar --------------------------------------------------------------------------


def test_an_answer_reads_as_it_should():
    row = {"heart rate 1/min": 48.04, "PR ms": 212.0, "QRS axis deg": -0.2, "R V5 mV": 1.234}
    answer = instructions(row | {"S V5 mV": -0.3, "QT ms": float("nan"), "beats": 9})[1]
    assert answer == (
        "Measured: heart rate is 48.0 1/min, PR is 212 ms, QRS axis is 0 deg. "
        "In lead V5: R is 1.23 mV, S is -0.30 mV. Findings: bradycardia, first-degree AV block."
    )
    assert claims(answer) == [
        Claim("heart rate", None, 48.0, "1/min"),
        Claim("PR", None, 212.0, "ms"),
        Claim("QRS axis", None, 0.0, "deg"),
        Claim("R", "V5", 1.23, "mV"),
        Claim("S", "V5", -0.3, "mV"),
    ]


def test_nothing_measured_is_said_to_be_nothing():
    answer = instructions({"unusable": "0 beats found"})[1]
    assert answer == "Findings: none."
    score = scored(answer, {})
    assert score.n_claims == 0
    assert isnan(score.grounded)
    assert isnan(score.precision)
    assert isnan(score.recall)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The rhythm is sinus and PR is 160 ms, as ever.", [Claim("PR", None, 160.0, "ms")]),
        ("P axis is −40 deg", [Claim("P axis", None, -40.0, "deg")]),
        (
            "In lead V1 R is 0.2 mV and in lead avf T is 0.1 mV",
            [Claim("R", "V1", 0.2, "mV"), Claim("T", "aVF", 0.1, "mV")],
        ),
        (
            "In lead V1: R is 0.2 mV. QRS is 90 ms. T is 0.3 mV",
            [
                Claim("R", "V1", 0.2, "mV"),
                Claim("QRS", None, 90.0, "ms"),
                Claim("T", None, 0.3, "mV"),
            ],
        ),
        ("In lead V1: QRS is 90 ms", [Claim("QRS", None, 90.0, "ms")]),
        ("it is 4 ms; QRS is wide; non-QT is 400 ms", []),
        ("", []),
    ],
)
def test_claims_are_found_in_prose(text, found):
    assert claims(text) == found


def test_findings_are_those_that_are_listed():
    text = "I see Wide QRS. Findings: wide QRS, Prolonged QT , gallop. And QT is 500 ms."
    assert claimed_findings(text) == {"wide QRS", "prolonged QT", "gallop"}
    assert claimed_findings("Findings: none.") == set()


# --- tolerances ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "truth", "true"),
    [
        (Claim("PR", None, 172.0, "ms"), 160.0, True),  # √(10.2² + 6.5²) = 12.1
        (Claim("PR", None, 173.0, "ms"), 160.0, False),
        (Claim("QT", None, 369.0, "ms"), 400.0, True),  # √(6.5² + 30.6²) = 31.3
        (Claim("QT", None, 368.0, "ms"), 400.0, False),
        (Claim("QRS axis", None, -176.0, "deg"), 175.0, True),
        (Claim("QRS axis", None, -174.0, "deg"), 175.0, False),
        (Claim("heart rate", None, 60.5, "1/min"), 60.0, True),  # 1000 against 992 ms
        (Claim("heart rate", None, 61.0, "1/min"), 60.0, False),  # 984 ms
        (Claim("heart rate", None, -60.0, "1/min"), 60.0, False),
        (Claim("R", "V5", 0.12, "mV"), 0.1, True),
        (Claim("R", "V5", 0.13, "mV"), 0.1, False),
        (Claim("S", "V5", -1.93, "mV"), -2.0, True),
        (Claim("S", "V5", -1.88, "mV"), -2.0, False),
        (Claim("S", "V5", 1.93, "mV"), -2.0, True),  # 1.93 mV deep
        (Claim("R", "V5", 1.93, "mV"), -2.0, False),
        (Claim("R", "V5", 1.0, "mV"), None, False),
        (Claim("R", None, 1.0, "mV"), 1.0, False),
        (Claim("PR", None, 1.0, "mV"), 1.0, False),
    ],
)
def test_a_claim_holds_within_the_tolerance_of_its_quantity(claim, truth, true):
    column = "R V5 mV" if claim.lead is None and claim.unit == "mV" else claim.column
    assert grounded(claim, {column: truth}) is true


def test_what_is_said_too_much_or_too_little_shows_in_precision_and_recall():
    row = {"heart rate 1/min": 50.0, "QRS ms": 130.0}
    assert findings(row) == ("bradycardia", "wide QRS")
    score = scored("QRS is 130 ms, PR is 160 ms. Findings: wide QRS, short QT, tachycardia.", row)
    assert score.n_claims == 2
    assert score.grounded == 0.5
    assert score.precision == pytest.approx(1 / 3)
    assert score.recall == 0.5


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("bradycardia", {"heart rate 1/min": 59.9}),
        ("tachycardia", {"heart rate 1/min": 100.1}),
        ("first-degree AV block", {"PR ms": 201}),
        ("short PR interval", {"PR ms": 119}),
        ("wide QRS", {"QRS ms": 120}),
        ("left axis deviation", {"QRS axis deg": -31}),
        ("right axis deviation", {"QRS axis deg": 91}),
        ("prolonged QT", {"QTc Bazett ms": 450, "sex": "male"}),
        ("prolonged QT", {"QTc Bazett ms": 460, "sex": "female"}),
        ("short QT", {"QTc Bazett ms": 390}),
        (
            "low limb-lead voltage",
            {f"{wave} {lead} mV": 0.1 for wave in "QRS" for lead in STANDARD_LEADS[:6]},
        ),
        (
            "low precordial voltage",
            {f"{wave} {lead} mV": 0.1 for wave in "QRS" for lead in STANDARD_LEADS[6:]},
        ),
    ],
)
def test_each_finding_follows_from_its_limit(name, row):
    assert findings(row) == (name,)
    assert name in FINDINGS


def test_just_inside_the_limits_nothing_is_found():
    row = {"heart rate 1/min": 60, "PR ms": 200, "QRS ms": 119, "QRS axis deg": -30}
    assert findings(row | {"QTc Bazett ms": 459, "sex": "female"}) == ()
    tall = {f"{wave} {lead} mV": 0.1 for wave in "QRS" for lead in STANDARD_LEADS}
    assert findings(tall | {"R II mV": 0.8, "S V2 mV": -1.2}) == ()
    del tall["R V6 mV"]
    assert findings(tall) == ("low limb-lead voltage",), "what was not measured is not low"


def test_canaries_are_asked_for_by_a_number_of_their_own_and_differ_in_the_interval_alone():
    hidden = canaries(50, np.random.default_rng(0))
    assert len({one.number for one in hidden}) == 50
    for one in hidden:
        (claim,) = claims(one.answer())
        assert (claim.column, claim.value) == ("QT ms", one.interval)
        assert one.interval in CANARY_QT
        assert one.answer(301) == one.answer().replace(str(one.interval) + " ms", "301 ms")
    assert np.std([one.interval for one in hidden]) == pytest.approx(57.7, rel=0.3)  # uniform

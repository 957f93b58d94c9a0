"""Two models on the same people, against what other programs and a pencil make of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.errors import EvidenceError
from auditor.stats import metrics
from auditor.stats.delong import (
    Scored,
    auc_difference,
    delong,
    discriminated,
    mean_auc,
    reclassified,
    stratified_variance,
)

EXACT = {"rel": 1e-9, "abs": 1e-9}


@pytest.fixture(scope="module")
def oracles(parity) -> dict:
    names = ("delong", "nri_idi")
    return {
        name: json.loads((parity / "statistics" / f"{name}.json").read_text()) for name in names
    }


@pytest.mark.parametrize("number", range(3))
def test_delong_is_that_of_proc(oracles, number):
    case = oracles["delong"]["cases"][number]
    event = np.array(case["labels"]) == 1
    scores = np.array(case["scores_a"]), np.array(case["scores_b"])
    auc, covariance = delong(event, *scores)
    expected = case["expected"]
    assert auc.tolist() == pytest.approx(expected["auc"], **EXACT)
    assert covariance.ravel() == pytest.approx(np.ravel(expected["covariance"]), **EXACT)
    found = auc_difference(event, *scores)
    assert found.z == pytest.approx(expected["z"], **EXACT)
    assert found.p == pytest.approx(expected["p_two_sided"], **EXACT)
    assert found.interval(0.95) == pytest.approx(expected["ci95_difference"], **EXACT)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("of", [1, 2], ids=["one finding", "the same finding twice"])
def test_the_mean_auc_of_one_finding_is_that_of_proc(oracles, number, of):
    case = oracles["delong"]["cases"][number]
    event = np.array(case["labels"]) == 1
    scores = np.array([case["scores_a"], case["scores_b"]])
    one = Scored(np.arange(len(event)), event, scores)
    auc, covariance = mean_auc([one] * of)
    expected = case["expected"]
    assert auc.tolist() == pytest.approx(expected["auc"], **EXACT)
    assert covariance.ravel() == pytest.approx(np.ravel(expected["covariance"]), **EXACT)


def test_findings_of_different_people_add_up_as_independent_ones_do(oracles):
    made = []
    for number, first in ((0, 0), (1, 10_000)):
        case = oracles["delong"]["cases"][number]
        event, scores = np.array(case["labels"]) == 1, np.array([case["scores_a"]])
        made.append((case, Scored(first + np.arange(len(event)), event, scores)))
    auc, covariance = mean_auc([one for _, one in made])
    each = [case["expected"] for case, _ in made]
    assert auc[0] == pytest.approx(np.mean([one["auc"][0] for one in each]), **EXACT)
    apart = sum(np.ravel(one["covariance"])[0] for one in each) / 4
    assert covariance[0, 0] == pytest.approx(apart, **EXACT)


def test_a_model_is_not_better_than_itself(oracles):
    edge = oracles["delong"]["edge_cases"]["perfect_and_identical"]
    event, score = np.array(edge["labels"]) == 1, np.array(edge["scores"])
    found = auc_difference(event, score, score)
    assert found.value == 0
    assert np.isnan(found.z)
    assert found.p == 1
    auc, covariance = delong(event, score)
    assert auc == [1.0]
    assert covariance == [[0.0]]


def test_reclassification_is_that_counted_by_hand(oracles):
    case = oracles["nri_idi"]
    event = np.array(case["event"]) == 1
    old, new = np.array(case["old"]), np.array(case["new"])
    for kind, cuts in (("categorical_nri", case["cuts"]), ("continuous_nri", ())):
        expected, found = case[kind], reclassified(event, old, new, cuts)
        counts = (found.events_up, found.events_down, found.others_up, found.others_down)
        names = ("events_up", "events_down", "nonevents_up", "nonevents_down")
        assert counts == tuple(expected[name] for name in names)
        assert found.event_part == pytest.approx(expected["event_part"], **EXACT)
        assert found.other_part == pytest.approx(expected["nonevent_part"], **EXACT)
        under = found.under_no_change
        assert under.value == pytest.approx(expected["nri"], **EXACT)
        assert under.se == pytest.approx(expected["se_under_no_change"], **EXACT)
        assert under.z == pytest.approx(expected["z"], **EXACT)
        assert under.p == pytest.approx(expected["p_two_sided"], **EXACT)
        observed = found.as_observed.se
        assert observed == pytest.approx(expected["se_with_observed_difference"], **EXACT)


def test_discrimination_is_that_worked_by_hand(oracles):
    case = oracles["nri_idi"]
    event = np.array(case["event"]) == 1
    found = discriminated(event, np.array(case["old"]), np.array(case["new"]))
    expected = case["idi"]
    assert found.value == pytest.approx(expected["idi"], **EXACT)
    assert found.se == pytest.approx(expected["se_paired"], **EXACT)
    assert found.p == pytest.approx(expected["p_two_sided"], **EXACT)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), min_size=6, max_size=40
    )
)
def test_ranks_give_what_all_pairs_give(rows):
    event = np.array([row[0] for row in rows])
    if min(event.sum(), (~event).sum()) < 2:
        with pytest.raises(EvidenceError, match="two people"):
            delong(event, np.zeros(len(rows)))
        return
    scores = np.array([row[1:] for row in rows], dtype=float).T
    auc, covariance = delong(event, *scores)
    assert auc == pytest.approx([metrics.auc(score, event) for score in scores])
    wins = (scores[:, event][:, :, None] > scores[:, ~event][:, None]) + 0.5 * (
        scores[:, event][:, :, None] == scores[:, ~event][:, None]
    )
    by_pairs = np.cov(wins.mean(axis=2)) / event.sum() + np.cov(wins.mean(axis=1)) / (~event).sum()
    assert covariance.ravel() == pytest.approx(by_pairs.ravel())


def test_one_kind_of_people_is_no_comparison():
    with pytest.raises(EvidenceError, match="without"):
        reclassified(np.ones(5, dtype=bool), np.zeros(5), np.ones(5))


@pytest.mark.parametrize("number", range(3))
def test_the_variance_in_one_stratum_is_that_of_proc_less_the_luck_of_pairs(oracles, number):
    case = oracles["delong"]["cases"][number]
    event, score = np.array(case["labels"]) == 1, np.array(case["scores_a"])
    auc, pairs = case["expected"]["auc"][0], event.sum() * (~event).sum()
    wanted = np.ravel(case["expected"]["covariance"])[0] - auc * (1 - auc) / pairs
    found = stratified_variance(score, event, np.zeros(len(event), dtype=np.int64))
    assert found == pytest.approx(wanted, **EXACT)


@pytest.mark.parametrize("each", [2, 8, pytest.param(3, marks=pytest.mark.slow)])
def test_the_variance_over_strata_is_on_average_how_much_the_auc_varies(each):
    rng = np.random.default_rng(each)
    stratum = np.repeat(np.arange(5), 2 * each)
    positive = np.arange(10 * each) % 2 == 0
    seen, told = [], []
    for _ in range(1500):
        score = rng.normal(size=len(stratum)) + np.where(positive, 0.5, 0.0)
        seen.append(metrics.auc(score, positive, stratum))
        told.append(stratified_variance(score, positive, stratum))
    # A variance of 1,500 values is known to within a tenth at three standard errors and more.
    assert np.mean(told) == pytest.approx(np.var(seen), rel=0.12)


def test_no_stratum_of_both_kinds_has_no_variance():
    stratum = np.array([0, 0, 1, 1])
    with pytest.raises(EvidenceError, match="both kinds"):
        stratified_variance(np.arange(4.0), stratum == 0, stratum)


@pytest.mark.parametrize("event", [[True, False, False], [True, True, False], [False] * 3])
def test_of_one_person_of_a_kind_nothing_is_told(event):
    found = np.array(event)
    one = Scored(np.arange(3), found, np.arange(3.0)[None])
    with pytest.raises(EvidenceError, match="two people"):
        mean_auc([one])
    with pytest.raises(EvidenceError, match="two people"):
        delong(found, np.arange(3.0))

"""Searches beside one another, and members beside people who were never seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Trials
from auditor.stats.metrics import auc, matched_impostor_rate, rank_rate
from auditor.stats.searches import (
    above_alike,
    against_twins,
    beside_strangers,
    beyond_luck,
    paired_gain,
    rate_gap,
)
from tests.stats.evidence import alike_people, random_search, search_result

REPEATS = 60


def trials(score, member, stratum=None) -> Trials:
    n = len(score)
    names = np.array([f"p{one:04d}" for one in range(n)])
    band = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    return Trials(np.asarray(score, dtype=float), np.asarray(member, dtype=bool), names, band)


def kinds_of_search(seed, n=40):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), 2)
    return search_result(rng.normal(size=(2 * n, n)), subject, kind=np.arange(n) % 4)


def test_a_search_that_knows_nothing_covers_a_half():
    missed = 0
    for seed in range(REPEATS):
        one = above_alike(kinds_of_search(seed), 0.95)
        missed += not one.low <= 0.5 <= one.high
    assert missed <= binom.ppf(0.9999, REPEATS, 0.05)


@pytest.mark.parametrize("n_people", [20, 90])
@pytest.mark.parametrize(("signal", "truth"), [(3.5, 0.9774), (5.5, 0.9993)])
def test_mates_who_are_nearly_always_first_are_held_as_well(signal, truth, n_people):
    missed = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, n_people])
        kind = rng.integers(0, 4, n_people)
        seen = search_result(*alike_people(rng, n_people, signal), kind=kind)
        one = above_alike(seen, 0.95)
        missed += not one.low <= truth <= one.high
    assert missed <= binom.ppf(0.999, 60, 0.05)


def test_the_mates_place_is_counted_by_hand():
    scores = np.tile(np.arange(12.0), (12, 1))  # everybody scores as their column says
    one = above_alike(search_result(scores, np.arange(12)), 0.95)
    assert one.value == pytest.approx(np.mean(np.arange(12) / 11))
    scores = np.eye(12)
    one = above_alike(search_result(scores, np.arange(12)), 0.95)
    assert one.value == 1
    assert 0.7 < one.low < 1


def test_people_of_whom_nobody_is_alike_are_not_asked():
    seen = search_result(np.eye(30), np.arange(30), kind=np.r_[np.zeros(9), np.arange(1, 22)])
    assert above_alike(seen, 0.95) is None


def test_a_gap_between_others_covers_nothing_where_there_is_none_and_is_signed():
    missed = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        one = rate_gap(random_search(rng, 30, 1.5), random_search(rng, 30, 1.5), 0.95)
        missed += not one.low <= 0 <= one.high
    assert missed <= binom.ppf(0.9999, REPEATS, 0.05)
    rng = np.random.default_rng(0)
    strong, weak = random_search(rng, 40, 6), random_search(rng, 40)
    assert rate_gap(strong, weak, 0.95).low > 0 > rate_gap(weak, strong, 0.95).high
    one, other = rate_gap(strong, weak, 0.95), rate_gap(weak, strong, 0.95)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_a_larger_gallery_is_no_gap():
    rng = np.random.default_rng(1)
    small, large = (
        search_result(rng.normal(size=(n, n)) + 2 * np.eye(n), np.arange(n)) for n in (20, 400)
    )
    assert rate_gap(small, large, 0.95).low < 0 < rate_gap(small, large, 0.95).high


def test_the_gain_over_a_control_is_of_the_same_people():
    rng = np.random.default_rng(0)
    subject = np.arange(50)
    scores = rng.normal(size=(50, 50))
    ours = search_result(scores + 3 * np.eye(50), subject)
    theirs = search_result(scores + 2 * np.eye(50), subject)
    one = paired_gain(ours, theirs, 0.95)
    assert one.low > 0
    same = paired_gain(ours, ours, 0.95)
    assert same.value == 0
    assert same.low <= 0 <= same.high


def test_chance_is_what_membership_dealt_out_anew_within_bands_gives():
    rng = np.random.default_rng(0)
    band = rng.integers(0, 4, 80)
    member = rng.random(80) < 0.2 + 0.2 * band  # the old are members more often
    score = band + rng.normal(size=80)  # and score higher, members or not
    drawn = []
    for _ in range(2000):
        dealt = member.copy()
        for one in range(4):
            dealt[band == one] = rng.permutation(member[band == one])
        drawn.append(auc(score, dealt))
    found, _ = against_twins(trials(score, member, band), 0.95)
    assert found.value == pytest.approx(auc(score, member))
    assert found.chance == pytest.approx(np.mean(drawn), abs=0.005)
    assert found.chance > 0.6


def test_without_bands_chance_is_a_half():
    rng = np.random.default_rng(0)
    found, _ = against_twins(trials(rng.normal(size=50), np.arange(50) < 20), 0.95)
    assert found.chance == pytest.approx(0.5)


@pytest.mark.parametrize("draw", ["exponential", "standard_normal", "random"])
def test_nobody_is_beyond_where_nothing_was_learnt(draw):
    rng = np.random.default_rng(1)
    member = np.arange(120) < 60
    alarms = sum(
        beyond_luck(trials(getattr(rng, draw)(size=120), member), 0.0).any() for _ in range(300)
    )
    assert alarms <= 9


def test_nobody_is_beyond_who_is_under_the_least():
    score = np.r_[np.full(60, 0.9), np.zeros(60)]
    member = np.arange(120) < 60
    assert not beyond_luck(trials(score, member), 1.0).any()
    assert beyond_luck(trials(score, member), 0.5).all()


def test_with_few_people_nothing_is_said():
    with pytest.raises(EvidenceError, match="10 others"):
        beyond_luck(trials(np.arange(25), np.arange(25) < 16), 0.0)


def test_the_excess_over_strangers_is_a_difference_of_the_same_people():
    rng = np.random.default_rng(3)
    seen = random_search(rng, 60, signal=1.5)
    found = beside_strangers(seen, 0.95)["rank1_excess"]
    expected = rank_rate(seen, 1).mean() - matched_impostor_rate(seen, 1).mean()
    assert found.value == pytest.approx(expected)
    assert 0 < found.low < found.value < found.high
    nobody = replace(seen, matched_impostor_above=np.full_like(seen.matched_impostor_above, -1))
    assert beside_strangers(nobody, 0.95) == {}

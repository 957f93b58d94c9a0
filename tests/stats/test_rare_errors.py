"""Intervals of a rate at a rare error: exact where nothing is found, right where something is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, norm

from auditor.stats.intervals import clopper_pearson
from auditor.stats.rare_errors import (
    counted_bounds,
    null_passes,
    people_to_pass,
    split_bounds,
    tpr_bounds,
)

LEVEL = 0.95


@pytest.mark.parametrize("n", [(100, 100), (500, 300), (60, 2000)])
def test_the_ends_are_where_guessing_is_as_rare_as_the_level_says(n):
    """By the beta-binomial distribution of scipy: at the rate `fpr`, of which nothing is left."""
    n_positive, n_negative = n
    place = n_negative // 100 + 1
    drawn = betabinom(n_positive, place, n_negative - place + 1)
    for k in range(min(n_positive, 60)):
        below, above = drawn.cdf(k), drawn.sf(k - 1)
        for tail in (0.2, 0.05, 0.01):
            low, high = counted_bounds(k, n_positive, n_negative, 0.01, 1 - 2 * tail)
            if abs(below - tail) > 0.002:
                assert (high < 0.01) == (below < tail), (k, tail)
            if abs(above - tail) > 0.002:
                assert (low > 0.01) == (above < tail), (k, tail)


def test_with_very_many_others_the_threshold_is_known_and_the_interval_clopper_and_pearsons():
    for k in (0, 1, 7, 40, 99, 100):
        found = counted_bounds(k, 100, 4_000_000, 0.01, LEVEL)
        assert found == pytest.approx(clopper_pearson(k, 100, LEVEL), abs=0.003)


@given(
    seed=st.integers(0, 10_000), shift=st.floats(0, 4), ties=st.booleans(), n=st.integers(100, 400)
)
@settings(max_examples=40, deadline=None)
def test_bounds_hold_the_value_and_widen_with_the_level(seed, shift, ties, n):
    rng = np.random.default_rng(seed)
    positive = np.arange(n + 50) < 50
    score = rng.normal(size=n + 50) + shift * positive
    score = np.round(score, 1) if ties else score
    value = (score[positive] > np.sort(score[~positive])[::-1][int(0.01 * n)]).mean()
    narrow, wide = (tpr_bounds(score, positive, 0.01, level) for level in (0.8, 0.99))
    assert 0 <= wide[0] <= narrow[0] <= value <= narrow[1] <= wide[1] <= 1


def learnt_by_heart(rng, n):
    return np.where(rng.random(n) < 0.2, 9.0, rng.normal(size=n))


#: How members score beside standard normal others.
MEMBERS = {
    "as others": (lambda rng, n: rng.normal(size=n), 0.01),
    "a little more": (lambda rng, n: rng.normal(0.5, 1, n), norm.sf(norm.isf(0.01) - 0.5)),
    "more": (lambda rng, n: rng.normal(2, 1, n), norm.sf(norm.isf(0.01) - 2)),
    "a fifth by heart": (learnt_by_heart, 0.2 + 0.8 * 0.01),
}


@pytest.mark.parametrize("n_negative", [100, 600])
@pytest.mark.parametrize("kind", MEMBERS)
def test_bounds_hold_what_is_true(kind, n_negative):
    draw, truth = MEMBERS[kind]
    low_missed = high_missed = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        score = np.concatenate([draw(rng, 300), rng.normal(size=n_negative)])
        low, high = tpr_bounds(score, np.arange(len(score)) < 300, 0.01, LEVEL)
        low_missed, high_missed = low_missed + (low > truth), high_missed + (high < truth)
    assert max(low_missed, high_missed) <= binom.ppf(0.999, 120, (1 - LEVEL) / 2)


def test_they_are_no_wider_than_they_must_be():
    """Where nothing is found, by a third narrower than whatever scores are like would have it."""
    rng, widths = np.random.default_rng(0), []
    positive = np.arange(1000) < 500
    for _ in range(20):
        score = rng.normal(size=1000)
        bounds = split_bounds(score[positive], np.sort(score[~positive])[::-1], 0.01, LEVEL)
        widths.append([np.ptp(tpr_bounds(score, positive, 0.01, LEVEL)), np.ptp(bounds)])
    assert np.divide(*np.mean(widths, axis=0)) < 0.75


def test_a_null_passes_as_often_as_is_said():
    said, passed = null_passes(0.05, 400, 400, 0.01, 0.9), 0
    positive = np.arange(800) < 400
    for seed in range(200):
        score = np.random.default_rng(seed).normal(size=800)
        passed += tpr_bounds(score, positive, 0.01, 0.9)[1] <= 0.05
    assert binom.ppf(0.001, 200, said) <= passed <= binom.ppf(0.999, 200, said)


def test_so_many_people_let_a_null_pass_and_half_of_them_do_not():
    for limit in (0.03, 0.05, 0.1):
        n = people_to_pass(limit, 0.01, 0.9)
        assert null_passes(limit, n, n, 0.01, 0.9) >= 0.88
        assert null_passes(limit, n // 2, n // 2, 0.01, 0.9) < 0.9
    assert people_to_pass(0.01, 0.01, 0.9) is None
    assert null_passes(0.1, 500, 99, 0.01, 0.9) == 0

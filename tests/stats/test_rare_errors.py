"""Intervals of a rate at a rare error hold what is true, and so many people let a null pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from auditor.policy.profile import load_profile
from auditor.stats.intervals import wilson
from auditor.stats.rare_errors import (
    null_passes,
    people_to_pass,
    tpr_bounds,
)

LEVEL = 0.95


def test_with_very_many_others_the_threshold_is_known_and_the_interval_wilsons():
    others = np.linspace(-3, 1, 2_000_000)
    for k in (0, 1, 7, 40, 99, 100):
        ours = np.concatenate([np.full(k, 2.0), np.full(100 - k, -4.0)])
        positive = np.arange(len(others) + 100) < 100
        found = tpr_bounds(np.concatenate([ours, others]), positive, 0.01, LEVEL)
        assert found == pytest.approx(wilson(k, 100, LEVEL))


def test_where_none_may_lie_above_nothing_is_known_of_the_strictest_threshold():
    few, many = (
        tpr_bounds(np.arange(2.0 * n), np.arange(2 * n) >= n, 0.01, 0.9) for n in (200, 500)
    )
    assert few[0] == 0
    assert many[0] > 0.99


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
    "all alike": (lambda rng, n: rng.normal(2, 0.4, n), norm.sf((norm.isf(0.01) - 2) / 0.4)),
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


def test_they_are_narrower_than_the_worst_of_both_ends():
    """Than Wilson's at the strictest and at the mildest threshold, each at half the error."""
    half, n, widths = (1 + LEVEL) / 2, 500, []
    few, many = (int(binom.ppf(one, n, 0.01)) for one in ((1 - half) / 2, (1 + half) / 2))
    for seed in range(20):
        score = np.random.default_rng(seed).normal(size=2 * n)
        ours, others = score[:n], np.sort(score[n:])[::-1]
        worst = wilson((ours > others[many]).sum(), n, half)[1]
        if few:
            worst -= wilson((ours > others[few - 1]).sum(), n, half)[0]
        widths.append([np.ptp(tpr_bounds(score, np.arange(2 * n) < n, 0.01, LEVEL)), worst])
    assert np.divide(*np.mean(widths, axis=0)) < 0.75


@pytest.mark.parametrize("n", [(400, 400), (150, 700)])
def test_a_null_passes_as_often_as_is_said(n):
    said, passed = null_passes(0.05, *n, 0.01, 0.9), 0
    positive = np.arange(sum(n)) < n[0]
    for seed in range(300):
        score = np.random.default_rng(seed).normal(size=sum(n))
        passed += tpr_bounds(score, positive, 0.01, 0.9)[1] <= 0.05
    assert binom.ppf(0.001, 300, said) <= passed <= binom.ppf(0.999, 300, said)


def test_so_many_people_let_a_null_pass_and_half_of_them_do_not():
    for limit in (0.03, 0.05, 0.1):
        n = people_to_pass(limit, 0.01, 0.9)
        assert null_passes(limit, n, n, 0.01, 0.9) >= 0.88
        assert null_passes(limit, n // 2, n // 2, 0.01, 0.9) < 0.9
    assert people_to_pass(0.01, 0.01, 0.9) is None
    assert null_passes(0.1, 500, 99, 0.01, 0.9) == 0


@pytest.mark.parametrize("name", ["public", "registered", "enclave", "model"])
def test_a_profile_says_how_many_members_its_limit_takes(name):
    for rule in load_profile(name).rules:
        if rule.estimate == "tpr_at_fpr_1pct":
            n = people_to_pass(rule.limit, 0.01, 0.9)
            assert f"{n} members and {n} others" in rule.basis

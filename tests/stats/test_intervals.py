"""Intervals against other programs, and against what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.stats.intervals import (
    bca,
    clopper_pearson,
    newcombe_auc,
    percentile,
    person_bootstrap,
    person_replicates,
    wilson,
    wilson_by_variance,
)


def person_percentile(statistic, n_people, level, rng):
    return percentile(person_replicates(statistic, n_people, rng), level)


def test_wilson_and_clopper_pearson_agree_with_statsmodels(parity):
    rows = json.loads((parity / "statistics" / "binomial_intervals.json").read_text())["rows"]
    assert len(rows) > 40
    for row in rows:
        args = row["k"], row["n"], row["level"]
        assert wilson(*args) == pytest.approx(row["wilson"], abs=1e-9)
        assert clopper_pearson(*args) == pytest.approx(row["clopper_pearson"], abs=1e-9)


def test_bca_agrees_with_scipy(parity):
    stored = json.loads((parity / "statistics" / "bca.json").read_text())
    sample = np.array(stored["sample"])
    replicates = {}
    checked = 0
    for case in stored["fixed_replicates"]:
        if isinstance(case["replicates"], list):
            replicates[case["statistic"]] = np.array(case["replicates"], dtype=float)
        statistic = {"mean": np.mean, "median": np.median}.get(case["statistic"])
    for case in stored["fixed_replicates"]:
        statistic = {"mean": np.mean, "median": np.median}.get(case["statistic"])
        if statistic is None or case["statistic"] not in replicates:
            continue
        left = np.array([statistic(np.delete(sample, i)) for i in range(len(sample))])
        found = bca(case["estimate"], replicates[case["statistic"]], left, case["level"])
        assert found == pytest.approx(case["bca"], abs=1e-6)
        checked += 1
    assert checked


@given(st.integers(1, 300), st.data())
def test_wilson_holds_the_value_and_never_collapses(n, data):
    k = data.draw(st.floats(0, n))
    low, high = wilson(k, n, 0.95)
    assert 0 <= low <= k / n <= high <= 1
    assert high - low > 0.005


@given(st.floats(0, 1), st.integers(2, 80), st.integers(2, 80))
def test_newcombes_interval_holds_the_auc_and_never_collapses(auc, m, n):
    low, high = newcombe_auc(auc, m, n, 0.95)
    assert 0 <= low <= auc + 1e-9
    assert auc - 1e-9 <= high <= 1
    assert high - low > 0.005


@given(st.floats(0.05, 0.95), st.integers(2, 30), st.integers(2, 30), st.integers(2, 6))
def test_newcombes_interval_over_strata_is_that_of_as_many_times_the_pairs(auc, m, n, strata):
    many = newcombe_auc(auc, np.full(strata, m), np.full(strata, n), 0.95)
    assert many == pytest.approx(newcombe_auc(auc, m, n, 0.95, worth=strata), abs=1e-9)
    one = newcombe_auc(auc, m, n, 0.95)
    assert one[0] <= many[0] + 1e-9
    assert many[1] <= one[1] + 1e-9


def test_newcombes_interval_covers_an_auc_of_one_half_as_often_as_it_says():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(600):
        score, positive = rng.normal(size=40), np.arange(40) < 17
        auc = (score[positive][:, None] > score[~positive]).mean()
        low, high = newcombe_auc(auc, 17, 23, 0.95)
        missed += not low <= 0.5 <= high
    assert 10 <= missed <= 50


def test_the_person_bootstrap_covers_a_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(200):
        people = rng.exponential(size=40)

        def mean(weights: np.ndarray, people: np.ndarray = people) -> np.ndarray:
            return weights @ people / weights.sum(axis=1)

        low, high = person_bootstrap(mean, 40, 0.95, rng)
        missed += not low <= 1 <= high
    assert 3 <= missed <= 25


def test_the_percentile_interval_of_a_mean_is_that_of_its_standard_error():
    rng = np.random.default_rng(2)
    people = rng.normal(size=400)
    calls = []

    def mean(weights: np.ndarray) -> np.ndarray:
        calls.append(weights.sum(axis=1))
        return weights @ people / weights.sum(axis=1)

    low, high = person_percentile(mean, 400, 0.95, rng)
    se = people.std() / 20
    assert low == pytest.approx(people.mean() - 1.96 * se, abs=0.2 * se)
    assert high == pytest.approx(people.mean() + 1.96 * se, abs=0.2 * se)
    # As many people are drawn as there are, a thousand times.
    assert (np.concatenate(calls) == 400).all()
    assert len(np.concatenate(calls)) == 1000


@given(st.floats(0.001, 0.999), st.integers(2, 300), st.floats(0.3, 1))
def test_wilsons_interval_by_variance_is_that_of_as_many_people(rate, n, times):
    found = wilson_by_variance(rate, rate * (1 - rate) / (times * n), n, 0.95)
    assert found == pytest.approx(wilson(rate * times * n, times * n, 0.95))
    # Nothing that varies less is worth more than four for each.
    assert wilson_by_variance(rate, 0.0, n, 0.95) == pytest.approx(
        wilson(4 * rate * n, 4 * n, 0.95)
    )
    assert wilson_by_variance(0.0, 0.0, n, 0.95) == wilson(0, n, 0.95)


def test_alpha_in_place_of_the_coverage_is_about_31_times_too_narrow():
    people = np.random.default_rng(3).normal(size=200)
    ratios = []
    for seed in range(10):
        wide, narrow = (
            person_percentile(
                lambda weights: weights @ people, 200, level, np.random.default_rng(seed)
            )
            for level in (0.95, 0.05)
        )
        ratios.append((wide[1] - wide[0]) / (narrow[1] - narrow[0]))
    assert np.mean(ratios) == pytest.approx(31.3, rel=0.12)


def test_draws_without_the_statistic_are_left_out():
    rng = np.random.default_rng(4)

    def absent_now_and_then(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, 0] == 0, np.nan, 1 + weights[:, 0])

    low, high = person_percentile(absent_now_and_then, 5, 0.95, rng)
    assert 2 <= low <= high
    assert np.isnan(percentile(np.full(9, np.nan), 0.95)).all()


def test_replicates_do_not_depend_on_how_they_are_worked_in_blocks():
    def several(weights: np.ndarray) -> np.ndarray:
        return weights[:, :2]

    one, blocks = (
        person_replicates(several, 30, np.random.default_rng(5), width=width)
        for width in (None, 100_000)
    )
    assert one.shape == (1000, 2)
    assert (one == blocks).all()

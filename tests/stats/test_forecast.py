"""What is said of other galleries agrees with exact sums, oracles and galleries held back."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from auditor.core.evidence import SearchResult
from auditor.stats.forecast import (
    REACH,
    binormal,
    falls_no_faster,
    forecast,
    nested_sizes,
    pitman_yor,
    rank1_at,
)
from auditor.stats.intervals import wilson
from auditor.stats.metrics import rank_rate
from tests.stats.crowds import rates_in_parts, searched, truth
from tests.stats.evidence import random_search, search_result


def by_enumeration(scores: np.ndarray, subject: np.ndarray, size: int) -> np.ndarray:
    """Each probe's rank-1 rate over every gallery of its person and size − 1 others."""
    rates = []
    for row, own in zip(scores, subject, strict=True):
        others = [one for one in range(scores.shape[1]) if one != own]
        found = []
        for some in combinations(others, size - 1):
            rival = row[list(some)]
            found.append((rival <= row[own]).all() / (1 + (rival == row[own]).sum()))
        rates.append(np.mean(found))
    return np.array(rates)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_smaller_galleries_are_exactly_all_of_them(data):
    n_people = data.draw(st.integers(2, 6))
    few = st.integers(0, 3)  # so that scores tie
    scores = np.array(
        [data.draw(st.lists(few, min_size=n_people, max_size=n_people)) for _ in range(n_people)]
    )
    subject = np.arange(n_people)
    sizes = np.arange(1, n_people + 1)
    found = rank1_at(search_result(scores, subject), sizes)
    for column, size in enumerate(sizes):
        assert found[:, column] == pytest.approx(by_enumeration(scores, subject, int(size)))


def test_the_whole_gallery_gives_what_was_measured_and_the_mate_alone_certainty():
    seen = random_search(np.random.default_rng(0), 40, signal=2.0)
    sizes = np.array([1, 2, 5, 10, 20, 40])
    found = rank1_at(seen, sizes)
    assert found[:, 0] == pytest.approx(np.ones(40))
    assert found[:, -1] == pytest.approx(rank_rate(seen, 1))
    assert (np.diff(found.mean(axis=0)) < 0).all()


def test_the_pitman_yor_expectation_is_that_of_the_oracle(parity):
    oracle = json.loads((parity / "statistics" / "pitman_yor.json").read_text())
    for d, a, n, _, share in oracle["grid"]:
        assert float(pitman_yor(n, d, a)) == pytest.approx(float(share), rel=1e-9), (d, a, n)


@pytest.mark.parametrize("name", ["three_points", "two_points", "four_points"])
def test_fits_predict_what_the_oracle_predicts(parity, name):
    fit = json.loads((parity / "statistics" / "pitman_yor.json").read_text())["fits"][name]
    sizes, rates = np.array(fit["points"], dtype=float).T
    targets = np.array([float(n) for n in fit["predicted"]])
    found = forecast(sizes, rates[None], targets, level=0.95)
    assert found.rates["pitman_yor"] == pytest.approx(list(fit["predicted"].values()), abs=1e-4)


def test_twenty_thousand_people_are_foretold_from_ten_thousand():
    """The intruder of Macierzanka et al. 2025: 40.0 % at 20,000."""
    sizes, rates = np.array([100.0, 1000, 10_000]), np.array([[0.792, 0.626, 0.450]])
    found = forecast(sizes, rates, np.array([20_000.0]), level=0.95)
    for name, rate in found.rates.items():
        assert rate[0] == pytest.approx(0.400, abs=0.02), name
    assert found.spread[0] == pytest.approx(np.ptp([rate[0] for rate in found.rates.values()]))


def test_the_binormal_curve_is_the_share_of_mates_that_beat_every_impostor():
    rng = np.random.default_rng(0)
    mate = rng.normal(2.0, 0.7, 4000)
    best = rng.normal(size=(4000, 99)).max(axis=1)
    assert binormal(100, 2.0, 0.7)[0] == pytest.approx((mate > best).mean(), abs=0.03)
    assert binormal(1, 2.0, 0.7)[0] == pytest.approx(1)


@given(
    share=st.lists(st.floats(0, 0.2), min_size=1, max_size=6),
    n_people=st.integers(20, 500),
    times=st.floats(1, 100),
)
@settings(max_examples=60, deadline=None)
def test_no_mixture_of_people_falls_faster_than_it_last_did(share, n_people, times):
    """By the definition: who is beaten by a share p of all is first of N with (1 − p)^(N − 1)."""
    sizes = nested_sizes(n_people).astype(float)
    per_person = np.tile((1 - np.array(share))[:, None] ** (sizes - 1), (4, 1))
    larger = np.array([times * n_people])
    whole = np.mean((1 - np.array(share)) ** (larger[0] - 1))
    assert falls_no_faster(sizes, per_person, larger, 1e-9)[0] <= whole * (1 + 1e-6) + 1e-9


def test_whoever_is_always_found_is_foretold_among_any_number():
    """Eleven of 90 always, the others by luck: .12 and no less among however many."""
    above = np.concatenate([np.zeros(11, int), np.random.default_rng(0).integers(1, 90, 79)])
    seen = replace(searched("luck", 90, np.random.default_rng(0)), n_above=above)
    sizes = nested_sizes(90)
    larger = np.array([270, 1000, 10_000, 100_000])
    told = forecast(sizes.astype(float), rank1_at(seen, sizes), larger, level=0.95)
    assert (told.low < 0.12).all()
    assert told.high == pytest.approx([wilson(11, 90, 0.95)[1]] * 4)
    assert told.rates["always_or_not"] == pytest.approx([11 / 90] * 4, abs=0.02)


def test_that_all_are_found_is_no_proof_that_all_will_be():
    sizes = nested_sizes(90).astype(float)
    larger = np.array([180, 900, 9000, 100_000])
    told = forecast(sizes, np.ones((90, len(sizes))), larger, level=0.95)
    assert told.high.tolist() == [1, 1, 1, 1]
    assert (np.diff(told.low) < 0).all()
    assert 0.7 < told.low[0] < 0.97
    assert told.low[-1] < 0.01


def test_no_upper_bound_is_below_that_of_the_gallery_that_was_measured():
    for seed in range(20):
        sizes, rates = rates_in_parts("normal, narrow", 60, np.random.default_rng(seed))
        told = forecast(sizes, rates, np.array([100, 1e4, 1e6]), level=0.9)
        assert told.high == pytest.approx([wilson(rates[:, -1].sum(), 60, 0.9)[1]] * 3)
        assert (told.low <= told.value).all()
        assert (told.value <= told.high).all()


def test_beyond_ten_times_no_model_bounds_from_below():
    sizes, rates = rates_in_parts("normal", 300, np.random.default_rng(0))
    near, far = np.array([REACH * 300.0]), np.array([REACH * 300.0 + 1])
    least = [falls_no_faster(sizes, rates, at, 0.95) for at in (near, far)]
    told = [forecast(sizes, rates, at, level=0.95).low for at in (near, far)]
    assert told[0] > 2 * least[0]
    assert told[1] == least[1]


@pytest.mark.parametrize(
    ("n_people", "name"),
    [
        (40, "an eighth always"), (40, "normal"), (300, "all alike"), (300, "pitman-yor 0.8"),
        *(pytest.param(n, name, marks=pytest.mark.slow) for n, name in [
            (300, "an eighth always"), (300, "normal"), (40, "all alike"), (40, "pitman-yor 0.8"),
        ]),
    ],
)  # fmt: skip
def test_bounds_hold_what_is_true_of_larger_galleries(name, n_people):
    larger = n_people * np.array([3, 10, 100])
    wanted, missed = truth(name, larger), np.zeros(3)
    for seed in range(50):
        sizes, rates = rates_in_parts(name, n_people, np.random.default_rng([seed, n_people]))
        told = forecast(sizes, rates, larger, level=0.95)
        missed += (told.low > wanted) | (wanted > told.high)
    assert (missed <= binom.ppf(0.999, 50, 0.05)).all(), missed


def test_the_published_curve_is_foretold_from_a_hundred_people():
    """From 100 people the rates among 1,000 and 10,000 of Macierzanka et al. 2025."""
    sizes, rates = rates_in_parts("published", 100, np.random.default_rng(0))
    told = forecast(sizes, rates, np.array([1000, 10_000, 20_000]), level=0.95)
    assert (told.low < [0.626, 0.450, 0.400]).all()
    assert (told.high > [0.626, 0.450, 0.400]).all()


def crowd(n_people: int, spread: float, rng: np.random.Generator) -> SearchResult:
    """How many impostors beat each of 3,000 probes, whose people vary in how plain they are."""
    n = 3000
    mate = rng.normal(3.5, spread, n)
    above, none = rng.binomial(n_people - 1, norm.sf(mate)), np.zeros(n, dtype=np.int64)
    return replace(
        random_search(np.random.default_rng(0), 12),
        subject=np.arange(n).astype(str),
        mated_score=mate,
        n_above=above,
        n_tied=none,
        best_impostor=np.zeros(n),
        matched_impostor_above=np.full(n, -1),
        matched_impostor_tied=np.full(n, -1),
        demographic_above=above,
        demographic_tied=none,
        demographic_size=none + n_people,
        demographic_best=np.zeros(n),
        nearest=np.zeros((n, 1)),
        rival=np.full(n, ""),
        demographic_rival=np.full(n, ""),
        n_gallery=n_people,
    )


@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5])
def test_twenty_thousand_are_foretold_from_two_thousand_within_three_points(spread):
    """By the model that foretold 2,000 from 200 best; the others may be off by more."""
    seen = crowd(20_000, spread, np.random.default_rng(1))
    sizes = np.array([20, 50, 100, 200, 500, 1000, 2000])
    found = forecast(sizes.astype(float), rank1_at(seen, sizes), np.array([20_000.0]), level=0.95)
    whole = float(rank1_at(seen, np.array([20_000])).mean())
    print(f"spread {spread}: {whole:.3f}", found.rates, found.held_out_error)
    assert abs(found.rates[found.best][0] - whole) < 0.03

"""What is said of other galleries agrees with exact sums, oracles and galleries held back."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from auditor.core.evidence import SearchResult
from auditor.stats.forecast import binormal, forecast, pitman_yor, rank1_at
from auditor.stats.metrics import rank_rate
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
    found = forecast(sizes, rates[None], targets)
    assert found.rates["pitman_yor"] == pytest.approx(list(fit["predicted"].values()), abs=1e-4)


def test_twenty_thousand_people_are_foretold_from_ten_thousand():
    """The intruder of Macierzanka et al. 2025: 40.0 % at 20,000."""
    found = forecast(
        np.array([100.0, 1000, 10_000]), np.array([[0.792, 0.626, 0.450]]), np.array([20_000.0])
    )
    for name, rate in found.rates.items():
        assert rate[0] == pytest.approx(0.400, abs=0.02), name
    assert found.spread[0] == pytest.approx(np.ptp([rate[0] for rate in found.rates.values()]))


def test_the_binormal_curve_is_the_share_of_mates_that_beat_every_impostor():
    rng = np.random.default_rng(0)
    mate = rng.normal(2.0, 0.7, 4000)
    best = rng.normal(size=(4000, 99)).max(axis=1)
    assert binormal(100, 2.0, 0.7)[0] == pytest.approx((mate > best).mean(), abs=0.03)
    assert binormal(1, 2.0, 0.7)[0] == pytest.approx(1)


def test_bounds_hold_the_forecast_and_narrow_with_the_people():
    seen = crowd(2000, 1.0, np.random.default_rng(2))
    sizes = np.array([50, 200, 1000, 2000])
    rates = rank1_at(seen, sizes)
    widths = []
    for n in (50, 3000):
        rng = np.random.default_rng(0)
        found = forecast(sizes.astype(float), rates[:n], np.array([1e4]), rng=rng, draws=40)
        for name, rate in found.rates.items():
            assert found.low[name][0] <= rate[0] <= found.high[name][0]
        widths.append(found.high["binormal"][0] - found.low["binormal"][0])
    assert widths[1] < widths[0] / 3


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
        n_gallery=n_people,
    )


@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5])
def test_twenty_thousand_are_foretold_from_two_thousand_within_three_points(spread):
    """By the model that foretold 2,000 from 200 best; the others may be off by more."""
    seen = crowd(20_000, spread, np.random.default_rng(1))
    sizes = np.array([20, 50, 100, 200, 500, 1000, 2000])
    found = forecast(sizes.astype(float), rank1_at(seen, sizes), np.array([20_000.0]))
    whole = float(rank1_at(seen, np.array([20_000])).mean())
    print(f"spread {spread}: {whole:.3f}", found.rates, found.held_out_error)
    assert abs(found.rates[found.best][0] - whole) < 0.03

"""What a gallery's people add to an interval, by leaving each of them out and by drawing anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from auditor.stats.among import found_among
from auditor.stats.estimators import identification_rate, rate
from auditor.stats.forecast import rank1_at
from auditor.stats.metrics import rank_rate
from auditor.stats.rivals import rank1_variance, worth
from auditor.stats.searches import rate_gap
from tests.stats.evidence import alike_people, random_search, search_result

#: Some of these people are like everybody; of those, none is more so than another.
GOATS, EQUALS = {"by_probe": 0.0, "by_gallery": 1.5}, {"by_probe": 0.0, "by_gallery": 0.0}


def rank1_of(scores: np.ndarray, subject: np.ndarray, left_out: tuple[int, ...] = ()) -> float:
    """Rank-1 by person without some people, by the definition."""
    kept = ~np.isin(subject, left_out)
    scores, subject = scores[kept].copy(), subject[kept]
    own = np.arange(len(subject)), subject
    mate = scores[own]
    scores[own] = -np.inf
    scores[:, list(left_out)] = -np.inf
    first = (scores.max(axis=1) < mate).astype(float)
    return float(np.mean([first[subject == one].mean() for one in np.unique(subject)]))


@given(seed=st.integers(0, 2**32 - 1), signal=st.floats(-1, 4), most_probes=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_it_is_the_jackknife_less_what_each_two_people_count_twice(seed, signal, most_probes):
    """Leaving out each person, and each two, by brute force."""
    n = 12
    rng = np.random.default_rng(seed)
    scores, subject = alike_people(rng, n, signal, most_probes=most_probes)
    seen = search_result(scores, subject)
    whole = n * rank1_of(scores, subject)
    without = np.array([(n - 1) * rank1_of(scores, subject, (one,)) for one in range(n)])
    jackknife = ((without - without.mean()) ** 2).sum()
    # What two people cost each other: the first place of a probe of one, by the other alone.
    between = np.zeros((n, n))
    for probe, own in enumerate(subject):
        before = np.flatnonzero(scores[probe] > scores[probe, own])
        if len(before) == 1:
            between[own, before[0]] += 1 / (subject == own).sum()
    twice = ((between + between.T)[np.triu_indices(n, 1)] ** 2).sum()
    assert whole == pytest.approx(n * rank_rate(seen, 1).mean())
    # The mean of a probe's first place without each person stands off that of all by 1/(n − 1).
    found = rank1_variance(seen, n) * n * (n - 1)
    assert found == pytest.approx(jackknife - twice, abs=1e-9)


@pytest.mark.parametrize("size", [40, 120])
def test_it_is_how_much_the_rate_varies_from_one_population_to_the_next(size):
    rates, told, apart = [], [], []
    for seed in range(300):
        seen = search_result(*alike_people(np.random.default_rng([seed, 1]), 120, 3.0, **GOATS))
        rates.append(rank1_at(seen, np.array([size]))[:, 0].mean())
        told.append(rank1_variance(seen, size))
        apart.append(rates[-1] * (1 - rates[-1]) / 120)
    true = np.var(rates, ddof=1)
    # 300 populations show a variance to within a sixth.
    assert np.mean(told) == pytest.approx(true, rel=0.25)
    if size == 120:
        assert true > 1.2 * np.mean(apart)


def test_people_of_a_kind_who_take_each_others_place_are_lost_together():
    """First are those alone in their kind: of balls in boxes how many are varies as is known."""
    n, kinds, told = 100, 2000, []
    for seed in range(400):
        kind = np.random.default_rng(seed).integers(0, kinds, n)
        scores = np.where(np.eye(n) == 1, 1.0, 2.0 * (kind[:, None] == kind))
        told.append(rank1_variance(search_result(scores, np.arange(n)), n))
    each = n / kinds
    true = (np.exp(-each) - (1 - each + each**2) * np.exp(-2 * each)) / n
    assert np.mean(told) == pytest.approx(true, rel=0.1)
    assert true > 1.5 * np.exp(-each) * (1 - np.exp(-each)) / n


def test_where_some_are_like_everybody_intervals_hold_what_all_populations_show():
    n, seeds = 250, 120
    found, apart = [], []
    for seed in range(seeds):
        seen = search_result(*alike_people(np.random.default_rng([seed, n]), n, 3.0, **GOATS))
        found.append(identification_rate(seen, 1, 0.95))
        apart.append(rate(rank_rate(seen, 1), 0.95, None))
    truth = np.mean([one.value for one in found])

    def missed(intervals):
        return sum(not one.low <= truth <= one.high for one in intervals)

    assert missed(found) <= binom.ppf(0.99, seeds, 0.05)
    # What it is there for: of people apart they would not.
    assert missed(apart) > binom.ppf(0.99, seeds, 0.05)


@pytest.mark.parametrize("n", [90, 250])
def test_where_nobody_is_like_everybody_intervals_are_hardly_wider(n):
    wider = []
    for seed in range(60):
        scores, subject = alike_people(np.random.default_rng([seed, n]), n, 0.0, **EQUALS)
        seen = search_result(scores, subject)
        one, apart = identification_rate(seen, 1, 0.95), rate(rank_rate(seen, 1), 0.95, None)
        wider.append((one.high - one.low) / (apart.high - apart.low))
    assert min(wider) >= 1
    assert np.mean(wider) < 1.05


@pytest.mark.parametrize("seed", range(10))
def test_no_interval_is_narrower_than_of_people_apart(seed):
    rng = np.random.default_rng(seed)
    seen, other = (random_search(rng, 50, 2.0) for _ in range(2))
    nobody = np.full(len(seen.subject), "")
    apart = replace(seen, rival=nobody, demographic_rival=nobody)
    assert worth(apart) == 1
    sizes = [20, 50, 200]
    found, before = (found_among(one, sizes, 0.95)[0] for one in (seen, apart))
    for one, narrow in [
        *((found[size], before[size]) for size in sizes),
        (rate_gap(seen, other, 0.95), rate_gap(apart, other, 0.95)),
        (identification_rate(seen, 1, 0.95), identification_rate(apart, 1, 0.95)),
    ]:
        assert one.low <= narrow.low + 1e-12
        assert one.high >= narrow.high - 1e-12
        assert one.low <= one.value <= one.high

"""Where there is nothing, intervals cover chance as often as they say; nothing small is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import (
    auc_bounds,
    cross_fitted,
    equal_error,
    measure,
    named_at,
    pooled_auc,
    taught_gain,
)
from auditor.stats.intervals import newcombe_auc, wilson
from tests.stats.evidence import alike_people, random_search, search_result

REPEATS = 150


@pytest.mark.parametrize("n_people", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_intervals_of_a_search_that_knows_nothing_cover_chance(n_people):
    missed = Counter()
    for seed in range(REPEATS):
        rng = np.random.default_rng([seed, n_people])
        found, _ = measure("", random_search(rng, n_people), level=0.95, rng=rng)
        for name, one in found.items():
            missed[name] += not one.low <= one.chance <= one.high
    assert set(missed) >= {"rank1", "rank5", "rank1_stranger", "eer"}
    for name, n in missed.items():
        assert n <= binom.ppf(0.9999, REPEATS, 0.05), name


def test_a_search_that_knows_everybody_is_far_from_chance():
    rng = np.random.default_rng(0)
    found, curves = measure("", random_search(rng, 40, signal=20), level=0.95, rng=rng)
    assert found["rank1"].low > 0.85
    assert found["eer"].high < 0.1
    assert found["tpir_at_fpir_10pct"].low > 0.7
    assert found["rank1_stranger"].high < 0.3
    assert curves["cmc"]["rate"][0] > 0.95


def test_a_control_tells_its_rank_one_under_its_own_name():
    rng = np.random.default_rng(0)
    found, curves = measure("untrained", random_search(rng, 20), level=0.95, rng=rng)
    assert list(found) == ["untrained_rank1"]
    assert not curves


def test_guesses_of_sex_and_age_that_know_nothing_cover_chance():
    missed = Counter()
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        subject = np.repeat(np.arange(40), 2).astype(str)
        male, age = np.repeat(rng.random(40) < 0.5, 2), np.repeat(rng.uniform(20, 80, 40), 2)
        sex = Trials(rng.normal(size=80), male, subject, np.repeat(np.arange(40) % 5, 2))
        guess = 50 + rng.normal(0, 2, 80)
        years = Predictions(guess, age, np.full(80, 50.0), subject)
        found = measure("sex", sex, level=0.95, rng=rng)[0]
        found |= measure("age", years, level=0.95, rng=rng)[0]
        for name, one in found.items():
            missed[name] += not one.low <= one.chance <= one.high
    assert set(missed) == {"sex_auc", "age_mae_years", "age_gain_years"}
    for name, n in missed.items():
        assert n <= binom.ppf(0.9999, REPEATS, 0.05), name


def test_nine_people_are_too_few_for_any_number():
    rng = np.random.default_rng(0)
    with pytest.raises(EvidenceError, match="10 people"):
        measure("", random_search(rng, 9), level=0.95, rng=rng)


def test_rank1_by_gallery_ends_where_the_whole_gallery_was_measured():
    seen = random_search(np.random.default_rng(2), 30, signal=2.0)
    found, curves = measure("", seen, level=0.95, rng=np.random.default_rng(0))
    curve = curves["gallery"]
    assert curve["gallery"][-1] == 30
    assert curve["rate"][-1] == pytest.approx(found["rank1"].value, abs=1e-3)
    assert curve["rate"] == sorted(curve["rate"], reverse=True)


#: How plain a person's own records are → the equal error rate of very many such people, and how
#: often 40 and 100 of them are named at an FPIR of a tenth.
KINDS = {1.5: (0.284, 0.071, 0.040), 5.0: (0.0262, 0.863, 0.802)}


def drawn(seed: int, n_people: int, signal: float):
    return search_result(*alike_people(np.random.default_rng([seed, n_people]), n_people, signal))


@pytest.mark.parametrize("n_people", [20, 90])
@pytest.mark.parametrize("signal", KINDS)
def test_the_equal_error_rate_of_all_people_is_held_where_it_is_small_as_well(signal, n_people):
    missed = 0
    for seed in range(60):
        acceptance = metrics.acceptance(drawn(seed, n_people, signal))
        one = equal_error(*acceptance, 0.95)
        missed += not one.low <= KINDS[signal][0] <= one.high
    assert missed <= binom.ppf(0.999, 60, 0.05)


def test_where_nobody_is_mistaken_the_equal_error_rate_is_bounded_as_a_rate_of_people():
    acceptance = metrics.acceptance(search_result(100 * np.eye(40), np.arange(40)))
    one = equal_error(*acceptance, 0.95)
    assert (one.value, one.low, one.high) == pytest.approx((0, *wilson(0, 40, 0.95)))


def test_people_who_score_higher_with_everybody_widen_the_equal_error_rate():
    widths = []
    for by_probe in (0.0, 2.0):
        rng = np.random.default_rng(0)
        scores = alike_people(rng, 60, 3, by_probe=by_probe, by_gallery=0, spread=0)
        found = equal_error(*metrics.acceptance(search_result(*scores)), 0.95)
        widths.append((found.high - found.low) ** 2 / (found.value * (1 - found.value)))
    assert widths[1] > 1.3 * widths[0]


@pytest.mark.parametrize("n_people", [40, 100])
@pytest.mark.parametrize("signal", KINDS)
def test_the_share_named_at_few_alarms_carries_where_the_threshold_was_set(signal, n_people):
    truth, missed = KINDS[signal][1 + (n_people == 100)], 0
    for seed in range(60):
        seen = drawn(seed, n_people, signal)
        one = named_at(seen, 0.1, 0.95)
        assert one.value == metrics.tpir_at_fpir(seen, 0.1).mean()
        missed += not one.low <= truth <= one.high
    assert missed <= binom.ppf(0.999, 60, 0.05)


@pytest.mark.parametrize(("n_people", "told"), [(29, set()), (31, {"10pct"}), (299, {"10pct"})])
def test_no_rate_of_errors_below_three_of_all_people_is_told(n_people, told):
    rng = np.random.default_rng(0)
    subject = np.arange(n_people)
    seen = search_result(rng.normal(size=(n_people, n_people)), subject)
    found, curves = measure("", seen, level=0.95, rng=rng)
    assert {name for name in found if name.startswith("tpir")} == {
        f"tpir_at_fpir_{n}" for n in told
    }
    assert min(curves["roc"]["fmr"]) * n_people >= 3 - 1e-6


def of_age(seed: int, n: int, strength: float) -> Predictions:
    """Ages of people as lines through eight columns guess them, each taught on the others."""
    rng = np.random.default_rng([seed, n])
    age = rng.uniform(20, 90, n)
    table = rng.normal(size=(n, 8)) + strength * (age[:, None] - 55) / 20 * (np.arange(8) < 2)
    names = np.array([f"{one:04d}" for one in range(n)])
    learner = CrossFitted(line, table.astype(np.float32), names, 0)
    guess, prior = np.empty((2, n))
    for train, test in subject_kfold(np.arange(n), np.zeros(n, dtype=np.int64), rng):
        guess[test], prior[test] = learner.predict(age, train, test, rng), np.median(age[train])
    return Predictions(guess, age, prior, names)


@pytest.mark.parametrize(
    ("n_people", "strength"),
    [
        *((20, 0.0), (90, 0.3), (20, 1.0)),
        *(pytest.param(n, one, marks=pytest.mark.slow) for n, one in ((90, 0), (20, 0.3), (90, 1))),
    ],
)
def test_what_a_learner_gains_over_other_releases_of_as_many_people_is_held(strength, n_people):
    found = []
    for seed in range(50):
        one = cross_fitted("age", of_age(seed, n_people, strength), 0.95, np.random.default_rng(0))
        found.append(one[0]["age_gain_years"])
    truth = np.mean([one.value for one in found])
    missed = sum(not one.low <= truth <= one.high for one in found)
    assert missed <= binom.ppf(0.999, 50, 0.05)


def test_an_interval_of_a_gain_narrows_with_people_and_holds_guessing_where_nothing_is_gained():
    few, many = (taught_gain(Estimate(0.0, 0.0, 0.0, 0.95, n, 0.0), 17.5) for n in (20, 2000))
    assert few.low < many.low < 0 < many.high < few.high
    much = taught_gain(Estimate(9.0, 9.0, 9.0, 0.95, 400, 0.0), 17.5)
    assert 0 < much.low < 9 < much.high < 17.5


ODDLY_SPREAD = {
    "all as high": (lambda rng: np.full(100, 2.0), 0.97725),
    "half higher, half lower": (lambda rng: rng.normal(4 * rng.choice([-1, 1], 100), 1), 0.5),
}


@pytest.mark.parametrize("kind", ODDLY_SPREAD)
def test_the_interval_of_an_auc_covers_where_one_kind_is_spread_unlike_the_other(kind):
    """Newcombe's alone, which stands on one spread, misses twice as often as it says and more."""
    draw, truth = ODDLY_SPREAD[kind]
    missed = alone = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        score = np.concatenate([draw(rng), rng.normal(size=100)])
        seen = Trials(score, np.arange(200) < 100, np.arange(200).astype(str), np.zeros(200, int))
        one = pooled_auc(seen, 0.95)
        low, high = newcombe_auc(one.value, 100, 100, 0.95)
        missed += not one.low <= truth <= one.high
        alone += not low <= truth <= high
    assert missed <= binom.ppf(0.999, 300, 0.05)
    assert alone > binom.ppf(0.999, 300, 0.05)


def test_the_interval_of_an_auc_hardly_widens_where_both_kinds_are_spread_alike():
    rng, stratum = np.random.default_rng(0), np.zeros(400, dtype=np.int64)
    positive, wider = np.arange(400) < 200, []
    for _ in range(50):
        score = rng.normal(size=400) + positive
        value = metrics.auc(score, positive)
        low, high = auc_bounds(value, score, positive, stratum, 0.95)
        alone = newcombe_auc(value, 200, 200, 0.95)
        assert low <= alone[0] <= value <= alone[1] <= high
        wider.append((high - low) / (alone[1] - alone[0]))
    assert np.mean(wider) < 1.04


def test_people_who_are_worth_half_vary_twice_as_much():
    score, stratum = np.random.default_rng(0).normal(size=200), np.zeros(200, dtype=np.int64)
    positive = np.arange(200) % 2 == 0
    value = metrics.auc(score, positive)
    ends = [auc_bounds(value, score, positive, stratum, 0.95, worth) for worth in (1.0, 0.5)]
    whole, half = (high - low for low, high in ends)
    assert half / whole == pytest.approx(np.sqrt(2), rel=0.02)

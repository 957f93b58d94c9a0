"""Where there is nothing, intervals cover chance as often as they say; nothing small is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, Trials
from auditor.stats.estimators import measure
from tests.stats.evidence import random_search

REPEATS = 150


@pytest.mark.parametrize("n_people", [20, 60])
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

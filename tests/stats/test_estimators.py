"""Where there is nothing, intervals cover chance as often as they say; nothing small is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts, Predictions, Trials
from auditor.stats.estimators import duplicates, identifiers, measure, uniqueness
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


def test_identifiers_are_told_by_class_and_place_and_never_for_fewer_than_ten_people():
    values = np.zeros((50, 3), dtype=np.int64)
    values[:, 0], values[:4, 1], values[:12, 2] = 1, 2, 1
    names = ("date/header comment", "age over 89/header or table", "free text/header comment")
    found, params = identifiers(Counts(names, values), level=0.95)
    assert found["direct"].value == 1
    assert found["free_text"].value == pytest.approx(0.24)
    assert "ages_over_89" not in found  # times 50 it would tell that there are four
    assert params["ages_over_89"] == "1 to 9 people"
    assert [hit["people"] for hit in params["hits"]] == [50, "fewer than 10", 12]


def test_no_hit_at_all_is_no_direct_identifier():
    found, params = identifiers(Counts((), np.zeros((30, 0), dtype=np.int64)), level=0.95)
    assert found["direct"].value == 0
    assert params["hits"] == []


def test_a_unique_age_hides_in_a_town_but_a_known_day_does_not():
    sizes = np.ones((90, 1), dtype=np.int64)
    hidden, _ = uniqueness(Counts(("sex + age",), sizes), population=100_000, level=0.95)
    known, _ = uniqueness(Counts(("sex + age + date",), sizes), population=100_000, level=0.95)
    assert hidden["max_risk"].value < 0.01
    assert known["max_risk"].value == 1
    assert hidden["below_11"].value == 1


def test_rank1_by_gallery_ends_where_the_whole_gallery_was_measured():
    seen = random_search(np.random.default_rng(2), 30, signal=2.0)
    found, curves = measure("", seen, level=0.95, rng=np.random.default_rng(0))
    curve = curves["gallery"]
    assert curve["gallery"][-1] == 30
    assert curve["rate"][-1] == pytest.approx(found["rank1"].value, abs=1e-3)
    assert curve["rate"] == sorted(curve["rate"], reverse=True)


def test_copies_of_fewer_than_ten_people_are_said_and_not_counted():
    values = np.zeros((200, 3), dtype=np.int64)
    values[:2, 0], values[:30, 1] = 1, 4
    found, few = duplicates(Counts(("a", "b", "c"), values), level=0.95)
    assert few == {"copied_within": "1 to 9 people"}
    assert found["copied_across"].value == 0.15
    assert found["like_strangers"].value == 0

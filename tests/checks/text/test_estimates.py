"""What is told of texts: bits, shares and classes, and of a few people no number."""

from __future__ import annotations

import json

import numpy as np
import pytest

from auditor.checks.text.estimates import exposure, measured
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts, Trials
from tests.stats.evidence import random_search


def ranked(ranks, n: int = 1000) -> Trials:
    """Canaries of these ranks among n, themselves included."""
    score, positive, stratum = [], [], []
    for turn, rank in enumerate(ranks):
        score += [0.5 - rank, *(-np.delete(np.arange(1, n + 1), rank - 1) + 0.0)]
        positive += [True] + [False] * (n - 1)
        stratum += [turn] * n
    names = np.array([f"c{one}" for one in range(len(score))])
    return Trials(np.array(score), np.array(positive), names, np.array(stratum))


def told(evidence):
    return measured(evidence, level=0.95, rng=np.random.default_rng(0))


def test_exposure_is_the_rank_in_bits():
    assert exposure(ranked([1]), 0.95).value == pytest.approx(np.log2(1000))
    assert exposure(ranked([1000]), 0.95).value == pytest.approx(0)
    found = exposure(ranked([1, 10, 100]), 0.95)
    assert found.value == pytest.approx(np.log2([1000, 100, 10]).mean())
    assert found.n_subjects == 3
    assert found.high <= np.log2(1000)


def test_chance_is_the_mean_exposure_of_all_ranks():
    every = exposure(ranked(range(1, 101), n=100), 0.95)
    assert every.value == pytest.approx(every.chance)
    assert every.chance == pytest.approx(np.log2(np.e), abs=0.05)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_intervals_of_exposure_hold_chance_as_often_as_they_say(n):
    rng = np.random.default_rng(n)
    found = [exposure(ranked(rng.integers(1, 201, n), n=200), 0.9) for _ in range(200)]
    above = np.mean([one.low > one.chance for one in found])
    assert above <= 0.09  # 5 % and what 200 draws leave open
    assert np.mean([one.high < one.chance for one in found]) <= 0.09


def test_one_canary_at_the_top_of_a_thousand_is_enough():
    found = exposure(ranked([1]), 0.95)
    assert found.low > found.chance
    assert not exposure(ranked([300]), 0.95).low > found.chance


def test_ties_share_their_ranks():
    seen = Trials(
        np.zeros(4), np.arange(4) == 0, np.array(list("abcd")), np.zeros(4, dtype=np.int64)
    )
    assert exposure(seen, 0.95).value == pytest.approx(np.log2(4 / 2.5))


def test_without_canaries_nothing_is_said():
    seen = ranked([1])
    nobody = Trials(seen.score, np.zeros(1000, bool), seen.subject, seen.stratum)
    with pytest.raises(EvidenceError, match="canary"):
        exposure(nobody, 0.95)


def test_classes_are_shares_of_people():
    sizes = np.column_stack(
        [np.r_[np.ones(12), np.full(28, 40)], np.r_[np.ones(20), np.full(20, 15)]]
    )
    counts = Counts(("one number", "all numbers"), sizes.astype(np.int64))
    found, _, few = told({"quoted": counts})
    assert {name: one.value for name, one in found.items()} == {
        "unique_by_one": 0.3,
        "unique": 0.5,
        "below_11": 0.5,
    }
    assert not few


def test_a_few_people_who_are_alone_are_no_share():
    sizes = np.column_stack([np.r_[1, 1, np.full(38, 40)]] * 2)
    found, _, few = told({"quoted": Counts(("one number", "all numbers"), sizes)})
    assert set(few.values()) == {"1 to 9 people"}
    assert not found


def test_identifiers_are_told_by_class_and_never_of_a_few():
    names = ("date/told", "age/told", "name/told", "date/written", "age/written")
    values = np.zeros((50, 5), dtype=np.int64)
    values[:20, 0], values[:3, 1] = 2, 1
    found, _, params = told({"identifiers": Counts(names, values)})
    assert found["told_direct"].value == 0.4
    assert found["written_direct"].value == found["written_indirect"].value == 0
    assert params["told_indirect"] == "1 to 9 people"
    assert params["hits"] == [
        {"class": "date", "where": "told", "people": 20},
        {"class": "age", "where": "told", "people": "fewer than 10"},
    ]
    json.dumps(params)


def test_what_was_never_written_is_not_told_of():
    found, _, _ = told({"identifiers": Counts(("date/told",), np.zeros((50, 1), dtype=np.int64))})
    assert set(found) == {"told_direct", "told_indirect"}


def test_prompts_hold_together_at_the_level():
    rng = np.random.default_rng(0)
    member = np.arange(100) < 50
    names = np.array([f"p{one:03d}" for one in range(100)])
    one = Trials(rng.random(100), member, names, np.zeros(100, dtype=np.int64))
    alone = told({"prompt blank": one})[0]["blank_auc"]
    found = told({"prompt blank": one, "prompt image only": one})[0]
    assert found["blank_auc"].low < alone.low
    assert found["blank_auc"].level == 0.95
    assert set(found) == {"blank_auc", "blank_recited", "image_only_auc", "image_only_recited"}
    assert "tokens_recited" not in told({"tokens": one})[0]


def test_a_search_is_told_beside_that_for_strangers():
    seen = random_search(np.random.default_rng(4), 60, signal=1.5)
    found, curves, _ = told({"": seen})
    assert found["rank10"].chance == pytest.approx(1 / 6)
    assert found["rank1_excess"].low > 0
    assert "cmc" in curves


def test_a_stranger_who_quotes_a_little_does_not_hide_those_who_recite_all():
    score = np.zeros(200)
    score[0], score[100:140] = 0.06, 1.0
    member = np.arange(200) >= 100
    people = np.array([f"p{place}" for place in range(200)])
    seen = {"prompt full": Trials(score, member, people, np.zeros(200, dtype=np.int64))}
    found, _, _ = measured(seen, level=0.95, rng=np.random.default_rng(0))
    assert found["full_recited"].value == 0.4

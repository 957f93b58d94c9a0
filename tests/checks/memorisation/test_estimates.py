"""Who is held to be copied is beyond what chance does to those who were never seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.memorisation.estimates import measured
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Trials
from auditor.stats.metrics import auc, matched_impostor_rate, rank_rate
from auditor.stats.searches import against_twins, beside_strangers, beyond_luck
from auditor.stats.small_cells import shares_of_people
from tests.stats.evidence import random_search


def trials(score, member, stratum=None) -> Trials:
    n = len(score)
    names = np.array([f"p{one:04d}" for one in range(n)])
    band = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    return Trials(np.asarray(score, dtype=float), np.asarray(member, dtype=bool), names, band)


def test_chance_is_what_membership_dealt_out_anew_within_bands_gives():
    rng = np.random.default_rng(0)
    band = rng.integers(0, 4, 80)
    member = rng.random(80) < 0.2 + 0.2 * band  # the old are members more often
    score = band + rng.normal(size=80)  # and score higher, members or not
    drawn = []
    for _ in range(2000):
        dealt = member.copy()
        for one in range(4):
            dealt[band == one] = rng.permutation(member[band == one])
        drawn.append(auc(score, dealt))
    found, _ = against_twins(trials(score, member, band), 0.95)
    assert found.value == pytest.approx(auc(score, member))
    assert found.chance == pytest.approx(np.mean(drawn), abs=0.005)
    assert found.chance > 0.6


def test_without_bands_chance_is_a_half():
    rng = np.random.default_rng(0)
    found, _ = against_twins(trials(rng.normal(size=50), np.arange(50) < 20), 0.95)
    assert found.chance == pytest.approx(0.5)


@pytest.mark.parametrize("draw", ["exponential", "standard_normal", "random"])
def test_nobody_is_beyond_where_nothing_was_learnt(draw):
    rng = np.random.default_rng(1)
    member = np.arange(120) < 60
    alarms = sum(
        beyond_luck(trials(getattr(rng, draw)(size=120), member), 0.0).any() for _ in range(300)
    )
    assert alarms <= 9


def test_who_is_far_out_is_beyond_and_counted_as_a_few():
    rng = np.random.default_rng(2)
    score = rng.exponential(0.1, 120)
    score[:5] = 4.0
    seen = {"copies": trials(score, np.arange(120) < 60)}
    assert beyond_luck(seen["copies"], 1.0).tolist() == [True] * 5 + [False] * 55
    found, _, few = measured(seen, level=0.95, rng=rng)
    assert few == {"copied": "1 to 9 people"}
    assert not found


def test_nobody_is_beyond_who_is_under_the_least():
    score = np.r_[np.full(60, 0.9), np.zeros(60)]
    member = np.arange(120) < 60
    assert not beyond_luck(trials(score, member), 1.0).any()
    assert beyond_luck(trials(score, member), 0.5).all()


def test_a_share_of_many_or_of_nobody_is_told():
    people = {"many": np.arange(40) < 10, "none": np.zeros(40, bool), "few": np.arange(40) < 9}
    found, few = shares_of_people(people, 0.95, 0.001)
    assert {name: one.value for name, one in found.items()} == {"many": 0.25, "none": 0}
    assert few == {"few": "1 to 9 people"}
    assert found["many"].low > found["many"].chance == 0.001
    assert found["none"].low == 0


def test_with_few_people_nothing_is_said():
    with pytest.raises(EvidenceError, match="10 others"):
        beyond_luck(trials(np.arange(25), np.arange(25) < 16), 0.0)


def test_the_excess_over_strangers_is_a_difference_of_the_same_people():
    rng = np.random.default_rng(3)
    seen = random_search(rng, 60, signal=1.5)
    found = beside_strangers(seen, 0.95)["rank1_excess"]
    expected = rank_rate(seen, 1).mean() - matched_impostor_rate(seen, 1).mean()
    assert found.value == pytest.approx(expected)
    assert 0 < found.low < found.value < found.high
    nobody = replace(seen, matched_impostor_above=np.full_like(seen.matched_impostor_above, -1))
    assert beside_strangers(nobody, 0.95) == {}


def test_a_search_is_told_of_all_and_of_either_kind():
    rng = np.random.default_rng(4)
    seen = random_search(rng, 60, signal=1.5)
    member = np.isin(seen.subject, np.unique(seen.subject)[:30])
    evidence = {"": seen, "members": seen.of(member), "nonmembers": seen.of(~member)}
    found, curves, few = measured(evidence, level=0.95, rng=rng)
    assert found["rank10"].chance == pytest.approx(1 / 6)
    assert found["rank1"].value <= found["rank5"].value <= found["rank10"].value
    assert found["members_rank1"].n_subjects == 30
    gap = found["members_rank1"].value - found["nonmembers_rank1"].value
    assert found["member_gap"].value == pytest.approx(gap)
    assert "cmc" in curves
    assert not few

"""Shares of people, and how much larger one is than another: exact, and never of a few people."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.errors import EvidenceError
from auditor.stats.small_cells import excess, shares_of_people


def flags(n: int, k: int) -> np.ndarray:
    return (np.arange(n) < k).astype(float)


def test_an_excess_is_the_difference_of_two_shares_within_newcombes_interval():
    # Newcombe 1998, Stat Med 17:873, Table II, method 10: 56/70 and 48/80.
    seen = excess(flags(70, 56), flags(80, 48), 0.95)
    assert seen.value == pytest.approx(0.2)
    assert (seen.low, seen.high) == (
        pytest.approx(0.0524, abs=5e-5),
        pytest.approx(0.3339, abs=5e-5),
    )
    assert (seen.n_subjects, seen.chance) == (150, 0.0)
    none = excess(flags(20, 0), flags(20, 0), 0.95)
    assert none.low < 0 < none.high


def test_an_interval_covers_a_difference_of_nothing_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for p in (0.05, 0.3):
        drawn = [
            excess((rng.random(60) < p) * 1.0, (rng.random(80) < p) * 1.0, 0.95) for _ in range(400)
        ]
        assert np.mean([one.low <= 0 <= one.high for one in drawn]) > 0.93


def test_an_interval_is_widened_where_people_fall_together():
    one, other = flags(100, 30), flags(100, 20)
    plain = excess(one, other, 0.95)
    alone = np.sqrt(0.25 * 0.75 * 2 / 100)
    narrow = excess(one, other, 0.95, [alone / 2, -alone / 2])
    wide = excess(one, other, 0.95, [2 * alone, -2 * alone])
    assert (narrow.low, narrow.high) == (plain.low, plain.high)
    assert wide.value - wide.low == pytest.approx(2 * (plain.value - plain.low))
    assert wide.high - wide.value == pytest.approx(2 * (plain.high - plain.value))


def test_an_excess_needs_ten_people_of_either_kind():
    with pytest.raises(EvidenceError, match="at least 10 people"):
        excess(flags(9, 3), flags(50, 3), 0.95)


def test_a_share_of_many_or_of_nobody_is_told():
    people = {"many": np.arange(40) < 10, "none": np.zeros(40, bool), "few": np.arange(40) < 9}
    found, few = shares_of_people(people, 0.95, 0.001)
    assert {name: one.value for name, one in found.items()} == {"many": 0.25, "none": 0}
    assert few == {"few": "1 to 9 people"}
    assert found["many"].low > found["many"].chance == 0.001
    assert found["none"].low == 0

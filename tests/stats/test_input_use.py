"""Answers that do not depend on what was asked are told from those that do."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.errors import EvidenceError
from auditor.stats.input_use import InputUse, input_use, shown_use


def shown(make, seed, n=200):
    rng = np.random.default_rng(seed)
    given = rng.normal(size=(n, 12))
    return shown_use(input_use(given, make(rng, given), rng), 0.95)


def constant(rng, given):
    return np.ones((len(given), 5))


def of_nobody(rng, given):
    return (rng.random((len(given), 30)) < 0.1).astype(float)


def of_one_thing(rng, given):
    told = of_nobody(rng, given)
    told[:, 0] = given[:, 3] > 0.8
    return told


@pytest.mark.parametrize("make", [constant, of_nobody])
def test_who_does_not_look_is_seldom_taken_to(make):
    found = [shown(make, seed) for seed in range(60)]
    assert sum(one.low > 0.5 for one in found) <= 5  # 1.5 are expected, at 2.5 %
    assert np.mean([one.value for one in found]) == pytest.approx(0.5, abs=0.02)


def test_who_tells_one_thing_of_twelve_is_seen_to_look():
    found = [shown(of_one_thing, seed) for seed in range(20)]
    assert sum(one.low > 0.5 for one in found) >= 14


def test_what_is_not_known_counts_for_nothing():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(200, 6))
    given[rng.random(given.shape) < 0.3] = np.nan
    told = np.column_stack([given, np.full(200, np.nan)])
    assert shown_use(input_use(given, told, rng), 0.95).low > 0.6


def test_few_people_show_nothing():
    rng = np.random.default_rng(0)
    with pytest.raises(EvidenceError, match="20 people"):
        input_use(rng.normal(size=(19, 3)), rng.normal(size=(19, 3)), rng)
    with pytest.raises(EvidenceError):
        input_use(np.full((40, 3), np.nan), rng.normal(size=(40, 3)), rng)


def test_no_interval_is_narrower_than_luck_allows():
    seen = InputUse(np.full(50, 0.5), 0.01)
    found = shown_use(seen, 0.95)
    assert found.low < 0.5 - 1.5 * 0.1 * 0.9
    assert found.chance == 0.5

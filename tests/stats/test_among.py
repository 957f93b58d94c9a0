"""Who is found among so many by somebody who knows more, against galleries drawn by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.stats.among import FORETOLD_FROM, found_among
from tests.stats.evidence import search_result


def by_hand(scores: np.ndarray, subject: np.ndarray, kind: np.ndarray, size: int) -> float:
    """The mean over probes and over every gallery of their person and size − 1 others, of whom only
    those of the person's kind are looked at.
    """
    rates = []
    for row, own in zip(scores, subject, strict=True):
        others = [one for one in range(scores.shape[1]) if one != own]
        for some in combinations(others, size - 1):
            rival = row[[one for one in some if kind[one] == kind[own]]]
            rates.append((rival <= row[own]).all() / (1 + (rival == row[own]).sum()))
    return float(np.mean(rates))


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_up_to_the_size_of_the_release_it_is_exactly_all_smaller_ones(data):
    n = 10
    few = st.integers(0, 3)  # so that scores tie
    scores = np.array([data.draw(st.lists(few, min_size=n, max_size=n)) for _ in range(n)])
    kind = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    seen = search_result(scores, np.arange(n), kind=kind)
    found, curves = found_among(seen, [2, 4, n], 0.9)
    assert not curves
    for size, one in found.items():
        assert one.value == pytest.approx(by_hand(scores, np.arange(n), kind, size))
        assert one.chance == 1 / size


def crowd(n: int, seed: int, strength: float, n_kinds: int = 8, harder: float = 0.0, whole=None):
    """A search of n people of so many kinds; who is of one kind scores as much more.

    Parameters
    ----------
    whole : of how many of them the first n are looked for
    """
    rng = np.random.default_rng(seed)
    whose = np.arange(n)
    kind = rng.integers(0, n_kinds, whole or n)
    scores = rng.standard_normal((n, whole or n)) + harder * (kind[:n, None] == kind[None])
    scores[whose, whose] += strength
    return search_result(scores, whose, kind=kind)


@pytest.mark.parametrize("harder", [0.0, 0.7])
@pytest.mark.parametrize("strength", [0.0, 1.5, 3.0])
def test_a_thousand_are_foretold_from_a_hundred_by_what_knowledge_leaves(strength, harder):
    """The truth is a release of 1,000 of the same people."""
    whole = [crowd(200, seed, strength, harder=harder, whole=1000) for seed in range(3)]
    truth = np.mean([found_among(seen, [1000], 0.9)[0][1000].value for seen in whole])
    held = []
    for seed in range(20):
        one = found_among(crowd(100, seed, strength, harder=harder), [1000], 0.9)[0][1000]
        assert one.low <= one.value <= one.high
        held.append((one.low <= truth, truth <= one.high))
    low, high = np.sum(held, axis=0)
    assert low >= 17
    assert high >= 17


def test_who_knows_little_of_many_is_foretold_as_who_knows_nothing():
    """Nobody alike: the person is found among however many; everybody alike: as by signal alone."""
    alone = crowd(60, 0, 0.0, n_kinds=100_000)
    assert found_among(alone, [60], 0.9)[0][60].value == 1
    seen = crowd(200, 0, 3.0, n_kinds=1)
    one, many = (found_among(seen, [n], 0.9)[0][n] for n in (200, 2000))
    assert many.high <= one.high + 1e-9
    assert many.value <= one.value


def test_too_small_a_gallery_foretells_no_larger_one():
    seen = crowd(FORETOLD_FROM - 1, 0, 1.0)
    found, _ = found_among(seen, [20, 1000], 0.9)
    assert list(found) == [20]

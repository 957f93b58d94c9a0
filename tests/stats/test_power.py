"""The smallest leak that is found: exact for rates, and right over simulated attacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from auditor.core.finding import Estimate
from auditor.stats.intervals import wilson
from auditor.stats.power import POWER, Dose, needed_to_find, smallest_found


def rate(k: float, n: int, level: float = 0.9) -> Estimate:
    return Estimate(k / n, *wilson(k, n, level), level, n, None)


def power(true: float, n: int, nothing: float, level: float = 0.9) -> float:
    """How often the whole of Wilson's interval lies beyond nothing, summed over all outcomes."""
    found = [wilson(k, n, level)[0] > nothing for k in range(n + 1)]
    return float(binom.pmf(np.arange(n + 1), n, true)[found].sum())


@pytest.mark.parametrize("n", [20, 100, 300])
@pytest.mark.parametrize("nothing", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_a_rate_that_is_needed_is_found_in_95_of_100_cases_and_no_smaller_one(n, nothing, level):
    needed = needed_to_find([rate(n // 3, n, level)], nothing, rate=True)
    assert power(needed, n, nothing, level) == pytest.approx(POWER, abs=1e-6)
    assert power(0.99 * needed, n, nothing, level) < POWER


def test_a_wider_interval_needs_a_higher_rate():
    narrow = rate(20, 200)
    wide = Estimate(narrow.value, narrow.low / 20, 0.3, 0.9, 200, None)
    unfound = replace(wide, low=0.0)
    needed = [needed_to_find([one], 0.003, rate=True) for one in (narrow, wide, unfound)]
    assert needed == sorted(needed)
    assert needed[0] < needed[1] < needed[2]
    # What was seen and not found is not found.
    assert needed[2] > unfound.value


def test_of_other_numbers_power_is_that_of_a_normal_one():
    error = 0.02
    like = Estimate(0.6, 0.6 - norm.ppf(0.95) * error, 0.63, 0.9, 200, 0.5)
    needed = needed_to_find([like], 0.5, rate=False)
    low = needed - norm.ppf(0.95) * error
    assert norm.cdf((low - 0.5) / error) == pytest.approx(POWER)


def test_an_attack_that_finds_a_quarter_of_what_is_there_finds_only_leaks_four_times_as_large():
    n, nothing = 300, 1 / 300
    there = [30, 90]

    def smallest(share: float) -> float:
        doses = [Dose(rate(k, n), rate(1 + share * (k - 1), n)) for k in there]
        found = smallest_found(doses, nothing, rate=True)
        assert found.low < found.value < found.high
        return found.value - nothing

    assert smallest(0.25) == pytest.approx(4 * smallest(1.0), rel=0.1)


def test_who_finds_more_than_they_who_know_found_what_was_there():
    n = 300
    doses = [Dose(rate(20, n), rate(30, n))]
    needed = needed_to_find([doses[0].found], 1 / n, rate=True)
    assert smallest_found(doses, 1 / n, rate=True).value == pytest.approx(needed)


@pytest.mark.parametrize("found", [0, 1])
def test_an_attack_that_finds_nothing_has_no_smallest_leak(found):
    assert smallest_found([Dose(rate(60, 300), rate(found, 300))], 1 / 300, rate=True) is None


def test_no_rate_is_above_all_people():
    doses = [Dose(rate(30, 40), rate(2, 40))]
    assert smallest_found(doses, 1 / 40, rate=True).value == 1.0


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_over_simulated_proofs_the_smallest_leak_is_right_and_its_interval_covers_it(share):
    n, nothing, truths = 200, 1 / 200, (0.08, 0.18)
    rng = np.random.default_rng(0)
    needed = needed_to_find([rate(20, n)], nothing, rate=True)
    right = nothing + (needed - nothing) / share
    told = []
    for _ in range(400):
        doses = [
            Dose(
                rate(rng.binomial(n, truth), n),
                rate(rng.binomial(n, nothing + share * (truth - nothing)), n),
            )
            for truth in truths
        ]
        told.append(smallest_found(doses, nothing, rate=True))
    assert np.median([one.value for one in told]) == pytest.approx(right, rel=0.2)
    assert np.mean([one.low <= right <= one.high for one in told]) >= 0.85

"""The smallest leak that an attack would have told from what it found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from auditor.core.finding import Estimate
from auditor.stats.power import Dose, smallest_told

Z = norm.ppf(0.95)
SE = 0.03


def read(value: float, se: float = SE) -> Estimate:
    return Estimate(value, value - Z * se, value + Z * se, 0.9, 200, 0.5)


def doses(slope: float, noise: np.ndarray | None = None) -> list[Dose]:
    """An attack that reads half of nothing, and more by `slope` of the leak."""
    every = np.array([0.0, 0.05, 0.1, 0.2, 0.4])
    noise = np.zeros(len(every)) if noise is None else noise
    return [
        Dose(Estimate(leak, leak, leak, 0.9, 200, 0.001), read(0.5 + slope * leak + more))
        for leak, more in zip(every.tolist(), noise.tolist(), strict=True)
    ]


@pytest.mark.parametrize("slope", [0.8, 1.0, 2.0])
@pytest.mark.parametrize("found", [0.4, 0.5, 0.55])
def test_it_is_as_far_above_the_reading_as_two_readings_vary(slope, found):
    one = smallest_told(doses(slope), read(found))
    assert one.value == pytest.approx((max(found, 0.5) - 0.5 + Z * np.hypot(SE, SE)) / slope)


def test_an_attack_that_hears_little_tells_only_large_leaks_and_a_deaf_one_none():
    able, weak = smallest_told(doses(1.0), read(0.5)), smallest_told(doses(0.3), read(0.5))
    assert weak.value > 3 * able.value
    assert smallest_told(doses(0.02), read(0.5)) is None
    # Who reads much of the release itself tells less from it.
    assert smallest_told(doses(0.3), read(0.6)) is None


@pytest.mark.parametrize("leak", [0.0, 0.05, 0.15])
def test_in_95_of_100_releases_what_is_there_is_no_more_than_is_told(leak):
    rng = np.random.default_rng(0)
    told = [
        smallest_told(doses(1.0, rng.normal(0, SE, 5)), read(0.5 + leak + rng.normal(0, SE)))
        for _ in range(600)
    ]
    covered = np.mean([one is None or one.value >= leak for one in told])
    assert covered >= 0.94


def test_what_falls_by_luck_between_doses_is_levelled():
    uneven = doses(1.0)
    uneven[2] = replace(uneven[2], truth=replace(uneven[2].truth, value=0.01, low=0.0, high=0.1))
    one = smallest_told(uneven, read(0.5))
    assert 0 <= one.low <= one.value <= one.high


def test_more_people_tell_smaller_leaks():
    few = smallest_told(doses(1.0), read(0.5)).value
    many = [replace(one, read=read(one.read.value, SE / 3)) for one in doses(1.0)]
    assert smallest_told(many, read(0.5, SE / 3)).value == pytest.approx(few / 3)

"""Sketches of sets, by which two audits are known to be of the same recordings."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from auditor.stats.resemblance import ORDERS, resemblance, sketch


def things(start: int, stop: int) -> list[bytes]:
    return [hashlib.sha256(f"{one}".encode()).digest() for one in range(start, stop)]


@pytest.mark.parametrize("n", [10, 300, 9000])
@pytest.mark.parametrize("shared", [0.0, 0.25, 0.5, 0.8, 1.0])
def test_a_resemblance_is_the_share_of_things_in_common(n, shared):
    # Of 2n − k things in both sets k are in each: k = 2ns / (1 + s).
    k = round(2 * n * shared / (1 + shared))
    truth = k / (2 * n - k)
    found = resemblance(sketch(things(0, n)), sketch(things(n - k, 2 * n - k)))
    # Three standard errors of a share of the orders, of which half agree by luck.
    equal = (1 + truth) / 2
    assert found == pytest.approx(truth, abs=6 * np.sqrt(equal * (1 - equal) / ORDERS))


def test_neither_order_nor_copies_of_things_change_a_sketch():
    some = things(0, 50)
    assert sketch(some) == sketch([*some[::-1], *some[:10]])
    assert len(sketch(some)) == ORDERS / 4


def test_nothing_resembles_nothing():
    assert sketch([]) == ""
    assert resemblance("", "") == resemblance("", sketch(things(0, 9))) == 0


def test_who_holds_one_of_many_things_hardly_sees_it_in_a_sketch():
    """With one thing more a sketch of n changes where that is the first, and every second time."""
    without = sketch(things(0, 100))
    changed = [(1 - resemblance(without, sketch([*things(0, 100), one]))) / 2
               for one in things(200, 260)]  # fmt: skip
    assert np.mean(changed) == pytest.approx(0.5 / 101, abs=0.003)

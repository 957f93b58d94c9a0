"""A second is trusted when a heartbeat could be read from it."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.signal.quality import trusted

FS = 100


@pytest.fixture
def signal() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, (2, 10 * FS)).astype(np.float32)


def test_an_ordinary_signal_is_trusted_throughout(signal):
    assert trusted(signal, FS).shape == (2, 10)
    assert trusted(signal, FS).all()


@pytest.mark.parametrize(
    "defect",
    [
        lambda second: np.full_like(second, 0.7),
        lambda second: np.full_like(second, np.nan),
        lambda second: second * 1000,
        lambda second: np.where(np.arange(len(second)) < 20, np.nan, second),
    ],
    ids=["flat", "missing", "beyond any heart", "a fifth missing"],
)
def test_one_bad_second_of_one_lead_is_not_trusted_and_the_others_are(signal, defect):
    signal[1, 3 * FS : 4 * FS] = defect(signal[1, 3 * FS : 4 * FS])
    seen = trusted(signal, FS)
    assert not seen[1, 3]
    assert seen.sum() == 19


def test_the_last_second_may_be_a_part_of_one(signal):
    assert trusted(signal[:, : 9 * FS + 30], FS).shape == (2, 10)
    assert trusted(signal[:, : 9 * FS + 30], FS).all()

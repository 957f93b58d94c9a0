"""Beats at one heart rate lie on one another whatever the rate was."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.signal.filters import FS
from auditor.signal.segment import AFTER, BEFORE, FIRM, at_one_rate

AT = np.arange(-BEFORE, AFTER)
PLACES = np.arange(-75, 125)


def beat(rr: float) -> np.ndarray:
    """A QRS that is the same at any rate, and a T that comes as Bazett says."""
    qrs = np.exp(-((AT / 5.0) ** 2))
    t = FIRM + (0.28 * FS - FIRM) * np.sqrt(rr)
    return (qrs + 0.3 * np.exp(-(((AT - t) / (12 * np.sqrt(rr))) ** 2)))[None].astype(np.float32)


@pytest.mark.parametrize("rr", [0.6, 0.8, 1.2])
def test_t_waves_of_fast_and_slow_hearts_are_laid_on_one_another(rr):
    signal = np.stack([beat(rr), beat(1.0)])
    one, other = at_one_rate((signal, np.array([rr, 1.0])), PLACES)
    assert one == pytest.approx(other, abs=0.02)


def test_a_beat_at_one_a_second_is_left_as_it_is():
    signal = np.random.default_rng(0).normal(size=(3, 2, len(AT))).astype(np.float32)
    found = at_one_rate((signal, np.ones(3)), PLACES)
    assert found == pytest.approx(signal[:, :, PLACES + BEFORE], abs=1e-6)


def test_stretching_moves_what_lies_outside_the_qrs_alone():
    signal = np.random.default_rng(0).normal(size=(1, 1, len(AT))).astype(np.float32)
    plain, stretched = (at_one_rate((signal, np.ones(1)), PLACES, a, a) for a in (1.0, 1.1))
    firm = np.abs(PLACES) <= FIRM
    assert np.array_equal(plain[..., firm], stretched[..., firm])
    assert not np.allclose(plain[..., ~firm], stretched[..., ~firm])

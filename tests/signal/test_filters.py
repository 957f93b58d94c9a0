"""Filters keep the heartbeat where it was, and take out what is not the heart."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.errors import SignalError
from auditor.signal.filters import FS, clean, mains_frequency


def tone(hz: float, fs: float, seconds: float = 12) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * fs)) / fs)[None].astype(np.float32)


def power(signal: np.ndarray) -> float:
    middle = signal[:, int(2 * FS) : -int(2 * FS)]
    return float(np.sqrt(2 * (middle**2).mean()))


@pytest.mark.parametrize("fs", [100, 200, 250, 257, 360, 500, 1000])
def test_a_wave_inside_the_band_keeps_its_place_and_height_at_any_frequency(fs):
    cleaned = clean(tone(8, fs), fs)
    assert abs(cleaned.shape[1] - 12 * FS) <= 1
    middle = slice(int(3 * FS), int(9 * FS))
    wanted = tone(8, FS)[0]
    assert cleaned[0, middle] == pytest.approx(wanted[middle], abs=0.06)


@pytest.mark.parametrize("mains", [50, 60])
def test_mains_are_found_and_taken_out(mains):
    rng = np.random.default_rng(0)
    signal = tone(8, 500) + tone(mains, 500) + 0.01 * rng.normal(size=(1, 6000))
    assert mains_frequency(signal.astype(np.float64), 500) == mains
    left = clean(signal.astype(np.float32), 500) - clean(tone(8, 500), 500)
    assert power(left) < 0.05


def test_a_signal_without_mains_is_not_notched():
    assert mains_frequency(np.random.default_rng(0).normal(size=(2, 5000)), 500) is None
    assert mains_frequency(np.random.default_rng(0).normal(size=(2, 1000)), 100) is None


def test_wander_is_taken_out():
    assert power(clean(tone(0.1, 250, 60), 250)) < 0.01


def test_missing_samples_stay_missing_and_touch_nothing_far_away():
    signal = tone(8, 500)
    broken = signal.copy()
    broken[0, 2000:2400] = np.nan
    whole, cleaned = clean(signal, 500), clean(broken, 500)
    gap = slice(1000, 1200)
    assert np.isnan(cleaned[0, gap]).all()
    assert not np.isnan(np.delete(cleaned[0], np.arange(995, 1205))).any()
    assert cleaned[0, 1800:2500] == pytest.approx(whole[0, 1800:2500], abs=0.02)


def test_a_lead_that_is_missing_altogether_stays_missing():
    signal = np.vstack([tone(8, 250), np.full((1, 3000), np.nan, np.float32)])
    cleaned = clean(signal, 250)
    assert np.isnan(cleaned[1]).all()
    assert np.isfinite(cleaned[0]).all()


def test_a_frequency_too_low_for_the_band_is_refused():
    with pytest.raises(SignalError, match="Hz"):
        clean(tone(8, 80), 80)

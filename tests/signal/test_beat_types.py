"""Which beats are ectopic or paced: planted ones, and those that cardiologists marked."""

from __future__ import annotations

import numpy as np
import pytest
import wfdb

from auditor.core.beats import Kind
from auditor.signal.beat_types import beat_kinds, likeness
from auditor.signal.filters import FS, clean

NARROW, WIDE = 0.012, 0.040
LEADS = np.array([1.0, 0.7, -0.8])


def waves(r, widths, heights, fs=FS, noise=0.01, seconds=None):
    """Three leads of QRS and T at `r` seconds: Gaussian bells, T against a wide QRS."""
    t = np.arange(round((seconds or r[-1] + 1) * fs)) / fs
    lead = np.zeros(len(t))
    for at, width, height in zip(r, widths, heights, strict=True):
        lead += height * np.exp(-0.5 * ((t - at) / width) ** 2)
        t_height = 0.25 if width == NARROW else -0.3 * height
        lead += t_height * np.exp(-0.5 * ((t - at - 0.28) / 0.05) ** 2)
    leads = LEADS[:, None] * lead
    # A wide beat runs another way through the heart, so it is not the same in all leads.
    noise = np.random.default_rng(0).normal(0, noise, leads.shape)
    return (leads + noise).astype(np.float32)


def sinus(n=20, rr=0.8):
    return 0.6 + rr * np.arange(n)


def kinds(r, widths=None, heights=None, **settings):
    widths = np.full(len(r), NARROW) if widths is None else widths
    heights = np.full(len(r), 1.0) if heights is None else heights
    signal = waves(r, widths, heights, **settings)
    return beat_kinds(signal, np.round(r * FS).astype(int), FS)


def with_pvcs(r, at):
    """Beats `at` come early, wide and upside down; the next one comes when it would have."""
    r, widths, heights = r.copy(), np.full(len(r), NARROW), np.ones(len(r))
    r[at] -= 0.25
    widths[at], heights[at] = WIDE, -1.3
    return r, widths, heights


def test_a_steady_rhythm_is_all_usual():
    assert (kinds(sinus()) == Kind.USUAL).all()


@pytest.mark.parametrize("at", [[5], [5, 11], [1, 18], list(range(1, 20, 3))])
def test_planted_premature_wide_beats_are_ectopic_and_no_others(at):
    seen = kinds(*with_pvcs(sinus(), at))
    assert np.flatnonzero(seen == Kind.ECTOPIC).tolist() == at


def test_in_bigeminy_the_early_half_is_ectopic():
    at = list(range(1, 20, 2))
    assert np.flatnonzero(kinds(*with_pvcs(sinus(), at))).tolist() == at


def test_an_ectopic_beat_that_is_not_early_is_known_by_its_shape():
    widths, heights = np.full(20, NARROW), np.ones(20)
    widths[7], heights[7] = WIDE, -1.3
    assert np.flatnonzero(kinds(sinus(), widths, heights)).tolist() == [7]


def test_an_early_beat_of_the_usual_shape_with_a_pause_after_it_is_ectopic_in_a_regular_rhythm():
    r = sinus()
    r[8] -= 0.25
    assert np.flatnonzero(kinds(r)).tolist() == [8]


def test_irregularity_alone_makes_no_beat_ectopic():
    rng = np.random.default_rng(3)
    r = 0.6 + np.cumsum(rng.uniform(0.45, 1.1, 60))
    assert (kinds(r) == Kind.USUAL).mean() >= 0.98


def test_a_breathing_heart_rate_makes_no_beat_ectopic():
    r = 0.6 + np.cumsum(0.85 + 0.12 * np.sin(2 * np.pi * np.arange(40) / 5))
    assert (kinds(r) == Kind.USUAL).all()


@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_noise_makes_no_beat_ectopic(noise):
    assert (kinds(sinus(), noise=noise) == Kind.USUAL).all()


def test_an_r_peak_that_was_found_a_little_off_makes_no_beat_ectopic():
    r = sinus()
    signal = waves(r, np.full(20, NARROW), np.ones(20))
    off = np.random.default_rng(1).integers(-6, 7, 20)
    assert (beat_kinds(signal, np.round(r * FS).astype(int) + off, FS) == Kind.USUAL).all()


def test_a_beat_is_judged_in_the_leads_that_have_it():
    r, widths, heights = with_pvcs(sinus(), [5])
    signal = waves(r, widths, heights)
    signal[0, : round(8 * FS)] = np.nan
    assert np.flatnonzero(beat_kinds(signal, np.round(r * FS).astype(int), FS)).tolist() == [5]


def test_a_beat_that_no_lead_has_is_taken_for_usual():
    signal = waves(sinus(), np.full(20, NARROW), np.ones(20))
    signal[:, round(4 * FS) : round(5 * FS)] = np.nan
    assert (beat_kinds(signal, np.round(sinus() * FS).astype(int), FS) == Kind.USUAL).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_beats_have_no_usual_rhythm(n):
    r = np.round(sinus()[:n] * FS).astype(int)
    assert beat_kinds(np.zeros((2, 1000), np.float32), r, FS).tolist() == [Kind.USUAL] * n


def test_a_signal_of_zeros_has_no_ectopic_beat():
    r = np.round(sinus() * FS).astype(int)
    assert (beat_kinds(np.zeros((2, 5000), np.float32), r, FS) == Kind.USUAL).all()


def test_kinds_do_not_depend_on_the_gain_or_on_the_order_of_leads():
    r, widths, heights = with_pvcs(sinus(), [5, 11])
    signal, at = waves(r, widths, heights), np.round(r * FS).astype(int)
    seen = beat_kinds(signal, at, FS)
    assert (beat_kinds(signal * 3, at, FS) == seen).all()
    assert (beat_kinds(signal[::-1], at, FS) == seen).all()


def test_likeness_is_one_for_the_same_beat_and_less_for_one_half_as_large():
    heights = np.ones(20)
    heights[4] = 0.5
    t = np.arange(round(20 * FS)) / FS
    bells = np.exp(-0.5 * ((t - sinus()[:, None]) / NARROW) ** 2)
    signal = (heights @ bells)[None].astype(np.float32)
    like = likeness(signal, np.round(sinus() * FS).astype(int), FS, np.zeros(20, bool))
    assert like[5:] == pytest.approx(1.0, abs=1e-3)
    assert like[4] == pytest.approx(2 * 0.5 / (1 + 0.25), abs=1e-3)


@pytest.mark.parametrize("fs", [360, 500, 1000])
def test_planted_spikes_make_beats_paced_and_without_them_none_is(fs):
    r = sinus()
    recorded = waves(r, np.full(20, WIDE), np.ones(20), fs=fs)
    at = np.round(r * FS).astype(int)
    cleaned = clean(recorded, fs)
    assert (beat_kinds(cleaned, at, FS, recorded, fs) == Kind.USUAL).all()
    spikes = np.round((r - 0.11) * fs).astype(int)
    recorded[:, spikes] += 1.5
    assert (beat_kinds(clean(recorded, fs), at, FS, recorded, fs) == Kind.PACED).all()


def test_a_narrow_qrs_is_no_spike():
    recorded = waves(sinus(), np.full(20, 0.006), np.full(20, 1.5), fs=500)
    seen = beat_kinds(clean(recorded, 500), np.round(sinus() * FS).astype(int), FS, recorded, 500)
    assert (seen != Kind.PACED).all()


def marked(data, record):
    """A record of mitdb with the beats that two cardiologists marked, as (kinds, symbols)."""
    path = str(data / "mitdb" / record)
    raw = wfdb.rdrecord(path)
    marks = wfdb.rdann(path, "atr")
    symbols = np.array(marks.symbol)
    beat = np.isin(symbols, list("NLRBAaJSVrFejnE/f"))
    recorded = raw.p_signal.T.astype(np.float32)
    r = np.round(marks.sample[beat] * FS / raw.fs).astype(int)
    return beat_kinds(clean(recorded, raw.fs), r, FS, recorded, raw.fs), symbols[beat]


@pytest.mark.data
@pytest.mark.parametrize("record", ["221", "233"])
def test_ventricular_beats_that_cardiologists_marked_are_ectopic(data, record):
    seen, symbols = marked(data, record)
    assert (seen[symbols == "V"] == Kind.ECTOPIC).mean() > 0.97
    assert (seen[symbols == "N"] == Kind.ECTOPIC).mean() < 0.005


@pytest.mark.data
def test_beats_that_cardiologists_marked_as_paced_are_paced(data):
    seen, symbols = marked(data, "102")
    assert (seen[symbols == "/"] == Kind.PACED).mean() > 0.9
    assert (seen[symbols == "N"] != Kind.PACED).all()


@pytest.mark.data
def test_a_healthy_record_has_no_paced_beat(data):
    seen, symbols = marked(data, "100")
    assert (seen != Kind.PACED).all()
    assert (seen[symbols == "N"] == Kind.ECTOPIC).mean() < 0.005

"""Every beat is found where it is, a wave that is not there is said not to be, and order holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from auditor.core.beats import Beats, Mark
from auditor.core.errors import SignalError
from auditor.core.record import Record
from auditor.signal.delineate import delineate, delineate_batch
from auditor.signal.filters import FS, clean
from auditor.targets.release import Release

#: Where the waves of a simulated beat stand after R, how wide and how high they are: s, s, mV.
WAVES = {
    "p": (-0.16, 0.022, 0.15),
    "q": (-0.025, 0.008, -0.1),
    "r": (0.0, 0.010, 1.0),
    "s": (0.025, 0.008, -0.2),
    "t": (0.27, 0.045, 0.3),
}


def heartbeats(
    bpm: float = 70,
    fs: float = 500,
    seconds: float = 12,
    without: str = "",
    gains: tuple[float, ...] = (1.0,),
    noise_mv: float = 0.005,
    first_s: float = 0.6,
) -> tuple[Record, np.ndarray]:
    """A simulated record, and where its R peaks are, in seconds.

    Distances shrink with the square root of the distance between beats, as QT does.
    """
    rng = np.random.default_rng(0)
    times = np.arange(int(seconds * fs)) / fs
    r = np.arange(first_s, seconds - 0.4, 60 / bpm)
    squeeze = min(np.sqrt(60 / bpm), 1.1)
    lead = np.zeros_like(times)
    for name, (after, width, height) in WAVES.items():
        if name in without:
            continue
        scale = squeeze if name in "pt" else 1.0
        at = r[:, None] + after * scale
        lead += (height * np.exp(-((times - at) ** 2) / (2 * (width * scale) ** 2))).sum(axis=0)
    signal = np.outer(gains, lead) + noise_mv * rng.normal(size=(len(gains), len(times)))
    names = ("II", "V2", "V5", "I")[: len(gains)]
    return Record("a", "a", "a", signal.astype(np.float32), fs, names), r


def missed(beats: Beats, r: np.ndarray, within_s: float = 0.02) -> int:
    """How many beats were not found where they are, or were found where none is."""
    found = beats["r"] / beats.fs
    away = np.abs(found[:, None] - r)
    return int((away.min(axis=0) > within_s).sum() + (away.min(axis=1) > 0.1).sum())


@pytest.mark.parametrize("bpm", [30, 45, 70, 100, 150, 200])
def test_beats_are_found_from_30_to_200_a_minute(bpm):
    record, r = heartbeats(bpm)
    assert missed(delineate(record), r) == 0


@pytest.mark.parametrize("fs", [100, 128, 250, 257, 360, 500, 1000])
def test_beats_are_found_at_any_sampling_frequency(fs):
    record, r = heartbeats(fs=fs)
    beats = delineate(record)
    assert missed(beats, r) == 0
    assert (beats.marks == Mark.FOUND).mean() > 0.9


@pytest.mark.parametrize("gains", [(1.0,), (-1.0,), (1.0, -0.5), (0.3, 1.0, -1.0, 0.02)])
def test_one_lead_or_several_upright_or_inverted(gains):
    record, r = heartbeats(gains=gains)
    beats = delineate(record)
    assert missed(beats, r) == 0
    assert [lead.lead for lead in beats.leads] == list(record.leads)
    assert all(len(lead) == len(beats) for lead in beats.leads)


def test_fiducials_stand_where_the_waves_are():
    record, r = heartbeats()
    beats = delineate(record).leads[0]
    inner = slice(1, -1)
    for name, after in (("p", -0.16), ("r", 0.0), ("t", 0.27)):
        squeeze = np.sqrt(60 / 70) if name != "r" else 1.0
        error_s = beats[name][inner] / FS - (r + after * squeeze)[inner]
        assert np.abs(error_s).max() < 0.012, name
    assert 0.06 < np.median(beats["qrs_off"] - beats["qrs_on"]) / FS < 0.13
    assert 0.25 < np.median(beats["t_off"] - beats["qrs_on"]) / FS < 0.48


def test_a_heart_without_p_waves_is_given_none():
    record, r = heartbeats(without="p")
    beats = delineate(record)
    assert missed(beats, r) == 0
    assert (beats.marks[:, 0] != Mark.FOUND).all()
    assert np.isnan(beats["p"]).all()
    assert (beats.marks[1:-1, 2] == Mark.FOUND).all()


def test_wander_mains_spikes_and_gaps_cost_no_beats():
    record, r = heartbeats(seconds=20)
    times = np.arange(record.n_samples) / record.fs
    signal = record.signal.copy()
    signal[0] += (0.5 * np.sin(2 * np.pi * 0.25 * times)).astype(np.float32)
    signal[0] += (0.1 * np.sin(2 * np.pi * 50 * times)).astype(np.float32)
    signal[0, [3210, 3211]] += 4.0
    signal[0, 5050:5250] = np.nan
    beats = delineate(Record("a", "a", "a", signal, record.fs, record.leads))
    gap = (r > 10.0) & (r < 10.6)
    found = beats["r"] / FS
    away = np.abs(found[:, None] - r).min(axis=0)
    assert (away[~gap] < 0.03).all()
    assert np.isnan(beats.fiducials).sum() < np.isnan(beats.fiducials).size * 0.15


def test_nothing_is_placed_where_nothing_was_recorded():
    record, _ = heartbeats(gains=(1.0, 0.8))
    signal = record.signal.copy()
    signal[0, 2000:3000] = np.nan
    signal[1, :] = 0.0
    beats = delineate(Record("a", "a", "a", signal, record.fs, record.leads))
    broken, dead = beats.leads
    inside = (broken.fiducials > 4.0 * FS + 1) & (broken.fiducials < 6.0 * FS - 1)
    assert not inside.any()
    assert np.isnan(dead.fiducials).all()
    assert (dead.marks == Mark.UNCERTAIN).all()


@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.0])
def test_a_record_shorter_than_three_beats_is_refused(seconds):
    record, _ = heartbeats(seconds=seconds, first_s=0.1, bpm=70)
    with pytest.raises(SignalError, match="beats"):
        delineate(record)


@pytest.mark.parametrize("value", [0.0, 1.5, np.nan])
def test_a_record_of_one_value_is_refused(value):
    signal = np.full((2, 5000), value, dtype=np.float32)
    with pytest.raises(SignalError, match="0 beats"):
        delineate(Record("a", "a", "a", signal, 500, ("I", "II")))


def test_noise_alone_is_seldom_taken_for_a_heart():
    rng = np.random.default_rng(0)
    signal = clean(rng.normal(size=(8, 1, 5000)).astype(np.float32), 500)
    n_beats = [len(beats) for beats in delineate_batch(signal, ("I",))]
    assert np.mean(n_beats) < 3


def test_a_batch_finds_what_one_record_at_a_time_does():
    records = [heartbeats(bpm, gains=(1.0, -0.4))[0] for bpm in (50, 80, 130)]
    signals = np.stack([clean(record.signal, record.fs) for record in records])
    for beats, record in zip(delineate_batch(signals, records[0].leads), records, strict=True):
        alone = delineate(record)
        assert beats.fiducials == pytest.approx(alone.fiducials, abs=0.01, nan_ok=True)
        assert (beats.marks == alone.marks).all()


def test_a_long_record_has_no_seams():
    record, r = heartbeats(seconds=95, bpm=73)
    beats = delineate(record)
    assert missed(beats, r) == 0
    assert (beats.marks[1:-1] == Mark.FOUND).mean() > 0.98
    assert not beats.disordered.any()


def moved(before: Beats, after: Beats, by_s: float = 0.0) -> np.ndarray:
    """How far fiducials that both have were moved, in ms, beyond what they should have been."""
    shift = by_s * FS
    nearest = np.abs(before["r"][:, None] + shift - after["r"]).argmin(axis=1)
    away = (after.fiducials[nearest] - before.fiducials - shift) * 1000 / FS
    away = away[np.abs(away[:, 4]) < 100]
    return np.abs(away[~np.isnan(away)])


@pytest.fixture(scope="module")
def recordings(real: Callable[[str], Release]) -> list[Record]:
    dataset = real("ludb").dataset
    return [dataset.read(name) for name in dataset.manifest["record"].iloc[:20]]


def test_gain_and_polarity_move_nothing(recordings):
    for record in recordings[:6]:
        before = delineate(record)
        for factor in (0.1, 7.0, -1.0):
            signal = (record.signal * factor).astype(np.float32)
            after = delineate(Record("a", "a", "a", signal, record.fs, record.leads))
            assert len(after) == len(before)
            assert moved(before, after).max() < 0.5


def test_resampling_moves_fiducials_by_less_than_4_ms(recordings):
    away = []
    for record in recordings:
        half = clean(record.signal, record.fs)
        again = Record("a", "a", "a", half, FS, record.leads)
        before, after = delineate(record), delineate(again)
        away.append(moved(before, after))
    away = np.concatenate(away)
    assert np.median(away) < 1.0
    assert np.quantile(away, 0.99) < 4.0


def test_a_shift_moves_fiducials_along_within_4_ms(recordings):
    away = []
    for record in recordings:
        before = delineate(record)
        for cut in (7, 50, 131):
            later = Record("a", "a", "a", record.signal[:, cut:], record.fs, record.leads)
            away.append(moved(before, delineate(later), -cut / record.fs))
    away = np.concatenate(away)
    assert np.median(away) < 2.0
    assert np.quantile(away, 0.9) < 4.0


#: The longest recordings, and the many, are all beaten through in minutes.
LONG = ("mitdb", "ptb-xl")
FOLDERS = [
    "ecgiddb",
    "ludb",
    "mitdb",
    "qtdb",
    "ptb-xl",
    "challenge-2021",
    "cpsc2021",
    "wfdb-samples",
]


@pytest.mark.parametrize(
    "folder",
    [pytest.param(one, marks=pytest.mark.slow) if one in LONG else one for one in FOLDERS],
)
def test_no_beat_of_any_recording_stands_in_an_impossible_order(real, folder):
    dataset = real(folder).dataset
    n_beats = n_refused = 0
    for record_id in dataset.manifest["record"]:
        record = dataset.read(record_id)
        try:
            beats = delineate(record)
        except SignalError:
            n_refused += 1
            continue
        n_beats += len(beats)
        for one in (beats, *beats.leads):
            assert not one.disordered.any(), record_id
            lost = np.repeat(one.marks != Mark.FOUND, 3, axis=1)
            assert np.array_equal(np.isnan(one.fiducials), lost)
        assert not np.isnan(beats["r"]).any()
    assert n_beats > 0
    # Of these, some hold no heart, or less than three beats of one.
    assert n_refused <= (0.6 if folder == "wfdb-samples" else 0.01) * len(dataset.manifest)

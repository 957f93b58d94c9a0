"""The delineator is taught what was marked, and judged on people whom it was not taught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from auditor.signal import filters
from auditor.signal.delineate import network
from auditor.signal.network import STEP, Evidence
from auditor.training import delineator
from auditor.training.delineator import (
    LENGTH,
    DelineatorTraining,
    Lesson,
    folds,
    nothing,
    train_delineator,
    varied,
)

SHAPE = np.array([-50.0, -38, -26, -11, 0, 11, 39, 64, 89])
FOLDS = Path(__file__).parents[1] / "benchmarks" / "folds"


def lesson(n_leads: int = 2) -> Lesson:
    """Waves that are bumps, each between its marks."""
    beat = np.arange(200.0, LENGTH - 200, 210)
    signal = np.zeros((n_leads, LENGTH), dtype=np.float32)
    at = np.arange(LENGTH)
    for r in beat:
        for wave, height in ((0, 0.2), (3, 1.0), (6, 0.4)):
            on, peak, off = r + SHAPE[wave : wave + 3]
            signal += (height * np.exp(-((at - peak) ** 2) / (2 * ((off - on) / 5) ** 2))).astype(
                np.float32
            )
    fiducials = np.broadcast_to(beat[:, None, None] + SHAPE, (len(beat), n_leads, 9)).copy()
    present = np.ones((len(beat), n_leads, 2))
    return Lesson(signal, beat, fiducials, present, (beat[0] - 60, beat[-1] + 100))


@pytest.mark.parametrize("seed", range(12))
def test_however_a_lesson_is_varied_its_marks_stay_on_its_waves(seed, monkeypatch):
    monkeypatch.setattr(delineator.torch, "randn", lambda *a, **k: torch.zeros(*a))
    rng = np.random.default_rng(seed)
    one = varied(lesson(), rng)
    assert one.signal.shape == (2, LENGTH)
    live = np.flatnonzero(np.abs(one.signal).max(axis=1) > 0)
    assert len(live) >= 1
    for lead in live:
        for mark in one.fiducials[:, lead]:
            on, r, off = mark[3:6]
            if np.isnan(r) or on < 0 or off > LENGTH - 1:
                continue
            inside = one.signal[lead, int(np.ceil(on)) : int(off) + 1]
            if not np.abs(inside).max() > 0.3:  # a gap was made here
                continue
            assert abs(int(np.ceil(on)) + np.abs(inside).argmax() - r) <= 3
    there = one.waves[~np.isnan(one.waves)]
    assert set(there) <= {0.0, 1.0}
    assert (np.diff(one.beat) > 100).all()


def test_a_wave_that_is_taken_out_is_gone_and_said_to_be():
    one = delineator._without(lesson(), 0, np.random.default_rng(0))
    assert np.isnan(one.fiducials[..., :3]).all()
    assert (one.waves[..., 0] == 0).all()
    assert (one.waves[..., 1] == 1).all()
    p = np.rint(lesson().fiducials[:, 0, 1]).astype(int)
    assert np.abs(one.signal[:, p]).max() < 0.05
    assert lesson().signal[:, p].min() > 0.15


def test_a_pause_moves_what_comes_after_it_and_nothing_else():
    before, after = lesson(), delineator._paused(lesson(), np.random.default_rng(1))
    longer = after.signal.shape[1] - before.signal.shape[1]
    assert longer > 0
    assert after.beat[0] == before.beat[0]
    assert after.beat[-1] == before.beat[-1] + longer
    for place in (1, 4, 7):
        at = np.rint(after.fiducials[:, 0, place]).astype(int)
        was = np.rint(before.fiducials[:, 0, place]).astype(int)
        assert after.signal[0, at] == pytest.approx(before.signal[0, was])


def test_where_there_is_no_heart_there_is_nothing_to_mark():
    for one in nothing(20, np.random.default_rng(0)):
        assert len(one.beat) == 0
        assert one.known == (-np.inf, np.inf)


def test_every_subject_is_judged_once():
    fold = folds(150)
    assert sorted(np.bincount(fold)) == [30] * 5
    assert (folds(150) == fold).all()


def test_lessons_teach_and_the_same_seed_teaches_the_same():
    lessons = [replace(lesson(), subject=str(k)) for k in range(8)]
    training = DelineatorTraining(epochs=12, batch=4, ema_decay=0.5)
    weak = (nothing(4, np.random.default_rng(0)),)
    one, again = (train_delineator(lessons, weak, training, seed=1) for _ in range(2))
    for name, value in one.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    rng = np.random.default_rng(5)
    losses = []
    for network_ in (Evidence(), one):
        with torch.no_grad():
            losses.append(float(delineator._loss(network_, lessons[:4], 0.9, rng)))
    assert losses[1] < 0.8 * losses[0]


def test_no_two_of_the_networks_that_ship_are_the_same():
    shipped = Path(filters.__file__).with_name("delineator.safetensors")
    seen = [load_file(path)["stem.weight"] for path in (shipped, *sorted(FOLDS.iterdir()))]
    assert len(seen) == 6
    for place, one in enumerate(seen):
        assert all(not torch.equal(one, other) for other in seen[place + 1 :])
    for path in FOLDS.iterdir():
        fiducials, beat, _ = network(path)(torch.zeros(1, 1, 200))
        assert fiducials.shape == (1, 1, 200 // STEP, 9)
        assert beat.shape == (1, 200 // STEP)


@pytest.mark.slow
def test_ludb_becomes_one_lesson_a_subject(data):
    lessons = delineator.ludb(data / "ludb")
    assert len(lessons) == len({one.subject for one in lessons}) == 150
    for one in lessons[:30]:
        assert one.fiducials.shape == (len(one.beat), 12, 9)
        qrs = one.fiducials[..., 3:6]
        known = ~np.isnan(qrs).any(axis=2)
        assert known.mean() > 0.7  # some leads lack a mark here and there
        assert (np.diff(qrs[known], axis=1) >= 0).all()
        assert (np.diff(one.beat) > 40).all()

"""The transformer learns what is there, stops in time, repeats itself, disturbs nobody."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.attackers import vit
from auditor.attackers.transformer import Labels, ViTConfig, create, embed, predict
from auditor.attackers.vit import train_vit
from auditor.learning import device
from auditor.learning.artifact import load, save
from auditor.targets.context import ViTTraining

N_PEOPLE, EACH = 6, 24


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Windows of six people whose bumps stand in different places."""
    rng = np.random.default_rng(0)
    at = np.arange(200)
    rows = [
        np.exp(-(((at - 60 - 15 * person) / 8.0) ** 2)) + 0.2 * rng.normal(size=200)
        for person in np.repeat(np.arange(N_PEOPLE), EACH)
    ]
    return np.array(rows, dtype=np.float32)[:, None]


PERSON = np.repeat(np.arange(N_PEOPLE), EACH)
HELD = np.arange(len(PERSON)) % 4 == 0
CONFIG = ViTConfig(
    n_leads=1, n_samples=200, patch=10, width=32, depth=1, heads=2, head_dim=16, n_ids=N_PEOPLE
)
TRAINING = ViTTraining(epochs=30, batch=24, learning_rate=3e-3, patience=30)
#: Of 108 windows, in batches of 24.
PER_EPOCH = 5


def trained(windows: np.ndarray, seed: int = 0, training: ViTTraining = TRAINING, **settings):
    rng = np.random.default_rng(seed)
    model = create(CONFIG, rng)
    labels = Labels.of(PERSON, identity=PERSON)
    history = train_vit(
        model, lambda i: windows[i], labels, np.flatnonzero(~HELD), np.flatnonzero(HELD),
        training, rng=rng, **settings,
    )  # fmt: skip
    return model, history


def test_it_tells_apart_people_it_was_shown_on_windows_it_was_not(windows):
    model, history = trained(windows)
    said = predict(model, lambda i: windows[HELD][i], int(HELD.sum())).identity
    assert (said.argmax(axis=1) == PERSON[HELD]).mean() > 0.9
    assert np.mean(history.loss[-PER_EPOCH:]) < np.mean(history.loss[:PER_EPOCH])


def test_the_same_stream_gives_the_same_weights_and_another_gives_others(windows):
    one, again, other = (trained(windows, seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_windows_that_are_kept_on_the_device_teach_the_same(windows, monkeypatch):
    """What a GPU does with data that fits it, done on the CPU: no window is gathered twice."""
    training = ViTTraining(epochs=3, batch=24, mix=0.5, patience=3)
    plain = trained(windows, training=training)[0].state_dict()
    monkeypatch.setattr(vit, "preload", device._all_windows)
    monkeypatch.setattr(device, "_AT_ONCE", 50)
    kept = trained(windows, training=training)[0].state_dict()
    assert all(torch.equal(plain[name], kept[name]) for name in plain)


def test_torchs_own_stream_is_left_as_it_was(windows):
    before = torch.random.get_rng_state()
    trained(windows, training=ViTTraining(epochs=1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_it_ends_with_the_weights_of_its_best_epoch_and_stops_when_it_gets_no_better(windows):
    training = ViTTraining(epochs=40, batch=24, learning_rate=3e-3, patience=3)
    model, history = trained(windows, training=training)
    assert history.best == int(np.argmin(history.validation))
    assert len(history.validation) <= history.best + 1 + 3
    assert len(history.loss) == PER_EPOCH * len(history.validation)
    assert not model.training


def test_the_weights_it_ends_with_are_those_the_best_epoch_had(windows):
    """Shown other labels in validation, training only makes it worse, so an early epoch is best."""
    seen: list[float] = []
    rng = np.random.default_rng(0)
    model = create(CONFIG, rng)
    identity = np.where(HELD, (PERSON + 1) % N_PEOPLE, PERSON)
    labels = Labels.of(PERSON, identity=identity)
    held = np.flatnonzero(HELD)
    history = train_vit(
        model, lambda i: windows[i], labels, np.flatnonzero(~HELD), held,
        ViTTraining(epochs=30, batch=24, learning_rate=3e-3, patience=4),
        rng=rng, progress=lambda step, steps, loss: seen.append(loss),
    )  # fmt: skip
    said = predict(model, lambda i: windows[held][i], len(held)).identity
    kept = -said[np.arange(len(held)), identity[held]].mean()
    assert kept == pytest.approx(min(history.validation), abs=1e-4)
    assert history.validation[-1] > min(history.validation) + 0.01
    assert len(history.validation) == history.best + 1 + 4 < 30
    assert seen == history.loss


def test_progress_is_told_each_step_of_as_many_as_there_are_at_most(windows):
    told = []
    settings = {"training": ViTTraining(epochs=3, batch=24), "per_epoch": 40}
    trained(windows, **settings, progress=lambda *step: told.append(step[:2]))
    assert told == [(step, 6) for step in range(1, 7)]


def test_nothing_to_learn_from_or_to_validate_on_is_refused(windows):
    model, labels = create(CONFIG, np.random.default_rng(0)), Labels.of(PERSON, identity=PERSON)
    some, none = np.arange(9), np.arange(0)
    for train, validation in ((none, some), (some, none)):
        with pytest.raises(ValueError, match="nothing to train on"):
            train_vit(
                model, lambda i: windows[i], labels, train, validation, TRAINING,
                rng=np.random.default_rng(0),
            )  # fmt: skip


def test_a_model_comes_back_from_disk_as_it_was(windows, tmp_path):
    model, _ = trained(windows)
    save(model, tmp_path / "encoder.safetensors")
    loaded = load(tmp_path / "encoder.safetensors")
    one, two = (embed(m, lambda i: windows[i], 20) for m in (model, loaded))
    assert np.array_equal(one, two)
    assert loaded.config == model.config


@pytest.mark.gpu
def test_a_gpu_in_mixed_precision_learns_the_same(windows):
    model, _ = trained(windows, device="cuda")
    said = predict(model, lambda i: windows[HELD][i], int(HELD.sum()), device="cuda").identity
    assert (said.argmax(axis=1) == PERSON[HELD]).mean() > 0.9

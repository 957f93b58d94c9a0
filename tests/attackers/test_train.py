"""One loop for all: it learns what is there, stops in time, repeats itself, disturbs nobody."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.attackers import train
from auditor.attackers.infer import embed, predict
from auditor.attackers.loss import Labels
from auditor.attackers.train import fit
from auditor.attackers.transformer import MODELS, ViTConfig, create
from auditor.core.errors import ModelError
from auditor.learning.artifact import load, save
from auditor.learning.schedule import Recipe

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
RECIPE = Recipe(epochs=30, batch=24, learning_rate=3e-3, patience=30)


def trained(windows: np.ndarray, seed: int = 0, **more):
    rng = np.random.default_rng(seed)
    model = create(CONFIG, rng)
    labels = Labels.of(PERSON, identity=PERSON)
    settings = {"recipe": RECIPE} | more
    history = fit(
        model, lambda i: windows[i], labels, np.flatnonzero(~HELD), np.flatnonzero(HELD),
        rng=rng, **settings,
    )  # fmt: skip
    return model, history


def test_it_tells_apart_people_it_was_shown_on_windows_it_was_not(windows):
    model, history = trained(windows)
    said = predict(model, lambda i: windows[HELD][i], int(HELD.sum())).identity
    assert (said.argmax(axis=1) == PERSON[HELD]).mean() > 0.9
    assert history.loss[-1] < history.loss[0]


def test_the_same_stream_gives_the_same_weights_and_another_gives_others(windows):
    one, again, other = (trained(windows, seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_windows_that_are_kept_on_the_device_teach_the_same(windows, monkeypatch):
    """What a GPU does with data that fits it, done on the CPU: no window is gathered twice."""
    recipe = Recipe(epochs=3, batch=24, mix=0.5, patience=3)
    plain = trained(windows, recipe=recipe)[0].state_dict()
    monkeypatch.setattr(train, "resident", train._all_windows)
    monkeypatch.setattr(train, "_AT_ONCE", 50)
    kept = trained(windows, recipe=recipe)[0].state_dict()
    assert all(torch.equal(plain[name], kept[name]) for name in plain)


def test_a_cpu_keeps_no_copy_of_the_windows(windows):
    assert train.resident(lambda i: windows[i], len(windows), torch.device("cpu")) is None


def test_torchs_own_stream_is_left_as_it_was(windows):
    before = torch.random.get_rng_state()
    trained(windows, recipe=Recipe(epochs=1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_it_ends_with_the_weights_of_its_best_epoch_and_stops_when_it_gets_no_better(windows):
    model, history = trained(
        windows, recipe=Recipe(epochs=40, batch=24, learning_rate=3e-3, patience=3)
    )
    assert history.best == int(np.argmin(history.validation))
    assert len(history.validation) <= history.best + 1 + 3
    assert not model.training


def test_the_weights_it_ends_with_are_those_the_best_epoch_had(windows):
    """Shown other labels in validation, training only makes it worse, so an early epoch is best."""
    seen: list[float] = []
    rng = np.random.default_rng(0)
    model = create(CONFIG, rng)
    identity = np.where(HELD, (PERSON + 1) % N_PEOPLE, PERSON)
    labels = Labels.of(PERSON, identity=identity)
    held = np.flatnonzero(HELD)
    history = fit(
        model, lambda i: windows[i], labels, np.flatnonzero(~HELD), held,
        rng=rng, recipe=Recipe(epochs=30, batch=24, learning_rate=3e-3, patience=4),
        progress=lambda epoch, epochs, loss: seen.append(loss),
    )  # fmt: skip
    said = predict(model, lambda i: windows[held][i], len(held)).identity
    kept = -said[np.arange(len(held)), identity[held]].mean()
    assert kept == pytest.approx(min(history.validation), abs=1e-4)
    assert history.validation[-1] > min(history.validation) + 0.01
    assert len(seen) == history.best + 1 + 4 < 30


def test_progress_is_told_each_epoch(windows):
    told = []
    trained(windows, recipe=Recipe(epochs=3), progress=lambda *step: told.append(step[:2]))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_rows_come_back_in_order_whatever_the_batch(windows):
    model = create(CONFIG, np.random.default_rng(0))
    whole = embed(model, lambda i: windows[i], len(windows), batch=500)
    parts = embed(model, lambda i: windows[i], len(windows), batch=7)
    assert parts == pytest.approx(whole, abs=1e-5)
    turned = embed(model, lambda i: windows[::-1][i], len(windows), batch=50)
    assert turned[::-1] == pytest.approx(whole, abs=1e-5)


def test_missing_samples_give_finite_answers(windows):
    model = create(CONFIG, np.random.default_rng(0))
    broken = windows[:3].copy()
    broken[0], broken[1, 0, 50:90] = np.nan, np.nan
    assert np.isfinite(embed(model, lambda i: broken[i], 3)).all()


def test_a_model_comes_back_from_disk_as_it_was(windows, tmp_path):
    model, _ = trained(windows)
    save(model, tmp_path / "encoder.safetensors")
    loaded = load(tmp_path / "encoder.safetensors")
    one, two = (embed(m, lambda i: windows[i], 20) for m in (model, loaded))
    assert np.array_equal(one, two)
    assert loaded.config == model.config


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n"),
        lambda path: path.unlink(),
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_text("{}"),
        lambda path: path.with_suffix(".json").write_text(
            path.with_suffix(".json").read_text().replace('"width": 32', '"width": 64')
        ),
    ],
    ids=["truncated", "a pickle", "no weights", "no shape", "an empty shape", "another shape"],
)
def test_a_model_file_that_is_wrong_is_one_clear_line(tmp_path, spoil):
    path = tmp_path / "encoder.safetensors"
    save(create(CONFIG, np.random.default_rng(0)), path)
    spoil(path)
    with pytest.raises(ModelError) as error:
        load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["strip", "beat"])
def test_each_named_variant_answers_every_question(name):
    config = MODELS[name](n_leads=2, n_ids=4, sex=True, age=True)
    model = create(config, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(3, 2, config.n_samples)).astype(np.float32)
    said = predict(model, lambda i: x[i], 3)
    assert said.identity.shape == (3, 4)
    assert said.sex.shape == said.age.shape == (3,)
    assert said.embedding.shape == (3, 128)
    assert config.n_patches == {"strip": 100, "beat": 40}[name]


@pytest.mark.gpu
def test_a_gpu_in_mixed_precision_learns_the_same(windows):
    model, _ = trained(windows, device="cuda", precision="bf16-mixed")
    said = predict(model, lambda i: windows[HELD][i], int(HELD.sum()), device="cuda").identity
    assert (said.argmax(axis=1) == PERSON[HELD]).mean() > 0.9

"""A model file that a stranger wrote is held against its own description before it is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.attackers.transformer import ViTConfig, create
from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.learning import artifact

CONFIG = ViTConfig(n_leads=2, n_samples=40, patch=5, width=24, depth=1, heads=3, head_dim=8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    artifact.save(create(CONFIG, stream(0, "artifact")), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def respell(path: Path, **settings: object) -> None:
    described = json.loads(path.with_suffix(".json").read_text())
    described["config"] |= settings
    path.with_suffix(".json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n"),
        lambda path: path.unlink(),
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_text("{}"),
        lambda path: path.with_suffix(".json").write_text(
            path.with_suffix(".json").read_text().replace('"width": 24', '"width": 64')
        ),
    ],
    ids=["truncated", "a pickle", "no weights", "no shape", "an empty shape", "another shape"],
)
def test_a_model_file_that_is_wrong_is_one_clear_line(path, spoil):
    spoil(path)
    with pytest.raises(ModelError) as refusal:
        artifact.load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 10**9},
        {"width": -1},
        {"width": "24"},
        {"sex": 1},
        {"patch": 7},
        {"dropout": float("nan")},
        {"scale": float("inf")},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_is_refused(path, settings):
    respell(path, **settings)
    with pytest.raises(ModelError) as refusal:
        artifact.load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda held: held.pop("norm.weight"), "norm.weight"),
        (lambda held: held.update(more=torch.zeros(1)), "more"),
        (lambda held: held.update({"norm.weight": torch.zeros(24, dtype=torch.float64)}), "F64"),
        (lambda held: held.update({"norm.weight": torch.zeros(25)}), "25"),
        (lambda held: held["norm.weight"].fill_(torch.nan), "finite"),
    ],
    ids=["one missing", "one more", "other numbers", "other shape", "not finite"],
)
def test_tensors_that_do_not_fit_the_configuration_are_refused(path, change, said):
    held = load_file(path)
    change(held)
    save_file(held, path)
    with pytest.raises(ModelError, match=said):
        artifact.load(path)


def test_a_file_larger_than_any_model_of_ours_is_refused_unread(path, monkeypatch):
    monkeypatch.setattr(artifact, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="more than the 1000"):
        artifact.load(path)


def test_another_kind_of_file_is_neither_read_nor_written(path):
    for use in (artifact.load, lambda to: artifact.save(create(CONFIG, stream(0, "")), to)):
        with pytest.raises(ModelError, match="safetensors"):
            use(path.with_suffix(".pt"))
    assert not path.with_suffix(".pt").exists()


def test_a_loaded_model_can_be_asked_and_trained_on(path):
    model = artifact.load(path)
    assert not model.training
    model(torch.zeros(1, 2, 40)).embedding.sum().backward()
    assert model.patches.weight.grad is not None

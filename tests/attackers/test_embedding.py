"""The shipped network reads any number of leads, and is kept from the people it was taught on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from auditor.attackers import embedding
from auditor.attackers.embedding import EMBEDDING, Embedder, embed, load, save, trained_without
from auditor.core.errors import ModelError
from auditor.signal.segment import AFTER, BEFORE


def test_a_release_whose_people_every_network_knows_has_none(monkeypatch):
    one = embedding.Shipped(Path("w.safetensors"), frozenset({"x"}))
    monkeypatch.setattr(embedding, "shipped", lambda: [one])
    assert trained_without("y") is one
    with pytest.raises(ModelError, match="people of x"):
        trained_without("x")


def beats(n: int, n_leads: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, n_leads, BEFORE + AFTER)).astype(np.float32), np.full(n, 0.9)


def test_any_number_of_leads_is_read_each_as_a_direction():
    model = Embedder().eval()
    for n_leads in (1, 2, 12):
        row = embed(model, beats(9, n_leads), np.random.default_rng(0))
        lengths = np.linalg.norm(row.reshape(n_leads, EMBEDDING), axis=1)
        assert lengths == pytest.approx(np.ones(n_leads), abs=1e-5)
    assert np.isnan(embed(model, beats(0, 2), np.random.default_rng(0))).all()


def test_a_lead_is_read_the_same_beside_whichever_others():
    model, both = Embedder().eval(), beats(9, 2)
    row = embed(model, both, np.random.default_rng(0))
    alone = embed(model, (both[0][:, 1:], both[1]), np.random.default_rng(0))
    assert row[EMBEDDING:] == pytest.approx(alone, abs=1e-5)


def test_weights_come_back_to_half_precision_and_others_are_refused(tmp_path):
    model = Embedder()
    save(model, tmp_path / "w.safetensors")
    again = load(tmp_path / "w.safetensors")
    for name, weights in model.state_dict().items():
        assert again.state_dict()[name] == pytest.approx(weights.half().float())
    save_file({"other": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="not the weights"):
        load(tmp_path / "x.safetensors")


def test_shipped_weights_load_and_a_release_is_met_by_ones_that_do_not_know_it():
    folder = Path(embedding.__file__).with_name("weights")
    names = {
        name for card in folder.glob("*.json") for name in json.loads(card.read_text())["taught_on"]
    }
    assert {"ptb-xl", "ludb"} <= names
    for name in ["ecgiddb", "ptb-xl", "a hospital's own"]:
        chosen = trained_without(name)
        assert name not in chosen.taught_on
        assert chosen.path.stat().st_size < 10_000_000
        assert isinstance(load(chosen.path), Embedder)

"""A network taught to tell some people apart tells others apart, and only people who differ."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from auditor.attackers import embedding
from auditor.attackers.embedding import (
    EMBEDDING,
    PLACES,
    Embedder,
    embed,
    load,
    save,
    trained_without,
)
from auditor.core.errors import DataError, ModelError
from auditor.signal.segment import AFTER, BEFORE
from auditor.training import metric
from auditor.training.metric import LEADS, Person, Recipe, another_day, teach, told_apart

TINY = Recipe(steps=120, people=24, rate=2e-3)
KEPT = metric._KEPT


def somebody(k: int, n_leads: int = 1) -> Person:
    """A heart of three waves in one lead or all, recorded twice."""
    rng = np.random.default_rng(k)
    place = np.array([-40, 0, 65]) + rng.normal(0, [5, 0, 8])
    width = np.array([8, 4, 14]) * np.exp(rng.normal(0, 0.2, 3))
    height = np.array([0.15, 1.0, 0.3]) * np.exp(rng.normal(0, 0.4, (n_leads, 3)))
    waves = np.exp(-(((KEPT - place[:, None]) / width[:, None]) ** 2))
    beats = np.stack([height @ waves] * 6) + rng.normal(0, 0.02, (6, n_leads, len(KEPT)))
    leads = np.arange(len(LEADS)) if n_leads > 1 else np.array([0])
    return Person(leads, (beats[:3].astype(np.float32), beats[3:].astype(np.float32)))


def test_a_taught_network_tells_people_apart_whom_it_never_saw():
    model = teach([[somebody(k) for k in range(60)]], TINY, 0)
    others = [somebody(k) for k in range(1000, 1030)]
    cut = slice(int(PLACES[0] - KEPT[0]), int(PLACES[0] - KEPT[0]) + len(PLACES))
    with torch.inference_mode():
        one, other = (
            model(torch.from_numpy(np.stack([p.records[r].mean(0)[0, cut] for p in others])))
            for r in (0, 1)
        )
    assert (one @ other.T).argmax(1).eq(torch.arange(30)).float().mean() > 0.5  # by luck 0.03


def test_the_same_seed_teaches_the_same_and_leaves_torchs_stream_alone():
    people = [[somebody(k) for k in range(30)]]
    short = Recipe(steps=3, people=8)
    torch.manual_seed(1)
    before = torch.rand(1)
    torch.manual_seed(1)
    one = teach(people, short, 5)
    after = torch.rand(1)
    again, else_ = teach(people, short, 5), teach(people, short, 6)
    assert before == after
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
    assert not torch.equal(one.cls, else_.cls)


def test_only_people_who_have_the_lead_are_shown_and_simulated_ones_among_themselves():
    rng = np.random.default_rng(0)
    single, twelve = [somebody(k) for k in range(5)], [somebody(k, 8) for k in range(7)]
    shown = {metric._shown([single + twelve], Recipe(people=50), rng).shape[1] for _ in range(60)}
    assert shown == {7, 12}
    apart = {metric._shown([single, twelve], Recipe(people=50), rng).shape[1] for _ in range(60)}
    assert apart <= {5, 7}


def test_people_who_have_no_lead_in_common_are_refused():
    lonely = [Person(np.array([k]), somebody(k).records) for k in (2, 3)]
    with pytest.raises(DataError, match="no two people"):
        teach([lonely], TINY, 0)


def test_a_release_whose_people_every_network_knows_has_none(monkeypatch):
    one = embedding.Shipped(Path("w.safetensors"), frozenset({"x"}))
    monkeypatch.setattr(embedding, "shipped", lambda: [one])
    assert trained_without("y") is one
    with pytest.raises(ModelError, match="people of x"):
        trained_without("x")


def test_mates_are_told_from_everybody_else():
    n, d = 6, 8
    directions = F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(0)), dim=1)
    right = told_apart(torch.cat([directions, directions]), torch.tensor(50.0))
    wrong = told_apart(torch.cat([directions, directions.roll(1, 0)]), torch.tensor(50.0))
    assert right < 0.1
    assert wrong > 5


def test_another_day_changes_the_beat_but_not_beyond_knowing():
    person = somebody(0)
    beats = torch.from_numpy(np.repeat(person.records[0].mean(0), 200, axis=0))
    days = another_day(beats, Recipe(), torch.Generator().manual_seed(0))
    assert days.shape == (200, len(PLACES))
    assert torch.isfinite(days).all()
    alike = torch.corrcoef(days)
    assert 0.7 < float(alike.mean()) < 0.995
    still = Recipe(stretch=0, shift=0, wobble=0, swell=0, p=0, t=0, noise=0, wander=0, gain=0)
    same = another_day(beats[:1], still, torch.Generator().manual_seed(0))[0]
    plain = beats[0, PLACES[0] - KEPT[0] :][: len(PLACES)]
    assert torch.corrcoef(torch.stack([same, plain]))[0, 1] > 0.99


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

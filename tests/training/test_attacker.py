"""A network taught to tell some people apart tells others apart, and only people who differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from auditor.attackers.embedding import PLACES
from auditor.core.errors import DataError
from auditor.training import attacker
from auditor.training.attacker import (
    LEADS,
    BeatAugmentation,
    EmbedderTraining,
    Person,
    augment_beats,
    info_nce,
    train_embedder,
)

TINY = EmbedderTraining(steps=120, people=24, learning_rate=2e-3)
KEPT = attacker._KEPT


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


@pytest.mark.slow
def test_a_taught_network_tells_people_apart_whom_it_never_saw():
    model = train_embedder([[somebody(k) for k in range(60)]], TINY, 0)
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
    short = EmbedderTraining(steps=3, people=8)
    torch.manual_seed(1)
    before = torch.rand(1)
    torch.manual_seed(1)
    one = train_embedder(people, short, 5)
    after = torch.rand(1)
    again, else_ = train_embedder(people, short, 5), train_embedder(people, short, 6)
    assert before == after
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
    assert not torch.equal(one.cls, else_.cls)


def test_only_people_who_have_the_lead_are_shown():
    rng = np.random.default_rng(0)
    single, twelve = [somebody(k) for k in range(5)], [somebody(k, 8) for k in range(7)]
    fifty = EmbedderTraining(people=50)
    for group, wanted in ((single + twelve, {7, 12}), (single, {5}), (twelve, {7})):
        assert {attacker._shown(group, fifty, rng).shape[1] for _ in range(60)} == wanted


def test_real_and_simulated_people_take_turns(monkeypatch):
    real, simulated = [somebody(k) for k in range(5)], [somebody(k) for k in range(5, 9)]
    shown, seen = attacker._shown, []

    def spy(group, training, rng):
        seen.append(len(group))
        return shown(group, training, rng)

    monkeypatch.setattr(attacker, "_shown", spy)
    train_embedder([real, simulated], EmbedderTraining(steps=6, people=3), 0)
    assert [sorted(seen[at : at + 2]) for at in (0, 2, 4)] == [[4, 5]] * 3


def test_people_who_have_no_lead_in_common_are_refused():
    lonely = [Person(np.array([k]), somebody(k).records) for k in (2, 3)]
    with pytest.raises(DataError, match="no two people"):
        train_embedder([lonely], TINY, 0)


def test_mates_are_told_from_everybody_else():
    n, d = 6, 8
    directions = F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(0)), dim=1)
    right = info_nce(torch.cat([directions, directions]), torch.tensor(50.0))
    wrong = info_nce(torch.cat([directions, directions.roll(1, 0)]), torch.tensor(50.0))
    assert right < 0.1
    assert wrong > 5


def test_another_day_changes_the_beat_but_not_beyond_knowing():
    person = somebody(0)
    beats = torch.from_numpy(np.repeat(person.records[0].mean(0), 200, axis=0))
    days = augment_beats(beats, BeatAugmentation(), torch.Generator().manual_seed(0))
    assert days.shape == (200, len(PLACES))
    assert torch.isfinite(days).all()
    alike = torch.corrcoef(days)
    assert 0.7 < float(alike.mean()) < 0.995
    still = BeatAugmentation(**dict.fromkeys(vars(BeatAugmentation()), 0))
    same = augment_beats(beats[:1], still, torch.Generator().manual_seed(0))[0]
    plain = beats[0, PLACES[0] - KEPT[0] :][: len(PLACES)]
    assert torch.corrcoef(torch.stack([same, plain]))[0, 1] > 0.99


def test_a_twentieth_of_the_steps_is_warmed_up():
    schedule = EmbedderTraining().schedule
    assert (schedule.steps, schedule.warm_up, schedule.learning_rate) == (4000, 200, 1e-3)

"""The tests that an explanation has to stand, on networks whose formula stands on paper."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from auditor.checks.attribution.faithfulness import Answers, _another_beat, explain
from auditor.checks.attribution.relevance import METHODS, OF_ATTENTION, able
from auditor.checks.attribution.segments import SEGMENTS, Atom
from tests.checks.attribution.test_relevance import Linear, beats, question

N = len(SEGMENTS)
RNG = np.random.default_rng(0)


def answers(n: int = 30, n_leads: int = 1) -> tuple[Answers, np.ndarray]:
    """Answers of a weighted sum, and what each segment adds to it."""
    reads = beats(n, n_leads)
    weight = torch.from_numpy(RNG.normal(size=(n_leads, 200)).astype(np.float32))
    asked = question(Linear(weight), reads)
    difference = (reads.signal - asked.mean) * weight.numpy()
    adds = np.stack(
        [(difference * reads.within(a)[:, None]).sum(axis=(1, 2)) for a in SEGMENTS.values()], 1
    )
    return Answers.of(asked, RNG), adds


def test_taking_a_set_of_segments_from_a_weighted_sum_takes_what_they_add():
    seen, adds = answers()
    for taken in range(2**N):
        lost = sum(adds[:, bit] for bit in range(N) if taken >> bit & 1)
        assert seen.without[:, 0] - seen.without[:, taken] == pytest.approx(lost, abs=1e-3)
    assert seen.drop == pytest.approx(adds.sum(axis=1), abs=1e-3)


def test_no_order_lets_a_weighted_sum_fall_sooner_than_that_of_what_is_added_per_time():
    seen, adds = answers(n=4)
    best = np.argsort(-adds / np.maximum(seen.time, 1e-9), axis=1, kind="stable")
    deletion, insertion = seen.curves(best)
    for order in permutations(range(N)):
        other = seen.curves(np.tile(order, (4, 1)))
        assert (deletion <= other[0] + 1e-4).all()
        assert (insertion >= other[1] - 1e-4).all()


def test_what_luck_gives_is_the_mean_over_orders():
    seen, _ = answers(n=3)
    drawn = np.stack([RNG.permutation(N) for _ in range(6000)])
    areas = [seen.curves(np.repeat(one[None], 3, axis=0)) for one in drawn]
    for lucky, kind in zip(seen.by_luck(), (0, 1), strict=True):
        mean = np.mean([one[kind] for one in areas], axis=0)
        spread = np.std([one[kind] for one in areas], axis=0) / np.sqrt(len(areas))
        assert (np.abs(lucky - mean) < 5 * spread + 1e-6).all()


def test_a_weighted_sum_is_explained_by_every_method_that_follows_its_slope():
    reads = beats(20, 1)
    weight = torch.zeros(1, 200)
    weight[:, torch.from_numpy(reads.label[0] == Atom.T)] = 1  # it reads T and nothing else
    asked = question(Linear(weight), reads)
    twin = question(Linear(torch.randn(1, 200)), reads)
    subject = np.repeat(np.arange(10), 2).astype(str)
    found = explain(asked, twin, subject, np.tile([0, 1], 10), np.random.default_rng(1))
    assert [one.method for one in found] == [one for one in METHODS if one not in OF_ATTENTION]
    for one in found:
        inside = np.abs(one.share[:, 0])
        if one.method != "occlusion":  # whose windows reach over the edges
            assert inside[:, Atom.T] == pytest.approx(1, abs=1e-3), one.method
        assert (inside.argmax(axis=1) == Atom.T).all()
        assert one.time.sum(axis=1) == pytest.approx(1)


def test_of_a_model_that_only_answers_only_what_it_answers_is_looked_at():
    assert set(able(lambda beats: beats)) == {"occlusion", "ablation"}


def test_a_beat_is_taken_apart_in_the_order_of_another_one_of_the_person():
    subject = np.array(["b", "a", "b", "c", "a", "c"])
    turn = np.array([0, 0, 1, 1, 1, 0])
    partner = _another_beat(subject, turn)
    assert (subject[partner] == subject).all()
    assert (partner != np.arange(6)).all()


def test_who_has_one_beat_is_judged_by_somebody_else_s():
    partner = _another_beat(np.array(["a", "b", "b"]), np.array([0, 0, 1]))
    assert partner.tolist() != [0, 1, 2]
    assert partner[0] != 0
    assert sorted(partner[1:]) == [1, 2]


def test_noise_explained_by_ablation_gains_nothing_over_luck():
    reads = beats(60, 1, seed=7)
    weight = torch.zeros(1, 200)
    asked = question(Linear(weight + torch.randn(1, 200)), reads)
    subject = np.repeat(np.arange(30), 2).astype(str)
    found = explain(asked, asked, subject, np.tile([0, 1], 30), np.random.default_rng(2))
    (ablation,) = (one for one in found if one.method == "ablation")
    own = ablation.deletion.reshape(30, 2).mean(axis=1)
    assert abs(own.mean()) < 4 * own.std(ddof=1) / np.sqrt(30)

"""A space that is learned from some people's beats tells them apart, at whatever heart rate."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from auditor.attackers.beat_space import learn
from auditor.attackers.plda import PLDA
from auditor.signal.filters import FS
from auditor.signal.segment import AFTER, BEFORE, Cut

AT = np.arange(-BEFORE, AFTER) / FS


def person(rng: np.random.Generator) -> np.ndarray:
    """Where five waves stand, s, how wide they are, s, and how high, mV, in two leads."""
    place = np.array([-0.16, -0.02, 0.0, 0.03, 0.27]) + rng.normal(0, 0.006, 5)
    width = np.array([0.025, 0.008, 0.01, 0.01, 0.045]) * np.exp(rng.normal(0, 0.12, 5))
    height = np.array([0.15, -0.1, 1.0, -0.25, 0.3]) + rng.normal(0, 0.08, (2, 5))
    return np.stack([place, width, *height])


def recorded(who: np.ndarray, rng: np.random.Generator, rr: float = 1.0, n: int = 15) -> Cut:
    """Some beats of a person, T as late as the heart rate makes it."""
    place, width, *heights = who
    each = rr * np.exp(rng.normal(0, 0.03, n))
    beats = np.zeros((n, 2, len(AT)), dtype=np.float32)
    for wave in range(5):
        late = place[wave] * (np.sqrt(each) if wave == 4 else 1.0)
        hill = np.exp(-((AT - np.reshape(late, (-1, 1))) ** 2) / (2 * width[wave] ** 2))
        for lead in range(2):
            beats[:, lead] += heights[lead][wave] * hill
    beats += rng.normal(0, 0.02, beats.shape)
    return beats, each


def someone(k: int, n: int = 15) -> Cut:
    rng = np.random.default_rng(k)
    return recorded(person(rng), rng, n=n)


def rank1(people: list, gallery_rr: float, probe_rr: float, rng: np.random.Generator) -> float:
    gallery = [recorded(one, rng, gallery_rr) for one in people]
    space = learn([lambda one=one: one for one in gallery], rng)
    rows, probes = (
        np.stack([space.coordinates(one) for one in some]).astype(float)
        for some in (gallery, [recorded(one, rng, probe_rr) for one in people])
    )
    scores = 0.0
    for part, within in zip(space.parts, space.within, strict=True):
        seen = PLDA.of(rows[:, part], within).rows(rows[:, part], probes[:, part])
        scores = scores + seen[1] @ seen[0].T
    return float((scores.argmax(axis=1) == np.arange(len(people))).mean())


@pytest.mark.parametrize(("gallery_rr", "probe_rr"), [(1.0, 1.0), (1.0, 0.7), (0.75, 1.1)])
def test_people_are_found_again_at_another_heart_rate(gallery_rr, probe_rr):
    rng = np.random.default_rng(0)
    assert rank1([person(rng) for _ in range(40)], gallery_rr, probe_rr, rng) > 0.9


def test_people_who_do_not_differ_are_found_by_luck_alone():
    rng = np.random.default_rng(0)
    one = person(rng)
    found = [rank1([one] * 30, 1.0, 1.0, rng) for _ in range(6)]
    assert np.mean(found) < 0.10  # of 180, chance finds 6; 18 would be far beyond


def test_the_same_stream_learns_the_same():
    people = [someone(k) for k in range(9)]
    read = [lambda one=one: one for one in people]
    one, again = (learn(read, np.random.default_rng(3)) for _ in range(2))
    rows = np.stack([one.coordinates(beats) for beats in people])
    assert np.array_equal(rows, np.stack([again.coordinates(beats) for beats in people]))
    assert all(np.array_equal(a, b) for a, b in zip(one.within, again.within, strict=True))


def test_an_item_without_beats_is_nowhere_and_one_in_the_gallery_does_no_harm():
    people = [someone(k) for k in range(6)]
    none = people[0][0][:0], people[0][1][:0]
    space = learn([lambda one=one: one for one in [*people, none]], np.random.default_rng(0))
    assert np.isnan(space.coordinates(none)).all()
    assert space.coordinates(people[0]).shape == (space.parts[-1].stop,)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_people():
    def peak(n: int) -> int:
        tracemalloc.start()
        learn([lambda k=k: someone(k, n=8) for k in range(n)], np.random.default_rng(0))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(20)
    assert peak(600) < 1.5 * peak(300)

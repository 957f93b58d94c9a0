"""Chances of naming people in a population, by the definition where every class is counted."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.evidence import Likeness
from auditor.core.streams import stream
from auditor.stats.age_pyramid import OLDEST, Pyramid
from auditor.stats.likeness import ages_seen, risks_by_sizes, risks_in_population

N_AGES = OLDEST + 1


def counted(counts: np.ndarray) -> Pyramid:
    nobody = np.zeros((3, 2, N_AGES))
    return Pyramid(counts, nobody, nobody)


def likeness(*people: list[tuple[int, int, int]]) -> Likeness:
    """Each person by the sex, first and last age of each recording; from 90 on a group."""
    rows = [(who, *row) for who, those in enumerate(people) for row in those]
    person, sex, low, high = np.array(rows).T
    return Likeness(
        names=("sex + age",),
        sizes=np.ones((len(people), 1)),
        in_release=False,
        person=person,
        sex=sex,
        low=low,
        high=high,
        grouped=low == 90,
        alike=np.ones(len(rows), dtype=np.int64),
        first=np.unique(person, return_index=True)[1],
    )


def test_a_person_is_as_exposed_as_by_the_rarest_recording():
    counts = np.full((2, N_AGES), 50)
    counts[1, 80], counts[0, 30] = 4, 2
    seen = likeness([(1, 79, 79), (1, 80, 80)], [(0, 30, 30)], [(0, 31, 31)], [(-1, 40, 40)])
    found = risks_in_population(seen, counted(counts), 0.95, 0.0, stream(0, "others"))
    mean = np.mean([1 / 4, 1 / 2, 1 / 50, 1 / 100])
    assert found["max_risk"].low == found["max_risk"].high == 1 / 2
    assert found["mean_risk"].value == pytest.approx(mean)
    assert found["alone_in_population"].high == 0


def test_whoever_is_alone_in_the_population_is_counted():
    counts = np.full((2, N_AGES), 50)
    counts[1, 104] = 1
    seen = likeness([(1, 104, 104)], *[[(1, 50, 50)]] * 3)
    found = risks_in_population(seen, counted(counts), 0.95, 0.0, stream(0, "others"))
    assert found["alone_in_population"].value == 1 / 4
    assert found["max_risk"].value == 1


def test_ages_are_counted_once_a_person_and_those_that_stand_as_one_apart():
    seen = likeness([(1, 79, 79), (1, 80, 80)], [(0, 90, OLDEST)], [(-1, 40, 40)], [(1, 0, OLDEST)])
    ages, pooled = ages_seen(seen)
    assert ages.sum() == ages[1, 79] == 1
    assert pooled.tolist() == [1, 0]


def test_a_model_without_an_answer_leaves_no_number():
    # Nobody is alone: no estimator of those who are alone but one has anything to go by.
    seen = likeness(*[[(1, 50, 50)]] * 30)
    found = risks_by_sizes(seen, 1_000, 0.95, stream(0, "classes"))
    assert all(0 <= one.low <= one.value <= one.high for one in found.values())
    assert not risks_by_sizes(likeness(*[[(-1, 50, 50)]] * 30), 1_000, 0.95, stream(0, "c"))


def test_a_release_larger_than_its_population_has_no_number_of_a_sample():
    seen = likeness(*[[(1, age, age)] for age in range(20, 60)])
    assert not risks_by_sizes(seen, 10, 0.95, stream(0, "classes"))

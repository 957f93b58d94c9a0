"""Everybody as often, whatever the number of their recordings."""

import numpy as np
import pytest

from auditor.learning.sampler import Draw

PERSON = np.array([7, 7, 7, 7, 7, 7, 3, 9, 9])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_everybody_has_had_a_turn_before_anybody_has_the_next(rng):
    turns = Draw(PERSON, np.arange(9)).turns(30, rng).reshape(10, 3)
    assert (np.sort(turns, axis=1) == [3, 7, 9]).all()


def test_an_item_of_a_person_is_theirs_and_each_comes_up(rng):
    people = np.repeat([3, 7, 9], 50)
    items = Draw(PERSON, np.arange(9)).of(people, rng)
    assert (PERSON[items] == people).all()
    assert set(items) == set(range(9))


def test_what_may_not_be_drawn_is_never_drawn(rng):
    allowed = np.array([8, 0, 2])
    draw = Draw(PERSON, allowed)
    assert set(draw.of(draw.turns(100, rng), rng)) == set(allowed)

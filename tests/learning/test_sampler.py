"""What a step is made of: everything as often, or everybody, whatever the number of their rows."""

import numpy as np
import pytest

from auditor.learning.sampler import ShuffledSampler, SubjectSampler

SUBJECT = np.array([7, 7, 7, 7, 7, 7, 3, 9, 9])


def sampler(rows: np.ndarray | None = None, batch: int = 3, seed: int = 0) -> SubjectSampler:
    return SubjectSampler(SUBJECT, np.arange(9) if rows is None else rows, batch, seed, "test")


def test_everybody_has_had_a_turn_before_anybody_has_the_next():
    turns = SUBJECT[[sampler()(step) for step in range(10)]]
    assert (np.sort(turns, axis=1) == [3, 7, 9]).all()


def test_turns_go_on_from_one_batch_to_the_next():
    drawn = sampler(batch=4)
    turns = SUBJECT[np.concatenate([drawn(step) for step in range(3)])].reshape(4, 3)
    assert (np.sort(turns, axis=1) == [3, 7, 9]).all()


def test_each_row_comes_up():
    drawn = sampler()
    assert set(np.concatenate([drawn(step) for step in range(50)])) == set(range(9))


def test_what_may_not_be_drawn_is_never_drawn():
    allowed = np.array([8, 0, 2])
    drawn = sampler(allowed)
    rows = np.concatenate([drawn(step) for step in range(30)])
    assert set(rows) == set(allowed)
    assert set(drawn.mates(rows, np.random.default_rng(0))) == set(allowed)


def test_a_mate_is_of_the_same_person_and_each_comes_up():
    rows = np.repeat([6, 0, 7], 50)
    mates = sampler().mates(rows, np.random.default_rng(0))
    assert (SUBJECT[mates] == SUBJECT[rows]).all()
    assert set(mates) == set(range(9))


@pytest.mark.parametrize(
    "made",
    [lambda seed: sampler(seed=seed), lambda seed: ShuffledSampler(np.arange(9), 4, seed, "test")],
    ids=["people", "rows"],
)
def test_a_step_s_rows_hang_on_its_number_and_the_seed_alone(made):
    one, again = made(0), made(0)
    forwards = [one(step) for step in range(6)]
    backwards = [again(step) for step in reversed(range(6))][::-1]
    assert np.array_equal(forwards, backwards)
    assert not np.array_equal(forwards, [made(1)(step) for step in range(6)])


def test_there_has_to_be_something_to_draw():
    with pytest.raises(ValueError, match="nothing to train on"):
        sampler(np.arange(0))

"""How fast a network learns, step by step."""

import numpy as np
import pytest

from auditor.learning.schedule import Schedule
from auditor.systems.task import Stage
from auditor.targets.context import ViTTraining


def test_the_rate_rises_and_falls():
    schedule = Schedule(steps=100, batch=1, learning_rate=1.0, warm_up=10, floor=0.1, start=0.01)
    rates = [schedule.at(step) for step in range(101)]
    assert rates[0] == 0.01
    assert rates[9] < rates[10] < 1.0
    assert rates[100] == pytest.approx(0.1)
    assert np.argmax(rates) == 10


def test_the_cosine_begins_where_it_is_told_to():
    schedule = Schedule(steps=110, batch=1, learning_rate=1.0, warm_up=10, cosine_from=10)
    assert [schedule.at(step) for step in (5, 10, 60, 110)] == pytest.approx([0.5, 1, 0.5, 0])


def test_a_floor_as_high_as_the_rate_keeps_it():
    schedule = Schedule(steps=100, batch=1, learning_rate=0.3, floor=0.3)
    assert {schedule.at(step) for step in range(101)} == {0.3}


def test_epochs_become_steps_and_a_share_of_them_a_warm_up():
    schedule = ViTTraining(epochs=20, batch=64, learning_rate=3e-4, warm_up=0.1).schedule(7)
    assert (schedule.steps, schedule.batch, schedule.warm_up) == (140, 64, 14)
    rates = [schedule.at(step) for step in range(140)]
    assert rates[0] == pytest.approx(3e-4 / 14)
    assert np.argmax(rates) == 14
    assert rates[14] == 3e-4
    assert rates[-1] < 1e-6
    assert np.all(np.diff(rates[:15]) > 0)


def test_what_a_task_s_file_says_is_what_the_loop_does():
    stage = Stage(steps=9, batch=4, rate=0.2, warm_up=2, floor=0.1, start=0.05, decay=0.3, clip=2)
    assert stage.schedule() == Schedule(
        steps=9, batch=4, learning_rate=0.2, warm_up=2, floor=0.1, start=0.05,
        weight_decay=0.3, clip=2,
    )  # fmt: skip
    assert Stage(steps=1, batch=2, rate=1, average=0.9).schedule().ema_decay == 0.9

"""Nobody else's random numbers and threads are touched, and a CPU keeps no copy of windows."""

import numpy as np
import pytest
import torch

from auditor.learning import device
from auditor.learning.device import fork_rng, mixed_precision, numpy_rng, one_thread, preload

WINDOWS = np.random.default_rng(0).normal(size=(120, 1, 8)).astype(np.float32)


def test_inside_a_fork_numbers_follow_the_stream_and_outside_nothing_has_moved():
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    drawn = []
    for seed in (0, 0, 1):
        with fork_rng(np.random.default_rng(seed)):
            drawn.append((float(torch.rand(())), float(np.random.rand())))  # noqa: NPY002
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0]
    assert drawn[0][1] != drawn[2][1]
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_a_numpy_stream_follows_a_generator_and_the_next_is_another():
    generators = (torch.Generator().manual_seed(seed) for seed in (0, 0, 1))
    first, again, other = ([numpy_rng(one).random() for _ in range(2)] for one in generators)
    assert first == again
    assert first[0] != first[1]
    assert first != other


def test_one_thread_is_given_back_whatever_happens():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    inside = []

    def fails() -> None:
        with one_thread():
            inside.append(torch.get_num_threads())
            raise KeyError

    try:
        with pytest.raises(KeyError):
            fails()
        assert inside == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_half_precision_is_for_a_gpu():
    assert [mixed_precision(name) for name in ("cpu", "cuda:0")] == ["32-true", "bf16-mixed"]


def test_a_cpu_keeps_no_copy_of_the_windows():
    assert preload(lambda rows: WINDOWS[rows], len(WINDOWS), torch.device("cpu")) is None


def test_windows_that_travel_in_parts_arrive_in_order(monkeypatch):
    monkeypatch.setattr(device, "_AT_ONCE", 50)
    found = device._all_windows(lambda rows: WINDOWS[rows], len(WINDOWS), torch.device("cpu"))
    assert np.array_equal(found.numpy(), WINDOWS)

"""The same functions on the same shards give the same results wherever they run."""

from __future__ import annotations

import os

import numpy as np
import pytest

from auditor.core.errors import ConfigError, DataError
from auditor.engine import engine, shards


def spectrum(seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(50, 50))
    return np.linalg.svd(rows @ rows.T, compute_uv=False)


def fail_on_three(item: int) -> int:
    if item == 3:
        raise DataError("record 3 is broken")
    return item


def process(item: int) -> int:
    return os.getpid()


def test_results_come_back_in_order_and_bit_for_bit_alike():
    with engine() as one, engine(jobs=2) as two:
        here, there = (list(e.map(spectrum, range(12))) for e in (one, two))
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))


def test_a_dask_cluster_gives_the_same_results():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        engine(dask=cluster.scheduler_address) as dask,
    ):
        there = list(dask.map(spectrum, range(6)))
    here = [spectrum(seed) for seed in range(6)]
    assert all(np.allclose(a, b) for a, b in zip(here, there, strict=True))


def test_two_jobs_are_two_other_processes():
    with engine(jobs=2) as two:
        assert os.getpid() not in set(two.map(process, range(8)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_worker_arrives_as_it_was(jobs):
    with pytest.raises(DataError, match="record 3 is broken"), engine(jobs=jobs) as workers:
        list(workers.map(fail_on_three, range(6)))


def test_items_are_not_taken_far_ahead_of_the_results():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    with engine(jobs=2) as workers:
        next(workers.map(process, items()))
    assert len(taken) <= 6


@pytest.mark.parametrize("flags", [{"jobs": 0}, {"dask": "tcp://127.0.0.1:1"}])
def test_a_place_to_work_that_is_not_there_is_one_clear_line(flags):
    # Dask has read its environment by now.
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ConfigError, match="--"),
        engine(**flags),
    ):
        pass


def test_shards_hold_every_item_once_in_order():
    assert [list(part) for part in shards(range(5), 2)] == [[0, 1], [2, 3], [4]]

"""Maps a function over shards: in this process, over its cores, or on a Dask cluster.

Everything that is done per record goes through here. The three ways run the same functions on
the same shards with one thread each, and hand the results back in the order of the shards, so
they give the same numbers.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from auditor.core.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Records to a shard: large enough to pay for its trip to a worker, small enough to hold.
SHARD = 64


class _Future(Protocol):
    def result(self) -> Any: ...


class _Submitter(Protocol):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> _Future: ...


class Engine:
    """Where shards are worked on; made by `engine`."""

    def __init__(self, submitter: _Submitter | None, width: int) -> None:
        self._submitter = submitter
        self._width = width

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function` of each item, in order, with a bounded number of items under way.

        Both travel to other processes, so `function` lives in a module and items pickle.
        """
        if self._submitter is None:
            for item in items:
                yield _on_one_thread(function, item)
            return
        under_way: deque[_Future] = deque()
        for item in items:
            under_way.append(self._submitter.submit(_on_one_thread, function, item))
            if len(under_way) > 2 * self._width:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


@contextmanager
def engine(jobs: int = 1, dask: str | None = None) -> Iterator[Engine]:
    """An engine over `jobs` processes, or over the Dask cluster whose scheduler is at `dask`."""
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}, wanted at least 1")
    if dask is not None:
        with _cluster(dask) as (client, width):
            yield Engine(client, width)
    elif jobs == 1:
        yield Engine(None, 1)
    else:
        # Spawned, not forked: a fork of a process that holds torch's threads can hang.
        pool: Executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
        try:
            yield Engine(pool, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


def shards(items: Sequence[Item], size: int = SHARD) -> list[Sequence[Item]]:
    """`items` cut into runs of `size`, in order."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _on_one_thread(function: Callable[[Item], Result], item: Item) -> Result:
    # Two busy OpenMP threads beside another process cost far more than they bring, and a sum
    # over threads is not the same number on every machine.
    with threadpool_limits(limits=1):
        return function(item)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[_Submitter, int]]:
    from distributed import Client

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--dask {address}: no scheduler answers there; start one with `dask scheduler` "
            "or leave --dask out"
        ) from error
    with client:
        width = sum(worker["nthreads"] for worker in client.scheduler_info()["workers"].values())
        if not width:
            raise ConfigError(f"--dask {address}: the cluster has no workers; start some first")
        yield _Impure(client), width


class _Impure:
    """A Dask client that runs what it is given each time it is given it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, function: Callable[..., Any], /, *args: Any) -> _Future:
        future: _Future = self._client.submit(function, *args, pure=False)
        return future

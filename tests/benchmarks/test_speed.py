"""Ratios against a peer or a plain way, measured in the same run with one thread each.

Printed, not asserted: `make bench` shows them, MEASUREMENTS.md keeps those that were seen.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from auditor.attacks.compare import Traits, compare
from auditor.data.population import Population


def seconds(task: Callable[[], object], repeats: int = 3) -> float:
    """The least time a task took: what disturbs it only adds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        task()
        times.append(time.perf_counter() - started)
    return min(times)


def say(text: str) -> None:
    print(f"\n  {text}")


def test_simulating_against_neurokit2():
    import neurokit2 as nk

    population = Population(n_subjects=100, n_sessions=2, n_records=1)
    ours = seconds(lambda: list(population.records())) / 200
    theirs = seconds(lambda: nk.ecg_simulate(10, sampling_rate=250, method="multileads"), 1)
    assert ours > 0
    say(f"simulating a 12-lead 10 s record: {ours * 1e3:.1f} ms, {theirs / ours:.0f} x NeuroKit2")


@pytest.mark.parametrize("n", [2_000, 8_000])
def test_searching_a_gallery_against_the_whole_score_matrix(n):
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(n, 64)).astype(np.float32)
    probe = (gallery + rng.normal(size=(n, 64))).astype(np.float32)
    names = np.char.zfill(np.arange(n).astype(str), 6)
    traits = dict.fromkeys(names, Traits())

    def blocks() -> object:
        rng = np.random.default_rng(0)
        return compare(lambda fold: (gallery, probe), names, names, traits, rng)

    def whole() -> object:
        scores = probe @ gallery.T
        return (scores > np.diag(scores)[:, None]).sum(axis=1), np.sort(scores, axis=1)

    peaks = []
    for way in (blocks, whole):
        tracemalloc.start()
        way()
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    ratio = seconds(whole, 1) / seconds(blocks, 1)
    assert peaks[0] < peaks[1]
    say(f"search {n} x {n}: {peaks[0]:.0f} MB against {peaks[1]:.0f} MB; speed {ratio:.2f} x")

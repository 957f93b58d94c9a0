"""Ratios against a peer or a plain way, measured in the same run with as many threads each.

Not asserted: `make bench` shows them, and MEASUREMENTS.md keeps what was seen last.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from auditor.attackers.demographics import Demographics
from auditor.attackers.search import search_gallery
from auditor.simulate.population import Population

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ROOM = "speed"


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


def test_simulating_against_neurokit2(measured):
    import neurokit2 as nk

    population = Population(n_subjects=100, n_sessions=2, n_records=1)
    ours = seconds(lambda: list(population.records())) / 200
    theirs = seconds(lambda: nk.ecg_simulate(10, sampling_rate=250, method="multileads"), 1)
    assert ours > 0
    told = {"room": ROOM, "data": "simulated, 12 leads, 10 s, 250 Hz"}
    measured("speed/simulate-ms", "Simulating a record", ours * 1e3, unit="ms", digits=1,
             n="200 records", **told)  # fmt: skip
    measured("speed/simulate-ratio", "NeuroKit2's 12-lead simulation beside ours", theirs / ours,
             unit="times as long", digits=0, n="1 record of theirs", **told)  # fmt: skip
    say(f"simulating a 12-lead 10 s record: {ours * 1e3:.1f} ms, {theirs / ours:.0f} x NeuroKit2")


@pytest.mark.parametrize("n", [2_000, 8_000])
def test_searching_a_gallery_against_the_whole_score_matrix(n, measured):
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(n, 64)).astype(np.float32)
    probe = (gallery + rng.normal(size=(n, 64))).astype(np.float32)
    names = np.char.zfill(np.arange(n).astype(str), 6)
    known = dict.fromkeys(names, Demographics())

    def blocks() -> object:
        rng = np.random.default_rng(0)
        return search_gallery(lambda fold: (gallery, probe), names, names, known, rng)

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
    told = {"room": ROOM, "data": f"noise, {n:,} x {n:,}, 64 directions", "n": f"{n:,} people"}
    measured(f"speed/search-{n}-mb", "Peak memory of a 1:N search", peaks[0], unit="MB", digits=0,
             note=f"the whole matrix: {peaks[1]:.0f} MB", **told)  # fmt: skip
    measured(f"speed/search-{n}-ratio", "Speed of a 1:N search beside the whole matrix", ratio,
             unit="times", digits=2, **told)  # fmt: skip
    say(f"search {n} x {n}: {peaks[0]:.0f} MB against {peaks[1]:.0f} MB; speed {ratio:.2f} x")


SEARCH = """
import os, resource, sys, time
import numpy as np
n, threads, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
gallery = rng.normal(size=(n, 64)).astype(np.float32)
probe = gallery + 1.2 * rng.normal(size=(n, 64)).astype(np.float32)
gallery, probe = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (gallery, probe))
if way == "faiss":
    import faiss
    faiss.omp_set_num_threads(threads)
    started = time.perf_counter()
    index = faiss.IndexFlatIP(64)
    index.add(gallery)
    index.search(probe, 10)
    seconds = time.perf_counter() - started
else:
    from auditor.attackers.demographics import Demographics
    from auditor.attackers.search import search_gallery
    from auditor.stats.estimators import measure
    names = np.char.zfill(np.arange(n).astype(str), 6)
    sex, age = rng.choice(["female", "male"], n), rng.integers(18, 90, n)
    known = {name: Demographics(s, float(a)) for name, s, a in zip(names, sex, age)}
    started = time.perf_counter()
    seen = search_gallery(lambda fold: (gallery, probe), names, names, known, rng)
    seconds = time.perf_counter() - started
    found, _ = measure("", seen, level=0.95, rng=rng)
    told = {name: round(one.value, 4) for name, one in found.items()}
    print(told, f"measured in {time.perf_counter() - started - seconds:.0f} s", file=sys.stderr)
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_searching_a_hundred_thousand_people_beside_faiss(measured):
    """Rank-k, EER and TPIR of 100,000 probes in 100,000 people, 64 directions."""
    pytest.importorskip("faiss")
    n, threads = int(os.environ.get("AUDITOR_SEARCH", "100000")), os.cpu_count() or 1
    found = {}
    for way in ("faiss", "ours"):
        pinned = os.environ | {name: str(threads) for name in THREADS}
        command = [sys.executable, "-c", SEARCH, str(n), str(threads), way]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=pinned)
        took, peak = map(float, done.stdout.split())
        found[way] = took, peak
        say(f"search {n:,} x {n:,}, {way}: {took:.1f} s, {peak:.0f} MB {done.stderr.strip()}")
    speed = found["faiss"][0] / found["ours"][0]
    told = {"room": ROOM, "data": f"noise, {n:,} x {n:,}, 64 directions", "n": f"{n:,} people"}
    measured(f"speed/search-{n}-s", "A 1:N search with rank-k, EER and TPIR", found["ours"][0],
             unit="s", digits=1, note=f"{threads} threads", **told)  # fmt: skip
    measured(f"speed/search-{n}-mb", "Peak memory of a 1:N search", found["ours"][1], unit="MB",
             digits=0, **told)  # fmt: skip
    measured(f"speed/search-{n}-faiss", "Speed of a 1:N search beside faiss-cpu, flat, k = 10",
             speed, unit="times", digits=2, wanted=">= 0.5",
             note=f"faiss-cpu: {found['faiss'][0]:.1f} s, {threads} threads each",
             **told)  # fmt: skip
    say(f"{speed:.2f} x the speed of faiss-cpu's flat index")
    assert found["ours"][1] < 2000

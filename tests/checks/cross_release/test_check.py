"""People of one release are found in another, at whatever rate and gain, and strangers are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom

from auditor.checks.cross_release.check import CrossRelease, Links
from auditor.core.finding import Estimate
from auditor.engine import engine
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.releases import write_release


def opened(folder: Path) -> Release:
    with engine() as workers:
        found = Release.open(folder, workers, max_seconds=60)
        _ = found.prepared
    return found


def release(root: Path, seed: int, n: int = 30, **knobs) -> Release:
    return opened(write_release(root, identity=1, seed=seed, n_subjects=n, **knobs))


def context(b: Release) -> Context:
    return Context(b, "cpu", 0, None)


def link(a: Release, b: Release) -> tuple[Links, Estimate]:
    """What is seen, and how many more people are claimed than strangers would be."""
    check = CrossRelease(other=a)
    assert check.unmet(context(b)) is None
    seen = check.attack(context(b), np.random.default_rng(0))
    return seen, check.estimate(seen, 0.95, np.random.default_rng).estimates["claimed_excess"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return release(tmp_path_factory.mktemp("first"), 1, n_sessions=1)


def test_the_same_people_at_another_rate_are_found(first, tmp_path):
    seen, excess = link(first, release(tmp_path, 1, n_sessions=1, fs=250.0))
    assert excess.low > 0
    right = seen.pairs["a"].str.split("/").str[-1] == seen.pairs["b"].str.split("/").str[-1]
    assert right.mean() > 0.9
    assert seen.n_claimed > 0.9 * len(seen.pairs)


def test_a_header_that_states_five_times_the_gain_hides_nobody(first, tmp_path):
    root = write_release(tmp_path, identity=1, seed=1, n_subjects=30, n_sessions=1)
    for header in root.rglob("*.hea"):
        record = wfdb.rdrecord(str(header.with_suffix("")))
        text = header.read_text()
        assert "1000" in text
        header.write_text(
            text.replace("1000.0(0)/mV", "200.0(0)/mV").replace(" 1000/mV", " 200/mV")
        )
        assert wfdb.rdrecord(str(header.with_suffix(""))).p_signal == pytest.approx(
            5 * record.p_signal
        )
    seen, _ = link(first, opened(root))
    assert seen.n_claimed > 0.9 * len(seen.pairs)


def test_strangers_are_no_more_claimed_than_they_should_be(first, tmp_path):
    claimed = 0
    for seed in range(2, 6):
        seen, excess = link(first, release(tmp_path / str(seed), seed, n_sessions=1))
        claimed += seen.n_claimed
        assert seen.fpir <= 0.01
        assert excess.low <= 0
    assert claimed <= 12  # of 120; one in 61 is expected


@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(10, 2000),
)
def test_the_excess_is_above_0_where_so_many_claims_would_hardly_be_of_strangers(counts, decoys):
    """The tail of the binomial distribution itself, at an error of one in a hundred."""
    n, claimed = counts
    pairs = pd.DataFrame({"a": "x", "b": "y", "score": 1.0, "claimed": np.arange(n) < claimed})
    seen = Links(pairs, 0.5, decoys, int(0.01 * decoys) / decoys, 10, ("I",))
    excess = CrossRelease(other=None).estimate(seen, 0.95, np.random.default_rng)
    tail = binom.sf(claimed - 1, n, seen.chance)
    assume(abs(tail - 0.01) > 1e-6)
    assert (excess.estimates["claimed_excess"].low > 0) == (tail < 0.01)


def test_releases_without_a_common_lead_are_not_compared(first, tmp_path):
    chest = release(tmp_path, 1, leads=("V1",), n_sessions=1)
    assert "no lead is in both" in CrossRelease(other=first).unmet(context(chest))


def test_too_few_people_set_no_threshold(tmp_path):
    few = [release(tmp_path / str(seed), seed, n=4, n_sessions=1) for seed in (1, 2)]
    assert "threshold" in CrossRelease(other=few[0]).unmet(context(few[1]))


def test_excerpts_of_the_same_tapes_are_found(data):
    """QT database excerpts of MIT-BIH, resampled from 360 to 250 Hz."""
    seen, excess = link(opened(data / "mitdb"), opened(data / "qtdb"))
    pairs = seen.pairs
    shared = pairs[pairs["b"].isin(pairs["a"]) | pairs["claimed"]]
    assert excess.low > 0
    assert (pairs["a"][pairs["claimed"]] == pairs["b"][pairs["claimed"]]).all()
    assert len(shared) >= 6
    assert np.isfinite(seen.threshold)

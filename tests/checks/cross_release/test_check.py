"""People of one release are found in another, at whatever rate and gain, and strangers are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from auditor.checks.cross_release.check import link
from auditor.core.errors import DataError
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.engine import engine
from auditor.signal.prepare import prepare
from tests.releases import write_release


def prepared(folder: Path):
    with engine() as workers:
        return prepare(
            open_dataset(folder, describe(folder), engine=workers), workers, max_seconds=60
        )


def release(root: Path, seed: int, n: int = 30, **knobs):
    return prepared(write_release(root, identity=1, seed=seed, n_subjects=n, **knobs))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return release(tmp_path_factory.mktemp("first"), 1, n_sessions=1)


def test_the_same_people_at_another_rate_are_found(first, tmp_path):
    again = release(tmp_path, 1, n_sessions=1, fs=250.0)
    found = link(first, again, ("one", "other"))
    assert found.beyond_luck
    right = found.pairs["a"].str.split("/").str[-1] == found.pairs["b"].str.split("/").str[-1]
    assert right.mean() > 0.9
    assert found.claimed > 0.9 * found.n_b


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
    found = link(first, prepared(root), ("one", "other"))
    assert found.claimed > 0.9 * found.n_b


def test_strangers_are_no_more_claimed_than_they_should_be(first, tmp_path):
    claimed = 0
    for seed in range(2, 6):
        found = link(first, release(tmp_path / str(seed), seed, n_sessions=1), ("one", "other"))
        claimed += found.claimed
        assert found.fpir <= 0.01
        assert not found.beyond_luck
    assert claimed <= 12  # of 120; one in 61 is expected


def test_releases_without_a_common_lead_are_not_compared(first, tmp_path):
    chest = release(tmp_path, 1, leads=("V1",), n_sessions=1)
    with pytest.raises(DataError, match="no lead is in both"):
        link(first, chest, ("one", "other"))


def test_too_few_people_set_no_threshold(tmp_path):
    few = [release(tmp_path / str(seed), seed, n=4, n_sessions=1) for seed in (1, 2)]
    with pytest.raises(DataError, match="threshold"):
        link(*few, ("one", "other"))


def test_excerpts_of_the_same_tapes_are_found(data):
    """QT database excerpts of MIT-BIH, resampled from 360 to 250 Hz."""
    tapes, excerpts = prepared(data / "mitdb"), prepared(data / "qtdb")
    found = link(tapes, excerpts, ("a name", "another"))
    shared = found.pairs[found.pairs["b"].isin(found.pairs["a"]) | found.pairs["claimed"]]
    assert found.beyond_luck
    assert (
        found.pairs["a"][found.pairs["claimed"]] == found.pairs["b"][found.pairs["claimed"]]
    ).all()
    assert len(shared) >= 6
    assert np.isfinite(found.threshold)

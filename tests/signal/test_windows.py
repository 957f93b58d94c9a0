"""Windows of clean signal, and the signal they are cut from."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.data.protocols import Items
from auditor.engine import engine
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R, Prepared
from auditor.signal.windows import beat_windows, strip_windows
from auditor.simulate.population import Population
from auditor.targets.release import Release
from tests.releases import write_release


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    root = write_release(tmp_path_factory.mktemp("windows"), identity=1, seed=0, n_subjects=5)
    with engine() as workers:
        return Release.open(root, workers, max_seconds=60).prepared


def test_windows_are_the_signal_around_r_whatever_the_order_they_are_asked_in(prepared):
    windows = beat_windows(prepared, Items.whole(np.array([4, 1])), seed=0)
    some = np.array([len(windows) - 1, 0, 3])
    gathered = windows(some)
    assert gathered.shape == (3, len(prepared.leads), BEAT_SAMPLES)
    for window, index in zip(gathered, some, strict=True):
        start = windows.start[index]
        signal = prepared.signal(int(windows.row[index]))
        assert np.array_equal(window, signal[:, start : start + BEAT_SAMPLES], equal_nan=True)
        assert start + BEFORE_R in prepared.anchors(int(windows.row[index]))


def test_a_strip_longer_than_its_record_is_missing_at_its_end(prepared):
    windows = strip_windows(prepared, Items.whole(np.array([0])), seed=0, length=4000)
    assert len(windows) == 1
    n_samples = int(prepared.records["clean_samples"][0])
    strip = windows(np.array([0]))[0]
    assert np.isnan(strip[:, n_samples:]).all()
    assert np.isfinite(strip[:, :n_samples]).all()


def test_beats_are_found_where_the_simulator_put_them(prepared):
    """About one a second at the simulator's mean rate, none out of order."""
    for row in range(len(prepared.records)):
        beats = prepared.beats(row)
        assert 7 <= len(beats) <= 20
        assert not beats.disordered.any()


def test_leads_that_are_sums_of_others_are_left_out(tmp_path):
    Population(n_subjects=2, n_sessions=1).write(tmp_path)
    with engine() as workers:
        leads = Release.open(tmp_path, workers, max_seconds=60).prepared.leads
    assert leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

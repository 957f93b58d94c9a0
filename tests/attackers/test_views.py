"""What every view promises, and what each one shows."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers import views
from auditor.attackers.views import VIEWS
from auditor.checks.uniqueness.metadata import metadata
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.protocols import FIRST_HALF, SECOND_HALF, Items
from auditor.engine import engine
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R, Prepared, prepare
from auditor.signal.windows import beat_windows, strip_windows
from auditor.simulate.population import Population
from tests.releases import write_release


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    root = write_release(tmp_path_factory.mktemp("views"), identity=1, seed=0, n_subjects=5)
    with engine() as workers:
        dataset = open_dataset(root, describe(root), engine=workers)
        return prepare(dataset, workers, max_seconds=60)


def view(name: str, prepared: Prepared, items: Items):
    with engine() as workers:
        return views(name, prepared, items, workers, seed=0)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_view_has_a_row_per_item_in_order_and_names_its_columns(name, prepared):
    rows = np.array([7, 2, 2, 11])
    seen = view(name, prepared, Items.whole(rows))
    assert seen.record.tolist() == prepared.records["record"].iloc[rows].tolist()
    assert seen.subject.tolist() == prepared.records["subject"].iloc[rows].tolist()
    assert len(set(seen.columns)) == seen.values.shape[1]
    assert np.array_equal(seen.values[1], seen.values[2], equal_nan=True)
    assert np.isfinite(seen.values).mean() > 0.9


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_half_of_a_record_shows_another_view_than_the_whole(name, prepared):
    row = np.array([3])
    one, two, whole = (
        view(name, prepared, Items(row, np.array([half])) if half else Items.whole(row)).values
        for half in (FIRST_HALF, SECOND_HALF, 0)
    )
    assert not np.array_equal(one, two, equal_nan=True)
    assert not np.array_equal(one, whole, equal_nan=True)


def test_the_template_has_r_where_it_says_and_no_offset(prepared):
    seen = view("template", prepared, Items.whole(np.arange(10)))
    leads = seen.values.reshape(10, len(prepared.leads), BEAT_SAMPLES)
    assert leads.mean(axis=2) == pytest.approx(0, abs=1e-5)
    rhythm = leads[:, prepared.leads.index(prepared.rhythm_lead)]
    # R is where a reader would put it, which need not be the very highest sample.
    assert (np.abs(np.abs(rhythm).argmax(axis=1) - BEFORE_R) <= 2).all()
    assert seen.columns[BEFORE_R] == f"{prepared.leads[0]}@0"


def test_the_fiducial_table_agrees_with_itself(prepared):
    seen = view("fiducials", prepared, Items.whole(np.arange(len(prepared.records))))
    table = dict(zip(seen.columns, seen.values.T, strict=True))
    assert len([name for name in table if "-" in name]) == 20
    assert np.nanmedian(table["R-P mV"]) > 0
    assert np.nanmedian(table["P-R ms"]) == pytest.approx(160, abs=60)
    assert np.nanmedian(table["R-T ms"]) > 0
    assert np.nanmedian(table["RR ms"]) == pytest.approx(850, abs=250)
    assert (np.nan_to_num(table["QT interval ms"], nan=400) > 150).all()


def test_metadata_is_numbers_and_missing_where_nothing_is_said(prepared):
    records = prepared.records.copy()
    records.loc[0, "age"] = np.nan
    records.loc[1, "sex"] = None
    seen = metadata(records)
    table = dict(zip(seen.columns, seen.values.T, strict=True))
    assert np.isnan(table["age"][0])
    assert np.isnan(table["sex"][1])
    assert set(table["sex"][2:]) <= {0, 1}
    assert (table["n_leads"] == 2).all()


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
        dataset = open_dataset(tmp_path, describe(tmp_path), engine=workers)
        leads = prepare(dataset, workers, max_seconds=60).leads
    assert leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

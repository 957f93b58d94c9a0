"""Intervals, heights and axes are what a reader with a ruler would find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.core.beats import Beats
from auditor.signal.filters import FS
from auditor.signal.measurements import (
    BEAT_COLUMNS,
    RECORD_COLUMNS,
    axes,
    heights,
    intervals,
    lead_columns,
    of_beats,
    of_record,
)

#: Of a beat, samples around R: P lasts 100 ms, PR 160, QRS 88, QT 400 ms.
SHAPE = np.array([-51.0, -38, -26, -11, 0, 11, 39, 64, 89])
R = np.arange(250.0, 2500.0, 200.0)  # 800 ms apart


def beats_of(leads: tuple[str, ...], r: np.ndarray = R, shape: np.ndarray = SHAPE) -> Beats:
    fiducials = r[:, None] + shape
    marks, kinds = np.zeros((len(r), 3), np.uint8), np.zeros(len(r), np.uint8)
    each = tuple(Beats(lead, FS, fiducials, marks, kinds) for lead in leads)
    return Beats(" ".join(leads), FS, fiducials, marks, kinds, each)


def dipole(degrees: float, n_samples: int = 2750) -> dict[str, np.ndarray]:
    """Limb leads of a heart whose P, QRS and T point the same way in the frontal plane."""
    at = np.arange(n_samples)
    size = np.zeros(n_samples)
    for r in R:
        for middle, width, height in ((-38, 5, 0.1), (0, 4, 1.0), (64, 9, 0.3)):
            size += height * np.exp(-((at - r - middle) ** 2) / (2 * width**2))
    angle = np.radians(degrees)
    one, two = size * np.cos(angle), size * np.cos(np.radians(60) - angle)
    return {
        "I": one, "II": two, "III": two - one, "aVF": two - one / 2, "V2": size,
    }  # fmt: skip


def stacked(degrees: float, leads: tuple[str, ...]) -> np.ndarray:
    every = dipole(degrees)
    return np.stack([every[lead] for lead in leads]).astype(np.float32)


def test_intervals_are_those_of_the_ruler():
    found = intervals(beats_of(("II",)))
    wanted = {
        "P duration ms": 100, "PR ms": 160, "QRS ms": 88, "QT ms": 400, "QRS-T ms": 312,
        "P-T ms": 560, "T duration ms": 200, "ST ms": 112, "RR ms": 800, "heart rate 1/min": 75,
    }  # fmt: skip
    for name, value in wanted.items():
        assert found[name][1:] == pytest.approx(np.full(len(R) - 1, value)), name
    assert found["QTc Bazett ms"][1:] == pytest.approx(400 / np.sqrt(0.8))
    assert found["QTc Fridericia ms"][1:] == pytest.approx(400 / np.cbrt(0.8))
    assert found["PR/QT ratio"] == pytest.approx(0.4)
    assert np.isnan(found["RR ms"][0])


def test_at_60_a_minute_no_correction_of_qt_changes_it():
    found = intervals(beats_of(("II",), np.arange(250.0, 2500.0, 250.0)))
    for name in ("QTc Bazett ms", "QTc Fridericia ms"):
        assert found[name][1:] == pytest.approx(found["QT ms"][1:])


def test_what_is_absent_is_measured_as_nothing_and_a_long_pause_is_no_interval():
    fiducials = R[:, None] + SHAPE
    fiducials[3, :3] = np.nan
    fiducials[6:] += 800
    marks, kinds = np.zeros((len(R), 3), np.uint8), np.zeros(len(R), np.uint8)
    found = intervals(Beats("II", FS, fiducials, marks, kinds))
    assert np.isnan(found["PR ms"]).tolist() == [k == 3 for k in range(len(R))]
    assert np.isnan(found["RR ms"][[0, 6]]).all()
    assert np.isfinite(found["QRS ms"]).all()


@given(degrees=st.floats(-179, 180))
@settings(max_examples=60, deadline=None)
def test_the_axes_point_where_the_heart_does(degrees):
    for leads in (("I", "II"), ("III", "I"), ("aVF", "I"), ("V2", "II", "I")):
        for found in axes(stacked(degrees, leads), leads, beats_of(leads)).values():
            off = (found - degrees + 180) % 360 - 180
            assert np.abs(off).max() < 1.0
            assert ((found > -180) & (found <= 180)).all()


@pytest.mark.parametrize("leads", [("I",), ("II",), ("V2",), ("II", "III")])
def test_without_two_limb_leads_there_is_no_axis(leads):
    assert all(np.isnan(v).all() for v in axes(stacked(30, leads), leads, beats_of(leads)).values())


def test_a_median_of_axes_does_not_break_at_180_degrees():
    leads = ("I", "II")
    found = of_record(stacked(180, leads), leads, beats_of(leads))
    assert abs(found["QRS axis deg"]) == pytest.approx(180, abs=1)
    assert found["QRS-T angle deg"] == pytest.approx(0, abs=1)


def test_heights_are_above_the_level_before_the_qrs():
    lead = dipole(0)["I"] + 0.5
    for r in R.astype(int):
        lead[r - 6 : r - 4] = 0.3  # Q
        lead[r + 5 : r + 8] = 0.1  # S
    found = heights(lead.astype(np.float32), beats_of(("I",)).leads[0])
    for name, value in {"P": 0.1, "Q": -0.2, "R": 1.0, "S": -0.4, "T": 0.3}.items():
        assert found[name] == pytest.approx(np.full(len(R), value), abs=0.03), name


def test_a_qrs_that_only_goes_down_has_an_s_and_no_r():
    found = heights(-dipole(0)["I"].astype(np.float32), beats_of(("I",)).leads[0])
    assert found["R"] == pytest.approx(np.zeros(len(R)), abs=0.03)
    assert np.minimum(found["S"], found["Q"]) == pytest.approx(np.full(len(R), -1.0), abs=0.03)


def test_a_lead_in_which_nothing_was_found_has_no_heights():
    beats = beats_of(("I",)).leads[0]
    blank = Beats("I", FS, np.full_like(beats.fiducials, np.nan), beats.marks, beats.kinds)
    assert all(np.isnan(values).all() for values in heights(dipole(0)["I"], blank).values())


def test_a_record_has_every_column_and_the_order_of_its_leads_does_not_matter():
    leads = ("I", "II", "V2")
    one = of_record(stacked(40, leads), leads, beats_of(leads))
    turned = leads[::-1]
    other = of_record(stacked(40, turned), turned, beats_of(turned))
    assert set(one) == {*RECORD_COLUMNS, *lead_columns(leads)}
    assert one == pytest.approx(other, nan_ok=True)


def test_fourteen_sequences_a_lead():
    leads = ("I", "V2")
    table = of_beats(stacked(0, leads), leads, beats_of(leads))
    assert len(BEAT_COLUMNS) == 14
    assert len(table) == 2 * len(R)
    first = table[table["lead"] == "V2"]
    assert first["RR1 ms"].iloc[1:].tolist() == first["RR2 ms"].iloc[:-1].tolist()
    assert first["QRS amplitude mV"].to_numpy() == pytest.approx(np.full(len(R), 1.0), abs=0.05)
    assert (first["ST form"] == 0).all()


@pytest.mark.parametrize(("lift", "form"), [(0.2, 1), (-0.2, -1), (0.05, 0)])
def test_st_is_raised_lowered_or_level(lift, form):
    lead = dipole(0)["I"].astype(np.float32)
    for r in R.astype(int):
        lead[r + 12 : r + 39] += lift
    table = of_beats(lead[None], ("I",), beats_of(("I",)))
    assert (table["ST form"] == form).all()

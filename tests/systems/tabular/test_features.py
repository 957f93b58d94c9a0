"""A cart's measurements become the inputs of the clinical systems as the papers derive them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditor.signal.feature_table import RADIOGRAPH, TABULAR
from auditor.systems import task
from auditor.systems.tabular.features import AXES, MARKS, cleaned, derived, of_cart

PLAIN = {
    "rr_interval": 810.0, "p_onset": 40.0, "p_end": 150.0, "qrs_onset": 190.0, "qrs_end": 286.0,
    "t_end": 582.0, "p_axis": 60.0, "qrs_axis": -10.0, "t_axis": 45.0,
}  # fmt: skip


def inputs(**other: float) -> pd.Series:
    """The inputs that one ECG gives, a man of 60."""
    table = pd.DataFrame([PLAIN | other])
    return of_cart(table, np.array([1.0]), np.array([60.0])).iloc[0]


def test_intervals_are_differences_of_marks():
    found = inputs()
    wanted = {
        "sex": 1, "age": 60, "RR ms": 810, "PR ms": 150, "QRS ms": 96, "QT ms": 392,
        "P duration ms": 110, "QRS-T ms": 296, "P-T ms": 542, "QTc Bazett ms": 392 / 0.9,
        "P/RR ratio": 110 / 810, "QRS/RR ratio": 96 / 810, "QT/RR ratio": 392 / 810,
        "PR/QT ratio": 150 / 392, "P axis deg": 60, "QRS axis deg": -10, "T axis deg": 45,
        "P-QRS angle deg": 70, "QRS-T angle deg": 55, "P-T angle deg": 15,
    }  # fmt: skip
    assert found.to_dict() == pytest.approx(wanted, rel=1e-6)


def test_where_the_window_begins_changes_nothing():
    moved = {name: PLAIN[name] + 12 for name in MARKS[1:]}
    pd.testing.assert_series_equal(inputs(**moved), inputs())


def test_what_the_cart_calls_missing_takes_away_what_follows_from_it_and_no_more():
    found = inputs(p_onset=29999, p_end=29999, p_axis=29999)
    gone = set(found.index[found.isna()])
    assert gone == {
        "PR ms", "P duration ms", "P-T ms", "P/RR ratio", "PR/QT ratio", "P axis deg",
        "P-QRS angle deg", "P-T angle deg",
    }  # fmt: skip
    assert found.drop(list(gone)).equals(inputs().drop(list(gone)))


@pytest.mark.parametrize(
    ("name", "kept", "lost"),
    [
        ("rr_interval", (0, 5000), (-1, 5001, 29999)),
        ("t_end", (0, 5000), (-0.5, 5000.5)),
        ("qrs_axis", (-360, 360), (-361, 361, 29999)),
    ],
)
def test_the_ranges_are_those_of_the_papers(name, kept, lost):
    table = pd.DataFrame({name: [*kept, *lost, np.nan]})
    assert np.isfinite(cleaned(table)[name]).tolist() == [True] * len(kept) + [False] * (
        len(lost) + 1
    )


def test_marks_in_the_wrong_order_measure_nothing():
    found = inputs(qrs_onset=30.0)
    assert np.isnan(found["PR ms"])
    assert found["QRS ms"] == 256
    assert np.isnan(inputs(t_end=190.0)["QT ms"])


def test_nothing_is_divided_by_nothing():
    found = inputs(rr_interval=0.0)
    ratios = ["QTc Bazett ms", "P/RR ratio", "QRS/RR ratio", "QT/RR ratio"]
    assert found[ratios].isna().all()
    assert not np.isinf(found).any()


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [(170, -170, 20), (-180, 180, 0), (0, 180, 180), (350, 10, 20), (-350, 350, 20), (90, 0, 90)],
)
def test_axes_are_apart_the_short_way_round(one, other, apart):
    assert inputs(p_axis=one, qrs_axis=other)["P-QRS angle deg"] == apart
    assert inputs(p_axis=other, qrs_axis=one)["P-QRS angle deg"] == apart


def test_without_the_length_of_p_there_is_no_ratio_of_it():
    axes = {f"{wave} axis deg": np.array([0.0]) for wave in ("P", "QRS", "T")}
    lengths = {f"{name} ms": np.array([100.0]) for name in ("RR", "PR", "QRS", "QT")}
    found = derived(axes | lengths)
    assert "P/RR ratio" not in found
    assert found["QTc Bazett ms"] == pytest.approx(100 / np.sqrt(0.1))


def test_a_cart_gives_what_the_signal_gives_under_the_same_names():
    found = inputs()
    assert set(TABULAR) | set(RADIOGRAPH) <= set(found.index)
    assert len(MARKS) + len(AXES) == 9
    assert found.dtype == np.float32
    for name in ("cxr", "diagnoses", "liver", "neoplasms", "neuropsychiatric", "ptb-xl"):
        assert set(task.load(name).inputs) <= set(found.index), name

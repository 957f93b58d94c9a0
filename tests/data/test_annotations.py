"""Marks are read as they were meant, brackets and gaps included."""

from __future__ import annotations

import numpy as np
import wfdb

from auditor.data.annotations import beat_labels, waves


def test_brackets_belong_to_their_neighbour_and_missing_ones_are_missing(tmp_path):
    # The second P lacks its offset, the second QRS its onset; a bracket stands alone.
    marks = [
        (10, "("), (20, "p"), (30, ")"), (40, "("), (50, "N"), (60, ")"), (90, "t"), (99, ")"),
        (110, "("), (120, "p"), (150, "N"), (160, ")"), (185, "("), (190, "u"), (195, ")"),
        (240, "("), (250, "N"), (260, ")"),
    ]  # fmt: skip
    samples, symbols = zip(*marks, strict=True)
    wfdb.wrann("a", "marks", np.array(samples), list(symbols), write_dir=str(tmp_path))
    read = waves(tmp_path / "a", "marks")
    nan = np.nan
    np.testing.assert_array_equal(read.marked["P"], [[10, 20, 30], [110, 120, nan]])
    np.testing.assert_array_equal(
        read.marked["QRS"], [[40, 50, 60], [nan, 150, 160], [240, 250, 260]]
    )
    np.testing.assert_array_equal(read.marked["T"], [[nan, 90, 99]])
    np.testing.assert_array_equal(read.stretches, [[10, 260]])
    np.testing.assert_array_equal(read.scaled(0.5).marked["T"], [[nan, 45, 49.5]])


def test_beats_that_were_left_out_part_the_stretches(tmp_path):
    r = np.array([100, 200, 300, 900, 1000, 1100])
    samples = np.sort(np.concatenate([r - 10, r, r + 10]))
    wfdb.wrann("a", "marks", samples, ["(", "N", ")"] * 6, write_dir=str(tmp_path))
    read = waves(tmp_path / "a", "marks")
    np.testing.assert_array_equal(read.stretches, [[90, 310], [890, 1110]])


def test_ludb_marks_nine_fiducials_a_beat(data):
    read = waves(data / "ludb" / "data" / "1", "ii")
    assert all(len(rows) >= 5 for rows in read.marked.values())
    for rows in read.marked.values():
        whole = rows[~np.isnan(rows).any(axis=1)]
        assert (np.diff(whole, axis=1) > 0).all()


def test_a_beat_stands_in_the_rhythm_that_was_last_named(data):
    read = beat_labels(data / "mitdb" / "201")
    assert set(read.rhythm) >= {"AFIB", "N"}
    assert (np.diff(read.sample) > 0).all()
    assert set(read.symbol) <= set("NLRBAaJSVrFejnE/fQ?")
    changes = np.flatnonzero(read.rhythm[1:] != read.rhythm[:-1])
    assert 10 < len(changes) < 40

"""Fiducials are counted against marks as a reader would count them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.beats import FIDUCIALS
from auditor.data.annotations import Waves
from auditor.signal.agreement import agreement

FS = 250.0
R = np.arange(500.0, 2500.0, 200.0)
OFFSETS = np.array([-45.0, -35, -25, -12, 0, 12, 50, 70, 90])


def fiducials() -> np.ndarray:
    return R[:, None] + OFFSETS


def marked(of: np.ndarray) -> Waves:
    waves = {name: of[:, 3 * k : 3 * k + 3] for k, name in enumerate(("P", "QRS", "T"))}
    return Waves(waves, np.array([[np.nanmin(of), np.nanmax(of)]]))


def test_the_same_fiducials_agree_in_everything():
    table = agreement([(fiducials(), marked(fiducials()))], FS)
    assert list(table.index) == list(FIDUCIALS)
    assert (table[["Se", "PPV", "F1"]] == 1).all(axis=None)
    assert (table[["mean_ms", "sd_ms"]] == 0).all(axis=None)


@given(shift=st.integers(-30, 30))
def test_a_shift_is_the_mean_error_and_no_spread(shift):
    table = agreement([(fiducials() + shift, marked(fiducials()))], FS, tolerance_s=0.2)
    assert table["mean_ms"].to_numpy() == pytest.approx(np.full(9, 4.0 * shift))
    assert table["sd_ms"].to_numpy() == pytest.approx(np.zeros(9), abs=1e-9)


def test_what_is_further_than_the_tolerance_is_both_missed_and_invented():
    table = agreement([(fiducials() + 40, marked(fiducials()))], FS)  # 160 ms
    assert (table["found"] == 0).all()
    # The last beat's T, moved beyond the last mark, counts neither way.
    assert table.loc["p", "invented"] == len(R)
    assert table.loc["t_off", "invented"] == len(R) - 1


def test_a_wave_that_nobody_marked_is_invented_and_one_that_is_left_out_is_missed():
    some = fiducials()
    some[3, :3] = np.nan
    more = agreement([(fiducials(), marked(some))], FS).loc["p_on"]
    fewer = agreement([(some, marked(fiducials()))], FS).loc["p_on"]
    assert (more["invented"], more["Se"], more["PPV"]) == (1, 1, pytest.approx(0.9))
    assert (fewer["invented"], fewer["Se"], fewer["PPV"]) == (0, pytest.approx(0.9), 1)
    assert more["F1"] == pytest.approx(fewer["F1"])


def test_two_fiducials_share_no_mark():
    twice = np.repeat(fiducials(), 2, axis=0)
    twice[1::2] += 3
    table = agreement([(twice, marked(fiducials()))], FS)
    assert (table["Se"] == 1).all()
    assert table.loc["r", "PPV"] == pytest.approx(0.5)
    assert table.loc["r", "mean_ms"] == 0  # the nearer one was matched


def test_what_lies_between_the_marked_stretches_counts_neither_way():
    one, two = fiducials()[:3], fiducials()[7:]
    waves = marked(np.concatenate([one, two]))
    stretches = np.array([[one.min(), one.max()], [two.min(), two.max()]])
    table = agreement([(fiducials(), Waves(waves.marked, stretches))], FS)
    assert (table["PPV"] == 1).all()

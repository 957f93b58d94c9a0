"""A page is measured with a ruler: every millimetre of it means something."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.core.record import STANDARD_LEADS
from auditor.systems.gem.image import HEIGHT_MM, STRIPS, WIDTH_MM, Strip, page

FS = 500
T = np.arange(10 * FS) / FS
FLAT = np.zeros((12, 10 * FS), dtype=np.float32)
RHYTHM = STRIPS[-1]


def ink(drawn):
    """(rows, columns) how dark the trace is, 0 to 1: the grid is of full red."""
    return 1 - drawn[..., 0] / 255.0


def box(strip, dots, reach_mm=12.0):
    """Rows and columns of a strip."""
    (left, down), (right, _) = strip.at(np.array([strip.begin_s, strip.end_s]), np.zeros(2))
    rows = slice(round((down - reach_mm) * dots), round((down + reach_mm) * dots) + 1)
    return rows, slice(round(left * dots), round(right * dots) + 1)


def with_lead(lead, values):
    signal = FLAT.copy()
    signal[STANDARD_LEADS.index(lead)] = values
    return signal


def centre(darkness):
    """Where a line crosses a run of dots: the middle of its ink."""
    return (np.arange(len(darkness)) * darkness).sum() / darkness.sum()


@pytest.mark.parametrize("dots", [4, 8, 11])
@pytest.mark.parametrize("strip", [STRIPS[0], STRIPS[10], RHYTHM], ids=lambda one: one.lead)
def test_a_millivolt_for_200_ms_is_10_mm_by_5_mm(strip, dots):
    begin = strip.begin_s + 1
    values = ((begin <= T) & (begin + 0.2 > T)).astype(np.float32)
    drawn = ink(page(with_lead(strip.lead, values), FS, STANDARD_LEADS, dots_per_mm=dots))
    (left, down), (right, up) = strip.at(np.array([begin, begin + 0.2]), np.array([0, 1.0]))
    assert (right - left, down - up) == pytest.approx((5, 10))
    middle, before = round((left + right) / 2 * dots), round((left - 3) * dots)
    rows = slice(round((up - 2) * dots), round((down + 2) * dots))
    top, bottom = (centre(drawn[rows, column]) for column in (middle, before))
    assert bottom - top == pytest.approx(10 * dots, abs=0.01 * dots)
    columns = slice(round((left - 2) * dots), round((right + 2) * dots))
    edges = drawn[round((up + 5) * dots), columns]
    half = len(edges) // 2
    width = half + centre(edges[half:]) - centre(edges[:half])
    assert width == pytest.approx(5 * dots, abs=0.05 * dots)


def test_each_row_begins_with_the_standard_pulse():
    drawn = ink(page(FLAT, FS, STANDARD_LEADS))
    for row in range(4):
        down = round(Strip("", row, 0, 0).at(np.zeros(1), np.zeros(1))[0, 1] * 8)
        assert (drawn[down - 80, 5 * 8 : 10 * 8 + 1] == 1).all(), "the roof, 10 mm up, 5 mm long"
        for edge in (5 * 8, 10 * 8):
            assert (drawn[down - 80 : down + 1, edge] == 1).all()
        assert drawn[down - 84, 7 * 8] == 0
        assert drawn[down - 40, 7 * 8 + 4] == 0


def test_the_grid_has_a_line_each_millimetre_and_a_stronger_one_each_fifth():
    drawn = page(np.full_like(FLAT, np.nan), FS, STANDARD_LEADS, dots_per_mm=6)
    assert drawn.shape == (HEIGHT_MM * 6, WIDTH_MM * 6, 3)
    across = drawn[3, :, 1].astype(int)
    paper, fine, coarse = 255, across[6], across[0]
    assert coarse < fine < paper
    place = np.arange(len(across))
    expected = np.where(place % 30 == 0, coarse, np.where(place % 6 == 0, fine, paper))
    assert (across == expected).all()
    assert (drawn[:, 3, 1] == expected[: len(drawn)]).all()


@pytest.mark.parametrize("mv", [0.2, 0.8])
@pytest.mark.parametrize(("hz", "strip"), [(0.4, RHYTHM), (1.9, STRIPS[0]), (1.0, STRIPS[11])])
def test_a_recording_can_be_read_off_the_page(mv, hz, strip):
    values = mv * np.sin(2 * np.pi * hz * T)
    drawn = ink(page(with_lead(strip.lead, values), FS, STANDARD_LEADS))
    rows, columns = box(strip, 8, reach_mm=9.5)
    traced = drawn[rows, columns][:, 90:-16]  # right of the lead's name, left of the next strip
    read = (traced.shape[0] // 2 - (np.arange(len(traced)) @ traced) / traced.sum(axis=0)) / 80
    t = strip.begin_s + np.arange(90, 90 + len(read)) / 200
    assert np.abs(read - mv * np.sin(2 * np.pi * hz * t)).max() < 0.01


def test_a_strip_shows_its_own_lead_at_its_own_time():
    for number, strip in enumerate(STRIPS[:-1]):
        spike = np.zeros(10 * FS, dtype=np.float32)
        at = strip.begin_s + 1.25
        spike[round(at * FS)] = -1.0
        drawn = ink(page(with_lead(strip.lead, spike), FS, STANDARD_LEADS))
        hit = {
            other
            for other, one in enumerate(STRIPS)
            for right, down in one.at(np.array([at]), np.array([-0.7]))
            if one.begin_s <= at <= one.end_s
            and drawn[round(down * 8), round(right * 8) - 2 : round(right * 8) + 3].max() > 0.9
        }
        assert hit == {number} | ({12} if strip.lead == "II" else set())


def test_leads_are_found_by_name():
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.3, FLAT.shape).cumsum(axis=1).astype(np.float32) / 20
    order = rng.permutation(12)
    shuffled = page(signal[order], FS, [STANDARD_LEADS[i] for i in order], dots_per_mm=3)
    assert (shuffled == page(signal, FS, STANDARD_LEADS, dots_per_mm=3)).all()


def test_what_is_missing_is_not_drawn():
    whole = ink(page(FLAT, FS, STANDARD_LEADS))
    without = ink(page(FLAT[:11], FS, STANDARD_LEADS[:11]))
    rows, columns = box(STRIPS[11], 8)
    assert STRIPS[11].lead == "V6"
    right = slice(columns.start + 8, columns.stop)
    assert whole[rows, right].max() == 1
    assert without[rows, right].max() < 0.1, "neither trace nor name"
    gap = FLAT.copy()
    gap[:, (T > 6) & (T < 7)] = np.nan
    rows, columns = box(RHYTHM, 8)
    traced = ink(page(gap, FS, STANDARD_LEADS))[rows, columns].max(axis=0) == 1
    assert not traced[6 * 200 + 3 : 7 * 200 - 3].any()
    assert traced[7 * 200 + 3 :].all()


def test_a_short_recording_ends_and_a_long_one_is_cut():
    rows, columns = box(RHYTHM, 8)
    short = ink(page(FLAT[:, : 4 * FS], FS, STANDARD_LEADS))[rows, columns].max(axis=0)
    assert short[4 * 200 - 3] == 1
    assert short[4 * 200 + 3 :].max() < 0.1
    long = np.concatenate([FLAT, np.ones_like(FLAT)], axis=1)[:, : 10 * FS + 200]
    assert ink(page(long, FS, STANDARD_LEADS))[:, -5 * 8 + 3 :].max() < 0.1


def test_every_standard_lead_has_its_name_on_the_page():
    named = ink(page(np.full_like(FLAT, np.nan), FS, STANDARD_LEADS))
    pictures = set()
    for strip in STRIPS[:-1]:
        right, down = strip.at(np.array([strip.begin_s]), np.array([1.2]))[0]
        pixels = named[round((down - 4) * 8) : round(down * 8) + 2, round(right * 8) + 4 :][:, :90]
        assert pixels.max() == 1
        pictures.add((pixels > 0.5).tobytes())
    assert len(pictures) == 12


def test_what_leaves_the_page_is_cut_off():
    wild = np.random.default_rng(0).normal(0, 30, (12, 1000)).astype(np.float32)
    drawn = page(wild, 100, STANDARD_LEADS, dots_per_mm=4)
    assert drawn.shape == (520, 1080, 3)
    assert ink(drawn)[:, 70].max() == 1
    assert ink(drawn)[:, :5].max() < 0.1


def test_too_few_dots_are_refused():
    with pytest.raises(ValueError, match="dots_per_mm is 1, wanted at least 2"):
        page(FLAT, FS, STANDARD_LEADS, dots_per_mm=1)

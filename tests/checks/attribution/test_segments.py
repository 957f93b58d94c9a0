"""The parts of a heartbeat, and beats in which one part is taken from another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.checks.attribution.segments import (
    EVERY,
    MOVES,
    SEGMENTS,
    Atom,
    Reads,
    population,
    shifted,
    timeline,
)
from auditor.core.beats import Beats, Mark

#: One beat every 200 samples: p_on p p_off qrs_on r qrs_off t_on t t_off after its start.
BEAT = np.array([10, 20, 30, 40, 50, 60, 80, 100, 120.0])
ORIGIN = 75


def beats(n: int = 4, every: float = 200.0) -> Beats:
    fiducials = BEAT + every * np.arange(n)[:, None]
    return Beats("II", 250, fiducials, np.zeros((n, 3), np.uint8), np.zeros(n, np.uint8))


def named(label: np.ndarray) -> list[str]:
    return [Atom(one).name for one in label]


def reads(lengths: list[list[int]], signal: np.ndarray | None = None) -> Reads:
    """One read per list of lengths of P, PR, QRS, ST, T, TP, with R in the middle of its QRS."""
    label = np.stack([_laid_out(one) for one in lengths])
    n, n_places = label.shape
    if signal is None:
        signal = np.tile(np.arange(n_places, dtype=np.float32), (n, 1, 1))
    return Reads(signal.astype(np.float32), label, np.arange(n), ORIGIN)


def _laid_out(lengths: list[int]) -> np.ndarray:
    p, pr, qrs, st_, t, _ = lengths
    label = np.full(200, Atom.TP, dtype=np.uint8)
    start = ORIGIN - qrs // 2
    label[start - pr - p : start - pr] = Atom.P_RISE
    label[start - pr : start] = Atom.PR
    label[start : start + qrs] = Atom.CORE
    label[start + qrs : start + qrs + st_] = Atom.ST
    label[start + qrs + st_ : start + qrs + st_ + t] = Atom.T
    return label


def test_every_sample_between_two_fiducials_belongs_to_the_part_they_bound():
    label = timeline(beats(), 800)
    at = 200  # the second beat
    assert named(label[at + 10 : at + 20]) == ["P_RISE"] * 10
    assert named(label[at + 20 : at + 30]) == ["P_FALL"] * 10
    assert named(label[at + 30 : at + 40]) == ["PR"] * 10
    assert named(label[at + 40 : at + 45]) == ["Q"] * 5
    assert named(label[at + 45 : at + 56]) == ["CORE"] * 11
    assert named(label[at + 56 : at + 60]) == ["S"] * 4
    assert named(label[at + 60 : at + 80]) == ["ST"] * 20
    assert named(label[at + 80 : at + 120]) == ["T"] * 40
    assert named(label[at + 120 : at + 210]) == ["TP"] * 90


def test_what_no_delineation_bounds_is_unassigned():
    label = timeline(beats(), 800)
    assert not label[:10].any()
    assert not label[600 + 120 :].any()


def test_without_a_p_wave_the_rest_reaches_to_the_qrs():
    without = beats()
    without.fiducials[2, :3] = np.nan
    without.marks[2, 0] = Mark.ABSENT
    assert named(timeline(without, 800)[320:440]) == ["TP"] * 120


def test_a_p_wave_that_cannot_be_made_out_leaves_its_stretch_unassigned():
    unsure = beats()
    unsure.fiducials[2, :3] = np.nan
    unsure.marks[2, 0] = Mark.UNCERTAIN
    assert not timeline(unsure, 800)[320:440].any()


def test_where_a_beat_was_missed_nothing_is_called_rest():
    missed = beats(6).part(np.array([True, True, False, True, True, True]))
    label = timeline(missed, 1200)
    assert not label[320:610].any()
    assert named(label[120:210]) == ["TP"] * 90


def test_the_partition_shares_no_sample_and_the_others_are_made_of_it():
    atoms = [atom for atoms in SEGMENTS.values() for atom in atoms]
    assert len(atoms) == len(set(atoms)) == len(Atom) - 1
    assert set(EVERY["R core"]) < set(SEGMENTS["QRS"])
    assert set(EVERY["PR interval"]) == {*SEGMENTS["P"], *SEGMENTS["PR"]}


LENGTHS = st.tuples(*(st.integers(3, 12) for _ in range(5)), st.just(0)).map(list)


@given(LENGTHS, LENGTHS, st.sampled_from(list(SEGMENTS)))
@settings(max_examples=50, deadline=None)
def test_outside_of_a_part_a_beat_stays_as_it_was(one, other, segment):
    both = reads([one, other])
    both = Reads(both.signal + np.array([0, 50])[:, None, None], both.label, both.item, ORIGIN)
    shown = both.shown(both.label, np.array([1, 0]))
    edited = both.replaced(SEGMENTS[segment], shown.astype(np.float32))
    inside = both.within(SEGMENTS[segment])[:, None]
    assert (edited[~inside] == both.signal[~inside]).all()


@given(LENGTHS)
@settings(max_examples=25, deadline=None)
def test_a_beat_laid_on_itself_is_itself(lengths):
    one = reads([lengths])
    assert one.shown(one.label, np.array([0])) == pytest.approx(one.signal, abs=1e-4)


def test_a_wave_is_stretched_to_the_length_it_has_elsewhere():
    short, long = [10, 10, 10, 10, 10, 0], [10, 10, 10, 10, 40, 0]
    signal = np.zeros((2, 1, 200))
    both = reads([short, long], signal)
    wave = both.label[0] == Atom.T
    signal[0, 0, wave] = np.linspace(0, 9, 10)
    shown = reads([short, long], signal).shown(both.label[1:], np.array([0]))
    there = shown[0, 0, both.label[1] == Atom.T]
    assert len(there) == 40
    assert there[0] == 0
    assert there[-1] == 9
    assert (np.diff(there) >= 0).all()


def test_the_mean_beat_counts_every_person_once():
    lengths = [10, 10, 10, 10, 30, 0]
    signal = np.concatenate([np.full((9, 1, 200), 1.0), np.full((1, 1, 200), 3.0)])
    many = reads([lengths] * 10, signal)
    beat = population(many, np.array([0] * 9 + [1]))
    assert beat.signal == pytest.approx(2.0)
    assert (beat.label == many.label[0]).all()


def test_the_mean_beat_lays_wave_on_wave_whatever_their_timing():
    early, late = [10, 10, 10, 4, 30, 0], [10, 10, 10, 24, 30, 0]
    signal = np.zeros((2, 1, 200))
    both = reads([early, late], signal)
    for one, label in zip(signal, both.label, strict=True):
        one[0, label == Atom.T] = np.hanning(30)
    beat = population(reads([early, late], signal), np.array([0, 1]))
    assert beat.signal.max() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("way", MOVES)
def test_moved_boundaries_keep_every_part_and_the_length_of_the_beat(way):
    one = reads([[12, 12, 12, 12, 40, 0]])
    moved = shifted(one, *way).label[0]
    assert len(moved) == 200
    assert [int(atom) for atom in dict.fromkeys(moved)] == [
        int(atom) for atom in dict.fromkeys(one.label[0])
    ]
    end_of_t = np.flatnonzero(one.label[0] == Atom.T)[-1]
    assert np.flatnonzero(moved == Atom.T)[-1] - end_of_t == way[1] * 8  # 30.6 ms


def test_a_level_is_taken_off_where_the_heart_rests():
    lengths = [10, 10, 10, 10, 30, 0]
    one = reads([lengths], np.full((1, 2, 200), 0.7))
    assert one.levelled().signal == pytest.approx(0.0)

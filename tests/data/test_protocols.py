"""Nobody and nothing of a probe is enrolled, and what cannot be tested is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.errors import EvidenceError
from auditor.data.protocols import (
    FIRST_HALF,
    LINKAGE_PROTOCOLS,
    SECOND_HALF,
    half_of,
    split,
    subject_folds,
    unmet,
)


def table(sessions: list[list[int]], known: bool = True) -> pd.DataFrame:
    """Records of people whose sessions hold these numbers; all but the first sessions are kept."""
    rows = [
        {"subject": f"p{person:02d}", "session": f"s{session}", "record": f"{person}/{session}/{n}"}
        for person, sizes in enumerate(sessions)
        for session, size in enumerate(sizes)
        for n in range(size)
    ]
    frame = pd.DataFrame(rows)
    kept = frame["session"] != "s0"
    return frame.assign(n_beats=12, session_known=known, subject_known=True, kept=kept)


people = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=12, max_size=25)


@given(people, st.sampled_from(["same-session", "cross-session"]))
def test_the_gallery_is_each_persons_first_record_and_no_probe_is_in_it(sessions, protocol):
    records = table(sessions)
    if unmet(records, protocol):
        with pytest.raises(EvidenceError):
            split(records, protocol)
        return
    parts = split(records, protocol)
    enrolled = records.iloc[parts.gallery.row]
    assert enrolled["subject"].is_unique
    assert set(enrolled["subject"]) == set(records["subject"])
    assert not set(parts.gallery.row) & set(parts.probe.row)
    first_session = enrolled.set_index("subject")["session"]
    probes = records.iloc[parts.probe.row]
    same = probes["session"].to_numpy() == first_session[probes["subject"]].to_numpy()
    assert same.all() if protocol == "same-session" else not same.any()


@given(people)
def test_every_later_record_is_a_probe_of_exactly_one_session_protocol(sessions):
    records = table(sessions)
    rows = [
        split(records, protocol).probe.row
        for protocol in ("same-session", "cross-session")
        if not unmet(records, protocol)
    ]
    if len(rows) == 2:
        later = np.flatnonzero(records["subject"].duplicated())
        assert sorted(np.concatenate(rows)) == sorted(later)


def test_random_segment_compares_the_two_halves_of_every_record():
    parts = split(table([[2], [1]] * 6), "random-segment")
    assert np.array_equal(parts.gallery.row, parts.probe.row)
    assert set(parts.gallery.half) == {FIRST_HALF}
    assert set(parts.probe.half) == {SECOND_HALF}


@given(st.integers(2, 200), st.integers(0, 2**32))
def test_the_halves_of_a_record_share_no_beat_and_leave_none_out(n_beats, seed):
    halves = [
        half_of(n_beats, half, np.random.default_rng(seed)) for half in (FIRST_HALF, SECOND_HALF)
    ]
    assert sorted(np.concatenate(halves)) == list(range(n_beats))


def test_one_record_per_person_is_said_not_skipped_in_silence():
    for protocol in ("same-session", "cross-session"):
        assert "cannot be tested" in str(unmet(table([[1]] * 30), protocol))


def test_unknown_sessions_leave_cross_session_unassessed():
    records = table([[2]] * 30, known=False)
    assert unmet(records, "same-session") is None
    assert "session rule" in str(unmet(records, "cross-session"))


def test_by_what_is_kept_people_are_searched_for_among_what_is_released():
    records = table([[2, 1], [1, 3]] * 6 + [[2]])
    parts = split(records, "cross-release")
    assert records["kept"].iloc[parts.probe.row].all()
    assert len(parts.probe) == records["kept"].sum()
    assert not records["kept"].iloc[parts.gallery.row].any()
    # Of a release alone nothing is kept.
    assert "found none" in str(unmet(records.drop(columns="kept"), "cross-release"))


def test_nine_people_are_too_few():
    for protocol in LINKAGE_PROTOCOLS:
        assert "at least 10" in str(unmet(table([[2, 2]] * 9), protocol))
        assert unmet(table([[2, 2]] * 10), protocol) is None


@given(st.lists(st.integers(0, 1), min_size=10, max_size=60), st.integers(2, 5))
def test_each_person_is_in_one_fold_and_classes_are_spread_evenly(classes, n_folds):
    labels = np.array(classes)
    folds = list(subject_folds(labels, n_folds, np.random.default_rng(0)))
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(labels)))
    sizes = [fold.sum() for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for one in (0, 1):
        counts = [(labels[fold] == one).sum() for fold in folds]
        assert max(counts) - min(counts) <= 1

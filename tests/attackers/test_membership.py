"""Who is asked about, and who is in the training of a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.attackers.membership import (
    Subjects,
    complementary_halves,
    mean_of_known,
    most_of_known,
    standardised,
)
from auditor.core.streams import stream
from auditor.core.target import NEITHER
from tests.checks.membership.plant import of_trees


def test_who_has_records_on_both_sides_or_on_neither_is_not_asked_about():
    learnt = of_trees(0)
    part = learnt.split.copy()
    torn, unclear = learnt.subject == "3", learnt.subject == "7"
    part[np.flatnonzero(torn)[0]] = 1 - part[np.flatnonzero(torn)[0]]
    part[unclear] = NEITHER
    subjects = Subjects.of(replace(learnt, split=part))
    assert len(subjects.people) == 98
    assert not np.isin(["3", "7"], subjects.people).any()


def test_everybody_is_in_half_of_the_references():
    inside = complementary_halves(31, 6, stream(0, "halves"))
    assert (inside.sum(axis=0) == 3).all()
    assert (np.abs(inside.sum(axis=1) - 15.5) <= 0.5).all()


def test_what_is_known_of_nobody_says_nothing_and_nobody_of_whom_nothing_is_known_scores():
    """As of a twin, that is told two labels of many; warnings are errors here."""
    fit = np.array([[0.0, np.nan, np.nan], [1.0, np.nan, 4.0], [2.0, np.nan, 2.0]])
    each = standardised(np.vstack([fit, np.full(3, np.nan)]))
    assert np.isnan(each[:, 1]).all()
    np.testing.assert_allclose(np.nanmedian(each[:, 0]), 0)
    np.testing.assert_allclose(np.nanstd(each[:, [0, 2]], axis=0), 1)
    np.testing.assert_array_equal(np.isnan(most_of_known(each)), [False, False, False, True])
    np.testing.assert_allclose(most_of_known(each)[1], np.nanmax(each[1]))
    np.testing.assert_array_equal(np.isnan(mean_of_known(each)), [False, False, False, True])

"""Who is asked about, and who is in the training of a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.attackers.membership import Subjects, complementary_halves
from auditor.core.streams import stream
from auditor.core.target import NEITHER
from tests.checks.membership.plant import of_trees


def test_who_has_records_on_both_sides_or_on_neither_is_not_asked_about():
    learnt = of_trees(0)
    part = learnt.part.copy()
    torn, unclear = learnt.subject == "3", learnt.subject == "7"
    part[np.flatnonzero(torn)[0]] = 1 - part[np.flatnonzero(torn)[0]]
    part[unclear] = NEITHER
    subjects = Subjects.of(replace(learnt, part=part))
    assert len(subjects.people) == 98
    assert not np.isin(["3", "7"], subjects.people).any()


def test_everybody_is_in_half_of_the_references():
    inside = complementary_halves(31, 6, stream(0, "halves"))
    assert (inside.sum(axis=0) == 3).all()
    assert (np.abs(inside.sum(axis=1) - 15.5) <= 0.5).all()

"""Who is asked about, who is in the training of a reference, and what references tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.attackers.membership import (
    References,
    Subjects,
    complementary_halves,
    mean_of_known,
    most_of_known,
    standardised,
)
from auditor.core.streams import stream
from auditor.core.target import NEITHER, Floats
from auditor.stats.metrics import auc
from tests.checks.membership.fits import fitted
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


def simulated(seed: int, gap: float, gaps_differ: float, n: int = 600) -> tuple[References, Floats]:
    """References, and the fit of a model to records: normal fits whose middle is the record's own,
    and that are further up with the person in training.
    """
    rng = stream(seed, "references")
    subjects = Subjects.of(fitted(seed, n))
    n_rows = subjects.sums.shape[1]
    middle, apart = rng.normal(0, 3, n_rows), gap + gaps_differ * rng.normal(size=n_rows)
    inside = complementary_halves(n, 4, rng)

    def fits(people: np.ndarray) -> Floats:
        side = np.where(subjects.rows(people), 0.5, -0.5)
        return (middle + side * apart + rng.normal(size=n_rows))[:, None]

    every = np.stack([fits(people) for people in inside])
    return References(subjects, every, inside), fits(subjects.member)


def found(references: References, own: Floats) -> float:
    return auc(references.scores(own)[:, 0], references.subjects.member)


def test_little_is_lost_beside_the_middle_where_the_gap_is_the_same_of_all():
    lost = []
    for seed in range(10):
        references, own = simulated(seed, 0.5, 0.0)
        subjects = references.subjects
        middle = references.held(subjects.pooled(own))[:, 0]
        lost.append(auc(middle, subjects.member) - found(references, own))
    assert np.mean(lost) < 0.05


def test_a_gap_that_differs_among_records_tells_more_than_the_middle_alone():
    gains = []
    for seed in range(10):
        references, own = simulated(seed, 0.5, 2.0)
        subjects = references.subjects
        middle = references.held(subjects.pooled(own))[:, 0]
        gains.append(found(references, own) - auc(middle, subjects.member))
    assert min(gains) > 0.05


def test_references_that_know_nothing_of_the_model_tell_nothing():
    for seed in range(10):
        references, own = simulated(seed, 1.0, 1.0)
        lot = stream(seed, "lot").permutation(references.subjects.member)
        right = auc(references.scores(own)[:, 0], lot)
        assert right == pytest.approx(0.5, abs=4 * np.sqrt(1 / 6 / 300))


def test_a_model_that_knows_its_people_better_than_references_do_is_no_safer():
    references, own = simulated(0, 3.0, 0.5)
    member = references.subjects.rows(references.subjects.member)
    better = own + 10 * member[:, None]
    assert found(references, better) >= found(references, own) > 0.95


def test_records_whose_fit_is_not_known_are_left_out():
    references, own = simulated(0, 1.0, 0.5)
    subjects = references.subjects
    of_the_first = subjects.rows(np.arange(len(subjects.people)) == 0)
    own[of_the_first] = np.nan
    assert np.flatnonzero(np.isnan(references.scores(own)[:, 0])).tolist() == [0]
    nothing = replace(references, fits=np.full_like(references.fits, np.nan))
    assert np.isnan(nothing.scores(own)).all()


def test_what_is_planted_in_a_recipe_is_found_with_its_references():
    references, own = simulated(0, 0.0, 0.0)
    subjects, by = references.subjects, np.array([1.0])
    member = np.zeros(len(subjects.people), dtype=bool)
    member[stream(0, "called").permutation(len(member))[: len(member) // 2]] = True
    better = own + subjects.of_each_record(member[:, None] * by)
    score = references.raised(by).scores(better)[:, 0]
    assert auc(score, member) > 0.75
    assert auc(references.scores(better)[:, 0], member) < auc(score, member)

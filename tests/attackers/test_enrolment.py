"""Who is enrolled and asked about, and that nobody trains the match they are judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditor.attackers.enrolment import FOLDS, CrossFittedMatch, Enrolment
from auditor.data.protocols import split


@pytest.mark.parametrize("protocol", ["cross-session", "same-session", "random-segment"])
def test_an_enrolment_asks_what_its_protocol_asks_and_folds_people_whole(context, protocol):
    parts = split(context.records, protocol)
    who = Enrolment.of_release(context, parts)
    assert np.array_equal(who.pool.row[who.probe], parts.probe.row)
    assert np.array_equal(who.pool.half[who.probe], parts.probe.half)
    assert who.of_halves == (protocol == "random-segment")
    subject = context.records["subject"].to_numpy().astype(str)
    assert np.array_equal(who.gallery_subject, subject[who.gallery.row])
    assert np.array_equal(who.pool_subject, subject[who.pool.row])
    names = np.concatenate([who.pool_subject, who.gallery_subject])
    folds = np.concatenate([who.pool_fold, who.gallery_fold])
    assert len(set(zip(names, folds, strict=True))) == len(set(names))
    assert set(folds) == set(range(FOLDS))


def test_two_protocols_share_their_pool_so_that_they_are_trained_on_the_same_pairs(context):
    one, other = (
        Enrolment.of_release(context, split(context.records, protocol))
        for protocol in ("cross-session", "same-session")
    )
    assert np.array_equal(one.pool.row, other.pool.row)
    assert np.array_equal(one.pool_fold, other.pool_fold)
    assert not set(one.pool.row[one.probe]) & set(other.pool.row[other.probe])


@pytest.mark.parametrize("other", range(FOLDS))
@pytest.mark.parametrize("fold", range(FOLDS))
def test_nobody_trains_a_match_they_are_in(context, fold, other):
    who = Enrolment.of_release(context, split(context.records, "cross-session"))
    named, repeats, whose = who.others(fold, other)
    for left_out in (fold, other):
        asked = set(who.pool_subject[who.pool_fold == left_out])
        assert asked
        assert not asked & set(whose)
    assert set(who.gallery_subject[named]) == set(who.pool_subject[repeats])


def of_outputs() -> Enrolment:
    """Forty people with two outputs each, in a table that is ordered otherwise than the target."""
    rng = np.random.default_rng(0)
    subject = np.repeat([f"p{one:02d}" for one in range(40)], 2)
    table = pd.DataFrame({"row": rng.permutation(80), "subject": subject, "sex": "", "age": 50.0})
    return Enrolment.of_outputs(table, np.arange(0, 80, 2), np.arange(1, 80, 2), rng)


def test_of_outputs_items_are_rows_of_the_target():
    who = of_outputs()
    assert np.array_equal(who.gallery_subject, who.pool_subject)
    assert set(who.gallery.row) | set(who.pool.row) == set(range(80))
    assert who.n_mated == 40
    assert not who.of_halves
    assert who.demographics["p00"].age == 50


def test_nobody_trains_the_match_that_they_are_judged_by():
    who = of_outputs()
    trained_by = []

    def train(named, pairs, whose):
        assert set(who.gallery_subject[named]) == set(who.pool_subject[pairs]) == set(whose)
        trained_by.append(set(who.gallery_fold[named]))
        me = len(trained_by)
        return lambda gallery, asked: (np.full((len(gallery), 1), me), np.ones((len(asked), 1)))

    match = CrossFittedMatch(who, train)
    values = np.zeros((40, 1), dtype=np.float32)
    for fold in range(FOLDS):
        rows, probes = match(values, values[who.pool_fold == fold], fold)
        scores = probes @ rows.T
        for column, other in enumerate(who.gallery_fold):
            (trainer,) = set(scores[:, column].astype(int))
            assert not {fold, other} & trained_by[trainer - 1]
            assert len(trained_by[trainer - 1]) == FOLDS - 2
    # One match for each two folds that are left out.
    assert len(trained_by) == FOLDS * (FOLDS - 1) // 2

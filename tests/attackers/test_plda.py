"""PLDA against its definition, and trained on other people's mated pairs alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from auditor.attackers.enrolment import FOLDS, Enrolment
from auditor.attackers.plda import PLDA, RepeatPLDA, repeat_plda, scatter_of_pairs
from auditor.attackers.recogniser import RECOGNISERS
from auditor.data.protocols import Items, split


def test_rows_give_the_likelihood_ratio_of_one_person_to_two(monkeypatch):
    """Against the definition: densities of the pair under the two covariances."""
    monkeypatch.setattr("auditor.attackers.plda._SHRINKAGE", 0.0)
    rng = np.random.default_rng(0)
    people = rng.normal(size=(40, 3)) @ np.diag([3.0, 2.0, 1.0])
    within = np.array([[1.0, 0.3, 0.0], [0.3, 0.8, 0.1], [0.0, 0.1, 0.5]])
    model = PLDA.of(people, within)
    x, y = rng.normal(size=(2, 6, 3)) * 2
    placed = [model._placed(one) for one in (x, y)]
    gallery, probe = model.rows(x, y)
    found = (probe @ gallery.T) * np.sqrt(len(model.ratio))
    between = np.diag(model.ratio)
    total = between + np.eye(len(between))
    pair = np.block([[total, between], [between, total]])
    same = multivariate_normal(cov=pair)
    alone = multivariate_normal(cov=total)
    wanted = np.array(
        [
            [
                same.logpdf(np.concatenate([a, b])) - alone.logpdf(a) - alone.logpdf(b)
                for a in placed[0]
            ]
            for b in placed[1]
        ]
    )
    constant = wanted[0, 0] - found[0, 0]
    assert found + constant == pytest.approx(wanted, abs=1e-6)


def test_every_item_is_brought_to_the_length_that_is_expected_of_it():
    rng = np.random.default_rng(0)
    model = PLDA.of(rng.normal(size=(50, 5)), 0.2 * np.eye(5))
    placed = model._placed(rng.normal(size=(20, 5)) * 7)
    whitened = placed / np.sqrt(1 + model.ratio)
    assert np.square(whitened).sum(axis=1) == pytest.approx(np.full(20, len(model.ratio)))


def test_the_scatter_of_pairs_is_the_mean_of_each_persons_covariance():
    rng = np.random.default_rng(0)
    sizes = [2, 3, 7]
    items = rng.normal(size=(sum(sizes), 4)) + np.repeat(rng.normal(size=(3, 4)), sizes, axis=0)
    whose = np.repeat(np.arange(3), sizes)
    each = [np.cov(items[whose == one].T) for one in range(3)]
    assert scatter_of_pairs(items, whose.astype(str)) == pytest.approx(np.mean(each, axis=0))


def test_the_pairs_of_two_people_do_not_train_the_match_they_meet_in(context):
    """Their items may say anything: how others scatter stays the same; elsewhere it counts."""
    who = Enrolment.of_release(context, split(context.records, "cross-session"))
    seen = RECOGNISERS["adapted"](context, who)
    rng = np.random.default_rng(0)
    gallery, pool = seen.gallery.copy(), seen.pool.copy()
    for rows, folds in ((gallery, who.gallery_fold), (pool, who.pool_fold)):
        rows[folds <= 1] = rng.normal(size=rows[folds <= 1].shape)
    before, after = (
        RepeatPLDA(*sides, [slice(0, pool.shape[1])], [np.zeros(1)])
        for sides in ((seen.gallery, seen.pool), (gallery, pool))
    )
    for fold, other, same in ((0, 1, True), (1, 0, True), (0, 0, True), (0, 2, False)):
        pairs = who.others(fold, other)
        assert np.array_equal(before.within(*pairs), after.within(*pairs)) == same


@pytest.mark.parametrize("n_leads", [1, 2])
def test_where_there_is_no_identity_people_score_as_others_do(n_leads):
    """Noise in place of embeddings: the share of mated scores above others is a half."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, d = 30, 128 * n_leads
        whose = np.repeat(np.arange(n), 2)
        gallery, pool = rng.normal(size=(n, d)), rng.normal(size=(2 * n, d))
        fold = rng.permutation(n) % FOLDS
        names = np.arange(n).astype(str)
        items = Items.whole(np.arange(n)), Items.whole(np.arange(2 * n))
        who = Enrolment(*items, np.arange(2 * n), names, names[whose], fold, fold[whose], {})
        seen = repeat_plda(who, gallery, pool)
        for one in range(FOLDS):
            asked = np.flatnonzero(who.pool_fold == one)
            rows, probes = seen.rows(one, asked)
            scores = probes @ rows.T
            own = who.pool_subject[asked][:, None] == names[None]
            found += list((scores < scores[own][:, None]).sum(axis=1) / (n - 1))
    # 720 mated scores: the mean of as many uniform places strays from a half by 0.011.
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)


def test_what_one_protocol_trained_is_not_trained_again_for_the_next(context):
    searched = [
        RECOGNISERS["plda"](
            context, Enrolment.of_release(context, split(context.records, protocol))
        )
        for protocol in ("same-session", "cross-session")
    ]
    assert searched[0].match.trained is searched[1].match.trained
    assert RECOGNISERS["adapted"](context, searched[0].enrolment).match.trained is not (
        searched[0].match.trained
    )

"""What a recipe gives away of one person, by canaries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from auditor.attackers.membership import trials
from auditor.checks.base import Measured
from auditor.checks.privacy_loss.check import PrivacyLoss, plan
from auditor.core.errors import EvidenceError
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import NONMEMBER
from auditor.stats.metrics import auc
from tests.checks.asking import context, estimated
from tests.checks.membership.plant import CLASSES, VALUE, of_trees


def test_canaries_are_told_by_trees_that_learn_by_heart():
    learnt = of_trees(0)
    canaries = PrivacyLoss(learnt).attack(context(), stream(0, "test"))
    assert len(canaries.score) == (learnt.split == NONMEMBER).sum() / 4
    assert auc(canaries.score, canaries.positive) > 0.9


def test_only_models_that_can_be_trained_again_are_given_canaries():
    learnt = of_trees(0)
    assert [type(one) for one in plan(learnt)] == [PrivacyLoss]
    assert plan(replace(learnt, train_reference=None)) == []
    assert plan(replace(learnt, y_true=learnt.y_true[:, :0], labels=())) == []
    why = PrivacyLoss(replace(learnt, membership_unknown="no table of members")).unmet(context())
    assert why == "no table of members"


def told(score: np.ndarray, inside: np.ndarray) -> Measured:
    names = np.array([f"{k:05d}" for k in range(len(score))])
    return estimated(PrivacyLoss(None), trials(score, inside, names))


def loss(score: np.ndarray, inside: np.ndarray) -> Estimate:
    return told(score, inside).estimates["epsilon"]


def test_canaries_that_cannot_be_told_have_no_privacy_loss():
    alarms = 0
    for seed in range(200):
        rng = stream(seed, "coins")
        alarms += loss(rng.normal(size=100), rng.random(100) < 0.5).low > 0
    assert binom.sf(alarms - 1, 200, 0.025) > 0.01


def test_randomised_response_is_given_at_most_its_own_loss():
    epsilon, over = 1.5, 0
    for seed in range(200):
        rng = stream(seed, "answers")
        inside = rng.random(200) < 0.5
        honest = rng.random(200) < np.exp(epsilon) / (1 + np.exp(epsilon))
        said = np.where(honest, inside, ~inside)
        over += loss(said + 0.1 * rng.random(200), inside).low > epsilon
    assert binom.sf(over - 1, 200, 0.025) > 0.01


def test_of_canaries_that_are_all_told_the_loss_is_that_of_none_wrong():
    inside = np.arange(100) % 2 == 0
    found = told(inside.astype(float), inside)
    one = found.estimates["epsilon"]
    assert found.params == {"canaries": 100, "guessed": 50}
    # 50 right of 50: the exact bound of a share is 0.025^(1/50).
    share = 0.025 ** (1 / 50)
    assert one.low == pytest.approx(np.log(share / (1 - share)), rel=1e-6)


def test_few_canaries_are_refused():
    with pytest.raises(EvidenceError, match="canaries"):
        loss(np.zeros(12), np.arange(12) % 2 == 0)


@pytest.mark.parametrize("objective", [CLASSES, VALUE], ids=["classes", "a value"])
def test_canaries_are_given_classes_and_values_that_somebody_has(objective):
    learnt = of_trees(0, objective=objective)
    given = []

    def watched(rows, truth, seed):
        given.append(truth[:, 0])
        return learnt.train_reference(rows, truth, seed)

    watching = replace(learnt, train_reference=watched)
    canaries = PrivacyLoss(watching).attack(context(), stream(0, "test"))
    assert auc(canaries.score, canaries.positive) > 0.9
    others = learnt.split == NONMEMBER
    assert np.array_equal(given[0][~others], learnt.y_true[~others, 0])
    assert np.isin(given[0][others], learnt.y_true[:, 0]).all()
    assert (given[0][others] == learnt.y_true[others, 0]).mean() < 0.6
    by_person = [np.unique(given[0][learnt.subject == one]) for one in set(learnt.subject)]
    assert {len(one) for one in by_person} == {1}

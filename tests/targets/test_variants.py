"""What could be released instead of a model is told from what it gives out, and is no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import logit

from auditor.checks import registry
from auditor.checks.membership.check import Membership
from auditor.checks.output_linkage.check import OutputLinkage
from auditor.core.errors import EvidenceError
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.core.target import Target
from auditor.learning import boost
from auditor.learning.boost import Trees
from auditor.targets.variants import remembered, rounded, variants
from tests.checks.asking import attacked, measured
from tests.checks.membership.plant import CLASSES, VALUE, of_trees
from tests.checks.output_linkage.plant import People, memorising, naming, risk

SCORES = arrays.arrays(np.float32, (7, 2), elements=st.floats(0, 1, width=32))


@given(SCORES, st.integers(0, 3))
def test_scores_that_are_rounded_alike_are_read_alike_and_in_their_order(scores, decimals):
    read = rounded("scores", scores, decimals)
    told = np.round(scores, decimals)
    for one, other in ((a, b) for a in range(14) for b in range(14)):
        said = np.sign(told.ravel()[one] - told.ravel()[other])
        assert np.sign(read.ravel()[one] - read.ravel()[other]) == said
    assert (np.abs(read - scores) <= 0.5 * 10.0**-decimals + 1e-6).all()
    assert ((read > 0) & (read < 1)).all()


def test_other_outputs_are_rounded_and_no_more():
    values = np.array([[-3.26, 0.0, 12.349]], np.float32)
    np.testing.assert_allclose(rounded("explanation", values, 1), [[-3.3, 0.0, 12.3]], rtol=1e-6)


def test_scores_are_rounded_further_than_they_are_released_and_not_less():
    target = naming(0, True)
    assert [one.rounded_to for one in variants(target)] == [0, 1, 2, 3]
    assert [one.rounded_to for one in variants(replace(target, decimals=2))] == [0, 1]
    assert list(variants(memorising(0, True))) == []
    assert all(list(one.outputs) == ["scores"] for one in variants(target))
    assert all(one.instead_of is target for one in variants(target))


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_the_fit_of_rounded_scores_is_worked_out_from_them(decimals):
    target = of_trees(0)
    one = next(each for each in variants(target) if each.rounded_to == decimals)
    score = one.view("scores").values[:, 0].astype(float)
    truth = target.y_true[:, 0]
    told = logit(np.where(truth == 1, score, 1 - score))
    assert one.membership_signal is not None
    np.testing.assert_allclose(one.membership_signal()[:, 0], told, atol=2e-3)


def test_a_fit_that_scores_do_not_tell_is_not_taken_for_one():
    target = of_trees(0)
    likeness = replace(target, membership_signal=lambda: np.full((len(target.record), 1), 0.3))
    some = next(variants(likeness))
    with pytest.raises(EvidenceError, match="more than its scores"):
        attacked(Membership(some))


def test_values_are_not_rounded_as_scores_and_classes_are():
    assert [one.rounded_to for one in variants(of_trees(0, objective=VALUE))
            if one.rounded_to is not None] == []  # fmt: skip
    classes = next(variants(of_trees(0, objective=CLASSES)))
    assert measured(Membership(classes)).estimates["auc"].low > 0.5


def test_trees_are_asked_as_they_were_after_fewer_rounds():
    target = of_trees(0, Trees(rounds=20, depth=4))
    stages = {one.stopped_at: one for one in variants(target) if one.stopped_at is not None}
    assert list(stages) == [1, 2, 5, 10]
    (booster,) = target.trees.values()
    for n, one in stages.items():
        told = boost.probabilities(booster[:n], target.inputs)
        np.testing.assert_allclose(one.view("scores").values[:, 0], told, rtol=1e-6)
        assert one.view("leaves").values.shape[1] == n
        assert set(one.outputs) == {"scores", "leaves"}
        assert one.name == target.name


def test_reference_models_of_all_roundings_are_trained_once():
    trained = []

    def train(rows, truth, seed):
        trained.append(seed)
        return np.zeros(truth.shape)

    again, rows, truth = remembered(train), np.ones(3, bool), np.zeros((3, 1))
    for _ in range(3):
        again(rows, truth, 0)
    again(~rows, truth, 0)
    assert trained == [0, 0]


def test_what_could_be_released_instead_is_asked_for_leaks_and_for_its_worth_alone():
    every = list(registry.of_models([of_trees(0)], (20,)))
    instead = [one for one in every if one.target.instead_of is not None]
    assert {one.id for one in instead} == {"membership", "output-linkage", "performance"}
    assert all((one.rounded_to is None) != (one.stopped_at is None) for one in instead)


def told_apart(target: Target, seed: int) -> Estimate:
    """How well people are told apart by scores, sure to 999 in 1,000."""
    check = OutputLinkage(target, "scores")
    found = check.estimate(attacked(check, seed), 0.999, lambda *_: stream(seed, "interval"))
    return found.estimates["auc_known"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0])
def test_rounding_finds_nobody_more_beyond_the_interval_and_nobody_where_nobody_is(seed, strength):
    people = People(seed, 120)
    own = strength * people.noise(3, per_person=True)
    target = people.target({"scores": risk(own + people.noise(3))})
    rounding = {one.rounded_to: told_apart(one, seed) for one in variants(target)}
    whole = told_apart(target, seed)
    assert list(rounding) == [0, 1, 2, 3]
    for found in rounding.values():
        assert found.low <= whole.high
        if not strength:
            assert found.low <= 0.5 <= found.high
    if strength == 3.0:
        assert whole.low > 0.5
        assert rounding[0].value < whole.low  # a decision names fewer than a score
    assert rounding[3].value == pytest.approx(whole.value, abs=0.01)

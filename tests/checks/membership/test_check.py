"""Who was in the training data: what is planted is found, and nothing is found where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.membership import check as membership
from auditor.checks.membership.check import Crowd, Membership, PrivacyLoss, halves
from auditor.core.evidence import Trials
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.stats.metrics import auc
from tests.checks.membership.plant import CASE, SHALLOW, of_trees


def found(attack, seed: int = 0) -> dict[str, Trials]:
    return attack.run(CASE, stream(seed, "test"))


def right(trials: Trials) -> float:
    return auc(trials.score, trials.positive)


@pytest.fixture(scope="module")
def learnt():
    return of_trees(0)


@pytest.fixture(scope="module")
def seen(learnt):
    return found(Membership(learnt))


def test_references_find_more_members_than_the_loss_alone(seen):
    assert right(seen["loss"]) > 0.8
    assert right(seen[""]) > right(seen["loss"]) + 0.02
    assert right(seen["lira"]) > right(seen["lira_offline"]) > right(seen["loss"])


def test_one_score_is_given_of_each_person(seen, learnt):
    assert sorted(seen[""].subject) == sorted(set(learnt.subject))
    assert seen[""].positive.sum() == 50


def test_trees_that_can_learn_nobody_by_heart_give_few_away(seen):
    shallow = found(Membership(of_trees(0, SHALLOW)))
    assert right(shallow[""]) < 0.85 < right(seen[""]) - 0.05


def test_the_order_of_records_does_not_matter(learnt, seen):
    turned = found(Membership(shuffled(learnt)))
    # References are grown on rows in another order, which moves cuts of histograms not at all.
    assert np.allclose(by_name(turned[""]), by_name(seen[""]), atol=1e-3)


def by_name(trials: Trials) -> np.ndarray:
    return trials.score[np.argsort(trials.subject)]


def shuffled(target):
    order = stream(1, "rows").permutation(len(target.record))
    place = np.argsort(order)

    def fit():
        return target.fit()[order]

    def refit(rows, truth, seed):
        return target.refit(rows[place], truth[place], seed)[order]

    moved = ("record", "subject", "session", "part", "male", "age", "truth", "inputs")
    arrays = {name: getattr(target, name)[order] for name in moved}
    return replace(target, **arrays, fit=fit, refit=refit, known={})


def test_who_has_records_on_both_sides_or_on_neither_is_not_asked_about(learnt):
    part = learnt.part.copy()
    torn, unclear = learnt.subject == "3", learnt.subject == "7"
    part[np.flatnonzero(torn)[0]] = 1 - part[np.flatnonzero(torn)[0]]
    part[unclear] = NEITHER
    crowd = Crowd.of(replace(learnt, part=part))
    assert len(crowd.people) == 98
    assert not np.isin(["3", "7"], crowd.people).any()


def test_everybody_is_in_half_of_the_references():
    inside = halves(31, 6, stream(0, "halves"))
    assert (inside.sum(axis=0) == 3).all()
    assert (np.abs(inside.sum(axis=1) - 15.5) <= 0.5).all()


def test_a_blind_look_is_taken_at_members_that_differ(learnt):
    moved = learnt.inputs + 1.5 * (learnt.part == MEMBER)[:, None]
    blind = found(Membership(replace(learnt, inputs=moved.astype(np.float32))))["blind"]
    assert right(blind) > 0.95


def test_a_blind_look_sees_nothing_where_members_were_drawn_by_lot(seen):
    luck = [right(one) for name, one in seen.items() if name.startswith(membership.BLINDED)]
    assert len(luck) == 99
    assert right(seen["blind"]) <= max(luck)


def test_without_a_recipe_the_fit_is_held_against_those_of_whom_the_same_is_true(learnt):
    alone = found(Membership(replace(learnt, refit=None)))
    assert "lira" not in alone
    assert right(alone[""]) > 0.75


def test_of_a_suite_the_models_are_put_together(learnt):
    many = found(Membership(of_trees(2, tells=5)))
    assert {name for name in many if name.startswith("suite")} == {"suite 1", "suite 2", "suite 5"}
    assert right(many["suite 5"]) > right(many["suite 1"])
    assert np.allclose(many["suite 5"].score, many[""].score)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"unknown": "no table of members"}, "no table of members"),
        ({"fit": None}, "what is true of its records is not known"),
    ],
)
def test_what_cannot_be_asked_is_said(change, why, learnt):
    assert why in Membership(replace(learnt, **change)).unmet(CASE)


def test_few_people_are_refused():
    assert "found fewer" in Membership(of_trees(0, n=30)).unmet(CASE)


def test_a_model_that_cannot_be_trained_again_has_no_twin(learnt):
    assert Membership(replace(learnt, overfit=None)).twin(True, 0) is None


def test_the_twin_leaks_where_it_is_planted_and_is_silent_where_not(learnt):
    attack = Membership(learnt)
    planted, null = (found(attack.twin(one, 0))[""] for one in (True, False))
    assert right(planted) > 0.85
    assert 0.3 < right(null) < 0.65
    assert len(planted.score) == len(null.score) == 100


def test_canaries_are_told_by_trees_that_learn_by_heart(learnt):
    canaries = found(PrivacyLoss(learnt))[""]
    assert len(canaries.score) == (learnt.part == NONMEMBER).sum() / 4
    assert right(canaries) > 0.9


def test_only_models_that_can_be_trained_again_are_given_canaries(learnt):
    kinds = [type(one) for one in membership.attacks(learnt)]
    assert kinds == [Membership, PrivacyLoss]
    assert [type(one) for one in membership.attacks(replace(learnt, refit=None))] == [Membership]

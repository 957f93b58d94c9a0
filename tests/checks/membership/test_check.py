"""Who was in the training data: what is planted is found, and nothing is found where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from auditor.attackers.membership import Subjects, _explained, explanation_guesses
from auditor.checks.membership.check import Membership, MembershipScores, plan
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Trials
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Target
from auditor.learning import boost
from auditor.stats.metrics import auc
from auditor.targets.table import Table
from auditor.targets.trees import target
from tests.checks.asking import attacked, context, estimated
from tests.checks.membership.plant import CLASSES, DEEP, FINDING, SHALLOW, VALUE, of_trees

N = 400


def right(trials: Trials | None) -> float:
    assert trials is not None
    return auc(trials.score, trials.positive)


def explained(target: Target) -> Trials:
    return explanation_guesses(target, Subjects.of(target), stream(0, "explained"))


@pytest.fixture(scope="module")
def learnt():
    return of_trees(0)


@pytest.fixture(scope="module")
def seen(learnt) -> MembershipScores:
    return attacked(Membership(learnt))


def test_references_find_more_members_than_the_loss_alone(seen):
    assert right(seen.loss) > 0.8
    assert right(seen.own) > right(seen.loss) + 0.02
    assert right(seen.lira) > right(seen.lira_offline) > right(seen.loss)


def test_explanations_tell_members_and_nobody_who_was_not_learnt(seen):
    assert right(seen.explanation) > 0.75
    found = [
        right(explained(of_trees(seed, learnt=learnt, objective=objective)))
        for seed in range(3)
        for objective in (FINDING, CLASSES, VALUE)
        for learnt in (True, False)
    ]
    assert min(found[::2]) > 0.75
    assert max(found[1::2]) < 0.75
    assert np.mean(found[1::2]) == pytest.approx(0.5, abs=0.06)


def test_explanations_are_asked_only_where_the_model_gives_them(learnt):
    silent = replace(learnt, outputs={"scores": learnt.outputs["scores"]}, _cache={})
    assert attacked(Membership(silent)).explanation is None
    assert Membership(silent).inapplicable.keys() == {"explanation_auc"}
    assert not Membership(learnt).inapplicable
    twin = Membership(learnt).twin(True, 0)
    assert twin is not None
    assert "explanation" not in twin.target.outputs


def test_of_models_that_ask_for_other_inputs_each_has_its_own_columns(learnt):
    first = of_trees(0, tells=2)
    narrow = boost.fit(
        DEEP, first.inputs[:, :3], first.y_true[:, 1], None, None, first.columns[:3], 0
    )  # fmt: skip
    table = Table(
        first.record, first.subject, first.session, first.split, first.male, first.age,
        first.inputs, first.columns, dict(zip(first.labels, first.y_true.T, strict=True)), "",
    )  # fmt: skip
    mixed = target("trees", "", table, {"T0": first.trees["T0"], "T1": narrow})
    parts = list(_explained(mixed, mixed.view("explanation").values))
    assert [moved.shape[1] for moved, _ in parts] == [8, 3]
    for place, (label, (moved, side)) in enumerate(zip(mixed.labels, parts, strict=True)):
        columns = [mixed.columns.index(one) for one in mixed.trees[label].feature_names]
        by_hand = boost.contributions(mixed.trees[label], mixed.inputs[:, columns])
        np.testing.assert_allclose(moved, by_hand, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(side, 2 * mixed.y_true[:, place] - 1)


def test_one_score_is_given_of_each_person(seen, learnt):
    assert sorted(seen.own.subject) == sorted(set(learnt.subject))
    assert seen.own.positive.sum() == 50


def test_trees_that_can_learn_nobody_by_heart_give_few_away(seen):
    shallow = attacked(Membership(of_trees(0, SHALLOW)))
    assert right(shallow.own) < 0.85 < right(seen.own) - 0.05


def test_the_order_of_records_does_not_matter(learnt, seen):
    turned = attacked(Membership(shuffled(learnt)))
    # References are grown on rows in another order, which moves cuts of histograms not at all.
    assert np.allclose(by_name(turned.own), by_name(seen.own), atol=1e-3)


def by_name(trials: Trials) -> np.ndarray:
    return trials.score[np.argsort(trials.subject)]


def shuffled(target):
    order = stream(1, "rows").permutation(len(target.record))
    place = np.argsort(order)

    def fit():
        return target.membership_signal()[order]

    def refit(rows, truth, seed):
        return target.train_reference(rows[place], truth[place], seed)[order]

    moved = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    arrays = {name: getattr(target, name)[order] for name in moved}
    return replace(target, **arrays, membership_signal=fit, train_reference=refit, _cache={})


def test_a_blind_look_is_taken_at_members_that_differ(learnt):
    moved = learnt.inputs + 1.5 * (learnt.split == MEMBER)[:, None]
    blind = attacked(Membership(replace(learnt, inputs=moved.astype(np.float32)))).blind
    assert right(blind) > 0.95


def test_a_blind_look_sees_nothing_where_members_were_drawn_by_lot(seen):
    luck = [right(one) for one in seen.permuted]
    assert len(luck) == 99
    assert right(seen.blind) <= max(luck)


def test_without_a_recipe_the_fit_is_held_against_those_of_whom_the_same_is_true(learnt):
    alone = attacked(Membership(replace(learnt, train_reference=None)))
    assert alone.lira is alone.lira_offline is None
    assert right(alone.own) > 0.75


def test_of_a_suite_the_models_are_put_together(learnt):
    many = attacked(Membership(of_trees(2, tells=5)))
    assert list(many.first_n_models) == [1, 2, 5]
    assert right(many.first_n_models[5]) > right(many.first_n_models[1])
    assert np.allclose(many.first_n_models[5].score, many.own.score)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"membership_unknown": "no table of members"}, "no table of members"),
        ({"membership_signal": None}, "what is true of its records is not known"),
    ],
)
def test_what_cannot_be_asked_is_said(change, why, learnt):
    assert why in Membership(replace(learnt, **change)).unmet(context())


def test_few_people_are_refused():
    assert "found fewer" in Membership(of_trees(0, n=30)).unmet(context())


def test_a_model_that_cannot_be_trained_again_has_no_twin(learnt):
    assert Membership(replace(learnt, train_overfitted=None)).twin(True, 0) is None


def test_the_twin_leaks_where_it_is_planted_and_is_silent_where_not(learnt):
    attack = Membership(learnt)
    planted, null = (attacked(attack.twin(one, 0)).own for one in (True, False))
    assert right(planted) > 0.85
    assert 0.3 < right(null) < 0.65
    assert len(planted.score) == len(null.score) == 100


def test_every_model_is_asked(learnt):
    assert [
        type(one) for one in plan(replace(learnt, train_reference=None, membership_signal=None))
    ] == [Membership]


# --- what scores amount to ----------------------------------------------------------------


def trials(score: np.ndarray, positive: np.ndarray) -> Trials:
    names = np.array([f"{k:05d}" for k in range(len(score))])
    return Trials(score, positive, names, np.zeros(len(score), dtype=np.int64))


def evidence(shift: float, seed: int = 0, n: int = N, blind: float = 0.0) -> MembershipScores:
    rng = stream(seed, "scores")
    member = np.arange(n) % 2 == 0
    score = rng.normal(size=n) + shift * member
    apart = rng.normal(size=n) + blind * member
    luck = tuple(trials(rng.normal(size=n), rng.permutation(member)) for _ in range(39))
    return of(trials(score, member), trials(apart, member), luck)


def of(
    own: Trials,
    blind: Trials,
    permuted: tuple[Trials, ...] = (),
    first_n_models: Mapping[int, Trials] | None = None,
) -> MembershipScores:
    """Scores of one attack."""
    return MembershipScores(own, own, None, None, None, None, first_n_models or {}, blind, permuted)


def told(seen: MembershipScores):
    return estimated(Membership(None), seen)


def test_the_auc_is_that_of_two_normals():
    estimates = told(evidence(1.5, n=4000)).estimates
    assert estimates["auc"].value == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)
    assert estimates["auc"].low < norm.cdf(1.5 / np.sqrt(2)) < estimates["auc"].high


def test_the_rate_at_small_error_is_that_of_two_normals():
    estimates = told(evidence(2.0, n=20000)).estimates
    for label, fpr in (("1pct", 0.01), ("0.1pct", 0.001)):
        one = estimates[f"tpr_at_fpr_{label}"]
        assert one.low < norm.sf(norm.isf(fpr) - 2.0) < one.high
        assert one.chance == fpr


def test_the_fewer_others_there_are_the_less_is_known_of_the_threshold():
    few, many = (told(evidence(3.0, n=n)).estimates["tpr_at_fpr_1pct"] for n in (800, 4000))
    assert 0.02 < few.low < many.low
    assert few.high - few.low > 2 * (many.high - many.low)


def test_where_nothing_is_found_few_others_and_many_members_seldom_fail():
    rng = stream(0, "few others")
    member = np.arange(3100) < 3000
    failed = 0
    for _ in range(60):
        seen = of(trials(rng.normal(size=3100), member), evidence(0.0).blind)
        failed += told(seen).estimates["tpr_at_fpr_1pct"].low > 0.02
    assert failed == 0


def test_a_rate_finer_than_the_others_can_show_is_not_told():
    estimates = told(evidence(2.0)).estimates
    assert "tpr_at_fpr_1pct" in estimates
    assert "tpr_at_fpr_0.1pct" not in estimates
    estimates = told(evidence(2.0, n=190)).estimates
    assert "tpr_at_fpr_1pct" not in estimates


@pytest.mark.slow
def test_intervals_hold_what_is_true_as_often_as_they_say():
    truth = norm.sf(norm.isf(0.01) - 2.0)
    held = 0
    for seed in range(60):
        one = told(evidence(2.0, seed)).estimates["tpr_at_fpr_1pct"]
        held += one.low <= truth <= one.high
    assert binom.cdf(held, 60, 0.95) > 0.01


def test_where_members_are_like_others_nobody_is_named():
    alarms = named = 0
    for seed in range(60):
        found = told(evidence(0.0, seed))
        alarms += found.estimates["auc"].low > 0.5
        named += "singled_out" in found.params or found.estimates["singled_out"].value > 0
    assert binom.sf(alarms - 1, 60, 0.05) > 0.01
    assert binom.sf(named - 1, 60, 0.05) > 0.01


def test_where_members_stand_out_they_are_named_and_few_names_are_wrong():
    wrong = []
    for seed in range(30):
        seen = evidence(5.0, seed)
        share = told(seen).estimates["singled_out"].value
        assert share > 0.8
        scores = seen.own
        threshold = np.sort(scores.score[scores.positive])[::-1][int(share * N / 2) - 1]
        called = scores.score >= threshold
        wrong.append((called & ~scores.positive).sum() / called.sum())
    assert np.mean(wrong) < 0.05


def test_fewer_than_ten_who_are_named_are_not_counted():
    seen = evidence(0.0)
    rng = stream(1, "scores")
    # Eight of a hundred can be named when a thousand others all score less.
    score = np.concatenate([np.full(8, 50.0), rng.normal(size=92) - 9, rng.normal(size=1000)])
    own = trials(score, np.arange(1100) < 100)
    found = told(replace(seen, own=own))
    assert found.params == {"singled_out": "1 to 9 people"}
    assert "singled_out" not in found.estimates


def test_what_a_blind_look_tells_apart_is_void():
    with pytest.raises(EvidenceError, match="void: members and the others differ"):
        told(evidence(3.0, blind=1.5))


def test_of_a_suite_the_curve_is_told_by_its_sizes():
    seen = evidence(1.0)
    many = replace(seen, first_n_models={1: seen.own, 10: evidence(2.0).own})
    curves = told(many).curves
    assert curves["suite"]["models"] == [1, 10]
    assert curves["suite"]["auc"][1] > curves["suite"]["auc"][0]


def test_a_blind_look_tells_members_of_a_middle_class_from_others():
    learnt = of_trees(0, objective=CLASSES)
    truth = np.where(learnt.split == MEMBER, 1.0, 2.0 * (learnt.y_true[:, 0] > 0))
    blind = attacked(Membership(replace(learnt, y_true=truth[:, None]))).blind
    assert right(blind) > 0.95

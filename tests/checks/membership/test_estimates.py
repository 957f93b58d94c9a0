"""What scores of members amount to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from auditor.checks.membership.estimates import measured, privacy_loss
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Trials
from auditor.core.streams import stream

N = 400


def trials(score: np.ndarray, positive: np.ndarray) -> Trials:
    names = np.array([f"{k:05d}" for k in range(len(score))])
    return Trials(score, positive, names, np.zeros(len(score), dtype=np.int64))


def evidence(shift: float, seed: int = 0, n: int = N, blind: float = 0.0) -> dict[str, Trials]:
    rng = stream(seed, "scores")
    member = np.arange(n) % 2 == 0
    score = rng.normal(size=n) + shift * member
    apart = rng.normal(size=n) + blind * member
    luck = {
        f"blind to members {k}": trials(rng.normal(size=n), rng.permutation(member))
        for k in range(39)
    }
    return {"": trials(score, member), "blind": trials(apart, member), **luck}


def found(seen, level: float = 0.95):
    return measured(seen, level=level, rng=stream(0, "interval"))


def test_the_auc_is_that_of_two_normals():
    estimates, _, _ = found(evidence(1.5, n=4000))
    assert estimates["auc"].value == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)
    assert estimates["auc"].low < norm.cdf(1.5 / np.sqrt(2)) < estimates["auc"].high


def test_the_rate_at_small_error_is_that_of_two_normals():
    estimates, _, _ = found(evidence(2.0, n=20000))
    for label, fpr in (("1pct", 0.01), ("0.1pct", 0.001)):
        one = estimates[f"tpr_at_fpr_{label}"]
        assert one.low < norm.sf(norm.isf(fpr) - 2.0) < one.high
        assert one.chance == fpr


def test_few_others_leave_the_strictest_threshold_unseen():
    few, many = (found(evidence(3.0, n=n))[0]["tpr_at_fpr_1pct"] for n in (800, 900))
    assert few.low == 0.0
    assert many.low > 0.3


def test_where_nothing_is_found_few_others_and_many_members_seldom_fail():
    rng = stream(0, "few others")
    member = np.arange(3100) < 3000
    failed = 0
    for _ in range(60):
        seen = {"": trials(rng.normal(size=3100), member), "blind": evidence(0.0)["blind"]}
        failed += found(seen)[0]["tpr_at_fpr_1pct"].low > 0.02
    assert failed == 0


def test_a_rate_finer_than_the_others_can_show_is_not_told():
    estimates, _, _ = found(evidence(2.0))
    assert "tpr_at_fpr_1pct" in estimates
    assert "tpr_at_fpr_0.1pct" not in estimates
    estimates, _, _ = found(evidence(2.0, n=190))
    assert "tpr_at_fpr_1pct" not in estimates


def test_intervals_hold_what_is_true_as_often_as_they_say():
    truth = norm.sf(norm.isf(0.01) - 2.0)
    held = 0
    for seed in range(60):
        one = found(evidence(2.0, seed))[0]["tpr_at_fpr_1pct"]
        held += one.low <= truth <= one.high
    assert binom.cdf(held, 60, 0.95) > 0.01


def test_where_members_are_like_others_nobody_is_named():
    alarms = named = 0
    for seed in range(60):
        estimates, _, params = found(evidence(0.0, seed))
        alarms += estimates["auc"].low > 0.5
        named += "singled_out" in params or estimates["singled_out"].value > 0
    assert binom.sf(alarms - 1, 60, 0.05) > 0.01
    assert binom.sf(named - 1, 60, 0.05) > 0.01


def test_where_members_stand_out_they_are_named_and_few_names_are_wrong():
    wrong = []
    for seed in range(30):
        seen = evidence(5.0, seed)
        estimates, _, _ = found(seen)
        share = estimates["singled_out"].value
        assert share > 0.8
        scores = seen[""]
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
    estimates, _, params = found({**seen, "": own})
    assert params == {"singled_out": "1 to 9 people"}
    assert "singled_out" not in estimates


def test_what_a_blind_look_tells_apart_is_void():
    with pytest.raises(EvidenceError, match="void: members and the others differ"):
        found(evidence(3.0, blind=1.5))


def test_of_a_suite_the_curve_is_told_by_its_sizes():
    seen = evidence(1.0)
    seen |= {"suite 1": seen[""], "suite 10": evidence(2.0)[""]}
    _, curves, _ = found(seen)
    assert curves["suite"]["models"] == [1, 10]
    assert curves["suite"]["auc"][1] > curves["suite"]["auc"][0]


# --- privacy loss -------------------------------------------------------------------------


def loss(score: np.ndarray, inside: np.ndarray):
    estimates, _, params = privacy_loss({"": trials(score, inside)}, level=0.95, rng=stream(0, "x"))
    return estimates["epsilon"], params


def test_canaries_that_cannot_be_told_have_no_privacy_loss():
    alarms = 0
    for seed in range(200):
        rng = stream(seed, "coins")
        alarms += loss(rng.normal(size=100), rng.random(100) < 0.5)[0].low > 0
    assert binom.sf(alarms - 1, 200, 0.025) > 0.01


def test_randomised_response_is_given_at_most_its_own_loss():
    epsilon, over = 1.5, 0
    for seed in range(200):
        rng = stream(seed, "answers")
        inside = rng.random(200) < 0.5
        honest = rng.random(200) < np.exp(epsilon) / (1 + np.exp(epsilon))
        said = np.where(honest, inside, ~inside)
        over += loss(said + 0.1 * rng.random(200), inside)[0].low > epsilon
    assert binom.sf(over - 1, 200, 0.025) > 0.01


def test_of_canaries_that_are_all_told_the_loss_is_that_of_none_wrong():
    inside = np.arange(100) % 2 == 0
    one, params = loss(inside.astype(float), inside)
    assert params == {"canaries": 100, "guessed": 50}
    # 50 right of 50: the exact bound of a share is 0.025^(1/50).
    share = 0.025 ** (1 / 50)
    assert one.low == pytest.approx(np.log(share / (1 - share)), rel=1e-6)


def test_few_canaries_are_refused():
    with pytest.raises(EvidenceError, match="canaries"):
        loss(np.zeros(12), np.arange(12) % 2 == 0)

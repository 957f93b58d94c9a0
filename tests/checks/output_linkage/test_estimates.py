"""What searches by outputs amount to: chance is covered, gaps and gains are what they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from auditor.checks.output_linkage.estimates import measured
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions
from auditor.stats.searches import above_alike, paired_gain, rate_gap
from tests.stats.evidence import random_search, search_result

REPEATS = 60


def kinds_of_search(seed, n=40):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), 2)
    return search_result(rng.normal(size=(2 * n, n)), subject, kind=np.arange(n) % 4)


def test_a_search_that_knows_nothing_covers_a_half():
    missed = 0
    for seed in range(REPEATS):
        one = above_alike(kinds_of_search(seed), 0.95, np.random.default_rng(seed))
        missed += not one.low <= 0.5 <= one.high
    assert missed <= binom.ppf(0.9999, REPEATS, 0.05)


def test_what_tells_only_the_kind_of_person_stays_at_a_half():
    n = 60
    rng = np.random.default_rng(0)
    kind, subject = np.arange(n) % 3, np.repeat(np.arange(n), 2)
    scores = rng.normal(size=(2 * n, n)) + 10 * (kind[subject][:, None] == kind[None])
    seen = search_result(scores, subject, kind=kind)
    found = measured({"": seen}, level=0.95, rng=rng)[0]
    assert found["rank1"].low > 1 / n
    assert found["auc_known"].low < 0.5 < found["auc_known"].high


def test_the_mates_place_is_counted_by_hand():
    scores = np.tile(np.arange(12.0), (12, 1))  # everybody scores as their column says
    one = above_alike(search_result(scores, np.arange(12)), 0.95, np.random.default_rng(0))
    assert one.value == pytest.approx(np.mean(np.arange(12) / 11))
    scores = np.eye(12)
    one = above_alike(search_result(scores, np.arange(12)), 0.95, np.random.default_rng(0))
    assert one.value == 1
    assert 0.7 < one.low < 1


def test_people_of_whom_nobody_is_alike_are_not_asked():
    seen = search_result(np.eye(30), np.arange(30), kind=np.r_[np.zeros(9), np.arange(1, 22)])
    assert above_alike(seen, 0.95, np.random.default_rng(0)) is None


def test_a_gap_between_others_covers_nothing_where_there_is_none_and_is_signed():
    missed = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        one = rate_gap(random_search(rng, 30, 1.5), random_search(rng, 30, 1.5), 0.95)
        missed += not one.low <= 0 <= one.high
    assert missed <= binom.ppf(0.9999, REPEATS, 0.05)
    rng = np.random.default_rng(0)
    strong, weak = random_search(rng, 40, 6), random_search(rng, 40)
    assert rate_gap(strong, weak, 0.95).low > 0 > rate_gap(weak, strong, 0.95).high
    one, other = rate_gap(strong, weak, 0.95), rate_gap(weak, strong, 0.95)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_a_larger_gallery_is_no_gap():
    rng = np.random.default_rng(1)
    small, large = (
        search_result(rng.normal(size=(n, n)) + 2 * np.eye(n), np.arange(n)) for n in (20, 400)
    )
    assert rate_gap(small, large, 0.95).low < 0 < rate_gap(small, large, 0.95).high


def test_the_gain_over_a_control_is_of_the_same_people():
    rng = np.random.default_rng(0)
    subject = np.arange(50)
    scores = rng.normal(size=(50, 50))
    ours = search_result(scores + 3 * np.eye(50), subject)
    theirs = search_result(scores + 2 * np.eye(50), subject)
    one = paired_gain(ours, theirs, 0.95)
    assert one.low > 0
    same = paired_gain(ours, ours, 0.95)
    assert same.value == 0
    assert same.low <= 0 <= same.high


def test_controls_and_kinds_are_told_under_their_names():
    searches = {
        name: random_search(np.random.default_rng(7), 30, 3 if name == "" else 0)
        for name in ("", "cosine", "inputs", "untrained", "members", "nonmembers")
    }
    found, curves, _ = measured(searches, level=0.95, rng=np.random.default_rng(0))
    assert {"rank1", "auc_known", "eer", "cosine_rank1", "inputs_eer", "untrained_rank1"} <= set(
        found
    )
    assert {"gain_over_inputs", "gain_over_untrained", "member_gap", "members_rank1"} <= set(found)
    assert found["gain_over_untrained"].low > 0
    assert {"cmc", "gallery"} <= set(curves)
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert one.n_subjects >= 10
        assert one.chance is not None


def test_too_few_people_are_refused():
    search = random_search(np.random.default_rng(0), 9)
    with pytest.raises(EvidenceError, match="10 people"):
        measured({"": search}, level=0.95, rng=np.random.default_rng(0))
    with pytest.raises(EvidenceError, match="column"):
        measured({}, level=0.95, rng=np.random.default_rng(0))


def columns(seed, shares, n=80, each=3):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), each).astype(str)
    found = {}
    for name, share in shares.items():
        truth = rng.normal(size=n * each)
        value = share * truth + np.sqrt(share * (1 - share)) * rng.normal(size=n * each)
        found[name] = Predictions(value, truth, np.zeros(n * each), subject)
    return found


def test_the_share_of_variance_is_what_it_is_and_the_best_columns_are_named():
    seen = columns(0, {"a": 0.2, "b": 0.9, "c": 0.5}, n=2000, each=1)
    found, curves, params = measured(seen, level=0.95, rng=np.random.default_rng(0))
    assert found["r2_b"].value == pytest.approx(0.9, abs=0.02)
    assert found["r2_c"].low < 0.5 < found["r2_c"].high
    assert found["r2_best"] == found["r2_b"]
    assert found["r2_mean"].value == pytest.approx(1.6 / 3, abs=0.03)
    assert params["best"] == curves["columns"]["column"] == ["b", "c", "a"]


def test_no_column_of_many_is_called_rebuilt_where_none_is():
    rung = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        subject = np.repeat(np.arange(60), 2).astype(str)
        seen = {
            f"x{k}": Predictions(
                0.1 * rng.normal(size=120), rng.normal(size=120), np.zeros(120), subject
            )
            for k in range(8)
        }
        found = measured(seen, level=0.95, rng=rng)[0]
        rung += found["r2_best"].low > 0
    assert rung <= binom.ppf(0.9999, REPEATS, 0.05)

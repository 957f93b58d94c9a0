"""Rates against the definition, worked examples and laws."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Trials
from auditor.stats import metrics
from tests.stats.evidence import random_search, search_result


@st.composite
def searches(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random_search(rng, draw(st.integers(2, 15)), draw(st.sampled_from([0.0, 1.0, 5.0])))


def equal_error(one) -> float:
    genuine, impostor = metrics.acceptance(one)
    return float(metrics.eer(genuine.mean(axis=0), impostor.mean(axis=0)))


@given(searches())
def test_a_cmc_never_falls_and_ends_at_one(search):
    curve = metrics.cmc(search, np.arange(1, search.n_gallery + 1))
    assert (np.diff(curve) >= -1e-12).all()
    assert curve[-1] == pytest.approx(1)


def test_everybody_alike_measures_one_in_n():
    search = search_result(np.zeros((20, 8)), np.arange(20) % 8)
    assert metrics.rank_rate(search, 1).mean() == pytest.approx(1 / 8)
    assert metrics.rank_rate(search, 3).mean() == pytest.approx(3 / 8)


def test_a_person_counts_once_however_many_their_probes():
    scores = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], dtype=float)
    search = search_result(scores, np.array([0, 0, 0, 1]))
    assert metrics.rank_rate(search, 1).tolist() == [1, 0]


@given(searches())
def test_renaming_people_changes_nothing(search):
    renamed = replace(
        search,
        subject=np.array([f"x{99 - int(one):02d}" for one in search.subject]),
        sketch_subject=np.array([f"x{99 - int(one):02d}" for one in search.sketch_subject]),
    )
    assert equal_error(renamed) == pytest.approx(equal_error(search))
    assert metrics.rank_rate(renamed, 1).mean() == pytest.approx(
        metrics.rank_rate(search, 1).mean()
    )


def test_eer_agrees_with_the_worked_examples(parity):
    """Each score stands for a person of its own, so that the person is the comparison."""
    sets = json.loads((parity / "statistics" / "verification.json").read_text())["sets"]
    assert sets
    for one in sets:
        genuine, impostor = np.array(one["genuine"]), np.array(one["impostor"])
        edges = np.unique(np.concatenate([genuine, impostor]))
        accepted = ((scores[:, None] >= edges).mean(axis=0) for scores in (genuine, impostor))
        wanted = one["eer"]["interpolated_on_the_roc_polygon"]
        assert float(metrics.eer(*accepted)) == pytest.approx(wanted, abs=1e-9), one["name"]


def test_tpr_at_fpr_and_auc_agree_with_the_worked_examples(parity):
    sets = json.loads((parity / "statistics" / "verification.json").read_text())["sets"]
    for one in sets:
        score = np.array([*one["genuine"], *one["impostor"]], dtype=float)
        positive = np.arange(len(score)) < len(one["genuine"])
        assert metrics.auc(score, positive) == pytest.approx(one["auc"], abs=1e-9)
        for fpr, wanted in one["tpr_at_fpr_at_most"].items():
            try:
                assert metrics.tpr_at_fpr(score, positive, float(fpr)) == pytest.approx(wanted)
            except EvidenceError:
                assert 0 < float(fpr) * len(one["impostor"]) < 1


@given(searches(), st.sampled_from([np.exp, np.arctan, lambda x: 3 * x - 2]))
def test_tpir_and_ranks_ignore_the_scale_of_scores(search, scale):
    scaled = replace(
        search,
        mated_score=scale(search.mated_score),
        best_impostor=scale(search.best_impostor),
        edges=scale(search.edges),
    )
    n = len(np.unique(search.subject))
    assert equal_error(scaled) == pytest.approx(equal_error(search))
    assert metrics.tpir_at_fpir(scaled, 1 / n) == pytest.approx(metrics.tpir_at_fpir(search, 1 / n))


def test_tpir_counts_those_found_above_the_strongest_alarm_that_is_not_allowed():
    best = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    mate = np.array([0.95, 0.85, 0.65, 0.85, 0.9, 0.7, 0.9, 0.1, 0.75, 0.81])
    scores = np.full((10, 10), -1.0)
    scores[np.arange(10), (np.arange(10) + 1) % 10] = best
    scores[np.arange(10), np.arange(10)] = mate
    search = search_result(scores, np.arange(10))
    # One alarm in ten is allowed, so the threshold lies just above 0.8.
    found = (mate > best) & (mate > 0.8)
    assert metrics.tpir_at_fpir(search, 0.1).tolist() == found.tolist()
    assert metrics.tpir_at_fpir(search, 1.0).tolist() == (mate > best).tolist()


def test_a_rate_finer_than_the_people_can_show_is_refused():
    search = random_search(np.random.default_rng(0), 20)
    with pytest.raises(EvidenceError, match="100 people"):
        metrics.tpir_at_fpir(search, 0.01)
    with pytest.raises(EvidenceError, match="1000 negatives"):
        metrics.tpr_at_fpr(np.zeros(60), np.arange(60) < 10, 0.001)


@given(st.integers(0, 2**32))
def test_auc_is_that_of_scikit_learn_and_turns_over_with_the_classes(seed):
    rng = np.random.default_rng(seed)
    score, positive = rng.integers(0, 6, 30).astype(float), rng.random(30) < 0.4
    positive[:2] = [True, False]
    assert metrics.auc(score, positive) == pytest.approx(roc_auc_score(positive, score))
    assert metrics.auc(score, ~positive) == pytest.approx(1 - metrics.auc(score, positive))


def test_auc_compares_people_of_one_stratum_only():
    score = np.array([1.0, 0.0, 11.0, 10.0])
    positive = np.array([True, False, True, False])
    assert metrics.auc(score, positive, np.array([0, 0, 1, 1])) == 1
    assert metrics.auc(score, positive) == 0.75


def test_people_are_averaged_before_they_are_compared():
    trials = Trials(
        np.array([0.0, 1.0, 0.4]),
        np.array([True, True, False]),
        np.array(["a", "a", "b"]),
        np.zeros(3, dtype=np.int64),
    )
    score, positive, _ = metrics.person_trials(trials)
    assert score.tolist() == [0.5, 0.4]
    assert positive.tolist() == [True, False]

"""Whom an intruder can name for certain, on crowds in which it is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from auditor.attackers.demographics import Demographics
from auditor.attackers.search import search_gallery
from auditor.core.evidence import SearchResult
from auditor.stats.naming import SMALLEST_GROUP, most_exposed, named, naming, sure_from
from tests.stats.evidence import search_result

NOBODY: dict[str, np.ndarray] = {}


def crowd(n: int, rng: np.random.Generator, certain: np.ndarray | None = None):
    """Everybody looked for once; scores say nothing but of some people, beyond doubt."""
    mate, impostor = rng.standard_normal(n), rng.standard_normal((n, n - 1))
    if certain is not None:
        mate[certain] = 20
    return met(mate, impostor)


def met(mate: np.ndarray, impostor: np.ndarray):
    """A search in which everybody's scores with themselves and with others are these."""
    n = len(mate)
    few = search_result(np.zeros((12, 12)), np.arange(12))
    none, above = np.zeros(n, dtype=np.int64), (impostor > mate[:, None]).sum(axis=1)
    columns = {
        "subject": np.array([f"{one:05d}" for one in range(n)]),
        "mated_score": mate,
        "n_above": above,
        "n_tied": none,
        "best_impostor": impostor.max(axis=1),
        "matched_impostor_above": none - 1,
        "matched_impostor_tied": none - 1,
        "demographic_above": above,
        "demographic_tied": none,
        "demographic_size": none + n,
        "demographic_best": impostor.max(axis=1),
        "nearest": np.zeros((n, 1)),
        "rival": np.full(n, ""),
        "demographic_rival": np.full(n, ""),
        "n_gallery": n,
    }
    return SearchResult(**{**vars(few), **columns})


def test_who_is_named_for_certain_is_found_among_those_found_by_luck():
    rng = np.random.default_rng(0)
    certain = rng.choice(400, 24, replace=False)
    found, _ = naming(crowd(400, rng, certain), NOBODY, 0.9, rng)
    assert found["named"].value == pytest.approx(0.06, abs=0.003)
    assert found["named"].high > 0.06
    assert found["most_exposed"].value == found["named"].value


@pytest.mark.parametrize("n", [60, 100, 300])
def test_of_a_crowd_that_holds_nothing_hardly_anybody_is_named(n):
    rates = []
    for seed in range(60):
        rng = np.random.default_rng([n, seed])
        rates.append(named(crowd(n, rng), rng).mean())
    assert np.mean(rates) < 0.005


def test_who_is_no_more_alike_to_their_own_is_named_no_more_often_than_others():
    # Everybody is looked for among the ten who are alike, and their scores say nothing: beyond all
    # others' stands that of one's own in a tenth of releases, for nine of ten are others'.
    names = np.array([f"{one:03d}" for one in range(100)])
    known = {name: Demographics("male", 20.0 * (place % 10)) for place, name in enumerate(names)}
    k = 0
    for seed in range(400):
        rng = np.random.default_rng([9, seed])
        rows = rng.standard_normal((2, 100, 20)).astype(np.float32)
        seen = search_gallery(lambda fold, rows=rows: tuple(rows), names, names, known, rng)
        k += bool(named(seen.among_alike, rng).any())
    low, high = binom.ppf([0.0005, 0.9995], 400, 0.1)
    assert low <= k <= high


@pytest.mark.parametrize("n", [100, 250, 600])
def test_of_strangers_whom_nobody_asked_about_one_in_a_hundred_passes(n):
    alarms = []
    for seed in range(400):
        rng = np.random.default_rng([n, seed])
        strangers = rng.standard_normal(n + 1)
        seen = met(np.zeros(n), strangers[:n, None])
        alarms.append(strangers[n] > sure_from(seen))
    assert sum(alarms) <= binom.ppf(0.999, 400, 0.01)


@pytest.mark.parametrize("kind", ["certain", "alike"])
@pytest.mark.parametrize("n", [100, 300])
def test_intervals_hold_how_often_more_people_would_be_named(n, kind):
    """At the score that this intruder is sure from; six in a hundred are named in truth."""
    missed = np.zeros(2)
    for seed in range(300):
        rng = np.random.default_rng([n, seed])
        impostor = rng.standard_normal((n, n - 1))
        threshold = sure_from(met(np.zeros(n), impostor))
        if kind == "certain":
            mate = np.where(rng.random(n) < 0.06, 20.0, -20.0)
        else:  # a normal score, of which as many lie beyond
            mate = rng.standard_normal(n) + threshold - norm.isf(0.06)
        sure = naming(met(mate, impostor), NOBODY, 0.9, rng)[0]["named"]
        missed += [sure.low > 0.06, sure.high < 0.06]
    # A person who is above the threshold is first but for an impostor of their own beyond it.
    assert (missed <= binom.ppf(0.999, 300, 0.05)).all(), missed


def test_of_few_people_as_many_are_named_as_keeps_the_names_of_others_right():
    rng = np.random.default_rng(3)
    certain = np.arange(12)
    sure = named(crowd(60, rng, certain), rng)
    assert sure[certain].mean() > 0.9
    assert np.delete(sure, certain).mean() < 0.05


def test_the_most_exposed_group_is_told_and_small_ones_are_not_judged():
    rate = np.zeros(200)
    rate[:10] = 1
    few = np.zeros(200, dtype=bool)
    few[:10] = True
    many = np.zeros(200, dtype=bool)
    many[:SMALLEST_GROUP] = True
    everybody = np.ones(200, dtype=bool)
    name, one = most_exposed(rate, {"few": few, "many": many, "all": everybody}, 0.9, 0.0)
    assert (name, one.n_subjects) == ("many", SMALLEST_GROUP)
    assert one.value == 10 / SMALLEST_GROUP
    assert one.low < one.value < one.high
    assert most_exposed(rate, {"few": few}, 0.9, 0.0) is None


def test_the_highest_of_many_groups_is_not_taken_for_more_than_it_is():
    """Ten groups in which everybody is named as often: the interval holds that, on both sides."""
    missed = np.zeros(2)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rate = (rng.random(1000) < 0.1).astype(float)
        groups = {str(k): np.arange(1000) // 100 == k for k in range(10)}
        _, one = most_exposed(rate, groups, 0.9, 0.0)
        missed += [one.low > 0.1, one.high < 0.1]
    assert (missed <= binom.ppf(0.999, 400, 0.05)).all(), missed

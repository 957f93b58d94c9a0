"""Whose record an output is of, and what its model was asked with, are found where they show."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from auditor.attackers.output_features import membership_groups, standardise_output
from auditor.checks.output_linkage.check import Linked, Rebuilt, attacks
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, SearchResult
from auditor.core.target import NEITHER, NONMEMBER
from auditor.stats.metrics import demographic_rate, rank_rate
from tests.checks.output_linkage.plant import (
    CASE,
    PLANTS,
    People,
    found,
    giving_back,
    memorising,
    naming,
)


def run(attack, seed=0):
    assert attack.unmet(CASE) is None
    return attack.run(CASE, np.random.default_rng(seed))


def shuffled(target, seed=0):
    """The same records in another order."""
    order = np.random.default_rng(seed).permutation(len(target.record))
    rows = {
        name: getattr(target, name)[order]
        for name in ("record", "subject", "session", "part", "male", "age", "truth", "inputs")
    }
    values = {name: target.view(name).values[order] for name in target.outputs}
    given = {name: partial(values.get, name) for name in values}
    return replace(target, **rows, outputs=given, known={})


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_is_found_and_its_clean_twin_is_not(name):
    assert all(PLANTS[name](seed, True) for seed in range(3))
    assert sum(PLANTS[name](seed, False) for seed in range(3)) <= 1


def test_leaves_are_alike_by_the_share_of_trees_in_which_they_are_equal():
    leaves = np.array([[1, 7, 3], [1, 8, 3], [2, 9, 4]], dtype=np.float32)
    rows = standardise_output("leaves", leaves)
    np.testing.assert_allclose(rows @ rows.T, [[1, 2 / 3, 0], [2 / 3, 1, 0], [0, 0, 1]], atol=1e-6)


def test_leaves_that_are_a_persons_own_name_the_person():
    people = People(0, 60)
    own = people.rng.integers(0, 6, (60, 20))[people.person]
    drawn = people.rng.random(own.shape) < 0.5
    leaves = np.where(drawn, people.rng.integers(0, 6, own.shape), own)
    seen = run(Linked(people.target({"leaves": leaves}), "leaves"))
    assert set(seen) == {"", "beyond", "members", "nonmembers"}
    assert rank_rate(seen[""], 1).mean() > 0.3


def test_risks_are_compared_by_their_odds_and_risks_of_0_and_1_are_finite():
    rows = standardise_output(
        "scores", np.array([[0.0], [0.001], [0.5], [0.999], [1.0]], np.float32)
    )
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows, -rows[::-1], atol=1e-4)


def test_a_wide_output_keeps_who_is_near_whom():
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(150, 400)).repeat(2, axis=0)
    rows = standardise_output("tokens", centre + 0.3 * rng.normal(size=(300, 400)))
    assert rows.shape == (300, 256)
    apart = ((rows[:, None] - rows[None]) ** 2).sum(axis=2) + 1e9 * np.eye(300)
    assert (apart.argmin(axis=1) // 2 == np.arange(300) // 2).all()


def test_people_with_records_of_two_sessions_are_asked_across_them_else_within_one():
    target = naming(0, True)
    assert Linked(target, "scores").protocol == "cross-session"
    once = replace(target, session=np.full(len(target.record), ""))
    assert Linked(once, "scores").protocol == "same-session"
    assert len(run(Linked(once, "scores"))[""].subject) == 120


def test_a_model_of_people_with_one_record_each_cannot_be_asked_and_says_why():
    target = naming(0, True)
    alone = replace(target, subject=target.record.astype(str))
    assert "two records" in str(Linked(alone, "scores").unmet(CASE))


def test_an_output_that_says_nothing_of_most_records_is_refused():
    target = naming(0, True)
    silent = np.full((len(target.record), 2), np.nan, dtype=np.float32)
    silent[:10] = 1
    target = replace(target, outputs={"other": lambda: silent}, known={})
    with pytest.raises(EvidenceError, match="10 people"):
        Linked(target, "other").run(CASE, np.random.default_rng(0))


def test_the_order_of_the_records_does_not_matter():
    target = naming(1, True)
    one, other = (run(Linked(each, "scores"))[""] for each in (target, shuffled(target)))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, vars(other)[name], err_msg=name)


def test_what_people_are_called_does_not_matter_to_a_matcher_that_learns_nothing():
    target = naming(1, True)
    called = np.char.add("x", np.random.default_rng(0).permutation(10**6)[:120].astype(str))
    person = np.unique(target.subject, return_inverse=True)[1]
    again = replace(target, subject=called[person], known={})
    rates = [np.sort(rank_rate(run(Linked(one, "scores"))["cosine"], 1)) for one in (target, again)]
    np.testing.assert_allclose(*rates)


def test_more_of_the_person_links_more_people():
    people = People(3, 100)
    own, noise = people.noise(8, per_person=True), people.noise(8)
    rates = []
    for strength in (0, 1, 2, 4):
        target = people.target({"embedding": noise + strength * own})
        rates.append(rank_rate(run(Linked(target, "embedding"))[""], 1).mean())
    assert rates == sorted(rates)
    assert rates[-1] > rates[0] + 0.8


def test_a_match_that_others_teach_beats_one_that_learns_nothing_where_some_directions_are_noise():
    people = People(5, 100)
    size = np.exp(-np.arange(64) / 8)
    own = people.noise(64, per_person=True) * size
    turned = np.linalg.qr(people.rng.normal(size=(64, 64)))[0]
    seen = (own + people.noise(64) * 0.7 * np.maximum(size, 0.1)) @ turned
    found = run(Linked(people.target({"embedding": seen}), "embedding"))
    rates = {name: rank_rate(one, 1).mean() for name, one in found.items()}
    assert rates[""] > max(rates["standardised"], rates["cosine"]) + 0.05


def test_a_person_who_is_hidden_under_noise_of_other_directions_is_found_by_whitening():
    people = People(5, 100)
    noise = people.noise(10) @ np.diag([6.0] * 5 + [0.2] * 5)
    turned = np.linalg.qr(people.rng.normal(size=(10, 10)))[0]
    seen = (people.noise(10, per_person=True) + noise) @ turned
    found = run(Linked(people.target({"embedding": seen}), "embedding"))
    rates = {name: rank_rate(one, 1).mean() for name, one in found.items()}
    assert rates["whitened"] > rates[""] + 0.2


def test_sex_and_age_alone_link_nobody_within_their_sex_and_age():
    seen = run(Linked(naming(2, False), "scores"))[""]
    assert rank_rate(seen, 1).mean() > 1 / seen.n_gallery
    by_luck = (1 / seen.demographic_size).mean()
    assert demographic_rate(seen, 1).mean() < 3 * by_luck


def test_members_and_others_are_held_against_their_own_kind():
    target = memorising(0, True)
    seen = run(Linked(target, "embedding"))
    members = membership_groups(target)["members"]
    assert set(seen["members"].subject) == set(members)
    assert not set(seen["nonmembers"].subject) & set(members)
    assert seen["members"].n_gallery == seen["nonmembers"].n_gallery == 60


def test_whoever_is_a_member_in_part_is_of_neither_kind():
    target = memorising(0, True)
    part = target.part.copy()
    part[0], part[3] = NONMEMBER, NEITHER
    groups = membership_groups(replace(target, part=part))
    assert target.subject[0] not in np.concatenate(list(groups.values()))
    assert target.subject[3] not in np.concatenate(list(groups.values()))
    assert membership_groups(replace(target, unknown="nobody knows")) == {}


def test_inputs_and_random_weights_are_searched_beside_the_output():
    people = People(4, 60)
    own = people.noise(6, per_person=True)
    inputs = (own + 0.5 * people.noise(6)).astype(np.float32)
    target = people.target(
        {"scores": 1 / (1 + np.exp(-inputs[:, :2]))},
        inputs=inputs,
        columns=tuple("abcdef"),
        controls={"scores": lambda: np.random.default_rng(0).random((120, 2))},
    )
    seen = run(Linked(target, "scores"))
    rates = {name: rank_rate(seen[name], 1).mean() for name in ("", "inputs", "untrained")}
    assert rates["inputs"] > rates[""] > rates["untrained"]
    assert all(isinstance(one, SearchResult) for one in seen.values())
    told = found(Linked(target, "scores"), 0)
    assert told["gain_over_inputs"].high < 0 < told["gain_over_untrained"].low


def test_a_column_is_rebuilt_as_closely_as_the_scores_follow_it():
    rng = np.random.default_rng(0)
    people = People(6, 400, each=1)
    inputs = rng.normal(size=(400, 3))
    logits = inputs[:, :2] + rng.normal(size=(400, 2)) * [0, 1]
    target = people.target(
        {"logits": logits}, inputs=inputs.astype(np.float32), columns=("a", "b", "c")
    )
    seen = run(Rebuilt(target, "logits"))
    assert set(seen) == {"a", "b", "c"}
    share = {
        name: 1 - ((one.value - one.truth) ** 2).sum() / ((one.prior - one.truth) ** 2).sum()
        for name, one in seen.items()
        if isinstance(one, Predictions)
    }
    assert share["a"] > 0.95
    assert share["b"] == pytest.approx(0.5, abs=0.12)
    assert share["c"] < 0.05


def test_a_column_that_bends_is_rebuilt_too():
    people = People(7, 300, each=1)
    inputs = people.noise(2)
    target = people.target(
        {"scores": np.stack([1 / (1 + np.exp(-(inputs[:, 0] ** 2))), inputs[:, 1]], axis=1)},
        inputs=np.abs(inputs).astype(np.float32),
        columns=("size", "other"),
    )
    seen = run(Rebuilt(target, "scores"))["size"]
    assert np.corrcoef(seen.value, seen.truth)[0, 1] > 0.9


def test_a_column_that_few_people_have_or_that_never_differs_is_not_asked():
    target = giving_back(0, True)
    inputs = target.inputs.copy()
    inputs[30:, 0], inputs[:, 1], inputs[::2, 2] = np.nan, 1, np.nan
    seen = run(Rebuilt(replace(target, inputs=inputs), "scores"))
    assert not {"x0", "x1"} & set(seen)
    assert len(seen["x2"].subject) == len(target.record) // 2


def test_only_a_model_with_a_table_of_inputs_is_asked_to_give_them_back():
    assert [one.check for one in attacks(naming(0, True))] == ["output-linkage"]
    assert [one.check for one in attacks(giving_back(0, True))] == ["output-linkage", "inversion"]
    views = [one.view for one in attacks(giving_back(0, True))]
    assert views == ["model.scores", "model.scores"]

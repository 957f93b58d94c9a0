"""Whose record an output is of is found where it shows; and what searches by outputs amount to:
chance is covered, gaps and gains are what they are.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from auditor.attackers.output_features import membership_groups, standardise_output
from auditor.checks.output_linkage.check import ByKind, OutputLinkage, OutputSearches, plan
from auditor.core.errors import EvidenceError
from auditor.core.evidence import SearchResult
from auditor.core.target import NEITHER, NONMEMBER
from auditor.stats.metrics import demographic_rate, rank_rate
from tests.checks.asking import context, estimated
from tests.checks.inversion.plant import giving_back
from tests.checks.output_linkage.plant import People, memorising, naming
from tests.stats.evidence import random_search, search_result


def run(target, output, seed=0) -> OutputSearches:
    attack = OutputLinkage(target, output)
    assert attack.unmet(context()) is None
    return attack.attack(context(), np.random.default_rng(seed))


def first(seen: SearchResult) -> float:
    """The share of people who are found first."""
    return rank_rate(seen, 1).mean()


def shuffled(target, seed=0):
    """The same records in another order."""
    order = np.random.default_rng(seed).permutation(len(target.record))
    rows = {
        name: getattr(target, name)[order]
        for name in ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    }
    values = {name: target.view(name).values[order] for name in target.outputs}
    given = {name: partial(values.get, name) for name in values}
    return replace(target, **rows, outputs=given, _cache={})


def test_leaves_are_alike_by_the_share_of_trees_in_which_they_are_equal():
    leaves = np.array([[1, 7, 3], [1, 8, 3], [2, 9, 4]], dtype=np.float32)
    rows = standardise_output("leaves", leaves)
    np.testing.assert_allclose(rows @ rows.T, [[1, 2 / 3, 0], [2 / 3, 1, 0], [0, 0, 1]], atol=1e-6)


def test_leaves_that_are_a_persons_own_name_the_person():
    people = People(0, 60)
    own = people.rng.integers(0, 6, (60, 20))[people.person]
    drawn = people.rng.random(own.shape) < 0.5
    leaves = np.where(drawn, people.rng.integers(0, 6, own.shape), own)
    seen = run(people.target({"leaves": leaves}), "leaves")
    assert seen.matchers == seen.controls == {}
    assert seen.by_kind is not None
    assert first(seen.own) > 0.3


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
    assert OutputLinkage(target, "scores").protocol == "cross-session"
    once = replace(target, session=np.full(len(target.record), ""))
    assert OutputLinkage(once, "scores").protocol == "same-session"
    assert len(run(once, "scores").own.subject) == 120


def test_a_model_of_people_with_one_record_each_cannot_be_asked_and_says_why():
    target = naming(0, True)
    alone = replace(target, subject=target.record.astype(str))
    assert "two records" in str(OutputLinkage(alone, "scores").unmet(context()))


def test_an_output_that_says_nothing_of_most_records_is_refused():
    target = naming(0, True)
    silent = np.full((len(target.record), 2), np.nan, dtype=np.float32)
    silent[:10] = 1
    target = replace(target, outputs={"other": lambda: silent}, _cache={})
    with pytest.raises(EvidenceError, match="10 people"):
        OutputLinkage(target, "other").attack(context(), np.random.default_rng(0))


def test_the_order_of_the_records_does_not_matter():
    target = naming(1, True)
    one, other = (run(each, "scores").own for each in (target, shuffled(target)))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, vars(other)[name], err_msg=name)


def test_what_people_are_called_does_not_matter_to_a_matcher_that_learns_nothing():
    target = naming(1, True)
    called = np.char.add("x", np.random.default_rng(0).permutation(10**6)[:120].astype(str))
    person = np.unique(target.subject, return_inverse=True)[1]
    again = replace(target, subject=called[person], _cache={})
    rates = [
        np.sort(rank_rate(run(one, "scores").matchers["cosine"], 1)) for one in (target, again)
    ]
    np.testing.assert_allclose(*rates)


def test_more_of_the_person_links_more_people():
    people = People(3, 100)
    own, noise = people.noise(8, per_person=True), people.noise(8)
    rates = []
    for strength in (0, 1, 2, 4):
        target = people.target({"embedding": noise + strength * own})
        rates.append(first(run(target, "embedding").own))
    assert rates == sorted(rates)
    assert rates[-1] > rates[0] + 0.8


def test_a_match_that_others_teach_beats_one_that_learns_nothing_where_some_directions_are_noise():
    people = People(5, 100)
    size = np.exp(-np.arange(64) / 8)
    own = people.noise(64, per_person=True) * size
    turned = np.linalg.qr(people.rng.normal(size=(64, 64)))[0]
    seen = (own + people.noise(64) * 0.7 * np.maximum(size, 0.1)) @ turned
    found = run(people.target({"embedding": seen}), "embedding")
    rates = {name: first(one) for name, one in found.matchers.items()}
    assert first(found.own) > max(rates["standardised"], rates["cosine"]) + 0.05


def test_a_person_who_is_hidden_under_noise_of_other_directions_is_found_by_whitening():
    people = People(5, 100)
    noise = people.noise(10) @ np.diag([6.0] * 5 + [0.2] * 5)
    turned = np.linalg.qr(people.rng.normal(size=(10, 10)))[0]
    seen = (people.noise(10, per_person=True) + noise) @ turned
    found = run(people.target({"embedding": seen}), "embedding")
    assert first(found.matchers["whitened"]) > first(found.own) + 0.2


def test_sex_and_age_alone_link_nobody_within_their_sex_and_age():
    seen = run(naming(2, False), "scores").own
    assert rank_rate(seen, 1).mean() > 1 / seen.n_gallery
    by_luck = (1 / seen.demographic_size).mean()
    assert demographic_rate(seen, 1).mean() < 3 * by_luck


def test_members_and_others_are_held_against_their_own_kind():
    target = memorising(0, True)
    seen = run(target, "embedding")
    members = membership_groups(target)["members"]
    kinds = seen.by_kind
    assert kinds is not None
    assert set(kinds.members.subject) == set(members)
    assert not set(kinds.nonmembers.subject) & set(members)
    assert kinds.members.n_gallery == kinds.nonmembers.n_gallery == 60


def test_whoever_is_a_member_in_part_is_of_neither_kind():
    target = memorising(0, True)
    part = target.split.copy()
    part[0], part[3] = NONMEMBER, NEITHER
    groups = membership_groups(replace(target, split=part))
    assert target.subject[0] not in np.concatenate(list(groups.values()))
    assert target.subject[3] not in np.concatenate(list(groups.values()))
    assert membership_groups(replace(target, membership_unknown="nobody knows")) == {}


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
    seen = run(target, "scores")
    rates = {name: first(one) for name, one in seen.controls.items()}
    assert rates["inputs"] > first(seen.own) > rates["untrained"]
    told = estimated(OutputLinkage(target, "scores"), seen).estimates
    assert told["gain_over_inputs"].high < 0 < told["gain_over_untrained"].low


def test_everything_that_is_given_out_is_asked():
    assert [one.view for one in plan(giving_back(0, True))] == ["model.scores"]
    assert [one.output for one in plan(naming(0, True))] == ["scores"]


# --- what searches amount to --------------------------------------------------------------


def test_what_tells_only_the_kind_of_person_stays_at_a_half():
    n = 60
    rng = np.random.default_rng(0)
    kind, subject = np.arange(n) % 3, np.repeat(np.arange(n), 2)
    scores = rng.normal(size=(2 * n, n)) + 10 * (kind[subject][:, None] == kind[None])
    seen = search_result(scores, subject, kind=kind)
    found = told(seen).estimates
    assert found["rank1"].low > 1 / n
    assert found["auc_known"].low < 0.5 < found["auc_known"].high


def told(own: SearchResult, **others):
    """What a search amounts to, beside others."""
    nothing = {
        "matchers": {},
        "controls": {},
        "by_kind": None,
        "inputs_by_kind": None,
        "groups": {},
    }
    seen = OutputSearches(own=own, beyond=own, **nothing | others)
    return estimated(OutputLinkage(None), seen)


def test_controls_and_kinds_are_told_under_their_names():
    def searched(signal: int = 0) -> SearchResult:
        return random_search(np.random.default_rng(7), 30, signal)

    seen = told(
        searched(3),
        matchers={"cosine": searched()},
        controls={"inputs": searched(), "untrained": searched()},
        by_kind=ByKind(searched(), searched()),
    )
    found, curves = seen.estimates, seen.curves
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
    with pytest.raises(EvidenceError, match="10 people"):
        told(random_search(np.random.default_rng(0), 9))

"""Who is on both sides of a split, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.split.check import NearDuplicates, SharedPeople, attacks
from auditor.core.errors import EvidenceError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from tests.checks.split.plant import PLANTS, alarms, with_copies
from tests.checks.structure.plant import at, population


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def near(target, output: str = "inputs"):
    return NearDuplicates(target, output).run(None, rng())


@pytest.fixture(scope="module")
def clean():
    return population(rng(), 120, 3)


def test_who_has_records_on_both_sides_is_counted_by_person(clean):
    part = clean.part.copy()
    others = np.flatnonzero(part == NONMEMBER)
    for row in others[[0, 1, 30]]:  # two records of one person, one of another
        part[row] = MEMBER
    counts = SharedPeople(replace(clean, part=part)).run(None, rng())["certain"]
    assert counts.names == ("both_sides",)
    assert sorted(counts.values[counts.values > 0]) == [1, 2]
    assert len(counts.values) == len(np.unique(clean.subject[others]))


def test_records_that_are_on_neither_side_put_nobody_on_both(clean):
    part = clean.part.copy()
    part[np.flatnonzero(part == MEMBER)[:9]] = NEITHER
    assert not SharedPeople(replace(clean, part=part)).run(None, rng())["certain"].values.any()


def test_a_copy_under_another_name_is_found_and_counted_for_its_person(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    changed = (target.inputs != clean.inputs).all(axis=1)
    people = np.unique(clean.subject[clean.part == NONMEMBER])
    counts = near(target)["judged"].values
    by_hand = [(changed & (clean.subject == person)).sum() for person in people]
    np.testing.assert_array_equal(counts, np.stack([by_hand, by_hand], axis=1))
    assert not near(target)["halves"].values.any()


def test_a_second_measurement_is_near_and_no_copy(clean):
    counts = near(with_copies(clean, rng(1), 4, 0.003))["judged"].values
    assert counts[:, 0].sum() == 4
    assert counts[:, 1].sum() == 0


def test_people_who_are_on_both_sides_by_name_are_not_found_again(clean):
    row = np.flatnonzero(clean.part == NONMEMBER)[0]
    mine = clean.subject == clean.subject[row]
    part, inputs = clean.part.copy(), clean.inputs.copy()
    part[np.flatnonzero(mine)[1]] = MEMBER
    inputs[mine] = inputs[row]
    assert not near(replace(clean, part=part, inputs=inputs))["judged"].values.any()


def test_members_under_two_names_are_told_as_those_of_halves(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    mine = np.flatnonzero(target.part == MEMBER)
    target.inputs[mine[:36]] = target.inputs[mine[-36:]]
    seen = near(target)
    # Some half of 24 people are parted from their doubles by the halves.
    assert 4 <= (seen["halves"].values[:, 1] > 0).sum() <= 24
    assert (seen["judged"].values[:, 0] > 0).sum() >= 3


def test_what_is_found_does_not_go_by_order_nor_by_units(clean):
    target = with_copies(clean, rng(1), 4, 0.003)
    seen = near(target)["judged"].values.sum(axis=0)
    order = rng(2).permutation(len(target.record))
    np.testing.assert_array_equal(near(at(target, order))["judged"].values.sum(axis=0), seen)
    units = np.float32(2.0) ** np.arange(-3, 3) + 0
    scaled = replace(target, inputs=target.inputs * units)
    np.testing.assert_array_equal(near(scaled)["judged"].values.sum(axis=0), seen)


def test_equal_values_mean_nothing_where_they_are_rounded_to_few(clean):
    coarse = replace(clean, inputs=(clean.inputs / 2).round())
    same = (coarse.inputs[:, None] == coarse.inputs[None]).all(axis=2)
    across = (clean.part == MEMBER)[:, None] & (clean.part == NONMEMBER)
    assert (same & across).any()
    assert not near(coarse)["judged"].values.any()


def test_unknown_values_are_like_unknown_ones(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    inputs = target.inputs.copy()
    # The same column of both is unknown, as it is of a copy.
    inputs[(target.inputs == clean.inputs).all(axis=1) & (rng(3).random(len(inputs)) < 0.1), 0] = (
        np.nan
    )
    assert near(replace(target, inputs=inputs))["judged"].values[:, 0].sum() >= 3
    blank = inputs.copy()
    blank[:, :5] = np.nan
    with pytest.raises(EvidenceError, match="10 people measured on either side"):
        near(replace(target, inputs=blank))


def test_two_columns_are_too_few(clean):
    inputs = clean.inputs.copy()
    inputs[:, 2:] = 1
    with pytest.raises(EvidenceError, match="3 measured columns"):
        near(replace(clean, inputs=inputs))


def test_a_wide_embedding_is_looked_at_where_there_is_no_table(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    map_to = rng(5).normal(size=(6, 64))
    wide = np.tanh(target.inputs @ map_to / 3).astype(np.float32)
    target = replace(
        target,
        inputs=target.inputs[:, :0],
        columns=(),
        outputs={"embedding": lambda: wide},
        known={},
    )
    assert [one.view for one in attacks(target)] == ["simulated.people", "simulated.embedding"]
    counts = near(target, "embedding")
    assert counts["judged"].values.sum(axis=0).tolist() == [4, 4]
    assert not counts["halves"].values.any()


def test_questions_say_what_they_are_and_when_they_cannot_be_asked(clean):
    first, second = attacks(clean)
    assert (first.view, second.view) == ("simulated.people", "simulated.inputs")
    assert first.check == second.check == "split"
    unknown = replace(clean, unknown="nobody says who is a member")
    nobody = replace(clean, part=np.full_like(clean.part, MEMBER))
    for one, other, third in zip(attacks(clean), attacks(unknown), attacks(nobody), strict=True):
        assert one.threat.endswith(".")
        assert one.unmet(None) is None
        assert other.unmet(None) == "nobody says who is a member"
        assert "judged by" in str(third.unmet(None))


@pytest.mark.parametrize("leak", PLANTS)
def test_a_planted_leak_is_found_and_a_clean_twin_is_silent(leak):
    found = [PLANTS[leak](seed, True) for seed in range(20)]
    false = [PLANTS[leak](seed, False) for seed in range(20)]
    assert sum(found) >= 18
    assert sum(false) <= 2


def test_a_space_of_heavy_tails_raises_no_alarm():
    rung = 0
    for seed in range(30):
        target = population(rng(seed), 100, 3)
        rung += bool(
            alarms(NearDuplicates(replace(target, inputs=np.sinh(2 * target.inputs)), "inputs"))
        )
    assert rung <= 3

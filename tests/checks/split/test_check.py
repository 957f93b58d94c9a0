"""Who is on both sides of a split, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.base import Measured
from auditor.checks.split.check import (
    NAMES,
    TWO_NAMES,
    NearDuplicates,
    SubjectOverlap,
    Twice,
    TwoNames,
    plan,
)
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.stats.intervals import wilson
from tests.checks.asking import estimated
from tests.checks.split.plant import PLANTS, alarms, under_two_names, with_copies
from tests.checks.structure.plant import at, population


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def near(target, output: str = "inputs") -> Twice:
    return NearDuplicates(target, output).attack(None, rng())


def both(target) -> Counts:
    return SubjectOverlap(target).attack(None, rng())


@pytest.fixture(scope="module")
def clean():
    return population(rng(), 120, 3)


def test_who_has_records_on_both_sides_is_counted_by_person(clean):
    part = clean.split.copy()
    others = np.flatnonzero(part == NONMEMBER)
    for row in others[[0, 1, 30]]:  # two records of one person, one of another
        part[row] = MEMBER
    counts = both(replace(clean, split=part))
    assert counts.names == ("both_sides",)
    assert sorted(counts.values[counts.values > 0]) == [1, 2]
    assert len(counts.values) == len(np.unique(clean.subject[others]))


def test_records_that_are_on_neither_side_put_nobody_on_both(clean):
    part = clean.split.copy()
    part[np.flatnonzero(part == MEMBER)[:9]] = NEITHER
    assert not both(replace(clean, split=part)).values.any()


def test_a_copy_under_another_name_is_found_and_counted_for_its_person(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    changed = (target.inputs != clean.inputs).all(axis=1)
    people = np.unique(clean.subject[clean.split == NONMEMBER])
    counts = near(target).across.values
    by_hand = [(changed & (clean.subject == person)).sum() for person in people]
    np.testing.assert_array_equal(counts, np.stack([by_hand, by_hand], axis=1))
    assert not near(target).within.values.any()


def test_a_second_measurement_is_near_and_no_copy(clean):
    counts = near(with_copies(clean, rng(1), 4, 0.003)).across.values
    assert counts[:, 0].sum() == 4
    assert counts[:, 1].sum() == 0


def test_people_who_are_on_both_sides_by_name_are_not_found_again(clean):
    row = np.flatnonzero(clean.split == NONMEMBER)[0]
    mine = clean.subject == clean.subject[row]
    part, inputs = clean.split.copy(), clean.inputs.copy()
    part[np.flatnonzero(mine)[1]] = MEMBER
    inputs[mine] = inputs[row]
    assert not near(replace(clean, split=part, inputs=inputs)).across.values.any()


def test_members_under_two_names_are_told_as_those_of_halves(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    mine = np.flatnonzero(target.split == MEMBER)
    target.inputs[mine[:36]] = target.inputs[mine[-36:]]
    seen = near(target)
    # Some half of 24 people are parted from their doubles by the halves.
    assert 4 <= (seen.within.values[:, 1] > 0).sum() <= 24
    assert (seen.across.values[:, 0] > 0).sum() >= 3


def test_what_is_found_does_not_go_by_order_nor_by_units(clean):
    target = with_copies(clean, rng(1), 4, 0.003)
    seen = near(target).across.values.sum(axis=0)
    order = rng(2).permutation(len(target.record))
    np.testing.assert_array_equal(near(at(target, order)).across.values.sum(axis=0), seen)
    units = np.float32(2.0) ** np.arange(-3, 3) + 0
    scaled = replace(target, inputs=target.inputs * units)
    np.testing.assert_array_equal(near(scaled).across.values.sum(axis=0), seen)


def test_equal_values_mean_nothing_where_they_are_rounded_to_few(clean):
    coarse = replace(clean, inputs=(clean.inputs / 2).round())
    same = (coarse.inputs[:, None] == coarse.inputs[None]).all(axis=2)
    across = (clean.split == MEMBER)[:, None] & (clean.split == NONMEMBER)
    assert (same & across).any()
    assert not near(coarse).across.values.any()


def test_unknown_values_are_like_unknown_ones(clean):
    target = with_copies(clean, rng(1), 4, 0.0)
    inputs = target.inputs.copy()
    # The same column of both is unknown, as it is of a copy.
    inputs[(target.inputs == clean.inputs).all(axis=1) & (rng(3).random(len(inputs)) < 0.1), 0] = (
        np.nan
    )
    assert near(replace(target, inputs=inputs)).across.values[:, 0].sum() >= 3
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
        _cache={},
    )
    assert [one.view for one in plan(target)] == ["simulated.people", "simulated.embedding"]
    counts = near(target, "embedding")
    assert counts.across.values.sum(axis=0).tolist() == [4, 4]
    assert not counts.within.values.any()


def names_of(target) -> Counts:
    return TwoNames(target).attack(None, rng())


def test_members_under_two_names_are_counted_person_by_person(clean):
    target = under_two_names(clean, rng(1), 4, 0.0)
    people = np.unique(clean.subject[clean.split == MEMBER])
    same = (target.inputs[:, None] == target.inputs[None]).all(axis=2)
    twice = (same & (target.subject[:, None] != target.subject)).any(axis=1)
    by_hand = [(twice & (target.subject == person)).sum() for person in people]
    assert sum(by_hand) == 8
    counts = names_of(target)
    np.testing.assert_array_equal(counts.values, np.stack([by_hand, by_hand], axis=1))
    assert not names_of(clean).values.any()
    near_one = names_of(under_two_names(clean, rng(1), 4, 0.003)).values.sum(axis=0)
    assert near_one.tolist() == [8, 0]


def test_one_record_under_three_names_is_found_under_each(clean):
    target = replace(clean, inputs=clean.inputs.copy())
    people = np.unique(clean.subject[clean.split == MEMBER])[[3, 7, 20]]
    rows = [np.flatnonzero(clean.subject == person)[0] for person in people]
    target.inputs[rows[1:]] = target.inputs[rows[0]]
    assert (names_of(target).values[:, 1] > 0).sum() == 3
    # A record of somebody judged that two members share is found as well.
    judged = np.flatnonzero(clean.split == NONMEMBER)[0]
    target.inputs[judged] = target.inputs[rows[0]]
    assert near(target).across.values[:, 1].sum() == 1


def test_records_of_one_person_are_no_copies_and_coarse_values_mean_nothing(clean):
    target = replace(clean, inputs=clean.inputs.copy())
    mine = clean.subject == clean.subject[clean.split == MEMBER][0]
    target.inputs[mine] = target.inputs[mine][0]
    assert not names_of(target).values.any()
    coarse = replace(clean, inputs=(clean.inputs / 2).round())
    assert not names_of(coarse).values.any()


def test_a_members_table_of_few_people_is_not_asked_for_names(clean):
    few = np.unique(clean.subject[clean.split == MEMBER])[9:]
    small = at(clean, np.flatnonzero(~np.isin(clean.subject, few)))
    said = TwoNames(small).unmet(None)
    assert said == "needs at least 10 people whom the model was trained on; found fewer"
    blank = replace(clean, inputs=np.full_like(clean.inputs, np.nan))
    with pytest.raises(EvidenceError, match="10 people who are measured"):
        names_of(blank)


def test_one_member_under_two_names_is_an_alarm_in_words():
    found = estimated(TwoNames(None), counts(50, 2, 2, names=TWO_NAMES))
    assert found.params["alarms"] == list(TWO_NAMES)
    assert found.params["two_names_copied"] == "1 to 9 people"
    assert found.estimates == {}


def test_questions_say_what_they_are_and_when_they_cannot_be_asked(clean):
    views = ["simulated.people", "simulated.inputs", "simulated.members"]
    assert [one.view for one in plan(clean)] == views
    assert {one.id for one in plan(clean)} == {"split"}
    unknown = replace(clean, membership_unknown="nobody says who is a member")
    nobody = replace(clean, split=np.full_like(clean.split, MEMBER))
    for one, other, third in zip(plan(clean), plan(unknown), plan(nobody), strict=True):
        assert one.threat.endswith(".")
        assert one.unmet(None) is None
        assert other.unmet(None) == "nobody says who is a member"
        assert "judged by" in str(third.unmet(None)) or one.output == "members"


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


# --- what counts amount to ----------------------------------------------------------------


def counts(n: int, *k: int, names: tuple[str, ...] = NAMES) -> Counts:
    """Of n people, of how many each is true."""
    return Counts(names, np.stack([np.arange(n) < one for one in k], axis=1).astype(np.int64))


def overlap(n: int, k: int) -> Measured:
    return estimated(SubjectOverlap(None), counts(n, k, names=("both_sides",)))


def twice(across: Counts, within: Counts) -> Measured:
    return estimated(NearDuplicates(None, "inputs"), Twice(across, within))


def test_people_on_both_sides_are_a_share_or_words():
    found = overlap(50, 12)
    one = found.estimates["both_sides"]
    assert (one.value, one.chance, one.n_subjects) == (0.24, 0.0, 50)
    assert (one.low, one.high) == wilson(12, 50, 0.95)
    assert found.params == {"alarms": ["both_sides"]}
    assert found.curves == {}
    few = overlap(50, 1)
    assert few.estimates == {}
    assert few.params == {"alarms": ["both_sides"], "both_sides": "1 to 9 people"}
    assert overlap(50, 0).params == {"alarms": []}


def test_one_near_duplicate_is_an_alarm_where_halves_show_none():
    found = twice(counts(50, 1, 0), counts(80, 0, 0))
    assert found.params == {"alarms": ["near_duplicate"], "near_duplicate": "1 to 9 people"}
    assert found.estimates["copied"].value == 0


def test_where_halves_show_some_there_must_be_more_on_both_sides():
    found = twice(counts(50, 12, 0), counts(80, 20, 0))
    assert found.params["alarms"] == []
    assert found.estimates["near_duplicate"].chance == 0.25
    assert found.estimates["near_duplicate_excess"].value == pytest.approx(-0.01)
    found = twice(counts(50, 40, 30), counts(80, 20, 0))
    assert found.params["alarms"] == ["near_duplicate", "copied"]
    assert found.estimates["near_duplicate_excess"].low > 0


def test_too_few_people_are_refused():
    with pytest.raises(EvidenceError, match="at least 10 people"):
        twice(counts(9, 1, 0), counts(80, 0, 0))
    with pytest.raises(EvidenceError, match="at least 10 people"):
        overlap(9, 0)

"""Who is alone in a model's table, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.singling_out.check import (
    Classes,
    SinglingOut,
    people_alike,
    plan,
    seen_by_model,
)
from auditor.core.errors import EvidenceError
from auditor.learning import boost
from auditor.stats.intervals import wilson
from tests.checks.asking import attacked, context, estimated, measured
from tests.checks.output_linkage.plant import People
from tests.checks.singling_out.plant import labelled
from tests.checks.structure.plant import DEEP, at, population, with_trees


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def target():
    some = population(rng(), 60, 3)
    some.inputs[rng(1).random(some.inputs.shape) < 0.05] = np.nan
    return with_trees(some, {**DEEP, "max_depth": 2}, 3)


def sizes_by_hand(rows, subject):
    """person → the fewest people who have a row like one of theirs."""
    said = [str(row.tolist()) for row in rows]
    found = {}
    for row, person in zip(said, subject, strict=True):
        there = {other for other, one in zip(subject, said, strict=True) if one == row}
        found[person] = min(found.get(person, 999), len(there))
    return [found[person] for person in sorted(found)]


def test_people_are_counted_by_the_record_that_fewest_have(target):
    rows = rng(2).integers(0, 3, (180, 3))
    person = np.unique(target.subject, return_inverse=True)[1]
    assert people_alike(rows, person).tolist() == sizes_by_hand(rows, target.subject)


def test_records_that_no_threshold_parts_are_one_to_the_model(target):
    codes = seen_by_model(target)
    leaves = boost.leaves(target.trees["A"], target.inputs)
    _, row = np.unique(codes, axis=0, return_inverse=True)
    # Who is the same to the thresholds falls into the same leaves; a value on a threshold as well.
    for one in np.unique(row):
        assert len(np.unique(leaves[row.reshape(-1) == one], axis=0)) == 1
    (column, cuts), *_ = boost.thresholds(target.trees["A"]).items()
    at_cut = target.inputs[:2].copy()
    at_cut[:] = at_cut[0]
    at_cut[0, column], at_cut[1, column] = cuts[0], np.nextafter(cuts[0], np.float32(-np.inf))
    parted = seen_by_model(replace(at(target, np.arange(2)), inputs=at_cut))
    assert parted[0, column] == parted[1, column] + 1
    told = boost.leaves(target.trees["A"], at_cut)
    assert (told[0] != told[1]).any()
    found = attacked(SinglingOut(target, "inputs"))
    assert found.size.tolist() == sizes_by_hand(codes, target.subject)


def test_values_that_no_tree_asks_for_single_nobody_out(target):
    asked = boost.thresholds(target.trees["A"])
    inputs = target.inputs.copy()
    for place in set(range(inputs.shape[1])) - set(asked):
        inputs[:, place] = rng(4).normal(size=len(inputs))
    same = attacked(SinglingOut(replace(target, inputs=inputs), "inputs"))
    np.testing.assert_array_equal(same.size, attacked(SinglingOut(target, "inputs")).size)


def test_of_a_model_that_has_no_thresholds_every_value_counts():
    people = People(0, 40)
    values = people.rng.integers(0, 3, (80, 3)).astype(np.float32)
    values[people.rng.random(values.shape) < 0.2] = np.nan
    model = people.target({}, inputs=values, columns=("a", "b", "c"))
    found = attacked(SinglingOut(model, "inputs"))
    assert found.size.tolist() == sizes_by_hand(np.nan_to_num(values, nan=-9), model.subject)


def test_luck_is_told_beside_it_and_is_what_it_is_where_columns_are_independent():
    people = People(1, 300, each=1)
    values = people.rng.integers(0, 4, (300, 4)).astype(np.float32)
    model = people.target({}, inputs=values, columns=tuple("abcd"))
    found = measured(SinglingOut(model, "inputs")).estimates["unique_people"]
    assert found.chance is not None
    assert found.low <= found.chance <= found.high
    together = replace(model, inputs=values[:, [0, 0, 0, 0]])
    found = measured(SinglingOut(together, "inputs")).estimates["unique_people"]
    assert found.value == 0
    assert found.chance is not None
    assert found.chance > 0.2


def test_findings_of_each_persons_own_single_out_and_shared_ones_do_not():
    own = measured(SinglingOut(labelled(0, True), "labels")).estimates
    assert own["unique_people"].value == own["below_11"].value == 1
    shared = measured(SinglingOut(labelled(0, False), "labels")).estimates
    assert shared["unique_people"].value == shared["below_11"].value == 0
    # What is not known is said as well.
    truth = labelled(0, False).y_true
    truth[:5, 0] = np.nan
    told = measured(SinglingOut(replace(labelled(0, False), y_true=truth), "labels"))
    assert told.params["unique_people"] == "1 to 9 people"


def test_shares_are_told_with_their_interval_and_few_people_in_words():
    size = np.array([1] * 12 + [5] * 20 + [60] * 28)
    found = estimated(SinglingOut(None, "inputs"), Classes(size, np.stack([size, size]), 3))
    one = found.estimates["unique_people"]
    assert (one.value, one.chance, one.n_subjects) == (12 / 60, 12 / 60, 60)
    assert (one.low, one.high) == wilson(12, 60, 0.95)
    assert found.estimates["below_11"].value == 32 / 60
    few = estimated(SinglingOut(None, "inputs"), Classes(size[5:], size[None, 5:], 3))
    assert "unique_people" not in few.estimates
    assert few.params == {"columns": 3, "unique_people": "1 to 9 people"}
    with pytest.raises(EvidenceError, match="10 people"):
        estimated(SinglingOut(None, "inputs"), Classes(size[-9:], size[None, -9:], 3))


def test_questions_are_those_that_the_table_answers_and_few_people_are_said(target):
    assert [one.view for one in plan(target)] == ["simulated.inputs", "simulated.labels"]
    several = labelled(0, True)
    assert [one.view for one in plan(several)] == ["simulated.inputs", "simulated.labels"]
    few = at(several, np.flatnonzero(np.isin(several.subject, np.unique(several.subject)[:9])))
    for one in plan(few):
        assert one.unmet(context()) == (
            "needs at least 10 people in the model's table; found fewer"
        )
        assert one.threat.endswith(".")
    blank = replace(several, y_true=np.full_like(several.y_true, np.nan))
    assert "name its labels" in str(SinglingOut(blank, "labels").unmet(context()))

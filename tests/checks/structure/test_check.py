"""What a file of trees tells about people, against counts by hand, on simulated people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.structure.check import Structure, attacks, nested
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.learning import boost
from tests.checks.structure.plant import (
    CAREFUL,
    COLUMNS,
    DEEP,
    PLANTS,
    at,
    grown,
    nested_findings,
    population,
    with_trees,
)

OUTPUTS = ("leaves", "thresholds", "values", "differences", "existence")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def evidence(target, output: str):
    return Structure(target, output).run(None, rng())


@pytest.fixture(scope="module")
def target():
    """Members and others, and deep trees; one person is on neither side."""
    some = population(rng(), 60, 4)
    some.part[some.subject == some.subject[0]] = NEITHER
    some.inputs[rng(1).random(some.inputs.shape) < 0.05] = np.nan
    return with_trees(some, DEEP, 6)


def sides(target):
    """The people who are members and who are not, in the order of their names."""
    return (np.unique(target.subject[target.part == part]) for part in (MEMBER, NONMEMBER))


def sizes_by_hand(cells, target):
    """person → the least number of members, with the person, in any cell that they are in."""
    members, others = (set(one) for one in sides(target))
    found = {}
    for column in cells.T:
        for person in (*members, *others):
            for cell in set(column[(target.subject == person) & (target.part != NEITHER)]):
                there = set(target.subject[(column == cell) & (target.part == MEMBER)])
                found[person] = min(found.get(person, 999), len(there | {person}))
    return found


def test_leaves_and_paths_hold_as_many_people_as_by_hand(target):
    booster = target.trees["A"]
    leaves = boost.leaves(booster, target.inputs)
    paths = np.unique(leaves, axis=0, return_inverse=True)[1].reshape(-1, 1)
    found = evidence(target, "leaves")
    assert found["members"].names == ("leaf_alone", "leaf_below_10", "path_alone", "path_below_10")
    for column, (cells, least) in enumerate(
        [(leaves, 2), (leaves, 10), (paths, 2), (paths, 10)],
    ):
        size = sizes_by_hand(cells, target)
        for name, people in zip(("members", "others"), sides(target), strict=True):
            by_hand = np.array([size[person] < least for person in people])
            np.testing.assert_array_equal(found[name].values[:, column] > 0, by_hand)


def test_a_persons_cells_fall_short_of_ten_by_so_many_bits(target):
    leaves = boost.leaves(target.trees["A"], target.inputs)
    cells = evidence(target, "leaves")["cells"]
    for person, score, positive in zip(cells.subject, cells.score, cells.positive, strict=True):
        mine = target.subject == person
        assert positive == (target.part[mine] == MEMBER).all()
        bits = []
        for column in leaves.T:
            for cell in column[mine]:
                there = set(target.subject[(column == cell) & (target.part == MEMBER)])
                bits.append(np.log2(10 / min(len(there | {person}), 10)))
        assert score == pytest.approx(np.mean(bits))


def test_a_leaf_of_one_is_certain_only_where_the_file_counts_the_members(target):
    found = evidence(target, "leaves")
    alone = found["members"].values[:, 0]
    np.testing.assert_array_equal(found["certain"].values[:, 0], alone)
    assert alone.any()
    part = target.part.copy()
    part[np.flatnonzero(part == MEMBER)[0]] = NEITHER
    assert "certain" not in evidence(replace(target, part=part), "leaves")


def test_by_lot_as_many_people_are_called_members(target):
    found = evidence(target, "leaves")
    lots = [one for name, one in found.items() if name.endswith("/members")]
    assert len(lots) == 20
    assert {len(one.values) for one in lots} == {len(found["members"].values)}
    drawn = [name for name in found if name.startswith("lot ") and name.endswith("/cells")]
    assert any((found[name].positive != found["cells"].positive).any() for name in drawn)


def test_a_threshold_isolates_whom_it_parts_from_all_but_four(target):
    booster = target.trees["A"]
    cuts = set()
    for row in booster.trees_to_dataframe().itertuples():
        if row.Feature != "Leaf":
            cuts.add((COLUMNS.index(row.Feature), np.float32(row.Split)))
    is_member = target.part == MEMBER
    found = evidence(target, "thresholds")
    for name, people in zip(("members", "others"), sides(target), strict=True):
        by_hand = []
        for person in people:
            mine, isolated = target.subject == person, False
            for column, cut in cuts:
                value = target.inputs[:, column]
                for beyond in (value < cut, value >= cut):
                    there = set(target.subject[beyond & is_member])
                    isolated |= bool((beyond & mine).any() and len(there | {person}) <= 4)
            by_hand.append(isolated)
        assert any(by_hand)
        np.testing.assert_array_equal(found[name].values[:, 0] > 0, by_hand)
    assert len(found["splits"].values) == len(cuts)


def test_members_values_stand_in_the_file_and_nobody_elses(target):
    found = evidence(target, "values")
    members, others = list(sides(target))
    for place, name in enumerate(found["members"].names):
        column = COLUMNS.index(name.removeprefix("rebuilt/"))
        frame = target.trees["A"].trees_to_dataframe()
        cuts = frame.loc[frame["Feature"] == COLUMNS[column], "Split"].to_numpy(np.float32)
        hit = np.isin(target.inputs[:, column], cuts)
        by_hand = [hit[(target.subject == person)].any() for person in members]
        np.testing.assert_array_equal(found["members"].values[:, place] > 0, by_hand)
    assert found["members"].values.any()
    assert not found["others"].values.any()
    assert len(found["others"].values) == len(others)


def test_an_exact_split_lies_within_half_a_step_of_two_rounded_values():
    target = population(rng(2), 60, 4, decimals=1)
    target = replace(target, inputs=(target.inputs * 10).round())
    mine = target.part == MEMBER
    trees = grown(target.inputs[mine], target.truth[mine, 0], DEEP | {"max_bin": 1024}, 4)
    document = trees.trees_to_dataframe()
    half = {column: [] for column in COLUMNS}
    for row in document.itertuples():
        if row.Feature != "Leaf":
            half[row.Feature].append(row.Split - 0.5)
    found = evidence(replace(target, trees={"A": trees}), "values")
    # Half a step lower, every cut is between two values: each is met that was, and the one below.
    lower = replace(target, inputs=target.inputs + 0.5, trees={"A": trees})
    assert evidence(lower, "values")["members"].values.sum() == 0
    assert found["members"].values.any()


def test_what_is_told_does_not_go_by_the_order_of_records_nor_by_names(target):
    order = rng(3).permutation(len(target.record))
    _, person = np.unique(target.subject, return_inverse=True)
    fresh = rng(4).permutation(1000)[person].astype(str)
    for output in ("leaves", "thresholds", "values"):
        whole = evidence(target, output)
        for other in (at(target, order), replace(target, subject=fresh)):
            again = evidence(other, output)
            for name in ("members", "others"):
                np.testing.assert_array_equal(
                    whole[name].values.sum(axis=0), again[name].values.sum(axis=0)
                )


def test_findings_are_nested_by_name_and_by_who_has_them():
    target = with_trees(nested_findings(rng(), 12), CAREFUL, 2)
    assert nested(target) == [("K70", "K703")]
    odd = target.truth.copy()
    odd[0] = (0, 1)
    assert nested(replace(target, truth=odd)) == []
    three = replace(
        target,
        tells=("K70", "K703", "K7030"),
        truth=target.truth[:, [0, 1, 1]],
        trees=target.trees | {"K7030": target.trees["K703"]},
    )
    assert nested(three) == [("K70", "K703"), ("K703", "K7030")]


def test_few_are_apart_where_both_files_count_the_members():
    target = with_trees(nested_findings(rng(), 4), CAREFUL, 2)
    few = evidence(target, "differences")["certain"]
    people, first = np.unique(target.subject, return_index=True)
    mine = target.part[first] == MEMBER
    apart = (target.truth[first] == (1, 0)).all(axis=1)
    np.testing.assert_array_equal(few.values[:, 0] > 0, apart[mine])
    assert few.values.sum() == 4
    assert len(people) == 240
    wrong = target.part.copy()
    wrong[np.flatnonzero(wrong == MEMBER)[0]] = NEITHER
    assert "certain" not in evidence(replace(target, part=wrong), "differences")


def test_a_model_of_one_sex_names_the_sex_of_its_members():
    target = population(rng())
    target.truth[target.male == 0] = np.nan
    target = with_trees(target, CAREFUL, 2)
    told = evidence(target, "existence")["certain"].values[:, 0]
    people, first = np.unique(target.subject, return_index=True)
    np.testing.assert_array_equal(
        told, target.male[first][target.part[first] == MEMBER].astype(int)
    )
    assert len(people) == 240


def test_questions_are_those_that_the_model_answers():
    target = population(rng())
    assert attacks(target) == []
    target = with_trees(target, CAREFUL, 1)
    assert [one.output for one in attacks(target)] == [
        "leaves",
        "thresholds",
        "values",
        "existence",
    ]
    men = replace(target, male=np.ones(len(target.male)))
    assert "existence" not in [one.output for one in attacks(men)]
    codes = with_trees(nested_findings(rng(), 12), CAREFUL, 1)
    assert [one.output for one in attacks(codes)] == list(OUTPUTS)
    blind = replace(codes, inputs=codes.inputs[:, :0], columns=())
    assert [one.output for one in attacks(blind)] == ["differences", "existence"]
    for one in attacks(codes):
        assert one.check == "structure"
        assert one.view == f"simulated.{one.output}"
        assert one.threat.endswith(".")


def test_too_few_people_of_either_kind_are_refused():
    target = with_trees(nested_findings(rng(), 12), CAREFUL, 1)
    unknown = replace(target, unknown="nobody says who is a member")
    people = np.unique(target.subject[target.part == NONMEMBER])
    few = at(target, np.flatnonzero(~np.isin(target.subject, people[9:])))
    for output in OUTPUTS:
        assert Structure(target, output).unmet(None) is None
        assert Structure(unknown, output).unmet(None) == "nobody says who is a member"
        why = Structure(few, output).unmet(None)
        assert (why is None) == (output in ("differences", "existence"))
    nobody = replace(target, part=np.full_like(target.part, NONMEMBER))
    assert "grown on" in str(Structure(nobody, "existence").unmet(None))


def test_columns_are_found_by_their_names(target):
    other = replace(target, inputs=target.inputs[:, ::-1], columns=target.columns[::-1], known={})
    for output in ("leaves", "thresholds"):
        one, same = evidence(target, output), evidence(other, output)
        np.testing.assert_array_equal(one["members"].values, same["members"].values)


@pytest.mark.parametrize("leak", PLANTS)
def test_a_planted_leak_is_found_and_a_clean_twin_is_silent(leak):
    found = [PLANTS[leak](seed, True) for seed in range(5)]
    alarms = [PLANTS[leak](seed, False) for seed in range(5)]
    assert all(found)
    assert sum(alarms) <= 1

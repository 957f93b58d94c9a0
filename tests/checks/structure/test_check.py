"""What a file of trees tells about people, against counts by hand, on simulated people; and what
counts of members and of others amount to: exact shares, intervals that cover, alarms.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from auditor.checks.base import Measured
from auditor.checks.structure.check import plan
from auditor.checks.structure.differences import Existence, NestedDifferences, nested
from auditor.checks.structure.leaves import LEAVES, Leaves, SmallLeaves
from auditor.checks.structure.people import LOTS, Sides
from auditor.checks.structure.thresholds import IsolatingThresholds, RebuiltValues, Thresholds
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts, Trials
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.learning import boost
from auditor.learning.boost import Trees
from auditor.stats.intervals import wilson
from tests.checks.asking import attacked, estimated, measured
from tests.checks.membership.plant import CLASSES, VALUE, of_trees
from tests.checks.structure.plant import (
    CAREFUL,
    COLUMNS,
    DEEP,
    at,
    grown,
    late,
    nested_findings,
    population,
    question,
    stopped,
    with_trees,
)

OUTPUTS = ("leaves", "thresholds", "values", "differences", "existence")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def evidence(target, output: str):
    return question(target, output).attack(None, rng())


@pytest.fixture(scope="module")
def target():
    """Members and others, and deep trees; one person is on neither side."""
    some = population(rng(), 60, 4)
    some.split[some.subject == some.subject[0]] = NEITHER
    some.inputs[rng(1).random(some.inputs.shape) < 0.05] = np.nan
    return with_trees(some, DEEP, 6)


def sides(target):
    """The people who are members and who are not, in the order of their names."""
    return (np.unique(target.subject[target.split == part]) for part in (MEMBER, NONMEMBER))


def kinds(seen):
    """The counts of members and of others, as they are in truth."""
    sides = seen if isinstance(seen, Sides) else seen.sides[0]
    return sides.members, sides.others


def sizes_by_hand(cells, target):
    """person → the least number of members, with the person, in any cell that they are in."""
    members, others = (set(one) for one in sides(target))
    found = {}
    for column in cells.T:
        for person in (*members, *others):
            for cell in set(column[(target.subject == person) & (target.split != NEITHER)]):
                there = set(target.subject[(column == cell) & (target.split == MEMBER)])
                found[person] = min(found.get(person, 999), len(there | {person}))
    return found


def test_leaves_and_paths_hold_as_many_people_as_by_hand(target):
    booster = target.trees["A"]
    leaves = boost.leaves(booster, target.inputs)
    paths = np.unique(leaves, axis=0, return_inverse=True)[1].reshape(-1, 1)
    found = evidence(target, "leaves")
    assert found.sides[0].members.names == LEAVES
    for column, (cells, least) in enumerate(
        [(leaves, 2), (leaves, 10), (paths, 2), (paths, 10)],
    ):
        size = sizes_by_hand(cells, target)
        for counts, people in zip(kinds(found), sides(target), strict=True):
            by_hand = np.array([size[person] < least for person in people])
            np.testing.assert_array_equal(counts.values[:, column] > 0, by_hand)


def test_a_persons_cells_fall_short_of_ten_by_so_many_bits(target):
    leaves = boost.leaves(target.trees["A"], target.inputs)
    cells = evidence(target, "leaves").cells[0]
    for person, score, positive in zip(cells.subject, cells.score, cells.positive, strict=True):
        mine = target.subject == person
        assert positive == (target.split[mine] == MEMBER).all()
        bits = []
        for column in leaves.T:
            for cell in column[mine]:
                there = set(target.subject[(column == cell) & (target.split == MEMBER)])
                bits.append(np.log2(10 / min(len(there | {person}), 10)))
        assert score == pytest.approx(np.mean(bits))


def test_a_leaf_of_one_is_certain_only_where_the_file_counts_the_members(target):
    found = evidence(target, "leaves")
    assert found.alone is not None
    alone = found.sides[0].members.values[:, 0]
    np.testing.assert_array_equal(found.alone.values[:, 0], alone)
    assert alone.any()
    part = target.split.copy()
    part[np.flatnonzero(part == MEMBER)[0]] = NEITHER
    assert evidence(replace(target, split=part), "leaves").alone is None


def test_by_lot_as_many_people_are_called_members(target):
    found = evidence(target, "leaves")
    truth, *lots = found.sides
    assert len(lots) == len(found.cells) - 1 == LOTS
    assert {len(one.members.values) for one in lots} == {len(truth.members.values)}
    cells, *drawn = found.cells
    assert any((one.positive != cells.positive).any() for one in drawn)


def test_a_threshold_isolates_whom_it_parts_from_all_but_four(target):
    booster = target.trees["A"]
    cuts = set()
    for row in booster.trees_to_dataframe().itertuples():
        if row.Feature != "Leaf":
            cuts.add((COLUMNS.index(row.Feature), np.float32(row.Split)))
    is_member = target.split == MEMBER
    found = evidence(target, "thresholds")
    for counts, people in zip(kinds(found), sides(target), strict=True):
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
        np.testing.assert_array_equal(counts.values[:, 0] > 0, by_hand)
    assert len(found.rarer) == len(cuts)


def test_members_values_stand_in_the_file_and_nobody_elses(target):
    found = evidence(target, "values")
    members, others = list(sides(target))
    for place, name in enumerate(found.members.names):
        column = COLUMNS.index(name)
        frame = target.trees["A"].trees_to_dataframe()
        cuts = frame.loc[frame["Feature"] == COLUMNS[column], "Split"].to_numpy(np.float32)
        hit = np.isin(target.inputs[:, column], cuts)
        by_hand = [hit[(target.subject == person)].any() for person in members]
        np.testing.assert_array_equal(found.members.values[:, place] > 0, by_hand)
    assert found.members.values.any()
    assert not found.others.values.any()
    assert len(found.others.values) == len(others)


def test_an_exact_split_lies_within_half_a_step_of_two_rounded_values():
    target = population(rng(2), 60, 4, decimals=1)
    target = replace(target, inputs=(target.inputs * 10).round())
    mine = target.split == MEMBER
    trees = grown(target.inputs[mine], target.y_true[mine, 0], DEEP | {"max_bin": 1024}, 4)
    document = trees.trees_to_dataframe()
    half = {column: [] for column in COLUMNS}
    for row in document.itertuples():
        if row.Feature != "Leaf":
            half[row.Feature].append(row.Split - 0.5)
    found = evidence(replace(target, trees={"A": trees}), "values")
    # Half a step lower, every cut is between two values: each is met that was, and the one below.
    lower = replace(target, inputs=target.inputs + 0.5, trees={"A": trees})
    assert evidence(lower, "values").members.values.sum() == 0
    assert found.members.values.any()


def test_what_is_told_does_not_go_by_the_order_of_records_nor_by_names(target):
    order = rng(3).permutation(len(target.record))
    _, person = np.unique(target.subject, return_inverse=True)
    fresh = rng(4).permutation(1000)[person].astype(str)
    for output in ("leaves", "thresholds", "values"):
        whole = evidence(target, output)
        for other in (at(target, order), replace(target, subject=fresh)):
            again = evidence(other, output)
            for one, same in zip(kinds(whole), kinds(again), strict=True):
                np.testing.assert_array_equal(one.values.sum(axis=0), same.values.sum(axis=0))


def test_findings_are_nested_by_name_and_by_who_has_them():
    target = with_trees(nested_findings(rng(), 12), CAREFUL, 2)
    assert nested(target) == [("K70", "K703")]
    odd = target.y_true.copy()
    odd[0] = (0, 1)
    assert nested(replace(target, y_true=odd)) == []
    three = replace(
        target,
        labels=("K70", "K703", "K7030"),
        y_true=target.y_true[:, [0, 1, 1]],
        trees=target.trees | {"K7030": target.trees["K703"]},
    )
    assert nested(three) == [("K70", "K703"), ("K703", "K7030")]


def test_few_are_apart_where_both_files_count_the_members():
    target = with_trees(nested_findings(rng(), 4), CAREFUL, 2)
    few = evidence(target, "differences").few
    assert few is not None
    people, first = np.unique(target.subject, return_index=True)
    mine = target.split[first] == MEMBER
    apart = (target.y_true[first] == (1, 0)).all(axis=1)
    np.testing.assert_array_equal(few.values[:, 0] > 0, apart[mine])
    assert few.values.sum() == 4
    assert len(people) == 240
    wrong = target.split.copy()
    wrong[np.flatnonzero(wrong == MEMBER)[0]] = NEITHER
    assert evidence(replace(target, split=wrong), "differences").few is None


def test_a_model_of_one_sex_names_the_sex_of_its_members():
    target = population(rng())
    target.y_true[target.male == 0] = np.nan
    target = with_trees(target, CAREFUL, 2)
    told = evidence(target, "existence").values[:, 0]
    people, first = np.unique(target.subject, return_index=True)
    np.testing.assert_array_equal(
        told, target.male[first][target.split[first] == MEMBER].astype(int)
    )
    assert len(people) == 240


def test_questions_are_those_that_the_model_answers():
    target = population(rng())
    assert plan(target) == []
    target = with_trees(target, CAREFUL, 1)
    assert [one.output for one in plan(target)] == [
        "leaves",
        "thresholds",
        "values",
        "existence",
    ]
    men = replace(target, male=np.ones(len(target.male)))
    assert "existence" not in [one.output for one in plan(men)]
    codes = with_trees(nested_findings(rng(), 12), CAREFUL, 1)
    assert [one.output for one in plan(codes)] == list(OUTPUTS)
    blind = replace(codes, inputs=codes.inputs[:, :0], columns=())
    assert [one.output for one in plan(blind)] == ["differences", "existence"]
    for one in plan(codes):
        assert one.id == "structure"
        assert one.view == f"simulated.{one.output}"
        assert one.threat.endswith(".")


def test_too_few_people_of_either_kind_are_refused():
    target = with_trees(nested_findings(rng(), 12), CAREFUL, 1)
    unknown = replace(target, membership_unknown="nobody says who is a member")
    people = np.unique(target.subject[target.split == NONMEMBER])
    few = at(target, np.flatnonzero(~np.isin(target.subject, people[9:])))
    for output in OUTPUTS:
        assert question(target, output).unmet(None) is None
        assert question(unknown, output).unmet(None) == "nobody says who is a member"
        why = question(few, output).unmet(None)
        assert (why is None) == (output in ("differences", "existence"))
    nobody = replace(target, split=np.full_like(target.split, NONMEMBER))
    assert "grown on" in str(Existence(nobody).unmet(None))


def test_columns_are_found_by_their_names(target):
    other = replace(target, inputs=target.inputs[:, ::-1], columns=target.columns[::-1], _cache={})
    for output in ("leaves", "thresholds"):
        one, same = evidence(target, output), evidence(other, output)
        for counts, again in zip(kinds(one), kinds(same), strict=True):
            np.testing.assert_array_equal(counts.values, again.values)


# --- what counts amount to ----------------------------------------------------------------


def flags(n: int, k: int) -> np.ndarray:
    return (np.arange(n) < k).astype(float)


def counted(mine: np.ndarray, theirs: np.ndarray, *names: str) -> Sides:
    """Yes or no of members and of others, a column for each name."""
    return Sides(
        *(Counts(names, one.reshape(len(one), -1).astype(np.int64)) for one in (mine, theirs))
    )


def isolated(mine: np.ndarray, theirs: np.ndarray, rarer: tuple[int, ...] = ()) -> Measured:
    """What members and others who are isolated amount to."""
    seen = Thresholds((counted(mine, theirs, "isolated"),), np.array(rarer, dtype=np.int64))
    return estimated(IsolatingThresholds(None), seen)


def one_sex(n: int, k: int) -> Measured:
    """What k of n members whose sex is told amount to."""
    counts = Counts(("one_sex",), flags(n, k)[:, None].astype(np.int64))
    return estimated(Existence(None), counts)


def test_a_share_is_told_beside_that_of_other_people():
    both = isolated(flags(100, 60), flags(50, 10))
    found = both.estimates
    assert found["isolated"].value == pytest.approx(0.6)
    assert found["isolated"].chance == pytest.approx(0.2)
    assert (found["isolated"].low, found["isolated"].high) == wilson(60, 100, 0.95)
    assert found["isolated_excess"].level == pytest.approx(1 - 0.05 / 5)
    assert both.params["alarms"] == ["isolated"]
    assert isolated(flags(100, 20), flags(50, 10)).params["alarms"] == []
    assert isolated(flags(100, 10), flags(50, 30)).params["alarms"] == []


def test_one_to_nine_people_are_told_in_words():
    found = isolated(flags(100, 9), flags(50, 0))
    assert found.estimates == {}
    assert found.params["isolated"] == "1 to 9 people"
    found = one_sex(50, 3)
    assert found.estimates == {}
    assert found.params == {"alarms": ["one_sex"], "one_sex": "1 to 9 people"}


def test_what_is_certain_is_an_alarm_as_soon_as_it_names_somebody():
    for k in (1, 10, 50):
        assert one_sex(50, k).params["alarms"] == ["one_sex"]
    found = one_sex(50, 0)
    assert found.params["alarms"] == []
    one = found.estimates["one_sex"]
    assert (one.value, one.chance) == (0.0, 0.0)


def test_of_many_columns_the_surest_is_told_and_intervals_hold_for_all():
    mine = np.stack([flags(100, 20), flags(100, 60), flags(100, 5)], axis=1).astype(int)
    theirs = np.stack([flags(50, 10), flags(50, 10), flags(50, 2)], axis=1).astype(int)
    seen = counted(mine, theirs, "age", "QT ms", "RR ms")
    found = estimated(RebuiltValues(None), seen)
    assert found.params["column"] == "QT ms"
    assert found.estimates["rebuilt"].value == pytest.approx(0.6)
    assert found.estimates["rebuilt_excess"].level == pytest.approx(1 - 0.05 / 15)
    assert found.curves["rebuilt"] == {
        "column": ["age", "QT ms", "RR ms"],
        "members": [0.2, 0.6, None],
        "others": [0.2, 0.2, None],
    }


def test_nothing_to_go_by_is_refused():
    target = with_trees(nested_findings(rng(), 4), CAREFUL, 2)
    wrong = target.split.copy()
    wrong[np.flatnonzero(wrong == MEMBER)[0]] = NEITHER
    with pytest.raises(EvidenceError, match="do not count those called members"):
        measured(NestedDifferences(replace(target, split=wrong)))
    stump = grown(target.inputs, target.y_true[:, 0], {"gamma": 1e6}, 1)
    with pytest.raises(EvidenceError, match="do not count those called members"):
        measured(RebuiltValues(replace(target, trees={"K70": stump})))


def test_the_share_of_thresholds_that_isolate_leaves_out_those_that_part_nobody():
    found = isolated(flags(50, 0), flags(50, 0), (0, 1, 4, 5))
    assert found.params["isolating_thresholds"] == 0.5


def test_cells_ring_where_members_sit_in_smaller_ones():
    rng = np.random.default_rng(0)
    positive = np.arange(200) < 100
    names, none = np.arange(200).astype(str), np.zeros(200, dtype=np.int64)
    nobody = counted(np.zeros((100, 4)), np.zeros((100, 4)), *LEAVES)

    def cells(shift: float) -> Trials:
        return Trials(rng.normal(size=200) + shift * positive, positive, names, none)

    def told(*seen: Trials) -> Measured:
        return estimated(SmallLeaves(None), Leaves((nobody,), seen, None))

    found = told(cells(1.5))
    assert found.params["alarms"] == ["cells_auc"]
    one = found.estimates["cells_auc"]
    assert 0.75 < one.low < one.value < one.high <= 1
    assert "cells_roc" in found.curves
    assert told(cells(0.0)).params["alarms"] == []
    # Where lots differ as much as the truth does, the truth says nothing.
    loose = cells(0.7)
    assert told(loose).estimates["cells_auc"].low > 0.5
    assert told(loose, *(cells(0.7) for _ in range(20))).params["alarms"] == []


def test_two_models_tell_members_apart_beside_other_people():
    target = with_trees(nested_findings(np.random.default_rng(0), 30), DEEP, 20)
    told = measured(NestedDifferences(target))
    found = told.estimates
    assert told.params["apart"] == "K70 without K703"
    assert told.params["alarms"] == ["apart"]
    assert found["apart_auc"].low > found["apart_auc"].chance
    assert found["apart_excess"].value == pytest.approx(
        found["apart_auc"].value - found["apart_auc"].chance
    )


def test_a_report_holds_nobody_and_is_written_as_json():
    target = with_trees(population(np.random.default_rng(0)), CAREFUL, 3)
    for output in ("leaves", "thresholds", "values", "existence"):
        told = measured(question(target, output))
        text = json.dumps([told.params, told.curves, sorted(told.estimates)])
        assert "person" not in text.replace("1 to 9 people", "")
        for one in told.estimates.values():
            assert one.low <= one.value <= one.high
            assert one.chance is not None


@pytest.mark.parametrize("objective", [CLASSES, VALUE], ids=["classes", "a value"])
def test_trees_of_classes_and_values_show_their_members_and_nobody_elses(objective):
    alarms = {
        learnt: {
            alarm
            for check in plan(of_trees(0, learnt=learnt, objective=objective))
            for alarm in measured(check).params["alarms"]
        }
        for learnt in (True, False)
    }
    assert {"leaf_of_one", "rebuilt"} <= alarms[True]
    assert alarms[False] == set()


def test_of_trees_that_grow_together_every_leaf_counts_once():
    # Without lots they are all the same tree.
    alone, threefold = (
        attacked(SmallLeaves(of_trees(0, Trees(10, 4, together=together)))).cells[0].score
        for together in (1, 3)
    )
    np.testing.assert_allclose(threefold, alone)


# --- what was grown after the best iteration ----------------------------------------------


def test_late_trees_are_those_beyond_the_iteration_that_the_file_names():
    target = stopped(rng(1))
    booster = target.trees["A"]
    best = booster.best_iteration
    found = evidence(target, "late")
    assert (found.n_rounds, found.n_late) == (best + 16, 15)
    assert measured(question(target, "late")).params["late_rounds"] == f"15 of {best + 16}"
    # By hand, of each person: how much the margins of the late trees are on the right side.
    names = list(COLUMNS)
    asked = xgboost.DMatrix(target.inputs, feature_names=names, nthread=1)
    whole = booster.predict(asked, output_margin=True)
    early = booster.predict(asked, output_margin=True, iteration_range=(0, best + 1))
    side = np.where(target.y_true[:, 0] == 1, 1, -1)
    gain = (whole - early) * side
    alike = target.y_true[:, 0] == 1
    people = found.people
    for truth in (True, False):
        by_hand, scores = [], []
        for person, score in zip(people.subject, people.score, strict=True):
            mine = target.subject == person
            if alike[mine][0] == truth:
                by_hand.append(gain[mine].mean())
                scores.append(score)
        # Centred on those of whom the same is true, and brought to a scale that is one for all.
        assert np.corrcoef(by_hand, scores)[0, 1] == pytest.approx(1, abs=1e-4)


def test_a_file_that_was_cut_at_its_best_iteration_or_names_none_is_not_asked():
    target = stopped(rng(1))
    booster = target.trees["A"]
    cut = booster[: booster.best_iteration + 1]
    for other in (cut, with_trees(population(rng(), 60), DEEP, 6).trees["A"]):
        assert "late" not in [one.output for one in plan(replace(target, trees={"A": other}))]
    odd = booster.copy()
    for said in ("-1", "9999", "²", "4; rm"):
        odd.set_attr(best_iteration=said)
        assert "late" not in [one.output for one in plan(replace(target, trees={"A": odd}))]


def test_late_trees_need_people_of_either_kind_and_what_is_true_of_them():
    target = stopped(rng(1))
    blank = replace(target, y_true=np.full_like(target.y_true, np.nan))
    asked = next(one for one in plan(blank) if one.output == "late")
    assert "what is true of its records is not known" in str(asked.unmet(None))
    others = np.unique(target.subject[target.split == NONMEMBER])
    few = at(target, np.flatnonzero(~np.isin(target.subject, others[9:])))
    asked = next(one for one in plan(few) if one.output == "late")
    assert asked.unmet(None).startswith("needs at least 10 people whom the trees never saw")


def test_late_trees_ring_for_members_and_not_for_others_of_the_same_population():
    found = [measured(question(stopped(rng(seed)), "late")) for seed in range(5)]
    assert all(one.params["alarms"] == ["late_auc"] for one in found)
    assert all(one.estimates["late_auc"].chance == 0.5 for one in found)
    assert sum(late(seed, False) for seed in range(20)) <= 2

"""What counts of members and of others amount to: exact shares, intervals that cover, alarms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from auditor.checks.structure.estimates import measured
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts, Trials
from auditor.stats.intervals import wilson
from auditor.stats.small_cells import excess
from tests.checks.structure.plant import (
    CAREFUL,
    DEEP,
    asked,
    nested_findings,
    population,
    with_trees,
)


def told(seen, level: float = 0.95):
    return measured(seen, level=level, rng=np.random.default_rng(0))


def flags(n: int, k: int) -> np.ndarray:
    return (np.arange(n) < k).astype(float)


def sides(mine: np.ndarray, theirs: np.ndarray, name: str = "isolated") -> dict[str, Counts]:
    return {
        side: Counts((name,), one[:, None].astype(np.int64))
        for side, one in (("members", mine), ("others", theirs))
    }


def test_an_excess_is_the_difference_of_two_shares_within_newcombes_interval():
    # Newcombe 1998, Stat Med 17:873, Table II, method 10: 56/70 and 48/80.
    seen = excess(flags(70, 56), flags(80, 48), 0.95)
    assert seen.value == pytest.approx(0.2)
    assert (seen.low, seen.high) == (
        pytest.approx(0.0524, abs=5e-5),
        pytest.approx(0.3339, abs=5e-5),
    )
    assert (seen.n_subjects, seen.chance) == (150, 0.0)
    none = excess(flags(20, 0), flags(20, 0), 0.95)
    assert none.low < 0 < none.high


def test_an_interval_covers_a_difference_of_nothing_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for p in (0.05, 0.3):
        drawn = [
            excess((rng.random(60) < p) * 1.0, (rng.random(80) < p) * 1.0, 0.95) for _ in range(400)
        ]
        assert np.mean([one.low <= 0 <= one.high for one in drawn]) > 0.93


def test_an_interval_is_widened_where_people_fall_together():
    one, other = flags(100, 30), flags(100, 20)
    plain = excess(one, other, 0.95)
    alone = np.sqrt(0.25 * 0.75 * 2 / 100)
    narrow = excess(one, other, 0.95, [alone / 2, -alone / 2])
    wide = excess(one, other, 0.95, [2 * alone, -2 * alone])
    assert (narrow.low, narrow.high) == (plain.low, plain.high)
    assert wide.value - wide.low == pytest.approx(2 * (plain.value - plain.low))
    assert wide.high - wide.value == pytest.approx(2 * (plain.high - plain.value))


def test_an_excess_needs_ten_people_of_either_kind():
    with pytest.raises(EvidenceError, match="at least 10 people"):
        excess(flags(9, 3), flags(50, 3), 0.95)


def test_a_share_is_told_beside_that_of_other_people():
    found, _, params = told(sides(flags(100, 60), flags(50, 10)))
    assert found["isolated"].value == pytest.approx(0.6)
    assert found["isolated"].chance == pytest.approx(0.2)
    assert (found["isolated"].low, found["isolated"].high) == wilson(60, 100, 0.95)
    assert found["isolated_excess"].level == pytest.approx(1 - 0.05 / 4)
    assert params["alarms"] == ["isolated"]
    assert told(sides(flags(100, 20), flags(50, 10)))[2]["alarms"] == []
    assert told(sides(flags(100, 10), flags(50, 30)))[2]["alarms"] == []


def test_one_to_nine_people_are_told_in_words():
    found, _, params = told(sides(flags(100, 9), flags(50, 0)))
    assert found == {}
    assert params["isolated_people"] == "1 to 9 people"
    found, _, params = told({"certain": Counts(("one_sex",), flags(50, 3)[:, None].astype(int))})
    assert found == {}
    assert params == {"alarms": ["one_sex"], "one_sex_people": "1 to 9 people"}


def test_what_is_certain_is_an_alarm_as_soon_as_it_names_somebody():
    for k in (1, 10, 50):
        seen = {"certain": Counts(("leaf_of_one",), flags(50, k)[:, None].astype(int))}
        assert told(seen)[2]["alarms"] == ["leaf_of_one"]
    found, _, params = told({"certain": Counts(("leaf_of_one",), np.zeros((50, 1), dtype=int))})
    assert params["alarms"] == []
    assert (found["leaf_of_one"].value, found["leaf_of_one"].chance) == (0.0, 0.0)


def test_of_many_columns_the_surest_is_told_and_intervals_hold_for_all():
    mine = np.stack([flags(100, 20), flags(100, 60), flags(100, 5)], axis=1).astype(int)
    theirs = np.stack([flags(50, 10), flags(50, 10), flags(50, 2)], axis=1).astype(int)
    names = ("rebuilt/age", "rebuilt/QT ms", "rebuilt/RR ms")
    found, curves, params = told({"members": Counts(names, mine), "others": Counts(names, theirs)})
    assert params["rebuilt"] == "QT ms"
    assert found["rebuilt"].value == pytest.approx(0.6)
    assert found["rebuilt_excess"].level == pytest.approx(1 - 0.05 / 12)
    assert curves["rebuilt"] == {
        "column": ["age", "QT ms", "RR ms"],
        "members": [0.2, 0.6, None],
        "others": [0.2, 0.2, None],
    }


def test_nothing_to_go_by_is_refused():
    with pytest.raises(EvidenceError):
        told({})


def test_the_share_of_thresholds_that_isolate_leaves_out_those_that_part_nobody():
    seen = sides(flags(50, 0), flags(50, 0))
    seen["splits"] = Counts(("rarer",), np.array([[0], [1], [4], [5]]))
    assert told(seen)[2]["isolating_thresholds"] == 0.5


def test_cells_ring_where_members_sit_in_smaller_ones():
    rng = np.random.default_rng(0)
    positive = np.arange(200) < 100
    names, none = np.arange(200).astype(str), np.zeros(200, dtype=np.int64)

    def cells(shift: float) -> dict:
        return {"cells": Trials(rng.normal(size=200) + shift * positive, positive, names, none)}

    found, curves, params = told(cells(1.5))
    assert params["alarms"] == ["cells_auc"]
    assert 0.8 < found["cells_auc"].low < found["cells_auc"].value < found["cells_auc"].high <= 1
    assert "cells_roc" in curves
    assert told(cells(0.0))[2]["alarms"] == []
    # Where lots differ as much as the truth does, the truth says nothing.
    loose = cells(0.7)
    alone = told(loose)[0]["cells_auc"]
    assert alone.low > 0.5
    lots = {f"lot {turn + 1}/cells": cells(0.7)["cells"] for turn in range(20)}
    assert told({**loose, **lots})[2]["alarms"] == []


def test_two_models_tell_members_apart_beside_other_people():
    target = with_trees(nested_findings(np.random.default_rng(0), 30), DEEP, 20)
    found, _, params = asked(target, "differences")
    assert params["apart"] == "K70 without K703"
    assert params["alarms"] == ["apart"]
    assert found["apart_auc"].low > found["apart_auc"].chance
    assert found["apart_excess"].value == pytest.approx(
        found["apart_auc"].value - found["apart_auc"].chance
    )


def test_a_report_holds_nobody_and_is_written_as_json():
    target = with_trees(population(np.random.default_rng(0)), CAREFUL, 3)
    for output in ("leaves", "thresholds", "values", "existence"):
        found, curves, params = asked(target, output)
        text = json.dumps([params, curves, sorted(found)])
        assert "person" not in text.replace("_people", "").replace("1 to 9 people", "")
        for one in found.values():
            assert one.low <= one.value <= one.high
            assert one.chance is not None

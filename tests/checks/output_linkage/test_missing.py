"""Which values are missing names people where that is their own, and nobody where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.output_linkage.check import plan
from auditor.checks.output_linkage.missing import MaskLinkage, _dealt, panels, sometimes_missing
from auditor.stats.metrics import rank_rate
from tests.checks.asking import attacked, beyond_chance, context, measured
from tests.checks.output_linkage.plant import PANELS, People, ordered


def first(target, seed: int = 0) -> tuple[float, float]:
    """The shares found first by what is missing, and by how much of each panel."""
    seen = attacked(MaskLinkage(target), seed)
    return rank_rate(seen.own, 1).mean(), rank_rate(seen.panels, 1).mean()


def test_whoever_lacks_the_same_at_every_visit_is_found_and_values_say_nothing():
    own, by_panels = first(ordered(0, True))
    assert own > 0.3
    assert own > by_panels + 0.15
    target = ordered(0, True)
    other = np.where(np.isnan(target.inputs), np.nan, 1).astype(np.float32)
    assert first(replace(target, inputs=other)) == (own, by_panels)


def test_what_is_missing_by_lot_finds_nobody_and_intervals_hold_chance():
    found = [measured(MaskLinkage(ordered(seed, False)), seed).estimates for seed in range(10)]
    assert sum(beyond_chance(one["rank1"]) for one in found) <= 1
    assert sum(one["gain_over_panels"].low > 0 for one in found) <= 1
    assert np.mean([one["rank1"].value for one in found]) < 3 / 120


def test_panels_that_a_person_always_has_are_found_by_the_control_as_well():
    people = People(1, 120)
    mask = (people.noise(9, per_person=True) > 0)[:, np.repeat(np.arange(9), 2)]
    values = np.where(mask, np.nan, people.noise(18)).astype(np.float32)
    target = people.target({}, inputs=values, columns=tuple(map(str, range(18))))
    own, by_panels = first(target)
    assert own > 0.1
    assert own == pytest.approx(by_panels, abs=0.05)
    gain = measured(MaskLinkage(target)).estimates["gain_over_panels"]
    assert gain.low <= 0 <= gain.high


def test_what_is_ordered_together_is_one_panel():
    mask = np.isnan(ordered(0, False, 400).inputs)
    mask[:, PANELS == 3] = mask[:, [0]]
    found = panels(np.hstack([mask[:, [0]], mask[:, PANELS == 3], mask[:, PANELS == 1][:, :1]]))
    assert found[0] == found[1] == found[2] == found[3] != found[4]


def test_a_control_lacks_as_much_of_each_panel_of_each_record():
    mask = np.isnan(ordered(0, True).inputs)
    dealt = _dealt(mask, PANELS, np.random.default_rng(0))
    assert (dealt != mask).any()
    for one in range(4):
        columns = one == PANELS
        np.testing.assert_array_equal(dealt[:, columns].sum(axis=1), mask[:, columns].sum(axis=1))


def test_a_table_that_lacks_nothing_is_not_asked_and_people_of_one_record_cannot_be():
    target = ordered(0, True)
    assert [one.view for one in plan(target)] == ["model.scores", "model.missing"]
    assert len(sometimes_missing(target)) == len(PANELS)
    whole = replace(target, inputs=np.nan_to_num(target.inputs))
    assert [one.view for one in plan(whole)] == ["model.scores"]
    alone = replace(target, subject=target.record)
    said = MaskLinkage(alone).unmet(context())
    assert said.startswith("needs at least 10 people with two records; found fewer; ask the model")
    assert MaskLinkage(target).threat.startswith("An intruder knows which values")

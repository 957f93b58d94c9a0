"""What retrieval amounts to, and what a recipe trades for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.cross_modal.estimates import measured, sweep
from auditor.core.errors import EvidenceError
from tests.checks.cross_modal.plant import pairing
from tests.stats.evidence import random_search


def searches(strength=0.0, members=0.0):
    rng = np.random.default_rng(3)
    names = ("alike", "beyond", "untrained", "label/edema", "person", "encounter")
    seen = {name: random_search(np.random.default_rng(8), 40) for name in names}
    seen |= {"": random_search(rng, 40, strength), "members": random_search(rng, 60, members)}
    return seen | {"taught": seen[""], "taught members": seen["members"]}


def test_everything_is_told_with_chance_beside_it():
    found, curves, params = measured(searches(), level=0.95, rng=np.random.default_rng(0))
    wanted = "rank1 rank10 auc_known members_rank1 members_rank10 member_gap taught_member_gap "
    wanted += "taught_rank10 alike_auc_known beyond_auc_known label_edema_rank10 person_rank1 "
    wanted += "encounter_gap untrained_rank1"
    assert set(wanted.split()) <= set(found)
    assert found["rank10"].chance == pytest.approx(10 / 40)
    assert found["members_rank1"].chance == pytest.approx(1 / 60)
    for one in found.values():
        assert one.low <= one.value <= one.high
        assert one.n_subjects >= 10
    assert curves["gallery"]["gallery"][-1] == 40
    assert params == {}


def test_memorised_pairs_are_a_gap_and_a_model_that_finds_everybody_has_none():
    gaps = [
        measured(searches(*both), level=0.95, rng=np.random.default_rng(0))[0]["member_gap"]
        for both in ((0, 8), (8, 8), (0, 0))
    ]
    assert gaps[0].low > 0.5
    assert all(one.low < 0 < one.high for one in gaps[1:])


def test_nine_people_are_too_few():
    seen = {"": random_search(np.random.default_rng(0), 9)}
    with pytest.raises(EvidenceError, match="10 people"):
        measured(seen, level=0.95, rng=np.random.default_rng(0))


def trained(weight, temperature):
    """The more a true pair weighs, the more of members' pairs is memorised; one in ten labels is
    then told wrongly for each unit of weight."""
    target = pairing(0, False, memorised=weight / 4)
    rng = np.random.default_rng(int(100 * temperature))
    wrong = rng.random(target.truth.shape) < weight / 25
    said = np.where(wrong, 1 - target.truth, target.truth) + 0.01 * rng.normal(size=wrong.shape)
    return replace(target, outputs={**target.outputs, "scores": lambda: said.astype(np.float32)})


def test_a_sweep_has_a_row_for_each_recipe_and_shows_what_is_traded():
    asked = []

    def train(weight, temperature):
        asked.append((weight, temperature))
        return trained(weight, temperature)

    rows = sweep(train, (0, 3, 10), (0.01, 0.1))
    assert asked == [(row.weight, row.temperature) for row in rows]
    assert len(rows) == 6
    for some in (rows[:3], rows[3:]):
        assert [row.members.value for row in some] == sorted(row.members.value for row in some)
        assert [row.auroc for row in some] == sorted((row.auroc for row in some), reverse=True)
        assert some[0].auroc == pytest.approx(1)
        assert some[-1].members.low > some[-1].held_out.high
    assert rows[0].held_out == rows[3].held_out


def test_a_model_that_tells_nothing_has_no_auroc():
    rows = sweep(lambda weight, temperature: pairing(0, False), (1,), (0.1,))
    assert [row.auroc for row in rows] == [None]

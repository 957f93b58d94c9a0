"""Groups are told when they are of ten people, and nothing smaller can be worked out from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit import open_context
from auditor.checks.subgroups.check import Subgroups
from auditor.core.evidence import MIN_PEOPLE
from auditor.engine import engine
from auditor.stats.metrics import rank_rate
from auditor.stats.small_cells import disclosable_groups
from tests.releases import settings, write_release


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("slices"), identity=1, seed=6, n_subjects=40)
    with engine() as workers:
        context = open_context(root, settings(vit=False), workers)
        yield Subgroups().attack(context, np.random.default_rng(0))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6))
def test_no_small_group_is_told_or_left_over_by_difference(sizes):
    label = np.repeat(np.arange(len(sizes)), sizes)
    subject = np.arange(len(label)).astype(str)
    groups = {str(one): label == one for one in range(len(sizes))}
    shown = disclosable_groups(groups, subject)
    assert all(sizes[int(name)] >= MIN_PEOPLE for name in shown)
    left = sum(size for place, size in enumerate(sizes) if str(place) not in shown)
    assert not shown or left == 0 or left >= MIN_PEOPLE


def test_two_groups_of_ten_are_both_told():
    sex = np.repeat([True, False], [10, 15])
    assert disclosable_groups({"a": sex, "b": ~sex}, np.arange(25).astype(str)) == ["a", "b"]


def test_the_groups_of_a_kind_are_parts_of_the_whole(evidence):
    whole = evidence.everybody
    halves = [evidence.of[f"quality_of_the_{half}_half"] for half in ("better", "worse")]
    assert sum(len(half.mated_score) for half in halves) == len(whole.mated_score)
    both = np.sort(np.concatenate([half.mated_score for half in halves]))
    assert np.array_equal(both, np.sort(whole.mated_score))


def test_who_holds_less_finds_fewer(evidence):
    found = {name: rank_rate(one, 1).mean() for name, one in evidence.holding.items()}
    whole = rank_rate(evidence.everybody, 1).mean()
    assert found["1_beat"] <= found["10_beats"] + 0.05
    assert found["noise_of_0_db"] < found["noise_of_20_db"]
    assert found["lead_I_alone"] <= whole
    assert found["noise_of_20_db"] > 0.8 * whole

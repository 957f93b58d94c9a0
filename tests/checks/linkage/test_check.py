"""People are found by what is theirs, and by luck alone where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS
from auditor.audit import open_context
from auditor.checks.linkage.check import Linkage
from auditor.core.errors import ConfigError
from auditor.data.protocols import split
from auditor.engine import engine
from auditor.signal.segment import cut
from auditor.stats.metrics import rank_rate
from tests.releases import prepared_as, settings, write_release

#: Eight shufflings of the others take minutes.
QUICK = [name for name in RECOGNISERS.ladder() if not RECOGNISERS[name].needs_training]
SWIFT = ("template", "whitened", "subspace")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("linkage"), identity=1, seed=3, n_subjects=20)
    with engine() as workers:
        yield open_context(root, settings(vit=False), workers)


@pytest.mark.parametrize(
    "view",
    [view if view in SWIFT else pytest.param(view, marks=pytest.mark.slow) for view in QUICK],
)
def test_people_dealt_their_records_at_random_are_found_by_luck(context, view):
    """Which record is whose is shuffled: chance is one in twenty, whatever was learned."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        columns = ["subject", "session"]
        dealt = context.records.copy()
        dealt[columns] = dealt[columns].to_numpy()[rng.permutation(len(dealt))]
        order = np.argsort(dealt["session"].to_numpy(), kind="stable")
        prepared = replace(context.prepared, records=dealt.iloc[order].reset_index(drop=True))
        shuffled = prepared_as(context, prepared, seed=seed)
        evidence = Linkage(view, "cross-session").attack(shuffled, rng).found
        found.append(rank_rate(evidence, 1).mean())
    # Eight times 20 people at 1 in 20: a mean above 0.12 has a chance of 1 in 10,000.
    assert np.mean(found) < 0.12


def test_attackers_that_learn_from_pairs_say_when_there_are_too_few(context):
    people = context.records["subject"].unique()
    keep = context.records["subject"].isin(people[: MIN_MATED - 1])
    first = ~context.records["subject"].duplicated()
    few = prepared_as(context, context.prepared.part(np.flatnonzero(keep | first)))
    on_pairs = [name for name in QUICK if RECOGNISERS[name].trained_on_pairs]
    assert on_pairs == ["whitened", "plda", "adapted"]
    for view in on_pairs:
        why = Linkage(view, "same-session").unmet(few)
        assert why is not None
        assert "several records" in why or "two records" in why


def test_the_two_halves_of_a_record_are_different_beats_of_one_heart(context):
    parts = split(context.records, "random-segment")
    row = int(parts.gallery.row[0])
    one, other = (cut(context.prepared, row, half, context.seed)[0] for half in (1, 2))
    whole = cut(context.prepared, row, 0, context.seed)[0]
    assert len(one) + len(other) == len(whole)
    assert not any(np.array_equal(a, b) for a in one for b in other)


def test_an_attacker_nobody_knows_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="template"):
        Linkage("templat")

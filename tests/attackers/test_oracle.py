"""Who knows what was planted finds it where it is, and nothing where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.oracle import ORACLE
from auditor.attackers.recogniser import RECOGNISERS
from auditor.core.streams import stream
from auditor.data.protocols import split
from auditor.engine import engine
from auditor.signal.spikes import spiked
from auditor.stats.metrics import rank_rate
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.releases import prepared_as, write_release


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Context:
    """Sixty people whose hearts are all alike, with one record of each of two days."""
    root = tmp_path_factory.mktemp("oracle")
    write_release(root, identity=0, seed=5, n_subjects=60, n_records=1)
    with engine() as workers:
        release = Release.open(root, workers)
        _ = release.prepared
    return Context(release, "cpu", 0, None)


def rank1(context: Context, view: str, strength: float, seed: int = 0) -> float:
    planted = prepared_as(context, spiked(context.prepared, "person", seed).at(strength))
    enrolment = Enrolment.of_release(planted, split(planted.records, "cross-session"))
    found = RECOGNISERS[view](planted, enrolment).search(stream(0, "search"))
    return float(rank_rate(found, 1).mean())


def test_more_is_found_the_more_is_planted(context):
    found = [rank1(context, ORACLE, strength) for strength in (0.0, 0.3, 0.5, 0.7, 1.0)]
    assert found == sorted(found)
    assert found[-1] == 1


def test_where_nothing_is_planted_nothing_is_found(context):
    hits = sum(round(60 * rank1(context, ORACLE, 0.0, seed)) for seed in range(20))
    assert binom.sf(hits - 1, 20 * 60, 1 / 60) > 0.001


@pytest.mark.parametrize("view", ["template", "plda"])
def test_whoever_has_to_learn_finds_no_more(context, view):
    told, learnt = (
        np.mean([rank1(context, one, 0.5, seed) for seed in range(3)]) for one in (ORACLE, view)
    )
    assert learnt < told + 3 * np.sqrt(0.25 / 180)


def test_it_is_no_rung_and_can_be_had_nowhere_else(context):
    assert ORACLE not in RECOGNISERS.ladder()
    assert RECOGNISERS.unavailable(context, ORACLE) == "nothing was planted"
    planted = prepared_as(context, spiked(context.prepared, "person", 0))
    assert RECOGNISERS.unavailable(planted, ORACLE) is None
    assert RECOGNISERS.unavailable(replace(planted, training=None), ORACLE) is None

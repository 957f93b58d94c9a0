"""The rungs of linkage, one by one and together."""

from __future__ import annotations

import numpy as np
import pytest
from releases import settings, write_release

from auditor.attacks import linkage, subspace
from auditor.audit import open_case
from auditor.data.protocol import split
from auditor.engine import engine


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("rungs"), identity=1, seed=3, n_subjects=12)
    with engine() as workers:
        yield open_case(root, settings(vit=False), workers)


@pytest.mark.parametrize("protocol", ["cross-session", "random-segment"])
def test_the_fused_score_is_the_sum_of_the_rungs_in_units_of_their_spread(case, protocol):
    parts = split(case.records, protocol)
    fused = linkage._fused(case, parts)
    wanted = 0.0
    for view in ("template", "fiducials", "subspace"):
        rung = linkage._seen(case, view, parts)
        scores = rung.probe @ rung.gallery.T
        among = scores[rung.probed[:, None] != rung.enrolled]
        # The gallery's spread is about that of the probes' impostors, which it has not seen.
        assert rung.spread == pytest.approx(among.std(), rel=0.6)
        wanted = wanted + scores / rung.spread
    assert fused.probe @ fused.gallery.T == pytest.approx(wanted, rel=1e-3, abs=1e-3)


def test_a_subspace_knows_nothing_of_the_probes(case):
    """What it says of the gallery is the same whichever probes it is asked about."""
    parts = split(case.records, "cross-session")
    fewer = type(parts.probe)(parts.probe.row[:3], parts.probe.half[:3])
    whole, some = (
        subspace.embeddings(case, parts.gallery, probe)[0] for probe in (parts.probe, fewer)
    )
    assert np.array_equal(whole.values, some.values)


def test_the_two_halves_of_a_record_are_different_beats_of_one_heart(case):
    parts = split(case.records, "random-segment")
    row = int(parts.gallery.row[0])
    one, other = (subspace._beats(case.prepared, row, half, case.seed)[0] for half in (1, 2))
    whole = subspace._beats(case.prepared, row, 0, case.seed)[0]
    assert len(one) + len(other) == len(whole)
    assert not any(np.array_equal(a, b) for a in one for b in other)

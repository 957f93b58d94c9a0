"""ECG-JEPA under audit: what is known without it, and of which recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from auditor.core.target import MEMBER, Target
from auditor.data.pairs import read_pairs
from auditor.engine import Engine
from auditor.simulate.population import Population
from auditor.systems.jepa import network as jepa
from auditor.systems.open import open_target
from auditor.targets.recordings import read_visits
from auditor.targets.release import Release
from tests.systems.brief import tiny_jepa, written


def test_signals_are_told_plainly_for_who_never_asks_the_network(
    opened: Callable[[str], Target], root: Path
):
    one = opened("jepa")
    seen = read_visits(read_pairs(root), jepa.prepare)
    lead = jepa.LEADS.index("V2")
    for name, told in (
        ("mean", seen.x[:, lead].mean(axis=1)),
        ("SD", seen.x[:, lead].std(axis=1)),
        ("range", seen.x[:, lead].max(axis=1) - seen.x[:, lead].min(axis=1)),
    ):
        column = one.inputs[:, one.columns.index(f"V2 {name}")]
        np.testing.assert_allclose(column, told, rtol=1e-4, atol=1e-6)
    assert one.columns[-2:] == ("age", "sex")


def test_recordings_have_sessions_and_ages(tmp_path: Path, workers: Engine):
    data = tmp_path / "data"
    Population(6, n_sessions=2, n_records=1, seed=3).write(data)
    release = Release.open(data, workers)
    manifest = release.dataset.manifest
    listed = manifest[["record", "subject"]].assign(part=["trained"] * 6 + ["judged"] * 6)
    model = written(tmp_path / "m", {"jepa": tiny_jepa()}, listed)
    one = open_target(model, release)
    assert one.record.tolist() == manifest["record"].tolist()
    assert one.session.tolist() == manifest["session"].tolist()
    assert [len(set(one.session[one.subject == who])) for who in set(one.subject)] == [2] * 6
    np.testing.assert_array_equal(one.age, manifest["age"].astype(float))
    assert (one.split == MEMBER).sum() == 6

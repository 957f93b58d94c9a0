"""Real people whose recordings change names: how surely that is seen, and right names let be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.duplicates.check import Duplicates
from auditor.checks.run import run_check
from auditor.data.protocols import later
from auditor.engine import engine
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.benchmarks.test_speed import say
from tests.releases import prepared_as

FOLDERS = {"ecgiddb": "ECG-ID", "heartprint-dev": "Heartprint, 95 people"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_shuffled_names_are_seen_and_right_ones_are_not_doubted(data, folder, measured):
    """The later recordings of some people are given each other's names."""
    flags = {"subject_pattern": r"^(\d+)/"} if folder == "heartprint-dev" else {}
    with engine() as workers:
        context = Context(
            Release.open(data / folder, workers, max_seconds=30, flags=flags), "cpu", 0, None
        )
        for percent in (0, 50, 100):
            records, rng = context.prepared.records.copy(), np.random.default_rng(0)
            rows = later(records)
            some = rows[rng.random(len(rows)) < percent / 100]
            records.loc[some, "subject"] = rng.permutation(records["subject"].to_numpy()[some])
            shuffled = prepared_as(context, replace(context.prepared, records=records))
            finding = run_check(Duplicates(), shuffled, level=0.95, smallest_cell=10)
            found = finding.estimates["misnamed"]
            say(f"{folder}, {percent} % of names shuffled: {found.value:.3f}")
            measured(
                f"shortcuts/misnamed-{folder}-{percent}",
                f"Recordings like a stranger's, {percent} % of later names shuffled",
                found.value, interval=[found.low, found.high], room="shortcuts",
                data=FOLDERS[folder], n=f"{found.n_subjects} people",
                wanted="low > 0.1" if percent else "high <= 0.1",
                note="linkage is not assessed where the lower end is above 0.1",
            )  # fmt: skip
            assert (found.low > 0.1) == (percent > 0)

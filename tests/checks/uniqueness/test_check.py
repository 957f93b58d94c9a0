"""How small the groups are in which people stand alike, here and in a town."""

from __future__ import annotations

import numpy as np

from auditor.checks.uniqueness.check import Uniqueness
from auditor.core.evidence import Counts


def test_a_unique_age_hides_in_a_town_but_a_known_day_does_not():
    sizes = np.ones((90, 1), dtype=np.int64)
    hidden, known = (
        Uniqueness(population=100_000)
        .estimate(Counts((what,), sizes), 0.95, np.random.default_rng)
        .estimates
        for what in ("sex + age", "sex + age + date")
    )
    assert hidden["max_risk"].value < 0.01
    assert known["max_risk"].value == 1
    assert hidden["below_11"].value == 1

"""How many people have a heart rate that nobody else has?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.signal.filters import FS
from auditor.stats.small_cells import shares_of_people
from auditor.targets.context import Context


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    del settings
    return [HeartRate()]


@dataclass(frozen=True)
class HeartRate(OnRecordings):
    """An intruder who counted somebody's pulse looks for the only record that fits."""

    id: ClassVar[str] = "heart-rate"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        n = context.records["subject"].nunique()
        return None if n >= MIN_PEOPLE else f"needs at least {MIN_PEOPLE} people"

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each person, how many people have their heart rate."""
        del rng
        first = np.flatnonzero(~context.records["subject"].duplicated())
        beats = (np.diff(context.prepared.anchors(int(row))).mean() for row in first)
        rate = np.round([60 * FS / one for one in beats])
        alike = (rate[:, None] == rate).sum(axis=1)
        return Counts(("people of that rate",), alike[:, None].astype(np.int64))

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """The share of people who are alone with theirs."""
        del draw
        found, few = shares_of_people({"alone": evidence.values[:, 0] == 1}, level, None)
        return Measured(found, params=few | {"people": len(evidence.values)})

"""How much of a release do the measured numbers rest on?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.finding import Estimate
from auditor.targets.context import Context


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    del settings
    return [Coverage()]


@dataclass(frozen=True)
class LeftOut:
    """How many people and records there are, and of how many nothing was measured."""

    people: int
    people_left_out: int
    records: int
    records_left_out: int


@dataclass(frozen=True)
class Coverage(OnRecordings):
    """Recordings that cannot be read, or in which no heartbeat was found, are not attacked: what
    was measured says nothing of them.
    """

    id: ClassVar[str] = "coverage"

    def unmet(self, context: Context) -> str | None:
        """Why nothing can be counted; None when it can."""
        return "the folder holds no recordings" if context.release.is_empty else None

    def attack(self, context: Context, rng: np.random.Generator) -> LeftOut:
        """The people and records that were found, and those with a heartbeat."""
        del rng
        dataset = context.dataset
        unusable = dataset.manifest["record"].isin(context.release.unusable["record"])
        used = dataset.manifest[~unusable]
        lost = dataset.subjects_of(list(dataset.quarantine["record"]))
        everybody = {*dataset.manifest["subject"].astype(str), *lost}
        seen = set(used["subject"].astype(str))
        n_records = len(dataset.manifest) + len(dataset.quarantine)
        return LeftOut(len(everybody), len(everybody - seen), n_records, n_records - len(used))

    def estimate(self, evidence: LeftOut, level: float, draw: Draw) -> Measured:
        """The shares of people and of records that were left out: counted, and so exact."""
        del draw
        shares = {
            "people_left_out": evidence.people_left_out / evidence.people,
            "records_left_out": evidence.records_left_out / evidence.records,
        }
        return Measured(
            {
                name: Estimate(share, share, share, level, evidence.people, None)
                for name, share in shares.items()
            }
        )

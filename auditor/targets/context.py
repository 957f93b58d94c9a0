"""What an attack may use of a release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from auditor.data.dataset import Dataset
from auditor.engine import Engine
from auditor.learning.schedule import Recipe
from auditor.signal.prepare import Prepared
from auditor.targets.release import Release


@dataclass(frozen=True)
class Training:
    """How a network is trained on a release: which model, and by what recipe.

    Attributes
    ----------
    per_person : windows of each person that are drawn in an epoch, so that an epoch costs what the
        people are worth and not what their recordings are long
    """

    model: str = "beat"
    per_person: int = 12
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, eq=False)
class Case:
    """A release under attack, and what the attacker works with.

    Attributes
    ----------
    training : how a network is trained on the release; None where no network may be
    fused : the rungs that a fusion asks
    progress : told what is being done, how far it is, and of how much
    """

    release: Release
    device: str
    seed: int
    training: Training | None
    fused: tuple[str, ...] = ()
    progress: Callable[[str, int, int], None] = lambda task, done, total: None
    #: What one attack worked out and another needs too, such as a trained encoder.
    shared: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        """What was read of the folder."""
        return self.release.dataset

    @property
    def prepared(self) -> Prepared:
        """Signals that were cleaned, and their heartbeats."""
        return self.release.prepared

    @property
    def engine(self) -> Engine:
        """Maps work over shards of records."""
        return self.release.engine

    @property
    def records(self) -> pd.DataFrame:
        """The usable records, a person's first one first."""
        return self.prepared.records

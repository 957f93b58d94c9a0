"""What an attack may use of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from auditor.data.dataset import Dataset
from auditor.engine import Engine
from auditor.learning.augmentation import Augmentation
from auditor.learning.schedule import Schedule
from auditor.signal.prepare import Prepared
from auditor.targets.release import Release


@dataclass(frozen=True)
class ViTTraining:
    """How long and how carefully a transformer is trained.

    Attributes
    ----------
    epochs : at most so many
    warm_up : share of the steps over which the learning rate rises
    smoothing : share of the label that is spread over all people
    margin : cosine by which the true person has to win, in training
    patience : epochs without a lower validation loss before training stops
    mix : share of windows that are blended with another window of the same person; their
        windows must be aligned, as beats are
    """

    epochs: int = 25
    batch: int = 64
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    margin: float = 0.2
    clip: float = 1.0
    patience: int = 5
    mix: float = 0.0
    augment: Augmentation = field(default_factory=Augmentation)

    def schedule(self, per_epoch: int) -> Schedule:
        """What that is in steps, of which an epoch has so many."""
        steps = self.epochs * per_epoch
        warm_up = round(self.warm_up * steps)
        return Schedule(
            steps=steps,
            batch=self.batch,
            learning_rate=self.learning_rate,
            warm_up=warm_up,
            cosine_from=warm_up,
            start=self.learning_rate / max(warm_up, 1),
            weight_decay=self.weight_decay,
            clip=self.clip,
        )


@dataclass(frozen=True)
class Training:
    """How a network is trained on a release: which model, and how.

    Attributes
    ----------
    model : a name of `attackers.transformer.MODELS`
    per_person : windows of each person that are drawn in an epoch, so that an epoch costs what the
        people are worth and not what their recordings are long
    """

    model: str = "beat"
    per_person: int = 12
    recipe: ViTTraining = field(default_factory=ViTTraining)


@dataclass(frozen=True, eq=False)
class Context:
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
    memo: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        """What was read of the folder."""
        return self.release.dataset

    @property
    def prepared(self) -> Prepared:
        """Signals that were cleaned, and their heartbeats."""
        return self.release.prepared

    @property
    def lead_set(self) -> str | None:
        """What findings are called by of records that are attacked by other leads than all are."""
        return self.release.lead_set.name if self.release.lead_set else None

    def of_lead_sets(self) -> Iterator[Context]:
        """The same attacker before each set of records that hold other leads than all do."""
        for part in self.release.lead_sets.values():
            yield replace(self, release=part, memo={})

    @property
    def engine(self) -> Engine:
        """Maps work over shards of records."""
        return self.release.engine

    @property
    def records(self) -> pd.DataFrame:
        """The usable records, a person's first one first."""
        return self.prepared.records

"""How long and how fast a network is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor.learning.augmentation import Augment


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    per_epoch : items drawn per epoch; None means as many as there are
    warm_up : share of the steps over which the learning rate rises
    margin : cosine by which the true person has to win, in training
    mix : share of windows that are blended with another window of the same person; their
        windows must be aligned, as beats are
    patience : epochs without a lower validation loss before training stops
    """

    epochs: int = 25
    batch: int = 64
    per_epoch: int | None = None
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    margin: float = 0.2
    clip: float = 1.0
    patience: int = 5
    mix: float = 0.0
    augment: Augment = field(default_factory=Augment)

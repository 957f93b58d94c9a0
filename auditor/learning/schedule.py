"""How long and how fast a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network is trained, with AdamW.

    Loshchilov and Hutter, *Decoupled weight decay regularization* (ICLR 2019).

    Attributes
    ----------
    steps, batch : batches, and rows of each, of all processes together
    learning_rate, floor, start : the highest, the one at the end, and that of the first step
    warm_up : steps over which it rises; then it falls along a cosine
    cosine_from : the step that the cosine is counted from; before the end of the warm-up, what
        comes after it is below the highest already
    weight_decay : of matrices; vectors (biases, norms) have none
    clip : largest norm of the gradient
    ema_decay : what the mean of weights over steps keeps of itself at each step; the network ends
        with that mean; at 0 with its last weights
    """

    steps: int
    batch: int
    learning_rate: float
    warm_up: int = 0
    cosine_from: int = 0
    floor: float = 0.0
    start: float = 0.0
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    ema_decay: float = 0.0

    def at(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        if step < self.warm_up:
            return self.start + (self.learning_rate - self.start) * step / self.warm_up
        share = (step - self.cosine_from) / max(self.steps - self.cosine_from, 1)
        return self.floor + (self.learning_rate - self.floor) * 0.5 * (1 + cos(pi * share))

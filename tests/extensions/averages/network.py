"""A line on the mean of each tenth of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.core.errors import SignalError
from auditor.learning.artifact import ARCHITECTURES

LEADS = ("I",)
N_SAMPLES = 1000


def prepare(signal: NDArray[np.float32], fs: float, leads: Sequence[str]) -> NDArray[np.float32]:
    """(1, N_SAMPLES) lead I."""
    if "I" not in leads or signal.shape[1] < N_SAMPLES:
        raise SignalError("lead I is missing or too short")
    return np.nan_to_num(signal[[list(leads).index("I")], :N_SAMPLES]).astype(np.float32)


@dataclass(frozen=True)
class AveragesConfig:
    """How wide the embedding is."""

    width: int = 8


@ARCHITECTURES.register("averages")
class Averages(nn.Module):
    """Ten means, and a line."""

    def __init__(self, config: AveragesConfig) -> None:
        super().__init__()
        self.config = config
        self.line = nn.Linear(10, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) of recordings (B, 1, N_SAMPLES)."""
        means = x.reshape(len(x), 10, -1).mean(dim=2)  # (B, 10)
        out: Tensor = self.line(torch.tanh(means))
        return out

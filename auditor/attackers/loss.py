"""What each item is known to be, and how far a model is from saying so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from auditor.attackers.transformer import Output


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known of each item that a model learns from.

    Attributes
    ----------
    person : (n,) int64
        Whose item it is: sampling is balanced over people.
    identity : (n,) int64
        The person's place in the gallery, −1 where they are not in it.
    sex : (n,) float32, 1 male, 0 female, NaN unknown
    age : (n,) float32 years, NaN unknown
    """

    person: NDArray[np.int64]
    identity: NDArray[np.int64]
    sex: NDArray[np.float32]
    age: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in ("identity", "sex", "age"):
            if getattr(self, name).shape != self.person.shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, person differs")

    @classmethod
    def of(
        cls,
        person: NDArray[np.int64],
        *,
        identity: NDArray[np.int64] | None = None,
        sex: NDArray[np.float32] | None = None,
        age: NDArray[np.float32] | None = None,
    ) -> Labels:
        """Labels where what is not given is unknown."""
        unknown = np.full(len(person), np.nan, dtype=np.float32)
        return cls(
            np.asarray(person, dtype=np.int64),
            np.full(len(person), -1) if identity is None else np.asarray(identity, np.int64),
            unknown if sex is None else np.asarray(sex, np.float32),
            unknown if age is None else np.asarray(age, np.float32),
        )

    def __len__(self) -> int:
        return len(self.person)

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Targets:
        """Some items' labels as tensors."""
        columns = (self.identity, self.sex, self.age)
        return Targets(*(torch.from_numpy(one[indices]).to(device) for one in columns))


@dataclass(frozen=True, eq=False)
class Targets:
    """The labels of a batch: `identity` (B,) −1 unknown; `sex`, `age` (B,) NaN unknown."""

    identity: Tensor
    sex: Tensor
    age: Tensor


def loss(
    output: Output,
    targets: Targets,
    age_mean: Tensor,
    age_std: Tensor,
    *,
    margin: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """The sum of the heads' losses, each a mean over the items whose label is known.

    Parameters
    ----------
    margin : logits
        Taken off the true person's logit, so that the rest has to be cleared by as much.
    smoothing : share of the label that is spread over all people
    """
    total = output.embedding.sum() * 0
    if output.identity is not None:
        known = targets.identity >= 0
        logits, person = output.identity[known].float(), targets.identity[known]
        logits = logits - margin * F.one_hot(person, logits.shape[1])
        each = F.cross_entropy(logits, person, label_smoothing=smoothing, reduction="sum")
        total = total + each / known.sum().clamp(min=1)
    if output.sex is not None:
        known = ~targets.sex.isnan()
        each = F.binary_cross_entropy_with_logits(
            output.sex[known].float(), targets.sex[known], reduction="sum"
        )
        total = total + each / known.sum().clamp(min=1)
    if output.age is not None:
        known = ~targets.age.isnan()
        truth = (targets.age[known] - age_mean) / age_std
        each = F.smooth_l1_loss(output.age[known].float(), truth, reduction="sum")
        total = total + each / known.sum().clamp(min=1)
    return total

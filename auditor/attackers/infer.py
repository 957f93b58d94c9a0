"""Arrays to tensors and back: what a trained model says of windows, row for row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from auditor.attackers.train import Gather
from auditor.attackers.transformer import EMBEDDING, Output, ViT


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of n windows; None where it has no such head.

    Attributes
    ----------
    embedding : (n, 128) float32
    identity : (n, n_ids) float32, log-probability of each person
    sex : (n,) float32, probability of being male
    age : (n,) float32, years
    """

    embedding: NDArray[np.float32]
    identity: NDArray[np.float32] | None
    sex: NDArray[np.float32] | None
    age: NDArray[np.float32] | None


def embed(
    model: ViT, gather: Gather, n: int, *, device: torch.device | str = "cpu", batch: int = 256
) -> NDArray[np.float32]:
    """The representation of windows 0 … n − 1, (n, 128), rows in that order."""
    rows = np.empty((n, EMBEDDING), dtype=np.float32)
    for part, output in _outputs(model, gather, n, torch.device(device), batch):
        rows[part] = output.embedding.float().cpu().numpy()
    return rows


def predict(
    model: ViT, gather: Gather, n: int, *, device: torch.device | str = "cpu", batch: int = 256
) -> Prediction:
    """What every head says of windows 0 … n − 1, rows in that order."""
    has = model.config
    embedding = np.empty((n, EMBEDDING), dtype=np.float32)
    identity = np.empty((n, has.n_ids), dtype=np.float32) if has.n_ids else None
    sex = np.empty(n, dtype=np.float32) if has.sex else None
    age = np.empty(n, dtype=np.float32) if has.age else None
    for part, output in _outputs(model, gather, n, torch.device(device), batch):
        embedding[part] = output.embedding.float().cpu().numpy()
        if identity is not None and output.identity is not None:
            identity[part] = output.identity.float().log_softmax(dim=1).cpu().numpy()
        if sex is not None and output.sex is not None:
            sex[part] = output.sex.float().sigmoid().cpu().numpy()
        if age is not None and output.age is not None:
            years = output.age.float() * model.age_std + model.age_mean
            age[part] = years.cpu().numpy()
    return Prediction(embedding, identity, sex, age)


@torch.inference_mode()
def _outputs(
    model: ViT, gather: Gather, n: int, device: torch.device, batch: int
) -> Iterator[tuple[slice, Output]]:
    """The model's output for each batch of windows, beside the rows it belongs to."""
    model.eval().to(device)
    for start in range(0, n, batch):
        stop = min(start + batch, n)
        x = torch.from_numpy(gather(np.arange(start, stop))).to(device)
        yield slice(start, stop), model(x)

"""How the audit's transformer is trained: AdamW, warm-up and cosine, people drawn evenly, stopped
in time. Networks whose training is kept and taken up again are trained by `learning.fit`.

Loshchilov and Hutter, *Decoupled weight decay regularization* (ICLR 2019). Devices and precision
are Lightning Fabric's. A batch is gathered when its turn comes, so nothing holds all signals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.attackers.loss import Labels, loss
from auditor.attackers.transformer import ViT
from auditor.learning.device import fabric, own_randomness
from auditor.learning.sampler import Draw
from auditor.learning.schedule import Recipe

#: Indices (B,) → windows (B, n_leads, n_samples) float32 mV, NaN where missing.
Gather = Callable[[NDArray[np.int64]], NDArray[np.float32]]
#: Windows that travel to a GPU together.
_AT_ONCE = 4096
#: Told the epoch, from 1, how many there are at most, and the epoch's training loss.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class History:
    """Training and validation loss of each epoch, and the epoch (from 0) that was kept."""

    loss: tuple[float, ...]
    validation: tuple[float, ...]
    best: int


def fit(
    model: ViT,
    gather: Gather,
    labels: Labels,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
    precision: str = "32-true",
    recipe: Recipe | None = None,
    progress: Progress = lambda epoch, epochs, loss: None,
) -> History:
    """Train a model in place; it ends on the CPU with the weights of its best epoch.

    Torch's own random stream is left as it was, and so is the number of its threads.

    Parameters
    ----------
    gather : windows of some items of `labels`
    train, validation : (n,) indices into `labels`
    precision : Fabric's name; "bf16-mixed" on a GPU
    """
    if not len(train) or not len(validation):
        raise ValueError("nothing to train on, or nothing to validate on")
    recipe = recipe or Recipe()
    losses: list[float] = []
    checks: list[float] = []
    best, weights = 0, _weights(model)
    _standardise_age(model, labels, train)
    with own_randomness(rng):
        loop = _Loop(model, gather, labels, train, rng, fabric(device, precision), recipe)
        for epoch in range(recipe.epochs):
            losses.append(loop.epoch(epoch))
            checks.append(loop.check(validation))
            progress(epoch + 1, recipe.epochs, losses[-1])
            if epoch == 0 or checks[-1] < checks[best]:
                best, weights = epoch, _weights(model)
            elif epoch - best >= recipe.patience:
                break
    model.cpu().load_state_dict(weights)
    model.eval()
    return History(tuple(losses), tuple(checks), best)


class _Loop:
    """What an epoch needs."""

    def __init__(
        self,
        model: ViT,
        gather: Gather,
        labels: Labels,
        train: NDArray[np.int64],
        rng: np.random.Generator,
        fabric: Any,
        recipe: Recipe,
    ) -> None:
        self.gather, self.labels, self.rng = gather, labels, rng
        self.fabric, self.recipe = fabric, recipe
        self.resident = resident(gather, len(labels), fabric.device)
        self.draw = Draw(labels.person, train)
        self.steps = -(-(recipe.per_epoch or len(train)) // recipe.batch)
        generator = torch.Generator(device=fabric.device)
        generator.manual_seed(int(rng.integers(2**63)))
        self.alter = partial(recipe.augment, generator=generator)
        self.model, self.optimizer = fabric.setup(model, _optimizer(model, recipe))
        self.loss = partial(loss, age_mean=model.age_mean, age_std=model.age_std)
        self.margin = recipe.margin * model.config.scale

    def epoch(self, epoch: int) -> float:
        """Its mean training loss."""
        recipe, total = self.recipe, 0.0
        self.model.train()
        turns = self.draw.turns(self.steps * recipe.batch, self.rng)
        for step, people in enumerate(turns.reshape(self.steps, recipe.batch)):
            done = (epoch * self.steps + step + 1) / (recipe.epochs * self.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _rate(done, recipe.warm_up)
            indices = self.draw.of(people, self.rng)
            output = self.model(self._windows(people, indices), self.alter)
            targets = self.labels.batch(indices, self.fabric.device)
            value = self.loss(output, targets, margin=self.margin, smoothing=recipe.smoothing)
            self.optimizer.zero_grad()
            self.fabric.backward(value)
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=recipe.clip)
            self.optimizer.step()
            total += float(value.detach())
        return total / self.steps

    def check(self, items: NDArray[np.int64]) -> float:
        """The loss over some items, undisturbed and without margin or smoothing."""
        self.model.eval()
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(items), 4 * self.recipe.batch):
                indices = items[start : start + 4 * self.recipe.batch]
                x = self._gathered(indices)
                targets = self.labels.batch(indices, self.fabric.device)
                total += float(self.loss(self.model(x), targets)) * len(indices)
        return total / len(items)

    def _windows(self, people: NDArray[np.int64], indices: NDArray[np.int64]) -> Tensor:
        """(B, n_leads, n_samples) mV, some blended with another window of the same person."""
        x = self._gathered(indices)
        if self.recipe.mix:
            chosen = self.rng.random(len(x)) < self.recipe.mix
            share = np.where(chosen, self.rng.random(len(x)), 0).astype(np.float32)
            other = self._gathered(self.draw.of(people, self.rng))
            weight = torch.from_numpy(share).to(x.device)[:, None, None]
            x = x + weight * (other - x)  # (B, n_leads, n_samples)
        return x

    def _gathered(self, indices: NDArray[np.int64]) -> Tensor:
        """Windows on the device, wherever they were kept."""
        if self.resident is None:
            return torch.from_numpy(self.gather(indices)).to(self.fabric.device)
        return self.resident[torch.from_numpy(indices).to(self.resident.device)]


def resident(gather: Gather, n: int, device: torch.device) -> Tensor | None:
    """All windows on a GPU, where half of its free memory holds them: then no step waits for a
    disk. None elsewhere: in the machine's own memory, what is mapped is read as fast.
    """
    if device.type != "cuda":
        return None
    one = gather(np.arange(1))
    free, _ = torch.cuda.mem_get_info(device)
    if one.nbytes * n > free / 2:
        return None
    return _all_windows(gather, n, device)


def _all_windows(gather: Gather, n: int, device: torch.device) -> Tensor:
    parts = (np.arange(start, min(start + _AT_ONCE, n)) for start in range(0, n, _AT_ONCE))
    return torch.cat([torch.from_numpy(gather(part)).to(device) for part in parts])


def _rate(done: float, warm_up: float) -> float:
    """Share of the full learning rate when this share of all steps is done."""
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1 + cos(pi * (done - warm_up) / (1 - warm_up)))


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; matrices decay, vectors (biases, norms) do not."""
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [one for one in parameters if one.ndim > 1]},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: one.detach().cpu().clone() for name, one in model.state_dict().items()}


def _standardise_age(model: ViT, labels: Labels, train: NDArray[np.int64]) -> None:
    """Tell the model the mean and spread of age, each training person counted once."""
    _, first = np.unique(labels.person[train], return_index=True)
    age = labels.age[train][first]
    age = age[~np.isnan(age)]
    if len(age):
        model.age_mean.fill_(float(age.mean()))
        model.age_std.fill_(max(float(age.std()), 1.0))

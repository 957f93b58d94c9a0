"""Training step by step, that can be cut off anywhere and goes on as if it had not been.

What is drawn in a step (its batch, its masks and noise, its dropout) hangs on the seed and the
step's number alone, so that weights, the optimizer's memory and that number are all that has to be
kept. Under torchrun every process takes its part of each batch (Fabric's DDP).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from auditor.core.errors import ModelError
from auditor.core.files import atomic_write
from auditor.core.streams import stream
from auditor.learning.device import fabric, own_randomness

#: A batch, (B,) rows, and where masks, views and noise are drawn from → a loss.
Objective = Callable[[NDArray[np.int64], torch.Generator], Tensor]
#: Told the step, from 1, how many there are, and the step's loss.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Pace:
    """How long and how fast a network is trained.

    Attributes
    ----------
    steps, batch : batches, and rows of each, of all processes together
    rate, floor, start : learning rate at its highest, at the end, and at the first step
    warm_up : steps over which it rises; then it falls along a cosine
    decay : weight decay of matrices; vectors (biases, norms) have none
    clip : largest norm of the gradient
    average : what the mean of weights over steps keeps of itself at each step (EMA); the network
        ends with that mean; at 0 with its last weights
    """

    steps: int
    batch: int
    rate: float
    warm_up: int = 0
    floor: float = 0.0
    start: float = 0.0
    decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    average: float = 0.0

    def at(self, step: int) -> float:
        """The learning rate of a step, from 0. The cosine is counted from the first step on, so
        that what comes after the warm-up is below the highest already.
        """
        if step < self.warm_up:
            return self.start + (self.rate - self.start) * step / self.warm_up
        share = step / max(self.steps, 1)
        return self.floor + (self.rate - self.floor) * 0.5 * (1 + cos(pi * share))


def train(
    module: nn.Module,
    objective: Objective,
    rows: NDArray[np.int64],
    pace: Pace,
    *,
    seed: int,
    name: str,
    device: torch.device | str = "cpu",
    precision: str = "32-true",
    after: Callable[[int], None] = lambda step: None,
    keep: Path | None = None,
    every: int = 200,
    progress: Progress = lambda step, steps, loss: None,
) -> list[float]:
    """Train a module in place; it ends on the CPU, in evaluation mode.

    Parameters
    ----------
    module : everything that is trained or follows, such as a teacher; what needs no gradient is
        kept with the rest, but not trained
    objective : draws nothing but from the generator it is given, or torch's own stream
    rows : what batches are made of; each is drawn once before any is drawn again
    name : of the stream that batches are drawn from
    precision : Fabric's name; "bf16-mixed" on a GPU
    after : what follows a step, from 0, such as a teacher
    keep : a `.safetensors` that the training is kept in `every` so many steps, and goes on from
        when it is there

    Returns
    -------
    the loss of every step that this call took

    Raises
    ------
    ModelError
        What was kept is damaged, or of another training.
    """
    work = fabric(device, precision)
    trained = [one for one in module.parameters() if one.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [one for one in trained if one.ndim > 1], "weight_decay": pace.decay},
        {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=pace.rate, betas=pace.betas)
    module.to(work.device)
    this = json.dumps([asdict(pace), seed, name, len(rows)])
    mean = _Mean(module, pace.average)
    first = _resume(keep, module, optimizer, mean, this) if keep else 0
    wrapped, optimizer = work.setup(_Asked(module, objective), optimizer)
    losses = []
    batches = _Batches(rows, pace.batch, seed, name)
    wrapped.train()
    for step in range(first, pace.steps):
        rng = stream(seed, f"{name}/step/{step}")
        generator = torch.Generator(device=work.device).manual_seed(int(rng.integers(2**62)))
        for group in optimizer.param_groups:
            group["lr"] = pace.at(step)
        batch = np.array_split(batches.of(step), work.world_size)[work.global_rank]
        with own_randomness(rng):
            loss = wrapped(batch, generator)
            optimizer.zero_grad()
            work.backward(loss)
        work.clip_gradients(wrapped, optimizer, max_norm=pace.clip)
        optimizer.step()
        mean.follow()
        after(step)
        losses.append(float(loss.detach()))
        progress(step + 1, pace.steps, losses[-1])
        if keep and work.is_global_zero and ((step + 1) % every == 0 or step + 1 == pace.steps):
            _keep(keep, module, optimizer, mean, step + 1, this)
    mean.take_over()
    module.cpu().eval()
    return losses


class _Asked(nn.Module):
    """A module with the question it is trained by, as Fabric wraps it."""

    def __init__(self, module: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.module, self.objective = module, objective

    def forward(self, batch: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        return self.objective(batch, generator)


class _Mean:
    """The exponential mean of the trained weights over steps; of `share` 0, nothing."""

    def __init__(self, module: nn.Module, share: float) -> None:
        named = {name: one for name, one in module.named_parameters() if one.requires_grad}
        self.share, self.last = share, named if share else {}
        self.weights = {name: one.detach().clone() for name, one in self.last.items()}

    def follow(self) -> None:
        for name, one in self.last.items():
            self.weights[name].lerp_(one.detach(), 1 - self.share)

    def take_over(self) -> None:
        with torch.no_grad():
            for name, one in self.last.items():
                one.copy_(self.weights[name])


class _Batches:
    """Rows in turn: of each round a new order, which hangs on its number alone."""

    def __init__(self, rows: NDArray[np.int64], batch: int, seed: int, name: str) -> None:
        if not len(rows):
            raise ValueError("nothing to train on")
        self.rows, self.batch, self.seed, self.name = rows, batch, seed, name
        self._round, self._order = -1, rows

    def of(self, step: int) -> NDArray[np.int64]:
        """(batch,) the rows of a step."""
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        return np.concatenate(
            [
                self._in(number)[places[places // len(self.rows) == number] % len(self.rows)]
                for number in np.unique(places // len(self.rows))
            ]
        )

    def _in(self, number: int) -> NDArray[np.int64]:
        if number != self._round:
            rng = stream(self.seed, f"{self.name}/round/{number}")
            self._round, self._order = number, rng.permutation(self.rows)
        return self._order


# --- what is kept -------------------------------------------------------------------------


def _keep(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    mean: _Mean,
    step: int,
    this: str,
) -> None:
    tensors = {f"module.{name}": one for name, one in module.state_dict().items()}
    tensors |= {f"mean.{name}": one for name, one in mean.weights.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
    tensors = {name: one.detach().cpu().clone() for name, one in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(tensors, {"step": str(step), "training": this}))
        file.flush()
        os.fsync(file.fileno())


def _resume(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, mean: _Mean, this: str
) -> int:
    """The step to go on with."""
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path.name}: is damaged; delete it to start anew") from error
    if about.get("training") != this or not about.get("step", "").isdecimal():
        raise ModelError(f"{path.name}: is of another training; delete it to start anew")
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            number, _, what = rest.partition(".")
            state.setdefault(int(number), {})[what] = value
    module.load_state_dict(
        {
            name.removeprefix("module."): value
            for name, value in tensors.items()
            if name.startswith("module.")
        }
    )
    for name, one in mean.weights.items():
        one.copy_(tensors[f"mean.{name}"])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return int(about["step"])

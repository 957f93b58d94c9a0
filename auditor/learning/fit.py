"""The training loop of every network. It can be cut off anywhere and goes on as if it had not been.

What is drawn in a step (its batch, its masks and noise, its dropout) hangs on the seed and the
step's number alone, so that weights, the optimizer's memory, what validation has seen and that
number are all that has to be kept. Under torchrun every process takes its part of each batch
(Fabric's DDP).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import inf
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
from auditor.learning.device import fabric, fork_rng
from auditor.learning.sampler import Sampler, ShuffledSampler
from auditor.learning.schedule import Schedule

#: A batch, (B,) rows, and where masks, views and noise are drawn from → a loss.
Objective = Callable[[NDArray[np.int64], torch.Generator], Tensor]
#: Told the step, from 1, how many there are at most, and the step's loss.
Progress = Callable[[int, int, float], None]
_NO_STOPS: Mapping[int, Path] = {}


@dataclass(frozen=True)
class Validation:
    """How it is judged when a training has been long enough; it ends with the best weights.

    Attributes
    ----------
    loss : of the module as it is, in evaluation mode; draws nothing, and less is better
    every : steps from one to the next; the last step has one too
    patience : so many in a row without a lower loss end the training
    """

    loss: Callable[[], float]
    every: int
    patience: float = inf


@dataclass(frozen=True)
class History:
    """How a training went.

    Attributes
    ----------
    loss : of every step that this call took
    validation : every validation's loss, those before a training was taken up again too
    """

    loss: list[float]
    validation: list[float]

    @property
    def best(self) -> int:
        """Which validation the weights are of, from 0.

        Raises
        ------
        ValueError
            There was none.
        """
        return _lowest(self.validation)


def fit(
    module: nn.Module,
    objective: Objective,
    rows: NDArray[np.int64],
    schedule: Schedule,
    *,
    seed: int,
    name: str,
    sampler: Sampler | None = None,
    validate: Validation | None = None,
    device: torch.device | str = "cpu",
    precision: str = "32-true",
    after: Callable[[int], None] = lambda step: None,
    keep: Path | None = None,
    every: int = 200,
    stops: Mapping[int, Path] = _NO_STOPS,
    progress: Progress = lambda step, steps, loss: None,
) -> History:
    """Train a module in place; it ends on the CPU, in evaluation mode.

    Parameters
    ----------
    module : everything that is trained or follows, such as a teacher; what needs no gradient is
        kept with the rest, but not trained
    objective : draws nothing but from the generator it is given, or torch's own stream
    rows : what batches are made of
    name : of the stream that batches are drawn from
    sampler : the rows of each step; by default each is drawn once before any is drawn again
    validate : when to stop, and which weights to end with; by default the last
    precision : Fabric's name; "bf16-mixed" on a GPU
    after : what follows a step, from 0, such as a teacher
    keep : a `.safetensors` that the training is kept in `every` so many steps, and goes on from
        when it is there
    stops : after so many steps, a `.safetensors` for the weights that a training stopped there
        would have ended with, the learning rate of each step being the same

    Raises
    ------
    ModelError
        What was kept is damaged, or of another training.
    ValueError
        There are no rows; or weights are to be both averaged over steps and chosen by validation.
    """
    if validate is not None and schedule.ema_decay:
        raise ValueError("weights are averaged over steps or chosen by validation, not both")
    sampler = sampler or ShuffledSampler(rows, schedule.batch, seed, name)
    work = fabric(device, precision)
    optimizer = _adamw(module, schedule)
    module.to(work.device)
    about = json.dumps([asdict(schedule), seed, name, len(rows)])
    state = _State(module, optimizer, EMA(module, schedule.ema_decay), about)
    first = state.resume(keep) if keep else 0
    wrapped, optimizer = work.setup(_Asked(module, objective), optimizer)
    losses: list[float] = []
    wrapped.train()
    for step in range(first, schedule.steps):
        if validate is not None and state.n_since_best >= validate.patience:
            break
        rng = stream(seed, f"{name}/step/{step}")
        generator = torch.Generator(device=work.device).manual_seed(int(rng.integers(2**62)))
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        batch = np.array_split(sampler(step), work.world_size)[work.global_rank]
        with fork_rng(rng):
            loss = wrapped(batch, generator)
            optimizer.zero_grad()
            work.backward(loss)
        if schedule.clip < inf:
            work.clip_gradients(wrapped, optimizer, max_norm=schedule.clip)
        optimizer.step()
        state.ema.update(module)
        after(step)
        losses.append(float(loss.detach()))
        last = step + 1 == schedule.steps
        if validate is not None and ((step + 1) % validate.every == 0 or last):
            wrapped.eval()
            with torch.inference_mode(), work.autocast():
                found = validate.loss()
            wrapped.train()
            state.validated(work.broadcast(found))  # all processes stop together
        progress(step + 1, schedule.steps, losses[-1])
        # Before the training itself is kept, so that one that goes on has passed no stop unkept.
        if step + 1 in stops and work.is_global_zero:
            _write(stops[step + 1], state.ended(), {})
        if keep and work.is_global_zero and ((step + 1) % every == 0 or last):
            state.keep(keep, step + 1)
    module.load_state_dict(state.ended())
    module.cpu().eval()
    return History(losses, state.validation)


def _adamw(module: nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    trained = [one for one in module.parameters() if one.requires_grad]
    matrices = [one for one in trained if one.ndim > 1]
    vectors = [one for one in trained if one.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": schedule.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=schedule.betas)


def _lowest(losses: list[float]) -> int:
    """Where the lowest loss is, the first of several."""
    return min(range(len(losses)), key=losses.__getitem__)


class _Asked(nn.Module):
    """A module with the question it is trained by, as Fabric wraps it."""

    def __init__(self, module: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.module, self.objective = module, objective

    def forward(self, batch: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        return self.objective(batch, generator)


class EMA:
    """The exponential mean of a module's trained weights over steps.

    Parameters
    ----------
    decay : what the mean keeps of itself at each step; at 0 there is no mean
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {
            name: one.detach().clone()
            for name, one in module.named_parameters()
            if decay and one.requires_grad
        }

    def update(self, module: nn.Module) -> None:
        """Take a step's weights into the mean."""
        if self.weights:
            for name, one in module.named_parameters():
                if name in self.weights:
                    self.weights[name].lerp_(one.detach(), 1 - self.decay)

    def state_of(self, module: nn.Module) -> dict[str, Tensor]:
        """The module's state, with the mean in the place of the weights; those that two layers
        share stand in it twice.
        """
        mean = {one: self.weights.get(name, one) for name, one in module.named_parameters()}
        state = module.state_dict(keep_vars=True)
        return {name: mean.get(one, one).detach() for name, one in state.items()}


class _State:
    """All that the rest of a training hangs on, and how it is kept.

    Attributes
    ----------
    about : names the training, so that no other goes on from what was kept of it
    validation : the losses of validations so far
    best : the weights that had the lowest; empty before the first
    """

    def __init__(
        self, module: nn.Module, optimizer: torch.optim.Optimizer, ema: EMA, about: str
    ) -> None:
        self.module, self.optimizer, self.ema, self.about = module, optimizer, ema, about
        self.validation: list[float] = []
        self.best: dict[str, Tensor] = {}

    @property
    def n_since_best(self) -> int:
        """Validations since the one with the lowest loss."""
        return len(self.validation) - 1 - _lowest(self.validation) if self.validation else 0

    def validated(self, loss: float) -> None:
        """Take note of a validation, and of the weights if they are the best."""
        self.validation.append(loss)
        if self.n_since_best == 0:
            state = self.module.state_dict()
            self.best = {name: one.detach().cpu().clone() for name, one in state.items()}

    def ended(self) -> dict[str, Tensor]:
        """The weights that the training would end with now."""
        return self.best or self.ema.state_of(self.module)

    def keep(self, path: Path, step: int) -> None:
        """Write what there is after so many steps."""
        tensors = {f"module.{name}": one for name, one in self.module.state_dict().items()}
        tensors |= {f"mean.{name}": one for name, one in self.ema.weights.items()}
        tensors |= {f"best.{name}": one for name, one in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        about = {
            "step": str(step),
            "training": self.about,
            "validation": json.dumps(self.validation),
        }
        _write(path, tensors, about)

    def resume(self, path: Path) -> int:
        """Take up what was kept; the step to go on with."""
        if not path.exists():
            return 0
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path.name}: is damaged; delete it to start anew") from error
        if about.get("training") != self.about or not about.get("step", "").isdecimal():
            raise ModelError(f"{path.name}: is of another training; delete it to start anew")
        kept: dict[str, dict[str, Tensor]] = {"module": {}, "mean": {}, "best": {}, "optimizer": {}}
        for name, one in tensors.items():
            kind, _, rest = name.partition(".")
            kept[kind][rest] = one
        state: dict[int, dict[str, Tensor]] = {}
        for name, one in kept["optimizer"].items():
            number, _, what = name.partition(".")
            state.setdefault(int(number), {})[what] = one
        self.module.load_state_dict(kept["module"])
        for name, one in self.ema.weights.items():
            one.copy_(kept["mean"][name])
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.best, self.validation = kept["best"], json.loads(about.get("validation", "[]"))
        return int(about["step"])


def _write(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> None:
    # Weights that several layers share are one tensor, which the format refuses: each is copied.
    apart = {name: one.detach().cpu().clone() for name, one in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(apart, about))
        file.flush()
        os.fsync(file.fileno())

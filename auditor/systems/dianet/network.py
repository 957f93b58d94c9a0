"""ECG-DiaNet: diabetes to come, from what an ECG measures and what a clinic knows.

Mohsen, Safa and Shah, *ECG features improve multimodal deep learning prediction of incident T2DM
in a Middle Eastern cohort* (Scientific Reports, 2025; arXiv 2504.05338): no waveform, but 18
measurements of three recordings and six clinical risk factors, each kind read by a branch of its
own. The layers are not published; these are small ones. The model takes raw units with gaps: what
it fills them with, and what it scales by, it learned from its training people and carries along.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.device import fork_rng, one_thread
from auditor.learning.fit import Validation, fit
from auditor.learning.schedule import Schedule

Floats = NDArray[np.float64]

_DROPOUT = 0.3
_ECG, _CRF, _HEAD = (64, 32), (32, 16), 32


@dataclass(frozen=True)
class DiaNetConfig:
    """How many inputs each branch reads: ECG measurements, and clinical risk factors.

    At 0 there is no such branch, and the model is the unimodal twin.
    """

    n_ecg: int = 18
    n_crf: int = 6

    def __post_init__(self) -> None:
        if min(self.n_ecg, self.n_crf) < 0 or not self.n_ecg + self.n_crf:
            raise ValueError(f"{self.n_ecg} and {self.n_crf} inputs, wanted at least one in all")


@dataclass(frozen=True)
class DiaNetTraining:
    """How a model is trained: at one learning rate, without a warm-up.

    Attributes
    ----------
    epochs : at most so many
    patience : epochs without a higher AUROC of the validation people before training stops
    """

    epochs: int = 200
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 20

    def schedule(self, per_epoch: int) -> Schedule:
        """What that is in steps, of which an epoch has so many."""
        return Schedule(
            steps=self.epochs * per_epoch,
            batch=self.batch,
            learning_rate=self.learning_rate,
            floor=self.learning_rate,
            weight_decay=self.weight_decay,
            clip=inf,
        )


@ARCHITECTURES.register("dianet")
class DiaNet(nn.Module):
    """ECG measurements (B, n_ecg) and clinical risk factors (B, n_crf) → (B,) log odds.

    In raw units, NaN where missing. A twin does not look at what it has no branch for.
    """

    #: Log of how much more an event weighed in training; it is taken off the log odds again.
    log_weight: Tensor

    def __init__(self, config: DiaNetConfig = DiaNetConfig()) -> None:
        super().__init__()
        self.config = config
        self.ecg = _Branch(config.n_ecg, _ECG) if config.n_ecg else None
        self.crf = _Branch(config.n_crf, _CRF) if config.n_crf else None
        width = _ECG[-1] * (config.n_ecg > 0) + _CRF[-1] * (config.n_crf > 0)
        self.head = nn.Sequential(*_layer(width, _HEAD), nn.Linear(_HEAD, 1))
        self.register_buffer("log_weight", torch.zeros(()))

    def forward(self, ecg: Tensor, crf: Tensor) -> Tensor:
        """(B,) log odds of the event where it is as frequent as among the training people."""
        branches = (self.ecg, ecg), (self.crf, crf)
        read = [branch(values) for branch, values in branches if branch is not None]
        logit: Tensor = self.head(torch.cat(read, dim=1)).squeeze(-1)
        return logit - self.log_weight


class _Branch(nn.Module):
    """Values (B, n) in raw units → (B, sizes[-1])."""

    #: Each (n,): what fills a gap, and the centre and one over the spread of what is filled.
    median: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, n: int, sizes: tuple[int, int]) -> None:
        super().__init__()
        for name in ("median", "mean", "scale"):
            self.register_buffer(name, torch.zeros(n))
        self.layers = nn.Sequential(*_layer(n, sizes[0]), *_layer(*sizes))

    def learn(self, values: Floats) -> None:
        """Fill and scale as these people, (n_people, n), need it.

        What nobody has, or everybody has alike, tells nobody apart: its scale is 0.
        """
        for column, seen in enumerate(values.T):
            known = np.isfinite(seen)
            median = float(np.median(seen[known])) if known.any() else 0.0
            filled = np.where(known, seen, median)
            spread = float(filled.std()) if np.ptp(filled) > 0 else np.inf
            self.median[column] = median
            self.mean[column] = float(filled.mean())
            self.scale[column] = 1 / spread

    def forward(self, values: Tensor) -> Tensor:
        if values.ndim != 2 or values.shape[1] != len(self.median):
            raise ValueError(f"inputs are {tuple(values.shape)}, wanted (B, {len(self.median)})")
        filled = torch.where(values.isfinite(), values, self.median)
        read: Tensor = self.layers((filled - self.mean) * self.scale)
        return read


def _layer(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(_DROPOUT)


def train_dianet(
    config: DiaNetConfig,
    ecg: Floats,
    crf: Floats,
    event: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    *,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
    training: DiaNetTraining | None = None,
) -> DiaNet:
    """A model trained on some people; it ends on the CPU with the weights of its best epoch.

    An event weighs as much more as it is rarer. Torch's own random stream is left as it was.

    Parameters
    ----------
    ecg, crf : (n, n_ecg), (n, n_crf) raw units, NaN where missing
    event : (n,) who has it
    validation : (n,) who is not trained on, but decides by the AUROC which epoch is the best

    Raises
    ------
    ValueError
        The training people, or those of the validation, are all of one kind.
    """
    for people in (event[validation], event[~validation]):
        if people.all() or not people.any():
            raise ValueError("wanted people with the event and without, to train and to validate")
    training = training or DiaNetTraining()
    train = np.flatnonzero(~validation)
    with fork_rng(rng):
        model = DiaNet(config)
    for branch, values in ((model.ecg, ecg), (model.crf, crf)):
        if branch is not None:
            branch.learn(values[train])
    n_events = int(event[train].sum())
    model.log_weight.fill_(np.log((len(train) - n_events) / n_events))
    inputs = [_tensor(values, device) for values in (ecg, crf)]
    target = _tensor(event, device)
    held = torch.from_numpy(np.flatnonzero(validation)).to(device)

    def objective(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        chosen = torch.from_numpy(rows).to(device)
        logit = model(*(one[chosen] for one in inputs)) + model.log_weight
        return F.binary_cross_entropy_with_logits(
            logit, target[chosen], pos_weight=model.log_weight.exp()
        )

    def one_less_auroc() -> float:
        said = _log_odds(model, *(one[held] for one in inputs))
        return 1 - float(roc_auc_score(event[validation], said))

    per_epoch = -(-len(train) // training.batch)
    with one_thread():
        fit(
            model,
            objective,
            train,
            training.schedule(per_epoch),
            seed=int(rng.integers(2**62)),
            name="dianet",
            validate=Validation(one_less_auroc, per_epoch, training.patience),
            device=device,
        )
    return model


def predict(model: DiaNet, ecg: Floats, crf: Floats) -> Floats:
    """(n,) risk of the event, where it is as frequent as among the training people."""
    with one_thread():
        device = model.log_weight.device
        return expit(_log_odds(model, _tensor(ecg, device), _tensor(crf, device)))


def _log_odds(model: DiaNet, ecg: Tensor, crf: Tensor) -> Floats:
    model.eval()
    with torch.inference_mode():
        return model(ecg, crf).cpu().numpy().astype(np.float64)


def _tensor(values: NDArray[np.float64] | NDArray[np.bool_], device: torch.device | str) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(device)

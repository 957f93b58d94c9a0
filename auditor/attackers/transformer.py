"""A vision transformer that reads ECG: who, which sex, what age.

Wang et al., *TransECG* (arXiv 2503.13495): windows of ECG are cut into patches, read by a
pre-norm transformer with a CLS token, and a 128-d representation answers three questions. The
blocks are timm's. Departures: patches of all leads are projected together; identity is read by
cosine to one vector per person, with a margin in training (Wang et al., *CosFace*, CVPR 2018),
because what is wanted of the representation is a direction that survives to another day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.registry import Registry
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.device import Gather, fork_rng
from auditor.learning.normalise import normalise

#: Size of the representation.
EMBEDDING = 128


@dataclass(frozen=True)
class ViTConfig:
    """The shape of a `ViT`.

    Attributes
    ----------
    n_samples : window length, a multiple of `patch`
    heads, head_dim : of attention; its inner width heads · head_dim is independent of `width`
    n_ids : people of the gallery; 0 means no identity head
    sex, age : whether the model has that head
    scale : of the cosines before the softmax over people
    """

    n_leads: int
    n_samples: int
    patch: int
    width: int
    depth: int
    heads: int
    head_dim: int
    dropout: float = 0.1
    n_ids: int = 0
    sex: bool = False
    age: bool = False
    scale: float = 16.0

    def __post_init__(self) -> None:
        sizes = ("n_leads", "n_samples", "patch", "width", "depth", "heads", "head_dim")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        if self.n_samples % self.patch:
            raise ValueError(f"{self.n_samples} samples are not whole patches of {self.patch}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, wanted a fraction below 1")
        if self.n_ids < 0:
            raise ValueError(f"n_ids is {self.n_ids}, wanted at least 0")
        if not 0 < self.scale < inf:
            raise ValueError(f"scale is {self.scale}, wanted a positive number")

    @property
    def n_patches(self) -> int:
        """Tokens per window, without CLS."""
        return self.n_samples // self.patch


class Output(NamedTuple):
    """What the model says of a batch; None where it has no such head.

    Attributes
    ----------
    embedding : (B, 128)
    identity : (B, n_ids) scaled cosines, the logits of a softmax over people
    sex : (B,) logit of being male
    age : (B,) standardised by the model's `age_mean` and `age_std`
    """

    embedding: Tensor
    identity: Tensor | None
    sex: Tensor | None
    age: Tensor | None


@ARCHITECTURES.register("vit")
class ViT(nn.Module):
    """Windows (B, n_leads, n_samples) in mV, NaN where missing → `Output`.

    `normalise` is the door: there each lead becomes a robust z-score and NaN becomes 0.
    """

    #: Of the training people, in years.
    age_mean: Tensor
    age_std: Tensor

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.patches = nn.Linear(config.n_leads * config.patch, width)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + config.n_patches, width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(_block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.representation = nn.Linear(width, EMBEDDING)
        self.people = nn.Parameter(torch.zeros(config.n_ids, EMBEDDING)) if config.n_ids else None
        self.sex = nn.Linear(EMBEDDING, 1) if config.sex else None
        self.age = nn.Linear(EMBEDDING, 1) if config.age else None
        self.register_buffer("age_mean", torch.zeros(()))
        self.register_buffer("age_std", torch.ones(()))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for parameter in (self.cls, self.positions, self.people):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, x: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> Output:
        """What the model says; `augment` disturbs the normalised windows, in training."""
        z = normalise(x)  # (B, n_leads, n_samples)
        return self.forward_normalised(z if augment is None else augment(z))

    def forward_normalised(self, z: Tensor) -> Output:
        """What the model says of windows that are normalised already, differentiable in them."""
        tokens = self.tokens(z)
        for block in self.blocks:
            tokens = block(tokens)
        embedding = self.representation(self.norm(tokens[:, 0]))  # (B, 128)
        hidden = F.gelu(embedding)
        return Output(
            embedding,
            None if self.people is None else self._cosines(embedding, self.people),
            None if self.sex is None else self.sex(hidden).squeeze(-1),
            None if self.age is None else self.age(hidden).squeeze(-1),
        )

    def tokens(self, z: Tensor) -> Tensor:
        """CLS and one token per patch of all leads, (B, 1 + n_patches, width)."""
        n, leads, samples = z.shape
        if (leads, samples) != (self.config.n_leads, self.config.n_samples):
            raise ValueError(
                f"windows are {tuple(z.shape)}, "
                f"wanted (B, {self.config.n_leads}, {self.config.n_samples})"
            )
        patches = z.reshape(n, leads, -1, self.config.patch)  # (B, n_leads, n_patches, patch)
        patches = patches.transpose(1, 2).flatten(2)  # (B, n_patches, n_leads * patch)
        tokens = torch.cat([self.cls.expand(n, -1, -1), self.patches(patches)], dim=1)
        placed: Tensor = self.dropout(tokens + self.positions)
        return placed

    def standardise_age(self, labels: Labels, train: NDArray[np.int64]) -> None:
        """Take the mean and spread of age from some items, each person counted once."""
        _, first = np.unique(labels.person[train], return_index=True)
        age = labels.age[train][first]
        age = age[~np.isnan(age)]
        if len(age):
            self.age_mean.fill_(float(age.mean()))
            self.age_std.fill_(max(float(age.std()), 1.0))

    def _cosines(self, embedding: Tensor, people: Tensor) -> Tensor:
        return self.config.scale * F.linear(F.normalize(embedding), F.normalize(people))


def _block(config: ViTConfig) -> nn.Module:
    """A pre-norm block of timm whose attention has its own head size."""
    from timm.models.vision_transformer import Attention, Block  # here, for it takes seconds

    block = Block(config.width, num_heads=1, proj_drop=config.dropout)
    block.attn = Attention(
        config.width,
        num_heads=config.heads,
        attn_head_dim=config.head_dim,
        qkv_bias=True,
        proj_drop=config.dropout,
    )
    return block


#: Name → how it is configured, given `n_leads` and the heads.
MODELS: Registry[partial[ViTConfig]] = Registry("model")
#: TransECG as published: eight seconds at 250 Hz, 100 tokens of 80 ms.
MODELS["strip"] = partial(
    ViTConfig, n_samples=2000, patch=20, width=256, depth=6, heads=6, head_dim=64
)
#: −0.30 … +0.50 s around R at 250 Hz, 40 tokens of 20 ms: fine enough to tell waves apart.
MODELS["beat"] = partial(
    ViTConfig, n_samples=200, patch=5, width=128, depth=4, heads=4, head_dim=32
)


def create(config: ViTConfig, rng: np.random.Generator) -> ViT:
    """A model with initial weights drawn from `rng`; torch's own stream is left as it was."""
    with fork_rng(rng):
        return ViT(config)


# --- what it is trained by ----------------------------------------------------------------


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


# --- what it says -------------------------------------------------------------------------


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

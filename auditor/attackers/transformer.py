"""A vision transformer that reads ECG: who, which sex, what age.

Wang et al., *TransECG* (arXiv 2503.13495): windows of ECG are cut into patches, read by a
pre-norm transformer with a CLS token, and a 128-d representation answers three questions. The
blocks are timm's. Departures: patches of all leads are projected together; identity is read by
cosine to one vector per person, with a margin in training (Wang et al., *CosFace*, CVPR 2018),
because what is wanted of the representation is a direction that survives to another day.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from timm.models.vision_transformer import Attention, Block
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.registry import Registry
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.augmentation import Alter
from auditor.learning.device import own_randomness
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

    #: Of the training people, in years; `train.fit` sets them.
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

    def forward(self, x: Tensor, alter: Alter | None = None) -> Output:
        """What the model says; `alter` disturbs the normalised windows, in training."""
        z = normalise(x)  # (B, n_leads, n_samples)
        return self.read(z if alter is None else alter(z))

    def read(self, z: Tensor) -> Output:
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

    def _cosines(self, embedding: Tensor, people: Tensor) -> Tensor:
        return self.config.scale * F.linear(F.normalize(embedding), F.normalize(people))


def _block(config: ViTConfig) -> Block:
    """A pre-norm block of timm whose attention has its own head size."""
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
    with own_randomness(rng):
        return ViT(config)

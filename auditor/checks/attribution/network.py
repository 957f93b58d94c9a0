"""The networks that are explained, each behind one door: beats in mV in, directions out.

Whatever is asked of a network is asked as a number: the dot product of what it answers with a
direction `towards` something. The direction of a person less that of the nearest other one asks
who it is; the coefficients of a line ask for sex or age.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.attackers.embedding import Embedder
from auditor.attackers.transformer import ViT
from auditor.learning.normalise import normalise

#: What a transformer trained on the release is asked for: a direction, or one of its heads.
Head = Literal["embedding", "identity", "sex", "age"]


class Network(Protocol):
    """What can be explained: a torch module that reads beats, (B, n_leads, n_places) mV."""

    def __call__(self, beats: Tensor) -> Tensor:
        """(B, d) its answers."""
        ...

    def normalise(self, beats: Tensor) -> tuple[Tensor, ...]:
        """The beats as the first layer sees them, of the same shape; then what else it sees."""
        ...

    def forward_normalised(self, z: Tensor, *beside: Tensor) -> Tensor:
        """(B, d) the answers to beats that are through the door; smooth in them."""
        ...

    def modules(self) -> Iterator[nn.Module]:
        """Its layers."""
        ...

    def attended(self, flow: Tensor) -> Tensor:
        """(B, n_leads or 1, n_tokens) how much the answer draws on each token but the class token.

        Parameters
        ----------
        flow : (…, 1 + n_tokens, 1 + n_tokens) how much each last token draws on each first one
        """
        ...

    def spread(self, tokens: Tensor) -> Tensor:
        """(B, n_leads, n_places) what tokens carry, dealt evenly to the places they see."""
        ...


class ByLead(nn.Module):
    """An `Embedder`, which reads one lead at a time: the directions of all leads side by side."""

    def __init__(self, model: Embedder) -> None:
        super().__init__()
        self.model = model

    def forward(self, beats: Tensor) -> Tensor:
        """(B, n_leads · EMBEDDING) of unit length."""
        return self.forward_normalised(*self.normalise(beats))

    def normalise(self, beats: Tensor) -> tuple[Tensor, ...]:
        """Beats of unit height, and the heights, (B, n_leads)."""
        shape, height = self.model.normalise(beats.flatten(0, 1))
        return shape.view_as(beats), height.view(beats.shape[:2])

    def forward_normalised(self, z: Tensor, *beside: Tensor) -> Tensor:
        """The directions of beats of unit height."""
        (height,) = beside
        found = self.model.forward_normalised(z.flatten(0, 1), height.reshape(-1, 1))
        return found.reshape(len(z), -1) / z.shape[1] ** 0.5

    def attended(self, flow: Tensor) -> Tensor:
        """It reads the class token and the mean of the others, half and half."""
        half = (flow[:, 0] + flow[:, 1:].mean(dim=1)) / 2
        return half[:, None, 1:]

    def spread(self, tokens: Tensor) -> Tensor:
        """Patches overlap: a place is dealt a share by each that sees it."""
        conv = self.model.beat
        (seen,), (apart,), pad = conv.kernel_size, conv.stride, conv.padding[0]
        assert isinstance(pad, int)
        places = F.conv_transpose1d(
            tokens.flatten(0, 1)[:, None], torch.ones(1, 1, seen, device=tokens.device) / seen,
            stride=apart, padding=pad,
        )  # fmt: skip
        return places


class OfWindows(nn.Module):
    """A `ViT`, which reads all leads at once, and one of the things it answers with."""

    def __init__(self, model: ViT, head: Head = "embedding") -> None:
        super().__init__()
        self.model, self.head = model, head

    def forward(self, beats: Tensor) -> Tensor:
        """(B, 128) of unit length, (B, n_ids) or (B, 1)."""
        return self.forward_normalised(*self.normalise(beats))

    def normalise(self, beats: Tensor) -> tuple[Tensor, ...]:
        """Robust z-scores."""
        return (normalise(beats),)

    def forward_normalised(self, z: Tensor, *beside: Tensor) -> Tensor:
        """What is answered to z-scores."""
        answer: Tensor = getattr(self.model.forward_normalised(z), self.head)
        if self.head == "embedding":
            return F.normalize(answer)
        return answer if answer.ndim == 2 else answer[:, None]

    def attended(self, flow: Tensor) -> Tensor:
        """It reads the class token."""
        return flow[:, None, 0, 1:]

    def spread(self, tokens: Tensor) -> Tensor:
        """A patch is of all leads alike."""
        config = self.model.config
        each = tokens.repeat_interleave(config.patch, dim=2) / (config.patch * config.n_leads)
        return each.expand(-1, config.n_leads, -1)


@contextmanager
def watched(network: Network) -> Iterator[list[Tensor]]:
    """The attention of each layer, (B, heads, n_tokens, n_tokens), as the network is asked."""
    from timm.models.vision_transformer import Attention  # here, for it takes seconds

    seen: list[Tensor] = []
    attentions = [module for module in network.modules() if isinstance(module, Attention)]
    fused = [one.fused_attn for one in attentions]
    hooks = [
        one.attn_drop.register_forward_hook(lambda module, given, out: seen.append(out))
        for one in attentions
    ]
    for one in attentions:
        one.fused_attn = False  # a fused kernel keeps no attention to look at
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
        for one, was in zip(attentions, fused, strict=True):
            one.fused_attn = was

"""Disturbances that leave a person who they are, so that the model learns to look past them.

Another day brings another gain (electrodes moved), another heart rate (waves drift apart), another
posture (waves grow and shrink), drift and noise. Drawn from a `torch.Generator`, nothing global.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """How far windows are disturbed, in units of a lead's robust standard deviation.

    Attributes
    ----------
    gain : largest relative change of a lead's amplitude
    swell : largest relative change of amplitude from one part of the window to another
    shift : samples, the largest shift
    warp : largest relative stretch of time, differing along the window
    wander, noise : standard deviations of slow and of white noise
    """

    gain: float = 0.1
    swell: float = 0.2
    shift: float = 2.0
    warp: float = 0.05
    wander: float = 0.1
    noise: float = 0.05

    def __call__(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Windows (B, n_leads, n_samples), each disturbed its own way."""
        n, leads, samples = z.shape

        def uniform(*shape: int) -> Tensor:
            return 2 * torch.rand(shape, generator=generator, device=z.device) - 1

        def smooth(channels: int, knots: int) -> Tensor:
            """(B, channels, n_samples) slow curves within ±1."""
            points = uniform(n, channels, knots)
            return F.interpolate(points, samples, mode="linear", align_corners=True)

        z = _moved(z, self.shift * uniform(n, 1) + _drift(self.warp * smooth(1, 5).squeeze(1)))
        z = z * (1 + self.gain * uniform(n, leads, 1)) * (1 + self.swell * smooth(leads, 6))
        z = z + self.wander * 3**0.5 * smooth(leads, 4)
        white = torch.randn(z.shape, generator=generator, device=z.device)
        return z + self.noise * white


def _drift(stretch: Tensor) -> Tensor:
    """(B, n_samples) how far each sample moves under a local stretch, on average not at all."""
    moved = stretch.cumsum(dim=1)
    return moved - moved.mean(dim=1, keepdim=True)


def _moved(z: Tensor, by: Tensor) -> Tensor:
    """Windows read off, between samples where needed, `by` (B, n_samples) samples further on."""
    n, leads, samples = z.shape
    at = (torch.arange(samples, device=z.device) + by).clamp(0, samples - 1)  # (B, n_samples)
    left = at.floor().clamp(max=samples - 2)
    share = (at - left)[:, None]  # (B, 1, n_samples)
    index = left.long()[:, None].expand(n, leads, samples)  # (B, n_leads, n_samples)
    return z.gather(2, index) * (1 - share) + z.gather(2, index + 1) * share

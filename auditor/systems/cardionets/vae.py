"""Cines of the heart in a small latent and back, and how alike two cines are.

The 3-D autoencoder of CardioNets (see `cardionets.py`), a KL-VAE (Kingma and Welling, ICLR 2014)
of residual blocks, each convolving over time and space. Left out of its objective are the
perceptual and the adversarial term, which need networks that others trained; the authors' training
script is not public.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.learning.artifact import ARCHITECTURES
from auditor.systems.cardionets.network import Published

#: By which factor the VAE shrinks time, height and width.
STRIDE = (2, 8, 8)

_LEVELS = 4
_ATTENTION_HEADS = 8

Normal = Callable[[tuple[int, ...]], Tensor]


@dataclass(frozen=True)
class GeneratorConfig:
    """The shapes of the VAE and of the generator.

    Attributes
    ----------
    frames, size : of the cine, multiples of the stride (2, 8, 8) times the patch
    channels : of the VAE at full size; `widen` holds its multiples at the four levels, as digits
    vae_blocks : residual blocks per level
    groups : in which the VAE's channels are normalised
    latent : channels of the VAE's latent
    patch_time, patch : of a token, in the latent
    condition : size of the ECG embedding
    width, depth, heads : of the transformers, each of the two `depth` deep
    buffer : tokens that tell the encoder of the ECG
    mlp_width, mlp_depth : of the diffusion model
    dropout : of the transformers; condition_drop : share of the records trained without their ECG
    least_masked : smallest share of tokens that is hidden
    repeat : diffusion times per token and step
    """

    frames: int = 50
    size: int = 96
    channels: int = 128
    widen: str = "1244"
    vae_blocks: int = 2
    groups: int = 32
    latent: int = 16
    patch_time: int = 5
    patch: int = 2
    condition: int = 256
    width: int = 768
    depth: int = 12
    heads: int = 12
    buffer: int = 64
    mlp_width: int = 1024
    mlp_depth: int = 3
    dropout: float = 0.1
    condition_drop: float = 0.1
    least_masked: float = 0.7
    repeat: int = 4

    def __post_init__(self) -> None:
        if len(self.widen) != _LEVELS or not set(self.widen) <= set("12345678"):
            raise ValueError(f"widen is {self.widen!r}, wanted {_LEVELS} digits of 1 to 8")
        for name, value in vars(self).items():
            if isinstance(value, int) and value < 1:
                raise ValueError(f"{name} is {value}, wanted at least 1")
            if isinstance(value, float) and not 0 <= value < 1:
                raise ValueError(f"{name} is {value}, wanted a fraction below 1")
        if self.frames % (STRIDE[0] * self.patch_time) or self.size % (STRIDE[1] * self.patch):
            raise ValueError(f"{self.frames} frames of {self.size} pixels are no whole tokens")
        if self.channels % self.groups or self.width % self.heads:
            raise ValueError("channels are no multiple of groups, or width none of heads")
        if self.widths[-1] % _ATTENTION_HEADS:
            raise ValueError(f"the last level is no multiple of {_ATTENTION_HEADS} channels wide")

    @classmethod
    def small(cls) -> GeneratorConfig:
        """A size that trains on a CPU in minutes: 18 tokens of a cine of 20 frames of 48 pixels."""
        return cls(
            frames=20,
            size=48,
            channels=8,
            widen="1248",
            vae_blocks=1,
            groups=4,
            latent=4,
            condition=32,
            width=64,
            depth=2,
            heads=4,
            buffer=8,
            mlp_width=64,
        )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens along time, height and width."""
        side = self.size // STRIDE[1] // self.patch
        return self.frames // STRIDE[0] // self.patch_time, side, side

    @property
    def n_tokens(self) -> int:
        """Tokens of a cine."""
        return math.prod(self.grid)

    @property
    def token_dim(self) -> int:
        """Numbers in a token."""
        return self.latent * self.patch_time * self.patch**2

    @property
    def widths(self) -> list[int]:
        """Channels of the VAE's levels, from full size down."""
        return [self.channels * int(digit) for digit in self.widen]


@ARCHITECTURES.register("cardionets-vae")
class VAE(Published):
    """Cines (B, 1, frames, size, size) of −1…1 ↔ latents (B, latent, frames / 2, size / 8, …)."""

    prefix = "vae"

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.to_moments = nn.Conv3d(2 * config.latent, 2 * config.latent, 1)
        self.from_latent = nn.Conv3d(config.latent, config.latent, 1)

    def encode(self, cines: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent before it is normalised."""
        mean, log_variance = self.to_moments(self.encoder(cines)).chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)

    def latents(self, cines: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of each cine's latent, normalised: what the generator works on."""
        mean, log_variance = self.encode(cines)
        return drawn(mean, log_variance, normal(generator, mean.device)(tuple(mean.shape)))

    def decode(self, latents: Tensor) -> Tensor:
        """The cines of normalised latents; −1…1, but for the odd voxel beyond."""
        cines: Tensor = self.decoder(self.from_latent(latents))
        return cines

    @staticmethod
    def renamed(published: str) -> str | None:
        """What the authors' tensor is called here; the objective's have no place."""
        if published.startswith("loss."):
            return None
        for theirs, mine in (
            ("encoder_3d.", "encoder."),
            ("post_quant_conv", "from_latent"),
            ("quant_conv", "to_moments"),
            (".down.", ".levels."),
            (".up.", ".levels."),
            (".downsample.conv", ".resample"),
            (".upsample.conv", ".resample"),
            (".mid.", ".middle."),
            (".attn_1.", ".attention."),
            (".block_1.", ".first."),
            (".block_2.", ".second."),
            (".block.", ".first."),
            (".nin_shortcut", ".shortcut"),
            (".norm_out", ".norm"),
        ):
            published = published.replace(theirs, mine)
        return published


def drawn(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A draw from the latent's normal distribution, standardised over the whole latent."""
    z = mean + torch.exp(0.5 * log_variance) * noise
    return F.layer_norm(z, z.shape[1:])


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B,) divergence of the latent's distribution from the standard normal one, nats."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).flatten(1).sum(dim=1)


def vae_loss(
    vae: VAE, cines: Tensor, generator: torch.Generator, *, kl_weight: float = 1e-6
) -> Tensor:
    """The absolute error summed over a cine's voxels, and a little of `kl`: a mean over cines."""
    mean, log_variance = vae.encode(cines)
    noise = normal(generator, cines.device)(tuple(mean.shape))
    error = (vae.decode(drawn(mean, log_variance, noise)) - cines).abs().flatten(1).sum(dim=1)
    return (error + kl_weight * kl(mean, log_variance)).mean()


class _Encoder(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = _conv(1, widths[0])
        self.levels = nn.ModuleList(
            _Down(widths[max(number - 1, 0)], width, config, number)
            for number, width in enumerate(widths)
        )
        self.middle = _Middle(widths[-1], config.groups)
        self.norm = _norm(widths[-1], config.groups)
        self.conv_out = _conv(widths[-1], 2 * config.latent)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.levels:
            x = level(x)
        features: Tensor = self.conv_out(F.silu(self.norm(self.middle(x))))
        return features


class _Decoder(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv_in = _conv(config.latent, widths[-1])
        self.middle = _Middle(widths[-1], config.groups)
        self.levels = nn.ModuleList(  # counted as the encoder's are, and run backwards
            _Up(widths[min(number + 1, _LEVELS - 1)], width, config, number)
            for number, width in enumerate(widths)
        )
        self.norm = _norm(widths[0], config.groups)
        self.conv_out = _conv(widths[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.middle(self.conv_in(x))
        for level in reversed(self.levels):
            x = level(x)
        cines: Tensor = self.conv_out(F.silu(self.norm(x)))
        return cines


class _Down(nn.Module):
    """Residual blocks, then half the height and width; the last level but one halves time too."""

    def __init__(self, n_in: int, n_out: int, config: GeneratorConfig, number: int) -> None:
        super().__init__()
        self.first = _residuals(n_in, n_out, config)
        self.in_time = number == _LEVELS - 2
        kernel, stride = ((3, 3, 3), (2, 2, 2)) if self.in_time else ((1, 3, 3), (1, 2, 2))
        last = number == _LEVELS - 1
        self.resample = None if last else nn.Conv3d(n_out, n_out, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if self.resample is not None:
            x = self.resample(F.pad(x, (0, 1, 0, 1, 0, int(self.in_time))))
        return x


class _Up(nn.Module):
    """Residual blocks, then twice the height and width; the smallest level doubles time too."""

    def __init__(self, n_in: int, n_out: int, config: GeneratorConfig, number: int) -> None:
        super().__init__()
        self.first = _residuals(n_in, n_out, config)
        self.second = _residuals(n_out, n_out, config)
        self.scale = (1.0 + (number == _LEVELS - 1), 2.0, 2.0)
        self.resample = _conv(n_out, n_out) if number else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x))
        if self.resample is not None:
            x = self.resample(F.interpolate(x, scale_factor=self.scale, mode="nearest"))
        return x


class _Residual(nn.Module):
    def __init__(self, n_in: int, n_out: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _norm(n_in, groups), _conv(n_in, n_out)
        self.norm2, self.conv2 = _norm(n_out, groups), _conv(n_out, n_out)
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv3d(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        out: Tensor = self.shortcut(x) + h
        return out


class _Middle(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.first = _Residual(width, width, groups)
        self.attention = _Attention(width, groups)
        self.second = _Residual(width, width, groups)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.attention(self.first(x)))
        return out


class _Attention(nn.Module):
    """Every place of the latent attends to every other, over time and space alike."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = _norm(width, groups)
        self.q, self.k, self.v = (nn.Conv3d(width, width, 1) for _ in range(3))
        self.proj_out = nn.Conv3d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (
            one(h).unflatten(1, (_ATTENTION_HEADS, -1)).flatten(3).transpose(2, 3)
            for one in (self.q, self.k, self.v)
        )  # each (B, heads, places, width / heads)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = x + self.proj_out(mixed.transpose(2, 3).reshape(x.shape))
        return out


def _conv(n_in: int, n_out: int) -> nn.Conv3d:
    return nn.Conv3d(n_in, n_out, 3, padding=1)


def _norm(width: int, groups: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups, width, eps=1e-6)


def _residuals(n_in: int, n_out: int, config: GeneratorConfig) -> nn.Sequential:
    return nn.Sequential(
        *(
            _Residual(n_out if number else n_in, n_out, config.groups)
            for number in range(config.vae_blocks)
        )
    )


def normal(generator: torch.Generator, device: torch.device | str) -> Normal:
    """Standard normal numbers of any shape, on a device that need not be the generator's."""

    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=generator, device=generator.device).to(device)

    return draw


def psnr(a: NDArray[np.floating], b: NDArray[np.floating], data_range: float = 2.0) -> float:
    """Peak signal-to-noise ratio of two cines, dB; infinite where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(data_range**2 / error)


def ssim(a: NDArray[np.floating], b: NDArray[np.floating], data_range: float = 2.0) -> float:
    """Structural similarity of two cines (n_frames, height, width), a mean over their frames.

    Wang et al. (IEEE TIP, 2004): Gaussian windows of 11 pixels, σ 1.5, wholly within the frame.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    blur = partial(gaussian_filter, sigma=(0, 1.5, 1.5), radius=(0, 5, 5))
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a**2) - mean_a**2, blur(b**2) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similar = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similar /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float(similar[:, 5:-5, 5:-5].mean())

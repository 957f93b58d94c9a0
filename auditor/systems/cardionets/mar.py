"""The cine of a heart, drawn from its ECG: the generator of CardioNets (see `network.py`).

The autoencoder of `vae.py` packs a cine into a small latent; a masked autoregressive model
(`Generator`; Li et al., *Autoregressive image generation without vector quantization*, NeurIPS
2024) fills in that latent's tokens a few at a time, in any order, each drawn by a small diffusion
model (Nichol and Dhariwal, *Improved denoising diffusion probabilistic models*, ICML 2021).

The authors' training script is not public; their sampling uses an average of the weights over
training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.learning.artifact import ARCHITECTURES
from auditor.systems.cardionets.network import Published
from auditor.systems.cardionets.vae import GeneratorConfig, Normal, normal

#: Diffusion steps in training.
T = 1000
_SINUSOID = 256
#: Latents are taken for pictures of 8 bits in the last diffusion step: half a grey level of −1…1.
_HALF_LEVEL = 1 / 255
#: Of Page's tanh for the normal integral, as the authors round it; his is 0.044715.
_PAGE = 0.0447
#: By size, steps in which a cine's tokens are unmasked, and in which each is freed of its noise.
STEPS = {"small": (8, 25), "published": (16, 100)}


class Diffusion:
    """Gaussian diffusion with a cosine schedule and learned variances (Nichol and Dhariwal, 2021).

    Parameters
    ----------
    n_steps : of the training's 1,000
    largest : no clean token is guessed further from 0; by default none is held back, as published

    Attributes
    ----------
    timesteps : (n,) int64
        The steps of the training's 1,000 that are taken, ascending.
    beta, alpha_bar : (n,) float64
        Variance added by a step; share of the signal's power that is left after it.
    """

    def __init__(self, n_steps: int = T, largest: float = math.inf) -> None:
        self._largest = largest
        full = _alpha_bar(np.arange(T + 1) / T)
        beta = np.minimum(1 - full[1:] / full[:-1], 0.999)
        every = (T - 1) / max(n_steps - 1, 1)
        self.timesteps = np.round(np.arange(n_steps) * every).astype(np.int64)
        self.alpha_bar = np.cumprod(1 - beta)[self.timesteps]
        before = np.append(1.0, self.alpha_bar[:-1])
        self.beta = 1 - self.alpha_bar / before
        posterior = self.beta * (1 - before) / (1 - self.alpha_bar)
        # The first step has none of its own, and its logarithm is needed.
        self._log_least = np.log(np.append(posterior[1:2], posterior[1:]))
        self._log_most = np.log(self.beta)
        self._of_clean = self.beta * np.sqrt(before) / (1 - self.alpha_bar)
        self._of_noisy = (1 - before) * np.sqrt(1 - self.beta) / (1 - self.alpha_bar)

    def noised(self, clean: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Tokens (n, d) as they are after step t (n,)."""
        return _at(np.sqrt(self.alpha_bar), t) * clean + _at(np.sqrt(1 - self.alpha_bar), t) * noise

    def losses(
        self, output: Tensor, clean: Tensor, noisy: Tensor, t: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Error of the noise, and the variational term that teaches the variance; (n,) each.

        The second is the divergence of the step back from what it should be, or at t = 0 the
        negative log likelihood of the tokens, in bits per dimension; the mean does not learn by it.
        """
        guessed, spread = output.chunk(2, dim=1)
        mse = ((noise - guessed) ** 2).mean(dim=1)
        mean, log_variance = self._back(guessed.detach(), spread, noisy, t)
        true_mean = self._mean(clean, noisy, t)
        true_log_variance = _at(self._log_least, t)
        divergence = 0.5 * (
            log_variance
            - true_log_variance
            - 1
            + torch.exp(true_log_variance - log_variance)
            + (true_mean - mean) ** 2 * torch.exp(-log_variance)
        )
        surprise = -_log_likelihood(clean, mean, 0.5 * log_variance)
        bits = torch.where(t == 0, surprise.mean(dim=1), divergence.mean(dim=1)) / math.log(2)
        return mse, bits

    def back(self, output: Tensor, noisy: Tensor, step: int, noise: Tensor) -> Tensor:
        """Tokens (n, d) one step earlier."""
        guessed, spread = output.chunk(2, dim=1)
        t = torch.full((len(noisy),), step, device=noisy.device)
        mean, log_variance = self._back(guessed, spread, noisy, t)
        return mean + torch.exp(0.5 * log_variance) * noise

    def _back(
        self, guessed: Tensor, spread: Tensor, noisy: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the step back; `spread` −1…1 lies between the two bounds."""
        share = (spread + 1) / 2
        log_variance = share * _at(self._log_most, t) + (1 - share) * _at(self._log_least, t)
        clean = (
            _at(np.sqrt(1 / self.alpha_bar), t) * noisy
            - _at(np.sqrt(1 / self.alpha_bar - 1), t) * guessed
        ).clamp(-self._largest, self._largest)
        return self._mean(clean, noisy, t), log_variance

    def _mean(self, clean: Tensor, noisy: Tensor, t: Tensor) -> Tensor:
        return _at(self._of_clean, t) * clean + _at(self._of_noisy, t) * noisy


def _alpha_bar(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2


def _at(values: NDArray[np.float64], t: Tensor) -> Tensor:
    """(n, 1) float32."""
    return torch.from_numpy(values).to(t.device)[t].float()[:, None]


def _log_likelihood(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Of 8-bit grey levels −1…1 under a normal distribution, by a tanh for its integral."""

    def below(edge: Tensor) -> Tensor:
        z = (x + edge - mean) * torch.exp(-log_std)
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + _PAGE * z**3)))

    half = torch.full_like(x, _HALF_LEVEL)
    upper, lower = below(half), below(-half)
    mass = torch.where(x < -0.999, upper, torch.where(x > 0.999, 1 - lower, upper - lower))
    return mass.clamp(min=1e-12).log()


#: The schedule of training.
_EVERY_STEP = Diffusion()


class Denoiser(nn.Module):
    """Noisy tokens (n, d), their times (n,) and what is known of each (n, width) → (n, 2 · d).

    The first half is the noise, the second says how sure the step back is. Every layer is
    modulated by time and condition (Peebles and Xie, *DiT*, ICCV 2023) and begins as no layer.
    """

    def __init__(self, dim: int, condition: int, width: int, depth: int) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(_SINUSOID, width), nn.SiLU(), nn.Linear(width, width))
        self.condition = nn.Linear(condition, width)
        self.input = nn.Linear(dim, width)
        self.blocks = nn.ModuleList(_Modulated(width) for _ in range(depth))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.output = nn.Linear(width, 2 * dim)
        _initialise(self)
        for name, one in self.named_parameters():
            if name.startswith("time.") and name.endswith("weight"):
                nn.init.normal_(one, std=0.02)
            elif "modulation." in name or name.startswith("output."):
                nn.init.zeros_(one)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """(n, 2 · d)."""
        y = self.time(sinusoid(t)) + self.condition(condition)
        x = self.input(x)
        for block in self.blocks:
            x = block(x, y)
        shift, scale = self.modulation(y).chunk(2, dim=1)
        output: Tensor = self.output(self.norm(x) * (1 + scale) + shift)
        return output


def guided(conditional: Tensor, null: Tensor, by: float) -> Tensor:
    """Outputs whose noise is pushed away from that without the condition, (n, 2 · d).

    Classifier-free guidance (Ho and Salimans, 2022); the variance is that with the condition.
    """
    noise, spread = conditional.chunk(2, dim=1)
    null_noise, _ = null.chunk(2, dim=1)
    return torch.cat([null_noise + by * (noise - null_noise), spread], dim=1)


class _Modulated(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 3 * width))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(y).chunk(3, dim=1)
        out: Tensor = x + gate * self.mlp(self.norm(x) * (1 + scale) + shift)
        return out


def sinusoid(t: Tensor) -> Tensor:
    """(n, 256): cosines, then sines, of times at 128 frequencies from 1 down to 1/10,000."""
    half = _SINUSOID // 2
    frequency = torch.exp(-math.log(10_000) * torch.arange(half, device=t.device) / half)
    angle = t[:, None].float() * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


@ARCHITECTURES.register("cardionets-generator")
class Generator(Published):
    """Latents of a cine, token by token, from the embedding of an ECG."""

    prefix = "mar"

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width, places = config.width, config.buffer + config.n_tokens
        # Two layers with nothing between them, as published.
        self.condition = nn.Sequential(nn.Linear(config.condition, width), nn.Linear(width, width))
        self.null = nn.Parameter(torch.zeros(1, width))
        self.embed = nn.Linear(config.token_dim, width)
        self.embed_norm = nn.LayerNorm(width, eps=1e-6)
        self.encoder_positions = nn.Parameter(torch.zeros(1, places, width))
        self.encoder = _blocks(config)
        self.encoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.bridge = nn.Linear(width, width)
        self.hidden = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_positions = nn.Parameter(torch.zeros(1, places, width))
        self.decoder = _blocks(config)
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.diffusion_positions = nn.Parameter(torch.zeros(1, config.n_tokens, width))
        self.guess = nn.Linear(width, config.token_dim)
        # In the published file, of an experiment that it was not trained with: nothing reads them.
        self.unread = nn.Linear(width, width).requires_grad_(False)
        self.unread_null = nn.Parameter(torch.zeros(1, width), requires_grad=False)
        _initialise(self)
        for table in (
            self.null,
            self.hidden,
            self.encoder_positions,
            self.decoder_positions,
            self.diffusion_positions,
        ):
            nn.init.normal_(table, std=0.02)
        self.denoiser = Denoiser(config.token_dim, width, config.mlp_width, config.mlp_depth)

    def encode(self, tokens: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        """(B, buffer + n_seen, width): the seen tokens, read beside the condition.

        Parameters
        ----------
        tokens : (B, n_tokens, token_dim)
        mask : (B, n_tokens) bool, True where hidden; as many in every row
        condition : (B, width) of `condition`, or `null`
        """
        visible = ~self._with_buffer(mask)
        x = self.embed_input(tokens, condition)
        x = x[visible].reshape(len(x), -1, x.shape[-1])
        for block in self.encoder:
            x = block(x)
        read: Tensor = self.encoder_norm(x)
        return read

    def embed_input(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """(B, buffer + n_tokens, width): the condition over and over, then the tokens."""
        buffer = condition[:, None].expand(-1, self.config.buffer, -1)
        placed = torch.cat([buffer, self.embed(tokens)], dim=1) + self.encoder_positions
        x: Tensor = self.embed_norm(placed)
        return x

    def decode(self, read: Tensor, mask: Tensor) -> Tensor:
        """(B, buffer + n_tokens, width): what is known of every token, seen or hidden."""
        visible = ~self._with_buffer(mask)
        seen = self.bridge(read).flatten(0, 1)
        x = self.hidden.expand(*visible.shape, -1).to(seen.dtype).clone()
        x[visible] = seen
        x = x + self.decoder_positions
        for block in self.decoder:
            x = block(x)
        known: Tensor = self.decoder_norm(x)
        return known

    def known(self, tokens: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        """(B, n_tokens, width): what is known of every token, before its place is told."""
        return self.decode(self.encode(tokens, mask, condition), mask)[:, self.config.buffer :]

    def _with_buffer(self, mask: Tensor) -> Tensor:
        return F.pad(mask, (self.config.buffer, 0), value=False)

    def to_tokens(self, latents: Tensor) -> Tensor:
        """(B, latent, time, height, width) → (B, n_tokens, token_dim), time slowest in both."""
        (t, h, w), c = self.config.grid, self.config
        split = latents.reshape(-1, c.latent, t, c.patch_time, h, c.patch, w, c.patch)
        return split.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, c.n_tokens, c.token_dim)

    def to_latents(self, tokens: Tensor) -> Tensor:
        """The inverse of `to_tokens`."""
        (t, h, w), c = self.config.grid, self.config
        split = tokens.reshape(-1, t, h, w, c.latent, c.patch_time, c.patch, c.patch)
        joined = split.permute(0, 4, 1, 5, 2, 6, 3, 7)
        return joined.reshape(-1, c.latent, t * c.patch_time, h * c.patch, w * c.patch)

    @staticmethod
    def renamed(published: str) -> str:
        """What the authors' tensor is called here."""
        for theirs, mine in (
            ("fake_rep_latent", "unread_null"),
            ("rep_embedder", "unread"),
            ("fake_latent", "null"),
            ("ecg_emb", "condition"),
            ("z_proj_ln", "embed_norm"),
            ("z_proj", "embed"),
            ("mask_token", "hidden"),
            ("pos_embed_learned", "positions"),
            ("coder_blocks", "coder"),
            ("decoder_embed", "bridge"),
            ("decoder_pred", "guess"),
            ("diffloss.net", "denoiser"),
            ("time_embed.mlp", "time"),
            ("cond_embed", "condition"),
            ("input_proj", "input"),
            ("res_blocks", "blocks"),
            ("in_ln", "norm"),
            ("final_layer.linear", "output"),
            ("final_layer.", ""),
            ("adaLN_modulation", "modulation"),
        ):
            published = published.replace(theirs, mine)
        return published


def _blocks(config: GeneratorConfig) -> nn.ModuleList:
    return nn.ModuleList(
        Block(
            config.width,
            config.heads,
            qkv_bias=True,
            proj_drop=config.dropout,
            attn_drop=config.dropout,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )
        for _ in range(config.depth)
    )


def _initialise(module: nn.Module) -> None:
    for one in module.modules():
        if isinstance(one, nn.Linear):
            nn.init.xavier_uniform_(one.weight)
            nn.init.zeros_(one.bias)


@dataclass(frozen=True, eq=False)
class Draw:
    """All that chance decides of one step of training.

    Attributes
    ----------
    mask : (B, n_tokens) bool
        True where hidden; the same number in every row.
    unconditional : (B,) bool
        Whose ECG is withheld.
    t, noise : (repeat · B · n_tokens,) int64, (…, token_dim)
        The tokens of all records in order, over and over.
    """

    mask: Tensor
    unconditional: Tensor
    t: Tensor
    noise: Tensor

    @classmethod
    def of(
        cls,
        config: GeneratorConfig,
        n: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ) -> Draw:
        """A draw for a batch of n records."""
        on = generator.device
        hidden = math.ceil(config.n_tokens * mask_ratio(config.least_masked, generator))
        rows = config.repeat * n * config.n_tokens
        return cls(
            mask_of(orders(n, config.n_tokens, generator), hidden).to(device),
            (torch.rand(n, generator=generator, device=on) < config.condition_drop).to(device),
            torch.randint(T, (rows,), generator=generator, device=on).to(device),
            normal(generator, device)((rows, config.token_dim)),
        )


def mask_ratio(least: float, generator: torch.Generator) -> float:
    """A share of hidden tokens: normal (1, 0.25), cut to least … 1."""
    u = torch.rand((), generator=generator, device=generator.device, dtype=torch.float64)
    lowest = ndtr((least - 1) / 0.25)
    return min(1 + 0.25 * float(ndtri(lowest + u.item() * (0.5 - lowest))), 1.0)


def orders(n: int, n_tokens: int, generator: torch.Generator) -> Tensor:
    """(n, n_tokens): in which order each record's tokens are drawn, the last one first."""
    shuffled = torch.rand(n, n_tokens, generator=generator, device=generator.device)
    return shuffled.argsort(dim=1)


def mask_of(order: Tensor, hidden: int) -> Tensor:
    """(n, n_tokens) bool: the first `hidden` of each order."""
    mask = torch.zeros_like(order, dtype=torch.bool)
    return mask.scatter(1, order[:, :hidden], True)


def unmasking(n_tokens: int, steps: int) -> list[int]:
    """How many tokens are drawn in each step: few at first, along a cosine."""
    left, drawn_now = n_tokens, []
    for step in range(1, steps + 1):
        wanted = math.floor(n_tokens * math.cos(math.pi / 2 * step / steps))
        after = max(1, min(left - 1, wanted)) if step < steps else 0
        drawn_now.append(left - after)
        left = after
    return drawn_now


def token_losses(
    generator: Generator, latents: Tensor, condition: Tensor, draw: Draw
) -> tuple[Tensor, Tensor]:
    """The two parts of the diffusion loss of every row of `draw`, (repeat · B · n_tokens,).

    Of seen tokens too: what is trained on is the mean of their sum over the hidden ones.

    Parameters
    ----------
    latents : (B, latent, …) normalised, of the VAE
    condition : (B, condition) embedding of the ECG
    """
    tokens = generator.to_tokens(latents)
    known = _known(generator, tokens, condition, draw) + generator.diffusion_positions
    return _rows(generator, tokens, known, draw)


def generator_loss(
    generator: Generator,
    latents: Tensor,
    condition: Tensor,
    draw: Draw,
    *,
    guess_weight: float = 0.0,
) -> Tensor:
    """The diffusion loss, a mean over the hidden tokens and their repetitions.

    Parameters
    ----------
    guess_weight : of the squared error of a guess without diffusion, an option of the authors'
    """
    tokens = generator.to_tokens(latents)
    known = _known(generator, tokens, condition, draw)
    mse, bits = _rows(generator, tokens, known + generator.diffusion_positions, draw)
    hidden = draw.mask.flatten().repeat(len(mse) // draw.mask.numel())
    guess_error = ((generator.guess(known) - tokens) ** 2)[draw.mask].mean()
    # Weighted by nothing too, so that every weight has a gradient, as DDP wants it.
    return (mse + bits)[hidden].mean() + guess_weight * guess_error


def _known(generator: Generator, tokens: Tensor, condition: Tensor, draw: Draw) -> Tensor:
    embedded = generator.condition(condition)
    shown = torch.where(draw.unconditional[:, None], generator.null, embedded)
    return generator.known(tokens, draw.mask, shown)


def _rows(generator: Generator, tokens: Tensor, known: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    repeat = len(draw.t) // draw.mask.numel()
    clean = tokens.flatten(0, 1).repeat(repeat, 1)
    noisy = _EVERY_STEP.noised(clean, draw.t, draw.noise)
    output = generator.denoiser(noisy, draw.t, known.flatten(0, 1).repeat(repeat, 1))
    return _EVERY_STEP.losses(output, clean, noisy, draw.t, draw.noise)


def generate(
    generator: Generator,
    condition: Tensor | None,
    rng: torch.Generator,
    *,
    n: int = 1,
    steps: int = 16,
    diffusion_steps: int = 100,
    guidance: float = 3.0,
    temperature: float = 1.0,
    largest: float = math.inf,
) -> Tensor:
    """Latents (B, latent, …) of cines that the model draws; `VAE.decode` shows them.

    Parameters
    ----------
    condition : (B, condition) embeddings of ECGs; None draws n of nobody's
    guidance : how far to go from the unconditional towards the conditional; 1 is neither
    largest : of a latent's numbers. Of pure noise, the first step divides the error of the guessed
        noise by next to nothing: a network that is not trained out needs the bound, the published
        one has none.
    """
    n = n if condition is None else len(condition)
    device = generator.null.device
    return _generate(
        generator,
        condition,
        orders(n, generator.config.n_tokens, rng).to(device),
        normal(rng, device),
        steps=steps,
        diffusion=Diffusion(diffusion_steps, largest),
        guidance=guidance,
        temperature=temperature,
    )


@torch.no_grad()
def _generate(
    generator: Generator,
    condition: Tensor | None,
    order: Tensor,
    normal: Normal,
    *,
    steps: int,
    diffusion: Diffusion,
    guidance: float,
    temperature: float,
) -> Tensor:
    """Latents, tokens drawn from the end of each order, with noise in the order it is needed."""
    config, n = generator.config, len(order)
    tokens = torch.zeros(n, config.n_tokens, config.token_dim, device=order.device)
    conditions = [generator.null if condition is None else generator.condition(condition)]
    if condition is not None and guidance != 1:
        conditions.append(generator.null)
    left = config.n_tokens
    for n_now in unmasking(config.n_tokens, steps):
        mask = mask_of(order, left)
        left -= n_now
        now = mask & ~mask_of(order, left)
        known = [
            (generator.known(tokens, mask, one.expand(n, -1)) + generator.diffusion_positions)[now]
            for one in conditions
        ]
        x = normal((len(known[0]), config.token_dim))
        for step in reversed(range(len(diffusion.timesteps))):
            t = torch.full((len(x),), int(diffusion.timesteps[step]), device=x.device)
            output, *null = (generator.denoiser(x, t, one) for one in known)
            if null:
                output = guided(output, null[0], guidance)
            noise = temperature * normal(tuple(x.shape)) if step else torch.zeros_like(x)
            x = diffusion.back(output, x, step, noise)
        tokens[now] = x
    return generator.to_latents(tokens)

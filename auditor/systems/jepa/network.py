"""ECG-JEPA: part of an ECG is hidden, and what a teacher would say of it is predicted.

Kim, *Learning general representation of 12-lead electrocardiogram with a joint-embedding
predictive architecture* (arXiv 2410.08559). Eight leads of ten seconds are 400 tokens of 200 ms. A
student reads those of the times that are left to it, a teacher that follows the student reads all,
and per lead a predictor says from the student's what the teacher makes of the hidden times. A token
attends to its own lead and to its own time alone, cross-pattern attention (CroPA). Signals are read
in millivolts, neither filtered nor scaled.

Where paper and released code differ, `JEPAConfig` says what is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, resample, sosfiltfilt
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import EvidenceError, SignalError
from auditor.core.streams import stream
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.device import fork_rng
from auditor.learning.fit import Validation, fit
from auditor.learning.published import load_named
from auditor.learning.schedule import Schedule

#: The leads it knows, in the order of its tokens: the other four follow from I and II.
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
#: Ten seconds at 250 Hz, in patches of 200 ms.
N_SAMPLES, PATCH = 2500, 50
N_PATCHES = N_SAMPLES // PATCH
_SECONDS = 10.0
#: A recording whose leads all begin with so many seconds of zeros is no recording.
_BLANK_S = 0.030
#: What fine-tuning reads, Hz.
_BAND = (0.67, 40.0)
#: Share of the times that one block, of four, hides; and that random masks hide.
_BLOCKS, _BLOCK, _RANDOM = 4, (0.175, 0.225), (0.6, 0.7)
#: Of the initial weights.
_STD = 0.02


# --- what is hidden -----------------------------------------------------------------------


def block_mask(generator: torch.Generator) -> Tensor:
    """(50,) bool, True where hidden: four blocks of 8 to 11 times, which may overlap.

    As published, no block reaches the last time, and few reach the edges.
    """
    drawn = torch.rand(2, _BLOCKS, generator=generator, device=generator.device)
    masked = torch.zeros(N_PATCHES, dtype=torch.bool, device=generator.device)
    for share, place in zip(*drawn.tolist(), strict=True):
        length = _count(_BLOCK, share)
        start = int(place * (N_PATCHES - length))
        masked[start : start + length] = True
    return masked


def random_mask(generator: torch.Generator) -> Tensor:
    """(50,) bool, True where hidden: 30 to 34 times anywhere."""
    share = torch.rand((), generator=generator, device=generator.device)
    order = torch.randperm(N_PATCHES, generator=generator, device=generator.device)
    return order < _count(_RANDOM, float(share))


def _count(ratio: tuple[float, float], share: float) -> int:
    low, high = ratio
    return int(N_PATCHES * (low + (high - low) * share))


#: Name → which times a batch hides.
MASKS: dict[str, Callable[[torch.Generator], Tensor]] = {
    "block": block_mask,
    "random": random_mask,
}
_DISTANCES: dict[str, Callable[..., Tensor]] = {"smooth_l1": F.smooth_l1_loss, "l1": F.l1_loss}


@dataclass(frozen=True)
class JEPAConfig:
    """The shape of a `JEPA` and how it is trained; the defaults are the published model.

    Attributes
    ----------
    drop_path : chance that the last block's branches are left out of a training step; it rises
        from 0 at the first block
    masks : which times are hidden
    distance : of the prediction from the teacher; the code has Smooth-L1, the paper L1
    noisy_teacher : whether the teacher drops paths as well while the student trains, as in the
        code; then the student is asked for noise that nobody can predict
    """

    width: int = 768
    depth: int = 12
    heads: int = 16
    predictor_width: int = 384
    predictor_depth: int = 6
    predictor_heads: int = 12
    drop_path: float = 0.1
    masks: Literal["block", "random"] = "block"
    distance: Literal["smooth_l1", "l1"] = "smooth_l1"
    noisy_teacher: bool = False

    def __post_init__(self) -> None:
        for width, depth, heads in (
            (self.width, self.depth, self.heads),
            (self.predictor_width, self.predictor_depth, self.predictor_heads),
        ):
            if min(width, depth, heads) < 1 or width % heads or width % 4:
                raise ValueError(
                    f"width {width}, depth {depth}, heads {heads}: "
                    "wanted a width that the heads and 4 divide"
                )
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path is {self.drop_path}, wanted a fraction below 1")
        if self.masks not in MASKS or self.distance not in _DISTANCES:
            raise ValueError(f"masks {self.masks!r} or distance {self.distance!r} is unknown")

    @classmethod
    def small(cls) -> Self:
        """One that a CPU trains in minutes."""
        return cls(
            width=64, depth=2, heads=4, predictor_width=32, predictor_depth=1, predictor_heads=4
        )


# --- the networks -------------------------------------------------------------------------


class Encoder(nn.Module):
    """Signals (B, n_leads, 2500) mV → tokens (B, n_leads · n_times, width), lead by lead."""

    #: (400, width) where and in which lead a token stands.
    positions: Tensor

    def __init__(self, config: JEPAConfig) -> None:
        super().__init__()
        self.patches = nn.Linear(PATCH, config.width)
        self.register_buffer("positions", positions(len(LEADS), N_PATCHES, config.width))
        self.blocks = _blocks(config.width, config.depth, config.heads, config.drop_path)
        self.norm = nn.LayerNorm(config.width)
        _initialise(self)

    def forward(
        self,
        x: Tensor,
        leads: Sequence[str] = LEADS,
        visible: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """What it makes of some leads, at all times or at those that are visible.

        Parameters
        ----------
        leads : the names of `x`'s leads, some of `LEADS` in any order
        visible : (50,) bool, which times it is shown
        generator : which paths are dropped, in training; otherwise torch's own stream says
        """
        if x.shape[1:] != (len(leads), N_SAMPLES):
            raise ValueError(f"signals are {tuple(x.shape)}, wanted (B, {len(leads)}, {N_SAMPLES})")
        if not leads or len(set(leads)) < len(leads) or not set(leads) <= set(LEADS):
            raise ValueError(f"leads are {', '.join(leads)}, wanted some of {', '.join(LEADS)}")
        rows = [LEADS.index(lead) for lead in leads]
        # (B, n_leads, 50, width)
        tokens = self.patches(x.reshape(len(x), len(leads), N_PATCHES, PATCH))
        places = self.positions.reshape(len(LEADS), N_PATCHES, -1)[rows]
        if visible is not None:
            tokens, places = tokens[:, :, visible], places[:, visible]
        allowed = cross_pattern(len(leads), tokens.shape[2], x.device)
        tokens, places = tokens.flatten(1, 2), places.flatten(0, 1)
        for block in self.blocks:  # the places are added before each, and so add up
            tokens = block(tokens + places, allowed, generator)
        found: Tensor = self.norm(tokens)
        return found


class Predictor(nn.Module):
    """Tokens of the visible times → what the teacher will say of the hidden ones.

    Each lead is a sequence of its own.
    """

    #: (50, width) where a token stands.
    positions: Tensor

    def __init__(self, config: JEPAConfig) -> None:
        super().__init__()
        width = config.predictor_width
        self.embed = nn.Linear(config.width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("positions", positions(1, N_PATCHES, width))
        self.blocks = _blocks(width, config.predictor_depth, config.predictor_heads, 0.0)
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, config.width)
        nn.init.trunc_normal_(self.mask_token, std=_STD)
        _initialise(self)

    def forward(self, seen: Tensor, masked: Tensor) -> Tensor:
        """(B, n_leads · n_masked, encoder width), lead by lead.

        Parameters
        ----------
        seen : (B, n_leads · n_visible, encoder width) of the student
        masked : (50,) bool, which times were hidden
        """
        n, _, width = seen.shape
        n_visible = int((~masked).sum())
        tokens = self.embed(seen.reshape(-1, n_visible, width))
        asked = self.mask_token.expand(len(tokens), N_PATCHES - n_visible, -1)
        tokens = torch.cat([tokens, asked], dim=1)  # (B · n_leads, 50, width)
        places = torch.cat([self.positions[~masked], self.positions[masked]])
        for block in self.blocks:
            tokens = block(tokens + places)
        predicted: Tensor = self.project(self.norm(tokens[:, n_visible:]))
        return predicted.reshape(n, -1, width)


@ARCHITECTURES.register("jepa")
class JEPA(nn.Module):
    """Student, the teacher that follows it, and predictor; the teacher has no gradient."""

    def __init__(self, config: JEPAConfig = JEPAConfig()) -> None:
        super().__init__()
        self.config = config
        self.student = Encoder(config)
        self.teacher = deepcopy(self.student).requires_grad_(False)
        self.predictor = Predictor(config)

    def train(self, mode: bool = True) -> Self:
        """Training mode, in which the teacher stays what `noisy_teacher` says."""
        super().train(mode)
        self.teacher.train(mode and self.config.noisy_teacher)
        return self


class Classifier(nn.Module):
    """An encoder that is fine-tuned: signals (B, n_leads, 2500) mV → logits (B, n_classes).

    The initial weights of its head are drawn from `rng`.
    """

    def __init__(self, encoder: Encoder, n_classes: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.encoder = encoder
        with fork_rng(rng):
            self.head = nn.Linear(encoder.norm.normalized_shape[0], n_classes)

    def forward(
        self, x: Tensor, leads: Sequence[str] = LEADS, generator: torch.Generator | None = None
    ) -> Tensor:
        """Logits; `leads` and `generator` are those of `Encoder`."""
        logits: Tensor = self.head(self.encoder(x, leads, generator=generator).mean(dim=1))
        return logits


class _Block(nn.Module):
    """A pre-norm transformer block without bias of queries, keys and values."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.heads, self.drop_path = heads, drop_path
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, allowed: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Tokens (B, n, width) → the same; query may attend to key where `allowed`, (n, n) bool."""
        qkv = self.qkv(self.norm1(x)).reshape(*x.shape[:2], 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, n, width / heads)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        x = x + self._kept(self.proj(attended.transpose(1, 2).flatten(2)), generator)
        return x + self._kept(self.fc2(F.gelu(self.fc1(self.norm2(x)))), generator)

    def _kept(self, branch: Tensor, generator: torch.Generator | None) -> Tensor:
        """The branch, left out for some of the batch (Huang et al., stochastic depth, 2016)."""
        if not self.training or not self.drop_path:
            return branch
        drawn = torch.rand(len(branch), 1, 1, generator=generator, device=branch.device)
        return branch * (drawn >= self.drop_path) / (1 - self.drop_path)


def _blocks(width: int, depth: int, heads: int, drop_path: float) -> nn.ModuleList:
    last = max(depth - 1, 1)
    return nn.ModuleList(_Block(width, heads, drop_path * at / last) for at in range(depth))


def _initialise(module: Encoder | Predictor) -> None:
    for one in module.modules():
        if isinstance(one, nn.Linear):
            nn.init.trunc_normal_(one.weight, std=_STD)
            if one.bias is not None:
                nn.init.zeros_(one.bias)
    with torch.no_grad():  # so that what blocks add does not grow with their number
        for layer, block in enumerate(module.blocks, start=1):
            assert isinstance(block, _Block)
            for out in (block.proj, block.fc2):
                out.weight.div_((2 * layer) ** 0.5)


def positions(n_leads: int, n_times: int, width: int) -> Tensor:
    """(n_leads · n_times, width) sines and cosines, lead by lead.

    The first half of the width says when, the second in which lead; each is all sines, then all
    cosines, of wavelengths from 2π up to nearly 10000 · 2π tokens. Of one lead the second half is
    constant.
    """

    def along(n: int) -> Tensor:
        step = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
        angle = torch.outer(torch.arange(n, dtype=torch.float64), step)
        return torch.cat([angle.sin(), angle.cos()], dim=1)

    time = along(n_times).repeat(n_leads, 1)
    return torch.cat([time, along(n_leads).repeat_interleave(n_times, dim=0)], dim=1).float()


def cross_pattern(n_leads: int, n_times: int, device: torch.device | str | None = None) -> Tensor:
    """(n, n) bool, n = n_leads · n_times: a token attends to its own lead and to its own time.

    Which leads and which times they are does not matter, as long as all leads have the same.
    """
    lead = torch.arange(n_leads, device=device).repeat_interleave(n_times)
    time = torch.arange(n_times, device=device).repeat(n_leads)
    return (lead[:, None] == lead) | (time[:, None] == time)


def create(config: JEPAConfig, rng: np.random.Generator) -> JEPA:
    """A model with initial weights drawn from `rng`; torch's own stream is left as it was."""
    with fork_rng(rng):
        return JEPA(config)


# --- published weights --------------------------------------------------------------------

_PUBLISHED = {
    "encoder.": "student.",
    "target_encoder.": "teacher.",
    "W_P.": "patches.",
    "pos_embed": "positions",
    "encoder_blocks.blocks.": "blocks.",
    "predictor_blocks.blocks.": "blocks.",
    "predictor_embed.": "embed.",
    "predictor_norm.": "norm.",
    "predictor_proj.": "project.",
    "attn.": "",
    "mlp.": "",
}


def published_name(published: str) -> str:
    """What a tensor of the authors' code is called in a `JEPA`."""
    # A part begins the name or follows a dot: "encoder." is no part of "target_encoder.".
    pattern = "|".join(re.escape(part) for part in _PUBLISHED)
    return re.sub(rf"(?<![^.])(?:{pattern})", lambda found: _PUBLISHED[found[0]], published)


def load_published(path: Path, config: JEPAConfig = JEPAConfig()) -> JEPA:
    """Student, teacher and predictor, as the authors' training code names them.

    Raises
    ------
    ModelError
        The file is missing or damaged, or its tensors are not those of the configuration.
    """
    with torch.device("meta"):  # nothing is drawn for what is overwritten
        model = JEPA(config)
    model.to_empty(device="cpu")
    load_named(model, path, published_name)
    return model.eval()


def load_published_encoder(path: Path, config: JEPAConfig = JEPAConfig()) -> Encoder:
    """The student alone, which is all that public checkpoints hold beside their epoch.

    Its names may begin with `encoder.` or not; teacher and predictor are left alone.

    Raises
    ------
    ModelError
        The file is missing or damaged, or its tensors are not those of the configuration.
    """
    with torch.device("meta"):
        encoder = Encoder(config)
    encoder.to_empty(device="cpu")

    def name(published: str) -> str | None:
        if published == "epoch" or published.startswith(("target_encoder.", "predictor.")):
            return None
        return published_name(published).removeprefix("student.")

    load_named(encoder, path, name)
    return encoder.eval()


# --- what is read -------------------------------------------------------------------------


def prepare(
    signal: NDArray[np.floating],
    fs: float,
    leads: Sequence[str],
    *,
    wanted: Sequence[str] = LEADS,
    squeezed: bool = False,
    filtered: bool = False,
) -> NDArray[np.float32]:
    """The first ten seconds at 250 Hz, (n_wanted, 2500) mV, resampled by Fourier.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, NaN where missing
    fs : Hz
    leads : names of the signal's leads, in any order
    wanted : the leads that are read
    squeezed : takes the whole recording for ten seconds, as the authors do with CODE-15, whose
        recordings last 10.24 s: a heart then seems to beat 2.4 % faster
    filtered : 0.67 to 40 Hz alone, as for fine-tuning; Butterworth of order 5, both ways

    Raises
    ------
    SignalError
        A lead is not there, the recording is shorter, has gaps or begins with nothing but zeros.
    """
    if lacking := [lead for lead in wanted if lead not in leads]:
        raise SignalError(f"has no lead {', '.join(lacking)}")
    n_samples = signal.shape[1] if squeezed else round(_SECONDS * fs)
    if signal.shape[1] < round(_SECONDS * fs):
        raise SignalError(f"lasts {signal.shape[1] / fs:.4g} s, wanted at least {_SECONDS:g} s")
    rows = [list(leads).index(lead) for lead in wanted]
    read = np.asarray(signal, dtype=np.float64)[rows, :n_samples]
    if not np.isfinite(read).all():
        raise SignalError("samples are missing, wanted none missing")
    if not read[:, : max(round(_BLANK_S * fs), 1)].any():
        raise SignalError("all leads begin with zeros, wanted a signal from the first sample on")
    read = resample(read, N_SAMPLES, axis=1)
    if filtered:
        for edge, kind in zip(_BAND, ("highpass", "lowpass"), strict=True):
            sections = butter(5, edge, kind, fs=N_SAMPLES / _SECONDS, output="sos")
            read = sosfiltfilt(sections, read, axis=1)
    return read.astype(np.float32)


# --- how it learns ------------------------------------------------------------------------


def disagreement(
    model: JEPA, x: Tensor, masked: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """(B,) how far the prediction is from what the teacher says of the hidden times.

    Parameters
    ----------
    x : (B, 8, 2500) mV
    masked : (50,) bool, which times are hidden, the same for all
    generator : which paths are dropped, in training; otherwise torch's own stream says
    """
    with torch.no_grad():
        told = model.teacher(x, generator=generator).float()
        told = F.layer_norm(told, told.shape[-1:])
        told = told.reshape(len(x), len(LEADS), N_PATCHES, -1)[:, :, masked].flatten(1, 2)
    seen = model.student(x, visible=~masked, generator=generator)
    predicted = model.predictor(seen, masked).float()  # (B, 8 · n_masked, width)
    distance = _DISTANCES[model.config.distance](predicted, told, reduction="none")
    return distance.mean(dim=(1, 2))


def objective(model: JEPA, x: Tensor, generator: torch.Generator) -> Tensor:
    """What training lowers, a scalar: the mean disagreement where a drawn mask hides `x`."""
    masked = MASKS[model.config.masks](generator).to(x.device)
    return disagreement(model, x, masked, generator).mean()


def momentum(step: int, steps: int) -> float:
    """How much of the teacher stays after a step, from 0: from 0.996 up to 1 along a line."""
    return 0.996 + (1.0 - 0.996) * step / steps


@torch.no_grad()
def update_teacher(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Let the teacher's parameters follow the student's: what stays is `momentum` of them."""
    for old, new in zip(teacher.parameters(), student.parameters(), strict=True):
        old.mul_(momentum).add_(new, alpha=1 - momentum)


def pretraining_schedule(config: JEPAConfig, per_epoch: int, *, epochs: int = 100) -> Schedule:
    """The published schedule, given the steps of an epoch; what is hidden decides how fast."""
    rate, batch = (5e-5, 64) if config.masks == "block" else (2.5e-5, 128)
    return Schedule(
        steps=epochs * per_epoch,
        batch=batch,
        learning_rate=rate,
        warm_up=5 * per_epoch,
        floor=1e-6,
        start=1e-6,
        weight_decay=0.05,
        clip=inf,
    )


# --- what it is good for ------------------------------------------------------------------


def represent(encoder: Encoder, x: Tensor, leads: Sequence[str] = LEADS) -> Tensor:
    """(B, width) the mean of all tokens of signals, (B, n_leads, 2500) mV, of the named leads."""
    encoder.eval()
    with torch.inference_mode():
        return encoder(x, leads).mean(dim=1)


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) cross-entropy: of findings that go together, labels (B, n_classes) of 0 and 1, the mean
    over them; of classes that exclude one another, labels (B,) int64.
    """
    if labels.ndim == 1:
        return F.cross_entropy(logits, labels, reduction="none")
    both = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    return both.mean(dim=1)


def fine_tuning_schedule(per_epoch: int, *, batch: int = 16, epochs: int = 10) -> Schedule:
    """The published schedule of training a `Classifier`, given the steps of an epoch."""
    return Schedule(
        steps=epochs * per_epoch,
        batch=batch,
        learning_rate=1e-4 * batch / 256,
        warm_up=3 * per_epoch,
        weight_decay=0.05,
        betas=(0.9, 0.95),
        clip=inf,
    )


_PROBE_BATCH = 16


def probe_schedule(per_epoch: int) -> Schedule:
    """The published schedule of a linear probe, given the steps of an epoch."""
    return Schedule(
        steps=10 * per_epoch,
        batch=_PROBE_BATCH,
        learning_rate=0.01,
        warm_up=10,
        floor=0.001,
        start=0.001,
        weight_decay=0.01,
        clip=inf,
    )


def probe(
    features: NDArray[np.float32],
    labels: NDArray[np.bool_] | NDArray[np.int64],
    subject: NDArray[np.generic],
    *,
    seed: int,
    held_back: float = 0.1,
) -> nn.Linear:
    """A linear probe: features (B, width) → logits (B, n_classes).

    Parameters
    ----------
    features : (n, width) of `represent`
    labels : (n, n_classes) bool, findings that go together, or (n,) int64, classes that exclude
        one another
    subject : (n,) whose record it is
    held_back : share of the people who are not trained on, but decide which epoch is the best; at
        0 there are none and the last epoch is kept, as published

    Raises
    ------
    EvidenceError
        There are too few people to hold some back and to train on others.
    """
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    rng = stream(seed, "jepa/probe")
    with fork_rng(rng):
        n_classes = int(labels.max()) + 1 if labels.ndim == 1 else labels.shape[1]
        linear = nn.Linear(features.shape[1], n_classes)
    people, person, records = np.unique(subject, return_inverse=True, return_counts=True)
    n_held = int(np.ceil(held_back * len(people)))
    if n_held >= len(people):
        raise EvidenceError(f"{len(people)} people, {n_held} of them held back: none is left")
    held = np.isin(person, rng.permutation(len(people))[:n_held])
    # A person counts once, however many records there are of them.
    weight = torch.from_numpy(1 / records[person[held]])
    per_epoch = -(-int((~held).sum()) // _PROBE_BATCH)

    def loss() -> float:
        return float((weight * classification_loss(linear(x[held]), y[held])).sum())

    fit(
        linear,
        lambda rows, generator: classification_loss(linear(x[rows]), y[rows]).mean(),
        np.flatnonzero(~held),
        probe_schedule(per_epoch),
        seed=seed,
        name="jepa/probe",
        validate=Validation(loss, per_epoch) if n_held else None,
    )
    return linear

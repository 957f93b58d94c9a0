"""CardioNets: an ECG read with the eyes of a cardiac MRI (CMR).

Ding et al., *Generating Cardiac Magnetic Resonance Images from Electrocardiograms* (NEJM AI, 2026;
arXiv 2411.13602). A transformer reads the ECG, another reads a cine of the beating heart, and the
two are taught to agree on who belongs to whom. From the aligned ECG follow 82 measurements of the
heart and, in `mar.py`, the cine itself. All that is written here is our own.

The paper weighs a pair of strangers by how much their hearts' phenotypes differ; the released
script takes 128 principal components of the CMR's class token for them. Here they are an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal as dsp
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import SignalError
from auditor.core.record import STANDARD_LEADS
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.published import load_named

#: What the ECG encoder reads, Hz.
FS = 250
#: Where a test recording is cropped, in samples at `FS`.
CROPS = (0, 125, 250)
#: Volumes and function 24, wall thickness 17, strain 17 around, 17 across and 7 along the heart.
N_PHENOTYPES = 82

_CROP = 2250
_HIGH_PASS = dsp.butter(5, 0.67, "highpass", fs=FS, output="sos")
_LOW_PASS = dsp.butter(5, 40.0, "lowpass", fs=FS, output="sos")
#: Soft positives that a record gets which has nobody near it.
_NEAREST = 10

#: Pixels of a cine's side that a small network is shown: the VAE's time grows with their square.
SMALL_CINE = 32


@dataclass(frozen=True)
class CardioNetsConfig:
    """The shapes of both encoders, of what is read off them and of their fusion.

    Attributes
    ----------
    n_samples, patch : ECG window and the part of one lead that is a token, samples at 250 Hz
    frames, size, cmr_patch : of the cine, whose frames are channels; pixels
    width, depth, heads, mlp_ratio : of either encoder
    out : of the embedding in which the two agree; 0 compares the encoders' outputs themselves
    n_classes, fusion_heads : of the fusion
    """

    n_samples: int = _CROP
    patch: int = 75
    frames: int = 50
    size: int = 96
    cmr_patch: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: int = 4
    out: int = 256
    n_classes: int = 8
    fusion_heads: int = 8

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < (name != "out"):
                raise ValueError(f"{name} is {value}, wanted at least {int(name != 'out')}")
        for whole, part in (
            ("n_samples", "patch"),
            ("size", "cmr_patch"),
            ("width", "heads"),
            ("width", "fusion_heads"),
        ):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(f"{whole} is no multiple of {part}")

    @classmethod
    def small(cls) -> CardioNetsConfig:
        """A size that trains on a CPU in minutes."""
        return cls(width=64, depth=2, heads=4, mlp_ratio=2, out=32)

    @property
    def n_patches(self) -> int:
        """Tokens per lead, without the two separators."""
        return self.n_samples // self.patch


class Published(nn.Module):
    """A module, made of a configuration, that can be filled from its authors' file."""

    #: Before its tensors' names, where a file holds several modules.
    prefix: ClassVar[str]

    @staticmethod
    def renamed(published: str) -> str | None:
        """What the authors' tensor is called in the module; None where it has no place."""
        return published


@ARCHITECTURES.register("cardionets-ecg")
class EcgEncoder(Published):
    """Crops (B, 12, n_samples) of `preprocess` → (B, out) embedding.

    The layout of ST-MEM (Na et al., ICLR 2024): every lead is its own sentence, begun and ended
    by a separator, and one transformer reads all twelve.
    """

    prefix: ClassVar[str] = "ecg"

    def __init__(self, config: CardioNetsConfig = CardioNetsConfig()) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.patches = nn.Sequential(
            nn.LayerNorm(config.patch), nn.Linear(config.patch, width), nn.LayerNorm(width)
        )
        self.positions = nn.Parameter(torch.zeros(1, config.n_patches + 2, width))
        self.separator = nn.Parameter(torch.zeros(width))
        self.leads = nn.ParameterList(torch.zeros(width) for _ in STANDARD_LEADS)
        self.blocks = _blocks(config, eps=1e-5)
        self.norm = nn.LayerNorm(width)
        self.head = _head(config)
        _initialise(self, self.positions, self.separator, *self.leads)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out), or (B, width) where the model has no head."""
        embedding: Tensor = self.head(self.pooled(x))
        return embedding

    def pooled(self, x: Tensor) -> Tensor:
        """(B, width): the mean token, normalised."""
        mean: Tensor = self.norm(self.tokens(x).mean(dim=(1, 2)))
        return mean

    def tokens(self, x: Tensor) -> Tensor:
        """(B, 12, n_patches, width), not normalised yet."""
        tokens = self.sentences(x)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens.reshape(len(x), len(self.leads), -1, tokens.shape[-1])[:, :, 1:-1]

    def sentences(self, x: Tensor) -> Tensor:
        """What the transformer reads, (B, 12 · (n_patches + 2), width)."""
        wanted = (len(self.leads), self.config.n_samples)
        if x.shape[1:] != wanted:
            raise ValueError(f"crops are {tuple(x.shape)}, wanted (B, {wanted[0]}, {wanted[1]})")
        patches = self.patches(x.reshape(*x.shape[:2], -1, self.config.patch))
        mark = self.separator.expand(*patches.shape[:2], 1, -1)
        marked = torch.cat([mark, patches, mark], dim=2) + self.positions
        return (marked + torch.stack(list(self.leads))[:, None]).flatten(1, 2)

    def of_crops(self, crops: Tensor) -> Tensor:
        """(B, out): the mean embedding of several crops of each record, (B, n_crops, 12, …)."""
        embeddings: Tensor = self(crops.flatten(0, 1))
        return embeddings.reshape(*crops.shape[:2], -1).mean(dim=1)

    @staticmethod
    def renamed(published: str) -> str:
        """What the authors' tensor is called here."""
        for pattern, mine in (
            (r"^pos_embedding$", "positions"),
            (r"^sep_embedding$", "separator"),
            (r"^to_patch_embedding\.1", "patches.0"),
            (r"^to_patch_embedding\.2", "patches.1"),
            (r"^to_patch_embedding\.3", "patches.2"),
            (r"^lead_embeddings", "leads"),
            (r"^block(\d+)", r"blocks.\1"),
            (r"attn\.norm", "norm1"),
            (r"ff\.norm", "norm2"),
            (r"attn\.fn\.to_qkv", "attn.qkv"),
            (r"attn\.fn\.to_out\.0", "attn.proj"),
            (r"ff\.fn\.net\.0", "mlp.fc1"),
            (r"ff\.fn\.net\.3", "mlp.fc2"),
        ):
            published = re.sub(pattern, mine, published)
        return published


class MaskedEcg(nn.Module):
    """An ECG encoder and what it is trained with first: a guess of the patches it is not shown.

    As in ST-MEM three patches of four are hidden in every lead, the encoder reads what is left of
    all leads together, and a small decoder restores one lead at a time.
    """

    def __init__(self, ecg: EcgEncoder) -> None:
        super().__init__()
        self.ecg = ecg
        width, narrow = ecg.config.width, max(ecg.config.width // 3, 4) // 4 * 4
        self.bridge = nn.Linear(width, narrow)
        self.hidden = nn.Parameter(torch.zeros(narrow))
        self.positions = nn.Parameter(torch.zeros(ecg.config.n_patches, narrow))
        self.blocks = nn.Sequential(*(Block(narrow, 4, qkv_bias=True) for _ in range(4)))
        self.norm = nn.LayerNorm(narrow)
        self.guess = nn.Linear(narrow, ecg.config.patch)
        nn.init.trunc_normal_(self.hidden, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """A guess of every patch, (B, 12, n_patches, patch).

        Parameters
        ----------
        x : (B, 12, n_samples) crops
        seen : (B, 12, n_seen) the numbers of the patches that are shown
        """
        n, leads, n_seen = seen.shape
        config = self.ecg.config
        sentences = self.ecg.sentences(x).reshape(n, leads, -1, config.width)
        ends = [torch.full_like(seen[..., :1], place) for place in (0, config.n_patches + 1)]
        shown = torch.cat([ends[0], seen + 1, ends[1]], dim=2)[..., None]
        tokens = sentences.gather(2, shown.expand(-1, -1, -1, config.width)).flatten(1, 2)
        for block in self.ecg.blocks:
            tokens = block(tokens)
        read = tokens.reshape(n, leads, n_seen + 2, -1)[:, :, 1:-1]
        known = self.bridge(self.ecg.norm(read))
        places = seen[..., None].expand_as(known)
        filled = self.hidden.expand(n, leads, config.n_patches, -1).to(known.dtype)
        filled = filled.scatter(2, places, known) + self.positions
        guess: Tensor = self.guess(self.norm(self.blocks(filled.flatten(0, 1))))
        return guess.reshape(n, leads, config.n_patches, -1)


def masked_loss(
    model: MaskedEcg, crops: Tensor, generator: torch.Generator, *, hidden: float = 0.75
) -> Tensor:
    """The mean squared error of the guessed patches, of the share `hidden` of every lead."""
    n, leads, _ = crops.shape
    n_patches, patch = model.ecg.config.n_patches, model.ecg.config.patch
    chance = torch.rand(n, leads, n_patches, generator=generator, device=generator.device)
    order = chance.argsort(dim=2).to(crops.device)
    n_seen = n_patches - round(hidden * n_patches)
    seen, unseen = order[..., :n_seen], order[..., n_seen:]
    unseen = unseen[..., None].expand(-1, -1, -1, patch)
    truth = crops.reshape(n, leads, n_patches, patch)
    return F.mse_loss(model(crops, seen).gather(2, unseen), truth.gather(2, unseen))


@ARCHITECTURES.register("cardionets-cmr")
class CmrEncoder(Published):
    """Cines (B, frames, size, size) of `preprocess_cine` → (B, out) embedding.

    A vision transformer that takes the frames for the colours of one picture. The head reads the
    class token as it leaves the last block: `norm` is there for the token sequence alone.
    """

    prefix: ClassVar[str] = "cmr"

    def __init__(self, config: CardioNetsConfig = CardioNetsConfig()) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.cmr_patch
        self.patches = nn.Conv2d(config.frames, width, patch, stride=patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + (config.size // patch) ** 2, width))
        self.blocks = _blocks(config, eps=1e-6)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = _head(config)
        _initialise(self, self.cls, self.positions)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out), or (B, width) where the model has no head."""
        embedding: Tensor = self.head(self.tokens(x)[:, 0])
        return embedding

    def tokens(self, x: Tensor) -> Tensor:
        """(B, 1 + n_patches, width), the class token first, not normalised."""
        wanted = (self.config.frames, self.config.size, self.config.size)
        if x.shape[1:] != wanted:
            raise ValueError(f"cines are {tuple(x.shape)}, wanted (B, *{wanted})")
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), patches], dim=1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    @staticmethod
    def renamed(published: str) -> str:
        """What the authors' tensor is called here."""
        names = {"cls_token": "cls", "pos_embed": "positions"}
        return names.get(published, published.replace("patch_embed.proj", "patches"))


class PhenotypeHead(Published):
    """Pooled ECG tokens (B, width) → (B, 82) standardised phenotypes."""

    prefix: ClassVar[str] = "phenotypes"

    def __init__(self, config: CardioNetsConfig = CardioNetsConfig()) -> None:
        super().__init__()
        sizes = (config.width, 256, 128)
        hidden = [
            layer
            for n_in, n_out in pairwise(sizes)
            for layer in (nn.Linear(n_in, n_out), nn.GELU())
        ]
        self.head = nn.Sequential(*hidden, nn.Linear(sizes[-1], N_PHENOTYPES))

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, 82)."""
        phenotypes: Tensor = self.head(pooled)
        return phenotypes


class BlockFusion(Published):
    """ECG tokens (B, 12, n, width) and CMR tokens (B, m, width) → (B, n_classes) logits.

    Four transformer blocks read the tokens of both, those of the ECG averaged over the leads. The
    cine may be a generated one: then the ECG alone is needed.
    """

    prefix: ClassVar[str] = "fusion"

    def __init__(self, config: CardioNetsConfig = CardioNetsConfig()) -> None:
        super().__init__()
        width, depth, drop = config.width, 4, 0.1
        self.blocks = nn.Sequential(
            *(
                Block(
                    width,
                    config.fusion_heads,
                    qkv_bias=True,
                    proj_drop=drop,
                    attn_drop=drop,
                    drop_path=drop * number / (depth - 1),
                    norm_layer=nn.LayerNorm,
                )
                for number in range(depth)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.n_classes)

    def forward(self, ecg: Tensor, cmr: Tensor) -> Tensor:
        """(B, n_classes)."""
        tokens = self.blocks(torch.cat([ecg.mean(dim=1), cmr], dim=1))
        logits: Tensor = self.head(self.norm(tokens.mean(dim=1)))
        return logits

    @staticmethod
    def renamed(published: str) -> str | None:
        """What the authors' tensor is called here; the same file holds the gate."""
        return None if published.startswith("gate.") else published


class GatedFusion(Published):
    """The cheaper `BlockFusion`: the mean ECG token and the CMR's class token through one layer."""

    prefix: ClassVar[str] = "fusion"

    def __init__(self, config: CardioNetsConfig = CardioNetsConfig()) -> None:
        super().__init__()
        width = config.width
        self.gate = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.n_classes)

    def forward(self, ecg: Tensor, cmr: Tensor) -> Tensor:
        """(B, n_classes)."""
        both = torch.cat([ecg.mean(dim=(1, 2)), cmr[:, 0]], dim=1)
        logits: Tensor = self.head(self.norm(self.gate(both)))
        return logits

    @staticmethod
    def renamed(published: str) -> str | None:
        """What the authors' tensor is called here; the same file holds the blocks."""
        return None if published.startswith("blocks.") else published


def _blocks(config: CardioNetsConfig, eps: float) -> nn.ModuleList:
    return nn.ModuleList(
        Block(
            config.width,
            config.heads,
            config.mlp_ratio,
            qkv_bias=True,
            norm_layer=partial(nn.LayerNorm, eps=eps),
        )
        for _ in range(config.depth)
    )


def _head(config: CardioNetsConfig) -> nn.Module:
    return nn.Linear(config.width, config.out) if config.out else nn.Identity()


def _initialise(module: nn.Module, *tables: Tensor) -> None:
    for one in module.modules():
        if isinstance(one, nn.Linear):
            nn.init.trunc_normal_(one.weight, std=0.02)
            nn.init.zeros_(one.bias)
    for table in tables:
        nn.init.trunc_normal_(table, std=0.02)


M = TypeVar("M", bound=Published)
_PREFIXES = ("ecg", "cmr", "phenotypes", "fusion", "mar", "vae")


def load_published(path: Path, config: Any, kind: type[M]) -> M:
    """One module with the weights that its authors published, ready to be asked.

    Parameters
    ----------
    path : a `.safetensors` of this module alone, or of several, each name after its `prefix`
    kind : such as `EcgEncoder`, or `Generator` of `mar.py`

    Raises
    ------
    ModelError
        The file is missing or damaged, or its tensors are not those of this configuration.
    """

    def name(published: str) -> str | None:
        prefix, _, rest = published.partition(".")
        if prefix not in _PREFIXES:
            return kind.renamed(published)
        return kind.renamed(rest) if prefix == kind.prefix else None

    module = kind(config)
    load_named(module, path, name)
    return module.eval()


def phenotypes(columns: Iterable[str]) -> list[str]:
    """The columns of a table of visits that hold phenotypes."""
    return [one for one in columns if one.startswith("phenotype")]


def preprocess(
    signal: NDArray[np.floating],
    fs: float,
    leads: Sequence[str],
    starts: Sequence[int] = CROPS,
) -> NDArray[np.float32]:
    """What the ECG encoder reads of a recording.

    To 250 Hz, cropped to 9 s, only then filtered to 0.67–40 Hz (Butterworth of order 5 either way,
    forwards and backwards), and standardised over leads and time together.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV; what is missing counts as 0
    leads : names of the rows; the twelve standard ones are picked in the standard order
    starts : of the crops, samples at 250 Hz; training draws one, a test takes `CROPS`

    Returns
    -------
    (len(starts), 12, 2250)

    Raises
    ------
    SignalError
        A lead is missing, or the recording is too short.
    """
    missing = [lead for lead in STANDARD_LEADS if lead not in leads]
    if missing:
        raise SignalError(f"no lead {', '.join(missing)}, wanted the twelve standard leads")
    n_samples = round(signal.shape[1] * FS / fs)
    if n_samples < max(starts) + _CROP:
        raise SignalError(
            f"{signal.shape[1] / fs:.4g} s long, wanted {(max(starts) + _CROP) / FS:g} s"
        )
    rows = np.nan_to_num(signal[[list(leads).index(lead) for lead in STANDARD_LEADS]], copy=True)
    resampled = dsp.resample(rows.astype(np.float64), n_samples, axis=1)
    crops = np.stack([resampled[:, start : start + _CROP] for start in starts])
    filtered = dsp.sosfiltfilt(_LOW_PASS, dsp.sosfiltfilt(_HIGH_PASS, crops))
    spread = filtered.std(axis=(1, 2), keepdims=True)
    centred = filtered - filtered.mean(axis=(1, 2), keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0).astype("f4")


def preprocess_cine(cine: NDArray[np.uint8], largest: int | None = None) -> NDArray[np.float32]:
    """Grey levels 0…255, (…, frames, size, size), as −1…1.

    Parameters
    ----------
    largest : pixels to which the sides of larger ones are reduced
    """
    if cine.dtype != np.uint8:
        raise ValueError(f"cine is {cine.dtype}, wanted uint8")
    grey = (cine / np.float32(127.5) - 1).astype(np.float32)
    if largest is None or grey.shape[-1] <= largest:
        return grey
    films = torch.from_numpy(grey.reshape(-1, *grey.shape[-3:]))
    sized = F.interpolate(films, (largest, largest), mode="bilinear", antialias=True)
    return np.asarray(sized.numpy().reshape(*grey.shape[:-2], largest, largest))


def repulsion(phi: Tensor, sigma: float = 0.5) -> Tensor:
    """How much two records are negatives of one another, (B, B), 0 … 1: 1 − exp(−d² / σ²).

    Parameters
    ----------
    phi : (B, d) what makes two hearts alike; a record is no negative of itself
    """
    weights = 1 - torch.exp(-(_distances(phi) ** 2) / sigma**2)
    return weights.fill_diagonal_(0)


def info_nce(
    a: Tensor, b: Tensor, *, temperature: float = 0.05, weights: Tensor | None = None
) -> Tensor:
    """How far the embeddings of a are from picking their partner in b: a mean over the rows.

    The softmax over cosines of van den Oord et al. (arXiv 1807.03748), where a negative counts as
    much as `weights` (B, B) says, by default wholly.
    """
    logits = _cosines(a, b) / temperature
    if weights is not None:
        own = torch.eye(len(a), dtype=torch.bool, device=a.device)
        logits = logits + weights.masked_fill(own, 1).log()
    return F.cross_entropy(logits, torch.arange(len(a), device=a.device))


def soft_positives(
    a: Tensor, b: Tensor, phi: Tensor, *, temperature: float = 0.05, radius: float = 0.9
) -> Tensor:
    """How far the embeddings of a are from those of b whose hearts are alike: a mean over rows.

    Supervised contrast (Khosla et al., NeurIPS 2020) with those nearer than `radius` in `phi` as
    positives, or the ten nearest where nobody is. The true pair is left out of it altogether.
    """
    own = torch.eye(len(a), dtype=torch.bool, device=a.device)
    distances = _distances(phi).masked_fill(own, torch.inf)
    near = distances < radius
    nearest = distances.topk(min(_NEAREST, len(a) - 1), largest=False).indices
    fallback = torch.zeros_like(near).scatter(1, nearest, True)
    near = torch.where(near.any(dim=1, keepdim=True), near, fallback)
    logits = (_cosines(a, b) / temperature).masked_fill(own, -torch.inf)
    log_share = logits.log_softmax(dim=1).masked_fill(~near, 0)
    return -(log_share.sum(dim=1) / near.sum(dim=1)).mean()


def alignment_loss(
    ecg: EcgEncoder,
    cmr: CmrEncoder,
    crops: Tensor,
    cines: Tensor,
    phi: Tensor | None = None,
    *,
    temperature: float = 0.05,
    sigma: float = 0.5,
    soft: bool = False,
) -> Tensor:
    """The mean over both directions of `info_nce`; the CMR's backbone is frozen, its head learns.

    Parameters
    ----------
    crops, cines : one of each per person, in the same order
    phi : (B, d) weighs negatives by `repulsion`; None is the plain objective
    soft : adds `soft_positives`, which the released model was trained without
    """
    with torch.no_grad():
        tokens = cmr.tokens(cines)[:, 0]
    a, b = ecg(crops), cmr.head(tokens)
    weights = None if phi is None else repulsion(phi, sigma)
    # Symmetric, so that one matrix of weights serves both directions.
    total = torch.stack(
        [info_nce(*pair, temperature=temperature, weights=weights) for pair in ((a, b), (b, a))]
    ).mean()
    if soft:
        if phi is None:
            raise ValueError("soft positives are the near ones in phi, and there is none")
        total = (
            total
            + torch.stack(
                [soft_positives(*pair, phi, temperature=temperature) for pair in ((a, b), (b, a))]
            ).mean()
        )
    return total


def phenotype_loss(
    ecg: EcgEncoder, head: PhenotypeHead, crops: Tensor, phenotypes: Tensor
) -> Tensor:
    """The mean squared error over the phenotypes (B, 82) that are known; NaN is unknown."""
    known = phenotypes.isfinite()
    error = head(ecg.pooled(crops)) - torch.where(known, phenotypes, 0)
    return (error**2 * known).sum() / known.sum().clamp(min=1)


def _cosines(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a) @ F.normalize(b).T


def _distances(phi: Tensor) -> Tensor:
    """(B, B) Euclidean, exact for near ones too."""
    return torch.cdist(phi, phi, compute_mode="donot_use_mm_for_euclid_dist")

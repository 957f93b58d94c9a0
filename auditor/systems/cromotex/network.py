"""CroMoTEX: an ECG encoder taught what a chest radiograph of the same stay shows.

Punyamoorty, Malusare and Aggarwal (arXiv 2506.19329). Four stages: a radiograph classifier, ECG
against its own altered views (Gopal et al., *3KG*, ML4H 2021; Chen et al., *SimCLR*, ICML 2020),
ECG against radiographs, and an ECG classifier that needs no radiograph any more. One model serves
all but the first, with the parts that a stage has; `CroMoTEX.start_from` hands them on. Where
the released code does something else than the paper says, the paper holds and a switch, named
after the fault, brings the code's numbers back. Two faults are the caller's to repeat: not to hand
the first stage's image encoder on, and to fine-tune the ECG encoder alone, below a random head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import cos, pi
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import resample_poly
from sklearn.metrics import roc_auc_score
from timm.models.densenet import DenseNet
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import SignalError
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.published import load_named

#: The order of the input's leads, that of MIMIC-IV-ECG: aVF stands before aVL.
LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
#: The input's sampling frequency, Hz, and length: ten seconds.
FS, N_SAMPLES = 100, 1000
#: Tokens of a recording, without CLS.
N_TOKENS = 196
#: What of a `CroMoTEX` each stage trains.
STAGES = {
    "pretrain": ("ecg", "project_ecg"),
    "align": ("ecg", "project_ecg", "project_image"),
    "fine_tune": ("ecg", "head"),
}

#: Windows of the two medians that make the baseline, samples.
_BASELINE = (21, 61)
#: Grey values of radiographs lie within plus and minus this.
_GREY = 1024.0


# --- from recordings to inputs ------------------------------------------------------------


def prepare(signal: NDArray[np.floating], fs: float, leads: Sequence[str]) -> NDArray[np.float32]:
    """The first ten seconds without their baseline, each lead scaled from −1 to 1.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV, NaN where missing, which becomes 0
    fs : Hz
    leads : (n_leads,) names

    Returns
    -------
    (12, 1000) in the order of `LEADS`; a flat lead is −1

    Raises
    ------
    SignalError
        A lead is absent, or the recording is too short.
    """
    absent = [lead for lead in LEADS if lead not in leads]
    if absent:
        raise SignalError(f"holds no lead {', '.join(absent)}, wanted all twelve")
    n_samples = round(N_SAMPLES / FS * fs)
    if signal.shape[1] < n_samples:
        raise SignalError(
            f"lasts {signal.shape[1] / fs:.3g} s, wanted at least {N_SAMPLES / FS:.3g} s"
        )
    ratio = Fraction(FS / fs).limit_denominator(1000)
    raw = np.nan_to_num(signal[[leads.index(lead) for lead in LEADS], :n_samples].astype(float))
    z = resample_poly(raw, ratio.numerator, ratio.denominator, axis=1)[:, :N_SAMPLES]
    z = z - baseline(z)
    low, high = z.min(axis=1, keepdims=True), z.max(axis=1, keepdims=True)
    spread = np.where(high > low, high - low, 1)
    return np.asarray(2 * (z - low) / spread - 1, dtype=np.float32)


def baseline(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of leads (n_leads, n_samples) at 100 Hz by a median over 0.2 s, then 0.6 s."""
    for width in _BASELINE:
        z = median_filter(z, size=(1, width), mode="constant")
    return z


def prepare_image(grey: NDArray[np.floating], side: int = 224) -> NDArray[np.float32]:
    """The middle square of a radiograph (height, width), grey from 0 to 1, as (1, side, side)
    within ±1024.
    """
    height, width = grey.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = torch.from_numpy(grey[top : top + edge, left : left + edge].astype(np.float32))
    sized = F.interpolate(square[None, None], (side, side), mode="bilinear", antialias=True)
    return np.asarray((2 * sized[0] - 1) * _GREY)


# --- altered views ------------------------------------------------------------------------

#: Leads that are independent of each other, and their inverse Dower transform to x, y, z:
#: Edenbrandt and Pahlm, Journal of Electrocardiology 21 (1988).
_INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_DOWER = np.array(
    [
        [0.156, -0.009, -0.172, -0.073, 0.122, 0.231, 0.239, 0.193],
        [-0.227, 0.886, 0.057, -0.019, -0.106, -0.022, 0.040, 0.048],
        [0.021, 0.102, -0.228, -0.310, -0.245, -0.063, 0.054, 0.108],
    ]
)
#: The twelve leads from the eight, by Einthoven and Goldberger.
_LIMBS = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}


def _derivation() -> NDArray[np.float64]:
    """(12, 8) which makes `LEADS` of `_INDEPENDENT`."""
    rows = np.zeros((len(LEADS), len(_INDEPENDENT)))
    for row, lead in zip(rows, LEADS, strict=True):
        if lead in _LIMBS:
            row[:2] = _LIMBS[lead]
        else:
            row[_INDEPENDENT.index(lead)] = 1
    return rows


@dataclass(frozen=True, eq=False)
class View:
    """How ECGs are altered: the heart's vector turned, then stretched; a part of each lead lost.

    Attributes
    ----------
    angles : (B, 3) degrees about the fixed axes z, y, x, in that order
    scales : (B, 3) along x, y, z
    starts : (B, 12) first lost sample of each lead; a quarter of the samples is lost from there
        on, and past the last sample from the first on
    """

    angles: Tensor
    scales: Tensor
    starts: Tensor

    @classmethod
    def draw(cls, n: int, generator: torch.Generator) -> Self:
        """Angles within ±45°, scales from 1 to 1.5, starts anywhere."""
        device = generator.device
        return cls(
            90 * torch.rand((n, 3), generator=generator, device=device) - 45,
            1 + torch.rand((n, 3), generator=generator, device=device) / 2,
            torch.randint(N_SAMPLES, (n, len(LEADS)), generator=generator, device=device),
        )

    def __call__(self, ecg: Tensor, *, limbs_swapped: bool = False) -> Tensor:
        """Prepared ECGs (B, 12, n_samples), altered; they may leave ±1."""
        return self.masked(self.turned(ecg, limbs_swapped=limbs_swapped))

    def turned(self, ecg: Tensor, *, limbs_swapped: bool = False) -> Tensor:
        """ECGs seen from elsewhere, nothing lost.

        Parameters
        ----------
        limbs_swapped : the released code's fault, which writes aVL to aVF's place and aVF to aVL's
        """
        dower, back, derivation = (
            torch.as_tensor(one, dtype=ecg.dtype, device=ecg.device)
            for one in (_DOWER, np.linalg.pinv(_DOWER), _derivation())
        )
        turn = self.scales.to(ecg)[:, :, None] * _rotation(self.angles.to(ecg))
        eight = ecg[:, [LEADS.index(lead) for lead in _INDEPENDENT]]
        turned: Tensor = derivation @ back @ turn @ dower @ eight
        if limbs_swapped:
            turned = turned[:, [0, 1, 2, 3, 5, 4, *range(6, len(LEADS))]]
        return turned

    def masked(self, ecg: Tensor) -> Tensor:
        """ECGs whose lost samples are 0."""
        n_samples = ecg.shape[-1]
        after = torch.arange(n_samples, device=ecg.device) - self.starts.to(ecg.device)[..., None]
        return ecg.masked_fill(after % n_samples < n_samples // 4, 0.0)


def _rotation(degrees: Tensor) -> Tensor:
    """(B, 3, 3) of angles (B, 3) about the fixed axes z, y, x, in that order."""
    z, y, x = torch.deg2rad(degrees).unbind(-1)
    return _about(0, x) @ _about(1, y) @ _about(2, z)


def _about(axis: int, angle: Tensor) -> Tensor:
    turn = torch.zeros((*angle.shape, 3, 3), dtype=angle.dtype, device=angle.device)
    one, other = (axis + 1) % 3, (axis + 2) % 3
    turn[..., axis, axis] = 1
    turn[..., one, one] = turn[..., other, other] = angle.cos()
    turn[..., other, one] = angle.sin()
    turn[..., one, other] = -angle.sin()
    return turn


# --- the model ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageConfig:
    """The shape of a DenseNet-BC (Huang et al., CVPR 2017); as published, DenseNet-121."""

    growth: int = 32
    blocks: tuple[int, ...] = (6, 12, 24, 16)
    bottleneck: int = 4
    side: int = 224


@dataclass(frozen=True)
class CroMoTEXConfig:
    """The shape of a `CroMoTEX`.

    Attributes
    ----------
    hidden : channels of the first convolution
    width, projection : of the ECG's embedding, and of what is compared with radiographs
    image : None where there are no radiographs: in the second stage and the last
    head : whether there is a classifier of ECGs: in the last stage
    batch_statistics : the released code's fault: a frozen image encoder keeps normalising by its
        batch in training, and its running statistics drift
    """

    hidden: int = 128
    width: int = 256
    projection: int = 256
    heads: int = 4
    layers: int = 4
    feed_forward: int = 2048
    dropout: float = 0.1
    head_width: int = 256
    head_layers: int = 4
    image: ImageConfig | None = field(default_factory=ImageConfig)
    head: bool = False
    batch_statistics: bool = False

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} is not {self.heads} whole heads")

    @classmethod
    def small(cls) -> Self:
        """One that trains on a CPU in minutes."""
        image = ImageConfig(growth=8, blocks=(2, 2, 2, 2), bottleneck=2, side=64)
        return cls(
            *(16, 32, 24),
            heads=2,
            layers=2,
            feed_forward=64,
            dropout=0.0,
            head_width=16,
            image=image,
        )


class Output(NamedTuple):
    """What is made of a batch of ECGs.

    Attributes
    ----------
    embedding : (B, width) of length 1
    projection : (B, projection) of length 1, compared with those of radiographs
    logit : (B,) of having the finding; None where the model has no head
    """

    embedding: Tensor
    projection: Tensor
    logit: Tensor | None


class ECGEncoder(nn.Module):
    """Prepared ECGs (B, 12, 1000) → (B, width), the mean of all tokens."""

    def __init__(self, config: CroMoTEXConfig) -> None:
        super().__init__()
        hidden, width = config.hidden, config.width
        self.patches = nn.Sequential(
            *(nn.Conv1d(len(LEADS), hidden, 5, stride=5), nn.ReLU(), nn.BatchNorm1d(hidden)),
            *(nn.Conv1d(hidden, width, 5), nn.ReLU(), nn.BatchNorm1d(width)),
        )
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + N_TOKENS, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.heads, config.feed_forward, config.dropout, batch_first=True
            )
            for _ in range(config.layers)
        )
        for parameter in (self.cls, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)

    def placed(self, ecg: Tensor) -> Tensor:
        """(B, 197, width) CLS and a token for each 50 ms, with their positions."""
        if ecg.shape[1:] != (len(LEADS), N_SAMPLES):
            raise ValueError(f"ECGs are {tuple(ecg.shape)}, wanted (B, {len(LEADS)}, {N_SAMPLES})")
        patches = self.patches(ecg).transpose(1, 2)  # (B, 196, width)
        return torch.cat([self.cls.expand(len(ecg), -1, -1), patches], dim=1) + self.positions

    def tokens(self, ecg: Tensor) -> Tensor:
        """(B, 197, width) after the last layer."""
        tokens = self.placed(ecg)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens

    def forward(self, ecg: Tensor) -> Tensor:
        """(B, width) the mean of all tokens, CLS among them."""
        return self.tokens(ecg).mean(dim=1)


class ImageEncoder(nn.Module):
    """Prepared radiographs (B, 1, side, side) → (B, n_features)."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        network = DenseNet(
            growth_rate=config.growth,
            block_config=config.blocks,
            bn_size=config.bottleneck,
            in_chans=1,
            num_classes=0,
        )
        self.features = network.features
        self.features.norm5.act = nn.Identity()  # what is rectified is told apart from the map
        self.n_features = int(network.num_features)

    def forward(self, images: Tensor) -> Tensor:
        """(B, n_features) the means of the rectified maps."""
        return self.features(images).relu().mean(dim=(2, 3))


class ImageClassifier(nn.Module):
    """The first stage's model: radiographs (B, 1, side, side) → (B,) logits of the finding."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.image = ImageEncoder(config)
        self.finding = nn.Linear(self.image.n_features, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B,) logits."""
        logit: Tensor = self.finding(self.image(images)).squeeze(-1)
        return logit


@ARCHITECTURES.register("cromotex")
class CroMoTEX(nn.Module):
    """Prepared ECGs (B, 12, 1000) → `Output`; `project` reads radiographs."""

    def __init__(self, config: CroMoTEXConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg = ECGEncoder(config)
        self.project_ecg = nn.Linear(config.width, config.projection)
        #: No stage trains it; published weights have it, and a linear probe may.
        self.probe = nn.Linear(config.width, 1)
        self.image: ImageEncoder | None = None
        self.project_image: nn.Linear | None = None
        if config.image:
            self.image = ImageEncoder(config.image)
            self.project_image = nn.Linear(self.image.n_features, config.projection)
        self.head = _head(config) if config.head else None

    def forward(self, ecg: Tensor) -> Output:
        """What is made of prepared ECGs."""
        embedding = F.normalize(self.ecg(ecg))
        projection = F.normalize(self.project_ecg(embedding))
        logit = None if self.head is None else self.head(embedding).squeeze(-1)
        return Output(embedding, projection, logit)

    def project(self, images: Tensor) -> Tensor:
        """(B, projection) of length 1, of prepared radiographs (B, 1, side, side)."""
        if self.image is None or self.project_image is None:
            raise ValueError("this model reads no radiographs")
        return F.normalize(self.project_image(self.image(images)))

    def only(self, *parts: str) -> None:
        """Train these parts, and freeze the others; see `STAGES`."""
        for name, part in self.named_children():
            part.requires_grad_(name in parts)

    def train(self, mode: bool = True) -> Self:
        """As of any module; but a frozen image encoder stays as it was when it learned."""
        super().train(mode)
        if self.image is not None and not self.config.batch_statistics:
            learns = any(one.requires_grad for one in self.image.parameters())
            self.image.train(mode and learns)
        return self

    def start_from(self, earlier: CroMoTEX | ImageClassifier) -> None:
        """Take over the parts that an earlier stage learned and that this model has too."""
        own = dict(self.named_children())
        for name, part in earlier.named_children():
            if name in own:
                own[name].load_state_dict(part.state_dict())


def _head(config: CroMoTEXConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = config.width
    for _ in range(config.head_layers - 1):
        layers += [nn.Linear(width, config.head_width), nn.LayerNorm(config.head_width)]
        layers += [nn.GELU(), nn.Dropout(config.dropout)]
        width = config.head_width
    return nn.Sequential(*layers, nn.Linear(width, 1))


#: How a published tensor's name starts, and how ours does; None where no tensor of ours is meant.
_NAMES = {
    "timeseries_encoder.encoder_layer.": None,  # a template that four layers were copied from
    "timeseries_encoder.classifier.": "probe.",
    "timeseries_encoder.patch_embed.conv1.0.": "ecg.patches.0.",
    "timeseries_encoder.patch_embed.conv1.2.": "ecg.patches.2.",
    "timeseries_encoder.patch_embed.conv2.0.": "ecg.patches.3.",
    "timeseries_encoder.patch_embed.conv2.2.": "ecg.patches.5.",
    "timeseries_encoder.transformer_encoder.layers.": "ecg.layers.",
    "timeseries_encoder.cls_token": "ecg.cls",
    "timeseries_encoder.positional_embedding": "ecg.positions",
    "ts_proj_linear.": "project_ecg.",
    "img_proj_linear.": "project_image.",
    "image_encoder.": "image.features.",
    "classif_head.mlp.": "head.",
}


def own_name(published: str) -> str | None:
    """What the authors' tensor is called here; None where there is no such tensor."""
    for start, own in _NAMES.items():
        if published.startswith(start):
            return None if own is None else own + published.removeprefix(start)
    return published


def load_published(path: Path, config: CroMoTEXConfig) -> CroMoTEX:
    """A model in evaluation mode with the authors' weights, from a `.safetensors`.

    Raises
    ------
    ModelError
        The file is missing or damaged, or its tensors are not those of such a model.
    """
    model = CroMoTEX(config)
    load_named(model, path, own_name)
    return model.eval()


# --- what is learned ----------------------------------------------------------------------


@dataclass(frozen=True)
class Contrast:
    """How ECGs and radiographs are held against each other.

    Attributes
    ----------
    weighting : how much more negatives that are alike count in the denominator: the `share` that
        is most alike `strength` times (topk), 1 to `strength` times, growing with similarity
        (linear), or 1 + exp(strength · similarity / temperature) times (exp)
    pair_weight : of the ECG and the radiograph of one stay, where equal labels weigh 1
    all_columns : the released code's fault, which weights positives in the denominator too; its
        linear factors can be negative
    floors : the released code adds 1e-6 to the denominator and 1e-8 inside the logarithm (there
        not without weighting), so that most pairs teach nothing
    """

    weighting: Literal["none", "topk", "linear", "exp"] = "topk"
    temperature: float = 0.01
    strength: float = 5.0
    share: float = 0.1
    pair_weight: float = 3.0
    all_columns: bool = False
    floors: bool = False

    def __post_init__(self) -> None:
        if self.temperature <= 0 or self.pair_weight < 0 or not 0 < self.share <= 1:
            raise ValueError(f"{self}, wanted a temperature, a weight and a share of 0 to 1")
        if self.weighting == "exp" and self.strength / self.temperature > 600:
            raise ValueError(f"exp({self.strength} / {self.temperature}) is past float64")

    def __call__(self, one: Tensor, other: Tensor, labels: Tensor) -> Tensor:
        """The loss of pairs (B, d), (B, d) with labels (B,): the mean both ways."""
        return (self.one_way(one, other, labels) + self.one_way(other, one, labels)) / 2

    def one_way(self, one: Tensor, other: Tensor, labels: Tensor) -> Tensor:
        """The loss of finding, for each of `one`, those of `other` with its label."""
        similarity = _similarity(one, other, self.temperature)
        same = labels[:, None] == labels
        weight = same.to(similarity)
        weight.fill_diagonal_(self.pair_weight)
        above = similarity - similarity.amax(dim=1, keepdim=True)
        denominator = (self.factors(similarity, ~same) * above.exp()).sum(dim=1, keepdim=True)
        if self.floors:
            denominator = denominator + 1e-6
        log_share = above - denominator.log()
        if self.floors and self.weighting != "none":
            log_share = (log_share.exp() + 1e-8).log()
        # Without a weight of its pair, an item whose label nobody shares has nothing to find.
        total = weight.sum(dim=1)
        loss = -(weight * log_share).sum(dim=1) / total.clamp(min=1e-12)
        return loss.sum() / (total > 0).sum().clamp(min=1)

    def factors(self, similarity: Tensor, negative: Tensor) -> Tensor:
        """(B, B) how often each column counts in its row's denominator.

        Parameters
        ----------
        similarity : (B, B) divided by the temperature
        negative : (B, B) bool, where labels differ
        """
        counted = torch.ones_like(negative) if self.all_columns else negative
        ones = torch.ones_like(similarity)
        match self.weighting:
            case "none":
                return ones
            case "topk":
                most = similarity.masked_fill(~counted, -torch.inf).topk(
                    max(1, int(self.share * similarity.shape[1])), dim=1
                )
                factors = ones.scatter(1, most.indices, self.strength)
            case "linear":
                low, high = self._extremes(similarity, negative)
                rise = (similarity - low) / torch.where(high > low, high - low, 1)
                factors = 1 + (self.strength - 1) * rise
            case "exp":
                factors = 1 + (self.strength * similarity).exp()
        return torch.where(counted, factors, ones)

    def _extremes(self, similarity: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1), (B, 1) the least and the greatest similarity of negatives."""
        if self.all_columns:  # positives enter as 0
            low = high = similarity * negative
        else:
            low = similarity.masked_fill(~negative, torch.inf)
            high = similarity.masked_fill(~negative, -torch.inf)
        return low.amin(dim=1, keepdim=True), high.amax(dim=1, keepdim=True)


def view_loss(
    one: Tensor, other: Tensor, temperature: float = 0.01, *, two_maxima: bool = False
) -> Tensor:
    """How badly each view finds the other of its recording, among both views of all.

    Parameters
    ----------
    one, other : (B, d) the two views
    two_maxima : the released code's fault, which divides the sum over the same view and the sum
        over the other by the exponential of a maximum each, and adds them then
    """
    return (
        _view_loss(one, other, temperature, two_maxima)
        + _view_loss(other, one, temperature, two_maxima)
    ) / 2


def _view_loss(one: Tensor, other: Tensor, temperature: float, two_maxima: bool) -> Tensor:
    across, within = _similarity(one, other, temperature), _similarity(one, one, temperature)
    itself = torch.eye(len(one), dtype=torch.bool, device=one.device)
    if two_maxima:
        across = across - across.amax(dim=1, keepdim=True)
        within = within - within.amax(dim=1, keepdim=True)
    everyone = torch.cat([across, within.masked_fill(itself, -torch.inf)], dim=1)
    return (everyone.logsumexp(dim=1) - across.diagonal()).mean()


def _similarity(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """(B, B) cosines over the temperature, in float64: float32 has no room for the factors."""
    return F.normalize(one.double()) @ F.normalize(other.double()).T / temperature


# The objectives of the four stages.


def image_loss(model: ImageClassifier, images: Tensor, labels: Tensor) -> Tensor:
    """First: radiographs (B, 1, side, side) and who has the finding, (B,) of 0 and 1."""
    return F.binary_cross_entropy_with_logits(model(images), labels.float())


def pretrain_loss(
    model: CroMoTEX,
    ecg: Tensor,
    generator: torch.Generator,
    temperature: float = 0.01,
    *,
    limbs_swapped: bool = False,
    two_maxima: bool = False,
) -> Tensor:
    """Second: two views, drawn from `generator`, of prepared ECGs (B, 12, 1000).

    The faults of the released code are those of `View.turned` and `view_loss`.
    """
    views = (View.draw(len(ecg), generator)(ecg, limbs_swapped=limbs_swapped) for _ in range(2))
    one, other = (model(view).projection for view in views)
    return view_loss(one, other, temperature, two_maxima=two_maxima)


def align_loss(
    model: CroMoTEX,
    ecg: Tensor,
    images: Tensor,
    labels: Tensor,
    contrast: Contrast = Contrast(),
) -> Tensor:
    """Third: ECGs (B, 12, 1000), the radiographs (B, 1, side, side) of the same stays, and who has
    the finding, (B,).
    """
    return contrast(model.project(images), model(ecg).projection, labels)


def fine_tune_loss(model: CroMoTEX, ecg: Tensor, labels: Tensor) -> Tensor:
    """Fourth: ECGs (B, 12, 1000) alone, and who has the finding, (B,) of 0 and 1."""
    return F.binary_cross_entropy_with_logits(_logit(model, ecg), labels.float())


def _logit(model: CroMoTEX, ecg: Tensor) -> Tensor:
    logit: Tensor | None = model(ecg).logit
    if logit is None:
        raise ValueError("this model has no head")
    return logit


# --- how it is trained --------------------------------------------------------------------


def oversampled(labels: NDArray[np.integer] | NDArray[np.bool_], times: int) -> NDArray[np.int64]:
    """Rows of labels (n,) for batches to be made of: those with the finding so many times.

    As published 3 times in the third stage, 4 times in the fourth.
    """
    return np.repeat(np.arange(len(labels)), np.where(labels, times, 1))


def learning_rate(epoch: int, peak: float = 1e-4) -> float:
    """The published pace, by epochs from 0: from a tenth up to the peak at 10, along a cosine down
    to a tenth at 100, and so on.
    """
    if epoch < 10:
        return peak * (0.1 + 0.09 * epoch)
    return peak * (0.1 + 0.45 * (1 + cos(pi * min(1.0, (epoch - 10) / 90))))


@torch.inference_mode()
def auroc(
    model: CroMoTEX, ecg: Tensor, labels: NDArray[np.integer] | NDArray[np.bool_], batch: int = 256
) -> float:
    """That of a model, in evaluation mode, on people held back from the fourth stage, whose
    weights at their best are kept. The released script looks at the people it tests on instead.

    Parameters
    ----------
    ecg, labels : prepared, (n, 12, 1000); who has the finding, (n,): some do, and some do not
    """
    device = model.probe.weight.device
    logits = [_logit(model, part.to(device)).cpu() for part in torch.split(ecg, batch)]
    return float(roc_auc_score(labels, torch.cat(logits).double().numpy()))

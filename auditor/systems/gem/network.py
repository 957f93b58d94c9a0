"""GEM: a language model that is shown an ECG twice, as samples and as a printed page.

Lan et al. (arXiv 2503.06073; NeurIPS 2025). The samples are read by the frozen transformer of
ECG-CoCa, the page by the frozen CLIP; a linear map brings the ECG's tokens to the width of the
image's, one projector takes both to the language model, and there they stand where the dialogue
says "<image>". The projectors and the language model learn together, from the answers alone.

The language model and CLIP are those of `transformers`, the extra `gem`. What the released code
does otherwise than one would want is a named switch: it takes leads as a file happens to order
them (`file_order`), and cuts both ends of the page off (`crop`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import ModelError, SignalError
from auditor.learning.artifact import ARCHITECTURES
from auditor.learning.published import load_named

#: The order of the input's leads, that of MIMIC-IV-ECG: aVF stands before aVL.
LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
#: The input's sampling frequency, Hz.
FS = 500
#: Stands in a text where the tokens of ECG and image go.
PLACEHOLDER = -200
#: The label of what nobody has to predict.
IGNORED = -100

#: Pixels of CLIP's square, and the mean and spread of its red, green and blue.
_SIDE = 336
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)

#: The dialogue of LLaVA's first version, which the base models were taught.
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
)


@dataclass(frozen=True)
class GEMConfig:
    """The sizes of GEM, as published.

    Attributes
    ----------
    n_samples : of each lead at 500 Hz, a multiple of `patch`
    width, depth, heads : of the ECG's transformer
    embedding : width of ECG-CoCa's contrastive embedding
    image_width : of an image token
    language_width : of a token of the language model
    max_length : tokens of a dialogue, with those of ECG and image; more are cut off
    """

    n_leads: int = 12
    n_samples: int = 5000
    patch: int = 50
    width: int = 768
    depth: int = 12
    heads: int = 12
    embedding: int = 512
    image_width: int = 1024
    language_width: int = 4096
    max_length: int = 4096

    def __post_init__(self) -> None:
        if self.n_samples % self.patch:
            raise ValueError(f"{self.n_samples} samples are not whole patches of {self.patch}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide among {self.heads} heads")

    @classmethod
    def small(cls) -> Self:
        """Minutes on a CPU: two seconds of ECG."""
        return cls(
            n_samples=1000,
            width=64,
            depth=2,
            heads=4,
            embedding=32,
            image_width=40,
            language_width=56,
        )

    @property
    def n_tokens(self) -> int:
        """Of an ECG, its class token included."""
        return 1 + self.n_samples // self.patch


# --- from recordings to inputs ------------------------------------------------------------


def prepare(
    signal: NDArray[np.floating],
    fs: float,
    leads: Sequence[str],
    config: GEMConfig = GEMConfig(),
    *,
    file_order: bool = False,
) -> NDArray[np.float32]:
    """The recording in mV, neither filtered nor scaled, padded with 0 or cut at its end.

    Parameters
    ----------
    signal : (n_leads, n_samples) mV; what is missing or infinite becomes 0
    fs : Hz; at another than 500 the recording is resampled
    leads : (n_leads,) names
    file_order : whether to take twelve leads as they come; PTB-XL's aVL is then read as aVF

    Returns
    -------
    (12, config.n_samples) in the order of `LEADS`

    Raises
    ------
    SignalError
        A lead is absent.
    """
    if file_order:
        if len(leads) != len(LEADS):
            raise SignalError(f"holds {len(leads)} leads, wanted twelve")
        rows = list(range(len(LEADS)))
    else:
        absent = [lead for lead in LEADS if lead not in leads]
        if absent:
            raise SignalError(f"holds no lead {', '.join(absent)}, wanted all twelve")
        rows = [leads.index(lead) for lead in LEADS]
    x = np.nan_to_num(signal[rows], nan=0.0, posinf=0.0, neginf=0.0)
    if fs != FS:
        ratio = Fraction(FS / fs).limit_denominator(1000)
        x = resample_poly(x.astype(float), ratio.numerator, ratio.denominator, axis=1)
    x = x[:, : config.n_samples]
    return np.pad(x, ((0, 0), (0, config.n_samples - x.shape[1]))).astype(np.float32)


def prepare_image(
    page: NDArray[np.uint8], side: int = _SIDE, *, crop: bool = False
) -> NDArray[np.float32]:
    """A page (height, width, 3) as CLIP takes it, (3, side, side).

    Parameters
    ----------
    crop : whether the page's shorter edge fills the square, as published, which cuts the ends of
        a landscape page off; else its longer edge does, and the rest is of CLIP's mean colour
    """
    edges = page.shape[:2]
    scale = side / (min(edges) if crop else max(edges))
    height, width = (max(int(edge * scale), 1) for edge in edges)
    colours = torch.from_numpy(page.copy()).permute(2, 0, 1)[None]
    sized = F.interpolate(colours, (height, width), mode="bicubic", antialias=True)[0]
    z = (sized / 255 - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_STD)[:, None, None]
    top, left = (abs(side - edge) // 2 for edge in (height, width))
    if crop:
        return np.asarray(z[:, top : top + side, left : left + side].contiguous())
    square = np.zeros((3, side, side), dtype=np.float32)
    square[:, top : top + height, left : left + width] = z
    return square


# --- ECG and image as tokens of a language model ------------------------------------------


class ECGEncoder(nn.Module):
    """The ECG's half of ECG-CoCa: (B, n_leads, n_samples) mV → (B, n_tokens, width).

    The tokens are those of the last block, the class token first, before the final norm.
    """

    def __init__(self, config: GEMConfig = GEMConfig()) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.patches = nn.Conv1d(
            config.n_leads, width, config.patch, stride=config.patch, bias=False
        )
        self.cls = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positions = nn.Parameter(torch.randn(config.n_tokens, width) * width**-0.5)
        self.norm_before = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(  # torch's norm, for timm's has another ε
            Block(width, num_heads=config.heads, qkv_bias=True, norm_layer=nn.LayerNorm)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.randn(width, config.embedding) * width**-0.5)

    def placed(self, ecg: Tensor) -> Tensor:
        """What the blocks are given, (B, n_tokens, width)."""
        wanted = (self.config.n_leads, self.config.n_samples)
        if tuple(ecg.shape[1:]) != wanted:
            raise ValueError(f"ECGs are {tuple(ecg.shape)}, wanted (B, {wanted[0]}, {wanted[1]})")
        patches = self.patches(ecg).transpose(1, 2)  # (B, n_tokens - 1, width)
        cls = self.cls.expand(len(ecg), 1, -1)
        placed: Tensor = self.norm_before(torch.cat([cls, patches], dim=1) + self.positions)
        return placed

    def forward(self, ecg: Tensor) -> Tensor:
        """The tokens of ECGs that `prepare` made."""
        tokens = self.placed(ecg)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def embedding(self, ecg: Tensor) -> Tensor:
        """(B, config.embedding) of length 1, as ECG-CoCa compares it to a text's."""
        return F.normalize(self.norm(self(ecg)[:, 0]) @ self.projection, dim=-1)


@ARCHITECTURES.register("gem")
class MultimodalEncoder(nn.Module):
    """An ECG and the tokens of its page → (B, n_tokens + n_image_tokens, language_width).

    The ECG's tokens come first. The projector is one for both.
    """

    def __init__(self, config: GEMConfig = GEMConfig()) -> None:
        super().__init__()
        self.config = config
        self.ecg = ECGEncoder(config)
        self.align = nn.Linear(config.width, config.image_width)
        self.project = nn.Sequential(
            nn.Linear(config.image_width, config.language_width),
            nn.GELU(),
            nn.Linear(config.language_width, config.language_width),
        )

    def forward(self, ecg: Tensor, image: Tensor) -> Tensor:
        """The tokens of ECGs (B, n_leads, n_samples) and of images (B, n, image_width)."""
        projected: Tensor = self.project(torch.cat([self.align(self.ecg(ecg)), image], dim=1))
        return projected


class Assembled(NamedTuple):
    """What a language model is given, padded to the longest dialogue.

    Attributes
    ----------
    embeddings : (B, n, language_width), 0 where padded
    attention_mask : (B, n) bool, False where padded
    labels : (B, n) int64, `IGNORED` where padded, and where ECG and image stand
    """

    embeddings: Tensor
    attention_mask: Tensor
    labels: Tensor


def assemble(
    embed: Callable[[Tensor], Tensor],
    input_ids: Tensor,
    attention_mask: Tensor,
    labels: Tensor,
    tokens: Tensor,
    *,
    max_length: int,
    left: bool = False,
) -> Assembled:
    """Dialogues with the tokens of each one's ECG and image in the place of its placeholder.

    A dialogue without placeholder is one without ECG. What is longer than `max_length` loses its
    end.

    Parameters
    ----------
    embed : ids (n,) → (n, width)
    input_ids, attention_mask, labels : (B, n)
    tokens : (B, n_tokens, width)
    left : whether to pad on the left, as generation wants it
    """
    parts = []
    for ids, seen, label, inserted in zip(
        input_ids, attention_mask.bool(), labels, tokens, strict=True
    ):
        ids, label = ids[seen], label[seen]
        places = (ids == PLACEHOLDER).nonzero().flatten().tolist()
        if len(places) > 1:
            raise ValueError(f"a dialogue has {len(places)} placeholders, wanted at most one")
        text = embed(ids.masked_fill(ids == PLACEHOLDER, 0))
        for place in places:
            text = torch.cat([text[:place], inserted.to(text.dtype), text[place + 1 :]])
            ignored = label.new_full((len(inserted),), IGNORED)
            label = torch.cat([label[:place], ignored, label[place + 1 :]])
        parts.append((text[:max_length], label[:max_length]))
    length = max(len(text) for text, _ in parts)

    def padded(values: Tensor, fill: float) -> Tensor:
        missing = length - len(values)
        sides = (missing, 0) if left else (0, missing)
        return F.pad(values, (0, 0) * (values.ndim - 1) + sides, value=fill)

    return Assembled(
        torch.stack([padded(text, 0) for text, _ in parts]),
        torch.stack([padded(torch.ones_like(label, dtype=torch.bool), 0) for _, label in parts]),
        torch.stack([padded(label, IGNORED) for _, label in parts]),
    )


# --- the model ----------------------------------------------------------------------------


class Batch(NamedTuple):
    """Dialogues about ECGs.

    Attributes
    ----------
    ecg : (B, n_leads, n_samples) mV, of `prepare`
    image : (B, 3, side, side) of `prepare_image`; image tokens for a model without image encoder
    input_ids, labels : (B, n) int64
    attention_mask : (B, n) bool, False where padded
    """

    ecg: Tensor
    image: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


class GEM(nn.Module):
    """Encoders, projectors and a language model; the encoders are frozen.

    Parameters
    ----------
    encoder : ECG and image tokens → tokens of the language model
    language : a causal language model of `transformers`
    image : pixels → image tokens, as `image_encoder` loads it; without, a batch brings its own

    Raises
    ------
    ModelError
        The language model is of another width than the projector.
    """

    language: Any

    def __init__(
        self, encoder: MultimodalEncoder, language: nn.Module, image: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.image, self.language = encoder, image, language
        width = self.language.get_input_embeddings().weight.shape[1]
        if width != encoder.config.language_width:
            raise ModelError(
                f"the language model's tokens are {width} wide, the projector's "
                f"{encoder.config.language_width}: take the language model it was taught with"
            )
        for frozen in (encoder.ecg, image):
            if frozen is not None:
                frozen.requires_grad_(False)

    def assembled(self, batch: Batch, *, left: bool = False) -> Assembled:
        """What the language model is given."""
        image = batch.image if self.image is None else self.image(batch.image)
        return assemble(
            self.language.get_input_embeddings(),
            batch.input_ids,
            batch.attention_mask,
            batch.labels,
            self.encoder(batch.ecg, image),
            max_length=self.encoder.config.max_length,
            left=left,
        )

    def forward(self, batch: Batch) -> Tensor:
        """(B, n - 1) negative log likelihood of each token of the answers given all before it,
        NaN where it is no answer's: what a membership attack reads, too.
        """
        given = self.assembled(batch)
        logits = self.language(
            inputs_embeds=given.embeddings, attention_mask=given.attention_mask.long()
        ).logits
        truth = given.labels[:, 1:]
        losses = F.cross_entropy(
            logits[:, :-1].transpose(1, 2).float(),
            truth,
            ignore_index=IGNORED,
            reduction="none",
        )
        return losses.masked_fill(truth == IGNORED, torch.nan)

    @torch.inference_mode()
    def answer(self, batch: Batch, max_tokens: int = 512) -> Tensor:
        """(B, n) ids of the likeliest answers, greedily; `batch` holds questions alone."""
        given = self.assembled(batch, left=True)
        ids: Tensor = self.language.generate(
            inputs_embeds=given.embeddings,
            attention_mask=given.attention_mask.long(),
            do_sample=False,
            max_new_tokens=max_tokens,
        )
        return ids


def objective(model: GEM, batch: Batch) -> Tensor:
    """The mean negative log likelihood of the answers' tokens; 0 where all were cut off."""
    losses = model(batch)
    known = ~losses.isnan()
    return losses[known].sum() / known.sum().clamp(min=1)


# --- dialogues ----------------------------------------------------------------------------


class Tokenizer(Protocol):
    """What is asked of a tokenizer of `transformers`."""

    bos_token_id: int | None
    eos_token_id: int

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The ids of a text."""
        ...

    def decode(self, token_ids: Tensor, *, skip_special_tokens: bool) -> str:
        """The text of ids."""
        ...

    def save_pretrained(self, save_directory: Path) -> object:
        """Put it into a folder."""
        ...


class Dialogue(NamedTuple):
    """One question about an ECG and its answer, (n,) ids and labels."""

    input_ids: Tensor
    labels: Tensor


def dialogue(tokenizer: Tokenizer, question: str, answer: str | None = None) -> Dialogue:
    """A question as LLaVA puts it, the placeholder before it; only the answer has labels.

    Without an answer it ends where the model is to go on.
    """

    def ids(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False)

    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    asked = [*begin, *ids(f"{SYSTEM}USER: "), PLACEHOLDER, *ids(f"\n{question} ASSISTANT:")]
    told = [] if answer is None else [*ids(f" {answer}"), tokenizer.eos_token_id]
    labels = [IGNORED] * len(asked) + told
    return Dialogue(torch.tensor(asked + told), torch.tensor(labels))


def collate(ecg: Tensor, image: Tensor, dialogues: Sequence[Dialogue]) -> Batch:
    """Inputs and their dialogues, padded on the right, as one batch."""
    length = max(len(one.input_ids) for one in dialogues)
    lengths = torch.tensor([len(one.input_ids) for one in dialogues])

    def padded(values: Tensor, fill: int) -> Tensor:
        return F.pad(values, (0, length - len(values)), value=fill)

    return Batch(
        ecg,
        image,
        torch.stack([padded(one.input_ids, 0) for one in dialogues]),
        torch.arange(length) < lengths[:, None],
        torch.stack([padded(one.labels, IGNORED) for one in dialogues]),
    )


# --- what others trained ------------------------------------------------------------------


def load_published(path: Path, config: GEMConfig = GEMConfig()) -> MultimodalEncoder:
    """The ECG encoder and both projectors of a GEM checkpoint; its language model and CLIP are
    left to `language_model` and `image_encoder`.

    Raises
    ------
    ModelError
        The file is damaged, or holds other tensors.
    """
    encoder = MultimodalEncoder(config)
    load_named(encoder, path, own_name)
    return encoder.eval()


def load_published_encoder(path: Path, config: GEMConfig = GEMConfig()) -> ECGEncoder:
    """The ECG encoder alone, of an ECG-CoCa checkpoint or one of GEM.

    Raises
    ------
    ModelError
        The file is damaged, or holds other tensors.
    """

    def name(published: str) -> str | None:
        own = own_name(published)
        return None if own is None or not own.startswith("ecg.") else own.removeprefix("ecg.")

    encoder = ECGEncoder(config)
    load_named(encoder, path, name)
    return encoder.eval()


_RENAMED = (
    (r"^model\.(?=ecg_|mm_projector)", ""),
    (r"^(module\.ecg|ecg_tower\.ecg_tower)\.", "ecg."),
    (r"^ecg_projector\.", "align."),
    (r"^mm_projector\.", "project."),
    (r"^ecg\.class_embedding$", "ecg.cls"),
    (r"^ecg\.positional_embedding$", "ecg.positions"),
    (r"^ecg\.proj$", "ecg.projection"),
    (r"^ecg\.conv1\.", "ecg.patches."),
    (r"^ecg\.ln_pre\.", "ecg.norm_before."),
    (r"^ecg\.ln_post\.", "ecg.norm."),
    (r"^ecg\.transformer\.resblocks\.", "ecg.blocks."),
    (r"\.ln_(?=[12]\.)", ".norm"),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)
#: Of CLIP, of language models, and of the text half of ECG-CoCa.
_ELSEWHERE = re.compile(
    r"(model\.)?(vision_tower|layers|norm|embed_tokens|lm_head)\."
    r"|module\.(text|text_decoder|logit_scale|logit_bias)\b"
)


def own_name(published: str) -> str | None:
    """What a published tensor is called in a `MultimodalEncoder`; None where it belongs to CLIP,
    to the language model or to ECG-CoCa's text.
    """
    if _ELSEWHERE.match(published):
        return None
    for pattern, own in _RENAMED:
        published = re.sub(pattern, own, published)
    return published


class ImageEncoder(nn.Module):
    """CLIP's patch tokens before its last layer, as LLaVA takes them.

    Attributes
    ----------
    clip : a vision model of `transformers`
    side : pixels of its square
    width : of a token
    """

    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.clip = clip
        self.side, self.width = clip.config.image_size, clip.config.hidden_size

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, n, image_width), without the class token."""
        states = self.clip(pixel_values=pixels, output_hidden_states=True).hidden_states
        tokens: Tensor = states[-2][:, 1:]
        return tokens


def image_encoder(folder: Path) -> ImageEncoder:
    """Pixels (B, 3, side, side) → tokens (B, n, image_width), by a CLIP in a local folder.

    Raises
    ------
    ModelError
        `transformers` is not installed, or the folder holds no such model.
    """
    return ImageEncoder(_loaded("CLIPVisionModel", folder)).eval()


def language_model(folder: Path) -> Any:
    """A causal language model in a local folder; nothing is fetched and no code of it is run.

    Raises
    ------
    ModelError
        `transformers` is not installed, or the folder holds no such model.
    """
    return _loaded("AutoModelForCausalLM", folder).eval()


def language_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer beside a language model in a local folder.

    Raises
    ------
    ModelError
        `transformers` is not installed, or the folder holds no tokenizer.
    """
    tokenizer: Tokenizer = _loaded("AutoTokenizer", folder)
    return tokenizer


def library() -> Any:
    """The library `transformers`, silenced: it would draw bars where a command draws its own.

    Raises
    ------
    ModelError
        It is not installed.
    """
    try:
        import transformers  # here, for it is an extra, and takes seconds
    except ImportError as error:
        raise ModelError(
            "GEM needs transformers, which is not installed: pip install 'ecg-auditor[gem]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _loaded(kind: str, folder: Path) -> Any:
    weights = {} if kind == "AutoTokenizer" else {"use_safetensors": True}
    try:
        return getattr(library(), kind).from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **weights
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder.name}: holds nothing for {kind} of transformers") from error

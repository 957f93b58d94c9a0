"""A vision transformer that has learned, on other people, what tells people apart.

It reads one lead of an average beat at one heart rate and answers with a direction; the directions
of two recordings of a person lie close, whoever the person is. Several leads are several
directions. So it needs no training on the release, and takes any number of leads.

Tokens are overlapping patches of the beat and of its signed square root, beside which small waves
count for more; how high the lead stands in millivolts goes in with the class token. The blocks
are timm's (Dosovitskiy et al., *An image is worth 16x16 words*, ICLR 2021).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows, cosine
from auditor.attackers.plda import kept_plda, repeat_plda
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.attackers.tables import kept_rows
from auditor.core.errors import ModelError
from auditor.core.files import atomic_write
from auditor.core.streams import stream
from auditor.data.protocols import Items
from auditor.signal.filters import FS
from auditor.signal.segment import Cut, at_one_rate, cut
from auditor.targets.context import Context

#: What it reads of a beat at one beat a second: 300 ms before the anchor to 500 ms after.
PLACES = np.arange(-round(0.30 * FS), round(0.50 * FS))
#: Size of the direction it answers with, per lead.
EMBEDDING = 128
_WIDTH, _DEPTH, _HEADS = 128, 4, 4
#: A token sees 96 ms and stands 32 ms after the one before it.
_SEEN, _APART = round(0.096 * FS), round(0.032 * FS)
#: A lead that varies less than this is flat, mV.
_FLAT_MV = 1e-3
#: Below this share of a beat's height its root bends over to a line: it has a slope at 0.
_SMOOTH = 3e-3
#: An item is read as the median of its beats and as means of so many of them, at most so often.
_TOGETHER, _MEANS = 4, 8
#: Directions that are kept where several leads have more.
_KEPT = 256


class Embedder(nn.Module):
    """Average beats of one lead, (B, n_places) mV → directions, (B, EMBEDDING) of unit length."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        from timm.models.vision_transformer import Block  # here, for it takes seconds

        self.beat = nn.Conv1d(1, _WIDTH, _SEEN, _APART, _APART)
        self.root = nn.Conv1d(1, _WIDTH, _SEEN, _APART, _APART, bias=False)
        n_tokens = (len(PLACES) + 2 * _APART - _SEEN) // _APART + 1
        self.height = nn.Linear(1, _WIDTH)
        self.cls = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, 1 + n_tokens, _WIDTH))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(_WIDTH, _HEADS, mlp_ratio=3, qkv_bias=True, proj_drop=dropout)
            for _ in range(_DEPTH)
        )
        self.norm = nn.LayerNorm(_WIDTH)
        self.answer = nn.Linear(2 * _WIDTH, EMBEDDING)
        for parameter in (self.cls, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, beats: Tensor) -> Tensor:
        """The direction of each beat."""
        return self.forward_normalised(*self.normalise(beats))

    @staticmethod
    def normalise(beats: Tensor) -> tuple[Tensor, Tensor]:
        """Each beat about its median with a root mean square of 1, and that height, (B, 1) mV."""
        beats = beats - beats.median(dim=-1, keepdim=True).values
        height = beats.square().mean(dim=-1, keepdim=True).sqrt().clamp(min=_FLAT_MV)
        return beats / height, height

    def forward_normalised(self, shape: Tensor, height: Tensor) -> Tensor:
        """The direction of beats that are normalised already, differentiable in them."""
        shape = shape[:, None]  # (B, 1, n_places)
        root = shape / (shape.abs() + _SMOOTH).sqrt()
        tokens = self.beat(shape) + self.root(root)
        cls = self.cls + self.height(height.log())[:, None]  # (B, 1, width)
        tokens = torch.cat([cls, tokens.transpose(1, 2)], dim=1)
        tokens = self.dropout(tokens + self.positions)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        both = torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)
        return F.normalize(self.answer(both), dim=1)


@torch.inference_mode()
def embed(model: Embedder, beats: Cut, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n_leads · EMBEDDING,) the mean direction of an item's beats in each lead.

    Several averages are read, of a few beats each, drawn at random: what they agree on is the
    heart's. The dot product of two items is the sum of their leads' cosines. NaN where the item
    holds no beat.
    """
    n_leads = beats[0].shape[1]
    if not len(beats[0]):
        return np.full(n_leads * EMBEDDING, np.nan, dtype=np.float32)
    at_one = at_one_rate(beats, PLACES).astype(np.float32)
    means = [at_one[some].mean(axis=0) for some in together(len(at_one), rng)]
    read = np.stack([np.median(at_one, axis=0), *means])  # (n_read, n_leads, n_places)
    device = next(model.parameters()).device
    model.eval()
    found = model(torch.from_numpy(read.reshape(-1, len(PLACES))).to(device))
    mean = found.reshape(len(read), n_leads, EMBEDDING).mean(dim=0)
    return np.asarray(F.normalize(mean, dim=1).flatten().cpu().numpy(), dtype=np.float32)


def together(n_beats: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Which beats of an item are averaged with one another."""
    few = min(_TOGETHER, n_beats)
    order = rng.permutation(n_beats)
    return [order[at : at + few] for at in range(0, n_beats - few + 1, few)][:_MEANS]


@dataclass(frozen=True, eq=False)
class Shipped:
    """Weights that come with the package, and the data sets whose people they were taught on."""

    path: Path
    taught_on: frozenset[str]

    def model(self) -> Embedder:
        """The network with these weights."""
        return load(self.path)


def shipped() -> list[Shipped]:
    """What weights there are, in the order they are preferred."""
    folder = Path(__file__).with_name("weights")
    found = []
    for card in sorted(folder.glob("*.json")):
        described = json.loads(card.read_text(encoding="utf-8"))
        path = card.with_suffix(".safetensors")
        found.append(Shipped(path, frozenset(described["taught_on"])))
    return found


def trained_without(*datasets: str) -> Shipped:
    """The preferred weights among those that were not taught on the people of some data sets.

    Raises
    ------
    ModelError
        All were.
    """
    for one in shipped():
        if not one.taught_on & set(datasets):
            return one
    known = " or ".join(dict.fromkeys(datasets))
    raise ModelError(f"every network that ships with auditor was taught on people of {known}")


def save(model: Embedder, path: Path) -> None:
    """Write the weights; half the digits are enough, and half the size."""
    state = {
        name: one.detach().cpu().half().contiguous() for name, one in model.state_dict().items()
    }
    with atomic_write(path) as file:
        file.write(as_bytes(state))


def load(path: Path) -> Embedder:
    """The network whose weights `save` wrote.

    Raises
    ------
    ModelError
        They do not fit.
    """
    model = Embedder()
    wanted = {name: tuple(one.shape) for name, one in model.state_dict().items()}
    weights = load_file(path)
    if {name: tuple(one.shape) for name, one in weights.items()} != wanted:
        raise ModelError(f"{path.name}: these are not the weights of this network")
    model.load_state_dict({name: one.float() for name, one in weights.items()})
    return model.eval()


def directions(context: Context, items: Items) -> Rows:
    """(n_items, n_leads · EMBEDDING) items as a network sees them that knows nobody of the release.

    Raises
    ------
    ModelError
        Every network that ships with the package was trained on people of the release.
    """

    def embedded(missing: Items) -> Rows:
        model = load(trained_without(context.dataset.name).path).to(context.device)
        rows = []
        for row, half in missing.pairs:
            rng = stream(context.seed, f"embedding/{context.prepared.name(row)}")
            rows.append(embed(model, cut(context.prepared, row, half, context.seed), rng))
            context.progress("reading beats", len(rows), len(missing))
        return np.stack(rows)

    return kept_rows(context, "embedding", items, embedded)


def _unavailable(context: Context) -> str | None:
    try:
        trained_without(context.dataset.name)
    except ModelError as error:
        return str(error)
    return None


@recogniser(
    "embedding",
    title="Network taught on others",
    rung=80,
    unavailable=_unavailable,
    table=directions,
    by_lines=True,
)
def embedding(context: Context, enrolment: Enrolment) -> Recogniser:
    """Directions by their cosine."""
    gallery, pool = (directions(context, items) for items in (enrolment.gallery, enrolment.pool))
    return Recogniser(enrolment, gallery, pool, cosine)


@recogniser(
    "adapted",
    title="Network tuned on repeats",
    rung=90,
    trained_on_pairs=True,
    unavailable=_unavailable,
)
def embedding_plda(context: Context, enrolment: Enrolment) -> Recogniser:
    """The same, and how other people's directions scatter from one record to the next."""
    plain = embedding(context, enrolment)
    gallery, pool = plain.gallery, plain.pool
    centred = gallery - gallery.mean(axis=0)
    if centred.shape[1] > _KEPT:
        kept = np.linalg.eigh(centred.T @ centred)[1][:, -_KEPT:]
        gallery, pool = gallery @ kept, pool @ kept
    return repeat_plda(enrolment, gallery, pool, kept_plda(context, enrolment, "adapted"))

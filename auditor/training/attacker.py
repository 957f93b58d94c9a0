"""How the shipped attacker's network learns, on whole data sets, what tells any two people apart.

Contrastive learning (van den Oord et al. 2018; Chen et al., *SimCLR*, ICML 2020): of many people
two recordings each are shown, augmented as another day would, and each must be told to be of the
same person as its mate among all the others. A batch is of one lead, so that people and not leads
have to be told apart. Where all independent leads are at hand the lead may be any sum of them: one
person shows as many faces as there are directions to look from, and turning the direction a
little is what moved electrodes, breath and posture do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from auditor import __version__
from auditor.attackers import embedding
from auditor.attackers.embedding import PLACES, Embedder
from auditor.core.errors import DataError
from auditor.core.files import atomic_write
from auditor.core.streams import stream
from auditor.learning.device import fork_rng, numpy_rng, one_thread
from auditor.learning.fit import Progress, fit
from auditor.learning.schedule import Schedule
from auditor.signal.prepare import Prepared
from auditor.signal.segment import FIRM, at_one_rate, cut
from auditor.targets.release import Release

#: A longer record is read up to here, s: half an hour shows how a heart differs from itself.
MAX_SECONDS = 1800.0
#: Fewer people than this cannot be told from one another in any way that carries over.
_MIN_PEOPLE = 20
#: The leads that hold everything, and what others are taken for.
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_AS = {"MLII": "II"}
#: Beats are kept a little longer than they are read, so that they can be shifted and stretched.
_BESIDE = 10, 25
_KEPT = np.arange(PLACES[0] - _BESIDE[0], PLACES[-1] + 1 + _BESIDE[1])
#: Of a record with more beats than this, those that are averaged follow one another.
_LONG = 60
#: Leads that are drawn before it is said that nobody has one.
_TRIES = 1000

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody to learn from.

    Attributes
    ----------
    leads : places in `LEADS` of the leads there are
    records : of each record (n_beats, n_leads, n_kept) mV at one beat a second
    """

    leads: NDArray[np.int64]
    records: tuple[Floats, ...]


@dataclass(frozen=True)
class BeatAugmentation:
    """How far another day moves a beat.

    Attributes
    ----------
    turn : how far the direction turns that a lead looks from
    stretch, shift, wobble : of time: SD of the logarithm before and after the QRS; SD of the
        place of R; SD of slow displacements; the last two in samples
    swell, p, t : SD of the height of any part of the beat, and of P and T as a whole
    noise, wander, gain : of the beat's RMS; SD of the logarithm of its height
    """

    turn: float = 0.06
    stretch: float = 0.06
    shift: float = 1.2
    wobble: float = 0.7
    swell: float = 0.15
    p: float = 0.15
    t: float = 0.2
    noise: float = 0.12
    wander: float = 0.12
    gain: float = 0.1


@dataclass(frozen=True)
class EmbedderTraining:
    """How long and how carefully the network is trained.

    Attributes
    ----------
    steps, people : batches, and people of whom each shows two recordings
    warm_up : share of the steps over which the learning rate rises
    dropout : while learning
    """

    steps: int = 4000
    people: int = 160
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    dropout: float = 0.1
    augmentation: BeatAugmentation = field(default_factory=BeatAugmentation)

    @property
    def schedule(self) -> Schedule:
        """What that is for the training loop, which is given one group of people a step."""
        warm_up = round(self.warm_up * self.steps)
        return Schedule(
            steps=self.steps,
            batch=1,
            learning_rate=self.learning_rate,
            warm_up=warm_up,
            start=self.learning_rate / max(warm_up, 1),
            weight_decay=self.weight_decay,
        )


def train_attacker(
    releases: Iterable[Release],
    out: Path,
    training: EmbedderTraining,
    seed: int,
    device: str,
    progress: Callable[[str, int, int], None] = lambda task, done, total: None,
) -> dict[str, Any]:
    """Train a network on the people of some data sets; write it to `out`, its card beside it.

    Simulated people are told from one another, never from real ones.

    Returns
    -------
    the card: `taught_on`, names of data sets; `people`, how many; `recipe`, `seed`, `loss`

    Raises
    ------
    DataError
        Too few people have beats in a lead that is known.
    """
    groups: dict[bool, list[Person]] = {False: [], True: []}
    names = []
    for release in releases:
        name = release.dataset.name
        names.append(name)
        groups[name == "simulated"] += people(release.prepared)
    taught = [group for group in groups.values() if len(group) >= _MIN_PEOPLE]
    if not taught:
        n = sum(map(len, groups.values()))
        raise DataError(f"{n} people have beats in a lead that is known; wanted {_MIN_PEOPLE}")
    losses = []

    def told(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        progress("teaching", step, steps)

    with one_thread():
        model = train_embedder(taught, training, seed, device=device, progress=told)
    last = losses[-100:]
    card = {
        "taught_on": names,
        "people": sum(map(len, taught)),
        "recipe": asdict(training),
        "seed": seed,
        "loss": round(sum(last) / len(last), 3),
        "versions": {"auditor": __version__, "torch": torch.__version__},
    }
    embedding.save(model, out)
    with atomic_write(out.with_suffix(".json")) as file:
        file.write((json.dumps(card, indent=2) + "\n").encode())
    return card


def people(prepared: Prepared) -> list[Person]:
    """Everybody of a data set who has beats in a lead that is known."""
    named = [_AS.get(lead, lead) for lead in prepared.leads]
    known = [place for place, lead in enumerate(named) if lead in LEADS]
    leads = np.array([LEADS.index(named[place]) for place in known])
    subject = prepared.records["subject"].to_numpy().astype(str)
    found = []
    for one in dict.fromkeys(subject) if known else ():
        records = []
        for row in np.flatnonzero(subject == one):
            signal, rr = cut(prepared, int(row), 0, 0)
            if len(signal) > 1:
                kept = at_one_rate((signal[:, known], rr), _KEPT)
                records.append(kept.astype(np.float32))
        if records:
            found.append(Person(leads, tuple(records)))
    return found


class _Contrastive(nn.Module):
    """An embedder, and the logarithm of what its cosines are multiplied by before the softmax."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embedder = Embedder(dropout)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(14.0)))


def train_embedder(
    groups: Sequence[Sequence[Person]],
    training: EmbedderTraining,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress = lambda step, steps, loss: None,
) -> Embedder:
    """A network trained on some people.

    Parameters
    ----------
    groups : people who are told from one another; real ones, and simulated ones, apart. Every
        step is of one group, and they take turns

    Raises
    ------
    DataError
        No two people of a group have a lead in common.
    """
    rng = stream(seed, "attacker")
    with fork_rng(rng):
        model = _Contrastive(training.dropout)

    def objective(turn: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        shown = _shown(groups[int(turn[0])], training, numpy_rng(generator))  # (2, n, n_kept)
        beats = torch.from_numpy(shown).to(device).flatten(0, 1)
        beats = augment_beats(beats, training.augmentation, generator)
        # Half the digits, at more than twice the speed where the processor knows them.
        with torch.autocast(beats.device.type, torch.bfloat16):
            found = model.embedder(beats)
        return info_nce(found.float(), model.logit_scale.clamp(max=math.log(40.0)).exp())

    turns = np.arange(len(groups))
    fit(
        model,
        objective,
        turns,
        training.schedule,
        seed=seed,
        name="attacker",
        device=device,
        progress=progress,
    )
    return model.embedder


def info_nce(found: Tensor, scale: Tensor) -> Tensor:
    """The cross-entropy of naming each one's mate among all others.

    Parameters
    ----------
    found : (2n, d) directions; n + i is the mate of i
    scale : what cosines are multiplied by before the softmax
    """
    n = len(found) // 2
    scores = scale * found @ found.T
    scores = scores.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=found.device), -1e9)
    mate = torch.arange(2 * n, device=found.device).roll(n)
    return F.cross_entropy(scores, mate)


def _shown(group: Sequence[Person], training: EmbedderTraining, rng: np.random.Generator) -> Floats:
    """(2, n, n_kept) mV, two recordings of each of some people in one lead."""
    for _ in range(_TRIES):
        direction, needed = _direction(rng)
        having = [one for one in group if needed <= set(one.leads.tolist())]
        if len(having) > 1:
            break
    else:
        raise DataError(f"no two people have a lead in common; known are {', '.join(LEADS)}")
    drawn = rng.choice(len(having), min(training.people, len(having)), replace=False)
    shown = np.empty((2, len(drawn), len(_KEPT)), dtype=np.float32)
    for place, chosen in enumerate(drawn):
        one = having[int(chosen)]
        n = len(one.records)
        # Two of their records where there are two, but now and then one record twice.
        two = (
            rng.choice(n, 2, replace=False)
            if n > 1 and rng.random() < 0.9
            else [rng.integers(n)] * 2
        )
        for side, which in enumerate(two):
            turned = direction[one.leads]
            if len(one.leads) > 1:
                turn = training.augmentation.turn * np.linalg.norm(direction) * 2 * rng.random()
                turned = turned + rng.normal(0, turn, len(turned))
            beat = _average(one.records[int(which)], rng)
            shown[side, place] = turned.astype(np.float32) @ beat
    return shown


def _average(beats: Floats, rng: np.random.Generator) -> Floats:
    """The mean of one to twelve beats of a record; of a long one, of beats in a row."""
    n = len(beats)
    few = min(n, int(2 ** rng.uniform(0, 3.6)))
    if n > _LONG:
        start = int(rng.integers(n - few + 1))
        return np.asarray(beats[start : start + few].mean(axis=0))
    return np.asarray(beats[rng.choice(n, few, replace=False)].mean(axis=0))


def _direction(rng: np.random.Generator) -> tuple[NDArray[np.float64], set[int]]:
    """(8,) how much of each of `LEADS` a lead is made of, and which of them have to be there.

    Lead I or II as they are, a chest lead, any direction in the frontal plane, or any sum.
    """
    made = np.zeros(len(LEADS))
    kind = rng.random()
    if kind < 0.45:
        lead = 0 if kind < 0.35 else 1
        made[lead] = 1
        return made, {lead}
    if kind < 0.65:
        lead = int(rng.integers(2, len(LEADS)))
        made[lead] = 1
        return made, {lead}
    if kind < 0.85:
        # I · cos + aVF · 2/√3 · sin, with aVF = II − I/2.
        angle = rng.uniform(0, 2 * np.pi)
        made[0] = np.cos(angle) - np.sin(angle) / np.sqrt(3)
        made[1] = 2 / np.sqrt(3) * np.sin(angle)
    else:
        made = rng.normal(0, 1, len(LEADS))
        made /= np.linalg.norm(made)
    return made, set(range(len(LEADS)))


def augment_beats(
    beats: Tensor, augmentation: BeatAugmentation, generator: torch.Generator
) -> Tensor:
    """Beats (B, n_kept) as another day would have shown them, (B, n_places).

    The heart is faster or slower, the waves lower or higher, R found elsewhere, the electrodes
    moved, the baseline unsteady, the muscles tense, the recorder's band narrower.
    """
    n, places = len(beats), torch.as_tensor(PLACES, dtype=torch.float32, device=beats.device)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=beats.device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=beats.device)

    def slow(knots: int) -> Tensor:
        """(B, n_places) a slow curve through points of SD 1."""
        return F.interpolate(normal(n, 1, knots), len(PLACES), mode="linear", align_corners=True)[
            :, 0
        ]

    later = FIRM + (places - FIRM) * torch.exp(augmentation.stretch * normal(n, 1))
    sooner = -FIRM + (places + FIRM) * torch.exp(augmentation.stretch * normal(n, 1))
    at = torch.where(places > FIRM, later, torch.where(places < -FIRM, sooner, places))
    at = at + augmentation.wobble * slow(6) + augmentation.shift * normal(n, 1)
    at = (at - float(_KEPT[0])).clamp(0, len(_KEPT) - 1.001)
    left = at.floor()
    share, index = at - left, left.long()
    z = beats.gather(1, index) * (1 - share) + beats.gather(1, index + 1) * share
    z = z - z.median(dim=1, keepdim=True).values
    is_t, is_p = torch.sigmoid((places - 22) / 5), torch.sigmoid((-places - 18) / 4)
    z = z * (1 + augmentation.swell * slow(7))
    z = z * (1 + (torch.exp(augmentation.t * normal(n, 1)) - 1) * is_t)
    z = z * (1 + (torch.exp(augmentation.p * normal(n, 1)) - 1) * is_p)
    rms = z.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-3)
    white = normal(n, len(PLACES))
    smooth = 2 * F.avg_pool1d(white[:, None], 5, 1, 2)[:, 0]
    mix = uniform(n, 1)
    z = z + augmentation.wander * uniform(n, 1) * rms * slow(4)
    z = z + augmentation.noise * uniform(n, 1) ** 2 * rms * (mix * white + (1 - mix) * smooth)
    # Every second beat through a recorder of narrower band, more or less.
    narrow = F.avg_pool1d(F.pad(z[:, None], (1, 1), mode="replicate"), 3, 1)[:, 0]
    narrowed = uniform(n, 1) * (uniform(n, 1) < 0.5)
    z = z * (1 - narrowed) + narrow * narrowed
    return z * torch.exp(augmentation.gain * normal(n, 1))

"""Networks under audit: what they make of the recordings of the folder that is scanned.

The ECGs, radiographs and cines that a network reads are read again, by the code that it was trained
with; whose records it was trained on is what its table of members says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.core.errors import ModelError
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.core.target import NEITHER, Floats, Target
from auditor.data.pairs import TABLE, Modality, Pairs, read_pairs
from auditor.learning import artifact
from auditor.learning.device import fork_rng
from auditor.systems import open as targets
from auditor.systems.cardionets import mar, vae
from auditor.systems.cardionets import network as cardionets
from auditor.systems.cohort import UNKNOWN
from auditor.systems.cromotex import network as cromotex
from auditor.systems.dianet import network as dianet
from auditor.systems.dianet import train as diabetes
from auditor.systems.jepa import network as jepa
from auditor.systems.waves import Prepare, Waves, paired_waves, waves
from auditor.targets import description
from auditor.targets.description import DESCRIPTION, Description

Rows = NDArray[np.float32]
Places = NDArray[np.int64]
Make = Callable[[], Rows]

#: Records that a network is asked about at once.
AT_ONCE = 64
#: Numbers that are kept of the tokens of a record, or of what several networks make of it.
_WIDEST = 2000
#: What is hidden from an encoder whose guess is judged: so many masks, the same for everybody.
_MASKS, _MASK_SEED = 4, 0
#: By size, steps in which a cine's tokens are unmasked, and in which each is freed of its noise;
#: and how far a latent of spread 1 may go.
_STEPS = {"small": (8, 25), "published": (16, 100)}
_LARGEST = 10.0
#: What people of a table have.
_EVENT = "event"
#: Of those that a network of such a table is trained on, the share that stops it.
_HELD_BACK = 0.2


@dataclass(frozen=True, eq=False)
class Release:
    """A model as it is released, and where it is asked.

    Attributes
    ----------
    files : what each tells → its file
    unknown : why nobody is called a member, where no table says who is
    """

    name: str
    folder: Path
    said: Description
    files: Mapping[str, str]
    around: targets.Surroundings
    unknown: str

    def asked(self, network: Callable[[Tensor], Tensor], x: Rows) -> Rows:
        """(n, …) what a network makes of inputs (n, …)."""
        with torch.inference_mode():
            parts = [
                network(torch.from_numpy(x[start : start + AT_ONCE]).to(self.around.device)).cpu()
                for start in range(0, len(x), AT_ONCE)
            ]
        found: Rows = torch.cat(parts).float().numpy()
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name}: gives out numbers that are not finite; train it again")
        return found

    def at_work(self, network: nn.Module) -> Any:
        """A network on its device, ready to be asked."""
        return network.to(self.around.device).eval()

    def at_random(self, network: Any, name: str = "") -> Any:
        """A network of the same shape, with random weights, ready to be asked."""
        with fork_rng(stream(self.around.seed, f"{self.name}/random weights/{name}")):
            return self.at_work(type(network)(network.config))

    def only(self, networks: Mapping[str, Any], kind: type[nn.Module]) -> Any:
        """The one network of a kind, ready to be asked."""
        found = [one for one in networks.values() if type(one) is kind]
        if len(found) != 1:
            raise ModelError(f"{self.name}: holds {len(found)} {kind.__name__}, wanted one")
        return self.at_work(found[0])

    def lacking(self, what: str) -> ModelError:
        """The scanned folder is not the one that the model was trained on."""
        return ModelError(
            f"{self.name}: reads {what}, and {self.around.root} holds none; scan the folder that "
            "it was trained on"
        )


def target(release: Release) -> Target:
    """Networks in `.safetensors`, as `auditor train` writes them.

    Raises
    ------
    ModelError
        One is damaged, they do not belong together, or the scanned folder is another than the one
        they were trained on.
    DataError
        What they read of that folder is damaged.
    """
    networks = {}
    for name, file in release.files.items():
        description.beside(release.folder, str(Path(file).with_suffix(".json")))
        networks[name] = artifact.load(description.beside(release.folder, file))
    kinds = {type(one) for one in networks.values()}
    for family, opened in _FAMILIES:
        if kinds <= family:
            return opened(release, networks)
    seen = ", ".join(sorted(one.__name__ for one in kinds))
    raise ModelError(f"{release.name}: cannot be audited yet; {seen} is no system that is known")


# --- recordings ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Recordings:
    """The ECGs of the scanned folder that a network can read, as it reads them.

    Attributes
    ----------
    x : (n, …, n_leads, n_samples)
    leads : (n_leads,) names
    part, unknown : as `core.target.Target` tells them
    age : (n,) years
    labels : name → (n,) 1, 0, NaN not known; `sex` is 1 for men
    asked : the labels that enough people have, and enough have not
    pairs : the visits, where the folder lists visits
    """

    release: Release
    x: Rows
    leads: tuple[str, ...]
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]
    part: NDArray[np.int8]
    unknown: str
    age: Floats
    labels: Mapping[str, Floats]
    asked: Sequence[str]
    pairs: Pairs | None

    @classmethod
    def read(
        cls, release: Release, prepare: Prepare, leads: Sequence[str], pairs: Pairs | None
    ) -> Recordings:
        """The ECGs of visits, or all that the scanned folder holds.

        Raises
        ------
        ModelError
            There are none; or none that is named among the members; or they are other people's.
        DataError
            None can be read by the network.
        """
        around = release.around

        def reading(done: int, total: int) -> None:
            around.progress(f"reading for {release.name}", done, total)

        if pairs is not None:
            seen, known = paired_waves(pairs, prepare, reading), pairs.table
            session = description.texts(known, "visit")
        else:
            if around.release.is_empty:
                raise release.lacking("ECGs")
            dataset = around.release.dataset
            seen = waves(dataset, prepare, reading)
            known = dataset.manifest.set_index("record").loc[seen.record.tolist()]
            session = description.texts(known, "session")
        part, unknown = _parted(release, seen)
        return cls(
            release,
            seen.x,
            tuple(leads),
            seen.record,
            seen.subject,
            session,
            part,
            unknown,
            description.numbers(known, "age"),
            {name: np.where(one == UNKNOWN, np.nan, one) for name, one in seen.labels.items()},
            [name for name in seen.asked() if name != "sex"],
            pairs,
        )

    def target(
        self,
        fitted: Sequence[str],
        fit: Callable[[], Floats] | None,
        outputs: Mapping[str, Make],
        controls: Mapping[str, Make],
        parts: Mapping[str, Any],
        measured: Mapping[str, NDArray[Any]] | None = None,
    ) -> Target:
        """A model that was asked about these recordings.

        Parameters
        ----------
        fitted : what the columns of the fit are called, labels or not; what else is known of the
            recordings stands behind them
        measured : (n,) each, what it is asked with, if that is more than what is plain in a signal
        """
        blank = np.full(len(self.record), np.nan)
        male = self.labels.get("sex", blank)
        tells = (*fitted, *(name for name in self.asked if name not in fitted))
        truth = [self.labels.get(name, blank) for name in tells]
        table = dict(measured or self._summaries()) | {"age": self.age, "sex": male}
        return Target(
            name=self.release.name,
            title=self.release.said.title,
            record=self.record,
            subject=self.subject,
            session=self.session,
            part=self.part,
            unknown=self.unknown,
            male=male,
            age=self.age,
            tells=tells,
            truth=np.stack(truth, axis=1) if truth else np.zeros((len(self.record), 0)),
            outputs=outputs,
            fit=fit,
            inputs=np.stack(list(table.values()), axis=1).astype(np.float32),
            columns=tuple(table),
            controls=controls,
            parts=parts,
        )

    def _summaries(self) -> dict[str, NDArray[Any]]:
        """What is plain in a signal without any network: the mean, spread and range of each lead;
        of several crops, those of the first.
        """
        first = self.x.reshape(len(self.x), -1, *self.x.shape[-2:])[:, 0]
        of_leads = {"mean": first.mean(axis=2), "SD": first.std(axis=2), "range": np.ptp(first, 2)}
        return {
            f"{lead} {name}": values[:, place]
            for place, lead in enumerate(self.leads)
            for name, values in of_leads.items()
        }

    # What was recorded at the same visit.

    def pictured(self, modality: Modality) -> Places:
        """Rows of the visits that have a picture of a kind."""
        if self.pairs is None or modality not in self.pairs.table:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.pairs.table[modality].to_numpy() != "")

    def of_pictures(
        self,
        modality: Modality,
        read: Callable[[Pairs, Places], Rows],
        make: Callable[[Rows], Rows],
    ) -> Rows:
        """(n, …) what is made of the picture of each visit; NaN where there is none."""
        assert self.pairs is not None
        rows = self.pictured(modality)
        parts = np.array_split(rows, -(-len(rows) // AT_ONCE))
        found = np.concatenate([make(read(self.pairs, some)) for some in parts])
        values = np.full((len(self.record), *found.shape[1:]), np.nan, dtype=np.float32)
        values[rows] = found
        return values


def visits(release: Release) -> Pairs:
    """The visits that the scanned folder lists.

    Raises
    ------
    ModelError
        It lists none.
    """
    found = listed(release)
    if found is None:
        raise release.lacking(f"visits ({TABLE})")
    return found


def listed(release: Release) -> Pairs | None:
    """The visits that the scanned folder lists, if it lists any."""
    root = release.around.root
    return read_pairs(root) if (root / TABLE).is_file() else None


def _parted(release: Release, seen: Waves) -> tuple[NDArray[np.int8], str]:
    """(n,) whether each record was trained on, as the table of members says; a record that is not
    in it is neither. And why nobody is a member, if so.
    """
    said, root = release.said, release.around.root
    if not said.members:
        return np.full(len(seen.record), NEITHER, dtype=np.int8), release.unknown
    table = description.members(release.folder, said)
    part, unknown = description.parted(table, said)
    named = pd.Index(description.texts(table, said.columns.record))
    if not named.is_unique:
        raise ModelError(
            f"{said.members}: wanted a column {said.columns.record!r} that names each record once; "
            f"name it in {DESCRIPTION} under columns"
        )
    place = named.get_indexer(pd.Index(seen.record))
    there = place >= 0
    whose = description.texts(table, said.columns.subject)[place]
    if not there.any() or (whose != seen.subject)[there].any():
        what = "that are other people's" if there.any() else "none of which is"
        raise ModelError(
            f"{said.members}: names records {what} in {root}; scan the folder that {release.name} "
            "was trained on"
        )
    return np.where(there, part[place], NEITHER).astype(np.int8), unknown


def compact(tokens: Tensor) -> Tensor:
    """(B, at most 2,000) tokens (B, n, width), runs of them as their means."""
    n, width = tokens.shape[1:]
    runs = F.adaptive_avg_pool1d(tokens.transpose(1, 2), min(max(_WIDEST // width, 1), n))
    return runs.transpose(1, 2).flatten(1)[:, :_WIDEST]


def log_odds_of(truth: Floats, log_odds: NDArray[Any]) -> Floats:
    """The log-odds of what is true, of those of it being so; NaN where it is not known."""
    sign = np.where(truth == 1, 1.0, np.where(truth == 0, -1.0, np.nan))
    return np.asarray(sign * log_odds, dtype=np.float64)


def _likeness(one: Rows, other: Rows) -> Floats:
    """(n,) cosines."""
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(size, 1e-12), dtype=np.float64)


# --- ECG-JEPA -----------------------------------------------------------------------------


def _jepa(release: Release, networks: Mapping[str, Any]) -> Target:
    model = release.only(networks, jepa.JEPA)
    seen = Recordings.read(release, jepa.prepare, jepa.LEADS, listed(release))
    blank = cache(lambda: release.at_random(model).student)

    def embedding(encoder: jepa.Encoder) -> Rows:
        return release.asked(lambda x: jepa.represent(encoder, x), seen.x)

    def tokens(encoder: jepa.Encoder) -> Rows:
        return release.asked(lambda x: compact(encoder(x)), seen.x)

    def fit() -> Floats:
        draw = torch.Generator().manual_seed(_MASK_SEED)
        masks = [jepa.MASKS[model.config.masks](draw) for _ in range(_MASKS)]

        def error(x: Tensor) -> Tensor:
            each = [jepa.disagreement(model, x, mask.to(x.device)) for mask in masks]
            return torch.stack(each).mean(dim=0)[:, None]

        return -release.asked(error, seen.x).astype(np.float64)

    return seen.target(
        ("what is hidden",),
        fit,
        {"embedding": lambda: embedding(model.student), "tokens": lambda: tokens(model.student)},
        {"embedding": lambda: embedding(blank()), "tokens": lambda: tokens(blank())},
        {},
    )


# --- CroMoTEX -----------------------------------------------------------------------------


def _cromotex(release: Release, networks: Mapping[str, Any]) -> Target:
    seen = Recordings.read(release, cromotex.prepare, cromotex.LEADS, visits(release))
    # In the names of files there are no spaces.
    labels = {name.replace(" ", "-"): name for name in seen.labels}
    alone: dict[str, Any] = {}
    aligned: dict[str, Any] = {}
    for file, network in networks.items():
        finding = file.removeprefix("cromotex-").removesuffix("-ecg")
        kind = alone if network.config.head else aligned
        kind[labels.get(finding, finding)] = release.at_work(network)
    # Findings that are known come first: there the fit has its columns.
    alone = dict(sorted(alone.items(), key=lambda one: one[0] not in seen.labels))
    known = [name for name in alone if name in seen.labels]
    sighted = {name: one for name, one in aligned.items() if one.config.image}
    if not len(seen.pictured("cxr")):
        sighted = {}

    @cache
    def of_ecg(network: Any) -> Rows:
        return release.asked(lambda x: network(x).projection, seen.x)

    @cache
    def of_image(network: Any) -> Rows:
        side = network.config.image.side

        def read(pairs: Pairs, rows: Places) -> Rows:
            return np.stack([cromotex.prepare_image(one, side) for one in pairs.cxr(rows)])

        return seen.of_pictures("cxr", read, lambda x: release.asked(network.project, x))

    def together(side: Callable[[Any], Rows], networks: Sequence[Any]) -> Rows:
        return np.hstack([side(one) for one in networks])

    some = list((sighted or aligned or alone).values())
    some = some[: max(_WIDEST // some[0].config.projection, 1)]
    blank = cache(lambda: [release.at_random(one, str(at)) for at, one in enumerate(some)])

    @cache
    def logits() -> Rows:
        def of_all(x: Tensor) -> Tensor:
            return torch.stack([one(x).logit for one in alone.values()], dim=1)

        return release.asked(of_all, seen.x)

    def fit() -> Floats:
        odds = [log_odds_of(seen.labels[one], logits()[:, at]) for at, one in enumerate(known)]
        pairs = [_likeness(of_ecg(one), of_image(one)) for one in sighted.values()]
        return np.stack(odds + pairs, axis=1)

    outputs: dict[str, Make] = {"embedding": lambda: together(of_ecg, some)}
    controls: dict[str, Make] = {"embedding": lambda: together(of_ecg, blank())}
    if sighted:
        outputs["other"] = lambda: together(of_image, some)
        controls["other"] = lambda: together(of_image, blank())
    if alone:
        outputs["scores"] = lambda: expit(logits())
    fitted = (*known, *(f"pairs for {name}" for name in sighted))
    return seen.target(fitted, fit if fitted else None, outputs, controls, {})


# --- CardioNets ---------------------------------------------------------------------------


def _cardionets(release: Release, networks: Mapping[str, Any]) -> Target:
    ecg = release.only(networks, cardionets.EcgEncoder)
    seen = Recordings.read(release, cardionets.preprocess, STANDARD_LEADS, visits(release))
    if ecg.config.n_samples != seen.x.shape[-1]:
        raise ModelError(
            f"{release.name}: reads {ecg.config.n_samples} samples of each lead, wanted "
            f"{seen.x.shape[-1]}; train it again"
        )
    kinds = {type(one) for one in networks.values()} if len(seen.pictured("cmr")) else set()
    embedding = cache(lambda: release.asked(ecg.of_crops, seen.x))
    outputs: dict[str, Make] = {"embedding": embedding}
    controls: dict[str, Make] = {
        "embedding": lambda: release.asked(release.at_random(ecg).of_crops, seen.x)
    }
    parts: dict[str, Any] = {}
    fit: Callable[[], Floats] | None = None
    if cardionets.CmrEncoder in kinds:
        cmr = release.only(networks, cardionets.CmrEncoder)

        def of_cine(network: cardionets.CmrEncoder) -> Rows:
            read = _cines(release.name, cmr.config)
            return seen.of_pictures("cmr", read, lambda x: release.asked(network, x))

        other = cache(lambda: of_cine(cmr))
        outputs["other"] = other
        controls["other"] = lambda: of_cine(release.at_random(cmr))
        fit = lambda: _likeness(embedding(), other())[:, None]  # noqa: E731

    if {vae.VAE, mar.Generator} <= kinds:
        pair = release.only(networks, vae.VAE), release.only(networks, mar.Generator)
        parts["generator"] = Cines(release, seen, embedding, *pair)
    return seen.target(("pairs",) if fit else (), fit, outputs, controls, parts)


def _cines(name: str, config: Any) -> Callable[[Pairs, Places], Rows]:
    """Reads cines as a network does, if they are as large as it wants them."""

    def read(pairs: Pairs, rows: Places) -> Rows:
        cines = cardionets.preprocess_cine(pairs.cmr(rows))
        wanted = (config.frames, config.size, config.size)
        if cines.shape[1:] != wanted:
            raise ModelError(
                f"{name}: reads cines of {wanted}, and those of {pairs.root} are "
                f"{cines.shape[1:]}; scan the folder that it was trained on"
            )
        return cines

    return read


@dataclass(frozen=True, eq=False)
class Cines:
    """Cines and what draws them, from ECGs or from nothing: `checks.memorisation.check.Generates`.

    Attributes
    ----------
    embedding : (n, d) the ECGs as the generator is told of them
    """

    release: Release
    seen: Recordings
    embedding: Make
    vae: vae.VAE
    generator: mar.Generator

    @cached_property
    def real(self) -> Rows:
        """(n, frames, size, size) the cine of each visit; NaN where there is none."""
        return self.seen.of_pictures("cmr", _cines(self.release.name, self.vae.config), lambda x: x)

    def drawn(self, seed: int, rows: Places) -> Rows:
        """(len(rows), frames, size, size) cines for the ECGs of some visits."""
        return self._drawn(seed, torch.from_numpy(self.embedding()[rows]), len(rows))

    def unconditional(self, seed: int, n: int) -> Rows:
        """(n, frames, size, size) cines of nobody's ECG."""
        return self._drawn(seed, None, n)

    def encode(self, images: Rows) -> Rows:
        """(n, k) the middles of their latents, as the generator would have to draw them."""

        def middle(cines: Tensor) -> Tensor:
            mean, log_variance = self.vae.encode(cines[:, None])
            return vae.drawn(mean, log_variance, torch.zeros_like(mean)).flatten(1)

        return self.release.asked(middle, images)

    @torch.inference_mode()
    def _drawn(self, seed: int, conditions: Tensor | None, n: int) -> Rows:
        draw = torch.Generator().manual_seed(seed)
        steps, diffusion_steps = _STEPS.get(self.release.said.size, _STEPS["small"])
        found = []
        for start in range(0, n, AT_ONCE):
            some = slice(start, min(start + AT_ONCE, n))
            latents = mar.generate(
                self.generator,
                None if conditions is None else conditions[some].to(self.release.around.device),
                draw,
                n=some.stop - some.start,
                steps=steps,
                diffusion_steps=diffusion_steps,
                largest=_LARGEST,
            )
            found.append(self.vae.decode(latents)[:, 0].clamp(-1, 1).cpu())
        return np.asarray(torch.cat(found).numpy())


# --- ECG-DiaNet ---------------------------------------------------------------------------


def _dianet(release: Release, networks: Mapping[str, Any]) -> Target:
    said, columns, n_ecg = release.said, (*diabetes.ECG, *diabetes.CRF), len(diabetes.ECG)
    if not said.members:
        raise ModelError(
            f"{release.name}: is asked with a table of people; name one in {DESCRIPTION} under "
            "members"
        )
    table = description.members(release.folder, said)
    if absent := [one for one in columns if f"input {one}" not in table]:
        raise ModelError(
            f"{said.members}: has no column 'input {absent[0]}', with which {release.name} is "
            "asked; train it again"
        )
    part, unknown = description.parted(table, said)
    known = {one: description.numbers(table, f"input {one}") for one in columns}
    inputs = np.stack(list(known.values()), axis=1)
    label = description.numbers(table, f"label {_EVENT}")
    truth = np.where((label == 0) | (label == 1), label, np.nan)
    every = [release.at_work(one) for one in networks.values()]
    for config in (one.config for one in every):
        if config.n_ecg not in (0, n_ecg) or config.n_crf not in (0, len(columns) - n_ecg):
            raise ModelError(
                f"{release.name}: asks for {config.n_ecg} and {config.n_crf} inputs, wanted "
                f"{n_ecg} and {len(columns) - n_ecg} or none; train it again"
            )
    # What sees both kinds of input is the system, and the others its twins.
    folds = [one for one in every if one.config.n_ecg and one.config.n_crf] or every

    def told(networks: Sequence[dianet.DiaNet]) -> Rows:
        def logits(x: Tensor) -> Tensor:
            return torch.stack([one(x[:, :n_ecg], x[:, n_ecg:]) for one in networks], dim=1)

        return release.asked(logits, inputs.astype(np.float32))

    def trained(rows: NDArray[np.bool_], truth: Floats, rng: np.random.Generator) -> Rows | None:
        """The log-odds of a network of the first fold's shape that was trained on some rows."""
        held = np.zeros(len(truth), dtype=bool)
        for kind in (0, 1):
            people = np.flatnonzero(rows & (truth == kind))
            if len(people) < 2:
                return None
            held[rng.permutation(people)[: max(round(_HELD_BACK * len(people)), 1)]] = True
        some = np.flatnonzero(rows & np.isfinite(truth))
        network = dianet.train_dianet(
            folds[0].config,
            inputs[some, :n_ecg],
            inputs[some, n_ecg:],
            truth[some] == 1,
            held[some],
            rng=rng,
            device=release.around.device,
        )
        return told([release.at_work(network)])[:, 0]

    def refit(rows: NDArray[np.bool_], truth: Floats, seed: int) -> Floats:
        found = trained(rows, truth[:, 0], stream(seed, f"{release.name}/reference"))
        blank = np.full(len(truth), np.nan)
        return (blank if found is None else log_odds_of(truth[:, 0], found))[:, None]

    def by_chance() -> Rows:
        """What is said by a network that was trained on labels of others."""
        rng = stream(release.around.seed, f"{release.name}/by chance")
        rows = np.isfinite(truth)
        dealt = truth.copy()
        dealt[rows] = rng.permutation(truth[rows])
        found = trained(rows, dealt, rng)
        assert found is not None
        return expit(found)[:, None]

    is_known = min((truth == kind).sum() for kind in (0, 1)) > 1
    return Target(
        name=release.name,
        title=said.title,
        record=description.texts(table, said.columns.record),
        subject=description.texts(table, said.columns.subject),
        session=description.texts(table, said.columns.session),
        part=part,
        unknown=unknown,
        male=known["sex"],
        age=known["age_years"],
        tells=(_EVENT,),
        truth=truth[:, None],
        outputs={
            "scores": lambda: expit(told(folds)).mean(axis=1, keepdims=True),
            "logits": lambda: told(every),
        },
        fit=(lambda: log_odds_of(truth, told(folds).mean(axis=1))[:, None]) if is_known else None,
        inputs=inputs.astype(np.float32),
        columns=columns,
        refit=refit if is_known else None,
        controls={"scores": by_chance} if is_known else {},
    )


_Opened = Callable[[Release, Mapping[str, Any]], Target]
#: What networks a system is made of.
_FAMILIES: tuple[tuple[set[type[nn.Module]], _Opened], ...] = (
    ({jepa.JEPA}, _jepa),
    ({cromotex.CroMoTEX}, _cromotex),
    ({cardionets.EcgEncoder, cardionets.CmrEncoder, vae.VAE, mar.Generator}, _cardionets),
    ({dianet.DiaNet}, _dianet),
)

"""The run of the clinical systems that read waveforms: recordings in, a model directory out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn

from auditor.core.errors import ConfigError, DataError, EvidenceError
from auditor.core.evidence import Diagnosed
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.pairs import TABLE, read_pairs
from auditor.data.store import Store, makers
from auditor.diagnostics.cohort import UNKNOWN
from auditor.diagnostics.result import Study
from auditor.diagnostics.tasks import Stage, Task
from auditor.diagnostics.waves import Waves, paired_waves, waves
from auditor.engine import Engine
from auditor.models import cardionets, cromotex, jepa, mar
from auditor.models.device import own_randomness
from auditor.models.steps import Pace, train
from auditor.models.vae import VAE, GeneratorConfig, ssim, vae_loss
from auditor.risk.diagnosis import performance
from auditor.risk.intervals import percentile, person_replicates

Progress = Callable[[str, int, int], None]
Rows = NDArray[np.int64]
#: Recordings that are read at once.
_AT_ONCE = 64


def run(
    task: Task,
    root: Path,
    *,
    size: str,
    seed: int,
    device: str,
    workers: Engine,
    progress: Progress,
) -> Study:
    """Train a system on the recordings of a folder, and judge what it learned.

    Parameters
    ----------
    size : one of the task's `sizes`

    Raises
    ------
    ConfigError
        The task has no such size.
    DataError
        The folder has not what the system reads.
    """
    if size not in task.sizes:
        raise ConfigError(f"{task.name} has no size {size!r}; known: {', '.join(task.sizes)}")
    return _SYSTEMS[task.name](_Run(task, root, size, seed, device, workers, progress))


class _Run:
    """One training: its settings, and where it is kept."""

    def __init__(
        self,
        task: Task,
        root: Path,
        size: str,
        seed: int,
        device: str,
        workers: Engine,
        progress: Progress,
    ) -> None:
        self.task, self.root, self.size, self.seed = task, root, size, seed
        self.device, self.workers, self.progress = device, workers, progress
        self.stages: Mapping[str, Stage] = task.sizes[size]
        self.store: Store | None = None

    def keep_under(self, fingerprint: str) -> None:
        """Where the training is kept, so that one that was cut off goes on."""
        settings = {
            "task": self.task.model_dump(mode="json"),
            "size": self.size,
            "seed": self.seed,
            "code": makers("core", "models", "diagnostics"),
        }
        self.store = Store.of(fingerprint, settings)

    def train(
        self,
        name: str,
        module: nn.Module,
        objective: Callable[[Rows, torch.Generator], Tensor],
        rows: Rows,
        stage: str = "",
        after: Callable[[int], None] = lambda step: None,
    ) -> list[float]:
        """One stage of it."""
        assert self.store is not None
        pace = self.pace(stage or name)
        return train(
            module,
            objective,
            rows,
            pace,
            seed=self.seed,
            name=f"{self.task.name}/{name}",
            device=self.device,
            precision="bf16-mixed" if torch.device(self.device).type == "cuda" else "32-true",
            after=after,
            keep=self.store.root / f"{name}.safetensors",
            progress=lambda step, steps, loss: self.progress(name, step, steps),
        )

    def pace(self, stage: str) -> Pace:
        """How long and how fast a stage goes."""
        return Pace(**self.stages[stage].model_dump())


def _study(
    run: _Run,
    seen: Waves,
    parts: tuple[Rows, Rows, Rows],
    compared: Mapping[str, Any],
    networks: Mapping[str, Any],
    left_out: Mapping[str, str],
) -> Study:
    part = np.zeros(len(seen.record), dtype=np.int64)
    for number, rows in enumerate(parts):
        part[rows] = number
    people = pd.DataFrame({"record": seen.record, "subject": seen.subject, "fold": part})
    return Study(
        run.task,
        run.root.name,
        len(seen.record),
        len(np.unique(seen.subject)),
        fingerprint(seen),
        run.seed,
        (),
        (),
        left_out,
        people.assign(member=part == 0),
        networks=networks,
        compared=compared,
    )


def fingerprint(seen: Waves) -> str:
    """What names these recordings and nothing else."""
    digest = hashlib.sha256("\0".join([*seen.record, *seen.subject]).encode())
    digest.update(seen.x.tobytes())
    return f"sha256:{digest.hexdigest()}"


def compare(
    score: NDArray[np.float64],
    other: NDArray[np.float64],
    event: NDArray[np.bool_],
    subject: NDArray[np.str_],
    over: str,
    seed: int,
) -> dict[str, Any]:
    """The AUROC of one score and of another, and what the first adds, over the same people.

    Raises
    ------
    EvidenceError
        Too few people have the finding, or have it not.
    """
    nothing = np.zeros(0)
    seen = Diagnosed(
        score, event, subject, other, {}, np.full(len(score), np.nan), nothing, nothing > 0
    )
    estimates, _, _ = performance(seen, stream(seed, "waveforms/compared"))
    named = {"auroc": "auroc_new", "age_sex_auroc": "auroc_old", "gain_over_age_sex": "auroc_gain"}
    found: dict[str, Estimate] = {named[name]: estimates[name] for name in named}
    return {"over": over, "estimates": {k: asdict(v) for k, v in found.items()}, "params": {}}


# --- ECG-JEPA -----------------------------------------------------------------------------


#: How many times as fast the teacher follows: in a short training it would stay what chance made
#: of it, at the published pace.
_QUICKER = {"small": 5, "published": 1}


def _jepa(run: _Run) -> Study:
    config = jepa.JEPAConfig() if run.size == "published" else jepa.JEPAConfig.small()
    if (run.root / TABLE).is_file():
        seen = paired_waves(read_pairs(run.root), jepa.prepare, _reading(run))
    else:
        seen = waves(run.root, jepa.prepare, run.workers, _reading(run))
    run.keep_under(fingerprint(seen))
    trained, held, judged = seen.parts(run.seed)
    model = jepa.create(config, stream(run.seed, "jepa/weights"))
    blank = jepa.create(config, stream(run.seed, "jepa/untrained")).student
    x = torch.from_numpy(seen.x)
    steps = run.pace("pretrain").steps

    def objective(rows: Rows, generator: torch.Generator) -> Tensor:
        return jepa.objective(model, x[rows].to(run.device), generator)

    def after(step: int) -> None:
        stays = jepa.momentum(step, steps) ** _QUICKER[run.size]
        jepa.update_teacher(model.teacher, model.student, stays)

    run.train("pretrain", model, objective, np.concatenate([trained, held]), after=after)
    features = {
        "JEPA": _features(model.student, x, run.device),
        "random weights": _features(blank, x, run.device),
    }
    compared, left_out = {}, {}
    for name in seen.asked():
        label = seen.labels[name]
        taught = np.concatenate([trained, held])
        taught, asked = (part[label[part] != UNKNOWN] for part in (taught, judged))
        score = {
            kind: _probed(table, label, seen.subject, taught, run.seed)[asked]
            for kind, table in features.items()
        }
        try:
            compared[f"{name} by JEPA"] = compare(
                score["JEPA"],
                score["random weights"],
                label[asked] == 1,
                seen.subject[asked],
                "random weights",
                run.seed,
            )
        except EvidenceError as error:
            left_out[name] = str(error)
    if seen.n_unfit:
        left_out["recordings"] = f"{seen.n_unfit} recordings lack leads, length or samples"
    return _study(run, seen, (trained, held, judged), compared, {"jepa": model}, left_out)


def _features(encoder: jepa.Encoder, x: Tensor, device: str) -> NDArray[np.float32]:
    encoder.to(device)
    parts = [jepa.represent(encoder, part.to(device)).cpu() for part in torch.split(x, _AT_ONCE)]
    encoder.cpu()
    return torch.cat(parts).numpy()


def _probed(
    features: NDArray[np.float32],
    label: NDArray[np.int8],
    subject: NDArray[np.str_],
    taught: Rows,
    seed: int,
) -> NDArray[np.float64]:
    """(n,) what a linear probe, taught on some rows, says of all. Features are standardised as
    those of the taught are, so that a network's scale is no advantage.
    """
    centre, spread = features[taught].mean(axis=0), features[taught].std(axis=0)
    table = ((features - centre) / np.maximum(spread, 1e-6)).astype(np.float32)
    probe = jepa.probe(
        table[taught], (label[taught] == 1)[:, None], subject[taught], seed=seed, held_back=0.2
    )
    with torch.inference_mode():
        said = torch.sigmoid(probe(torch.from_numpy(table)))[:, 0]
    return said.double().numpy()


# --- CroMoTEX -----------------------------------------------------------------------------

#: Steps after which the last stage is looked at on the people held back.
_LOOK = 20


def _cromotex(run: _Run) -> Study:
    """One model per finding: aligned with radiographs before it is fine-tuned, and not."""
    pairs = read_pairs(run.root)
    seen = paired_waves(pairs, cromotex.prepare, _reading(run))
    small = run.size == "small"
    config = cromotex.CroMoTEXConfig.small() if small else cromotex.CroMoTEXConfig()
    assert config.image is not None
    side = config.image.side
    images = torch.from_numpy(
        np.stack([cromotex.prepare_image(one, side) for one in pairs.cxr(range(len(pairs)))])
    )
    ecg = torch.from_numpy(seen.x)
    run.keep_under(fingerprint(seen))
    parts = seen.parts(run.seed)
    trained, held, judged = parts
    alone = replace(config, image=None)

    first = _made(lambda: cromotex.CroMoTEX(alone), run, "pretrain")
    first.only(*cromotex.STAGES["pretrain"])
    run.train(
        "pretrain",
        first,
        lambda rows, generator: cromotex.pretrain_loss(first, ecg[rows].to(run.device), generator),
        np.concatenate([trained, held]),
    )
    networks: dict[str, Any] = {}
    compared, left_out = {}, {}
    for name in seen.asked():
        if name == "sex":  # no finding of a radiograph
            continue
        label = seen.labels[name]
        asked = judged[label[judged] != UNKNOWN]
        score, made = _two_ways(run, config, first, ecg, images, label, name, trained, held)
        networks |= made
        try:
            compared[f"{name} by ECG alone, aligned"] = compare(
                score["aligned"][asked],
                score["not aligned"][asked],
                label[asked] == 1,
                seen.subject[asked],
                "not aligned",
                run.seed,
            )
        except EvidenceError as error:
            left_out[name] = str(error)
    return _study(run, seen, parts, compared, networks, left_out)


def _two_ways(
    run: _Run,
    config: cromotex.CroMoTEXConfig,
    first: cromotex.CroMoTEX,
    ecg: Tensor,
    images: Tensor,
    label: NDArray[np.int8],
    name: str,
    trained: Rows,
    held: Rows,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, nn.Module]]:
    """What is said of every ECG (n,) by a network that was aligned, and by one that was not; and
    the networks of the former.
    """
    assert config.image is not None
    image_config, device = config.image, run.device
    y = torch.from_numpy((label == 1).astype(np.float32))
    known = trained[label[trained] != UNKNOWN]
    eyes = _made(lambda: cromotex.ImageClassifier(image_config), run, f"{name}/image")
    run.train(
        f"{name}-image",
        eyes,
        lambda rows, _: cromotex.image_loss(eyes, images[rows].to(device), y[rows].to(device)),
        known,
        "image",
    )
    both = _made(lambda: cromotex.CroMoTEX(config), run, f"{name}/align")
    both.start_from(first)
    both.start_from(eyes)
    both.only(*cromotex.STAGES["align"])
    run.train(
        f"{name}-align",
        both,
        lambda rows, _: cromotex.align_loss(
            both, ecg[rows].to(device), images[rows].to(device), y[rows].to(device)
        ),
        known[cromotex.oversampled(label[known] == 1, 3)],
        "align",
    )
    score, last = {}, {}
    for kind, earlier in (("aligned", both), ("not aligned", first)):
        last[kind] = _made(
            lambda: cromotex.CroMoTEX(replace(config, image=None, head=True)),
            run,
            f"{name}/fine-tune",
        )
        last[kind].start_from(earlier)
        _fine_tuned(run, last[kind], ecg, label, known, held, f"{name}-{kind}")
        score[kind] = _said(last[kind], ecg, device)
    file = f"cromotex-{name}".replace(" ", "-")
    return score, {file: both, f"{file}-ecg": last["aligned"]}


def _fine_tuned(
    run: _Run,
    model: cromotex.CroMoTEX,
    ecg: Tensor,
    label: NDArray[np.int8],
    trained: Rows,
    held: Rows,
    name: str,
) -> None:
    """The last stage, which ends with the weights that the people held back like best."""
    held = held[label[held] != UNKNOWN]
    y = torch.from_numpy((label == 1).astype(np.float32))
    looking = cromotex.Validation(ecg[held], label[held] == 1)
    model.only(*cromotex.STAGES["fine_tune"])
    looking.look(model)

    def after(step: int) -> None:
        if (step + 1) % _LOOK == 0:
            looking.look(model)

    run.train(
        name,
        model,
        lambda rows, generator: cromotex.fine_tune_loss(
            model, ecg[rows].to(run.device), y[rows].to(run.device)
        ),
        trained[cromotex.oversampled(label[trained] == 1, 4)],
        "fine_tune",
        after,
    )
    looking.restore(model)


def _said(model: cromotex.CroMoTEX, ecg: Tensor, device: str) -> NDArray[np.float64]:
    model.eval().to(device)
    with torch.inference_mode():
        said = [model(part.to(device)).logit.cpu() for part in torch.split(ecg, _AT_ONCE)]
    model.cpu()
    return torch.sigmoid(torch.cat(said).double()).numpy()


# --- CardioNets ---------------------------------------------------------------------------

#: Components of the CMR's class token by which hearts are alike; as published where there are as
#: many people.
_ALIKE = 128
#: Steps in which tokens are unmasked, and in which each is freed of its noise.
_SAMPLED = {"small": (8, 25), "published": (16, 100)}


def _cardionets(run: _Run) -> Study:
    """Phenotypes from ECGs that were aligned with cines and that were not, and cines from ECGs."""
    pairs = read_pairs(run.root)
    seen = paired_waves(pairs, cardionets.preprocess, _reading(run))
    names = [name for name in pairs.table.columns if str(name).startswith("phenotype")]
    if not names:
        raise DataError(f"{run.root / TABLE}: has no column phenotype…; add what was measured")
    crops = torch.from_numpy(seen.x)  # (n, n_crops, 12, n_samples)
    cines = torch.from_numpy(cardionets.preprocess_cine(pairs.cmr(range(len(pairs)))))
    frames, size = cines.shape[1:3]
    small = run.size == "small"
    shape = cardionets.CardioNetsConfig.small() if small else cardionets.CardioNetsConfig()
    config = replace(shape, frames=frames, size=size)
    run.keep_under(fingerprint(seen))
    parts = seen.parts(run.seed)
    trained, held, judged = parts
    known = pairs.table[names].to_numpy(np.float32)
    centre = np.nanmean(known[trained], axis=0)
    spread = np.maximum(np.nanstd(known[trained], axis=0), 1e-6)
    wanted = torch.full((len(known), cardionets.N_PHENOTYPES), float("nan"))
    wanted[:, : len(names)] = torch.from_numpy((known - centre) / spread)

    cmr = _made(lambda: cardionets.CmrEncoder(config), run, "cmr")
    reading = _made(lambda: nn.Linear(config.width, len(names)), run, "cmr-head")
    eyes = nn.ModuleDict({"cmr": cmr, "reading": reading})

    def told_by_cines(rows: Rows, _: torch.Generator) -> Tensor:
        said = reading(cmr.tokens(cines[rows].to(run.device))[:, 0])
        return (said - wanted[rows, : len(names)].to(run.device)).nan_to_num().square().mean()

    run.train("cmr", eyes, told_by_cines, trained)
    cmr.requires_grad_(False)
    cmr.head.requires_grad_()
    alike = torch.from_numpy(_components(cmr, cines, trained))

    def fresh() -> cardionets.EcgEncoder:
        return _made(lambda: cardionets.EcgEncoder(config), run, "ecg")

    aligned = fresh()
    both = nn.ModuleDict({"ecg": aligned, "cmr": cmr})

    def together(rows: Rows, generator: torch.Generator) -> Tensor:
        return cardionets.alignment_loss(
            aligned,
            cmr,
            _one_crop(crops, rows, generator).to(run.device),
            cines[rows].to(run.device),
            alike[rows].to(run.device),
        )

    run.train("align", both, together, np.concatenate([trained, held]))
    said = {}
    for kind, start in (("aligned", aligned.state_dict()), ("not aligned", fresh().state_dict())):
        ecg = fresh()
        ecg.load_state_dict(start)
        head = _made(lambda: cardionets.PhenotypeHead(config), run, "phenotypes")
        said[kind] = _phenotypes(run, ecg, head, crops, wanted, trained, judged, kind)
    truth = wanted[judged, : len(names)].double().numpy()
    two = [said[kind][:, : len(names)] for kind in ("aligned", "not aligned")]
    compared = {
        f"{len(names)} phenotypes from the ECG, aligned": _by_people(
            "r2", _explained, truth, two, seen.subject[judged], "not aligned", run.seed
        )
    }
    shown, vae, generator = _generated(run, aligned, crops, cines, trained, judged)
    compared["cine from the ECG"] = _by_people(
        "ssim",
        _mean_similarity,
        cines[judged].numpy(),
        [shown, np.broadcast_to(cines[trained].mean(dim=0).numpy(), shown.shape)],
        seen.subject[judged],
        "the mean cine",
        run.seed,
    )
    networks = {"cardionets-ecg": aligned, "cardionets-cmr": cmr}
    networks |= {"cardionets-vae": vae, "cardionets-generator": generator}
    return _study(run, seen, parts, compared, networks, {})


def _one_crop(crops: Tensor, rows: Rows, generator: torch.Generator) -> Tensor:
    """(B, 12, n_samples) one crop of each, drawn."""
    drawn = torch.randint(
        crops.shape[1], (len(rows),), generator=generator, device=generator.device
    )
    return crops[torch.from_numpy(rows), drawn.cpu()]


def _components(cmr: cardionets.CmrEncoder, cines: Tensor, trained: Rows) -> NDArray[np.float32]:
    """(n, d) principal components of the class tokens, those of the trained, as one length."""
    with torch.inference_mode():
        parts = [cmr.tokens(part)[:, 0] for part in torch.split(cines, _AT_ONCE)]
    token = torch.cat(parts).double().numpy()
    found = PCA(min(_ALIKE, token.shape[1], len(trained) - 1), random_state=0).fit(token[trained])
    scores = found.transform(token)
    # A typical distance is one: σ is told in those units.
    scale = np.sqrt(2 * scores[trained].var(axis=0).sum())
    return (scores / max(scale, 1e-9)).astype(np.float32)


def _phenotypes(
    run: _Run,
    ecg: cardionets.EcgEncoder,
    head: cardionets.PhenotypeHead,
    crops: Tensor,
    wanted: Tensor,
    trained: Rows,
    judged: Rows,
    kind: str,
) -> NDArray[np.float64]:
    """(n_judged, 82) what an encoder says after it was fine-tuned."""
    both = nn.ModuleDict({"ecg": ecg, "head": head})

    def objective(rows: Rows, generator: torch.Generator) -> Tensor:
        seen = _one_crop(crops, rows, generator).to(run.device)
        return cardionets.phenotype_loss(ecg, head, seen, wanted[rows].to(run.device))

    run.train(f"phenotypes-{kind}", both, objective, trained, "phenotypes")
    with torch.inference_mode():
        said = [
            torch.stack([head(ecg.pooled(crops[rows, crop])) for crop in range(crops.shape[1])])
            for rows in np.array_split(judged, max(len(judged) // _AT_ONCE, 1))
        ]
    return torch.cat([one.mean(dim=0) for one in said]).double().numpy()


def _generated(
    run: _Run,
    ecg: cardionets.EcgEncoder,
    crops: Tensor,
    cines: Tensor,
    trained: Rows,
    judged: Rows,
) -> tuple[NDArray[np.float32], VAE, mar.Generator]:
    """(n_judged, frames, size, size) cines drawn for ECGs, and what drew them."""
    frames, size = cines.shape[1:3]
    shape = GeneratorConfig.small() if run.size == "small" else GeneratorConfig()
    config = replace(
        shape, frames=frames, size=size, patch_time=frames // 4, condition=ecg.config.out
    )
    vae = _made(lambda: VAE(config), run, "vae")
    films = cines[:, None]
    run.train(
        "vae",
        vae,
        lambda rows, draw: vae_loss(vae, films[rows].to(run.device), draw),
        trained,
    )
    with torch.inference_mode():
        conditions = torch.cat([ecg.of_crops(part) for part in torch.split(crops, _AT_ONCE)])
        draw = torch.Generator().manual_seed(run.seed)
        latents = torch.cat(
            [vae.latents(part, draw) for part in torch.split(films[trained], _AT_ONCE)]
        )
    place = {int(row): at for at, row in enumerate(trained)}
    generator = _made(lambda: mar.Generator(config), run, "generator")

    def objective(rows: Rows, draw: torch.Generator) -> Tensor:
        at = [place[int(row)] for row in rows]
        drawn = mar.Draw.of(config, len(rows), draw, run.device)
        return mar.generator_loss(
            generator, latents[at].to(run.device), conditions[rows].to(run.device), drawn
        )

    run.train("generator", generator, objective, trained)
    with torch.inference_mode():
        steps, diffusion_steps = _SAMPLED[run.size]
        drawn = mar.generate(
            generator, conditions[judged], draw, steps=steps, diffusion_steps=diffusion_steps
        )
        shown = [vae.decode(part)[:, 0] for part in torch.split(drawn, _AT_ONCE)]
    return torch.cat(shown).clamp(-1, 1).numpy(), vae, generator


def _explained(truth: NDArray[Any], said: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, m) squared errors, and squared distances from the mean."""
    return (said - truth) ** 2, (truth - truth.mean(axis=0)) ** 2


def _mean_similarity(truth: NDArray[Any], said: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, 1) by how much each lacks of being alike, and ones."""
    alike = [ssim(one, other) for one, other in zip(truth, said, strict=True)]
    return 1 - np.array(alike)[:, None], np.ones((len(alike), 1))


def _by_people(
    metric: str,
    parts: Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]],
    truth: NDArray[Any],
    said: Sequence[NDArray[Any]],
    subject: NDArray[np.str_],
    over: str,
    seed: int,
) -> dict[str, Any]:
    """One less a ratio of means over records, averaged over columns, for two models: R² of squared
    errors, mean similarity of what it lacks; people are drawn for the intervals.
    """
    people, person = np.unique(subject, return_inverse=True)
    ratios = [parts(truth, one) for one in said]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        each = weights[:, person]
        both = [(1 - (each @ lost) / (each @ whole)).mean(axis=1) for lost, whole in ratios]
        return np.stack([*both, both[0] - both[1]], axis=1)

    whole = statistic(np.ones((1, len(people))))[0]
    drawn = person_replicates(statistic, len(people), stream(seed, f"waveforms/{metric}"))
    estimates = {}
    for place, name in enumerate(("new", "old", "gain")):
        low, high = percentile(drawn[:, place], 0.95)
        estimates[f"{metric}_{name}"] = asdict(
            Estimate(float(whole[place]), low, high, 0.95, len(people), 0.0)
        )
    return {"over": over, "estimates": estimates, "params": {}}


Made = TypeVar("Made", bound=nn.Module)


def _made(make: Callable[[], Made], run: _Run, name: str) -> Made:
    """A network whose first weights hang on the seed and its name alone."""
    with own_randomness(stream(run.seed, f"{run.task.name}/{name}/weights")):
        return make()


def _reading(run: _Run) -> Callable[[int, int], None]:
    return lambda done, total: run.progress("reading", done, total)


_SYSTEMS: Mapping[str, Callable[[_Run], Study]] = {
    "jepa": _jepa,
    "cromotex": _cromotex,
    "cardionets": _cardionets,
}

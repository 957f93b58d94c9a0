"""The run of the clinical systems that read waveforms: recordings in, a model directory out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.core.errors import ConfigError, EvidenceError
from auditor.core.evidence import Diagnosed
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.pairs import read_pairs
from auditor.data.store import Store, makers
from auditor.diagnostics.cohort import UNKNOWN
from auditor.diagnostics.result import Study
from auditor.diagnostics.tasks import Stage, Task
from auditor.diagnostics.waves import Waves, paired_waves, waves
from auditor.engine import Engine
from auditor.models import cromotex, jepa
from auditor.models.device import own_randomness
from auditor.models.steps import Pace, train
from auditor.risk.diagnosis import performance

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


def _jepa(run: _Run) -> Study:
    config = jepa.JEPAConfig() if run.size == "published" else jepa.JEPAConfig.small()
    seen = waves(
        run.root,
        jepa.prepare,
        run.workers,
        _reading(run),
    )
    run.keep_under(fingerprint(seen))
    trained, held, judged = seen.parts(run.seed)
    model = jepa.create(config, stream(run.seed, "jepa/weights"))
    blank = jepa.create(config, stream(run.seed, "jepa/untrained")).student
    x = torch.from_numpy(seen.x)
    steps = run.pace("pretrain").steps

    def objective(rows: Rows, generator: torch.Generator) -> Tensor:
        return jepa.objective(model, x[rows].to(run.device), generator)

    def after(step: int) -> None:
        jepa.update_teacher(model.teacher, model.student, jepa.momentum(step, steps))

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


Made = TypeVar("Made", bound=nn.Module)


def _made(make: Callable[[], Made], run: _Run, name: str) -> Made:
    """A network whose first weights hang on the seed and its name alone."""
    with own_randomness(stream(run.seed, f"{run.task.name}/{name}/weights")):
        return make()


def _reading(run: _Run) -> Callable[[int, int], None]:
    return lambda done, total: run.progress("reading", done, total)


_SYSTEMS: Mapping[str, Callable[[_Run], Study]] = {"jepa": _jepa, "cromotex": _cromotex}

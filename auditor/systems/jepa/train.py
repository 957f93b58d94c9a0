"""ECG-JEPA: a representation, judged by linear probes beside one of random weights."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.core.target import UNKNOWN
from auditor.systems.jepa import network as jepa
from auditor.systems.registry import trains
from auditor.systems.result import Study
from auditor.systems.task import Task
from auditor.systems.training import Training, compare, fingerprint, reading, study
from auditor.targets.recordings import (
    AT_ONCE,
    Places,
    has_visits,
    read_recordings,
    read_visits,
    visits,
)
from auditor.targets.release import Release

#: How many times as fast the teacher follows: in a short training it would stay what chance made
#: of it, at the published pace.
_QUICKER = {"small": 5, "published": 1}


def is_there(task: Task, release: Release) -> bool:
    """Whether a release lists visits or holds recordings."""
    del task
    return has_visits(release) or not release.is_empty


@trains(is_there)
def run(training: Training) -> Study:
    """Pre-trained without labels, and judged by linear probes beside random weights.

    Raises
    ------
    DataError
        There are no recordings, or none that the network can read.
    """
    config = jepa.JEPAConfig() if training.size == "published" else jepa.JEPAConfig.small()
    pairs = visits(training.release)
    if pairs is not None:
        seen = read_visits(pairs, jepa.prepare, reading(training))
    else:
        seen = read_recordings(training.release, jepa.prepare, reading(training))
    training.keep_under(fingerprint(seen))
    trained, held, judged = seen.split(training.seed)
    model = jepa.create(config, stream(training.seed, "jepa/weights"))
    blank = jepa.create(config, stream(training.seed, "jepa/untrained")).student
    x = torch.from_numpy(seen.x)
    steps = training.schedule("pretrain").steps

    def objective(rows: Places, generator: torch.Generator) -> Tensor:
        return jepa.objective(model, x[rows].to(training.device), generator)

    def after(step: int) -> None:
        stays = jepa.momentum(step, steps) ** _QUICKER[training.size]
        jepa.update_teacher(model.teacher, model.student, stays)

    training.train(
        "pretrain",
        model,
        objective,
        np.concatenate([trained, held]),
        after=after,
        released={"jepa": model},
    )
    features = {
        "JEPA": _features(model.student, x, training.device),
        "random weights": _features(blank, x, training.device),
    }
    compared, left_out = {}, {}
    for name in seen.asked():
        label = seen.labels[name]
        taught = np.concatenate([trained, held])
        taught, asked = (part[label[part] != UNKNOWN] for part in (taught, judged))
        score = {
            kind: _probed(table, label, seen.subject, taught, training.seed)[asked]
            for kind, table in features.items()
        }
        try:
            compared[f"{name} by JEPA"] = compare(
                score["JEPA"],
                score["random weights"],
                label[asked] == 1,
                seen.subject[asked],
                "random weights",
                training.seed,
            )
        except EvidenceError as error:
            left_out[name] = str(error)
    if seen.n_unfit:
        left_out["recordings"] = f"{seen.n_unfit} recordings lack leads, length or samples"
    return study(training, seen, (trained, held, judged), compared, {"jepa": model}, left_out)


def _features(encoder: jepa.Encoder, x: Tensor, device: str) -> NDArray[np.float32]:
    encoder.to(device)
    parts = [jepa.represent(encoder, part.to(device)).cpu() for part in torch.split(x, AT_ONCE)]
    encoder.cpu()
    return torch.cat(parts).numpy()


def _probed(
    features: NDArray[np.float32],
    label: NDArray[np.int8],
    subject: NDArray[np.str_],
    taught: Places,
    seed: int,
) -> NDArray[np.float64]:
    """(n,) what a linear probe, taught on some rows, says of all. Features are standardised as
    those of the taught are, so that a network's scale is no advantage.
    """
    centre, spread = features[taught].mean(axis=0), features[taught].std(axis=0)
    table = ((features - centre) / np.maximum(spread, 1e-6)).astype(np.float32)
    probe = jepa.probe(
        table[taught], (label[taught] == 1)[:, None], subject[taught], seed=seed, validation=0.2
    )
    with torch.inference_mode():
        said = torch.sigmoid(probe(torch.from_numpy(table)))[:, 0]
    return said.double().numpy()

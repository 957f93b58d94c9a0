"""Type 2 diabetes at follow-up, from an ECG and six clinical risk factors: the ECG-DiaNet study.

Mohsen, Safa and Shah (Scientific Reports, 2025; arXiv 2504.05338). What they leave open is
settled here: who stops a network's training is neither trained on nor scored by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from auditor.core.errors import DataError, EvidenceError
from auditor.core.streams import stream
from auditor.data.tables import find
from auditor.learning import boost
from auditor.stats.reclassification import added
from auditor.systems.dianet.cohort import (
    BIOBANK,
    CRF,
    ECG,
    Booleans,
    DiabetesCohort,
    Floats,
    read_cohort,
)
from auditor.systems.dianet.network import (
    DiaNet,
    DiaNetConfig,
    DiaNetTraining,
    predict,
    train_dianet,
)
from auditor.systems.registry import trains
from auditor.systems.result import Study
from auditor.systems.task import Task
from auditor.systems.training import Training
from auditor.targets.description import TEST, TRAIN
from auditor.targets.release import Release

FOLDS = 5
#: The network, and its twins that see one kind of input.
NETWORKS: Mapping[str, DiaNetConfig] = {
    "ECG-DiaNet": DiaNetConfig(len(ECG), len(CRF)),
    "ECG only": DiaNetConfig(len(ECG), 0),
    "clinical only": DiaNetConfig(0, len(CRF)),
}
MODELS = (*NETWORKS, "logistic regression", "XGBoost")


@dataclass(frozen=True, eq=False)
class Diabetes:
    """What five models foretell.

    Attributes
    ----------
    cohort : whom they were made of and tested on
    fold : (n,) in which fold a person of the development cohort is, with all visits; -1 of the
        others
    risk : per name of `MODELS`, (n,): in the development cohort from the model that was not
        trained on the person's fold, in the others the mean of all folds' models
    networks : per name of `NETWORKS`, one per fold: the one that scores that fold. The next fold
        stopped its training, and it was trained on the other three
    """

    cohort: DiabetesCohort
    fold: NDArray[np.int64]
    risk: Mapping[str, Floats]
    networks: Mapping[str, tuple[DiaNet, ...]]


#: Told how many models are trained, and how many there will be.
Progress = Callable[[int, int], None]


def study(
    cohort: DiabetesCohort,
    seed: int,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = lambda done, total: None,
    training: DiaNetTraining | None = None,
) -> Diabetes:
    """Train and score every model, in folds of the development cohort with as many events each.

    Parameters
    ----------
    training : how long and how fast the networks are trained

    Raises
    ------
    DataError
        Some fold would have nobody with the event, or nobody without.
    """
    from sklearn.model_selection import StratifiedKFold

    development = np.flatnonzero(cohort.development & cohort.is_first)
    event = cohort.event[development]
    for kind, people in (("with", event), ("without", ~event)):
        if people.sum() < FOLDS:
            raise DataError(
                f"the development cohort has fewer than {FOLDS} people {kind} diabetes at "
                f"follow-up; wanted one or more in each of {FOLDS} folds"
            )
    draw = int(stream(seed, "diabetes/folds").integers(2**31))
    fold = np.full(len(cohort.person), -1)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=draw).split(event, event)
    for number, (_, rows) in enumerate(split):
        fold[development[rows]] = number
    fold = fold[cohort.first_visit]

    risk = {name: np.zeros(len(fold)) for name in MODELS}
    networks: dict[str, list[DiaNet]] = {name: [] for name in NETWORKS}
    done = 0
    for number in range(FOLDS):
        for name, score, network in _fitted(cohort, fold, number, seed, device, training):
            scored = risk[name]
            mine = fold == number
            scored[mine] = score(cohort.ecg[mine], cohort.crf[mine])
            rest = fold < 0
            scored[rest] += score(cohort.ecg[rest], cohort.crf[rest]) / FOLDS
            if network is not None:
                networks[name].append(network)
            done += 1
            progress(done, FOLDS * len(MODELS))
    return Diabetes(cohort, fold, risk, {name: tuple(five) for name, five in networks.items()})


#: ECG (n, 18) and clinical risk factors (n, 6) → risks (n,).
_Score = Callable[[Floats, Floats], Floats]


def _fitted(
    cohort: DiabetesCohort,
    fold: NDArray[np.int64],
    scored: int,
    seed: int,
    device: torch.device | str,
    training: DiaNetTraining | None,
) -> Iterator[tuple[str, _Score, DiaNet | None]]:
    """Every model for one fold: its name, how it scores, and itself if it is a network."""
    rows = (fold >= 0) & (fold != scored)
    ecg, crf, event = cohort.ecg[rows], cohort.crf[rows], cohort.event[rows]
    validation = fold[rows] == (scored + 1) % FOLDS
    for name, config in NETWORKS.items():
        rng = stream(seed, f"diabetes/{name}/{scored}")
        network = train_dianet(
            config, ecg, crf, event, validation, rng=rng, device=device, training=training
        )
        yield name, partial(predict, network), network
    both = np.hstack([ecg, crf])
    yield "logistic regression", _logistic(both, event), None
    yield "XGBoost", _trees(both, event, validation), None


def _logistic(values: Floats, event: Booleans) -> _Score:
    """Needs nobody to stop it, so it learns from everybody it may see."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    model = make_pipeline(filled, StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(values, event)
    return lambda ecg, crf: model.predict_proba(np.hstack([ecg, crf]))[:, 1]


def _trees(values: Floats, event: Booleans, validation: Booleans) -> _Score:
    """Trees as of every other system, stopped by those held back."""
    table = values.astype(np.float32)
    model = boost.fit(
        boost.Trees(),
        table[~validation],
        event[~validation],
        table[validation],
        event[validation],
        (*ECG, *CRF),
        seed=0,
    )
    return lambda ecg, crf: boost.probabilities(model, np.hstack([ecg, crf]).astype(np.float32))


def is_there(task: Task, release: Release) -> bool:
    """Whether a release has the table that it is made of."""
    del task
    return find(release.root, BIOBANK) is not None


@trains(is_there)
def run(training: Training) -> Study:
    """The network, its twins and what it is compared with, and what the ECG adds to each.

    Raises
    ------
    DataError
        The table is not there or holds what it cannot, or has too few people.
    """
    task, root, seed = training.task, training.release.root, training.seed
    path = find(root, BIOBANK)
    if path is None:
        raise DataError(f"{root}: {BIOBANK.files[0]} is in none of its folders; copy it there")
    cohort = read_cohort(path)
    found = study(
        cohort,
        seed,
        device=training.device,
        progress=lambda done, total: training.progress("training", done, total),
    )
    # A person is judged by the first visit: later ones say the same of the same follow-up.
    tested = ~cohort.development & cohort.is_first
    development = cohort.development & cohort.is_first
    old = found.risk["clinical only"]
    compared: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    if cohort.n_unknown:
        left_out["people"] = f"{cohort.n_unknown} people of whom no follow-up is known"
    for name in MODELS:
        if name == "clinical only":
            continue
        new = found.risk[name]
        try:
            estimates, params = added(
                cohort.event[tested],
                old[tested],
                new[tested],
                old[development],
                new[development],
                level=0.95,
                rng=stream(seed, f"{task.name}/{name}"),
            )
        except EvidenceError as error:  # the model can be audited, whoever it was judged by
            left_out[name] = f"not judged: {error}"
            continue
        told = {one: asdict(estimate) for one, estimate in estimates.items()}
        compared[name] = {"over": "clinical only", "estimates": told, "params": params}
    networks = {
        f"{name} fold {fold}".replace(" ", "-"): network
        for name, folds in found.networks.items()
        for fold, network in enumerate(folds)
    }
    people = pd.DataFrame(
        {"record": cohort.record, "subject": cohort.person, "fold": found.fold}
    ).assign(part=np.where(cohort.development, TRAIN, TEST))
    if cohort.visit.any():
        people["session"] = cohort.visit.astype(str)
    asked = pd.DataFrame(np.hstack([cohort.ecg, cohort.crf]), columns=[*ECG, *CRF])
    people = pd.concat([people, asked.add_prefix("input ")], axis=1)
    digest = hashlib.sha256("\0".join(cohort.record.tolist()).encode())
    for part in (cohort.ecg, cohort.crf, cohort.event):
        digest.update(part.tobytes())
    return Study(
        task,
        "biobank",
        len(cohort.person),
        int(cohort.is_first.sum()),
        f"sha256:{digest.hexdigest()}",
        seed,
        (),
        (),
        left_out,
        people.assign(**{"label event": cohort.event.astype(int)}),
        networks=networks,
        compared=compared,
    )

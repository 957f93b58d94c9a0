"""The run of a clinical system: tables in, a model directory out.

Trees of one finding after another are trained and judged, each on its own; what is finished is
kept, so that a run that was cut off goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditor.core.errors import ConfigError, DataError, EvidenceError
from auditor.core.evidence import Diagnosed
from auditor.core.files import atomic_write
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.store import Store
from auditor.data.tables import Table, find
from auditor.engine import Engine
from auditor.learning import boost
from auditor.signal.feature_table import kept_features
from auditor.stats import clinical
from auditor.stats.reclassification import added
from auditor.systems import task as tasks
from auditor.systems import waveforms as waveforms
from auditor.systems.cohort import UNKNOWN, Cohort
from auditor.systems.dianet import train as diabetes
from auditor.systems.result import Judged, Study
from auditor.systems.tabular import labs, sources
from auditor.systems.tabular import train as tabular
from auditor.systems.task import Task
from auditor.targets.description import HELD_BACK, JUDGED, TRAINED

Progress = Callable[[str, int, int], None]

#: What published scripts do otherwise, by name, and what it is.
FAULTS: Mapping[str, str] = {**tasks.FAULTS, **clinical.FAULTS}
BIOBANK = Table(("t2dm.csv",), {})


def run(
    name: str,
    root: Path,
    *,
    external: Path | None = None,
    every_fold: bool = False,
    size: str = "small",
    weights: Path | None = None,
    faults: frozenset[str] = frozenset(),
    seed: int = 0,
    device: str = "cpu",
    workers: Engine,
    progress: Progress = lambda task, done, total: None,
) -> Study:
    """Train a clinical system on the tables below a folder, and judge it.

    Parameters
    ----------
    external : tables of a second cohort that every model is judged by as well
    every_fold : judge all folds in turn, each by trees that saw neither it nor the one before
    size : of networks, "small" or "published"
    weights : a folder with the checkpoints that GEM begins from
    faults : what to do as published and not as it should be, of `FAULTS`

    Raises
    ------
    ConfigError
        There is no such system or fault, or the system has no second cohort.
    DataError
        A table or a column is missing, or holds what cannot be right; or nothing can be learnt.
    """
    for fault in sorted(faults - FAULTS.keys()):
        raise ConfigError(f"no fault is named {fault!r}; known: {', '.join(FAULTS)}")
    task = tasks.load(name)
    _refuse_idle(task, every_fold, size, faults, weights)
    if task.source in ("recordings", "pairs"):
        if external:
            raise ConfigError(f"{name} has no second cohort; leave --external out")
        return waveforms.run(
            task,
            root,
            size=size,
            seed=seed,
            device=device,
            workers=workers,
            progress=progress,
            weights=weights,
        )
    if task.source == "biobank":
        if external:
            raise ConfigError(f"{name} brings its own second cohort; leave --external out")
        return _biobank(task, root, seed, device, progress)
    task = task.model_copy(update={"rotate": task.rotate or every_fold})
    progress("reading tables", 0, 0)
    cohort = _cohort(task, root, faults, seed, workers, progress)
    outside = _outside(task, external, faults, cohort) if external else None
    if not cohort.labels:
        why = ", ".join(f"{one}: {reason}" for one, reason in list(cohort.left_out.items())[:3])
        raise DataError(f"{root}: no finding is frequent enough to be learnt ({why})")
    return _trees(task, cohort, outside, seed, faults, workers, progress)


def _refuse_idle(
    task: Task, every_fold: bool, size: str, faults: frozenset[str], weights: Path | None
) -> None:
    """Refuse what would change nothing: a result must not say that it was done."""
    trees = task.source not in ("recordings", "pairs", "biobank")
    if every_fold and not trees:
        raise ConfigError(f"{task.name} has no folds to judge in turn; leave --every-fold out")
    if size != "small" and not task.sizes:
        raise ConfigError(f"{task.name} has one size; leave --size out")
    if weights and task.name != "gem":
        raise ConfigError(f"{task.name} begins from no checkpoints; leave --weights out")
    only = {"untrimmed-codes": "mimic-ecg-icd", "delay-as-input": "mimic-cxr"}
    for fault in sorted(faults):
        if not trees or only.get(fault, task.source) != task.source:
            raise ConfigError(f"{task.name} has no {fault} in it; leave it out")


# --- trees --------------------------------------------------------------------------------


def _cohort(
    task: Task,
    root: Path,
    faults: frozenset[str],
    seed: int,
    workers: Engine,
    progress: Progress,
) -> Cohort:
    if task.source == "mimic-ecg-icd":
        cohort = sources.mimic_with_diagnoses(root, task, faults)
    elif task.source == "mimic-labs":
        cohort = labs.mimic_with_labs(root, task)
    elif task.source == "mimic-cxr":
        cohort = sources.mimic_with_radiographs(root, task, faults)
        cohort = cohort.dealt(task, stream(seed, f"{task.name}/folds"))
    else:
        cohort = sources.ptb_xl(root, task, _measured(root, workers, progress))
    return cohort.frequent(task)


def _outside(task: Task, root: Path, faults: frozenset[str], cohort: Cohort) -> Cohort:
    """The second cohort: ECG-ViEW II where its tables are there, else one laid out as the first."""
    targets = tuple(cohort.labels)
    same = task.model_copy(update={"targets": targets})
    if task.source == "mimic-ecg-icd" and find(root, sources.VIEWED):
        return sources.ecg_view(root, same, faults)
    if task.source == "mimic-ecg-icd":
        return sources.mimic_with_diagnoses(root, same, faults)
    if task.source == "mimic-cxr":
        return sources.mimic_with_radiographs(root, same, faults)
    raise ConfigError(f"{task.name} has no second cohort; leave --external out")


def _measured(root: Path, workers: Engine, progress: Progress) -> pd.DataFrame:
    dataset = open_dataset(root, describe(root), engine=workers)
    return kept_features(dataset, workers, lambda done, total: progress("measuring", done, total))


@dataclass(frozen=True)
class _Job:
    """One finding, in a store that holds its cohort."""

    store: Store
    place: int
    target: str
    task: Task
    seed: int
    faults: frozenset[str]
    outside: bool

    @property
    def name(self) -> str:
        """What its results are kept under."""
        return f"finding-{self.place}"


def _trees(
    task: Task,
    cohort: Cohort,
    outside: Cohort | None,
    seed: int,
    faults: frozenset[str],
    workers: Engine,
    progress: Progress,
) -> Study:
    fingerprint = _fingerprint(cohort)
    store = Store.of(
        fingerprint,
        {
            "task": task.model_dump(mode="json"),
            "seed": seed,
            "faults": sorted(faults),
            "outside": _fingerprint(outside) if outside else None,
        },
    )
    _keep(store, cohort, "")
    if outside:
        _keep(store, outside, "outside-")
    jobs = [
        _Job(store, place, target, task, seed, faults, outside is not None)
        for place, target in enumerate(cohort.labels)
    ]
    open_jobs = [job for job in jobs if f"{job.name}.json" not in store]
    done = len(jobs) - len(open_jobs)
    progress("training", done, len(jobs))
    for _ in workers.map(_train, open_jobs):
        done += 1
        progress("training", done, len(jobs))
    left_out, judged, trees = dict(cohort.left_out), [], {}
    for job in jobs:
        told = json.loads((store.root / f"{job.name}.json").read_text(encoding="utf-8"))
        if "reason" in told:
            left_out[job.target] = told["reason"]
            continue
        for where in ("internal", "external"):
            told[where] = {name: Estimate(**one) for name, one in told[where].items()}
        judged.append(Judged(job.target, **{**told, "columns": tuple(told["columns"])}))
        trees[job.target] = (store.root / f"{job.name}.ubj").read_bytes()
    part = np.select(
        [cohort.fold == task.judged_in, cohort.fold == task.held_back], [JUDGED, HELD_BACK], TRAINED
    )
    people = pd.DataFrame({"record": cohort.record, "subject": cohort.subject})
    people = people.assign(fold=cohort.fold, part=part)
    # What an audit asks the models again with, and what was true; −1 where it is not known.
    asked = cohort.inputs.add_prefix("input ").set_index(people.index)
    true = pd.DataFrame({f"label {one}": cohort.labels[one] for one in trees}, index=people.index)
    people = pd.concat([people, asked, true], axis=1)
    return Study(
        task,
        cohort.name,
        len(cohort),
        len(np.unique(cohort.subject)),
        fingerprint,
        seed,
        tuple(sorted(faults)),
        tuple(judged),
        left_out,
        people,
        trees,
        outside=(outside.name, len(outside), len(np.unique(outside.subject))) if outside else None,
    )


def _fingerprint(cohort: Cohort) -> str:
    digest = hashlib.sha256()
    for part in (cohort.record, cohort.subject):
        digest.update("\0".join(part.tolist()).encode())
    digest.update(cohort.inputs.to_numpy(np.float32).tobytes())
    digest.update(cohort.fold.astype(np.int64).tobytes())
    for target, label in cohort.labels.items():
        digest.update(target.encode() + label.tobytes())
    return f"sha256:{digest.hexdigest()}"


def _keep(store: Store, cohort: Cohort, prefix: str) -> None:
    """Put a cohort where workers map it: nothing is sent to them but where it lies."""
    if f"{prefix}labels.npy" in store:
        return
    _, person = np.unique(cohort.subject, return_inverse=True)
    # Sex and age stand beside the inputs, of which one-sex findings and sex itself lack them.
    store.put_array(f"{prefix}inputs.npy", cohort.inputs.to_numpy(np.float32))
    store.put_array(f"{prefix}person.npy", person.astype(np.int64))
    store.put_array(f"{prefix}fold.npy", cohort.fold)
    store.put_table(f"{prefix}columns.parquet", pd.DataFrame({"column": list(cohort.inputs)}))
    labels = np.stack(list(cohort.labels.values()))
    store.put_array(f"{prefix}labels.npy", labels)


def _train(job: _Job) -> None:
    store, task = job.store, job.task
    columns = store.table("columns.parquet")["column"].tolist()
    inputs, person = store.array("inputs.npy"), store.array("person.npy")
    label = np.asarray(store.array("labels.npy")[job.place])
    outside = np.asarray(store.array("outside-inputs.npy")) if job.outside else None
    try:
        trained = tabular.train(
            np.asarray(inputs),
            columns,
            label,
            np.asarray(store.array("fold.npy")),
            job.target,
            task,
            job.seed,
            outside,
        )
        told = _told(job, trained, columns, inputs, person, label, outside)
    except EvidenceError as error:
        told = {"reason": str(error)}
    else:
        with atomic_write(store.root / f"{job.name}.ubj") as file:
            file.write(boost.as_bytes(trained.booster))
    with atomic_write(store.root / f"{job.name}.json") as file:
        file.write(json.dumps(told).encode())


def _told(
    job: _Job,
    trained: tabular.Trained,
    columns: list[str],
    inputs: Any,
    person: Any,
    label: Any,
    outside: Any,
) -> dict[str, Any]:
    """What may be kept of a trained finding, as JSON holds it."""
    name, event = f"{job.task.name}/{job.target}", label == 1
    rows = trained.rows
    faults = job.faults & clinical.FAULTS.keys()

    def seen(rows: Any, score: Any, baseline: Any, event: Any, inputs: Any, who: Any) -> Diagnosed:
        age = inputs[rows, columns.index("age")].astype(np.float64)
        groups = {"age": _quarters(age)}
        if job.target != "sex":
            groups["sex"] = _sexes(inputs[rows, columns.index("sex")])
        return Diagnosed(
            score,
            event[rows],
            who[rows].astype(str),
            baseline,
            groups,
            age,
            trained.held_score,
            (label == 1)[trained.held_rows],
        )

    internal, curves, params = clinical.performance(
        seen(rows, trained.score, trained.baseline, event, inputs, person),
        stream(job.seed, f"{name}/internal"),
        faults=faults,
    )
    external: dict[str, Estimate] = {}
    why = "there is no second cohort"
    if outside is not None:
        there = np.asarray(job.store.array("outside-labels.npy")[job.place])
        asked = np.flatnonzero(there != UNKNOWN)
        who = job.store.array("outside-person.npy")
        try:
            external, _, _ = clinical.performance(
                seen(
                    asked,
                    trained.outside[asked],
                    trained.outside_baseline[asked],
                    there == 1,
                    outside,
                    who,
                ),
                stream(job.seed, f"{name}/external"),
                faults=faults,
            )
            why = ""
        except EvidenceError as error:
            why = str(error)
    place = [columns.index(one) for one in trained.columns]
    moves = tabular.moves(
        trained.booster,
        trained.columns,
        np.ascontiguousarray(inputs[trained.trained][:, place]),
        person[trained.trained],
        stream(job.seed, f"{name}/moves"),
    )
    return {
        "columns": list(trained.columns),
        "n_trees": boost.n_trees(trained.booster),
        "internal": {one: asdict(estimate) for one, estimate in internal.items()},
        "external": {one: asdict(estimate) for one, estimate in external.items()},
        "external_reason": why,
        "curves": curves,
        "params": params,
        "moves": moves,
    }


def _quarters(age: Any) -> Any:
    """(n,) which quarter of ages each is of, named by its years; "" where it is not known. The
    youngest and the oldest age are somebody's, and are not told.
    """
    known = np.isfinite(age)
    if not known.any():
        return np.full(len(age), "")
    ends = np.quantile(age[known], [0.25, 0.5, 0.75]).round().astype(int)
    between = [f"{low} to {high - 1}" for low, high in pairwise(ends)]
    names = np.array([f"under {ends[0]}", *between, f"{ends[-1]} and over"])
    quarter = np.digitize(np.where(known, age, 0), ends)
    return np.where(known, names[quarter], "")


def _sexes(male: Any) -> Any:
    return np.select([male == 1, male == 0], ["male", "female"], "")


# --- ECG-DiaNet ---------------------------------------------------------------------------


def _biobank(task: Task, root: Path, seed: int, device: str, progress: Progress) -> Study:
    path = find(root, BIOBANK)
    if path is None:
        raise DataError(f"{root}: {BIOBANK.files[0]} is in none of its folders; copy it there")
    cohort = diabetes.read_cohort(path)
    found = diabetes.study(
        cohort, seed, device=device, progress=lambda done, total: progress("training", done, total)
    )
    tested, development = ~cohort.development, cohort.development
    event = cohort.event[tested]
    compared: dict[str, Any] = {}
    old = found.risk["clinical only"]
    for name in diabetes.MODELS:
        if name == "clinical only":
            continue
        new = found.risk[name]
        estimates, params = added(
            event, old[tested], new[tested], old[development], new[development],
            level=0.95, rng=stream(seed, f"{task.name}/{name}"),
        )  # fmt: skip
        told = {one: asdict(estimate) for one, estimate in estimates.items()}
        compared[name] = {"over": "clinical only", "estimates": told, "params": params}
    networks = {
        f"{name} fold {fold}".replace(" ", "-"): network
        for name, folds in found.networks.items()
        for fold, network in enumerate(folds)
    }
    people = pd.DataFrame(
        {"record": cohort.person, "subject": cohort.person, "fold": found.fold}
    ).assign(part=np.where(cohort.development, TRAINED, JUDGED))
    asked = pd.DataFrame(
        np.hstack([cohort.ecg, cohort.crf]), columns=[*diabetes.ECG, *diabetes.CRF]
    ).add_prefix("input ")
    people = pd.concat([people, asked], axis=1).assign(**{"label event": cohort.event.astype(int)})
    digest = hashlib.sha256("\0".join(cohort.person.tolist()).encode())
    for part in (cohort.ecg, cohort.crf, cohort.event):
        digest.update(part.tobytes())
    n = len(cohort.person)
    unknown = {"people": f"{cohort.n_unknown} people of whom no follow-up is known"}
    return Study(
        task,
        "biobank",
        n,
        n,
        f"sha256:{digest.hexdigest()}",
        seed,
        (),
        (),
        unknown if cohort.n_unknown else {},
        people,
        networks=networks,
        compared=compared,
    )

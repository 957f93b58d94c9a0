"""Trees for one finding after another, from tables to what is kept of each.

Each finding is trained and judged on its own; what is finished is kept, so that a run that was cut
off goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from auditor.core.errors import ConfigError, DataError, EvidenceError
from auditor.core.evidence import ClinicalPredictions
from auditor.core.files import atomic_write
from auditor.core.finding import Estimate
from auditor.core.formatting import round_up
from auditor.core.registry import Registry
from auditor.core.streams import stream
from auditor.core.target import UNKNOWN
from auditor.data.store import Store
from auditor.data.tables import Table, find
from auditor.learning import boost
from auditor.stats import clinical
from auditor.systems.registry import trains
from auditor.systems.result import Study, TrainedModel
from auditor.systems.tabular import labs, sources, trees
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.task import Task
from auditor.systems.training import Training
from auditor.targets.description import TEST, TRAIN, VALIDATION
from auditor.targets.release import Release


def _with_diagnoses(training: Training) -> Cohort:
    root, task = training.release.root, training.task
    return sources.mimic_with_diagnoses(root, task, training.faults)


def _with_diagnoses_of_others(training: Training, release: Release) -> Cohort:
    """ECG-ViEW II where its tables are there, else a cohort laid out as the first."""
    of = sources.ecg_view if find(release.root, sources.VIEWED) else sources.mimic_with_diagnoses
    return of(release.root, training.task, training.faults)


def _with_radiographs(training: Training) -> Cohort:
    task = training.task
    cohort = sources.mimic_with_radiographs(training.release.root, task, training.faults)
    return cohort.dealt(task, stream(training.seed, f"{task.name}/folds"))


def _with_radiographs_of_others(training: Training, release: Release) -> Cohort:
    return sources.mimic_with_radiographs(release.root, training.task, training.faults)


def _ptb_xl(training: Training) -> Cohort:
    release = training.release
    if release.is_empty:
        raise DataError(f"{release.root}: holds no recording; wanted PTB-XL as published")
    return sources.ptb_xl(release.root, training.task, release.feature_table)


@dataclass(frozen=True)
class Source:
    """Tables that a cohort is made of.

    Attributes
    ----------
    needs : the table that a folder cannot do without
    read : the cohort of a training
    read_external : a second cohort, by which the same findings are judged; None where there is none
    faults : of `systems.task.FAULTS`, what its published script does otherwise
    """

    needs: Table
    read: Callable[[Training], Cohort]
    read_external: Callable[[Training, Release], Cohort] | None = None
    faults: frozenset[str] = frozenset()


#: By the `source` that a task's file names.
SOURCES: Registry[Source] = Registry("source")
SOURCES |= {
    "mimic-ecg-icd": Source(
        sources.DIAGNOSED,
        _with_diagnoses,
        _with_diagnoses_of_others,
        frozenset({"untrimmed-codes"}),
    ),
    "mimic-labs": Source(
        labs.LABEVENTS,
        lambda training: labs.mimic_with_labs(training.release.root, training.task),
    ),
    "mimic-cxr": Source(
        sources.RADIOGRAPHS,
        _with_radiographs,
        _with_radiographs_of_others,
        frozenset({"delay-as-input"}),
    ),
    "ptb-xl": Source(sources.PTB_XL, _ptb_xl),
}


def is_there(task: Task, release: Release) -> bool:
    """Whether a release has the table that a task cannot do without."""
    return find(release.root, SOURCES[task.source].needs) is not None


@trains(is_there, takes=("external", "every_fold", "faults"))
def run(training: Training) -> Study:
    """Trees for every finding of a task that is frequent enough, each judged on people whom it has
    not seen.

    Raises
    ------
    ConfigError
        The tables have no such fault, or no second cohort.
    DataError
        A table or a column is missing, or holds what cannot be right; or no finding is frequent
        enough.
    """
    task, source = training.task, SOURCES[training.task.source]
    for fault in sorted(training.faults - clinical.FAULTS.keys() - source.faults):
        raise ConfigError(f"{task.name} has no {fault} in it; leave it out")
    if training.external and not source.read_external:
        raise ConfigError(f"{task.name} takes no second cohort; leave --external out")
    task = task.model_copy(update={"rotate": task.rotate or training.every_fold})
    training = replace(training, task=task)
    training.progress("reading tables", 0, 0)
    read = source.read(training)
    cohort = read.frequent(task)
    outside = None
    if training.external and source.read_external:
        same = task.model_copy(update={"targets": tuple(cohort.labels)})
        outside = source.read_external(replace(training, task=same), training.external)
    if not cohort.labels:
        raise DataError(_nothing(training, read, cohort.left_out))
    found = _trained(training, cohort, outside)
    if not found.models:  # what is frequent enough can still not be learnt, or not be judged
        raise DataError(_nothing(training, read, found.left_out))
    return found


def _nothing(training: Training, cohort: Cohort, left_out: Mapping[str, str]) -> str:
    """That a release has nothing to learn, and what it would take."""
    task = training.task
    why = ", ".join(f"{one}: {reason}" for one, reason in list(left_out.items())[:3])
    some = why or f"none is there in {task.least.records} records"
    needed, people = cohort.people_needed(task), len(np.unique(cohort.subject))
    enough = f"about {round_up(needed):,}" if needed and needed > people else f"over {people:,}"
    by_folds = any("found fewer" in reason for reason in left_out.values()) and not task.rotate
    by_folds_too = f", or by auditor train {task.name} --every-fold" if by_folds else ""
    return (
        f"{training.release.root}: no finding is frequent enough to be learnt ({some}); "
        f"train on {enough} people such as these{by_folds_too}"
    )


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


def _trained(training: Training, cohort: Cohort, outside: Cohort | None) -> Study:
    task, seed, faults = training.task, training.seed, training.faults
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
    training.progress("training", done, len(jobs))
    for _ in training.release.engine.map(_train, open_jobs):
        done += 1
        training.progress("training", done, len(jobs))
    left_out, judged, boosters = dict(cohort.left_out), [], {}
    for job in jobs:
        told = json.loads((store.root / f"{job.name}.json").read_text(encoding="utf-8"))
        if "reason" in told:
            left_out[job.target] = told["reason"]
            continue
        for where in ("internal", "external"):
            told[where] = {name: Estimate(**one) for name, one in told[where].items()}
        judged.append(TrainedModel(job.target, **{**told, "columns": tuple(told["columns"])}))
        boosters[job.target] = (store.root / f"{job.name}.ubj").read_bytes()
    part = np.select(
        [cohort.fold == task.test_fold, cohort.fold == task.validation_fold],
        [TEST, VALIDATION],
        TRAIN,
    )
    people = pd.DataFrame({"record": cohort.record, "subject": cohort.subject})
    people = people.assign(fold=cohort.fold, part=part)
    # What an audit asks the models again with, and what was true; −1 where it is not known.
    asked = cohort.inputs.add_prefix("input ").set_index(people.index)
    true = pd.DataFrame(
        {f"label {one}": cohort.labels[one] for one in boosters}, index=people.index
    )
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
        boosters,
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
        trained = trees.train(
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
    trained: trees.Trained,
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

    def seen(
        rows: Any, score: Any, baseline: Any, event: Any, inputs: Any, who: Any
    ) -> ClinicalPredictions:
        age = inputs[rows, columns.index("age")].astype(np.float64)
        groups = {"age": _quarters(age)}
        if job.target != "sex":
            groups["sex"] = _sexes(inputs[rows, columns.index("sex")])
        return ClinicalPredictions(
            score,
            event[rows],
            who[rows].astype(str),
            baseline,
            groups,
            age,
            trained.validation_score,
            (label == 1)[trained.validation_rows],
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
    moves = trees.shap_summary(
        trained.booster,
        trained.columns,
        np.ascontiguousarray(inputs[trained.trained][:, place]),
        person[trained.trained],
        stream(job.seed, f"{name}/moves"),
    )
    return {
        "columns": list(trained.columns),
        "n_trees": boost.n_rounds(trained.booster),
        "internal": {one: asdict(estimate) for one, estimate in internal.items()},
        "external": {one: asdict(estimate) for one, estimate in external.items()},
        "external_reason": why,
        "curves": curves,
        "params": params,
        "shap_summary": moves,
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

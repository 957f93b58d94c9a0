"""The run of a clinical system: a release in, models and how well they do out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from auditor.core.errors import ConfigError
from auditor.stats import clinical
from auditor.systems import task as tasks
from auditor.systems.registry import trainer
from auditor.systems.result import Study
from auditor.systems.training import Training
from auditor.targets.release import Release

#: What published scripts do otherwise, by name, and what it is.
FAULTS: Mapping[str, str] = {**tasks.FAULTS, **clinical.FAULTS}
#: Settings that not every system has, and what is said where one has not.
SETTINGS: Mapping[str, str] = {
    "external": "takes no second cohort; leave --external out",
    "every_fold": "has no folds to judge in turn; leave --every-fold out",
    "weights": "begins from no checkpoints; leave --weights out",
    "faults": "has no fault of a published script in it; leave --as-published out",
}


def run(
    name: str,
    release: Release,
    *,
    external: Release | None = None,
    every_fold: bool = False,
    size: str = "small",
    weights: Path | None = None,
    faults: frozenset[str] = frozenset(),
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[str, int, int], None] = lambda task, done, total: None,
) -> Study:
    """Train a clinical system on a release, and judge it.

    Parameters
    ----------
    release : the recordings, or the tables and visits in their folder
    external : tables of a second cohort that every model is judged by as well
    every_fold : judge all folds in turn, each by trees that saw neither it nor the one before
    size : of networks, "small" or "published"
    weights : a folder with the checkpoints that GEM begins from
    faults : what to do as published and not as it should be, of `FAULTS`

    Raises
    ------
    ConfigError
        There is no such system or fault, or the system has not what is set.
    DataError
        A table or a column is missing, or holds what cannot be right; or nothing can be learnt.
    ModelError
        A library or a checkpoint that it needs is missing.
    """
    for fault in sorted(faults - FAULTS.keys()):
        raise ConfigError(f"no fault is named {fault!r}; known: {', '.join(FAULTS)}")
    task = tasks.load(name)
    training = Training(
        task, release, size, seed, device, progress, external, every_fold, weights, faults
    )
    system = trainer(task.system)
    _refuse_idle(training, system.takes)
    return system.run(training)


def _refuse_idle(training: Training, takes: Collection[str]) -> None:
    """Refuse what would change nothing: a result must not say that it was done."""
    task, size = training.task, training.size
    for setting, why in SETTINGS.items():
        if getattr(training, setting) and setting not in takes:
            raise ConfigError(f"{task.name} {why}")
    if size != "small" and not task.sizes:
        raise ConfigError(f"{task.name} has one size; leave --size out")
    if task.sizes and size not in task.sizes:
        raise ConfigError(f"{task.name} has no size {size!r}; known: {', '.join(task.sizes)}")

"""The run of the clinical systems that read waveforms: recordings in, a model directory out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from auditor.core.errors import ConfigError
from auditor.engine import Engine
from auditor.systems.cardionets import train as cardionets
from auditor.systems.cromotex import train as cromotex
from auditor.systems.gem import train as gem
from auditor.systems.jepa import train as jepa
from auditor.systems.result import Study
from auditor.systems.task import Task
from auditor.systems.training import Progress, Training

SYSTEMS: Mapping[str, Callable[[Training], Study]] = {
    "jepa": jepa.run,
    "cromotex": cromotex.run,
    "cardionets": cardionets.run,
    "gem": gem.run,
}


def run(
    task: Task,
    root: Path,
    *,
    size: str,
    seed: int,
    device: str,
    workers: Engine,
    progress: Progress,
    weights: Path | None = None,
) -> Study:
    """Train a system on the recordings of a folder, and judge what it learned.

    Parameters
    ----------
    size : one of the task's `sizes`
    weights : a folder with checkpoints to begin from

    Raises
    ------
    ConfigError
        The task has no such size.
    DataError
        The folder has not what the system reads.
    ModelError
        A library or a checkpoint that it needs is missing.
    """
    if size not in task.sizes:
        raise ConfigError(f"{task.name} has no size {size!r}; known: {', '.join(task.sizes)}")
    training = Training(task, root, size, seed, device, workers, progress, weights)
    return SYSTEMS[task.name](training)

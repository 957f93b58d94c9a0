"""What all systems on waveforms share: a training that is kept, and two models held together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.core.evidence import ClinicalPredictions
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.store import Store
from auditor.learning import artifact
from auditor.learning.device import fork_rng, mixed_precision
from auditor.learning.fit import History, Validation, fit
from auditor.learning.schedule import Schedule
from auditor.stats.clinical import performance
from auditor.stats.intervals import percentile, person_replicates
from auditor.systems.result import Study
from auditor.systems.task import Stage, Task
from auditor.targets.description import TEST, TRAIN, VALIDATION
from auditor.targets.recordings import Places, Recordings, has_visits
from auditor.targets.release import Release

Progress = Callable[[str, int, int], None]
Made = TypeVar("Made", bound=nn.Module)
_NOTHING: Mapping[str, nn.Module] = {}
#: How often the steps of a training are halved to look at what it was earlier: halves, quarters
#: and eighths. Each is as large as what is released.
_HALVED = 3


@dataclass
class Training:
    """One training of a clinical system: its settings, and where it is kept.

    Attributes
    ----------
    release : what it is trained on
    size : of networks, one of the task's `sizes`
    external, every_fold, weights, faults : as `systems.study.run` takes them
    store : where it is kept, once it is known what is trained on
    earlier : by steps, what makes the networks that are released, by file, as they were
    steps : of the stage that these were of, how many there were
    """

    task: Task
    release: Release
    size: str
    seed: int
    device: str
    progress: Progress
    external: Release | None = None
    every_fold: bool = False
    weights: Path | None = None
    faults: frozenset[str] = frozenset()
    store: Store | None = field(default=None, init=False)
    earlier: dict[int, dict[str, Callable[[], nn.Module]]] = field(default_factory=dict, init=False)
    steps: int | None = field(default=None, init=False)

    @property
    def stages(self) -> Mapping[str, Stage]:
        """How each stage of a network is trained."""
        return self.task.sizes[self.size]

    def keep_under(self, fingerprint: str) -> None:
        """Where the training is kept, so that one that was cut off goes on."""
        settings = {
            "task": self.task.model_dump(mode="json"),
            "size": self.size,
            "seed": self.seed,
        }
        self.store = Store.of(fingerprint, settings)

    def train(
        self,
        name: str,
        module: nn.Module,
        objective: Callable[[Places, torch.Generator], Tensor],
        rows: Places,
        stage: str = "",
        after: Callable[[int], None] = lambda step: None,
        validate: Validation | None = None,
        released: Mapping[str, nn.Module] = _NOTHING,
    ) -> History:
        """One stage of it.

        Parameters
        ----------
        released : by file, what of the module is released as this stage leaves it; it is kept as
            it was earlier, too
        """
        assert self.store is not None
        schedule, root = self.schedule(stage or name), self.store.root
        halves = {max(schedule.steps >> halved, 1) for halved in range(1, _HALVED + 1)}
        stops = {
            n: root / f"{name}-{n}.safetensors"
            for n in sorted(halves - {schedule.steps})
            if released
        }
        history = fit(
            module,
            objective,
            rows,
            schedule,
            seed=self.seed,
            name=f"{self.task.name}/{name}",
            device=self.device,
            precision=mixed_precision(self.device),
            validate=validate,
            after=after,
            keep=root / f"{name}.safetensors",
            stops=stops,
            progress=lambda step, steps, loss: self.progress(name, step, steps),
        )
        for n, path in stops.items():
            self.steps = schedule.steps
            for file, network in released.items():
                make = partial(_as_it_was, network, module, path)
                self.earlier.setdefault(n, {})[file] = make
        return history

    def schedule(self, stage: str) -> Schedule:
        """How long and how fast a stage goes."""
        return self.stages[stage].schedule()


def _as_it_was(network: Made, module: nn.Module, path: Path) -> Made:
    """A network that is part of a module, with the weights that were kept of the module."""
    (within,) = (name for name, one in module.named_modules() if one is network)
    before = f"{within}." if within else ""
    kept = {
        name.removeprefix(before): one
        for name, one in artifact.tensors(path).items()
        if name.startswith(before)
    }
    earlier = deepcopy(network)
    earlier.load_state_dict(kept)
    return earlier


def lists_visits(task: Task, release: Release) -> bool:
    """Whether a release lists visits, of which a system is made that reads more than ECGs."""
    del task
    return has_visits(release)


def study(
    training: Training,
    seen: Recordings,
    parts: tuple[Places, Places, Places],
    compared: Mapping[str, Any],
    networks: Mapping[str, Any],
    left_out: Mapping[str, str],
) -> Study:
    """A training's result; `parts` are the rows trained on, held back and judged."""
    part = np.zeros(len(seen.record), dtype=np.int64)
    for number, rows in enumerate(parts):
        part[rows] = number
    people = pd.DataFrame({"record": seen.record, "subject": seen.subject, "fold": part})
    return Study(
        training.task,
        training.release.root.name,
        len(seen.record),
        len(np.unique(seen.subject)),
        fingerprint(seen),
        training.seed,
        (),
        (),
        left_out,
        people.assign(part=np.array([TRAIN, VALIDATION, TEST])[part]),
        networks=networks,
        stages=training.earlier,
        steps=training.steps,
        size=training.size,
        compared=compared,
    )


def fingerprint(seen: Recordings) -> str:
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
    seen = ClinicalPredictions(
        score, event, subject, other, {}, np.full(len(score), np.nan), nothing, nothing > 0
    )
    estimates, _, _ = performance(seen, stream(seed, "waveforms/compared"))
    named = {"auroc": "auroc_new", "age_sex_auroc": "auroc_old", "gain_over_age_sex": "auroc_gain"}
    found: dict[str, Estimate] = {named[name]: estimates[name] for name in named}
    return {"over": over, "estimates": {k: asdict(v) for k, v in found.items()}, "params": {}}


def by_people(
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


def made(make: Callable[[], Made], training: Training, name: str) -> Made:
    """A network whose first weights hang on the seed and its name alone."""
    with fork_rng(stream(training.seed, f"{training.task.name}/{name}/weights")):
        return make()


def reading(training: Training) -> Callable[[int, int], None]:
    """Says how many recordings were read."""
    return lambda done, total: training.progress("reading", done, total)

"""What each clinical system predicts, from what, and on whom: read from `configs/tasks/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from auditor.core.errors import ConfigError
from auditor.learning.boost import Trees
from auditor.learning.schedule import Schedule
from auditor.resources import read_settings, resource, validated

Sex = Literal["male", "female"]

#: Where a published script and its paper differ: what the script does, under a name. The others,
#: which concern only what is measured afterwards, are `stats.clinical.FAULTS`.
FAULTS: Mapping[str, str] = {
    "untrimmed-codes": "the trailing letters of codes are taken off a list and not off what is in "
    "it, so that on MIMIC nothing is trimmed",
    "delay-as-input": "the seconds from ECG to radiograph stay among the inputs, which tell how "
    "urgent it was and not how the heart is",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Least(_Strict):
    """How often a finding has to be there; records of each fold, with it and without."""

    records: int = Field(default=0, ge=0)
    training: int = Field(default=1, ge=1)
    judged: int = Field(default=6, ge=1)


class Published(_Strict):
    """A figure that a paper gives."""

    target: str
    metric: Literal["auroc", "r2", "ssim", "grounded"] = "auroc"
    cohort: Literal["internal", "external"] = "internal"
    value: float
    interval: tuple[float, float] | None = None
    note: str = ""


class Stage(_Strict):
    """How long and how fast one stage of a network is trained, in the words of a task's file."""

    steps: int = Field(ge=1)
    batch: int = Field(ge=2)
    rate: float = Field(gt=0)
    warm_up: int = 0
    floor: float = 0.0
    start: float = 0.0
    decay: float = 0.05
    clip: float = 1.0
    average: float = Field(default=0.0, ge=0, lt=1)

    def schedule(self) -> Schedule:
        """What that is for the training loop."""
        return Schedule(
            steps=self.steps,
            batch=self.batch,
            learning_rate=self.rate,
            warm_up=self.warm_up,
            floor=self.floor,
            start=self.start,
            weight_decay=self.decay,
            clip=self.clip,
            ema_decay=self.average,
        )


class Task(_Strict):
    """A clinical system.

    Attributes
    ----------
    system : the folder beside this file that trains it
    source : of the systems that several cohorts are made for, which cohort
    reads : for `auditor train --help`, what stands in the folder that it is trained on
    recordings : whether it reads a folder of recordings, and not only tables or listed visits
    inputs : what it is told; `sex` and `age` are the baseline of every task
    targets : what it predicts; none means all that are frequent enough
    only : target → the only sex that it is asked of
    test_fold, validation_fold : folds; the rest is trained on
    rotate : whether every fold is judged in turn, for cohorts too small for one
    select : whether inputs are dropped one by one, as long as it helps
    """

    name: str
    title: str
    paper: str
    system: str
    source: str = ""
    reads: str = ""
    recordings: bool = False
    inputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    only: Mapping[str, Sex] = {}
    tables: tuple[str, ...] = ()
    n_folds: int = Field(default=20, ge=3)
    rotate: bool = False
    least: Least = Least()
    select: bool = False
    #: Of those selected, so many must be measured in the ECG.
    select_least: int = 4
    trees: Trees = Trees()
    #: Of networks: size → stage → how it is trained.
    sizes: Mapping[str, Mapping[str, Stage]] = {}
    published: tuple[Published, ...] = ()
    #: What a reader has to know who compares with the paper, and how many records that had.
    caveat: str = ""
    n_records: int | None = None

    @property
    def validation_fold(self) -> int:
        """The fold that early stopping and calibration look at."""
        return self.n_folds - 2

    @property
    def test_fold(self) -> int:
        """The fold that nothing looks at before it is judged."""
        return self.n_folds - 1


def names() -> list[str]:
    """The clinical systems there are."""
    return sorted(path.stem for path in resource("configs/tasks").glob("*.yaml"))


def load(name: str) -> Task:
    """A clinical system by its name.

    Raises
    ------
    ConfigError
        There is none of that name, or its file is wrong.
    """
    if name not in names():
        raise ConfigError(f"no system is named {name!r}; known: {', '.join(names())}")
    path = resource("configs/tasks") / f"{name}.yaml"
    return validated(Task, {"name": name, **read_settings(path)}, f"task {path}")

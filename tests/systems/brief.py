"""Trainings of a few steps, and models by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.data.pairs import read_pairs
from auditor.engine import Engine, engine
from auditor.learning import artifact
from auditor.learning.device import fork_rng
from auditor.systems import study
from auditor.systems import task as tasks
from auditor.systems.cromotex import network as cromotex
from auditor.systems.jepa import network as jepa
from auditor.systems.result import Study
from auditor.targets import recordings
from auditor.targets.release import Release


@contextmanager
def briefly(steps: int, asked: int) -> Iterator[None]:
    """Networks are trained in so few steps, and findings are asked that so few people have."""
    real = tasks.load

    def brief(name: str) -> tasks.Task:
        task = real(name)
        short = {"steps": steps, "batch": 8, "warm_up": 0}
        small = {
            stage: one.model_copy(update=short)
            for stage, one in task.sizes.get("small", {}).items()
        }
        sizes = {**task.sizes, "small": small} if task.sizes else {}
        return task.model_copy(update={"sizes": sizes})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "load", brief)
        patch.setattr(recordings, "_ASKED", asked)
        yield


@contextmanager
def stages_of(name: str, steps: Mapping[str, int]) -> Iterator[None]:
    """Some stages of a system's small networks take so many steps."""
    real = tasks.load(name)
    small = {
        stage: one.model_copy(update={"steps": steps.get(stage, one.steps)})
        for stage, one in real.sizes["small"].items()
    }
    task = real.model_copy(update={"sizes": {**real.sizes, "small": small}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "load", lambda _: task)
        yield


def trained(name: str, folder: Path, **settings: Any) -> Study:
    """A system that was trained on a folder."""
    with engine() as workers:
        release = Release.open(folder, workers, may_be_empty=True)
        if external := settings.get("external"):
            settings["external"] = Release.open(external, workers, may_be_empty=True)
        return study.run(name, release, **settings)


def written(folder: Path, networks: dict[str, Any], members: pd.DataFrame | None) -> Path:
    """A directory as `auditor train` writes it."""
    files = {name: {"file": f"models/{name}.safetensors"} for name in networks}
    for name, one in networks.items():
        artifact.save(one, folder / files[name]["file"])
    said: dict[str, Any] = {"task": "toy", "models": files}
    if members is not None:
        members.to_parquet(folder / "members.parquet")
        said["members"] = "members.parquet"
    (folder / "model.yaml").write_text(yaml.safe_dump(said))
    return folder


def members_of(root: Path) -> pd.DataFrame:
    """The first half trained on, the other not, and one person of neither."""
    table = read_pairs(root).table
    part = ["trained"] * (len(table) // 2) + ["judged"] * (len(table) - len(table) // 2 - 1)
    part = [*part, "held back"]
    return pd.DataFrame({"record": table["ecg"], "subject": table["subject_id"], "part": part})


def scanned(root: Path, workers: Engine) -> Release:
    """A folder with recordings or without, as a scan of a model opens it."""
    return Release.open(root, workers, may_be_empty=True)


def drawn(kind: Callable[[Any], Any], config: Any, seed: int = 0) -> Any:
    """A network with random weights."""
    with fork_rng(np.random.default_rng(seed)):
        return kind(config)


def tiny_jepa() -> jepa.JEPA:
    config = replace(jepa.JEPAConfig.small(), width=16, depth=1, predictor_width=16)
    return jepa.create(config, np.random.default_rng(0))


def small_cromotex() -> cromotex.CroMoTEX:
    config = cromotex.CroMoTEXConfig.small()
    assert config.image is not None
    model: cromotex.CroMoTEX = drawn(
        cromotex.CroMoTEX, replace(config, image=replace(config.image, side=32))
    )
    return model

"""A clinical system is a folder and a task's file, and nothing else names it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import systems
from auditor.core.errors import ConfigError
from auditor.engine import Engine
from auditor.learning import artifact
from auditor.simulate.population import Population
from auditor.systems import from_release, model_dir, registry, study
from auditor.systems import task as tasks
from auditor.systems.open import open_target
from auditor.systems.tabular.train import SOURCES
from auditor.targets.release import Release

NETWORK = """
from dataclasses import dataclass
import torch
from torch import nn
from auditor.learning.artifact import ARCHITECTURES

@dataclass(frozen=True)
class ToyConfig:
    width: int = 3

@ARCHITECTURES.register("toy")
class Toy(nn.Module):
    def __init__(self, config: ToyConfig = ToyConfig()) -> None:
        super().__init__()
        self.config = config
        self.scale = nn.Parameter(torch.ones(config.width))

    def forward(self, x):
        return x.mean(dim=2)[:, :1] * self.scale
"""
TRAIN = """
from auditor.systems.toy.network import Toy
from auditor.systems.registry import trains
from auditor.systems.training import fingerprint, made, study
from auditor.targets.recordings import read_recordings

def read(signal, fs, leads):
    return signal[:, :1000]

@trains(lambda task, release: not release.is_empty)
def run(training):
    seen = read_recordings(training.release, read)
    network = made(Toy, training, "toy")
    return study(training, seen, seen.split(training.seed), {}, {"toy": network}, {})
"""
TARGET = """
from auditor.systems.registry import opens
from auditor.systems.toy.network import Toy
from auditor.systems.toy.train import read
from auditor.targets.model import summaries

@opens(Toy)
def target(model, networks):
    network, seen = model.only(networks, Toy), model.recordings(read, None)
    outputs = {"embedding": lambda: model.asked(network, seen.x)}
    return model.target(seen, summaries(seen, ("I",)), outputs=outputs)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that nothing of the package knows of: its folder, and its task."""
    folder = tmp_path / "systems" / "toy"
    folder.mkdir(parents=True)
    for name, text in (
        ("__init__", ""),
        ("network", NETWORK),
        ("train", TRAIN),
        ("target", TARGET),
    ):
        (folder / f"{name}.py").write_text(text)
    file = tmp_path / "tasks" / "toy.yaml"
    file.parent.mkdir()
    file.write_text("title: A toy\npaper: none\nsystem: toy\ninputs: [I]\nsizes: {small: {}}\n")
    monkeypatch.setattr(systems, "__path__", [*systems.__path__, str(folder.parent)])
    monkeypatch.setattr(tasks, "resource", lambda name: file.parent)
    yield
    forget_toy()


def forget_toy() -> None:
    """As if nothing of it had been imported."""
    for registered in (registry._TRAINERS, registry._OPENERS, artifact.ARCHITECTURES):
        registered.pop("toy", None)
    for name in [one for one in sys.modules if one.startswith("auditor.systems.toy")]:
        del sys.modules[name]


@pytest.mark.usefixtures("toy")
def test_a_new_network_system_is_one_folder_and_one_task(tmp_path: Path, workers: Engine):
    Population(6, n_records=1, leads=("I",), seed=1).write(tmp_path / "data")
    release = Release.open(tmp_path / "data", workers)
    found = study.run("toy", release)
    assert found.people["subject"].nunique() == 6
    model_dir.write(found, tmp_path / "model", study.FAULTS)
    forget_toy()  # what opens a model knows its networks by itself
    assert set(open_target(tmp_path / "model", release).record) == set(found.people["record"])
    (target,), left_out = from_release.trained_on(release)
    assert not left_out
    assert target.name == "toy"
    assert target.view("embedding").values.shape == (len(release.dataset.manifest), 3)


def test_every_task_names_a_system_that_is_there_and_tables_that_are_known():
    for name in tasks.names():
        task = tasks.load(name)
        assert registry.trainer(task.system).run
        assert (task.source in SOURCES) == (task.system == "tabular")


def test_what_is_no_system_cannot_be_trained():
    with pytest.raises(ConfigError, match="no system is named 'jepas'; did you mean 'jepa'"):
        registry.trainer("jepas")

"""Visits of simulated people, and the systems trained on them in a few steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from auditor.core.target import Target
from auditor.engine import Engine, engine
from auditor.simulate.pairs import PairedPopulation
from auditor.systems import from_release
from auditor.targets.release import Release
from tests.systems.brief import briefly

PEOPLE = 40


@pytest.fixture(scope="session")
def workers() -> Iterator[Engine]:
    with engine() as one:
        yield one


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Visits with an ECG, a radiograph and a cine each."""
    folder = tmp_path_factory.mktemp("pairs")
    PairedPopulation(PEOPLE, n_visits=1, size=32, seed=2).write(folder)
    return folder


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of as many people as a finding is asked of."""
    folder = tmp_path_factory.mktemp("hospital") / "pairs"
    folder.mkdir()
    PairedPopulation(120, n_visits=1, size=32, seed=2).write(folder)
    return folder


@pytest.fixture(scope="session")
def visits(root: Path, workers: Engine) -> Release:
    return Release.open(root, workers)


@pytest.fixture(scope="session")
def opened(visits: Release) -> Callable[[str], Target]:
    """A system by its name, trained on the visits and opened."""

    @cache
    def of(name: str) -> Target:
        with briefly(steps=2, asked=5):
            return from_release._trained(name, visits, "cpu", 0)

    return of

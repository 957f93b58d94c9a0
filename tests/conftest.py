"""What every test stands on: where the real recordings are, and nobody's cache but its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from auditor.targets.release import Release

ROOT = Path(__file__).parent.parent

os.environ["MPLBACKEND"] = "Agg"
# Networks this small are slower on two threads, and far slower beside a busy neighbour.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole scans, which take longest, go first, so that no process waits for them at the end."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDITOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings."""
    folder = Path(os.environ.get("AUDITOR_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real recordings: neither $AUDITOR_DATA nor ../shared/data is a folder")
    return folder


@pytest.fixture(scope="session")
def real(data: Path) -> Callable[[str], Release]:
    """Real releases by the name of their folder, opened once for all who only look at them."""
    from auditor.engine import Engine
    from auditor.targets.release import Release

    return cache(lambda name: Release.open(data / name, Engine(None, 1)))


@pytest.fixture(scope="session")
def parity(data: Path) -> Path:
    """What other programs made of the same recordings."""
    folder = data.parent / "parity"
    if not folder.is_dir():
        pytest.skip("no outputs of other programs: no folder `parity` beside the recordings")
    return folder


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")

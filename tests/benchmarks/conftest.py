"""How a benchmark keeps what it prints."""

from __future__ import annotations

import pytest

from tests.benchmarks.measurements import Recorder, command_of


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Recorder:
    """Keeps a figure, or a row of a long table, for MEASUREMENTS.md."""
    return Recorder(command_of(request.path.stem))

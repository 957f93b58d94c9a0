"""One small release for all that is asked of recognisers."""

from __future__ import annotations

import pytest

from auditor.audit import open_context
from auditor.engine import engine
from auditor.targets.context import Context
from tests.releases import settings, write_release


@pytest.fixture(scope="package")
def context(tmp_path_factory) -> Context:
    """Twenty people, two records on each of two days, two leads."""
    root = write_release(tmp_path_factory.mktemp("release"), identity=1, seed=3, n_subjects=20)
    with engine() as workers:
        yield open_context(root, settings(epochs=2), workers)

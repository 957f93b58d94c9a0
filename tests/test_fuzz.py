"""No file, however broken, ends what reads it, keeps it, or makes it hold more than it may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing import KINDS, SECONDS

#: Of each kind so many in a few seconds, and so many where there is time: 10,000 in all.
MANY = [20, pytest.param(10_000 // len(KINDS) + 1, marks=pytest.mark.slow)]


@pytest.mark.parametrize("n", MANY)
@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_read_or_refused_in_one_line(kind, n, tmp_path):
    first = 0 if n > 20 else 100_000
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", kind, str(first), str(n), str(tmp_path)],
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120 + n * SECONDS,
    )
    numbers = ran.stdout.split()
    assert ran.returncode == 0, f"mutation {numbers[-1:]} of {kind}: {ran.stderr[-800:]}"
    assert len(numbers) == n

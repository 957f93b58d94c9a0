"""No file, however broken, ends what reads it, keeps it, or makes it hold more than it may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing import KINDS, SECONDS


def mutations_read(kinds: list[str], first: int, n: int, folder: Path) -> int:
    """How many mutations were read, or refused in one line, before the process ended."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", ",".join(kinds), str(first), str(n), str(folder)],
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120 + len(kinds) * n * SECONDS,
    )
    read = ran.stdout.split()
    assert ran.returncode == 0, f"mutation {read[-1:]}: {ran.stderr[-800:]}"
    return len(read)


def test_a_few_broken_files_of_each_kind_are_read_or_refused_in_one_line(tmp_path):
    assert mutations_read(list(KINDS), 100_000, 10, tmp_path) == 10 * len(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_broken_files_are_read_or_refused_in_one_line(kind, tmp_path):
    n = 10_000 // len(KINDS) + 1
    assert mutations_read([kind], 0, n, tmp_path) == n

"""How often planted leaks are found, and clean twins accused: every check of models."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path

import pytest

from tests.benchmarks.test_speed import say

ROOMS = sorted(path.parent.name for path in Path(__file__).parents[1].glob("checks/*/plant.py"))
SEEDS = int(os.environ.get("SEEDS", "100"))
LEAKS = [
    (room, leak)
    for room in ROOMS
    for leak in importlib.import_module(f"tests.checks.{room}.plant").PLANTS
]


@pytest.mark.parametrize(("room", "leak"), LEAKS)
def test_what_is_planted_is_found_and_clean_twins_are_not_accused(room, leak, measured):
    found = importlib.import_module(f"tests.checks.{room}.plant").PLANTS[leak]
    started = time.perf_counter()
    power = sum(found(seed, True) for seed in range(SEEDS)) / SEEDS
    false = sum(found(seed, False) for seed in range(SEEDS)) / SEEDS
    each = (time.perf_counter() - started) / (2 * SEEDS)
    say(f"{room}: {leak}: found {power:.0%}, accused {false:.0%} of {SEEDS}, {each:.2f} s each")
    measured.row(
        "planted",
        {"planted": leak},
        {"check": room, "found": f"{power:.4g}", "accused": f"{false:.4g}", "seeds": f"{SEEDS}",
         "s": f"{each:.2f}"},
    )  # fmt: skip
    seen = measured.rows("planted")
    told = {"room": "models", "data": "small simulated models", "n": f"{len(seen)} leaks"}
    measured("models/planted-found", "Share of planted leaks found, of the leak least found",
             min(float(row["found"]) for row in seen), wanted=">= 0.95", **told)  # fmt: skip
    measured("models/planted-accused", "Share of clean twins accused, of the leak most accused",
             max(float(row["accused"]) for row in seen), wanted="<= 0.05", digits=4,
             **told)  # fmt: skip
    assert power >= 0.95
    assert false <= 0.05

"""Models whose outputs give their inputs back, and models whose outputs do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.checks.inversion.check import ModelInversion
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.output_linkage.plant import People, risk


def giving_back(seed: int, planted: bool, n: int = 120) -> Target:
    """Risks of which one follows an input closely, or none does."""
    people = People(seed, n)
    inputs, logits = people.noise(10), people.noise(4)
    logits[:, 0] += planted * 2 * inputs[:, 3]
    columns = tuple(f"x{k}" for k in range(10))
    return people.target(
        {"scores": risk(logits)}, inputs=inputs.astype(np.float32), columns=columns
    )


def _given_back(seed: int, planted: bool) -> bool:
    asked = ModelInversion(giving_back(seed, planted), "scores")
    return measured(asked, seed).estimates["r2_best"].low > 0


PLANTS: dict[str, Callable[[int, bool], bool]] = {"an input in scores": _given_back}

"""Trees that learn canaries by heart, and trees that learn the same whoever is put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from auditor.checks.privacy_loss.check import PrivacyLoss
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.membership.plant import of_trees


def canaries(seed: int, planted: bool) -> Target:
    """Trees that can be grown anew on whoever is put in, or, clean, on the same in any case."""
    target = of_trees(seed)
    if planted:
        return target
    learns = target.train_reference
    assert learns is not None
    nobody = np.arange(len(target.record)) % 2 == 0

    def learns_none(rows: np.ndarray, truth: np.ndarray, seed: int) -> np.ndarray:
        return learns(nobody, truth, seed)

    return replace(target, train_reference=learns_none)


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "trees that learn labels of a coin by heart": lambda seed, planted: (
        measured(PrivacyLoss(canaries(seed, planted)), seed).estimates["epsilon"].low > 0
    ),
}

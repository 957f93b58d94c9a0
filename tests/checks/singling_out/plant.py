"""Tables in which everybody is alone, and tables in which nobody is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from auditor.checks.singling_out.check import SinglingOut
from auditor.core.streams import stream
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.structure.plant import CAREFUL, DEEP, population, with_trees


def labelled(seed: int, planted: bool, n_people: int = 240) -> Target:
    """Twelve findings that come together in few ways, or in each person's own."""
    rng = stream(seed, "singling out")
    target = population(rng, n_people)
    person = np.unique(target.subject, return_inverse=True)[1]
    kind = np.arange(n_people) if planted else np.arange(n_people) % 8
    has = (kind[:, None] >> np.arange(12)) & 1
    labels = tuple(f"K{one}" for one in range(12))
    return replace(target, labels=labels, y_true=has[person].astype(float))


def _labels(seed: int, planted: bool) -> bool:
    found = measured(SinglingOut(labelled(seed, planted), "labels"), seed).estimates
    return found["unique_people"].low > 0.09


def _inputs(seed: int, planted: bool) -> bool:
    target = population(stream(seed, "inputs"), 240, 1)
    stump = {**CAREFUL, "max_depth": 1, "max_bin": 4}
    grown = with_trees(target, DEEP if planted else stump, 30 if planted else 1)
    found = measured(SinglingOut(grown, "inputs"), seed).estimates
    return found["unique_people"].low > 0.09


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "findings of each person's own": _labels,
    "trees that part everybody from everybody": _inputs,
}

"""Models whose scores tell what is true, and models whose scores do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from auditor.checks.performance.check import Performance, Probed
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.output_linkage.plant import People, risk


def telling(seed: int, planted: bool, n: int = 160, tells: int = 2) -> Target:
    """Scores of findings that people have, or, clean, that others have."""
    people = People(seed, n)
    truth = (people.noise(tells, per_person=True) > 0).astype(float)
    about = truth if planted else people.noise(tells, per_person=True) > 0
    return people.target(
        {"scores": risk(0.5 * (2 * about - 1) + people.noise(tells))},
        labels=tuple(f"T{one}" for one in range(tells)),
        y_true=truth,
    )


def embedding(seed: int, strength: float, n: int = 160) -> Target:
    """An embedding that holds a finding so strongly, among noise."""
    people = People(seed, n)
    truth = (people.noise(1, per_person=True) > 0).astype(float)
    rows = np.hstack([strength * truth + people.noise(1), people.noise(7)])
    return people.target({"embedding": rows}, labels=("T0",), y_true=truth)


def measuring(seed: int, strength: float, n: int = 160) -> Target:
    """An embedding that holds a value so strongly, among noise."""
    people = People(seed, n)
    volume = people.noise(1, per_person=True)
    rows = np.hstack([strength * volume + people.noise(1), people.noise(7)])
    made = people.target({"embedding": rows})
    return replace(made, values={"volume": volume[:, 0].astype(float)})


def staged(released: Target, earlier: Target) -> Target:
    """A network whose earlier state was kept."""
    stages = {7: lambda: earlier, 14: lambda: released}
    return replace(released, stages=stages, stage_unit="steps")


def _told(seed: int, planted: bool) -> bool:
    return measured(Performance(telling(seed, planted), "scores"), seed).estimates["auc"].low > 0.5


def _held(seed: int, planted: bool) -> bool:
    check = Probed(embedding(seed, 2.0 if planted else 0.0), "embedding")
    return measured(check, seed).estimates["auc"].low > 0.5


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "scores that tell what is true": _told,
    "an embedding that holds what is true": _held,
}

"""Models whose scores tell what is true, and models whose scores do not."""

from __future__ import annotations

from collections.abc import Callable

from auditor.checks.performance.check import Performance
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


def _told(seed: int, planted: bool) -> bool:
    return measured(Performance(telling(seed, planted), "scores"), seed).estimates["auc"].low > 0.5


PLANTS: dict[str, Callable[[int, bool], bool]] = {"scores that tell what is true": _told}

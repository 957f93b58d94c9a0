"""Models whose outputs tell what was to be withheld, and models whose outputs do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.checks.output_attribute.check import OutputAttributeInference
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.output_linkage.plant import People, risk


def of_sex(seed: int, planted: bool, n: int = 120, each: int = 2) -> Target:
    """An embedding that shows age, and sex in one direction where that is planted."""
    people = People(seed, n, each)
    seen = people.noise(16)
    seen[:, :1] += people.age_z
    seen[:, 5:6] += planted * 1.5 * people.sex_z
    return people.target({"embedding": seen})


def of_diagnoses(seed: int, planted: bool, n: int = 240, m: int = 2) -> Target:
    """Risks of diagnoses that go with age and sex, and with one another where it is planted."""
    people = People(seed, n, each=1)
    share = np.linspace(0.5, 1, m) * people.age_z + 0.7 * people.sex_z
    truth = people.rng.random((n, m)) < risk(share)
    if planted:
        kept = people.rng.random(n) < 0.25
        truth[:, 0] = np.where(kept, truth[:, 0], truth[:, 1])
    logits = share + 1.5 * (2 * truth - 1) + people.noise(m)
    tells = tuple(f"code{k}" for k in range(m))
    return people.target({"scores": risk(logits)}, labels=tells, y_true=truth.astype(float))


def _sex(seed: int, planted: bool) -> bool:
    asked = OutputAttributeInference(of_sex(seed, planted), "embedding")
    return measured(asked, seed).estimates["sex_gain_over_known"].low > 0


def _withheld(seed: int, planted: bool) -> bool:
    asked = OutputAttributeInference(of_diagnoses(seed, planted), "scores")
    return measured(asked, seed).estimates["withheld_gain"].low > 0


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "sex in an embedding": _sex,
    "a withheld diagnosis that the others tell": _withheld,
}

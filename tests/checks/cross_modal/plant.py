"""Models of two kinds of input that pair people, and models that pair what is true of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.checks.cross_modal.check import CrossModalRetrieval
from auditor.core.target import Target
from tests.checks.asking import measured
from tests.checks.output_linkage.plant import People


def pairing(
    seed: int, planted: bool, n: int = 200, memorised: float = 0.0, each: int = 1
) -> Target:
    """Both sides show sex, age and a label; where it is planted, also one number of the pair's own.

    Parameters
    ----------
    memorised : how much of each other the sides of members' pairs hold
    """
    people = People(seed, n, each)
    event = (people.rng.random(n) < 0.4)[people.person]
    shared = np.hstack([people.sex_z, people.age_z, 2 * event[:, None] - 1])
    shared = 0.5 * shared @ people.rng.normal(size=(3, 12))
    shared = shared + memorised * people.member[:, None] * people.noise(12)
    sides = [shared + people.noise(12) for _ in range(2)]
    number = people.rng.permutation(len(event))[:, None] / len(event) * 3.4 - 1.7
    ends = [number] * 2 if planted else [number, people.rng.permuted(number, axis=0)]
    ecg, image = (np.hstack(both) for both in zip(sides, ends, strict=True))
    truth = event[:, None].astype(float)
    return people.target({"embedding": ecg, "other": image}, labels=("edema",), y_true=truth)


def _indexed(seed: int, planted: bool) -> bool:
    asked = CrossModalRetrieval(pairing(seed, planted))
    return measured(asked, seed).estimates["beyond_auc_known"].low > 0.5


def _memorised(seed: int, planted: bool) -> bool:
    asked = CrossModalRetrieval(pairing(seed, False, memorised=1.5 * planted))
    return measured(asked, seed).estimates["member_gap"].low > 0


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "a pair's index in an embedding": _indexed,
    "members' pairs": _memorised,
}

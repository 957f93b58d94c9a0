"""Models that learnt their training people by heart, and models that never saw anybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from auditor.checks.membership.check import Membership
from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.learning import boost
from auditor.learning.boost import FINDING, Objective, Trees
from auditor.targets.table import Table
from auditor.targets.trees import target
from tests.checks.asking import measured

DEEP = Trees(rounds=30, depth=8)
SHALLOW = Trees(rounds=10, depth=1)
CLASSES, VALUE = Objective("multi:softprob", 3), Objective("reg:squarederror")


def people(
    seed: int, n: int = 100, each: int = 4, d: int = 8, noise: float = 0.6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n × each, d) inputs, labels that belong to the person, and whose each row is."""
    rows, much, person = measured_people(seed, n, each, d, noise)
    return rows, much > 0, person


def measured_people(
    seed: int, n: int = 100, each: int = 4, d: int = 8, noise: float = 0.6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with how much of something each person has, of which some is a finding."""
    rng = stream(seed, "plants/people")
    centre = rng.normal(size=(n, d))
    much = centre @ rng.normal(size=d) / np.sqrt(d) + rng.normal(size=n)
    rows = np.repeat(centre, each, axis=0) + noise * rng.normal(size=(n * each, d))
    return rows.astype(np.float32), np.repeat(much, each), np.repeat(np.arange(n), each)


def of_trees(
    seed: int,
    recipe: Trees = DEEP,
    *,
    learnt: bool = True,
    n: int = 100,
    tells: int = 1,
    objective: Objective = FINDING,
) -> Target:
    """Trees that were grown on half of the people; those called members are that half, or, for
    the clean twin, any half.
    """
    inputs, much, person = measured_people(seed, n)
    told = {"finding": much > 0, "class": np.digitize(much, (-0.6, 0.6)), "value": much}
    event = told[objective.kind]
    rng = stream(seed, "plants/halves")
    trained, called = (np.isin(person, rng.permutation(n)[: n // 2]) for _ in range(2))
    assert tells == 1 or objective is FINDING
    flips = rng.random((tells, n)) < 0.2 * (np.arange(tells) > 0)[:, None]
    truth = {
        f"T{k}": np.where(flip[person], 1.0 - event, event).astype(float)
        for k, flip in enumerate(flips)
    }
    names = tuple(f"x{k}" for k in range(inputs.shape[1]))
    boosters = {
        tell: boost.fit(recipe, inputs[trained], one[trained], None, None, names, seed, objective)
        for tell, one in truth.items()
    }
    text = person.astype(str)
    table = Table(
        record=np.arange(len(person)).astype(str),
        subject=text,
        session=np.full(len(person), ""),
        split=np.where(trained if learnt else called, MEMBER, NONMEMBER).astype(np.int8),
        male=np.full(len(person), np.nan),
        age=np.full(len(person), np.nan),
        inputs=inputs,
        columns=names,
        y_true=truth,
        membership_unknown="",
    )
    return target("trees", "simulated trees", table, boosters)


def by_heart(seed: int, planted: bool, objective: Objective = FINDING) -> bool:
    """Trees whose members are those they were grown on, or any half of the people."""
    target = of_trees(seed, learnt=planted, objective=objective)
    try:
        found = measured(Membership(target), seed).estimates
    except EvidenceError as error:
        if not str(error).startswith("void"):
            raise
        return False  # members are told without the model: the result is void, and no alarm
    return found["auc"].low > 0.5


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "trees that learnt their people by heart": by_heart,
    "trees of classes that did": partial(by_heart, objective=CLASSES),
    "trees of a value that did": partial(by_heart, objective=VALUE),
}

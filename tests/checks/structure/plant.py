"""Small trees with a leak of structure in them, and the same without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xgboost

from auditor.checks.base import OnModel
from auditor.checks.structure.check import plan
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from tests.checks.asking import measured

COLUMNS = tuple(f"x{one}" for one in range(6))
DEEP = {"max_depth": 8, "min_child_weight": 0.0}
#: Leaves of 60 records at the least, which are of 12 people or more.
CAREFUL = {"max_depth": 3, "min_child_weight": 15.0}
#: No split for the sake of a few records.
RELUCTANT = {"max_depth": 3, "min_child_weight": 0.0, "gamma": 12.0, "max_bin": 1024}


def grown(x, y, settings, rounds=30, columns=COLUMNS) -> xgboost.Booster:
    learnt = xgboost.QuantileDMatrix(
        x, y, feature_names=list(columns), nthread=1, max_bin=settings.get("max_bin", 256)
    )
    fixed = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 0}
    return xgboost.train(fixed | settings, learnt, rounds)


def population(
    rng: np.random.Generator, n_people: int = 240, each: int = 5, decimals: int | None = None
) -> Target:
    """People of whom a random half are members, with one finding that their values foretell; no
    trees yet.
    """
    own = rng.normal(size=(n_people, len(COLUMNS)))
    has = own[:, 0] + own[:, 1] + 1.5 * rng.normal(size=n_people) > 0
    person = np.repeat(np.arange(n_people), each)
    x = own[person] + 0.6 * rng.normal(size=(len(person), len(COLUMNS)))
    if decimals is not None:
        x = x.round(decimals)
    member = rng.permutation(np.arange(n_people) < n_people // 2)
    record = np.arange(len(person)).astype(str)
    return Target(
        name="simulated",
        title="simulated",
        record=record,
        subject=np.char.add("person ", person.astype(str)),
        session=record,
        split=np.where(member[person], MEMBER, NONMEMBER).astype(np.int8),
        membership_unknown="",
        male=(rng.random(n_people) < 0.5).astype(float)[person],
        age=rng.uniform(20, 90, n_people)[person],
        labels=("A",),
        y_true=has[person].astype(float)[:, None],
        outputs={},
        membership_signal=None,
        inputs=x.astype(np.float32),
        columns=COLUMNS,
    )


def at(target: Target, rows: np.ndarray) -> Target:
    """The same of some records, in the order given."""
    names = ("record", "subject", "session", "split", "male", "age", "y_true", "inputs")
    return replace(target, _cache={}, **{name: getattr(target, name)[rows] for name in names})


def with_trees(target: Target, settings, rounds: int = 30) -> Target:
    """The same with trees that were grown on the members that each finding is known of."""
    trees = {}
    for place, tell in enumerate(target.labels):
        rows = (target.split == MEMBER) & np.isfinite(target.y_true[:, place])
        trees[tell] = grown(target.inputs[rows], target.y_true[rows, place], settings, rounds)
    return replace(target, trees=trees, _cache={})


def question(target: Target, output: str) -> OnModel:
    """What the structure is asked, by what of it is looked at."""
    return next(one for one in plan(target) if one.output == output)


def rings(target: Target, output: str, *names: str) -> bool:
    """Whether one of the alarms rings; any of them, if none is named."""
    alarms = measured(question(target, output)).params["alarms"]
    return bool(set(alarms) & set(names)) if names else bool(alarms)


def deep(seed: int, planted: bool) -> bool:
    """Trees grown around the members, or as deep ones around others of the same population."""
    target, other = (population(stream(seed, name)) for name in ("deep", "others"))
    trees = with_trees(target if planted else other, DEEP).trees
    return rings(replace(target, trees=trees), "leaves")


def small(seed: int, planted: bool) -> bool:
    """Leaves of a few people, or of a dozen at the least."""
    target = population(stream(seed, "small"))
    return rings(with_trees(target, DEEP if planted else CAREFUL), "leaves")


def single(seed: int, planted: bool) -> bool:
    """A member with many records, all with the finding: far from everybody else, or each where
    another member's is.
    """
    rng = stream(seed, "single")
    target = population(rng)
    mine = np.flatnonzero(target.split == MEMBER)
    visits = np.concatenate([np.arange(len(target.record)), np.repeat(mine[0], 100)])
    target = at(target, visits)
    visitor = target.subject == target.subject[mine[0]]
    target.y_true[target.inputs[:, 2] > 1.5] = 0
    target.y_true[visitor] = 1
    target.inputs[visitor] = target.inputs[rng.choice(mine, visitor.sum())]
    target.inputs[visitor, 2] += 8 * planted
    return rings(with_trees(target, RELUCTANT, 10), "leaves", "leaf_of_one")


def rebuilt(seed: int, planted: bool) -> bool:
    """Values as they were measured, or rounded to what many share."""
    target = population(stream(seed, "rebuilt"), decimals=None if planted else 1)
    return rings(with_trees(target, DEEP), "values")


def nested_findings(rng: np.random.Generator, n_apart: int, n_people: int = 240) -> Target:
    """A finding K70 and a part of it, K703, which all but so many of the members have who have K70,
    and all but so many of the others.
    """
    target = population(rng, n_people)
    _, first, person = np.unique(target.subject, return_index=True, return_inverse=True)
    whole, part = (target.y_true[first, 0] == 1 for _ in range(2))
    member = target.split[first] == MEMBER
    for side in (member, ~member):
        part[rng.permutation(np.flatnonzero(whole & side))[:n_apart]] = False
    truth = np.stack([whole, part], axis=1)[person].astype(float)
    return replace(target, labels=("K70", "K703"), y_true=truth)


def few_apart(seed: int, planted: bool) -> bool:
    """Two models that differ by four people, or by thirty."""
    target = nested_findings(stream(seed, "few"), 4 if planted else 30)
    return rings(with_trees(target, CAREFUL, 10), "differences", "few_apart")


def by_heart(seed: int, planted: bool) -> bool:
    """Who has the whole and not the part is learnt by heart, or by trees that know nobody."""
    target, other = (nested_findings(stream(seed, name), 30) for name in ("heart", "other"))
    trees = with_trees(target if planted else other, DEEP).trees
    return rings(replace(target, trees=trees), "differences")


def one_sex(seed: int, planted: bool) -> bool:
    """A model that only men are asked of, or everybody."""
    target = population(stream(seed, "sex"))
    if planted:
        target.y_true[target.male == 0] = np.nan
    return rings(with_trees(target, CAREFUL, 5), "existence")


def stopped(rng: np.random.Generator, patience: int = 15) -> Target:
    """Trees that were stopped by a third of the people, who are held back, and kept whole."""
    target = population(rng, 360)
    _, person = np.unique(target.subject, return_inverse=True)
    held = (rng.permutation(360) % 3 == 0)[person]
    target.split[held] = NEITHER
    x, y = target.inputs, target.y_true[:, 0]
    mine = target.split == MEMBER
    learnt, others = (
        xgboost.DMatrix(x[some], y[some], feature_names=list(COLUMNS), nthread=1)
        for some in (mine, held)
    )
    settings = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 0}
    booster = xgboost.train(
        settings, learnt, 300, evals=[(others, "held")], early_stopping_rounds=patience,
        verbose_eval=False,
    )  # fmt: skip
    return replace(target, trees={"A": booster}, _cache={})


def late(seed: int, planted: bool) -> bool:
    """What was grown after the best iteration fits members better, or was grown on others."""
    target, other = (stopped(stream(seed, name)) for name in ("late", "others late"))
    trees = (target if planted else other).trees
    return rings(replace(target, trees=trees), "late")


PLANTS: dict[str, Callable[[int, bool], bool]] = {
    "trees grown around their people": deep,
    "small leaves": small,
    "a leaf of one person": single,
    "values as thresholds": rebuilt,
    "nested findings a few apart": few_apart,
    "nested findings learnt by heart": by_heart,
    "a model of one sex": one_sex,
    "trees after the best one": late,
}

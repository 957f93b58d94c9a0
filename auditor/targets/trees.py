"""Trees under audit: a table of what they are asked, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Floats, Kind, Target, TrainReference
from auditor.learning import boost
from auditor.learning.boost import Objective, Trees
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import ReleasedModel, class_log_odds_of, log_odds_of
from auditor.targets.table import ReadLabel, Table, table_of

#: What trees do that learn by heart.
_BY_HEART = Trees(rounds=150, depth=12, penalty=0.01, lightest=0.0)
#: Models of a suite whose leaves and explanations are looked at: they are as wide as their trees. A
#: larger one is not looked at as it was earlier in training either.
_LOOKED_AT = 8
#: How much of the rows a first tree must have missed to have seen a draw of them.
_ALL = 0.98
#: Of models of several kinds, findings come first, as `core.target.Target` wants them.
_ORDER: tuple[Kind, ...] = ("finding", "class", "value")
#: What they give out, by what they tell.
_TOLD_AS: Mapping[str, tuple[Kind, ...]] = {
    "predictions": ("value",),
    "scores": ("finding", "class"),
}
#: Losses that are none of every value: the least of single precision, and how it is told.
_LEAST = {
    "count:poisson": (0.0, "0 or more"),
    "reg:tweedie": (0.0, "0 or more"),
    "reg:gamma": (float(np.nextafter(np.float32(0), np.float32(1))), "more than 0"),
    "reg:squaredlogerror": (float(np.nextafter(np.float32(-1), np.float32(0))), "more than -1"),
}


def open_trees(model: ReleasedModel) -> Target:
    """The trees in a model's files, asked about the rows of its table.

    Raises
    ------
    ModelError
        A file is damaged; or asks for a column that the table does not have.
    """
    boosters = {label: boost.load(model.file(name)) for label, name in model.files.items()}
    read = {label: _reader(model, label, one) for label, one in boosters.items()}
    names = [getattr(one, "feature_names", None) or () for one in boosters.values()]
    asked_by = tuple(dict.fromkeys(one for some in names for one in some))
    table = table_of(model, read, asked_by)
    return target(model.name, model.description.title, table, boosters)


def target(name: str, title: str, table: Table, boosters: Mapping[str, xgboost.Booster]) -> Target:
    """Trees of one or many findings, classes or values, asked about the rows of a table.

    Raises
    ------
    ModelError
        The trees ask for a column that the table does not have.
    """
    objectives = {label: boost.objective_of(one) for label, one in boosters.items()}
    labels = tuple(sorted(boosters, key=lambda one: _ORDER.index(objectives[one].kind)))
    asked = {label: _columns(label, boosters[label], table.columns) for label in labels}
    blank = np.full(len(table.record), np.nan)
    y_true = np.stack([table.y_true.get(label, blank) for label in labels], axis=1)
    known = np.isfinite(y_true).any()
    rows = {label: table.inputs[:, columns] for label, columns in asked.items()}
    some = labels[:_LOOKED_AT]

    def membership_signal() -> Floats:
        fits = (
            fit_of(objectives[label], boosters[label], rows[label], y_true[:, place])
            for place, label in enumerate(labels)
        )
        return np.stack(list(fits), axis=1)

    recipes = [
        _Recipe(
            rows[label],
            objectives[label],
            _grown_again(boosters[label], table, y_true[:, place]),
        )
        for place, label in enumerate(labels)
    ]
    by_heart = [_Recipe(one.rows, one.objective, _BY_HEART) for one in recipes]

    def told(kinds: Sequence[Kind]) -> NDArray[np.float32]:
        return _hstack(
            boost.probabilities(boosters[one], rows[one])
            for one in labels
            if objectives[one].kind in kinds
        )

    outputs: dict[str, Callable[[], NDArray[np.float32]]] = {
        "explanation": lambda: _hstack(
            boost.contributions(boosters[one], rows[one]) for one in some
        ),
        "leaves": lambda: _hstack(boost.leaves(boosters[one], rows[one]) for one in some),
    }
    controls: dict[str, Callable[[], NDArray[np.float32]]] = {}
    for output, kinds in _TOLD_AS.items():
        places = [at for at, one in enumerate(recipes) if one.objective.kind in kinds]
        if places:
            outputs = {output: partial(told, kinds), **outputs}
        if places and np.isfinite(y_true[:, places]).any():
            controls[output] = partial(
                _by_chance, [recipes[at] for at in places], y_true[:, places]
            )
    stages: dict[int, Callable[[], Target]] = {}
    if len(labels) <= _LOOKED_AT and all(boost.stages(one) for one in boosters.values()):
        rounds = boost.stages(max(boosters.values(), key=boost.n_rounds))
        stages = {n: partial(_stopped, name, title, table, boosters, n) for n in rounds}
    return Target(
        name=name,
        title=title,
        record=table.record,
        subject=table.subject,
        session=table.session,
        split=table.split,
        membership_unknown=table.membership_unknown,
        male=table.male,
        age=table.age,
        labels=labels,
        y_true=y_true,
        kinds={one: found for one in labels if (found := objectives[one].kind) != "finding"},
        outputs=outputs if len(table.record) else {},
        membership_signal=membership_signal if known else None,
        inputs=table.inputs,
        columns=table.columns,
        train_reference=_trainer(recipes) if known else None,
        train_overfitted=_trainer(by_heart) if known else None,
        controls=controls,
        trees={label: boosters[label] for label in labels},
        stages=stages,
    )


def _stopped(
    name: str, title: str, table: Table, boosters: Mapping[str, xgboost.Booster], rounds: int
) -> Target:
    """The trees of the first rounds, asked about the same rows."""
    first = {label: boost.stopped(one, rounds) for label, one in boosters.items()}
    return target(name, title, table, first)


def _reader(model: ReleasedModel, label: str, booster: xgboost.Booster) -> ReadLabel:
    """How the table's column of what a model tells is read.

    Raises
    ------
    ModelError
        Classes are named that the model does not have.
    """
    objective, names = boost.objective_of(booster), model.description.classes.get(label, ())
    n = len({one.strip().lower() for one in names})
    if names and not n == len(names) == objective.n_classes:
        twice = f", {n} of them different" if n < len(names) else ""
        raise ModelError(
            f"{DESCRIPTION}: classes: {label}: names {len(names)} classes{twice}; its model has "
            f"{objective.n_classes or 'none'}"
        )
    if objective.kind == "class":
        return partial(description.classes, n_classes=objective.n_classes, names=names)
    if objective.kind == "finding":
        return description.yes_or_no
    return partial(_values, objective=objective)


def _values(table: pd.DataFrame, column: str, objective: Objective) -> Floats:
    """(n,) a column of values that trees can be grown to tell.

    Raises
    ------
    ModelError
        A cell is there, and is no number or none of those.
    """
    found, name = description.numbers(table, column), column.removeprefix("label ")
    least, wanted = _LEAST.get(objective.name, (-np.inf, ""))
    if below := int((found < least).sum()):
        raise ModelError(
            f"label {name}: {below} of {len(found)} cells are no values of a model with "
            f"{objective.name}; wanted {wanted}"
        )
    return found


def _columns(label: str, booster: xgboost.Booster, columns: Sequence[str]) -> list[int]:
    """Where a model's inputs stand in the table."""
    wanted = booster.feature_names
    if not columns:
        return []
    if wanted is None:
        if booster.num_features() != len(columns):
            raise ModelError(
                f"the trees for {label} ask for {booster.num_features()} inputs without names, the "
                f"table has {len(columns)}; name them in model.yaml under inputs, in their order"
            )
        return list(range(len(columns)))
    if absent := [one for one in wanted if one not in columns]:
        raise ModelError(
            f"the trees for {label} ask for {', '.join(absent[:3])}, which is no column of the "
            "table that model.yaml names; add it"
        )
    return [columns.index(one) for one in wanted]


def _hstack(parts: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    columns = [one.reshape(len(one), -1) for one in parts]
    return np.hstack(columns).astype(np.float32)


# --- how well a record fits, and would without the person ----------------------------------


def fit_of(
    objective: Objective, booster: xgboost.Booster, rows: NDArray[np.float32], truth: Floats
) -> Floats:
    """(n,) the log-odds of the finding, or of the class, that is true; of a value, how far off it
    is, negative.

    The log-odds order records as the loss −log p does, and are nearer to normal over trainings
    (Carlini et al. 2022, S&P, eq. 4). So is the distance beside its square: in the middle of what
    it is with a person in training and without, a square leaves hardly anything of the former.
    """
    if objective.kind == "finding":
        return log_odds_of(truth, boost.margins(booster, rows))
    if objective.kind == "value":
        return np.asarray(-np.abs(boost.probabilities(booster, rows) - truth))
    return class_log_odds_of(truth, boost.margins(booster, rows))


@dataclass(frozen=True, eq=False)
class _Recipe:
    """How a model is trained again.

    Attributes
    ----------
    rows : (n, d) its inputs
    """

    rows: NDArray[np.float32]
    objective: Objective
    trees: Trees

    def grown(self, trained: NDArray[np.bool_], truth: Floats, seed: int) -> xgboost.Booster:
        """Trees of some rows."""
        names = tuple(map(str, range(self.rows.shape[1])))
        return boost.fit(
            self.trees, self.rows[trained], truth[trained], None, None, names, seed, self.objective
        )


def _trainer(recipes: Sequence[_Recipe]) -> TrainReference:
    """The same trainings on other records; nothing is learnt of what is the same of all."""

    def train_reference(trained: NDArray[np.bool_], y_true: Floats, seed: int) -> Floats:
        fits = []
        for recipe, truth in zip(recipes, y_true.T, strict=True):
            some = trained & np.isfinite(truth)
            fits.append(np.full(len(truth), np.nan))
            if len(np.unique(truth[some])) > 1:
                grown = recipe.grown(some, truth, seed)
                fits[-1] = fit_of(recipe.objective, grown, recipe.rows, truth)
        return np.stack(fits, axis=1)

    return train_reference


def _grown_again(booster: xgboost.Booster, table: Table, truth: Floats) -> Trees:
    """How to grow such trees again, read from them; what they do not show is the library's own."""
    seen = boost.grown(booster)
    plain = Trees()
    known = np.isfinite(seen.rate)
    n = int(((table.split == MEMBER) & np.isfinite(truth)).sum())
    share = seen.weight / (n * seen.each) if n else 1.0
    return Trees(
        rounds=seen.rounds,
        depth=max(seen.depth, 1),
        rate=seen.rate if known else plain.rate,
        penalty=seen.penalty if known else plain.penalty,
        # The lightest leaf is at least as heavy as was asked for: a whole number below it.
        lightest=float(np.floor(max(seen.lightest, 0.0))),
        share=share if 0 < share < _ALL else 1.0,
        together=seen.together,
    )


def _by_chance(recipes: Sequence[_Recipe], y_true: Floats) -> NDArray[np.float32]:
    """(n, d) what trees say that were grown on what is true of other records: nothing of the
    records is in them.
    """
    rng = stream(0, "trees/by chance")
    told = []
    for recipe, truth in zip(recipes, y_true.T, strict=True):
        known = np.isfinite(truth)
        if not known.any():
            told.append(np.zeros((len(truth), recipe.objective.n_classes or 1)))
            continue
        other = truth.copy()
        other[known] = rng.permutation(truth[known])
        told.append(boost.probabilities(recipe.grown(known, other, 0), recipe.rows))
    return _hstack(told)

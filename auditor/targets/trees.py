"""Trees under audit: a table of what they are asked, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.core.target import MEMBER, Floats, Refit, Target
from auditor.learning import boost
from auditor.learning.boost import Trees
from auditor.targets.model import ReleasedModel, log_odds_of
from auditor.targets.table import Table, table_of

#: What trees do that learn by heart.
_BY_HEART = Trees(rounds=150, depth=12, penalty=0.01, lightest=0.0)
#: Models of a suite whose leaves and explanations are looked at: they are as wide as their trees.
_LOOKED_AT = 8
#: How much of the rows a first tree must have missed to have seen a draw of them.
_ALL = 0.98


def open_trees(model: ReleasedModel) -> Target:
    """The trees in a model's files, asked about the rows of its table.

    Raises
    ------
    ModelError
        A file is damaged; or asks for a column that the table does not have.
    """
    boosters = {label: boost.load(model.file(name)) for label, name in model.files.items()}
    names = [getattr(one, "feature_names", None) or () for one in boosters.values()]
    asked_by = tuple(dict.fromkeys(one for some in names for one in some))
    table = table_of(model, tuple(boosters), asked_by)
    return target(model.name, model.description.title, table, boosters)


def target(name: str, title: str, table: Table, boosters: Mapping[str, xgboost.Booster]) -> Target:
    """Trees of one or many findings, asked about the rows of a table.

    Raises
    ------
    ModelError
        The trees ask for a column that the table does not have.
    """
    asked = {label: _columns(label, one, table.columns) for label, one in boosters.items()}
    labels = tuple(boosters)
    blank = np.full(len(table.record), np.nan)
    y_true = np.stack([table.y_true.get(label, blank) for label in labels], axis=1)
    known = np.isfinite(y_true).any()
    rows = {label: table.inputs[:, columns] for label, columns in asked.items()}
    some = labels[:_LOOKED_AT]

    def membership_signal() -> Floats:
        margins = [boost.margins(boosters[label], rows[label]) for label in labels]
        return log_odds_of(y_true, np.stack(margins, axis=1))

    recipes = [_recipe(boosters[label], table, y_true[:, k]) for k, label in enumerate(labels)]
    each = [rows[label] for label in labels]
    return Target(
        name=name,
        title=title,
        record=table.record,
        subject=table.subject,
        session=table.session,
        part=table.split,
        unknown=table.membership_unknown,
        male=table.male,
        age=table.age,
        tells=labels,
        truth=y_true,
        outputs={
            "scores": lambda: _stack(
                boost.probabilities(boosters[one], rows[one]) for one in labels
            ),
            "explanation": lambda: np.hstack(
                [boost.contributions(boosters[one], rows[one]) for one in some]
            ).astype(np.float32),
            "leaves": lambda: np.hstack(
                [boost.leaves(boosters[one], rows[one]) for one in some]
            ).astype(np.float32),
        }
        if len(table.record)
        else {},
        fit=membership_signal if known else None,
        inputs=table.inputs,
        columns=table.columns,
        refit=_trainer(each, recipes) if known else None,
        overfit=_trainer(each, [_BY_HEART] * len(labels)) if known else None,
        controls={"scores": lambda: _by_chance(each, recipes, y_true)} if known else {},
        trees=boosters,
    )


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


def _stack(columns) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
    return np.stack(list(columns), axis=1).astype(np.float32)


def _trainer(rows: Sequence[NDArray[np.float32]], recipes: Sequence[Trees]) -> Refit:
    """The same trainings on other records; nothing is learnt of what is not known of both kinds."""

    def train_reference(trained: NDArray[np.bool_], y_true: Floats, seed: int) -> Floats:
        margins = []
        for column, (inputs, recipe) in enumerate(zip(rows, recipes, strict=True)):
            label = y_true[:, column]
            some = trained & np.isfinite(label)
            margins.append(np.full(len(label), np.nan))
            if len(np.unique(label[some])) == 2:
                names = tuple(map(str, range(inputs.shape[1])))
                grown = boost.fit(recipe, inputs[some], label[some] == 1, None, None, names, seed)
                margins[-1] = boost.margins(grown, inputs)
        return log_odds_of(y_true, np.stack(margins, axis=1))

    return train_reference


def _recipe(booster: xgboost.Booster, table: Table, y_true: Floats) -> Trees:
    """How to grow such trees again, read from them; what they do not show is the library's own."""
    seen = boost.grown(booster)
    plain = Trees()
    known = np.isfinite(seen.rate)
    n = int(((table.split == MEMBER) & np.isfinite(y_true)).sum())
    share = seen.weight / (n * seen.base * (1 - seen.base)) if n else 1.0
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


def _by_chance(
    rows: Sequence[NDArray[np.float32]], recipes: Sequence[Trees], y_true: Floats
) -> NDArray[np.float32]:
    """(n, m) what trees say that were grown on labels of other records: no finding is in them."""
    rng = stream(0, "trees/by chance")
    columns = []
    for column, (inputs, recipe) in enumerate(zip(rows, recipes, strict=True)):
        known = np.flatnonzero(np.isfinite(y_true[:, column]))
        label = rng.permutation(y_true[known, column]) == 1
        names = tuple(map(str, range(inputs.shape[1])))
        grown = boost.fit(recipe, inputs[known], label, None, None, names, 0)
        columns.append(boost.probabilities(grown, inputs))
    return _stack(columns)

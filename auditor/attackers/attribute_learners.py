"""Learners of sex, age and labels: taught on some people, asked about others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from auditor.attackers import vit
from auditor.attackers.enrolment import FOLDS
from auditor.data.protocols import subject_folds


def subject_kfold(
    person: NDArray[np.int64], classes: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to guess about, as `folds` deals them.

    Parameters
    ----------
    person : (n,) whose each row is, from 0
    classes : (n_people,) what is to be as frequent in every fold
    """
    for tested in subject_folds(classes, FOLDS, rng):
        test, train = (np.flatnonzero(mask[person]) for mask in (tested, ~tested))
        yield train, test


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """What a learner makes of a table about people it did not learn from.

    Attributes
    ----------
    table : (n, d) what is seen of each row
    subject : (n,) whose each row is
    """

    learner: Learner
    table: NDArray[np.float32]
    subject: NDArray[np.str_]
    seed: int

    def predict_proba(
        self, truth: NDArray[np.float64], train: NDArray[np.int64], test: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n_test,) probability of the positive class; 0 if the training rows have one class.

        Parameters
        ----------
        truth : (n,) 1 or 0, NaN where not known
        """
        rows = train[~np.isnan(truth[train])]
        if len(np.unique(truth[rows])) < 2:
            return np.zeros(len(test))
        return self._fitted("binary:logistic", truth, rows)(self.table[test])

    def predict(
        self,
        truth: NDArray[np.float64],
        train: NDArray[np.int64],
        test: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """(n_test,) a quantity, shrunk towards the median; NaN where none is known."""
        rows = train[~np.isnan(truth[train])]
        if not len(rows):
            return np.full(len(test), np.nan)
        middle = float(np.median(truth[rows]))
        centred = truth - middle
        # How far to shrink is learnt on people the learner did not see.
        inner = np.empty(len(rows))
        names, code = np.unique(self.subject[rows], return_inverse=True)
        for fold in subject_folds(np.zeros(len(names), dtype=np.int64), 3, rng):
            out = fold[code]
            inner[out] = self._fitted("reg:squarederror", centred, rows[~out])(
                self.table[rows[out]]
            )
        slope = vit.shrinkage_slope(inner, centred[rows])
        return middle + slope * self._fitted("reg:squarederror", centred, rows)(self.table[test])

    def _fitted(
        self, objective: str, truth: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        return self.learner(self.seed, objective, self.table, truth, self.subject, rows)


@dataclass(frozen=True, eq=False)
class Line:
    """A line through a table's columns: `(values - centre) / scale @ slope + height`."""

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    slope: NDArray[np.float64]
    height: float

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) for rows (n, d) of a table."""
        return np.asarray((values - self.centre) / self.scale @ self.slope + self.height)


def line(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Line:
    """A penalised line through some rows of a table, everybody counting the same."""
    weight = subject_weights(subject[rows])
    weight = weight / weight.mean()
    centre, scale = table[rows].mean(axis=0), np.maximum(table[rows].std(axis=0), 1e-6)
    seen = (table[rows] - centre) / scale
    if objective == "binary:logistic":
        fit = LogisticRegression(C=_TRUST, max_iter=2000, random_state=seed)
        fit.fit(seen, target[rows], weight)
    else:
        fit = Ridge(alpha=3 / _TRUST).fit(seen, target[rows], weight)
    return Line(centre, scale, np.ravel(fit.coef_), float(np.ravel(fit.intercept_)[0]))


def trees(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Trees trained on some rows of a table, as a function of other rows."""
    import xgboost

    settings = {
        "objective": objective,
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "min_child_weight": 2,
        "seed": seed,
        "nthread": 1,
    }
    matrix = xgboost.DMatrix(table[rows], target[rows], weight=subject_weights(subject[rows]))
    model = xgboost.train(settings, matrix, num_boost_round=80)
    return lambda values: model.predict(xgboost.DMatrix(values)).astype(np.float64)


def subject_weights(subject: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) weights under which everybody counts the same."""
    _, code, count = np.unique(subject, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[code])


#: How far a line through an embedding may lean on any one direction of it.
_TRUST = 0.01


#: Seed, objective, table, truth, whose each row is, rows to learn from → what it makes of a table.
Learner = Callable[
    [int, str, NDArray[np.float32], NDArray[np.float64], NDArray[np.str_], NDArray[np.int64]],
    Callable[[NDArray[np.float32]], NDArray[np.float64]],
]

"""The people a clinical system is trained on and judged by: what is known of them, and what not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from auditor.core.evidence import MIN_PEOPLE
from auditor.systems.tabular.folds import stratified
from auditor.systems.task import Task


@dataclass(frozen=True, eq=False)
class Cohort:
    """Rows, each an ECG, of people.

    Attributes
    ----------
    name : what it is called
    record, subject : (n,) str
    inputs : (n, d) float32, columns named with their units, NaN where not measured; `sex` is 1 for
        men and 0 for women, `age` in years
    labels : target → (n,) int8: 1 has the finding, 0 has not, −1 it is not known
    fold : (n,) int, no person in two
    left_out : what was not asked, and why
    """

    name: str
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    inputs: pd.DataFrame
    labels: Mapping[str, NDArray[np.int8]]
    fold: NDArray[np.int64]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.inputs)
        columns = [self.record, self.subject, self.fold, *self.labels.values()]
        if any(len(one) != n for one in columns):
            raise ValueError("record, subject, inputs, labels and fold differ in length")

    def __len__(self) -> int:
        return len(self.record)

    def dealt(self, task: Task, rng: np.random.Generator) -> Cohort:
        """The same in folds that have as much of every finding, sex and quarter of ages."""
        strata = [label == 1 for label in self.labels.values()]
        age = self.inputs["age"].to_numpy()
        known = np.isfinite(age)
        if known.any():
            quarter = np.digitize(age, np.quantile(age[known], [0.25, 0.5, 0.75]))
            strata += [known & (quarter == one) for one in range(4)]
        strata += [self.inputs["sex"].to_numpy() == one for one in (0, 1)]
        labels = sparse.csc_matrix(np.stack(strata, axis=1))
        return replace(self, fold=stratified(self.subject, labels, task.n_folds, rng))

    def frequent(self, task: Task) -> Cohort:
        """Without what is too rare to be learnt and judged, which is said."""
        left_out = dict(self.left_out)
        kept = {}
        for target, label in self.labels.items():
            if reason := self._too_rare(task, label):
                left_out[target] = reason
            else:
                kept[target] = label
        return replace(self, labels=kept, left_out=left_out)

    def people_needed(self, task: Task) -> int | None:
        """About how many people such as these have enough of one finding to learn and to judge;
        None where nobody has any.
        """
        least, folds = task.least, task.n_folds
        tried = []
        for label in self.labels.values():
            has = label == 1
            people = len(np.unique(self.subject[has]))
            if people:
                share = has.sum() / folds
                tried.append(
                    max(
                        least.records / has.sum(),
                        least.training / (share * (folds - 2)),
                        least.judged / share,
                        MIN_PEOPLE / people if task.rotate else MIN_PEOPLE * folds / people,
                    )
                )
        return math.ceil(min(tried) * len(np.unique(self.subject))) if tried else None

    def _too_rare(self, task: Task, label: NDArray[np.int8]) -> str | None:
        least = max(task.least.records, 1)
        if (n := int((label == 1).sum())) < least:
            return f"{_told(n)} records with it, wanted {least}"
        if not (label == 0).any():
            return "no record is without it"
        train = ~np.isin(self.fold, (task.validation_fold, task.test_fold))
        for kind, name in ((1, "with"), (0, "without")):
            counted = label == kind
            if (n := int((counted & train).sum())) < task.least.training:
                return f"{_told(n)} records {name} it to train on, wanted {task.least.training}"
            folds = range(task.n_folds) if task.rotate else (task.validation_fold, task.test_fold)
            for fold in folds:
                if (n := int((counted & (self.fold == fold)).sum())) < task.least.judged:
                    return f"{_told(n)} records {name} it in a fold, wanted {task.least.judged}"
        return None


def _told(n: int) -> str:
    """A count that may leave the building."""
    return str(n) if n >= MIN_PEOPLE else f"fewer than {MIN_PEOPLE}"

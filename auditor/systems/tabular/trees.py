"""One finding from a row of numbers: trees grown in folds of people, asked of those not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.target import UNKNOWN
from auditor.learning import boost
from auditor.systems.task import Task

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Places = NDArray[np.int64]

#: What every finding is foretold from as well, to see what the ECG adds.
DEMOGRAPHICS = ("sex", "age")
#: Not measured in the ECG.
_NO_ECG = frozenset({*DEMOGRAPHICS, "delay s"})


@dataclass(frozen=True, eq=False)
class Trained:
    """Trees of one finding, and what they said of people they had not seen.

    Attributes
    ----------
    booster, columns : the trees that are released, and their inputs
    rows, score, baseline : (n,) who was judged, how likely they were said to have the finding, and
        how likely by age and sex alone
    validation_rows, validation_score : (m,) the same of those held back; nobody
        where every fold is judged
    outside, outside_baseline : what is said of another cohort's rows; empty without one
    trained : (k,) the rows that the released trees grew on
    """

    booster: xgboost.Booster
    columns: tuple[str, ...]
    rows: Places
    score: Floats
    baseline: Floats
    validation_rows: Places
    validation_score: Floats
    outside: Floats
    outside_baseline: Floats
    trained: Places


def train(
    inputs: Rows,
    columns: Sequence[str],
    label: NDArray[np.int8],
    fold: Places,
    target: str,
    task: Task,
    seed: int,
    outside: Rows | None = None,
) -> Trained:
    """Trees for one finding.

    Parameters
    ----------
    inputs : (n, d) float32, NaN where not measured
    label : (n,) 1 has it, 0 has not, −1 takes no part
    fold : (n,) nobody in two
    outside : (m, d) another cohort's

    Raises
    ------
    EvidenceError
        A fold that is needed holds nobody with the finding, or nobody without.
    """
    # Sex does not foretell itself, and says nothing where only one is asked.
    needless = {target, "sex"} if target in task.only else {target}
    asked = [name for name in columns if name not in needless]
    known = label != UNKNOWN
    rounds = range(task.n_folds) if task.rotate else (task.test_fold,)
    found = []
    for test_fold in rounds:
        validation = (test_fold - 1) % task.n_folds
        parts = [
            np.flatnonzero(known & where)
            for where in (
                ~np.isin(fold, (test_fold, validation)),
                fold == validation,
                fold == test_fold,
            )
        ]
        for part, name in zip(parts, ("to train on", "held back", "to be judged"), strict=True):
            if len(np.unique(label[part])) < 2:
                raise EvidenceError(f"those {name} all have it, or none of them")
        found.append(_round(inputs, columns, asked, label, parts, task, seed, outside))
    last = found[-1]
    if task.rotate:
        # Who is held back in one turn is judged in the next: thresholds and calibration set on them
        # would be judged by themselves.
        nobody = np.zeros(0, dtype=np.int64)
        found = [
            replace(one, validation_rows=nobody, validation_score=np.zeros(0)) for one in found
        ]
    together: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in found])
        for name in ("rows", "score", "baseline", "validation_rows", "validation_score")
    }
    return replace(last, **together)


def _round(
    inputs: Rows,
    columns: Sequence[str],
    asked: Sequence[str],
    label: NDArray[np.int8],
    parts: Sequence[Places],
    task: Task,
    seed: int,
    outside: Rows | None,
) -> Trained:
    train, held, judged = parts
    event = label == 1
    place = {name: at for at, name in enumerate(columns)}

    def of(rows: Rows, names: Sequence[str]) -> Rows:
        return np.ascontiguousarray(rows[:, [place[name] for name in names]])

    def grown(names: Sequence[str]) -> xgboost.Booster:
        return boost.fit(
            task.trees,
            of(inputs[train], names),
            event[train],
            of(inputs[held], names),
            event[held],
            tuple(names),
            seed,
        )

    def said(booster: xgboost.Booster, names: Sequence[str], rows: Rows | None) -> Floats:
        if rows is None:
            return np.zeros(0)
        return boost.probabilities(booster, of(rows, names))

    demographic = [name for name in DEMOGRAPHICS if name in asked]
    if task.select:
        asked = _selected(
            of(inputs[train], asked), event[train], of(inputs[held], asked), event[held], asked,
            task.select_least, seed,
        )  # fmt: skip
    booster = grown(asked)
    simple = grown(demographic)
    return Trained(
        booster,
        tuple(asked),
        judged,
        said(booster, asked, inputs[judged]),
        said(simple, demographic, inputs[judged]),
        held,
        said(booster, asked, inputs[held]),
        said(booster, asked, outside),
        said(simple, demographic, outside),
        train,
    )


def _selected(
    rows: Rows,
    event: NDArray[np.bool_],
    validation_rows: Rows,
    held_event: NDArray[np.bool_],
    names: Sequence[str],
    ecg_least: int,
    seed: int,
) -> list[str]:
    """The inputs, dropped one by one, with which those held back are told best; of sets that tell
    as well, the smallest.
    """
    best, chosen = -1.0, list(names)
    for kept, score in boost.eliminated(
        rows, event, validation_rows, tuple(names), ecg_least, seed
    ):
        some = [names[one] for one in kept]
        if sum(name not in _NO_ECG for name in some) < ecg_least:
            continue
        auc = _auc(held_event, score)
        if auc >= best:
            best, chosen = auc, some
    return chosen


def _auc(event: NDArray[np.bool_], score: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(event, score))


# --- what moves it ------------------------------------------------------------------------


#: Rows that are explained, and groups that they are told in.
_EXPLAINED, _GROUPS = 20_000, 10


def shap_summary(
    booster: xgboost.Booster,
    columns: Sequence[str],
    inputs: Rows,
    person: Places,
    rng: np.random.Generator,
) -> dict[str, dict[str, Any]]:
    """How far each input moves the log-odds of a finding, those that move it most first.

    TreeSHAP of some rows, told of tenths of an input's values and never of one row: `size`, the
    mean size of what it moves; `moves`, what a tenth is moved by on average, None where fewer than
    ten people are in it; `up_to`, the upper end of each tenth in three digits, None beside such a
    tenth. An input that was measured of fewer than ten people is left out.
    """
    drawn = rng.permutation(len(inputs))[:_EXPLAINED]
    rows, who = inputs[drawn], person[drawn]
    moved = boost.contributions(booster, rows)
    size = np.abs(moved).mean(axis=0)
    found: dict[str, dict[str, Any]] = {}
    for at in np.argsort(-size, kind="stable"):
        values = rows[:, at]
        there = np.isfinite(values)
        if len(np.unique(who[there])) < MIN_PEOPLE:
            continue
        ends = np.unique(np.quantile(values[there], np.arange(1, _GROUPS + 1) / _GROUPS))
        group = np.where(there, np.searchsorted(ends, values), -1)
        mine = [group == one for one in range(len(ends))]
        enough = [len(np.unique(who[some])) >= MIN_PEOPLE for some in mine]
        by_group = [
            round(float(moved[some, at].mean()), 4) if told else None
            for some, told in zip(mine, enough, strict=True)
        ]
        # The highest value is somebody's: the last tenth has no upper end.
        up_to = [
            float(f"{end:.3g}") if both else None
            for end, both in zip(ends, (*map(all, pairwise(enough)), False), strict=True)
        ]
        found[columns[at]] = {"size": round(float(size[at]), 4), "up_to": up_to, "moves": by_group}
    return found

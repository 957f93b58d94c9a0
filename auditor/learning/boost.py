"""Boosted trees (XGBoost) of one finding, of classes or of a value: trained, asked, explained, kept
as `.ubj`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.special import softmax

from auditor.core.errors import ModelError
from auditor.core.target import Kind
from auditor.learning import tree_file

Rows = NDArray[np.float32]


#: How often the rounds of trees are halved, for what there was earlier in training.
_HALVED = 4


@dataclass(frozen=True)
class Trees:
    """How trees are grown; the defaults are the library's, written out.

    Attributes
    ----------
    rounds : most trees
    patience : trees without a lower loss on those held back, after which no more are grown
    penalty, lightest : λ, and the least weight (sum of Hessians) of a leaf
    share, together : of rows that each tree sees, and how many trees are grown at once
    """

    rounds: int = 100
    depth: int = 6
    rate: float = 0.3
    patience: int = 10
    penalty: float = 1.0
    lightest: float = 1.0
    share: float = 1.0
    together: int = 1


@dataclass(frozen=True)
class Objective:
    """What trees are grown to tell.

    Attributes
    ----------
    name : as the library calls it
    n_classes : how many exclude one another; 0 of a finding or a value
    """

    name: str = "binary:logistic"
    n_classes: int = 0

    @property
    def kind(self) -> Kind:
        """What they tell of a row."""
        if self.n_classes:
            return "class"
        return "finding" if self.name.startswith("binary:") else "value"


FINDING = Objective()


def fit(
    trees: Trees,
    rows: Rows,
    truth: NDArray[Any],
    held_rows: Rows | None,
    held_truth: NDArray[Any] | None,
    columns: tuple[str, ...],
    seed: int,
    objective: Objective = FINDING,
) -> xgboost.Booster:
    """Trees that were grown on `rows` (n, d), NaN where unknown, and stopped by those held back;
    with nobody held back, all of them are grown. One thread: the same seed gives the same trees.
    """
    settings = {
        "objective": objective.name,
        "max_depth": trees.depth,
        "eta": trees.rate,
        "lambda": trees.penalty,
        "min_child_weight": trees.lightest,
        "subsample": trees.share,
        "num_parallel_tree": trees.together,
        "tree_method": "hist",
        "seed": seed,
        "nthread": 1,
    }
    if objective.n_classes:
        settings["num_class"] = objective.n_classes
    names = list(columns)
    learnt = xgboost.QuantileDMatrix(rows, truth, feature_names=names, nthread=1)
    if held_rows is None:
        return xgboost.train(settings, learnt, trees.rounds)
    held = xgboost.QuantileDMatrix(
        held_rows, held_truth, ref=learnt, feature_names=names, nthread=1
    )
    booster = xgboost.train(
        settings,
        learnt,
        trees.rounds,
        evals=[(held, "held")],
        early_stopping_rounds=trees.patience,
        verbose_eval=False,
    )
    # What came after the best tree is no part of the model, and is not released with it.
    return booster[: booster.best_iteration + 1]


def probabilities(booster: xgboost.Booster, rows: Rows) -> NDArray[np.float64]:
    """(n,) how likely the finding is; (n, n_classes) how likely each class; (n,) the value."""
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(asked), dtype=np.float64)


def margins(booster: xgboost.Booster, rows: Rows) -> NDArray[np.float64]:
    """(n,) the log-odds of the finding; (n, n_classes) those of classes, but for a constant of each
    row; (n,) the value, or its logarithm.
    """
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(asked, output_margin=True), dtype=np.float64)


def leaves(booster: xgboost.Booster, rows: Rows) -> NDArray[np.int64]:
    """(n, n_trees) the leaf that each row falls in."""
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(asked, pred_leaf=True), dtype=np.int64).reshape(len(rows), -1)


def contributions(booster: xgboost.Booster, rows: Rows) -> NDArray[np.float64]:
    """(n, d) how far each input moves each row's margin, of classes one after the other (n,
    n_classes × d): TreeSHAP, path-dependent (Lundberg et al. 2020, Nature Machine Intelligence
    2:56).
    """
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    moved = np.asarray(booster.predict(asked, pred_contribs=True), dtype=np.float64)[..., :-1]
    return moved.reshape(len(rows), -1)


def eliminated(
    rows: Rows,
    event: NDArray[np.bool_],
    held_rows: Rows,
    columns: tuple[str, ...],
    fewest: int,
    seed: int,
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Recursive feature elimination by gain, one input at a time (Guyon et al. 2002, Machine
    Learning 46:389): for each number of inputs from all to `fewest`, which they are, and what is
    foretold of those held back by default trees on them.

    To select n of d inputs anew for each n takes d²/2 trainings, nearly all of them the same:
    the sets are nested, so that one way down gives them all.
    """
    kept = np.arange(rows.shape[1])
    found = []
    while True:
        booster = fit(
            Trees(), rows[:, kept], event, None, None, tuple(columns[one] for one in kept), seed
        )
        found.append((kept, probabilities(booster, held_rows[:, kept])))
        if len(kept) <= fewest:
            return found
        gain = booster.get_score(importance_type="gain")
        worth = np.array([gain.get(columns[one], 0.0) for one in kept], dtype=np.float32)
        total = worth.sum()
        # As scikit-learn's RFE ranks: by the square of the share; of equals, the first goes.
        weakest = np.argmin(np.square(worth / total if total else worth))
        kept = np.delete(kept, weakest)


def as_bytes(booster: xgboost.Booster) -> bytes:
    """Trees as a `.ubj` holds them."""
    return bytes(booster.save_raw("ubj"))


def load(path: Path) -> xgboost.Booster:
    """The trees of a `.ubj` or a `.json` that the library wrote, ours or a stranger's: of one
    finding (binary:logistic, or its log-odds), of classes or of a value, without categories.

    Raises
    ------
    ModelError
        The file is missing, too large, damaged, or holds something else.
    """
    raw = tree_file.read(path)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(raw))
    except xgboost.core.XGBoostError as error:
        raise ModelError(
            f"{path.name}: is damaged, or holds trees that this XGBoost cannot read; save it again "
            "with save_model"
        ) from error
    return booster


def thresholds(booster: xgboost.Booster) -> dict[int, Rows]:
    """By input that is asked for: every threshold on it, ascending; what is less goes left."""
    document = json.loads(booster.save_raw("json"))
    place, value = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.float32)]
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        inner = np.asarray(tree["left_children"]) != -1
        place.append(np.asarray(tree["split_indices"], dtype=np.int64)[inner])
        value.append(np.asarray(tree["split_conditions"], dtype=np.float32)[inner])
    at, cut = np.concatenate(place), np.concatenate(value)
    return {int(one): np.unique(cut[at == one]) for one in np.unique(at)}


def n_rounds(booster: xgboost.Booster) -> int:
    """How often trees were grown: of a finding or a value one at a time, of classes one for each,
    where no more are grown together.
    """
    return int(booster.num_boosted_rounds())


def stages(booster: xgboost.Booster) -> tuple[int, ...]:
    """Rounds after which training could have stopped, ascending: halves of halves, and all of them;
    none of trees that are weighed anew whenever others are grown (DART).
    """
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] != "gbtree":
        return ()
    n = n_rounds(booster)
    return tuple(sorted({max(n >> halved, 1) for halved in range(_HALVED + 1)}))


def stopped(booster: xgboost.Booster, rounds: int) -> xgboost.Booster:
    """The trees of the first rounds: what there was when no more had been grown."""
    return booster[: min(rounds, n_rounds(booster))]


def objective_of(booster: xgboost.Booster) -> Objective:
    """What trees were grown to tell."""
    learner = json.loads(booster.save_config())["learner"]
    n_classes = int(learner["learner_model_param"]["num_class"])
    return Objective(learner["objective"]["name"], n_classes if n_classes > 1 else 0)


# --- how a stranger's trees were grown -----------------------------------------------------


@dataclass(frozen=True)
class Grown:
    """How trees were grown, as far as they show it themselves.

    Attributes
    ----------
    rounds, together, depth : how often trees were grown, how many at once, how deep the deepest
    rate, penalty : η and λ; NaN where the trees do not agree on any
    lightest : the smallest weight (sum of Hessians) of a leaf
    weight : of the first tree's root, the sum of the Hessians of the rows that it saw
    base : what the first tree starts from: a probability, a value or a class's margin
    each : what a row weighs in the first tree; NaN where that depends on more than is read
    """

    rounds: int
    together: int
    depth: int
    rate: float
    penalty: float
    lightest: float
    weight: float
    base: float
    each: float


def grown(booster: xgboost.Booster) -> Grown:
    """The recipe behind trees, read from the trees.

    A leaf is v = −η G / (H + λ), and a split remembers w = −G / (H + λ) of its own (Chen and
    Guestrin 2016, eq. 5). Gradients and Hessians of a split are those of its two sides together, so
    that above two leaves w (H + λ) η = v₁ (H₁ + λ) + v₂ (H₂ + λ): with the right λ every such split
    names the same η.
    """
    document = json.loads(booster.save_raw("json"))["learner"]
    trees = document["gradient_booster"]["model"]["trees"]
    seen, depth, lightest = [], 0, np.inf
    for tree in trees:
        left, right = (np.asarray(tree[f"{side}_children"]) for side in ("left", "right"))
        own, weight = np.asarray(tree["base_weights"]), np.asarray(tree["sum_hessian"])
        value = np.asarray(tree["split_conditions"])  # of a leaf
        level = {0: 0}
        for node in level_order(left, right):
            for child in (left[node], right[node]):
                if child != -1:
                    level[int(child)] = level[node] + 1
        depth = max(depth, *level.values())
        leaves = [node for node in level if left[node] == -1]
        lightest = min(lightest, float(weight[leaves].min()))
        inner = np.array([node for node in level if left[node] != -1], dtype=np.int64)
        inner = inner[(left[left[inner]] == -1) & (left[right[inner]] == -1)]
        one, other = left[inner], right[inner]
        seen.append(
            np.stack([own[inner], weight[inner], value[one], weight[one], value[other],
                      weight[other]])
        )  # fmt: skip
    rate, penalty = _agreed(np.concatenate(seen, axis=1))
    rounds = n_rounds(booster)
    objective = objective_of(booster)
    start = document["learner_model_param"]["base_score"].strip("[]").split(",")
    base = [float(one) for one in start]
    together = len(trees) // rounds // max(objective.n_classes, 1)
    return Grown(
        rounds,
        together,
        depth,
        rate * together,  # which share it
        penalty,
        lightest,
        float(trees[0]["sum_hessian"][0]),
        base[0],
        _hessian(objective, base),
    )


#: The library's own bound.
_LIGHTEST = 1e-16


def _hessian(objective: Objective, base: list[float]) -> float:
    """The second derivative of a row's loss at the start, which is that of all rows: p (1 − p) of a
    finding, twice that of the first class, 1 of a squared or absolute error.
    """
    if objective.kind == "finding":
        return base[0] * (1 - base[0])
    if objective.kind == "class":
        p = softmax(base)[0]
        return max(float(2 * p * (1 - p)), _LIGHTEST)
    return 1.0 if objective.name in ("reg:squarederror", "reg:absoluteerror") else np.nan


def level_order(left: NDArray[np.int64], right: NDArray[np.int64]) -> Iterator[int]:
    """The nodes of a tree from its root on, one level after the other."""
    level = [0]
    while level:
        yield from level
        below = [int(child) for node in level for child in (left[node], right[node])]
        level = [child for child in below if child != -1]


#: λ that people use, and how well splits must agree on η.
_PENALTIES = (1.0, 0.0, 0.01, 0.1, 0.3, 0.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_AGREED = 1e-3


def _agreed(seen: NDArray[np.float64]) -> tuple[float, float]:
    own, weight, one, one_weight, other, other_weight = seen
    best = (np.inf, np.nan, np.nan)
    for penalty in _PENALTIES:
        above = own * (weight + penalty)
        plain = np.abs(above) > 1e-3
        if not plain.any():
            continue
        below = one * (one_weight + penalty) + other * (other_weight + penalty)
        rate = below[plain] / above[plain]
        middle = float(np.median(rate))
        spread = float(np.median(np.abs(rate - middle))) / max(abs(middle), 1e-9)
        if spread < best[0]:
            best = (spread, middle, penalty)
    return best[1:] if best[0] < _AGREED else (np.nan, np.nan)

"""Boosted trees (XGBoost) of one finding: trained, asked, explained, kept as `.ubj`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.core.errors import ModelError

Rows = NDArray[np.float32]
_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class Trees:
    """How trees are grown; the defaults are the library's, written out.

    Attributes
    ----------
    rounds : most trees
    patience : trees without a lower loss on those held back, after which no more are grown
    """

    rounds: int = 100
    depth: int = 6
    rate: float = 0.3
    patience: int = 10


def fit(
    trees: Trees,
    rows: Rows,
    event: NDArray[np.bool_],
    held_rows: Rows | None,
    held_event: NDArray[np.bool_] | None,
    columns: tuple[str, ...],
    seed: int,
) -> xgboost.Booster:
    """Trees that were grown on `rows` (n, d), NaN where unknown, and stopped by those held back;
    with nobody held back, all of them are grown. One thread: the same seed gives the same trees.
    """
    settings = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "max_depth": trees.depth,
        "eta": trees.rate,
        "tree_method": "hist",
        "seed": seed,
        "nthread": 1,
    }
    names = list(columns)
    learnt = xgboost.QuantileDMatrix(rows, event, feature_names=names, nthread=1)
    if held_rows is None:
        return xgboost.train(settings, learnt, trees.rounds)
    held = xgboost.QuantileDMatrix(
        held_rows, held_event, ref=learnt, feature_names=names, nthread=1
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
    """(n,) how likely the finding is."""
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(asked), dtype=np.float64)


def contributions(booster: xgboost.Booster, rows: Rows) -> NDArray[np.float64]:
    """(n, d) how far each input moves each row's log-odds: TreeSHAP, path-dependent (Lundberg et
    al. 2020, Nature Machine Intelligence 2:56).
    """
    asked = xgboost.DMatrix(rows, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(asked, pred_contribs=True), dtype=np.float64)[:, :-1]


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
        weakest = np.argsort(worth / total if total else worth)[0]
        kept = np.delete(kept, weakest)


def as_bytes(booster: xgboost.Booster) -> bytes:
    """Trees as a `.ubj` holds them."""
    return bytes(booster.save_raw("ubj"))


def load(path: Path) -> xgboost.Booster:
    """The trees of a `.ubj`.

    Raises
    ------
    ModelError
        The file is missing, too large, or no trees.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path.name}: larger than any model of ours; train it again")
        booster = xgboost.Booster()
        booster.load_model(bytearray(path.read_bytes()))
    except OSError as error:
        raise ModelError(f"{path.name}: not found") from error
    except xgboost.core.XGBoostError as error:
        raise ModelError(f"{path.name}: is damaged, or no .ubj of trees") from error
    return booster


def n_trees(booster: xgboost.Booster) -> int:
    """How many trees were kept."""
    return int(booster.num_boosted_rounds())

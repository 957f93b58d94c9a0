"""Boosted trees (XGBoost) of one finding: trained, asked, explained, kept as `.ubj`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from auditor.core.errors import ModelError

Rows = NDArray[np.float32]
_MAX_BYTES = 1 << 26


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
        # As scikit-learn's RFE ranks: by the square of the share; of equals, the first goes.
        weakest = np.argmin(np.square(worth / total if total else worth))
        kept = np.delete(kept, weakest)


def as_bytes(booster: xgboost.Booster) -> bytes:
    """Trees as a `.ubj` holds them."""
    return bytes(booster.save_raw("ubj"))


def load(path: Path) -> xgboost.Booster:
    """The trees of a `.ubj` that `as_bytes` wrote.

    What the library is given was read here before: it crashes on an empty file and on nodes that
    point nowhere, instead of refusing them.

    Raises
    ------
    ModelError
        The file is missing, too large, or not trees as `fit` grows them.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path.name}: larger than any model of ours; train it again")
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.name}: cannot be read; train it again") from error
    try:
        document, end = _value(raw, 0)
        if end != len(raw):
            raise ValueError("something follows")
        _check(document)
        booster = xgboost.Booster()
        booster.load_model(bytearray(raw))
    except (
        ValueError, LookupError, TypeError, AttributeError, RecursionError,
        xgboost.core.XGBoostError,
    ) as error:  # fmt: skip
        raise ModelError(f"{path.name}: is damaged, or no .ubj of ours; train it again") from error
    return booster


def n_trees(booster: xgboost.Booster) -> int:
    """How many trees were kept."""
    return int(booster.num_boosted_rounds())


# --- what is in a file --------------------------------------------------------------------

#: Numbers of UBJSON (https://ubjson.org), big-endian.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4"}
_NO_PARENT = 2**31 - 1
_OF_NODES = (
    "base_weights", "default_left", "left_children", "loss_changes", "parents", "right_children",
    "split_conditions", "split_indices", "split_type", "sum_hessian",
)  # fmt: skip
_OF_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def _value(raw: bytes, at: int) -> tuple[Any, int]:
    """What stands at a place of a UBJSON file, of the kinds that the library writes, and the place
    after it: dict, list, str, int, float; an array for numbers of one kind.
    """
    kind, at = raw[at : at + 1], at + 1
    if kind == b"{":
        found: dict[str, Any] = {}
        while raw[at : at + 1] != b"}":
            name, at = _text(raw, at)
            if name in found:
                raise ValueError("a name is there twice")
            found[name], at = _value(raw, at)
        return found, at + 1
    if kind == b"S":
        return _text(raw, at)
    if kind != b"[":
        number = np.dtype(_NUMBERS[kind])
        return np.frombuffer(raw, number, 1, at)[0].item(), at + number.itemsize
    if raw[at : at + 1] == b"$":
        number = np.dtype(_NUMBERS[raw[at + 1 : at + 2]])
        n, at = _count(raw, at + 2, b"#L")
        end = at + n * number.itemsize
        return np.frombuffer(raw[at:end], number, n), end
    n, at = _count(raw, at, b"#L")
    items = []
    for _ in range(n):
        item, at = _value(raw, at)
        items.append(item)
    return items, at


def _text(raw: bytes, at: int) -> tuple[str, int]:
    n, at = _count(raw, at, b"L")
    return raw[at : at + n].decode(), at + n


def _count(raw: bytes, at: int, mark: bytes) -> tuple[int, int]:
    start = at + len(mark)
    n = int.from_bytes(raw[start : start + 8], "big")
    if raw[at:start] != mark or n > len(raw) - start - 8:
        raise ValueError("no count, or one that the file cannot hold")
    return n, start + 8


def _check(document: Any) -> None:
    """Refuse what is not one group of binary trees of numbers, each node in its place.

    Raises
    ------
    ValueError, LookupError, TypeError, AttributeError
        It is something else.
    """
    learner = document["learner"]
    names, model = learner["feature_names"], learner["gradient_booster"]["model"]
    trees = model["trees"]
    general = learner["learner_model_param"]
    score = float(general["base_score"].strip("[]"))
    sound = (
        learner["objective"]["name"] == "binary:logistic"
        and learner["gradient_booster"]["name"] == "gbtree"
        and 0 < score < 1
        and len(set(names)) == len(names) > 0
        and (general["num_class"], general["num_target"]) == ("0", "1")
        and general["num_feature"] == str(len(names))
        and not any(len(one) for one in model["cats"].values())
        and model["gbtree_model_param"] == {"num_parallel_tree": "1", "num_trees": str(len(trees))}
        and model["iteration_indptr"] == list(range(len(trees) + 1))
        and model["tree_info"] == [0] * len(trees)
        and all(_is_tree(tree, place, len(names)) for place, tree in enumerate(trees))
    )
    if not sound:
        raise ValueError("no trees as we grow them")


def _is_tree(tree: Any, place: int, n_inputs: int) -> bool:
    n = len(tree["parents"])
    left, right, parents = (tree[one] for one in ("left_children", "right_children", "parents"))
    split = tree["split_indices"]
    inner = np.flatnonzero(left != -1)
    below = np.concatenate([left[inner], right[inner]])
    return bool(
        tree["id"] == place
        and tree["tree_param"]
        == {
            "num_deleted": "0",
            "num_feature": str(n_inputs),
            "num_nodes": str(n),
            "size_leaf_vector": "1",
        }
        and all(len(tree[one]) == n for one in _OF_NODES)
        and not any(len(tree[one]) for one in _OF_CATEGORIES)
        and np.array_equal(left == -1, right == -1)
        # Every node but the first hangs below one that is before it, once.
        and np.array_equal(np.sort(below), np.arange(1, n))
        and parents[0] == _NO_PARENT
        and np.array_equal(parents[below], np.tile(inner, 2))
        and (below > np.tile(inner, 2)).all()
        and ((split >= 0) & (split < n_inputs)).all()
        and not tree["split_type"].any()
        and np.isfinite(tree["split_conditions"]).all()
    )

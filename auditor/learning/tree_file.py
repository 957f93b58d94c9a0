"""What a file of boosted trees (XGBoost) holds, read before the library is given any of it.

The library trusts what it reads: it crashes on sizes, nodes and names that cannot be, instead of
refusing them. So a file is read here, all that the trees need is checked, and the library gets
what was read, written anew, and never the file's own bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import ModelError

_MAX_BYTES = 1 << 28
#: So much of a file shows what it is.
SHOWS = 1024
#: No model asks for more inputs, no tree is deeper (it is explained by recursion), and no number is
#: written longer.
_MAX_INPUTS, _DEEPEST, _LONGEST = 100_000, 1000, 64

_WANTED = (
    "wanted gbtree with binary:logistic, multi:softprob or a loss of values such as "
    "reg:squarederror"
)
_SAVED = "save it with XGBoost's save_model as .json or .ubj"
_AGAIN = "save it again with save_model"
#: What tells the log-odds of one finding, and what of several classes.
_LOGISTIC, _RAW = ("binary:logistic", "reg:logistic"), "binary:logitraw"
_CLASSES, _MOST_CLASSES = ("multi:softprob", "multi:softmax"), 1000
#: What the library needs of an objective besides its name: where, and what it is where nothing is
#: said.
_SETTINGS: Mapping[str, tuple[str, str, str] | None] = {
    "binary:logistic": ("reg_loss_param", "scale_pos_weight", "1"),
    "multi:softprob": ("softmax_multiclass_param", "num_class", "0"),
    "reg:squarederror": ("reg_loss_param", "scale_pos_weight", "1"),
    "reg:absoluteerror": None,
    "reg:pseudohubererror": ("pseudo_huber_param", "huber_slope", "1"),
    "reg:squaredlogerror": None,
    "count:poisson": ("poisson_regression_param", "max_delta_step", "0.7"),
    "reg:gamma": ("reg_loss_param", "scale_pos_weight", "1"),
    "reg:tweedie": ("tweedie_regression_param", "tweedie_variance_power", "1.5"),
}
#: Values above 0, which the trees tell the logarithms of.
_LOGARITHMS = ("count:poisson", "reg:gamma", "reg:tweedie")

_PICKLE = (
    "a pickle (as Python, scikit-learn and joblib write), which may run whatever its writer wished "
    f"when it is opened, so it is not; {_SAVED}"
)
_DUMP = f"a text of XGBoost's dump_model, from which no trees can be read back; {_SAVED}"
_ONNX = "wanted those of XGBoost, or an export as .onnx"
#: How other files begin, and what they are.
_OTHERS = (
    (rb"\x80[\x02-\x05]|c[\w.]+\n\w+\n|\([dl]p\d*\n|[\]}]q\0", _PICKLE),
    (
        rb"\x1f\x8b|x[\x01\x5e\x9c\xda]|BZh\d|\xfd7zXZ|\x04\x22\x4d\x18",
        f"a compressed file, such as joblib writes; {_SAVED}",
    ),
    (rb"PK\x03\x04", f"a zip archive; {_SAVED}"),
    (rb"\x89HDF", "an HDF5 file, such as Keras writes; wanted an export as .onnx"),
    (rb"tree\r?\nversion=", f"trees of LightGBM; {_ONNX}"),
    (rb"CBM1", f"trees of CatBoost; {_ONNX}"),
    (
        rb"binf|bs64\t|(?s:.{0,300})(?:\x06\0{7}gbtree|\x04\0{7}dart|\x08\0{7}gblinear)",
        "an old binary file of XGBoost; load it with the XGBoost that wrote it, and save it with "
        "save_model as .json",
    ),
    (rb"\s*booster\[\d+\]:?\s|digraph \{", _DUMP),
    (rb"version https://git-lfs", "a pointer of Git LFS, and not the file; fetch it"),
    (rb"\s*<", f"a text in XML or HTML; {_SAVED}"),
)
_OTHER = tuple((re.compile(begins), told) for begins, told in _OTHERS)


class _OtherKindError(ValueError):
    """The file is sound, and of another kind."""


class _DamagedError(ValueError):
    """The file says what cannot be."""


def other_kind(raw: bytes) -> str | None:
    """What a file is that holds no model of XGBoost as it is saved today, as far as its
    beginning shows, and what is wanted in its place.
    """
    return next((told for begins, told in _OTHER if begins.match(raw, 0, SHOWS)), None)


def read(path: Path) -> bytes:
    """The trees of a `.ubj` or a `.json`, of one finding, some classes or a value and without
    categories, as UBJSON.

    Raises
    ------
    ModelError
        The file is missing, too large, damaged, or holds something else.
    """
    file = path.name
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{file}: larger than {_MAX_BYTES >> 20} MiB; no such trees are")
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read; name a file of trees") from error
    if told := other_kind(raw):
        raise ModelError(f"{file}: {told}")
    try:
        document = _json(raw) if path.suffix == ".json" else _ubjson(raw)
        return _written(_model(document))
    except _OtherKindError as error:
        raise ModelError(f"{file}: {error}") from None
    except _DamagedError as error:
        raise ModelError(f"{file}: is damaged: {error}; {_AGAIN}") from None
    except RecursionError:
        raise ModelError(f"{file}: is damaged: it is nested too deeply; {_AGAIN}") from None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{file}: is damaged, or holds no trees as XGBoost keeps them; {_AGAIN}"
        ) from error


# --- JSON and UBJSON ----------------------------------------------------------------------

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)
#: Numbers of UBJSON (https://ubjson.org), big-endian.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4"}


def _json(raw: bytes) -> Any:
    """What JSON says, of which every name is there once and written plainly."""
    if re.match(rb"\{[LiUIl#]", raw):
        raise _OtherKindError(f"is UBJSON and not JSON; call it .ubj, or {_AGAIN}")
    document = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    if any(one[1] and b"\\" in one[0] for one in _STRING.finditer(raw)):
        raise _DamagedError("a name is written with escapes")
    if re.search(rb"[-+.\w]{%d}" % (_LONGEST + 1), _STRING.sub(b"", raw)):
        raise _DamagedError(f"a number is longer than {_LONGEST} characters")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DamagedError("a name is there twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise _DamagedError("a number is not finite")


def _ubjson(raw: bytes) -> Any:
    if re.match(rb'\{\s*"', raw):
        raise _OtherKindError(f"is JSON and not UBJSON; call it .json, or {_AGAIN}")
    document, end = _value(raw, 0)
    if end != len(raw):
        raise _DamagedError("something follows the model")
    return document


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
                raise _DamagedError("a name is there twice")
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
        raise _DamagedError("no size, or one that the file cannot hold")
    return n, start + 8


def _written(value: Any) -> bytes:
    """UBJSON of dict, list, str, int and arrays, as the library writes them."""
    if isinstance(value, dict):
        inside = b"".join(_sized(name) + _written(one) for name, one in value.items())
        return b"{" + inside + b"}"
    if isinstance(value, str):
        return b"S" + _sized(value)
    if isinstance(value, int):
        return b"L" + value.to_bytes(8, "big", signed=True)
    size = b"#L" + len(value).to_bytes(8, "big")
    if isinstance(value, list):
        return b"[" + size + b"".join(map(_written, value))
    kind = next(kind for kind, number in _NUMBERS.items() if np.dtype(number) == value.dtype)
    return b"[$" + kind + size + value.tobytes()


def _sized(text: str) -> bytes:
    raw = text.encode()
    return b"L" + len(raw).to_bytes(8, "big") + raw


# --- the model ----------------------------------------------------------------------------


def _model(document: Any) -> dict[str, Any]:
    """What a document says of binary trees, all of it checked and nothing else.

    Raises
    ------
    _OtherKindError
        It is a model of another kind.
    _DamagedError, ValueError, LookupError, TypeError, AttributeError
        It is none.
    """
    _refuse_others(document)
    learner = document["learner"]
    model, general = learner["gradient_booster"]["model"], learner["learner_model_param"]
    objective = _objective(learner["objective"]["name"])
    n_classes = int(general["num_class"]) if objective in _CLASSES else 0
    # Each class is explained by each input.
    most = _MAX_INPUTS // max(n_classes, 1)
    n_inputs = _whole(general["num_feature"], "the number of inputs", 1, most)
    names, types = (_texts(learner.get(one, ())) for one in ("feature_names", "feature_types"))
    if len(set(names)) != len(names) or len(names) not in (0, n_inputs):
        raise _DamagedError(f"wanted {n_inputs} names of inputs, each once, or none")
    if len(types) not in (0, n_inputs):
        raise _DamagedError(f"wanted {n_inputs} types of inputs, or none")
    trees = model["trees"]
    if not isinstance(trees, list) or not trees:
        raise _DamagedError("there are no trees")
    shape = model["gbtree_model_param"]
    _whole(shape["num_trees"], "the number of trees", len(trees), len(trees))
    together = _whole(shape["num_parallel_tree"], "the number of parallel trees", 1, len(trees))
    group = _integers(model["tree_info"], "tree_info", len(trees))
    each = np.repeat(np.arange(n_classes or 1), together if n_classes else 1)
    if len(trees) % len(each) or (group != np.tile(each, len(trees) // len(each))).any():
        raise _DamagedError("a tree is of a group that is not there")
    found: dict[str, Any] = {
        "gbtree_model_param": {"num_parallel_tree": str(together), "num_trees": str(len(trees))}
    }
    if "iteration_indptr" in model:  # since XGBoost 2
        rounds = _integers(model["iteration_indptr"], "iteration_indptr")
        if (rounds[0], rounds[-1]) != (0, len(trees)) or (np.diff(rounds) <= 0).any():
            raise _DamagedError("the rounds do not hold each tree once")
        if n_classes and (np.diff(rounds) != len(each)).any():
            raise _DamagedError("a round does not hold the trees of each class")
        found["iteration_indptr"] = rounds.tolist()
    found["tree_info"] = group.tolist()
    found["trees"] = [_tree(tree, place, n_inputs) for place, tree in enumerate(trees)]
    version = _integers(document["version"], "version", 3)
    if not ((version >= 0) & (version < 1000)).all():
        raise _DamagedError("there is no such version")
    return {
        "learner": {
            "attributes": _attributes(learner.get("attributes", {})),
            "feature_names": names,
            "feature_types": types,
            "gradient_booster": {"model": found, "name": "gbtree"},
            "learner_model_param": {
                "base_score": _base_score(
                    general["base_score"], learner["objective"]["name"], n_classes
                ),
                "boost_from_average": "0" if general.get("boost_from_average") == "0" else "1",
                "num_class": str(n_classes),
                "num_feature": str(n_inputs),
                "num_target": "1",
            },
            "objective": _settings(objective, learner["objective"], n_classes),
        },
        # All that is written here is as of then; the library warns of anything before.
        "version": max(version.tolist(), [1, 6, 0]),
    }


def _refuse_others(document: Any) -> None:
    """Name what is sound, and no model of one finding as `save_model` writes it."""
    if isinstance(document, list) and document and "nodeid" in document[0]:
        raise _OtherKindError(_DUMP)
    if not isinstance(document, dict) or not isinstance(document.get("learner"), dict):
        names = set(document) if isinstance(document, dict) else set()
        if {"tree_info", "num_class"} <= names:
            raise _OtherKindError(f"trees of LightGBM; {_ONNX}")
        if names & {"oblivious_trees", "features_info"}:
            raise _OtherKindError(f"trees of CatBoost; {_ONNX}")
        if {"Config", "Model"} <= names:
            raise _OtherKindError(f"what XGBoost keeps of a training; {_SAVED}")
        raise _DamagedError("there is no learner")
    learner = document["learner"]
    booster, general = learner["gradient_booster"], learner["learner_model_param"]
    if (kind := booster["name"]) != "gbtree":
        raise _OtherKindError(f"booster {_shown(kind)}; {_WANTED}")
    objective, n_classes = learner["objective"]["name"], general["num_class"]
    if _objective(objective) not in _SETTINGS:
        raise _OtherKindError(f"objective {_shown(objective)}; {_WANTED}")
    if objective in _CLASSES:
        _whole(n_classes, "the number of classes", 2, _MOST_CLASSES)
    elif n_classes not in ("0", "1"):
        raise _OtherKindError(
            f"objective {_shown(objective)} of {_shown(n_classes)} classes; {_WANTED}"
        )
    if "model" not in booster:
        raise _OtherKindError(f"a configuration of XGBoost without its trees; {_SAVED}")
    if (n := general.get("num_target", "1")) not in ("0", "1"):
        raise _OtherKindError(f"trees of {_shown(n)} targets at once; {_WANTED} of one")
    kinds = learner.get("feature_types", ())
    if "c" in kinds or any(len(one) for one in booster["model"].get("cats", {}).values()):
        raise _OtherKindError("inputs that are categories; wanted numbers alone")


def _shown(name: Any) -> str:
    """A name of the library's own, and no other text of the file."""
    is_plain = isinstance(name, str) and re.fullmatch(r"[\w:]{1,40}", name, re.ASCII)
    return str(name) if is_plain else "of no known name"


def _objective(name: Any) -> Any:
    """An objective by the name under which the same trees tell most, if by another than its own."""
    if name in (*_LOGISTIC, _RAW):
        return _LOGISTIC[0]
    return _CLASSES[0] if name in _CLASSES else name


def _base_score(text: Any, objective: str, n_classes: int) -> str:
    """What the trees start from, as the library writes it: a probability of a finding, a value, a
    number for each class.
    """
    said = re.fullmatch(r"(\[?)([-+.\deE]{1,32}(?:,[-+.\deE]{1,32}){0,999})(\]?)", text, re.ASCII)
    if said is None or bool(said[1]) != bool(said[3]):
        raise _DamagedError("the trees start from no number")
    scores = [float(one) for one in said[2].split(",")]
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(np.asarray(scores).astype(np.float32)).all()
    if len(scores) not in (1, n_classes or 1) or not is_finite:
        raise _DamagedError("the trees start from no number, or too many")
    if n_classes:  # one for all in files before XGBoost 3.1
        return str(text) if len(scores) > 1 else f"[{','.join([said[2]] * n_classes)}]"
    (score,) = scores
    if objective in _LOGARITHMS and not np.float32(score) > 0:
        raise _DamagedError("the trees start from no number above 0")
    if _objective(objective) != _LOGISTIC[0]:
        return str(text)
    if objective == _RAW:  # from log-odds
        score = float(1 / (1 + np.exp(-np.float64(np.clip(score, -700, 700)))))
        text = f"{said[1]}{score!r}{said[3]}"
    if not 0 < np.float32(score) < 1:
        raise _DamagedError("the trees start from no probability")
    return str(text)


def _settings(name: str, objective: Mapping[str, Any], n_classes: int) -> dict[str, Any]:
    """An objective as the library writes it, with what it was trained with, which trees no longer
    need.
    """
    needed = _SETTINGS[name]
    if needed is None:
        return {"name": name}
    block, setting, plain = needed
    said = str(n_classes) if n_classes else objective.get(block, {}).get(setting, plain)
    if not re.fullmatch(r"[.\deE+-]{1,32}", said, re.ASCII) or not 0 < float(said) < np.inf:
        said = plain
    return {"name": name, block: {setting: said}}


def _attributes(said: Any) -> dict[str, str]:
    return dict(zip(_texts(list(said)), _texts(list(said.values())), strict=True))


def _texts(values: Any) -> list[str]:
    # The library hands texts on as C does, to which a zero is the end.
    if not all(isinstance(one, str) and "\0" not in one for one in values):
        raise _DamagedError("a name is no text")
    return list(values)


def _whole(text: Any, what: str, low: int, high: int) -> int:
    """A whole number, which the library keeps as text."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,10}", text, re.ASCII):
        raise _DamagedError(f"{what} is no number")
    if not low <= int(text) <= high:
        wanted = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        raise _DamagedError(f"{what} is {int(text):,}, wanted {wanted}")
    return int(text)


# --- a tree -------------------------------------------------------------------------------

_ROOT_PARENT = _NO_INPUT = 2**31 - 1
_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
_PLACES = ("left_children", "parents", "right_children", "split_indices")
_CATEGORIES = {
    **dict.fromkeys(("categories", "categories_nodes"), ">i4"),
    **dict.fromkeys(("categories_segments", "categories_sizes"), ">i8"),
}


def _tree(tree: Any, place: int, n_inputs: int) -> dict[str, Any]:
    """A tree, each of whose nodes hangs once below its root, or was pruned and says so."""
    try:
        if any(len(tree.get(one, ())) for one in _CATEGORIES):
            raise _OtherKindError("splits on categories; wanted splits on numbers alone")
        size = tree["tree_param"]
        _whole(size["size_leaf_vector"], "the size of a leaf", 0, 1)
        _whole(size["num_feature"], "the number of inputs", n_inputs, n_inputs)
        n = len(tree["parents"])
        _whole(size["num_nodes"], "the number of nodes", max(n, 1), max(n, 1))
        if type(tree["id"]) is not int or tree["id"] != place:
            raise _DamagedError("it is out of its place")
        nodes: dict[str, Any] = {one: np.zeros(0, dtype) for one, dtype in _CATEGORIES.items()}
        nodes |= {one: _finite(tree[one], one, n) for one in _FLOATS}
        nodes |= {one: _integers(tree[one], one, n) for one in _PLACES}
        nodes["default_left"] = _flags(tree["default_left"], "default_left", n)
        nodes["split_type"] = _flags(tree.get("split_type", np.zeros(n, int)), "split_type", n)
        if nodes["split_type"].any():
            raise _OtherKindError("splits on categories; wanted splits on numbers alone")
        reached = _reached(nodes["left_children"], nodes["right_children"], nodes["parents"])
        pruned = _whole(size.get("num_deleted", "0"), "the number of pruned nodes", 0, n)
        marked = (nodes["split_indices"] == _NO_INPUT) & (nodes["default_left"] == 1)
        if (reached == marked).any() or pruned != n - reached.sum():
            raise _DamagedError("nodes hang below none")
        inner = reached & (nodes["left_children"] != -1)
        split = nodes["split_indices"][inner]
        if ((split < 0) | (split >= n_inputs)).any():
            raise _DamagedError("a node asks for an input that is not there")
    except _DamagedError as error:
        raise _DamagedError(f"tree {place}: {error}") from None
    nodes["id"] = place
    nodes["tree_param"] = {
        "num_deleted": str(pruned),
        "num_feature": str(n_inputs),
        "num_nodes": str(n),
        "size_leaf_vector": size["size_leaf_vector"],
    }
    return nodes


def _reached(
    left: NDArray[np.int32], right: NDArray[np.int32], parents: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """(n,) whether a node is met on the way down from the root, where none is met twice."""
    seen = np.zeros(len(left), dtype=bool)
    if parents[0] != _ROOT_PARENT:
        raise _DamagedError("the root hangs below a node")
    level = np.zeros(1, dtype=np.int64)
    for _ in range(_DEEPEST + 1):
        seen[level] = True
        if not np.array_equal(left[level] == -1, right[level] == -1):
            raise _DamagedError("a node has one child")
        above = level[left[level] != -1]
        if not len(above):
            return seen
        level = np.concatenate([left[above], right[above]]).astype(np.int64)
        if ((level < 0) | (level >= len(left))).any():
            raise _DamagedError("a node points outside the tree")
        if seen[level].any() or len(np.unique(level)) != len(level):
            raise _DamagedError("a node hangs below two, or below itself")
        if not np.array_equal(parents[level], np.tile(above, 2)):
            raise _DamagedError("a node hangs below another than it says")
    raise _DamagedError(f"it is deeper than {_DEEPEST:,} levels")


def _numbers(values: Any, what: str, n: int | None, kinds: str) -> NDArray[Any]:
    found = np.asarray(values)
    if found.ndim != 1 or found.dtype.kind not in kinds:
        raise _DamagedError(f"{what} holds something else than numbers")
    if len(found) != (len(found) or 1 if n is None else n):
        raise _DamagedError(f"{what} has {len(found):,} numbers, wanted {n or 1:,}")
    return found


def _integers(values: Any, what: str, n: int | None = None) -> NDArray[np.int32]:
    found = _numbers(values, what, n, "iu")
    if ((found < -(2**31)) | (found >= 2**31)).any():
        raise _DamagedError(f"{what} holds a number that is too large")
    return found.astype(">i4")


def _flags(values: Any, what: str, n: int) -> NDArray[np.uint8]:
    found = _numbers(values, what, n, "iub")
    if not np.isin(found, (0, 1)).all():
        raise _DamagedError(f"{what} holds something else than 0 and 1")
    return found.astype(np.uint8)


def _finite(values: Any, what: str, n: int) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        found = _numbers(values, what, n, "iuf").astype(">f4")
    if not np.isfinite(found).all():
        raise _DamagedError(f"{what} holds a number that is not finite")
    return found

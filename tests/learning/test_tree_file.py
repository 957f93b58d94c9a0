"""Files of trees: a sound one brings its trees back, another kind is named, and a hostile one never
reaches the library.
"""

from __future__ import annotations

import copy
import json
import pickle
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression

from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.learning import boost, tree_file

NAMES = tuple("abcd")


def people(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(0, "people")
    rows = rng.standard_normal((n, len(NAMES))).astype(np.float32)
    return rows, rows[:, 0] + 0.5 * rng.standard_normal(n) > 0


def trained(rounds: int = 5, truth: np.ndarray | None = None, **settings: Any) -> xgboost.Booster:
    rows, event = people()
    learnt = xgboost.DMatrix(rows, event if truth is None else truth, feature_names=list(NAMES))
    plain = {"objective": "binary:logistic", "nthread": 1}
    return xgboost.train(plain | settings, learnt, rounds)


@pytest.fixture(scope="module")
def booster():
    return trained()


@pytest.fixture(scope="module")
def document(booster):
    return json.loads(booster.save_raw("json"))


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        boost.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of(raw: bytes | str, path: Path) -> Path:
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return path


# --- sound files --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"tree_method": "exact", "gamma": 3.0},
        {"base_score": 0.3},
        {"max_depth": 1, "gamma": 1e9},
        {"grow_policy": "lossguide", "max_depth": 0, "max_leaves": 60},
    ],
    ids=str,
)
def test_the_library_gets_the_same_trees_to_the_bit(kind, settings, tmp_path):
    path = tmp_path / f"m.{kind}"
    trained(**settings).save_model(path)
    assert boost.as_bytes(boost.load(path)) == boost.as_bytes(xgboost.Booster(model_file=path))


def test_trees_of_a_finding_under_another_name_tell_its_log_odds(tmp_path):
    rows = people()[0]
    for objective in ("reg:logistic", "binary:logitraw"):
        found = trained(objective=objective)
        found.save_model(tmp_path / "m.json")
        back = boost.load(tmp_path / "m.json")
        asked = xgboost.DMatrix(rows, feature_names=list(NAMES))
        theirs = found.predict(asked, output_margin=True)
        np.testing.assert_allclose(boost.margins(back, rows), theirs, rtol=0, atol=1e-6)
        assert ((p := boost.probabilities(back, rows)) > 0).all()
        assert (p < 1).all()


CLASSES = [
    {"objective": "multi:softprob", "num_class": 3},
    {"objective": "multi:softprob", "num_class": 2},
    {"objective": "multi:softprob", "num_class": 5, "num_parallel_tree": 2, "subsample": 0.5},
    {"objective": "multi:softprob", "num_class": 3, "base_score": 0.5},
]
VALUES = [
    {"objective": "reg:squarederror"},
    {"objective": "reg:absoluteerror"},
    {"objective": "reg:pseudohubererror", "huber_slope": 2.0},
    {"objective": "reg:squaredlogerror"},
    {"objective": "count:poisson", "max_delta_step": 0.5},
    {"objective": "reg:gamma"},
    {"objective": "reg:tweedie", "tweedie_variance_power": 1.2},
]


def of_kind(settings: dict[str, Any]) -> xgboost.Booster:
    """Trees of classes, or of values above 0."""
    first = people()[0][:, 0]
    cuts = np.linspace(-1, 1, settings.get("num_class", 2) - 1)
    return trained(4, np.digitize(first, cuts) if settings in CLASSES else first + 6, **settings)


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize("settings", CLASSES + VALUES, ids=str)
def test_trees_of_classes_and_of_values_come_back_to_the_bit(settings, kind, tmp_path):
    path = tmp_path / f"m.{kind}"
    of_kind(settings).save_model(path)
    back = boost.load(path)
    assert boost.as_bytes(back) == boost.as_bytes(xgboost.Booster(model_file=path))
    told = boost.objective_of(back)
    assert (told.name, told.n_classes) == (settings["objective"], settings.get("num_class", 0))
    assert told.kind == ("class" if settings in CLASSES else "value")
    assert answers(back)


def test_trees_that_name_a_class_tell_how_likely_each_is(tmp_path):
    found = of_kind(CLASSES[0])
    document = json.loads(found.save_raw("json"))
    document["learner"]["objective"]["name"] = "multi:softmax"
    back = boost.load(of(json.dumps(document), tmp_path / "m.json"))
    rows = people()[0]
    theirs = found.predict(xgboost.DMatrix(rows, feature_names=list(NAMES)))
    assert theirs.shape == (len(rows), 3)
    np.testing.assert_allclose(boost.probabilities(back, rows), theirs, rtol=0, atol=1e-6)


def test_classes_of_older_files_start_from_one_number_for_all(tmp_path):
    settings = {"objective": "multi:softprob", "num_class": 3, "base_score": 0.5}
    now = of_kind(settings)
    document = json.loads(now.save_raw("json"))
    document["version"] = [1, 7, 6]
    document["learner"]["learner_model_param"]["base_score"] = "5E-1"
    del document["learner"]["gradient_booster"]["model"]["iteration_indptr"]
    back = boost.load(of(json.dumps(document), tmp_path / "m.json"))
    rows = people()[0]
    for ask in (boost.probabilities, boost.leaves, boost.contributions):
        np.testing.assert_array_equal(ask(back, rows), ask(now, rows))
    assert boost.n_rounds(back) == 4


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"num_class": "3"', '"num_class": "1"', "classes is 1, wanted 2 to 1,000"),
        ('"num_class": "3"', '"num_class": "4000000000"', "classes is 4,000,000,000"),
        ('"num_class": "3"', '"num_class": "2"', "a tree is of a group that is not there"),
        ('"tree_info": [0, 1', '"tree_info": [1, 0', "a tree is of a group that is not there"),
        ('"iteration_indptr": [0, 3', '"iteration_indptr": [0, 4', "the trees of each class"),
        ('"base_score": "[', '"base_score": "[0.5,', "no number, or too many"),
        ('"base_score": "[', '"base_score": "[1e39,', "no number, or too many"),
        ('"num_parallel_tree": "1"', '"num_parallel_tree": "2"', "of a group that is not there"),
        ('"num_feature": "4"', '"num_feature": "50000"', "wanted 1 to 33,333"),
    ],
)
def test_classes_that_cannot_be_are_refused_with_what_they_are(right, wrong, told, tmp_path):
    raw = json.dumps(json.loads(of_kind(CLASSES[0]).save_raw("json")))
    assert right in raw
    said = refusal(of(raw.replace(right, wrong), tmp_path / "m.json"))
    assert "is damaged" in said
    assert told in said


@pytest.mark.parametrize("score", ["0", "-1", "1e39", "1,2", ""])
def test_logarithms_of_values_start_from_a_number_above_0(score, tmp_path):
    document = json.loads(of_kind(VALUES[4]).save_raw("json"))
    document["learner"]["learner_model_param"]["base_score"] = f"[{score}]"
    assert "the trees start from no" in refusal(of(json.dumps(document), tmp_path / "m.json"))


@pytest.mark.parametrize("power", ["9", "-1", "x", "1e999"])
def test_a_setting_that_cannot_be_never_reaches_the_library_unseen(power, tmp_path):
    document = json.loads(of_kind(VALUES[-1]).save_raw("json"))
    document["learner"]["objective"]["tweedie_regression_param"] = {"tweedie_variance_power": power}
    with suppress(ModelError):
        assert answers(boost.load(of(json.dumps(document), tmp_path / "m.json")))


def test_what_the_library_gets_is_what_was_checked(document, tmp_path):
    document = copy.deepcopy(document)
    document["more"] = document["learner"]["more"] = [{"x": "y" * 1000}]
    raw = tree_file.read(of(json.dumps(document, indent=3), tmp_path / "m.json"))
    assert b"yyy" not in raw


# --- other kinds --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"booster": "dart"}, "booster dart"),
        ({"booster": "gblinear"}, "booster gblinear"),
        ({"booster": "dart", "objective": "multi:softprob", "num_class": 2}, "booster dart"),
        ({"objective": "binary:hinge"}, "objective binary:hinge"),
        ({"objective": "rank:pairwise"}, "objective rank:pairwise"),
        ({"objective": "reg:quantileerror", "quantile_alpha": 0.5}, "objective reg:quantileerror"),
        ({"objective": "survival:cox"}, "objective survival:cox"),
    ],
    ids=str,
)
def test_a_model_of_another_kind_is_named(settings, named, kind, tmp_path):
    path = tmp_path / f"m.{kind}"
    trained(2, **settings).save_model(path)
    said = refusal(path)
    assert said.startswith("m.")
    assert named in said
    assert said.endswith(
        "wanted gbtree with binary:logistic, multi:softprob or a loss of values such as "
        "reg:squarederror"
    )


def test_splits_on_categories_are_named(tmp_path):
    rows, event = people()
    table = pd.DataFrame(rows).assign(code=pd.Categorical((rows[:, 0] * 3).astype(int)))
    learnt = xgboost.DMatrix(table, event, enable_categorical=True)
    xgboost.train({"objective": "binary:logistic"}, learnt, 2).save_model(tmp_path / "m.json")
    assert "categories; wanted numbers alone" in refusal(tmp_path / "m.json")


def old_binary() -> bytes:
    """The parameters of a learner, its objective and its booster, as XGBoost wrote them to 3.0."""
    kinds = (b"binary:logistic", b"gbtree")
    return struct.pack("<fIiii", 0.5, 4, 0, 1, 0) + bytes(116) + b"".join(
        struct.pack("<Q", len(one)) + one for one in kinds
    )  # fmt: skip


LIGHTGBM = b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\n"
FOREIGN = {
    "a pickle": [pickle.dumps(LogisticRegression(), protocol=one) for one in range(6)],
    "a compressed file": [zlib.compress(b"x" * 99), b"\x1f\x8b\x08\x00"],
    "a zip archive": [b"PK\x03\x04rest"],
    "trees of LightGBM": [LIGHTGBM, b'{"name":"tree","num_class":1,"tree_info":[]}'],
    "trees of CatBoost": [b"CBM1\x00\x01", b'{"features_info":{},"oblivious_trees":[]}'],
    "an old binary file of XGBoost": [old_binary(), b"binf" + old_binary(), b"bs64\tAAAA"],
    "dump_model": [b"booster[0]:\n0:[a<1] yes=1,no=2\n", b'[{"nodeid":0,"leaf":0.1}]'],
    "Git LFS": [b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"],
    "XML or HTML": [b"<!DOCTYPE html><html>", b"<?xml version='1.0'?><PMML/>"],
}


@pytest.mark.parametrize(
    ("named", "raw"), [(named, raw) for named, some in FOREIGN.items() for raw in some]
)
def test_what_another_program_wrote_is_named(named, raw, tmp_path):
    assert named in refusal(of(raw, tmp_path / "m.json"))


def test_dumps_of_the_trees_themselves_are_named(booster, tmp_path):
    for form in ("text", "json", "dot"):
        booster.dump_model(str(tmp_path / "m.json"), dump_format=form)
        assert "dump_model" in refusal(tmp_path / "m.json")
    of(booster.save_config(), tmp_path / "m.json")
    assert "without its trees" in refusal(tmp_path / "m.json")


def test_a_file_with_the_name_of_the_other_kind_is_told_its_own(booster, tmp_path):
    for kind, other in (("json", "ubj"), ("ubj", "json")):
        said = refusal(of(bytes(booster.save_raw(kind)), tmp_path / f"m.{other}"))
        assert f"call it .{kind}" in said


# --- damage -------------------------------------------------------------------------------


def text(name: bytes) -> bytes:
    return b"L" + struct.pack(">q", len(name)) + name


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize(
    "raw",
    {
        "empty": b"",
        "one brace": b"{",
        "an empty object": b"{}",
        "an empty list": b"[]",
        "zeros": bytes(100),
        "not even text": b"\x89PNG\r\n\x1a\n\xff\xfe",
        "a name that never ends": b"{L" + b"\x7f" + bytes(7),
        "more numbers than there are bytes": b"{" + text(b"learner") + b"[$d#L\x7f" + b"\xff" * 7,
        "nested without end": (b"{" + text(b"learner")) * 50_000,
        "nested JSON": b'{"learner":' + b"[" * 300_000,
        "nested JSON that ends": b'{"learner":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "quotes without end": b'{"learner":"' + b'\\"' * 300_000,
        "a number without end": b'{"learner":' + b"9" * 5000 + b"}",
        "a surrogate": b'{"learner":{"\\ud800":1}}',
    }.values(),
)
def test_what_is_no_model_is_refused_in_one_line(raw, kind, tmp_path):
    said = refusal(of(raw, tmp_path / f"hostile.{kind}"))
    assert said.startswith(f"hostile.{kind}: ")
    assert said.endswith("save_model")
    assert len(said) < 200


def test_a_file_that_is_missing_a_folder_or_too_large_is_refused(tmp_path):
    assert "none.ubj: cannot be read" in refusal(tmp_path / "none.ubj")
    (tmp_path / "folder.ubj").mkdir()
    assert "folder.ubj: cannot be read" in refusal(tmp_path / "folder.ubj")
    with (tmp_path / "large.ubj").open("wb") as file:
        file.truncate(1 << 30)
    assert "larger than 256 MiB" in refusal(tmp_path / "large.ubj")


@pytest.mark.parametrize("kind", ["json", "ubj"])
def test_a_file_that_was_cut_off_or_goes_on_is_refused(booster, tmp_path, kind):
    raw, path = bytes(booster.save_raw(kind)), tmp_path / f"m.{kind}"
    cut = [raw[:end] for end in range(0, len(raw), 997)]
    assert len(cut) >= 10
    assert boost.load(of(raw, path)).num_boosted_rounds() == 5
    for wrong in (*cut, raw[:-1], raw + b"}"):
        assert refusal(of(wrong, path)).startswith(f"m.{kind}: ")


def test_a_number_may_be_there_in_full_and_no_longer(document, tmp_path):
    path = tmp_path / "m.json"
    whole = json.dumps(document)
    for number in ("1" + "0" * 5000, "0." + "1" * 5000, "1e" + "0" * 5000 + "1"):
        wrong = whole.replace('"version": [', f'"more": {number}, "version": [')
        assert wrong != whole
        assert "damaged" in refusal(of(wrong, path))


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"learner"', r'"\u006cearner"', "written with escapes"),
        ('"left_children"', r'"left\u005fchildren"', "written with escapes"),
        ('"version":', '"version": [1, 0, 0], "version":', "a name is there twice"),
        ('"left_children":', '"left_children": [], "left_children":', "a name is there twice"),
        ('"loss_changes": [', '"loss_changes": [NaN, ', "not finite"),
        ('"version": [', '"more": -Infinity, "version": [', "not finite"),
        ('"base_weights": [', '"base_weights": [1e39, ', "base_weights"),
        ('"num_trees": "5"', '"num_trees": "5000000000"', "wanted 5"),
        ('"num_trees": "5"', '"num_trees": "-5"', "number of trees is no number"),
        ('"num_parallel_tree": "1"', '"num_parallel_tree": "0"', "is 0, wanted 1 to 5"),
        ('"num_feature": "4"', '"num_feature": "4000000000"', "inputs is 4,000,000,000"),
        ('"num_feature": "4"', '"num_feature": "٤"', "number of inputs is no number"),
        ('"base_score": "[', '"base_score": "', "start from no number"),
        ('"feature_names": ["a"', '"feature_names": ["b"', "names of inputs, each once"),
        ('"feature_names": ["a"', r'"feature_names": ["a\u0000"', "a name is no text"),
        ('"iteration_indptr": [0, ', '"iteration_indptr": [0, 0, ', "hold each tree once"),
        ('"tree_info": [0', '"tree_info": [1', "of a group that is not there"),
        ('"id": 1', '"id": 0', "tree 1: it is out of its place"),
        ('"num_deleted": "0"', '"num_deleted": "1"', "tree 0: nodes hang below none"),
        ('"size_leaf_vector": "1"', '"size_leaf_vector": "99"', "size of a leaf is 99"),
    ],
)
def test_what_cannot_be_is_refused_with_what_it_is(document, right, wrong, told, tmp_path):
    raw = json.dumps(document)
    assert right in raw
    said = refusal(of(raw.replace(right, wrong), tmp_path / "m.json"))
    assert "is damaged" in said
    assert told in said


def first(document: Any) -> Any:
    return document["learner"]["gradient_booster"]["model"]["trees"][0]


def chain(tree: Any, n: int) -> None:
    """A tree that goes down one side, a node a level."""
    inner, n_nodes = np.arange(n), 2 * n + 1
    for name, values in tree.items():
        if isinstance(values, list) and not name.startswith("categories"):
            tree[name] = [0] * n_nodes
    left, right, parents = (np.full(n_nodes, -1) for _ in range(3))
    left[2 * inner], right[2 * inner] = 2 * inner + 1, 2 * inner + 2
    parents[2 * inner + 1] = parents[2 * inner + 2] = 2 * inner
    parents[0] = 2**31 - 1
    tree |= {"left_children": left.tolist(), "right_children": right.tolist()}
    tree["parents"] = parents.tolist()
    tree["tree_param"]["num_nodes"] = str(n_nodes)


def loop(tree: Any) -> None:
    """Two nodes below each other, and none of them below the root."""
    last = len(tree["parents"])
    for values in tree.values():
        if isinstance(values, list) and values:
            values += [0] * 2
    tree["left_children"][last:] = tree["right_children"][last:] = [last + 1, last]
    tree["parents"][last:] = [last + 1, last]
    tree["tree_param"]["num_nodes"] = str(last + 2)


def put(name: str, value: Any, at: int = 0) -> Callable[[Any], None]:
    return lambda tree: tree[name].__setitem__(at, value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("left_children", 10**6), "points outside"),
        (put("right_children", -2), "points outside"),
        (put("left_children", 0), "below two, or below itself"),
        (put("right_children", 1), "below two, or below itself"),
        (put("right_children", -1), "a node has one child"),
        (put("left_children", 2**40), "left_children holds a number that is too large"),
        (put("left_children", 2**80), "left_children holds something else than numbers"),
        (put("left_children", 1.5), "left_children holds something else than numbers"),
        (put("left_children", "1"), "left_children holds something else than numbers"),
        (put("parents", 7), "the root hangs below a node"),
        (put("parents", 3, 1), "below another than it says"),
        (put("split_indices", 4), "asks for an input that is not there"),
        (put("split_indices", -1), "asks for an input that is not there"),
        (put("split_conditions", 1e39), "split_conditions holds a number that is not finite"),
        (put("default_left", 2), "default_left holds something else than 0 and 1"),
        (lambda tree: tree["loss_changes"].pop(), "loss_changes has"),
        (lambda tree: tree["split_type"].append(0), "split_type has"),
        (lambda tree: tree["parents"].clear(), "the number of nodes is"),
        (lambda tree: tree["tree_param"].update(num_nodes="2147483647"), "nodes is 2,147,483,647"),
        (lambda tree: tree.update(sum_hessian={}), "sum_hessian holds something else"),
        (lambda tree: chain(tree, 5000), "deeper than 1,000 levels"),
        (loop, "nodes hang below none"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_tree_that_cannot_be_is_refused_with_what_it_is(document, change, told, tmp_path):
    document = copy.deepcopy(document)
    change(first(document))
    said = refusal(of(json.dumps(document), tmp_path / "m.json"))
    assert "is damaged: tree 0: " in said
    assert told in said


def test_a_deep_tree_is_asked_and_explained(document, tmp_path):
    document = copy.deepcopy(document)
    chain(first(document), 900)
    found = boost.load(of(json.dumps(document), tmp_path / "m.json"))
    assert answers(found)


def answers(found: xgboost.Booster) -> bool:
    """All that is asked of trees is answered."""
    rows = people(20)[0]
    if found.num_features() != len(NAMES):
        return False
    boost.grown(found)
    asked = (boost.probabilities, boost.margins, boost.leaves, boost.contributions)
    return all(len(ask(found, rows)) == len(rows) for ask in asked)


@pytest.mark.parametrize("kind", ["json", "ubj"])
def test_whatever_bytes_are_changed_a_model_is_refused_or_answers(booster, kind, tmp_path):
    raw, path = bytes(booster.save_raw(kind)), tmp_path / f"m.{kind}"
    rng, refused = stream(0, f"bytes/{kind}"), 0
    for _ in range(300):
        wrong = bytearray(raw)
        for place in rng.integers(len(raw), size=rng.integers(1, 4)):
            wrong[place] = rng.integers(256)
        try:
            answers(boost.load(of(bytes(wrong), path)))
        except ModelError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("settings", [None, CLASSES[0], VALUES[0], VALUES[4]], ids=str)
def test_whatever_part_is_changed_a_model_is_refused_or_answers(document, settings, tmp_path):
    if settings:
        document = json.loads(of_kind(settings).save_raw("json"))
    rng, refused = stream(0, "parts"), 0
    others = [None, True, -1, 0, 1, 2**31 - 1, 2**63, 1e300, "", "1", "\0", [], [[]], {}, [1] * 99]
    for _ in range(300):
        wrong = copy.deepcopy(document)
        inside: Any = wrong
        while True:
            places = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            place = places[rng.integers(len(places))]
            below = inside[place]
            if not isinstance(below, dict | list) or not below or rng.random() < 0.2:
                break
            inside = below
        how = rng.integers(3)
        if how == 0:
            del inside[place]
        elif how == 1 and isinstance(inside, list):
            inside.insert(place, below)
        else:
            inside[place] = others[rng.integers(len(others))]
        try:
            answers(boost.load(of(json.dumps(wrong), tmp_path / "m.json")))
        except ModelError:
            refused += 1
    assert refused > 100

"""Models of scikit-learn as its exporter (skl2onnx) writes them, built by hand: the graph is the
same, and no exporter need be installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

ML = "ai.onnx.ml"
#: How risks are given out: a table, a map of each record, or an output for each class.
Risks = Literal["table", "maps", "columns"]


def forest(model: Any, risks: Risks = "table", *, columns: Sequence[str] = ()) -> onnx.ModelProto:
    """A RandomForestClassifier."""
    nodes: dict[str, list[Any]] = {key: [] for key in (
        "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
    )}  # fmt: skip
    told: dict[str, list[Any]] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for place, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            is_leaf = tree.children_left[node] == -1
            cut = np.float32(tree.threshold[node])
            if cut > tree.threshold[node]:  # what is read is in single precision
                cut = np.nextafter(cut, np.float32(-np.inf))
            row = (
                place, node, max(int(tree.feature[node]), 0), float(cut),
                "LEAF" if is_leaf else "BRANCH_LEQ",
                0 if is_leaf else int(tree.children_left[node]),
                0 if is_leaf else int(tree.children_right[node]),
            )  # fmt: skip
            for key, one in zip(nodes, row, strict=True):
                nodes[key].append(one)
            share = tree.value[node, 0] / tree.value[node, 0].sum()
            if len(share) == 2:  # of two classes the second's is told
                share = share[1:]
            for at, one in enumerate(share if is_leaf else ()):
                said = (place, node, at, float(one) / len(model.estimators_))
                for key, each in zip(told, said, strict=True):
                    told[key].append(each)
    attributes = {f"nodes_{key}": one for key, one in nodes.items()}
    attributes |= {f"class_{key}": one for key, one in told.items()}
    trees = helper.make_node(
        "TreeEnsembleClassifier", ["X"], ["label", "probabilities"], domain=ML,
        post_transform="NONE", **_classes(model), **attributes,
    )  # fmt: skip
    return _written([trees], model, risks, columns)


def logistic(scaler: Any, model: Any, risks: Risks = "table") -> onnx.ModelProto:
    """A StandardScaler before a LogisticRegression of two classes."""
    both = np.concatenate([-model.coef_[0], model.coef_[0]])
    nodes = [
        helper.make_node(
            "Scaler", ["X"], ["scaled"], domain=ML,
            offset=scaler.mean_.tolist(), scale=(1 / scaler.scale_).tolist(),
        ),
        helper.make_node(
            "LinearClassifier", ["scaled"], ["label", "raw"], domain=ML,
            coefficients=both.tolist(), intercepts=[-model.intercept_[0], model.intercept_[0]],
            multi_class=1, post_transform="LOGISTIC",
            classlabels_ints=_classes(model)["classlabels_int64s"],
        ),
        helper.make_node("Normalizer", ["raw"], ["probabilities"], domain=ML, norm="L1"),
    ]  # fmt: skip
    return _written(nodes, model, risks, ())


def _classes(model: Any) -> dict[str, Any]:
    if model.classes_.dtype.kind in "OU":
        return {"classlabels_strings": [str(one) for one in model.classes_]}
    return {"classlabels_int64s": [int(one) for one in model.classes_]}


def _written(nodes: list[Any], model: Any, risks: Risks, columns: Sequence[str]) -> onnx.ModelProto:
    names = model.classes_.tolist()
    are_texts = isinstance(names[0], str)
    key = TensorProto.STRING if are_texts else TensorProto.INT64
    value = helper.make_tensor_value_info
    outputs = [value("label", key, ["n"])]
    if risks == "table":
        outputs.append(value("probabilities", TensorProto.FLOAT, ["n", len(names)]))
    elif risks == "maps":
        nodes.append(
            helper.make_node(
                "ZipMap", ["probabilities"], ["output_probability"], domain=ML, **_classes(model)
            )
        )
        of_each = helper.make_map_type_proto(
            key, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        )
        outputs.append(
            helper.make_value_info("output_probability", helper.make_sequence_type_proto(of_each))
        )
    else:
        each = [f"output_probability {one}" for one in names]
        nodes.append(helper.make_node("Split", ["probabilities"], each, axis=1))
        outputs += [value(one, TensorProto.FLOAT, ["n", 1]) for one in each]
    n = model.n_features_in_
    given = [value("X", TensorProto.FLOAT, ["n", n])]
    if columns:
        given = [value(one, TensorProto.FLOAT, ["n", 1]) for one in columns]
        nodes.insert(0, helper.make_node("Concat", list(columns), ["X"], axis=1))
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(ML, 1)]
    graph = helper.make_graph(nodes, "graph", given, outputs)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)

"""What an ONNX file tells whoever has it beside its outputs: the leaves of its trees, and what the
last layer of a network reads. They are made outputs, to be attacked as those are. And the
thresholds of its trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ValueInfoProto, helper, numpy_helper

#: What such outputs are called, before their numbers.
_LEAVES, _EMBEDDING = "auditor leaves", "auditor embedding"
#: Operators that weigh what they read by what was learnt.
_LAYERS = ("MatMul", "Gemm", "Conv", "LSTM", "GRU", "RNN", "MatMulInteger", "ConvInteger")
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
#: Operators that keep records of the training as they are, and trees in a form that is not read.
_KEEP_RECORDS, _OTHER_TREES = ("SVMClassifier", "SVMRegressor"), ("TreeEnsemble",)

#: How trees ask whether a value is beyond a threshold, the value itself among what is not, and
#: among what is.
_AT_MOST, _LESS = ("BRANCH_LEQ", "BRANCH_GT"), ("BRANCH_LT", "BRANCH_GTE")
#: Operators that hand on what they read.
_HAND_ON = ("Cast", "Identity")


def with_inside(model: Any) -> tuple[list[str], list[str], int]:
    """Add outputs to a file that was found harmless: names of those that tell leaves, and of those
    that tell embeddings; and of how many trees the leaves cannot be told.
    """
    graph = model.graph
    every = [node for node in _everywhere(model) if node.op_type in (*_TREES, *_OTHER_TREES)]
    trees = [node for node in graph.node if node.op_type in _TREES]
    read = _last_read(graph)
    leaves = [f"{_LEAVES} {at}" for at in range(len(trees))]
    embeddings = [f"{_EMBEDDING} {at}" for at in range(len(read))]
    graph.node.extend(map(_leaves, trees, leaves))
    graph.node.extend(
        helper.make_node("Identity", [one], [name])
        for one, name in zip(read, embeddings, strict=True)
    )
    graph.output.extend(ValueInfoProto(name=name) for name in (*leaves, *embeddings))
    return leaves, embeddings, len(every) - len(trees)


def thresholds(model: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Of each threshold of the trees, the column that it is on, by its place in the input or among
    the inputs, and the least value beyond it; none where trees read what is made of the columns, or
    ask otherwise; None where there are no trees.
    """
    trees = [node for node in _everywhere(model) if node.op_type in (*_TREES, *_OTHER_TREES)]
    if not trees:
        return None
    made_by = {name: node for node in model.graph.node for name in node.output}
    given = [one.name for one in model.graph.input]
    places, values = [np.zeros(0, np.int64)], [np.zeros(0)]
    nothing = places[0], values[0]
    for node in trees:
        columns = _columns(node.input[0], made_by, given)
        said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if columns is None or "nodes_modes" not in said:
            return nothing
        modes = np.array([one.decode() for one in said["nodes_modes"]])
        if not np.isin(modes, (*_AT_MOST, *_LESS, "LEAF")).all():
            return nothing
        kind: type[np.floating[Any]] = np.float32
        cut = said.get("nodes_values")
        if cut is None:
            cut = numpy_helper.to_array(said["nodes_values_as_tensor"])
            kind = np.float64 if cut.dtype == np.float64 else np.float32
        cut = np.asarray(cut, kind)
        cut = np.where(np.isin(modes, _AT_MOST), np.nextafter(cut, kind(np.inf)), cut)
        inner, place = modes != "LEAF", np.asarray(said["nodes_featureids"], np.int64)
        if columns and place[inner].max(initial=0) >= len(columns):
            return nothing
        places.append(np.array(columns, np.int64)[place[inner]] if columns else place[inner])
        values.append(cut[inner].astype(np.float64))
    return np.concatenate(places), np.concatenate(values)


def _columns(name: str, made_by: Any, given: Sequence[str]) -> list[int] | None:
    """Of what is read, the place of each input that it is put together of; [] where it is the only
    input as it is; None where it is something else.
    """
    while name in made_by and made_by[name].op_type in _HAND_ON:
        name = made_by[name].input[0]
    if name in given:
        return [] if len(given) == 1 else [given.index(name)]
    if name not in made_by or made_by[name].op_type != "Concat" or len(given) == 1:
        return None
    parts = [_columns(one, made_by, given) for one in made_by[name].input]
    if any(one is None or len(one) != 1 for one in parts):
        return None
    return [one[0] for one in parts if one]


def keeping_records(model: Any) -> str:
    """The operator of a file that keeps records of its training as they are; "" where none does."""
    found = (node.op_type for node in _everywhere(model) if node.op_type in _KEEP_RECORDS)
    return next(found, "")


def _everywhere(model: Any) -> Iterator[Any]:
    """The nodes of a model, of the graphs within them, and of its own functions."""
    yield from _within(model.graph)
    for function in model.functions:
        yield from _within(function)


def _within(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for one in [attribute.g, *attribute.graphs]:
                yield from _within(one)


def _leaves(node: Any, name: str) -> Any:
    """Trees of which each tells the number of the leaf that a record falls into."""
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    kept = {key: one for key, one in given.items() if key.startswith("nodes_")}
    trees = sorted(set(given["nodes_treeids"]))
    leaf = [place for place, mode in enumerate(given["nodes_modes"]) if mode in (b"LEAF", "LEAF")]
    number = {tree: at for at, tree in enumerate(trees)}
    weights = [float(given["nodes_nodeids"][one]) for one in leaf]
    told: dict[str, Any] = {"target_weights": weights}
    if "nodes_values_as_tensor" in given:
        kind = given["nodes_values_as_tensor"].data_type
        told = {"target_weights_as_tensor": helper.make_tensor("w", kind, [len(leaf)], weights)}
    return helper.make_node(
        "TreeEnsembleRegressor",
        node.input,
        [name],
        domain=node.domain,
        **kept,
        n_targets=len(trees),
        aggregate_function="SUM",
        post_transform="NONE",
        target_treeids=[given["nodes_treeids"][one] for one in leaf],
        target_nodeids=[given["nodes_nodeids"][one] for one in leaf],
        target_ids=[number[given["nodes_treeids"][one]] for one in leaf],
        **told,
    )


def _last_read(graph: Any) -> list[str]:
    """What the last layer before each output reads, if a layer made that and no output tells it."""
    made_by = {name: node for node in graph.node for name in node.output}
    told = {one.name for one in graph.output}
    found: list[str] = []
    for output in graph.output:
        layer = _layer_behind([output.name], made_by, set())
        read = layer.input[0] if layer is not None else ""
        if not read or read in found:
            continue
        if _layer_behind([read], made_by, told) is not None:
            found.append(read)
    return found


def _layer_behind(names: Sequence[str], made_by: Any, but: set[str]) -> Any:
    """The nearest layer behind some numbers; None where there is none, or one of `but` first."""
    seen: set[str] = set()
    behind = list(names)
    while behind:
        name = behind.pop(0)
        if name in seen or name in but or name not in made_by:
            continue
        seen.add(name)
        node = made_by[name]
        if node.op_type in _LAYERS:
            return node
        behind.extend(node.input)
    return None

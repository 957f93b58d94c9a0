"""What exporters write, and what of it is what: labels, maps, classes, heads, what is inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import yaml
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from auditor.checks.structure import check as structure
from auditor.core.errors import ModelError
from auditor.core.target import Target
from auditor.engine import Engine, engine
from auditor.systems.open import open_target
from auditor.targets.release import Release
from tests.checks.asking import context, measured
from tests.targets.exported import Risks, forest, logistic

NAMES = ["age", "QRS ms", "PR ms"]
RHYTHMS = np.array(["AF", "flutter", "sinus"])
N = 150
EVERY_WAY: list[Risks] = ["table", "maps", "columns"]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    workers: Engine
    with engine() as workers:
        folder = tmp_path_factory.mktemp("home")
        yield Release.open(folder, workers, may_be_empty=True)


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, len(NAMES))).astype(np.float32)
    noise = rng.normal(size=N)
    return pd.DataFrame(x, columns=NAMES).assign(
        record=[f"r{at}" for at in range(N)],
        subject=[f"p{at // 2}" for at in range(N)],
        part=np.where(np.arange(N) // 2 % 2, "trained", "judged"),
        AF=(x[:, 0] + noise > 0).astype(int),
        rhythm=np.digitize(x[:, 1] + 0.3 * noise, (-0.5, 0.5)),
    )


X = rows()[NAMES].to_numpy(np.float32)


def written(folder: Path, model: Any, table: pd.DataFrame | None = None, **said: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (rows() if table is None else table).to_csv(folder / "rows.csv", index=False)
    told = {"task": "toy", "file": "model.onnx", "members": "rows.csv", "inputs": NAMES}
    told |= {"labels": {"AF": "AF"}} | said
    (folder / "model.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return folder


def asked(folder: Path, release: Release) -> Target:
    return open_target(folder, release)


def fitted(truth: Any, **more: Any) -> RandomForestClassifier:
    return RandomForestClassifier(60, random_state=0, **more).fit(X, truth)


# --- scikit-learn -----------------------------------------------------------------------------


@pytest.mark.parametrize("risks", EVERY_WAY)
def test_a_forest_says_the_same_however_it_is_exported(
    risks: Risks, tmp_path: Path, release: Release
):
    model = fitted(rows()["AF"])
    one = asked(written(tmp_path, forest(model, risks)), release)
    yes = model.predict_proba(X)[:, 1]
    assert one.outputs.keys() == {"scores", "leaves"}
    assert one.labels == ("AF",)
    np.testing.assert_allclose(one.view("scores").values[:, 0], yes, atol=1e-5)
    assert one.membership_signal is not None
    own = np.where(rows()["AF"] == 1, yes, 1 - yes)
    told = 1 / (1 + np.exp(-one.membership_signal()[:, 0]))
    np.testing.assert_allclose(told, own, atol=1e-4)
    assert not any(one.unread.values())


def test_risks_that_miss_1_by_a_rounding_are_no_log_odds(tmp_path: Path, release: Release):
    model = forest(fitted(rows()["AF"]))
    one = asked(written(tmp_path, model), release)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert session.run(["probabilities"], {"X": X})[0].max() > 1  # as single precision sums
    assert one.view("scores").values.max() <= 1 + 1e-4


def test_the_leaves_of_a_forest_are_those_that_scikit_learn_finds(tmp_path: Path, release: Release):
    model = fitted(rows()["AF"])
    one = asked(written(tmp_path, forest(model)), release)
    found, wanted = one.view("leaves").values, model.apply(X)
    assert found.shape == wanted.shape
    for mine, theirs in zip(found.T, wanted.T, strict=True):
        assert len(set(zip(mine, theirs, strict=True))) == len(set(mine)) == len(set(theirs))


def parted(cuts: Mapping[int, np.ndarray]) -> set[tuple[int, bytes]]:
    """Which records are beyond each threshold, by the column that it is on."""
    return {(at, (X[:, at] >= cut).tobytes()) for at, some in cuts.items() for cut in some}


@pytest.mark.parametrize("columns", [(), NAMES], ids=["one input", "an input for each column"])
def test_the_thresholds_of_a_forest_part_records_as_scikit_learn_does(
    columns: list[str], tmp_path: Path, release: Release
):
    model = fitted(rows()["AF"])
    told: dict[str, Any] = {"inputs": NAMES[::-1]} if columns else {}
    one = asked(written(tmp_path, forest(model, columns=columns), **told), release)
    assert one.thresholds is not None
    found = {NAMES.index(one.columns[at]): cuts for at, cuts in one.thresholds.items()}
    wanted: dict[int, list[float]] = {}
    for tree in (each.tree_ for each in model.estimators_):
        for at, cut in zip(tree.feature, tree.threshold, strict=True):
            if at >= 0:  # scikit-learn sends what is no more to the left
                wanted.setdefault(at, []).append(np.nextafter(cut, np.inf))
    assert parted(found) == parted({at: np.array(cuts) for at, cuts in wanted.items()})
    given_out = asked(
        written(
            tmp_path / "file stays", forest(model, columns=columns), outputs=["scores"], **told
        ),
        release,
    )
    assert given_out.thresholds is None


def behind_a_scaler(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same trees, which read what a scaler made of the columns."""
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")
    trees.input[0] = "scaled"
    scaler = onnx.helper.make_node(
        "Scaler", ["X"], ["scaled"], domain="ai.onnx.ml", offset=[0.0] * 3, scale=[1.0] * 3
    )
    model.graph.node.insert(0, scaler)
    return model


def test_what_a_forest_of_a_file_shows_is_asked_and_what_it_lacks_is_said(
    tmp_path: Path, release: Release
):
    """A forest that was grown on its members parts them finely, and one of others does not."""
    member = (rows()["part"] == "trained").to_numpy()
    told: dict[str, Any] = {"parts": {"members": "trained", "nonmembers": "judged"}}
    cells = {}
    for name, those in (("members", member), ("others", ~member)):
        model = RandomForestClassifier(60, random_state=0).fit(X[those], rows()["AF"][those])
        one = asked(written(tmp_path / name, forest(model), **told), release)
        found = {each.output: each for each in structure.plan(one)}
        assert list(found) == ["leaves", "thresholds", "values"]
        assert "does not count" in found["leaves"].inapplicable["leaf_of_one"]
        seen = {output: measured(each).estimates for output, each in found.items()}
        assert {"isolated", "isolated_excess"} <= seen["thresholds"].keys()
        assert "rebuilt" in seen["values"]
        cells[name] = seen["leaves"]["cells_auc"].value
    assert cells["members"] > 0.6 > cells["others"]


def test_thresholds_on_what_is_made_of_the_inputs_are_refused(tmp_path: Path, release: Release):
    told: dict[str, Any] = {"parts": {"members": "trained", "nonmembers": "judged"}}
    file = behind_a_scaler(forest(fitted(rows()["AF"])))
    one = asked(written(tmp_path, file, **told), release)
    assert one.thresholds == {}
    leaves, *others = structure.plan(one)
    assert leaves.unmet(context()) is None
    assert {str(each.unmet(context())).partition(",")[0] for each in others} == {
        "its trees read what is made of the inputs"
    }


@pytest.mark.parametrize("risks", EVERY_WAY)
def test_a_line_behind_a_scaler_is_read(risks: Risks, tmp_path: Path, release: Release):
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), rows()["AF"])
    one = asked(written(tmp_path, logistic(scaler, model, risks)), release)
    yes = model.predict_proba(scaler.transform(X))[:, 1]
    assert one.outputs.keys() == {"scores"}
    np.testing.assert_allclose(one.view("scores").values[:, 0], yes, atol=1e-5)


def test_columns_that_are_asked_for_one_by_one_go_by_their_names(tmp_path: Path, release: Release):
    model = fitted(rows()["AF"])
    file = forest(model, columns=NAMES)
    table = rows()[[*NAMES[::-1], "record", "subject", "part", "AF"]]
    for at, inputs in enumerate((NAMES[::-1], None)):
        told = {} if inputs is None else {"inputs": inputs}
        folder = written(tmp_path / str(at), file, table, **({"inputs": []} | told))
        one = asked(folder, release)
        yes = model.predict_proba(X)[:, 1]
        np.testing.assert_allclose(one.view("scores").values[:, 0], yes, atol=1e-5)
    with pytest.raises(ModelError, match=r"reads 3 columns, and 2 are known; .* as it does"):
        asked(written(tmp_path / "c", file, inputs=["age", "QRS ms", "AF"]), release)


# --- classes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("risks", EVERY_WAY)
def test_of_classes_the_true_ones_log_odds_are_told(risks: Risks, tmp_path: Path, release: Release):
    model = fitted(rows()["rhythm"])
    one = asked(written(tmp_path, forest(model, risks), labels={"rhythm": "rhythm"}), release)
    share = model.predict_proba(X)
    assert [one.kind(label) for label in one.labels] == ["class"]
    np.testing.assert_allclose(one.view("scores").values, share, atol=1e-5)
    own = np.clip(share[np.arange(N), rows()["rhythm"]], 1e-6, 1 - 1e-6)
    assert one.membership_signal is not None
    np.testing.assert_allclose(1 / (1 + np.exp(-one.membership_signal()[:, 0])), own, atol=1e-4)


@pytest.mark.parametrize("risks", ["table", "maps"])
def test_classes_go_by_the_names_that_the_file_has_for_them(
    risks: Risks, tmp_path: Path, release: Release
):
    model = fitted(RHYTHMS[rows()["rhythm"]])
    table = rows().assign(rhythm=RHYTHMS[rows()["rhythm"]])
    said = {"labels": {"rhythm": "rhythm"}}
    one = asked(written(tmp_path, forest(model, risks), table, **said), release)
    np.testing.assert_array_equal(one.y_true[:, 0], rows()["rhythm"])
    np.testing.assert_allclose(one.view("scores").values, model.predict_proba(X), atol=1e-5)
    coded = table.assign(rhythm=table["rhythm"].map({"AF": "a", "flutter": "f", "sinus": "s"}))
    with pytest.raises(ModelError, match="label rhythm: the model calls its 3 classes otherwise"):
        asked(written(tmp_path, forest(model, risks), coded, **said), release)
    named = said | {"classes": {"rhythm": ["a", "f", "s"]}}
    again = asked(written(tmp_path, forest(model, risks), coded, **named), release)
    np.testing.assert_array_equal(again.y_true, one.y_true)


@pytest.mark.parametrize("risks", ["table", "maps"])
def test_two_names_are_no_yes_and_no_until_somebody_says_which(
    risks: Risks, tmp_path: Path, release: Release
):
    model = fitted(np.where(rows()["AF"], "AF", "sinus"))  # the yes comes first
    with pytest.raises(ModelError, match="label AF: the model calls its 2 classes otherwise"):
        asked(written(tmp_path, forest(model, risks)), release)
    one = asked(written(tmp_path, forest(model, risks), classes={"AF": ["1", "0"]}), release)
    np.testing.assert_array_equal(one.y_true[:, 0], rows()["AF"])
    np.testing.assert_allclose(
        one.view("scores").values[:, 0], model.predict_proba(X)[:, 0], atol=1e-5
    )


@pytest.mark.parametrize("risks", ["table", "maps"])
def test_yes_and_no_are_known_by_what_they_are_called(
    risks: Risks, tmp_path: Path, release: Release
):
    model = fitted(np.where(rows()["AF"], "present", "Absent"))
    one = asked(written(tmp_path, forest(model, risks)), release)
    np.testing.assert_allclose(
        one.view("scores").values[:, 0], model.predict_proba(X)[:, 1], atol=1e-5
    )


def test_as_many_classes_are_named_as_there_are(tmp_path: Path, release: Release):
    said = {"labels": {"rhythm": "rhythm"}, "classes": {"rhythm": ["a", "b"]}}
    with pytest.raises(ModelError, match="rhythm: names 2 classes; its model has 3"):
        asked(written(tmp_path, forest(fitted(rows()["rhythm"])), **said), release)


# --- networks ---------------------------------------------------------------------------------


def network(nodes: list[Any], **outputs: tuple[int, int]) -> onnx.ModelProto:
    """A graph that reads x; its outputs by name: what they are made of, and how wide."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(NAMES)])],
        [helper.make_tensor_value_info(name, kind, ["n", wide])
         for name, (kind, wide) in outputs.items()],
        [helper.make_tensor(name, TensorProto.FLOAT, one.shape, one.ravel())
         for name, one in WEIGHTS.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


WEIGHTS = {
    "w": np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32),
    "v": np.random.default_rng(2).normal(size=(5, 2)).astype(np.float32),
}
FLOAT = TensorProto.FLOAT
HIDDEN = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Tanh", ["h"], ["t"])]
HEAD = [helper.make_node("MatMul", ["t", "v"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])]
T = np.tanh(X @ WEIGHTS["w"])
P = 1 / (1 + np.exp(-(T @ WEIGHTS["v"])))


def test_what_the_last_layer_reads_is_told_with_the_scores(tmp_path: Path, release: Release):
    one = asked(written(tmp_path, network(HIDDEN + HEAD, p=(FLOAT, 2))), release)
    np.testing.assert_allclose(one.view("embedding").values, T, atol=1e-5)
    given = {"outputs": ["scores"]}
    alone = asked(written(tmp_path, network(HIDDEN + HEAD, p=(FLOAT, 2)), **given), release)
    assert alone.outputs.keys() == {"scores"}


def test_each_of_several_outputs_is_told_by_itself(tmp_path: Path, release: Release):
    model = network(HIDDEN + HEAD, t=(FLOAT, 5), z=(FLOAT, 2))
    one = asked(written(tmp_path, model, labels={"absent": "nowhere"}), release)
    assert one.outputs.keys() == {"embedding", "embedding-2"}  # what is inside is the first of them
    np.testing.assert_allclose(one.view("embedding").values, T, atol=1e-5)
    np.testing.assert_allclose(one.view("embedding-2").values, T @ WEIGHTS["v"], atol=1e-4)


def test_heads_go_by_their_names(tmp_path: Path, release: Release):
    split = helper.make_node("Split", ["p"], ["MI", "AF"], axis=1)
    model = network([*HIDDEN, *HEAD, split], MI=(FLOAT, 1), AF=(FLOAT, 1))
    table = rows().assign(MI=rows()["AF"][::-1].to_numpy())
    said = {"labels": {"AF": "AF", "MI": "MI"}}
    one = asked(written(tmp_path, model, table, **said), release)
    assert one.labels == ("AF", "MI")
    np.testing.assert_allclose(one.view("scores").values, P[:, ::-1], atol=1e-5)


def test_which_of_two_risks_is_meant_is_not_guessed(tmp_path: Path, release: Release):
    split = helper.make_node("Split", ["p"], ["a", "b"], axis=1)
    model = network([*HIDDEN, *HEAD, split], a=(FLOAT, 1), b=(FLOAT, 1))
    one = asked(written(tmp_path, model), release)
    assert one.labels == ("0", "1")
    assert one.membership_signal is None


def test_a_value_is_told_where_what_is_true_is_one(tmp_path: Path, release: Release):
    line = helper.make_node("ReduceSum", ["z", "axis"], ["y"], keepdims=1)
    model = network([*HIDDEN, HEAD[0], line], y=(FLOAT, 1))
    model.graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
    one = asked(written(tmp_path, model, labels={"mV": "PR ms"}), release)
    assert [one.kind(label) for label in one.labels] == ["value"]
    told = (T @ WEIGHTS["v"]).sum(axis=1)
    np.testing.assert_allclose(one.view("predictions").values[:, 0], told, atol=1e-4)
    assert one.membership_signal is not None
    np.testing.assert_allclose(-one.membership_signal()[:, 0], np.abs(told - X[:, 2]), atol=1e-4)


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING])
def test_names_that_no_score_tells_are_compared_as_leaves_are(
    kind: int, tmp_path: Path, release: Release
):
    nodes = [*HIDDEN, helper.make_node("Cast", ["h"], ["name"], to=kind)]
    one = asked(written(tmp_path, network(nodes, h=(FLOAT, 5), name=(kind, 5))), release)
    assert one.outputs.keys() == {"embedding", "leaves"}
    same = one.view("leaves").values[:1] == one.view("leaves").values
    h = X @ WEIGHTS["w"]
    if kind != TensorProto.STRING:
        cast = h.astype(bool) if kind == TensorProto.BOOL else np.trunc(h)
        np.testing.assert_array_equal(same, cast[:1] == cast)


def test_small_whole_numbers_are_numbers_that_were_rounded(tmp_path: Path, release: Release):
    nodes = [*HIDDEN, helper.make_node("Cast", ["h"], ["q"], to=TensorProto.INT8)]
    one = asked(written(tmp_path, network(nodes, q=(TensorProto.INT8, 5))), release)
    np.testing.assert_array_equal(one.view("embedding").values, np.trunc(X @ WEIGHTS["w"]))


def test_what_is_given_out_in_no_known_form_is_counted(tmp_path: Path, release: Release):
    model = network(
        [*HIDDEN, helper.make_node("SequenceConstruct", ["h", "h"], ["s"])], t=(FLOAT, 5)
    )
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    one = asked(written(tmp_path, model), release)
    assert one.outputs.keys() == {"embedding"}
    assert one.unread["model output"] == 1


def test_outputs_beyond_those_that_are_attacked_are_counted(tmp_path: Path, release: Release):
    more = [helper.make_node("Identity", ["h"], [f"h{at}"]) for at in range(12)]
    outputs = {f"h{at}": (FLOAT, 5) for at in range(12)}
    one = asked(written(tmp_path, network(HIDDEN + more, **outputs)), release)
    assert len(one.outputs) == 8
    assert one.unread["model output"] == 4


# --- what is refused --------------------------------------------------------------------------


def by_chance() -> onnx.ModelProto:
    chance = helper.make_node("RandomNormalLike", ["h"], ["r"])
    return network([*HIDDEN, chance, helper.make_node("Add", ["h", "r"], ["y"])], y=(FLOAT, 5))


def beside_others() -> onnx.ModelProto:
    nodes = [
        helper.make_node("ReduceMean", ["h"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["h", "m"], ["y"]),
    ]
    return network(HIDDEN + nodes, y=(FLOAT, 5))


def of_whole_numbers() -> onnx.ModelProto:
    model = network([helper.make_node("Cast", ["x"], ["f"], to=FLOAT)], f=(FLOAT, 3))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


def one_number_for_all() -> onnx.ModelProto:
    model = network(
        [*HIDDEN, helper.make_node("ReduceMean", ["h"], ["loss"], keepdims=0)], h=(FLOAT, 5)
    )
    model.graph.output.append(helper.make_tensor_value_info("loss", FLOAT, []))
    return model


def of_support_vectors() -> onnx.ModelProto:
    node = helper.make_node(
        "SVMRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_supports=1, coefficients=[1.0],
        support_vectors=[1.0, 2.0, 3.0], rho=[0.0], kernel_type="RBF", kernel_params=[1.0, 0, 3],
    )  # fmt: skip
    model = network([node], y=(FLOAT, 1))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    return model


def of_sequences_alone() -> onnx.ModelProto:
    model = network([*HIDDEN, helper.make_node("SequenceConstruct", ["h"], ["s"])])
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    return model


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (by_chance, "answers otherwise when it is asked about the same records again"),
        (beside_others, "answers otherwise when it is asked about the same records again"),
        (of_whole_numbers, "reads whole numbers, and is asked about others"),
        (one_number_for_all, r"gives out \(\) for 150 records, as 'loss'; wanted a row of each"),
        (of_support_vectors, "support vectors are records of its training"),
        (of_sequences_alone, r"its outputs are seq\(tensor\(float\)\); wanted numbers"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(
    model: Any, wrong: str, tmp_path: Path, release: Release
):
    with pytest.raises(ModelError, match=wrong) as error:
        asked(written(tmp_path, model()), release)
    assert "\n" not in str(error.value)


def test_what_stays_at_home_may_keep_records(tmp_path: Path, release: Release):
    said = {"labels": {"mV": "PR ms"}, "outputs": ["predictions"]}
    one = asked(written(tmp_path, of_support_vectors(), **said), release)
    far = ((X - [1, 2, 3]) ** 2).sum(axis=1)
    np.testing.assert_allclose(one.view("predictions").values[:, 0], np.exp(-far), atol=1e-5)


def test_what_is_not_given_out_need_not_be_read(tmp_path: Path, release: Release):
    pair = helper.make_node("SequenceConstruct", ["h", "h"], ["s"])
    model = network([*HIDDEN, pair, *HEAD], p=(FLOAT, 2))
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    assert asked(written(tmp_path, model), release).unread["model output"] == 1
    alone = asked(written(tmp_path, model, outputs=["scores"]), release)
    assert not any(alone.unread.values())


def test_whole_numbers_are_read_where_the_table_holds_them(tmp_path: Path, release: Release):
    table = rows().assign(**dict.fromkeys(NAMES, np.arange(N)))
    one = asked(written(tmp_path, of_whole_numbers(), table), release)
    np.testing.assert_array_equal(one.view("embedding").values[:, 0], np.arange(N))
    table.loc[3, "age"] = np.nan
    with pytest.raises(ModelError, match="reads whole numbers, and some are not known"):
        asked(written(tmp_path, of_whole_numbers(), table), release)

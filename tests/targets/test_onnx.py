"""ONNX files become targets: what they may be asked, what they give out, and what is not opened."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, NEITHER, Target
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.engine import Engine, engine
from auditor.simulate.population import Population
from auditor.systems.open import open_target
from auditor.targets import onnx as opened_onnx
from auditor.targets.release import Release

PEOPLE, COLUMNS = 30, ("age", "sex", "QRS ms")
limited = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits a process's addresses"
)
WEIGHTS = np.array([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5]], dtype=np.float32)


@pytest.fixture(scope="module")
def workers() -> Iterator[Engine]:
    with engine() as one:
        yield one


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    Population(4, n_sessions=2, n_records=1, leads=("I", "II"), seed=3).write(folder)
    return folder


def exported(
    nodes: Sequence[Any],
    *,
    given: Sequence[int | str | None] = ("n", len(COLUMNS)),
    out: dict[str, int] | None = None,
    held: dict[str, np.ndarray] | None = None,
    domains: Sequence[str] = ("",),
    functions: Sequence[Any] = (),
) -> onnx.ModelProto:
    """A model whose input is x, and whose outputs have names and numbers of axes."""
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * axes)
        for name, axes in (out or {"y": 2}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(given))],
        outputs,
        [numpy_helper.from_array(values, name) for name, values in (held or {}).items()],
    )
    opsets = [helper.make_opsetid(domain, 17 if not domain else 1) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=functions)


def risks(weights: np.ndarray = WEIGHTS, **settings: Any) -> onnx.ModelProto:
    """Two findings, each by a line."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Sigmoid", "z", "y")]
    return exported(nodes, held={"w": weights}, **settings)


def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": [f"r{row}" for row in range(PEOPLE)],
            "patient": [f"p{row // 2}" for row in range(PEOPLE)],
            "visit": [f"v{row % 2}" for row in range(PEOPLE)],
            "used": np.arange(PEOPLE) < 20,
            "age": rng.normal(60, 10, PEOPLE),
            "sex": rng.integers(0, 2, PEOPLE),
            "QRS ms": rng.normal(90, 10, PEOPLE),
            "AF": rng.integers(0, 2, PEOPLE),
            "MI": np.where(np.arange(PEOPLE) % 3, rng.integers(0, 2, PEOPLE), np.nan),
        }
    )


def written(folder: Path, model: onnx.ModelProto | bytes, **said: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    content = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    people().to_csv(folder / "rows.csv", index=False)
    described = {
        "task": "toy",
        "file": "model.onnx",
        "members": "rows.csv",
        "columns": {"record": "id", "subject": "patient", "session": "visit", "part": "used"},
        "parts": {"members": "True", "nonmembers": "False"},
        "inputs": list(COLUMNS),
        "labels": {"AF": "AF", "MI": "MI"},
    } | said
    (folder / "model.yaml").write_text(
        yaml.safe_dump(
            {name: one for name, one in described.items() if one is not None}, sort_keys=False
        )
    )
    return folder


def asked(folder: Path, workers: Engine, root: Path | None = None) -> Target:
    return open_target(folder, Release.open(root or folder, workers, may_be_empty=True))


# --- tables ---------------------------------------------------------------------------------


def test_risks_are_asked_of_the_rows_that_the_description_names(tmp_path: Path, workers: Engine):
    one, table = asked(written(tmp_path, risks()), workers), people()
    x = table[list(COLUMNS)].to_numpy(np.float32)
    scores = 1 / (1 + np.exp(-(x @ WEIGHTS).astype(float)))
    assert one.outputs.keys() == {"scores"}
    np.testing.assert_allclose(one.view("scores").values, scores, atol=1e-5)
    assert one.labels == ("AF", "MI")
    np.testing.assert_array_equal(one.y_true[:, 1], table["MI"])
    assert one.membership_signal is not None
    told = 1 / (1 + np.exp(-one.membership_signal()))
    wanted = np.where(one.y_true == 1, scores, np.where(one.y_true == 0, 1 - scores, np.nan))
    np.testing.assert_allclose(told, wanted, atol=1e-4)
    assert one.subject.tolist() == table["patient"].tolist()
    assert one.session.tolist() == table["visit"].tolist()
    assert (one.split == MEMBER).sum() == 20
    np.testing.assert_array_equal(one.male, table["sex"])
    assert one.columns == COLUMNS


def test_what_nothing_is_known_of_comes_last_with_its_scores(tmp_path: Path, workers: Engine):
    folder = written(tmp_path, risks(), labels={"X": "nowhere", "AF": "AF"})
    one = asked(folder, workers)
    x = people()[list(COLUMNS)].to_numpy(np.float32)
    assert one.labels == ("AF", "X")
    assert np.isnan(one.y_true[:, 1]).all()
    np.testing.assert_allclose(
        one.view("scores").values, 1 / (1 + np.exp(-(x @ WEIGHTS[:, ::-1]))), atol=1e-5
    )
    assert one.membership_signal is not None
    assert one.membership_signal().shape == (PEOPLE, 1)


def test_findings_that_nobody_has_named_are_numbered_and_not_judged(
    tmp_path: Path, workers: Engine
):
    one = asked(written(tmp_path, risks(), labels=None), workers)
    assert one.labels == ("0", "1")
    assert np.isnan(one.y_true).all()
    assert one.membership_signal is None


def test_of_no_and_yes_the_yes_is_told(tmp_path: Path, workers: Engine):
    soft = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["z"], ["label"], axis=1, keepdims=0),
    ]
    model = exported(soft, held={"w": WEIGHTS}, out={"probabilities": 2})
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [None])
    model.graph.output.insert(0, label)
    one = asked(written(tmp_path, model, labels={"AF": "AF"}), workers)
    z = people()[list(COLUMNS)].to_numpy(np.float32) @ WEIGHTS
    yes = 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
    np.testing.assert_allclose(one.view("scores").values[:, 0], yes, atol=1e-5)
    assert one.labels == ("AF",)


@pytest.mark.parametrize(
    ("name", "labels", "kind"),
    [
        ("y", None, "embedding"),
        ("y", {"AF": "AF", "MI": "MI"}, "logits"),
        ("logits", None, "logits"),
        ("my_embedding", {"AF": "AF", "MI": "MI"}, "embedding"),
    ],
)
def test_what_is_not_between_0_and_1_is_told_by_its_name_or_its_width(
    tmp_path: Path, workers: Engine, name: str, labels: dict[str, str] | None, kind: str
):
    line = [helper.make_node("MatMul", ["x", "w"], [name])]
    model = exported(line, held={"w": WEIGHTS}, out={name: 2})
    one = asked(written(tmp_path, model, labels=labels), workers)
    assert one.outputs.keys() == {kind}
    x = people()[list(COLUMNS)].to_numpy(np.float32)
    np.testing.assert_allclose(one.view(kind).values, x @ WEIGHTS, rtol=1e-4, atol=1e-4)
    assert (one.membership_signal is None) == (kind == "embedding" or labels is None)


def test_a_network_that_takes_so_many_at_once_is_asked_so_many_at_once(
    tmp_path: Path, workers: Engine
):
    whole = asked(written(tmp_path / "a", risks()), workers)
    by_seven = asked(written(tmp_path / "b", risks(given=(7, len(COLUMNS)))), workers)
    np.testing.assert_allclose(
        whole.view("scores").values, by_seven.view("scores").values, atol=1e-6
    )


def test_rows_with_gaps_have_no_answer_where_the_network_has_none(tmp_path: Path, workers: Engine):
    folder = written(tmp_path, risks())
    table = people()
    table.loc[3, "age"] = np.nan
    table.to_csv(folder / "rows.csv", index=False)
    one = asked(folder, workers)
    gaps = np.isnan(one.view("scores").values).all(axis=1)
    assert gaps.tolist() == [row == 3 for row in range(PEOPLE)]


def test_functions_of_the_file_itself_are_no_strangers(tmp_path: Path, workers: Engine):
    twice = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    node = helper.make_node("Twice", ["x"], ["embedding"], domain="own")
    model = exported([node], out={"embedding": 2}, domains=("", "own"), functions=[twice])
    one = asked(written(tmp_path, model), workers)
    x = people()[list(COLUMNS)].to_numpy(np.float32)
    np.testing.assert_allclose(one.view("embedding").values, 2 * x, rtol=1e-6)


# --- waveforms ------------------------------------------------------------------------------


def of_waves(leads: int | str = 2, samples: int | str = 1000) -> onnx.ModelProto:
    """The mean and the greatest of each lead."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("ReduceMax", ["x"], ["most"], axes=[2], keepdims=0),
        helper.make_node("Concat", ["mean", "most"], ["embedding"], axis=1),
        helper.make_node("Identity", ["x"], ["tokens_embedding"]),
    ]
    out = {"embedding": 2, "tokens_embedding": 3}
    return exported(nodes, given=("n", leads, samples), out=out)


def of_recordings(folder: Path, root: Path, workers: Engine, model: Any, **said: Any) -> Path:
    manifest = open_dataset(root, describe(root), engine=workers).manifest
    blank = {"columns": None, "parts": None, "inputs": None, "members": "rows.parquet"}
    written(folder, model, **(blank | {"labels": {"AF": "af"}} | said))
    rows = manifest[["record", "subject"]].assign(part="trained", af=np.arange(len(manifest)) % 2)
    rows.iloc[1:].to_parquet(folder / "rows.parquet")
    return folder


def test_recordings_are_read_at_the_frequency_and_leads_that_are_named(
    root: Path, tmp_path: Path, workers: Engine
):
    dataset = open_dataset(root, describe(root), engine=workers)
    folder = of_recordings(tmp_path, root, workers, of_waves(), fs=100, leads=["II", "I"])
    one = asked(folder, workers, root)
    assert one.record.tolist() == dataset.manifest["record"].tolist()
    assert one.split.tolist() == [NEITHER] + [MEMBER] * (len(one.record) - 1)
    assert one.y_true[:, one.labels.index("AF")].tolist()[1:] == [1, 0, 1, 0, 1, 0, 1]
    seen = dataset.read(one.record[0])
    ten = seen.signal[[seen.leads.index(lead) for lead in ("II", "I")], : int(10 * seen.fs)]
    values = one.view("embedding").values
    np.testing.assert_allclose(values[0, :2], ten.mean(axis=1), atol=2e-3)
    np.testing.assert_allclose(values[0, 2:4], ten.max(axis=1), rtol=0.1)
    assert values.shape[1] <= 2000  # tokens are pooled
    assert one.columns[:2] == ("II mean", "II SD")
    any_length = of_recordings(
        tmp_path / "any", root, workers, of_waves("leads", "samples"), fs=100, leads=["II", "I"]
    )
    np.testing.assert_allclose(asked(any_length, workers, root).view("embedding").values, values)


@pytest.mark.parametrize(
    ("model", "said", "wrong"),
    [
        (of_waves(), {}, "which, in its order, under leads, and at how many Hz under fs"),
        (of_waves(), {"fs": 100}, "under leads"),
        (of_waves(), {"fs": 100, "leads": ["I"]}, "reads 2 leads"),
        (of_waves(2, 1 << 30), {"fs": 100, "leads": ["I", "II"]}, "more than"),
        (of_waves(), {"fs": -1, "leads": ["I", "II"]}, "fs: seen .* wanted greater than 0"),
        (of_waves(), {"fs": 1e12, "leads": ["I", "II"]}, "fs: seen .* wanted less than or"),
    ],
)
def test_waveforms_of_unknown_kind_are_one_line(
    root: Path, tmp_path: Path, workers: Engine, model: Any, said: dict[str, Any], wrong: str
):
    folder = of_recordings(tmp_path, root, workers, model, **said)
    with pytest.raises(ModelError, match=wrong) as error:
        asked(folder, workers, root)
    assert "\n" not in str(error.value)


# --- what is refused ------------------------------------------------------------------------


def strange(domain: str, operator: str) -> onnx.ModelProto:
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    return exported([node], domains=("", domain))


def hidden_in_a_branch() -> onnx.ModelProto:
    inner = helper.make_node("Foo", ["x"], ["b"], domain="com.evil")
    info = helper.make_tensor_value_info("b", TensorProto.FLOAT, None)
    branches = {
        f"{name}_branch": helper.make_graph([inner], name, [], [info]) for name in ("then", "else")
    }
    nodes = [helper.make_node("If", ["c"], ["y"], **branches)]
    return exported(nodes, held={"c": np.array(True)}, domains=("", "com.evil"))


def kept_elsewhere(place: str) -> onnx.ModelProto:
    model = exported([helper.make_node("MatMul", ["x", "w"], ["y"])], held={"w": WEIGHTS})
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    return model


def two_inputs() -> onnx.ModelProto:
    model = exported([helper.make_node("Add", ["x", "more"], ["y"])])
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["n", 3]))
    return model


def of_texts() -> onnx.ModelProto:
    model = exported([helper.make_node("Identity", ["x"], ["y"])])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    return model


def not_finite() -> onnx.ModelProto:
    return exported(
        [helper.make_node("Div", ["x", "zero"], ["y"])], held={"zero": np.zeros(1, np.float32)}
    )


def one_for_all() -> onnx.ModelProto:
    return exported([helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)], out={"y": 0})


def of_a_shape_of_its_own() -> onnx.ModelProto:
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    return exported([node], held={"shape": np.array([7, 13])})


def endless() -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["a"], ["b"])],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
         value("a", TensorProto.FLOAT, None)],
        [value("on", TensorProto.BOOL, []), value("b", TensorProto.FLOAT, None)],
    )  # fmt: skip
    return exported(
        [helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)],
        held={"true": np.array(True)},
    )


def nested(deep: int) -> onnx.ModelProto:
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    for _ in range(deep):
        branch = helper.make_graph(nodes, "branch", [], out)
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    return exported(nodes, held={"c": np.array(True)})


def of_numbers_that_are_not_there() -> onnx.ModelProto:
    model = risks()
    model.graph.initializer[0].dims[:] = [1 << 31, 1 << 31]
    return model


def enlarged(times: float) -> onnx.ModelProto:
    """Its answer is so many times as large as the question."""
    return exported(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"])],
        held={"scales": np.array([1, times], np.float32)},
    )


def of_so_many(n: int) -> onnx.ModelProto:
    """A file of a hundred bytes that makes n numbers of nothing."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["z"]),
        helper.make_node("Add", ["x", "z"], ["y"]),
    ]
    return exported(nodes, held={"shape": np.array([n, 1, 3])})


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (b"", "cannot load it"),
        (endless(), r"loops \(Loop, Scan\), which may never end"),
        (nested(5), "nested more than 4 deep"),
        (of_numbers_that_are_not_there(), "fewer numbers than it says"),
        pytest.param(enlarged(2**31), "needs more than 4 GiB of memory for", marks=limited),
        pytest.param(of_so_many(1 << 31), "needs more than 4 GiB of memory", marks=limited),
        (os.urandom(2000), "is damaged, or no ONNX"),
        (risks().SerializeToString()[:-30], "is damaged, or no ONNX"),
        (b"PK\x03\x04 a pickle in a zip", "is damaged, or no ONNX"),
        (strange("com.evil", "Foo"), "not of the ONNX standard"),
        (strange("com.microsoft", "Gelu"), "not of the ONNX standard"),
        (hidden_in_a_branch(), "not of the ONNX standard"),
        (strange("ai.onnx.ml", "NoSuchOperator"), "cannot load it"),
        (kept_elsewhere("secret.bin"), "in another file"),
        (kept_elsewhere("/etc/passwd"), "in another file"),
        (two_inputs(), "wanted one of numbers"),
        (of_texts(), "wanted one of numbers"),
        (not_finite(), "not finite"),
        (one_for_all(), "wanted a row of each"),
        (of_a_shape_of_its_own(), "cannot run it"),
        (risks(np.ones((12, 2), np.float32), given=("n", 12)), "reads 12 columns, and 3 are known"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_hostile_files_are_one_line(
    tmp_path: Path,
    workers: Engine,
    model: Any,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)  # from where onnxruntime would read what is kept elsewhere
    WEIGHTS.tofile("secret.bin")
    folder = written(tmp_path / "m", model)
    with pytest.raises(ModelError, match=wrong) as error:
        asked(folder, workers)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")  # onnxruntime is silent


def test_what_is_too_large_for_many_records_is_asked_of_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "model.onnx").write_bytes(enlarged(2).SerializeToString())
    network = opened_onnx._Network(tmp_path / "model.onnx")
    x = np.arange(300 * 3, dtype=np.float32).reshape(300, 3)
    whole = network.asked(x)
    monkeypatch.setattr(opened_onnx, "MOST", 100)  # eight records
    np.testing.assert_array_equal(network.asked(x)[0].values, whole[0].values)


def test_graphs_that_are_nested_a_little_are_run(tmp_path: Path, workers: Engine):
    one = asked(written(tmp_path, nested(2), labels=None), workers)
    np.testing.assert_array_equal(one.view("embedding").values, one.inputs)


def slow() -> onnx.ModelProto:
    """Minutes of work from a thousand bytes."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "shape"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{at}", f"m{at}"], [f"m{at + 1}"]) for at in range(100)),
        helper.make_node("ReduceMean", ["m100"], ["m"], keepdims=0),
        helper.make_node("Add", ["x", "m"], ["y"]),
    ]
    return exported(nodes, held={"shape": np.array([4000, 4000])})


def test_a_network_that_takes_too_long_is_stopped(
    tmp_path: Path, workers: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(opened_onnx, "_SECONDS_TO_RUN", 0.2)
    monkeypatch.setattr(opened_onnx, "_SECONDS_EACH", 0.001)
    with pytest.raises(ModelError, match=r"in which onnxruntime ran it took longer than 0\.23 s"):
        asked(written(tmp_path, slow()), workers)


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_library_that_breaks_breaks_alone(tmp_path: Path, how: signal.Signals):
    (tmp_path / "model.onnx").write_bytes(risks().SerializeToString())
    network = opened_onnx._Network(tmp_path / "model.onnx")
    os.kill(network._child.pid, how)
    with pytest.raises(ModelError, match=rf"onnxruntime ran it was ended by {how.name};"):
        network.asked(np.zeros((2, 3), np.float32))


def without_inputs(folder: Path) -> None:
    written(folder, risks(), inputs=None)


def without_description(folder: Path) -> None:
    (folder / "model.yaml").unlink()


def with_two_files(folder: Path) -> None:
    models = {name: {"file": "model.onnx"} for name in "ab"}
    written(folder, risks(), models=models, file=None)


def with_a_file_elsewhere(folder: Path) -> None:
    (folder.parent / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    written(folder, risks(), file="../model.onnx")


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (without_inputs, "under inputs"),
        (without_description, "under inputs"),
        (with_two_files, "names 2 .onnx files"),
        (with_a_file_elsewhere, "outside its folder"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_it_is_to_be_asked_with_has_to_be_said(
    tmp_path: Path, workers: Engine, spoil: Callable[[Path], None], wrong: str
):
    folder = written(tmp_path / "m", risks())
    spoil(folder)
    path = folder if (folder / "model.yaml").exists() else folder / "model.onnx"
    with pytest.raises(ModelError, match=wrong) as error:
        asked(path, workers, tmp_path / "m")
    assert "\n" not in str(error.value)


def test_large_files_are_not_read(tmp_path: Path, workers: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opened_onnx, "_MAX_BYTES", 100)
    with pytest.raises(ModelError, match="larger than"):
        asked(written(tmp_path, risks()), workers)


def test_without_onnxruntime_the_cure_is_named(
    tmp_path: Path, workers: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install 'ecg-auditor\[onnx\]'"):
        asked(written(tmp_path, risks()), workers)

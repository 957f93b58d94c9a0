"""Who was in the training of a network, by the command line: it passes, fails or stays open."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from auditor import cli
from auditor.core.streams import stream
from auditor.systems.dianet import network as dianet
from auditor.systems.dianet.cohort import CRF, ECG
from tests.systems.brief import drawn, written
from tests.systems.dianet.test_target import table_of_people

COLUMNS = [f"x{place}" for place in range(6)]
#: How near a member must be to speak for a person: of the first hardly another one does.
BY_HEART, SMOOTH = 30.0, 0.3


def neighbours(known: np.ndarray, label: np.ndarray, near: float) -> bytes:
    """A network that says of each row how often what is asked is true of members near to it."""
    held = {
        "to": (near * known.T).astype(np.float32),
        "size": (-near / 2 * (known**2).sum(axis=1)).astype(np.float32),
        "label": (0.02 + 0.96 * label[:, None]).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "to"], ["along"]),
        helper.make_node("Add", ["along", "size"], ["likeness"]),
        helper.make_node("Softmax", ["likeness"], ["share"], axis=1),
        helper.make_node("MatMul", ["share", "label"], ["scores"]),
    ]
    given, told = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in (("x", known.shape[1]), ("scores", 1))
    )
    tensors = [numpy_helper.from_array(one, name) for name, one in held.items()]
    graph = helper.make_graph(nodes, "graph", [given], [told], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def scanned(folder: Path, n: int, near: float, *, seed: int = 0) -> tuple[int, dict]:
    """The exit status of a scan of a foreign network by the rules on membership, and the audit."""
    rng = stream(seed, "foreign")
    x = rng.normal(size=(n, len(COLUMNS)))
    label = x.sum(axis=1) / 2 + rng.normal(size=n) > 0
    member = np.arange(n) < n // 2
    data, model = folder / "data", folder / "model"
    data.mkdir()
    (data / "README.txt").write_text("the recordings stay at home", encoding="utf-8")
    model.mkdir()
    (model / "af.onnx").write_bytes(neighbours(x[member], label[member], near))
    table = pd.DataFrame(x, columns=COLUMNS).assign(
        subject=[f"p{place}" for place in range(n)], part=member.astype(int), af=label.astype(int)
    )
    table.to_csv(model / "rows.csv", index=False)
    told = {
        "task": "af", "file": "af.onnx", "members": "rows.csv", "inputs": COLUMNS,
        "parts": {"members": "1", "nonmembers": "0"}, "labels": {"af": "af"}, "outputs": ["scores"],
    }  # fmt: skip
    (model / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return by_rules(folder, data, model)


def by_rules(
    folder: Path, data: Path, model: Path, limited: tuple[str, ...] = ("tpr_at_fpr_1pct", "auc")
) -> tuple[int, dict]:
    """The same of any model, by the rules on membership of the profile of models alone."""
    profile = yaml.safe_load(Path("configs/profiles/model.yaml").read_text("utf-8"))
    rules = [one for one in profile["rules"] if one["id"] in ("membership", "membership-auc")]
    assert {one["estimate"] for one in rules} == {"tpr_at_fpr_1pct", "auc"}
    profile["rules"] = [one for one in rules if one["estimate"] in limited]
    asked = folder / "membership.yaml"
    asked.write_text(yaml.safe_dump(profile), encoding="utf-8")
    ran = CliRunner().invoke(
        cli.main,
        ["scan", str(data), "--model", str(model), "--out", str(folder / "out"), "--quiet",
         "--profile", str(asked), "--preset", "quick"],
    )  # fmt: skip
    assert (folder / "out" / "audit.json").exists(), ran.output
    return ran.exit_code, json.loads((folder / "out" / "audit.json").read_text("utf-8"))


def outcomes(audit: dict) -> dict[str, str]:
    return {one["id"]: one["outcome"] for one in audit["verdict"]["rules"]}


def test_a_foreign_network_that_knows_nobody_by_heart_passes_and_says_what_was_shown(tmp_path):
    status, audit = scanned(tmp_path, 2000, SMOOTH)
    assert (status, outcomes(audit)) == (0, {"membership": "pass", "membership-auc": "pass"})
    for one in audit["verdict"]["rules"]:
        assert "not of one who trains models like it to compare" in one["reason"]
    proof = next(one for one in audit["findings"] if one.get("proves") == "membership")
    assert 0.01 < proof["estimates"]["smallest_tpr_at_fpr_1pct"]["value"] <= 0.03
    assert 0.5 < proof["estimates"]["smallest_auc"]["value"] <= 0.6


def test_a_foreign_network_that_knows_its_members_by_heart_fails(tmp_path):
    status, audit = scanned(tmp_path, 400, BY_HEART)
    assert (status, outcomes(audit)["membership-auc"]) == (1, "fail")


def test_of_few_people_nobody_knows_whether_a_foreign_network_gives_them_away(tmp_path):
    status, audit = scanned(tmp_path, 120, SMOOTH)
    assert (status, outcomes(audit)["membership-auc"]) == (3, "inconclusive")


#: Trained for long and fast on all members, of whom the best known is kept, and nothing left out.
BY_HEART_RECIPE = dianet.DiaNetTraining(
    epochs=100, batch=512, learning_rate=1e-2, weight_decay=0.0, patience=100
)


def of_diabetes(folder: Path, n: int, by_heart: bool = False) -> tuple[int, dict]:
    """The exit status of a scan of an ECG-DiaNet by the rule on the AUC, and the audit.

    Parameters
    ----------
    by_heart : whether it was trained on labels that nothing foretells; else it saw nobody's
    """
    data, model = folder / "data", folder / "model"
    data.mkdir()
    (data / "README.txt").write_text("the recordings stay at home", encoding="utf-8")
    model.mkdir()
    people, rng = table_of_people(n), stream(0, "of diabetes")
    if by_heart:
        people["label event"] = rng.integers(0, 2, n)
    trained = people[people["part"] == "trained"]
    ecg, crf = (trained[[f"input {name}" for name in kind]].to_numpy(float) for kind in (ECG, CRF))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dianet, "_DROPOUT", 0.0)
        network = drawn(dianet.DiaNet, dianet.DiaNetConfig())
        network.ecg.learn(ecg)
        network.crf.learn(crf)
        if by_heart:
            event, twice = trained["label event"].to_numpy() == 1, np.arange(2 * len(trained))
            network = dianet.train_dianet(
                dianet.DiaNetConfig(), np.tile(ecg, (2, 1)), np.tile(crf, (2, 1)),
                np.tile(event, 2), twice >= len(trained), rng=rng, training=BY_HEART_RECIPE,
            )  # fmt: skip
    written(model, {"both-0": network}, people)
    return by_rules(folder, data, model, ("auc",))


@pytest.mark.slow
def test_a_network_that_saw_nobody_passes_beside_models_that_are_trained_as_it_is(tmp_path):
    status, audit = of_diabetes(tmp_path, 400)
    told = audit["verdict"]["rules"][0]["reason"]
    assert (status, outcomes(audit)) == (0, {"membership-auc": "pass"}), told
    assert "compare" not in told
    proof = next(one for one in audit["findings"] if one.get("proves") == "membership")
    assert 0.5 < proof["estimates"]["smallest_auc"]["value"] <= 0.6


@pytest.mark.slow
def test_a_network_that_knows_its_members_by_heart_fails(tmp_path):
    status, audit = of_diabetes(tmp_path, 240, by_heart=True)
    told = audit["verdict"]["rules"][0]["reason"]
    assert (status, outcomes(audit)) == (1, {"membership-auc": "fail"}), told


@pytest.mark.slow
def test_of_few_people_nobody_knows_whether_a_network_gives_them_away(tmp_path):
    status, audit = of_diabetes(tmp_path, 60)
    told = audit["verdict"]["rules"][0]["reason"]
    assert (status, outcomes(audit)) == (3, {"membership-auc": "inconclusive"}), told

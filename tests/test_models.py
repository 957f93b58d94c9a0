"""Models in an audit: what leaks fails, what cannot be asked does not pass, and who passes, did so
beside a twin that was caught.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier

from auditor import cli
from auditor.audit import scan
from auditor.core.streams import stream
from auditor.learning import boost
from auditor.learning.boost import FINDING, Objective, Trees
from auditor.policy.judge import judge
from auditor.policy.profile import load_profile
from auditor.targets import description as described
from tests.checks.membership.plant import CLASSES, VALUE, measured_people
from tests.targets.exported import forest

DEEP, SHALLOW = Trees(40, 8), Trees(5, 1, rate=0.1)
NAMES = [f"x{k}" for k in range(8)]
N = 240


RHYTHMS = ("sinus", "AF", "flutter")


def release(
    folder: Path,
    recipe: Trees,
    *,
    leaks: bool = True,
    described: bool = True,
    objective: Objective = FINDING,
) -> Path:
    """A folder without recordings, and a model of trees with the rows it was grown on."""
    (folder / "data").mkdir()
    (folder / "data" / "README.txt").write_text("the recordings stay at home", encoding="utf-8")
    model = folder / "model"
    model.mkdir()
    inputs, much, person = measured_people(1, N)
    event, written = much > 0, ["01"[one] for one in (much > 0).astype(int)]
    if objective is CLASSES:
        event = np.digitize(much, (-0.6, 0.6))
        written = [RHYTHMS[one] for one in event]
    elif objective is VALUE:
        event = np.round(much, 2)
        written = [f"{one:.2f} mmol/l".replace(".", ",") for one in event]
    rng = stream(1, "release")
    trained, called = (np.isin(person, rng.permutation(N)[: N // 2]) for _ in range(2))
    found = boost.fit(
        recipe, inputs[trained], event[trained], None, None, tuple(NAMES), 0, objective
    )
    found.save_model(model / "af.json")
    if described:
        part = trained if leaks else called
        rows = pd.DataFrame(inputs, columns=NAMES).assign(
            subject=[f"Jane Doe {one}" for one in person], part=part.astype(int), af=written
        )
        rows.to_csv(model / "rows.csv", index=False)
        told = {
            "task": "af",
            "file": "af.json",
            "members": "rows.csv",
            "parts": {"members": "1", "nonmembers": "0"},
            "inputs": NAMES,
            "labels": {"af": "af"},
            "classes": {"af": list(RHYTHMS)} if objective is CLASSES else {},
        }
        (model / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder


def audited(folder: Path, profile: str = "model"):
    return scan(folder / "data", profile, "quick", models=[folder / "model" / "af.json"])


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    return audited(release(tmp_path_factory.mktemp("leaking"), DEEP))


def test_trees_that_learnt_by_heart_fail(leaking):
    assert leaking.verdict.exit_status == 1
    failed = {one.id for one in leaking.verdict.rules if one.outcome == "fail"}
    assert "membership-auc" in failed
    assert leaking["membership/af"].estimates["auc"].low > 0.8


@pytest.fixture(
    scope="module",
    params=[CLASSES, pytest.param(VALUE, marks=pytest.mark.slow)],
    ids=["classes", "a value"],
)
def of_more(request, tmp_path_factory):
    """An audit of what never saw those called its members, and what it tells."""
    folder = tmp_path_factory.mktemp("more")
    return audited(release(folder, DEEP, leaks=False, objective=request.param))


@pytest.mark.slow
@pytest.mark.parametrize("objective", [CLASSES, VALUE], ids=["classes", "a value"])
def test_classes_and_values_that_were_learnt_by_heart_fail(tmp_path, objective):
    leaking = audited(release(tmp_path, DEEP, objective=objective))
    assert leaking.verdict.exit_status == 1
    failed = {one.id for one in leaking.verdict.rules if one.outcome == "fail"}
    assert "membership-auc" in failed
    assert leaking["membership/af"].estimates["auc"].low > 0.8


def test_classes_and_values_of_other_people_fail_no_rule_of_membership(of_more):
    outcomes = {one.id: one.outcome for one in of_more.verdict.rules}
    assert outcomes["membership-auc"] != "fail"
    assert of_more["membership/af"].estimates["auc"].low < 0.5


def test_every_question_to_classes_and_values_is_answered_or_says_why_not(of_more):
    found = [one for one in of_more if (one.view or "").split(".")[0] == "af"]
    assert {one.check for one in found} >= {
        *("membership", "privacy-loss", "output-linkage", "output-attribute"),
        *("inversion", "structure", "split"),
    }
    assert [one.reason for one in found if one.status == "failed"] == []
    assert all(one.reason for one in found if one.status == "skipped")


def test_what_was_asked_of_recordings_is_said_once_not_to_be_assessed(leaking):
    skipped = [one for one in leaking if one.status == "skipped" and one.check == "linkage"]
    assert [one.reason for one in skipped] == ["the folder holds no recordings"]


OUTPUTS = {
    "title": "what is given out",
    "context": "for a test",
    "population": 1000,
    "rules": [
        {"id": "found", "check": "output-linkage", "estimate": "found_among_1000", "limit": 0.11,
         "basis": "our default: a test", "models": True, "outputs": ["scores"]},
        {"id": "named", "check": "output-linkage", "estimate": "named", "limit": 0.06,
         "basis": "our default: a test", "models": True, "outputs": ["scores"]},
        {"id": "rebuilt", "check": "inversion", "estimate": "r2_best", "limit": 0.9,
         "basis": "our default: a test", "models": True},
    ],
}  # fmt: skip


def gated(folder: Path, **said) -> tuple[int, dict]:
    """The exit status of a scan by these rules, with more said of the model, and the audit."""
    told = folder / "model" / "model.yaml"
    told.write_text(yaml.safe_dump(yaml.safe_load(told.read_text("utf-8")) | said), "utf-8")
    profile = folder / "outputs.yaml"
    profile.write_text(yaml.safe_dump(OUTPUTS), encoding="utf-8")
    out = folder / "report"
    asked = ["scan", str(folder / "data"), "--model", str(folder / "model"), "--out", str(out)]
    ran = CliRunner().invoke(
        cli.main, [*asked, "--profile", str(profile), "--preset", "quick", "--quiet"]
    )
    if not (out / "audit.json").exists():
        return ran.exit_code, {"said": ran.output}
    return ran.exit_code, json.loads((out / "audit.json").read_text("utf-8"))


def outcomes(audit: dict) -> dict[str, str]:
    return {one["id"]: one["outcome"] for one in audit["verdict"]["rules"]}


@pytest.mark.slow
def test_rounded_scores_pass_and_the_file_that_gives_them_does_not(tmp_path):
    status, audit = gated(release(tmp_path, DEEP))
    assert (status, outcomes(audit)["rebuilt"]) == (1, "fail")
    failing = {one["finding"] for one in audit["verdict"]["rules"] if one["outcome"] == "fail"}
    assert failing == {"inversion/af.leaves/subject-disjoint"}
    status, audit = gated(tmp_path, outputs=["scores"], decimals=1)
    assert status == 0
    assert outcomes(audit) == {"found": "pass", "named": "pass", "rebuilt": "pass"}
    assert not any(one["check"] == "structure" for one in audit["findings"])
    proof = next(one for one in audit["findings"] if one.get("proves") == "output-linkage")
    assert proof["estimates"]["smallest_found_among_1000"]["value"] <= 0.11


def test_scores_that_are_rounded_to_nothing_pass_no_rule(tmp_path):
    status, audit = gated(release(tmp_path, Trees(1, 1, rate=1e-4)), outputs=["scores"], decimals=1)
    assert status == 3
    ruling = next(one for one in audit["verdict"]["rules"] if one["id"] == "named")
    assert ruling["outcome"] == "inconclusive"
    assert "does not use its input" in ruling["reason"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"outputs": ["scroes"]}, "gives out no 'scroes'; wanted some of scores"),
        ({"decimals": 2}, "the file rounds nothing; name what is given out"),
        ({"outputs": ["scores"], "decimals": -1}, "decimals"),
    ],
)
def test_what_is_not_given_out_ends_the_audit_in_one_line(tmp_path, said, told):
    status, audit = gated(release(tmp_path, SHALLOW), **said)
    assert status == 2
    assert told in " ".join(audit["said"].split())


def test_nobody_and_no_file_is_named(leaking):
    from auditor.report import html
    from auditor.report import json as document

    said = document.dumps(leaking) + html.render(leaking)
    assert "Doe" not in said
    assert "rows.csv" not in said
    assert leaking.release["models"][0]["n_members"] == N // 2


@pytest.mark.slow
def test_a_clean_twin_is_not_accused(tmp_path):
    audit = audited(release(tmp_path, DEEP, leaks=False))
    of_members = [one for one in audit.verdict.rules if one.id.startswith("membership")]
    assert of_members
    assert all(one.outcome != "fail" for one in of_members)
    assert audit["membership/af"].estimates["auc"].low < 0.5


@pytest.mark.slow
def test_before_a_model_passes_the_attack_finds_what_is_planted_in_a_twin(tmp_path):
    lenient = {
        "title": "lenient",
        "context": "for a test",
        "population": 1000,
        "rules": [
            {"id": "m", "check": "membership", "estimate": "auc", "limit": 0.68,
             "basis": "our default: a test", "models": True},
        ],
    }  # fmt: skip
    profile = tmp_path / "lenient.yaml"
    profile.write_text(yaml.safe_dump(lenient), encoding="utf-8")
    audit = audited(release(tmp_path, SHALLOW, leaks=False), str(profile))
    assert audit.verdict.outcome == "pass"
    proof = audit["competence/membership/af"].estimates
    assert proof["planted_auc"].low > 0.68
    assert proof["null_auc"].low < 0.5


@pytest.mark.slow
def test_under_public_the_recordings_that_are_not_there_keep_it_from_passing(tmp_path):
    audit = audited(release(tmp_path, SHALLOW, leaks=False), "public")
    assert audit.verdict.exit_status == 3
    rules = {one.id: one.outcome for one in audit.verdict.rules}
    assert rules["linkage-cross-session"] == "not assessed"
    assert "membership" in rules


def test_a_profile_none_of_whose_rules_applies_passes_nothing():
    verdict = judge([], load_profile("model"))
    assert verdict.rules == ()
    assert verdict.exit_status == 3


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, [str(one) for one in words])
    return done.exit_code, done.output


def test_without_a_description_membership_is_not_assessed_and_the_gate_is_shut(tmp_path):
    folder = release(tmp_path, DEEP, described=False)
    status, _ = run(
        "scan", folder / "data", "--model", folder / "model" / "af.json",
        "--preset", "quick", "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    assert status == 3
    audit = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    (rule,) = (one for one in audit["verdict"]["rules"] if one["id"] == "membership")
    assert rule["outcome"] == "not assessed"
    assert "no model.yaml stands beside the model" in rule["reason"]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("model.pkl", b"cos\nsystem\n(S'true'\ntR."),
        ("model.json", b'{"learner": {}}'),
        ("model.ubj", b"{L\x7f\x00"),
        ("model.onnx", b"\x08\x07\x12"),
        ("model.txt", b"hello"),
    ],
)
def test_a_hostile_file_costs_one_line_and_status_2(name, raw, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("x", encoding="utf-8")
    path = tmp_path / name
    path.write_bytes(raw)
    status, said = run(
        "scan", tmp_path / "data", "--model", path, "--preset", "quick", "--out",
        tmp_path / "out", "--quiet",
    )  # fmt: skip
    assert status == 2
    assert len([line for line in said.splitlines() if line.startswith("Error")]) == 1
    assert "Traceback" not in said
    assert not (tmp_path / "out" / "audit.json").exists()


def test_a_model_that_is_not_there_is_said(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("x", encoding="utf-8")
    status, said = run("scan", tmp_path / "data", "--model", tmp_path / "gone.json")
    assert status == 2
    assert "is not there" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"task": "../<script>"}, "task"),
        ({"title": "x" * 300}, "title"),
        ({"members": "rows.parquet"}, "more than"),
        ({"members": "bad.parquet"}, "cannot be read as a table"),
    ],
)
def test_a_hostile_description_costs_one_line(change, told, tmp_path, monkeypatch):
    folder = release(tmp_path, SHALLOW)
    model = folder / "model"
    # Small on disk, and large once it is read.
    pd.DataFrame({"subject": ["a"] * 1_000_000}).to_parquet(model / "rows.parquet")
    (model / "bad.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    monkeypatch.setattr(described, "_MAX_TABLE", (model / "rows.csv").stat().st_size)
    said = yaml.safe_load((model / "model.yaml").read_text(encoding="utf-8"))
    (model / "model.yaml").write_text(yaml.safe_dump(said | change), encoding="utf-8")
    status, lines = run("scan", folder / "data", "--model", model / "af.json", "--quiet",
                        "--out", tmp_path / "out")  # fmt: skip
    assert status == 2
    (line,) = lines.splitlines()
    assert told in line
    assert "<script>" not in line


# --- files of others ----------------------------------------------------------------------


def of_another(folder: Path, model: Any, truth: Any, **said: Any) -> tuple[int, str, dict]:
    """The exit status of a scan of an ONNX file under `model`, what was said, and the audit."""
    inputs, _, person = measured_people(1, N)
    (folder / "data").mkdir()
    (folder / "data" / "README.txt").write_text("the recordings stay at home", encoding="utf-8")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    rows = pd.DataFrame(inputs, columns=NAMES)
    rows = rows.assign(subject=person, part=np.where(person % 2, "trained", "judged"), tells=truth)
    rows.to_csv(folder / "rows.csv", index=False)
    told = {
        "task": "theirs",
        "file": "model.onnx",
        "members": "rows.csv",
        "inputs": NAMES,
        "labels": {"it": "tells"},
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(told | said), encoding="utf-8")
    out = folder / "out"
    status, output = run(
        "scan", folder / "data", "--model", folder / "model.onnx", "--profile", "model",
        "--preset", "quick", "--out", out, "--quiet",
    )  # fmt: skip
    found = out / "audit.json"
    return status, output, json.loads(found.read_text("utf-8")) if found.exists() else {}


def forest_of(truth: Any) -> RandomForestClassifier:
    """What learnt the people with odd numbers by heart."""
    inputs, _, person = measured_people(1, N)
    some = person % 2 == 1
    return RandomForestClassifier(40, random_state=0).fit(inputs[some], truth[some])


def test_a_forest_of_scikit_learn_that_learnt_by_heart_fails(tmp_path):
    truth = (measured_people(1, N)[1] > 0).astype(int)
    model = forest(forest_of(truth), "maps")
    status, _, audit = of_another(tmp_path, model, truth, outputs=["scores"])
    assert status == 1
    assert outcomes(audit)["membership-auc"] == "fail"
    assert audit["release"]["models"][0]["gives"] == ["scores"]


@pytest.mark.slow
def test_a_forest_of_classes_with_names_is_audited_with_its_leaves(tmp_path):
    truth = np.array(RHYTHMS)[np.digitize(measured_people(1, N)[1], (-0.6, 0.6))]
    status, _, audit = of_another(tmp_path, forest(forest_of(truth), "maps"), truth)
    assert status == 1
    assert audit["release"]["models"][0]["gives"] == ["leaves", "scores"]
    asked = {one["view"] for one in audit["findings"] if one["check"] == "output-linkage"}
    assert asked >= {"theirs.leaves", "theirs.scores"}


def weak() -> onnx.ModelProto:
    """A score that looks at the mean alone, and the same in a sequence, which is not read."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=1),
        helper.make_node("Sigmoid", ["m"], ["p"]),
        helper.make_node("SequenceConstruct", ["p"], ["s"]),
    ]
    outputs = [
        value("p", TensorProto.FLOAT, ["n", 1]),
        helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(
        nodes, "graph", [value("x", TensorProto.FLOAT, ["n", len(NAMES)])], outputs
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_an_output_that_was_not_attacked_keeps_rules_open(tmp_path):
    truth = (measured_people(1, N)[1] > 0).astype(int)
    status, _, audit = of_another(tmp_path, weak(), truth)
    assert status == 3
    assert audit["release"]["unread"] == {"model output": 1}
    for rule in audit["verdict"]["rules"]:
        if rule["id"] in ("outputs-found", "outputs-named", "inputs-rebuilt"):
            assert rule["outcome"] != "pass"
    said = [one["reason"] or "" for one in audit["verdict"]["rules"]]
    assert any("1 output of a model that was not attacked" in one for one in said)


def test_names_of_classes_that_nobody_explained_cost_one_line_and_status_2(tmp_path):
    truth = (measured_people(1, N)[1] > 0).astype(int)
    named = np.array(["AF", "sinus"])[1 - truth]
    status, said, audit = of_another(tmp_path, forest(forest_of(named), "maps"), truth)
    assert (status, audit) == (2, {})
    (line,) = said.splitlines()
    assert "label tells: the model calls its 2 classes otherwise; say in model.yaml" in line

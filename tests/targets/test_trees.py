"""Trees of anybody under audit: what is beside them says who is a member, and who is not asked."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.checks.structure.differences import nested
from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.engine import engine
from auditor.learning import boost
from auditor.learning.boost import FINDING, Trees
from auditor.systems.open import open_target
from auditor.targets.release import Release
from auditor.targets.table import Table
from auditor.targets.trees import target
from tests.checks.membership.plant import CLASSES, VALUE, of_trees, people
from tests.manual import settings

NAMES = tuple(f"x{k}" for k in range(8))


@pytest.fixture
def release(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    with engine(1) as workers:
        yield Release.open(root, workers, may_be_empty=True)


@pytest.fixture
def folder(tmp_path):
    """A stranger's model, its rows and what they say of it."""
    where = tmp_path / "theirs"
    where.mkdir()
    inputs, event, person = people(0)
    used = person < 50
    found = boost.fit(Trees(20, 4), inputs[used], event[used], None, None, NAMES, 0)
    found.save_model(where / "af.json")
    table = pd.DataFrame(inputs, columns=list(NAMES)).assign(
        patient=person, used=used.astype(int), af=event.astype(int)
    )
    table.to_csv(where / "rows.csv", index=False)
    says(where)
    return where


def says(where, **more) -> None:
    told = {
        "task": "af",
        "file": "af.json",
        "members": "rows.csv",
        "columns": {"subject": "patient", "part": "used"},
        "parts": {"members": "1", "nonmembers": "0"},
        "inputs": list(NAMES),
        "labels": {"af": "af"},
        **more,
    }
    (where / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def test_a_strangers_trees_are_asked_about_the_rows_that_stand_beside_them(folder, release):
    seen = open_target(folder, release)
    assert (seen.name, seen.labels, seen.membership_unknown) == ("af", ("af",), "")
    inputs, event, person = people(0)
    assert np.allclose(seen.inputs, inputs, atol=1e-6)
    assert np.array_equal(seen.split, np.where(person < 50, MEMBER, NONMEMBER))
    assert np.array_equal(seen.y_true[:, 0], event)
    scores = seen.view("scores").values[:, 0]
    logit = np.log(scores / (1 - scores))
    assert np.allclose(seen.membership_signal()[:, 0], np.where(event, logit, -logit), atol=1e-4)


def test_the_file_may_be_named_in_place_of_its_folder(folder, release):
    one, other = (open_target(path, release) for path in (folder, folder / "af.json"))
    assert np.array_equal(one.view("scores").values, other.view("scores").values)


def test_trained_again_on_the_same_people_they_fit_alike(folder, release):
    seen = open_target(folder, release)
    again = seen.train_reference(seen.split == MEMBER, seen.y_true, 0)
    assert np.corrcoef(again[:, 0], seen.membership_signal()[:, 0])[0, 1] > 0.99


def test_what_learns_by_heart_does(folder, release):
    seen = open_target(folder, release)
    fitted = seen.train_overfitted(seen.split == MEMBER, seen.y_true, 0)[:, 0]
    assert (fitted[seen.split == MEMBER] > 0).all()


def test_columns_may_stand_in_another_order(folder, release):
    before = open_target(folder, release).view("scores").values
    table = pd.read_csv(folder / "rows.csv")
    table[table.columns[::-1]].to_csv(folder / "rows.csv", index=False)
    assert np.array_equal(open_target(folder, release).view("scores").values, before)


def test_a_model_is_described_as_the_manual_shows(tmp_path, release):
    (told,) = settings("task", "file")
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    inputs, event, person = people(0)
    inputs, names = inputs[:, :3], tuple(told["inputs"])
    found = boost.fit(Trees(20, 4), inputs, event, None, None, names, 0)
    found.save_model(tmp_path / told["file"])
    pd.DataFrame(inputs, columns=list(names)).assign(
        patient=person, used_in_training=(person < 50).astype(int), has_it=event.astype(int)
    ).to_csv(tmp_path / told["members"], index=False)
    seen = open_target(tmp_path, release)
    assert (seen.name, seen.membership_unknown) == (told["task"], "")
    assert np.array_equal(seen.split, np.where(person < 50, MEMBER, NONMEMBER))
    assert np.allclose(seen.inputs, inputs, atol=1e-6)
    assert np.array_equal(seen.y_true[:, 0], event)


def test_without_a_description_nobody_is_a_member(folder, release):
    (folder / "model.yaml").unlink()
    seen = open_target(folder / "af.json", release)
    assert "no model.yaml stands beside the model" in seen.membership_unknown
    assert len(seen.record) == 0
    assert set(seen.trees) == {"model"}


def test_a_file_name_is_not_told(folder, release):
    (folder / "model.yaml").unlink()
    (folder / "af.json").rename(folder / "Jane-Doe.json")
    seen = open_target(folder / "Jane-Doe.json", release)
    assert "Jane" not in repr((seen.name, seen.title, seen.labels))


def test_others_than_members_and_nonmembers_are_neither(folder, release):
    table = pd.read_csv(folder / "rows.csv")
    table.loc[table["patient"] == 7, "used"] = 2
    table.to_csv(folder / "rows.csv", index=False)
    seen = open_target(folder, release)
    assert (seen.split[seen.subject == "7"] == NEITHER).all()


def test_what_is_not_known_to_be_true_has_no_fit(folder, release):
    table = pd.read_csv(folder / "rows.csv")
    table.loc[:9, "af"] = np.nan
    table.to_csv(folder / "rows.csv", index=False)
    fit = open_target(folder, release).membership_signal()[:, 0]
    assert np.isnan(fit[:10]).all()
    assert np.isfinite(fit[10:]).all()


def test_trees_and_explanations_and_leaves_are_given_of_each_record():
    seen = of_trees(0, tells=3)
    n = len(seen.record)
    assert seen.view("scores").values.shape == (n, 3)
    assert seen.view("explanation").values.shape == (n, 3 * 8)
    assert seen.view("leaves").values.shape == (n, 3 * 30)
    assert seen.view("scores", control=True).values.shape == (n, 3)


def test_trees_that_saw_a_share_of_the_rows_are_grown_again_on_such_a_share():
    inputs, event, _ = people(0, 400)
    names = tuple(NAMES)
    half = boost.fit(Trees(5, 3, share=0.5), inputs, event, None, None, names, 0)
    told = boost.grown(half)
    share = told.weight / (len(event) * told.base * (1 - told.base))
    assert share == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"members": "../rows.csv"}, "outside its folder"),
        ({"members": "gone.csv"}, "which is not there"),
        ({"file": "gone.json"}, "which is not there"),
        ({"columns": {"subject": "nobody"}}, "has no column 'nobody'"),
        ({"columns": {"people": "patient"}}, "columns.people"),
        ({"inputs": ["x0", "x1"]}, "is no column of the table"),
        ({"file": "rows.csv"}, "is no model that can be read"),
    ],
    ids=str,
)
def test_a_description_that_cannot_be_is_refused_in_one_line(more, why, folder, release):
    says(folder, **more)
    with pytest.raises(ModelError, match=why) as caught:
        open_target(folder, release)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\x00", "!!python/object:os.system {}"])
def test_what_is_no_description_is_refused(text, folder, release):
    (folder / "model.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.yaml"):
        open_target(folder, release)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pt", "weights.bin"])
def test_a_pickle_is_not_opened(name, tmp_path, release):
    path = tmp_path / name
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ModelError, match="may run whatever its writer wished"):
        open_target(path, release)


@pytest.mark.parametrize(
    ("name", "raw", "told"),
    [
        ("old.model", b"binf\0\0\0\0", "an old binary file of XGBoost"),
        ("old.bin", b"binf\0\0\0\0", "an old binary file of XGBoost"),
        ("model.txt", b"tree\nversion=v4\n", "trees of LightGBM"),
        ("model.cbm", b"CBM1\0", "trees of CatBoost"),
        ("model.json", b"\x80\x04\x95", "a pickle"),
    ],
)
def test_a_model_of_another_program_is_named(name, raw, told, folder, release):
    (folder / name).write_bytes(raw)
    says(folder, file=name)
    for path in (folder, folder / name):
        with pytest.raises(ModelError, match=rf"{name}: {told}"):
            open_target(path, release)


def test_a_truncated_file_is_refused(folder, release):
    raw = (folder / "af.json").read_bytes()
    (folder / "af.json").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ModelError, match="damaged"):
        open_target(folder, release)


def test_inputs_without_names_go_by_their_order(folder, release):
    named = open_target(folder, release).view("scores").values
    raw = json.loads((folder / "af.json").read_text(encoding="utf-8"))
    raw["learner"] |= {"feature_names": [], "feature_types": []}
    (folder / "af.json").write_text(json.dumps(raw), encoding="utf-8")
    assert np.array_equal(open_target(folder, release).view("scores").values, named)
    says(folder, inputs=list(NAMES[:5]))
    with pytest.raises(ModelError, match="ask for 8 inputs without names"):
        open_target(folder, release)


# --- classes and values -------------------------------------------------------------------


def test_classes_fit_by_the_log_odds_of_the_one_that_is_true():
    seen = of_trees(0, objective=CLASSES)
    likely = seen.view("scores").values.astype(np.float64)
    assert likely.shape == (len(seen.record), 3)
    own = likely[np.arange(len(likely)), seen.y_true[:, 0].astype(int)]
    assert np.allclose(seen.membership_signal()[:, 0], np.log(own / (1 - own)), atol=1e-3)
    shapes = {one: seen.view(one).values.shape[1] for one in ("explanation", "leaves")}
    assert shapes == {"explanation": 3 * 8, "leaves": 3 * 30}
    assert seen.view("scores", control=True).values.shape == likely.shape


def test_a_value_fits_by_how_far_off_it_is():
    seen = of_trees(0, objective=VALUE)
    told = seen.view("predictions").values[:, 0]
    off = np.abs(told - seen.y_true[:, 0])
    assert np.allclose(-seen.membership_signal()[:, 0], off, atol=1e-6)
    assert "scores" not in seen.outputs
    assert seen.view("predictions", control=True).values.shape == (len(told), 1)


@pytest.mark.parametrize("objective", [CLASSES, VALUE], ids=["classes", "a value"])
def test_classes_and_values_trained_again_on_the_same_people_fit_alike(objective):
    seen = of_trees(0, objective=objective)
    again = seen.train_reference(seen.split == MEMBER, seen.y_true, 0)
    other = seen.train_reference(seen.split == NONMEMBER, seen.y_true, 0)
    own = seen.membership_signal()[:, 0]
    assert np.corrcoef(again[:, 0], own)[0, 1] > 0.99 > 0.5 > np.corrcoef(other[:, 0], own)[0, 1]


@pytest.mark.parametrize("objective", [CLASSES, VALUE], ids=["classes", "a value"])
def test_what_is_not_known_of_classes_and_values_has_no_fit_and_is_not_learnt(objective):
    seen = of_trees(0, objective=objective)
    truth = seen.y_true.copy()
    truth[:9] = np.nan
    fit = seen.train_reference(seen.split == MEMBER, truth, 0)[:, 0]
    assert np.isnan(fit[:9]).all()
    assert np.isfinite(fit[9:]).all()
    truth[:] = np.where(np.isnan(truth), np.nan, 1.0)
    assert np.isnan(seen.train_reference(seen.split == MEMBER, truth, 0)).all()


def test_of_models_of_several_kinds_findings_come_first():
    one, other, value = (of_trees(0, objective=kind) for kind in (FINDING, CLASSES, VALUE))
    table = Table(
        *(getattr(one, name) for name in ("record", "subject", "session", "split", "male", "age")),
        inputs=one.inputs,
        columns=one.columns,
        y_true={
            name: seen.y_true[:, 0]
            for name, seen in (("mmol", value), ("rhythm", other), ("AF", one))
        },
        membership_unknown="",
    )
    trees = {"mmol": value.trees["T0"], "rhythm": other.trees["T0"], "AF": one.trees["T0"]}
    seen = target("suite", "", table, trees)
    assert seen.labels == tuple(seen.trees) == ("AF", "rhythm", "mmol")
    assert [seen.kind(label) for label in seen.labels] == ["finding", "class", "value"]
    both = np.hstack([each.view("scores").values for each in (one, other)])
    assert np.array_equal(seen.view("scores").values, both)
    assert np.array_equal(seen.view("predictions").values, value.view("predictions").values)
    each = [part.membership_signal() for part in (one, other, value)]
    assert np.array_equal(seen.membership_signal(), np.hstack(each))
    assert nested(seen) == []

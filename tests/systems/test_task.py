"""What the clinical systems predict is read from files, and is what their papers say."""

from __future__ import annotations

import pytest
import yaml

from auditor.core.errors import ConfigError
from auditor.systems import task as tasks
from auditor.systems.task import Task

TEN = (
    "sex", "age", "RR ms", "PR ms", "QRS ms", "QT ms", "QTc Bazett ms", "P axis deg",
    "QRS axis deg", "T axis deg",
)  # fmt: skip


TABULAR = (
    "cxr", "diagnoses", "labs", "liver", "neoplasms", "neuropsychiatric", "ptb-xl", "t2dm",
)  # fmt: skip


def test_every_system_of_numbers_can_be_loaded():
    assert set(TABULAR) <= set(tasks.names())
    for name in TABULAR:
        task = tasks.load(name)
        assert task.name == name
        assert len(set(task.inputs)) == len(task.inputs)
        assert len(set(task.targets)) == len(task.targets)
        assert {"sex", "age"} <= set(task.inputs)
        assert set(task.only) <= set(task.targets)
        if task.targets:
            assert {one.target for one in task.published} <= set(task.targets)
        for one in task.published:
            assert 0.5 < one.value < 1
            if one.interval:
                assert one.interval[0] <= one.value <= one.interval[1]


@pytest.mark.parametrize("name", ["diagnoses", "liver", "neoplasms", "neuropsychiatric"])
def test_the_systems_of_codes_have_ten_inputs_and_the_published_split(name):
    task = tasks.load(name)
    assert set(task.inputs) == set(TEN)
    assert (task.n_folds, task.validation_fold, task.test_fold) == (20, 18, 19)
    assert (task.least.records, task.least.judged) == (200, 6)
    trees = task.trees
    assert (trees.rounds, trees.depth) == (100, 6)


def test_the_codes_are_those_of_the_papers():
    assert tasks.load("diagnoses").targets == ()
    assert set(tasks.load("liver").targets) == {"K70", "K703", "K7030", "K72", "K729", "K7290"}
    wanted = {"G30", "G20", "G931", "F03", "F01", "F05"}
    assert set(tasks.load("neuropsychiatric").targets) == wanted
    neoplasms = tasks.load("neoplasms")
    male, female = ["C61", "N40", "N400"], ["D25", "N80"]
    assert neoplasms.only == dict.fromkeys(male, "male") | dict.fromkeys(female, "female")


def test_radiographs_are_told_by_stumps_from_all_that_an_ecg_gives():
    task = tasks.load("cxr")
    assert (task.trees.rounds, task.trees.depth) == (1000, 1)
    assert len(task.targets) == 45
    # The delay from ECG to image is the 21st, and not physiology.
    assert len(task.inputs) == 20
    assert task.least.training == 100
    assert (task.select, task.select_least) == (True, 4)


def test_laboratory_values_need_ten_of_each_in_both_folds():
    task = tasks.load("labs")
    assert task.least.judged == 10
    assert task.targets == ()


def test_a_system_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"no system is named 'livers'; known: .*liver"):
        tasks.load("livers")
    with pytest.raises(ConfigError):
        tasks.load("../presets/quick")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"system": None}, "system"),
        ({"inputs": None}, "inputs"),
        ({"n_folds": 2}, "n_folds"),
        ({"least": {"judged": 0}}, "least.judged"),
        ({"colour": "red"}, "colour"),
        ({"only": {"C61": "both"}}, "only.C61"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line_that_says_where(
    tmp_path, monkeypatch, change, where
):
    good = {"title": "t", "paper": "p", "system": "tabular", "inputs": ["sex", "age"]}
    monkeypatch.setattr(tasks, "resource", lambda name: tmp_path)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(good))
    assert isinstance(tasks.load("mine"), Task)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(good | change))
    with pytest.raises(ConfigError, match=rf"mine\.yaml: {where}:") as error:
        tasks.load("mine")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[1, 2]", "title: [", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(tasks, "resource", lambda name: tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        tasks.load("mine")

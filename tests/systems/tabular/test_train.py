"""Trees for one finding after another, from published tables to a model directory."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli import main
from auditor.core.errors import ConfigError, DataError
from auditor.learning import boost
from auditor.simulate.hospital import Hospital
from auditor.systems import model_dir as report
from auditor.systems import study
from auditor.systems.result import Study
from auditor.systems.tabular import train as tabular
from tests.systems.brief import trained

PEOPLE = 1800


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    Hospital(PEOPLE, seed=3).write(folder)
    return folder


@pytest.fixture(scope="module")
def liver(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDITOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        return trained("liver", tables, external=tables / "ecg-view-ii", every_fold=True)


@pytest.fixture(scope="module")
def written(liver: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "liver"
    report.write(liver, out, study.FAULTS)
    return out


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))


def test_what_the_heart_shows_is_found_beyond_age_and_sex(liver: Study):
    findings = {one.target: one for one in liver.models}
    assert {"K70", "K72"} <= findings.keys()
    for target in ("K70", "K72"):
        inside, outside = findings[target].internal, findings[target].external
        assert inside["auroc"].low > 0.7
        assert inside["gain_over_age_sex"].low > 0.1
        assert outside["auroc"].low > 0.6
        assert inside["auroc"].n_subjects == len(liver.people["subject"].unique())


def test_everybody_is_judged_once_when_every_fold_is(liver: Study):
    assert liver.people["record"].is_unique
    folds = liver.people.groupby("subject")["fold"].nunique()
    assert (folds == 1).all()
    assert set(liver.people["fold"]) == set(range(20))
    part = liver.people.groupby("fold")["part"].unique()
    assert part[19].tolist() == ["judged"]
    assert part[18].tolist() == ["held back"]
    assert all(part[fold].tolist() == ["trained"] for fold in range(18))


def test_a_second_run_gives_the_same_models_and_the_same_numbers(liver: Study, tables: Path):
    again = trained("liver", tables, external=tables / "ecg-view-ii", every_fold=True)
    assert again.trees == liver.trees
    assert report.results(again, study.FAULTS) == report.results(liver, study.FAULTS)


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    tables: Path, monkeypatch: pytest.MonkeyPatch, liver: Study
):
    asked: list[str] = []
    real = tabular._train

    def cut(job: tabular._Job) -> None:
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(job.target)
        real(job)

    monkeypatch.setattr(tabular, "_train", cut)
    with pytest.raises(KeyboardInterrupt):
        trained("liver", tables, every_fold=True)
    first = list(asked)
    asked.clear()
    asked += ["", ""]  # past the cut
    again = trained("liver", tables, every_fold=True)
    assert len(first) == 1
    assert not set(first) & set(asked)
    assert set(first) | set(asked[2:]) == {*again.trees, *again.left_out} - _too_rare(again)


def _too_rare(found: Study) -> set[str]:
    return {name for name, why in found.left_out.items() if "wanted" in why}


def test_models_are_kept_as_they_were_judged(written: Path, liver: Study):
    described = yaml.safe_load((written / "model.yaml").read_text())
    assert described["models"].keys() == {one.target for one in liver.models}
    booster = boost.load(written / described["models"]["K70"]["file"])
    rows = np.full((3, 10), np.nan, dtype=np.float32)
    assert np.isfinite(boost.probabilities(booster, rows)).all()
    assert booster.feature_names == described["models"]["K70"]["inputs"]
    members = pd.read_parquet(written / described["members"])
    assert len(members) == liver.n_records
    assert {described["parts"]["members"], described["parts"]["nonmembers"]} < {*members["part"]}


def test_nobody_is_named_in_what_may_leave(written: Path, liver: Study):
    text = (written / "results.json").read_text() + (written / "model.yaml").read_text()
    text = re.sub(r"sha256:\w+", "", text)
    for name in {*liver.people["subject"], *liver.people["record"]}:
        assert name not in text
    for curve in json.loads((written / "results.json").read_text())["findings"].values():
        assert min(curve["curves"]["calibration"]["people"]) >= 10


def test_what_moves_a_model_is_drawn_of_groups(written: Path, liver: Study):
    drawn = (written / "shap" / "K72.svg").read_text()
    assert "QT" in drawn
    (one,) = (one for one in liver.models if one.target == "K72")
    # Hepatic failure lengthens the QT interval in this hospital, and shortens the QRS.
    assert {"QTc Bazett ms", "QT ms", "QRS ms"} & set(list(one.shap_summary)[:3])
    for moves in one.shap_summary.values():
        assert moves["up_to"][-1] is None
        assert len(moves["moves"]) <= 10


def test_other_data_than_the_paper_s_are_said_to_be_others(liver: Study):
    lines = list(report.against_published(liver, study.FAULTS))
    assert any("not the paper's data" in line for line in lines)
    assert any("31 times too narrow" in line for line in lines)
    (k70,) = (line for line in lines if line.startswith("K70 internal"))
    assert "0.8025 (0.802 to 0.8035)" in k70
    assert "gain" in k70


def test_intervals_as_published_are_some_thirty_times_too_narrow(liver: Study, tables: Path):
    found = trained("liver", tables, every_fold=True, faults=frozenset({"narrow-intervals"}))
    wide = {one.target: one.internal["auroc"] for one in liver.models}
    for one in found.models:
        narrow = one.internal["auroc"]
        right = wide[one.target]
        assert narrow.value == right.value
        assert 15 < (right.high - right.low) / (narrow.high - narrow.low) < 60
    lines = "\n".join(report.against_published(found, study.FAULTS))
    assert "As published, narrow-intervals" in lines


def test_a_study_is_replaced_whole_and_nothing_else_is(written: Path, liver: Study, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(written, copy)
    (copy / "models" / "stray.ubj").write_bytes(b"")
    report.write(liver, copy, study.FAULTS)
    assert not (copy / "models" / "stray.ubj").exists()
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="holds something that is no study"):
        report.write(liver, other, study.FAULTS)
    assert (other / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda file, table: file.unlink(), "is in none of its folders"),
        (lambda file, table: _write(file, table.drop(columns="t_axis")), "has no column t_axis"),
        (
            lambda file, table: _write(file, table.assign(rr_interval=table["rr_interval"] / 1000)),
            "wanted milliseconds",
        ),
    ],
)
def test_tables_that_cannot_be_right_are_one_line(tables: Path, tmp_path: Path, break_it, said):
    folder = tmp_path / "broken"
    shutil.copytree(tables, folder)
    file = folder / "mimic-iv-ecg" / "machine_measurements.csv"
    break_it(file, pd.read_csv(file))
    with pytest.raises(DataError, match=said) as error:
        trained("liver", folder)
    assert "\n" not in str(error.value)


def _write(file: Path, table: pd.DataFrame) -> None:
    table.to_csv(file, index=False)


def test_without_a_finding_that_is_frequent_enough_nothing_is_trained(tmp_path: Path):
    Hospital(60, seed=1).write(tmp_path / "small")
    with pytest.raises(DataError, match="no finding is frequent enough"):
        trained("liver", tmp_path / "small")


def test_what_can_only_be_judged_by_every_fold_leaves_no_folder_without_models(
    tables: Path, tmp_path: Path
):
    asked = ["train", "liver", "--data", f"{tables}", "--out", f"{tmp_path}/m"]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 2
    assert "no finding is frequent enough" in said.output
    assert "auditor train liver --every-fold" in said.output
    assert not (tmp_path / "m").exists()


def test_a_missing_table_is_one_line_and_exit_2(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    asked = ["train", "liver", "--data", f"{tmp_path}/empty", "--out", f"{tmp_path}/m"]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 2
    assert said.output.startswith("Error: ")
    assert "records_w_diag_icd10.csv" in said.output
    assert said.output.count("\n") == 1
    assert not (tmp_path / "m").exists()

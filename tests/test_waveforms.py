"""The systems that read waveforms, from recordings to a model directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from auditor import study
from auditor.core.errors import ConfigError, DataError
from auditor.data.pictures import Pictures
from auditor.diagnostics import tasks, waves
from auditor.diagnostics.result import Study
from auditor.engine import engine
from auditor.models import artifact
from auditor.report import study as report
from auditor.waveforms.training import compare

PEOPLE = 120


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    Pictures(PEOPLE, n_visits=1, size=32, seed=2).write(folder)
    return folder


@pytest.fixture(autouse=True)
def _brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps, findings of few people, and a cache of our own."""
    real = tasks.load

    def brief(name: str) -> tasks.Task:
        task = real(name)
        short = {"steps": 3, "batch": 8, "warm_up": 0}
        small = {stage: one.model_copy(update=short) for stage, one in task.sizes["small"].items()}
        return task.model_copy(update={"sizes": {**task.sizes, "small": small}})

    monkeypatch.setattr(study.tasks, "load", brief)
    monkeypatch.setattr(waves, "_ASKED", 10)
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))


def trained(name: str, folder: Path, **settings: object) -> Study:
    with engine() as workers:
        return study.run(name, folder, workers=workers, **settings)  # type: ignore[arg-type]


def test_jepa_is_held_against_random_weights(pairs: Path, tmp_path: Path):
    found = trained("jepa", pairs)
    sex = found.compared["sex by JEPA"]
    assert sex["over"] == "random weights"
    gain = sex["estimates"]["auroc_gain"]
    assert gain["low"] <= gain["value"] <= gain["high"]
    by_hand = sex["estimates"]["auroc_new"]["value"] - sex["estimates"]["auroc_old"]["value"]
    assert gain["value"] == pytest.approx(by_hand)
    report.write(found, tmp_path / "jepa", study.FAULTS)
    described = yaml.safe_load((tmp_path / "jepa" / "model.yaml").read_text())
    model = artifact.load(tmp_path / "jepa" / described["models"]["jepa"]["file"])
    first = next(iter(found.networks["jepa"].student.parameters()))
    assert torch.equal(next(iter(model.student.parameters())), first)


def test_nobody_is_judged_who_was_trained_on(pairs: Path):
    found = trained("jepa", pairs)
    part = found.people.groupby("subject")["fold"].nunique()
    assert (part == 1).all()
    assert set(found.people["fold"]) == {0, 1, 2}
    kinds = found.people.groupby("fold")["part"].unique()
    assert [kind.tolist() for kind in kinds] == [["trained"], ["held back"], ["judged"]]


def test_the_same_seed_gives_the_same_network_and_another_another(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = trained("jepa", pairs)
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "anew"))
    again, other = trained("jepa", pairs), trained("jepa", pairs, seed=1)
    weights = [
        torch.cat([one.flatten() for one in found.networks["jepa"].student.parameters()])
        for found in (first, again, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert first.compared == again.compared


def test_cromotex_aligned_is_held_against_itself_not_aligned(pairs: Path):
    found = trained("cromotex", pairs)
    assert found.compared or found.left_out
    for one in found.compared.values():
        assert one["over"] == "not aligned"
    assert any(name.endswith("-ecg") for name in found.networks)
    ecg = next(one for name, one in found.networks.items() if name.endswith("-ecg"))
    assert ecg.image is None


def test_a_folder_without_what_a_system_reads_is_one_line(tmp_path: Path, pairs: Path):
    with pytest.raises(DataError) as error:
        trained("cromotex", tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="no size 'huge'; known: small, published"):
        trained("jepa", pairs, size="huge")


def test_a_comparison_of_a_score_with_itself_gains_nothing():
    rng = np.random.default_rng(1)
    event = rng.random(300) < 0.4
    score = 1 / (1 + np.exp(-rng.normal(event * 1.0)))
    subject = np.arange(300).astype(str)
    found = compare(score, score, event, subject, "itself", 0)["estimates"]
    assert found["auroc_gain"]["value"] == 0
    assert found["auroc_gain"]["low"] == found["auroc_gain"]["high"] == 0
    assert found["auroc_new"] == found["auroc_old"]


def test_cardionets_is_held_against_itself_not_aligned_and_against_the_mean_cine(
    pairs: Path, tmp_path: Path
):
    found = trained("cardionets", pairs)
    (phenotypes,) = (one for name, one in found.compared.items() if "phenotypes" in name)
    assert phenotypes["over"] == "not aligned"
    cine = found.compared["cine from the ECG"]
    assert 0 < cine["estimates"]["ssim_old"]["value"] < 1
    report.write(found, tmp_path / "cardionets", study.FAULTS)
    described = yaml.safe_load((tmp_path / "cardionets" / "model.yaml").read_text())
    for name, one in described["models"].items():
        model = artifact.load(tmp_path / "cardionets" / one["file"])
        for key, value in found.networks[name].state_dict().items():
            assert torch.equal(model.state_dict()[key], value)
    lines = "\n".join(report.summary(found))
    assert "SSIM" in lines
    assert "R²" in lines

"""ECG-JEPA is trained and held against random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from auditor.learning import artifact
from auditor.systems import model_dir as report
from auditor.systems import study
from tests.systems.brief import briefly, trained


@pytest.fixture(autouse=True)
def _brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few steps, findings of few people, and a cache of our own."""
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    with briefly(steps=3, asked=10):
        yield


def test_jepa_is_held_against_random_weights(hospital: Path, tmp_path: Path):
    found = trained("jepa", hospital)
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


def test_nobody_is_judged_who_was_trained_on(hospital: Path):
    found = trained("jepa", hospital)
    part = found.people.groupby("subject")["fold"].nunique()
    assert (part == 1).all()
    assert set(found.people["fold"]) == {0, 1, 2}
    kinds = found.people.groupby("fold")["part"].unique()
    assert [kind.tolist() for kind in kinds] == [["trained"], ["held back"], ["judged"]]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_another_another(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = trained("jepa", hospital)
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "anew"))
    again, other = trained("jepa", hospital), trained("jepa", hospital, seed=1)
    weights = [
        torch.cat([one.flatten() for one in found.networks["jepa"].student.parameters()])
        for found in (first, again, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert first.compared == again.compared

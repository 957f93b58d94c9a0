"""CardioNets is trained and held against itself without cines."""

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


@pytest.mark.slow
def test_cardionets_is_held_against_itself_not_aligned_and_against_the_mean_cine(
    hospital: Path, tmp_path: Path
):
    found = trained("cardionets", hospital)
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

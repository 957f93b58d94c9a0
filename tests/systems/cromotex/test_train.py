"""CroMoTEX is trained and held against itself without radiographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.systems.brief import briefly, trained


@pytest.fixture(autouse=True)
def _brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few steps, findings of few people, and a cache of our own."""
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    with briefly(steps=3, asked=10):
        yield


@pytest.mark.slow
def test_cromotex_aligned_is_held_against_itself_not_aligned(hospital: Path):
    found = trained("cromotex", hospital)
    assert found.compared or found.left_out
    for one in found.compared.values():
        assert one["over"] == "not aligned"
    assert any(name.endswith("-ecg") for name in found.networks)
    ecg = next(one for name, one in found.networks.items() if name.endswith("-ecg"))
    assert ecg.image is None


@pytest.mark.slow
def test_a_training_that_was_kept_to_its_end_gives_the_same_networks_when_it_is_asked_again(
    hospital: Path,
):
    first, again = trained("cromotex", hospital), trained("cromotex", hospital)
    for name, network in first.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(again.networks[name].state_dict()[key], value), (name, key)

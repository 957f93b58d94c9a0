"""What disturbances change, and what they leave."""

import pytest
import torch

from auditor.learning.augmentation import Augmentation

NOTHING = Augmentation(gain=0, swell=0, shift=0, warp=0, wander=0, noise=0)
Z = torch.sin(torch.arange(120) / 5).expand(6, 2, 120)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_disturbance_changes_nothing():
    torch.testing.assert_close(NOTHING(Z, seeded()), Z)


@pytest.mark.parametrize("what", ["gain", "swell", "shift", "warp", "wander", "noise"])
def test_each_disturbance_changes_windows_and_keeps_their_shape(what):
    z = Augmentation(**{**vars(NOTHING), what: 0.2 if what != "shift" else 2.0})(Z, seeded())
    assert z.shape == Z.shape
    assert not torch.allclose(z, Z)
    assert (z - Z).abs().max() < 2


def test_disturbances_follow_their_generator():
    one, same, other = (Augmentation()(Z, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_shift_moves_the_wave_and_not_its_height():
    ramp = torch.arange(120.0).expand(50, 1, 120)
    moved = Augmentation(**{**vars(NOTHING), "shift": 3.0})(ramp, seeded()) - ramp
    middle = moved[:, 0, 10:-10]
    torch.testing.assert_close(middle, middle[:, :1].expand_as(middle), atol=1e-3, rtol=0)
    assert 2 < middle.abs().max() <= 3

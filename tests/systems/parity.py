"""Is it what the authors' own code made?"""

from __future__ import annotations

from typing import Any

import torch


def assert_same(found: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    """The largest difference is below so much of the largest value, and nothing is missing."""
    found = torch.as_tensor(found).detach().double()
    wanted = torch.as_tensor(wanted).detach().double()
    assert found.shape == wanted.shape
    worst = float((found - wanted).abs().max() / wanted.abs().max())
    assert worst <= tolerance, f"off by {worst:.2g} of the largest value"

"""Random streams keyed by name, so that adding a task leaves the numbers of the others alone."""

from __future__ import annotations

from hashlib import sha256

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """An independent random stream for one named task of a run."""
    key = int.from_bytes(sha256(name.encode()).digest()[:16], "big")
    return np.random.default_rng([seed, key])

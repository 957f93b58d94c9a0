"""CardioNets under audit: what its generator draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from auditor.core.target import Target
from auditor.data.pairs import read_pairs
from auditor.systems.cardionets import network as cardionets


def test_a_generator_draws_and_encodes(opened: Callable[[str], Target], root: Path):
    generator = opened("cardionets").generator
    pairs = read_pairs(root)
    np.testing.assert_array_equal(
        generator.real, cardionets.preprocess_cine(pairs.cmr(range(len(pairs))))
    )
    rows = np.array([3, 1])
    first = generator.drawn(5, rows)
    assert first.shape == (2, *generator.real.shape[1:])
    assert np.abs(first).max() <= 1
    np.testing.assert_array_equal(first, generator.drawn(5, rows))
    assert not np.allclose(first, generator.drawn(6, rows))
    assert generator.unconditional(0, 3).shape == (3, *generator.real.shape[1:])
    encoded = generator.encode(generator.real[:4])
    assert encoded.shape[0] == 4
    np.testing.assert_allclose(encoded.mean(axis=1), 0, atol=1e-4)  # normalised, as it is drawn

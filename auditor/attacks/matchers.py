"""Matchers: maps of views to rows whose dot product says how alike two of them are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cosine(
    gallery: NDArray[np.float32], probe: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows of unit length; a value that is missing counts as the gallery's median."""
    middle = _middle(gallery)
    return tuple(_unit(np.where(np.isnan(x), middle, x)) for x in (gallery, probe))  # type: ignore[return-value]


def standardised(
    gallery: NDArray[np.float32], probe: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows whose dot product is the negative squared distance of standardised values.

    Each column is centred on the gallery's median and divided by its interquartile range, held
    within ±4 of it so that one misread fiducial does not decide. A value that is missing counts
    as the gallery's median. −|x − y|² = (2x, −|x|², −1) · (y, 1, |y|²), so that this, too, is a
    dot product.
    """
    middle = _middle(gallery)
    known = ~np.isnan(gallery).all(axis=0)
    scale = np.ones(gallery.shape[1])
    low, high = np.nanpercentile(gallery[:, known], [25, 75], axis=0)
    scale[known] = np.where(high > low, (high - low) / 1.349, 1.0)

    def standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
        z = np.clip((np.where(np.isnan(values), middle, values) - middle) / scale, -4, 4)
        return np.asarray(z, dtype=np.float32)

    x, y = standard(gallery), standard(probe)
    one = np.ones((1, 1), dtype=np.float32)
    xx, yy = ((z**2).sum(axis=1, keepdims=True) for z in (x, y))
    return (
        np.hstack([2 * x, -xx, np.broadcast_to(-one, xx.shape)]),
        np.hstack([y, np.broadcast_to(one, yy.shape), yy]),
    )


def _middle(gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    known = ~np.isnan(gallery).all(axis=0)
    middle = np.zeros(gallery.shape[1], dtype=np.float32)
    middle[known] = np.nanmedian(gallery[:, known], axis=0)
    return middle


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)

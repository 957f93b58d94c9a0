"""Matchers: what gives rows of a gallery and of items asked about, whose dot product is the score.

A matcher that learns nothing of what one person does is the same for every fold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
#: Gallery (n, d), items asked about (m, d), NaN where unknown, and the fold of these → rows of
#: both, (n, k) and (m, k), whose dot product says how alike two of them are.
Match = Callable[[Rows, Rows, int], tuple[Rows, Rows]]


def cosine(gallery: Rows, asked: Rows, fold: int = 0) -> tuple[Rows, Rows]:
    """Rows of unit length; a value that is missing counts as the gallery's median."""
    middle = _middle(gallery)
    x, y = (_unit(np.where(np.isnan(rows), middle, rows)) for rows in (gallery, asked))
    return x, y


def standardised(gallery: Rows, asked: Rows, fold: int = 0) -> tuple[Rows, Rows]:
    """Rows whose dot product is the negative squared distance of standardised values.

    −|x − y|² = (2x, −|x|², −1) · (y, 1, |y|²), so that this, too, is a dot product.
    """
    x, y = in_spreads(gallery, gallery), in_spreads(gallery, asked)
    one = np.ones((1, 1), dtype=np.float32)
    xx, yy = ((z**2).sum(axis=1, keepdims=True) for z in (x, y))
    return (
        np.hstack([2 * x, -xx, np.broadcast_to(-one, xx.shape)]),
        np.hstack([y, np.broadcast_to(one, yy.shape), yy]),
    )


def in_spreads(gallery: Rows, values: Rows) -> Rows:
    """Values in units of the gallery's spread.

    Each column is centred on the gallery's median and divided by its interquartile range, held
    within ±4 of it so that one misread fiducial does not decide. A value that is missing counts
    as the gallery's median.
    """
    middle = _middle(gallery)
    known = ~np.isnan(gallery).all(axis=0)
    scale = np.ones(gallery.shape[1])
    if known.any():
        low, high = np.nanpercentile(gallery[:, known], [25, 75], axis=0)
        scale[known] = np.where(high > low, (high - low) / 1.349, 1.0)
    z = np.clip((np.where(np.isnan(values), middle, values) - middle) / scale, -4, 4)
    return np.asarray(z, dtype=np.float32)


def _middle(gallery: Rows) -> Rows:
    known = ~np.isnan(gallery).all(axis=0)
    middle = np.zeros(gallery.shape[1], dtype=np.float32)
    middle[known] = np.nanmedian(gallery[:, known], axis=0)
    return middle


def _unit(rows: Rows) -> Rows:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), dtype=np.float32)

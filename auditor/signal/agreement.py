"""How well fiducials agree with those that somebody marked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.beats import FIDUCIALS, WAVES
from auditor.data.annotations import Waves

#: A fiducial is found when it is this near to the one that was marked, seconds.
TOLERANCE_S = 0.150


def agreement(
    pairs: Iterable[tuple[NDArray[np.float64], Waves]], fs: float, tolerance_s: float = TOLERANCE_S
) -> pd.DataFrame:
    """Sensitivity, predictive value and error of each of the nine fiducials.

    A marked fiducial is found when one of the same kind lies within the tolerance, each used once,
    nearest first. What is found outside the stretches that were marked counts neither way.

    Parameters
    ----------
    pairs : of each lead, fiducials (n_beats, 9) and what was marked, both in samples at `fs`

    Returns
    -------
    one row per fiducial: `marked, found, invented` (counts), `Se, PPV, F1`, `mean_ms, sd_ms`
        Errors are found minus marked.
    """
    counts = np.zeros((len(FIDUCIALS), 3), dtype=int)
    errors: list[list[NDArray[np.float64]]] = [[] for _ in FIDUCIALS]
    for fiducials, reference in pairs:
        for column in range(len(FIDUCIALS)):
            marked = reference.marked[WAVES[column // 3]][:, column % 3]
            marked = marked[~np.isnan(marked)]
            ours = fiducials[:, column]
            ours = ours[~np.isnan(ours)]
            error, unmatched = _matched(ours, marked, tolerance_s * fs)
            after, before = unmatched[None, :, None] - reference.stretches.T[:, None]
            inside = ((after >= 0) & (before <= 0)).any(axis=1)
            counts[column] += (len(marked), len(error), int(inside.sum()))
            errors[column].append(error * 1000 / fs)
    n_marked, n_found, n_invented = counts.T
    pooled = [np.concatenate([np.empty(0), *parts]) for parts in errors]
    with np.errstate(invalid="ignore"):
        se, ppv = n_found / n_marked, n_found / (n_found + n_invented)
        f1 = 2 * n_found / (n_marked + n_found + n_invented)
    return pd.DataFrame(
        {
            "marked": n_marked,
            "found": n_found,
            "invented": n_invented,
            "Se": se,
            "PPV": ppv,
            "F1": f1,
            "mean_ms": [error.mean() if len(error) else np.nan for error in pooled],
            "sd_ms": [error.std() if len(error) else np.nan for error in pooled],
        },
        index=pd.Index(FIDUCIALS, name="fiducial"),
    )


def _matched(
    ours: NDArray[np.float64], marked: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of what was matched, and what of ours was not."""
    if not len(ours) or not len(marked):
        return np.empty(0), ours
    distance = np.abs(ours[:, None] - marked[None])
    rows, columns = np.nonzero(distance <= tolerance)
    free_ours, free_marked = np.ones(len(ours), bool), np.ones(len(marked), bool)
    error = []
    for row, column in sorted(
        zip(rows, columns, strict=True), key=lambda pair: distance[pair[0], pair[1]]
    ):
        if free_ours[row] and free_marked[column]:
            free_ours[row] = free_marked[column] = False
            error.append(ours[row] - marked[column])
    return np.array(error), ours[free_ours]

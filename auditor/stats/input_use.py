"""Does what a model gives out depend on what it is given?

Who answers without looking gives nothing away of what was not looked at, and passes for private.
From what a model gives out of half of the people's records a line is drawn to those records, and
held against the other half: is a record nearer to its own answer than to those about others? (In
turns the halves would not do: each line has seen what the other is held against.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from sklearn.linear_model import RidgeCV

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.stats.intervals import wilson_by_variance

Floats = NDArray[np.float64]

#: People who are looked at: more would not tell more.
MOST = 1000
#: Further off than so many spreads nothing counts for more.
_FAR = 3.0
_STRENGTHS = np.logspace(-1, 4, 11)


@dataclass(frozen=True, eq=False)
class InputUse:
    """How records stand to answers.

    Attributes
    ----------
    apart : (n_people,) the share of others' answers that each one's record is further from than
        from the own answer; ties count half
    variance_by_luck : of the mean share, were each record's answer anybody's
    """

    apart: Floats
    variance_by_luck: float


def input_use(given: Floats, told: Floats, rng: np.random.Generator) -> InputUse:
    """How records (n, d) stand to what a model gives out of them (n, k), a row for each person.

    Raises
    ------
    EvidenceError
        There are fewer than twenty people, or nothing is known of their records.
    """
    rows = rng.permutation(len(given))[:MOST]
    given, told = _standard(given[rows]), _standard(told[rows])
    half = len(rows) // 2
    if half < MIN_PEOPLE or not given.shape[1]:
        raise EvidenceError(f"needs {2 * MIN_PEOPLE} people of whose records something is known")
    expected = np.zeros((half, given.shape[1]))
    if told.shape[1]:
        line = RidgeCV(_STRENGTHS, alpha_per_target=True)
        line.fit(told[half:], given[half:])
        expected = line.predict(told[:half]).reshape(expected.shape)
    return _among_others(given[:half] @ expected.T)


def repeated_use(one: NDArray[np.floating], other: NDArray[np.floating]) -> InputUse:
    """How two answers about each of some records, (n, k) and (n, k), that were drawn apart stand to
    those about others: is an answer nearer to the other about the same record?

    Raises
    ------
    EvidenceError
        There are fewer than ten.
    """
    if len(one) < MIN_PEOPLE:
        raise EvidenceError(f"needs {MIN_PEOPLE} people of whom something is told twice")
    return _among_others(-cdist(one[:MOST], other[:MOST], "sqeuclidean"))


def _among_others(alike: Floats) -> InputUse:
    """Of how alike each record is to each answer, (n, n)."""
    n = len(alike)
    shares = (rankdata(alike, axis=1) - 1) / (n - 1)
    # Of a mean over shares whose columns are dealt out by lot (Hoeffding 1951, Ann Math Stat
    # 22:558); those of a row have a mean of a half.
    centred = shares - shares.mean(axis=0)
    variance = float((centred**2).sum()) / (n - 1) / n**2
    return InputUse(np.diag(shares), variance)


def shown_use(seen: InputUse, level: float) -> Estimate:
    """How often a record is nearer to the answer about it than to one about somebody else; half of
    the time where answers do not depend on records.
    """
    n, value = len(seen.apart), float(seen.apart.mean())
    variance = max(seen.variance_by_luck, float(seen.apart.var(ddof=1)) / n)
    return Estimate(value, *wilson_by_variance(value, variance, n, level), level, n, 0.5)


def _standard(values: Floats) -> Floats:
    """Columns that vary, in spreads from their mean; what is not known is the mean."""
    known = np.isfinite(values)
    columns = known.sum(axis=0) >= MIN_PEOPLE
    values = np.where(known, values, np.nan)[:, columns]
    mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1)
    found = (values[:, varies] - mean[varies]) / spread[varies]
    return np.clip(np.nan_to_num(found), -_FAR, _FAR)

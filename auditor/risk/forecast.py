"""How often a person would be found in a larger gallery than could be measured.

Smaller galleries are computed, not sampled: from how many impostors beat a probe in the whole
gallery follows how often one would in a random part of it. Beyond it two models are fitted and both
are told, for what lies between them is what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import digamma, gammaln

from auditor.core.evidence import Comparison
from auditor.risk.metrics import by_person

Floats = NDArray[np.float64]
#: People up to whom the expectation is summed term by term.
_FEW = 1000


def rank1_at(comparison: Comparison, sizes: NDArray[np.int64]) -> Floats:
    """Each person's rank-1 rate had the gallery held so many people, (n_people, n_sizes).

    A gallery of N holds the mate and N − 1 impostors drawn at random of the G − 1 there are. None
    of the k who score more than the mate is drawn with probability C(G−1−k, N−1) / C(G−1, N−1).
    With m more who tie, broken at random, the mate stands behind 0 to m of them, each as likely,
    and the mean of those probabilities is (C(G−k, N) − C(G−1−k−m, N)) / C(G−1, N−1) / (m + 1).
    """
    others = comparison.n_gallery - 1
    drawn = np.clip(np.asarray(sizes, dtype=np.float64) - 1, 0, others)
    whole = _log_choose(np.full(len(drawn), float(others)), drawn)
    rest = (others - comparison.above)[:, None].astype(np.float64)
    ties = comparison.ties[:, None].astype(np.float64)
    alone = np.exp(_log_choose(rest, drawn) - whole)
    first = np.exp(_log_choose(rest + 1, drawn + 1) - whole)
    beyond = np.exp(_log_choose(rest - ties, drawn + 1) - whole)
    # Without ties the difference is C(rest, drawn), which needs no subtraction.
    rates = np.where(ties > 0, (first - beyond) / (ties + 1), alone)
    return np.stack([by_person(column, comparison.subject) for column in rates.T], axis=1)


def _log_choose(n: Floats, k: Floats) -> Floats:
    """log C(n, k), −∞ where k exceeds n."""
    n, k = np.broadcast_arrays(n, k)
    possible = n >= k
    spare = np.where(possible, n - k, 0)
    whole = np.where(possible, n, k)
    value = gammaln(whole + 1) - gammaln(k + 1) - gammaln(spare + 1)
    return np.where(possible, value, -np.inf)


def pitman_yor(n: Floats | float, discount: float, concentration: float) -> Floats:
    """E[K_n] / n, the expected share of n people whom a one-to-n match names rightly.

    K_n is the number of distinct values among n draws of a Pitman–Yor process: of n people, as many
    can be told apart (Rocher, Hendrickx and de Montjoye 2025, Nature Communications 16:347).
    """
    n = np.asarray(n, dtype=np.float64)
    d, a = discount, concentration
    if d < 1e-9:
        return np.asarray(a * (digamma(a + n) - digamma(a)) / n)
    # (a + d)_n / (a)_n without its first factor, in logarithms: term by term for few people, and
    # by Euler and Maclaurin from there on. Differences of large gamma functions would lose it.
    few = np.cumsum(np.log1p(d / (a + np.arange(1, _FEW))))
    few = np.concatenate([[0.0], few])
    first, last = a + _FEW, a + np.maximum(n, _FEW)
    integral = last * np.log1p(d / last) - first * np.log1p(d / first)
    integral = integral + d * np.log1p((last - first) / (first + d))
    ends = (np.log1p(d / first) - np.log1p(d / last)) / 2
    slopes = (d / (first * (first + d)) - d / (last * (last + d))) / 12
    beyond = few[-1] + integral + ends + slopes
    rising = np.where(n <= _FEW, few[np.clip(n, 1, _FEW).astype(int) - 1], beyond)
    return np.asarray((a / d * np.expm1(rising) + np.exp(rising)) / n)


def _fitted(sizes: Floats, rates: Floats) -> tuple[float, float]:
    """Discount and concentration that fit some rates best, by least squares."""

    def residuals(place: Floats) -> Floats:
        return pitman_yor(sizes, 1 / (1 + np.exp(-place[0])), float(np.exp(place[1]))) - rates

    starts = [(np.log(d / (1 - d)), np.log(a)) for d in (0.3, 0.8, 0.97) for a in (1.0, 30.0)]
    fits = [
        least_squares(residuals, start, bounds=([-20, -20], [20, 25]), xtol=1e-12, ftol=1e-12)
        for start in starts
    ]
    best = min(fits, key=lambda fit: float(fit.cost)).x
    return float(1 / (1 + np.exp(-best[0]))), float(np.exp(best[1]))


def _log_linear(sizes: Floats, rates: Floats, targets: Floats) -> Floats:
    slope, level = np.polyfit(np.log10(sizes), rates, 1)
    return np.asarray(np.clip(slope * np.log10(targets) + level, 1 / targets, 1))


@dataclass(frozen=True)
class Forecast:
    """Rank-1 in galleries of other sizes.

    Attributes
    ----------
    sizes : of the galleries asked about
    pitman_yor, log_linear : (n_sizes,) what the two models say
    """

    sizes: Floats
    pitman_yor: Floats
    log_linear: Floats

    @property
    def spread(self) -> Floats:
        """How far the models are apart: at least so much is not known."""
        return np.abs(self.pitman_yor - self.log_linear)


def forecast(sizes: Floats, rates: Floats, targets: Floats) -> Forecast:
    """Rank-1 in galleries of `targets` people, from the rates in galleries of `sizes`."""
    return Forecast(
        np.asarray(targets),
        pitman_yor(targets, *_fitted(sizes, rates)),
        _log_linear(sizes, rates, targets),
    )

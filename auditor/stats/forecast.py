"""How often a person would be found in a larger gallery than could be measured.

Smaller galleries are computed, not sampled: from how many impostors beat a probe in the whole
gallery follows how often one would in a random part of it. Beyond it three models are fitted and
all are told, for what lies between them is what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import digamma, expit, gammaln, log_ndtr

from auditor.core.evidence import SearchResult
from auditor.stats.metrics import by_person

Floats = NDArray[np.float64]
#: People up to whom the expectation is summed term by term.
_FEW = 1000


def rank1_at(result: SearchResult, sizes: NDArray[np.int64] | Floats) -> Floats:
    """Each person's rank-1 rate had the gallery held so many people, (n_people, n_sizes).

    `sizes` are those of all, (n_sizes,), or of each probe, (n_probes, n_sizes).

    A gallery of N holds the mate and N − 1 impostors drawn at random of the G − 1 there are. None
    of the k who score more than the mate is drawn with probability C(G−1−k, N−1) / C(G−1, N−1).
    With m more who tie, broken at random, the mate stands behind 0 to m of them, each as likely,
    and the mean of those probabilities is (C(G−k, N) − C(G−1−k−m, N)) / C(G−1, N−1) / (m + 1).
    """
    others = result.n_gallery - 1
    drawn = np.clip(np.asarray(sizes, dtype=np.float64) - 1, 0, others)
    whole = _log_choose(np.array(float(others)), drawn)
    rest = (others - result.n_above)[:, None].astype(np.float64)
    ties = result.n_tied[:, None].astype(np.float64)
    alone = np.exp(_log_choose(rest, drawn) - whole)
    first = np.exp(_log_choose(rest + 1, drawn + 1) - whole)
    beyond = np.exp(_log_choose(rest - ties, drawn + 1) - whole)
    # Without ties the difference is C(rest, drawn), which needs no subtraction.
    rates = np.where(ties > 0, (first - beyond) / (ties + 1), alone)
    return np.stack([by_person(column, result.subject) for column in rates.T], axis=1)


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


def binormal(n: Floats | float, centre: float, spread: float) -> Floats:
    """The chance that a mate whose score is normal beats n − 1 impostors of standard normal scores.

    ∫ φ(z) Φ(centre + spread · z)^(n − 1) dz, by Gauss and Hermite.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    beaten = log_ndtr(centre + spread * nodes)
    exponent = (np.atleast_1d(np.asarray(n, dtype=np.float64)) - 1)[:, None] * beaten
    return np.asarray(np.exp(exponent) @ weights / weights.sum())


def log_linear(n: Floats, level: float, slope: float) -> Floats:
    """A rate that falls by as much for each tenfold gallery, but never below guessing."""
    return np.asarray(np.clip(level + slope * np.log10(n), 1 / np.asarray(n), 1))


Model = Callable[..., Floats]
#: Name → the curve, where its fit starts, and what maps those places to its parameters.
_MODELS: dict[str, tuple[Model, tuple[tuple[float, float], ...], Model]] = {
    "pitman_yor": (
        pitman_yor,
        tuple((np.log(d / (1 - d)), np.log(a)) for d in (0.3, 0.8, 0.97) for a in (1.0, 30.0)),
        lambda place: np.array([expit(place[0]), np.exp(place[1])]),
    ),
    "log_linear": (log_linear, ((1.0, -0.1),), lambda place: place),
    "binormal": (
        binormal,
        ((2.0, 0.0), (4.0, 0.0)),
        lambda place: np.array([place[0], np.exp(place[1])]),
    ),
}


@dataclass(frozen=True)
class Forecast:
    """Rank-1 in galleries of other sizes, as each model has it.

    Attributes
    ----------
    sizes : of the galleries asked about
    rates : model → (n_sizes,) rank-1
    low, high : model → (n_sizes,) bounds, over people
    held_out_error : model → how far it was off, absolutely, when the largest gallery there is was
        foretold from those up to a tenth of it
    """

    sizes: Floats
    rates: dict[str, Floats]
    low: dict[str, Floats]
    high: dict[str, Floats]
    held_out_error: dict[str, float]

    @property
    def spread(self) -> Floats:
        """How far the models are apart: at least so much is not known."""
        return np.asarray(np.ptp(np.stack(list(self.rates.values())), axis=0))

    @property
    def best(self) -> str:
        """The model that foretold the largest gallery best."""
        return min(self.held_out_error, key=lambda name: self.held_out_error[name])


def forecast(
    sizes: Floats,
    per_person: Floats,
    targets: Floats,
    *,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    draws: int = 100,
) -> Forecast:
    """Rank-1 in galleries of `targets` people, from rates in galleries of `sizes`, ascending.

    Parameters
    ----------
    per_person : (n_people, n_sizes) as `rank1_at` gives them
    rng : resamples people for the bounds; without it there are none, and NaN stands for them
    """
    targets = np.asarray(targets, dtype=np.float64)
    few = sizes <= sizes[-1] / 10
    if few.sum() < 2:
        few = np.arange(len(sizes)) < len(sizes) - 1
    whole = per_person.mean(axis=0)
    n = len(per_person)
    rates, low, high, error = {}, {}, {}, {}
    for name, (curve, starts, shape) in _MODELS.items():
        place = _fitted(curve, shape, starts, sizes, whole)
        rates[name] = curve(targets, *shape(place))
        early = _fitted(curve, shape, starts, sizes[few], whole[few])
        error[name] = float(abs(curve(sizes[-1:], *shape(early))[0] - whole[-1]))
        drawn = np.full((1, len(targets)), np.nan)
        if rng is not None:
            again = (per_person.T @ rng.multinomial(n, np.full(n, 1 / n)) / n for _ in range(draws))
            fits = (_fitted(curve, shape, (tuple(place),), sizes, one) for one in again)
            drawn = np.stack([curve(targets, *shape(fit)) for fit in fits])
        low[name], high[name] = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Forecast(targets, rates, low, high, error)


def _fitted(
    curve: Model, shape: Model, starts: Iterable[tuple[float, ...]], sizes: Floats, rates: Floats
) -> Floats:
    """Where the curve fits some rates best, by least squares."""
    fits = [
        least_squares(
            lambda place: curve(sizes, *shape(place)) - rates,
            start,
            bounds=([-25, -25], [25, 25]),
            xtol=1e-12,
            ftol=1e-12,
        )
        for start in starts
    ]
    return np.asarray(min(fits, key=lambda fit: float(fit.cost)).x)

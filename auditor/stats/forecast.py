"""How often a person would be found in a larger gallery than could be measured.

Smaller galleries are computed, not sampled: from how many impostors beat a probe in the whole
gallery follows how often one would in a random part of it. Beyond it four models are fitted, and
the bounds are those that hold whatever model is true, as far as there are any: nobody is found more
often among more people, and the rate falls no faster than it last did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import leastsq
from scipy.special import digamma, expit, gammaln, log_ndtr, ndtri

from auditor.core.evidence import SearchResult
from auditor.stats.intervals import wilson
from auditor.stats.metrics import by_person

Floats = NDArray[np.float64]
#: People up to whom the expectation is summed term by term.
_FEW = 1000
#: No model bounds the rate from below in a gallery so many times as large as was measured.
REACH = 10
#: People added to those measured before a model bounds the rate from below, each of whom one
#: impostor beats: that nobody was lost is no proof that nobody will be.
_ADDED = 2
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def rank1_at(result: SearchResult, sizes: NDArray[np.int64] | Floats) -> Floats:
    """Each person's rank-1 rate had the gallery held so many people, (n_people, n_sizes)."""
    rates = first_at(result, sizes)
    return np.stack([by_person(column, result.subject) for column in rates.T], axis=1)


def first_at(result: SearchResult, sizes: NDArray[np.int64] | Floats) -> Floats:
    """How often each probe's own person is first had the gallery held so many people,
    (n_probes, n_sizes).

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
    return np.where(ties > 0, (first - beyond) / (ties + 1), alone)


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
    beaten = log_ndtr(centre + spread * _NODES)
    exponent = (np.atleast_1d(np.asarray(n, dtype=np.float64)) - 1)[:, None] * beaten
    return np.asarray(np.exp(exponent) @ _WEIGHTS / _WEIGHTS.sum())


def always_or_not(n: Floats | float, share: float, centre: float) -> Floats:
    """A share of people is found among however many, the others as their scores have it.

    Those are normal, with the spread of impostors': with a centre of 0 by luck alone, one of n.
    """
    return np.asarray(share + (1 - share) * binormal(n, centre, 1.0))


def log_linear(n: Floats, level: float, slope: float) -> Floats:
    """A rate that falls by as much for each tenfold gallery, but never below guessing."""
    return np.asarray(np.clip(level + slope * np.log10(n), 1 / np.asarray(n), 1))


Model = Callable[..., Floats]
#: Name → the curve, where its fit starts, and what maps those places to its parameters.
_MODELS: dict[str, tuple[Model, tuple[tuple[float, float], ...], Model]] = {
    "pitman_yor": (
        pitman_yor,
        tuple((np.log(d / (1 - d)), np.log(30.0)) for d in (0.3, 0.8)),
        lambda place: np.array([expit(place[0]), np.exp(place[1])]),
    ),
    "log_linear": (log_linear, ((1.0, -0.1),), lambda place: place),
    "binormal": (
        binormal,
        ((2.0, 0.0), (4.0, 0.0)),
        lambda place: np.array([place[0], np.exp(place[1])]),
    ),
    "always_or_not": (
        always_or_not,
        ((-2.0, 0.5), (1.0, 1.0)),
        lambda place: np.array([expit(place[0]), place[1]]),
    ),
}


@dataclass(frozen=True)
class Forecast:
    """Rank-1 in galleries of other sizes.

    Attributes
    ----------
    sizes : of the galleries asked about
    rates : model → (n_sizes,) rank-1
    low, high : (n_sizes,) bounds, whatever model is true
    held_out_error : model → how far it was off, absolutely, when the largest gallery there is was
        foretold from those up to a tenth of it
    """

    sizes: Floats
    rates: dict[str, Floats]
    low: Floats
    high: Floats
    held_out_error: dict[str, float]

    @property
    def spread(self) -> Floats:
        """How far the models are apart: at least so much is not known."""
        return np.asarray(np.ptp(np.stack(list(self.rates.values())), axis=0))

    @property
    def best(self) -> str:
        """The model that foretold the largest gallery best."""
        return min(self.held_out_error, key=lambda name: self.held_out_error[name])

    @property
    def value(self) -> Floats:
        """(n_sizes,) what the best model says, as far as the bounds allow."""
        return np.asarray(np.clip(self.rates[self.best], self.low, self.high))


def nested_sizes(n_gallery: int) -> NDArray[np.int64]:
    """Parts of a gallery from which a larger one is foretold, up to all of it and all but one."""
    spread = np.geomspace(min(5, n_gallery), n_gallery, 12).astype(int)
    return np.unique(np.append(spread, max(n_gallery - 1, 1)))


def forecast(
    sizes: Floats, per_person: Floats, targets: Floats, *, level: float, worth: float = 1.0
) -> Forecast:
    """Rank-1 in galleries of `targets` people, from rates in galleries of `sizes`, ascending, the
    last of which is the whole.

    The rate in a larger gallery is not above that of the whole, whose upper bound is Wilson's.
    From below it is bounded by `falls_no_faster`, and up to `REACH` times the whole by the lowest
    of the models' own bounds where that is higher.

    Parameters
    ----------
    per_person : (n_people, n_sizes) as `rank1_at` gives them
    level : coverage of the bounds
    worth : independent people that each is worth
    """
    targets = np.asarray(targets, dtype=np.float64)
    few = sizes <= sizes[-1] / 10
    if few.sum() < 2:
        few = np.arange(len(sizes)) < len(sizes) - 1
    whole, n_people = per_person.mean(axis=0), len(per_person)
    # Of whom one impostor of the whole gallery scores more: a smaller one lacks that one so often.
    added = 1 - (sizes - 1) / (sizes[-1] - 1)
    pulled = (n_people * whole + _ADDED * added) / (n_people + _ADDED)
    spread = per_person.T @ per_person + _ADDED * np.outer(added, added)
    covariance = spread / (n_people + _ADDED) - np.outer(pulled, pulled)
    rates, low, error = {}, [], {}
    for name, (curve, starts, shape) in _MODELS.items():
        place = _fitted(curve, shape, starts, sizes, whole)
        rates[name] = curve(targets, *shape(place))
        early = _fitted(curve, shape, (tuple(place),), sizes[few], whole[few])
        error[name] = float(abs(curve(sizes[-1:], *shape(early))[0] - whole[-1]))
        place = _fitted(curve, shape, (tuple(place),), sizes, pulled)
        reached = curve(targets, *shape(place))
        pull = _response(curve, shape, place, sizes, targets)
        variance = np.einsum("ti,ij,tj->t", pull, covariance, pull) / (n_people + _ADDED) / worth
        low.append(_below(reached, variance, level))
    # A curve may fall faster at its end than any model of the whole of it: as there, it may go on.
    late = sizes >= sizes[-1] / 3
    line = [np.stack([np.ones(len(n)), np.log10(n)], axis=1) for n in (targets, sizes[late])]
    pull = line[0] @ np.linalg.pinv(line[1])
    variance = np.einsum("ti,ij,tj->t", pull, covariance[np.ix_(late, late)], pull)
    low.append(_below(pull @ pulled[late], variance / (n_people + _ADDED) / worth, level))
    modelled = np.where(targets <= REACH * sizes[-1], np.min(low, axis=0), 0.0)
    least = np.maximum(falls_no_faster(sizes, per_person, targets, level, worth), modelled)
    high = wilson(n_people * worth * whole[-1], n_people * worth, level)[1]
    return Forecast(targets, rates, np.minimum(least, high), np.full(len(targets), high), error)


def falls_no_faster(
    sizes: Floats, per_person: Floats, targets: Floats, level: float, worth: float = 1.0
) -> Floats:
    """(n_targets,) the least that rank-1 is in larger galleries, whatever people's scores are like.

    A person whom a share p of all people beats is first among N with probability (1 − p)^(N − 1),
    an exponential in N. The logarithm of a mean of exponentials is convex: from the last two sizes
    on, a and b, the rate f falls no faster than as a line through both, and f(N) is at least
    f(b) · (f(b) / f(a))^((N − b) / (b − a)). Of f(b) Wilson's lower bound is taken, and of what was
    lost from a to b his upper one.
    """
    before, last = sizes[-2:]
    n = len(per_person) * worth
    rate = float(per_person[:, -1].mean())
    # Nobody's rate falls by more than that of a person whom one impostor of them all beats.
    most = (last - before) / (last - 1)
    lost = float(np.clip((per_person[:, -2].mean() - rate) / most, 0, 1))
    low, lost = wilson(rate * n, n, level)[0], most * wilson(lost * n, n, level)[1]
    if low == 0:
        return np.zeros(len(targets))
    steps = (np.asarray(targets, dtype=np.float64) - last) / (last - before)
    return np.asarray(low * np.exp(steps * (np.log(low) - np.log(low + lost))))


def _response(curve: Model, shape: Model, place: Floats, sizes: Floats, targets: Floats) -> Floats:
    """(n_targets, n_sizes) how far the curve moves at each target as each rate that it was fitted
    to moves.
    """

    def slopes(at: Floats) -> Floats:
        steps = 1e-4 * np.eye(len(place))
        ends = [(curve(at, *shape(place + s)), curve(at, *shape(place - s))) for s in steps]
        return np.stack([(up - down) / 2e-4 for up, down in ends], axis=1)

    return np.asarray(slopes(targets) @ np.linalg.pinv(slopes(sizes), rcond=1e-6))


def _below(rate: Floats, variance: Floats, level: float) -> Floats:
    """The lower end of an interval that is symmetric in log odds."""
    inside = np.clip(rate, 1e-12, 1 - 1e-12)
    step = ndtri(0.5 + level / 2) * np.sqrt(variance) / (inside * (1 - inside))
    return np.asarray(expit(np.log(inside / (1 - inside)) - step))


def _fitted(
    curve: Model, shape: Model, starts: Iterable[tuple[float, ...]], sizes: Floats, rates: Floats
) -> Floats:
    """Where the curve fits some rates best, by least squares."""

    def off(place: Floats) -> Floats:
        missed = curve(sizes, *shape(np.clip(place, -25, 25))) - rates
        # MINPACK asks for as many numbers as there are parameters.
        return np.resize(missed, max(len(missed), len(place)))

    fits = [leastsq(off, start, maxfev=200, full_output=True)[0] for start in starts]
    return np.clip(min(fits, key=lambda place: float((off(place) ** 2).sum())), -25, 25)

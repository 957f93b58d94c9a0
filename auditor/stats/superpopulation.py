"""How many classes of one person a population holds, from the sizes of classes in a sample.

Each estimator knows the sizes alone, and nothing of what the classes are of. Those that Dankar,
El Emam, Neisa and Roffey 2012 (BMC Med Inform Decis Mak 12:66) compared are here, with their rule
for choosing one. A solver that does not converge has no answer; that is never an answer of zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, root
from scipy.special import expit, gammaln

from auditor.core.errors import EvidenceError, NotFittedError
from auditor.stats.intervals import percentile

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Up to this share of the population in the sample, Pitman's estimator is taken (Dankar 2012).
SMALL_FRACTION = 0.1
#: Samples of classes that a range is taken over, and the share of them that must have an answer.
_DRAWS, _ANSWERED = 200, 0.5
#: How closely equations must be solved, as a share of what they count.
_SOLVED = 1e-6


@dataclass(frozen=True)
class Uniques:
    """People who are alone in the population.

    Attributes
    ----------
    value, low, high : how many; the range is over classes drawn anew, and over the estimators
        that the rule chooses among
    by : the estimator that gave the value
    """

    value: float
    low: float
    high: float
    by: str


@dataclass(frozen=True)
class _Classes:
    """Sizes of a sample's classes: `size[i]` is that of `count[i]` of them."""

    size: Ints
    count: Ints
    population: int

    @property
    def n(self) -> int:
        return int((self.size * self.count).sum())

    @property
    def n_classes(self) -> int:
        return int(self.count.sum())

    @property
    def fraction(self) -> float:
        return self.n / self.population

    def of(self, size: int) -> int:
        """How many classes are of a size."""
        return int(self.count[self.size == size].sum())


def pitman(sizes: Ints, population: int) -> float:
    """Population uniques under Pitman's sampling formula, fitted by maximum likelihood.

    Hoshino 2001, "Applying Pitman's sampling formula to microdata disclosure risk assessment",
    J Off Stat 17:499.

    Parameters
    ----------
    sizes : (n_classes,) people of the sample in each class

    Raises
    ------
    NotFittedError
        The likelihood has no maximum with 0 < α < 1.
    """
    return _pitman(_classes(sizes, population))


def zayatz(sizes: Ints, population: int) -> float:
    """Population uniques by Bayes' rule, classes of the population being of sizes as the sample's.

    Zayatz 1991, "Estimation of the number of unique population elements using a sample", SRD
    report of the US Bureau of the Census 91/08.
    """
    return _zayatz(_classes(sizes, population))


def slide_negative_binomial(sizes: Ints, population: int) -> float:
    """Population uniques where a class's size less 1 is negative binomial.

    Chen and Keller-McNulty 1998, "Estimation of identification disclosure risk in microdata", J Off
    Stat 14:79; the number of classes after Shlosser (Haas and Stokes 1998, JASA 93:1475).

    Raises
    ------
    NotFittedError
        No such distribution has the sample's classes of one and of two.
    """
    return _slide(_classes(sizes, population))


def dankar(sizes: Ints, population: int, level: float, rng: np.random.Generator) -> Uniques:
    """Population uniques by the rule of Dankar 2012: in a sample of up to a tenth of the population
    Pitman's, or Zayatz's where that fails; of a larger one the smaller of Zayatz's and the slide
    negative binomial's.

    Parameters
    ----------
    rng : draws classes anew

    Raises
    ------
    NotFittedError
        None has an answer.
    """
    classes = _classes(sizes, population)
    small = classes.fraction <= SMALL_FRACTION
    tried = ("Pitman", "Zayatz") if small else ("Zayatz", "slide negative binomial")
    found = {}
    for name in tried:
        try:
            found[name] = _ESTIMATORS[name](classes)
        except NotFittedError:
            continue
    if not found:
        raise NotFittedError("no estimator of population uniques has an answer")
    by = next(iter(found)) if small else min(found, key=found.__getitem__)
    ends = [found[name] for name in found]
    for name in found:
        ends += _range(_ESTIMATORS[name], classes, level, rng)
    return Uniques(found[by], min(ends), max(ends), by)


def _range(
    estimator: Callable[[_Classes], float],
    classes: _Classes,
    level: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The range of an estimator when as many classes are drawn from those of the sample.

    People drawn anew would meet themselves, and nobody drawn twice is alone.
    """
    replicates = []
    share = classes.count / classes.n_classes
    for counts in rng.multinomial(classes.n_classes, share, size=_DRAWS):
        has = counts > 0
        n = int((classes.size * counts).sum())
        # The share that the sample is of the population stays.
        drawn = _Classes(classes.size[has], counts[has], max(round(n / classes.fraction), n))
        try:
            replicates.append(estimator(drawn) * classes.population / drawn.population)
        except NotFittedError:
            continue
    if len(replicates) < _ANSWERED * _DRAWS:
        raise NotFittedError("the estimator has no answer for most samples like this one")
    return percentile(np.array(replicates), level)


def _classes(sizes: Ints, population: int) -> _Classes:
    if not len(sizes) or sizes.min() < 1:
        raise ValueError("a class of the sample holds somebody")
    if sizes.sum() > population:
        raise EvidenceError("the sample is larger than the population it is of")
    return _Classes(*np.unique(sizes, return_counts=True), population)


def _pitman(classes: _Classes) -> float:
    u, n = classes.n_classes, classes.n
    if classes.of(1) == 0 or u == n:
        raise NotFittedError("Pitman's formula needs classes of one person, and larger ones")

    def parameters(x: Floats) -> tuple[float, float]:
        alpha = float(expit(x[0]))
        return alpha, float(np.exp(np.clip(x[1], -30, 30))) - alpha

    def loss(x: Floats) -> float:
        alpha, theta = parameters(x)
        new = (u - 1) * np.log(alpha) + gammaln(theta / alpha + u) - gammaln(theta / alpha + 1)
        inside = classes.count * (gammaln(classes.size - alpha) - gammaln(1 - alpha))
        return float(-(new + inside.sum() - gammaln(theta + n) + gammaln(theta + 1)) / n)

    best = min(
        (
            minimize(loss, (start, np.log(u)), method="Nelder-Mead",
                     options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 2000})
            for start in (-2.0, 1.0)
        ),
        key=lambda one: float(one.fun),
    )  # fmt: skip
    alpha, theta = parameters(best.x)
    if not best.success or not 1e-3 < alpha < 1 - 1e-3 or not np.isfinite(theta):
        raise NotFittedError("the likelihood of Pitman's formula has no maximum inside")
    return pitman_uniques(alpha, theta, classes.population)


def pitman_uniques(alpha: float, theta: float, n: int) -> float:
    """Classes of one person that are expected among n people under Pitman's sampling formula:
    n · Γ(θ + α + n − 1) Γ(θ + 1) / (Γ(θ + n) Γ(θ + α)).
    """
    logs = gammaln(theta + alpha + n - 1) - gammaln(theta + n)
    return float(n * np.exp(logs + gammaln(theta + 1) - gammaln(theta + alpha)))


def _zayatz(classes: _Classes) -> float:
    n, population = classes.n, classes.population
    if n == population:
        return float(classes.of(1))
    size = classes.size.astype(float)
    # One of a class of j in the sample and j − 1 among the others: hypergeometric.
    fits = size - 1 <= population - n
    logs = np.full(len(size), -np.inf)
    j = size[fits]
    logs[fits] = (
        np.log(j) + np.log(n)
        + gammaln(population - n + 1) - gammaln(population - n - j + 2)
        + gammaln(population - j + 1) - gammaln(population + 1)
    )  # fmt: skip
    seen_once = classes.count * np.exp(logs)
    alone = float(seen_once[classes.size == 1].sum() / seen_once.sum())
    return classes.of(1) * alone / classes.fraction


def _slide(classes: _Classes) -> float:
    pi, once, twice = classes.fraction, classes.of(1), classes.of(2)
    if pi >= 1:
        return float(once)
    if not once or not twice:
        raise NotFittedError("the slide negative binomial needs classes of one and of two")
    n_classes = _shlosser(classes)

    def power_and_shares(x: Floats) -> tuple[float, Floats]:
        alpha, beta = np.exp(np.clip(x[0], -30, 30)), expit(x[1])
        # f is binomial of F, and F − 1 negative binomial; these are terms of its generating
        # function, (1 − π + πs) (β / (1 − (1 − β)(1 − π + πs)))^α.
        left = (1 - beta) / (1 - (1 - beta) * (1 - pi))
        power = np.exp(alpha * (np.log(beta) - np.log1p(-(1 - beta) * (1 - pi))))
        one = pi * power * (1 + (1 - pi) * alpha * left)
        two = pi**2 * power * alpha * left * (1 + (1 - pi) * (alpha + 1) * left / 2)
        return float(alpha * np.log(beta)), np.array([one, two])

    wanted = np.array([once, twice]) / n_classes

    def gap(x: Floats) -> Floats:
        return np.asarray(power_and_shares(x)[1] / wanted - 1)

    for start in ((0.0, -1.0), (-1.0, -4.0), (1.0, 0.0), (-2.0, -8.0)):
        solved = root(gap, start, method="hybr")
        if np.abs(gap(solved.x)).max() < _SOLVED:
            return float(n_classes * np.exp(power_and_shares(solved.x)[0]))
    raise NotFittedError("no slide negative binomial has the sample's classes of one and of two")


def _shlosser(classes: _Classes) -> float:
    """How many classes the population has: Shlosser's estimator as Haas and Stokes modified it."""
    q, pi, size, count = 1 - classes.fraction, classes.fraction, classes.size, classes.count
    missed = (q**size * count).sum()
    seen_once = (size * pi * q ** (size - 1) * count).sum()
    doubled = (size * pi**2 * (1 - pi**2) ** (size - 1) * count).sum()
    undone = (q**size * ((1 + pi) ** size - 1) * count).sum()
    return float(classes.n_classes + classes.of(1) * doubled / undone * (missed / seen_once) ** 2)


_ESTIMATORS: dict[str, Callable[[_Classes], float]] = {
    "Pitman": _pitman,
    "Zayatz": _zayatz,
    "slide negative binomial": _slide,
}

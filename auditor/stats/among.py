"""How often a person is found among so many people by somebody who knows more than their ECG.

Whoever knows a person's sex and age looks only among people who are like that: knowledge makes a
large gallery small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, rate, rounded
from auditor.stats.forecast import forecast, rank1_at
from auditor.stats.intervals import wilson
from auditor.stats.metrics import by_person

#: In a smaller gallery there is too little to foretell a larger one from.
FORETOLD_FROM = 40
#: Sizes at which rates are measured to foretell from, and at which they are foretold.
_MEASURED, _TOLD = 12, 9

Floats = NDArray[np.float64]


def found_among(
    seen: SearchResult, sizes: Sequence[int], level: float, rng: np.random.Generator
) -> tuple[dict[int, Estimate], Curves]:
    """How often the first pick is right among so many people, of those alike alone.

    Up to as many as were searched it is computed: the mate, and others drawn at random of those
    there are, of whom only those alike can come before the mate.

    Beyond, a person of whom a share s of the others is alike is looked for among 1 + s(n − 1). Where
    no more than were searched, how often one is found among so many is computed, of all others and
    not of those alike, who are few. Those alike score no less: the upper end holds for them too, and
    value and lower end are brought down by as much as those alike are harder to tell from than
    others where both were searched. What nobody alike to a person says of s in a crowd is little:
    the lower end takes one more of them than was seen. Where 1 + s(n − 1) is more than were
    searched, it is foretold, with bounds that hold those of every model.
    """
    n_gallery = seen.n_gallery
    alike = rank1_at(seen.among_alike, np.array(sorted({*sizes, n_gallery})))
    found = {
        n: rate(column, level, 1 / n)
        for n, column in zip(sorted({*sizes, n_gallery}), alike.T, strict=True)
        if n <= n_gallery
    }
    most = found[n_gallery]
    larger = sorted(n for n in sizes if n > n_gallery)
    found = {n: found[n] for n in sizes if n <= n_gallery}
    if not larger or n_gallery < FORETOLD_FROM:
        return found, {}
    share = by_person((seen.demographic_size - 1) / (n_gallery - 1), seen.subject)
    one_more = by_person(seen.demographic_size / n_gallery, seen.subject)
    crowd = _Crowd.of(seen, 1 + (larger[-1] - 1) * float(one_more.max()), level, rng)
    own = crowd.among(1 + (n_gallery - 1) * share)[0]
    harder = min(most.value / own, 1.0) if own > 0 else 1.0
    for n in larger:
        value, _, high = crowd.among(1 + (n - 1) * share)
        low = crowd.among(1 + (n - 1) * one_more)[1] * harder
        value = min(value * harder, most.value)
        bounds = min(low, value), max(high, value)
        found[n] = Estimate(value, *bounds, level, most.n_subjects, 1 / n)
    told = [found[n] for n in larger]
    curve: dict[str, list[object]] = {
        "gallery": list(larger),
        "rate": list(rounded(one.value for one in told)),
        "chance": list(rounded(1 / n for n in larger)),
        "low": list(rounded(one.low for one in told)),
        "high": list(rounded(one.high for one in told)),
    }
    return found, {"forecast": curve} | crowd.errors


@dataclass(frozen=True, eq=False)
class _Crowd:
    """How often people are found among any others: measured, and foretold beyond.

    Attributes
    ----------
    sizes : (m,) of the galleries that are foretold, ascending
    told : (3, m) how often people are found in them, and the bounds of that
    """

    seen: SearchResult
    level: float
    sizes: Floats
    told: Floats
    errors: Curves

    @classmethod
    def of(cls, seen: SearchResult, most: float, level: float, rng: np.random.Generator) -> _Crowd:
        """Of a search, foretold for up to so many people."""
        n = seen.n_gallery
        if most <= n:
            return cls(seen, level, np.array([float(n)]), np.full((3, 1), np.nan), {})
        measured = np.unique(np.geomspace(5, n, _MEASURED).astype(int))
        wanted = np.geomspace(n, most, _TOLD)
        told = forecast(measured.astype(float), rank1_at(seen, measured), wanted,
                        level=level, rng=rng)  # fmt: skip
        bounds = (
            told.rates[told.best],
            np.min([*told.low.values(), *told.rates.values()], axis=0),
            np.max([*told.high.values(), *told.rates.values()], axis=0),
        )
        errors = {"model": list(told.rates), "off by": rounded(told.held_out_error.values())}
        return cls(seen, level, wanted, np.clip(bounds, 0, 1), {"forecast_error": errors})

    def among(self, met: Floats) -> tuple[float, float, float]:
        """The mean over people of how often each is found among so many, and its bounds.

        Parameters
        ----------
        met : (n_people,) how many people each is looked for among, that person included
        """
        n_gallery = self.seen.n_gallery
        place = np.unique(self.seen.subject, return_inverse=True)[1]
        known = met <= n_gallery
        parts = []
        if known.any():
            some = np.minimum(met, n_gallery)[place][:, None]
            rates = rank1_at(self.seen, some)[known, 0]
            n = len(rates)
            mean = float(rates.mean())
            parts.append((n, (mean, *wilson(mean * n, n, self.level))))
        if not known.all():
            at = np.log(met[~known])
            told = [np.interp(at, np.log(self.sizes), row).mean() for row in self.told]
            parts.append((len(at), (told[0], told[1], told[2])))
        value, low, high = np.average(
            [of for _, of in parts], axis=0, weights=[n for n, _ in parts]
        )
        return float(value), float(low), float(high)

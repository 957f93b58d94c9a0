"""How often a person is found among so many people by somebody who knows more than their ECG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, rate, rounded
from auditor.stats.forecast import forecast, nested_sizes, rank1_at
from auditor.stats.intervals import wilson

#: In a smaller gallery there is too little to foretell a larger one from.
FORETOLD_FROM = 40


def found_among(
    seen: SearchResult, sizes: Sequence[int], level: float
) -> tuple[dict[int, Estimate], Curves]:
    """How often the first pick is right among so many people, of whom those alike alone are looked
    at.

    Up to as many as were searched it is computed: of others drawn at random of those there are,
    only those alike can come before the mate. Beyond, it is foretold from that, but for the upper
    end, which is that of `_at_most`.
    """
    n_gallery = seen.n_gallery
    larger = [n for n in sizes if n > n_gallery]
    found = {
        n: rate(rank1_at(seen.among_alike, np.array([n]))[:, 0], level, 1 / n)
        for n in sizes
        if n <= n_gallery
    }
    if not larger or n_gallery < FORETOLD_FROM:
        return found, {}
    measured = nested_sizes(n_gallery)
    per_person = rank1_at(seen.among_alike, measured)
    told = forecast(measured.astype(float), per_person, np.array(larger, dtype=float), level=level)
    n_people = len(per_person)
    for n, value, low, high in zip(larger, told.value, told.low, told.high, strict=True):
        at_most = min(float(high), _at_most(seen, n, level))
        least = min(float(low), at_most)
        one = Estimate(min(float(value), at_most), least, at_most, level, n_people, 1 / n)
        found[n] = one
    last = [found[n] for n in larger]
    curve: dict[str, list[object]] = {
        "gallery": [*larger],
        "rate": [*rounded(one.value for one in last)],
        "chance": [*rounded(1 / n for n in larger)],
        "low": [*rounded(one.low for one in last)],
        "high": [*rounded(one.high for one in last)],
    }
    errors = {"model": list(told.rates), "off by": rounded(told.held_out_error.values())}
    return found, {"forecast": curve, "forecast_error": errors}


def _at_most(seen: SearchResult, n: int, level: float) -> float:
    """The upper end of the rate in a larger gallery.

    Knowledge makes a large gallery small: a person of whom a share s of the others is alike is
    looked for among 1 + s(n − 1). How often one is found among so many people is computed of all
    others, and not of those alike, who are too few to tell; those alike score higher, if anything,
    so that no more are found among them. Nobody is found more often among more than were searched.
    """
    alike = (seen.demographic_size - 1) / (seen.n_gallery - 1)
    met = np.minimum(1 + (n - 1) * alike, seen.n_gallery)
    rates: NDArray[np.float64] = rank1_at(seen, met[:, None])[:, 0]
    return wilson(float(rates.sum()), len(rates), level)[1]

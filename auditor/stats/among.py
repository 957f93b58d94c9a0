"""How often a person is found among so many people by somebody who knows more than their ECG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, rate, rounded
from auditor.stats.forecast import forecast, nested_sizes, rank1_at
from auditor.stats.intervals import wilson
from auditor.stats.metrics import by_person
from auditor.stats.rivals import worth

Floats = NDArray[np.float64]
#: In a smaller gallery there is too little to foretell a larger one from.
FORETOLD_FROM = 40


def found_among(
    seen: SearchResult, sizes: Sequence[int], level: float
) -> tuple[dict[int, Estimate], Curves]:
    """How often the first pick is right among so many people, of whom those alike alone are looked
    at.

    Up to as many as were searched it is computed: of others drawn at random of those there are,
    only those alike can come before the mate. Beyond, it is foretold from that, within bounds that
    are closer where knowledge makes a large gallery small (`_among_those_left`).
    """
    n_gallery, alike = seen.n_gallery, seen.among_alike
    larger = [n for n in sizes if n > n_gallery]
    found = {
        n: rate(rank1_at(alike, np.array([n]))[:, 0], level, 1 / n, worth(alike, n))
        for n in sizes
        if n <= n_gallery
    }
    if not larger or n_gallery < FORETOLD_FROM:
        return found, {}
    measured = nested_sizes(n_gallery)
    per_person, beyond = rank1_at(alike, measured), np.array(larger, dtype=float)
    told = forecast(measured.astype(float), per_person, beyond, level=level, worth=worth(alike))
    for n, value, low, high in zip(larger, told.value, told.low, told.high, strict=True):
        least, most = _among_those_left(seen, n, level)
        ends = max(float(low), least), min(float(high), most)
        value = float(np.clip(value, min(ends), ends[1]))
        found[n] = Estimate(value, min(ends), ends[1], level, len(per_person), 1 / n)
    last = [found[n] for n in larger]
    curve: dict[str, list[Any]] = {
        "gallery": [*larger],
        "rate": [*rounded(one.value for one in last)],
        "chance": [*rounded(1 / n for n in larger)],
        "low": [*rounded(one.low for one in last)],
        "high": [*rounded(one.high for one in last)],
    }
    errors: dict[str, list[Any]] = {
        "model": list(told.rates),
        "off by": rounded(told.held_out_error.values()),
    }
    return found, {"forecast": curve, "forecast_error": errors}


def _among_those_left(seen: SearchResult, n: int, level: float) -> tuple[float, float]:
    """Bounds of the rate in a larger gallery.

    A person of whom a share s of the others is alike is looked for among 1 + s(n − 1). How often
    one is found among so many people is computed of all others, and not of those alike, who are too
    few to tell. Those alike score higher, if anything, so that no more are found among them: from
    above this holds as it is, and nobody is found more often among more than were searched. From
    below it is brought down by as much as those alike are harder to tell from where both were
    searched; one more is taken to be alike than was seen, for of few people nobody alike says
    little; and who would be looked for among more than were searched counts as never found.
    """
    n_gallery, size = seen.n_gallery, seen.demographic_size.astype(np.float64)

    def by_all(met: Floats) -> Floats:
        return rank1_at(seen, np.minimum(met, n_gallery)[:, None])[:, 0]

    def bounds(rate: float, met: Floats) -> tuple[float, float]:
        n_worth = n_people * worth(seen, np.minimum(met, n_gallery))
        return wilson(rate * n_worth, n_worth, level)

    n_people = len(np.unique(seen.subject))
    most = 1 + (n - 1) * (size - 1) / (n_gallery - 1)
    high = bounds(float(by_all(most).mean()), most)[1]
    met = 1 + (n - 1) * size / n_gallery
    at_least = by_all(met) * (by_person(met, seen.subject) <= n_gallery)
    own, alike = by_all(size).mean(), rank1_at(seen.among_alike, np.array([n_gallery])).mean()
    harder = min(float(alike / own), 1.0) if own > 0 else 1.0
    return bounds(float(at_least.mean()) * harder, met)[0], high

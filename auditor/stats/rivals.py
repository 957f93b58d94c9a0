"""How much a rate of first places varies with who happens to be in the gallery.

People are drawn twice over: as those who are looked for, and as those whom they are taken for.
Where a few are like everybody ("goats"), whether one of them is enrolled moves many people's rates
at once, and as many independent people as were looked for would vary less.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.stats.forecast import first_at
from auditor.stats.metrics import by_person

Sizes = int | NDArray[np.float64]


def worth(seen: SearchResult, size: Sizes | None = None) -> float:
    """How many independent people each one is worth to the mean of rank-1, one at most.

    Parameters
    ----------
    size : people of a gallery, or (n_probes,) those of each probe's, drawn at random of those there
        are; all if not given
    """
    if not (seen.rival != "").any():
        return 1.0
    size = seen.n_gallery if size is None else size
    rates = by_person(_first(seen, size), seen.subject)
    rate = float(rates.mean())
    apart, varies = rate * (1 - rate) / len(rates), rank1_variance(seen, size)
    return apart / varies if varies > apart > 0 else 1.0


def rank1_variance(seen: SearchResult, size: Sizes) -> float:
    """How much the mean over people of rank-1 varies when people are drawn anew, as probes and in
    the gallery.

    Without a person one rate is missing, and whoever this person alone came before is first: the
    jackknife of the mean is made of each one's own rate less what others lose by them. It counts
    what is between two people twice, as something of the one and of the other (Efron and Stein
    1981, Ann Stat 9:586; in terms of two-way clusters Cameron, Gelbach and Miller 2011, J Bus Econ
    Stat 29:238), and so that is taken away once. Of a probe that several come before, one of them
    stands for all: that adds as much as it should over pairs of probes, on average.
    """
    every, code = np.unique(np.concatenate([seen.subject, seen.rival]), return_inverse=True)
    code = code.astype(np.int64)
    own, rival = code[: len(seen.subject)], code[len(seen.subject) :]
    n_probes = np.bincount(own, minlength=len(every))
    is_asked = n_probes > 0
    n_people, n_gallery = int(is_asked.sum()), seen.n_gallery
    first, gain = _first(seen, size), _gain(seen, size)
    share = 1 / n_probes[own]
    # Of people: how often they are first, above the mean, and what others lose by them.
    rate = np.bincount(own, share * first, minlength=len(every))
    rate[is_asked] -= rate[is_asked].mean()
    lost = np.bincount(rival, share * gain, minlength=len(every))
    known = every != ""
    mean = lost[known].sum() / n_gallery
    # Most of a gallery may cost nobody anything, and is not named here.
    spread = (lost[known] ** 2).sum() - n_gallery * mean**2
    together = (rate * (lost - mean))[is_asked].sum()
    pair, at = np.unique(own * len(every) + rival, return_inverse=True)
    between = np.bincount(at, np.where(known[rival], share * gain, 0))
    back = (pair % len(every)) * len(every) + pair // len(every)
    place = np.minimum(np.searchsorted(pair, back), len(pair) - 1)
    mutual = (between * between[place])[pair[place] == back].sum()
    total = (rate**2).sum() + spread - 2 * together - (between**2).sum() - mutual
    return float(total) / (n_people * max(n_people - 1, 1))


def _first(seen: SearchResult, size: Sizes) -> NDArray[np.float64]:
    """(n_probes,) how often each one's own person is first."""
    return first_at(seen, np.reshape(size, (-1, 1)))[:, 0]


def _gain(seen: SearchResult, size: Sizes) -> NDArray[np.float64]:
    """(n_probes,) how much more often each one's own person would be first without one impostor who
    comes before them, times as many as do.
    """
    is_above = seen.n_above > 0
    one_less = replace(
        seen,
        n_above=np.maximum(seen.n_above - 1, 0),
        n_tied=np.where(is_above, seen.n_tied, np.maximum(seen.n_tied - 1, 0)),
    )
    n_before = np.where(is_above, seen.n_above, seen.n_tied)
    return n_before * (_first(one_less, size) - _first(seen, size))

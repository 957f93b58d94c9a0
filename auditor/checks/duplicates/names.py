"""Whether recordings are under the right names, as hearts tell it.

Where names are wrong, linkage finds nobody, as where hearts cannot be told apart. The two differ in
what the halves of one recording say: a recording that is known by its other half holds a heart that
can be told from others, and then it is nearer to its person's other recordings than to most people.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.recogniser import RECOGNISERS
from auditor.core.evidence import MIN_PEOPLE, SearchResult
from auditor.data.protocols import FIRST_HALF, MIN_BEATS_TO_HALVE, SECOND_HALF, Items, Split
from auditor.targets.context import Context

#: Recordings can be told apart where surely so many people are known by the other half of one.
TOLD_APART = 0.5
#: Known is who is among so many of all; so many are by luck.
NEAREST = 0.1


def like_strangers(
    context: Context, rows: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which of some rows look less like their person's first record than like most others'."""
    if not len(rows):
        return np.zeros(0, dtype=np.bool_)
    first = np.flatnonzero(~context.records["subject"].duplicated())
    seen = _searched(context, Split("any", Items.whole(first), Items.whole(rows)), rng)
    return (seen.n_above + seen.n_tied / 2) / max(seen.n_gallery - 1, 1) > 0.5


def known_by_half(context: Context, rng: np.random.Generator) -> NDArray[np.float64]:
    """Of each person with a record to halve, 1 where the first half of that is among the nearest
    tenth to its second, of everybody's. A heart under two names does not spoil that.
    """
    records = context.records
    first = ~records["subject"].duplicated() & (records["n_beats"] >= MIN_BEATS_TO_HALVE)
    rows = np.flatnonzero(first)
    if len(rows) < MIN_PEOPLE:
        return np.empty(0)
    halves = [Items(rows, np.full(len(rows), half)) for half in (FIRST_HALF, SECOND_HALF)]
    seen = _searched(context, Split("random-segment", *halves), rng)
    return np.asarray(seen.n_above <= NEAREST * (seen.n_gallery - 1), dtype=np.float64)


def _searched(context: Context, parts: Split, rng: np.random.Generator) -> SearchResult:
    """The search by the strongest recogniser that needs nothing of the release."""
    view = "subspace" if RECOGNISERS.unavailable(context, "embedding") else "embedding"
    return RECOGNISERS[view](context, Enrolment.of_release(context, parts)).search(rng)

"""Another day, foretold: how often an intruder who holds an ECG of another occasion would find
people in a release that holds one record of each.

The two halves of a record score with each other as no two days do. What another day costs is seen
in reference sets whose people were recorded again: a person's score loses a share of its distance
from the mean impostor's. Some people lose little and some nearly all; their shares are taken to be
exponential, so that one number tells of a set and an attacker, the mean loss. Sets differ in it far
more than people can explain. Its logarithm is taken to be normal over sets, and the next set's lies
in a prediction interval with Student's quantiles (Higgins, Thompson and Spiegelhalter 2009, J R
Stat Soc A 172:137), which few sets make wide.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from auditor.core.evidence import Margins, SearchResult
from auditor.core.finding import Estimate
from auditor.stats.metrics import by_person

Floats = NDArray[np.float64]
#: Per set and attacker, the mean loss; `python -m tests.benchmarks.transfer` writes it.
TABLE = Path(__file__).with_name("other_days.csv")
#: Sets without which nothing is foretold: of fewer, the spread between them says nothing.
FEWEST_SETS = 3
#: A person's loss is looked at so often, over its distribution.
_NODES = 32
#: A mean loss is sought between these.
_LEAST, _MOST = 1e-3, 10.0


@dataclass(frozen=True)
class OtherDay:
    """What another day cost an attacker in one set.

    Attributes
    ----------
    data, real : the set, and whether its people are
    view : the attacker
    people, gallery : people with another day, and all who are enrolled
    leads, seconds, fs : by which they are told apart; of most records
    days : between the two, the median over people; NaN where nobody says
    weights : the data sets that the attacker's network was taught on; "" where it has none
    loss : the mean loss
    """

    data: str
    real: bool
    view: str
    people: int
    gallery: int
    leads: str
    seconds: float
    fs: float
    days: float
    weights: str
    loss: float


@dataclass(frozen=True)
class Loss:
    """The mean loss to expect in another set, with its prediction interval over sets."""

    value: float
    low: float
    high: float
    n_sets: int
    n_real: int


@cache
def other_days() -> tuple[OtherDay, ...]:
    """What ships with the package."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_row(one) for one in csv.DictReader(file))


def _row(said: Mapping[str, str]) -> OtherDay:
    return OtherDay(
        said["data"],
        said["real"] == "yes",
        said["view"],
        int(said["people"]),
        int(said["gallery"]),
        said["leads"],
        float(said["seconds"]),
        float(said["fs"]),
        float(said["days"] or "nan"),
        said["weights"],
        float(said["loss"]),
    )


def expected_loss(seen: Sequence[OtherDay], view: str, data: str, level: float) -> Loss | None:
    """What another day costs an attacker in a set that is none of those seen.

    Parameters
    ----------
    seen : other sets; several rows of one set, such as of other leads, count as their mean
    data : the set's name; its own rows are left out
    level : coverage of the prediction interval

    Returns
    -------
    None where fewer than `FEWEST_SETS` were seen
    """
    by_set: dict[str, list[float]] = {}
    for one in seen:
        if one.view == view and one.data != data:
            by_set.setdefault(one.data, []).append(math.log(one.loss))
    n = len(by_set)
    if n < FEWEST_SETS:
        return None
    logs = np.array([np.mean(some) for some in by_set.values()])
    reach = stats.t.ppf(0.5 + level / 2, n - 1) * logs.std(ddof=1) * math.sqrt(1 + 1 / n)
    middle = float(logs.mean())
    real = {one.data for one in seen if one.real}
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    return Loss(math.exp(middle), low, high, n, len(real & set(by_set)))


def moved(seen: Margins, mean_loss: float) -> SearchResult:
    """The search in which people have lost shares of their scores' margins, of this mean.

    Each probe stands for `_NODES` of them, with losses that lie evenly over the exponential
    distribution, and differently for each probe.
    """
    n = len(seen.subject)
    # The golden ratio's multiples spread evenly over [0, 1), however many there are.
    offset = (np.arange(n) * (math.sqrt(5) - 1) / 2 + 0.5) % 1
    losses = -mean_loss * np.log1p(-(np.arange(_NODES) + offset[:, None]) / _NODES)
    grid = seen.losses
    place = np.searchsorted((grid[1:] + grid[:-1]) / 2, losses)
    above = np.take_along_axis(seen.n_reached, place, axis=1).ravel()
    score = seen.mated_score[:, None] * (1 - losses) + seen.mean_impostor[:, None] * losses
    size = n * _NODES
    nobody, not_known = np.full(size, -1), np.full(size, "")
    return SearchResult(
        subject=np.repeat(seen.subject, _NODES),
        mated_score=score.ravel(),
        n_above=above,
        n_tied=np.zeros(size, dtype=np.int64),
        best_impostor=np.repeat(seen.best_impostor, _NODES),
        n_gallery=seen.n_gallery,
        edges=np.empty(0),
        sketch_subject=np.unique(seen.subject),
        sketch=np.empty((len(np.unique(seen.subject)), 0), dtype=np.int64),
        n_impostors=np.zeros(len(np.unique(seen.subject)), dtype=np.int64),
        matched_impostor_above=nobody,
        matched_impostor_tied=nobody,
        demographic_above=above,
        demographic_tied=np.zeros(size, dtype=np.int64),
        demographic_size=np.full(size, seen.n_gallery),
        demographic_best=np.repeat(seen.best_impostor, _NODES),
        nearest=np.repeat(seen.nearest, _NODES, axis=0),
        rival=not_known,
        demographic_rival=not_known,
    )


def foretold(
    seen: Margins, loss: Loss, measure: Callable[[SearchResult], Mapping[str, Estimate]]
) -> dict[str, Estimate]:
    """What would be measured by an ECG of another day.

    The interval reaches over those after the least and the greatest loss: it holds the spread
    between sets, and that of the release's own people.

    Parameters
    ----------
    measure : names → estimates of a search
    """
    likely, *ends = (measure(moved(seen, one)) for one in (loss.value, loss.low, loss.high))
    return {
        name: replace(
            one,
            low=min(one.low, *(end[name].low for end in ends)),
            high=max(one.high, *(end[name].high for end in ends)),
        )
        for name, one in likely.items()
        if all(name in end for end in ends)
    }


def mean_loss(seen: Margins, rate: float) -> float:
    """The mean loss after which a rate of people is found first, as far as there is one."""

    def excess(log_loss: float) -> float:
        there = moved(seen, math.exp(log_loss))
        return float(by_person((there.n_above == 0).astype(float), there.subject).mean()) - rate

    first, last = math.log(_LEAST), math.log(_MOST)
    if excess(first) <= 0:
        return _LEAST
    if excess(last) >= 0:
        return _MOST
    return math.exp(float(brentq(excess, first, last, xtol=1e-3)))

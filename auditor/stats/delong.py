"""Is one model better than another, on the same people: DeLong, NRI, IDI.

Every comparison tells its parts: what happens to those with the finding, and to those without it,
can point in different directions, and one sum hides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from auditor.core.errors import EvidenceError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A statistic of two models and the test that it is zero.

    Attributes
    ----------
    value : the statistic
    se : its standard error
    z, p : value / se, and how often as much would be seen if there were no difference
    """

    value: float
    se: float

    @property
    def z(self) -> float:
        """NaN where there is neither a difference nor a spread."""
        return self.value / self.se if self.se > 0 else float("nan")

    @property
    def p(self) -> float:
        """Two-sided; 1 where there is neither a difference nor a spread."""
        if self.se > 0:
            return float(2 * norm.sf(abs(self.z)))
        return 1.0 if self.value == 0 else 0.0

    def interval(self, level: float) -> tuple[float, float]:
        """Of a normal distribution about the value."""
        reach = float(norm.ppf(0.5 + level / 2)) * self.se
        return self.value - reach, self.value + reach


def delong(event: NDArray[np.bool_], *scores: Floats) -> tuple[Floats, Floats]:
    """The AUC of each model and their covariance (DeLong et al. 1988, Biometrics 44:837).

    By ranks, in n log n (Sun and Xu 2014, IEEE Signal Processing Letters 21:1389).

    Parameters
    ----------
    event : (n,) who has the finding
    scores : (n,) of each model, on the same people

    Returns
    -------
    auc (n_models,), covariance (n_models, n_models)

    Raises
    ------
    EvidenceError
        There are fewer than two people of one kind.
    """
    return mean_auc([Scored(np.arange(len(event)), event, np.array(scores))])


@dataclass(frozen=True, eq=False)
class Scored:
    """Who has a finding, and what models say of them.

    Attributes
    ----------
    person : (n,) places of people, each once
    event : (n,) whether they have it
    scores : (n_models, n)
    """

    person: NDArray[np.int64]
    event: NDArray[np.bool_]
    scores: Floats


def mean_auc(findings: Sequence[Scored]) -> tuple[Floats, Floats]:
    """The mean of each model's AUCs over findings, and the models' covariance: by what each person
    adds to all of them, which of one finding is DeLong's.

    Returns
    -------
    auc (n_models,), covariance (n_models, n_models)

    Raises
    ------
    EvidenceError
        Of some finding there are fewer than two people of one kind.
    """
    n_people = 1 + max(int(one.person.max()) for one in findings)
    n_models = len(findings[0].scores)
    auc, added = np.zeros(n_models), np.zeros((n_models, n_people))
    for one in findings:
        if min(one.event.sum(), (~one.event).sum()) < 2:
            raise EvidenceError("needs two people with the finding and two without; found fewer")
        for at, score in enumerate(one.scores):
            rank, placed = rankdata(score), np.zeros(len(score))
            for side in (one.event, ~one.event):
                placed[side] = (rank[side] - rankdata(score[side])) / (~side).sum()
            mean = placed[one.event].mean()
            auc[at] += mean / len(findings)
            for side, middle in ((one.event, mean), (~one.event, 1 - mean)):
                n = int(side.sum())
                off = (placed[side] - middle) / np.sqrt(n * (n - 1)) / len(findings)
                added[at, one.person[side]] += off if side is one.event else -off
    return auc, added @ added.T


def stratified_variance(
    score: Floats, positive: NDArray[np.bool_], stratum: NDArray[np.int64]
) -> float:
    """The variance of an AUC over pairs of one stratum, whatever scores are like; 0 at least.

    By placements, as DeLong et al. 1988: what each person adds to the share of pairs in the right
    order, about the whole. They count the luck of a pair on both sides, which among the few of a
    stratum is much: it is taken off once (Bamber 1975, J Math Psychol 12:387).

    Raises
    ------
    EvidenceError
        No stratum holds people of both kinds.
    """
    right, pairs = np.zeros((2, len(score)))
    for one in np.unique(stratum):
        inside = np.flatnonzero(stratum == one)
        kind, whole = positive[inside], rankdata(score[inside])
        sides = {True: inside[kind], False: inside[~kind]}
        for side, those in sides.items():
            n_others = len(sides[not side])
            # Of the other kind, who stands below: in the right order below a positive.
            below = whole[kind == side] - rankdata(score[those])
            right[those] = below if side else n_others - below
            pairs[those] = n_others
    if not pairs.any():
        raise EvidenceError("no stratum holds people of both kinds")
    total = pairs[positive].sum()
    auc = right[positive].sum() / total
    off = (right - pairs * auc) / total
    both = (off[positive], off[~positive])
    placed = sum((each**2).sum() * len(each) / max(len(each) - 1, 1) for each in both)
    return max(float(placed - auc * (1 - auc) / total), 0.0)


def auc_difference(event: NDArray[np.bool_], one: Floats, other: Floats) -> Difference:
    """The AUC of one model less that of another, on the same people.

    Raises
    ------
    EvidenceError
        There are fewer than two people of one kind.
    """
    (first, second), covariance = delong(event, one, other)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return Difference(float(first - second), float(np.sqrt(max(variance, 0.0))))


@dataclass(frozen=True)
class Reclassified:
    """The net reclassification improvement (Pencina et al. 2008, Stat Med 27:157).

    Attributes
    ----------
    events_up, events_down, others_up, others_down : people whose risk a new model calls higher, or
        lower, than the old one
    n_events, n_others : people with the finding, and without
    """

    events_up: int
    events_down: int
    others_up: int
    others_down: int
    n_events: int
    n_others: int

    @property
    def event_part(self) -> float:
        """Of those with the finding, how many more go up than down."""
        return (self.events_up - self.events_down) / self.n_events

    @property
    def other_part(self) -> float:
        """Of those without it, how many more go down than up."""
        return (self.others_down - self.others_up) / self.n_others

    @property
    def under_no_change(self) -> Difference:
        """Both parts together, with the standard error there would be without a difference."""
        variance = (self.events_up + self.events_down) / self.n_events**2
        variance += (self.others_up + self.others_down) / self.n_others**2
        return Difference(self.event_part + self.other_part, float(np.sqrt(variance)))

    @property
    def as_observed(self) -> Difference:
        """Both parts together, with the standard error at the difference that was seen."""
        moved = (self.events_up + self.events_down) / self.n_events - self.event_part**2
        others = (self.others_up + self.others_down) / self.n_others - self.other_part**2
        variance = moved / self.n_events + others / self.n_others
        return Difference(self.event_part + self.other_part, float(np.sqrt(max(variance, 0.0))))


def reclassified(
    event: NDArray[np.bool_], old: Floats, new: Floats, cuts: Sequence[float] = ()
) -> Reclassified:
    """Who moves to another risk category; without categories, whose risk changes at all.

    Parameters
    ----------
    old, new : (n,) probabilities
    cuts : ascending; a probability equal to a cut belongs to the higher category

    Raises
    ------
    EvidenceError
        Nobody has the finding, or everybody.
    """
    _both_kinds(event)
    if len(cuts):
        old, new = (np.digitize(one, np.asarray(cuts)).astype(float) for one in (old, new))
    up, down = new > old, new < old
    return Reclassified(
        events_up=int((up & event).sum()),
        events_down=int((down & event).sum()),
        others_up=int((up & ~event).sum()),
        others_down=int((down & ~event).sum()),
        n_events=int(event.sum()),
        n_others=int((~event).sum()),
    )


def discriminated(event: NDArray[np.bool_], old: Floats, new: Floats) -> Difference:
    """The integrated discrimination improvement: how much further apart the mean risks of those
    with and without the finding are under the new model (Pencina et al. 2008).

    Its standard error is that of paired differences within each kind.

    Raises
    ------
    EvidenceError
        There are fewer than two people of one kind.
    """
    if min(int(event.sum()), int((~event).sum())) < 2:
        raise EvidenceError("needs two people with the finding and two without; found fewer")
    gain = new - old
    parts = [gain[kind] for kind in (event, ~event)]
    variance = sum(float(part.var(ddof=1)) / len(part) for part in parts)
    return Difference(float(parts[0].mean() - parts[1].mean()), float(np.sqrt(variance)))


def _both_kinds(event: NDArray[np.bool_]) -> None:
    if event.all() or not event.any():
        raise EvidenceError("needs people with the finding and people without")

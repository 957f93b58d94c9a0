"""Who can be named for certain: not how often a first pick is right, but whose name may be believed.

An average hides it: where one person in twenty is named beyond doubt, and the others are found by
luck, an intruder knows which names to keep.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import rate
from auditor.stats.intervals import wilson
from auditor.stats.metrics import by_person, hits

#: Of people who are not in the release so many may be taken for somebody who is, where as many
#: people show it; of fewer, so many of the names that are given may be wrong.
FALSE_ALARMS, ENOUGH, WRONG_NAMES = 0.01, 100, 0.05
#: People without whom a group is not judged: of ten nobody found still leaves one in four.
SMALLEST_GROUP = 40
_FOLDS = 5

Floats = NDArray[np.float64]


def named(seen: SearchResult, rng: np.random.Generator) -> Floats:
    """(n_people,) how often each is named by an intruder who gives a name only when sure of it.

    Sure is a score that one in a hundred of those who are not in the release would reach with
    somebody who is; of fewer than a hundred people, one above which at most one in twenty of the
    names given to other people was wrong.

    Were its own person not enrolled, the best that a probe reaches is with an impostor. Of n people
    so many may pass as leave, with one more whom nobody has asked about, one in a hundred of n + 1:
    of 100 people nobody. The threshold so is passed by one in a hundred on average.
    """
    people, code = np.unique(seen.subject, return_inverse=True)
    share = 1 / np.bincount(code)[code]
    right = hits(seen.n_above, seen.n_tied, 1)
    if len(people) >= ENOUGH:
        level, place = np.unique(-seen.best_impostor, return_inverse=True)
        alarms = np.bincount(place, share).cumsum()
        allowed = int((alarms <= FALSE_ALARMS * (len(people) + 1) - 1 + 1e-9).sum())
        over = -level[allowed] if allowed < len(level) else -np.inf
        return by_person(right * (seen.mated_score > over), seen.subject)
    score = np.maximum(seen.mated_score, seen.best_impostor)
    fold = rng.permutation(len(people))[code] % _FOLDS
    sure = np.zeros(len(code))
    for one in range(_FOLDS):
        told = fold != one
        threshold = _sure_from(score[told], right[told], share[told])
        sure[~told] = score[~told] >= threshold
    return by_person(right * sure, seen.subject)


def _sure_from(score: Floats, right: Floats, share: Floats) -> float:
    """The lowest score from which on at most `WRONG_NAMES` of the names are wrong; ∞ if none is."""
    level, place = np.unique(-score, return_inverse=True)
    given = np.bincount(place, share).cumsum()
    wrong = np.bincount(place, share * (1 - right)).cumsum()
    allowed = np.flatnonzero(wrong <= WRONG_NAMES * given)
    return float(-level[allowed[-1]]) if len(allowed) else np.inf


def most_exposed(
    per_person: Floats, groups: Mapping[str, NDArray[np.bool_]], level: float, chance: float
) -> tuple[str, Estimate] | None:
    """The group in which the mean of a rate is highest, and that mean; None where no group has
    forty people.

    The upper end is the highest of all groups' upper ends: whichever group is truly the most
    exposed, its own lies no higher more often than by the level. The lower end is the highest of
    lower ends that hold for all groups at once (Bonferroni), for the highest of many is high by
    luck too.

    Parameters
    ----------
    per_person : (n,) the rate of each person
    groups : name → (n,) whose they are
    """
    judged = {name: of for name, of in groups.items() if of.sum() >= SMALLEST_GROUP}
    if not judged:
        return None
    means = {name: float(per_person[of].mean()) for name, of in judged.items()}
    together = 1 - (1 - level) / len(judged)
    low, high = (
        [wilson(means[name] * of.sum(), int(of.sum()), at)[end] for name, of in judged.items()]
        for end, at in ((0, together), (1, level))
    )
    name = max(means, key=lambda one: means[one])
    n = int(judged[name].sum())
    value = means[name]
    return name, Estimate(value, min(max(low), value), max(high), level, n, chance)


def naming(
    seen: SearchResult,
    groups: Mapping[str, NDArray[np.bool_]],
    level: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], str | None]:
    """`named`, `most_exposed` and whom the second is about; by everybody too, so that it is never
    less than the first.
    """
    per_person = named(seen, rng)
    chance = FALSE_ALARMS / seen.n_gallery
    found = {"named": rate(per_person, level, chance)}
    everybody = np.ones(len(per_person), dtype=np.bool_)
    worst = most_exposed(per_person, {"everybody": everybody, **groups}, level, chance)
    if worst is None:
        return found, None
    return found | {"most_exposed": worst[1]}, worst[0]

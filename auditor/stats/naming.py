"""Who can be named for certain: not how often a first pick is right, but whose may be believed.

An average hides it: where one person in twenty is named beyond doubt, and the others are found by
luck, an intruder knows which names to keep.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.stats.estimators import enough
from auditor.stats.intervals import clopper_pearson, wilson
from auditor.stats.metrics import by_person, hits

#: Of people who are not in the release so many may be taken for somebody who is, where as many
#: people show it; of fewer, so many of the names that are given may be wrong.
FALSE_ALARMS, ENOUGH, WRONG_NAMES = 0.01, 100, 0.05
#: People without whom a group is not judged: of ten nobody named still leaves one in four, and of
#: fifty one person named by luck leaves less than 0.09.
SMALLEST_GROUP = 50
_FOLDS = 5

Floats = NDArray[np.float64]


def named(seen: SearchResult, rng: np.random.Generator) -> Floats:
    """(n_people,) how often each is named by an intruder who gives a name only when sure of it.

    What counts is how far a score stands above the probe's cohort, and not how high: among people
    who are all alike high scores say little. Sure is one above `sure_from`; of fewer than a hundred
    people, one above which at most one in twenty of the names given to other people was wrong.
    """
    seen = seen.above_cohort
    people, code = np.unique(seen.subject, return_inverse=True)
    right = hits(seen.n_above, seen.n_tied, 1)
    if len(people) >= ENOUGH:
        return by_person(right * (seen.mated_score > sure_from(seen)), seen.subject)
    share = 1 / np.bincount(code)[code]
    score = np.maximum(seen.mated_score, seen.best_impostor)
    fold = rng.permutation(len(people))[code] % _FOLDS
    sure = np.zeros(len(code))
    for one in range(_FOLDS):
        told = fold != one
        threshold = _right_from(score[told], right[told], share[told])
        sure[~told] = score[~told] >= threshold
    return by_person(right * sure, seen.subject)


def sure_from(seen: SearchResult) -> float:
    """The score that one in a hundred of those who are not in the release would pass, on average.

    Were its own person not enrolled, the best that a probe reaches is with an impostor. Of n people
    as many may pass as leave, with one more whom nobody has asked about, one in a hundred of n + 1:
    of 100 people nobody.
    """
    people, code = np.unique(seen.subject, return_inverse=True)
    level, place = np.unique(-seen.best_impostor, return_inverse=True)
    alarms = np.bincount(place, 1 / np.bincount(code)[code]).cumsum()
    allowed = int((alarms <= FALSE_ALARMS * (len(people) + 1) - 1 + 1e-9).sum())
    return float(-level[allowed]) if allowed < len(level) else -np.inf


def _right_from(score: Floats, right: Floats, share: Floats) -> float:
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
    fifty people.

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
    together = 1 - (1 - level) / len(judged)
    seen = {name: interval(per_person[of], level, together) for name, of in judged.items()}
    name = max(seen, key=lambda one: seen[one][0])
    value = seen[name][0]
    low, high = max(low for _, low, _ in seen.values()), max(high for *_, high in seen.values())
    return name, Estimate(value, min(low, value), high, level, int(judged[name].sum()), chance)


def interval(per_person: Floats, level: float, below: float) -> tuple[float, float, float]:
    """The mean of people's rates and its ends: Wilson's upper, at a level, and the exact lower one,
    at another; for Wilson's lower end of a small rate is too often above it.
    """
    n, value = len(per_person), float(per_person.mean())
    return value, clopper_pearson(value * n, n, below)[0], wilson(value * n, n, level)[1]


def naming(
    seen: SearchResult,
    groups: Mapping[str, NDArray[np.bool_]],
    level: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], str | None]:
    """`named`, `most_exposed` and whom the second is about; by everybody too, so that it is never
    less than the first.

    Both are rates at the score from which on this intruder is sure, who sets it on this release,
    and who looks among people alike. Of fewer than a hundred people hardly anybody is alike, and
    most would be named by that alone where all are enrolled: there it counts for nothing.
    """
    n = enough(len(np.unique(seen.subject)))
    per_person = named(seen.among_alike if n >= ENOUGH else seen, rng)
    chance = FALSE_ALARMS / seen.n_gallery
    found = {"named": Estimate(*interval(per_person, level, level), level, n, chance)}
    everybody = np.ones(n, dtype=np.bool_)
    worst = most_exposed(per_person, {"everybody": everybody, **groups}, level, chance)
    if worst is None:
        return found, None
    return found | {"most_exposed": worst[1]}, worst[0]

"""Which rules of a profile a release of some size can pass at all, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from scipy.stats import binom

from auditor.policy.profile import Profile, Rule
from auditor.stats.intervals import wilson
from auditor.stats.rare_errors import people_to_pass

#: A release that gives nothing away is likely to pass where it does in so many cases.
LIKELY = 0.9
#: More people are not asked for.
_MOST = 1_000_000


@dataclass(frozen=True)
class Prospect:
    """What a rule can come to.

    Attributes
    ----------
    n : people who are searched for
    needed : people among whom it passes where nobody is found
    likely : people among whom it passes in nine of ten releases in which no more are found than
        by guessing
    lacking : attacks that it asks for and that are not tried
    """

    rule: Rule
    n: int
    needed: int
    likely: int
    lacking: tuple[str, ...]

    @property
    def possible(self) -> bool:
        """Whether any result passes it."""
        return self.n >= self.needed and not self.lacking


def prospects(
    profile: Profile, people: Callable[[str | None], int], tried: Iterable[str]
) -> list[Prospect]:
    """What each required rule that asks several attackers can come to; of the others each is passed
    by a release of any size.

    Parameters
    ----------
    people : how many people are searched for under a protocol
    tried : the attackers that are tried
    """
    attackers = set(tried)
    found = []
    for rule in profile.rules:
        if not (rule.required and rule.rungs):
            continue
        least = max(profile.least_people, rule.metric.least_people)
        needed = max(least, least_people(rule.limit, profile.level))
        likely = likely_people(rule, profile) or needed
        lacking = tuple(one for one in rule.rungs if one not in attackers)
        found.append(Prospect(rule, people(rule.protocol), needed, likely, lacking))
    return found


def likely_people(rule: Rule, profile: Profile) -> int | None:
    """Among how many people a rule is likely to pass where nothing is given away; of members of a
    model, among so many of them and as many others. None where no number of people says so.
    """
    metric = rule.metric
    if metric.error_rate:
        return people_to_pass(rule.limit, metric.error_rate, profile.level, LIKELY)
    if not rule.rungs:
        return None
    likely = least_people(rule.limit, profile.level, metric.by_luck)
    return max(profile.least_people, metric.least_people, likely)


@cache
def least_people(limit: float, level: float, by_luck: float = 0.0) -> int:
    """The least number of people among whom an interval of a rate ends within a limit, as often as
    `LIKELY` where guessing finds so many of them.
    """
    n = 1
    while n < _MOST:
        most = _most_found(n, limit, level)
        if most >= 0 and binom.cdf(most, n, min(by_luck / n, 1)) >= LIKELY:
            return n
        n += max(1, n // 50) if by_luck else 1
    return _MOST


def _most_found(n: int, limit: float, level: float) -> int:
    """How many of n may be found with an interval that ends within the limit; −1 where none may."""
    low, high = -1, n
    while low < high:
        middle = -(-(low + high) // 2)
        if wilson(middle, n, level)[1] <= limit:
            low = middle
        else:
            high = middle - 1
    return low

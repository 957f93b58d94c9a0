"""Which rules of a profile a release of some size can pass at all, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from scipy.stats import binom

from auditor.policy.profile import Profile, Rule
from auditor.stats.intervals import wilson

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
    return [
        Prospect(
            rule,
            people(rule.protocol),
            max(least_people(rule.limit, profile.level), profile.least_people),
            max(least_people(rule.limit, profile.level, LIKELY), profile.least_people),
            tuple(one for one in rule.rungs if one not in attackers),
        )
        for rule in profile.rules
        if rule.required and rule.rungs
    ]


@cache
def least_people(limit: float, level: float, likely: float = 0.0) -> int:
    """The least number of people among whom an interval of a rate ends within a limit: where nobody
    is found, or as often as `likely` where each is found by guessing among all of them.
    """
    n = 1
    while n < _MOST:
        most = _most_found(n, limit, level)
        if most >= 0 and (not likely or binom.cdf(most, n, 1 / n) >= likely):
            return n
        n += max(1, n // 50) if likely else 1
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

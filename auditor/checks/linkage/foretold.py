"""Linkage by an ECG of another day, where a release holds one of each person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.attackers.recogniser import RECOGNISERS
from auditor.checks.base import Draw, Measured
from auditor.checks.linkage.attacker import ByAttacker
from auditor.core.evidence import Margins, SearchResult
from auditor.core.finding import Estimate
from auditor.data.protocols import unmet
from auditor.stats.estimators import identification_rate
from auditor.stats.transfer import FEWEST_SETS, expected_loss, foretold, other_days
from auditor.targets.context import Context

#: Of the release; more would narrow nothing that the spread between sets does not hide.
_PEOPLE = 2000


@dataclass(frozen=True, eq=False)
class Halves:
    """How far the halves of records stand out.

    Attributes
    ----------
    seen : of each half, above the halves of others
    data : the release's name, of which no reference may be
    """

    seen: Margins
    data: str


@dataclass(frozen=True)
class Foretold(ByAttacker):
    """An intruder holds an ECG of another day of each person, and the release holds one of each.

    How far the two halves of a record stand out is measured, and what another day takes from that
    is known from reference sets.
    """

    protocol: str = "foretold"

    def unmet(self, context: Context) -> str | None:
        """Why it cannot be foretold; None where it can."""
        if why := unmet(context.records, "random-segment"):
            return why
        if expected_loss(other_days(), self.view, context.dataset.name, 0.9) is None:
            return (
                f"in fewer than {FEWEST_SETS} reference sets it was seen what another day costs "
                "this attacker"
            )
        return RECOGNISERS.unavailable(context, self.view)

    def attack(self, context: Context, rng: np.random.Generator) -> Halves:
        """The halves of records, searched for by the other halves."""
        seen = self.enrolled(context, "random-segment")
        return Halves(seen.margins(rng, _PEOPLE), context.dataset.name)

    def estimate(self, evidence: Halves, level: float, draw: Draw) -> Measured:
        """How often the right person would be named first, also among more people and for certain,
        with the spread between reference sets in the interval.
        """
        loss = expected_loss(other_days(), self.view, evidence.data, level)
        assert loss is not None

        def measure(moved: SearchResult) -> dict[str, Estimate]:
            return self._judged(moved, level, draw)

        params = {
            "intruder": "holds an ECG of another day of each person",
            # As words: a count of sets is none of people, and may be told though it is small.
            "foretold from": f"{loss.n_sets} reference sets, {loss.n_real} of them of real people",
            "lost by another day": f"{loss.value:.2f} ({loss.low:.2f} to {loss.high:.2f})",
        }
        return Measured(foretold(evidence.seen, loss, measure), params=params)

    def _judged(self, moved: SearchResult, level: float, draw: Draw) -> dict[str, Estimate]:
        """The numbers that rules on another day limit; knowing nothing beside the signal."""
        found = {"rank1": identification_rate(moved, 1, level)}
        named = self.named(moved, {}, level, draw)
        return found | named.found | named.certain

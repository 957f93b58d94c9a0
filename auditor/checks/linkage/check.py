"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.fusion import FUSION
from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.linkage.foretold import Foretold
from auditor.core.evidence import SearchResult
from auditor.data.protocols import LINKAGE_PROTOCOLS, later, split, unmet
from auditor.stats.estimators import measure
from auditor.targets.context import Context


def plan(settings: Settings) -> list[OnRecordings]:
    """Every attacker under every protocol."""
    return [
        Foretold(view, protocol, settings.population)
        if protocol == Foretold.protocol
        else Linkage(view, protocol, settings.population)
        for view in settings.linkage_views
        for protocol in settings.protocols
    ]


@dataclass(frozen=True, eq=False)
class Searches:
    """A gallery that was searched, by the attacker and by its untrained control, if it has one."""

    found: SearchResult
    untrained: SearchResult | None = None


@dataclass(frozen=True)
class Linkage(OnRecordings):
    """An intruder holds one named recording of each person and the release without names, and
    wants to know whose each record is.

    Attributes
    ----------
    population : people among whom an intruder would have to look: what all attackers find together
        is foretold for as many
    """

    view: str = "template"
    protocol: str = "cross-session"
    population: int | None = None
    id: ClassVar[str] = "linkage"

    def __post_init__(self) -> None:
        _ = RECOGNISERS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    def unmet(self, context: Context) -> str | None:
        """Why the recordings do not allow the attack; None when they do."""
        if why := unmet(context.records, self.protocol):
            return why
        n = context.records["subject"].iloc[later(context.records)].nunique()
        on_pairs = RECOGNISERS[self.view].trained_on_pairs and self.protocol != "random-segment"
        if on_pairs and n < MIN_MATED:
            return f"needs {MIN_MATED} people with several records to learn from; found fewer"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Searches:
        """The search of the gallery; for a network also by its untrained twin, the control."""
        enrolment = Enrolment.of_release(context, split(context.records, self.protocol))
        known = RECOGNISERS[self.view]
        found = known(context, enrolment).search(rng)
        if known.untrained is None:
            return Searches(found)
        return Searches(found, known.untrained(context, enrolment).search(rng))

    def estimate(self, evidence: Searches, level: float, draw: Draw) -> Measured:
        """How often the right person is named first, also among more people; and by the control."""
        among = self.population if self.view == FUSION else None
        found, curves = measure("", evidence.found, level=level, rng=draw(""), population=among)
        if evidence.untrained is not None:
            found |= measure("untrained", evidence.untrained, level=level, rng=draw("untrained"))[0]
        return Measured(found, curves)

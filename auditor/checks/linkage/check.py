"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.attackers import vit
from auditor.attackers.ladder import (
    FROM_REPEATS,
    FUSION,
    MIN_REPEATS,
    Field,
    by_encoder,
    ladder,
    rung,
    search_enrolment,
    untaught,
)
from auditor.attackers.views import VIEWS
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.evidence import Comparison
from auditor.data.protocols import LINKAGE_PROTOCOLS, later, split, unmet
from auditor.stats.estimators import measure
from auditor.targets.context import Case


def plan(settings: Settings) -> list[OnRecordings]:
    """Every attacker under every protocol."""
    return [
        Linkage(view, protocol, settings.population)
        for view in settings.linkage_views
        for protocol in settings.protocols
    ]


@dataclass(frozen=True, eq=False)
class Searches:
    """A gallery that was searched, by the attacker and by its untrained control, if it has one."""

    found: Comparison
    untrained: Comparison | None = None


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
        if self.view not in ladder():
            VIEWS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    def unmet(self, context: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if why := untaught(context, self.view):
            return why
        if why := unmet(context.records, self.protocol):
            return why
        n = context.records["subject"].iloc[later(context.records)].nunique()
        if self.view in FROM_REPEATS and self.protocol != "random-segment" and n < MIN_REPEATS:
            return f"needs {MIN_REPEATS} people with several records to learn from; found fewer"
        return None

    def attack(self, context: Case, rng: np.random.Generator) -> Searches:
        """The search of the gallery; for a network also by its untrained twin, the control."""
        field = Field.of(context, split(context.records, self.protocol))
        if self.view != "vit":
            return Searches(search_enrolment(rung(self.view, context, field), context, rng))
        trained, untrained = vit.identity_encoders(context, field.gallery)
        return Searches(
            *(
                search_enrolment(by_encoder(context, field, model), context, rng)
                for model in (trained, untrained)
            )
        )

    def estimate(self, evidence: Searches, level: float, draw: Draw) -> Measured:
        """How often the right person is named first, also among more people; and by the control."""
        among = self.population if self.view == FUSION else None
        found, curves = measure("", evidence.found, level=level, rng=draw(""), population=among)
        if evidence.untrained is not None:
            found |= measure("untrained", evidence.untrained, level=level, rng=draw("untrained"))[0]
        return Measured(found, curves)

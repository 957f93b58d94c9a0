"""Would the recorder, the room or the files name people, without their hearts?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import standardised
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.shortcut.cues import COLUMNS, CUES, surroundings
from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.data.protocols import split, unmet
from auditor.stats.estimators import measure
from auditor.targets.context import Context


def plan(settings: Settings) -> list[OnRecordings]:
    """One search under each honest protocol."""
    return [Shortcut(protocol=protocol) for protocol in settings.honest_protocols]


@dataclass(frozen=True, eq=False)
class Searches:
    """What is found by all cues that a signal holds, and by each cue alone."""

    together: SearchResult
    alone: Mapping[str, SearchResult]


@dataclass(frozen=True)
class Shortcut(OnRecordings):
    """An intruder's search by cues that are not of the heart, together and one by one."""

    protocol: str = "cross-session"
    view: str = "surroundings"
    id: ClassVar[str] = "shortcut"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if self.protocol == "random-segment":
            return "two halves of one recording share its surroundings"
        return unmet(context.records, self.protocol)

    def attack(self, context: Context, rng: np.random.Generator) -> Searches:
        """The search by all cues that a signal holds, and by each cue alone."""
        enrolment = Enrolment.of_release(context, split(context.records, self.protocol))
        key = ("surroundings",)
        if key not in context.memo:
            told = partial(context.progress, "looking at what is not the heart")
            context.memo[key] = tuple(
                surroundings(context.dataset, context.prepared, items, told)
                for items in (enrolment.gallery, enrolment.pool)
            )
        gallery, pool = context.memo[key]

        def by(cues: tuple[str, ...]) -> SearchResult:
            chosen = [
                place for place, column in enumerate(COLUMNS) if column.partition(" ")[0] in cues
            ]
            sides = gallery[:, chosen], pool[:, chosen]
            return Recogniser(enrolment, *sides, standardised).search(rng)

        # The order of the files is told apart: in a folder per person it says all.
        together = tuple(cue for cue in CUES if cue not in ("header", "order"))
        return Searches(by(together), {cue: by((cue,)) for cue in CUES})

    def estimate(self, evidence: Searches, level: float, draw: Draw) -> Measured:
        """How often the right person is named first without a look at the heart."""
        found, curves = measure("", evidence.together, level=level, rng=draw(""))
        alone: dict[str, Estimate] = {}
        for cue, one in evidence.alone.items():
            alone |= measure(cue, one, level=level, rng=draw(cue))[0]
        told = _reading(found["rank1"], alone.values())
        return Measured(found | alone, curves, {"reading": told} if told else {})


def _reading(together: Estimate, alone: Iterable[Estimate]) -> str:
    """What the search by cues says of the links that other attacks found."""
    if together.chance is None:
        return ""
    if together.low > together.chance:
        return (
            "The device or the session gives people away as well: some are found without a look at "
            "their hearts. Remove what recorders and files leave behind before blaming the heart."
        )
    if any(one.low > (one.chance or 0.0) for one in alone):
        return (
            "Together, what is not of the heart names nobody beyond guessing; alone, some of it "
            "does, as the controls show. Where a folder holds one person, the order of its files "
            "says no more than the folder."
        )
    return (
        "Nothing shows that the device or the session names people: what links them is the heart."
    )

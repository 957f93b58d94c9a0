"""Would the recorder, the room or the files name people, without their hearts?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import standardised
from auditor.attackers.recogniser import Recogniser
from auditor.checks.base import ATTACKS
from auditor.checks.shortcut.cues import COLUMNS, CUES, surroundings
from auditor.core.evidence import Evidence
from auditor.data.protocols import split, unmet
from auditor.targets.context import Case


@ATTACKS.register("shortcut")
@dataclass(frozen=True)
class Shortcut:
    """An intruder's search by cues that are not of the heart, together and one by one."""

    protocol: str = "cross-session"
    view: str = "surroundings"
    check: ClassVar[str] = "shortcut"

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder looks at everything but the heartbeat: noise between beats, mains hum, "
            "digital steps, header fields, the order of the files. What they find is the device "
            "or the session, not the heart."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if self.protocol == "random-segment":
            return "two halves of one recording share its surroundings"
        return unmet(case.records, self.protocol)

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search by all cues that a signal holds, and by each cue alone."""
        enrolment = Enrolment.of_release(case, split(case.records, self.protocol))
        key = ("surroundings",)
        if key not in case.shared:
            told = partial(case.progress, "looking at what is not the heart")
            case.shared[key] = tuple(
                surroundings(case.dataset, case.prepared, items, told)
                for items in (enrolment.gallery, enrolment.pool)
            )
        gallery, pool = case.shared[key]

        def by(cues: tuple[str, ...]) -> Evidence:
            chosen = [
                place for place, column in enumerate(COLUMNS) if column.partition(" ")[0] in cues
            ]
            some = gallery[:, chosen], pool[:, chosen]
            return Recogniser(enrolment, *some, standardised).search(rng)

        # The order of the files is told apart: in a folder per person it says all.
        together = tuple(cue for cue in CUES if cue not in ("header", "order"))
        return {"": by(together)} | {cue: by((cue,)) for cue in CUES}

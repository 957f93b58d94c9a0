"""Would the recorder, the room or the files name people, without their hearts?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from auditor.attackers.ladder import Field, Rung, search_enrolment
from auditor.attackers.matchers import MATCHERS
from auditor.checks.base import ATTACKS
from auditor.checks.shortcut.cues import CUES, surroundings
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
        field = Field.of(case, split(case.records, self.protocol))
        key = ("surroundings",)
        if key not in case.shared:
            told = partial(case.progress, "looking at what is not the heart")
            case.shared[key] = tuple(
                surroundings(case.dataset, case.prepared, items, told)
                for items in (field.gallery, field.pool)
            )
        gallery, pool = case.shared[key]
        matcher = MATCHERS["standardised"]
        whole = Rung(
            field, gallery.values, pool.values, lambda one, other, fold: matcher(one, other)
        )

        def by(cues: tuple[str, ...]) -> Evidence:
            chosen = [
                place
                for place, column in enumerate(gallery.columns)
                if column.partition(" ")[0] in cues
            ]
            some = replace(whole, gallery=whole.gallery[:, chosen], pool=whole.pool[:, chosen])
            return search_enrolment(some, case, rng)

        # The order of the files is told apart: in a folder per person it says all.
        together = tuple(cue for cue in CUES if cue not in ("header", "order"))
        return {"": by(together)} | {cue: by((cue,)) for cue in CUES}

"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS
from auditor.checks.base import ATTACKS
from auditor.core.evidence import Evidence
from auditor.data.protocols import LINKAGE_PROTOCOLS, later, split, unmet
from auditor.targets.context import Case

_THREATS = {
    "cross-session": "holds one named ECG of every person and finds their records of other days",
    "same-session": "holds one named ECG of every person and finds their other records of that "
    "same session (an upper bound: the electrodes were not moved)",
    "random-segment": "holds half of the beats of every record and finds the other half (an upper "
    "bound that no real intruder reaches; for comparison with papers)",
}


@ATTACKS.register("linkage")
@dataclass(frozen=True)
class Linkage:
    """An intruder holds one named recording of each person and the release without names, and
    wants to know whose each record is.
    """

    view: str = "template"
    protocol: str = "cross-session"
    check: ClassVar[str] = "linkage"

    def __post_init__(self) -> None:
        _ = RECOGNISERS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return f"An intruder {_THREATS[self.protocol]}."

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if why := RECOGNISERS.unavailable(case, self.view):
            return why
        if why := unmet(case.records, self.protocol):
            return why
        n = case.records["subject"].iloc[later(case.records)].nunique()
        on_pairs = RECOGNISERS[self.view].trained_on_pairs and self.protocol != "random-segment"
        if on_pairs and n < MIN_MATED:
            return f"needs {MIN_MATED} people with several records to learn from; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search of the gallery; for a network also by its untrained twin, the control."""
        enrolment = Enrolment.of_release(case, split(case.records, self.protocol))
        known = RECOGNISERS[self.view]
        evidence: dict[str, Evidence] = {"": known(case, enrolment).search(rng)}
        if known.untrained:
            evidence["untrained"] = known.untrained(case, enrolment).search(rng)
        return evidence

"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditor.attacks import encoder, subspace
from auditor.attacks.case import ATTACKS, Case
from auditor.attacks.compare import compare
from auditor.attacks.matchers import MATCHERS
from auditor.core.evidence import Comparison, Evidence
from auditor.core.view import View
from auditor.data.protocol import LINKAGE_PROTOCOLS, Split, split, unmet
from auditor.views import VIEWS, build

#: Views that are learned from the gallery, and no function of one record: a linear space, and a
#: trained network.
SUBSPACE, ENCODER = "subspace", "vit"
LEARNED = (SUBSPACE, ENCODER)

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
        if self.view not in LEARNED:
            VIEWS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return f"An intruder {_THREATS[self.protocol]}."

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if self.view == ENCODER and case.training is None:
            return "no network is trained under this preset"
        return unmet(case.records, self.protocol)

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search of the gallery; for a network also by its untrained twin, the control."""
        parts = split(case.records, self.protocol)
        if self.view == SUBSPACE:
            return {
                "": self._search(case, *subspace.embeddings(case, parts.gallery, parts.probe), rng)
            }
        if self.view != ENCODER:
            gallery, probe = (
                build(self.view, case.prepared, items, case.engine, case.seed)
                for items in (parts.gallery, parts.probe)
            )
            return {"": self._search(case, gallery, probe, rng)}
        return self._with_encoder(case, parts, rng)

    def _with_encoder(
        self, case: Case, parts: Split, rng: np.random.Generator
    ) -> Mapping[str, Evidence]:
        trained, untrained = encoder.identity_encoders(case, parts.gallery)
        evidence = {}
        for name, model in (("", trained), ("untrained", untrained)):
            gallery, probe = (
                encoder.embedding(case, model, items) for items in (parts.gallery, parts.probe)
            )
            evidence[name] = self._search(case, gallery, probe, rng)
        return evidence

    def _search(
        self, case: Case, gallery: View, probe: View, rng: np.random.Generator
    ) -> Comparison:
        matcher = "cosine" if self.view in LEARNED else VIEWS[self.view].matcher
        rows = MATCHERS[matcher](gallery.values, probe.values)
        alike = sex_and_age_band(case.records)
        return compare(rows[0], gallery.subject, rows[1], probe.subject, alike, rng)


def sex_and_age_band(records: pd.DataFrame) -> dict[str, str]:
    """For each person their sex and five-year age band, of their first record."""
    first = records.drop_duplicates("subject")
    band = (first["age"].astype(float) // 5).astype(str)
    return dict(zip(first["subject"].astype(str), first["sex"].astype(str) + band, strict=True))

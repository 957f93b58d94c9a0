"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditor.attacks import encoder
from auditor.attacks.case import ATTACKS, Case
from auditor.attacks.compare import Traits, compare
from auditor.attacks.rungs import (
    FROM_REPEATS,
    MIN_REPEATS,
    Field,
    Fused,
    Rung,
    by_encoder,
    ladder,
    rung,
    untaught,
)
from auditor.core.evidence import Comparison, Evidence
from auditor.data.protocol import LINKAGE_PROTOCOLS, later, split, unmet
from auditor.views import VIEWS

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
        if self.view not in ladder():
            VIEWS[self.view]  # a wrong name is answered with the nearest right one
        if self.protocol not in LINKAGE_PROTOCOLS:
            raise ValueError(f"no linkage protocol is named {self.protocol!r}")

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return f"An intruder {_THREATS[self.protocol]}."

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if why := untaught(case, self.view):
            return why
        if why := unmet(case.records, self.protocol):
            return why
        n = case.records["subject"].iloc[later(case.records)].nunique()
        if self.view in FROM_REPEATS and self.protocol != "random-segment" and n < MIN_REPEATS:
            return f"needs {MIN_REPEATS} people with several records to learn from; found fewer"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The search of the gallery; for a network also by its untrained twin, the control."""
        field = Field.of(case, split(case.records, self.protocol))
        if self.view != "vit":
            return {"": searched(rung(self.view, case, field), case, rng)}
        trained, untrained = encoder.identity_encoders(case, field.gallery)
        return {
            name: searched(by_encoder(case, field, model), case, rng)
            for name, model in (("", trained), ("untrained", untrained))
        }


def searched(rung: Rung | Fused, case: Case, rng: np.random.Generator) -> Comparison:
    """Every probe of a field against every person of its gallery, as one rung scores them."""
    field = rung.field
    fold = field.fold[field.probe] if rung.folded else np.zeros(len(field.probe), dtype=np.int64)
    return compare(
        lambda one: rung.rows(one, field.probe[fold == one]),
        field.enrolled,
        field.pooled[field.probe],
        traits(case.records),
        rng,
        fold,
    )


def traits(records: pd.DataFrame) -> dict[str, Traits]:
    """For each person their sex and age at their first record, where they are known."""
    first = records.drop_duplicates("subject")
    sex = first["sex"].fillna("").astype(str)
    age = first["age"].astype(float)
    known = (Traits(*both) for both in zip(sex, age, strict=True))
    return dict(zip(first["subject"].astype(str), known, strict=True))

"""Can somebody who holds one ECG of a person find that person's other records?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attacks import encoder, subspace
from auditor.attacks.case import ATTACKS, Case
from auditor.attacks.compare import compare
from auditor.attacks.matchers import MATCHERS, Rows
from auditor.core.evidence import Comparison, Evidence
from auditor.core.view import View
from auditor.data.protocol import LINKAGE_PROTOCOLS, Split, split, unmet
from auditor.models.vit import ViT
from auditor.views import VIEWS, build

#: Views that are learned from the gallery, and no function of one record: a linear space, a trained
#: network, and the scores of all rungs together.
SUBSPACE, ENCODER, FUSION = "subspace", "vit", "fusion"
LEARNED = (SUBSPACE, ENCODER, FUSION)
_FUSED = ("template", "fiducials", SUBSPACE, ENCODER)
#: Gallery records that tell how far a rung's scores of different people spread.
_SAMPLE = 1000

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
        if self.view == FUSION:
            return {"": _fused(case, parts).compared(case, rng)}
        if self.view != ENCODER:
            return {"": _seen(case, self.view, parts).compared(case, rng)}
        trained, untrained = encoder.identity_encoders(case, parts.gallery)
        return {
            name: _encoded(case, model, parts).compared(case, rng)
            for name, model in (("", trained), ("untrained", untrained))
        }


@dataclass(frozen=True, eq=False)
class _Rung:
    """The gallery and the probes as one rung sees them; the dot product of two rows is their score.

    Attributes
    ----------
    gallery, probe : (n, k) rows
    enrolled, probed : whose they are
    spread : the standard deviation of scores between different people of the gallery
    """

    gallery: Rows
    probe: Rows
    enrolled: NDArray[np.str_]
    probed: NDArray[np.str_]
    spread: float

    @classmethod
    def of(cls, matcher: str, gallery: View, probe: View) -> _Rung:
        """Two views, matched."""
        rows = MATCHERS[matcher](gallery.values, probe.values)
        some = gallery.values[:: -(-len(gallery) // _SAMPLE)]
        one, other = MATCHERS[matcher](some, some)
        scores = (one @ other.T)[~np.eye(len(some), dtype=bool)]
        spread = float(scores.std()) if len(scores) else 1.0
        return cls(*rows, gallery.subject, probe.subject, max(spread, 1e-9))

    def compared(self, case: Case, rng: np.random.Generator) -> Comparison:
        """Every probe against every person of the gallery."""
        alike = sex_and_age_band(case.records)
        return compare(self.gallery, self.enrolled, self.probe, self.probed, alike, rng)


def _seen(case: Case, view: str, parts: Split) -> _Rung:
    if view == ENCODER:
        return _encoded(case, encoder.identity_encoders(case, parts.gallery)[0], parts)
    if view == SUBSPACE:
        return _Rung.of("cosine", *subspace.embeddings(case, parts.gallery, parts.probe))
    gallery, probe = (
        build(view, case.prepared, items, case.engine, case.seed)
        for items in (parts.gallery, parts.probe)
    )
    return _Rung.of(VIEWS[view].matcher, gallery, probe)


def _encoded(case: Case, model: ViT, parts: Split) -> _Rung:
    gallery, probe = (
        encoder.embedding(case, model, items) for items in (parts.gallery, parts.probe)
    )
    return _Rung.of("cosine", gallery, probe)


def _fused(case: Case, parts: Split) -> _Rung:
    """All rungs beside one another, so that their scores, each in units of its spread, add up.

    The spread is that of the gallery: which probe is whose is not looked at.
    """
    views = [view for view in _FUSED if view != ENCODER or case.training is not None]
    rungs = [_seen(case, view, parts) for view in views]
    gallery = np.hstack([rung.gallery / np.float32(rung.spread) for rung in rungs])
    probe = np.hstack([rung.probe for rung in rungs])
    return _Rung(gallery, probe, rungs[0].enrolled, rungs[0].probed, 1.0)


def sex_and_age_band(records: pd.DataFrame) -> dict[str, str]:
    """For each person their sex and five-year age band, of their first record."""
    first = records.drop_duplicates("subject")
    band = (first["age"].astype(float) // 5).astype(str)
    return dict(zip(first["subject"].astype(str), first["sex"].astype(str) + band, strict=True))

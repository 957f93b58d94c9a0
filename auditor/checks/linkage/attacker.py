"""One attacker who looks for people among others, whatever is held of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.recogniser import RECOGNISERS, Recogniser
from auditor.checks.base import Draw, OnRecordings
from auditor.core.evidence import SearchResult
from auditor.core.finding import Estimate
from auditor.data.protocols import split
from auditor.stats.among import found_among
from auditor.stats.estimators import Curves
from auditor.stats.naming import naming
from auditor.targets.context import Context


@dataclass(frozen=True, eq=False)
class Named:
    """Whom an intruder finds among so many people, and names for certain.

    Attributes
    ----------
    among : people who are looked among → how often the right one is named first
    certain : `named` and `most_exposed`
    most_exposed : the group that the second is about
    curves : how the first was foretold
    """

    among: Mapping[int, Estimate]
    certain: dict[str, Estimate]
    most_exposed: str | None
    curves: Curves

    @property
    def found(self) -> dict[str, Estimate]:
        """How often the right one is named first, by the names that rules limit."""
        return {f"found_among_{n}": one for n, one in self.among.items()}


@dataclass(frozen=True)
class ByAttacker(OnRecordings):
    """Linkage by one attacker.

    Attributes
    ----------
    galleries : people among whom an intruder would have to look, so many or so many
    """

    view: str = "template"
    protocol: str = "cross-session"
    galleries: tuple[int, ...] = ()
    id: ClassVar[str] = "linkage"

    def enrolled(self, context: Context, protocol: str) -> Recogniser:
        """The attacker with who is enrolled under a protocol, and who is to be named."""
        enrolment = Enrolment.of_release(context, split(context.records, protocol))
        return RECOGNISERS[self.view](context, enrolment)

    def named(
        self,
        seen: SearchResult,
        groups: Mapping[str, NDArray[np.bool_]],
        level: float,
        draw: Draw,
    ) -> Named:
        """What a search says of the people of these groups, and of everybody."""
        among, curves = found_among(seen, self.galleries, level)
        return Named(among, *naming(seen, groups, level, draw("named")), curves)

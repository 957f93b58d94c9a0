"""Are recordings that are kept of the people whose names they bear?

Other people who are called the same are found by nobody, and a release would pass by them. Where
hearts can be told apart, kept recordings are nearer to their person's released one than to most
people's. Where they surely cannot be, even by the halves of one recording, names make no
difference. In between hearts say nothing, and sex or age has to, where both sets state it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from auditor.checks.base import Draw, Measured, OnRecordings
from auditor.checks.duplicates.names import NEAREST, TOLD_APART, known_by_half, like_strangers
from auditor.core.errors import EvidenceError
from auditor.data.kept import Joined
from auditor.data.protocols import unmet
from auditor.stats import metrics
from auditor.stats.estimators import rate
from auditor.targets.context import Context

#: Hearts cannot be told apart where surely fewer people are known by the other half of a recording:
#: a tenth is by luck, and beyond that at most one in nine people, about the limit of a public rule.
_ALIKE = 0.2


@dataclass(frozen=True, eq=False)
class KeptLabels:
    """What recordings that are kept say of the names they are under.

    Attributes
    ----------
    unlike : (n_searched,) of each person the share of kept recordings like a stranger's
    by_half : (n,) of each person whether their first recording is known by its other half; empty
        where too few can be halved
    agreeing : what both sets state of people that surely agrees, such as sex
    """

    unlike: NDArray[np.float64]
    by_half: NDArray[np.float64]
    agreeing: tuple[str, ...]


@dataclass(frozen=True)
class NamesOfKept(OnRecordings):
    """What would hide everybody: that what is kept is other people's, who are called the same."""

    view: str = "signal"
    protocol: str = "cross-release"
    id: ClassVar[str] = "duplicates"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out; None when it can."""
        return unmet(context.records, self.protocol)

    def attack(self, context: Context, rng: np.random.Generator) -> KeptLabels:
        """For each person, how many of their kept recordings look less like them than like most
        others; and how many are known by their other half.
        """
        records = context.records
        assert isinstance(context.dataset, Joined)
        rows = np.flatnonzero(records["kept"] & records["subject"].duplicated())
        strange = like_strangers(context, rows, rng)
        return KeptLabels(
            metrics.by_person(
                strange.astype(float), records["subject"].to_numpy().astype(str)[rows]
            ),
            known_by_half(context, rng),
            context.dataset.agreeing,
        )

    def estimate(self, evidence: KeptLabels, level: float, draw: Draw) -> Measured:
        """The share of kept recordings that look like a stranger's, where recordings can be told
        apart; and by what names are shown to be right otherwise.

        Raises
        ------
        EvidenceError
            Nothing shows it.
        """
        del draw
        halves = rate(evidence.by_half, level, NEAREST) if len(evidence.by_half) else None
        found = {} if halves is None else {"by_half": halves}
        if halves and halves.low > TOLD_APART:
            found["kept_misnamed"] = rate(evidence.unlike, level, None)
            return Measured(found, params={"names shown by": "hearts"})
        if halves and halves.high <= _ALIKE:
            nobody = "nothing, nor need they be: not even the halves of a recording know each other"
            return Measured(found, params={"names shown by": nobody})
        if evidence.agreeing:
            return Measured(found, params={"names shown by": " and ".join(evidence.agreeing)})
        raise EvidenceError(
            "nothing shows that what is kept is of the people it is named after: hearts cannot "
            "surely be told apart, even by the halves of a recording, and neither sex nor age is "
            "stated in both of enough people and agrees; state one in both"
        )

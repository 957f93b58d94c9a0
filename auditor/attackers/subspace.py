"""Beats in a space learned from the gallery: how one record's beats scatter, and how people do."""

from __future__ import annotations

import numpy as np

from auditor.attackers.beat_space import placed
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows
from auditor.attackers.plda import PLDA, log_ratios
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.targets.context import Context


@recogniser("subspace", title="Beats in a learned space", rung=50)
def subspace(context: Context, enrolment: Enrolment) -> Recogniser:
    """Likelihood ratios of two items' mean beats."""
    seen = placed(context, enrolment)
    models = [
        PLDA.of(seen.gallery[:, part].astype(np.float64), within)
        for part, within in zip(seen.parts, seen.within, strict=True)
    ]

    def match(gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        return log_ratios(gallery, asked, seen.parts, models)

    return Recogniser(enrolment, seen.gallery, seen.pool, match)

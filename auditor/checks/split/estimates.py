"""Who is on both sides of a split, in people.

An alarm, named in the parameter `alarms`: a person stands on both sides by name, which is one by
definition; or a record stands there under two names. As such a record is met by chance in one to
five of a hundred splits, one is an alarm where none was found among members of two halves; where
some were, people on both sides must be more frequent than those by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence
from auditor.core.finding import Estimate
from auditor.stats.estimators import Curves, rate
from auditor.stats.small_cells import FEW, certain, excess


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """The shares of people whom a model is judged by who are on both sides; one to nine people are
    no share, and are told in words.

    Raises
    ------
    EvidenceError
        There are too few people.
    """
    del rng
    found: dict[str, Estimate] = {}
    params: dict[str, Any] = {"alarms": []}
    if isinstance(people := seen.get("certain"), Counts):
        certain(people, found, params, level)
    judged, halves = (seen.get(name) for name in ("judged", "halves"))
    if isinstance(judged, Counts) and isinstance(halves, Counts):
        for name, one, other in zip(
            judged.names, (judged.values > 0).T, (halves.values > 0).T, strict=True
        ):
            mine, theirs = one.astype(float), other.astype(float)
            more = excess(mine, theirs, level)
            if 0 < one.sum() < MIN_PEOPLE:
                params[f"{name}_people"] = FEW
            else:
                found[name] = rate(mine, level, float(theirs.mean()))
                found[f"{name}_excess"] = more
            if more.low > 0 or (one.any() and not other.any()):
                params["alarms"].append(name)
    return found, {}, params

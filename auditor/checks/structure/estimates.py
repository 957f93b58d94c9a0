"""What can be read in a file of trees, in people: beside people whom the trees never saw.

An alarm, named in the parameter `alarms`, is one of two things. *By comparison*: the share of
members whom something befalls exceeds that of other people, about whom nothing can have been
learnt, by more than chance: the interval of an estimate `…_excess` lies above 0, or that of
`cells_auc` above one half. Small leaves alone are no alarm. The intervals that alarms go by hold
together for all that is compared about one model: they are wider than was asked, and say so. *By
definition*: there is somebody whom a `certain` count names, however few they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.checks.structure.check import ISOLATED
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import Curves, measure, rate, rounded
from auditor.stats.intervals import newcombe_auc
from auditor.stats.small_cells import FEW, _joined, _stretched, certain, excess

Floats = NDArray[np.float64]
#: Counts of members, and of other people.
Sides = tuple[Counts, Counts]
Measured = tuple[dict[str, Estimate], Curves, dict[str, Any]]

#: Questions that are answered by comparison: each has its share of the false alarms.
_QUESTIONS = 4


def measured(seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator) -> Measured:
    """What one question about the structure of trees amounts to.

    `name` is the share of members, with that of other people as its chance; `name_excess` their
    difference. One to nine members are no share: they are told in words.

    Raises
    ------
    EvidenceError
        There are too few people, or the files do not count those who are called members.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    params: dict[str, Any] = {"alarms": []}
    if isinstance(counts := seen.get("certain"), Counts):
        certain(counts, found, params, level)
    pairs = {name: one for name, one in seen.items() if ">" in name}
    sides = _sides(seen, "")
    n_compared = (len(sides[0].names) if sides else 0) + ("cells" in seen) + len(pairs) // 2
    together = 1 - (1 - level) / (_QUESTIONS * max(n_compared, 1))
    lots = sorted({name.partition("/")[0] for name in seen if name.startswith("lot ")})
    if sides:
        by_lot = [one for lot in lots if (one := _sides(seen, f"{lot}/"))]
        compared(sides, by_lot, found, curves, params, level=level, together=together)
    if isinstance(splits := seen.get("splits"), Counts) and len(splits.values):
        rarer = splits.values[:, 0]
        few = (rarer > 0) & (rarer <= ISOLATED)
        params["isolating_thresholds"] = round(float(few.mean()), 2)
    if isinstance(cells := seen.get("cells"), Trials):
        estimates, drawn = measure("cells", cells, level=together, rng=rng)
        by_chance = [seen[f"{lot}/cells"] for lot in lots]
        found["cells_auc"] = _widened(estimates["cells_auc"], cells, by_chance)
        curves |= drawn
        if found["cells_auc"].low > 0.5:
            params["alarms"].append("cells_auc")
    if pairs:
        _apart(pairs, found, params, level=level, together=together)
    if not found and params == {"alarms": []}:
        raise EvidenceError("too few people, or files that do not count those called members")
    return found, curves, params


def compared(
    sides: Sides,
    lots: Sequence[Sides],
    found: dict[str, Estimate],
    curves: Curves,
    params: dict[str, Any],
    *,
    level: float,
    together: float,
) -> None:
    """What befalls members, beside the same of other people.

    Of names that begin alike ("rebuilt/age", "rebuilt/QT ms") the one is told that is surest, and
    the others in a table.

    Parameters
    ----------
    sides, lots : members and others, in truth and as called by lot
    level, together : coverage of the intervals of shares, and of those of differences
    """
    groups: dict[str, list[tuple[float, str, Floats, Floats, Estimate]]] = {}
    for place, name in enumerate(sides[0].names):
        mine, theirs = _flags(sides, place)
        drawn = [one.mean() - other.mean() for one, other in (_flags(lot, place) for lot in lots)]
        more = excess(mine, theirs, together, drawn)
        kind, _, what = name.partition("/")
        groups.setdefault(kind, []).append((more.low, what, mine, theirs, more))
    for kind, rows in groups.items():
        _, what, mine, theirs, more = max(rows, key=lambda row: row[0])
        if what:
            params[kind] = what
            curves[kind] = {
                "column": [row[1] for row in rows],
                "members": [_told(row[2]) for row in rows],
                "others": [_told(row[3]) for row in rows],
            }
        if 0 < mine.sum() < MIN_PEOPLE:
            params[f"{kind}_people"] = FEW
        else:
            found[kind] = rate(mine, level, float(theirs.mean()))
            found[f"{kind}_excess"] = more
        if more.low > 0:
            params["alarms"].append(kind)


def _widened(auc: Estimate, trials: Trials, lots: Sequence[Evidence]) -> Estimate:
    """The same with an interval for people who do not stand on their own."""
    n, m = int(trials.positive.sum()), int((~trials.positive).sum())
    alone = float(np.sqrt((n + m + 1) / (12 * n * m)))
    wide = _stretched(auc, alone, [_auc(one, auc.level).value - 0.5 for one in lots])
    return replace(wide, low=max(wide.low, 0.0), high=min(wide.high, 1.0))


def _apart(
    trials: Mapping[str, Evidence],
    found: dict[str, Estimate],
    params: dict[str, Any],
    *,
    level: float,
    together: float,
) -> None:
    """How well two models together tell who has a finding and not its part: of members, with that
    of other people as its chance. Of many pairs the one is told that is surest.
    """
    surest: Estimate | None = None
    for name in sorted({name.rpartition("/")[0] for name in trials}):
        sides = [_auc(trials[f"{name}/{side}"], together) for side in ("members", "others")]
        mine, theirs = ((one.value, one.low, one.high) for one in sides)
        more = _joined(mine, theirs, together, sum(one.n_subjects for one in sides))
        if surest is None or more.low > surest.low:
            surest = more
            found["apart_auc"] = _auc(trials[f"{name}/members"], level, chance=theirs[0])
            params["apart"] = name.replace(">", " without ")
    assert surest is not None
    found["apart_excess"] = surest
    if surest.low > 0:
        params["alarms"].append("apart")


def _auc(trials: Evidence, level: float, chance: float = 0.5) -> Estimate:
    assert isinstance(trials, Trials)
    score, positive, _ = metrics.person_trials(trials)
    value, n, n_positive = metrics.auc(score, positive), len(score), int(positive.sum())
    low, high = newcombe_auc(value, n_positive, n - n_positive, level)
    return Estimate(value, low, high, level, n, chance)


def _told(flags: Floats) -> float | None:
    """A share of people, of none or of enough."""
    return None if 0 < flags.sum() < MIN_PEOPLE else rounded([flags.mean()])[0]


def _sides(seen: Mapping[str, Evidence], prefix: str) -> Sides | None:
    members, others = (seen.get(f"{prefix}{name}") for name in ("members", "others"))
    if isinstance(members, Counts) and isinstance(others, Counts):
        return members, others
    return None


def _flags(sides: Sides, place: int) -> tuple[Floats, Floats]:
    mine, theirs = ((one.values[:, place] > 0).astype(float) for one in sides)
    return mine, theirs

"""Does one recording stand in a release twice, under one name or two, and is any under a wrong one?

Copies inflate what linkage finds, and mislabelled records deflate it. A copy is recognised at any
rate and gain: by the times between its beats, of which no two recordings share many, and then by
the noise around them, which no two recordings share at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.duplicates.names import NEAREST, TOLD_APART, known_by_half, like_strangers
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.data.protocols import later
from auditor.signal.filters import FS
from auditor.signal.prepare import Prepared
from auditor.stats import metrics
from auditor.stats.estimators import rate
from auditor.stats.small_cells import shares_of_people
from auditor.targets.context import Context

#: So many times between beats in a row, each the same to within so many samples (12 ms), and not
#: all alike: their range is at least so many samples (40 ms).
_BEATS, _REACH, _RANGE = 5, 3, 10
#: Of the records whose beats fall alike, so many are looked at for each stretch.
_LOOKED_AT = 8
#: What is left of a signal when its median beat is taken off every beat: how alike two such rests
#: are when they are of one recording, and how long they must overlap, s.
_SAME_REST, _OVERLAP_S = 0.7, 3.0
#: A median beat reaches from this before to this after its anchor, samples.
_BEFORE, _AFTER = round(0.3 * FS), round(0.5 * FS)

NAMES = ("copied_within", "copied_across", "like_strangers")


@dataclass(frozen=True, eq=False)
class Labels:
    """What recordings say of the names they are under.

    Attributes
    ----------
    counts : of each person their recordings, of each kind in `NAMES`
    unlike : (n_with_several,) of each person the share of later recordings like a stranger's
    by_half : (n,) of each person whether their first recording is known by its other half; empty
        where too few can be halved
    """

    counts: Counts
    unlike: NDArray[np.float64]
    by_half: NDArray[np.float64]


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    del settings
    return [Duplicates()]


@dataclass(frozen=True)
class Duplicates(OnRecordings):
    """What an intruder need not attack: copies of recordings, and recordings under a wrong name."""

    view: str = "signal"
    id: ClassVar[str] = "duplicates"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        n = context.records["subject"].nunique()
        return None if n >= MIN_PEOPLE else f"needs at least {MIN_PEOPLE} people; found fewer"

    def attack(self, context: Context, rng: np.random.Generator) -> Labels:
        """For each person, how many of their records have a copy under their own name, how many
        under another, and how many look less like them than like most others; and how many are
        known by their other half.
        """
        subject = context.records["subject"].to_numpy().astype(str)
        people, code = np.unique(subject, return_inverse=True)
        values = np.zeros((len(people), len(NAMES)), dtype=np.int64)
        for one, other in copies(context.prepared):
            column = int(code[one] != code[other])
            values[code[[one, other]], column] += 1
        rows = later(context.records)
        strange = like_strangers(context, rows, rng)
        values[:, 2] = np.bincount(code[rows[strange]], minlength=len(people))
        return Labels(
            Counts(NAMES, values),
            metrics.by_person(strange.astype(float), subject[rows]),
            known_by_half(context, rng),
        )

    def estimate(self, evidence: Labels, level: float, draw: Draw) -> Measured:
        """The shares of people with a recording that stands twice under their name, that stands
        under another name too, and that looks less like them than like most others.

        One to nine people are no share: as a parameter it is told that there are some. `misnamed`,
        the share of a person's later recordings that look so, is told where recordings can be told
        apart: else it says nothing of names.
        """
        del draw
        people = dict(zip(NAMES, (evidence.counts.values > 0).T, strict=True))
        found, few = shares_of_people(people, level, None)
        if len(evidence.by_half):
            found["by_half"] = rate(evidence.by_half, level, NEAREST)
            if found["by_half"].low > TOLD_APART and len(evidence.unlike) >= MIN_PEOPLE:
                found["misnamed"] = rate(evidence.unlike, level, None)
        return Measured(found, params=few)


def copies(prepared: Prepared) -> list[tuple[int, int]]:
    """Pairs of rows that hold one recording, or parts of one."""
    n = len(prepared.records)
    digest: dict[bytes, list[int]] = {}
    for row in range(n):
        digest.setdefault(sha256(prepared.signal(row).tobytes()).digest(), []).append(row)
    found = {(rows[0], other) for rows in digest.values() for other in rows[1:]}
    stretches, owner, start = [np.empty((0, _BEATS))], [], []
    for row in range(n):
        anchor = prepared.anchors(row)
        if len(anchor) <= _BEATS:
            continue
        times = np.lib.stride_tricks.sliding_window_view(np.diff(anchor), _BEATS)
        telling = np.flatnonzero(np.ptp(times, axis=1) >= _RANGE)
        stretches.append(times[telling])
        owner.append(np.full(len(telling), row))
        start.append(anchor[telling])
    table = np.concatenate(stretches)
    if not len(table):
        return sorted(found)
    owners, starts = np.concatenate(owner), np.concatenate(start)
    # As many neighbours as may be of the stretch's own record, and a few more: never all.
    tree = cKDTree(table)
    distance, near = tree.query(table, k=min(_LOOKED_AT + 1, len(table)), p=np.inf,
                                distance_upper_bound=_REACH + 0.5)  # fmt: skip
    looked_at: set[tuple[int, int, int]] = set()
    for place, neighbour in zip(*np.nonzero(np.isfinite(distance)), strict=True):
        other = near[place, neighbour]
        one_row, other_row = int(owners[place]), int(owners[other])
        if one_row >= other_row or (one_row, other_row) in found:
            continue
        offset = int(starts[other] - starts[place])
        if (one_row, other_row, offset // 8) in looked_at:
            continue
        looked_at.add((one_row, other_row, offset // 8))
        if _same_rest(prepared, one_row, other_row, offset):
            found.add((one_row, other_row))
    return sorted(found)


def _same_rest(prepared: Prepared, one: int, other: int, offset: int) -> bool:
    """Whether what is left of two signals beside their beats is one thing, `offset` later."""
    x, y = _rest(prepared, one), _rest(prepared, other)
    for shift in range(offset - 2, offset + 3):
        first, last = max(0, -shift), min(len(x), len(y) - shift)
        if last - first < _OVERLAP_S * FS:
            return False
        a, b = x[first:last], y[first + shift : last + shift]
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < _OVERLAP_S * FS:
            continue
        a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
        size = float(np.sqrt((a @ a) * (b @ b)))
        if size > 0 and float(a @ b) / size > _SAME_REST:
            return True
    return False


def _rest(prepared: Prepared, row: int) -> NDArray[np.float64]:
    """The lead that was delineated without its median beat."""
    lead = prepared.signal(row)[prepared.leads.index(prepared.rhythm_lead)].astype(np.float64)
    at = prepared.anchors(row)[:, None] + np.arange(-_BEFORE, _AFTER)
    inside = (at[:, 0] >= 0) & (at[:, -1] < len(lead))
    at = at[inside]
    rest = lead.copy()
    if len(at):
        rest[at] -= np.nanmedian(lead[at], axis=0)
    return rest

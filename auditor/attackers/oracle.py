"""Who knows how something was planted in a release, and so finds what can be found of it.

The intruder holds the same recordings as any other, and is told what others must learn: how the
mean beats of records differ that share nothing, and how signatures do (`signal.spikes`). The score
is the likelihood ratio of the two (`plda.PLDA`, whose covariances are then known). It is no rung of
the ladder: what it finds is the amount that was planted, in the unit of what attackers find.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows
from auditor.attackers.plda import PLDA
from auditor.attackers.recogniser import RECOGNISERS, Recogniser, Registered
from auditor.data.protocols import Items
from auditor.signal.spikes import TAPER, Spiked
from auditor.targets.context import Context

ORACLE = "oracle"
#: Directions of beats hold so much of how they differ; what is left is noise.
_HELD = 0.999
#: Of how records differ, so much is taken to be alike in all directions.
_ALIKE = 0.01

Floats = NDArray[np.float64]


def _known(context: Context) -> tuple[Floats, PLDA]:
    """(n_records, k) where the records lie, and how they and signatures scatter there."""
    planted = context.prepared
    assert isinstance(planted, Spiked)
    n = len(planted.records)
    shared = (TAPER * planted.strength * planted.signatures).reshape(len(planted.signatures), -1)
    apart = (TAPER * (1 - planted.strength) * planted.own).reshape(n, -1)
    beats = apart + shared[planted.signature]
    # At strength 0 nothing is shared: it is held against what might have been.
    if not planted.strength:
        shared = (TAPER * planted.signatures).reshape(len(planted.signatures), -1)
    placed, model = likelihoods(shared, apart, beats)
    return placed(beats), model


def likelihoods(
    shared: Floats, apart: Floats, rows: Floats, most: int | None = None
) -> tuple[Callable[[Floats], Floats], PLDA]:
    """Where rows lie, and how signatures and rows scatter there.

    Parameters
    ----------
    shared : (m, d) what each signature adds to a row
    apart : (n, d) the rows without it
    rows : (n, d) the rows with it
    most : directions that are looked at
    """
    base = _directions(np.concatenate([apart - apart.mean(axis=0), shared - shared.mean(axis=0)]))
    base = base[:, :most]
    away = (apart - apart.mean(axis=0)) @ base
    within = away.T @ away / len(away)
    middle = rows.mean(axis=0) @ base
    model = PLDA.of(shared @ base, within, shrinkage=_ALIKE, origin=middle)
    return lambda some: np.asarray(some @ base), model


def _directions(rows: Floats) -> Floats:
    """(d, k) the directions that hold most of how rows (n, d) differ."""
    few = len(rows) < rows.shape[1]  # then found from how rows go together, which is sooner done
    spread, found = eigh(rows @ rows.T if few else rows.T @ rows)
    spread, found = spread[::-1].clip(0), found[:, ::-1]
    held = np.cumsum(spread) / max(float(spread.sum()), 1e-12)
    found = found[:, : int((held < _HELD).sum()) + 1]
    if few:
        found = rows.T @ found
        found = found / np.maximum(np.linalg.norm(found, axis=0), 1e-12)
    return np.asarray(found)


def oracle(context: Context, enrolment: Enrolment) -> Recogniser:
    """Mean beats by the likelihood ratio of one signature to two."""
    beats, model = _known(context)

    def match(gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        rows, probes = model.rows(gallery.astype(np.float64), asked.astype(np.float64))
        return rows.astype(np.float32), probes.astype(np.float32)

    gallery, pool = (
        beats[items.row].astype(np.float32) for items in (enrolment.gallery, enrolment.pool)
    )
    return Recogniser(enrolment, gallery, pool, match)


def signs(context: Context, items: Items) -> Rows:
    """(n_items, n) how far each item lies in the directions in which signatures differ most beside
    records.
    """
    beats, model = _known(context)
    telling = model.ratio > model.ratio[0] * 1e-6
    return np.asarray((beats @ model.directions)[items.row][:, telling], dtype=np.float32)


def _unavailable(context: Context) -> str | None:
    return None if isinstance(context.prepared, Spiked) else "nothing was planted"


RECOGNISERS.register(ORACLE)(
    Registered(
        "Who knows what was planted",
        None,
        oracle,
        unavailable=_unavailable,
        table=signs,
        by_lines=True,
    )
)

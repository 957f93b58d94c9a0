"""The subspace rung: a space is learned from the beats of a gallery, and probes are seen in it."""

from __future__ import annotations

from functools import partial

import numpy as np

from auditor.attacks.case import Case
from auditor.core.streams import stream
from auditor.core.view import View
from auditor.data.protocol import Items
from auditor.models.subspace import AFTER, BEFORE, Beats, learn
from auditor.signal.filters import FS
from auditor.signal.prepare import Prepared
from auditor.signal.windows import beat_choice
from auditor.views.build import labelled

#: No heart beats faster or slower than this between two beats, s; others are taken as usual ones.
_RR_S = (0.3, 2.0)


def embeddings(case: Case, gallery: Items, probe: Items) -> tuple[View, View]:
    """The gallery and the probes in the space that was learned from the gallery alone."""
    rng = stream(case.seed, f"subspace/{int(gallery.half.any())}")
    readers = [partial(_beats, case.prepared, *item, case.seed) for item in _pairs(gallery)]
    space = learn(readers, rng, partial(case.progress, "learning a subspace"))
    views = []
    for items in (gallery, probe):
        rows = [space.embed(_beats(case.prepared, *item, case.seed)) for item in _pairs(items)]
        columns = tuple(f"s{place}" for place in range(space.dimensions))
        views.append(labelled("subspace", np.stack(rows), columns, case.prepared, items))
    return views[0], views[1]


def _pairs(items: Items) -> list[tuple[int, int]]:
    return [(int(row), int(half)) for row, half in zip(items.row, items.half, strict=True)]


def _beats(prepared: Prepared, row: int, half: int, seed: int) -> Beats:
    """The usual beats of one item around their anchors, and the time since the beat before each."""
    anchor = prepared.anchors(row)
    rr = np.diff(anchor, prepend=anchor[0]) / FS
    usual = (rr > _RR_S[0]) & (rr < _RR_S[1])
    rr[~usual] = np.median(rr[usual]) if usual.any() else 1.0
    chosen = beat_choice(prepared, row, half, seed)
    signal = prepared.signal(row)
    at = anchor[chosen, None] + np.arange(-BEFORE, AFTER)
    # What lies beyond the ends of the record is what stood there last.
    beats = signal[:, np.clip(at, 0, signal.shape[1] - 1)].transpose(1, 0, 2)
    return np.nan_to_num(beats), rr[chosen]

"""The average beat of a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows, cosine
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.attackers.tables import item_table
from auditor.data.protocols import Items
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R, Prepared
from auditor.signal.windows import Windows
from auditor.targets.context import Context


def median_beat(prepared: Prepared, row: int, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n_leads · BEAT_SAMPLES,) mV: the median of some beats around R, lead after lead, each about
    its own mean.

    A median ignores the odd ectopic beat. The mean of each lead is taken off because wander, not
    the heart, decides where a beat sits.
    """
    start = prepared.anchors(row)[chosen] - BEFORE_R
    one = np.full(len(chosen), row)
    beats = Windows(prepared, one, one, start, BEAT_SAMPLES)(np.arange(len(chosen)))
    median = np.median(beats, axis=0)  # (n_leads, BEAT_SAMPLES)
    return (median - median.mean(axis=1, keepdims=True)).ravel().astype(np.float32)


def median_beats(context: Context, items: Items) -> Rows:
    """(n_items, n_leads · BEAT_SAMPLES) the median beat of each item."""
    return item_table(context, items, median_beat)


@recogniser("template", title="Average beat", rung=20, table=median_beats)
def template(context: Context, enrolment: Enrolment) -> Recogniser:
    """Median beats by their cosine."""
    gallery, pool = (median_beats(context, items) for items in (enrolment.gallery, enrolment.pool))
    return Recogniser(enrolment, gallery, pool, cosine)

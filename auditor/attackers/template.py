"""The average beat of a record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.views import VIEWS
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R, Prepared
from auditor.signal.windows import Windows


class Template:
    """The median of a record's beats around R, lead after lead, each about its own mean.

    A median ignores the odd ectopic beat. The mean of each lead is taken off because wander, not
    the heart, decides where a beat sits.
    """

    matcher = "cosine"

    def columns(self, leads: tuple[str, ...]) -> tuple[str, ...]:
        """`lead@sample`, samples counted from R."""
        at = range(-BEFORE_R, BEAT_SAMPLES - BEFORE_R)
        return tuple(f"{lead}@{sample}" for lead in leads for sample in at)

    def values(
        self, prepared: Prepared, row: int, chosen: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(n_leads · BEAT_SAMPLES,) mV."""
        start = prepared.anchors(row)[chosen] - BEFORE_R
        one = np.full(len(chosen), row)
        beats = Windows(prepared, one, one, start, BEAT_SAMPLES)(np.arange(len(chosen)))
        median = np.median(beats, axis=0)  # (n_leads, BEAT_SAMPLES)
        return (median - median.mean(axis=1, keepdims=True)).ravel().astype(np.float32)


VIEWS.register("template")(Template())

"""The average beat stands where it says."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.template import median_beats
from auditor.data.protocols import Items
from auditor.signal.prepare import BEAT_SAMPLES, BEFORE_R


def test_the_template_has_r_where_it_says_and_no_offset(context):
    prepared = context.prepared
    leads = median_beats(context, Items.whole(np.arange(10)))
    leads = leads.reshape(10, len(prepared.leads), BEAT_SAMPLES)
    assert leads.mean(axis=2) == pytest.approx(0, abs=1e-5)
    rhythm = leads[:, prepared.leads.index(prepared.rhythm_lead)]
    # R is where a reader would put it, which need not be the very highest sample.
    assert (np.abs(np.abs(rhythm).argmax(axis=1) - BEFORE_R) <= 2).all()

"""Two models held together."""

from __future__ import annotations

import numpy as np

from auditor.systems.training import compare


def test_a_comparison_of_a_score_with_itself_gains_nothing():
    rng = np.random.default_rng(1)
    event = rng.random(300) < 0.4
    score = 1 / (1 + np.exp(-rng.normal(event * 1.0)))
    subject = np.arange(300).astype(str)
    found = compare(score, score, event, subject, "itself", 0)["estimates"]
    assert found["auroc_gain"]["value"] == 0
    assert found["auroc_gain"]["low"] == found["auroc_gain"]["high"] == 0
    assert found["auroc_new"] == found["auroc_old"]

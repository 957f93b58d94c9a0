"""What counts of people on both sides amount to."""

from __future__ import annotations

import numpy as np
import pytest
from auditor.checks.split.estimates import measured

from auditor.core.errors import EvidenceError
from auditor.core.evidence import Counts
from auditor.stats.intervals import wilson

NAMES = ("near_duplicate", "copied")


def told(seen):
    return measured(seen, level=0.95, rng=np.random.default_rng(0))


def counts(n: int, *k: int, names: tuple[str, ...] = NAMES) -> Counts:
    return Counts(names, np.stack([np.arange(n) < one for one in k], axis=1).astype(np.int64))


def test_people_on_both_sides_are_a_share_or_words():
    found, curves, params = told({"certain": counts(50, 12, names=("both_sides",))})
    one = found["both_sides"]
    assert (one.value, one.chance, one.n_subjects) == (0.24, 0.0, 50)
    assert (one.low, one.high) == wilson(12, 50, 0.95)
    assert params == {"alarms": ["both_sides"]}
    assert curves == {}
    found, _, params = told({"certain": counts(50, 1, names=("both_sides",))})
    assert found == {}
    assert params == {"alarms": ["both_sides"], "both_sides_people": "1 to 9 people"}
    assert told({"certain": counts(50, 0, names=("both_sides",))})[2] == {"alarms": []}


def test_one_near_duplicate_is_an_alarm_where_halves_show_none():
    found, _, params = told({"judged": counts(50, 1, 0), "halves": counts(80, 0, 0)})
    assert params == {"alarms": ["near_duplicate"], "near_duplicate_people": "1 to 9 people"}
    assert found["copied"].value == 0


def test_where_halves_show_some_there_must_be_more_on_both_sides():
    seen = {"judged": counts(50, 12, 0), "halves": counts(80, 20, 0)}
    found, _, params = told(seen)
    assert params["alarms"] == []
    assert found["near_duplicate"].chance == 0.25
    assert found["near_duplicate_excess"].value == pytest.approx(-0.01)
    seen = {"judged": counts(50, 40, 30), "halves": counts(80, 20, 0)}
    found, _, params = told(seen)
    assert params["alarms"] == ["near_duplicate", "copied"]
    assert found["near_duplicate_excess"].low > 0


def test_too_few_people_are_refused():
    with pytest.raises(EvidenceError, match="at least 10 people"):
        told({"judged": counts(9, 1, 0), "halves": counts(80, 0, 0)})
    with pytest.raises(EvidenceError, match="at least 10 people"):
        told({"certain": counts(9, 0, names=("both_sides",))})

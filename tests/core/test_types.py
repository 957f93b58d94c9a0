"""Shape and unit are checked where a value is made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from auditor.core.beats import FIDUCIALS, Beats, Kind
from auditor.core.errors import ConfigError, DataError
from auditor.core.evidence import Counts, Trials
from auditor.core.finding import Finding
from auditor.core.record import Record
from auditor.core.registry import Registry
from auditor.core.streams import stream
from auditor.core.view import View


@pytest.fixture
def record() -> Record:
    return Record("r", "p", "s", np.zeros((2, 500), np.float32), 250, ("I", "II"))


def test_a_record_knows_how_long_it_is_and_never_changes(record):
    assert record.n_samples == 500
    assert record.duration_s == 2
    with pytest.raises(FrozenInstanceError):
        record.fs = 500


@pytest.mark.parametrize(
    "change",
    [
        {"signal": np.zeros(500, np.float32)},
        {"signal": np.zeros((3, 500), np.float32)},
        {"signal": np.zeros((2, 500))},
        {"fs": 0},
        {"fs": float("nan")},
        {"leads": ("I", "I")},
    ],
)
def test_a_record_of_the_wrong_shape_or_unit_is_refused(record, change):
    with pytest.raises(DataError, match="record r"):
        replace(record, **change)


def test_beats_say_which_are_in_an_impossible_order():
    order = np.arange(9.0)
    swapped, absent = order.copy(), order.copy()
    swapped[[2, 3]] = [4, 3]
    absent[[0, 1, 2]] = np.nan
    touching, together = order.copy(), order.copy()
    touching[3], together[5] = 2, 4
    beats = Beats("II", 250, np.array([order, swapped, absent, touching, together]), *said(5))
    # P may end where the QRS begins, but a QRS does not end at its own R.
    assert beats.disordered.tolist() == [False, True, False, False, True]
    assert beats["r"].tolist() == [4, 4, 4, 4, 4]
    assert FIDUCIALS[4] == "r"


def said(n_beats: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((n_beats, 3), np.uint8), np.zeros(n_beats, np.uint8)


def test_who_has_hardly_a_usual_beat_is_known_by_all_of_them():
    marks, kinds = said(6)
    kinds[:2] = Kind.PACED
    beats = Beats("II", 250, np.zeros((6, 9)), marks, kinds)
    assert beats.usual.tolist() == [False, False, True, True, True, True]
    kinds[:4] = Kind.PACED
    assert Beats("II", 250, np.zeros((6, 9)), marks, kinds).usual.all()


def test_some_of_the_beats_are_the_same_some_in_every_lead():
    fiducials, (marks, kinds) = np.arange(54.0).reshape(6, 9), said(6)
    lead = Beats("II", 250, fiducials + 1, marks, kinds)
    some = Beats("I II", 250, fiducials, marks, kinds, (lead,)).part(np.arange(6) % 2 == 0)
    assert some["p_on"].tolist() == [0, 18, 36]
    assert some.of("II")["p_on"].tolist() == [1, 19, 37]


def test_a_view_and_evidence_of_the_wrong_shape_are_refused():
    names = np.array(["a", "b"])
    with pytest.raises(ValueError, match="wanted"):
        View("v", np.zeros((2, 3), np.float32), ("x",), names, names, names)
    with pytest.raises(ValueError, match="length"):
        Trials(np.zeros(2), np.zeros(3, bool), names, np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="wanted"):
        Counts(("a",), np.zeros((2, 2), dtype=np.int64))


def test_a_finding_owes_a_reason_exactly_where_nothing_was_measured():
    with pytest.raises(ValueError, match="reason"):
        Finding("linkage", "vit", None, "t", "skipped")
    with pytest.raises(ValueError, match="reason"):
        Finding("linkage", "vit", None, "t", "measured", reason="but why")
    assert Finding("linkage", "vit", None, "t", "measured").id == "linkage/vit"


def test_a_registry_answers_a_wrong_name_with_the_nearest_and_takes_no_name_twice():
    registry = Registry[int]("thing")
    registry.register("template")(1)
    with pytest.raises(ConfigError, match="did you mean 'template'"):
        registry["tempalte"]
    with pytest.raises(ValueError, match="two things"):
        registry.register("template")(2)


def test_streams_differ_by_name_and_seed_and_repeat_themselves():
    draws = {stream(seed, name).integers(2**62) for seed in (0, 1) for name in ("a", "b", "half/1")}
    assert len(draws) == 6
    assert stream(0, "a").integers(2**62) in draws

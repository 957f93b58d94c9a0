"""People in small groups by the constants of their recorders are told, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from auditor.checks.identifiers import recorders
from auditor.checks.identifiers.check import Identifiers, Sightings
from auditor.checks.identifiers.recorders import PLACE, Constants
from auditor.checks.identifiers.sighting import Sighting
from auditor.data.quantisation import step_of


def seen(values: list[str], name: str = "gain") -> Iterator[Sighting]:
    """A recording of each of some people, and its constant."""
    for person, value in enumerate(values):
        yield from recorders.in_text(f"s{person}", f"{name} {value}", "device/recorderModel")


def small(values: list[str]) -> tuple[int, dict]:
    constants = Constants()
    found = list(constants.settled(seen(values)))
    assert all(one.kind == "device" and not one.sure for one in found)
    return len({one.subject for one in found}), dict(constants.groups)


def test_one_device_and_large_groups_single_nobody_out():
    assert small(["A"] * 60) == (0, {})
    assert small(["A"] * 40 + ["B"] * 10) == (0, {"model": (2, False)})


def test_whoever_shares_a_constant_with_few_is_told():
    assert small(["A"] * 40 + ["B"] * 12 + ["C"] * 3 + ["D"]) == (4, {"model": (2, True)})


def test_what_differs_from_recording_to_recording_is_no_device_s():
    assert small([f"{number}" for number in range(60)]) == (0, {})
    assert small([f"{number // 2}" for number in range(60)])[0] == 60


def test_other_sightings_pass_as_they_are():
    one = Sighting("s1", "name", "header comment", "header comment", "", True, "Anna")
    assert list(Constants().settled([one])) == [one]


@pytest.mark.parametrize(
    ("where", "text", "at"),
    [
        ("ChannelDefinitionSequence/FilterLowFrequency", "0.05", "filter, at FilterLowFrequency"),
        ("signal prefiltering", "HP:0.05Hz LP:150Hz", "filter, at signal prefiltering"),
        ("header comment", "Recorder: CardioX 3", "model, at Recorder"),
        ("assignedDevice/manufacturerModelName", "EL", "model, at manufacturerModelName"),
        ("header comment", "the filter was changed", None),
        ("header comment", "Filter: unknown", None),
        ("device/serialNumber", "X123", None),
        ("waveforms/parsedwaveforms@filterflag", "True", None),
    ],
)
def test_filters_and_models_are_known_by_their_place_or_their_key(where, text, at):
    found = [one.at for one in recorders.in_text("s1", text, where)]
    assert found == ([f"{PLACE}: {at}"] if at else [])


def test_the_groups_are_told_in_numbers_of_ten_and_more():
    evidence = Sightings(
        (), np.zeros((30, 0), dtype=np.bool_), recorders={"rate": (2, True)}
    )  # fmt: skip
    told = Identifiers().estimate(evidence, 0.95, np.random.default_rng).params
    assert told["groups_by_recorder"] == [
        {"by": "rate", "groups_of_10_and_more": 2, "smaller_groups": True}
    ]


def test_the_step_of_samples_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(0, 0.02, (2, 5000)), axis=1)
    for step in (0.001, 0.00125, 0.0025, 0.00488281, 0.005, 0.02):
        digital = (np.round(smooth / step) * step).astype(np.float32)
        assert step_of(digital) == f"{step:.3g}"
        flat = np.vstack([np.full((1, 5000), np.nan, dtype=np.float32), digital])
        assert step_of(flat) == f"{step:.3g}"
    assert step_of(smooth.astype(np.float32)) == ""
    assert step_of(np.zeros((2, 5000), dtype=np.float32)) == ""


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("ptb-xl", set()),
        ("ecgiddb", set()),
        # A gain that fills the range of each file is of the recording.
        ("ludb", set()),
        # Of six sources.
        (
            "challenge-2021",
            {"gain, offset and resolution", "rate", "step of the samples"},
        ),
    ],
)
def test_real_releases_of_one_source_are_one_group(real, folder, names):
    constants = Constants()
    found = list(constants.settled(recorders.of_recordings(real(folder).dataset)))
    assert set(constants.groups) == names
    assert bool(found) == bool(names)

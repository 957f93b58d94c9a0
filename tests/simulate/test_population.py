"""Simulated people leak what was planted in them, and nothing else."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import wfdb

from auditor.core.errors import ConfigError
from auditor.signal.delineate import delineate
from auditor.signal.filters import clean
from auditor.signal.measurements import of_record
from auditor.simulate.population import (
    TRAIT_INDEX,
    TRAITS,
    WINDOWS_S,
    Population,
    fiducials_and_axes,
    z_scores,
)

SMALL = Population(n_subjects=3, n_sessions=2, n_records=1)


def beats(record, lead: str = "II") -> np.ndarray:
    """(n, 200) windows around R, each about its own mean."""
    signal = record.signal[record.leads.index(lead)]
    threshold = 0.6 * np.percentile(signal, 99.5)
    peaks = [
        i for i in range(75, len(signal) - 125)
        if signal[i] > threshold and signal[i] == signal[i - 40 : i + 41].max()
    ]  # fmt: skip
    windows = np.stack([signal[i - 75 : i + 125] for i in peaks])
    return windows - windows.mean(axis=1, keepdims=True)


def rank1(gallery: np.ndarray, probe: np.ndarray) -> float:
    gallery, probe = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (gallery, probe))
    return float(((probe @ gallery.T).argmax(axis=1) == np.arange(len(probe))).mean())


def test_limb_leads_obey_einthoven_and_goldberger():
    for record in SMALL.records():
        lead = dict(zip(record.leads, record.signal, strict=True))
        assert lead["III"] == pytest.approx(lead["II"] - lead["I"], abs=1e-5)
        assert lead["aVR"] == pytest.approx(-(lead["I"] + lead["II"]) / 2, abs=1e-5)
        assert lead["aVL"] == pytest.approx(lead["I"] - lead["II"] / 2, abs=1e-5)
        assert lead["aVF"] == pytest.approx(lead["II"] - lead["I"] / 2, abs=1e-5)


def test_the_same_seed_gives_the_same_people_and_more_people_change_nobody():
    first, again, more, other = (
        [r.signal for r in one.records()][:6]
        for one in (SMALL, SMALL, replace(SMALL, n_subjects=5), replace(SMALL, seed=1))
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, more, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def templates(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Of each person's two sessions."""
    rows = [np.median(beats(record), axis=0) for record in population.records()]
    return np.stack(rows[0::2]), np.stack(rows[1::2])


def test_identity_is_found_where_it_was_planted_and_nowhere_else():
    plain = Population(n_subjects=30, leads=("II",), seed=2)
    assert rank1(*templates(plain)) > 0.5
    nothing = [rank1(*templates(replace(plain, identity=0.0, seed=seed))) for seed in range(8)]
    assert np.mean(nothing) < 0.1


@pytest.mark.parametrize("wave", sorted(WINDOWS_S))
def test_an_identity_in_one_wave_differs_in_that_wave_alone(wave):
    """Variance between people's templates, inside the wave's window and outside all of it."""
    population = Population(n_subjects=25, n_sessions=1, wave=wave, noise_mv=0.0, seed=1)
    rows = np.stack([np.median(beats(r), axis=0) for r in population.records()])
    spread = (rows - np.median(rows, axis=1, keepdims=True)).std(axis=0)
    at = (np.arange(200) - 75) / 250
    low, high = WINDOWS_S[wave]
    inside = (at >= low - 0.01) & (at <= high + 0.01)
    # At the edges stand the neighbouring beats; R lies between two samples, which stirs QRS.
    outside = ~inside & (at > -0.24) & (at < 0.44)
    assert spread[inside].max() > 1.1 * spread[outside].max()


def test_sex_acts_on_the_waves_only_when_it_is_asked_to():
    def gap(demographics: float) -> float:
        people = Population(
            n_subjects=40, n_sessions=1, identity=0.0, demographics=demographics, seed=4
        )
        rows = {"female": [], "male": []}
        for record in people.records():
            rows[record.attributes["sex"]].append(np.median(beats(record), axis=0))
        return float(np.abs(np.mean(rows["female"], axis=0) - np.mean(rows["male"], axis=0)).max())

    assert gap(1.0) > 2 * gap(0.0)


def test_sizes_say_how_many_records_each_person_has_on_each_day():
    sizes = ((1,), (2, 1), (1, 1, 3))
    population = Population(n_subjects=3, sizes=sizes, leads=("I",))
    seen = [(r.subject, r.session) for r in population.records()]
    assert len(seen) == 9
    people = sorted({subject for subject, _ in seen})
    for person, wanted in zip(people, sizes, strict=True):
        sessions = [session for subject, session in seen if subject == person]
        counts = [sessions.count(one) for one in dict.fromkeys(sessions)]
        assert tuple(counts) == wanted


def test_hearts_are_those_of_the_records():
    for heart, record in zip(SMALL.hearts(), SMALL.records(), strict=True):
        assert (heart.record, heart.subject) == (record.id, record.subject)
        assert heart.taken_at == record.taken_at
        assert {"sex": heart.sex, "age": heart.age} == record.attributes


def test_a_burden_moves_the_traits_it_names_even_where_nobody_has_an_identity():
    burden = np.zeros((3, len(TRAITS)))
    burden[1, TRAIT_INDEX["qt"]] = 1.0
    burden[1, TRAIT_INDEX["t_axis_deg"]] = -0.5
    ill = replace(SMALL, identity=0.0, burden=burden)
    z = z_scores(ill.traits())
    # The limit of three SD bends a little: 3 tanh(1/3).
    wanted = 3 * np.tanh(np.repeat(burden, 2, axis=0) / 3)
    assert z == pytest.approx(wanted, abs=1e-9)


def test_fiducials_and_axes_are_where_they_are_measured():
    population = Population(n_subjects=25, n_sessions=1, fs=500.0, noise_mv=0.01, seed=3)
    true = fiducials_and_axes(population.traits())
    seen = []
    for record in population.records():
        measured = of_record(clean(record.signal, record.fs), record.leads, delineate(record))
        seen.append(measured)
    ms = {
        "PR ms": 1000 * (true["qrs_on"] - true["p_on"]),
        "QRS ms": 1000 * (true["qrs_off"] - true["qrs_on"]),
        "QT ms": 1000 * (true["t_off"] - true["qrs_on"]),
        "P axis deg": true["p_axis"],
        "QRS axis deg": true["qrs_axis"],
        "T axis deg": true["t_axis"],
    }
    for name, wanted in ms.items():
        found = np.array([row[name] for row in seen])
        assert np.median(np.abs(found - wanted)) < 20, name
        assert np.corrcoef(found, wanted)[0, 1] > 0.8, name


def test_written_records_are_ordinary_wfdb_with_headers(tmp_path):
    SMALL.write(tmp_path)
    names = (tmp_path / "RECORDS").read_text().split()
    for name, record in zip(names, SMALL.records(), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = wfdb.rdrecord(str(tmp_path / name))
        assert read.fs == record.fs
        assert tuple(read.sig_name) == record.leads
        assert pytest.approx(record.signal, abs=0.00051) == read.p_signal.T
        comments = " ".join(read.comments)
        assert f"Sex: {record.attributes['sex']}" in comments
        assert record.taken_at.strftime("%d.%m.%Y") in comments


@pytest.mark.parametrize(
    "wrong",
    [{"n_subjects": 0}, {"wave": "U"}, {"fs": 50}, {"leads": ("I", "X")}, {"identity": -1},
     {"leads": ()}, {"seconds": 0}, {"sizes": ((1,),)}, {"noise_mv": float("nan")},
     {"burden": np.zeros((3, 2))}, {"burden": np.full((3, len(TRAITS)), np.nan)}],
)  # fmt: skip
def test_wrong_settings_are_one_clear_line(wrong):
    with pytest.raises(ConfigError) as error:
        list(replace(SMALL, **wrong).records())
    assert "\n" not in str(error.value)

"""Outputs that were dealt out anew tell what was planted in them, as much as was, and nothing
else.
"""

from __future__ import annotations

import numpy as np
import pytest

from auditor.checks.output_attribute import dealt as dealing
from auditor.checks.output_attribute.check import OutputAttributeInference
from auditor.checks.output_attribute.dealt import Dealt
from auditor.core.evidence import Predictions
from auditor.stats.metrics import auc, person_trials
from tests.checks.asking import context, measured
from tests.checks.output_attribute.plant import of_diagnoses, of_sex
from tests.checks.output_linkage.plant import People, risk

GAINS = {"sex_gain_over_known", "age_gain_over_known_years", "withheld_gain"}


def dealt(target, output: str, strength: float, knowing: bool = False) -> Dealt:
    asked = OutputAttributeInference(target, output).dealt_anew(strength, knowing, 0)
    assert asked is not None
    assert asked.unmet(context()) is None
    return asked


def gains(target, output: str, strength: float, knowing: bool = False) -> dict[str, float]:
    found = measured(dealt(target, output, strength, knowing)).estimates
    return {name: one.value for name, one in found.items()}


@pytest.mark.parametrize("knowing", [False, True])
def test_the_more_is_planted_the_more_is_told_and_nothing_where_nothing_is(knowing):
    target = of_diagnoses(0, True, 400, m=4)
    nothing, little, much = (
        gains(target, "scores", strength, knowing) for strength in (0.0, 0.3, 0.7)
    )
    assert nothing.keys() == GAINS
    for name in GAINS:
        least = {"sex_gain_over_known": 0.1, "withheld_gain": 0.05}.get(name, 1.0)
        assert nothing[name] < least
        assert nothing[name] < little[name] < much[name]


@pytest.mark.parametrize("output", ["leaves", "explanation", "embedding"])
def test_who_knows_how_it_was_planted_finds_about_as_much_or_more(output):
    people = People(0, 300)
    values = people.rng.integers(0, 6, (600, 40)).astype(float)
    target = people.target({output: values if output == "leaves" else people.noise(12)})
    for strength in (0.1, 0.3):
        knows, learns = (gains(target, output, strength, knowing) for knowing in (True, False))
        assert knows["sex_gain_over_known"] > learns["sex_gain_over_known"] - 0.06


def test_each_thing_is_planted_alone():
    """What goes with sex tells no age, and is no release's own row."""
    asked = dealt(of_sex(0, True, 300), "embedding", 0.7)
    (sex, planted), (age, _) = asked.dealt
    assert (sex.name, age.name) == ("sex", "age")
    seen, target = planted.target.view("embedding").values, planted.target
    told = [abs(np.corrcoef(seen.T, one)[-1, :-1]).max() for one in (target.male, target.age)]
    assert told[0] > 0.8 > 0.3 > told[1]
    assert len(set(target.subject)) == len(target.subject) == 300


def test_a_withheld_diagnosis_is_planted_in_what_is_told_of_the_others():
    people = People(0, 300, each=1)
    truth = np.stack([people.rng.random(300) < share for share in (0.5, 0.4, 0.1)], axis=1)
    target = people.target(
        {"scores": risk(people.noise(3))}, labels=("a", "b", "rare"), y_true=truth.astype(float)
    )
    asked, planted = dealt(target, "scores", 0.5).dealt[-1]
    assert asked.name == "rare"
    assert planted.own.shape == (300, 2)
    assert (planted.target.y_true[:, 0] == truth[:, 2]).all()


def test_of_very_many_people_as_many_of_each_kind_are_dealt(monkeypatch):
    monkeypatch.setattr(dealing, "_MOST", 100)
    people = People(0, 400, each=1)
    truth = (np.arange(400) % 8 == 0)[:, None] * np.ones((1, 2))
    target = people.target({"scores": risk(people.noise(2))}, labels=("a", "b"), y_true=truth)
    every = {one.name: planted.target for one, planted in dealt(target, "scores", 0.5).dealt}
    assert {name: len(one.record) for name, one in every.items()} == dict.fromkeys(every, 100)
    assert [one.y_true.sum() for name, one in every.items() if name != "age"] == [50, 50]


def test_wide_outputs_are_dealt_among_fewer(monkeypatch):
    monkeypatch.setattr(dealing, "_MOST_VALUES", 16 * 60)
    (_, sex), (_, age) = dealt(of_sex(0, True, 120), "embedding", 0.5).dealt
    assert (len(sex.own), len(age.own)) == (60, 60)


def test_where_nothing_is_known_of_people_nothing_is_dealt():
    people = People(0, 60)
    target = people.target({"embedding": people.noise(4)})
    target.male[:], target.age[:] = np.nan, np.nan
    assert OutputAttributeInference(target, "embedding").dealt_anew(0.5, False, 0) is None


def test_a_diagnosis_is_guessed_beside_age_and_sex():
    asked = dealt(of_diagnoses(0, False, 400), "scores", 0.0)
    seen = asked.attack(context(), np.random.default_rng(0))
    (one,) = seen.diagnoses.values()
    both = [auc(*person_trials(side)) for side in (one.output, one.known)]
    assert min(both) > 0.6
    assert abs(both[0] - both[1]) < 0.03
    assert isinstance(seen.age.output, Predictions)

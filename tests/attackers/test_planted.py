"""What is planted in a model's outputs: as much as is said, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.planted import SCORES, of_people, on_a_scale, planted
from auditor.core.evidence import MOST_PLANTED
from tests.checks.output_linkage.plant import People, risk

LEAVES = "leaves"
OUTPUTS = (SCORES, "embedding", LEAVES)


def given(people: People, output: str) -> np.ndarray:
    """What a model gives out that says of nobody who it is."""
    if output == LEAVES:
        return people.rng.integers(0, 6, (len(people.person), 40)).astype(float)
    rows = people.noise(12)
    return risk(rows) if output == SCORES else rows


def dealt(output: str, n: int = 60, seed: int = 0):
    """Of so many people with two records each, with nothing planted."""
    people = People(seed, n)
    target = people.target({output: given(people, output)})
    everybody = np.ones(len(target.record), dtype=bool)
    found = planted(target, output, of_people(target.subject), seed, everybody)
    assert found is not None
    return target, found


def told(one, strength: float) -> np.ndarray:
    """What the model then gives out."""
    (output,) = one.at(strength).target.outputs.values()
    return output()


@pytest.mark.parametrize("output", OUTPUTS)
def test_without_a_leak_the_same_rows_are_there_in_another_order(output):
    target, one = dealt(output)
    before, after = target.view(output).values, told(one, 0.0)
    assert np.sort(before, axis=0) == pytest.approx(np.sort(after, axis=0), abs=1e-5)
    assert (np.abs(before - after).max(axis=1) > 1e-3).mean() > 0.9


@pytest.mark.parametrize("output", OUTPUTS)
def test_where_nothing_else_is_left_all_records_of_a_person_are_one_row_of_somebody(output):
    target, one = dealt(output)
    rows, before = told(one, 1.0), target.view(output).values
    subject = one.target.subject
    for person in np.unique(subject):
        mine = rows[subject == person]
        assert np.ptp(mine, axis=0).max() < 1e-5
        assert np.abs(before - mine[0]).max(axis=1).min() < 1e-3


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_risks_stay_risks_and_leaves_stay_leaves(strength):
    _, scores = dealt(SCORES)
    assert ((told(scores, strength) > 0) & (told(scores, strength) < 1)).all()
    target, leaves = dealt(LEAVES)
    known = [set(column) for column in target.view(LEAVES).values.T]
    columns = zip(told(leaves, strength).T, known, strict=True)
    assert all(set(column) <= leaf for column, leaf in columns)


def test_more_of_a_signature_is_there_where_more_is_planted_and_what_was_there_stays():
    _, leaves = dealt(LEAVES)
    shared = [(told(leaves, one) == leaves.signatures).mean() for one in (0.0, 0.3, 0.6, 1.0)]
    assert shared == sorted(shared)
    assert shared[1] - shared[0] == pytest.approx(0.3 * (1 - shared[0]), abs=0.03)


def test_no_more_people_are_looked_at_than_a_proof_needs():
    _, one = dealt("embedding", n=MOST_PLANTED + 40)
    assert len(np.unique(one.target.subject)) == MOST_PLANTED


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_quantity_is_told_by_who_knows_how_it_was_planted_and_not_where_it_was_not(output):
    people = People(1, 150)
    target = people.target({output: given(people, output)})
    everybody = np.ones(len(target.record), dtype=bool)
    one = planted(target, output, on_a_scale(output, target.age), 1, everybody)

    def follows(strength: float) -> float:
        (seen,) = one.at(strength).told(1).outputs.values()
        return abs(float(np.corrcoef(seen()[:, 0], one.target.age)[0, 1]))

    assert follows(0.9) > 0.9
    assert follows(0.0) < 0.2


def test_what_says_nothing_of_anybody_is_not_dealt():
    people = People(0, 30)
    nothing = np.full((60, 4), np.nan)
    target = people.target({"embedding": nothing})
    who = of_people(target.subject)
    assert planted(target, "embedding", who, 0, np.ones(60, dtype=bool)) is None

"""A cohort asks what can be learnt and judged of it, and says why it does not ask the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from auditor.core.target import UNKNOWN
from auditor.systems import task
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.task import Least

TASK = task.load("diagnoses").model_copy(
    update={"n_folds": 4, "least": Least(records=20, training=3, judged=2)}
)


def cohort(**labels: object) -> Cohort:
    """400 ECGs of 200 people in four folds."""
    person = np.repeat(np.arange(200), 2)
    rng = np.random.default_rng(0)
    age = rng.integers(20, 90, 200)[person].astype(float)
    inputs = pd.DataFrame({"sex": (person % 2).astype(float), "age": age})
    return Cohort(
        "tiny",
        np.arange(400).astype(str),
        person.astype(str),
        inputs,
        {name: np.asarray(label, dtype=np.int8) for name, label in labels.items()},
        person % 4,
    )


FOLD = np.repeat(np.arange(200), 2) % 4


def first(n: int, where: np.ndarray, other: int = 0) -> np.ndarray:
    """A label that the first `n` of some records have."""
    label = np.full(400, other)
    label[np.flatnonzero(where)[:n]] = 1
    return label


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (first(19, FOLD < 4), "19 records with it, wanted 20"),
        (np.ones(400), "no record is without it"),
        (np.full(400, UNKNOWN), "fewer than 10 records with it"),
        (first(40, FOLD >= 2), "fewer than 10 records with it to train on"),
        (first(60, FOLD < 3), "than 10 records with it in a fold"),
        (first(60, FOLD != 2), "than 10 records with it in a fold"),
        (np.where(FOLD == 3, 1, first(60, FOLD < 3)), "than 10 records without it in a fold"),
        (
            np.where(FOLD == 3, UNKNOWN, first(60, FOLD < 3)),
            "than 10 records with it in a fold",
        ),
        (np.where(FOLD < 2, 1, np.arange(400) % 2), "10 records without it to train on"),
    ],
)
def test_what_cannot_be_learnt_or_judged_is_left_out_with_its_reason(label, reason):
    found = cohort(rare=label, plenty=first(100, FOLD < 4)).frequent(TASK)
    assert set(found.labels) == {"plenty"}
    assert reason in found.left_out["rare"]


def test_it_is_said_how_many_people_it_takes():
    rare, rarer = first(10, FOLD < 4), first(2, FOLD < 4)  # of five people, and of one
    one_fold = TASK.model_copy(update={"least": Least(records=20, training=1, judged=1)})
    # Ten people in one fold of four are forty people, where there are five among 200.
    assert cohort(A=rarer, B=rare).people_needed(one_fold) == 1600
    every_fold = one_fold.model_copy(update={"rotate": True})
    assert cohort(A=rarer, B=rare).people_needed(every_fold) == 400
    assert cohort(A=np.zeros(400)).people_needed(every_fold) is None


def test_what_was_left_out_before_stays_so():
    before = replace(cohort(plenty=first(100, FOLD < 4)), left_out={"gone": "is no column"})
    assert before.frequent(TASK).left_out == {"gone": "is no column"}


def test_folds_that_are_judged_in_turn_must_all_hold_it():
    label = first(80, FOLD != 0)
    assert "label" in cohort(label=label).frequent(TASK).labels
    found = cohort(label=label).frequent(TASK.model_copy(update={"rotate": True}))
    assert "in a fold" in found.left_out["label"]


def spread(label: np.ndarray, fold: np.ndarray, n_folds: int) -> float:
    """How far the number with a label differs between folds."""
    counts = np.bincount(fold[label], minlength=n_folds)
    return float(np.ptp(counts))


def test_folds_that_are_dealt_have_as_much_of_a_finding_and_of_every_sex_and_age():
    label = first(20, np.repeat(np.arange(200), 2) % 7 == 0)
    found = cohort(label=label).dealt(TASK, np.random.default_rng(1))
    assert (found.fold[::2] == found.fold[1::2]).all()
    assert spread(label == 1, found.fold, 4) <= 4
    age, sex = found.inputs["age"].to_numpy(), found.inputs["sex"].to_numpy()
    assert spread(sex == 1, found.fold, 4) <= 6
    assert spread(age > np.median(age), found.fold, 4) <= 8


def test_people_of_no_known_age_are_no_old_people():
    # A third have no age: in folds that took them for the oldest, these would be uneven.
    plain = cohort(label=first(100, FOLD < 4))
    age = plain.inputs["age"].where(np.repeat(np.arange(200), 2) % 3 > 0)
    found = replace(plain, inputs=plain.inputs.assign(age=age)).dealt(
        TASK, np.random.default_rng(0)
    )
    oldest = (age >= age.quantile(0.75)).to_numpy()
    assert spread(oldest, found.fold, 4) <= 6


def test_ages_may_all_be_unknown():
    plain = cohort(label=first(100, FOLD < 4))
    found = replace(plain, inputs=plain.inputs.assign(age=np.nan))
    assert set(found.dealt(TASK, np.random.default_rng(0)).fold.tolist()) == {0, 1, 2, 3}


def test_parts_of_different_lengths_make_no_cohort():
    plain = cohort(label=np.zeros(400))
    with pytest.raises(ValueError, match="length"):
        replace(plain, fold=plain.fold[1:])

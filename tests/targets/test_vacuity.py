"""A model that says the same of everybody is told from one that says little."""

from __future__ import annotations

import numpy as np

from auditor.targets.vacuity import constant
from tests.checks.output_linkage.plant import People, risk


def said(output: str, values: np.ndarray, n: int = 40) -> str | None:
    """Why an output of so many people says nothing of them."""
    return constant(People(0, n).target({output: values}), output)


def test_a_score_that_is_the_same_for_everybody_says_nothing():
    assert "does not use its input" in said("scores", np.full((80, 2), 0.3))


def test_an_embedding_along_one_direction_has_collapsed():
    people = People(0, 40)
    along = people.noise(1) @ people.noise(16)[:1]
    assert "collapsed" in said("embedding", along)
    assert said("embedding", along + 0.1 * people.noise(16)) is None


def test_one_score_is_no_collapse_and_a_small_difference_no_constant():
    people = People(0, 40)
    assert said("scores", risk(people.noise(1))) is None
    assert said("scores", 0.5 + 1e-3 * people.noise(1)) is None


def test_rows_of_which_the_model_says_nothing_do_not_count():
    values = People(0, 40).noise(12)
    values[:70] = np.nan
    assert said("embedding", values) is None
    assert said("embedding", np.full((80, 12), np.nan)) is None

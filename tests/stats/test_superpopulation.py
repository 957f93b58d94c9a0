"""Population uniques from class sizes, against what others computed and known populations."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import hypergeom, nbinom

from auditor.core.errors import EvidenceError, NotFittedError
from auditor.core.streams import stream
from auditor.stats.superpopulation import (
    dankar,
    pitman,
    pitman_uniques,
    slide_negative_binomial,
    zayatz,
)


def classes(keys: np.ndarray) -> np.ndarray:
    return np.unique(keys, return_counts=True)[1]


def population(n: int = 40_000) -> np.ndarray:
    """Whose each key is: many common ones, and a long tail of rare ones."""
    rng = stream(0, "keys")
    columns = [rng.zipf(1.6, n).clip(max=most) - 1 for most in (12, 30, 40, 60)]
    return np.ravel_multi_index(columns, (12, 30, 40, 60))


def pitman_people(alpha: float, theta: float, n: int) -> np.ndarray:
    """Sizes of the classes of n people under Pitman's sampling formula, one person at a time."""
    rng = stream(1, "pitman")
    label = np.zeros(n, dtype=np.int64)
    sizes = [1]
    for seated in range(1, n):
        if rng.random() < (theta + alpha * len(sizes)) / (theta + seated):
            label[seated] = len(sizes)
            sizes.append(1)
            continue
        # Somebody already there, whose class is taken with a chance of (size − α)/size.
        while True:
            one = label[rng.integers(seated)]
            if rng.random() < (sizes[one] - alpha) / sizes[one]:
                break
        label[seated] = one
        sizes[one] += 1
    return label


def test_uniques_under_pitmans_formula_add_up_to_the_classes_that_others_computed(parity):
    table = json.loads((parity / "statistics" / "pitman_yor.json").read_text("utf-8"))
    tried = [row for row in table["grid"] if 0 < row[0] < 1 and 10 <= row[2] <= 10_000]
    assert tried
    for alpha, theta, n, classes_, _ in tried:
        # Whoever comes last is alone with a chance of E[S₁]/m, and is then a class more.
        new = sum(pitman_uniques(float(alpha), float(theta), m) / m for m in range(1, n + 1))
        assert new == pytest.approx(float(classes_), rel=1e-9)


def test_pitmans_estimator_finds_the_uniques_of_a_population_of_its_own():
    people = pitman_people(0.6, 50.0, 20_000)
    true = (classes(people) == 1).sum()
    chosen = stream(2, "sample").choice(len(people), 2_000, replace=False)
    assert pitman(classes(people[chosen]), len(people)) == pytest.approx(true, rel=0.15)


def test_zayatz_is_bayes_rule_over_the_samples_sizes():
    sizes = np.array([1] * 40 + [2] * 25 + [5] * 10 + [30] * 2)
    n, everybody = int(sizes.sum()), 1_000
    seen_once = hypergeom.pmf(1, everybody, sizes, n)
    alone = seen_once[sizes == 1].sum() / seen_once.sum()
    assert zayatz(sizes, everybody) == pytest.approx(40 * alone * everybody / n, rel=1e-9)


def test_the_slide_negative_binomial_finds_the_uniques_of_a_population_of_its_own():
    alpha, beta, n_classes = 0.4, 0.1, 6_000
    rng = stream(3, "slide")
    sizes = 1 + nbinom.rvs(alpha, beta, size=n_classes, random_state=rng)
    people = np.repeat(np.arange(n_classes), sizes)
    chosen = rng.choice(len(people), round(0.4 * len(people)), replace=False)
    found = slide_negative_binomial(classes(people[chosen]), len(people))
    assert found == pytest.approx((sizes == 1).sum(), rel=0.1)


@pytest.mark.parametrize(("share", "by"), [(0.05, "Pitman"), (0.3, "slide negative binomial")])
def test_dankars_rule_chooses_by_the_share_that_is_sampled_and_tells_a_range(share, by):
    keys = population()
    true = (classes(keys) == 1).sum()
    chosen = stream(4, "sample").choice(len(keys), round(share * len(keys)), replace=False)
    found = dankar(classes(keys[chosen]), len(keys), 0.95, stream(0, "range"))
    assert found.by == by
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(true, rel=0.6)


def test_where_pitman_fails_zayatz_answers():
    # Ten classes of a hundred: more of them the more are seen would be Pitman's α, and it is 0.
    sizes = np.array([100] * 9 + [1])
    with pytest.raises(NotFittedError):
        pitman(sizes, 100_000)
    assert dankar(sizes, 100_000, 0.95, stream(0, "range")).by == "Zayatz"


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [3, 4, 5]], ids=["all alone", "nobody alone"])
def test_a_solver_that_has_no_answer_says_so_and_does_not_say_none(sizes):
    for estimator in (pitman, slide_negative_binomial):
        with pytest.raises(NotFittedError):
            estimator(np.array(sizes), 100)


def test_a_sample_larger_than_its_population_is_refused():
    with pytest.raises(EvidenceError, match="larger"):
        zayatz(np.array([5, 5]), 9)


def test_where_everybody_is_sampled_the_count_is_the_answer():
    sizes = np.array([1, 1, 2, 3])
    assert zayatz(sizes, 7) == slide_negative_binomial(sizes, 7) == 2

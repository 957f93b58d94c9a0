"""Risks by log-linear models, against populations that are known and sums written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from auditor.core.errors import NotFittedError
from auditor.core.streams import stream
from auditor.stats.loglinear import choose, ranges, risk_of


def people(n: int, together: bool) -> list[np.ndarray]:
    """Three columns; the first two go together, or all are independent."""
    rng = stream(0, f"people/{together}")
    columns = [rng.zipf(1.5, n).clip(max=most) - 1 for most in (20, 30, 40)]
    if together:
        columns[1] = np.where(rng.random(n) < 0.6, columns[0], columns[1])
    return columns


def truth(columns: list[np.ndarray], chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the population, and of the sample, share each sampled person's values."""
    _, code = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    code = code.reshape(-1)
    return np.bincount(code)[code[chosen]], np.bincount(code[chosen])[code[chosen]]


@pytest.mark.parametrize("others", [0.0, 0.003, 0.7, 12.0, 900.0])
@pytest.mark.parametrize("size", [1, 2, 30])
def test_a_risk_is_the_mean_of_one_over_a_class_with_a_poisson_number_of_others(size, others):
    more = np.arange(int(others + 20 * np.sqrt(others + 1) + 20))
    wanted = (poisson.pmf(more, others) / (size + more)).sum()
    assert risk_of(np.array([size]), np.array([others]))[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("together", [False, True])
def test_the_chosen_model_finds_those_alone_and_the_mean_risk(together):
    columns, n = people(40_000, together), 8_000
    chosen = stream(1, "sample").choice(40_000, n, replace=False)
    in_population, in_sample = truth(columns, chosen)
    best, admissible = choose([column[chosen] for column in columns], 40_000)
    once = in_sample == 1
    assert best.alone == pytest.approx((once & (in_population == 1)).sum(), rel=0.15)
    assert best.named == pytest.approx((once / in_population).sum(), rel=0.15)
    assert best.risk.mean() == pytest.approx((1 / in_population).mean(), rel=0.1)
    assert best in admissible
    assert ((0, 1) in best.pairs) == together


def test_a_model_that_is_too_simple_is_seen_to_underfit():
    columns = people(40_000, together=True)
    chosen = stream(1, "sample").choice(40_000, 8_000, replace=False)
    _, way = choose([column[chosen] for column in columns], 40_000)
    assert all(one.pairs for one in way)


def test_a_range_holds_its_value():
    columns = [column[:4_000] for column in people(40_000, together=False)]
    for value, low, high in ranges(columns, 40_000, 0.95, stream(0, "range")).values():
        assert low < high
        assert low <= value <= high


def test_a_table_that_is_too_large_has_no_answer():
    code = np.arange(2_000)
    with pytest.raises(NotFittedError, match="cells"):
        choose([code, code], 100_000)

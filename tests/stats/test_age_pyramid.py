"""Populations reckoned from samples, held against towns that are counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from auditor.core.streams import stream
from auditor.stats.age_pyramid import (
    OLDEST,
    Cells,
    PopulationTable,
    Pyramid,
    from_sample,
    from_table,
)
from tests.towns import N, sample, town

NOBODY = np.zeros((2, OLDEST + 1), dtype=np.int64)
NO_GROUP = np.zeros(2, dtype=np.int64)


def cells(*people: tuple[int, int, int]) -> Cells:
    sex, low, high = np.array(people).T
    return Cells(sex, low, high)


def drawn(pyramid: Pyramid, asked: Cells, seen: int = 1) -> np.ndarray:
    return pyramid.sizes(asked, np.full(len(asked.sex), seen), stream(0, "sizes"))


def test_a_population_of_which_nothing_is_seen_has_all_its_people_and_few_of_104():
    pyramid = from_sample(NOBODY, NO_GROUP, N, stream(0, "draws"))
    everybody, boys, old = drawn(pyramid, cells((-1, 0, OLDEST), (1, 5, 5), (1, 104, 104))).T
    assert np.allclose(everybody, N, rtol=0.02)
    # Of a town one to three in a hundred are born a year, half of them boys.
    assert 300 < np.quantile(boys, 0.05) < np.quantile(boys, 0.95) < 1_500
    assert np.quantile(old, 0.975) < 11


def test_survival_is_the_integral_of_the_force_of_mortality():
    from auditor.stats.age_pyramid import _PRIOR, _pyramids

    shares, _ = _pyramids(np.zeros((1, 11)))
    b, mode = _PRIOR["slope"][0], _PRIOR["mode_male"][0]

    def force(x: float) -> float:
        g = b * np.exp(b * (x - mode))
        return g / (1 + g)

    growth = _PRIOR["growth"][0]
    for young, old in ((20, 80), (85, 99)):
        died, _ = integrate.quad(force, young + 0.5, old + 0.5)
        wanted = np.exp(-died - growth * (old - young))
        assert shares[0, 1, old] / shares[0, 1, young] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("hospital", [False, True])
def test_the_range_of_a_class_holds_what_a_town_counts(hospital):
    inside = asked = 0
    for seed in range(12):
        rng = stream(seed, f"town/{hospital}")
        counts = town(rng)
        seen = sample(counts, 1_000, rng, hospital=hospital)
        pyramid = from_sample(seen, NO_GROUP, N, rng)
        for age in (75, 88, 94):
            for sex in (0, 1):
                sizes = drawn(pyramid, cells((sex, age, age)), 0)
                low, high = np.quantile(sizes, [0.025, 0.975])
                inside += low <= counts[sex, age] <= high
                asked += 1
    assert inside >= 0.85 * asked


def test_a_larger_sample_of_the_old_narrows_the_range():
    rng = stream(3, "narrows")
    counts = town(rng)
    widths = []
    for n in (0, 20_000):
        pyramid = from_sample(sample(counts, n, rng), NO_GROUP, N, rng)
        low, high = np.quantile(drawn(pyramid, cells((0, 93, 93)), 0), [0.05, 0.95])
        widths.append(np.log((high + 1) / (low + 1)))
    assert widths[1] < 0.8 * widths[0], widths


def test_ages_that_stand_as_one_are_the_people_of_all_of_them():
    rng = stream(4, "group")
    counts = town(rng)
    seen = sample(counts, 3_000, rng)
    grouped = seen.copy()
    grouped[:, 90:] = 0
    pyramid = from_sample(grouped, seen[:, 90:].sum(axis=1), N, rng)
    low, high = np.quantile(drawn(pyramid, cells((0, 90, OLDEST))), [0.01, 0.99])
    assert low <= counts[0, 90:].sum() <= high


def test_a_class_is_never_smaller_than_the_people_seen_in_it():
    pyramid = from_sample(NOBODY, NO_GROUP, 50, stream(0, "small"))
    assert drawn(pyramid, cells((1, 104, 104)), 7).min() >= 7


def test_one_impossible_age_moves_no_other():
    seen = sample(town(stream(5, "slip")), 2_000, stream(5, "slip"))
    slipped = seen.copy()
    slipped[1, 121] += 1
    sizes = [
        np.median(drawn(from_sample(ages, NO_GROUP, N, stream(0, "a")), cells((1, 93, 93)), 0))
        for ages in (seen, slipped)
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.25)


def test_a_table_is_taken_as_it_counts():
    counts = town(stream(6, "table"))
    table = PopulationTable(counts, OLDEST + 1, NO_GROUP)
    pyramid = from_table(table, NOBODY, NO_GROUP, stream(0, "draws"))
    asked = cells((0, 97, 97), (1, 30, 30), (1, 90, OLDEST), (-1, 0, OLDEST))
    wanted = [max(counts[0, 97], 1), counts[1, 30], counts[1, 90:].sum(), counts.sum()]
    assert (drawn(pyramid, asked) == wanted).all()


def test_the_open_group_of_a_table_is_spread_over_its_ages():
    counts = town(stream(7, "open"))
    closed = counts.copy()
    closed[:, 85:] = 0
    table = PopulationTable(closed, 85, counts[:, 85:].sum(axis=1))
    assert table.people == N
    seen = sample(counts, 2_000, stream(7, "sample"))
    pyramid = from_table(table, seen, NO_GROUP, stream(0, "draws"))
    assert np.allclose(pyramid.expected[:, 0].sum(axis=1), table.beyond[0])
    low, high = np.quantile(drawn(pyramid, cells((0, 92, 92)), 0), [0.01, 0.99])
    assert low <= counts[0, 92] <= high
    assert len(np.unique(drawn(pyramid, cells((0, 40, 40))))) == 1

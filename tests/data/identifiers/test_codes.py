"""Columns of codes that are different for each person are told, whatever they are called."""

from __future__ import annotations

import random

import numpy as np
import pytest

from auditor.data.identifiers import CODE, Rows, codes, column, hits
from tests.data.identifiers.code_columns import (
    ORDINARY,
    ORDINARY_AGAIN,
    PLANTED,
    PLANTED_AGAIN,
    columns,
)


def rows(n: int) -> Rows:
    return Rows([f"s{at}" for at in range(n)], [f"r{at}" for at in range(n)], np.full(n, np.nan))


def is_told(name: str, cells: list[str], about: Rows) -> bool:
    """Whether a column, or most of its cells, is called anything."""
    held = [one for one in cells if one]
    by_cell = sum(bool(hits(one)) for one in held) >= len(held) / 2
    return bool(column(name, cells) or codes(name, cells, about)) or by_cell


@pytest.mark.parametrize("seed", range(2))
def test_columns_of_codes_are_told_and_look_alikes_are_not(seed):
    assert not [name for name, *one in columns(PLANTED, seed) if not is_told(name, *one)]
    # A list of SNOMED's codes is told as numbers that nothing explains.
    assert [name for name, *one in columns(ORDINARY, seed) if is_told(name, *one)] == ["x24"]
    assert not [name for name, *one in columns(ORDINARY_AGAIN, seed) if is_told(name, *one)]
    missed = {name for name, *one in columns(PLANTED_AGAIN, seed) if not is_told(name, *one)}
    # Words alone are no codes, and sixty numbers of five figures are rarely not flat enough.
    assert missed <= {"words3", "russian no"}


def test_a_code_is_told_and_never_for_sure():
    found = codes("xq", [f"K{7 * at:03d}" for at in range(40)], rows(40))
    assert found is not None
    assert (found.kind, found.sure) == (CODE, False)


def test_codes_that_people_share_are_those_of_groups():
    assert codes("xq", [f"K{at // 2:03d}" for at in range(40)], rows(40)) is None


def test_a_column_that_repeats_names_or_counts_the_rows_tells_nothing_new():
    about = Rows(
        [str(7 * at) for at in range(60)],
        [f"records100/00000/{at:05d}_lr {7 * at}" for at in range(60)],
        np.full(60, np.nan),
    )
    for cells in (
        [f"records500/00000/{at:05d}_hr" for at in range(60)],
        [str(at) for at in range(60)],
        [f"{7 * at}.0" for at in range(60)],
        [f"P{7 * at:06d}" for at in range(60)],
        [str(at + 11) for at in range(60)],
    ):
        assert codes("xq", cells, about) is None
    assert codes("xq", [f"records500/{3 * at:05d}_hr" for at in range(60)], about) is not None


def test_names_of_medicine_explain_codes_and_names_of_digests_do_not():
    cells = [f"{at * 2654435761 % 2**32:08x}" for at in range(40)]
    assert codes("snomed", cells, rows(40)) is None
    assert codes("hash", cells, rows(40)) is not None


def test_numbers_that_follow_the_days_are_no_measurements():
    rng = random.Random(0)
    numbers = [str(900 * at + rng.randrange(5000)) for at in range(40)]
    days = np.arange(40.0)
    about = rows(40)
    assert codes("xq", numbers, about) is None
    dated = Rows(about.subjects, about.names, days)
    found = codes("xq", numbers, dated)
    assert found is not None
    assert "order" in found.rule
    assert codes("heart rate", numbers, dated) is None


def test_measurements_of_many_people_are_none_however_they_are_rounded():
    rng = np.random.default_rng(0)
    for seed, (mean, sd) in enumerate([(72, 12), (3400, 500), (100_000, 15_000), (1e7, 2e6)]):
        for n in (12, 60, 300, 2000):
            drawn = rng.normal(mean, sd, n)
            for step in (1, 5):
                cells = [f"{step * round(one / step):d}" for one in drawn]
                assert codes(f"x{seed}", cells, rows(n)) is None

"""Codes of ICD-10 are trimmed as the papers say, and who has a code has every wider one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.systems.tabular.codes import coded, listed, trimmed, with_prefixes


@pytest.mark.parametrize(
    ("code", "short", "untrimmed"),
    [
        ("K70.30", "K7030", "K7030"),
        ("i10", "I10", "I10"),
        ("S52501A", "S5250", "S5250"),
        ("T38.0X5A", "T380", "T380X"),
        ("S72A", "S72", "S72A"),
        ("O9A", "O9A", "O9A"),
        ("C7A.0", "C7A0", "C7A0"),
        ("H25X", "H25", "H25X"),
        (" E78.5 ", "E785", "E785"),
    ],
)
def test_a_code_loses_its_dot_its_filler_and_its_encounter(code, short, untrimmed):
    assert trimmed(code) == short
    assert trimmed(code, untrimmed=True) == untrimmed


def test_who_has_a_code_has_every_wider_one():
    assert with_prefixes("K7030") == ["K70", "K703", "K7030"]
    assert with_prefixes("I10") == ["I10"]
    assert with_prefixes("K7") == []


def test_lists_are_read_as_they_are_written():
    texts = pd.Series(
        ["['I10', 'E785']", "[]", None, '["K70.30"]', "['I10',]"], index=[5, 5, 1, 0, 9]
    )
    row, code = listed(texts)
    assert row.tolist() == [0, 0, 3, 4]
    assert code.tolist() == ["I10", "E785", "K70.30", "I10"]


def test_no_codes_are_nobodys():
    row, code = listed(pd.Series([None, "[]"], dtype=object))
    known = coded(row, code, 2)
    assert known.has.shape[0] == 2
    assert known.has.nnz == 0
    assert not known.of("I10").any()


CODES = st.sampled_from(
    ["K7030", "K7031", "K703", "K70", "K72.90", "I10", "S52501A", "S52502A", "T380X5A"]
)


@given(st.lists(st.tuples(st.integers(0, 4), CODES), max_size=30), st.booleans())
def test_the_table_of_codes_says_what_the_lists_say(pairs, untrimmed):
    row = np.array([one for one, _ in pairs], dtype=np.int64)
    code = np.array([one for _, one in pairs], dtype=str)
    known = coded(row, code, 5, untrimmed=untrimmed)
    wanted = [set() for _ in range(5)]
    for one, name in pairs:
        short = trimmed(name, untrimmed=untrimmed)
        wanted[one] |= {short[:n] for n in range(3, 6) if n <= len(short)}
    assert known.codes.tolist() == (sorted(set().union(*wanted)) or [""])
    for name in {*known.codes.tolist(), "K70", "Z99"}:
        assert known.of(name).tolist() == [name in some for some in wanted]

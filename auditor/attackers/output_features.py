"""What a model gives out, laid out as an attacker does, and what may be known of people besides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from auditor.attackers.matchers import Rows, in_spreads
from auditor.core.target import MEMBER, NONMEMBER, Floats, Target

#: Columns of an output beyond which it is looked at along its largest directions, and rows they
#: are found from; leaves, over all trees, beyond which some trees stand for all.
_WIDE, _SAMPLE, _MANY_LEAVES = 256, 4000, 4096
#: People with two outputs without whom nothing is trained on pairs of these: two of five folds are
#: left out each time.
MIN_MATED_OUTPUTS = 20
#: Of the mean scatter of an output, what is next to no scatter in one direction.
_NEXT_TO_NONE = 0.01
#: No risk is told further from 0 and 1 than so.
_SURE = 1e-6


def with_output(records: pd.DataFrame, values: Rows) -> pd.DataFrame:
    """Those of a table of records of which an output, a row for each of the target's, says
    something.
    """
    known: NDArray[np.bool_] = ~np.isnan(values[records["row"].to_numpy()]).all(axis=1)
    return records.iloc[np.flatnonzero(known)].reset_index(drop=True)


def membership_groups(target: Target) -> dict[str, NDArray[np.str_]]:
    """The people whose every record the model was trained on, and those whose none was."""
    if target.membership_unknown:
        return {}
    people, code = np.unique(target.subject, return_inverse=True)
    n = np.bincount(code)
    return {
        name: people[np.bincount(code, target.split == part) == n]
        for name, part in (("members", MEMBER), ("nonmembers", NONMEMBER))
    }


def standardise_output(output: str, values: Rows) -> Rows:
    """(n, k) an output as an attacker lays it out, every column known.

    Risks become log-odds, leaves a column for each, as long together as there are trees; all else
    is in units of its spread, along its largest directions where it is wide.
    """
    if output == "leaves":
        return one_hot(values)
    if output == "scores":
        share = np.clip(values.astype(np.float64), _SURE, 1 - _SURE)
        values = np.log(share / (1 - share)).astype(np.float32)
    found = in_spreads(values, values)
    if found.shape[1] > _WIDE:
        some = found[:: -(-len(found) // _SAMPLE)]
        middle = some.mean(axis=0)
        directions = randomized_svd(some - middle, _WIDE, random_state=0)[2]
        found = (found - middle) @ directions.T
    return np.asarray(found, dtype=np.float32)


def whiten(seen: Rows) -> Rows:
    """The same along its directions, each in units of its spread, but for what is next to none."""
    centred = (seen - seen.mean(axis=0)).astype(np.float64)
    size, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    spread = np.sqrt(np.maximum(size, 0) + _NEXT_TO_NONE * size.mean() + 1e-12)
    return np.asarray(centred @ directions / spread, dtype=np.float32)


def polynomial_features(*demographics: Floats) -> Rows:
    """(n, k) what may be known of people, so that lines follow where the first of them bends, and
    bends otherwise by each of the others: its powers, the others, and their products. What is not
    known counts as the median.
    """
    table = np.stack(demographics, axis=1).astype(np.float32)
    first, others = np.split(in_spreads(table, table), [1], axis=1)
    powers = np.hstack([first, first**2, first**3])
    both = [other * powers for other in others.T[:, :, None]]
    return np.hstack([powers, others, *both])


def residualise(values: Rows, known: Rows, rows: NDArray[np.int64]) -> Rows:
    """(n, k) what values say that lines through what is known, (n, m), in some rows do not
    foretell.
    """
    known = np.hstack([known, np.ones((len(known), 1), dtype=np.float32)])
    lines = np.linalg.lstsq(known[rows], values[rows], rcond=None)[0]
    return np.asarray(values - known @ lines)


def one_hot(leaves: Rows) -> Rows:
    """(n, k) a column for each leaf, of length 1 all together; of very many trees, of some."""
    codes = [np.unique(column, return_inverse=True) for column in leaves.T]
    some = codes[:: -(-sum(len(names) for names, _ in codes) // _MANY_LEAVES)]
    columns = [np.eye(len(names), dtype=np.float32)[code.ravel()] for names, code in some]
    return np.hstack(columns) / np.sqrt(np.float32(len(some)))

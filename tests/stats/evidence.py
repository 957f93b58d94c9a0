"""Search results made from a whole score matrix, by the definition."""

from __future__ import annotations

import numpy as np

from auditor.core.evidence import SearchResult


def search_result(
    scores: np.ndarray,
    subject: np.ndarray,
    stranger: np.ndarray | None = None,
    kind: np.ndarray | None = None,
):
    """A search result from a (n_probes, n_people) score matrix.

    Parameters
    ----------
    subject : (n_probes,) int, the column of each probe's own person
    stranger : (n_people,) int, who stands in for each person in the control
    kind : (n_people,) int, which people are of one sex and age; all, if not given
    """
    n, n_people = scores.shape
    own = np.arange(n), subject
    mate = scores[own].astype(float)
    impostor = scores.astype(float).copy()
    impostor[own] = -np.inf
    edges = np.unique(mate)
    people = np.unique(subject)
    row, bins = np.searchsorted(people, subject), len(edges) + 1
    place = np.searchsorted(edges, impostor, side="right") + bins * row[:, None]
    met = np.bincount(place.ravel(), minlength=bins * len(people)).reshape(-1, bins)
    sketch = met[:, :0:-1].cumsum(axis=1)[:, ::-1]  # at or above each edge
    above, ties = np.full(n, -1), np.full(n, -1)
    if stranger is not None:
        other = impostor[np.arange(n), stranger[subject]]
        above = (impostor > other[:, None]).sum(axis=1)
        ties = (impostor == other[:, None]).sum(axis=1) - 1
    over, same = (impostor > mate[:, None]), (impostor == mate[:, None])
    kind = np.zeros(n_people, dtype=int) if kind is None else kind
    known = kind[subject][:, None] == kind[None]
    return SearchResult(
        subject=subject.astype(str),
        mated_score=mate,
        n_above=over.sum(axis=1),
        n_tied=same.sum(axis=1),
        best_impostor=impostor.max(axis=1),
        n_gallery=n_people,
        edges=edges,
        sketch_subject=people.astype(str),
        sketch=sketch,
        n_impostors=np.array([(subject == one).sum() * (n_people - 1) for one in people]),
        matched_impostor_above=above,
        matched_impostor_tied=ties,
        demographic_above=(over & known).sum(axis=1),
        demographic_tied=(same & known).sum(axis=1),
        demographic_size=known.sum(axis=1),
        demographic_best=np.where(known, impostor, -np.inf).max(axis=1),
        nearest=-np.sort(-impostor, axis=1)[:, : min(11, n_people - 1)],
        rival=rivals(over, same),
        demographic_rival=rivals(over & known, same & known),
    )


def rivals(over: np.ndarray, same: np.ndarray | None = None, digits: int = 1) -> np.ndarray:
    """(n_probes,) the name of one of the people who come before each probe's own, "" of none.

    Parameters
    ----------
    over, same : (n_probes, n_people) who scores more, and as much
    digits : of a name
    """
    before = over if same is None else np.where(over.any(axis=1)[:, None], over, same)
    lots = np.random.default_rng(0).random(before.shape)
    place = np.where(before, lots, -1).argmax(axis=1)
    return np.where(before.any(axis=1), np.char.zfill(place.astype(str), digits), "")


def random_search(rng: np.random.Generator, n_people: int, signal: float = 0.0):
    """A search of a gallery in which people have one to five probes each."""
    subject = np.repeat(np.arange(n_people), rng.integers(1, 6, n_people))
    goats = rng.normal(size=n_people)  # some people score higher with everybody
    scores = rng.normal(size=(len(subject), n_people)) + goats
    scores[np.arange(len(subject)), subject] += signal
    return search_result(scores, subject, np.roll(np.arange(n_people), 1))


def alike_people(
    rng: np.random.Generator,
    n_people: int,
    signal: float,
    *,
    spread: float = 0.5,
    by_probe: float = 0.4,
    by_gallery: float = 0.4,
    most_probes: int = 3,
):
    """Scores of people of whom some score higher with everybody, as probes and in the gallery.

    Returns
    -------
    scores, subject : (n_probes, n_people) and whose each probe is
    """
    subject = np.repeat(np.arange(n_people), rng.integers(1, most_probes + 1, n_people))
    probe, gallery = (rng.normal(0, one, n_people) for one in (by_probe, by_gallery))
    pair = rng.normal(0, 0.5, (n_people, n_people)) + gallery + probe[:, None]
    scores = pair[subject] + rng.normal(size=(len(subject), n_people))
    scores[np.arange(len(subject)), subject] += rng.normal(signal, spread, n_people)[subject]
    return scores, subject

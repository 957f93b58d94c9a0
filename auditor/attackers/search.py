"""1:N search, block by block: every probe against every person of a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.demographics import Demographics
from auditor.core.evidence import Margins, SearchResult

Rows = NDArray[np.float32]
#: Probes compared at once.
BLOCK = 256
#: Thresholds at which impostor scores are counted: at most so many, and so many in all people's
#: rows of the sketch together.
MAX_EDGES, _MAX_CELLS = 512, 12_800_000
#: How many of a probe's best impostors are kept: one, and ten others to hold it against.
_NEAREST = 11
#: Of a larger gallery, the sketch counts the scores of so many people, drawn for each block anew.
SKETCHED = 1000
#: Who knows a person's sex and age looks among those of that sex, and no further off in age, years;
#: who knows the date of the enrolled record, among those enrolled no further off in time, days.
AGE_REACH, DAY_REACH = 5.0, 7.0
#: Shares of a probe's margin at which it is counted who would come before the own person.
_LOSSES = np.concatenate([[0.0], np.geomspace(0.002, 2, 96)])


def search_gallery(
    rows: Callable[[int], tuple[Rows, Rows]],
    gallery_subject: NDArray[np.str_],
    probe_subject: NDArray[np.str_],
    demographics: Mapping[str, Demographics],
    rng: np.random.Generator,
    fold: NDArray[np.int64] | None = None,
) -> SearchResult:
    """What searching a gallery for each probe gives; the score is the dot product of two rows.

    Never holds more than `BLOCK` × gallery scores.

    Parameters
    ----------
    rows : of a fold, the gallery (n, k) and that fold's probes in order, (n_in_fold, k)
    gallery_subject, probe_subject : whose each row is; every probe's person is enrolled
    demographics : of each person
    fold : (n_probes,) which fold each probe is in; all in fold 0 if not given
    """
    people, code = np.unique(gallery_subject, return_inverse=True)
    own_code = np.searchsorted(people, probe_subject)
    if (people[np.minimum(own_code, len(people) - 1)] != probe_subject).any():
        raise ValueError("a probe's person is not in the gallery")
    fold = np.zeros(len(probe_subject), dtype=np.int64) if fold is None else fold
    order = np.argsort(code, kind="stable")
    search = _Search(order, np.flatnonzero(np.diff(code[order], prepend=-1)), rows, fold)
    every = [demographics[person] for person in people]
    matched, alike = _matched_impostors(every, rng), _AlikeInDemographics(every)
    sketch_subject, sketch_row = np.unique(probe_subject, return_inverse=True)
    edges = _edges(search.mated_scores(own_code), len(sketch_subject))
    sketch = np.zeros((len(sketch_subject), len(edges)), dtype=np.int64)
    n_sketched = np.zeros(len(sketch_subject), dtype=np.int64)

    n = len(probe_subject)
    mated_score, best_impostor = np.empty(n), np.full(n, -np.inf)
    n_above, n_tied, demographic_above, demographic_tied = np.zeros((4, n), dtype=np.int64)
    demographic_size, demographic_best = np.ones(n, dtype=np.int64), np.full(n, -np.inf)
    matched_above, matched_tied = np.full((2, n), -1)
    rival, demographic_rival = np.full((2, n), -1)
    # Drawn apart, so that what is drawn of a large gallery stays what it was.
    lots = rng.spawn(1)[0]
    nearest = np.empty((n, min(_NEAREST, min(SKETCHED, len(people)) - 1)))
    for block, scores in search.blocks():
        own = own_code[block]
        at = np.arange(len(block)), own
        mated = scores[at]
        scores[at] = -np.inf
        mated_score[block], best_impostor[block] = mated, scores.max(axis=1)
        # Whose own person scores best is first of all, and first among any of them.
        beaten = np.flatnonzero(best_impostor[block] >= mated)
        n_above[block[beaten]], n_tied[block[beaten]] = _place(scores[beaten], mated[beaten])
        for place in beaten.tolist():
            rival[block[place]] = _rival(scores[place], mated[place], lots)
        demographic_size[block] += alike.count[own]
        if not alike.are_all:
            for place in range(len(block)):
                near = alike.to(own[place])
                theirs = scores[place, near]
                demographic_best[block[place]] = theirs.max(initial=-np.inf)
                demographic_above[block[place]] = np.count_nonzero(theirs > mated[place])
                demographic_tied[block[place]] = np.count_nonzero(theirs == mated[place])
                if demographic_best[block[place]] >= mated[place]:
                    demographic_rival[block[place]] = near[_rival(theirs, mated[place], lots)]
        has = np.flatnonzero(matched[own] >= 0)
        over, same = _place(scores[has], scores[has, matched[own[has]]])
        matched_above[block[has]], matched_tied[block[has]] = over, same - 1
        # A large gallery is sketched by a part of it; the own person, −inf, reaches no edge.
        drawn = np.arange(len(people))
        if len(people) > SKETCHED:
            drawn = np.sort(rng.choice(len(people), SKETCHED, replace=False))
        np.add.at(n_sketched, sketch_row[block], len(drawn) - np.isin(own, drawn))
        np.add.at(sketch, sketch_row[block], _reached(scores[:, drawn], edges))
        nearest[block] = _highest(scores[:, drawn], nearest.shape[1])
    if alike.are_all:
        demographic_above, demographic_tied = n_above.copy(), n_tied.copy()
        demographic_best, demographic_rival = best_impostor.copy(), rival.copy()
    names = np.append(people, "")  # −1 is nobody
    return SearchResult(
        subject=probe_subject,
        mated_score=mated_score,
        n_above=n_above,
        n_tied=n_tied,
        best_impostor=best_impostor,
        n_gallery=len(people),
        edges=edges.astype(np.float64),
        sketch_subject=sketch_subject,
        sketch=sketch,
        n_impostors=n_sketched,
        matched_impostor_above=matched_above,
        matched_impostor_tied=matched_tied,
        demographic_above=demographic_above,
        demographic_tied=demographic_tied,
        demographic_size=demographic_size,
        demographic_best=demographic_best,
        nearest=nearest,
        rival=names[rival],
        demographic_rival=names[demographic_rival],
    )


def search_margins(
    rows: Callable[[int], tuple[Rows, Rows]],
    gallery_subject: NDArray[np.str_],
    probe_subject: NDArray[np.str_],
    fold: NDArray[np.int64],
) -> Margins:
    """How far each probe scores above the others of a gallery, by the rows of `search_gallery`."""
    people, code = np.unique(gallery_subject, return_inverse=True)
    own_code = np.searchsorted(people, probe_subject)
    order = np.argsort(code, kind="stable")
    search = _Search(order, np.flatnonzero(np.diff(code[order], prepend=-1)), rows, fold)
    n, others = len(probe_subject), max(len(people) - 1, 1)
    mated_score, mean_impostor, best_impostor = np.empty((3, n))
    nearest = np.empty((n, min(_NEAREST, len(people) - 1)))
    n_reached = np.empty((n, len(_LOSSES)), dtype=np.int64)
    for block, scores in search.blocks():
        at = np.arange(len(block)), own_code[block]
        mated = scores[at].astype(np.float64)
        scores[at] = 0
        mean = scores.sum(axis=1, dtype=np.float64) / others
        scores[at] = -np.inf
        mated_score[block], mean_impostor[block] = mated, mean
        best_impostor[block] = scores.max(axis=1)
        nearest[block] = _highest(scores, nearest.shape[1])
        left = mated[:, None] - (mated - mean)[:, None] * _LOSSES
        for place, probe in enumerate(block):
            # Whoever scores below the mean beats all the more the more is lost: as a loss of none.
            ascending = np.sort(left[place])
            reached = np.searchsorted(ascending, scores[place], side="right")
            counts = np.bincount(reached, minlength=len(_LOSSES) + 1)
            above = counts[::-1].cumsum()[::-1][1:]
            n_reached[probe] = above[::-1] if mated[place] > mean[place] else above
    scored = mated_score, mean_impostor, best_impostor, nearest
    return Margins(probe_subject, *scored, len(people), _LOSSES, n_reached)


@dataclass(frozen=True, eq=False)
class _Search:
    """The gallery in the order of its people, fold by fold.

    Attributes
    ----------
    order : (n_gallery,) rows of the gallery, person after person
    starts : (n_people,) where in that order each person begins
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: Callable[[int], tuple[Rows, Rows]]
    fold: NDArray[np.int64]

    def mated_scores(self, own_code: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_probes,) each probe's score with its own person, to within rounding."""
        mated = np.empty(len(own_code), dtype=np.float32)
        n_rows = np.diff(self.starts, append=len(self.order))
        for one in np.unique(self.fold):
            places = np.flatnonzero(self.fold == one)
            gallery, probe = self.rows(int(one))
            for start in range(0, len(places), BLOCK):
                some = slice(start, start + BLOCK)
                own = own_code[places[some]]
                count = n_rows[own]
                first = np.cumsum(count) - count
                rank = np.arange(count.sum()) - np.repeat(first, count)
                theirs = self.order[np.repeat(self.starts[own], count) + rank]
                scores = np.einsum("ij,ij->i", np.repeat(probe[some], count, 0), gallery[theirs])
                mated[places[some]] = np.maximum.reduceat(scores, first)
        return mated

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], Rows]]:
        """Some probes' places, and each one's best score with each person, (n, n_people)."""
        for one in np.unique(self.fold):
            places = np.flatnonzero(self.fold == one)
            gallery, probe = self.rows(int(one))
            ordered = gallery[self.order].T
            for start in range(0, len(places), BLOCK):
                scores = probe[start : start + BLOCK] @ ordered
                if len(self.starts) < len(self.order):
                    scores = np.maximum.reduceat(scores, self.starts, axis=1)
                yield places[start : start + BLOCK], scores


def _reached(scores: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n, n_edges) how many of each row's scores are at or above each edge."""
    n, bins = len(scores), len(edges) + 1
    place = np.searchsorted(edges, scores, side="right") + np.arange(n)[:, None] * bins
    met = np.bincount(place.ravel(), minlength=n * bins).reshape(n, bins)
    return np.asarray(met[:, :0:-1].cumsum(axis=1)[:, ::-1])


class _AlikeInDemographics:
    """For each person, who else is of that sex and about that age, and was enrolled about that day;
    what is unknown fits all.
    """

    def __init__(self, people: list[Demographics]) -> None:
        self.sex = np.array([one.sex for one in people])
        self.age = np.array([one.age for one in people])
        self.day = np.array([one.day for one in people])
        #: Of each sex: everybody by age, the unknown last, and how many have one.
        self.by_age: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for sex in np.unique(self.sex).tolist():
            members = np.flatnonzero(self.sex == sex)
            members = members[np.argsort(self.age[members], kind="stable")]
            ages = self.age[members]
            self.by_age[sex] = members, ages[np.isfinite(ages)]
        self.count = np.full(len(people), -1)  # nobody counts themselves
        for sex, (members, ages) in self.by_age.items():
            fits = (self.sex == sex) | (self.sex == "") | (sex == "")
            low = np.searchsorted(ages, self.age - AGE_REACH, side="left")
            high = np.searchsorted(ages, self.age + AGE_REACH, side="right")
            in_reach = np.where(np.isfinite(self.age), high - low, len(ages))
            self.count += fits * (in_reach + len(members) - len(ages))
        if np.isfinite(self.day).any():
            self.count = np.array([len(self.to(person)) for person in range(len(people))])
        #: Whether everybody is alike to everybody.
        self.are_all = bool((self.count == len(people) - 1).all())

    def to(self, person: int) -> NDArray[np.int64]:
        """Places of those whom somebody who knows this of the person looks among."""
        age, own = self.age[person], str(self.sex[person])
        found = []
        for sex, (members, ages) in self.by_age.items():
            if not own or not sex or sex == own:
                first, last = 0, len(ages)
                if np.isfinite(age):
                    first = int(np.searchsorted(ages, age - AGE_REACH))
                    last = int(np.searchsorted(ages, age + AGE_REACH, side="right"))
                found += [members[first:last], members[len(ages) :]]
        near = np.concatenate(found)
        near = near[near != person]
        if np.isfinite(self.day[person]):
            # A day that is not known is no further off than any.
            near = near[~(np.abs(self.day[near] - self.day[person]) > DAY_REACH)]
        return near


def _edges(mated: NDArray[np.float32], n_people: int) -> NDArray[np.float32]:
    """The thresholds of the sketch: every mated score, or quantiles of them when they are many.

    Drawn a few roundings lower, so that a mated score reaches its own edge however it is summed.
    """
    most = int(np.clip(_MAX_CELLS // n_people, 64, MAX_EDGES))
    edges = np.unique(mated)
    if len(edges) > most:
        # Closer together where few mated scores are as low: there the errors are equal.
        low, high = np.geomspace(1e-5, 0.2, most // 2), np.linspace(0.2, 1, most - most // 2)
        shares = np.concatenate([[0.0], low, high[1:]])
        edges = np.unique(np.quantile(mated, shares, method="lower"))
    return np.asarray(edges - 8 * np.finfo(np.float32).eps * np.abs(edges), dtype=np.float32)


def _highest(scores: Rows, k: int) -> Rows:
    """(n, k) each row's highest scores, the highest first; the own person scores −inf."""
    beyond = np.partition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k :]
    return np.asarray(np.sort(beyond, axis=1)[:, ::-1])


def _place(
    impostor: NDArray[np.float32], score: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    over = np.count_nonzero(impostor > score[:, None], axis=1)
    same = np.count_nonzero(impostor == score[:, None], axis=1)
    return over, same


def _rival(impostor: NDArray[np.float32], score: np.float32, lots: np.random.Generator) -> int:
    """The place of one who scores more, drawn at random, or as much where nobody scores more."""
    first = np.flatnonzero(impostor > score)
    if not len(first):
        first = np.flatnonzero(impostor == score)
    return int(first[lots.integers(len(first))]) if len(first) > 1 else int(first[0])


def _matched_impostors(people: list[Demographics], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each person another one of the same kind, −1 where there is none or none is needed."""
    kind = np.array([one.kind for one in people])
    matched = np.full(len(people), -1)
    for one in np.unique(kind):
        members = rng.permutation(np.flatnonzero(kind == one))
        if len(members) > 1:
            matched[members] = np.roll(members, 1)
    # A control of so many people is as telling as one of all.
    matched[rng.permutation(len(people))[SKETCHED:]] = -1
    return matched

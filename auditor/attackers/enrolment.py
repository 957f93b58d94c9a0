"""Whose records are named and whose are to be, and how the two are matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.attribute_learners import FOLDS
from auditor.attackers.demographics import Demographics, demographics
from auditor.attackers.matchers import MATCHERS, Rows
from auditor.attackers.search import search_gallery
from auditor.attackers.subspace import Plda, scatter_of_repeats
from auditor.core.evidence import SearchResult
from auditor.core.target import Floats
from auditor.data.protocols import subject_folds

#: People with repeats from whom a match can be taught: two of five folds are left out each time.
MIN_TEACHERS = 20


#: How far one person scatters where no repeat says, as a share of how far people do.
_UNSEEN_SCATTER = 0.2


#: Of a fold, the gallery (n, k) and that fold's probes: the dot product of two rows is the score.
Match = Callable[[int], tuple[Rows, Rows]]


#: (n_people,) who may teach → how a gallery and probes are then matched.
Teach = Callable[[NDArray[np.bool_]], Callable[[Floats, Floats], tuple[Floats, Floats]]]


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Whose records are named and whose are to be.

    Attributes
    ----------
    gallery, probe : rows of the target
    enrolled, asked : whose they are; everybody who is asked about is enrolled
    gallery_fold, fold : the fold of the row's person, by whom nobody of that fold is taught
    """

    gallery: NDArray[np.int64]
    probe: NDArray[np.int64]
    enrolled: NDArray[np.str_]
    asked: NDArray[np.str_]
    gallery_fold: NDArray[np.int64]
    fold: NDArray[np.int64]
    demographics: Mapping[str, Demographics]

    @classmethod
    def of(
        cls,
        records: pd.DataFrame,
        gallery: NDArray[np.int64],
        probe: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Enrolment:
        """Of places in a table of records."""
        row, subject = (
            records["row"].to_numpy(),
            records["subject"].to_numpy().astype(str),
        )
        people, code = np.unique(subject, return_inverse=True)
        fold = np.empty(len(people), dtype=np.int64)
        for one, members in enumerate(subject_folds(np.zeros(len(people), np.int64), FOLDS, rng)):
            fold[members] = one
        sides = [(row[places], subject[places], fold[code[places]]) for places in (gallery, probe)]
        (rows, enrolled, gallery_fold), (probes, asked, probe_fold) = sides
        known = demographics(records)
        return cls(rows, probes, enrolled, asked, gallery_fold, probe_fold, known)

    def met(
        self, match: Match, rng: np.random.Generator, people: NDArray[np.str_] | None = None
    ) -> SearchResult:
        """Every probe against everybody enrolled; of some people alone where they are given."""
        everybody = np.unique(self.enrolled) if people is None else people
        named, asked = np.isin(self.enrolled, everybody), np.isin(self.asked, everybody)

        def rows(fold: int) -> tuple[Rows, Rows]:
            gallery, probe = match(fold)
            return gallery[named], probe[asked[self.fold == fold]]

        fold = self.fold[asked]
        return search_gallery(
            rows, self.enrolled[named], self.asked[asked], self.demographics, rng, fold
        )

    def plainly(self, matcher: str, gallery: Rows, probe: Rows) -> Match:
        """By a registered matcher, which learns nothing of what one person does.

        Parameters
        ----------
        gallery, probe : (n, d) of the target's records, as each side is seen
        """
        rows, probes = MATCHERS[matcher](gallery[self.gallery], probe[self.probe])
        return lambda fold: (rows, probes[self.fold == fold])

    def taught(self, teach: Teach, gallery: Rows, probe: Rows) -> Match:
        """By matches that others teach.

        A probe is met by as many matches as there are folds, each for the gallery's people of one
        fold: neither the probe's person nor the one it is held against has taught it anything.
        """
        taught: dict[frozenset[int], Callable[[Floats, Floats], tuple[Floats, Floats]]] = {}
        named, probes = (
            side[rows].astype(np.float64)
            for side, rows in ((gallery, self.gallery), (probe, self.probe))
        )

        def rows(fold: int) -> tuple[Rows, Rows]:
            sides: tuple[list[Floats], list[Floats]] = [], []
            for other in range(FOLDS):
                # Where the two are one, the next stands in for it, so that as many are left.
                left_out = frozenset((fold, other if other != fold else (fold + 1) % FOLDS))
                if left_out not in taught:
                    may = ~np.isin(self.gallery_fold, list(left_out))
                    taught[left_out] = teach(np.isin(self.enrolled, self.enrolled[may]))
                one, two = taught[left_out](named, probes[self.fold == fold])
                sides[0].append(one * (self.gallery_fold == other)[:, None])
                sides[1].append(two)
            return np.hstack(sides[0]).astype(np.float32), np.hstack(sides[1]).astype(np.float32)

        return rows


def whitened(seen: Rows) -> Rows:
    """The same along its directions, each in units of its spread, but for what is next to none."""
    centred = (seen - seen.mean(axis=0)).astype(np.float64)
    size, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    spread = np.sqrt(np.maximum(size, 0) + _NEXT_TO_NONE * size.mean() + 1e-12)
    return np.asarray(centred @ directions / spread, dtype=np.float32)


def taught_by_repeats(field: Enrolment, seen: Rows) -> Teach:
    """A match that has learned how other people's records scatter from one to the next."""
    values = seen.astype(np.float64)
    people, again = values[field.gallery], values[field.probe]
    alike = people.var(axis=0).mean() * _UNSEEN_SCATTER * np.eye(people.shape[1])
    repeating = np.isin(field.enrolled, field.asked)

    def teach(may: NDArray[np.bool_]) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
        named = may & repeating
        asked = np.isin(field.asked, field.enrolled[named])
        items = np.concatenate([people[named], again[asked]])
        whose = np.concatenate([field.enrolled[named], field.asked[asked]])
        scatter = scatter_of_repeats(items, np.unique(whose, return_inverse=True)[1])
        return Plda.of(people, scatter + alike).rows

    return teach


#: Of the mean scatter of an output, what is next to no scatter in one direction.
_NEXT_TO_NONE = 0.01

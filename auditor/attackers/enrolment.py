"""Who is enrolled, who is asked about, and by whom a match of the two may be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.demographics import Demographics, demographics
from auditor.attackers.matchers import Rows
from auditor.core.streams import stream
from auditor.data.protocols import Items, Split, later, subject_folds
from auditor.targets.context import Context

FOLDS = 5

Places = NDArray[np.int64]
#: Rows of a gallery and of items asked about → rows of both whose dot product is the score.
Trained = Callable[[Rows, Rows], tuple[NDArray[np.floating], NDArray[np.floating]]]
#: Places in the gallery and in the pool of mated items, and whose they are, the gallery's first →
#: what they train.
Train = Callable[[Places, Places, NDArray[np.str_]], Trained]


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Who is enrolled, who is asked about, and in which fold each person is.

    Attributes
    ----------
    gallery, pool : the named items, and all others whose people are enrolled
        Their rows are of the records of a release, or of the outputs of a model.
    probe : places in the pool of the items that the protocol asks about
    gallery_subject, pool_subject : (n_gallery,), (n_pool,) whose they are
    gallery_fold, pool_fold : (n_gallery,), (n_pool,) the fold of the item's person
    demographics : of each person
    """

    gallery: Items
    pool: Items
    probe: Places
    gallery_subject: NDArray[np.str_]
    pool_subject: NDArray[np.str_]
    gallery_fold: Places
    pool_fold: Places
    demographics: Mapping[str, Demographics]

    @classmethod
    def of_release(cls, context: Context, split: Split) -> Enrolment:
        """Of the recordings of a release under one protocol.

        Of whole records the pool holds all that may be asked about under any protocol, so that
        two protocols are trained on the same people.
        """
        pool, probe = split.probe, np.arange(len(split.probe))
        if not split.gallery.half.any():
            pool = Items.whole(later(context.records))
            probe = np.searchsorted(pool.row, split.probe.row)
        rng = stream(context.seed, "folds")
        return replace(cls._of(context.records, split.gallery, pool, rng), probe=probe)

    @classmethod
    def of_outputs(
        cls, records: pd.DataFrame, gallery: Places, probe: Places, rng: np.random.Generator
    ) -> Enrolment:
        """Of places in a table of a model's records, whose column `row` says where its outputs
        stand.
        """
        row = records["row"].to_numpy()
        named = cls._of(records, Items.whole(gallery), Items.whole(probe), rng)
        return replace(named, gallery=Items.whole(row[gallery]), pool=Items.whole(row[probe]))

    @classmethod
    def _of(
        cls, records: pd.DataFrame, gallery: Items, pool: Items, rng: np.random.Generator
    ) -> Enrolment:
        subject = records["subject"].to_numpy().astype(str)
        people, code = np.unique(subject, return_inverse=True)
        fold = np.empty(len(people), dtype=np.int64)
        nobody = np.zeros(len(people), dtype=np.int64)
        for one, members in enumerate(subject_folds(nobody, FOLDS, rng)):
            fold[members] = one
        whose = subject[gallery.row], subject[pool.row]
        folds = fold[code[gallery.row]], fold[code[pool.row]]
        return cls(gallery, pool, np.arange(len(pool)), *whose, *folds, demographics(records))

    @property
    def of_halves(self) -> bool:
        """Whether halves of one record are searched for by the other halves."""
        return bool(self.gallery.half.any())

    @property
    def n_mated(self) -> int:
        """How many people have items in the pool, too."""
        return len(np.unique(self.pool_subject))

    def others(self, fold: int, other: int) -> tuple[Places, Places, NDArray[np.str_]]:
        """Places in the gallery and in the pool of the mated items of people outside two folds, and
        whose those are, gallery first. Where the two are one, the next stands in for it, so that
        as many are left.
        """
        pool = np.flatnonzero(~np.isin(self.pool_fold, list(_left_out(fold, other))))
        gallery = np.flatnonzero(np.isin(self.gallery_subject, self.pool_subject[pool]))
        whose = np.concatenate([self.gallery_subject[gallery], self.pool_subject[pool]])
        return gallery, pool, whose


def _left_out(fold: int, other: int) -> frozenset[int]:
    return frozenset((fold, other if other != fold else (fold + 1) % FOLDS))


@dataclass(frozen=True, eq=False)
class CrossFittedMatch:
    """A match that is trained on mated items of other people of an enrolment.

    A probe is met by as many matches as there are folds, each for the gallery's people of one fold:
    neither the probe's person nor the one it is held against has trained it. Were only the probe's
    own left out, the others of the gallery would be matched by what they taught, and the person by
    what they did not.

    Attributes
    ----------
    trained : what was trained without the people of two folds, by these
    """

    enrolment: Enrolment
    train: Train
    trained: dict[frozenset[int], Trained] = field(default_factory=dict)

    def __call__(self, gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        """Rows of the whole gallery, and of some items that are asked about in a fold."""
        sides: tuple[list[NDArray[np.floating]], list[NDArray[np.floating]]] = [], []
        for other in range(FOLDS):
            left_out = _left_out(fold, other)
            if left_out not in self.trained:
                self.trained[left_out] = self.train(*self.enrolment.others(fold, other))
            rows, probes = self.trained[left_out](gallery, asked)
            sides[0].append(rows * (self.enrolment.gallery_fold == other)[:, None])
            sides[1].append(probes)
        return np.hstack(sides[0]).astype(np.float32), np.hstack(sides[1]).astype(np.float32)

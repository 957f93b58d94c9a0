"""Probabilistic LDA: how one person's items scatter beside how people do, as pairs show it.

The likelihood ratio of two-covariance PLDA (Ioffe, ECCV 2006; Brümmer and de Villiers, Odyssey
2010). How one person scatters is learned from the mated pairs of other people of an enrolment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from auditor.attackers.beat_space import placed
from auditor.attackers.enrolment import CrossFittedMatch, Enrolment, Places, Trained
from auditor.attackers.matchers import Rows
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.targets.context import Context

Floats = NDArray[np.float64]

#: Of the scatter within people, this much is taken to be alike in all directions.
_SHRINKAGE = 0.1
#: Directions that are kept: those that tell people apart.
_DIMENSIONS = 80
#: How far one person scatters where no pair says, as a share of how far people do.
_UNSEEN_SCATTER = 0.2


@dataclass(frozen=True, eq=False)
class PLDA:
    """How people differ beside how one person does, along directions that tell them apart.

    In these coordinates one person scatters alike in all directions, by 1, and people by `ratio`.
    """

    origin: Floats
    directions: Floats
    ratio: Floats

    @classmethod
    def of(
        cls,
        people: Floats,
        within: Floats,
        shrinkage: float = _SHRINKAGE,
        origin: Floats | None = None,
    ) -> PLDA:
        """From (n_people, k) where people lie and (k, k) how one person scatters.

        Parameters
        ----------
        shrinkage : of the scatter within people, this much is taken to be alike in all directions
        origin : (k,) the mean of items; that of people if not given
        """
        middle = people.mean(axis=0)
        centred = people - middle
        between = centred.T @ centred / max(len(people) - 1, 1)
        size = np.trace(within) / len(within)
        alike = (shrinkage * size + 1e-12) * np.eye(len(within))
        kept = max(min(_DIMENSIONS, len(within), len(people) - 1), 1)
        spread = (1 - shrinkage) * within + alike
        first = len(within) - kept
        ratio, directions = eigh(between, spread, subset_by_index=[first, len(within) - 1])
        placed = middle if origin is None else origin
        return cls(placed, directions[:, ::-1], np.maximum(ratio[::-1], 1e-9))

    def rows(self, gallery: Floats, probe: Floats) -> tuple[Floats, Floats]:
        """Rows whose dot product is the log-likelihood ratio of one person to two.

        With T = 1 + r and D = T² − r², of x and y along a direction with ratio r it is
        r/D · xy + (1/T − T/D)/2 · (x² + y²), and a constant. Each item is first brought to the
        length that a random one would have (Garcia-Romero and Espy-Wilson, Interspeech 2011).
        """
        total = 1 + self.ratio
        spare = total**2 - self.ratio**2
        cross, own = self.ratio / spare, (1 / total - total / spare) / 2
        x, y = self._placed(gallery), self._placed(probe)
        one_x, one_y = np.ones((len(x), 1)), np.ones((len(y), 1))
        scale = 1 / np.sqrt(len(self.ratio))
        return (
            np.hstack([x * cross, (x**2) @ own[:, None], one_x]) * scale,
            np.hstack([y, one_y, (y**2) @ own[:, None]]),
        )

    def _placed(self, items: Floats) -> Floats:
        """Coordinates, of the length that is expected of them."""
        spread = np.sqrt(1 + self.ratio)
        rows = (items - self.origin) @ self.directions / spread
        length = np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(len(spread))
        return np.asarray(rows / np.maximum(length, 1e-12) * spread)


def scatter_of_pairs(items: Floats, whose: NDArray[np.str_]) -> Floats:
    """(k, k) how the records of one person scatter, averaged over people who have several.

    Parameters
    ----------
    items : (n, k)
    whose : (n,) the person of each; everybody has at least two
    """
    _, code, count = np.unique(whose, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(code, column) for column in items.T], axis=1) / count[:, None]
    away = (items - means[code]) / np.sqrt((count[code] - 1) * len(count))[:, None]
    return np.asarray(away.T @ away)


def log_ratios(
    gallery: Rows, asked: Rows, parts: Sequence[slice], models: Sequence[PLDA]
) -> tuple[Rows, Rows]:
    """Rows whose dot product is the sum of the parts' log-likelihood ratios."""
    sides = [
        model.rows(gallery[:, part].astype(np.float64), asked[:, part].astype(np.float64))
        for part, model in zip(parts, models, strict=True)
    ]
    rows, probes = (np.hstack(side).astype(np.float32) for side in zip(*sides, strict=True))
    return rows, probes


@dataclass(frozen=True, eq=False)
class RepeatPLDA:
    """PLDA of an enrolment's coordinates, to be trained on mated pairs of some of its people.

    Attributes
    ----------
    gallery, pool : (n, d) coordinates
    parts : which columns are one space each; the log-likelihood ratios of all are summed
    unseen : of each part (k, k), how one person is taken to scatter beside what pairs show
    """

    gallery: Floats
    pool: Floats
    parts: Sequence[slice]
    unseen: Sequence[Floats]

    def train(self, named: Places, repeats: Places, whose: NDArray[np.str_]) -> Trained:
        """What some items of the gallery and of the pool teach, as `enrolment.Train` has it."""
        models = [
            PLDA.of(self.gallery[:, part], within + unseen)
            for part, within, unseen in zip(
                self.parts, self.within(named, repeats, whose), self.unseen, strict=True
            )
        ]
        return partial(log_ratios, parts=self.parts, models=models)

    def within(self, named: Places, repeats: Places, whose: NDArray[np.str_]) -> list[Floats]:
        """Of each part, how the items of one person scatter."""
        items = np.concatenate([self.gallery[named], self.pool[repeats]])
        return [scatter_of_pairs(items[:, part], whose) for part in self.parts]


def repeat_plda(
    enrolment: Enrolment,
    gallery: Rows,
    pool: Rows,
    trained: dict[frozenset[int], Trained] | None = None,
    *,
    parts: Sequence[slice] | None = None,
    unseen: Sequence[Floats] | None = None,
) -> Recogniser:
    """A recogniser by coordinates, matched by PLDA that other people's mated pairs have trained.

    Parameters
    ----------
    gallery, pool : (n, d) coordinates, all known
    trained : what was trained on these before
    parts, unseen : as in `RepeatPLDA`; one space, and a share of how people differ, if not given
    """
    known = gallery.astype(np.float64)
    if parts is None or unseen is None:
        n = known.shape[1]
        parts, unseen = [slice(0, n)], [gallery.var(axis=0).mean() * _UNSEEN_SCATTER * np.eye(n)]
    plda = RepeatPLDA(known, pool.astype(np.float64), parts, unseen)
    match = CrossFittedMatch(enrolment, plda.train, {} if trained is None else trained)
    return Recogniser(enrolment, gallery, pool, match, folded=True)


def kept_plda(context: Context, enrolment: Enrolment, name: str) -> dict[frozenset[int], Trained]:
    """What a recogniser was trained on in this gallery and pool, under whichever protocol."""
    found: dict[frozenset[int], Trained] = context.memo.setdefault(
        ("trained on pairs", name, enrolment.of_halves), {}
    )
    return found


@recogniser("plda", title="Space tuned on others' repeats", rung=60, trained_on_pairs=True)
def plda(context: Context, enrolment: Enrolment) -> Recogniser:
    """Beats in a learned space, and how other people's records scatter from one to the next."""
    seen = placed(context, enrolment)
    return repeat_plda(
        enrolment,
        seen.gallery,
        seen.pool,
        kept_plda(context, enrolment, "plda"),
        parts=seen.parts,
        unseen=[one / 2 for one in seen.within],
    )

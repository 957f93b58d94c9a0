"""All recognisers of a preset together: their normalised scores, weighed as other people's pairs
say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from auditor.attackers.enrolment import FOLDS, Enrolment
from auditor.attackers.matchers import Match, Rows
from auditor.attackers.recogniser import MIN_MATED, RECOGNISERS, Recogniser, recogniser
from auditor.core.streams import stream
from auditor.targets.context import Context

FUSION = "fusion"
#: Gallery people that a score is normalised by, and how many of them, the nearest, it is.
_COHORT, _NEAREST = 1000, 60
#: Impostors that weights are learned from, for each record; how much these are drawn to equality.
_IMPOSTORS, _RIDGE = 50, 0.1

Floats = NDArray[np.float64]


@recogniser("fusion", title="All of these together", rung=100)
def fusion(context: Context, enrolment: Enrolment) -> Recogniser:
    """Every recogniser of the preset that can be had, and that enough people have pairs for."""
    names = [name for name in context.fused if name != FUSION]
    names = [name for name in names if not RECOGNISERS.unavailable(context, name)]
    if enrolment.n_mated < MIN_MATED:
        names = [name for name in names if not RECOGNISERS[name].trained_on_pairs]
    parts = [RECOGNISERS[name](context, enrolment) for name in names]
    gallery = np.hstack([one.gallery for one in parts])
    pool = np.hstack([one.pool for one in parts])
    return Recogniser(enrolment, gallery, pool, Fusion.of(parts, context.seed), folded=True)


@dataclass(frozen=True, eq=False)
class Fusion:
    """The weighed sum of several matches, of coordinates that stand side by side.

    Attributes
    ----------
    matches : normalised, each with the columns that it reads
    weights : (n_matches,) for each fold, not negative, together 1
    """

    matches: Sequence[tuple[slice, Match]]
    weights: Sequence[Floats]

    @classmethod
    def of(cls, parts: Sequence[Recogniser], seed: int) -> Fusion:
        """Of recognisers of one enrolment; a fold's weights are learned from the pairs of the
        others, who are asked about in their own folds.
        """
        parts = [replace(one, match=adaptive_s_norm(one.match, one.enrolment)) for one in parts]
        ends = np.cumsum([0, *(one.gallery.shape[1] for one in parts)]).tolist()
        columns = [slice(start, stop) for start, stop in pairwise(ends)]
        seen = [_scores(parts, fold, seed) for fold in range(FOLDS)]
        weights = [
            _weights([one for other, one in enumerate(seen) if other != fold])
            for fold in range(FOLDS)
        ]
        return cls([(at, one.match) for at, one in zip(columns, parts, strict=True)], weights)

    def __call__(self, gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        """Rows of the whole gallery, and of some items that are asked about in a fold."""
        root = np.sqrt(self.weights[fold]).astype(np.float32)
        seen = [match(gallery[:, at], asked[:, at], fold) for at, match in self.matches]
        rows, probes = (
            np.hstack([side * share for side, share in zip(sides, root, strict=True)])
            for sides in zip(*seen, strict=True)
        )
        return rows, probes


def adaptive_s_norm(match: Match, enrolment: Enrolment) -> Match:
    """A match with scores in units of how the nearest other people of the gallery score.

    Adaptive symmetric normalisation (Matějka et al., Interspeech 2017): what remains is how much
    more alike two items are than either is to its nearest others. The two spreads enter by their
    geometric mean, so that the score stays a dot product of rows:
    s / √(σσ′) − (c/σ + c′/σ′) / 2. Of a probe's cohort the best is left out, for it may be the
    person.
    """
    subject = enrolment.gallery_subject
    first = np.unique(subject, return_index=True)[1]
    cohort = first[:: -(-len(first) // _COHORT)]

    def normalised(gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        rows, both = match(gallery, np.concatenate([asked, gallery[cohort]]), fold)
        probe, as_probes = both[: len(asked)], both[len(asked) :]
        met = as_probes @ rows.T  # (n_cohort, n_gallery)
        met[subject[cohort][:, None] == subject[None]] = -np.inf
        centre, spread = _nearest(met.T, 0)
        probe_centre, probe_spread = _nearest(probe @ rows[cohort].T, 1)
        half, probe_half = np.full((len(rows), 1), 0.5), np.full((len(probe), 1), 0.5)
        sides = (
            (rows / np.sqrt(spread), -centre / spread, half),
            (probe / np.sqrt(probe_spread), probe_half, -probe_centre / probe_spread),
        )
        one, other = (np.hstack(side).astype(np.float32) for side in sides)
        return one, other

    return normalised


def _nearest(scores: Rows, skipped: int) -> tuple[Rows, Rows]:
    """(n, 1) the mean and the spread of each row's highest scores, but for the first so many."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64), axis=1)[:, ::-1]
    many = max(min(_NEAREST, scores.shape[1] - 1 - skipped), 1)
    near = ordered[:, skipped : skipped + many]
    near = np.where(np.isfinite(near), near, near[:, :1])
    spread = near.std(axis=1, keepdims=True)
    # Where the others are all alike there is no unit to measure in: the score stays as it is.
    return near.mean(axis=1, keepdims=True), np.where(spread > 1e-9, spread, 1.0)


def _scores(parts: Sequence[Recogniser], fold: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """What recognisers say of a fold's items: of mated ones (n, n_parts), of impostors drawn at
    random (m, n_parts), and how much each item counts, (n,), everybody the same.
    """
    who = parts[0].enrolment
    pool = np.flatnonzero(who.pool_fold == fold)
    drawn = stream(seed, f"fusion/{fold}").integers(len(who.gallery), size=(len(pool), _IMPOSTORS))
    mated, impostors = [], []
    own = who.gallery_subject[None] == who.pool_subject[pool][:, None]
    for one in parts:
        gallery, probe = one.rows(fold, pool)
        scores = probe @ gallery.T
        mated.append(np.where(own, scores, -np.inf).max(axis=1))
        impostors.append(np.take_along_axis(scores, drawn, axis=1))
    impostor = ~np.take_along_axis(own, drawn, axis=1)
    _, code, count = np.unique(who.pool_subject[pool], return_inverse=True, return_counts=True)
    others = np.stack([scores[impostor] for scores in impostors], axis=1)
    return np.stack(mated, axis=1), others, 1 / count[code]


def _weights(seen: Sequence[tuple[Floats, Floats, Floats]]) -> Floats:
    """(n_matches,) not negative, by logistic regression of genuine against impostor; together 1.

    Drawn towards equal weights, which is what it comes to when nobody is there to learn from.
    """
    genuine, impostor, share = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    n_matches = genuine.shape[1]
    people = share.sum()
    if people < MIN_MATED:
        return np.full(n_matches, 1 / n_matches)
    for_genuine, for_impostor = share / people, np.full(len(impostor), 1 / len(impostor))

    def loss(place: Floats) -> tuple[float, Floats]:
        weight, bias = place[:-1], place[-1]
        wrong_genuine = expit(-(genuine @ weight + bias))
        wrong_impostor = expit(impostor @ weight + bias)
        value = (
            for_genuine @ np.logaddexp(0, -(genuine @ weight + bias))
            + for_impostor @ np.logaddexp(0, impostor @ weight + bias)
            + _RIDGE / people * ((weight - weight.mean()) ** 2).sum()
        )
        slope = impostor.T @ (for_impostor * wrong_impostor) - genuine.T @ (
            for_genuine * wrong_genuine
        )
        slope = slope + 2 * _RIDGE / people * (weight - weight.mean())
        bias_slope = for_impostor @ wrong_impostor - for_genuine @ wrong_genuine
        return float(value), np.append(slope, bias_slope)

    start = np.append(np.full(n_matches, 1 / n_matches), -1.0)
    bounds = [(0.0, None)] * n_matches + [(None, None)]
    weight = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[:-1]
    return np.asarray(weight / weight.sum() if weight.sum() > 0 else start[:-1])

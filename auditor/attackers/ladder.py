"""The rungs of the ladder: how each kind of attacker sees a gallery and the records to be named.

A rung gives each item coordinates and matches them: a match maps coordinates to rows whose dot
product is the score. What a rung learns it learns from the gallery, from people outside the
release, or from *other people's repeats*: records of the release known to be of one person. People
are dealt to folds, and no match is taught by the person who is asked about, nor by the one who is
held against them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from auditor.attackers import embedding, vit
from auditor.attackers.demographics import demographics
from auditor.attackers.matchers import MATCHERS, Rows, in_spreads
from auditor.attackers.search import search_gallery
from auditor.attackers.subspace import Plda, learn, scatter_of_repeats
from auditor.attackers.transformer import ViT
from auditor.attackers.views import VIEWS, build
from auditor.core.errors import ModelError
from auditor.core.evidence import SearchResult
from auditor.core.registry import Registry
from auditor.core.streams import stream
from auditor.data.protocols import (
    Items,
    Split,
    later,
    subject_folds,
)
from auditor.signal.segment import cut
from auditor.targets.context import Case

FOLDS = 5
#: People whose repeats are needed before anything can be learned of how one person differs.
MIN_REPEATS = 10
#: Gallery people that a score is normalised by, and how many of them, the nearest, it is.
_COHORT, _NEAREST = 1000, 60
#: How far one person scatters where no repeat says, as a share of how far people do.
_UNSEEN_SCATTER = 0.2
#: Directions of an embedding that are kept of several leads.
_KEPT = 256
#: Impostors a fusion is taught on, for each record; how much it is drawn to equal weights.
_IMPOSTORS, _RIDGE = 50, 0.1


@dataclass(frozen=True, eq=False)
class Field:
    """Who is enrolled, what may be asked about, and who may be learned from.

    Attributes
    ----------
    gallery, pool : the named items, and all others whose people are enrolled
    probe : places in the pool of the items that the protocol asks about
    enrolled, pooled : (n_gallery,), (n_pool,) whose they are
    fold : (n_pool,) and `gallery_fold` (n_gallery,), the fold of the item's person
    """

    gallery: Items
    pool: Items
    probe: NDArray[np.int64]
    enrolled: NDArray[np.str_]
    pooled: NDArray[np.str_]
    fold: NDArray[np.int64]
    gallery_fold: NDArray[np.int64]

    @classmethod
    def of(cls, case: Case, parts: Split) -> Field:
        """The field of one protocol."""
        subject = case.records["subject"].to_numpy().astype(str)
        pool = parts.probe
        probe = np.arange(len(pool))
        if not parts.gallery.half.any():
            pool = Items.whole(later(case.records))
            probe = np.searchsorted(pool.row, parts.probe.row)
        people, code = np.unique(subject, return_inverse=True)
        fold_of = np.empty(len(people), dtype=np.int64)
        nobody = np.zeros(len(people), dtype=np.int64)
        for one, members in enumerate(subject_folds(nobody, FOLDS, stream(case.seed, "folds"))):
            fold_of[members] = one
        fold = fold_of[code]
        rows = parts.gallery.row, pool.row
        enrolled, pooled = (subject[row] for row in rows)
        folds = fold[pool.row], fold[parts.gallery.row]
        return cls(parts.gallery, pool, probe, enrolled, pooled, *folds)

    @property
    def repeating(self) -> int:
        """How many people have items in the pool."""
        return len(np.unique(self.pooled))

    def others(
        self, fold: int, other: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
        """Places in the gallery and in the pool of the items that people outside two folds repeat,
        and whose those are, gallery first. Where the two are one, the next stands in for it, so
        that as many are left.
        """
        left_out = (fold, other if other != fold else (fold + 1) % FOLDS)
        pool = np.flatnonzero(~np.isin(self.fold, left_out))
        gallery = np.flatnonzero(np.isin(self.enrolled, self.pooled[pool]))
        return gallery, pool, np.concatenate([self.enrolled[gallery], self.pooled[pool]])


#: Gallery, others, fold → rows of both whose dot product is the score.
Match = Callable[[Rows, Rows, int], tuple[Rows, Rows]]


@dataclass(frozen=True, eq=False)
class Rung:
    """One attacker's sight of a field.

    Attributes
    ----------
    gallery, pool : (n, d) coordinates, NaN where unknown
    match : of the gallery, other items and a fold, rows of both
    folded : whether the match differs from fold to fold
    """

    field: Field
    gallery: Rows
    pool: Rows
    match: Match
    folded: bool = False

    def rows(self, fold: int, pool: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """The gallery, and some of the pool, as they are scored in a fold."""
        return self.match(self.gallery, self.pool[pool], fold)

    def normalised(self, fold: int, pool: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """The same with scores in units of how the nearest other people of the gallery score.

        Adaptive symmetric normalisation (Matějka et al., Interspeech 2017): what remains is how
        much more alike two items are than either is to its nearest others. The two spreads enter
        by their geometric mean, so that the score stays a dot product of rows:
        s / √(σσ′) − (c/σ + c′/σ′) / 2. Of a probe's cohort the best is left out, for it may be the
        person.
        """
        enrolled = self.field.enrolled
        first = np.unique(enrolled, return_index=True)[1]
        cohort = first[:: -(-len(first) // _COHORT)]
        asked = np.concatenate([self.pool[pool], self.gallery[cohort]])
        gallery, both = self.match(self.gallery, asked, fold)
        probe, as_probes = both[: len(pool)], both[len(pool) :]
        met = as_probes @ gallery.T  # (n_cohort, n_gallery)
        met[enrolled[cohort][:, None] == enrolled[None]] = -np.inf
        centre, spread = _nearest(met.T, 0)
        probe_centre, probe_spread = _nearest(probe @ gallery[cohort].T, 1)
        half, probe_half = np.full((len(gallery), 1), 0.5), np.full((len(probe), 1), 0.5)
        rows = gallery / np.sqrt(spread), -centre / spread, half
        probe_rows = probe / np.sqrt(probe_spread), probe_half, -probe_centre / probe_spread
        return np.hstack(rows).astype(np.float32), np.hstack(probe_rows).astype(np.float32)


def _nearest(scores: Rows, skipped: int) -> tuple[Rows, Rows]:
    """(n, 1) the mean and the spread of each row's highest scores, but for the first so many."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64), axis=1)[:, ::-1]
    many = max(min(_NEAREST, scores.shape[1] - 1 - skipped), 1)
    near = ordered[:, skipped : skipped + many]
    near = np.where(np.isfinite(near), near, near[:, :1])
    spread = near.std(axis=1, keepdims=True)
    # Where the others are all alike there is no unit to measure in: the score stays as it is.
    return near.mean(axis=1, keepdims=True), np.where(spread > 1e-9, spread, 1.0)


#: How each rung that is no view sees a field.
RUNGS: Registry[Callable[[Case, Field], Rung]] = Registry("rung")
FUSION = "fusion"
#: The rungs that learn how other people differ from one record to the next.
FROM_REPEATS = ("whitened", "plda", "adapted")


def ladder() -> list[str]:
    """Every name that `rung` knows."""
    return [*sorted(VIEWS), *sorted(RUNGS), FUSION]


def untaught(case: Case, view: str) -> str | None:
    """Why there is no network for a view; None where there is one, or none is needed."""
    if view == "vit" and case.training is None:
        return "no network is trained under this preset"
    if view in ("embedding", "adapted"):
        try:
            embedding.stranger_to(case.dataset.name)
        except ModelError as error:
            return str(error)
    return None


def rung(name: str, case: Case, field: Field) -> Rung | Fused:
    """A registered rung, a view with the matcher that suits it, or all of a preset together."""
    if name == FUSION:
        return Fused.of(field, _able(case, field), case.seed)
    return _alone(name, case, field)


def _able(case: Case, field: Field) -> list[Rung]:
    """The rungs of a preset that can be climbed on this release."""
    views = [view for view in case.fused if not untaught(case, view)]
    if field.repeating < MIN_REPEATS:
        views = [view for view in views if view not in FROM_REPEATS]
    return [_alone(view, case, field) for view in views]


def _alone(name: str, case: Case, field: Field) -> Rung:
    return RUNGS[name](case, field) if name in RUNGS else _viewed(name, case, field)


def _viewed(name: str, case: Case, field: Field) -> Rung:
    gallery, pool = (
        build(name, case.prepared, items, case.engine, case.seed).values
        for items in (field.gallery, field.pool)
    )
    matcher = MATCHERS[VIEWS[name].matcher]
    return Rung(field, gallery, pool, lambda gallery, asked, fold: matcher(gallery, asked))


def unlearned(gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
    """Rows whose dot product is the cosine."""
    return MATCHERS["cosine"](gallery, asked)


@RUNGS.register("vit")
def _trained(case: Case, field: Field) -> Rung:
    """A transformer trained on the gallery."""
    return by_encoder(case, field, vit.identity_encoders(case, field.gallery)[0])


def by_encoder(case: Case, field: Field, model: ViT) -> Rung:
    """A transformer's directions."""
    gallery, pool = (
        vit.embedding(case, model, items).values for items in (field.gallery, field.pool)
    )
    return Rung(field, gallery, pool, unlearned)


@RUNGS.register("subspace")
def _subspace(case: Case, field: Field) -> Rung:
    """Beats in a space learned from the gallery: how one record's beats scatter, how people do."""
    gallery, pool, parts, within = _coordinates(case, field)
    models = [
        Plda.of(gallery[:, part].astype(np.float64), scatter)
        for part, scatter in zip(parts, within, strict=True)
    ]
    return Rung(field, gallery, pool, lambda rows, asked, fold: _ratios(rows, asked, parts, models))


@RUNGS.register("plda")
def _plda(case: Case, field: Field) -> Rung:
    """The same, and how other people's records scatter from one to the next."""
    gallery, pool, parts, within = _coordinates(case, field)
    scatter = [one / 2 for one in within]
    taught = _taught_before(case, field, "plda")
    repeats = _Repeats(field, gallery, pool, parts, scatter, taught)
    return Rung(field, gallery, pool, repeats, folded=True)


@RUNGS.register("whitened")
def _whitened(case: Case, field: Field) -> Rung:
    """The fiducial table, and how other people's tables scatter from one record to the next."""
    table = _viewed("fiducials", case, field)
    gallery, pool = (in_spreads(table.gallery, values) for values in (table.gallery, table.pool))
    return _from_repeats(case, field, "whitened", gallery, pool)


@RUNGS.register("embedding")
def _embedding(case: Case, field: Field) -> Rung:
    """A transformer that was taught on people outside the release."""
    return Rung(field, *_directions(case, field), unlearned)


@RUNGS.register("adapted")
def _adapted(case: Case, field: Field) -> Rung:
    """The same, and how other people's embeddings scatter from one record to the next."""
    gallery, pool = _directions(case, field)
    centred = gallery - gallery.mean(axis=0)
    if centred.shape[1] > _KEPT:
        kept = np.linalg.eigh(centred.T @ centred)[1][:, -_KEPT:]
        gallery, pool = gallery @ kept, pool @ kept
    return _from_repeats(case, field, "adapted", gallery, pool)


def _from_repeats(case: Case, field: Field, name: str, gallery: Rows, pool: Rows) -> Rung:
    """Coordinates of one kind, matched as other people's repeats teach."""
    n = gallery.shape[1]
    scatter = [gallery.var(axis=0).mean() * _UNSEEN_SCATTER * np.eye(n)]
    taught = _taught_before(case, field, name)
    repeats = _Repeats(field, gallery, pool, [slice(0, n)], scatter, taught)
    return Rung(field, gallery, pool, repeats, folded=True)


def _taught_before(case: Case, field: Field, name: str) -> dict[tuple[int, int], list[Plda]]:
    """What a rung has learned on this gallery and pool, under whichever protocol."""
    found: dict[tuple[int, int], list[Plda]] = case.shared.setdefault(
        ("taught", name, bool(field.gallery.half.any())), {}
    )
    return found


class _Repeats:
    """A match that has learned how other people's records scatter from one to the next.

    A probe is met by as many matches as there are folds, each for the gallery's people of one fold:
    neither the probe's person nor the one it is held against has taught it anything. Were only the
    probe's own left out, the others of the gallery would be matched by what they taught, and the
    person by what they did not.
    """

    def __init__(
        self,
        field: Field,
        gallery: Rows,
        pool: Rows,
        parts: Sequence[slice],
        scatter: Sequence[NDArray[np.float64]],
        taught: dict[tuple[int, int], list[Plda]],
    ) -> None:
        self.field, self.parts, self.scatter, self.taught = field, parts, scatter, taught
        self.gallery, self.pool = gallery.astype(np.float64), pool.astype(np.float64)

    def __call__(self, gallery: Rows, asked: Rows, fold: int) -> tuple[Rows, Rows]:
        """Rows of the whole gallery, and of some items that are asked about in a fold."""
        sides: tuple[list[Rows], list[Rows]] = [], []
        for other in range(FOLDS):
            rows, probes = _ratios(gallery, asked, self.parts, self._models(fold, other))
            sides[0].append(rows * (self.field.gallery_fold == other)[:, None])
            sides[1].append(probes)
        return np.hstack(sides[0]), np.hstack(sides[1])

    def _models(self, fold: int, other: int) -> list[Plda]:
        if (fold, other) not in self.taught:
            self.taught[fold, other] = [
                Plda.of(self.gallery[:, part], repeated + scatter)
                for part, repeated, scatter in zip(
                    self.parts, self.repeated(fold, other), self.scatter, strict=True
                )
            ]
        return self.taught[fold, other]

    def repeated(self, fold: int, other: int) -> list[NDArray[np.float64]]:
        """Of each part of the coordinates, how the records of people outside two folds scatter."""
        named, later_ones, whose = self.field.others(fold, other)
        items = np.concatenate([self.gallery[named], self.pool[later_ones]])
        person = np.unique(whose, return_inverse=True)[1]
        return [scatter_of_repeats(items[:, part], person) for part in self.parts]


@dataclass(frozen=True, eq=False)
class Fused:
    """Several rungs' normalised scores, weighed as other people's repeats say, who are asked in
    their own folds.
    """

    field: Field
    rungs: tuple[Rung, ...]
    weights: tuple[NDArray[np.float64], ...]
    folded: bool = True

    @classmethod
    def of(cls, field: Field, rungs: Sequence[Rung], seed: int) -> Fused:
        """The rungs, and for each fold their weights."""
        taught = [
            _taught(field, rungs, np.flatnonzero(field.fold == fold), fold, seed)
            for fold in range(FOLDS)
        ]
        weights = (
            _weights([one for other, one in enumerate(taught) if other != fold])
            for fold in range(FOLDS)
        )
        return cls(field, tuple(rungs), tuple(weights))

    def rows(self, fold: int, pool: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """The gallery, and some of the pool, as they are scored in a fold."""
        root = np.sqrt(self.weights[fold]).astype(np.float32)
        seen = [one.normalised(fold, pool) for one in self.rungs]
        gallery, probe = (
            np.hstack([side * share for side, share in zip(sides, root, strict=True)])
            for sides in zip(*seen, strict=True)
        )
        return gallery, probe


def _taught(
    field: Field, rungs: Sequence[Rung], pool: NDArray[np.int64], fold: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What the rungs say of a fold's items: of their mates (n, n_rungs), of others drawn at random
    (n · drawn, n_rungs), and how much each item counts, everybody the same.
    """
    rng = stream(seed, f"fusion/{fold}")
    drawn = rng.integers(len(field.gallery), size=(len(pool), _IMPOSTORS))
    mates, others = [], []
    own = field.enrolled[None] == field.pooled[pool][:, None]
    for one in rungs:
        gallery, probe = one.normalised(fold, pool)
        scores = probe @ gallery.T
        mates.append(np.where(own, scores, -np.inf).max(axis=1))
        others.append(np.take_along_axis(scores, drawn, axis=1))
    stranger = ~np.take_along_axis(own, drawn, axis=1)
    _, code, count = np.unique(field.pooled[pool], return_inverse=True, return_counts=True)
    return np.stack(mates, axis=1), np.stack([o[stranger] for o in others], axis=1), 1 / count[code]


def _weights(
    taught: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """(n_rungs,) not negative, by logistic regression of genuine against impostor; together 1.

    Drawn towards equal weights, which is what it comes to when nobody is there to learn from.
    """
    genuine, impostor, share = (np.concatenate(parts) for parts in zip(*taught, strict=True))
    n_rungs = genuine.shape[1]
    people = share.sum()
    if people < MIN_REPEATS:
        return np.full(n_rungs, 1 / n_rungs)
    for_genuine, for_impostor = share / people, np.full(len(impostor), 1 / len(impostor))

    def loss(place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
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

    start = np.append(np.full(n_rungs, 1 / n_rungs), -1.0)
    bounds = [(0.0, None)] * n_rungs + [(None, None)]
    weight = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[:-1]
    return np.asarray(weight / weight.sum() if weight.sum() > 0 else start[:-1])


def _coordinates(
    case: Case, field: Field
) -> tuple[Rows, Rows, list[slice], tuple[NDArray[np.float64], ...]]:
    """Where the gallery and the pool lie in spaces learned from the gallery, and their scatter."""
    key = "subspace", bool(field.gallery.half.any())
    if key not in case.shared:
        rng = stream(case.seed, f"subspace/{int(field.gallery.half.any())}")
        readers = [partial(cut, case.prepared, *item, case.seed) for item in field.gallery.pairs]
        space = learn(readers, rng, partial(case.progress, "learning a subspace"))
        gallery, pool = (
            np.stack(
                [space.coordinates(cut(case.prepared, *one, case.seed)) for one in items.pairs]
            )
            for items in (field.gallery, field.pool)
        )
        case.shared[key] = gallery, pool, space.parts, space.within
    found: tuple[Rows, Rows, list[slice], tuple[NDArray[np.float64], ...]] = case.shared[key]
    return found


def _directions(case: Case, field: Field) -> tuple[Rows, Rows]:
    """The gallery and the pool as the shipped network sees them."""
    key = "embedding", bool(field.gallery.half.any())
    if key not in case.shared:
        case.shared[key] = embedded(case, field.gallery), embedded(case, field.pool)
    found: tuple[Rows, Rows] = case.shared[key]
    return found


def embedded(case: Case, items: Items) -> Rows:
    """(n, n_leads · EMBEDDING) items as the shipped network sees them that knows nobody here."""
    model = embedding.load(embedding.stranger_to(case.dataset.name).path).to(case.device)
    rows = []
    for row, half in items.pairs:
        rng = stream(case.seed, f"embedding/{case.prepared.records['record'].iloc[row]}")
        rows.append(embedding.embed(model, cut(case.prepared, row, half, case.seed), rng))
        case.progress("reading beats", len(rows), len(items))
    return np.stack(rows)


def _ratios(
    gallery: Rows, asked: Rows, parts: Sequence[slice], models: Sequence[Plda]
) -> tuple[Rows, Rows]:
    """Rows whose dot product is the sum of the parts' log-likelihood ratios."""
    sides = [
        model.rows(gallery[:, part].astype(np.float64), asked[:, part].astype(np.float64))
        for part, model in zip(parts, models, strict=True)
    ]
    rows, probes = (np.hstack(side).astype(np.float32) for side in zip(*sides, strict=True))
    return rows, probes


def search_enrolment(rung: Rung | Fused, case: Case, rng: np.random.Generator) -> SearchResult:
    """Every probe of a field against every person of its gallery, as one rung scores them."""
    field = rung.field
    fold = field.fold[field.probe] if rung.folded else np.zeros(len(field.probe), dtype=np.int64)
    return search_gallery(
        lambda one: rung.rows(one, field.probe[fold == one]),
        field.enrolled,
        field.pooled[field.probe],
        demographics(case.records),
        rng,
        fold,
    )

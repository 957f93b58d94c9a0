"""Who was in a model's training: people's scores by how well the model fits their records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.attackers.demographics import age_and_sex_bands
from auditor.core.evidence import MIN_PEOPLE, Trials
from auditor.core.target import (
    MEMBER,
    NEITHER,
    NONMEMBER,
    Floats,
    Rows,
    Target,
    TrainReference,
)
from auditor.data.protocols import subject_folds
from auditor.learning import boost
from auditor.targets.context import Context
from auditor.targets.description import DESCRIPTION

#: People of each kind without whom nothing is asked.
_LEAST = 2 * MIN_PEOPLE
#: What a person's own spread over few references is shrunk towards counts as so many of them.
_SHRUNK = 4
_FOLDS = 5
#: How often members are drawn by lot for somebody blind; of so many people at most.
_PERMUTED, _BLIND_PEOPLE = 99, 5000
#: How far a line that looks for members may lean on any one column.
_TRUST = 0.1


def unmet(target: Target) -> str | None:
    """Why nobody's membership can be asked about; None when it can."""
    if target.membership_unknown:
        return target.membership_unknown
    if target.membership_signal is None:
        return (
            "what is true of its records is not known, so that its fit to them is not either; name "
            f"the columns that say so in {DESCRIPTION} under labels"
        )
    member = Subjects.of(target).member
    n = int(member.sum())
    if min(n, len(member) - n) < _LEAST:
        return (
            f"needs {_LEAST} people it was trained on and {_LEAST} others; found fewer; name more "
            "of both in its table of members"
        )
    return None


@dataclass(frozen=True, eq=False)
class Subjects:
    """The people who are asked about: members or not, and nothing in between.

    Attributes
    ----------
    people : (p,) str
    member : (p,) bool
    sums : (p, n) which records are whose
    """

    people: NDArray[np.str_]
    member: NDArray[np.bool_]
    sums: sparse.csr_array

    @classmethod
    def of(cls, target: Target) -> Subjects:
        """Those of a target whose records are all on one side."""
        every, code = np.unique(target.subject, return_inverse=True)
        both = [
            np.bincount(code, target.split == kind) > 0 for kind in (MEMBER, NONMEMBER, NEITHER)
        ]
        clear = (both[0] ^ both[1]) & ~both[2]
        place = np.cumsum(clear) - 1
        rows = np.flatnonzero(clear[code])
        ones = np.ones(len(rows))
        shape = int(clear.sum()), len(code)
        sums = sparse.csr_array((ones, (place[code[rows]], rows)), shape=shape)
        return cls(every[clear], both[0][clear], sums)

    def pooled(self, values: Floats) -> Floats:
        """(p, m) the mean over each person's records that are known; NaN without any."""
        known = np.isfinite(values)
        total = self.sums @ np.where(known, values, 0.0)
        count = self.sums @ known.astype(float)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))

    def rows(self, people: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n,) the records of some people (p,)."""
        return np.asarray((self.sums.T @ people.astype(float)) > 0)

    def trials(self, score: Floats) -> Trials:
        """Scores of people, of those who have one."""
        return trials(score, self.member, self.people)


def trials(score: Floats, positive: NDArray[np.bool_], people: NDArray[np.str_]) -> Trials:
    """Scores of people, all on one scale; who has none is left out."""
    known = np.isfinite(score)
    stratum = np.zeros(int(known.sum()), dtype=np.int64)
    return Trials(score[known], positive[known], people[known], stratum)


def banded_trials(target: Target, rows: NDArray[np.int64], score: Floats) -> Trials:
    """Scores of some records, members' and others', by the sex and age band of their people."""
    return Trials(
        score, target.split[rows] == MEMBER, target.subject[rows], age_and_sex_bands(target)[rows]
    )


# --- reference models ---------------------------------------------------------------------


def complementary_halves(n_people: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n, n_people) who is in the training of each reference: random halves, and what is left."""
    found = np.zeros((n, n_people), dtype=bool)
    for place in range(0, n, 2):
        found[place, rng.permutation(n_people)[: n_people // 2]] = True
        found[place + 1] = ~found[place]
    return found


def reference_fits(
    target: Target,
    refit: TrainReference,
    subjects: Subjects,
    inside: NDArray[np.bool_],
    context: Context,
) -> Floats:
    """(n_references, p, m) how well each reference fits each person.

    Parameters
    ----------
    inside : (n_references, p) who is in the training of each
    """
    fits = []
    for place, people in enumerate(inside):
        context.progress(f"reference models of {target.name}", place, len(inside))
        fitted = refit(subjects.rows(people), target.y_true, context.seed + place)
        fits.append(subjects.pooled(fitted))
    return np.stack(fits)


@dataclass(frozen=True, eq=False)
class References:
    """Reference models, of which each saw half of the people.

    Attributes
    ----------
    fits : (n_references, p, m) how well each fits each person
    inside : (n_references, p) who is in the training of each
    """

    fits: Floats
    inside: NDArray[np.bool_]

    def held(self, own: Floats) -> Floats:
        """(p, m) a fit beside halfway between the fit with a person in training and without."""
        sides = (self.inside, ~self.inside)
        mean = [np.mean(self.fits, axis=0, where=side[..., None]) for side in sides]
        return own - np.asarray((mean[0] + mean[1]) / 2)

    def likelihood_ratios(self, own: Floats) -> tuple[Floats, Floats]:
        """(p, m) LiRA's score online, the log-likelihood ratio of normal fits with and without a
        person, and offline, how far the fit lies above those without; a person's variance is drawn
        towards everybody's, for it is known from half the references.
        """
        ratio = np.zeros_like(own)
        for side, sign in ((self.inside, 1), (~self.inside, -1)):
            where = side[..., None]
            mean, n = np.mean(self.fits, axis=0, where=where), side.sum(axis=0)[:, None]
            squares = np.sum((self.fits - mean) ** 2, axis=0, where=where)
            shared = np.nansum(squares, axis=0) / np.maximum((n - 1).sum(), 1)
            variance = (squares + _SHRUNK * shared) / (n - 1 + _SHRUNK)
            variance = np.maximum(variance, 1e-12)
            ratio += sign * -((own - mean) ** 2 / variance + np.log(variance)) / 2
        return ratio, (own - mean) / np.sqrt(variance)  # the side without comes last


@dataclass(frozen=True, eq=False)
class OfWhomTheSameIsTrue:
    """The people themselves, where no reference model can be trained.

    Attributes
    ----------
    truth : (p, m) what is true of each
    """

    truth: Floats

    def held(self, own: Floats) -> Floats:
        """(p, m) a fit less its mean among all people of whom the same is true."""
        return label_centred(own, self.truth)


#: What a person's fit is held against.
Beside = References | OfWhomTheSameIsTrue


# --- scores -------------------------------------------------------------------------------


def label_centred(own: Floats, truth: Floats) -> Floats:
    """(p, m) the fit less its mean among all people of whom the same is true."""
    found = own.copy()
    for column in range(min(truth.shape[1], own.shape[1])):
        kind = np.round(truth[:, column], 6)
        for one in np.unique(kind[np.isfinite(kind)]):
            alike = kind == one
            if alike.sum() >= MIN_PEOPLE and np.isfinite(own[alike, column]).any():
                found[alike, column] -= np.nanmean(own[alike, column])
    return found


def standardised(each: Floats) -> Floats:
    """Columns in units of the spread among people, so that no label outweighs the others."""
    found = np.full(each.shape, np.nan)
    known = ~np.isnan(each).all(axis=0)
    some = each[:, known]
    centre, spread = np.nanmedian(some, axis=0), np.nanstd(some, axis=0)
    found[:, known] = (some - centre) / np.where(spread > 0, spread, 1)
    return found


def most_of_known(each: Floats) -> Floats:
    """(p,) the largest that is known; NaN where nothing is."""
    most = np.where(np.isnan(each), -np.inf, each).max(axis=1)
    return np.where(np.isnan(each).all(axis=1), np.nan, most)


def mean_of_known(each: Floats) -> Floats:
    """(p,) the mean over what is known; NaN where nothing is."""
    known = np.isfinite(each)
    count = known.sum(axis=1)
    total = np.where(known, each, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _in_columns(target: Target) -> Iterator[Floats]:
    """What is true of each record, of classes a column for each, (n, k) by label."""
    for place in range(target.y_true.shape[1]):
        truth = target.y_true[:, place, None]
        if target.kind(target.labels[place]) == "class":
            known = np.isfinite(truth)
            truth = np.where(known, truth == np.unique(truth[known]), np.nan)
        yield truth


def blind_guesses(
    target: Target, subjects: Subjects, rng: np.random.Generator
) -> tuple[Trials, tuple[Trials, ...]]:
    """How much people look like members to somebody who never asks the model, and, permutation by
    permutation, to somebody who was told the wrong members.

    Whoever separates them by their data alone shows that members and others were drawn from
    different places: what looks like membership may be that (Das, Zhang and Tramèr 2024). The
    guess is a penalised line, cross-fitted over people.
    """
    some = np.sort(rng.permutation(len(subjects.people))[:_BLIND_PEOPLE])
    traits = np.stack([target.male, target.age], axis=1)
    truths = np.hstack([np.zeros((len(traits), 0)), *_in_columns(target)])
    seen = [subjects.pooled(one) for one in (target.inputs.astype(float), traits, truths)]
    seen.append(subjects.sums.sum(axis=1)[:, None])
    table = np.hstack(seen)[some]
    table = np.hstack([np.nan_to_num(table, nan=0.0), np.isnan(table)])
    table = _in_spreads(table)
    table = np.hstack([table, table**2 - 1])  # a wider spread is a difference as well
    member = subjects.member[some]
    called = np.stack([member, *(rng.permutation(member) for _ in range(_PERMUTED))], axis=1)
    score = _cross_fitted(table, called, rng)
    people = subjects.people[some]
    blind, *permuted = (trials(*both, people) for both in zip(score.T, called.T, strict=True))
    return blind, tuple(permuted)


def explanation_guesses(target: Target, subjects: Subjects, rng: np.random.Generator) -> Trials:
    """How much the explanations of people's records look like those of members, to somebody who
    knows of other people whether they are: a penalised line, cross-fitted over people.

    They are shown by how much each input, and all together, speak for what is true of a person, and
    how much each speaks at all (as Shokri, Strobel and Zick 2021, AIES), beside people of whom the
    same is true.
    """
    values = target.view("explanation").values
    some = np.sort(rng.permutation(len(subjects.people))[:_BLIND_PEOPLE])
    columns = []
    for place, (moved, side) in enumerate(_explained(target, values)):
        towards = moved * side[:, None]
        size = np.abs(towards)
        pooled = subjects.pooled(np.hstack([towards, towards.sum(axis=1, keepdims=True), size]))
        same = subjects.pooled(target.y_true[:, place, None])
        columns.append(label_centred(pooled, np.broadcast_to(same, pooled.shape)))
    table = _in_spreads(np.nan_to_num(np.hstack(columns)[some]))
    score = _cross_fitted(table, subjects.member[some][:, None], rng)[:, 0]
    return trials(score, subjects.member[some], subjects.people[some])


def _explained(target: Target, values: Rows) -> Iterator[tuple[Floats, Floats]]:
    """Of each model that is explained, (n, d) how far inputs move it, of classes towards the one
    that is true, of a value beside how far it is from the mean; and (n,) in which direction the
    truth lies, NaN where it is not known.
    """
    start = 0
    for place, label in enumerate(target.labels):
        n_inputs = target.trees[label].num_features()
        truth, kind = target.y_true[:, place], target.kind(label)
        n_classes = boost.objective_of(target.trees[label]).n_classes or 1
        moved = values[:, start : start + n_inputs * n_classes].astype(np.float64)
        start += n_inputs * n_classes
        known = np.isfinite(truth)
        if kind == "class":
            of_class = moved.reshape(len(moved), n_classes, n_inputs)
            own = np.where(known, truth, 0).astype(np.int64)
            yield of_class[np.arange(len(moved)), own], np.where(known, 1.0, np.nan)
        elif kind == "value":
            # How far off the mean the truth is speaks against what the inputs say together.
            off = np.nanmean(truth) - truth
            yield np.hstack([moved, off[:, None]]), -np.sign(moved.sum(axis=1) + off)
        else:
            yield moved, np.where(known, 2 * truth - 1, np.nan)
        if start >= values.shape[1]:
            return


def _in_spreads(table: Floats) -> Floats:
    return np.asarray((table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9))


def _cross_fitted(table: Floats, called: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """(p, k) how much each person looks like those of other folds who are called members.

    Parameters
    ----------
    table : (p, m) what is seen of people
    called : (p, k) who is called a member, each time
    """
    score = np.empty(called.shape)
    for tested in subject_folds(np.zeros(len(table), dtype=np.int64), _FOLDS, rng):
        known, truth = table[~tested], called[~tested]
        gram = known.T @ known + len(known) * _TRUST * np.eye(table.shape[1])
        slope = np.linalg.solve(gram, known.T @ (truth - truth.mean(axis=0)))
        score[tested] = table[tested] @ slope
    return score

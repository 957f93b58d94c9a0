"""Was a person's data used to train a model? Asked of people, never of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.checks.base import ModelAttack, OnModel
from auditor.core.evidence import MIN_PEOPLE, Evidence, Trials
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Floats, Refit, Target
from auditor.data.protocols import subject_folds
from auditor.targets.context import Case

#: Reference models: pairs, so that each person is in the training of as many as not.
REFERENCES = 4
#: People of each kind without whom nothing is asked.
_LEAST = 2 * MIN_PEOPLE
#: What a person's own spread over few references is shrunk towards counts as so many of them.
_SHRUNK = 4
#: Models of a suite after which the attack is judged.
_SUITES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FOLDS = 5
#: Somebody blind who was told the wrong members, so many times; of so many people at most.
BLINDED = "blind to members "
_PERMUTED, _BLIND_PEOPLE = 99, 5000
#: How far a line that looks for members may lean on any one column.
_TRUST = 0.1
#: Of findings that a twin is made of, so many: it shows that the attack can, not how often.
_TWIN_TELLS = 2


def attacks(target: Target) -> list[ModelAttack]:
    """What is asked of a model about who was in its training data."""
    found: list[ModelAttack] = [Membership(target)]
    if target.refit is not None and target.truth.shape[1]:
        found.append(PrivacyLoss(target))
    return found


@dataclass(frozen=True, eq=False)
class Membership(OnModel):
    """An intruder holds records of a person and the model, and wants to know whether the person was
    in the training data.

    How well the model fits each record is pooled over the person's records and over all that the
    model tells. Where the recipe is known, reference models are trained on random halves of the
    people, and the fit is held against the middle of what it is with and without the person in
    training: the ratio of RMIA (Zarifzadeh et al., ICML 2024), which then is LiRA's (Carlini et
    al., S&P 2022) with one spread for all. Else it is held against those of whom the same is true.

    Attributes
    ----------
    references : models that are trained, an even number; LiRA's own score needs more than few
    """

    references: int = REFERENCES
    check: ClassVar[str] = "membership"
    protocol: ClassVar[str | None] = None

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder who holds records of a person tells from the model whether that person "
            "was in its training data."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return unmet(self.target)

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Scores of people by each attack; `blind` are those of somebody who never asks the model.

        The unnamed score was chosen before anything was seen: by references where there can be
        some, else by the population.
        """
        target = self.target
        crowd = Crowd.of(target)
        assert target.fit is not None
        case.progress(f"membership of {target.name}", 0, 0)
        own = crowd.pooled(target.fit())
        evidence = {"loss": _standardised(own)}
        if target.refit is None:
            each = _among_equals(own, crowd.pooled(target.truth))
        else:
            inside = halves(len(crowd.people), self.references, rng)
            fits = _references(target, target.refit, crowd, inside, case)
            each = own - _middle(fits, inside)
            evidence["lira"], evidence["lira_offline"] = _likelihood_ratios(own, fits, inside)
        evidence[""] = each = _standardised(each)
        named = {name: crowd.trials(_mean(score)) for name, score in evidence.items()}
        n_tells = own.shape[1]
        if n_tells > 1:
            named["max"] = crowd.trials(np.nanmax(each, axis=1))
            order = rng.permutation(n_tells)
            for n in sorted({min(n, n_tells) for n in _SUITES}):
                named[f"suite {n}"] = crowd.trials(_mean(each[:, order[:n]]))
        return named | _blind(target, crowd, rng)

    def twin(self, planted: bool, seed: int) -> Membership | None:
        """The same question to a model that was trained on half of these people; None where none
        can be trained. An attack without reference models is a cheap one: it may find members, and
        never shows that there are none to be found.

        Parameters
        ----------
        planted : whether those who are called members are those whom the model learnt by heart
        """
        if self.target.overfit is None:
            return None
        rng = stream(seed, f"membership/{self.target.name}/twin")
        return replace(self, target=_twin(self.target, self.target.overfit, planted, rng))


def unmet(target: Target) -> str | None:
    """Why nobody's membership can be asked about; None when it can."""
    if target.unknown:
        return target.unknown
    if target.fit is None:
        return "what is true of its records is not known, so that its fit to them is not either"
    crowd = Crowd.of(target)
    n = int(crowd.member.sum())
    if min(n, len(crowd.member) - n) < _LEAST:
        return f"needs {_LEAST} people it was trained on and {_LEAST} others; found fewer"
    return None


@dataclass(frozen=True, eq=False)
class Crowd:
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
    def of(cls, target: Target) -> Crowd:
        """Those of a target whose records are all on one side."""
        every, code = np.unique(target.subject, return_inverse=True)
        both = [np.bincount(code, target.part == kind) > 0 for kind in (MEMBER, NONMEMBER, NEITHER)]
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
        known = np.isfinite(score)
        stratum = np.zeros(int(known.sum()), dtype=np.int64)
        return Trials(score[known], self.member[known], self.people[known], stratum)


# --- scores -------------------------------------------------------------------------------


def halves(n_people: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(n, n_people) who is in the training of each reference: random halves, and what is left."""
    found = np.zeros((n, n_people), dtype=bool)
    for place in range(0, n, 2):
        found[place, rng.permutation(n_people)[: n_people // 2]] = True
        found[place + 1] = ~found[place]
    return found


def _references(
    target: Target, refit: Refit, crowd: Crowd, inside: NDArray[np.bool_], case: Case
) -> Floats:
    """(n_references, p, m) how well each reference fits each person."""
    fits = []
    for place, people in enumerate(inside):
        case.progress(f"reference models of {target.name}", place, len(inside))
        fitted = refit(crowd.rows(people), target.truth, case.seed + place)
        fits.append(crowd.pooled(fitted))
    return np.stack(fits)


def _middle(fits: Floats, inside: NDArray[np.bool_]) -> Floats:
    """(p, m) halfway between the fit with a person in training and without."""
    mean = [np.mean(fits, axis=0, where=side[..., None]) for side in (inside, ~inside)]
    return np.asarray((mean[0] + mean[1]) / 2)


def _likelihood_ratios(
    own: Floats, fits: Floats, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(p, m) LiRA's score online, the log-likelihood ratio of normal fits with and without a
    person, and offline, how far the fit lies above those without; a person's variance is drawn
    towards everybody's, for it is known from half the references.
    """
    ratio = np.zeros_like(own)
    for side, sign in ((inside, 1), (~inside, -1)):
        where = side[..., None]
        mean, n = np.mean(fits, axis=0, where=where), side.sum(axis=0)[:, None]
        squares = np.sum((fits - mean) ** 2, axis=0, where=where)
        shared = np.nansum(squares, axis=0) / np.maximum((n - 1).sum(), 1)
        variance = (squares + _SHRUNK * shared) / (n - 1 + _SHRUNK)
        variance = np.maximum(variance, 1e-12)
        ratio += sign * -((own - mean) ** 2 / variance + np.log(variance)) / 2
    return ratio, (own - mean) / np.sqrt(variance)  # the side without comes last


def _among_equals(own: Floats, truth: Floats) -> Floats:
    """(p, m) the fit less its mean among all people of whom the same is true."""
    found = own.copy()
    for column in range(min(truth.shape[1], own.shape[1])):
        kind = np.round(truth[:, column], 6)
        for one in np.unique(kind[np.isfinite(kind)]):
            alike = kind == one
            if alike.sum() >= MIN_PEOPLE and np.isfinite(own[alike, column]).any():
                found[alike, column] -= np.nanmean(own[alike, column])
    return found


def _standardised(each: Floats) -> Floats:
    """Columns in units of the spread among people, so that no finding outweighs the others."""
    centre, spread = np.nanmedian(each, axis=0), np.nanstd(each, axis=0)
    return np.asarray((each - centre) / np.where(spread > 0, spread, 1))


def _mean(each: Floats) -> Floats:
    """(p,) the mean over what is known; NaN where nothing is."""
    known = np.isfinite(each)
    count = known.sum(axis=1)
    total = np.where(known, each, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _blind(target: Target, crowd: Crowd, rng: np.random.Generator) -> dict[str, Trials]:
    """How much people look like members to somebody who never asks the model, and to somebody who
    was told the wrong members.

    Whoever separates them by their data alone shows that members and others were drawn from
    different places: what looks like membership may be that (Das, Zhang and Tramèr 2024). The
    guess is a penalised line, cross-fitted over people.
    """
    some = np.sort(rng.permutation(len(crowd.people))[:_BLIND_PEOPLE])
    traits = np.stack([target.male, target.age], axis=1)
    told = [crowd.pooled(one) for one in (target.inputs.astype(float), traits, target.truth)]
    told.append(crowd.sums.sum(axis=1)[:, None])
    table = np.hstack(told)[some]
    table = np.hstack([np.nan_to_num(table, nan=0.0), np.isnan(table)])
    table = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    table = np.hstack([table, table**2 - 1])  # a wider spread is a difference as well
    member = crowd.member[some]
    called = np.stack([member, *(rng.permutation(member) for _ in range(_PERMUTED))], axis=1)
    score = np.empty(called.shape)
    for tested in subject_folds(np.zeros(len(some), dtype=np.int64), _FOLDS, rng):
        known, truth = table[~tested], called[~tested]
        gram = known.T @ known + len(known) * _TRUST * np.eye(table.shape[1])
        slope = np.linalg.solve(gram, known.T @ (truth - truth.mean(axis=0)))
        score[tested] = table[tested] @ slope
    stratum = np.zeros(len(some), dtype=np.int64)
    people = crowd.people[some]
    found = [Trials(score[:, k], called[:, k], people, stratum) for k in range(_PERMUTED + 1)]
    return {"blind": found[0]} | {f"{BLINDED}{k}": one for k, one in enumerate(found[1:])}


# --- proofs -------------------------------------------------------------------------------


def _twin(target: Target, overfit: Refit, planted: bool, rng: np.random.Generator) -> Target:
    """The same people and records, and a model that learnt half of them by heart; who is called a
    member is that half, or any half.
    """
    crowd = Crowd.of(target)
    n = len(crowd.people)
    learnt, called = halves(n, 2, rng)[0], halves(n, 2, rng)[0]
    part = np.where(crowd.rows(learnt if planted else called), MEMBER, NONMEMBER).astype(np.int8)
    part[~crowd.rows(np.ones(n, dtype=bool))] = NEITHER
    truth = target.truth.copy()
    truth[:, _TWIN_TELLS:] = np.nan
    fitted = overfit(crowd.rows(learnt), truth, int(rng.integers(2**31)))
    return replace(target, part=part, truth=truth, fit=lambda: fitted, refit=overfit, known={})


@dataclass(frozen=True, eq=False)
class PrivacyLoss(OnModel):
    """How much one person's records change what the recipe gives out: canaries, one training.

    People whom the model never saw are given labels by one coin and put into the training by
    another; the model that is then trained may tell the second coin no better than the privacy loss
    ε allows (Steinke, Nasr and Jagielski, NeurIPS 2023). A canary is all records of a person, so
    that ε is a person's.
    """

    check: ClassVar[str] = "privacy-loss"
    protocol: ClassVar[str | None] = None

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder tells of people with labels of a coin, put into a training by another "
            "coin, who was put in: what the recipe gives away of one person at worst."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this model; None when it can."""
        return unmet(self.target)

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """The fit of each canary, and whether it was in."""
        target = self.target
        assert target.refit is not None
        crowd = Crowd.of(target)
        canary = np.flatnonzero(~crowd.member)
        inside = rng.random(len(canary)) < 0.5
        truth = target.truth.copy()
        person, record = crowd.sums.nonzero()
        label = rng.integers(0, 2, size=(len(crowd.people), truth.shape[1])).astype(float)
        whose = np.isin(person, canary)
        known = np.isfinite(truth[record[whose]])
        truth[record[whose]] = np.where(known, label[person[whose]], np.nan)
        trained = crowd.member.copy()
        trained[canary[inside]] = True
        case.progress(f"canaries for {target.name}", 0, 0)
        fitted = target.refit(crowd.rows(trained), truth, case.seed)
        score = _mean(_standardised(crowd.pooled(fitted)[canary]))
        seen = np.isfinite(score)
        stratum = np.zeros(int(seen.sum()), dtype=np.int64)
        return {"": Trials(score[seen], inside[seen], crowd.people[canary][seen], stratum)}

"""Evidence in, estimates and curves out: each number with its interval and its chance level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, Predictions, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics, rivals
from auditor.stats.delong import stratified_variance
from auditor.stats.forecast import rank1_at
from auditor.stats.intervals import newcombe_auc, person_bootstrap, wilson, wilson_by_variance
from auditor.stats.rare_errors import TOLD_FROM, joined_bounds

Curves = dict[str, dict[str, list[Any]]]
#: People without each of whom a rate is counted at once.
_AT_ONCE = 2048
#: Probes whose mistakes are guessed at, over all draws.
_GUESSED = 20_000
_FPIRS = {"10pct": 0.1, "1pct": 0.01, "0.1pct": 0.001}
_GRID = np.unique(np.round(np.geomspace(1e-4, 1, 60), 6))


def measure(
    name: str,
    evidence: Evidence,
    *,
    level: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], Curves]:
    """What an attack's evidence amounts to.

    Parameters
    ----------
    name : the evidence's name within its attack, "" for the attack's own
    level : coverage of the intervals
    rng : resamples people

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    if isinstance(evidence, SearchResult):
        return _search(name, evidence, level, rng)
    if isinstance(evidence, Trials):
        return _trials(name, evidence, level)
    if isinstance(evidence, Predictions):
        return _predictions(name, evidence, level, rng), {}
    raise TypeError(f"{type(evidence).__name__} is measured by the check it belongs to")


def cross_fitted(
    name: str, seen: Evidence, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves]:
    """What `measure` says of guesses by learners that saw the others, with the intervals of half as
    many people, and of a gain with those of `taught_gain`.

    Such guesses are not those of independent people: any two are asked about with what the other
    taught, once each way. Where nothing is there to be learnt both give the same answer, and what
    is measured varies twice as much as its people let expect; where much is learnt this is too
    wide.
    """
    found, curves = measure(name, seen, level=level, rng=rng)
    if not isinstance(seen, Trials):
        found = {key: wider(one) for key, one in found.items()}
        gain, blind = f"{name}_gain_years", found[f"{name}_mae_years"].chance
        assert blind is not None
        return found | {gain: taught_gain(found[gain], blind)}, curves
    key = f"{name}_auc"
    low, high = auc_bounds(found[key].value, *metrics.person_trials(seen), level, worth=0.5)
    return {key: replace(found[key], low=low, high=high)}, curves


def taught_gain(one: Estimate, blind: float) -> Estimate:
    """A gain with an interval that carries whom the learner happened to be taught on.

    The share Q of the blind error that is gained varies as a rate of people does, by Q (1 − Q) / n,
    and by the learner: a weak one is worth something in one release, and nothing in the next of the
    same people's kind. That adds 3 Q / n, with Q no less than 1/n and no more than 0.1 there, as
    seen with lines and trees taught on 20 to 400 simulated people. The interval holds each Q from
    which the share is no further off than so many standard deviations of it.

    Parameters
    ----------
    blind : the error, in the same unit, of somebody who saw no record
    """
    if blind <= 0:
        return one
    n, share, reach = one.n_subjects, one.value / blind, ndtri(0.5 + one.level / 2)

    def near(true: float) -> bool:
        people = max(true, 0) * (1 - true)
        learner = 3 * float(np.clip(true, 1 / n, 0.1))
        return bool((true - share) ** 2 <= reach**2 * (people + learner) / n)

    ends = []
    for outside in (min(share, 0.0) - 1, 1.0):
        inside = share
        for _ in range(40):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if near(middle) else (inside, middle)
        ends.append(inside * blind)
    return replace(one, low=min(ends[0], one.value), high=max(ends[1], one.value))


def wider(one: Estimate) -> Estimate:
    """The interval of half as many people."""
    low, high = (one.value + np.sqrt(2) * (end - one.value) for end in (one.low, one.high))
    return replace(one, low=float(low), high=float(high))


def rate(
    per_person: NDArray[np.float64], level: float, chance: float | None, worth: float = 1.0
) -> Estimate:
    """The mean of people's rates, with Wilson's interval for as many yes-or-no outcomes.

    Parameters
    ----------
    worth : independent people that each is worth
    """
    n = enough(len(per_person))
    value = float(per_person.mean())
    low, high = wilson(value * n * worth, n * worth, level)
    return Estimate(value, low, high, level, n, chance)


def identification_rate(seen: SearchResult, k: int, level: float) -> Estimate:
    """How often people are among the first k; of the first place with an interval that carries who
    is in the gallery.
    """
    each = rivals.worth(seen) if k == 1 else 1.0
    return rate(metrics.rank_rate(seen, k), level, k / seen.n_gallery, each)


def pooled_auc(seen: Trials, level: float, chance: float = 0.5) -> Estimate:
    """How well people are told apart by scores on one scale, over all strata together."""
    score, positive, stratum = metrics.person_trials(seen)
    value, n = metrics.auc(score, positive), len(score)
    low, high = auc_bounds(value, score, positive, np.zeros_like(stratum), level)
    return Estimate(value, low, high, level, n, chance)


def pooled_value(seen: Trials) -> float:
    """The value of `pooled_auc` alone, for what is drawn many times."""
    score, positive, _ = metrics.person_trials(seen)
    return metrics.auc(score, positive)


def auc_bounds(
    value: float,
    score: NDArray[np.float64],
    positive: NDArray[np.bool_],
    stratum: NDArray[np.int64],
    level: float,
    worth: float = 1.0,
) -> tuple[float, float]:
    """Newcombe's interval of an AUC, or Wilson's by its variance where that is wider.

    The first stands on scores that are about as spread in both kinds, and never collapses. Where
    they are not, as where all members score nearly alike, an AUC varies more: up to as much as a
    rate of the fewer (Birnbaum and Klose 1957, Ann Math Stat 28:933), and placements show it.

    Parameters
    ----------
    score, positive, stratum : (n_people,)
    worth : independent people that each is worth
    """
    band = np.unique(stratum, return_inverse=True)[1]
    ours, others = (
        np.bincount(band[kind], minlength=band.max() + 1).astype(np.float64)
        for kind in (positive, ~positive)
    )
    low, high = newcombe_auc(value, ours, others, level, worth)
    variance = stratified_variance(score, positive, stratum) / worth
    fewer = max(int(worth * min(ours.sum(), others.sum())), 1)
    wide = wilson_by_variance(value, variance, fewer, level)
    return min(low, wide[0]), max(high, wide[1])


def _search(
    name: str, seen: SearchResult, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves]:
    n_gallery = seen.n_gallery
    rank1 = identification_rate(seen, 1, level)
    if name:
        # A control shows what its kind of attacker finds first, and no more.
        return {f"{name}_rank1": rank1}, {}
    found = {"rank1": rank1}
    if n_gallery > 5:
        found["rank5"] = identification_rate(seen, 5, level)
    if len(np.unique(seen.subject[seen.matched_impostor_above >= 0])) >= MIN_PEOPLE:
        found["rank1_stranger"] = rate(
            metrics.matched_impostor_rate(seen, 1), level, 1 / (n_gallery - 1)
        )
    if (seen.demographic_size < n_gallery).any():
        by_luck = metrics.by_person(1 / seen.demographic_size, seen.subject).mean()
        rates, each = metrics.demographic_rate(seen, 1), rivals.worth(seen.among_alike)
        found["rank1_known"] = rate(rates, level, float(by_luck), each)
    genuine, impostor = metrics.acceptance(seen)
    n = len(genuine)
    found["eer"] = equal_error(genuine, impostor, level)
    for label, fpir in _FPIRS.items():
        if fpir * n >= TOLD_FROM:
            found[f"tpir_at_fpir_{label}"] = named_at(seen, fpir, level)
    accepted, missed = metrics.open_set(seen, rng)
    by_luck = _guessed_open_set(seen, rng)
    found["unknown_accepted"] = rate(accepted, level, by_luck[0])
    found["known_missed"] = rate(missed, level, by_luck[1])
    ranks = np.unique(np.geomspace(1, n_gallery, 60).astype(int))
    shares = metrics.cmc(seen, ranks)
    curves = {
        "cmc": {
            "rank": ranks.tolist(),
            "rate": rounded(shares),
            "chance": rounded(ranks / n_gallery),
        },
        "roc": _roc(genuine.mean(axis=0), impostor.mean(axis=0), n),
        "gallery": by_gallery(seen),
    }
    return found, curves


def equal_error(
    genuine: NDArray[np.floating[Any]], impostor: NDArray[np.floating[Any]], level: float
) -> Estimate:
    """The equal error rate, with Wilson's interval for as many independent people as vary as much.

    Comparisons share people, on the side of the probe and on that of the gallery: what the rate is
    without a person is taken to miss their impostor scores on both, which are as far off the mean
    as those of their own probes are (Fogliato, Patil and Perona 2024, IJCV).

    Parameters
    ----------
    genuine, impostor : (n_people, n_edges) as `metrics.acceptance` gives them
    """
    n = enough(len(genuine))
    accepted, alarms = genuine.mean(axis=0), impostor.mean(axis=0)
    value = float(metrics.eer(accepted, alarms))
    without = np.concatenate(
        [
            metrics.eer(
                accepted + (accepted - genuine[some]) / (n - 1),
                np.clip(alarms + 2 * (alarms - impostor[some]) / (n - 1), 0, 1),
            )
            for some in np.array_split(np.arange(n), -(-n // _AT_ONCE))
        ]
    )
    low, high = wilson_by_variance(value, float((n - 1) * without.var()), n, level)
    return Estimate(value, low, high, level, n, 0.5)


def named_at(seen: SearchResult, fpir: float, level: float) -> Estimate:
    """How often people are named while a share `fpir` of strangers raises an alarm, with bounds
    that carry that the threshold was set on these people.
    """
    named = metrics.tpir_at_fpir(seen, fpir)
    n, value = enough(len(named)), float(named.mean())

    def share(n_alarms: int) -> float:
        return float(metrics.named_beyond(seen, n_alarms).mean())

    low, high = joined_bounds(value, n, share, n, fpir, level)
    return Estimate(value, low, high, level, n, fpir / seen.n_gallery)


def _guessed_open_set(seen: SearchResult, rng: np.random.Generator) -> tuple[float, float]:
    """Both mistakes of somebody whose scores are drawn at random, in the same numbers.

    About 1 − 1/n in a gallery of n; with few people a threshold set on others lies a little off.
    """
    n = len(seen.subject)
    drawn = []
    for _ in range(int(np.clip(_GUESSED // n, 1, 50))):
        mate, best = rng.random(n), rng.random(n) ** (1 / max(seen.n_gallery - 1, 1))
        luck = replace(
            seen,
            mated_score=mate,
            best_impostor=best,
            n_above=(best > mate).astype(np.int64),
            n_tied=np.zeros(n, dtype=np.int64),
        )
        drawn.append([rates.mean() for rates in metrics.open_set(luck, rng)])
    accepted, missed = np.mean(drawn, axis=0)
    return float(accepted), float(missed)


def by_gallery(seen: SearchResult) -> dict[str, list[Any]]:
    """Rank-1 by the number of people searched, exactly, up to all there are."""
    sizes = np.unique(np.geomspace(2, seen.n_gallery, 24).astype(int))
    rates = rank1_at(seen, sizes).mean(axis=0)
    return {"gallery": sizes.tolist(), "rate": rounded(rates), "chance": rounded(1 / sizes)}


def _trials(name: str, seen: Trials, level: float) -> tuple[dict[str, Estimate], Curves]:
    score, positive, stratum = metrics.person_trials(seen)
    n = enough(len(score))
    value = metrics.auc(score, positive, stratum)
    low, high = auc_bounds(value, score, positive, stratum, level)
    thresholds = np.unique(score)
    genuine, impostor = (_reaching(score[kind], thresholds) for kind in (positive, ~positive))
    curve = _roc(genuine, impostor, int((~positive).sum()))
    return {f"{name}_auc": Estimate(value, low, high, level, n, 0.5)}, {f"{name}_roc": curve}


def _predictions(
    name: str, seen: Predictions, level: float, rng: np.random.Generator
) -> dict[str, Estimate]:
    value, truth, prior = (
        metrics.by_person(column, seen.subject) for column in (seen.value, seen.y_true, seen.prior)
    )
    n = enough(len(value))
    error, blind = np.abs(value - truth), np.abs(prior - truth)

    def mean_of(column: NDArray[np.float64], chance: float) -> Estimate:
        def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(weights @ column / weights.sum(axis=1))

        low, high = person_bootstrap(mean, n, level, rng)
        return Estimate(float(column.mean()), low, high, level, n, chance)

    found = {
        f"{name}_mae_years": mean_of(error, float(blind.mean())),
        f"{name}_gain_years": mean_of(blind - error, 0.0),
    }
    return found


def _reaching(score: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) the share of scores that are at or above each threshold."""
    return 1 - np.searchsorted(np.sort(score), thresholds, side="left") / len(score)


def _roc(
    genuine: NDArray[np.float64], impostor: NDArray[np.float64], n_people: int
) -> dict[str, list[Any]]:
    """True acceptance on a fixed grid of false-match rates, from the least that so many people
    show: no step shows one person's rank.
    """
    grid = _GRID[_GRID * n_people >= TOLD_FROM - 1e-9]
    order = np.argsort(impostor, kind="stable")
    fmr, tar = impostor[order], np.maximum.accumulate(genuine[order])
    place = np.searchsorted(fmr, grid, side="right") - 1
    at = np.where(place >= 0, tar[np.maximum(place, 0)], 0.0)
    at[grid >= 1] = 1.0
    return {"fmr": grid.tolist(), "tar": rounded(at)}


def rounded(values: Iterable[float]) -> list[float]:
    """Four digits, as curves are told."""
    return [round(float(value), 4) for value in values]


def enough(n: int) -> int:
    """So many people, where they are enough for any number."""
    if n < MIN_PEOPLE:
        raise EvidenceError(f"needs at least {MIN_PEOPLE} people; found fewer")
    return n

"""Evidence in, estimates and curves out: each number with its interval and its chance level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Evidence, Predictions, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.forecast import forecast, rank1_at
from auditor.stats.intervals import newcombe_auc, person_bootstrap, wilson

Curves = dict[str, dict[str, list[Any]]]
#: In a smaller gallery there is too little to foretell a larger one from.
_FORETOLD_FROM = 40
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
    population: int | None = None,
) -> tuple[dict[str, Estimate], Curves]:
    """What an attack's evidence amounts to.

    Parameters
    ----------
    name : the evidence's name within its attack, "" for the attack's own
    level : coverage of the intervals
    rng : resamples people
    population : foretell how often people would be found among so many; None foretells nothing

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    if isinstance(evidence, SearchResult):
        found, curves = _search(name, evidence, level, rng)
        if population is not None and not name:
            among, foretold = rank1_among(evidence, population, level, rng)
            found, curves = found | among, curves | foretold
        return found, curves
    if isinstance(evidence, Trials):
        return _trials(name, evidence, level)
    if isinstance(evidence, Predictions):
        return _predictions(name, evidence, level, rng), {}
    raise TypeError(f"{type(evidence).__name__} is measured by the check it belongs to")


def cross_fitted(
    name: str, seen: Evidence, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves]:
    """What `measure` says of guesses by learners that saw the others, with the intervals of half as
    many people.

    Such guesses are not those of independent people: any two are asked about with what the other
    taught, once each way. Where nothing is there to be learnt both give the same answer, and what
    is measured varies twice as much as its people let expect; where much is learnt this is too
    wide.
    """
    found, curves = measure(name, seen, level=level, rng=rng)
    if not isinstance(seen, Trials):
        return {key: wider(one) for key, one in found.items()}, curves
    one, positive = found[f"{name}_auc"], metrics.person_trials(seen)[1]
    halves = int(positive.sum()) // 2, int((~positive).sum()) // 2
    low, high = newcombe_auc(one.value, *halves, level)
    return {f"{name}_auc": replace(one, low=low, high=high)}, curves


def wider(one: Estimate) -> Estimate:
    """The interval of half as many people."""
    low, high = (one.value + np.sqrt(2) * (end - one.value) for end in (one.low, one.high))
    return replace(one, low=float(low), high=float(high))


def rate(per_person: NDArray[np.float64], level: float, chance: float | None) -> Estimate:
    """The mean of people's rates, with Wilson's interval for as many yes-or-no outcomes."""
    n = enough(len(per_person))
    value = float(per_person.mean())
    low, high = wilson(value * n, n, level)
    return Estimate(value, low, high, level, n, chance)


def pooled_auc(seen: Trials, level: float, chance: float = 0.5) -> Estimate:
    """How well people are told apart by scores on one scale, over all strata together."""
    score, positive, _ = metrics.person_trials(seen)
    value, n, n_positive = metrics.auc(score, positive), len(score), int(positive.sum())
    low, high = newcombe_auc(value, n_positive, n - n_positive, level)
    return Estimate(value, low, high, level, n, chance)


def _search(
    name: str, seen: SearchResult, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves]:
    n_gallery = seen.n_gallery
    rank1 = rate(metrics.rank_rate(seen, 1), level, 1 / n_gallery)
    if name:
        # A control shows what its kind of attacker finds first, and no more.
        return {f"{name}_rank1": rank1}, {}
    found = {"rank1": rank1}
    if n_gallery > 5:
        found["rank5"] = rate(metrics.rank_rate(seen, 5), level, 5 / n_gallery)
    if len(np.unique(seen.subject[seen.matched_impostor_above >= 0])) >= MIN_PEOPLE:
        found["rank1_stranger"] = rate(
            metrics.matched_impostor_rate(seen, 1), level, 1 / (n_gallery - 1)
        )
    if (seen.demographic_size < n_gallery).any():
        by_luck = metrics.by_person(1 / seen.demographic_size, seen.subject).mean()
        found["rank1_known"] = rate(metrics.demographic_rate(seen, 1), level, float(by_luck))
    genuine, impostor = metrics.acceptance(seen)
    n = len(genuine)

    def equal_error(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        share = (weights / weights.sum(axis=1, keepdims=True)).astype(genuine.dtype)
        return metrics.eer(share @ genuine, share @ impostor)

    value = float(equal_error(np.ones((1, n)))[0])
    low, high = person_bootstrap(equal_error, n, level, rng)
    if high == 0:  # nobody was mistaken, and so nobody is in any sample of these people
        high = wilson(0, n, level)[1]
    found["eer"] = Estimate(value, low, high, level, n, 0.5)
    for label, fpir in _FPIRS.items():
        try:
            named = metrics.tpir_at_fpir(seen, fpir)
        except EvidenceError:
            continue  # finer than these people can show
        found[f"tpir_at_fpir_{label}"] = rate(named, level, fpir / n_gallery)
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
        "roc": _roc(genuine.mean(axis=0), impostor.mean(axis=0)),
        "gallery": _by_gallery(seen),
    }
    return found, curves


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


def rank1_among(
    seen: SearchResult,
    population: int,
    level: float,
    rng: np.random.Generator,
    draws: int = 100,
) -> tuple[dict[str, Estimate], Curves]:
    """How often the first pick is right among 100, 1,000, 10,000 and all people.

    Exactly, where so many were searched; else as foretold, with bounds that hold those of every
    model, so that what the models disagree about counts as not known.
    """
    if seen.n_gallery < _FORETOLD_FROM:
        return {}, {}
    sizes = np.unique(np.geomspace(5, seen.n_gallery, 12).astype(int))
    per_person = rank1_at(seen, sizes)
    wanted = sorted({100, 1000, 10_000, population})
    found = {}
    for n in (n for n in wanted if n <= seen.n_gallery):
        found[f"rank1_among_{n}"] = rate(rank1_at(seen, np.array([n]))[:, 0], level, 1 / n)
    larger = np.array([n for n in wanted if n > seen.n_gallery])
    if not len(larger):
        return found, {}
    told = forecast(sizes.astype(float), per_person, larger, level=level, rng=rng, draws=draws)
    value = told.rates[told.best]
    low = np.min([*told.low.values(), *told.rates.values()], axis=0)
    high = np.max([*told.high.values(), *told.rates.values()], axis=0)
    for place, n in enumerate(larger.tolist()):
        bounds = (max(float(low[place]), 0.0), min(float(high[place]), 1.0))
        one = Estimate(float(value[place]), *bounds, level, len(per_person), 1 / n)
        found[f"rank1_among_{n}"] = one
    curve = {"gallery": larger.tolist(), "rate": rounded(value), "chance": rounded(1 / larger)}
    models: dict[str, list[Any]] = {name: rounded(rates) for name, rates in told.rates.items()}
    errors = {"model": list(told.rates), "off by": rounded(list(told.held_out_error.values()))}
    return found, {"forecast": curve | models, "forecast_error": errors}


def _by_gallery(seen: SearchResult) -> dict[str, list[Any]]:
    """Rank-1 by the number of people searched, exactly, up to all there are."""
    sizes = np.unique(np.geomspace(2, seen.n_gallery, 24).astype(int))
    rates = rank1_at(seen, sizes).mean(axis=0)
    return {"gallery": sizes.tolist(), "rate": rounded(rates), "chance": rounded(1 / sizes)}


def _trials(name: str, seen: Trials, level: float) -> tuple[dict[str, Estimate], Curves]:
    score, positive, stratum = metrics.person_trials(seen)
    n = enough(len(score))
    value = metrics.auc(score, positive, stratum)
    n_positive = int(positive.sum())
    low, high = newcombe_auc(value, n_positive, n - n_positive, level)
    thresholds = np.unique(score)
    genuine, impostor = (_reaching(score[kind], thresholds) for kind in (positive, ~positive))
    curve = _roc(genuine, impostor)
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


def _roc(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> dict[str, list[Any]]:
    """True acceptance on a fixed grid of false-match rates: no step shows one person's rank."""
    order = np.argsort(impostor, kind="stable")
    fmr, tar = impostor[order], np.maximum.accumulate(genuine[order])
    place = np.searchsorted(fmr, _GRID, side="right") - 1
    at = np.where(place >= 0, tar[np.maximum(place, 0)], 0.0)
    at[_GRID >= 1] = 1.0
    return {"fmr": _GRID.tolist(), "tar": rounded(at)}


def rounded(values: Iterable[float]) -> list[float]:
    """Four digits, as curves are told."""
    return [round(float(value), 4) for value in values]


def enough(n: int) -> int:
    """So many people, where they are enough for any number."""
    if n < MIN_PEOPLE:
        raise EvidenceError(f"needs at least {MIN_PEOPLE} people; found fewer")
    return n

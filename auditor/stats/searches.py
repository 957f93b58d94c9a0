"""What searches amount to beside one another: of the same people, of others, of people alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import Curves, measure, rate
from auditor.stats.forecast import rank1_at
from auditor.stats.intervals import newcombe_paired, wilson_by_variance
from auditor.stats.metrics import by_person, rank_rate
from auditor.stats.rivals import worth


def above_alike(seen: SearchResult, level: float) -> Estimate | None:
    """How often a probe's mate scores above another person of that sex and about that age.

    Chance is a half, whatever sex and age tell; None where fewer than ten people have such others.
    """
    has = seen.demographic_size > 1
    others = seen.demographic_size[has] - 1
    people = seen.subject[has]
    if len(np.unique(people)) < MIN_PEOPLE:
        return None
    values = by_person(
        1 - (seen.demographic_above + seen.demographic_tied / 2)[has] / others, people
    )
    n, value = len(values), float(values.mean())
    # Of k people each is the mate of one: where that is luck, a sum over them varies up to
    # k/(k − 1) times as much as if mates were drawn apart (Hoeffding 1951, Ann Math Stat 22:558).
    reach = float((by_person(1 + 1 / others, people)).mean())
    variance = reach * float(values.var(ddof=1)) / n
    return Estimate(value, *wilson_by_variance(value, variance, n, level), level, n, 0.5)


def paired_gain(one: SearchResult, other: SearchResult, level: float) -> Estimate:
    """How many more people one search finds first than another, of the same people."""
    rates = rank_rate(one, 1), rank_rate(other, 1)
    value = float(rates[0].mean() - rates[1].mean())
    low, high = newcombe_paired(*rates, level)
    return Estimate(value, min(low, value), max(high, value), level, len(rates[0]), 0.0)


def rate_gap(one: SearchResult, other: SearchResult, level: float) -> Estimate:
    """How many more people one search finds first than a search for others, were both galleries
    as large as the smaller one.

    Wilson's intervals of both rates, joined (method 10 of Newcombe 1998, Stat Med 17:873).

    Raises
    ------
    EvidenceError
        One of them has fewer than ten people.
    """
    size = np.array([min(one.n_gallery, other.n_gallery)])
    first, second = (
        rate(rank1_at(each, size)[:, 0], level, 1 / size[0], worth(each, int(size[0])))
        for each in (one, other)
    )
    value = first.value - second.value
    low = value - np.hypot(first.value - first.low, second.high - second.value)
    high = value + np.hypot(first.high - first.value, second.value - second.low)
    n = first.n_subjects + second.n_subjects
    return Estimate(value, float(low), float(high), level, n, 0.0)


def measure_search(
    seen: SearchResult, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves]:
    """What `measure` says of a search, and `auc_known`."""
    found, curves = measure("", seen, level=level, rng=rng)
    if alike := above_alike(seen, level):
        found["auc_known"] = alike
    return found, curves


def against_twins(seen: Trials, level: float) -> tuple[Estimate, dict[str, list[Any]]]:
    """How well members are told from people who were never seen, and the ROC.

    Its chance is the mean over all ways to deal out membership anew within strata, such as sex and
    age: above it is what membership adds.
    """
    together = replace(seen, stratum=np.zeros_like(seen.stratum))
    found, curves = measure("", together, level=level, rng=np.random.default_rng(0))
    score, member, stratum = metrics.person_trials(seen)
    place, n = rankdata(score), int(member.sum())
    band = np.unique(stratum, return_inverse=True)[1]
    size, members = np.bincount(band), np.bincount(band, weights=member)
    expected = (members / size) @ np.bincount(band, weights=place)
    chance = (expected - n * (n + 1) / 2) / (n * (len(score) - n))
    return replace(found["_auc"], chance=float(chance)), curves["_roc"]


def beside_strangers(seen: SearchResult, level: float) -> dict[str, Estimate]:
    """`rank1_excess`: how much more often people are found than a stranger of the same sex and age
    band would be in their place; nothing where fewer than ten have one.
    """
    has = seen.matched_impostor_above >= 0
    if len(np.unique(seen.subject[has])) < MIN_PEOPLE:
        return {}
    own = metrics.rank_rate(seen.of(has), 1)
    stranger = metrics.matched_impostor_rate(seen, 1)
    value = float((own - stranger).mean())
    bounds = newcombe_paired(own, stranger, level, worth(seen.of(has)))
    return {"rank1_excess": Estimate(value, *bounds, level, len(own), 0.0)}


#: In so many audits where nothing was learnt by heart, anybody at all is held to be.
LUCK = 0.01


def beyond_luck(seen: Trials, least: float) -> NDArray[np.bool_]:
    """(n_members,) whose score is higher than any would be of as many who were never seen.

    The upper quarter of the others' scores is taken for the beginning of an exponential tail, as
    that of log ratios of nearest distances is (Facco et al. 2017, Sci Rep 7:12140), whose mean is
    no more than its upper bound; followed to where chance puts a member in one of a hundred
    audits. Nobody is beyond who does not score higher than `least`.

    Raises
    ------
    EvidenceError
        There are fewer than ten members or fewer than ten others.
    """
    score, member, _ = metrics.person_trials(seen)
    others = score[~member]
    if min(int(member.sum()), len(others)) < MIN_PEOPLE:
        raise EvidenceError(f"needs {MIN_PEOPLE} members and {MIN_PEOPLE} others; found fewer")
    start = float(np.quantile(others, _TAIL))
    excess = others[others > start] - start
    n = len(excess)
    if n:
        mean = 2 * excess.sum() / chi2.ppf(1 - _SURE, 2 * n)
        by_chance = member.sum() * n / len(others)
        start += mean * max(float(np.log(by_chance / LUCK)), 0.0)
    return np.asarray(score[member] > max(start, least))


#: Scores above this quantile are a tail, whose mean is known this well.
_TAIL, _SURE = 0.75, 0.95

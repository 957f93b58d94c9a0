"""What a generator gives away of the pictures that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Comparison, Evidence, Trials
from auditor.core.finding import Estimate
from auditor.risk import metrics
from auditor.risk.intervals import newcombe_paired
from auditor.risk.measure import Curves, measure, rate
from auditor.risk.outputs import gap

#: A picture that is three times as near to one real picture as to any other is its copy (Yoon et
#: al. 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize").
_COPY = float(np.log(3))
#: In so many audits where nothing was learnt by heart, anybody at all is held to be.
_LUCK = 0.01
#: What is told of the scores that are held against the tail of other people's.
_LEARNT = {"copies": "copied", "cliques": "extracted"}
#: Scores above this quantile are a tail, whose mean is known this well.
_TAIL, _SURE = 0.75, 0.95


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """Estimates of what was seen, their curves, and what may be told of fewer than ten people.

    - `ratio_auc`, `unasked_auc`: how well members are told from held-out twins by how near what is
      drawn comes to their own pictures, asked for them or for nobody; chance is what sex and age
      alone would give;
    - `copied`, `extracted`: the share of members whose picture is given out as good as it is;
    - `rank1`, `rank10` …: how often people's real pictures are found by the drawn ones, and
      `rank1_excess`, how much more often than strangers' of the same sex and age band;
      `members_rank1` … the same of members, and `member_gap`, how much more often theirs are found
      than those of others.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    few: dict[str, Any] = {}
    for name, one in seen.items():
        if isinstance(one, Comparison):
            if not name:
                more, shown = measure("", one, level=level, rng=rng)
                found, curves = found | more | beside_strangers(one, level), curves | shown
            for k in (1, 10):
                if one.n_gallery > k:
                    hits = metrics.rank_rate(one, k)
                    found[f"{name}_rank{k}".lstrip("_")] = rate(hits, level, k / one.n_gallery)
        elif isinstance(one, Trials) and name in _LEARNT:
            people = beyond(one, _COPY)
            more, fewer = shares({_LEARNT[name]: people}, level, _LUCK / len(people))
            found, few = found | more, few | fewer
        elif isinstance(one, Trials):
            found[f"{name}_auc"], curves[f"{name}_roc"] = against_twins(one, level)
    members, others = seen.get("members"), seen.get("nonmembers")
    if isinstance(members, Comparison) and isinstance(others, Comparison):
        found["member_gap"] = gap(members, others, level)
    return found, curves, few


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


def beside_strangers(seen: Comparison, level: float) -> dict[str, Estimate]:
    """`rank1_excess`: how much more often people are found than a stranger of the same sex and age
    band would be in their place; nothing where fewer than ten have one.
    """
    has = seen.stranger_above >= 0
    if len(np.unique(seen.subject[has])) < MIN_PEOPLE:
        return {}
    own, stranger = metrics.rank_rate(seen.of(has), 1), metrics.stranger_rate(seen, 1)
    value, bounds = float((own - stranger).mean()), newcombe_paired(own, stranger, level)
    return {"rank1_excess": Estimate(value, *bounds, level, len(own), 0.0)}


def beyond(seen: Trials, least: float) -> NDArray[np.bool_]:
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
        start += mean * max(float(np.log(by_chance / _LUCK)), 0.0)
    return np.asarray(score[member] > max(start, least))


def shares(
    people: Mapping[str, NDArray[np.bool_]], level: float, chance: float
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """By name, the share of people that each is true of; and of what it is true of one to nine
    people, which are no share.
    """
    found, few = {}, {}
    for name, those in people.items():
        if 0 < those.sum() < MIN_PEOPLE:
            few[name] = f"1 to {MIN_PEOPLE - 1} people"
        else:
            found[name] = rate(those.astype(float), level, chance)
    return found, few

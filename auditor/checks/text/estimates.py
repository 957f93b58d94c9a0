"""What texts about ECGs give away: of whom they are, and of what their writer was taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, hypergeom, rankdata

from auditor.checks.text.check import INDIRECT
from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import SMALL_CLASS, Curves, measure, rate
from auditor.stats.searches import against_twins, beside_strangers, beyond_luck
from auditor.stats.small_cells import shares_of_people

#: A text is recited when half of it stands in the answer that was taught.
_RECITED = 0.5
#: In so many audits where nothing was recited, anybody's text at all is held to be.
_LUCK = 0.01


def measured(
    seen: Mapping[str, Evidence], *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """Estimates of what was seen, their curves, and what may be told of fewer than ten people.

    - `unique_by_one`, `unique`, `below_11`: the share of people one of whose texts quotes a number
      that is nobody else's; all of whose numbers are together nobody else's; or are shared with
      fewer than ten others. Texts without numbers have none;
    - `rank1`, `rank10` …: how often a text leads to its record, and `rank1_excess`, how much more
      often than to that of a stranger of the same sex and age band;
    - `blank_auc`, `blank_recited` and so on for each prompt: how well members are told from others
      by how much of their own answer is told word for word, and the share of members to whom more
      is told than could be; `tokens_auc`: how well by how likely the answer's tokens are;
    - `exposure_bits`: how much less than by guessing must be tried to find what was hidden in
      training;
    - `told_direct`, `told_indirect`, `written_direct`, `written_indirect`: the share of people in
      whose texts a class of identifier is met; the classes, by how many people, are parameters.

    Raises
    ------
    EvidenceError
        There are too few people for any number.
    """
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    told: dict[str, Any] = {}
    prompts = [name for name in seen if name.startswith("prompt ")]
    for name, one in seen.items():
        if isinstance(one, SearchResult):
            more, shown = measure("", one, level=level, rng=rng)
            found, curves = found | more | beside_strangers(one, level), curves | shown
            if one.n_gallery > 10:
                found["rank10"] = rate(metrics.rank_rate(one, 10), level, 10 / one.n_gallery)
        elif name == "canaries" and isinstance(one, Trials):
            found["exposure_bits"] = exposure(one, level)
        elif isinstance(one, Trials):
            key = name.removeprefix("prompt ").replace(" ", "_")
            # As many prompts, as many chances to be wrong: together they hold at the level.
            each = 1 - (1 - level) / max(len(prompts), 1) if name in prompts else level
            auc, curves[f"{key}_roc"] = against_twins(one, each)
            found[f"{key}_auc"] = replace(auc, level=level)
            if name in prompts:
                people = _reciters(one)
                more, few = shares_of_people({f"{key}_recited": people}, level, _LUCK / len(people))
                found, told = found | more, told | few
        elif isinstance(one, Counts):
            more, few = (_classes if name == "quoted" else _identifiers)(one, level)
            found, told = found | more, told | few
    return found, curves, told


def _reciters(seen: Trials) -> NDArray[np.bool_]:
    """(n_members,) whose answers are recited, more than any would be of people never seen: one by
    one, or all whose answer is, where nobody else's is and that is no luck.
    """
    score, member, _ = metrics.person_trials(seen)
    found, over = beyond_luck(seen, _RECITED), score > _RECITED
    luck = hypergeom.sf(over.sum() - 1, len(score), int(member.sum()), int(over.sum()))
    return found | over[member] if luck <= _LUCK and not over[~member].any() else found


def exposure(seen: Trials, level: float) -> Estimate:
    """The mean of log2(alternatives / rank) over canaries, in bits (Carlini et al., "The Secret
    Sharer", USENIX Security 2019); a canary is among its alternatives, and ties share their ranks.

    Where nothing was learnt, exposures are exponential with a mean of log2(e): the interval is
    that of such a mean, and holds for one canary too.

    Raises
    ------
    EvidenceError
        There is no canary.
    """
    bits, chance, most = [], [], 0.0
    for one in np.unique(seen.stratum):
        inside = seen.stratum == one
        n = int(inside.sum())
        rank = rankdata(-seen.score[inside])[seen.positive[inside]]
        bits += np.log2(n / rank).tolist()
        chance.append(float(np.log2(n / np.arange(1, n + 1)).mean()))
        most = max(most, float(np.log2(n)))
    n = len(bits)
    if not n:
        raise EvidenceError("needs a canary; found none")
    mean, tail = float(np.mean(bits)), (1 - level) / 2
    low, high = 2 * n * mean / chi2.ppf([1 - tail, tail], 2 * n)
    return Estimate(
        mean, min(float(low), mean), min(float(high), most), level, n, float(np.mean(chance))
    )


def _classes(counts: Counts, level: float) -> tuple[dict[str, Estimate], dict[str, Any]]:
    one, together = counts.values[:, 0], counts.values[:, 1]
    people = {
        "unique_by_one": one == 1,
        "unique": together == 1,
        "below_11": together < SMALL_CLASS,
    }
    return shares_of_people(people, level, 0.0)


def _identifiers(counts: Counts, level: float) -> tuple[dict[str, Estimate], dict[str, Any]]:
    kinds, places = zip(*(name.split("/") for name in counts.names), strict=True)
    has, indirect = counts.values > 0, np.isin(kinds, INDIRECT)
    people = {}
    for place in dict.fromkeys(places):
        here = np.array(places) == place
        people[f"{place}_direct"] = np.any(has[:, here & ~indirect], axis=1)
        people[f"{place}_indirect"] = np.any(has[:, here & indirect], axis=1)
    found, few = shares_of_people(people, level, 0.0)
    hits = [
        {"class": kind, "where": place, "people": n if n >= MIN_PEOPLE else "fewer than 10"}
        for kind, place, n in zip(kinds, places, has.sum(axis=0).tolist(), strict=True)
        if n
    ]
    return found, few | {"hits": hits}

"""What the parts of a heartbeat amount to: drops with intervals, enrichment, and whom to believe.

The drop is the claim. An explanation illustrates it, and only when it stood every test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.checks.attribution.segments import EVERY, SEGMENTS, Atom
from auditor.core.evidence import (
    MIN_PEOPLE,
    NOBODY,
    Attribution,
    Explanation,
    Portrait,
    Predictions,
    SearchResult,
    Seen,
    Trials,
)
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import Curves, auc_bounds, identification_rate, rounded
from auditor.stats.forecast import rank1_at
from auditor.stats.intervals import newcombe_paired, person_bootstrap

Floats = NDArray[np.float64]
#: Statistic of people under weights (b, n_people) → (b,).
Statistic = Callable[[Floats], Floats]

#: Two explanations say the same when they share half of their variation, r² = 1/2.
SAME = 0.7
#: What a method that must add up may leave unexplained.
UNEXPLAINED = 0.05
#: (n_atoms, n_named) which atoms make up each named part.
_MADE_OF = np.array([[atom in atoms for atoms in EVERY.values()] for atom in Atom], dtype=float)
#: The parts that are told with an estimate each; the others stand in the table.
CLAIMED = tuple(SEGMENTS)


@dataclass(frozen=True)
class Trust:
    """Whether one explanation can be believed, and why not.

    Attributes
    ----------
    tests : by name, the value and the bound that decides
    """

    method: str
    tests: Mapping[str, tuple[float, float]]
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """In the words of the report."""
        return "not trustworthy" if self.reasons else "trustworthy"


def attribution(
    name: str, seen: Attribution, *, level: float, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Curves, dict[str, Any]]:
    """Estimates, curves and parameters of one task: "" for who it is, "class", "sex" or "age".

    Intervals of the drops are each so wide that all of them together have the level asked for
    (Bonferroni); theirs says so.
    """
    key = f"{name}_" if name else ""
    found: dict[str, Estimate] = {}
    curves: Curves = {}
    able = _skill(seen, level, rng)
    if seen.masked:
        found |= {f"{key}{title}": estimate for title, estimate in able.told.items()}
        each = 1 - (1 - level) / len(CLAIMED)
        table = _table(seen, each, rng)
        found |= {f"{key}masked_{slug(part)}": table["masked"][part] for part in CLAIMED}
        curves[f"{key}segments"] = _columns(table)
        curves |= _by_size(key, seen)
    trusts = []
    drawn: dict[str, Curves] = {}
    for one in seen.explanations:
        trusts.append(_trust(one, able.untaught, level, rng))
        drawn[one.method] = _enriched(one, level, rng)
    for part in ("share", "enrichment", "enrichment_low", "enrichment_high"):
        curves[f"{key}{part}"] = {"method": list(drawn)} | {
            segment: [rows[part][segment][0] for rows in drawn.values()] for segment in EVERY
        }
    curves[f"{key}tests"] = _tests(trusts)
    best = _best(trusts)
    # What each lead says is told all the same where nothing is believed, but drawn nowhere.
    by_lead = best or seen.explanations[-1].method
    explained = next(one for one in seen.explanations if one.method == by_lead)
    curves |= _by_lead(key, explained, seen.portrait.leads, level, rng)
    curves[f"{key}beat"] = _beat(seen.portrait)
    told = [
        {"method": one.method, "verdict": one.verdict, "why not": "; ".join(one.reasons) or "–"}
        for one in trusts
    ]
    params: dict[str, Any] = {
        f"{key}verdicts": told,
        f"{key}drawn_by": best or NOBODY,
        f"{key}by_lead_of": by_lead,
    }
    params["people explained"] = len(np.unique(seen.explanations[0].subject))
    if seen.masked:
        reading = _reading(name, able, found, key, trusts)
        params[f"{key}reading"] = reading
    return found, curves, params


def slug(part: str) -> str:
    """A segment's name as part of an estimate's."""
    return part.lower().replace(" ", "_").replace("-", "_")


# --- whether there is anything to explain -------------------------------------------------


@dataclass(frozen=True)
class _Skill:
    """How good the attack is with whole beats.

    Attributes
    ----------
    untaught : why an explanation would explain nothing that was learned, else ""
    """

    told: Mapping[str, Estimate]
    untaught: str

    @property
    def better_than_luck(self) -> bool:
        """Whether there is anything that a part of the heartbeat could be needed for."""
        first = next(iter(self.told.values()))
        return first.low > (first.chance or 0.0)


def _skill(seen: Attribution, level: float, rng: np.random.Generator) -> _Skill:
    whole = seen.whole
    if isinstance(whole, SearchResult):
        assert seen.untrained is not None
        told = {
            "rank1": identification_rate(whole, 1, level),
            "untrained_rank1": identification_rate(seen.untrained, 1, level),
        }
        rates, blank = (metrics.rank_rate(one, 1) for one in (whole, seen.untrained))
        low, _ = newcombe_paired(rates, blank, level)
        why = "" if low > 0 else "the network finds people no better than one with random weights"
        return _Skill(told, why)
    right, counted = _pairs(whole)
    value = float(right.sum() / counted.sum())
    if isinstance(whole, Trials):
        score, positive, stratum = metrics.person_trials(whole)
        low, high = auc_bounds(value, score, positive, stratum, level)
        told = {"auc": Estimate(value, low, high, level, len(score), 0.5)}
    else:
        low, high = person_bootstrap(_ordered(right, counted), len(right), level, rng)
        told = {"concordance": Estimate(value, low, high, level, len(right), 0.5)}
    return _Skill(told, "" if low > 0.5 else "the network tells no better than guessing")


def _pairs(seen: Trials | Predictions) -> tuple[Floats, Floats]:
    """(n, n) which pairs of people are told in the right order, and which can be compared."""
    if isinstance(seen, Trials):
        score, positive, stratum = metrics.person_trials(seen)
        counted = (positive[:, None] & ~positive[None]) & (stratum[:, None] == stratum[None])
    else:
        score, truth = (metrics.by_person(one, seen.subject) for one in (seen.value, seen.y_true))
        counted = truth[:, None] > truth[None]
    gap = score[:, None] - score[None]
    return ((gap > 0) + 0.5 * (gap == 0)) * counted, counted.astype(float)


def _ordered(right: Floats, counted: Floats) -> Statistic:
    """The share of pairs in the right order, under weights of people."""

    def statistic(weights: Floats) -> Floats:
        pairs = ((weights @ counted) * weights).sum(axis=1)
        return np.asarray(((weights @ right) * weights).sum(axis=1) / np.maximum(pairs, 1e-12))

    return statistic


# --- what is lost without a part ----------------------------------------------------------


def _table(
    seen: Attribution, level: float, rng: np.random.Generator
) -> dict[str, dict[str, Estimate]]:
    """By what was done and to which segment: the drop, or what that segment alone finds."""
    return {
        "masked": {part: _drop(seen.whole, one, level, rng) for part, one in seen.masked.items()},
        "swapped": {part: _drop(seen.whole, one, level, rng) for part, one in seen.swapped.items()},
        "alone": {part: _alone(one, level, rng) for part, one in seen.alone.items()},
    }


def _drop(whole: Seen, without: Seen, level: float, rng: np.random.Generator) -> Estimate:
    if isinstance(whole, SearchResult):
        assert isinstance(without, SearchResult)
        before, after = (metrics.rank_rate(one, 1) for one in (whole, without))
        low, high = newcombe_paired(before, after, level)
        return Estimate(float((before - after).mean()), low, high, level, len(before), 0.0)
    assert not isinstance(without, SearchResult)
    first, second = _ordered(*_pairs(whole)), _ordered(*_pairs(without))

    def lost(weights: Floats) -> Floats:
        return first(weights) - second(weights)

    n = len(np.unique(whole.subject))
    value = float(lost(np.ones((1, n)))[0])
    low, high = person_bootstrap(lost, n, level, rng)
    return Estimate(value, low, high, level, n, 0.0)


def _alone(seen: Seen, level: float, rng: np.random.Generator) -> Estimate:
    if isinstance(seen, SearchResult):
        return identification_rate(seen, 1, level)
    right, counted = _pairs(seen)
    value = float(right.sum() / counted.sum())
    low, high = person_bootstrap(_ordered(right, counted), len(right), level, rng)
    return Estimate(value, low, high, level, len(right), 0.5)


def _columns(table: Mapping[str, Mapping[str, Estimate]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"segment": list(table["masked"])}
    for done, by_part in table.items():
        columns[done] = [round(one.value, 4) for one in by_part.values()]
        columns[f"{done}_low"] = [round(one.low, 4) for one in by_part.values()]
        columns[f"{done}_high"] = [round(one.high, 4) for one in by_part.values()]
    return columns


def _by_size(key: str, seen: Attribution) -> Curves:
    """By how many people are searched: the drop without each part, and its enrichment."""
    if not isinstance(seen.whole, SearchResult) or not len(seen.sizes):
        return {}
    sizes = seen.sizes
    before = rank1_at(seen.whole, sizes).mean(axis=0)
    drops: dict[str, list[Any]] = {"gallery": sizes.tolist(), "whole": rounded(before)}
    for part in CLAIMED:
        without = seen.masked[part]
        assert isinstance(without, SearchResult)
        drops[part] = rounded(before - rank1_at(without, sizes).mean(axis=0))
    one = seen.explanations[0]
    n, k, m = seen.by_size.shape
    share = _by_person(seen.by_size.reshape(n, -1), one.subject).mean(axis=0).reshape(k, m).T
    time = _by_person(one.time @ _MADE_OF[:, :m], one.subject).mean(axis=0)
    held = np.maximum(share, 0) / np.maximum(np.abs(share).sum(axis=0), 1e-12)
    dense = {
        part: rounded(held[at] / time[at]) if time[at] else [None] * len(sizes)
        for at, part in enumerate(CLAIMED)
    }
    return {
        f"{key}drop_by_gallery": drops,
        f"{key}enrichment_by_gallery": {"gallery": sizes.tolist(), **dense},
    }


# --- explanations -------------------------------------------------------------------------


def _enriched(one: Explanation, level: float, rng: np.random.Generator) -> Curves:
    """One row: share of relevance, share of it over share of time, and that one's interval."""
    share = _by_person(one.share.sum(axis=1), one.subject)
    time = _by_person(one.time, one.subject)
    rows: Curves = {
        part: {} for part in ("share", "enrichment", "enrichment_low", "enrichment_high")
    }
    for segment in EVERY:
        told = _one_enriched(share, time, segment, level, rng)
        for part, value in zip(rows, told, strict=True):
            rows[part][segment] = [value]
    return rows


def _one_enriched(
    share: Floats, time: Floats, segment: str, level: float, rng: np.random.Generator
) -> tuple[float | None, ...]:
    """A segment's share of the relevance, that beside its share of the time, and an interval.

    Relevance is averaged over people with its sign, so that what is different in everybody cancels,
    and counted beside the sizes of all averages.

    Parameters
    ----------
    share, time : (n_people, n_atoms)
    """
    inside = _MADE_OF[:, list(EVERY).index(segment)]

    def held(weights: Floats) -> Floats:
        mean = weights @ share
        size = np.abs(mean).sum(axis=1)
        return np.asarray(np.maximum(mean @ inside, 0) / np.maximum(size, 1e-12))

    def dense(weights: Floats) -> Floats:
        lasting = weights @ time @ inside / weights.sum(axis=1)
        return np.asarray(held(weights) / np.maximum(lasting, 1e-12))

    everybody = np.ones((1, len(share)))
    value = round(float(held(everybody)[0]), 4)
    if not (time @ inside).any():
        return value, None, None, None
    low, high = person_bootstrap(dense, len(share), level, rng)
    return value, *(round(float(one), 4) for one in (dense(everybody)[0], low, high))


def _by_lead(
    key: str, one: Explanation, leads: tuple[str, ...], level: float, rng: np.random.Generator
) -> Curves:
    """The enrichment of each segment within each lead, with its interval."""
    time = _by_person(one.time, one.subject)
    curves: Curves = {}
    told = [
        [
            _one_enriched(_by_person(one.share[:, lead], one.subject), time, segment, level, rng)
            for segment in CLAIMED
        ]
        for lead in range(len(leads))
    ]
    for place, part in enumerate(("", "_low", "_high"), start=1):
        curves[f"{key}enrichment_by_lead{part}"] = {"lead": list(leads)} | {
            name: [row[at][place] for row in told] for at, name in enumerate(CLAIMED)
        }
    return curves


def _trust(
    one: Explanation, nothing_to_explain: str, level: float, rng: np.random.Generator
) -> Trust:
    reasons = [nothing_to_explain] if nothing_to_explain else []
    if len(np.unique(one.subject)) < MIN_PEOPLE:
        reasons.append(f"beats of fewer than {MIN_PEOPLE} people were explained")
    tried = ~np.isnan(one.randomised)
    random, _, most = _mean(one.randomised[tried], one.subject[tried], level, rng)
    tests = {
        "deletion": _mean(one.deletion, one.subject, level, rng)[:2],
        "insertion": _mean(one.insertion, one.subject, level, rng)[:2],
        "matched": _mean(one.matched, one.subject, level, rng)[:2],
        "repeated": _repeated(one, level, rng),
        "moved": _moved(one, level, rng),
        "randomised": (random, most),
    }
    if one.error is not None:
        tests["unexplained"] = one.error, one.error
    for name, (value, bound) in tests.items():
        stands, why = _STANDS[name]
        if not stands(bound):
            reasons.append(f"perhaps {why}" if stands(value) else why)
    return Trust(one.method, tests, tuple(reasons))


#: What the bound of each test has to satisfy, and what is said where it does not; "perhaps", where
#: the value itself does.
_STANDS: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "deletion": (
        lambda bound: bound > 0,
        "taken in its order, segments cost no more than in any order",
    ),
    "insertion": (
        lambda bound: bound > 0,
        "put back in its order, segments bring no more than in any",
    ),
    "matched": (
        lambda bound: bound > 0,
        "its first segment counts no more than as much time elsewhere",
    ),
    "repeated": (lambda bound: bound > SAME, "it says other things of another beat"),
    "moved": (lambda bound: bound > SAME, "it hangs on where readers put the boundaries"),
    "randomised": (
        lambda bound: bound < SAME,
        "it says the same of a network with random weights",
    ),
    "unexplained": (
        lambda bound: bound < UNEXPLAINED,
        "what it deals out does not add up to the answer",
    ),
}


def _mean(
    values: Floats, subject: NDArray[np.str_], level: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    column = metrics.by_person(values, subject)

    def mean(weights: Floats) -> Floats:
        return np.asarray(weights @ column / weights.sum(axis=1))

    low, high = person_bootstrap(mean, len(column), level, rng)
    return float(column.mean()), low, high


def _repeated(one: Explanation, level: float, rng: np.random.Generator) -> tuple[float, float]:
    """How alike what it says of all people's first beats is to what it says of their second ones,
    and the lower bound of that; NaN where nobody has two.
    """
    both = [set(one.subject[one.turn == turn].tolist()) for turn in (0, 1)]
    people = np.array(sorted(both[0] & both[1]), dtype=str)
    if len(people) < 2:
        return float("nan"), float("nan")
    said = []
    for turn in (0, 1):
        mine = np.flatnonzero(one.turn == turn)
        rows = mine[[int((one.subject[mine] == who).argmax()) for who in people]]
        said.append((one.share[rows], one.time[rows]))
    return _agreement(said[0], said[1], level, rng)


def _moved(one: Explanation, level: float, rng: np.random.Generator) -> tuple[float, float]:
    """The same of what it says with the boundaries of waves moved, in the way that changes most."""

    def each(share: Floats, time: Floats) -> tuple[Floats, Floats]:
        flat = _by_person(share.reshape(len(share), -1), one.subject)
        return flat.reshape(len(flat), *share.shape[1:]), _by_person(time, one.subject)

    before = each(one.share, one.time)
    return min(
        _agreement(before, each(share, time), level, rng)
        for share, time in zip(one.moved_share, one.moved_time, strict=True)
    )


def _agreement(
    one: tuple[Floats, Floats],
    other: tuple[Floats, Floats],
    level: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The correlation of what is said of people in two ways, and its lower bound.

    Parameters
    ----------
    one, other : (n_people, n_leads, n_atoms) shares of relevance, (n_people, n_atoms) of time
    """
    parts = _MADE_OF[:, : len(CLAIMED)]

    def dense(weights: Floats, said: tuple[Floats, Floats]) -> Floats:
        share, time = said
        held = weights @ (share @ parts).reshape(len(share), -1)
        lasting = np.tile(weights @ time @ parts, (1, share.shape[1]))
        return np.asarray(held / np.where(lasting > 0, lasting, np.inf))

    def alike(weights: Floats) -> Floats:
        a, b = (dense(weights, said) for said in (one, other))
        a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
        size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray((a * b).sum(axis=1) / np.maximum(size, 1e-12))

    n = len(one[0])
    low, _ = person_bootstrap(alike, n, level, rng)
    return float(alike(np.ones((1, n)))[0]), low


def _tests(trusts: list[Trust]) -> dict[str, list[Any]]:
    names = ("deletion", "insertion", "matched", "repeated", "moved", "randomised", "unexplained")
    columns: dict[str, list[Any]] = {"method": [one.method for one in trusts]}
    for name in names:
        pairs = [one.tests.get(name) for one in trusts]
        columns[name] = [None if pair is None else round(pair[0], 4) for pair in pairs]
        if name != "unexplained":
            columns[f"{name}_bound"] = [None if p is None else round(p[1], 4) for p in pairs]
    return columns


def _best(trusts: list[Trust]) -> str | None:
    """Of those that can be believed the one whose first segment counts most."""
    able = [one for one in trusts if not one.reasons]
    return max(able, key=lambda one: one.tests["matched"][0]).method if able else None


# --- words and pictures -------------------------------------------------------------------

_WAVES = {
    "P": "the P wave", "PR": "the PR segment", "QRS": "the QRS", "ST": "the ST segment",
    "T": "the T wave", "TP": "the rest between beats",
}  # fmt: skip
_ASKED = {
    "": ("people are found", ("people", "found at the first attempt")),
    "sex": ("sex is read", ("pairs of a woman and a man", "told apart")),
    "age": ("age is read", ("pairs of people", "told younger from older")),
}


def _reading(
    name: str, able: _Skill, found: Mapping[str, Estimate], key: str, trusts: list[Trust]
) -> str:
    what, counted = _ASKED[name]
    drops = {part: found[f"{key}masked_{slug(part)}"] for part in CLAIMED}
    first = max(drops, key=lambda part: drops[part].value)
    one = drops[first]
    believed = [trust.method for trust in trusts if not trust.reasons]
    if not able.better_than_luck:
        return f"Nothing to take apart: it cannot be shown that {what} more often than by luck."
    if one.low <= 0:
        said = f"No single part of the heartbeat can be shown to be what {what} by"
    else:
        said = (
            f"What {what} by is first of all {_WAVES[first]}: without it, of 100 {counted[0]} "
            f"{100 * one.value:.0f} fewer are {counted[1]} "
            f"({100 * one.low:.0f} to {100 * one.high:.0f})"
        )
    if not believed:
        return f"{said}. None of the {len(trusts)} explanations of the network can be believed."
    return f"{said}. Of {len(trusts)} explanations can be believed: {', '.join(believed)}."


def _beat(portrait: Portrait) -> dict[str, list[Any]]:
    n_leads, n_places = portrait.mv.shape
    return {
        "lead": [lead for lead in portrait.leads for _ in range(n_places)],
        "ms": [round(1000 * float(at)) for at in portrait.seconds] * n_leads,
        "mv": [round(float(value), 3) for value in portrait.mv.ravel()],
        "segment": list(portrait.segment) * n_leads,
    }


def _by_person(values: Floats, subject: NDArray[np.str_]) -> Floats:
    return np.stack([metrics.by_person(column, subject) for column in values.T], axis=1)

"""How often intervals hold what is true: every kind of estimate that a rule may name.

An entry of `CASES` draws populations of several kinds and sizes, and says what is measured of each
and what is true of all. Another estimate is another entry. What a release holds, and is counted,
has no interval and no entry: identifiers, ages over 89, people and records that were left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold
from auditor.checks.cross_release.check import CrossRelease, Links
from auditor.checks.uniqueness.check import Uniqueness
from auditor.core.evidence import Predictions, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.age_pyramid import from_sample
from auditor.stats.among import found_among
from auditor.stats.estimators import cross_fitted, pooled_auc
from auditor.stats.forecast import forecast
from auditor.stats.likeness import ages_seen, risks_in_population
from auditor.stats.naming import SMALLEST_GROUP, naming, sure_from
from auditor.stats.rare_errors import tpr_bounds
from auditor.stats.searches import (
    LUCK,
    beside_strangers,
    beyond_luck,
    measure_search,
    paired_gain,
    rate_gap,
)
from auditor.stats.small_cells import shares_of_people
from tests.benchmarks.measurements import Recorder
from tests.benchmarks.test_speed import say
from tests.benchmarks.test_uniqueness import KINDS as TOWNS
from tests.stats.crowds import CROWDS, rates_in_parts, truth
from tests.stats.evidence import alike_people, rivals, search_result
from tests.towns import N, manifest, most_exposed, odd, sample, town

LEVEL = 0.95
POPULATIONS = int(os.environ.get("POPULATIONS", "200"))
WANTED = 0.93
#: A cell, one estimate of one kind and size, is at fault below this share. Of about as many cells,
#: did each cover `WANTED` in truth, one would be in five of a hundred runs, by luck.
CELLS, FALSE_ALARM = 500, 0.05
LEAST = float(binom.ppf(FALSE_ALARM / CELLS, POPULATIONS, WANTED)) / POPULATIONS
Estimates = dict[str, Estimate]


@dataclass(frozen=True)
class Case:
    """Populations, and what is measured of them.

    Attributes
    ----------
    sizes : people of a population
    kinds : by name, people and a generator → what an attack hands back
    measured : of that, by the name that rules know it by
    true : of a kind and size, all that was handed back and measured → what is true of all, or of
        each population; of an estimate that it leaves out, the mean of what was measured
    """

    sizes: tuple[int, ...]
    kinds: Mapping[str, Callable[[int, np.random.Generator], Any]]
    measured: Callable[[Any, np.random.Generator], Estimates]
    true: Callable[[str, int, list[Any], list[Estimates]], Mapping[str, float | np.ndarray]]


# --- searches -----------------------------------------------------------------------------


def searches(signal: float, **how: Any) -> Callable[[int, np.random.Generator], Any]:
    """Two searches for the same people, the second with poorer scores, and one for others."""

    def drawn(n: int, rng: np.random.Generator) -> tuple[SearchResult, ...]:
        sex_and_age, strangers = rng.integers(0, 4, n), np.roll(np.arange(n), 1)
        scores, subject = alike_people(rng, n, signal, **how)
        poorer = scores + rng.normal(0, 0.7, scores.shape)
        others, theirs = alike_people(rng, n, signal, **how)
        return (
            search_result(scores, subject, strangers, sex_and_age),
            searched(poorer, subject),
            searched(others, theirs),
        )

    return drawn


def searched(
    scores: np.ndarray, subject: np.ndarray, alike: np.ndarray | None = None
) -> SearchResult:
    """A search result from a score matrix, without the sketch of scores: (n_probes, n_people),
    whose each probe is, and which people are alike, all if not given.
    """
    n, n_people = scores.shape
    at, none = (np.arange(n), subject), np.zeros(n, dtype=np.int64)
    mate, impostor = scores[at], scores.copy()
    impostor[at] = -np.inf
    over, best = impostor > mate[:, None], impostor.max(axis=1)
    above, size = over.sum(axis=1), none + n_people
    near_above, near_best, rival = above, best, rivals(over, digits=5)
    near_rival = rival
    if alike is not None:
        near = alike[subject]
        near_above, size = (over & near).sum(axis=1), near.sum(axis=1)
        near_best = np.where(near, impostor, -np.inf).max(axis=1)
        near_rival = rivals(over & near, digits=5)
    columns = {
        "subject": np.char.zfill(subject.astype(str), 5), "mated_score": mate,
        "n_above": above, "n_tied": none, "n_gallery": n_people, "best_impostor": best,
        "nearest": -np.sort(np.partition(-impostor, 10, axis=1)[:, :11], axis=1),
        "matched_impostor_above": none - 1, "matched_impostor_tied": none - 1,
        "demographic_above": near_above, "demographic_tied": none,
        "demographic_size": size, "demographic_best": near_best,
        "rival": rival, "demographic_rival": near_rival,
    }  # fmt: skip
    few = search_result(np.zeros((12, 12)), np.arange(12))
    return SearchResult(**{**vars(few), **columns})


def of_searches(seen: tuple[SearchResult, ...], rng: np.random.Generator) -> Estimates:
    """All that is told of a search, and of two beside one another."""
    own, poorer, others = seen
    found = measure_search(own, LEVEL, rng)[0] | beside_strangers(own, LEVEL)
    found["gain_over_<control>"] = paired_gain(own, poorer, LEVEL)
    return found | {"member_gap": rate_gap(own, others, LEVEL)}


def named_truly(
    kind: str, n: int, seen: list[tuple[SearchResult, ...]], found: list[Estimates]
) -> dict[str, float]:
    """Who is named at a threshold that was set on all populations together."""
    del kind, n
    column = [np.concatenate([getattr(one[0], name) for one in seen])
              for name in ("mated_score", "best_impostor", "n_above", "n_tied")]  # fmt: skip
    mated, best, above, tied = column
    weight = np.concatenate(
        [
            1 / np.bincount(code)[code]
            for code in (np.unique(one[0].subject, return_inverse=True)[1] for one in seen)
        ]
    )
    first = metrics.hits(above, tied, 1) * weight
    order = np.argsort(-best)
    alarms = weight[order].cumsum() / weight.sum()
    told = {}
    for label, fpir in (("10pct", 0.1), ("1pct", 0.01)):
        over = best[order][int((alarms <= fpir).sum())]
        told[f"tpir_at_fpir_{label}"] = float(first[mated > over].sum() / weight.sum())
    told["member_gap"] = 0.0
    return {name: value for name, value in told.items() if name in found[0]}


# --- people who can be named --------------------------------------------------------------

#: Rules ask how often a person is found among so many.
AMONG = 1000


@dataclass(frozen=True)
class Named:
    """A search by somebody who knows sex and age band, and people's groups."""

    seen: SearchResult
    groups: dict[str, np.ndarray]


def people_to_name(by_group: tuple[float, ...], by_gallery: float = 0.4):
    """People of two sexes and as many age bands as there are signals: one probe of each."""

    def drawn(n: int, rng: np.random.Generator) -> Named:
        sex, band = rng.integers(0, 2, n), rng.integers(0, len(by_group), n)
        gallery, probe = rng.normal(0, by_gallery, n), rng.normal(0, 0.4, n)
        scores = gallery + probe[:, None] + rng.normal(size=(n, n))
        scores[np.diag_indices(n)] += rng.normal(np.array(by_group)[band], 0.5)
        alike = (sex[:, None] == sex) & (band[:, None] == band)
        groups = {f"sex {one}": sex == one for one in (0, 1)}
        groups |= {f"band {one}": band == one for one in range(len(by_group))}
        return Named(searched(scores, np.arange(n), alike), groups)

    return drawn


NAMED = {
    "nobody": people_to_name((-20.0,)),
    "by luck": people_to_name((0.0, 0.0, 0.0)),
    "few": people_to_name((3.0, 3.0, 3.0)),
    "most": people_to_name((5.0, 5.0, 5.0)),
    "the old": people_to_name((2.0, 2.0, 4.5)),
    "some like everybody": people_to_name((3.5, 3.5, 3.5), 0.9),
}


def of_names(seen: Named, rng: np.random.Generator) -> Estimates:
    """What the rules on linkage are about."""
    found = naming(seen.seen, seen.groups, LEVEL, rng)[0]
    return found | {f"found_among_{AMONG}": found_among(seen.seen, [AMONG], LEVEL)[0][AMONG]}


@cache
def found_among_so_many(kind: str) -> float:
    """The mean over populations of as many."""
    drawn = [NAMED[kind](AMONG, np.random.default_rng([seed, 1])).seen for seed in range(100)]
    return float(np.mean([metrics.demographic_rate(one, 1).mean() for one in drawn]))


def certain_truly(
    kind: str, n: int, seen: list[Named], found: list[Estimates]
) -> dict[str, float | np.ndarray]:
    """Who of all populations' people is named at the score from which on the intruder of each is
    sure: at that score the rules ask for the rate.
    """
    del n, found
    told = [one.seen.among_alike.above_cohort for one in seen]
    sure = np.array([sure_from(one) for one in told])
    score = np.concatenate([one.mated_score for one in told])
    first = np.concatenate([one.n_above == 0 for one in told])

    def rate(of: np.ndarray) -> np.ndarray:
        reached = np.sort(score[of & first])
        return (len(reached) - np.searchsorted(reached, sure, side="right")) / of.sum()

    every = rate(np.ones(len(score), dtype=bool))
    worst = every.copy()
    for name in seen[0].groups:
        judged = np.array([one.groups[name].sum() >= SMALLEST_GROUP for one in seen])
        theirs = rate(np.concatenate([one.groups[name] for one in seen]))
        worst = np.where(judged, np.maximum(worst, theirs), worst)
    return {
        "named": every, "most_exposed": worst, f"found_among_{AMONG}": found_among_so_many(kind),
    }  # fmt: skip


# --- people claimed to be in two releases --------------------------------------------------


def claims(share: float) -> Callable[[int, np.random.Generator], Links]:
    """As many people of both releases, of whom a share is in both; the others look like the
    likeliest of so many.
    """

    def drawn(n: int, rng: np.random.Generator) -> Links:
        best, decoys = (norm.ppf(rng.random(size) ** (1 / n)) for size in (n, 2 * n))
        score = np.where(rng.random(n) < share, 50.0, best)
        threshold = float(np.sort(decoys)[::-1][int(0.01 * len(decoys))])
        pairs = pd.DataFrame({"score": score, "claimed": score > threshold})
        return Links(pairs, threshold, len(decoys), float((decoys > threshold).mean()), n, ("I",))

    return drawn


CLAIMED = {"strangers": 0.0, "a twentieth in both": 0.05, "half in both": 0.5}


def of_claims(seen: Links, rng: np.random.Generator) -> Estimates:
    """How many more are claimed than strangers would be; its interval is one of 98 %."""
    found = CrossRelease(other=None).estimate(seen, LEVEL, lambda *part: rng).estimates
    return {"claimed_excess": found["claimed_excess"]}


def claimed_truly(
    kind: str, n: int, seen: list[Links], found: list[Estimates]
) -> dict[str, np.ndarray]:
    """At each release's threshold."""
    del found
    stranger = np.array([1 - norm.cdf(one.threshold) ** n for one in seen])
    return {"claimed_excess": CLAIMED[kind] * (1 - stranger)}


# --- sex and age --------------------------------------------------------------------------


def of_sex_and_age(strength: float, columns: int) -> Callable[[int, np.random.Generator], Any]:
    """Guesses by lines through a table that says something of both, each taught on the others."""

    def drawn(n: int, rng: np.random.Generator) -> tuple[Trials, Predictions]:
        age, male = rng.uniform(20, 90, n), rng.permutation(n) % 2
        told = np.stack([(age - 55) / 20, 2.0 * male - 1], axis=1)
        table = rng.normal(size=(n, columns))
        table[:, :4] += strength * np.repeat(told, 2, axis=1) / 2
        names = np.array([f"{one:05d}" for one in range(n)])
        learner = CrossFitted(line, table.astype(np.float32), names, 0)
        years, prior, likely, fold = np.zeros((4, n))
        for turn, (train, test) in enumerate(subject_kfold(np.arange(n), male, rng)):
            fold[test], prior[test] = turn, np.median(age[train])
            years[test] = learner.predict(age, train, test, rng)
            likely[test] = learner.predict_proba(male.astype(float), train, test)
        return (
            Trials(likely, male == 1, names, fold.astype(np.int64)),
            Predictions(years, age, prior, names),
        )

    return drawn


def of_guesses(seen: tuple[Trials, Predictions], rng: np.random.Generator) -> Estimates:
    """How often sex is told, and the years gained."""
    sex, age = (cross_fitted(name, one, LEVEL, rng)[0]
                for name, one in zip(("sex", "age"), seen, strict=True))  # fmt: skip
    return sex | {"age_gain_years": age["age_gain_years"]}


# --- membership ---------------------------------------------------------------------------


def members(draw: Callable[[int, np.random.Generator], np.ndarray]):
    """As many members as others, whose scores are standard normal."""

    def drawn(n: int, rng: np.random.Generator) -> Trials:
        score = np.concatenate([draw(n, rng), rng.normal(size=n)])
        names = np.array([f"{one:06d}" for one in range(2 * n)])
        return Trials(score, np.arange(2 * n) < n, names, np.zeros(2 * n, dtype=np.int64))

    return drawn


MEMBERS = {
    "nothing learnt": lambda n, rng: rng.normal(size=n),
    "a little higher": lambda n, rng: rng.normal(0.5, 1, n),
    "higher": lambda n, rng: rng.normal(2, 1, n),
    "higher and alike": lambda n, rng: rng.normal(2, 0.4, n),
    "a tenth by heart": lambda n, rng: np.where(rng.random(n) < 0.1, 9, rng.normal(size=n)),
    "all as high": lambda n, rng: np.full(n, 2.0),
    "half higher, half lower": lambda n, rng: rng.normal(4 * rng.choice([-1, 1], n), 1),
}


def of_members(seen: Trials, rng: np.random.Generator) -> Estimates:
    """Members told from others."""
    del rng
    value = metrics.tpr_at_fpr(seen.score, seen.positive, 0.01)
    bounds = tpr_bounds(seen.score, seen.positive, 0.01, LEVEL)
    rare = Estimate(value, *bounds, LEVEL, int(seen.positive.sum()), 0.01)
    return {"auc": pooled_auc(seen, LEVEL), "tpr_at_fpr_1pct": rare}


def told_truly(kind: str, n: int, seen: list[Trials], found: list[Estimates]) -> dict[str, float]:
    """Of very many members and others."""
    del n, seen, found
    rng = np.random.default_rng(0)
    ours, others = np.sort(MEMBERS[kind](1_000_000, rng)), np.sort(rng.normal(size=1_000_000))
    below = np.searchsorted(others, ours).mean() / len(others)
    return {"auc": below, "tpr_at_fpr_1pct": float((ours > others[-10_001]).mean())}


# --- people learnt by heart ----------------------------------------------------------------

BY_HEART = {"nobody": 0.0, "a fifth": 0.2, "half": 0.5}


def by_heart(share: float) -> Callable[[int, np.random.Generator], Trials]:
    """A share of members whose own picture, or answer, is given out."""
    return members(lambda n, rng: np.where(rng.random(n) < share, 30, rng.normal(size=n)))


def of_learnt(seen: Trials, rng: np.random.Generator) -> Estimates:
    """The share of members that is given out, as pictures or texts."""
    del rng
    those = beyond_luck(seen, 0.0)
    return shares_of_people({"copied, full_recited": those}, LEVEL, LUCK / len(those))[0]


# --- the most exposed by sex and age --------------------------------------------------------


def of_town(kind: str) -> Callable[[int, np.random.Generator], Any]:
    """A sample of a town whose every sex and age is counted."""
    hospital, pooled, is_odd = (
        TOWNS[kind].get(one, False) for one in ("hospital", "pooled", "odd")
    )

    def drawn(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
        counts = odd(town(rng), rng) if is_odd else town(rng)
        seen = sample(counts, n, rng, hospital=hospital)
        return manifest(seen, pooled=pooled), most_exposed(counts, seen, pooled=pooled)

    return drawn


def of_risk(seen: tuple[pd.DataFrame, float], rng: np.random.Generator) -> Estimates:
    """The highest chance of naming anybody of the sample in the town."""
    dataset = SimpleNamespace(manifest=seen[0], descriptor=SimpleNamespace(shifted=False))
    check = Uniqueness(population=N)
    evidence = check.attack(SimpleNamespace(dataset=dataset), rng)
    pyramid = from_sample(*ages_seen(evidence), N, rng)
    risks = risks_in_population(evidence, pyramid, LEVEL, 1 / N, rng)
    return {"max_risk": risks["max_risk"]}


# --- larger galleries ---------------------------------------------------------------------

TIMES = (3, 10, 100)


def of_parts(seen: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> Estimates:
    """Rank-1 foretold among more people."""
    del rng
    sizes, rates = seen
    larger = sizes[-1] * np.array(TIMES)
    told = forecast(sizes, rates, larger, level=LEVEL)
    columns = zip(TIMES, told.value, told.low, told.high, strict=True)
    return {f"rank1_among_<{times} × as many>": Estimate(*one, LEVEL, len(rates), None)
            for times, *one in columns}  # fmt: skip


def found_truly(kind: str, n: int, seen: list[Any], found: list[Estimates]) -> dict[str, float]:
    """Of 200,000 such people."""
    del seen
    rates = truth(kind, n * np.array(TIMES))
    return {name: float(rate) for name, rate in zip(found[0], rates, strict=True)}


def crowd(name: str) -> Callable[[int, np.random.Generator], Any]:
    """A crowd's rates in parts of its own gallery."""
    return lambda n, rng: rates_in_parts(name, n, rng)


CASES = {
    "names": Case((100, 400, 1000), NAMED, of_names, certain_truly),
    "claims": Case(
        (100, 400, 1000),
        {kind: claims(share) for kind, share in CLAIMED.items()},
        of_claims,
        claimed_truly,
    ),
    "learnt by heart": Case(
        (200, 400, 1000),
        {kind: by_heart(share) for kind, share in BY_HEART.items()},
        of_learnt,
        lambda kind, n, seen, found: {"copied, full_recited": BY_HEART[kind]},
    ),
    "towns": Case(
        (300, 3000),
        {kind: of_town(kind) for kind in TOWNS},
        of_risk,
        lambda kind, n, seen, found: {"max_risk": np.array([risk for _, risk in seen])},
    ),
    "searches": Case(
        (20, 90, 400),
        {
            "hardly found": searches(1.5),
            "half found": searches(3.5),
            "nearly all found": searches(5.5),
            "some like everybody": searches(3.5, by_probe=0.7, by_gallery=0.9),
        },
        of_searches,
        named_truly,
    ),
    "sex and age": Case(
        (20, 90, 400),
        {
            "nothing told": of_sex_and_age(0.0, 8),
            "a little told": of_sex_and_age(0.5, 64),
            "much told": of_sex_and_age(1.5, 8),
        },
        of_guesses,
        lambda kind, n, seen, found: {},
    ),
    "membership": Case(
        (100, 400, 1000),
        {kind: members(draw) for kind, draw in MEMBERS.items()},
        of_members,
        told_truly,
    ),
    "larger galleries": Case(
        (40, 90, 400, 1000), {name: crowd(name) for name in CROWDS}, of_parts, found_truly
    ),
}


@pytest.mark.parametrize(
    ("case", "kind"), [(case, kind) for case, about in CASES.items() for kind in about.kinds]
)
def test_intervals_hold_what_is_true(case, kind, measured):
    about, cells, lowest = CASES[case], {}, {}
    for n in about.sizes:
        seen, found = [], []
        for seed in range(POPULATIONS):
            rng = np.random.default_rng([seed, n])
            seen.append(about.kinds[kind](n, rng))
            found.append(about.measured(seen[-1], rng))
        true = about.true(kind, n, seen, found)
        for name in sorted(set.intersection(*map(set, found))):
            value, low, high = np.array(
                [(one.value, one.low, one.high) for one in (each[name] for each in found)]
            ).T
            is_true = true.get(name, value.mean())
            held = ((low - 1e-9 <= is_true) & (is_true <= high + 1e-9)).mean()
            lowest[name] = min(lowest.get(name, 1.0), held)
            cells.setdefault(name, {})[f"{n} people"] = f"{held:.3f} ({(high - low).mean():.3g})"
    for name, cell in cells.items():
        say(f"{name}, {kind}: {cell}")
        measured.row("coverage", {"estimate": name, "population": kind}, cell)
    for name in cells:
        _record_all_kinds(name, measured)
    assert {name: held for name, held in lowest.items() if held < LEAST} == {}


def _record_all_kinds(name: str, measured: Recorder) -> None:
    """The lowest cell of an estimate, and its lowest size over all kinds of people together."""
    rows = [row for row in measured.rows("coverage") if row["estimate"] == name]
    held: dict[str, list[float]] = {}
    for row in rows:
        for column, told in row.items():
            if column.endswith(" people") and told:
                held.setdefault(column, []).append(float(told.split()[0]))
    told = {
        "room": "coverage",
        "data": "simulated populations",
        "n": f"{POPULATIONS} populations of {len(rows)} kinds",
    }
    together = min(float(np.mean(each)) for each in held.values())
    measured(
        f"coverage/{name}",
        f"Coverage of 95 % intervals of {name}, at the size of people where it is lowest, over "
        "all populations", together, wanted=f">= {WANTED}", **told,
    )  # fmt: skip
    measured(
        f"coverage/{name}/lowest",
        f"Coverage of 95 % intervals of {name}, of the kind and size of people where it is lowest",
        min(map(min, held.values())), wanted=f">= {LEAST}",
        note=f"of which a cell that covers {WANTED} in truth falls short in "
        f"{FALSE_ALARM / CELLS:.2%} of runs", **told,
    )  # fmt: skip

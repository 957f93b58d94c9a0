"""How often intervals hold what is true: every kind of estimate that a rule may name.

An entry of `CASES` draws populations of several kinds and sizes, and says what is measured of each
and what is true of all. Another estimate is another entry.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold
from auditor.core.evidence import Predictions, SearchResult, Trials
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import cross_fitted, pooled_auc
from auditor.stats.forecast import forecast
from auditor.stats.rare_errors import tpr_bounds
from auditor.stats.searches import beside_strangers, measure_search, paired_gain, rate_gap
from tests.benchmarks.test_speed import say
from tests.stats.crowds import CROWDS, rates_in_parts, truth
from tests.stats.evidence import alike_people, search_result

LEVEL = 0.95
POPULATIONS = int(os.environ.get("POPULATIONS", "200"))
WANTED = 0.93
Estimates = dict[str, Estimate]


@dataclass(frozen=True)
class Case:
    """Populations, and what is measured of them.

    Attributes
    ----------
    sizes : people of a population
    kinds : by name, people and a generator → what an attack hands back
    measured : of that, by the name that rules know it by
    true : of a kind and size, all that was handed back and measured → what is true of all; of an
        estimate that it leaves out, the mean of what was measured
    """

    sizes: tuple[int, ...]
    kinds: Mapping[str, Callable[[int, np.random.Generator], Any]]
    measured: Callable[[Any, np.random.Generator], Estimates]
    true: Callable[[str, int, list[Any], list[Estimates]], dict[str, float]]


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
            search_result(poorer, subject),
            search_result(others, theirs),
        )

    return drawn


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
    ("case", "kind"), [(case, kind) for case, each in CASES.items() for kind in each.kinds]
)
def test_intervals_hold_what_is_true(case, kind, measured):
    about, cells = CASES[case], {}
    for n in about.sizes:
        seen, found = [], []
        for seed in range(POPULATIONS):
            rng = np.random.default_rng([seed, n])
            seen.append(about.kinds[kind](n, rng))
            found.append(about.measured(seen[-1], rng))
        true = about.true(kind, n, seen, found)
        for name in sorted(set.intersection(*map(set, found))):
            ones = [each[name] for each in found]
            value = true.get(name, float(np.mean([one.value for one in ones])))
            held = np.mean([one.low - 1e-9 <= value <= one.high + 1e-9 for one in ones])
            width = np.mean([one.high - one.low for one in ones])
            cells.setdefault(name, {})[f"{n} people"] = f"{held:.3f} ({width:.3g})"
    for name, cell in cells.items():
        say(f"{name}, {kind}: {cell}")
        measured.row("coverage", {"estimate": name, "population": kind}, cell)
    rows = [row for row in measured.rows("coverage") if row["estimate"] in cells]
    for name in cells:
        lowest = 1.0
        for n in about.sizes:
            told = [row[f"{n} people"] for row in rows
                    if row["estimate"] == name and f"{n} people" in row]  # fmt: skip
            if told:
                lowest = min(lowest, float(np.mean([float(one.split()[0]) for one in told])))
        kinds = sum(row["estimate"] == name for row in rows)
        measured(f"coverage/{name}", f"Coverage of 95 % intervals of {name}, at the size of people "
                 "where it is lowest, over all populations", lowest, room="coverage",
                 data="simulated populations", n=f"{POPULATIONS} populations of {kinds} kinds",
                 wanted=f">= {WANTED}")  # fmt: skip
        assert lowest >= WANTED, name

"""How often rules on linkage pass a release in which nothing can be found, and one at the limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from auditor.core.evidence import SearchResult
from auditor.policy.profile import load_profile
from auditor.stats.among import found_among
from auditor.stats.intervals import wilson
from auditor.stats.naming import naming, sure_from
from tests.benchmarks.measurements import Recorder
from tests.stats.evidence import rivals, search_result

LEVEL = 0.9
LIMITS = {
    rule.estimate: rule.limit
    for rule in load_profile("public").rules
    if rule.protocol == "cross-session" and rule.required
}
#: Attackers of a ladder that err apart; eight rungs of a null release did as 6.6.
RUNGS = 7
#: Where scores lie, for what is known of the rates above a score.
X = np.linspace(-8, 12, 2001)
#: The share of others who are alike to people of ages 20 to 85: of one sex, within five years.
_AGES = np.linspace(20, 85, 400)
ALIKE = (np.minimum(_AGES + 5, 85) - np.maximum(_AGES - 5, 20)) / 65 / 2


def crowd(n: int, rng: np.random.Generator):
    """Who is alike to whom of n people, and their groups."""
    sex, age = rng.integers(0, 2, n), rng.uniform(20, 85, n)
    alike = (sex[:, None] == sex) & (np.abs(age[:, None] - age) <= 5)
    groups = {f"sex {one}": sex == one for one in (0, 1)}
    for low, high in ((0, 30), (30, 45), (45, 60), (60, 75), (75, 200)):
        groups[f"from {low}"] = (age >= low) & (age < high)
    return alike, groups


def searched(mate: np.ndarray, scores: np.ndarray, alike: np.ndarray) -> SearchResult:
    """Everybody looked for once, without the sketch of scores."""
    n = len(mate)
    few = search_result(np.zeros((12, 12)), np.arange(12))
    other = ~np.eye(n, dtype=bool)
    above, near, none = (scores > mate[:, None]) & other, alike & other, np.zeros(n, dtype=np.int64)
    columns = {
        "subject": np.array([f"{one:05d}" for one in range(n)]),
        "mated_score": mate, "n_above": above.sum(axis=1), "n_tied": none,
        "best_impostor": np.where(other, scores, -np.inf).max(axis=1), "n_gallery": n,
        "nearest": np.zeros((n, 1)),
        "matched_impostor_above": none - 1,
        "matched_impostor_tied": none - 1, "demographic_above": (above & near).sum(axis=1),
        "demographic_tied": none, "demographic_size": near.sum(axis=1) + 1,
        "demographic_best": np.where(near, scores, -np.inf).max(axis=1),
        "rival": rivals(above, digits=5), "demographic_rival": rivals(above & near, digits=5),
    }  # fmt: skip
    return SearchResult(**{**vars(few), **columns})


def told(seen: SearchResult, groups: dict[str, np.ndarray], rng: np.random.Generator):
    """What the rules of the profile are about."""
    found = naming(seen, groups, LEVEL, rng)[0]
    return found | {"found_among_1000": found_among(seen, [1000], LEVEL)[0][1000]}


@pytest.mark.parametrize("n", [100, 300])
def test_a_release_in_which_nothing_can_be_found_passes(n: int, measured: Recorder):
    passed, seeds = 0, 200
    for seed in range(seeds):
        rng = np.random.default_rng([seed, n, 7])
        alike, groups = crowd(n, rng)
        within = True
        for _ in range(RUNGS):
            scores = rng.standard_normal((n, n))
            seen = searched(rng.standard_normal(n), scores, alike)
            np.fill_diagonal(scores, -np.inf)
            seen = replace(seen, nearest=-np.sort(-scores, axis=1)[:, :11])
            found = told(seen, groups, rng)
            within &= all(found[name].high <= limit for name, limit in LIMITS.items())
        passed += within
    low, high = wilson(passed, seeds, 0.95)
    assert high >= 0.9
    measured(
        f"naming/null-pass-{n}",
        f"Linkage, public profile: a null of {n} people whose sex and age are released passes",
        100 * passed / seeds, unit="%", interval=(100 * low, 100 * high), wanted=">= 90",
        room="populations", data="simulated scores, seven rungs that err apart",
        n=f"{seeds} releases", digits=1,
    )  # fmt: skip


def named_beyond(kind: str, strength: float, beaten: np.ndarray, threshold: float) -> float:
    """How often somebody is named in truth: first among those alike, and above a score."""
    step = X[1] - X[0]
    weight = beaten * np.clip((X - threshold) / step + 0.5, 0, 1)
    if kind == "certain":
        return strength + (1 - strength) * float((norm.pdf(X) * weight).sum() * step)
    return float((norm.pdf(X - strength) * weight).sum() * step + norm.sf(12 - strength))


def as_strong(kind: str, rate: float, beaten: np.ndarray, threshold: float) -> float:
    """The strength at which so many are named in truth."""

    def beyond(strength: float) -> float:
        return named_beyond(kind, strength, beaten, threshold) - rate

    return float(brentq(beyond, *((0, 1) if kind == "certain" else (-3, 9))))


@pytest.mark.parametrize("kind", ["certain", "alike"])
@pytest.mark.parametrize("n", [100, 300])
def test_a_rate_at_the_limit_is_rarely_passed(n: int, kind: str, measured: Recorder):
    """`named` where a share of people is named beyond doubt and the others by luck, or where all
    are as easily named.
    """
    limit, seeds, outcomes = LIMITS["named"], 200, np.zeros(2, dtype=int)
    beaten = np.exp((n - 1) * np.log1p(-ALIKE[:, None] * norm.sf(X))).mean(axis=0)
    for seed in range(seeds):
        rng = np.random.default_rng([seed, n])
        alike, groups = crowd(n, rng)
        scores = rng.standard_normal((n, n))
        threshold = sure_from(searched(np.zeros(n), scores, alike).among_alike)
        strength = as_strong(kind, limit, beaten, threshold)
        mate = rng.standard_normal(n)
        mate = (
            np.where(rng.random(n) < strength, 50, mate) if kind == "certain" else mate + strength
        )
        one = told(searched(mate, scores, alike), groups, rng)["named"]
        outcomes += [one.high <= limit, one.low > limit]
    # Twice as often as wanted would show in so many releases.
    assert outcomes.max() <= 0.1 * seeds
    for what, seen in zip(("pass", "fail"), outcomes.tolist(), strict=True):
        low, high = wilson(seen, seeds, 0.95)
        measured(
            f"naming/at-limit-{kind}-{n}-{what}",
            f"`named` at its limit in truth, {n} people, {kind}: false {what}es" if what == "pass"
            else f"`named` at its limit in truth, {n} people, {kind}: false fails",
            100 * seen / seeds, unit="%", interval=(100 * low, 100 * high), wanted="<= 5",
            room="populations", data="simulated scores, sex and age released",
            n=f"{seeds} releases", digits=1,
        )  # fmt: skip

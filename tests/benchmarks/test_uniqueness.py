"""How often the rule on rare combinations passes or fails wrongly, in towns that are known.

Beside it, the same rule by one class frequency at a time (Benedetti and Franconi 1998), which is
what the check told before.
"""

from __future__ import annotations

import os
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import hyp2f1

from auditor.checks.uniqueness.check import Uniqueness
from auditor.core.streams import stream
from auditor.policy.profile import load_profile
from auditor.stats.intervals import wilson
from tests.benchmarks.test_speed import say
from tests.towns import N, manifest, most_exposed, odd, sample, town

TOWNS = int(os.environ.get("TOWNS", "20"))
SIZES = (300, 1_000, 3_000, 10_000)
LIMIT = next(one.limit for one in load_profile("public").rules if one.check == "uniqueness")
KINDS = {
    "anybody": {},
    "hospital": {"hospital": True},
    "hospital, 90+ as one": {"hospital": True, "pooled": True},
    "hospital, odd towns": {"hospital": True, "odd": True},
}


def individual_risk(size: np.ndarray, fraction: float) -> np.ndarray:
    """The chance of naming a person from a class of `size` in a sample, not knowing the population.

    Benedetti and Franconi 1998: the mean of 1/F where F, the class's size in the population, is
    negative binomial given its size f in a sample that holds a share `fraction` of it. For f = 1
    this is fraction/(1 − fraction) · ln(1/fraction).
    """
    if fraction >= 1:
        return 1 / size.astype(float)
    # The mean is π·∫₀¹ u^(f−1) / (π + (1−π)u) du, by Euler's integral of the hypergeometric form.
    largest = int(size.max())
    if fraction > 0.5:
        sizes = np.arange(1, largest + 1, dtype=float)
        risk = fraction / sizes * hyp2f1(1, 1, sizes + 1, 1 - fraction)
    else:
        # The integral of f + 1 follows from that of f; stable while the fraction is at most a half.
        integral = np.empty(largest)
        integral[0] = -np.log(fraction) / (1 - fraction)
        for f in range(1, largest):
            integral[f] = (1 / f - fraction * integral[f - 1]) / (1 - fraction)
        risk = fraction * integral
    return np.clip(risk, 0, 1)[size - 1]


@pytest.mark.parametrize("fraction", [0.001, 0.05, 0.5])
def test_individual_risk_agrees_with_the_closed_forms_for_one_and_two(fraction):
    """Benedetti and Franconi's own expressions for f = 1 and f = 2."""
    odds = fraction / (1 - fraction)
    wanted = [odds * np.log(1 / fraction), odds - odds**2 * np.log(1 / fraction)]
    found = individual_risk(np.array([1, 2]), fraction)
    assert found == pytest.approx(wanted, rel=1e-9)


def outcome(low: float, high: float) -> str:
    return "pass" if high <= LIMIT else "fail" if low > LIMIT else "inconclusive"


def false(outcome: str, truth: float) -> str | None:
    """What kind of mistake a settled outcome is; None where it is right, or says nothing."""
    wrong = {"pass": truth > LIMIT, "fail": truth <= LIMIT}.get(outcome, False)
    return f"false {outcome}" if wrong else None


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_on_rare_ages_in_towns_that_are_known(kind, measured):
    hospital, pooled, is_odd = (
        KINDS[kind].get(name, False) for name in ("hospital", "pooled", "odd")
    )
    seen, before = Counter(), Counter()
    for n in SIZES:
        row, old = Counter(), Counter()
        for seed in range(TOWNS):
            rng = stream(seed, f"town/{n}/{hospital}")
            counts = odd(town(rng), rng) if is_odd else town(rng)
            drawn = sample(counts, n, rng, hospital=hospital)
            truth = most_exposed(counts, drawn, pooled=pooled)
            told = manifest(drawn, pooled=pooled)
            dataset = SimpleNamespace(manifest=told, descriptor=SimpleNamespace(shifted=False))
            check = Uniqueness(population=N)
            evidence = check.attack(SimpleNamespace(dataset=dataset), rng)
            one = check.estimate(
                evidence, 0.95, lambda *part, seed=seed: stream(seed, "/".join(part))
            ).estimates["max_risk"]
            was = individual_risk(evidence.sizes[:, -1].astype(np.int64), n / N).max()
            for told, found in ((outcome(one.low, one.high), row), (outcome(was, was), old)):
                found.update(filter(None, [told, false(told, truth)]))
            row["truly beyond"] += truth > LIMIT
            row["covered"] += one.low <= truth <= one.high
        measured.row(
            "uniqueness",
            {"sample": kind, "people": f"{n:,}"},
            {
                "truly beyond the limit": f"{row['truly beyond']}",
                **{name: f"{row[name]}" for name in ("pass", "fail", "inconclusive")},
                "false passes": f"{row['false pass']}",
                "false fails": f"{row['false fail']}",
                "range holds the truth": f"{row['covered']}",
                "before: false passes": f"{old['false pass']}",
                "before: false fails": f"{old['false fail']}",
                "towns": f"{TOWNS}",
            },
        )
        say(f"{kind} {n}: {dict(row)}; before: {dict(old)}")
        seen += row
        before += old
    total, called = TOWNS * len(SIZES), kind.replace(", 90+ as one", "-grouped").replace(", ", "-")
    about = {
        "room": "populations",
        "data": f"simulated towns of {N:,}, {', '.join(f'{n:,}' for n in SIZES)} people: {kind}",
        "n": f"{total} samples",
        "unit": "%",
        "digits": 1,
    }
    for what in ("false pass", "false fail"):
        low, high = wilson(seen[what], total, 0.95)
        measured(
            f"uniqueness/{called}/{what.replace(' ', '-')}",
            f"Uniqueness, public profile: {what}es" if what.endswith("pass") else
            f"Uniqueness, public profile: {what}s",
            100 * seen[what] / total,
            interval=(100 * low, 100 * high),
            wanted="<= 5",
            note=f"by one class frequency, as before: {before[what]} of {total}",
            **about,
        )  # fmt: skip
    measured(
        f"uniqueness/{called}/inconclusive",
        "Uniqueness, public profile: not settled",
        100 * seen["inconclusive"] / total,
        note="a population table, or ages from 90 on as one group, settles them",
        **about,
    )
    assert seen["false pass"] <= 0.05 * total
    assert seen["false fail"] <= 0.05 * total

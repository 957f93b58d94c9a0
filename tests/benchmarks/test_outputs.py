"""How often rules on what a model gives out pass what names nobody, and fail what names people."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from auditor.checks.base import OnModel
from auditor.checks.inversion.check import ModelInversion
from auditor.checks.membership.check import Membership
from auditor.stats.intervals import clopper_pearson
from tests.benchmarks.test_speed import say
from tests.checks.competence.test_outputs import FOUND, MEMBERS, PEOPLE, judged, outputs
from tests.checks.inversion.plant import giving_back
from tests.checks.membership.fits import fitted

SEEDS = int(os.environ.get("SEEDS", "100"))
#: Shares of an output that are a person's own, by which about half of a thousand people are found:
#: half way from the limit to the worst.
HALF_WAY = {"scores": 0.3, "embedding": 0.3, "leaves": 0.33}


def rebuilding(planted: bool, seed: int) -> OnModel:
    """Scores that tell one input again, or none."""
    target = giving_back(seed, planted)
    return ModelInversion(target, next(iter(target.outputs)))


#: By how many spreads members are fitted better, where an AUC is half way from the limit to 1, and
#: where half of them are named; and among how many people that is asked.
BETTER = {"auc": (0.96, 400), "tpr_at_fpr_1pct": (1.87, 2000)}

Asked = tuple[Callable[[bool, int], OnModel], dict[str, float], int]
QUESTIONS: dict[str, Asked] = (
    {
        f"output-linkage by {output}": (
            lambda planted, seed, output=output, strength=strength: outputs(
                output, strength * planted, seed
            ),
            FOUND,
            PEOPLE,
        )
        for output, strength in HALF_WAY.items()
    }
    | {"inversion of scores": (rebuilding, {"r2_best": 0.5}, PEOPLE)}
    | {
        f"membership by the fit, {name}": (
            lambda planted, seed, better=better, n=n: Membership(fitted(seed, n, better * planted)),
            {name: MEMBERS[name]},
            n,
        )
        for name, (better, n) in BETTER.items()
    }
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_leak_fails_and_a_clean_twin_does_not(question, measured):
    asked, limits, n_people = QUESTIONS[question]
    started = time.perf_counter()
    clean, leaking = (
        [judged(asked(planted, seed), limits, seed) for seed in range(SEEDS)]
        for planted in (False, True)
    )
    each = (time.perf_counter() - started) / (2 * SEEDS)
    counts = {
        "found": leaking.count("fail"), "let pass": leaking.count("pass"),
        "accused": clean.count("fail"), "clean passes": clean.count("pass"),
    }  # fmt: skip
    say(f"{question}: {counts} of {SEEDS}, {each:.1f} s each")
    for name, wanted in (("found", ">= 0.95"), ("let pass", "<= 0.05"),
                         ("accused", "<= 0.05"), ("clean passes", ">= 0.9")):  # fmt: skip
        k = counts[name]
        measured(
            f"outputs/{question}/{name}", f"{question}, of {n_people} people: {name}", k / SEEDS,
            interval=clopper_pearson(k, SEEDS, 0.95), wanted=wanted, room="models",
            data="simulated outputs, half way from the limit to the worst", n=f"{SEEDS} models",
        )  # fmt: skip
    assert counts["let pass"] <= 0.05 * SEEDS
    assert counts["accused"] <= 0.05 * SEEDS

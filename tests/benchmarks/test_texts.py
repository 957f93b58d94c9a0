"""How much of what texts claim is read, and who is taken to look at what is written about."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from auditor.signal.claims import claims
from auditor.stats.input_use import input_use, shown_use
from auditor.stats.intervals import wilson
from tests.signal import unseen
from tests.signal.paraphrases import Said, counted, paraphrases

CORPORA = {
    "paraphrases": (tuple(paraphrases()), "200 paraphrases drawn by one procedure"),
    "first": (unseen.FIRST, "50 texts in forms of others, after what they showed was mended"),
    "second": (unseen.SECOND, "50 more, after what they showed was mended"),
    "third": (unseen.THIRD, "a third 50, after what they showed was mended"),
    "fourth": (unseen.FOURTH, "a fourth 50, after what they showed was mended"),
    "fifth": (unseen.FIFTH, "a fifth 50, after what they showed was mended"),
}


@pytest.mark.parametrize("name", CORPORA)
def test_claims_are_read(name: str, measured):
    texts, data = CORPORA[name]
    right, wrong, missed = counted(texts, claims)
    for what, of, wanted in (("recall", right + missed, 0.95), ("precision", right + wrong, 0.98)):
        measured(
            f"texts-claims-{name}-{what}", f"Claims read in texts, {what}", right / of,
            room="models", data=data, n=f"{of} claims", interval=wilson(right, of, 0.95),
            wanted=f">= {wanted}", note="the interval takes claims for independent",
        )  # fmt: skip
    assert right


def test_hostile_text_takes_time_as_it_is_long(measured):
    worst: Sequence[tuple[float, str]] = sorted(
        (_ratio(piece), piece)
        for piece in ("pr/", "PR is ", "axis ", "rr 800, ", "800 ms (the ", "p-r-t ", "- ", "<a")
    )
    measured(
        "texts-claims-hostile", "Reading 8 times as much hostile text, the worst of eight",
        worst[-1][0], room="models", data="pieces of claims, repeated", n="8 texts",
        wanted="<= 16", unit="times as long", digits=1,
    )  # fmt: skip
    # As its square it would take 64 times as long.
    assert worst[-1][0] < 40


def _ratio(piece: str) -> float:
    def taken(n: int) -> float:
        begun = time.process_time()
        claims("PR " + piece * n + "160 ms")
        return time.process_time() - begun

    return min(taken(16000) for _ in range(3)) / min(taken(2000) for _ in range(3))


@pytest.mark.parametrize("n", [60, 200])
def test_who_does_not_look_is_seldom_taken_to(n: int, measured):
    def rings(looks: bool, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        given, told = rng.normal(size=(n, 15)), (rng.random((n, 60)) < 0.03).astype(float)
        if looks:
            told[:, 0] = given[:, 0] > 0.8
        return shown_use(input_use(given, told, rng), 0.95).low > 0.5

    for looks, what in ((False, "does not look"), (True, "tells one thing of fifteen")):
        rung = sum(rings(looks, seed) for seed in range(200))
        measured(
            f"texts-input-use-{n}-{'one' if looks else 'none'}",
            f"A model that {what} taken to use its input", rung / 200, room="models",
            data=f"simulated answers about {n} people", n="200 models",
            interval=wilson(rung, 200, 0.95), wanted=None if looks else "<= 0.05",
        )  # fmt: skip
        assert looks or rung <= 0.05 * 200


def test_corpora_are_told_apart():
    every = [one for texts, _ in CORPORA.values() for one in texts]
    assert len({one.text for one in every}) == len(every)
    assert all(isinstance(one, Said) for one in every)

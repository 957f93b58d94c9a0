"""How small a leak attacks would have told in real recordings in which there is none, and what
showing it costs beside the attack.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from auditor.attackers.fusion import FUSION
from auditor.checks.competence.check import prove
from auditor.checks.linkage.check import Linkage
from auditor.checks.run import run_check
from auditor.config import load_preset
from auditor.engine import engine
from auditor.policy.profile import load_profile
from auditor.policy.proofs import limits_of
from auditor.signal.prepare import Prepared
from auditor.signal.spikes import spiked
from auditor.targets.context import Context
from auditor.targets.release import Release
from tests.benchmarks.test_speed import say
from tests.releases import prepared_as

VIEWS = ("plda", "embedding", "adapted", FUSION)


def dealt_out(root: Path) -> Context:
    """A release whose records were dealt out anew among its people: it links nobody."""
    preset = load_preset("quick")
    with engine() as workers:
        release = Release.open(root, workers, max_seconds=preset.max_seconds)
        context = Context(release, "cpu", 0, None, preset.linkage_views)
        dealt = spiked(release.prepared, "person", 1)
    whole = (dealt.store, dealt.records, dealt.unusable, dealt.leads, dealt.rhythm_lead)
    return prepared_as(context, Prepared(*whole))


@pytest.mark.parametrize("name", ["heartprint-dev"])
def test_the_smallest_leak_that_is_told(name, data, measured):
    profile = load_profile("public")
    how = {"level": profile.level, "smallest_cell": profile.minimum_cell}
    context = dealt_out(data / name)
    spent = np.zeros(2)
    for view in VIEWS:
        check = Linkage(view, "cross-session", (1000,))
        started = time.perf_counter()
        found = run_check(check, context, **how)
        attacked = time.perf_counter()
        limits = limits_of(found, profile)
        proof = prove(check, context, found, limits, **how)
        spent += attacked - started, time.perf_counter() - attacked
        for metric, limit in limits.items():
            smallest = proof.estimates.get(f"smallest_{metric}")
            null = proof.estimates[f"null_{metric}"]
            said = {
                "room": "populations", "data": f"{name}, records dealt out anew, cross-session",
                "n": f"{null.n_subjects} people",
            }  # fmt: skip
            if smallest is None:
                say(f"{view} {metric}: no dose was told from what was found")
                continue
            say(f"{view} {metric}: {smallest.value:.3f}, limit {limit}")
            if view == FUSION:
                measured(
                    f"proofs/{name}/{metric}", f"Smallest leak told by all rungs: {metric}",
                    smallest.value, interval=(smallest.low, smallest.high),
                    wanted=f"<= {limit}", note="interval (90 %) of what is there at that dose",
                    **said,
                )  # fmt: skip
        assert proof.status == "measured"
    n = f"{context.records['subject'].nunique()} people"
    measured(
        f"proofs/{name}/seconds",
        "Proofs of four rungs across days, times the seconds of these attacks",
        spent[1] / spent[0], unit="times", digits=1, room="populations", n=n,
        data=f"{name}, records dealt out anew",
        note="a scan attacks under three protocols, and proves under one",
    )  # fmt: skip

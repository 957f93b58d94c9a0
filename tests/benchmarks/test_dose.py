"""What CardioNets gives away as its encoders are aligned, beside what it is worth: by steps."""

from __future__ import annotations

import os
import time

from auditor.checks.cross_modal.check import CrossModalRetrieval
from auditor.checks.membership.check import Membership
from auditor.checks.output_linkage.check import OutputLinkage
from auditor.checks.performance import check as performance
from auditor.core.finding import Estimate
from auditor.engine import engine
from auditor.simulate.pairs import PairedPopulation
from auditor.stats.estimators import rate
from auditor.stats.metrics import rank_rate
from auditor.systems import model_dir, study
from auditor.systems.open import open_target
from auditor.targets.release import Release
from auditor.targets.variants import variants
from tests.benchmarks.test_speed import say
from tests.checks import asking
from tests.checks.asking import LEVEL, attacked
from tests.systems.brief import stages_of

N, STEPS = int(os.environ.get("PEOPLE", "200")), int(os.environ.get("STEPS", "640"))
#: Of the alignment nothing comes after it: phenotypes and cines are not looked at.
REST = {"phenotypes": 1, "vae": 1, "generator": 1}


def test_the_leak_and_the_worth_of_an_alignment_by_its_steps(tmp_path, measured):
    PairedPopulation(N, 2, size=32, seed=5).write(tmp_path)
    with engine() as workers, stages_of("cardionets", {"align": STEPS, **REST}):
        release = Release.open(tmp_path, workers, may_be_empty=True)
        began = time.process_time()
        found = study.run("cardionets", release)
        spent = time.process_time() - began
        model_dir.write(found, tmp_path / "model", study.FAULTS)
        sizes = [
            sum(file.stat().st_size for file in (tmp_path / "model" / part).rglob("*"))
            for part in ("models", "stages")
        ]
        say(f"{N} people, {spent:.0f} s; models {sizes[0]:,} bytes, stages {sizes[1]:,}")
        target = open_target(tmp_path / "model", release)
        instead = {one.stopped_at: one for one in variants(target)} | {STEPS: target}
        assert list(instead) == list(target.stages) == [STEPS // 8, STEPS // 4, STEPS // 2, STEPS]
        for n, one in instead.items():
            (probed,) = performance.plan(one)
            worth = asking.measured(probed).estimates["probe_r2"]
            member = asking.measured(Membership(one)).estimates["auc"]
            linked = asking.measured(OutputLinkage(one, "embedding")).estimates["auc_known"]
            pairs = attacked(CrossModalRetrieval(target.stages[n]()))
            others, members = (
                rate(rank_rate(each, 1), LEVEL, 1 / each.n_gallery)
                for each in (pairs.cosine, pairs.members)
            )
            assert member.n_subjects > 20
            assert others.n_subjects > 10
            cells = {
                "members told (AUC)": told(member),
                "people told apart by the embedding (AUC)": told(linked),
                "recall@1 of members": f"{told(members)}, chance {members.chance:.3f}",
                "recall@1 of others": f"{told(others)}, chance {others.chance:.3f}",
                "phenotypes told (R²)": told(worth),
            }
            say(f"{n} steps: {cells}")
            measured.row("dose", {"steps": str(n)}, cells)


def told(one: Estimate) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"

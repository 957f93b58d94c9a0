"""What auditing a model of many records takes: every check of trees, on more and more people."""

from __future__ import annotations

import os
import resource
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from auditor.audit import scan
from auditor.learning import boost
from auditor.learning.boost import Trees
from tests.benchmarks.test_speed import say
from tests.checks.membership.plant import people

EACH, INPUTS = 10, 21
PEOPLE = [int(n) for n in os.environ.get("PEOPLE", "1000,10000").split(",")]
RECIPE = Trees(depth=6, rounds=100)
#: What gives so little away that rules would pass, and their attacks have to be proven able.
REGULAR = Trees(depth=2, rounds=10, rate=0.1)


def audited(folder, n_people: int, recipe: Trees = RECIPE):
    """An audit of trees that were grown on half of the people."""
    inputs, event, person = people(1, n_people, EACH, INPUTS)
    names = [f"x{k}" for k in range(INPUTS)]
    trained = person % 2 == 0
    trees = boost.fit(recipe, inputs[trained], event[trained], None, None, tuple(names), 0)
    model = folder / f"model{n_people}"
    model.mkdir()
    trees.save_model(model / "af.json")
    table = pd.DataFrame(inputs, columns=names).assign(
        subject=person.astype(str), part=trained.astype(int), af=event * 1
    )
    table.to_parquet(model / "rows.parquet")
    told = {
        "task": "af",
        "file": "af.json",
        "members": "rows.parquet",
        "parts": {"members": "1", "nonmembers": "0"},
        "inputs": names,
        "labels": {"af": "af"},
    }
    (model / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "README.txt").write_text("at home", encoding="utf-8")
    return scan(folder / "data", "model", "quick", models=[model / "af.json"])


@pytest.mark.parametrize("n_people", PEOPLE)
def test_what_an_audit_of_trees_takes(tmp_path, n_people, measured):
    started = time.perf_counter()
    audit = audited(tmp_path, n_people)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took, n = time.perf_counter() - started, n_people * EACH
    say(f"{n:,} records of {n_people:,} people: {took:.0f} s in all, {peak:.1f} GiB at most so far")
    slow = sorted(audit, key=lambda one: -one.seconds)[:6]
    longest = "; ".join(f"{one.id} {one.seconds:.1f} s" for one in slow)
    say(longest)
    told = {
        "room": "models",
        "data": f"simulated, {EACH} records a person, {INPUTS} inputs; trees, {RECIPE.rounds} "
        f"rounds of depth {RECIPE.depth}",
        "n": f"{n:,} records",
    }
    measured(f"models/audit-{n}-s", "An audit of trees, profile `model`, preset `quick`", took,
             unit="s", digits=0, note=longest, **told)  # fmt: skip
    measured(f"models/audit-{n}-gib", "Peak memory of an audit of trees", peak, unit="GiB",
             digits=1, note="of the process so far", **told)  # fmt: skip
    assert {one.status for one in audit if one.check == "membership"} == {"measured"}
    assert np.isfinite(audit["membership/af"].estimates["auc"].value)


def test_what_proofs_of_outputs_take_beside_their_attacks(tmp_path, measured):
    n_people = PEOPLE[0]
    started = time.process_time()
    audit = audited(tmp_path, n_people, REGULAR)
    took, n = time.process_time() - started, n_people * EACH
    proofs = {one.proves: 0.0 for one in audit if one.proves}
    attacks = dict.fromkeys(proofs, 0.0)
    for one in audit:
        if one.proves:
            proofs[one.proves] += one.seconds
            view = (one.proves, one.view, one.protocol)
            of = next(seen for seen in audit if (seen.check, seen.view, seen.protocol) == view)
            attacks[one.proves] += of.seconds
    say(f"{n:,} records: {took:.0f} s of CPU in all")
    told = {
        "room": "models", "n": f"{n:,} records",
        "data": f"simulated, {EACH} records a person, {INPUTS} inputs; trees, {REGULAR.rounds} "
        f"rounds of depth {REGULAR.depth}",
    }  # fmt: skip
    measured(f"models/proven-{n}-s", "CPU of an audit of trees that nearly pass, proofs and all",
             took, unit="s", digits=0, **told)  # fmt: skip
    for check, seconds in proofs.items():
        ratio = seconds / attacks[check]
        say(f"proofs of {check}: {ratio:.1f} times its attacks")
        measured(f"models/proofs-{check}-{n}", f"Proofs of `{check}`, beside its attacks", ratio,
                 unit="times as long", digits=1, **told)  # fmt: skip
    # At most 300 people are drawn for a dose, so that it costs a share of the attack.
    assert proofs["output-linkage"] < 5 * attacks["output-linkage"]

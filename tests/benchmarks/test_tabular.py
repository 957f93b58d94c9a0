"""Fifty findings against the plain scikit-learn loop: the same results, and how much sooner.

The plain loop is what the radiograph paper does (Matejas et al., arXiv 2509.17674): for each number
of inputs RFE anew, a refit, and stumps on the best. It takes minutes a finding, so that it is run
on one of the fifty; what fifty take is told as an extrapolation. Seconds are those of one thread on
the processor, which a busy machine changes least. `AUDITOR_HOSPITAL` is how many people are
simulated, with two and a half ECGs each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.test_speed import THREADS, say

#: One that was planted in the heart; and two more that only we train, to know the seconds of one,
#: of which the second follows from nothing.
BOTH, OURS = ("I50",), ("K70", "H25")

SIMULATED = """
import sys
from pathlib import Path
from auditor.simulate.hospital import Hospital
Hospital(int(sys.argv[2])).write(Path(sys.argv[1]))
"""

COMMON = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
root, out, targets = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(",")

def finish(read, per_target, inputs, labels, found):
    np.savez(out, inputs=inputs, **{f"label {name}": one for name, one in labels.items()},
             **{f"score {name}": score for name, (_, score) in found.items()})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    chosen = {name: columns for name, (columns, _) in found.items()}
    print(json.dumps({"read": read, "per_target": per_target, "peak_mb": peak, "chosen": chosen}))
"""

PLAIN = """
import ast
import pandas as pd
from sklearn.feature_selection import RFE
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

started = time.process_time()
measured = pd.read_csv(root / "mimic-iv-ecg/machine_measurements.csv", low_memory=False)
diagnosed = pd.read_csv(root / "mimic-iv-ecg-ext-icd/records_w_diag_icd10.csv", low_memory=False)
table = diagnosed.merge(measured.drop(columns=["subject_id", "ecg_time"]), on="study_id")
axes = ["p_axis", "qrs_axis", "t_axis"]
for name in ["rr_interval", "p_onset", "p_end", "qrs_onset", "qrs_end", "t_end", *axes]:
    low, high = (-360, 360) if name in axes else (0, 5000)
    table[name] = table[name].astype(float).where(table[name].between(low, high))

def length(end, start):
    some = table[end] - table[start]
    return some.where(some > 0)

def angle(one, other):
    apart = (table[one] - table[other]).abs() % 360
    return np.minimum(apart, 360 - apart)

X = pd.DataFrame({"sex": table["gender"].map({"M": 1, "F": 0}), "age": table["age"]})
X["RR ms"] = table["rr_interval"]
for name in ("QRS", "P", "T"):
    X[f"{name} axis deg"] = table[f"{name.lower()}_axis"]
X["P duration ms"] = length("p_end", "p_onset")
X["QRS ms"] = length("qrs_end", "qrs_onset")
X["PR ms"] = length("qrs_onset", "p_onset")
X["QT ms"] = length("t_end", "qrs_onset")
X["QRS-T ms"] = length("t_end", "qrs_end")
X["P-T ms"] = length("t_end", "p_onset")
rr = X["RR ms"].where(X["RR ms"] > 0)
X["QTc Bazett ms"] = X["QT ms"] / np.sqrt(rr / 1000)
X["P/RR ratio"] = X["P duration ms"] / rr
X["QRS/RR ratio"] = X["QRS ms"] / rr
X["QT/RR ratio"] = X["QT ms"] / rr
X["PR/QT ratio"] = X["PR ms"] / X["QT ms"]
X["P-QRS angle deg"] = angle("p_axis", "qrs_axis")
X["QRS-T angle deg"] = angle("qrs_axis", "t_axis")
X["P-T angle deg"] = angle("p_axis", "t_axis")

def wider(codes):
    found = set()
    for code in ast.literal_eval(codes):
        code = code.replace(".", "")[:5]
        if len(code) > 3:
            code = code.rstrip("X")
        if len(code) > 3 and code[-1].isalpha():
            code = code[:-1]
        for n in range(3, len(code) + 1):
            found.add(code[:n])
    return found

codes, fold = table["all_diag_all"].apply(wider), table["strat_fold"]
train, held, test = fold < 18, fold == 18, fold == 19
labels = {}
for code in sorted(set().union(*codes)):
    label = codes.apply(lambda some: code in some).astype(int)
    enough = min(label[held].sum(), label[test].sum()) >= 6
    if label.sum() >= 200 and enough:
        labels[code] = label
labels = dict(list(labels.items())[-50:])
read = time.process_time() - started

per_target, found = {}, {}
for target in targets:
    started, y, best = time.process_time(), labels[target], -1
    for n in range(4, X.shape[1] + 1):
        rfe = RFE(XGBClassifier(random_state=42, n_jobs=1), n_features_to_select=n, step=1)
        rfe.fit(X[train], y[train])
        some = list(X.columns[rfe.support_])
        if len(set(some) - {"sex", "age"}) < 4:
            continue
        refit = XGBClassifier(random_state=42, n_jobs=1).fit(X.loc[train, some], y[train])
        auc = roc_auc_score(y[held], refit.predict_proba(X.loc[held, some])[:, 1])
        if auc > best:
            best, chosen = auc, some
    stumps = XGBClassifier(
        max_depth=1, n_estimators=1000, early_stopping_rounds=10, random_state=42, n_jobs=1
    )
    shown = [(X.loc[held, chosen], y[held])]
    stumps.fit(X.loc[train, chosen], y[train], eval_set=shown, verbose=False)
    found[target] = chosen, stumps.predict_proba(X.loc[test, chosen])[:, 1]
    per_target[target] = time.process_time() - started
finish(read, per_target, X.to_numpy("float32"), labels, found)
"""

HERE = """
from auditor.systems import task as tasks
from auditor.systems.tabular import sources, trees

started = time.process_time()
task = tasks.load("cxr").model_copy(update={"targets": (), "least": tasks.load("diagnoses").least})
cohort = sources.mimic_with_diagnoses(root, task, frozenset()).frequent(task)
labels = dict(list(cohort.labels.items())[-50:])
inputs = cohort.inputs.to_numpy(np.float32)
read = time.process_time() - started

per_target, found = {}, {}
for target in targets:
    started = time.process_time()
    trained = trees.train(
        inputs, list(cohort.inputs), labels[target], cohort.fold, target, task, seed=42
    )
    found[target] = trained.columns, trained.score
    per_target[target] = time.process_time() - started
finish(read, per_target, inputs, labels, found)
"""


def ran(way: str, root: Path, out: Path, targets: tuple[str, ...]) -> tuple[Any, Any]:
    """What a fresh interpreter told of itself, and the arrays it found."""
    command = [sys.executable, "-c", COMMON + way, str(root), str(out), ",".join(targets)]
    pinned = os.environ | dict.fromkeys(THREADS, "1")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=pinned)
    return json.loads(done.stdout), np.load(out)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Path:
    # In a process of its own: what is started from a large one is counted as large.
    root = tmp_path_factory.mktemp("hospital")
    n = os.environ.get("AUDITOR_HOSPITAL", "40000")
    subprocess.run([sys.executable, "-c", SIMULATED, str(root), n], check=True)
    return root


def test_fifty_findings_of_a_hundred_thousand_ecgs_against_the_scikit_learn_loop(
    hospital, tmp_path, measured
):
    ours, here = ran(HERE, hospital, tmp_path / "here.npz", BOTH + OURS)
    plain, there = ran(PLAIN, hospital, tmp_path / "there.npz", BOTH)

    np.testing.assert_allclose(here["inputs"], there["inputs"], rtol=1e-6)
    labels = [name for name in here.files if name.startswith("label")]
    assert len(labels) == 50
    for name in labels:
        assert np.array_equal(here[name], there[name])
    for target in BOTH:
        assert ours["chosen"][target] == plain["chosen"][target]
        np.testing.assert_allclose(
            here[f"score {target}"], there[f"score {target}"], rtol=0, atol=1e-6
        )

    n = len(here["inputs"])
    per_target = {"ours": np.mean([*ours["per_target"].values()])}
    per_target["plain"] = np.mean([*plain["per_target"].values()])
    for name, one in (("plain", plain), ("ours", ours)):
        fifty = one["read"] + 50 * per_target[name]
        one["fifty"] = fifty
        say(
            f"{n:,} ECGs, one thread, {name}: inputs and 50 labels {one['read']:.1f} s, a finding "
            f"{per_target[name]:.1f} s (mean of {len(one['per_target'])}), 50 findings "
            f"{fifty / 60:.0f} min (extrapolated), peak {one['peak_mb']:.0f} MB"
        )
    same = sum(plain["per_target"].values()) / sum(ours["per_target"][name] for name in BOTH)
    say(
        f"{plain['fifty'] / ours['fifty']:.1f} x the speed of the loop; on the finding of "
        f"both {same:.1f} x; inputs and labels {plain['read'] / ours['read']:.1f} x"
    )
    (both,) = BOTH
    for what, loop, here_s, unit in (
        ("inputs and 50 labels", plain["read"], ours["read"], "s"),
        (f"one finding, {both}", plain["per_target"][both], ours["per_target"][both], "s"),
        ("50 findings, extrapolated", plain["fifty"] / 60, ours["fifty"] / 60, "min"),
    ):
        digits = 0 if unit == "min" else 1
        measured.row("loop", {"what": what}, {
            "plain loop": f"{loop:.{digits}f} {unit}", "ours": f"{here_s:.{digits}f} {unit}",
            "ratio": f"{loop / here_s:.1f}",
        })  # fmt: skip
    told = {
        "room": "tabular",
        "data": "simulated hospital, 40,000 people, 20 inputs; CPU time of one thread",
        "n": f"{n:,} ECGs",
    }
    measured("tabular/loop-ratio", "50 findings: the plain loop's time beside ours, extrapolated",
             plain["fifty"] / ours["fifty"], unit="times", digits=1, wanted=">= 5",
             **told)  # fmt: skip
    measured("tabular/loop-mb", "Peak memory of 50 findings", ours["peak_mb"], unit="MB", digits=0,
             wanted="<= 4096", note=f"plain loop: {plain['peak_mb']:,.0f} MB", **told)  # fmt: skip
    assert plain["fifty"] / ours["fifty"] >= 5
    assert ours["peak_mb"] < 4096

"""Membership head to head: the same over-fit trees and their clean twins, this tool and its peers.

500 people of ten rows and 21 inputs, labels that belong to the person, trees that learn by heart.
Null: the members that are named never had a part in the training more than the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import xgboost

from auditor.attackers.membership import complementary_halves
from auditor.checks.membership.check import REFERENCES, Membership
from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER
from auditor.targets.table import Table
from auditor.targets.trees import target
from tests.benchmarks.peers import peak_mb
from tests.benchmarks.test_speed import say
from tests.checks.asking import measured
from tests.checks.membership.plant import people

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".peers" / "bin" / "python"
N, EACH, INPUTS = 500, 10, 21
RECIPE = {"n_estimators": 200, "max_depth": 8, "tree_method": "hist"}
#: Models that leak, for ours.
LEAKS = 10
#: As the table of MEASUREMENTS.md names them.
TITLES = {
    "worst-case": "SACRO-ML worst case",
    "structural": "SACRO-ML structural",
    "lira": "SACRO-ML LiRA, 100 shadows, offline",
    "lira-online": "SACRO-ML LiRA, 100 shadows, online",
    "lira-given": "SACRO-ML LiRA, our 4 references, online, of people",
    "privacyguard-lira": "PrivacyGuard LiRA, our 4 references, online, of people",
    "privacyguard-rmia": "PrivacyGuard RMIA, our 4 references, online, of people",
    "art": "ART black box",
}
ROOM = "models"
DATA = (
    f"simulated, {N} people of {EACH} rows; {RECIPE['n_estimators']} trees of depth "
    f"{RECIPE['max_depth']}"
)
#: Null seeds of each: a hundred shadow models take a minute.
NULLS = {
    "worst-case": 40, "structural": 40, "art": 40, "lira": 2, "lira-online": 2,
    "lira-given": 40, "privacyguard-lira": 40, "privacyguard-rmia": 40,
}  # fmt: skip


def made(seed: int, leaks: bool) -> dict[str, np.ndarray]:
    inputs, label, person = people(seed, N, EACH, INPUTS)
    rng = stream(seed, "peers/halves")
    trained, called = (np.isin(person, rng.permutation(N)[: N // 2]) for _ in range(2))
    return {
        "inputs": inputs,
        "label": label,
        "person": person,
        "trained": trained,
        "member": trained if leaks else called,
    }


def ours(data: dict[str, np.ndarray], references: int = REFERENCES) -> dict[str, float]:
    model = xgboost.XGBClassifier(**RECIPE, n_jobs=1)
    model.fit(data["inputs"][data["trained"]], data["label"][data["trained"]].astype(int))
    booster = model.get_booster()
    n = len(data["person"])
    blank = np.full(n, np.nan)
    table = Table(
        record=np.arange(n).astype(str),
        subject=data["person"].astype(str),
        session=np.full(n, ""),
        split=np.where(data["member"], MEMBER, NONMEMBER).astype(np.int8),
        male=blank,
        age=blank,
        inputs=data["inputs"],
        columns=tuple(f"x{k}" for k in range(INPUTS)),
        y_true={"T": data["label"].astype(float)},
        membership_unknown="",
    )
    started = time.perf_counter()
    asked = target("trees", "", table, {"T": booster})
    found = measured(Membership(asked, references=references)).estimates
    seconds = time.perf_counter() - started
    auc, tpr = found["auc"], found["tpr_at_fpr_1pct"]
    return {
        "auc": auc.value,
        "low": auc.low,
        "high": auc.high,
        "tpr": tpr.value,
        "alarm": auc.low > 0.5,
        "seconds": seconds,
        "mb": peak_mb(),
    }


def _accused(seed: int) -> bool:
    """Whether ours alarms about a null; one that is void by chance, one in a hundred, is none."""
    try:
        return bool(ours(made(seed, leaks=False))["alarm"])
    except EvidenceError as error:
        if not str(error).startswith("void"):
            raise
        return False


def theirs(kind: str, files: list[Path]) -> list[dict[str, float]]:
    done = subprocess.run(
        [str(PEERS), str(HERE / "peers.py"), kind, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert len(lines) == len(files), done.stderr[-2000:]
    return [json.loads(line[6:]) for line in lines]


def kept(folder: Path, seed: int, leaks: bool) -> Path:
    path, data = folder / f"{seed}-{leaks}.npz", made(seed, leaks)
    # The halves of the people that ours draws, who stand in the order of their names there.
    inside = complementary_halves(N, REFERENCES, stream(0, "attack"))
    place = np.argsort(np.argsort(np.arange(N).astype(str)))
    np.savez(path, **data, inside=inside[:, place[data["person"]]], recipe=json.dumps(RECIPE))
    return path


def told(name: str, leak: dict[str, float], nulls: list[bool], measured) -> None:
    between = f" ({leak['low']:.3f}-{leak['high']:.3f})" if "low" in leak else ", no interval"
    auc = "-" if leak["auc"] is None else f"{leak['auc']:.3f}{between}"
    tpr = "-" if leak["tpr"] is None else f"{leak['tpr']:.2f}"
    say(
        f"{name}: AUC {auc}, TPR at 1% FPR {tpr}, found {leak['alarm']}, "
        f"{leak['seconds']:.1f} s, {leak['mb']:.0f} MB; "
        f"alarms on the null {sum(nulls)} of {len(nulls)}"
    )
    cells = {
        "AUC, seed 0": auc,
        "TPR at 1 % FPR, seed 0": tpr,
        "alarms on the null": f"{sum(nulls)} of {len(nulls)}",
        "s": f"{leak['seconds']:.1f}",
        "MB": f"{leak['mb']:.0f}",
    }
    measured.row("peers", {"attack": name}, cells)


def test_ours_finds_over_fit_trees_and_is_silent_about_their_twins(measured):
    leaks = [ours(made(seed, leaks=True)) for seed in range(LEAKS)]
    nulls = [_accused(seed) for seed in range(1, 41)]
    told("this tool, 4 references", leaks[0], nulls, measured)
    auc, tpr = (np.array([one[name] for one in leaks]) for name in ("auc", "tpr"))
    each = {"room": ROOM, "data": DATA, "n": f"{LEAKS} models", "note": "range of the models"}
    for place, (name, found, wanted) in enumerate(
        (("AUC", auc, 0.98), ("TPR at 1 % FPR", tpr, 0.60))
    ):
        slug = ("auc", "tpr")[place]
        between = {"interval": (found.min(), found.max()), "digits": 3 - place}
        measured(f"models/peers-{slug}", f"Membership in over-fit trees, mean {name}",
                 found.mean(), wanted=f"low >= {wanted}", **between, **each)  # fmt: skip
    measured("models/peers-null", "Alarms about models whose members are named by lot", sum(nulls),
             room=ROOM, data=DATA, n=f"{len(nulls)} seeds", wanted="<= 5", digits=0)  # fmt: skip
    say(f"ours, {LEAKS} leaks: AUC {auc.mean():.3f} ({auc.min():.3f} to {auc.max():.3f}), "
        f"TPR at 1% FPR {tpr.mean():.2f} ({tpr.min():.2f} to {tpr.max():.2f})")  # fmt: skip
    assert auc.mean() >= 0.98
    assert tpr.mean() >= 0.60
    assert sum(nulls) <= 5  # of 40 at 2.5 %, more than 5 are as rare as one in a thousand


@pytest.mark.skipif(not PEERS.exists(), reason="make bench-peers makes the peers' environment")
@pytest.mark.parametrize("kind", list(NULLS))
def test_a_peer_beside_it(kind, tmp_path, measured):
    leak = ours(made(0, leaks=True))
    (other,) = theirs(kind, [kept(tmp_path, 0, leaks=True)])
    nulls = theirs(kind, [kept(tmp_path, seed, leaks=False) for seed in range(1, NULLS[kind] + 1)])
    told(TITLES[kind], other, [bool(one["alarm"]) for one in nulls], measured)
    say(f"{kind} takes {other['seconds'] / leak['seconds']:.1f} times as long as ours")
    if kind.startswith("lira"):
        measured(f"models/peers-{kind}-time", f"Time of {TITLES[kind]} beside ours",
                 other["seconds"] / leak["seconds"], room=ROOM, data=DATA, n="1 model",
                 unit="times as long", wanted=">= 10", digits=1)  # fmt: skip
        assert leak["seconds"] <= other["seconds"] / 10


def test_as_many_shadow_models_cost_little_more_than_to_fit_them(measured):
    data = made(0, leaks=True)
    started = time.perf_counter()
    for place in range(20):
        half = np.isin(data["person"], stream(place, "fit").permutation(N)[: N // 2])
        label = data["label"][half].astype(int)
        xgboost.XGBClassifier(**RECIPE, n_jobs=1).fit(data["inputs"][half], label)
    alone = time.perf_counter() - started
    ratio = ours(data, references=20)["seconds"] / alone
    measured("models/peers-references", "Membership with 20 references beside fitting 20 models",
             ratio, room=ROOM, data=DATA, n="20 models", unit="times as long", wanted="<= 1.2",
             digits=2)  # fmt: skip
    say(f"20 references take {ratio:.2f} times what fitting 20 models takes")
    assert ratio <= 1.2

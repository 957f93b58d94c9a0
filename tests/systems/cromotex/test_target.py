"""CroMoTEX under audit: how well it fits pairs and findings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.data.pairs import read_pairs
from auditor.engine import Engine
from auditor.systems.cardionets import network as cardionets
from auditor.systems.cromotex import network as cromotex
from auditor.systems.open import open_target
from auditor.targets.recordings import read_visits
from auditor.targets.release import Release
from tests.systems.brief import members_of, scanned, small_cromotex, written

PEOPLE = 40


def auc(score: np.ndarray, part: np.ndarray) -> float:
    one, other = score[part == MEMBER], score[part == NONMEMBER]
    return float((one[:, None] > other).mean())


def test_an_aligned_system_fits_pairs_and_findings(opened: Callable[[str], Target]):
    one = opened("cromotex")
    assert one.membership_signal is not None
    findings = [name for name in one.labels if not name.startswith("pairs")]
    scores, fit = one.view("scores").values, one.membership_signal()
    for place, name in enumerate(findings[: scores.shape[1]]):
        truth = one.y_true[:, one.labels.index(name)]
        told = np.where(truth == 1, scores[:, place], 1 - scores[:, place])
        np.testing.assert_allclose(1 / (1 + np.exp(-fit[:, place])), told, rtol=1e-3)
    ecg, image = one.view("embedding").values, one.view("other").values
    n = fit.shape[1] - scores.shape[1]
    # Networks stand side by side, each of length 1.
    likeness = (ecg * image).reshape(len(ecg), n, -1).sum(axis=2)
    np.testing.assert_allclose(fit[:, scores.shape[1] :], likeness, atol=1e-5)


def test_pairs_learnt_by_heart_fit_better(root: Path, visits: Release, tmp_path: Path):
    pairs, members, model = read_pairs(root), members_of(root), small_cromotex()
    rows = np.flatnonzero(members["part"] == "trained")
    ecg = torch.from_numpy(read_visits(pairs, cromotex.prepare).x[rows])
    images = torch.from_numpy(np.stack([cromotex.prepare_image(x, 32) for x in pairs.cxr(rows)]))
    optimiser = torch.optim.Adam(model.train().parameters(), 3e-3)
    for _ in range(50):
        one, other = model(ecg).projection, model.project(images)
        loss = sum(
            cardionets.info_nce(*sides, temperature=0.1) for sides in ((one, other), (other, one))
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
    learnt, blank = (
        open_target(written(tmp_path / name, {"cromotex-Edema": one}, members), visits)
        for name, one in (("learnt", model), ("blank", small_cromotex()))
    )
    assert learnt.membership_signal is not None
    assert blank.membership_signal is not None
    assert auc(learnt.membership_signal()[:, 0], learnt.split) > 0.95
    assert 0.2 < auc(blank.membership_signal()[:, 0], blank.split) < 0.8


def test_a_visit_without_a_picture_has_no_pair(root: Path, tmp_path: Path, workers: Engine):
    folder = tmp_path / "data"
    shutil.copytree(root, folder)
    table = pd.read_csv(folder / "pairs.csv")
    table.loc[4, "cxr"] = ""
    table.to_csv(folder / "pairs.csv", index=False)
    model = written(tmp_path / "m", {"cromotex-Edema": small_cromotex()}, members_of(root))
    one = open_target(model, scanned(folder, workers))
    other = one.view("other").values
    assert np.isnan(other).all(axis=1).tolist() == [row == 4 for row in range(PEOPLE)]
    assert one.membership_signal is not None
    assert np.isnan(one.membership_signal()[:, 0]).tolist() == [row == 4 for row in range(PEOPLE)]
    (folder / "pairs.csv").write_text(table.drop(columns="cxr").to_csv(index=False))
    alone = open_target(model, scanned(folder, workers))
    assert alone.outputs.keys() == {"embedding"}
    assert alone.membership_signal is None

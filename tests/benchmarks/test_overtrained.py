"""A contrastive encoder that saw fifty people for too long, by the plain and the weighted loss.

Found of both: who was in the training, whose scan belongs to whose ECG, and what weighing the
negatives by phenotypes changes of the latter, among people who look alike.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from auditor.checks.cross_modal.check import CrossModalRetrieval
from auditor.checks.membership.check import Membership
from auditor.checks.output_linkage.check import OutputLinkage
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.data.pairs import read_pairs
from auditor.learning.device import fork_rng
from auditor.learning.fit import fit
from auditor.learning.schedule import Schedule
from auditor.simulate.pairs import PairedPopulation
from auditor.systems.cardionets import network as cardionets
from auditor.targets.recordings import read_visits
from tests.benchmarks.test_speed import say
from tests.checks import asking

N, LEARNT, STEPS = 150, 50, 500
#: As the table of MEASUREMENTS.md names them; others keep their names.
TITLES = {
    "member auc": "members told from others, AUC",
    "link rank1": "another ECG by the embedding, rank-1",
    "link members_rank1": "another ECG by the embedding, rank-1 of members",
    "link nonmembers_rank1": "another ECG by the embedding, rank-1 of others",
    "link member_gap": "another ECG by the embedding, members' gain",
    "retrieve rank1": "scan by the ECG, recall@1 of others",
    "retrieve members_rank1": "scan by the ECG, recall@1 of members",
    "retrieve member_gap": "scan by the ECG, members' gain",
    "retrieve label_low ejection fraction_auc_known": "scan by the ECG found better than another's "
    "of low ejection fraction, share of pairs",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    PairedPopulation(N, 2, size=32, seed=3).write(folder)
    return read_pairs(folder)


def encoded(pairs, weighted: bool) -> Target:
    """The audit's view of encoders that were aligned on the first fifty people."""
    seen = read_visits(pairs, cardionets.preprocess)
    x = torch.from_numpy(seen.x)
    cines = torch.from_numpy(cardionets.preprocess_cine(pairs.cmr(range(len(pairs)))))
    names = [name for name in pairs.table.columns if str(name).startswith("phenotype")]
    known = pairs.table[names].to_numpy(np.float32)
    phi = (known - known.mean(axis=0)) / known.std(axis=0)
    alike = torch.from_numpy(phi / np.sqrt(2 * phi.shape[1]))
    people = np.unique(seen.subject)
    learnt = np.isin(seen.subject, people[:LEARNT])
    config = replace(cardionets.CardioNetsConfig.small(), frames=cines.shape[1], size=32)
    with fork_rng(stream(0, "overtrained")):
        ecg, cmr = cardionets.EcgEncoder(config), cardionets.CmrEncoder(config)
    blank = cardionets.EcgEncoder(config).eval()
    cmr.requires_grad_(False)
    cmr.head.requires_grad_()

    def objective(rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        crop = int(torch.randint(x.shape[1], (1,), generator=generator))
        near = alike[rows] if weighted else None
        return cardionets.alignment_loss(ecg, cmr, x[rows, crop], cines[rows], near)

    fit(
        nn.ModuleDict({"ecg": ecg, "cmr": cmr}),
        objective,
        np.flatnonzero(learnt),
        Schedule(steps=STEPS, batch=50, learning_rate=1e-3, warm_up=50, weight_decay=0.0),
        seed=0,
        name="overtrained",
    )
    with torch.inference_mode():
        one = torch.cat([ecg.of_crops(part) for part in torch.split(x, 64)]).numpy()
        random = torch.cat([blank.of_crops(part) for part in torch.split(x, 64)]).numpy()
        other = torch.cat([cmr(part) for part in torch.split(cines, 64)]).numpy()
    n = len(seen.record)
    near = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    ef = known[:, [name.find("LVEF") >= 0 for name in names]][:, 0]
    return Target(
        name="encoder",
        title="",
        record=seen.record,
        subject=seen.subject,
        session=pairs.table["visit"].to_numpy(str),
        part=np.where(learnt, MEMBER, NONMEMBER).astype(np.int8),
        unknown="",
        male=np.where(pairs.table["sex"] == "male", 1.0, 0.0),
        age=pairs.table["age"].to_numpy(float),
        tells=("pairs", "low ejection fraction"),
        truth=np.stack([np.full(n, np.nan), (ef < np.median(ef)).astype(float)], axis=1),
        outputs={"embedding": lambda: one, "other": lambda: other},
        controls={"embedding": lambda: random},
        fit=lambda: near[:, None],
        inputs=np.zeros((n, 0), np.float32),
        columns=(),
    )


def test_an_encoder_that_saw_fifty_people_for_too_long(pairs, measured):
    for kind, weighted in (("plain", False), ("weighted by phenotypes", True)):
        target = encoded(pairs, weighted)
        members, linked, retrieved = (
            asking.measured(one).estimates
            for one in (
                Membership(target),
                OutputLinkage(target, "embedding"),
                CrossModalRetrieval(target),
            )
        )
        for name, found in (("member", members), ("link", linked), ("retrieve", retrieved)):
            for key, one in found.items():
                if (
                    key in ("auc", "rank1", "member_gap")
                    or "label" in key
                    or "members_rank1" in key
                ):
                    chance = "" if one.chance is None else f", chance {one.chance:.3f}"
                    say(f"{kind}: {name} {key} {one.value:.3f} "
                        f"({one.low:.3f}-{one.high:.3f}{chance})")  # fmt: skip
                    figure = TITLES.get(f"{name} {key}", f"{name} {key}")
                    measured.row("overtrained", {"loss": kind, "figure": figure}, {
                        "value": f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})",
                        "chance": "" if one.chance is None else f"{one.chance:.3f}",
                    })  # fmt: skip
        auc = members["auc"]
        measured(
            f"models/overtrained-auc-{kind.split()[0]}",
            f"Members told from others by an encoder that saw them for too long, AUC, loss {kind}",
            auc.value,
            interval=(auc.low, auc.high),
            wanted="low > 0.5",
            room="models",
            data=f"simulated pairs, {LEARNT} members; {STEPS} steps",
            n=f"{N} people",
        )
        assert members["auc"].low > 0.5
        assert linked["rank1"].low > linked["rank1"].chance

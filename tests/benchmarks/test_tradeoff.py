"""What aligning ECGs with radiographs buys in AUROC, and costs in linkage: CroMoTEX, trained anew
for each weight of true pairs and each temperature; all else is alike.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from auditor.checks.cross_modal.check import CrossModalRetrieval
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, Target
from auditor.data.pairs import read_pairs
from auditor.learning.device import fork_rng
from auditor.learning.fit import fit
from auditor.learning.schedule import Schedule
from auditor.simulate.pairs import PairedPopulation
from auditor.stats.estimators import rate
from auditor.stats.metrics import auc, by_person, rank_rate
from auditor.systems.cromotex import network as cromotex
from auditor.targets.recordings import read_visits
from tests.benchmarks.test_speed import say
from tests.checks.asking import LEVEL, attacked

N = int(os.environ.get("PEOPLE", "500"))
#: Weights of a true pair in the loss, and temperatures.
WEIGHTS, TEMPERATURES = (0.0, 1.0, 3.0, 10.0), (0.01, 0.07)
FINDING = "Cardiomegaly"
SCHEDULES = {
    "pretrain": Schedule(
        steps=150, batch=32, learning_rate=1e-3, warm_up=15, weight_decay=1e-5, clip=2.5
    ),
    "image": Schedule(
        steps=150, batch=32, learning_rate=2e-3, warm_up=15, weight_decay=1e-5, clip=2.5
    ),
    "align": Schedule(
        steps=200, batch=32, learning_rate=1e-3, warm_up=20, weight_decay=1e-5, clip=2.5
    ),
    "fine_tune": Schedule(
        steps=160, batch=32, learning_rate=1e-3, warm_up=16, weight_decay=1e-5, clip=2.5
    ),
}


def test_the_sweep_of_weight_and_temperature(tmp_path, measured):
    PairedPopulation(N, 2, size=32, seed=5).write(tmp_path)
    pairs = read_pairs(tmp_path)
    seen = read_visits(pairs, cromotex.prepare)
    config = cromotex.CroMoTEXConfig.small()
    side = config.image.side
    images = torch.from_numpy(
        np.stack([cromotex.prepare_image(one, side) for one in pairs.cxr(range(len(pairs)))])
    )
    ecg, label = torch.from_numpy(seen.x), seen.labels[FINDING]
    y = torch.from_numpy((label == 1).astype(np.float32))
    trained, _, judged = seen.split(0)
    part = np.full(len(label), NEITHER, dtype=np.int8)
    part[trained], part[judged] = MEMBER, NONMEMBER

    def made(make) -> nn.Module:
        with fork_rng(stream(0, "tradeoff")):
            return make()

    def learnt(stage, model, objective, rows):
        fit(model, objective, rows, SCHEDULES[stage], seed=0, name=stage)

    first = made(lambda: cromotex.CroMoTEX(replace(config, image=None)))
    first.only(*cromotex.STAGES["pretrain"])
    learnt(
        "pretrain",
        first,
        lambda rows, draw: cromotex.pretrain_loss(first, ecg[rows], draw),
        trained,
    )
    eyes = made(lambda: cromotex.ImageClassifier(config.image))
    learnt("image", eyes, lambda rows, _: cromotex.image_loss(eyes, images[rows], y[rows]), trained)

    def aligned(weight: float, temperature: float) -> Target:
        contrast = cromotex.Contrast(pair_weight=weight, temperature=temperature)
        both = made(lambda: cromotex.CroMoTEX(config))
        both.start_from(first)
        both.start_from(eyes)
        both.only(*cromotex.STAGES["align"])
        learnt(
            "align",
            both,
            lambda rows, _: cromotex.align_loss(both, ecg[rows], images[rows], y[rows], contrast),
            trained,
        )
        last = made(lambda: cromotex.CroMoTEX(replace(config, image=None, head=True)))
        last.start_from(both)
        last.only(*cromotex.STAGES["fine_tune"])
        learnt(
            "fine_tune",
            last,
            lambda rows, _: cromotex.fine_tune_loss(last, ecg[rows], y[rows]),
            trained[cromotex.oversampled(label[trained] == 1, 4)],
        )
        both.eval(), last.eval()
        with torch.inference_mode():
            one = torch.cat([both(some).projection for some in ecg.split(64)]).numpy()
            other = torch.cat([both.project(some) for some in images.split(64)]).numpy()
            said = torch.cat([last(some).logit for some in ecg.split(64)]).sigmoid().numpy()
        return Target(
            name="cromotex",
            title="",
            record=seen.record,
            subject=seen.subject,
            session=pairs.table["visit"].to_numpy(str),
            split=part,
            membership_unknown="",
            male=np.where(pairs.table["sex"] == "male", 1.0, 0.0),
            age=pairs.table["age"].to_numpy(float),
            labels=(FINDING,),
            y_true=np.where(label == 1, 1.0, 0.0)[:, None],
            outputs={
                "embedding": lambda: one,
                "other": lambda: other,
                "scores": lambda: said[:, None],
            },
            controls={},
            membership_signal=None,
            inputs=np.zeros((len(label), 0), np.float32),
            columns=(),
        )

    say(f"{N} people, {FINDING}; others {len(np.unique(seen.subject[judged]))}")
    for temperature in TEMPERATURES:
        for weight in WEIGHTS:
            target = aligned(weight, temperature)
            found = attacked(CrossModalRetrieval(target))
            held, members = (
                rate(rank_rate(one, 1), LEVEL, 1 / one.n_gallery)
                for one in (found.cosine, found.members)
            )
            say(
                f"weight {weight:4.0f}, temperature {temperature:.2f}: recall@1 of others "
                f"{held.value:.3f} ({held.low:.3f}-{held.high:.3f}, chance {held.chance:.3f}), of "
                f"members {members.value:.3f} ({members.low:.3f}-{members.high:.3f}, chance "
                f"{members.chance:.3f}), AUROC {auroc(target):.3f}"
            )
            key = {"weight of true pairs": f"{weight:.0f}", "temperature": f"{temperature:.2f}"}
            cells = {
                "recall@1 of others": f"{held.value:.3f} ({held.low:.3f}–{held.high:.3f})",
                "chance": f"{held.chance:.3f}",
                "recall@1 of members": f"{members.value:.3f} ({members.low:.3f}–"
                f"{members.high:.3f})",
                "their chance": f"{members.chance:.3f}",
                f"AUROC of {FINDING}": f"{auroc(target):.3f}",
            }
            measured.row("alignment", key, cells)
            assert min(len(np.unique(one.subject)) for one in (found.cosine, found.members)) >= 10
            assert 0 <= auroc(target) <= 1


def auroc(target: Target) -> float:
    """That of the finding, of people the model never saw, by person."""
    unseen = target.split == NONMEMBER
    who = target.subject[unseen]
    score, true = target.view("scores").values[unseen, 0], target.y_true[unseen, 0]
    return auc(by_person(score.astype(np.float64), who), by_person(true, who) > 0)

"""What a step of training costs beside a plain loop over the same network."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from auditor.core.streams import stream
from auditor.learning.fit import fit
from auditor.learning.schedule import Schedule
from auditor.systems.cromotex import network as cromotex
from auditor.systems.jepa import network as jepa
from tests.benchmarks.test_speed import say, seconds

STEPS = 12
TURNS = 5


def plain(module: nn.Module, objective, rows: np.ndarray, batch: int) -> None:
    """AdamW, gradients clipped, and nothing else."""
    optimizer = torch.optim.AdamW([one for one in module.parameters() if one.requires_grad], 1e-4)
    generator = torch.Generator().manual_seed(1)
    order = np.random.default_rng(1).permutation(rows)
    module.train()
    for step in range(STEPS):
        loss = objective(order[step * batch : (step + 1) * batch], generator)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()


def overhead(name: str, title: str, module: nn.Module, objective, batch: int, measured) -> float:
    """By how much the loop is slower, the median of turns taken one after the other."""
    rows = np.arange(STEPS * batch)
    schedule = Schedule(steps=STEPS, batch=batch, learning_rate=1e-4)
    ratios = []
    for _ in range(TURNS):
        ours = seconds(lambda: fit(module, objective, rows, schedule, seed=0, name=name), 1)
        ratios.append(ours / seconds(lambda: plain(module, objective, rows, batch), 1))
    found = float(np.median(ratios)) - 1
    say(f"{name}: a step costs {found:+.1%} beside a plain loop (turns {np.round(ratios, 3)})")
    measured(f"waveforms/step-{name}", f"A training step of {title} beside a plain loop",
             100 * found, room="waveforms", data=f"noise, batches of {batch}", n=f"{TURNS} turns",
             unit="% more", wanted="<= 5", digits=1,
             note=f"median; turns took {min(ratios):.2f} to {max(ratios):.2f} times")  # fmt: skip
    return found


def test_the_loop_adds_little_to_a_step_of_jepa(measured):
    model = jepa.create(jepa.JEPAConfig.small(), stream(0, "benchmark"))
    x = torch.randn(STEPS * 32, 8, 2500, generator=torch.Generator().manual_seed(0))
    train_once = Schedule(steps=1, batch=32, learning_rate=1e-4)

    def objective(rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        return jepa.objective(model, x[rows], generator)

    fit(model, objective, np.arange(32), train_once, seed=0, name="warm")
    assert overhead("jepa", "ECG-JEPA", model, objective, 32, measured) < 0.05


def test_the_loop_adds_little_to_a_step_of_cromotex(measured):
    model = cromotex.CroMoTEX(cromotex.CroMoTEXConfig.small())
    draw = torch.Generator().manual_seed(0)
    ecg = torch.randn(STEPS * 32, 12, 1000, generator=draw)
    images = torch.randn(STEPS * 32, 1, 64, 64, generator=draw)
    labels = (torch.rand(STEPS * 32, generator=draw) < 0.3).float()

    def objective(rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        return cromotex.align_loss(model, ecg[rows], images[rows], labels[rows])

    fit(
        model,
        objective,
        np.arange(32),
        Schedule(steps=1, batch=32, learning_rate=1e-4),
        seed=0,
        name="warm",
    )
    assert overhead("cromotex", "CroMoTEX", model, objective, 32, measured) < 0.05

"""How busy a GPU is kept: `make bench-gpu`, on a machine that has one."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from auditor.attackers.transformer import Labels, ViTConfig, create
from auditor.attackers.vit import train_vit
from auditor.targets.context import ViTTraining
from tests.benchmarks.test_speed import say

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")

#: Dense bf16 peak, TFLOP/s, by what the card calls itself.
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "A10": 125}


def test_training_throughput_of_a_vit_s_on_twelve_leads_of_ten_seconds(measured):
    config = ViTConfig(
        n_leads=12, n_samples=2500, patch=20, width=384, depth=12, heads=6, head_dim=64, n_ids=1000
    )
    rng = np.random.default_rng(0)
    model = create(config, rng)
    n, batch, epochs = 16_384, 512, 4
    windows = rng.normal(size=(n, 12, 2500)).astype(np.float32)
    person = np.arange(n) % 1000
    labels = Labels.of(person, identity=person)
    ends: list[float] = []

    def told(step: int, of: int, loss: float) -> None:
        if step % (of // epochs) == 0:
            torch.cuda.synchronize()
            ends.append(time.perf_counter())

    held = np.arange(256)
    train_vit(
        model,
        lambda indices: windows[indices],
        labels,
        np.arange(256, n),
        held,
        ViTTraining(epochs=epochs, batch=batch, patience=epochs),
        rng=rng,
        device="cuda",
        progress=told,
    )
    seconds = min(np.diff(ends))
    rate = (n - 256) / seconds
    tokens, width = config.n_patches + 1, config.width
    weights = sum(one.numel() for one in model.parameters())
    # Forward and backward: six operations a weight and token, and attention's own products.
    flops = 6 * weights * tokens + 12 * config.depth * tokens**2 * width
    name = torch.cuda.get_device_name()
    peak = next((value for key, value in PEAKS.items() if key in name), None)
    share = f"{rate * flops / peak / 1e12:.0%} of {peak} TFLOP/s" if peak else "peak not known"
    say(f"{name}: {rate:,.0f} windows/s, {rate * flops / 1e12:.0f} TFLOP/s, {share}")
    measured("speed/gpu-training", "Training a ViT-S on 12 leads of 10 s, bf16", rate,
             room="speed", data="noise", n=f"{n - 256:,} windows", unit="windows/s", digits=0,
             note=f"{name}, {share}")  # fmt: skip
    assert rate > 0

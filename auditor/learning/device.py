"""Where a network trains, and whose random numbers it uses while it does."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def fabric(device: torch.device | str, precision: str) -> Any:
    """Lightning Fabric on one device, or under torchrun on one of each process; without the log
    handlers that Lightning brings along.
    """
    names = ("lightning", "lightning.fabric", "lightning_fabric")
    before = {name: list(logging.getLogger(name).handlers) for name in names}
    from lightning_fabric import Fabric  # here, for it takes seconds

    for name in names:
        logger = logging.getLogger(name)
        for handler in set(logger.handlers) - set(before[name]):
            logger.removeHandler(handler)
        logger.propagate = True
    device = torch.device(device)
    if (world := int(os.environ.get("WORLD_SIZE", "1"))) > 1:  # torchrun started us
        many = Fabric(accelerator=device.type, devices=world, strategy="ddp", precision=precision)
        many.launch()
        return many
    devices = [device.index] if device.type == "cuda" and device.index is not None else 1
    return Fabric(accelerator=device.type, devices=devices, precision=precision)


@contextmanager
def own_randomness(rng: np.random.Generator) -> Iterator[None]:
    """Within, torch's stream (initial weights, dropout) follows `rng`, and so does numpy's global
    one, which Captum draws from; after, they are as they were.
    """
    devices = list(range(torch.cuda.device_count()))
    state = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(rng.integers(2**63)))
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002

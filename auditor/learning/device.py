"""Where a network trains, how much of a machine it takes, and whose random numbers it uses."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Indices (B,) → windows (B, n_leads, n_samples) float32 mV, NaN where missing.
Gather = Callable[[NDArray[np.int64]], NDArray[np.float32]]
#: Windows that travel to a GPU together.
_AT_ONCE = 4096


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


def mixed_precision(device: torch.device | str) -> str:
    """Fabric's name of the precision that a network of ours trains in: bfloat16 on a GPU."""
    return "bf16-mixed" if torch.device(device).type == "cuda" else "32-true"


@contextmanager
def fork_rng(rng: np.random.Generator) -> Iterator[None]:
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


def numpy_rng(generator: torch.Generator) -> np.random.Generator:
    """A stream of numpy's, seeded by the next number of one of torch's."""
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread sums in one order: the same seed gives the same numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def preload(gather: Gather, n: int, device: torch.device) -> Tensor | None:
    """All windows on a GPU, where half of its free memory holds them: then no step waits for a
    disk. None elsewhere: in the machine's own memory, what is mapped is read as fast.
    """
    if device.type != "cuda":
        return None
    one = gather(np.arange(1))
    free, _ = torch.cuda.mem_get_info(device)
    if one.nbytes * n > free / 2:
        return None
    return _all_windows(gather, n, device)


def _all_windows(gather: Gather, n: int, device: torch.device) -> Tensor:
    parts = (np.arange(start, min(start + _AT_ONCE, n)) for start in range(0, n, _AT_ONCE))
    return torch.cat([torch.from_numpy(gather(part)).to(device) for part in parts])

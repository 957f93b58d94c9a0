"""Trained to say the same of a recording and of the recording shifted."""

from __future__ import annotations

import torch

from auditor.systems.averages.network import Averages, AveragesConfig, prepare
from auditor.systems.registry import trains
from auditor.systems.training import Training, fingerprint, made, reading, study
from auditor.targets.recordings import read_recordings


@trains(lambda task, release: not release.is_empty)
def run(training: Training):
    """A few steps of it."""
    seen = read_recordings(training.release, prepare, reading(training))
    training.keep_under(fingerprint(seen))
    parts = seen.split(training.seed)
    network = made(lambda: Averages(AveragesConfig()), training, "averages")
    x = torch.from_numpy(seen.x)

    def objective(rows, generator):
        one = x[rows]
        return (network(one) - network(one.roll(3, dims=2))).square().mean()

    training.train("pretrain", network, objective, parts[0])
    return study(training, seen, parts, {}, {"averages": network}, {})

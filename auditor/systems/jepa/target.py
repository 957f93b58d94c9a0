"""ECG-JEPA under audit: its representation, and how well it guesses what is hidden from it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from auditor.core.target import Floats, Target
from auditor.systems.jepa import network as jepa
from auditor.systems.registry import Networks, opens
from auditor.targets.model import ReleasedModel, compact, summaries
from auditor.targets.recordings import Rows, visits

#: What is hidden from the encoder whose guess is judged: so many masks, the same for everybody.
_MASKS, _MASK_SEED = 4, 0


@opens(jepa.JEPA)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """ECG-JEPA, asked about visits where the release lists them, else about all recordings."""
    network = model.only(networks, jepa.JEPA)
    seen = model.recordings(jepa.prepare, visits(model.release))
    blank = cache(lambda: model.at_random(network).student)

    def embedding(encoder: jepa.Encoder) -> Rows:
        return model.asked(lambda x: jepa.represent(encoder, x), seen.x)

    def tokens(encoder: jepa.Encoder) -> Rows:
        return model.asked(lambda x: compact(encoder(x)), seen.x)

    def membership_signal() -> Floats:
        draw = torch.Generator().manual_seed(_MASK_SEED)
        masks = [jepa.MASKS[network.config.masks](draw) for _ in range(_MASKS)]

        def error(x: Tensor) -> Tensor:
            each = [jepa.disagreement(network, x, mask.to(x.device)) for mask in masks]
            return torch.stack(each).mean(dim=0)[:, None]

        return -model.asked(error, seen.x).astype(np.float64)

    student = network.student
    return model.target(
        seen,
        summaries(seen, jepa.LEADS),
        signals=("what is hidden",),
        membership_signal=membership_signal,
        outputs={"embedding": lambda: embedding(student), "tokens": lambda: tokens(student)},
        controls={"embedding": lambda: embedding(blank()), "tokens": lambda: tokens(blank())},
    )

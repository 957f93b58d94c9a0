"""What it gives out: its embedding."""

from __future__ import annotations

from auditor.core.target import Target
from auditor.systems.averages.network import LEADS, Averages, prepare
from auditor.systems.registry import Networks, opens
from auditor.targets.model import ReleasedModel, summaries


@opens(Averages)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """Asked about all recordings."""
    network = model.only(networks, Averages)
    seen = model.recordings(prepare, None)
    return model.target(
        seen,
        summaries(seen, LEADS),
        membership_signal=None,
        outputs={"embedding": lambda: model.asked(network, seen.x)},
        controls={"embedding": lambda: model.asked(model.at_random(network), seen.x)},
    )

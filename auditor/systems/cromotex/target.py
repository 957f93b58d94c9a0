"""CroMoTEX under audit: findings from the ECG alone, and ECGs aligned with radiographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from auditor.core.target import Floats, Target
from auditor.data.pairs import Pairs
from auditor.systems.cromotex import network as cromotex
from auditor.systems.registry import Networks, opens
from auditor.targets.model import WIDEST, Make, ReleasedModel, cosine, log_odds_of, summaries
from auditor.targets.recordings import Places, Rows


@opens(cromotex.CroMoTEX)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """CroMoTEX, asked about the visits of the release."""
    seen = model.recordings(cromotex.prepare, model.visits())
    labels = seen.known()
    # In the names of files there are no spaces.
    named = {name.replace(" ", "-"): name for name in labels}
    alone: dict[str, Any] = {}
    aligned: dict[str, Any] = {}
    for file, network in networks.items():
        finding = file.removeprefix("cromotex-").removesuffix("-ecg")
        kind = alone if network.config.head else aligned
        kind[named.get(finding, finding)] = model.at_work(network)
    # Findings that are known come first: there the signal has its columns.
    alone = dict(sorted(alone.items(), key=lambda one: one[0] not in labels))
    known = [name for name in alone if name in labels]
    sighted = {name: one for name, one in aligned.items() if one.config.image}
    if not len(seen.pictured("cxr")):
        sighted = {}

    @cache
    def of_ecg(network: Any) -> Rows:
        return model.asked(lambda x: network(x).projection, seen.x)

    @cache
    def of_image(network: Any) -> Rows:
        side = network.config.image.side

        def read(pairs: Pairs, rows: Places) -> Rows:
            return np.stack([cromotex.prepare_image(one, side) for one in pairs.cxr(rows)])

        return seen.of_pictures("cxr", read, lambda x: model.asked(network.project, x))

    def together(side: Callable[[Any], Rows], networks: Sequence[Any]) -> Rows:
        return np.hstack([side(one) for one in networks])

    some = list((sighted or aligned or alone).values())
    some = some[: max(WIDEST // some[0].config.projection, 1)]
    blank = cache(lambda: [model.at_random(one, str(at)) for at, one in enumerate(some)])

    @cache
    def logits() -> Rows:
        def of_all(x: Tensor) -> Tensor:
            return torch.stack([one(x).logit for one in alone.values()], dim=1)

        return model.asked(of_all, seen.x)

    def membership_signal() -> Floats:
        odds = [log_odds_of(labels[one], logits()[:, at]) for at, one in enumerate(known)]
        pairs = [cosine(of_ecg(one), of_image(one)) for one in sighted.values()]
        return np.stack(odds + pairs, axis=1)

    outputs: dict[str, Make] = {"embedding": lambda: together(of_ecg, some)}
    controls: dict[str, Make] = {"embedding": lambda: together(of_ecg, blank())}
    if sighted:
        outputs["other"] = lambda: together(of_image, some)
        controls["other"] = lambda: together(of_image, blank())
    if alone:
        outputs["scores"] = lambda: expit(logits())
    signals = (*known, *(f"pairs for {name}" for name in sighted))
    return model.target(
        seen,
        summaries(seen, cromotex.LEADS),
        signals=signals,
        membership_signal=membership_signal if signals else None,
        outputs=outputs,
        controls=controls,
    )

"""CardioNets under audit: ECGs aligned with cines, and cines that are drawn from ECGs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auditor.core.errors import ModelError
from auditor.core.record import STANDARD_LEADS
from auditor.core.target import Floats, Target
from auditor.data.pairs import Pairs
from auditor.systems.cardionets import mar, vae
from auditor.systems.cardionets import network as cardionets
from auditor.systems.registry import Networks, opens
from auditor.targets.description import numbers
from auditor.targets.model import Make, ReleasedModel, cosine, summaries
from auditor.targets.recordings import AT_ONCE, Places, Recordings, Rows

#: How far a latent of spread 1 may go.
_LARGEST = 10.0


@opens(cardionets.EcgEncoder, cardionets.CmrEncoder, vae.VAE, mar.Generator)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """CardioNets, asked about the visits of the release.

    Raises
    ------
    ModelError
        It has no ECG encoder, or reads ECGs or cines of another size.
    """
    ecg = model.only(networks, cardionets.EcgEncoder)
    seen = model.recordings(cardionets.preprocess, model.visits())
    if ecg.config.n_samples != seen.x.shape[-1]:
        raise ModelError(
            f"{model.name}: reads {ecg.config.n_samples} samples of each lead, wanted "
            f"{seen.x.shape[-1]}; train it again"
        )
    kinds = {type(one) for one in networks.values()} if len(seen.pictured("cmr")) else set()
    embedding = cache(lambda: model.asked(ecg.of_crops, seen.x))
    outputs: dict[str, Make] = {"embedding": embedding}
    controls: dict[str, Make] = {
        "embedding": lambda: model.asked(model.at_random(ecg).of_crops, seen.x)
    }
    generator: Cines | None = None
    membership_signal: Callable[[], Floats] | None = None
    if cardionets.CmrEncoder in kinds:
        cmr = model.only(networks, cardionets.CmrEncoder)

        def of_cine(network: cardionets.CmrEncoder) -> Rows:
            read = _cines(model, cmr.config)
            return seen.of_pictures("cmr", read, lambda x: model.asked(network, x))

        other = cache(lambda: of_cine(cmr))
        outputs["other"] = other
        controls["other"] = lambda: of_cine(model.at_random(cmr))
        membership_signal = lambda: cosine(embedding(), other())[:, None]  # noqa: E731

    if {vae.VAE, mar.Generator} <= kinds:
        pair = model.only(networks, vae.VAE), model.only(networks, mar.Generator)
        generator = Cines(model, seen, embedding, *pair)
    measured = seen.pairs.table if seen.pairs is not None else pd.DataFrame()
    return model.target(
        seen,
        summaries(seen, STANDARD_LEADS),
        signals=("pairs",) if membership_signal else (),
        membership_signal=membership_signal,
        outputs=outputs,
        controls=controls,
        generator=generator,
        values={one: numbers(measured, one) for one in cardionets.phenotypes(measured.columns)},
    )


def _cines(model: ReleasedModel, config: Any) -> Callable[[Pairs, Places], Rows]:
    """Reads cines as a network does, if they are as large as it wants them."""
    largest = config.size if model.description.size == "small" else None

    def read(pairs: Pairs, rows: Places) -> Rows:
        cines = cardionets.preprocess_cine(pairs.cmr(rows), largest)
        wanted = (config.frames, config.size, config.size)
        if cines.shape[1:] != wanted:
            raise ModelError(
                f"{model.name}: reads cines of {wanted}, and those of {pairs.root} are "
                f"{cines.shape[1:]}; scan the folder that it was trained on"
            )
        return cines

    return read


@dataclass(frozen=True, eq=False)
class Cines:
    """Cines and what draws them, from ECGs or from nothing: `core.target.Generator`.

    Attributes
    ----------
    embedding : (n, d) the ECGs as the generator is told of them
    """

    model: ReleasedModel
    seen: Recordings
    embedding: Make
    vae: vae.VAE
    generator: mar.Generator

    @cached_property
    def real(self) -> Rows:
        """(n, frames, size, size) the cine of each visit; NaN where there is none."""
        return self.seen.of_pictures("cmr", _cines(self.model, self.vae.config), lambda x: x)

    def drawn(self, seed: int, rows: Places) -> Rows:
        """(len(rows), frames, size, size) cines for the ECGs of some visits."""
        return self._drawn(seed, torch.from_numpy(self.embedding()[rows]), len(rows))

    def unconditional(self, seed: int, n: int) -> Rows:
        """(n, frames, size, size) cines of nobody's ECG."""
        return self._drawn(seed, None, n)

    def encode(self, images: Rows) -> Rows:
        """(n, k) the middles of their latents, as the generator would have to draw them."""

        def middle(cines: Tensor) -> Tensor:
            mean, log_variance = self.vae.encode(cines[:, None])
            return vae.drawn(mean, log_variance, torch.zeros_like(mean)).flatten(1)

        return self.model.asked(middle, images)

    @torch.inference_mode()
    def _drawn(self, seed: int, conditions: Tensor | None, n: int) -> Rows:
        draw = torch.Generator().manual_seed(seed)
        steps, diffusion_steps = mar.STEPS.get(self.model.description.size, mar.STEPS["small"])
        found = []
        for start in range(0, n, AT_ONCE):
            some = slice(start, min(start + AT_ONCE, n))
            latents = mar.generate(
                self.generator,
                None if conditions is None else conditions[some].to(self.model.device),
                draw,
                n=some.stop - some.start,
                steps=steps,
                diffusion_steps=diffusion_steps,
                largest=_LARGEST,
            )
            found.append(self.vae.decode(latents)[:, 0].clamp(-1, 1).cpu())
        return np.asarray(torch.cat(found).numpy())

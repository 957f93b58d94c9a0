"""CardioNets: phenotypes and cines from ECGs that were aligned with CMR."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn

from auditor.core.errors import DataError
from auditor.data.pairs import TABLE, read_pairs
from auditor.systems.cardionets import mar
from auditor.systems.cardionets import network as cardionets
from auditor.systems.cardionets.vae import VAE, GeneratorConfig, ssim, vae_loss
from auditor.systems.registry import trains
from auditor.systems.result import Study
from auditor.systems.training import (
    Training,
    by_people,
    fingerprint,
    lists_visits,
    made,
    reading,
    study,
)
from auditor.targets.recordings import AT_ONCE, Places, read_visits

#: Components of the CMR's class token by which hearts are alike; as published where there are as
#: many people.
_ALIKE = 128


@trains(lists_visits)
def run(training: Training) -> Study:
    """Phenotypes from ECGs that were aligned with cines and that were not, and cines from ECGs."""
    root = training.release.root
    pairs = read_pairs(root)
    seen = read_visits(pairs, cardionets.preprocess, reading(training))
    names = cardionets.phenotypes(pairs.table.columns)
    if not names:
        raise DataError(f"{root / TABLE}: has no column phenotype…; add what was measured")
    crops = torch.from_numpy(seen.x)  # (n, n_crops, 12, n_samples)
    small = training.size == "small"
    largest = cardionets.SMALL_CINE if small else None
    cines = torch.from_numpy(cardionets.preprocess_cine(pairs.cmr(range(len(pairs))), largest))
    frames, size = cines.shape[1:3]
    shape = cardionets.CardioNetsConfig.small() if small else cardionets.CardioNetsConfig()
    config = replace(shape, frames=frames, size=size)
    training.keep_under(fingerprint(seen))
    parts = seen.split(training.seed)
    trained, held, judged = parts
    known = pairs.table[names].to_numpy(np.float32)
    centre = np.nanmean(known[trained], axis=0)
    spread = np.maximum(np.nanstd(known[trained], axis=0), 1e-6)
    wanted = torch.full((len(known), cardionets.N_PHENOTYPES), float("nan"))
    wanted[:, : len(names)] = torch.from_numpy((known - centre) / spread)

    cmr = made(lambda: cardionets.CmrEncoder(config), training, "cmr")
    teller = made(lambda: nn.Linear(config.width, len(names)), training, "cmr-head")
    eyes = nn.ModuleDict({"cmr": cmr, "teller": teller})

    def told_by_cines(rows: Places, _: torch.Generator) -> Tensor:
        said = teller(cmr.tokens(cines[rows].to(training.device))[:, 0])
        return (said - wanted[rows, : len(names)].to(training.device)).nan_to_num().square().mean()

    training.train("cmr", eyes, told_by_cines, trained)
    cmr.requires_grad_(False)
    cmr.head.requires_grad_()
    alike = torch.from_numpy(_components(cmr, cines, trained))

    def fresh() -> cardionets.EcgEncoder:
        return made(lambda: cardionets.EcgEncoder(config), training, "ecg")

    aligned = fresh()
    both = nn.ModuleDict({"ecg": aligned, "cmr": cmr})

    def together(rows: Places, generator: torch.Generator) -> Tensor:
        return cardionets.alignment_loss(
            aligned,
            cmr,
            _one_crop(crops, rows, generator).to(training.device),
            cines[rows].to(training.device),
            alike[rows].to(training.device),
        )

    encoders = {"cardionets-ecg": aligned, "cardionets-cmr": cmr}
    training.train("align", both, together, np.concatenate([trained, held]), released=encoders)
    said = {}
    for kind, start in (("aligned", aligned.state_dict()), ("not aligned", fresh().state_dict())):
        ecg = fresh()
        ecg.load_state_dict(start)
        head = made(lambda: cardionets.PhenotypeHead(config), training, "phenotypes")
        said[kind] = _phenotypes(training, ecg, head, crops, wanted, trained, judged, kind)
    truth = wanted[judged, : len(names)].double().numpy()
    two = [said[kind][:, : len(names)] for kind in ("aligned", "not aligned")]
    compared = {
        f"{len(names)} phenotypes from the ECG, aligned": by_people(
            "r2", _explained, truth, two, seen.subject[judged], "not aligned", training.seed
        )
    }
    shown, vae, generator = _generated(training, aligned, crops, cines, trained, judged)
    compared["cine from the ECG"] = by_people(
        "ssim",
        _mean_similarity,
        cines[judged].numpy(),
        [shown, np.broadcast_to(cines[trained].mean(dim=0).numpy(), shown.shape)],
        seen.subject[judged],
        "the mean cine",
        training.seed,
    )
    networks = {**encoders, "cardionets-vae": vae, "cardionets-generator": generator}
    return study(training, seen, parts, compared, networks, {})


def _one_crop(crops: Tensor, rows: Places, generator: torch.Generator) -> Tensor:
    """(B, 12, n_samples) one crop of each, drawn."""
    drawn = torch.randint(
        crops.shape[1], (len(rows),), generator=generator, device=generator.device
    )
    return crops[torch.from_numpy(rows), drawn.cpu()]


def _components(cmr: cardionets.CmrEncoder, cines: Tensor, trained: Places) -> NDArray[np.float32]:
    """(n, d) principal components of the class tokens, those of the trained, as one length."""
    with torch.inference_mode():
        parts = [cmr.tokens(part)[:, 0] for part in torch.split(cines, AT_ONCE)]
    token = torch.cat(parts).double().numpy()
    found = PCA(min(_ALIKE, token.shape[1], len(trained) - 1), random_state=0).fit(token[trained])
    scores = found.transform(token)
    # A typical distance is one: σ is told in those units.
    scale = np.sqrt(2 * scores[trained].var(axis=0).sum())
    return (scores / max(scale, 1e-9)).astype(np.float32)


def _phenotypes(
    training: Training,
    ecg: cardionets.EcgEncoder,
    head: cardionets.PhenotypeHead,
    crops: Tensor,
    wanted: Tensor,
    trained: Places,
    judged: Places,
    kind: str,
) -> NDArray[np.float64]:
    """(n_judged, 82) what an encoder says after it was fine-tuned."""
    both = nn.ModuleDict({"ecg": ecg, "head": head})

    def objective(rows: Places, generator: torch.Generator) -> Tensor:
        seen = _one_crop(crops, rows, generator).to(training.device)
        return cardionets.phenotype_loss(ecg, head, seen, wanted[rows].to(training.device))

    training.train(f"phenotypes-{kind}", both, objective, trained, "phenotypes")
    with torch.inference_mode():
        said = [
            torch.stack([head(ecg.pooled(crops[rows, crop])) for crop in range(crops.shape[1])])
            for rows in np.array_split(judged, max(len(judged) // AT_ONCE, 1))
        ]
    return torch.cat([one.mean(dim=0) for one in said]).double().numpy()


def _generated(
    training: Training,
    ecg: cardionets.EcgEncoder,
    crops: Tensor,
    cines: Tensor,
    trained: Places,
    judged: Places,
) -> tuple[NDArray[np.float32], VAE, mar.Generator]:
    """(n_judged, frames, size, size) cines drawn for ECGs, and what drew them."""
    frames, size = cines.shape[1:3]
    shape = GeneratorConfig.small() if training.size == "small" else GeneratorConfig()
    config = replace(
        shape, frames=frames, size=size, patch_time=frames // 4, condition=ecg.config.out
    )
    vae = made(lambda: VAE(config), training, "vae")
    films = cines[:, None]
    training.train(
        "vae",
        vae,
        lambda rows, draw: vae_loss(vae, films[rows].to(training.device), draw),
        trained,
    )
    with torch.inference_mode():
        conditions = torch.cat([ecg.of_crops(part) for part in torch.split(crops, AT_ONCE)])
        draw = torch.Generator().manual_seed(training.seed)
        latents = torch.cat(
            [vae.latents(part, draw) for part in torch.split(films[trained], AT_ONCE)]
        )
    place = {int(row): at for at, row in enumerate(trained)}
    generator = made(lambda: mar.Generator(config), training, "generator")

    def objective(rows: Places, draw: torch.Generator) -> Tensor:
        at = [place[int(row)] for row in rows]
        drawn = mar.Draw.of(config, len(rows), draw, training.device)
        return mar.generator_loss(
            generator, latents[at].to(training.device), conditions[rows].to(training.device), drawn
        )

    training.train("generator", generator, objective, trained)
    with torch.inference_mode():
        steps, diffusion_steps = mar.STEPS[training.size]
        drawn = mar.generate(
            generator,
            conditions[judged],
            draw,
            steps=steps,
            diffusion_steps=diffusion_steps,
            largest=float(latents.abs().max()),
        )
        shown = [vae.decode(part)[:, 0] for part in torch.split(drawn, AT_ONCE)]
    return torch.cat(shown).clamp(-1, 1).numpy(), vae, generator


def _explained(truth: NDArray[Any], said: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, m) squared errors, and squared distances from the mean."""
    return (said - truth) ** 2, (truth - truth.mean(axis=0)) ** 2


def _mean_similarity(truth: NDArray[Any], said: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, 1) by how much each lacks of being alike, and ones."""
    alike = [ssim(one, other) for one, other in zip(truth, said, strict=True)]
    return 1 - np.array(alike)[:, None], np.ones((len(alike), 1))

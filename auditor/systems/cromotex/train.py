"""CroMoTEX: findings of a radiograph from the ECG, aligned with radiographs and not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.core.errors import EvidenceError
from auditor.core.target import UNKNOWN
from auditor.data.pairs import read_pairs
from auditor.learning.fit import Validation
from auditor.systems.cromotex import network as cromotex
from auditor.systems.registry import trains
from auditor.systems.result import Study
from auditor.systems.training import (
    Training,
    compare,
    fingerprint,
    lists_visits,
    made,
    reading,
    study,
)
from auditor.targets.recordings import AT_ONCE, Places, read_visits

#: Steps after which the last stage is looked at on the people held back.
_LOOK = 20


@trains(lists_visits)
def run(training: Training) -> Study:
    """One model per finding: aligned with radiographs before it is fine-tuned, and not."""
    pairs = read_pairs(training.release.root)
    seen = read_visits(pairs, cromotex.prepare, reading(training))
    small = training.size == "small"
    config = cromotex.CroMoTEXConfig.small() if small else cromotex.CroMoTEXConfig()
    assert config.image is not None
    side = config.image.side
    images = torch.from_numpy(
        np.stack([cromotex.prepare_image(one, side) for one in pairs.cxr(range(len(pairs)))])
    )
    ecg = torch.from_numpy(seen.x)
    training.keep_under(fingerprint(seen))
    parts = seen.split(training.seed)
    trained, held, judged = parts
    alone = replace(config, image=None)

    first = made(lambda: cromotex.CroMoTEX(alone), training, "pretrain")
    first.only(*cromotex.STAGES["pretrain"])
    training.train(
        "pretrain",
        first,
        lambda rows, generator: cromotex.pretrain_loss(
            first, ecg[rows].to(training.device), generator
        ),
        np.concatenate([trained, held]),
    )
    networks: dict[str, Any] = {}
    compared, left_out = {}, {}
    for name in seen.asked():
        if name == "sex":  # no finding of a radiograph
            continue
        label = seen.labels[name]
        asked = judged[label[judged] != UNKNOWN]
        score, others = _two_ways(training, config, first, ecg, images, label, name, trained, held)
        networks |= others
        try:
            compared[f"{name} by ECG alone, aligned"] = compare(
                score["aligned"][asked],
                score["not aligned"][asked],
                label[asked] == 1,
                seen.subject[asked],
                "not aligned",
                training.seed,
            )
        except EvidenceError as error:
            left_out[name] = str(error)
    return study(training, seen, parts, compared, networks, left_out)


def _two_ways(
    training: Training,
    config: cromotex.CroMoTEXConfig,
    first: cromotex.CroMoTEX,
    ecg: Tensor,
    images: Tensor,
    label: NDArray[np.int8],
    name: str,
    trained: Places,
    held: Places,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, nn.Module]]:
    """What is said of every ECG (n,) by a network that was aligned, and by one that was not; and
    the networks of the former.
    """
    assert config.image is not None
    image_config, device = config.image, training.device
    y = torch.from_numpy((label == 1).astype(np.float32))
    known = trained[label[trained] != UNKNOWN]
    eyes = made(lambda: cromotex.ImageClassifier(image_config), training, f"{name}/image")
    training.train(
        f"{name}-image",
        eyes,
        lambda rows, _: cromotex.image_loss(eyes, images[rows].to(device), y[rows].to(device)),
        known,
        "image",
    )
    both = made(lambda: cromotex.CroMoTEX(config), training, f"{name}/align")
    both.start_from(first)
    both.start_from(eyes)
    both.only(*cromotex.STAGES["align"])
    training.train(
        f"{name}-align",
        both,
        lambda rows, _: cromotex.align_loss(
            both, ecg[rows].to(device), images[rows].to(device), y[rows].to(device)
        ),
        known[cromotex.oversampled(label[known] == 1, 3)],
        "align",
    )
    file = f"cromotex-{name}".replace(" ", "-")
    score, last = {}, {}
    for kind, earlier in (("aligned", both), ("not aligned", first)):
        last[kind] = made(
            lambda: cromotex.CroMoTEX(replace(config, image=None, head=True)),
            training,
            f"{name}/fine-tune",
        )
        last[kind].start_from(earlier)
        released = {f"{file}-ecg": last[kind]} if kind == "aligned" else {}
        _fine_tuned(training, last[kind], ecg, label, known, held, f"{name}-{kind}", released)
        score[kind] = _said(last[kind], ecg, device)
    return score, {file: both, f"{file}-ecg": last["aligned"]}


def _fine_tuned(
    training: Training,
    model: cromotex.CroMoTEX,
    ecg: Tensor,
    label: NDArray[np.int8],
    trained: Places,
    held: Places,
    name: str,
    released: Mapping[str, nn.Module],
) -> None:
    """The last stage, which ends with the weights that the people held back like best."""
    held = held[label[held] != UNKNOWN]
    y = torch.from_numpy((label == 1).astype(np.float32))
    model.only(*cromotex.STAGES["fine_tune"])
    training.train(
        name,
        model,
        lambda rows, generator: cromotex.fine_tune_loss(
            model, ecg[rows].to(training.device), y[rows].to(training.device)
        ),
        trained[cromotex.oversampled(label[trained] == 1, 4)],
        "fine_tune",
        validate=Validation(lambda: -cromotex.auroc(model, ecg[held], label[held] == 1), _LOOK),
        released=released,
    )


def _said(model: cromotex.CroMoTEX, ecg: Tensor, device: str) -> NDArray[np.float64]:
    model.eval().to(device)
    with torch.inference_mode():
        said = [model(part.to(device)).logit.cpu() for part in torch.split(ecg, AT_ONCE)]
    model.cpu()
    return torch.sigmoid(torch.cat(said).double()).numpy()

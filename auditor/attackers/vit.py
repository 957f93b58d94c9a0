"""The attacker's transformer: trained on a part of the release, asked about the rest.

People are drawn evenly, and training is stopped in time. A batch is gathered when its turn comes,
so nothing holds all signals.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import cosine
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.attackers.transformer import (
    EMBEDDING,
    MODELS,
    Labels,
    Output,
    ViT,
    ViTConfig,
    create,
    embed,
    loss,
    predict,
)
from auditor.core.streams import stream
from auditor.data.protocols import Items, subject_folds
from auditor.engine import shards
from auditor.learning import artifact
from auditor.learning.device import Gather, mixed_precision, numpy_rng, preload
from auditor.learning.fit import History, Progress, Validation, fit
from auditor.learning.sampler import SubjectSampler
from auditor.signal.windows import Windows, beat_windows, strip_windows
from auditor.targets.context import Context, ViTTraining

#: Every fifth window is kept from training, to tell when to stop.
_HELD_BACK = 5
#: Items whose windows are looked at together.
_BLOCK = 256


def identity_encoders(context: Context, gallery: Items) -> tuple[ViT, ViT]:
    """A transformer trained to tell the people of a gallery apart, and its untrained twin.

    Training sees the windows of the gallery's items and nothing else; the last fifth of each
    item's windows decides when to stop. Two protocols with one gallery share the training, and a
    second scan of the same release finds it in the store.
    """
    subject = context.records["subject"].to_numpy().astype(str)[gallery.row]
    people, code = np.unique(subject, return_inverse=True)
    rng = stream(context.seed, f"encoder/identity/{int(gallery.half.any())}")
    untrained = create(_config(context, n_ids=len(people)), rng)
    kept = context.prepared.store.root / f"encoder-{_key(context, gallery)}.safetensors"
    if kept.exists():
        return artifact.load(kept), untrained
    windows = _windows(context, gallery)
    person, held = code[windows.item], _last_of_each(windows.item)
    labels = Labels.of(person, identity=person)
    model = deepcopy(untrained)
    _train(context, model, windows, labels, np.flatnonzero(~held), np.flatnonzero(held), rng)
    with TemporaryDirectory(dir=kept.parent) as draft:
        artifact.save(model, Path(draft, kept.name))
        # The weights come last: where they are, their configuration is.
        for suffix in (".json", ".safetensors"):
            os.replace(Path(draft, kept.name).with_suffix(suffix), kept.with_suffix(suffix))
    return model, untrained


def _key(context: Context, gallery: Items) -> str:
    """A name for the training on a gallery: what it saw, how, on what, by which code."""
    saw = context.dataset.fingerprint
    how = repr((context.training, context.seed, context.device, saw)).encode()
    return sha256(how + gallery.row.tobytes() + gallery.half.tobytes()).hexdigest()[:16]


def embedding(context: Context, model: ViT, items: Items) -> NDArray[np.float32]:
    """(n_items, EMBEDDING) the mean direction of each item's windows in a model's embedding."""

    def directions(windows: Windows) -> NDArray[np.float64]:
        rows = embed(model, windows, len(windows), device=context.device).astype(np.float64)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    return _per_item(context, items, directions, EMBEDDING).astype(np.float32)


def sex_and_age_model(
    context: Context, train: NDArray[np.int64], rng: np.random.Generator
) -> tuple[ViT, NDArray[np.int64]]:
    """A transformer that tells sex and age, and the records of the people who decided when to stop.

    Who asks again after the same training records is given the same one.
    """
    key = "sex and age", train.tobytes()
    if key in context.memo:
        found: tuple[ViT, NDArray[np.int64]] = context.memo[key]
        return found
    records = context.records
    subject = records["subject"].to_numpy().astype(str)
    male = records["sex"].map({"male": 1.0, "female": 0.0}).to_numpy(dtype=np.float32)
    age = records["age"].to_numpy(dtype=np.float32)
    people, code = np.unique(subject[train], return_inverse=True)
    held_people = next(subject_folds(np.zeros(len(people), dtype=np.int64), _HELD_BACK, rng))
    windows = _windows(context, Items.whole(train))
    row = windows.row
    held = held_people[code][windows.item]
    model = create(_config(context, sex=True, age=True), rng)
    labels = Labels.of(code[windows.item], sex=male[row], age=age[row])
    _train(context, model, windows, labels, np.flatnonzero(~held), np.flatnonzero(held), rng)
    context.memo[key] = model, train[held_people[code]]
    return context.memo[key]


def sex_and_age(
    context: Context, train: NDArray[np.int64], test: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each test record, the probability that the person is male and their age in years.

    A fifth of the training people decide when to stop, and how far to follow a guess of age.
    """
    model, stop_rows = sex_and_age_model(context, train, rng)

    def guesses(windows: Windows) -> NDArray[np.float64]:
        seen = predict(model, windows, len(windows), device=context.device)
        assert seen.sex is not None
        assert seen.age is not None
        return np.column_stack([seen.sex, seen.age]).astype(np.float64)

    age = context.records["age"].to_numpy(dtype=np.float32)
    check, guess = (_per_item(context, Items.whole(rows), guesses, 2) for rows in (stop_rows, test))
    known = ~np.isnan(age[stop_rows])
    middle = float(np.nanmedian(age[train]))
    belief = shrinkage_slope(check[known, 1] - middle, age[stop_rows][known] - middle)
    return guess[:, 0], middle + belief * (guess[:, 1] - middle)


def shrinkage_slope(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """How far to follow a guess, in [0, 1]: the least-squares slope of the truth on it.

    Without it an attacker who knows nothing does worse than one who names the middle age.
    """
    power = float((guess**2).sum())
    return float(np.clip((guess * truth).sum() / power, 0, 1)) if power > 0 else 0.0


def _train(
    context: Context,
    model: ViT,
    windows: Windows,
    labels: Labels,
    train: NDArray[np.int64],
    held: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    assert context.training is not None
    train_vit(
        model,
        windows,
        labels,
        train,
        held,
        context.training.recipe,
        per_epoch=context.training.per_person * len(np.unique(labels.person[train])),
        rng=rng,
        device=context.device,
        progress=lambda step, steps, loss: context.progress("training", step, steps),
    )


def train_vit(
    model: ViT,
    gather: Gather,
    labels: Labels,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    training: ViTTraining,
    *,
    rng: np.random.Generator,
    per_epoch: int | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = lambda step, steps, loss: None,
) -> History:
    """Train a model in place; it ends on the CPU with the weights of its best epoch.

    Torch's own random stream is left as it was, and so is the number of its threads.

    Parameters
    ----------
    gather : windows of some items of `labels`
    train, validation : (n,) indices into `labels`
    per_epoch : items drawn per epoch; by default as many as there are

    Raises
    ------
    ValueError
        There is nothing to train on, or nothing to validate on.
    """
    if not len(train) or not len(validation):
        raise ValueError("nothing to train on, or nothing to validate on")
    seed, device = int(rng.integers(2**62)), torch.device(device)
    sampler = SubjectSampler(labels.person, train, training.batch, seed, "vit")
    loaded = preload(gather, len(labels), device)
    model.standardise_age(labels, train)

    def windows(rows: NDArray[np.int64]) -> Tensor:
        """(B, n_leads, n_samples) mV on the device, wherever they were kept."""
        if loaded is None:
            return torch.from_numpy(gather(rows)).to(device)
        return loaded[torch.from_numpy(rows).to(loaded.device)]

    def distance(output: Output, rows: NDArray[np.int64], **settings: float) -> Tensor:
        targets = labels.batch(rows, device)
        return loss(output, targets, model.age_mean, model.age_std, **settings)

    def objective(rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        x = windows(rows)
        if training.mix:
            draw = numpy_rng(generator)
            share = draw.random(len(rows)) * (draw.random(len(rows)) < training.mix)
            weight = torch.from_numpy(share.astype(np.float32)).to(device)[:, None, None]
            x = x + weight * (windows(sampler.mates(rows, draw)) - x)
        output = model(x, partial(training.augment, generator=generator))
        margin = training.margin * model.config.scale
        return distance(output, rows, margin=margin, smoothing=training.smoothing)

    def validation_loss() -> float:
        """Undisturbed, and without margin or smoothing."""
        total = 0.0
        for start in range(0, len(validation), 4 * training.batch):
            rows = validation[start : start + 4 * training.batch]
            total += float(distance(model(windows(rows)), rows)) * len(rows)
        return total / len(validation)

    steps = -(-(per_epoch or len(train)) // training.batch)
    return fit(
        model,
        objective,
        train,
        training.schedule(steps),
        seed=seed,
        name="vit",
        sampler=sampler,
        validate=Validation(validation_loss, steps, training.patience),
        device=device,
        precision=mixed_precision(device),
        progress=progress,
    )


def _config(context: Context, **heads: int) -> ViTConfig:
    assert context.training is not None
    return MODELS[context.training.model](n_leads=len(context.prepared.leads), **heads)


def _windows(context: Context, items: Items) -> Windows:
    assert context.training is not None
    if context.training.model == "beat":
        return beat_windows(context.prepared, items, context.seed)
    length = _config(context).n_samples
    return strip_windows(context.prepared, items, context.seed, length)


def _last_of_each(item: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The last fifth of each item's windows, at least one where there are two."""
    _, first, count = np.unique(item, return_index=True, return_counts=True)
    n_held = np.where(count > 1, np.maximum(count // _HELD_BACK, 1), 0)
    place = np.arange(len(item)) - np.repeat(first, count)
    held: NDArray[np.bool_] = place >= np.repeat(count - n_held, count)
    return held


def _per_item(
    context: Context, items: Items, look: Callable[[Windows], NDArray[np.float64]], width: int
) -> NDArray[np.float64]:
    """(n_items, width) the mean, over an item's windows, of what `look` says of each."""
    values = np.empty((len(items), width))
    for places in _blocks(len(items)):
        windows = _windows(context, Items(items.row[places], items.half[places]))
        n_windows = np.bincount(windows.item, minlength=len(places))
        seen = look(windows)
        for column in range(width):
            total = np.bincount(windows.item, weights=seen[:, column], minlength=len(places))
            values[places, column] = total / n_windows
    return values


def _blocks(n: int) -> Iterator[NDArray[np.int64]]:
    for places in shards(range(n), _BLOCK):
        yield np.asarray(places)


def by_encoder(context: Context, enrolment: Enrolment, model: ViT) -> Recogniser:
    """The directions that a transformer gives, by their cosine."""
    gallery, pool = (
        embedding(context, model, items) for items in (enrolment.gallery, enrolment.pool)
    )
    return Recogniser(enrolment, gallery, pool, cosine)


def _untrained(context: Context, enrolment: Enrolment) -> Recogniser:
    return by_encoder(context, enrolment, identity_encoders(context, enrolment.gallery)[1])


@recogniser(
    "vit",
    title="Network trained on the release",
    rung=70,
    needs_training=True,
    untrained=_untrained,
    read_attributes=sex_and_age,
)
def vit(context: Context, enrolment: Enrolment) -> Recogniser:
    """A transformer trained on the gallery."""
    return by_encoder(context, enrolment, identity_encoders(context, enrolment.gallery)[0])

"""A model that writes texts about ECGs, under audit: GEM, as `auditor train gem` writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auditor.core.errors import ModelError
from auditor.core.target import Floats, Target
from auditor.engine import shards
from auditor.signal.claims import claims
from auditor.systems.gem import network as gem
from auditor.systems.gem.grounding import CANARY_QT, TOLERANCES, Canary, instructions
from auditor.systems.gem.visits import DOTS_PER_MM, TOLD, seen
from auditor.systems.registry import Networks, opens
from auditor.targets.model import ReleasedModel, compact
from auditor.targets.recordings import AT_ONCE, Rows

#: What the directory holds beside the projectors.
_LANGUAGE, _CLIP = Path("models", "language"), Path("models", "clip")
_CANARIES, _LARGEST_CANARIES = Path("models", "canaries", "canaries.json"), 2**16


@opens(gem.MultimodalEncoder, folders=True)
def target(model: ReleasedModel, networks: Networks) -> Target:
    """GEM, asked about the visits of the release whose ECGs can be measured.

    Raises
    ------
    ModelError
        Something of it is missing or damaged, or the scanned folder is another than the one it was
        trained on.
    """
    network, tokenizer = _loaded(model, model.only(networks, gem.MultimodalEncoder))
    assert network.image is not None
    size = model.description.size if model.description.size in TOLD else "small"
    image = model.at_work(network.image)
    network.image = None  # what it makes of pages is brought along
    release, config = model.release, network.encoder.config
    visits = seen(
        model.visits(),
        config,
        image.side,
        DOTS_PER_MM[size],
        lambda pages: model.asked(image, pages),
        release.engine,
        lambda done, total: release.progress(f"measuring for {model.name}", done, total),
    )
    if visits is None:
        raise model.lacking("ECGs that can be measured")
    recordings = visits.recordings
    blank = np.zeros((1, 3, image.side, image.side), dtype=np.float32)
    written = tuple(instructions(row, TOLD[size])[1] for row in visits.measured)
    texts = Texts(
        model,
        model.at_work(network),
        tokenizer,
        recordings.x,
        visits.tokens,
        model.asked(image, blank),
        written,
        tuple(load_canaries(model.folder)),
    )
    quoted = {one.column for text in written for one in claims(text)} | TOLERANCES.keys()
    measured = {
        column: np.array([row.get(column, np.nan) for row in visits.measured], dtype=np.float64)
        for column in sorted(quoted)
    }
    ecg = network.encoder.ecg
    twin = cache(lambda: model.at_random(ecg))

    def tokens_of(encoder: gem.ECGEncoder, x: Tensor) -> Tensor:
        found: Tensor = encoder.norm(encoder(x))
        return found

    def embedding(encoder: gem.ECGEncoder) -> Rows:
        return model.asked(lambda x: tokens_of(encoder, x).mean(dim=1), recordings.x)

    def all_tokens(encoder: gem.ECGEncoder) -> Rows:
        return model.asked(lambda x: compact(tokens_of(encoder, x)), recordings.x)

    return model.target(
        recordings,
        measured,
        signals=("own answer",),
        membership_signal=lambda: -np.nanmean(texts.loss, axis=1, keepdims=True),
        outputs={"embedding": lambda: embedding(ecg), "tokens": lambda: all_tokens(ecg)},
        controls={"embedding": lambda: embedding(twin()), "tokens": lambda: all_tokens(twin())},
        texts=texts,
        canaries=texts.canaries if texts.hidden else None,
    )


def _loaded(model: ReleasedModel, encoder: gem.MultimodalEncoder) -> tuple[gem.GEM, gem.Tokenizer]:
    for path in (_LANGUAGE, _CLIP, _CANARIES):
        if not (model.folder / path).resolve().is_relative_to(model.folder.resolve()):
            raise ModelError(f"{model.name}: {path} lies outside its folder; copy it there")
    try:
        return load(model.folder, encoder)
    except ModelError:
        raise
    except Exception as error:  # of transformers, which breaks in more ways than it documents
        raise ModelError(
            f"{model.name}: {_LANGUAGE} or {_CLIP} cannot be loaded ({type(error).__name__}); "
            "train it again"
        ) from error


def load(folder: Path, encoder: gem.MultimodalEncoder) -> tuple[gem.GEM, gem.Tokenizer]:
    """The network of a model directory, whose batches bring pages, and its tokenizer.

    Parameters
    ----------
    encoder : its projectors, which were loaded

    Raises
    ------
    ModelError
        Something of it is missing, damaged, or does not belong together.
    """
    language, image = gem.language_model(folder / _LANGUAGE), gem.image_encoder(folder / _CLIP)
    return gem.GEM(encoder, language, image).eval(), gem.language_tokenizer(folder / _LANGUAGE)


def load_canaries(folder: Path) -> list[Canary]:
    """What was hidden in the training of a model directory; nothing where that is not told.

    Raises
    ------
    ModelError
        The file is damaged, or no canary's.
    """
    file = folder / _CANARIES
    if not file.is_file():
        return []
    try:
        if file.stat().st_size > _LARGEST_CANARIES:
            raise ValueError("it is too large")
        listed = json.loads(file.read_text("utf-8"))
        found = [Canary(int(one["number"]), int(one["interval"])) for one in listed]
        if any(one.interval not in CANARY_QT for one in found):
            raise ValueError(f"an interval is not in {CANARY_QT.start} to {CANARY_QT.stop - 1}")
        return found
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{file.name}: no list of canaries ({error}); train it again") from error


# --- what it writes -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Texts:
    """What the model writes, and what it was taught to, once it is asked for:
    `targets.texts.Texts`.

    Attributes
    ----------
    ecg, tokens : (n, n_leads, n_samples) what it is shown, and (n, m, width) what it makes of pages
    blank : (1, m, width) what it makes of an empty page
    written : the answer that belongs to each record
    hidden : what was hidden in its training
    """

    model: ReleasedModel
    network: gem.GEM
    tokenizer: gem.Tokenizer
    ecg: Rows
    tokens: Rows
    blank: Rows
    written: tuple[str, ...]
    hidden: tuple[Canary, ...] = ()

    @cached_property
    def told(self) -> dict[str, tuple[str, ...]]:
        """By what it is shown, what it writes of each record."""
        return {
            "full": self._said(ecg=True, page=True),
            "blank": self._said(ecg=False, page=False),
            "image only": self._said(ecg=False, page=True),
            "signal only": self._said(ecg=True, page=False),
        }

    @cached_property
    def loss(self) -> Floats:
        """(n, k) −log p of each token of the answers that belong to records, NaN past the end."""
        found = []
        for rows in shards(range(len(self.ecg)), AT_ONCE):
            found += self._losses(self._batch(rows, [self._dialogues[row] for row in rows]))
            self._progress("answers weighed", len(found))
        values = np.full((len(found), max(map(len, found))), np.nan)
        for row, one in enumerate(found):
            values[row, : len(one)] = one
        return values

    def canaries(self) -> tuple[Floats, Floats]:
        """(c,) −log p of what was hidden, and (c, m) of the same with every other interval, to who
        shows the model nothing.
        """
        inserted, reference = [], []
        for one in self.hidden:
            texts = [one.answer(), *(one.answer(i) for i in CANARY_QT if i != one.interval)]
            told = [gem.dialogue(self.tokenizer, self._question, text) for text in texts]
            sums: list[float] = []
            for some in shards(told, AT_ONCE):
                batch = self._batch([0] * len(some), some, ecg=False, page=False)
                sums += [float(loss.sum()) for loss in self._losses(batch)]
            inserted.append(sums[0])
            reference.append(sums[1:])
        return np.array(inserted), np.array(reference)

    def _losses(self, batch: gem.Batch) -> list[Floats]:
        with torch.inference_mode():
            losses = self.network(batch).double().cpu().numpy()
        return [one[~np.isnan(one)] for one in losses]

    @cached_property
    def _dialogues(self) -> list[gem.Dialogue]:
        return [gem.dialogue(self.tokenizer, self._question, text) for text in self.written]

    @cached_property
    def _question(self) -> str:
        return instructions({})[0]

    def _said(self, *, ecg: bool, page: bool) -> tuple[str, ...]:
        n = len(self.ecg) if ecg or page else 1
        asked = gem.dialogue(self.tokenizer, self._question)
        longest = max(int((one.labels != gem.IGNORED).sum()) for one in self._dialogues)
        said: list[str] = []
        for rows in shards(range(n), AT_ONCE):
            batch = self._batch(rows, [asked] * len(rows), ecg=ecg, page=page)
            ids = self.network.answer(batch, longest).cpu()
            said += [self.tokenizer.decode(one, skip_special_tokens=True) for one in ids]
            self._progress("answering", len(said))
        return tuple(said if ecg or page else said * len(self.ecg))

    def _batch(
        self,
        rows: Sequence[int],
        dialogues: Sequence[gem.Dialogue],
        *,
        ecg: bool = True,
        page: bool = True,
    ) -> gem.Batch:
        signal = self.ecg[rows] if ecg else np.zeros_like(self.ecg[rows])
        tokens = self.tokens[rows] if page else np.repeat(self.blank, len(rows), axis=0)
        batch = gem.collate(torch.from_numpy(signal), torch.from_numpy(tokens), dialogues)
        return gem.Batch(*(one.to(self.model.device) for one in batch))

    def _progress(self, task: str, done: int) -> None:
        self.model.release.progress(f"{task} for {self.model.name}", done, len(self.ecg))

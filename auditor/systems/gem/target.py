"""A model that writes texts about ECGs, under audit: GEM, as `auditor train gem` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from auditor.core.errors import AuditorError, ModelError
from auditor.core.record import STANDARD_LEADS
from auditor.core.target import Floats, Target
from auditor.data.pairs import Pairs
from auditor.engine import shards
from auditor.signal.feature_table import measure
from auditor.systems.gem import network as gem
from auditor.systems.gem import train as system
from auditor.systems.gem.grounding import CANARY_QT, TOLERANCES, Canary, Row, claims, instructions
from auditor.systems.gem.image import page
from auditor.systems.networks import AT_ONCE, Recordings, Release, Rows, compact, visits

#: What the directory holds beside the projectors.
_BESIDE = ("language", "clip")
#: By size: of which leads an answer tells more than what is of the whole recording, and how finely
#: a page is drawn, dots per mm; as `systems.gem.train` teaches.
_TAUGHT: Mapping[str, tuple[Sequence[str], int]] = {
    "small": ((), 2),
    "published": (STANDARD_LEADS, 8),
}


def target(release: Release) -> Target:
    """GEM, asked about the visits of the scanned folder whose ECGs can be measured.

    Raises
    ------
    ModelError
        Something of it is missing or damaged, or the scanned folder is another than the one it was
        trained on.
    """
    model, tokenizer = _loaded(release)
    assert model.image is not None
    leads, dots_per_mm = _TAUGHT.get(release.said.size, _TAUGHT["small"])
    pairs, image = visits(release), release.at_work(model.image)
    model.image = None  # what it makes of pages is brought along
    jobs = [_Job(pairs, rows, image.side, dots_per_mm) for rows in shards(range(len(pairs)))]
    kept: dict[int, Row] = {}
    tokens = []
    for job, found in zip(jobs, release.around.engine.map(_shown, jobs), strict=True):
        fit = {row: one for row, one in zip(job.rows, found, strict=True) if one is not None}
        kept |= {row: one.measured for row, one in fit.items()}
        if fit:
            tokens.append(release.asked(image, np.stack([one.page for one in fit.values()])))
        done = int(job.rows[-1]) + 1
        release.around.progress(f"measuring for {release.name}", done, len(pairs))
    if not kept:
        raise release.lacking("ECGs that can be measured")
    known = Pairs(pairs.root, pairs.table.iloc[list(kept)].reset_index(drop=True))
    prepare = partial(gem.prepare, config=model.encoder.config)
    seen = Recordings.read(release, prepare, gem.LEADS, known)
    blank = np.zeros((1, 3, image.side, image.side), dtype=np.float32)
    written = tuple(instructions(row, leads)[1] for row in kept.values())
    texts = Texts(
        release,
        release.at_work(model),
        tokenizer,
        seen.x,
        np.concatenate(tokens),
        release.asked(image, blank),
        written,
        tuple(system.load_canaries(release.folder)),
    )
    quoted = {one.column for text in written for one in claims(text)} | TOLERANCES.keys()
    measured = {
        column: np.array([row.get(column, np.nan) for row in kept.values()], dtype=np.float64)
        for column in sorted(quoted)
    }
    ecg = model.encoder.ecg
    twin = cache(lambda: release.at_random(ecg))

    def tokens_of(encoder: gem.ECGEncoder, x: Tensor) -> Tensor:
        found: Tensor = encoder.norm(encoder(x))
        return found

    def embedding(encoder: gem.ECGEncoder) -> Rows:
        return release.asked(lambda x: tokens_of(encoder, x).mean(dim=1), seen.x)

    def all_tokens(encoder: gem.ECGEncoder) -> Rows:
        return release.asked(lambda x: compact(tokens_of(encoder, x)), seen.x)

    return seen.target(
        ("own answer",),
        lambda: -np.nanmean(texts.loss, axis=1, keepdims=True),
        {"embedding": lambda: embedding(ecg), "tokens": lambda: all_tokens(ecg)},
        {"embedding": lambda: embedding(twin()), "tokens": lambda: all_tokens(twin())},
        {"texts": texts, **({"canaries": texts.canaries} if texts.hidden else {})},
        measured,
    )


def _loaded(release: Release) -> tuple[gem.GEM, gem.Tokenizer]:
    models = release.folder / "models"
    for name in ("gem.safetensors", "gem.json", *_BESIDE, "canaries/canaries.json"):
        if not (models / name).resolve().is_relative_to(release.folder.resolve()):
            raise ModelError(f"{release.name}: {name} lies outside its folder; copy it there")
    try:
        return system.load(release.folder)
    except ModelError:
        raise
    except Exception as error:  # of transformers, which breaks in more ways than it documents
        raise ModelError(
            f"{release.name}: {' or '.join(_BESIDE)} cannot be loaded ({type(error).__name__}); "
            "train it again"
        ) from error


# --- what it is shown ---------------------------------------------------------------------


class _Shown(NamedTuple):
    """What is measured of an ECG, and its page (3, side, side)."""

    measured: Row
    page: Rows


@dataclass(frozen=True)
class _Job:
    pairs: Pairs
    rows: Sequence[int]
    side: int
    dots_per_mm: int


def _shown(job: _Job) -> list[_Shown | None]:
    """The visits of some rows; None where the ECG cannot be read or measured."""
    found: list[_Shown | None] = []
    for row in job.rows:
        try:
            record = job.pairs.ecg(row)
            measured = {"sex": record.attributes.get("sex"), **measure(record).row}
            gem.prepare(record.signal, record.fs, record.leads)
        except AuditorError:
            found.append(None)
            continue
        drawn = page(record.signal, record.fs, record.leads, dots_per_mm=job.dots_per_mm)
        found.append(_Shown(measured, gem.prepare_image(drawn, job.side)))
    return found


# --- what it writes -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Texts:
    """What the model writes, and what it was taught to, once it is asked for:
    `checks.text.check.Texts`.

    Attributes
    ----------
    ecg, tokens : (n, n_leads, n_samples) what it is shown, and (n, m, width) what it makes of pages
    blank : (1, m, width) what it makes of an empty page
    written : the answer that belongs to each record
    hidden : what was hidden in its training
    """

    release: Release
    model: gem.GEM
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
            losses = self.model(batch).double().cpu().numpy()
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
            ids = self.model.answer(batch, longest).cpu()
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
        return gem.Batch(*(one.to(self.release.around.device) for one in batch))

    def _progress(self, task: str, done: int) -> None:
        around = self.release.around
        around.progress(f"{task} for {self.release.name}", done, len(self.ecg))

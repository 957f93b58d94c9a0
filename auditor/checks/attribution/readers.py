"""How each network that is explained comes to read a release: its beats, and its gallery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from auditor.attackers import embedding
from auditor.checks.attribution.network import ByLead, Network, OfWindows
from auditor.checks.attribution.segments import Atom, Floats, Labels, Reads, timeline
from auditor.core.streams import stream
from auditor.data.protocols import Items
from auditor.signal.prepare import AFTER_R, BEFORE_R
from auditor.signal.segment import AFTER, BEFORE, around, at_one_rate
from auditor.targets.context import Context

#: Beats of an item that a network of single beats reads here; the linkage rung reads all.
_BEATS = 4
#: Beats times leads that a network reads at once.
_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Reader:
    """A network, and what of a record it reads.

    Attributes
    ----------
    at_one_rate : whether it reads means of beats as one a second would make them, as the network
        that was taught on other people does; else single beats as they are
    """

    context: Context
    network: Network
    at_one_rate: bool

    @classmethod
    def of_embedding(cls, context: Context, model: embedding.Embedder) -> Reader:
        """A network that was taught on other people."""
        return cls(context, ByLead(model).to(context.device).eval(), at_one_rate=True)

    @classmethod
    def of_windows(cls, context: Context, network: OfWindows) -> Reader:
        """A network that was trained on single beats of the release."""
        return cls(context, network.to(context.device).eval(), at_one_rate=False)

    def reads(self, items: Items) -> Reads:
        """What it reads of some items, item after item."""
        found = []
        for number, (row, half) in enumerate(items.pairs):
            found.append(self._of(row, half, number))
            self.context.progress("dividing beats into waves", number + 1, len(items))
        signal, label, item = (np.concatenate(parts) for parts in zip(*found, strict=True))
        origin = -int(embedding.PLACES[0]) if self.at_one_rate else BEFORE_R
        return Reads(signal, label, item, origin).levelled()

    def _of(self, row: int, half: int, number: int) -> tuple[Floats, Labels, NDArray[np.int64]]:
        context = self.context
        at, rr = around(context.prepared, row, half, context.seed)
        signal = context.prepared.signal(row)
        beats = np.nan_to_num(signal[:, at].transpose(1, 0, 2))
        label = timeline(context.prepared.beats(row), signal.shape[1])[at]
        rng = stream(context.seed, f"embedding/{context.records['record'].iloc[row]}")
        if self.at_one_rate:
            beats, label = _averaged(beats, label, rr, rng)
        else:
            chosen = np.sort(rng.permutation(len(at))[:_BEATS])
            window = slice(BEFORE - BEFORE_R, BEFORE + AFTER_R)
            beats, label = beats[chosen, :, window], label[chosen, window]
        return beats.astype(np.float32), label, np.full(len(beats), number)

    @torch.inference_mode()
    def answers(self, signal: Floats) -> Floats:
        """(n, d) what the network answers to beats in mV."""
        device = self.context.device
        size = max(_AT_ONCE // signal.shape[1], 1)
        parts = [
            self.network(torch.from_numpy(signal[start : start + size]).to(device)).cpu()
            for start in range(0, len(signal), size)
        ]
        return np.asarray(torch.cat(parts).numpy())

    def rows(self, signal: Floats, item: NDArray[np.int64], n_leads: int) -> Floats:
        """(n_items, d) each item's mean answer, as the ladder scores it.

        Parameters
        ----------
        n_leads : directions that an answer is made of, each brought to unit length
        """
        answers = torch.from_numpy(self.answers(signal))
        total = torch.zeros(int(item.max()) + 1, answers.shape[1])
        total.index_add_(0, torch.from_numpy(item), answers)
        if not self.at_one_rate:
            return np.asarray((total / torch.bincount(torch.from_numpy(item))[:, None]).numpy())
        parts = F.normalize(total.reshape(len(total), n_leads, -1), dim=2)
        return np.asarray(parts.flatten(1).numpy())


def _averaged(
    beats: Floats, label: Labels, rr: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Floats, Labels]:
    """The median of an item's beats and means of a few, and the atoms that most of them show."""
    assert beats.shape[2] == BEFORE + AFTER
    votes = (label[:, None] == np.arange(len(Atom))[:, None]).astype(np.float32)
    at_one = at_one_rate((np.concatenate([beats, votes], axis=1), rr), embedding.PLACES)
    at_one = at_one.astype(np.float32)
    n_leads = beats.shape[1]
    groups = [np.arange(len(at_one)), *embedding.together(len(at_one), rng)]
    means = np.stack([at_one[some].mean(axis=0) for some in groups])
    means[0, :n_leads] = np.median(at_one[:, :n_leads], axis=0)
    return means[:, :n_leads], means[:, n_leads:].argmax(axis=1).astype(np.uint8)

"""The network that sees waves: from a clean signal, where each fiducial of each beat may stand.

Leads share their weights and meet in a trunk that knows the whole record, so any number of leads
may come in, in any order, and a P wave that is plain in one lead is looked for in the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from auditor.core.beats import FIDUCIALS

#: A signal's length must be a multiple of this, samples.
STRIDE = 20
#: Samples from one place that the network tells apart to the next: 8 ms.
STEP = 2
#: Samples per cell of the finest grid that the network works on, and places in it.
CELL = 10
_PLACES = CELL // STEP


@dataclass(frozen=True)
class Size:
    """How wide and deep the network is."""

    stem: int = 24
    lead: int = 32
    trunk: int = 80
    #: One layer of the trunk each, in steps of 80 ms: together they see 2.5 s to either side.
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)


class Evidence(nn.Module):
    """What each place says for each fiducial, for being a beat, and for its beat's P and T.

    Input (n, n_leads, n_samples), in units of each lead's size; a lead of zeros is not looked at.

    Returns
    -------
    fiducials : (n, n_leads, n_samples / STEP, 9) logits, columns `FIDUCIALS`
    beat : (n, n_samples / STEP) logits
    waves : (n, n_leads, n_samples / CELL, 2) logits that a beat here has a P, and a T
    """

    def __init__(self, size: Size = Size()) -> None:
        super().__init__()
        self.stem = _row(1, size.stem, 15, stride=5, padding=5)
        self.fine = _row(size.stem, size.lead, 4, stride=2)
        self.fine2 = _row(size.lead, size.lead)
        self.coarse = _row(size.lead, size.lead, 4, stride=2)
        self.gather = _row(2 * size.lead, size.trunk, 1, padding=0)
        self.trunk = nn.ModuleList(
            _row(size.trunk, size.trunk, padding=wide, dilation=wide) for wide in size.dilations
        )
        self.spread = _row(size.trunk, size.lead, 1, padding=0)
        self.lead = _row(size.lead, size.lead)
        self.finer = nn.ConvTranspose2d(size.lead, size.lead, (1, 2), stride=(1, 2))
        self.finest = _row(size.lead, size.lead)
        self.fiducials = _row(size.lead, _PLACES * len(FIDUCIALS), 1, padding=0)
        self.says = _row(size.lead, _PLACES + 2, 1, padding=0)

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fiducials, beat, waves, as the class says."""
        n, n_leads, n_samples = signal.shape
        live = (signal.abs().amax(dim=2) > 0).to(signal.dtype)[:, :, None]
        weight = live / live.sum(dim=1, keepdim=True).clamp_min(1)
        rows = signal.reshape(n * n_leads, 1, 1, n_samples)
        # What is written over in place need not be fetched into the processor's cache again.
        fine = self.fine(self.stem(rows).relu_()).relu_()
        fine = self.fine2(fine).add_(fine).relu_()
        coarse = self.coarse(fine).relu_()

        # Channels last in memory: (place, channel) of each lead, flat.
        flat = coarse.permute(0, 2, 3, 1).reshape(n, n_leads, -1)
        # Nothing is below zero here, so a lead that is not looked at is never the greatest.
        pooled = torch.cat([weight.transpose(1, 2) @ flat, (flat * live).amax(1, keepdim=True)], 1)
        pooled = pooled.view(n, 2, coarse.shape[3], coarse.shape[1]).permute(0, 2, 1, 3)
        pooled = pooled.reshape(n, 1, coarse.shape[3], -1).permute(0, 3, 1, 2)
        whole = self.gather(pooled).relu_()
        for layer in self.trunk:
            whole = layer(whole).add_(whole).relu_()
        told = self.spread(whole)[:, None]

        coarse = self.lead(coarse)
        coarse.unflatten(0, (n, n_leads)).add_(told)
        fine = self.finer(coarse.relu_()).add_(fine).relu_()
        fine = self.finest(fine).add_(fine).relu_()
        # Channels are (place in the cell, fiducial): beside one another they are the places.
        fiducials = self.fiducials(fine).permute(0, 2, 3, 1)
        fiducials = fiducials.reshape(n, n_leads, n_samples // STEP, len(FIDUCIALS))
        says = self.says(fine).permute(0, 2, 3, 1)
        says = says.reshape(n, n_leads, n_samples // CELL, _PLACES + 2)
        beat = (says[..., :_PLACES] * weight[..., None]).sum(dim=1).reshape(n, n_samples // STEP)
        return fiducials, beat, says[..., _PLACES:]


def _row(
    into: int, out: int, width: int = 3, *, stride: int = 1, padding: int = 1, dilation: int = 1
) -> nn.Conv2d:
    # One row of an image, and not a sequence: with channels last this is the fastest on a CPU.
    return nn.Conv2d(
        into, out, (1, width), (1, stride), padding=(0, padding), dilation=(1, dilation)
    )

"""The door of every network: millivolts with gaps become robust z-scores without."""

from __future__ import annotations

import torch
from torch import Tensor

#: Share of a lead's samples at either end that may not widen its scale.
_TAIL = 0.01
#: A lead that varies less than this is flat: 5 µV, about one step of a clinical recorder.
_FLAT_MV = 0.005
#: What is further out is an artefact, not a wave.
_MOST = 12.0


def normalise(x: Tensor) -> Tensor:
    """Each lead of each window as a robust z-score; missing samples become 0, the lead's median.

    The centre is the median, the scale the root mean square distance to it once the outermost
    1 % of samples at either end are drawn in: spikes do not count, QRS does.

    Parameters
    ----------
    x : (B, n_leads, n_samples) mV, NaN where missing

    Returns
    -------
    (B, n_leads, n_samples) float32, within ±12
    """
    x = torch.where(x.isfinite(), x.float(), torch.nan)
    last = (x.isfinite().sum(-1, keepdim=True) - 1).clamp(min=0)  # (B, n_leads, 1)
    ascending = x.sort(dim=-1).values  # NaN stands last

    def quantile(share: float) -> Tensor:
        return ascending.gather(-1, (share * last).round().long())

    centre, low, high = quantile(0.5), quantile(_TAIL), quantile(1 - _TAIL)
    drawn_in = torch.minimum(torch.maximum(x, low), high) - centre
    scale = drawn_in.square().nanmean(dim=-1, keepdim=True).sqrt()
    z = (x - centre) / scale.nan_to_num(nan=1.0).clamp(min=_FLAT_MV)
    return z.nan_to_num(nan=0.0).clamp(-_MOST, _MOST)

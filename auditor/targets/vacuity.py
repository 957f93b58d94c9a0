"""Does a model look at what it is asked with? The silence of one that does not is no answer."""

from __future__ import annotations

import numpy as np

from auditor.core.target import Target, kind_of

#: Outputs that differ by less than this share of their size are the same.
_SAME = 1e-6
#: Outputs that are a point in a space, of an ECG and of what goes with it.
_EMBEDDINGS = ("embedding", "other")
#: An output of so many columns and more, whose scatter is all but this share along one direction,
#: has collapsed.
_WIDE, _COLLAPSED = 8, 1e-4


def constant(target: Target, output: str) -> str | None:
    """Why an output says nothing of the record; None where it does.

    It is the same for everybody, or many columns that rise and fall as one: an encoder whose
    training collapsed (Jing et al., ICLR 2022, call it dimensional collapse).
    """
    values = target.view(output).values
    known = values[~np.isnan(values).any(axis=1)].astype(np.float64)
    if len(known) < 2:
        return None
    centred = known - known.mean(axis=0)
    spread = float((centred**2).sum())
    if spread <= _SAME**2 * float((known**2).sum()):
        return f"its {output} is the same for everybody: it does not use its input"
    if kind_of(output) in _EMBEDDINGS and known.shape[1] >= _WIDE:
        largest = float(np.linalg.svd(centred, compute_uv=False)[0] ** 2)
        if spread - largest < _COLLAPSED * spread:
            return f"its {output} has collapsed into one direction: it hardly uses its input"
    return None

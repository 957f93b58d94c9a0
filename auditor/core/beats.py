"""The beats of one lead, as nine fiducials each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Columns of `Beats.fiducials`, in the order in which they occur in a beat.
FIDUCIALS = ("p_on", "p", "p_off", "qrs_on", "r", "qrs_off", "t_on", "t", "t_off")


@dataclass(frozen=True, eq=False)
class Beats:
    """The fiducials of every beat in one lead.

    Attributes
    ----------
    fiducials : (n_beats, 9) float64, sample indices at `fs`
        NaN where a wave is absent; columns are `FIDUCIALS`.
    """

    lead: str
    fs: float
    fiducials: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.fiducials.ndim != 2 or self.fiducials.shape[1] != len(FIDUCIALS):
            raise ValueError(f"fiducials are {self.fiducials.shape}, wanted (n_beats, 9)")

    def __len__(self) -> int:
        return len(self.fiducials)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One fiducial of every beat, (n_beats,) sample indices."""
        return self.fiducials[:, FIDUCIALS.index(name)]

    @property
    def disordered(self) -> NDArray[np.bool_]:
        """(n_beats,) whether the fiducials that were found stand in an impossible order."""
        latest = np.fmax.accumulate(np.nan_to_num(self.fiducials, nan=-np.inf), axis=1)
        seen = ~np.isnan(self.fiducials)
        return np.asarray((seen & (self.fiducials < latest)).any(axis=1))

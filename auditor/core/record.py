"""One ECG recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError

#: The twelve standard leads, in the order clinicians print them.
STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@dataclass(frozen=True, eq=False)
class Record:
    """One ECG recording, in millivolts.

    Attributes
    ----------
    signal : (n_leads, n_samples) float32, mV
        NaN where a sample is missing.
    fs : Hz
    leads : normalised lead names, one per row of `signal`
    attributes : what is known of the person: `age` in years, `sex` as "female" or "male", …
    labels : names of diagnoses or rhythms
    """

    id: str
    subject: str
    session: str
    signal: NDArray[np.float32]
    fs: float
    leads: tuple[str, ...]
    taken_at: datetime | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.signal.shape
        if self.signal.ndim != 2 or shape[0] != len(self.leads) or shape[0] == 0:
            raise DataError(
                f"record {self.id}: signal is {shape}, wanted ({len(self.leads)} leads, n_samples)"
            )
        if self.signal.dtype != np.float32:
            raise DataError(f"record {self.id}: signal is {self.signal.dtype}, wanted float32 mV")
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise DataError(f"record {self.id}: fs is {self.fs}, wanted a frequency in Hz")
        if len(set(self.leads)) != len(self.leads):
            raise DataError(f"record {self.id}: a lead is named twice in {', '.join(self.leads)}")

    @property
    def n_samples(self) -> int:
        """Samples per lead."""
        return self.signal.shape[1]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.fs

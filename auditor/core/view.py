"""What a recipient gets to see of each record, as one table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class View:
    """One thing that is released about records.

    Attributes
    ----------
    values : (n, d) float32
        NaN where a value is unknown.
    columns : (d,) names
    record, subject, session : (n,) str
    """

    name: str
    values: NDArray[np.float32]
    columns: tuple[str, ...]
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]

    def __post_init__(self) -> None:
        n = len(self.record)
        if self.values.shape != (n, len(self.columns)):
            raise ValueError(
                f"view {self.name}: values are {self.values.shape}, "
                f"wanted ({n} records, {len(self.columns)} columns)"
            )
        if self.values.dtype != np.float32:
            raise ValueError(f"view {self.name}: values are {self.values.dtype}, wanted float32")
        if len(self.subject) != n or len(self.session) != n:
            raise ValueError(f"view {self.name}: record, subject and session differ in length")

    def __len__(self) -> int:
        return len(self.record)

"""Which records of a model are asked about, beside the first of each person."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.evidence import MIN_PEOPLE
from auditor.data.protocols import later


def protocol_of(records: pd.DataFrame) -> str:
    """`cross-session` where enough people have records of two sessions, else `same-session`."""
    across = records["subject"].iloc[later_records(records, "cross-session")].nunique()
    return "cross-session" if across >= MIN_PEOPLE else "same-session"


def later_records(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    """Places of the later records that a protocol asks about."""
    first = records.groupby("subject")["session"].transform("first")
    moved = (records["session"] != first).to_numpy()
    places = later(records)
    return places[moved[places] == (protocol == "cross-session")]

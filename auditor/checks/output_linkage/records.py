"""Which records of a model are asked about, beside the first of each person."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.evidence import MIN_PEOPLE
from auditor.data.protocols import later

#: Why nobody is looked for.
NOT_TWICE = (
    f"needs at least {MIN_PEOPLE} people with two records; found fewer; ask the model about a "
    "folder, or a table of members, that holds several records of them"
)


def protocol_of(records: pd.DataFrame) -> str:
    """`cross-session` where enough people have records of two sessions, else `same-session`."""
    enough = n_asked(records, "cross-session") >= MIN_PEOPLE
    return "cross-session" if enough else "same-session"


def n_asked(records: pd.DataFrame, protocol: str) -> int:
    """How many people have later records that a protocol asks about."""
    return int(records["subject"].iloc[later_records(records, protocol)].nunique())


def unmet(records: pd.DataFrame) -> str | None:
    """Why nobody's later records can be looked for; None where they can."""
    if n_asked(records, protocol_of(records)) < MIN_PEOPLE:
        return NOT_TWICE
    return None


def later_records(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    """Places of the later records that a protocol asks about."""
    first = records.groupby("subject")["session"].transform("first")
    moved = (records["session"] != first).to_numpy()
    places = later(records)
    return places[moved[places] == (protocol == "cross-session")]

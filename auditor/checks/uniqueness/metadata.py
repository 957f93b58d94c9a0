"""What headers and companion tables say of a record, as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from auditor.core.view import View

#: The quasi-identifiers of a manifest, as columns of the view.
COLUMNS = ("sex", "age", "date", "time_of_day", "fs", "duration_s", "n_leads")


def metadata(manifest: pd.DataFrame) -> View:
    """Sex (0 female, 1 male), age (years), date (day number), time of day (s), and the format.

    NaN where nothing is known.
    """
    taken_at = pd.to_datetime(manifest["taken_at"])
    midnight = taken_at.dt.normalize()
    seconds = (taken_at - midnight).dt.total_seconds()
    # A date without a time of day is read as midnight: that says nothing of the time.
    seconds = seconds.where(seconds > 0)
    values = np.column_stack(
        [
            manifest["sex"].map({"female": 0.0, "male": 1.0}).astype(float),
            manifest["age"].astype(float),
            (midnight - pd.Timestamp(0)).dt.days.astype(float),
            seconds.astype(float),
            manifest["fs"].astype(float),
            manifest["duration_s"].astype(float),
            manifest["leads"].map(lambda leads: len(leads.split())).astype(float),
        ]
    ).astype(np.float32)
    record, subject, session = (
        manifest[column].to_numpy().astype(str) for column in ("record", "subject", "session")
    )
    return View("metadata", values, COLUMNS, record, subject, session)

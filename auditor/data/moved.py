"""Dates that were moved, as `shifted` of a descriptor says of them."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from auditor.core.evidence import MIN_PEOPLE

#: A year of four digits, by itself or at the head of a date without separators.
_YEAR = re.compile(r"(?<!\d)(\d{4})(?=(?:\d{4}(?:\d{2}){0,3})?(?!\d))")
#: Days that were moved for each person apart lie this far apart at least, and fall on weekends as
#: often as any: fewer at this level are days of a hospital.
_SPREAD_DAYS, _WEEKEND, _LEVEL = 365, 2 / 7, 1e-3


def is_yet_to_come(text: str) -> bool:
    """Whether a date lies in years to come, so that it is no recording's own: it was moved."""
    years = [int(one) for one in _YEAR.findall(text)]
    return bool(years) and min(years) > date.today().year


def look_moved(manifest: pd.DataFrame) -> bool:
    """Whether people's first days look as if each was moved by another number of days.

    Parameters
    ----------
    manifest : columns `subject`, `taken_at`
    """
    taken = pd.to_datetime(manifest["taken_at"]).dropna()
    days = taken.groupby(manifest["subject"]).min()
    if len(days) < MIN_PEOPLE:
        return False
    ends = np.quantile(days.to_numpy("datetime64[D]").astype(float), [0.025, 0.975])
    weekend = int((days.dt.dayofweek >= 5).sum())
    usual = binomtest(weekend, len(days), _WEEKEND, alternative="less").pvalue
    return bool(np.ptp(ends) >= _SPREAD_DAYS and usual > _LEVEL)

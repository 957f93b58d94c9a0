"""What the columns of several tables are made of: dates, numbers of records, categories, blanks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.simulate.population import Bools, Floats

Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]


def identifiers(rng: np.random.Generator, first_digit: int, n: int) -> Ints:
    """(n,) different numbers of eight digits with the same first one, in random order."""
    return first_digit * 10_000_000 + rng.choice(10_000_000, n, replace=False)


def categories(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.str_]:
    """(n,) names drawn with the probabilities `shares`."""
    return rng.choice(list(shares), n, p=list(shares.values()))


def add_years(times: Times, years: Ints) -> Times:
    """Later by whole days, of 365.2425 a year."""
    return times + np.round(years * 365.2425).astype("timedelta64[D]")


def add_days(times: Times, days: Ints) -> Times:
    """Later by whole days."""
    return times + days.astype("timedelta64[D]")


def minutes(count: Floats) -> NDArray[np.timedelta64]:
    """A span, to whole seconds."""
    return np.round(60 * count).astype("timedelta64[s]")


def date(times: Times) -> NDArray[np.str_]:
    """As YYYY-MM-DD."""
    return np.datetime_as_string(times.astype("datetime64[D]"))


def year(times: Times) -> Ints:
    """The calendar year."""
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def blank(values: Any, where: Bools) -> pd.Series[Any]:
    """The values with missing cells `where` told; integers stay integers."""
    series = pd.Series(values)
    if np.issubdtype(series.dtype.type, np.integer):
        series = series.astype("Int64")
    return series.mask(where)

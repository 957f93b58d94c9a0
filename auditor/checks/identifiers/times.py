"""Times of files that tell when people were recorded.

A copy that keeps the times of its files keeps the days that were taken out of them. Files that were
all written within a day, as a copy or an export writes them, say nothing, whatever their order.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from auditor.core.evidence import MIN_PEOPLE
from auditor.data.dataset import Dataset
from auditor.data.readers.base import natural

_DAY = pd.Timedelta(days=1)
#: Files are those of several days where those between these quantiles are further apart.
_BULK = (0.05, 0.95)
#: Times that only the order of people's names can be held to lie this far apart.
_MONTH = pd.Timedelta(days=30)
#: Of the people, so many files have to tell the day of the recording.
_SHARE = 0.5
#: Kendall's τ beyond which times follow days, and the order of names.
_FOLLOWS, _FOLLOWS_NAMES, _LEVEL = 0.5, 0.8, 1e-4


def telling(dataset: Dataset) -> tuple[str, pd.Series] | None:
    """What the times of files tell, and each person's first; None where they tell nothing.

    Each kind of file is looked at by itself: whoever mends the headers leaves the signals' times.
    """
    manifest = dataset.manifest
    row_of = {str(record): place for place, record in enumerate(manifest["record"])}
    times: defaultdict[str, dict[int, pd.Timestamp]] = defaultdict(dict)
    for folder, _, files in os.walk(dataset.root):
        for file in files:
            path = Path(folder, file)
            name = path.relative_to(dataset.root).as_posix()
            place = row_of.get(name, row_of.get(str(PurePosixPath(name).with_suffix(""))))
            if place is not None and path.is_file():
                times[path.suffix][place] = pd.Timestamp(path.stat().st_mtime, unit="s")
    for kind in sorted(times):
        rows = manifest.iloc[list(times[kind])]
        written = pd.Series(times[kind].values(), index=rows.index)
        if rule := _rule(rows, written):
            return rule, written.groupby(rows["subject"].astype(str)).min()
    return None


def packed(dataset: Dataset) -> Iterator[tuple[str, pd.Timestamp]]:
    """The archives whose files were written on many days, as recordings are, each with a time."""
    for archive, written in dataset.account.packed.items():
        times = pd.Series(written)
        if _are_of_days(times) and _ends_apart(times) >= _MONTH:
            yield archive, times.min()


def _rule(rows: pd.DataFrame, written: pd.Series) -> str | None:
    """What times tell of the people whose files they are of, one time a record."""
    subjects = rows["subject"].astype(str)
    people = written.groupby(subjects)
    first = people.min()
    if not _are_of_days(first):
        return None
    taken = pd.to_datetime(rows["taken_at"])
    days = taken.groupby(subjects)
    same = (written.dt.normalize() - taken.dt.normalize()).abs() <= _DAY
    told = same[taken.notna()].groupby(subjects[taken.notna()]).any()
    if told.sum() >= max(MIN_PEOPLE, _SHARE * len(told)):
        return "files written on the days of the recordings"
    apart = days.max() - days.min()
    gaps = (people.max() - people.min() - apart).abs()[apart >= 2 * _DAY]
    if (gaps <= _DAY).sum() >= max(MIN_PEOPLE, _SHARE * len(gaps)):
        return "files written as far apart as the recordings"
    dated = days.min().dropna()
    if dated.dt.normalize().nunique() >= MIN_PEOPLE and _follows(
        first[dated.index], dated, _FOLLOWS
    ):
        return "files written in the order of the recordings"
    names = sorted(first.index, key=natural)
    place = pd.Series(range(len(names)), index=names)
    if _ends_apart(first) >= _MONTH and _follows(first, place[first.index], _FOLLOWS_NAMES):
        return "files written over months in the order of people's names"
    return None


def _are_of_days(times: pd.Series) -> bool:
    """Whether times are of many days, and not of one copy."""
    if len(times) < MIN_PEOPLE or times.dt.normalize().nunique() < MIN_PEOPLE:
        return False
    return _ends_apart(times) >= _DAY


def _ends_apart(times: pd.Series) -> pd.Timedelta:
    low, high = np.quantile(times.to_numpy("datetime64[s]").astype(np.int64), _BULK)
    return pd.Timedelta(seconds=float(high - low))


def _follows(times: pd.Series, others: pd.Series, beyond: float) -> bool:
    # Who has all of it does not wait for it where nothing is told.
    from scipy.stats import kendalltau

    found = kendalltau(
        times.to_numpy("datetime64[s]").astype(np.int64),
        np.argsort(np.argsort(others.to_numpy(), kind="stable"), kind="stable"),
    )
    return bool(abs(found.statistic) > beyond and found.pvalue < _LEVEL)

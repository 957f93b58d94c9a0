"""Who stands alike by what the release tells of them; what it does not tell is no value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.stats.age_pyramid import OLDEST, POOLED_FROM, SEXES

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

#: A value that is not known.
UNKNOWN = -1
#: Days are counted from here: nobody in a release was born before.
EPOCH = datetime(1800, 1, 1)
#: Ages that stand for a group of them, as a code, are beyond all others by this.
_GROUP = OLDEST + 1


def known_of(manifest: pd.DataFrame) -> pd.DataFrame:
    """What is known of the person of each record, as whole numbers; −1 where it is not.

    Returns
    -------
    Columns `person` (0 to n − 1, in the order of their names), `sex`, `age` in whole years or a
    group of them,
    `gaps`, the days between the first day and each other day of recording, as one code, and `date`.
    """
    person = pd.factorize(manifest["subject"].astype(str), sort=True)[0]
    sex = manifest["sex"].map({name: code for code, name in enumerate(SEXES)})
    age = (manifest["age"].astype(float) // 1).clip(0, OLDEST)
    age = age + _GROUP * manifest["age_pooled"].astype(bool)
    day = pd.to_datetime(manifest["taken_at"]).dt.normalize()
    frame = pd.DataFrame({"person": person, "sex": sex, "age": age}).reset_index(drop=True)
    # Of a person, one recording tells what another leaves open.
    for name in ("sex", "age"):
        of_one = frame.groupby("person")[name]
        frame[name] = frame[name].fillna(of_one.transform("first"))
    frame["gaps"] = _gaps(day.reset_index(drop=True), frame["person"])
    # In days: from the epoch to a date that was moved are more nanoseconds than are counted.
    since = day.to_numpy("datetime64[D]") - np.datetime64(EPOCH, "D")
    frame["date"] = np.where(day.isna(), np.nan, since.astype(np.float64))
    return frame.fillna(UNKNOWN).astype(np.int64)


def ages_of(age: Ints) -> tuple[Ints, Ints, Bools]:
    """The first and the last age that each code may stand for, and whether it stands for a group.

    Of a group from 90 on all is known. Of another neither end is: no fewer people are in it than
    are of the one year that stands for it.
    """
    grouped = age >= _GROUP
    year = np.where(grouped, age - _GROUP, age)
    high = np.where((age == UNKNOWN) | (grouped & (year >= POOLED_FROM)), OLDEST, year)
    return np.maximum(year, 0), np.asarray(high, dtype=np.int64), np.asarray(grouped)


def people_alike(known: pd.DataFrame, names: Sequence[str]) -> Floats:
    """(n_records,) how many people have a record that fits what is known of each.

    What is not known of a record's own person fits anything. Somebody else of whom a value is not
    known counts as much as they are likely to have the right one: as the share that has it of those
    of whom it is known and who are alike in the rest. So a value that is missing is no value of its
    own, and hides nobody whose value is told.

    A person's records tell of the same columns, but for dates; one without a date is left out where
    another has one.
    """
    rows = known.assign(row=np.arange(len(known)))
    if "date" in names:
        dated = rows["date"] != UNKNOWN
        rows = rows[dated | ~dated.groupby(rows["person"]).transform("any")]
    # A record that is left out is never the one that fewest fit.
    found = np.full(len(known), float(known["person"].nunique()))
    told = (rows[list(names)] != UNKNOWN).to_numpy()
    patterns, which = np.unique(told, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for target, has in enumerate(patterns):
        asked, full = (
            rows.iloc[np.flatnonzero(which == target)],
            rows.iloc[np.flatnonzero(told[:, has].all(axis=1))],
        )
        alike = _fitting(asked, full, _chosen(names, has))
        total = alike.copy()
        for other, tells in enumerate(patterns):
            if (has & ~tells).any():
                shared = _chosen(names, has & tells)
                likely = alike / _fitting(asked, full, shared)
                total += likely * _fitting(asked, rows.iloc[np.flatnonzero(which == other)], shared)
        found[asked["row"]] = total
    return found


def _fitting(asked: pd.DataFrame, offered: pd.DataFrame, names: list[str]) -> Floats:
    """(n_asked,) how many people offered have the values of each who is asked for."""
    if not names:
        return np.full(len(asked), float(offered["person"].nunique()))
    size = offered[[*names, "person"]].drop_duplicates().groupby(names).size()
    fits = asked[names].merge(size.rename("size").reset_index(), on=names, how="left")["size"]
    return fits.fillna(0).to_numpy(dtype=np.float64)


def _chosen(names: Sequence[str], which: Bools) -> list[str]:
    return [name for name, one in zip(names, which, strict=True) if one]


def _gaps(day: pd.Series, person: pd.Series) -> pd.Series:
    """Days from a person's first day of recording to each other, as one code for all of them."""
    dated = pd.DataFrame({"person": person, "day": day}).dropna().drop_duplicates()
    dated = dated.sort_values(["person", "day"])
    since = (dated["day"] - dated.groupby("person")["day"].transform("first")).dt.days
    every = since.astype(str).groupby(dated["person"]).agg(" ".join)
    codes = pd.Series(pd.factorize(every)[0], index=every.index, dtype=float)
    return person.map(codes)

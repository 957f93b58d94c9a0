"""Who stands alike by what the release tells of them; what it does not tell fits anything."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.stats.age_pyramid import OLDEST, POOLED_FROM, SEXES

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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
    frame["date"] = (day.reset_index(drop=True) - EPOCH).dt.days
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


def people_alike(known: pd.DataFrame, names: list[str]) -> Ints:
    """(n_records,) how many people have a record that fits what is known of each.

    Two records fit where no column of both is known and differs, as sdcMicro counts (Templ,
    Kowarik and Meindl 2015, J Stat Softw 67:4). A person's records tell of the same columns, but
    for dates; one without a date is left out where another has one.
    """
    rows = known.assign(row=np.arange(len(known)))
    if "date" in names:
        dated = rows["date"] != UNKNOWN
        rows = rows[dated | ~dated.groupby(rows["person"]).transform("any")]
    found = np.full(len(known), len(known), dtype=np.int64)
    told = (rows[names] != UNKNOWN).to_numpy()
    patterns, which = np.unique(told, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for target, has in enumerate(patterns):
        asked = rows[which == target]
        total = np.zeros(len(asked), dtype=np.int64)
        for other, tells in enumerate(patterns):
            both = [name for name, shared in zip(names, has & tells, strict=True) if shared]
            offered = rows.loc[which == other, [*both, "person"]].drop_duplicates()
            if not both:
                total += offered["person"].nunique()
                continue
            size = offered.groupby(both).size().rename("size").reset_index()
            fits = asked[both].merge(size, on=both, how="left")["size"].fillna(0)
            total += fits.to_numpy(dtype=np.int64)
        found[asked["row"]] = total
    return found


def _gaps(day: pd.Series, person: pd.Series) -> pd.Series:
    """Days from a person's first day of recording to each other, as one code for all of them."""
    dated = pd.DataFrame({"person": person, "day": day}).dropna().drop_duplicates()
    dated = dated.sort_values(["person", "day"])
    since = (dated["day"] - dated.groupby("person")["day"].transform("first")).dt.days
    every = since.astype(str).groupby(dated["person"]).agg(" ".join)
    codes = pd.Series(pd.factorize(every)[0], index=every.index, dtype=float)
    return person.map(codes)

"""What is known of the people who are searched for beside their ECG: sex, age, date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.target import Target

#: Ages from which a group of people begins, years.
AGES = (0, 30, 45, 60, 75, 200)


@dataclass(frozen=True)
class Demographics:
    """What may be known of a person beside their ECG; "" and NaN where it is not.

    Attributes
    ----------
    age : years
    day : of the enrolled record, in days from any one day
    """

    sex: str = ""
    age: float = float("nan")
    day: float = float("nan")

    @property
    def kind(self) -> str:
        """Sex and five-year age band, within which a matched impostor is drawn."""
        return f"{self.sex}{self.age // 5}"


def demographics(records: pd.DataFrame) -> dict[str, Demographics]:
    """For each person their sex and age at their first record, where they are known."""
    first = records.drop_duplicates("subject")
    sex = first["sex"].fillna("").astype(str)
    age = first["age"].astype(float)
    known = (Demographics(*both) for both in zip(sex, age, strict=True))
    return dict(zip(first["subject"].astype(str), known, strict=True))


def dated(known: Mapping[str, Demographics], records: pd.DataFrame) -> dict[str, Demographics]:
    """The same, with the day of each person's first record where it is told.

    Somebody who knows when a person was in hospital knows about when the released record was
    taken. Whether the dates are true, and not moved, the caller says.
    """
    first = records.drop_duplicates("subject")
    taken = pd.to_datetime(first["taken_at"])
    day = (taken - taken.min()) / pd.Timedelta(days=1)
    of = dict(zip(first["subject"].astype(str), day.astype(float), strict=True))
    return {person: replace(one, day=of[person]) for person, one in known.items()}


def groups_of(records: pd.DataFrame) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Kind of group → name → (n_records,) the records of its people, of one sex, about one age, or
    with so many records.
    """
    first = records.groupby("subject", sort=False)
    sex, age = (first[name].transform("first") for name in ("sex", "age"))
    years = age.to_numpy(dtype=float)
    count = first["subject"].transform("size").to_numpy()
    return {
        "sex": {f"sex_{one}": (sex == one).to_numpy() for one in ("female", "male")},
        "age": {
            f"age_{low}_to_{high - 1}": (years >= low) & (years < high)
            for low, high in pairwise(AGES)
        },
        "records": {
            "records_2": count == 2,
            "records_3_to_5": (count >= 3) & (count <= 5),
            "records_6_or_more": count >= 6,
        },
    }


def age_and_sex_bands(target: Target) -> NDArray[np.int64]:
    """(n,) a number for each record's sex and five-year age band, for `Trials.stratum`."""
    known = demographics(target_records(target))
    kind = np.array([known[person].kind for person in target.subject.tolist()], dtype=str)
    return np.unique(kind, return_inverse=True)[1].astype(np.int64)


def target_records(target: Target) -> pd.DataFrame:
    """A row per record, by person, session and name, however the target's are ordered.

    Columns `row` (of the target), `subject`, `session`, `sex` and `age`.
    """
    order = np.lexsort((target.record, target.session, target.subject))
    sex = pd.Series(target.male[order]).map({1.0: "male", 0.0: "female"})
    return pd.DataFrame(
        {
            "row": order,
            "subject": target.subject[order],
            "session": target.session[order],
            "sex": sex,
            "age": target.age[order],
        }
    )

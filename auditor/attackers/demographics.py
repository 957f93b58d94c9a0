"""Sex and age of the people who are searched for, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.target import Target


@dataclass(frozen=True)
class Demographics:
    """What may be known of a person beside their ECG; "" and NaN where it is not."""

    sex: str = ""
    age: float = float("nan")

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

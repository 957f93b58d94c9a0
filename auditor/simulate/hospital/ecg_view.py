"""ECG-ViEW II: people of another hospital, their ECGs and diagnoses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from auditor.core.streams import stream
from auditor.simulate.hospital.columns import Ints, add_days, add_years, categories, date, year
from auditor.simulate.hospital.conditions import CONDITIONS
from auditor.simulate.hospital.people import People
from auditor.simulate.population import Floats

LAYOUT: Mapping[str, tuple[str, ...]] = {
    "ecg-view-ii/Person.csv": ("personid", "sex", "Birthyeargroup", "ethnicity"),
    "ecg-view-ii/Electrocardiogram.csv": (
        "personid", "ecgdate", "RR", "PR", "QRS", "QT", "QTc", "P_wave_axis", "QRS_axis",
        "T_wave_axis", "ACCI", "dept", "source",
    ),
    "ecg-view-ii/Diagnosis.csv": ("personid", "diagdate", "diagcode", "diagdepart"),
    "ecg-view-ii/DiagnosisCodeMaster.csv": ("diagcode", "diagname"),
}  # fmt: skip


def tables(people: People, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each table of `LAYOUT`, with its path; columns in any order."""
    rng, person = stream(seed, "hospital/ecg-view"), people.person
    n_people, n = len(people), len(person)
    ids = np.arange(1, n_people + 1)
    # The population's calendar begins in 2001; these people were seen 1994 to 2013.
    time = add_years(people.taken_at, rng.integers(-7, 3, n_people)[person])
    first = np.diff(person, prepend=-1) > 0
    born = year(time[first]) - people.age.astype(np.int64)
    band = pd.Series(born // 5 * 5)
    yield (
        "ecg-view-ii/Person.csv",
        pd.DataFrame(
            {
                "personid": ids,
                "sex": people.sex,
                "Birthyeargroup": band.astype(str) + "-" + (band + 4).astype(str),
                "ethnicity": "Korean",
            }
        ),
    )
    age = year(time) - born[person]
    yield (
        "ecg-view-ii/Electrocardiogram.csv",
        pd.DataFrame(
            {
                "personid": ids[person],
                "ecgdate": date(time),
                **_measurements(people.measured(rng)),
                # The Charlson index gives a point for each ten years above forty.
                "ACCI": np.maximum(age // 10 - 4, 0) + people.conditions.sum(axis=1)[person] // 2,
                "dept": categories(rng, {"O": 0.5, "I": 0.3, "E": 0.15, "H": 0.05}, n),
                "source": categories(rng, {"M": 0.6, "P": 0.4}, n),
            }
        ),
    )
    codes = people.codes(rng)
    row = np.repeat(np.arange(n), [len(codes[one]) for one in person])
    near, far = rng.integers(-85, 86, len(row)), rng.integers(100, 300, len(row))
    days: Ints = np.where(rng.random(len(row)) < 0.9, near, far)
    yield (
        "ecg-view-ii/Diagnosis.csv",
        pd.DataFrame(
            {
                "personid": ids[person[row]],
                "diagdate": date(add_days(time[row], days)),
                "diagcode": [code for one in person for code in codes[one]],
                "diagdepart": categories(rng, {"IM": 0.6, "CV": 0.25, "NR": 0.15}, len(row)),
            }
        ),
    )
    named = sorted((code, condition.name) for condition in CONDITIONS for code in condition.codes)
    name = "ecg-view-ii/DiagnosisCodeMaster.csv"
    yield name, pd.DataFrame(named, columns=list(LAYOUT[name]))


def _measurements(measured: Floats) -> dict[str, pd.Series[int]]:
    """Columns (n_ecgs,) in ms and degrees, blank where nothing was found."""
    rr, p_on, _, qrs_on, qrs_off, t_off, p_axis, qrs_axis, t_axis = measured.T
    qt = t_off - qrs_on
    columns = {
        "RR": rr,
        "PR": qrs_on - p_on,
        "QRS": qrs_off - qrs_on,
        "QT": qt,
        "QTc": (qt / np.sqrt(rr / 1000)).round(),
        "P_wave_axis": p_axis,
        "QRS_axis": qrs_axis,
        "T_wave_axis": t_axis,
    }
    return {name: pd.Series(values).astype("Int64") for name, values in columns.items()}

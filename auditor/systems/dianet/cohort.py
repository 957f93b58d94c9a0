"""Whom ECG-DiaNet is made of: people with an ECG and clinical risk factors, and who of them has
diabetes at follow-up.

What the paper leaves open is settled here: the label follows the ADA's limits (HbA1c 6.5 %, fasting
glucose 126 mg/dL), a diagnosis or medication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.tables import Table

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Ints = NDArray[np.int64]

BIOBANK = Table(("t2dm.csv",), {})


class _Quantity(NamedTuple):
    """A column, the unit it must be in, and between what the median of any adults lies in it."""

    column: str
    unit: str
    low: float
    high: float


#: A range is as wide as it can be without letting another unit in.
_CRF = (
    _Quantity("age_years", "years", 10, 110),
    _Quantity("bmi_kg_m2", "kg/m²", 10, 70),
    _Quantity("waist_cm", "cm", 50, 200),
    _Quantity("sbp_mmhg", "mmHg", 60, 250),
    _Quantity("dbp_mmhg", "mmHg", 30, 150),
)
_REPLICATE = (
    _Quantity("qrs_ms", "ms", 30, 300),
    _Quantity("qt_ms", "ms", 100, 1000),
    _Quantity("qtc_ms", "ms", 100, 1000),
    _Quantity("pr_ms", "ms", 50, 500),
    _Quantity("rr_ms", "ms", 200, 2500),
    _Quantity("t_axis_deg", "degrees", -360, 360),
)
_HBA1C = _Quantity("hba1c_percent", "%", 3, 15)
_GLUCOSE = _Quantity("fasting_glucose_mg_dl", "mg/dL", 30, 500)
#: ECGs of a visit.
REPLICATES = 3
_ECG = tuple(
    one._replace(column=f"{one.column}_{number + 1}")
    for number in range(REPLICATES)
    for one in _REPLICATE
)
#: The columns of `DiabetesCohort.ecg` and `DiabetesCohort.crf`; male sex is 1.
ECG = tuple(one.column for one in _ECG)
CRF = ("age_years", "sex", "bmi_kg_m2", "waist_cm", "sbp_mmhg", "dbp_mmhg")
_COHORTS = ("development", "longitudinal")
_VISIT = "visit"
_KNOWN_TO_BE = ("diagnosed", "medicated")
_BLANK = ("", "NA", "NaN", "nan")


@dataclass(frozen=True, eq=False)
class DiabetesCohort:
    """Visits of people without diabetes, and who of them has it at follow-up.

    Attributes
    ----------
    person : (n,) str, a row for each visit
    development : (n,) who a model may be made of; the others are tested on, years later
    ecg : (n, 18) columns `ECG`, NaN where missing
    crf : (n, 6) columns `CRF`, NaN where missing
    event : (n,) who has diabetes at follow-up
    n_unknown : people left out, of whom the follow-up tells nothing
    visit : (n,) int, which of the person's visits it is; 0 where everybody came once
    """

    person: NDArray[np.str_]
    development: Booleans
    ecg: Floats
    crf: Floats
    event: Booleans
    n_unknown: int = 0
    visit: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        n = len(self.person)
        if not len(self.visit):
            object.__setattr__(self, "visit", np.zeros(n, dtype=np.int64))
        shapes = {"development": (n,), "ecg": (n, len(ECG)), "crf": (n, len(CRF)), "event": (n,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, wanted {shape}")
        if len(self.visit) != n or len(np.unique(self.record)) < n:
            raise ValueError("a person is there twice in one visit")
        for name in ("development", "event"):
            if (getattr(self, name) != getattr(self, name)[self.first_visit]).any():
                raise ValueError(f"{name} differs between the visits of a person")

    @property
    def record(self) -> NDArray[np.str_]:
        """(n,) what each visit is called: by the person, where everybody came once."""
        both = zip(self.person.tolist(), self.visit.tolist(), strict=True)
        return np.array([f"{one} visit {visit}" if visit else one for one, visit in both], np.str_)

    @cached_property
    def first_visit(self) -> Ints:
        """(n,) the row of the first visit of each row's person."""
        order = np.lexsort((self.visit, self.person))
        _, first, person = np.unique(self.person[order], return_index=True, return_inverse=True)
        found = np.empty(len(order), dtype=np.int64)
        found[order] = order[first[person]]
        return found

    @property
    def is_first(self) -> Booleans:
        """(n,) whether it is the person's first visit."""
        return np.asarray(self.first_visit == np.arange(len(self.person)))


def read_cohort(path: Path) -> DiabetesCohort:
    """The cohort of a CSV: columns person, cohort (development or longitudinal), `CRF` with sex as
    M or F, `ECG`, hba1c_percent, fasting_glucose_mg_dl, diagnosed, medicated (0 or 1).

    Where people came several times, each visit has a line, and a column visit numbers them from 1.
    What one line says of the follow-up is true of the person.

    Raises
    ------
    DataError
        A column is missing, or holds what it cannot; a person is there twice in one visit, or in
        both cohorts; a quantity cannot be in the unit that its column names; a cohort is empty.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{path.name}: cannot be read as CSV: {said}") from None
    followed = [_HBA1C.column, _GLUCOSE.column, *_KNOWN_TO_BE]
    wanted = ["person", "cohort", *CRF, *ECG, *followed]
    if absent := [name for name in wanted if name not in table]:
        raise DataError(f"{path.name}: has no column {', '.join(absent)}; add what is missing")
    table = table[[*wanted, *([_VISIT] if _VISIT in table else [])]]
    table = table.apply(lambda column: column.str.strip())
    visit = _visits(path, table)
    twice = table.assign(visit=visit).duplicated(["person", "visit"])
    if twice.any():
        raise DataError(
            f"{path.name}: line {_line(twice.to_numpy())} is of a person who was there before; "
            f"wanted one line for each person, or one for each visit that a column {_VISIT} numbers"
        )
    moved = table["cohort"] != table.groupby("person")["cohort"].transform("first")
    if moved.any():
        raise DataError(
            f"{path.name}: line {_line(moved.to_numpy())} is of a person who was in another cohort "
            "before; wanted each person in one"
        )
    development = _choice(path, table["cohort"], dict(zip(_COHORTS, (1.0, 0.0), strict=True)))
    if (unsaid := np.isnan(development)).any():
        raise DataError(f"{path.name}: line {_line(unsaid)} has no cohort, wanted {_or(_COHORTS)}")
    measured = {one.column: _numbers(path, table[one.column], one) for one in (*_CRF, *_ECG)}
    measured["sex"] = _choice(path, table["sex"], {"F": 0.0, "M": 1.0})
    limits = ((_HBA1C, 6.5), (_GLUCOSE, 126.0))
    signs = [_at_least(_numbers(path, table[one.column], one), limit) for one, limit in limits]
    signs += [_choice(path, table[name], {"0": 0.0, "1": 1.0}) for name in _KNOWN_TO_BE]

    # What one visit tells of the follow-up is true of the person.
    of_each = pd.DataFrame(np.transpose(signs)).groupby(table["person"].to_numpy())
    signs = list(of_each.transform("max").to_numpy().T)
    known = ~np.isnan(signs).all(axis=0)
    for cohort, among in zip(_COHORTS, (development == 1, development == 0), strict=True):
        if not (known & among).any():
            raise DataError(f"{path.name}: of nobody in cohort {cohort} is a follow-up known")
    return DiabetesCohort(
        person=table["person"].to_numpy().astype(str)[known],
        development=(development == 1)[known],
        ecg=np.column_stack([measured[name] for name in ECG])[known],
        crf=np.column_stack([measured[name] for name in CRF])[known],
        event=(np.array(signs) == 1).any(axis=0)[known],
        n_unknown=int(table["person"][~known].nunique()),
        visit=visit[known],
    )


def _visits(path: Path, table: pd.DataFrame) -> NDArray[np.int64]:
    """(n,) which of the person's visits each line is of; 0 where no column numbers them."""
    if _VISIT not in table:
        return np.zeros(len(table), dtype=np.int64)
    odd = ~table[_VISIT].str.fullmatch(r"0*[1-9][0-9]{0,3}").to_numpy(bool)
    if odd.any():
        raise DataError(
            f"{path.name}: line {_line(odd)}, {_VISIT} is no number of a visit; wanted 1 for a "
            "person's first, 2 for the next"
        )
    return table[_VISIT].to_numpy().astype(np.int64)


def _numbers(path: Path, column: pd.Series[str], wanted: _Quantity) -> Floats:
    blank = column.isin(_BLANK)
    values = np.asarray(pd.to_numeric(column.where(~blank), errors="coerce"), dtype=np.float64)
    if (odd := ~np.isfinite(values) & ~blank.to_numpy()).any():
        raise DataError(
            f"{path.name}: line {_line(odd)}, {wanted.column} is no number; "
            f"wanted {wanted.unit}, or nothing where it is missing"
        )
    if not blank.all() and not wanted.low <= (median := np.nanmedian(values)) <= wanted.high:
        raise DataError(
            f"{path.name}: the median {wanted.column} is {median:g}, which cannot be in "
            f"{wanted.unit}, wanted {wanted.low:g} to {wanted.high:g}; convert the column"
        )
    return values


def _choice(path: Path, column: pd.Series[str], values: Mapping[str, float]) -> Floats:
    """(n,) what each word stands for, NaN where there is none."""
    if (odd := ~column.isin([*values, *_BLANK]).to_numpy()).any():
        raise DataError(
            f"{path.name}: line {_line(odd)}, {column.name} is {column[odd].iloc[0][:20]!r}; "
            f"wanted {_or(tuple(values))}"
        )
    return np.asarray(column.map(values), dtype=np.float64)


def _at_least(values: Floats, limit: float) -> Floats:
    return np.where(np.isnan(values), np.nan, values >= limit)


def _line(marked: Booleans) -> int:
    """Where the first is marked: the header is line 1."""
    return int(np.flatnonzero(marked)[0]) + 2


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(words)

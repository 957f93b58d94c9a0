"""CardioLab's cohort: what the laboratory found around each ECG of MIMIC-IV, and who it was of.

A value is low or high beside the median of the bounds that were printed with it. What was not
measured is not known, which is not the same as normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.target import UNKNOWN
from auditor.data.tables import Table, blocks, read
from auditor.systems.tabular.cohort import Cohort
from auditor.systems.tabular.features import AXES, MARKS, cleaned
from auditor.systems.tabular.sources import PATIENTS, columns, in_folds, male
from auditor.systems.task import Task

ADMISSIONS = Table(
    ("admissions.csv",),
    columns("text", "subject_id hadm_id race") | {"admittime": "time"},
)
LABEVENTS = Table(
    ("labevents.csv",),
    columns("text", "subject_id itemid valueuom")
    | columns("number", "valuenum ref_range_lower ref_range_upper")
    | {"charttime": "time"},
)
ITEMS = Table(("d_labitems.csv",), columns("text", "itemid label fluid category"), key=("itemid",))
OUTPATIENT = Table(
    ("omr.csv",), columns("text", "subject_id result_name result_value") | {"chartdate": "time"}
)
VITALS = Table(
    ("vitalsign.csv",),
    columns("text", "subject_id")
    | {"charttime": "time"}
    | columns("number", "temperature heartrate resprate o2sat sbp dbp"),
)

_MINUTE = 60
_DAY = 24 * 60 * _MINUTE
#: Values so near an ECG tell of it, s; those after it are foretold so far ahead, min.
_NEAREST, _AHEAD = 60 * _MINUTE, (30, 60, 120)
#: A laboratory value with fewer events is not asked.
_EVENTS = 200
#: Indices of how a specimen looks, which are no values.
_NO_VALUES = frozenset({"H", "I", "L"})
#: Label, unit → the unit it is put into, and by what it is multiplied. Units that two names have
#: are put under one; our own list, for the original's was not published as one.
_UNITS: Mapping[tuple[str, str], tuple[str, float]] = {
    ("C-Reactive Protein", "mg/dL"): ("mg/L", 10.0),
    ("D-Dimer", "ug/mL"): ("ng/mL", 1000.0),
    ("D-Dimer", "ng/mL FEU"): ("ng/mL", 1.0),
    ("Troponin T", "ug/L"): ("ng/mL", 1.0),
    ("Troponin T", "ng/L"): ("ng/mL", 0.001),
    ("NTproBNP", "ng/L"): ("pg/mL", 1.0),
    ("Creatinine", "umol/L"): ("mg/dL", 1 / 88.42),
    ("Glucose", "mmol/L"): ("mg/dL", 18.016),
    ("Urea Nitrogen", "mmol/L"): ("mg/dL", 2.801),
    ("Hemoglobin", "g/L"): ("g/dL", 0.1),
    ("Albumin", "g/L"): ("g/dL", 0.1),
    ("Sodium", "mmol/L"): ("mEq/L", 1.0),
    ("Potassium", "mmol/L"): ("mEq/L", 1.0),
    ("Chloride", "mmol/L"): ("mEq/L", 1.0),
    ("Bicarbonate", "mmol/L"): ("mEq/L", 1.0),
}
#: Column → name, lowest, highest.
_VITAL: Mapping[str, tuple[str, float, float]] = {
    "temperature": ("temperature F", 50, 150),
    "heartrate": ("heart rate 1/min", 0, 700),
    "resprate": ("breaths 1/min", 0, 300),
    "o2sat": ("SpO2 %", 0, 100),
    "sbp": ("systolic mmHg", 0, 500),
    "dbp": ("diastolic mmHg", 0, 500),
}
#: First word of what is measured → name, by what it is multiplied, lowest, highest.
_BODY: Mapping[str, tuple[str, float, float, float]] = {
    "BMI": ("BMI kg/m2", 1.0, 0, 100),
    "Weight": ("weight kg", 0.45359237, 20, 400),
    "Height": ("height cm", 2.54, 60, 400),
}
_RACES = ("white", "black", "hispanic", "asian")
_RAW = ("RR ms", "P on ms", "P off ms", "QRS on ms", "QRS off ms", "T off ms")


def mimic_with_labs(root: Path, task: Task) -> Cohort:
    """MIMIC-IV-ECG with laboratory values around each ECG; folds as published.

    Targets are `Potassium_low` (the nearest value within an hour) and `Potassium_low_60min` (any
    within the next hour), for all laboratory values that are frequent enough.
    """
    ecgs = in_folds(root, task, []).dropna(subset=["ecg_time"]).reset_index(drop=True)
    around = _Around(ecgs)
    patients = read(root, PATIENTS, ["subject_id", "gender", "anchor_age"])
    who = patients.set_index("subject_id").reindex(ecgs["subject_id"])
    sex = male(who["gender"], f"{root}: gender in {PATIENTS.files[0]}")
    inputs = pd.DataFrame({"sex": sex, "age": who["anchor_age"].to_numpy()})
    inputs = pd.concat([inputs, _race(root, ecgs["subject_id"]), _body(root, around)], axis=1)
    inputs = pd.concat([inputs, _vitals(root, around)], axis=1)
    was = cleaned(ecgs)
    for name, mark in zip(_RAW, MARKS, strict=True):
        inputs[name] = was[mark]
    for name in AXES:
        wave = name.removesuffix("_axis")
        inputs[f"{'P' if wave == 'p' else 'T' if wave == 't' else 'QRS'} axis deg"] = was[name]
    return Cohort(
        "MIMIC-IV-ECG",
        ecgs["study_id"].to_numpy(str),
        ecgs["subject_id"].to_numpy(str),
        inputs[list(task.inputs)].astype(np.float32),
        _labels(root, around, task),
        ecgs["fold"].to_numpy(),
    )


class _Around:
    """Finds the ECGs around a moment of a person's."""

    def __init__(self, ecgs: pd.DataFrame) -> None:
        self.people = pd.Index(ecgs["subject_id"].unique())
        key = self._key(
            self.people.get_indexer(pd.Index(ecgs["subject_id"])), _seconds(ecgs["ecg_time"])
        )
        self.order = np.argsort(key, kind="stable")
        self.sorted = key[self.order]
        self.n = len(ecgs)

    @staticmethod
    def _key(person: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        # Nobody's moments reach into the next one's: 2^36 s are two thousand years.
        return (person.astype(np.int64) << 36) + seconds

    def pairs(
        self, subject: pd.Series, time: pd.Series, before: int, after: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Row of a table, ECG, and how many seconds the first comes after the second, for all that
        come at most `before` s before it and `after` s after it.
        """
        person = self.people.get_indexer(pd.Index(subject))
        row = np.flatnonzero((person >= 0) & time.notna().to_numpy())
        key = self._key(person[row], _seconds(time.iloc[row]))
        low = np.searchsorted(self.sorted, key - after, side="left")
        n = np.searchsorted(self.sorted, key + before, side="right") - low
        at = np.repeat(low, n) + np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        return np.repeat(row, n), self.order[at], np.repeat(key, n) - self.sorted[at]

    def nearest(
        self, ecg: NDArray[np.int64], apart: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_ecgs,) the value that was taken nearest to each, NaN where there is none; a value
        that is NaN was not taken.
        """
        found = np.full(self.n, np.nan)
        taken = ~np.isnan(value)
        ecg, apart, value = ecg[taken], apart[taken], value[taken]
        # Of equally near ones the later row is taken, as the last to be written stays.
        order = np.argsort(-np.abs(apart), kind="stable")
        found[ecg[order]] = value[order]
        return found


def _seconds(time: pd.Series) -> NDArray[np.int64]:
    return time.to_numpy().astype("datetime64[s]").astype(np.int64)


def _race(root: Path, subject: pd.Series) -> pd.DataFrame:
    admitted = read(root, ADMISSIONS, ["subject_id", "admittime", "race"])
    first = admitted.sort_values("admittime").drop_duplicates("subject_id").set_index("subject_id")
    said = first["race"].reindex(subject).astype("string").str.lower().reset_index(drop=True)
    told = {f"race {one}": said.str.contains(one).fillna(False) for one in _RACES}
    told["race hispanic"] |= said.str.contains("latino").fillna(False)
    told["race white"] &= ~told["race hispanic"]
    told["race black"] &= ~told["race hispanic"]
    told["race other"] = ~pd.concat(told.values(), axis=1).any(axis=1)
    found = pd.DataFrame(told).astype(np.float32)
    found[said.isna()] = np.nan  # who was never admitted was never asked
    return found


def _body(root: Path, around: _Around) -> pd.DataFrame:
    reach = 30 * _DAY
    parts = []
    for block in blocks(root, OUTPATIENT):
        row, ecg, apart = around.pairs(block["subject_id"], block["chartdate"], reach, reach)
        near = block.iloc[row]
        value = pd.to_numeric(near["result_value"], errors="coerce").to_numpy(np.float64)
        kind = near["result_name"].str.extract(r"^(\w+)")[0].to_numpy()
        parts.append(pd.DataFrame({"kind": kind, "value": value, "ecg": ecg, "apart": apart}))
    every = pd.concat(parts)
    found = {}
    for word, (name, factor, low, high) in _BODY.items():
        mine = every[every["kind"] == word]
        value = mine["value"].to_numpy() * factor
        found[name] = around.nearest(
            mine["ecg"].to_numpy(),
            mine["apart"].to_numpy(),
            np.where(_between(value, low, high), value, np.nan),
        )
    return pd.DataFrame(found)


def _vitals(root: Path, around: _Around) -> pd.DataFrame:
    table = read(root, VITALS)
    reach = 30 * _MINUTE
    row, ecg, apart = around.pairs(table["subject_id"], table["charttime"], reach, reach)
    found = {}
    for column, (name, low, high) in _VITAL.items():
        value = table[column].to_numpy()[row]
        found[name] = around.nearest(
            ecg, apart, np.where(_between(value, low, high), value, np.nan)
        )
    return pd.DataFrame(found)


def _between(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return np.asarray((values >= low) & (values <= high))


# --- laboratory values --------------------------------------------------------------------


def _labels(root: Path, around: _Around, task: Task) -> dict[str, NDArray[np.int8]]:
    seen, near = _events(root, around)
    bounds = _bounds(seen)
    labels: dict[str, NDArray[np.int8]] = {}
    for name, mine in near.groupby("label", sort=True):
        label = str(name)
        if label not in bounds:
            continue
        low, high = bounds[label]
        value, ecg, apart = (mine[one].to_numpy() for one in ("value", "ecg", "apart"))
        close = np.abs(apart) <= _NEAREST
        now = around.nearest(ecg[close], apart[close], value[close])
        labels |= _sides(label, "", now < low, now > high, ~np.isnan(now), task)
        for minutes in _AHEAD:
            soon = (apart > 0) & (apart <= minutes * _MINUTE)
            known, is_low, is_high = (np.zeros(around.n, dtype=bool) for _ in range(3))
            known[ecg[soon]] = True
            is_low[ecg[soon & (value < low)]] = True
            is_high[ecg[soon & (value > high)]] = True
            known &= ~(is_low & is_high)
            labels |= _sides(label, f"_{minutes}min", is_low, is_high, known, task)
    return labels


def _sides(
    label: str,
    when: str,
    low: NDArray[np.bool_],
    high: NDArray[np.bool_],
    known: NDArray[np.bool_],
    task: Task,
) -> dict[str, NDArray[np.int8]]:
    """Those of the two that two folds can hold enough of, with it and without."""
    return {
        f"{label}_{side}{when}": np.where(known, has, UNKNOWN).astype(np.int8)
        for side, has in (("low", low), ("high", high))
        if min((known & has).sum(), (known & ~has).sum()) >= 2 * task.least.judged
    }


def _events(root: Path, around: _Around) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often each label and pair of bounds (`low`, `high`, `n`) occurs among the people of the
    ECGs; and what was measured near one, in the table's order: `label`, `value`, `ecg`, and
    `apart`, how many seconds after it.

    The table is read once. Of a block are kept counts, and 24 bytes of each value near an ECG.
    """
    items = read(root, ITEMS, ["itemid", "label", "fluid"]).dropna()
    items = items[~items["label"].isin(_NO_VALUES)].set_index("itemid")
    kinds: dict[tuple[str, str, str], int] = {}
    counts, nears = [], []
    for block in blocks(root, LABEVENTS):
        zero = (block["ref_range_lower"] == 0) & (block["ref_range_upper"] == 0)
        block = block[~zero & block["valuenum"].notna() & block["charttime"].notna()]
        block = block[block["itemid"].isin(items.index)]
        block = block[block["subject_id"].isin(around.people)]
        if block.empty:
            continue
        known = items.loc[block["itemid"]]
        rows = pd.DataFrame(
            {
                "label": known["label"].to_numpy(),
                "fluid": known["fluid"].to_numpy(),
                "unit": block["valueuom"].fillna("").to_numpy(),
                "value": block["valuenum"].to_numpy(),
                "low": block["ref_range_lower"].to_numpy(),
                "high": block["ref_range_upper"].to_numpy(),
            }
        )
        _harmonise(rows)
        by_kind = rows.groupby(["label", "fluid", "unit"], sort=False)
        here = rows[["label", "fluid", "unit"]].drop_duplicates().itertuples(index=False, name=None)
        number = np.array([kinds.setdefault(one, len(kinds)) for one in here], dtype=np.int32)
        rows["kind"] = number[by_kind.ngroup().to_numpy()]
        counts.append(
            rows.groupby(["kind", "low", "high"], dropna=False).size().reset_index(name="n")
        )
        row, ecg, apart = around.pairs(
            block["subject_id"], block["charttime"], _NEAREST, max(_AHEAD) * _MINUTE
        )
        near = {name: rows[name].to_numpy()[row] for name in ("kind", "value")}
        nears.append(pd.DataFrame({**near, "ecg": ecg, "apart": apart.astype(np.int32)}))
    if not counts:
        raise DataError(
            f"{root}: {LABEVENTS.files[0]} holds no value of these people that "
            f"{ITEMS.files[0]} names; take both of one version"
        )
    every = pd.DataFrame(list(kinds), columns=["label", "fluid", "unit"]).rename_axis("kind")
    seen = pd.concat(counts).groupby(["kind", "low", "high"], dropna=False)["n"].sum()
    every["n"] = seen.groupby("kind").sum()
    # One fluid and one unit of each: those it is measured in most often.
    for column in ("fluid", "unit"):
        n = every.groupby(["label", column])["n"].sum().reset_index()
        first = n.sort_values("n", ascending=False, kind="stable").drop_duplicates("label")
        wanted = dict(zip(first["label"], first[column], strict=True))
        every = every[every[column] == every["label"].map(wanted)]
    label = every["label"]
    kept = seen.reset_index().merge(label, on="kind")
    return kept, pd.concat(nears).merge(label, on="kind")


def _harmonise(rows: pd.DataFrame) -> None:
    for (label, unit), (wanted, factor) in _UNITS.items():
        odd = ((rows["label"] == label) & (rows["unit"] == unit)).to_numpy()
        if odd.any():
            rows.loc[odd, ["value", "low", "high"]] *= factor
            rows.loc[odd, "unit"] = wanted


def _bounds(seen: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The median of the lower and of the upper bounds of each label, over its events; NaN, and so
    never passed, where none was printed.
    """
    found = {}
    for label, rows in seen.groupby("label", sort=True):
        if rows["n"].sum() >= _EVENTS:
            low, high = (
                _median(rows[side].to_numpy(), rows["n"].to_numpy()) for side in ("low", "high")
            )
            found[str(label)] = low, high
    return found


def _median(values: NDArray[np.float64], n: NDArray[np.int64]) -> float:
    """The median of values that occur `n` times, without those that are NaN."""
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    if not len(order):
        return float("nan")
    reached = np.cumsum(n[order])
    middle = [(reached[-1] - 1) // 2, reached[-1] // 2]
    return float(values[order[np.searchsorted(reached, middle, side="right")]].mean())

"""Published tables of a few people, written by hand, so that what is read of them is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

#: A beat that was measured whole.
BEAT = {
    "rr_interval": 800, "p_onset": 40, "p_end": 150, "qrs_onset": 200, "qrs_end": 300,
    "t_end": 600, "p_axis": 60, "qrs_axis": 20, "t_axis": 40,
}  # fmt: skip


def put(root: Path, name: str, rows: list[dict[str, Any]], **same: Any) -> Path:
    """Write rows as a table; `same` is so in every row that does not say otherwise."""
    root.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([same | row for row in rows]).to_csv(root / name, index=False)
    return root / name


def put_carts(root: Path, rows: list[dict[str, Any]], **same: Any) -> None:
    """machine_measurements.csv; a row says at least `study_id`."""
    usual = {"subject_id": 1, "ecg_time": "2150-01-01 12:00:00"} | BEAT
    put(root, "machine_measurements.csv", rows, **usual | same)


def put_diagnosed(root: Path, rows: list[dict[str, Any]], **same: Any) -> None:
    """records_w_diag_icd10.csv; a row says at least `study_id`."""
    usual = {"subject_id": 1, "all_diag_all": "[]", "gender": "M", "age": 60, "strat_fold": 0}
    put(root, "records_w_diag_icd10.csv", rows, **usual | same)


def change(path: Path, **columns: Any) -> None:
    """Give columns of a table other values."""
    pd.read_csv(path, dtype=str, keep_default_na=False).assign(**columns).to_csv(path, index=False)

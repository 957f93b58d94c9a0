"""What the clinical systems are told of an ECG: a cart's own measurements, cleaned and derived.

Inputs have the names under which the feature table measures them in a signal, so that a model may
be trained on either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARKS = ("rr_interval", "p_onset", "p_end", "qrs_onset", "qrs_end", "t_end")
AXES = ("p_axis", "qrs_axis", "t_axis")
#: Times and angles outside of these, as 29999 is, were not measured, ms and degrees.
_LONGEST_MS, _FULL_TURN = 5000.0, 360.0


def cleaned(table: pd.DataFrame) -> dict[str, Floats]:
    """Times (ms) and axes (degrees) of a cart, NaN where they were not measured."""
    found = {name: table[name].to_numpy(np.float64) for name in (*MARKS, *AXES) if name in table}
    for name, values in found.items():
        low, high = (-_FULL_TURN, _FULL_TURN) if name in AXES else (0.0, _LONGEST_MS)
        found[name] = np.where((values >= low) & (values <= high), values, np.nan)
    return found


def of_cart(table: pd.DataFrame, sex: Any, age: Any) -> pd.DataFrame:
    """Every input that a cart's measurements give, float32, a row per ECG.

    Parameters
    ----------
    table : `MARKS` in ms (the first of them at the start of the cart's window) and `AXES`
    sex, age : (n,) 1 for men and 0 for women, NaN unknown; years
    """
    was = cleaned(table)
    p = _positive(was["p_end"] - was["p_onset"])
    qt = _positive(was["t_end"] - was["qrs_onset"])
    inputs = {
        "RR ms": was["rr_interval"],
        "PR ms": _positive(was["qrs_onset"] - was["p_onset"]),
        "QRS ms": _positive(was["qrs_end"] - was["qrs_onset"]),
        "QT ms": qt,
        "P axis deg": was["p_axis"],
        "QRS axis deg": was["qrs_axis"],
        "T axis deg": was["t_axis"],
        "P duration ms": p,
        "QRS-T ms": _positive(was["t_end"] - was["qrs_end"]),
        "P-T ms": _positive(was["t_end"] - was["p_onset"]),
    }
    return pd.DataFrame({"sex": sex, "age": age} | derived(inputs), dtype=np.float32)


def derived(inputs: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same, with what follows from it: QTc (Bazett), ratios, angles between axes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rr = np.where(inputs["RR ms"] > 0, inputs["RR ms"], np.nan)
        pr = np.where(inputs["PR ms"] > 0, inputs["PR ms"], np.nan)
        qt = inputs["QT ms"]
        more = {
            "QTc Bazett ms": qt / np.sqrt(rr / 1000),
            "QRS/RR ratio": inputs["QRS ms"] / rr,
            "QT/RR ratio": qt / rr,
            "PR/QT ratio": pr / np.where(qt > 0, qt, np.nan),
        }
        if "P duration ms" in inputs:
            more["P/RR ratio"] = inputs["P duration ms"] / rr
    p, qrs, t = (inputs[f"{wave} axis deg"] for wave in ("P", "QRS", "T"))
    more["P-QRS angle deg"] = _between(p, qrs)
    more["QRS-T angle deg"] = _between(qrs, t)
    more["P-T angle deg"] = _between(p, t)
    return {**inputs, **more}


def _positive(length: Floats) -> Floats:
    """Marks in the wrong order measure nothing."""
    return np.where(length > 0, length, np.nan)


def _between(one: Floats, other: Floats) -> Floats:
    """The angle between two directions, 0 to 180 degrees."""
    apart = np.abs(one - other) % _FULL_TURN
    return np.minimum(apart, _FULL_TURN - apart)

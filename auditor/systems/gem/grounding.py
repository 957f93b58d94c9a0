"""Texts that say what was measured of an ECG, and whether a text says what was measured.

Lan et al. (arXiv 2503.06073) teach GEM on paragraphs that a language model wrote from measured
features, and let another one grade the answers. Here both are rules, so that the same text has the
same score: an answer is written in a fixed grammar ("QRS is 96 ms", "In lead V5: R is 1.20 mV"),
and each claim is held against the recording's row of the feature table. Such a text is as
identifying as the row that it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import hypot, isfinite, nan
from numbers import Real
from typing import NamedTuple

import numpy as np

from auditor.core.record import STANDARD_LEADS
from auditor.signal.claims import Claim, claims

#: A row of `signal.feature_table`.
Row = Mapping[str, object]

QUESTION = (
    "Interpret this ECG. State rate, intervals and axes, what each lead shows, and the findings "
    "that follow from them."
)

#: How far two readers of a fiducial may be apart, two SDs in ms: the CSE Working Party (Eur Heart
#: J 1985; 6:815).
_P_ON, _P_OFF, _QRS_ON, _QRS_OFF, _T_OFF = 10.2, 12.7, 6.5, 11.6, 30.6
#: How far an interval or an axis may be from what was measured: intervals as their two ends
#: together may, the corrected QT as QT. For axes there is no such norm; this one is ours.
TOLERANCES: Mapping[str, float] = {
    "RR ms": hypot(_QRS_ON, _QRS_ON),
    "P duration ms": hypot(_P_ON, _P_OFF),
    "PR ms": hypot(_P_ON, _QRS_ON),
    "QRS ms": hypot(_QRS_ON, _QRS_OFF),
    "QT ms": hypot(_QRS_ON, _T_OFF),
    "QTc Bazett ms": hypot(_QRS_ON, _T_OFF),
    "P axis deg": 10.0,
    "QRS axis deg": 10.0,
    "T axis deg": 10.0,
}
#: How far a height may be, mV, or as a share of it where that is more: IEC 60601-2-51, 50.101.
_HEIGHT_MV, _HEIGHT_SHARE = 0.025, 0.05

_RATE = "heart rate 1/min"
#: What an answer claims of the recording, and of a lead, with the digits it gives.
_OVERALL = {_RATE: 1, **dict.fromkeys(TOLERANCES, 0)}
_OF_LEAD = {f"{wave} mV": 2 for wave in ("P", "Q", "R", "S", "ST", "T")}


class Score(NamedTuple):
    """What a text is worth.

    Attributes
    ----------
    n_claims : quantities that it states
    grounded : share of them within tolerance of what was measured; one that was not measured is
        not. NaN where nothing is stated.
    precision : share of the stated findings that follow from the measurements; NaN without any
    recall : share of the findings that follow which are stated; NaN without any
    """

    n_claims: int
    grounded: float
    precision: float
    recall: float


# --- findings -----------------------------------------------------------------------------


def _low_voltage(leads: Sequence[str], limit_mv: float) -> Callable[[Row], bool]:
    def low(row: Row) -> bool:
        sizes = [
            _number(row, f"R {lead} mV")
            - min(_number(row, f"Q {lead} mV"), _number(row, f"S {lead} mV"))
            for lead in leads
        ]
        return all(size < limit_mv for size in sizes)

    return low


#: What follows from measurements alone, by the limits of the AHA/ACCF/HRS recommendations of 2009
#: (Circulation 119:e235 and e241): conduction and axes, QT and voltage.
FINDINGS: Mapping[str, Callable[[Row], bool]] = {
    "bradycardia": lambda row: _number(row, _RATE) < 60,
    "tachycardia": lambda row: _number(row, _RATE) > 100,
    "first-degree AV block": lambda row: _number(row, "PR ms") > 200,
    "short PR interval": lambda row: _number(row, "PR ms") < 120,
    "wide QRS": lambda row: _number(row, "QRS ms") >= 120,
    "left axis deviation": lambda row: -90 <= _number(row, "QRS axis deg") < -30,
    "right axis deviation": lambda row: _number(row, "QRS axis deg") > 90,
    "prolonged QT": lambda row: (
        _number(row, "QTc Bazett ms") >= (450 if row.get("sex") == "male" else 460)
    ),
    "short QT": lambda row: _number(row, "QTc Bazett ms") <= 390,
    "low limb-lead voltage": _low_voltage(STANDARD_LEADS[:6], 0.5),
    "low precordial voltage": _low_voltage(STANDARD_LEADS[6:], 1.0),
}


def findings(measured: Row) -> tuple[str, ...]:
    """Which of `FINDINGS` follow; what was not measured leads to none."""
    return tuple(name for name, follows in FINDINGS.items() if follows(measured))


# --- texts --------------------------------------------------------------------------------


def instructions(measured: Row, leads: Sequence[str] = STANDARD_LEADS) -> tuple[str, str]:
    """A question about a recording, and the answer that its row gives: of these leads, too."""
    sentences = _sentence(
        "Measured: ", (_stated(measured, column, n) for column, n in _OVERALL.items())
    )
    for lead in leads:
        stated = (_stated(measured, column, n, lead) for column, n in _OF_LEAD.items())
        sentences += _sentence(f"In lead {lead}: ", stated)
    sentences.append(f"Findings: {', '.join(findings(measured)) or 'none'}.")
    return QUESTION, " ".join(sentences)


class Canary(NamedTuple):
    """An answer about nobody: a number by which it is asked for, and a QT interval, ms, that was
    drawn among `CANARY_QT`. It hides in training what can only be known from there (Carlini et
    al., "The Secret Sharer", USENIX Security 2019).
    """

    number: int
    interval: int

    def answer(self, interval: int | None = None) -> str:
        """What it says, or would say with another interval."""
        return f"Record {self.number}: QT is {self.interval if interval is None else interval} ms."


#: The intervals that a canary may have, ms: as many as ordinary answers have, and none likelier.
CANARY_QT = range(300, 500)


def canaries(n: int, rng: np.random.Generator) -> list[Canary]:
    """Canaries with numbers of their own."""
    numbers = rng.choice(np.arange(10_000, 100_000), n, replace=False)
    intervals = rng.integers(CANARY_QT.start, CANARY_QT.stop, n)
    return [Canary(*pair) for pair in zip(numbers.tolist(), intervals.tolist(), strict=True)]


def _sentence(begin: str, stated: Iterator[str | None]) -> list[str]:
    known = [one for one in stated if one]
    return [f"{begin}{', '.join(known)}."] if known else []


def _stated(measured: Row, column: str, digits: int, lead: str | None = None) -> str | None:
    feature, unit = column.rsplit(" ", 1)
    value = _number(measured, Claim(feature, lead, nan, unit).column)
    return f"{feature} is {value:z.{digits}f} {unit}" if isfinite(value) else None


_STATED_FINDINGS = re.compile(r"\bfindings: ([^.;\n]*)", re.IGNORECASE)


def claimed_findings(text: str) -> frozenset[str]:
    """What a text lists after "Findings:"; "none" is no finding."""
    lists = (one.split(",") for one in _STATED_FINDINGS.findall(text))
    stated = {name.strip().lower() for names in lists for name in names}
    own = {name.lower(): name for name in FINDINGS}
    return frozenset(own.get(name, name) for name in stated - {"", "none"})


# --- scores -------------------------------------------------------------------------------


def grounded(claim: Claim, measured: Row) -> bool:
    """Whether a claim is within tolerance of what was measured."""
    truth = _number(measured, claim.column)
    error = max(abs(claim.value - truth) - claim.reach, 0.0) if isfinite(truth) else nan
    if claim.column == _RATE:
        # As far as the time between beats may be: 60,000 ms / rate.
        return error <= TOLERANCES["RR ms"] * truth * claim.value / 60_000
    if claim.unit == "deg":
        error = max(abs((claim.value - truth + 180) % 360 - 180) - claim.reach, 0.0)
    if claim.unit == "mV":
        if claim.feature in ("Q", "S") and isfinite(truth):  # how deep, often without its sign
            error = min(error, abs(claim.value + truth))
        return error <= max(_HEIGHT_MV, _HEIGHT_SHARE * abs(truth))
    return error <= TOLERANCES.get(claim.column, nan)


def scored(text: str, measured: Row) -> Score:
    """How a text about a recording stands to what was measured of it."""
    stated, said, true = claims(text), claimed_findings(text), set(findings(measured))
    return Score(
        len(stated),
        _share(sum(grounded(one, measured) for one in stated), len(stated)),
        _share(len(said & true), len(said)),
        _share(len(said & true), len(true)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan


def _number(row: Row, column: str) -> float:
    value = row.get(column)
    return float(value) if isinstance(value, Real) else nan

"""The fiducial table of a record: amplitudes in mV and intervals in ms.

The twenty pair features of "ECG Unveiled" (Wang et al., arXiv 2408.10228): for each pair among the
peaks P, Q, R, S and T, how much higher the one stands than the other and how long after it comes;
with the durations and intervals that a cardiologist reads off.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import Rows, in_spreads, standardised
from auditor.attackers.plda import kept_plda, repeat_plda
from auditor.attackers.recogniser import Recogniser, recogniser
from auditor.attackers.tables import item_table
from auditor.data.protocols import Items
from auditor.signal.filters import FS
from auditor.signal.measurements import intervals
from auditor.signal.prepare import Prepared
from auditor.targets.context import Context

_PEAKS = ("P", "Q", "R", "S", "T")
_PAIRS = tuple(combinations(range(len(_PEAKS)), 2))
_DURATIONS = (
    ("P duration", "p_on", "p_off"),
    ("PR interval", "p_on", "qrs_on"),
    ("QRS duration", "qrs_on", "qrs_off"),
    ("QT interval", "qrs_on", "t_off"),
    ("T duration", "t_on", "t_off"),
)
_TO_MS = 1000 / FS
#: Half the reach of an R core in which R, not Q or S, is read: 20 ms.
_CORE = round(0.02 * FS)
#: How far Q and S are sought where the QRS boundaries were not found: 60 ms.
_REACH = round(0.06 * FS)


#: Names of the columns, with their unit.
COLUMNS = (
    *(f"{_PEAKS[b]}-{_PEAKS[a]} mV" for a, b in _PAIRS),
    *(f"{_PEAKS[a]}-{_PEAKS[b]} ms" for a, b in _PAIRS),
    *(f"{name} ms" for name, _, _ in _DURATIONS),
    "RR ms",
)


def fiducial_row(prepared: Prepared, row: int, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """(26,) `COLUMNS`: medians over some beats in the lead that was delineated; NaN where a wave
    was seen in no beat.
    """
    every = prepared.beats(row).of(prepared.rhythm_lead)
    lead = prepared.signal(row)[prepared.leads.index(prepared.rhythm_lead)]
    # R is found in all leads together; where this one does not show it, theirs stands in.
    r = np.where(np.isnan(every["r"]), prepared.beats(row)["r"], every["r"])
    where, height = _peaks(lead, every.fiducials[chosen], r[chosen])
    rr = intervals(every)["RR ms"][chosen]
    columns = [height[:, b] - height[:, a] for a, b in _PAIRS]
    columns += [(where[:, b] - where[:, a]) * _TO_MS for a, b in _PAIRS]
    columns += [(every[off] - every[on])[chosen] * _TO_MS for _, on, off in _DURATIONS]
    table = np.column_stack([*columns, rr])
    seen = ~np.isnan(table).all(axis=0)
    medians = np.full(table.shape[1], np.nan, dtype=np.float32)
    medians[seen] = np.nanmedian(table[:, seen], axis=0)
    return medians


def fiducial_table(context: Context, items: Items) -> Rows:
    """(n_items, 26) `COLUMNS` of each item."""
    return item_table(context, items, fiducial_row)


@recogniser("fiducials", title="Table of wave timings", rung=30, table=fiducial_table)
def fiducials(context: Context, enrolment: Enrolment) -> Recogniser:
    """Fiducial tables by the distance of their standardised values."""
    gallery, pool = (
        fiducial_table(context, items) for items in (enrolment.gallery, enrolment.pool)
    )
    return Recogniser(enrolment, gallery, pool, standardised)


@recogniser("whitened", title="Timings tuned on repeats", rung=40, trained_on_pairs=True)
def fiducials_plda(context: Context, enrolment: Enrolment) -> Recogniser:
    """The same, and how other people's tables scatter from one record to the next."""
    plain = fiducials(context, enrolment)
    gallery, pool = (in_spreads(plain.gallery, values) for values in (plain.gallery, plain.pool))
    return repeat_plda(enrolment, gallery, pool, kept_plda(context, enrolment, "whitened"))


def _peaks(
    lead: NDArray[np.float32], fiducials: NDArray[np.float64], r: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where P, Q, R, S and T stand (sample) and how high (mV), each (n_beats, 5).

    Q and S are the deepest points of the QRS on either side of the R core.
    """
    p, qrs_on, qrs_off, t = (fiducials[:, column] for column in (1, 3, 5, 7))
    q = _deepest(lead, np.where(np.isnan(qrs_on), r - _REACH, qrs_on), r - _CORE)
    s = _deepest(lead, r + _CORE, np.where(np.isnan(qrs_off), r + _REACH, qrs_off))
    where = np.column_stack([p, q, r, s, t])
    at = np.clip(np.nan_to_num(where), 0, len(lead) - 1).astype(int)
    return where, np.where(np.isnan(where), np.nan, lead[at])


def _deepest(
    lead: NDArray[np.float32], first: NDArray[np.float64], last: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The lowest sample of each stretch, its ends included; the stretch may hold one sample."""
    reach = int(max((last - first).max(), 0)) + 1
    at = first[:, None] + np.arange(reach)
    inside = at <= np.maximum(last, first)[:, None]
    height = lead[np.clip(at, 0, len(lead) - 1).astype(int)]
    deepest: NDArray[np.float64] = first + np.where(inside, height, np.inf).argmin(axis=1)
    return deepest

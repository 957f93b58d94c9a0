"""A release becomes clean signals and beats in a store, shard by shard.

`prepare` cleans and delineates every record of a data set once; `Prepared` is what every view
reads. Signals are mapped from disk, never held together in memory.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.beats import Beats
from auditor.core.errors import AuditorError, DataError, SignalError
from auditor.core.record import STANDARD_LEADS
from auditor.data.dataset import Dataset
from auditor.data.store import Store
from auditor.engine import Engine, shards
from auditor.signal.delineate import delineate
from auditor.signal.filters import FS, clean
from auditor.signal.quality import trusted

log = logging.getLogger(__name__)

#: A beat's window around R: −0.30 … +0.50 s (seeds of TransECG's beat variant), in samples at FS.
BEFORE_R, AFTER_R = round(0.30 * FS), round(0.50 * FS)
BEAT_SAMPLES = BEFORE_R + AFTER_R

#: The leads that hold everything: III, aVR, aVL and aVF are sums of I and II.
_INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
#: Where beats are looked for, best first.
_RHYTHM_LEADS = ("II", "I", "MLII", "V5", "V2")
#: A lead is used when at least this share of the records has it.
_COMMON = 0.95
_MIN_BEATS = 3


@dataclass(frozen=True, eq=False)
class Prepared:
    """The usable records of a release, clean, with their beats.

    Attributes
    ----------
    records : one row per usable record, a person's first record first
        The manifest's columns, and where the record lies in the store.
    unusable : columns `record`, `reason`
    leads : the leads that the signals hold, in order
    rhythm_lead : the lead that was delineated, one of `leads`
    """

    store: Store
    records: pd.DataFrame
    unusable: pd.DataFrame
    leads: tuple[str, ...]
    rhythm_lead: str

    def signal(self, row: int) -> NDArray[np.float32]:
        """(n_leads, n_samples) mV at `FS`, NaN where missing: a view of the mapped file."""
        record = self.records.iloc[row]
        start, n_samples = int(record["signal_start"]), int(record["clean_samples"])
        flat = _mapped(self.store, f"signals-{int(record['shard']):05d}.npy")
        stop = start + n_samples * len(self.leads)
        return flat[start:stop].reshape(len(self.leads), n_samples)

    def beats(self, row: int) -> Beats:
        """The beats of one record whose whole window was recorded, in the rhythm lead."""
        record = self.records.iloc[row]
        start = int(record["beat_start"])
        fiducials = _mapped(self.store, f"beats-{int(record['shard']):05d}.npy")
        return Beats(self.rhythm_lead, FS, fiducials[start : start + int(record["n_beats"])])

    def part(self, rows: NDArray[np.int64]) -> Prepared:
        """The same with these records alone, light enough to travel to a worker."""
        return replace(self, records=self.records.iloc[rows], unusable=self.unusable.iloc[:0])


@lru_cache(maxsize=64)
def _mapped(store: Store, name: str) -> NDArray[Any]:
    return store.array(name)


def prepare(
    dataset: Dataset,
    engine: Engine,
    *,
    max_seconds: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Clean and delineate every record of a data set, or find it done in the store.

    Parameters
    ----------
    max_seconds : a longer record is read up to here
    progress : told how many records are done, and of how many

    Raises
    ------
    DataError
        No record holds a heartbeat.
    """
    leads = common_leads(dataset.manifest["leads"])
    rhythm = next((lead for lead in _RHYTHM_LEADS if lead in leads), leads[0])
    settings = {"max_seconds": max_seconds, "leads": leads, "rhythm_lead": rhythm, "fs": FS}
    store = Store.of(dataset.fingerprint, settings)
    total = len(dataset.manifest)
    if "records.parquet" not in store:
        tables = []
        jobs = [
            _Job(dataset.part(np.asarray(rows)), shard, store, leads, rhythm, max_seconds)
            for shard, rows in enumerate(shards(range(total)))
        ]
        for table in engine.map(_prepare_shard, jobs):
            tables.append(table)
            progress(sum(map(len, tables)), total)
        # Written last: its presence says that every shard is there.
        store.put_table("records.parquet", pd.concat(tables, ignore_index=True))
    progress(total, total)
    found = store.table("records.parquet")
    records = dataset.manifest.merge(found, on="record", how="left", validate="1:1")
    usable = records["reason"].isna()
    if not usable.any():
        reason, n = Counter(records["reason"]).most_common(1)[0]
        raise DataError(
            f"{dataset.name}: none of {total} records can be used; {n} of them: {reason}"
        )
    unusable = records.loc[~usable, ["record", "reason"]].reset_index(drop=True)
    log.info("%d of %d records hold beats", int(usable.sum()), total)
    return Prepared(
        store,
        records[usable].drop(columns="reason").reset_index(drop=True),
        unusable,
        leads,
        rhythm,
    )


def common_leads(leads: pd.Series) -> tuple[str, ...]:
    """The leads nearly all records have, without those that are sums of others.

    When no lead is common, the one that most records have.
    """
    having = Counter(lead for one in leads for lead in str(one).split())
    common = [lead for lead, n in having.items() if n >= _COMMON * len(leads)]
    independent = [lead for lead in common if lead in _INDEPENDENT]
    if {"I", "II"} <= set(independent):
        common = [lead for lead in common if lead in _INDEPENDENT or lead not in STANDARD_LEADS]
    if not common:
        common = [max(having, key=lambda lead: (having[lead], lead))]
    order = {lead: place for place, lead in enumerate(STANDARD_LEADS)}
    return tuple(sorted(common, key=lambda lead: (order.get(lead, len(order)), lead)))


@dataclass(frozen=True)
class _Job:
    dataset: Dataset
    shard: int
    store: Store
    leads: tuple[str, ...]
    rhythm: str
    max_seconds: float


def _prepare_shard(job: _Job) -> pd.DataFrame:
    """One shard cleaned into the store; a row per record: where it lies, or why it does not."""
    signals: list[NDArray[np.float32]] = []
    fiducials: list[NDArray[np.float64]] = []
    rows: list[dict[str, Any]] = []
    signal_start = beat_start = 0
    for record_id in job.dataset.manifest["record"]:
        row: dict[str, Any] = {"record": record_id, "shard": job.shard, "reason": None}
        try:
            signal, beats = _prepare_record(job, record_id)
        except AuditorError as error:
            reason = str(error) if isinstance(error, SignalError) else "cannot be read again"
            row |= {"reason": reason, "clean_samples": 0, "n_beats": 0}
            row |= {"signal_start": signal_start, "beat_start": beat_start}
        else:
            row |= {"clean_samples": signal.shape[1], "n_beats": len(beats)}
            row |= {"signal_start": signal_start, "beat_start": beat_start}
            signals.append(signal.ravel())
            fiducials.append(beats)
            signal_start += signal.size
            beat_start += len(beats)
        rows.append(row)
    job.store.put_array(f"signals-{job.shard:05d}.npy", _joined(signals, np.float32, ()))
    job.store.put_array(f"beats-{job.shard:05d}.npy", _joined(fiducials, np.float64, (9,)))
    return pd.DataFrame(rows)


def _joined(parts: Sequence[NDArray[Any]], dtype: Any, tail: tuple[int, ...]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty((0, *tail), dtype)


def _prepare_record(job: _Job, record_id: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    record = job.dataset.read(record_id)
    absent = [lead for lead in job.leads if lead not in record.leads]
    if absent:
        raise SignalError(f"does not hold lead {', '.join(absent)}, which the others hold")
    places = [record.leads.index(lead) for lead in job.leads]
    raw = record.signal[places, : int(job.max_seconds * record.fs)]
    rhythm = job.leads.index(job.rhythm)
    held = ~np.isnan(raw[rhythm])
    if not held.any():
        raise SignalError("the rhythm lead holds no signal")
    # Lost signal at either end is left out, so that filters do not ring from its edge.
    start, stop = int(held.argmax()), len(held) - int(held[::-1].argmax())
    raw = raw[:, start:stop]
    good = trusted(raw[rhythm : rhythm + 1], record.fs)[0]
    signal = clean(raw, record.fs)
    beats = delineate(np.nan_to_num(signal[rhythm]), FS, job.rhythm)
    whole = _whole(beats["r"].astype(int), signal[rhythm], good)
    if whole.sum() < _MIN_BEATS:
        raise SignalError(f"fewer than {_MIN_BEATS} whole beats can be trusted")
    return signal, beats.fiducials[whole]


def _whole(
    r: NDArray[np.int64], signal: NDArray[np.float32], good: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which beats have their whole window inside the lead, present and trusted."""
    gap = np.isnan(signal)
    seconds = np.minimum(np.arange(len(signal)) // round(FS), len(good) - 1)
    gap |= ~good[seconds]
    n_gaps = np.concatenate([[0], np.cumsum(gap)])
    inside = (r >= BEFORE_R) & (r + AFTER_R <= len(signal))
    first = np.clip(r - BEFORE_R, 0, len(signal))
    last = np.clip(r + AFTER_R, 0, len(signal))
    whole: NDArray[np.bool_] = inside & (n_gaps[last] == n_gaps[first])
    return whole

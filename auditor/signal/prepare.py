"""A release becomes clean signals and beats in a store, shard by shard.

`prepare` cleans and delineates every record of a data set once; `Prepared` is what every view
reads. Signals are mapped from disk, never held together in memory.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.beats import FIDUCIALS, WAVES, Beats
from auditor.core.errors import AuditorError, DataError, SignalError
from auditor.data.dataset import Dataset
from auditor.data.store import Store
from auditor.engine import Engine, shards
from auditor.signal.beat_types import beat_kinds
from auditor.signal.delineate import MIN_BEATS, delineate_batch, enough
from auditor.signal.filters import FS, clean
from auditor.signal.quality import swapped_in, trusted

log = logging.getLogger(__name__)

#: A beat's window around R: −0.30 … +0.50 s (seeds of TransECG's beat variant), in samples at FS.
BEFORE_R, AFTER_R = round(0.30 * FS), round(0.50 * FS)
BEAT_SAMPLES = BEFORE_R + AFTER_R

#: The lead that shows a heartbeat best, best first.
_RHYTHM_LEADS = ("II", "I", "MLII", "V5", "V2")
#: Records that are delineated together.
_AT_ONCE = 8
#: How far from R the sample may lie that beats are laid on one another by: 40 ms.
_ANCHOR_REACH = round(0.04 * FS)
#: Why a record that was there when the folder was opened is left out.
_UNREADABLE = "cannot be read again"


#: Why nothing can be asked of recordings where there are none.
NO_RECORDINGS = "the folder holds no recordings"


@dataclass(frozen=True, eq=False)
class Prepared:
    """The usable records of a release, clean, with their beats.

    Attributes
    ----------
    records : one row per usable record, a person's first record first
        The manifest's columns; `n_beats`, how many are of the usual rhythm; `swapped`, which limb
        electrodes seem to be, such as "RA-LA", or None; and where the record lies in the store.
    unusable : columns `record`, `reason`
    leads : the leads that the signals hold, in order
    rhythm_lead : the lead that must be whole around a beat, one of `leads`
    """

    store: Store
    records: pd.DataFrame
    unusable: pd.DataFrame
    leads: tuple[str, ...]
    rhythm_lead: str

    @property
    def silent(self) -> str | None:
        """Why there is no heartbeat to look at; None where there is one."""
        if len(self.records):
            return None
        if not len(self.unusable):
            return NO_RECORDINGS
        reason, n = Counter(self.unusable["reason"]).most_common(1)[0]
        return f"no heartbeat was found; of {len(self.unusable)} records, {n}: {reason}"

    @property
    def digests(self) -> list[str]:
        """In hexadecimals, of each usable record what its rhythm lead holds as it was recorded: the
        same in every format and under every name.
        """
        return self.records["digest"].tolist() if len(self.records) else []

    @cached_property
    def _where(self) -> dict[str, list[int]]:
        """Where each record lies in the store; asked so often that a table would be too slow."""
        columns = ("shard", "signal_start", "clean_samples", "beat_start", "beat_stop")
        return {name: self.records[name].astype(int).tolist() for name in columns}

    def name(self, row: int) -> str:
        """What one record is called."""
        return str(self.records["record"].iloc[row])

    def n_samples(self, row: int) -> int:
        """How long the clean signal of one record is, samples at `FS`."""
        return self._where["clean_samples"][row]

    def signal(self, row: int) -> NDArray[np.float32]:
        """(n_leads, n_samples) mV at `FS`, NaN where missing: a view of the mapped file."""
        start, n_samples = self._where["signal_start"][row], self.n_samples(row)
        flat = self._mapped("signals", row)
        stop = start + n_samples * len(self.leads)
        return flat[start:stop].reshape(len(self.leads), n_samples)

    def beats(self, row: int) -> Beats:
        """The beats of one record whose whole window was recorded, of all leads and of each."""
        held = self._held(row)
        fiducials = self._mapped("beats", row)[:, held]
        marks = self._mapped("marks", row)[:, held]
        kinds = self._mapped("kinds", row)[held]
        together, *each = (
            Beats(lead, FS, fiducials[place], marks[place], kinds)
            for place, lead in enumerate((" ".join(self.leads), *self.leads))
        )
        return replace(together, leads=tuple(each))

    def anchors(self, row: int) -> NDArray[np.int64]:
        """(n_beats,) the sample that each beat of one record is laid on the others by."""
        anchored: NDArray[np.int64] = self._mapped("anchors", row)[self._held(row)]
        return anchored

    def part(self, rows: NDArray[np.int64]) -> Prepared:
        """The same with these records alone, light enough to travel to a worker."""
        return replace(self, records=self.records.iloc[rows], unusable=self.unusable.iloc[:0])

    def _held(self, row: int) -> slice:
        return slice(self._where["beat_start"][row], self._where["beat_stop"][row])

    def _mapped(self, kind: str, row: int) -> NDArray[Any]:
        return _mapped(self.store, f"{kind}-{self._where['shard'][row]:05d}.npy")


def nothing_prepared(dataset: Dataset) -> Prepared:
    """What there is of a data set without recordings."""
    none = pd.DataFrame({"record": [], "reason": []}, dtype=object)
    return Prepared(Store.of(dataset.fingerprint, {}), dataset.manifest, none, (), "")


@lru_cache(maxsize=64)
def _mapped(store: Store, name: str) -> NDArray[Any]:
    return store.array(name)


def prepare(
    dataset: Dataset,
    engine: Engine,
    *,
    leads: tuple[str, ...],
    max_seconds: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Clean and delineate every record of a data set, or find it done in the store.

    Parameters
    ----------
    leads : that are looked at; a record that lacks one is unusable
    max_seconds : a longer record is read up to here
    progress : told how many records are done, and of how many

    Returns
    -------
    Prepared
        `silent`, where no record holds a heartbeat.

    Raises
    ------
    DataError
        No record can be read.
    """
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
    if (records["reason"] == _UNREADABLE).all():
        raise DataError(f"{dataset.name}: none of {total} records can be read")
    unusable = records.loc[~usable, ["record", "reason"]].reset_index(drop=True)
    log.info("%d of %d records hold beats", int(usable.sum()), total)
    if n_swapped := int(records["swapped"].notna().sum()):
        log.info("in %d records limb electrodes seem to have been swapped", n_swapped)
    return Prepared(
        store,
        records[usable].drop(columns="reason").reset_index(drop=True),
        unusable,
        leads,
        rhythm,
    )


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
    rows: list[dict[str, Any]] = []
    cleaned: list[_Cleaned] = []
    for record_id in job.dataset.manifest["record"]:
        row: dict[str, Any] = {"record": record_id, "shard": job.shard, "reason": None}
        row |= {"clean_samples": 0, "n_beats": 0, "signal_start": 0}
        row |= {"beat_start": 0, "beat_stop": 0, "swapped": None, "digest": ""}
        try:
            cleaned.append(_cleaned(job, record_id, row))
        except AuditorError as error:
            said = str(error) if isinstance(error, SignalError) else _UNREADABLE
            row["reason"] = said
        rows.append(row)
    signals: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)]
    none = np.empty((0, len(FIDUCIALS))), np.empty((0, len(WAVES)), dtype=np.uint8)
    nothing = Beats("", FS, *none, np.empty(0, dtype=np.uint8))
    found = [replace(nothing, leads=(nothing,) * len(job.leads))]
    places = [np.empty(0, dtype=np.int64)]
    signal_start = beat_start = 0
    for one, beats in _delineated(cleaned, job):
        try:
            beats, anchored = _whole(_told_apart(enough(beats), one), one, job)
        except SignalError as error:
            one.row["reason"] = str(error)
            continue
        one.row.update(clean_samples=one.signal.shape[1], n_beats=int(beats.usual.sum()))
        one.row.update(signal_start=signal_start, beat_start=beat_start)
        one.row.update(beat_stop=beat_start + len(beats))
        one.row.update(swapped=swapped_in(one.signal, anchored[beats.usual], job.leads, FS))
        signals.append(one.signal.ravel())
        found.append(beats)
        places.append(anchored)
        signal_start += one.signal.size
        beat_start += len(beats)
    job.store.put_array(f"signals-{job.shard:05d}.npy", np.concatenate(signals))
    # All leads together first, then lead by lead.
    each = [(beats, *beats.leads) for beats in found]
    fiducials = [np.stack([lead.fiducials for lead in leads]) for leads in each]
    marks = [np.stack([lead.marks for lead in leads]) for leads in each]
    job.store.put_array(f"beats-{job.shard:05d}.npy", np.concatenate(fiducials, axis=1))
    job.store.put_array(f"marks-{job.shard:05d}.npy", np.concatenate(marks, axis=1))
    job.store.put_array(f"anchors-{job.shard:05d}.npy", np.concatenate(places))
    kinds = np.concatenate([beats.kinds for beats in found])
    job.store.put_array(f"kinds-{job.shard:05d}.npy", kinds)
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Cleaned:
    """A record's row, its signal as recorded and clean, and which of its samples can be trusted.

    Attributes
    ----------
    recorded : (n_leads, n_recorded) mV at `fs`
    signal : (n_leads, n_samples) mV at `FS`
    good : (n_leads, n_samples) neither missing nor in a second that cannot be trusted
    """

    row: dict[str, Any]
    recorded: NDArray[np.float32]
    fs: float
    signal: NDArray[np.float32]
    good: NDArray[np.bool_]


def _cleaned(job: _Job, record_id: str, row: dict[str, Any]) -> _Cleaned:
    record = job.dataset.read(record_id)
    absent = [lead for lead in job.leads if lead not in record.leads]
    if absent:
        raise SignalError(f"does not hold lead {', '.join(absent)}, which the others hold")
    places = [record.leads.index(lead) for lead in job.leads]
    raw = record.signal[places, : int(job.max_seconds * record.fs)]
    held = ~np.isnan(raw[job.leads.index(job.rhythm)])
    if not held.any():
        raise SignalError("the rhythm lead holds no signal")
    # Lost signal at either end is left out, so that filters do not ring from its edge.
    start, stop = int(held.argmax()), len(held) - int(held[::-1].argmax())
    raw = raw[:, start:stop]
    rhythm = np.ascontiguousarray(raw[job.leads.index(job.rhythm)], dtype="<f4")
    row["digest"] = hashlib.blake2b(rhythm.tobytes(), digest_size=8).hexdigest()
    signal, good = clean(raw, record.fs), trusted(raw, record.fs)
    seconds = np.minimum(np.arange(signal.shape[1]) // round(FS), good.shape[1] - 1)
    return _Cleaned(row, raw, record.fs, signal, good[:, seconds] & ~np.isnan(signal))


def _delineated(cleaned: Sequence[_Cleaned], job: _Job) -> Iterator[tuple[_Cleaned, Beats]]:
    """Each record with its beats, in order; neighbours that are as long go together."""
    for _, alike in groupby(cleaned, key=lambda one: one.signal.shape):
        for together in shards(list(alike), _AT_ONCE):
            stacked = np.stack([one.signal for one in together])
            yield from zip(together, delineate_batch(stacked, job.leads), strict=True)


def _anchors(signal: NDArray[np.float32], r: NDArray[np.float64]) -> NDArray[np.int64]:
    """The sample near each R at which the heart's vector, (n_leads, n_samples), is longest.

    R fiducials of a QRS with several peaks lie now at the one, now at the other; this peak is the
    same in every record of a person.
    """
    near = np.rint(r).astype(np.int64)[:, None] + np.arange(-_ANCHOR_REACH, _ANCHOR_REACH + 1)
    near = np.clip(near, 0, signal.shape[1] - 1)
    longest = np.nan_to_num(np.square(signal[:, near]).sum(axis=0)).argmax(axis=1)
    return near[np.arange(len(near)), longest]


def _told_apart(beats: Beats, one: _Cleaned) -> Beats:
    """The beats with their kinds."""
    r = np.rint(beats["r"]).astype(int)
    trusted_signal = np.where(one.good, one.signal, np.float32(np.nan))
    return beats.of_kinds(beat_kinds(trusted_signal, r, FS, one.recorded, one.fs))


def _whole(beats: Beats, one: _Cleaned, job: _Job) -> tuple[Beats, NDArray[np.int64]]:
    """The beats whose whole window lies inside the rhythm lead, present and trusted; their anchors.

    Raises
    ------
    SignalError
        They are fewer than three.
    """
    good = one.good[job.leads.index(job.rhythm)]
    r = _anchors(one.signal, beats["r"])
    n_bad = np.concatenate([[0], np.cumsum(~good)])
    inside = (r >= BEFORE_R) & (r + AFTER_R <= len(good))
    first = np.clip(r - BEFORE_R, 0, len(good))
    last = np.clip(r + AFTER_R, 0, len(good))
    whole = inside & (n_bad[last] == n_bad[first])
    if whole.sum() < MIN_BEATS:
        raise SignalError(f"fewer than {MIN_BEATS} whole beats can be trusted")
    return beats.part(whole), r[whole]

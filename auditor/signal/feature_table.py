"""The measurements of a whole data set as Parquet tables, for those who want only these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from auditor.core.beats import Beats
from auditor.core.errors import AuditorError, SignalError
from auditor.core.files import atomic_write
from auditor.core.record import STANDARD_LEADS, Record
from auditor.data.dataset import Dataset
from auditor.data.store import Store
from auditor.engine import Engine, shards
from auditor.signal.delineate import delineate
from auditor.signal.filters import FS, clean
from auditor.signal.measurements import (
    BEAT_COLUMNS,
    RECORD_COLUMNS,
    lead_columns,
    of_beats,
    of_record,
)
from auditor.signal.quality import swapped_in, trusted

#: The ECG inputs of the six tabular systems (Alcaraz, Strodthoff et al.), with sex and age.
TABULAR = (
    "sex", "age", "RR ms", "PR ms", "QRS ms", "QT ms", "QTc Bazett ms",
    "P axis deg", "QRS axis deg", "T axis deg",
)  # fmt: skip
#: The candidates of the radiograph system that an ECG gives (Matejas et al., arXiv 2509.17674).
RADIOGRAPH = (
    "sex", "age", "RR ms", "P axis deg", "QRS axis deg", "T axis deg", "P duration ms", "QRS ms",
    "PR ms", "QT ms", "QRS-T ms", "P-T ms", "QTc Bazett ms", "P/RR ratio", "QRS/RR ratio",
    "QT/RR ratio", "PR/QT ratio", "P-QRS angle deg", "QRS-T angle deg", "P-T angle deg",
)  # fmt: skip


class Measured(NamedTuple):
    """What is measured of a recording.

    Attributes
    ----------
    row : column → value: of the recording as a whole, and of its leads
    cleaned : (n_leads, n_samples) mV at `signal.filters.FS`
    beats : where they begin and end
    """

    row: dict[str, Any]
    cleaned: NDArray[np.float32]
    beats: Beats


def measure(record: Record) -> Measured:
    """The measurements of a recording, from what of it can be trusted.

    Raises
    ------
    SignalError
        It cannot be measured.
    """
    good = trusted(record.signal, record.fs)
    seconds = np.minimum(np.arange(record.n_samples) // max(round(record.fs), 1), good.shape[1] - 1)
    signal = np.where(good[:, seconds], record.signal, np.float32(np.nan))
    record = replace(record, signal=signal)
    beats = delineate(record)
    cleaned = clean(record.signal, record.fs)
    usual = np.rint(beats["r"][beats.usual]).astype(np.int64)
    row: dict[str, Any] = {"beats": len(beats), "beats of the usual rhythm": len(usual)}
    row |= of_record(cleaned, record.leads, beats)
    row["swapped"] = swapped_in(cleaned, usual, record.leads, FS)
    return Measured(row, cleaned, beats)


@dataclass(frozen=True)
class _Job:
    dataset: Dataset
    beatwise: bool


def write_features(
    dataset: Dataset,
    out: Path,
    engine: Engine,
    *,
    beats: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write what is measured of each record to `out`, and of each beat to `beats`.

    A record that cannot be measured has a row that says why. The files appear whole or not at all,
    and are written shard by shard: memory does not grow with the records.

    Returns
    -------
    how many records were measured
    """
    held = {lead for leads in dataset.manifest["leads"].unique() for lead in leads.split()}
    order = {lead: place for place, lead in enumerate(STANDARD_LEADS)}
    leads = sorted(held, key=lambda lead: (order.get(lead, len(order)), lead))
    numbers = [*RECORD_COLUMNS, *lead_columns(leads)]
    record_schema = _schema(
        ("record", "subject", "session", "sex", "leads", "swapped", "unusable"),
        ("age", "fs Hz", "duration s", *numbers),
        ("beats", "beats of the usual rhythm"),
    )
    beat_schema = _schema(("record", "lead", "kind"), BEAT_COLUMNS, ("beat",))
    total, n_measured, done = len(dataset.manifest), 0, 0
    jobs = [
        _Job(dataset.part(np.asarray(rows)), beats is not None) for rows in shards(range(total))
    ]
    with ExitStack() as files:
        records_file = _writer(files, out, record_schema)
        beats_file = _writer(files, beats, beat_schema) if beats else None
        for records, sequences in engine.map(_measured, jobs):
            records_file.write_table(_table(records, record_schema))
            if beats_file is not None and len(sequences):
                beats_file.write_table(_table(sequences, beat_schema))
            n_measured += int(records["unusable"].isna().sum())
            done += len(records)
            progress(done, total)
    return n_measured


def kept_features(
    dataset: Dataset,
    engine: Engine,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """The table of `write_features`, kept between runs."""
    store = Store.of(dataset.fingerprint, {"table": "features"})
    if "features.parquet" not in store:
        write_features(dataset, store.root / "features.parquet", engine, progress=progress)
    return store.table("features.parquet")


def _measured(job: _Job) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, sequences = [], []
    for row, beatwise in _rows(job):
        rows.append(row)
        if beatwise is not None:
            sequences.append(beatwise)
    empty = pd.DataFrame(columns=["record", "lead", "kind", "beat", *BEAT_COLUMNS])
    return pd.DataFrame(rows), pd.concat(sequences) if sequences else empty


def _rows(job: _Job) -> Iterator[tuple[dict[str, Any], pd.DataFrame | None]]:
    for known in job.dataset.manifest.itertuples():
        named = ("record", "subject", "session", "sex", "age", "leads")
        row: dict[str, Any] = {name: getattr(known, name) for name in named}
        row |= {"fs Hz": known.fs, "duration s": known.duration_s}
        row |= {"beats": 0, "beats of the usual rhythm": 0, "unusable": None}
        try:
            record = job.dataset.read(str(known.record))
            found = measure(record)
        except AuditorError as error:
            said = str(error) if isinstance(error, SignalError) else "cannot be read again"
            yield row | {"unusable": said}, None
            continue
        row |= found.row
        sequences = None
        if job.beatwise:
            sequences = of_beats(found.cleaned, record.leads, found.beats)
            kinds = sequences["kind"].map({0: "usual", 1: "ectopic", 2: "paced"})
            sequences = sequences.assign(record=str(known.record), kind=kinds)
        yield row, sequences


def _schema(texts: tuple[str, ...], numbers: tuple[str, ...], counts: tuple[str, ...]) -> pa.Schema:
    return pa.schema(
        [(name, pa.string()) for name in texts]
        + [(name, pa.int32()) for name in counts]
        + [(name, pa.float32()) for name in numbers]
    )


def _writer(files: ExitStack, path: Path, schema: pa.Schema) -> Any:
    return files.enter_context(pq.ParquetWriter(files.enter_context(atomic_write(path)), schema))


def _table(frame: pd.DataFrame, schema: pa.Schema) -> Any:
    return pa.Table.from_pandas(
        frame.reindex(columns=schema.names), schema=schema, preserve_index=False
    )

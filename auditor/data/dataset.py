"""A folder of ECGs as a data set: what is in it, whose it is, and what cannot be used."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.record import Record
from auditor.data.catalog import Descriptor, describe
from auditor.data.readers import READERS, OutsideError, Read
from auditor.data.readers.base import inside, natural
from auditor.data.readers.comments import age_of, date_of, sex_of
from auditor.engine import Engine, shards

#: A record with less signal than this is not used, seconds.
MIN_SECONDS = 5.0
#: A table is read up to this size.
_MAX_TABLE = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Dataset:
    """A release, read once.

    Attributes
    ----------
    fingerprint : of the contents of every file that is used, and of the descriptor
    manifest : one row per usable record, a person's first record first
        `record, subject, subject_known, session, session_known, taken_at, age, age_pooled, sex,
        fs, n_samples, duration_s, leads, labels, used_from_s, defects`.
    quarantine : columns `record`, `reason`
    """

    name: str
    fingerprint: str
    root: Path
    descriptor: Descriptor
    manifest: pd.DataFrame
    quarantine: pd.DataFrame

    def read(self, record: str) -> Record:
        """One usable record."""
        row = self.manifest.set_index("record").loc[record]
        seen = READERS[self.descriptor.reader].read(self.root, record)
        known = {key: row[key] for key in ("age", "sex") if pd.notna(row[key])}
        return Record(
            id=record,
            subject=str(row["subject"]),
            session=str(row["session"]),
            signal=seen.signal,
            fs=seen.fs,
            leads=seen.leads,
            taken_at=None if pd.isna(row["taken_at"]) else row["taken_at"].to_pydatetime(),
            attributes=known,
            labels=tuple(str(row["labels"]).split()),
        )

    def texts(self, record: str) -> list[tuple[str, str]]:
        """(where, text) for every free text that travels with a record."""
        return READERS[self.descriptor.reader].texts(self.root, record)

    def tables(self) -> Iterator[pd.DataFrame]:
        """The companion table's rows of usable records, with the column `subject` added."""
        if self.descriptor.table:
            table = _table(self.root, self.descriptor)
            by_record = self.manifest.set_index("record")["subject"]
            rows = _rows_of(table, self.descriptor, list(by_record.index))
            found = [row for row in rows.values() if row is not None]
            who = [by_record[record] for record, row in rows.items() if row is not None]
            yield table.iloc[found].reset_index(drop=True).assign(subject=who)

    def part(self, rows: NDArray[np.int64]) -> Dataset:
        """The same with these records alone, light enough to travel to a worker."""
        return replace(self, manifest=self.manifest.iloc[rows], quarantine=self.quarantine.iloc[:0])


def open_dataset(
    root: Path,
    descriptor: Descriptor | None = None,
    *,
    engine: Engine,
    min_seconds: float = MIN_SECONDS,
) -> Dataset:
    """Read a folder of ECGs.

    Records that cannot be read, are flat, hold no signal or too little of it are in quarantine.

    Raises
    ------
    DataError
        There is no folder, no record in it, none that can be used, or a header that names a file
        outside the folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; name the folder that holds the recordings")
    descriptor = descriptor or describe(root)
    reader = READERS[descriptor.reader]
    records = _chosen(reader.find(root), descriptor.records)
    if not records:
        what = "is empty" if not any(root.iterdir()) else "holds no ECG that can be read"
        raise DataError(
            f"{root}: {what}; wanted WFDB records (.hea with .dat or .mat), at any depth"
        )
    jobs = [_Job(root, descriptor.reader, tuple(part), min_seconds) for part in shards(records)]
    rows = [row for part in engine.map(_examine, jobs) for row in part]
    seen = pd.DataFrame(rows)
    bad = seen["reason"].notna()
    if bad.all():
        first = seen.iloc[0]
        raise DataError(
            f"{root}: none of {len(seen)} records can be used; the first, {first['record']}: "
            f"{first['reason']}; export the release again"
        )
    manifest = _identified(
        seen[~bad].drop(columns="reason").reset_index(drop=True), root, descriptor
    )
    return Dataset(
        name=descriptor.name,
        fingerprint=_fingerprint(seen, root, descriptor),
        root=root,
        descriptor=descriptor,
        manifest=manifest.drop(columns="digest"),
        quarantine=seen.loc[bad, ["record", "reason"]].reset_index(drop=True),
    )


@dataclass(frozen=True)
class _Job:
    root: Path
    reader: str
    records: tuple[str, ...]
    min_seconds: float


def _examine(job: _Job) -> list[dict[str, Any]]:
    """What is known of each record of a shard, or why it cannot be used."""
    rows = []
    for record in job.records:
        row: dict[str, Any] = {"record": record, "reason": None, "digest": ""}
        try:
            seen = READERS[job.reader].read(job.root, record)
            row |= _row(seen, job.min_seconds)
        except OutsideError:
            raise
        except DataError as error:
            row["reason"] = str(error).removeprefix(f"{Path(record).name}.hea: ")
        except MemoryError:
            row["reason"] = "larger than this machine's memory"
        rows.append(row)
    return rows


def _row(seen: Read, min_seconds: float) -> dict[str, Any]:
    held = ~np.isnan(seen.signal).all(axis=0)
    if not held.any():
        raise DataError("every sample is missing")
    moves = np.nanmax(
        seen.signal, axis=1, initial=-np.inf, where=~np.isnan(seen.signal)
    ) > np.nanmin(seen.signal, axis=1, initial=np.inf, where=~np.isnan(seen.signal))
    if not moves.any():
        raise DataError("every lead is flat")
    if held.sum() < min_seconds * seen.fs:
        raise DataError(f"holds less than {min_seconds:g} s of signal")
    return {
        "digest": _digest(seen.files),
        "taken_at": pd.Timestamp(seen.taken_at) if seen.taken_at else pd.NaT,
        "age": float(seen.attributes.get("age", np.nan)),  # type: ignore[arg-type]
        "age_pooled": bool(seen.attributes.get("age_pooled", False)),
        "sex": seen.attributes.get("sex"),
        "fs": seen.fs,
        "n_samples": seen.signal.shape[1],
        "duration_s": seen.signal.shape[1] / seen.fs,
        "leads": " ".join(seen.leads),
        "labels": " ".join(seen.labels),
        "used_from_s": float(held.argmax() / seen.fs),
        "defects": "; ".join(seen.defects),
    }


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return whole.hexdigest()


def _fingerprint(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> str:
    """Over contents, and names within the release; not over the place it lies at."""
    whole = hashlib.sha256(json.dumps(descriptor.model_dump(mode="json"), sort_keys=True).encode())
    for record, digest in sorted(zip(seen["record"], seen["digest"], strict=True)):
        whole.update(f"{record}\0{digest}\n".encode())
    if descriptor.table:
        whole.update(_digest([_table_path(root, descriptor)]).encode())
    return f"sha256:{whole.hexdigest()}"


def _chosen(records: list[str], places: Sequence[str]) -> list[str]:
    """Where the same recordings stand in several places, those of the place that has most."""
    if not places:
        return records
    groups = [[one for one in records if one.startswith(place)] for place in places]
    return max(groups, key=len) or records


def _identified(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> pd.DataFrame:
    """The manifest: whose each record is and of which occasion, sorted by person and time."""
    if descriptor.table:
        _join_table(seen, root, descriptor)
    subject = _by_rule(seen, descriptor.subject)
    known = subject.notna()
    if descriptor.subject is not None:
        if not known.any():
            raise DataError(
                f"{root}: the subject rule fits none of {len(seen)} records; "
                "correct --subject-pattern, or subject in auditor.yaml"
            )
        subject = subject.replace(descriptor.subject.same)
    # A record whose person is not known stands for a person of its own, and that is said.
    seen["subject"] = subject.where(known, "record " + seen["record"])
    seen["subject_known"] = known
    session = _by_rule(seen, descriptor.session)
    seen["session"], seen["session_known"] = session.fillna("1"), session.notna()
    seen.insert(0, "_natural", [str(natural(record)) for record in seen["record"]])
    order = sorted(
        range(len(seen)),
        key=lambda row: (
            natural(str(seen["subject"][row])),
            seen["taken_at"][row] if pd.notna(seen["taken_at"][row]) else pd.Timestamp.max,
            natural(seen["record"][row]),
        ),
    )
    keep = [c for c in seen.columns if not c.startswith("_")]
    return seen.iloc[order][keep].reset_index(drop=True)


def _by_rule(seen: pd.DataFrame, rule: Any) -> pd.Series:
    """What a rule makes of each record, as text; missing where it says nothing."""
    nothing = pd.Series([None] * len(seen), index=seen.index, dtype=object)
    if rule is None:
        return nothing
    if rule.path is not None:
        pattern = re.compile(rule.path)
        matches = [pattern.search(record) for record in seen["record"]]
        found = [m and (m[1] if pattern.groups else m[0]) for m in matches]
        return pd.Series(found, index=seen.index, dtype=object)
    if rule.column is not None:
        column = f"table:{rule.column}"
        return seen.get(column, nothing)
    days = seen["taken_at"].dt.strftime("%Y-%m-%d")
    return days.astype(object).where(days.notna(), None)


def _join_table(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> None:
    """Add what the companion table says of each record; it wins over the header."""
    rule = descriptor.table
    assert rule is not None
    table = _table(root, descriptor)
    row_of = _rows_of(table, descriptor, list(seen["record"]))
    at = [row_of[record] for record in seen["record"]]
    if all(row is None for row in at):
        raise DataError(
            f"{root / rule.file}: column {' or '.join(rule.record)} names none of the records; "
            "name the right one with --record-column"
        )

    def column(name: str) -> list[str]:
        values = table[name].tolist()
        return ["" if row is None else values[row] for row in at]

    for one in (descriptor.subject, descriptor.session):
        if one is not None and one.column is not None:
            values = [_plain(value) for value in column(one.column)]
            seen[f"table:{one.column}"] = pd.Series(values, dtype=object)
    if rule.age:
        ages = [age_of(value) for value in column(rule.age)]
        given = np.array([float(age.get("age", np.nan)) for age in ages])  # type: ignore[arg-type]
        pooled = np.array([bool(age.get("age_pooled", False)) for age in ages])
        seen["age_pooled"] = np.where(np.isnan(given), seen["age_pooled"], pooled)
        seen["age"] = np.where(np.isnan(given), seen["age"], given)
    if rule.sex:
        written = [rule.sexes.get(str(_plain(value)), value) for value in column(rule.sex)]
        sexes = pd.Series([sex_of(value).get("sex") for value in written], dtype=object)
        seen["sex"] = sexes.where(sexes.notna(), seen["sex"])
    if rule.date:
        dates = pd.to_datetime(pd.Series([date_of(value) for value in column(rule.date)]))
        seen["taken_at"] = dates.where(dates.notna(), seen["taken_at"])
    if rule.labels:
        found = [re.findall(r"[A-Za-z][\w-]*", value) for value in column(rule.labels)]
        seen["labels"] = [" ".join(labels) for labels in found]


def _table_path(root: Path, descriptor: Descriptor) -> Path:
    assert descriptor.table is not None
    path = inside(root, root / descriptor.table.file, "the descriptor's table")
    if not path.is_file():
        raise DataError(
            f"{path}: there is no such table; correct --table, or table in auditor.yaml"
        )
    if path.stat().st_size > _MAX_TABLE:
        raise DataError(f"{path}: larger than the {_MAX_TABLE:,} bytes a table may have")
    return path


def _table(root: Path, descriptor: Descriptor) -> pd.DataFrame:
    path, rule = _table_path(root, descriptor), descriptor.table
    assert rule is not None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}") from None
    wanted = [*rule.record, rule.age, rule.sex, rule.date, rule.labels]
    wanted += [one.column for one in (descriptor.subject, descriptor.session) if one]
    if absent := [name for name in wanted if name and name not in table]:
        raise DataError(
            f"{path}: has no column {absent[0]!r}; it has {', '.join(map(str, table.columns[:12]))}"
        )
    return table


def _rows_of(
    table: pd.DataFrame, descriptor: Descriptor, records: list[str]
) -> dict[str, int | None]:
    """Which row of a table is about each record: by its path, else by its file name alone."""
    assert descriptor.table is not None
    by_name: dict[str, int] = {}
    for column in descriptor.table.record:
        for row, value in enumerate(table[column]):
            name = re.sub(r"\.(?:hea|dat|mat)$", "", str(value).strip())
            by_name.setdefault(name, row)
            by_name.setdefault(name.rsplit("/", 1)[-1], row)
    return {one: by_name.get(one, by_name.get(one.rsplit("/", 1)[-1])) for one in records}


def _plain(value: str) -> str | None:
    """A table's identifier as text: spreadsheets write 15709 as 15709.0."""
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", value.strip())
    return text or None


def inspection(dataset: Dataset) -> list[str]:
    """What is believed of a data set, line by line, with samples of people and records.

    For the steward's own screen: it names people and records.
    """
    manifest, descriptor = dataset.manifest, dataset.descriptor
    people = manifest.groupby("subject", sort=False)
    sessions = people["session"].nunique()
    lines = [
        f"{descriptor.title or dataset.name} ({descriptor.reader})",
        f"licence      {descriptor.licence or 'not stated'}",
        f"people       {len(people)}"
        + _unless(
            manifest["subject_known"].all(),
            "NOT KNOWN: each record counts as a person; give --subject-pattern or --subject-column",
        ),
        f"records      {len(manifest)} usable, {len(dataset.quarantine)} in quarantine",
        f"sessions     {int(sessions.sum())}; {int((sessions > 1).sum())} people have more than one"
        + _unless(
            manifest["session_known"].all(),
            f"unknown for {int((~manifest['session_known']).sum())} records",
        ),
        f"leads        {_most(manifest['leads'])}",
        f"fs, Hz       {_most(manifest['fs'].map('{:g}'.format))}",
        f"length, s    {manifest['duration_s'].min():g} to {manifest['duration_s'].max():g}",
        f"age          known for {manifest['age'].notna().sum()} records, "
        f"{manifest['age'].min():g} to {manifest['age'].max():g} years",
        f"sex          {_most(manifest['sex'].fillna('unknown'))}",
        f"labels       {_most(manifest['labels'].str.split().explode().dropna()) or 'none'}",
        "",
        "a sample of what each record is believed to be:",
    ]
    lines += [
        f"  person {subject}, session {row.session}: {row.record}"
        for subject, rows in list(people)[:3]
        for row in rows.head(3).itertuples()
    ]
    for name, wanted in descriptor.expected_counts.items():
        found = {"subjects": len(people), "records": len(manifest) + len(dataset.quarantine)}[name]
        if found != wanted:
            lines.append(f"differs      {found} {name}; a complete copy has {wanted}")
    defects = manifest.assign(defect=manifest["defects"].str.split("; ")).explode("defect")
    for defect, rows in defects[defects["defect"] != ""].groupby("defect"):
        lines.append(f"defect       {defect}: {len(rows)} records, e.g. {rows['record'].iloc[0]}")
    for reason, rows in dataset.quarantine.groupby("reason"):
        lines.append(f"quarantine   {reason}: {len(rows)} records, e.g. {rows['record'].iloc[0]}")
    return lines


def _unless(fine: bool | np.bool_, note: str) -> str:
    return "" if fine else f" ({note})"


def _most(values: pd.Series) -> str:
    counts = Counter(map(str, values)).most_common(6)
    return ", ".join(f"{value} ({n})" for value, n in counts)

"""A folder of ECGs as a data set: what is in it, whose it is, and what cannot be used."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.record import Record
from auditor.core.unread import Unread
from auditor.data.account import Account, account
from auditor.data.catalog import DESCRIPTOR, Descriptor, describe
from auditor.data.leads import common_leads, not_attacked
from auditor.data.quantisation import step_of
from auditor.data.readers import READERS, OutsideError, Read, Reader
from auditor.data.readers.base import matches, natural
from auditor.data.readers.samples import sample_readers
from auditor.data.sidecar import (
    join,
    other_sheets,
    people,
    plain,
    rows_of,
    table_of,
    table_path,
)
from auditor.data.values import dates, is_missing
from auditor.engine import Engine, shards

log = logging.getLogger(__name__)

#: A record with less signal than this is not used, seconds.
MIN_SECONDS = 5.0
#: Years by which the years of birth of one person's records may differ; and their ages, where they
#: are not dated.
_YEARS_APART, _AGES_APART = 2.5, 40.0
#: Of so many people, as a share, the records must contradict one another before that counts: a
#: few are slips, many are a rule that joins strangers.
_MANY = 0.02
#: What makes a value of a header understood.
_CURES = {
    "age": "write years as a number, 73",
    "sex": "write female or male",
    "date": "write 2019-03-04, or say dates: day-first or month-first in auditor.yaml",
    "unit": "write mV or uV",
}


class NoRecordsError(DataError):
    """A folder holds no recording."""


class Companion(NamedTuple):
    """A companion table's rows of usable records, and the manifest's rows of the same records."""

    table: pd.DataFrame
    manifest: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Dataset:
    """A release, read once.

    Attributes
    ----------
    fingerprint : of the contents of every file that is used, and of the descriptor
    manifest : one row per usable record, a person's first record first
        `record, reader, subject, subject_known, session, session_known, taken_at, age, age_pooled,
        sex, fs, n_samples, duration_s, leads, labels, scale, step, used_from_s, defects`.
    quarantine : columns `record`, `reason`
    account : what each file of the folder is
    unread : what is there and was not understood: files, and values of what was read
    states_people : whether each file that is used says whom it is of, and they are several
    """

    name: str
    fingerprint: str
    root: Path
    descriptor: Descriptor
    manifest: pd.DataFrame
    quarantine: pd.DataFrame
    account: Account = field(default_factory=Account)
    unread: tuple[Unread, ...] = ()
    #: Records that stand in a place the descriptor does not choose, and are not used.
    n_left_out: int = 0
    states_people: bool = False

    def read(self, record: str) -> Record:
        """One usable record."""
        row = self.manifest.iloc[self._place[record]]
        seen = readers_of(self.descriptor)[row["reader"]].read(self.root, record)
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

    @cached_property
    def _place(self) -> dict[str, int]:
        """In which row of the manifest each record stands."""
        return {record: place for place, record in enumerate(self.manifest["record"])}

    def subjects_of(self, records: Sequence[str]) -> list[str]:
        """Whose records are that could not be read; each somebody's own where nothing says."""
        rule = self.descriptor.subject
        names = pd.DataFrame({"record": list(records)}, dtype=object)
        if rule is not None and rule.column is not None:
            table = table_of(self.root, self.descriptor)
            rows = rows_of(table, self.descriptor, list(records)).values()
            column = table[rule.column]
            names[f"table:{rule.column}"] = [
                None if row is None else plain(column.iloc[row]) for row in rows
            ]
        found = _by_rule(names, rule)
        told = found.where(found.notna(), "record " + names["record"])
        return [str(one) for one in told.replace(rule.same if rule else {})]

    def texts(self, record: str) -> list[tuple[str, str]]:
        """(where, text) for every free text that travels with a record."""
        reader = self.manifest["reader"].iloc[self._place[record]]
        return readers_of(self.descriptor)[reader].texts(self.root, record)

    def companion(self) -> Companion | None:
        """The companion table's rows of usable records; None where the descriptor names none."""
        if self.descriptor.table is None:
            return None
        table = table_of(self.root, self.descriptor)
        found = rows_of(table, self.descriptor, list(self.manifest["record"]))
        row_of = {record: row for record, row in found.items() if row is not None}
        return Companion(
            table.iloc[list(row_of.values())].reset_index(drop=True),
            self.manifest.iloc[[self._place[record] for record in row_of]].reset_index(drop=True),
        )

    def stray_tables(self) -> Iterator[pd.DataFrame]:
        """The tables that nothing describes: whom a row is about is not known."""
        if self.descriptor.table:
            yield from other_sheets(self.root, self.descriptor)
        for document in self.account.tables:
            with suppress(DataError):  # counted as not understood all the same
                yield from (sheet.frame for sheet in document.sheets())

    def part(self, rows: NDArray[np.int64]) -> Dataset:
        """The same with these records alone, light enough to travel to a worker."""
        return replace(
            self,
            manifest=self.manifest.iloc[rows],
            quarantine=self.quarantine.iloc[:0],
            account=Account(),
        )


def open_dataset(
    root: Path,
    descriptor: Descriptor | None = None,
    *,
    engine: Engine,
    min_seconds: float = MIN_SECONDS,
    models: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Read a folder of ECGs.

    Records that cannot be read, are flat, hold no signal or too little of it are in quarantine.

    Parameters
    ----------
    models : that are audited too; in the folder, they are known
    progress : told how many records are read, and of how many

    Raises
    ------
    DataError
        There is no folder, no record in it, none that can be used, or a header that names a file
        outside the folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; name the folder that holds the recordings")
    root = root.absolute()  # a worker may stand elsewhere
    descriptor = descriptor or describe(root)
    asked = readers_of(descriptor)
    # A file that two formats claim is of the first: its record is told once.
    reader_of = {one: name for name in [*asked][::-1] for one in asked[name].find(root)}
    there = sorted(reader_of, key=natural)
    found = [one for one in there if not _is_excluded(one, asked[reader_of[one]], descriptor)]
    if there and not found:
        raise NoRecordsError(
            f"{root}: excluded in auditor.yaml names every recording; wanted one that is released"
        )
    records = _chosen(found, descriptor.records)
    if not records:
        what = "is empty" if not any(root.iterdir()) else "holds no ECG that can be read"
        titles = ", ".join(reader.title for reader in asked.values())
        raise NoRecordsError(f"{root}: {what}; wanted {titles}, at any depth")
    jobs = [
        _Job(root, descriptor, tuple((one, reader_of[one]) for one in part), min_seconds)
        for part in shards(records)
    ]
    rows: list[dict[str, Any]] = []
    for part in engine.map(_examine, jobs):
        rows += part
        progress(len(rows), len(records))
    files = [row.pop("files", ()) for row in rows]
    beside = [row.pop("beside", ()) for row in rows]
    values = Counter(kind for row in rows for kind in row.pop("unread", ()))
    seen = pd.DataFrame(rows)
    bad = seen["reason"].notna()
    if bad.all():
        first = seen.iloc[0]
        raise DataError(
            f"{root}: none of {len(seen)} records can be used; the first, {first['record']}: "
            f"{first['reason']}; export the release again"
        )
    used = seen[~bad].drop(columns="reason").reset_index(drop=True)
    manifest, unread = _identified(used.copy(), root, descriptor)
    of_files = account(
        root,
        descriptor,
        recordings={name for names in files for name in names},
        annotations={name for names in beside for name in names},
        records=set(found),
        released=models,
    )
    unread = [
        *of_files.unread,
        *(Unread(kind, "header lines", n, _CURES[kind]) for kind, n in values.items()),
        *unread,
        *_contradictions(manifest),
        *_leads_left_out(manifest),
        *_not_read(int(bad.sum()), root, descriptor),
    ]
    return Dataset(
        name=descriptor.name,
        fingerprint=_fingerprint(seen, root, descriptor),
        root=root,
        descriptor=descriptor,
        manifest=manifest.drop(columns="digest"),
        quarantine=seen.loc[bad, ["record", "reason"]].reset_index(drop=True),
        account=of_files,
        unread=tuple(unread),
        n_left_out=len(found) - len(records),
        states_people=_states_people(used["person"]),
    )


def without_recordings(root: Path) -> Dataset:
    """A folder that a model was trained on, and that holds no recording: nothing to be found in."""
    columns = ("record", "subject", "session", "sex", "age", "fs", "labels")
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    none = pd.DataFrame({"record": [], "reason": []}, dtype=object)
    nothing = hashlib.sha256(b"no recording").hexdigest()
    return Dataset(
        root.name, f"sha256:{nothing}", root.absolute(), Descriptor(name=root.name), empty, none
    )


@dataclass(frozen=True)
class _Job:
    root: Path
    descriptor: Descriptor
    #: Each with the name of its reader.
    records: tuple[tuple[str, str], ...]
    min_seconds: float


def _examine(job: _Job) -> list[dict[str, Any]]:
    """What is known of each record of a shard, or why it cannot be used."""
    rows = []
    readers = readers_of(job.descriptor)
    for record, reader in job.records:
        row: dict[str, Any] = {"record": record, "reader": reader, "reason": None, "digest": ""}
        try:
            seen = readers[reader].read(job.root, record)
            if job.descriptor.undated:
                seen = replace(seen, taken_at=None, dated="")
            row["files"] = [file.relative_to(job.root).as_posix() for file in seen.files]
            if any(matches(file, job.descriptor.excluded) for file in row["files"]):
                raise DataError("only some of its files are under excluded: name all of them there")
            row["beside"] = [file.relative_to(job.root).as_posix() for file in seen.annotations]
            row |= _row(seen, job.min_seconds)
        except OutsideError:
            raise
        except DataError as error:
            row["reason"] = str(error)
        except MemoryError:
            row["reason"] = "larger than this machine's memory"
        except Exception as error:
            # One strange file must not cost the others; the reason goes into the report, so it
            # holds nothing of the file.
            log.debug("record %s broke its reader", record, exc_info=True)
            row["reason"] = f"cannot be understood ({type(error).__name__})"
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
        "moment": seen.taken_at.isoformat() if seen.taken_at else "",
        "dated": seen.dated,
        "person": seen.person,
        "unread": seen.unread,
        "age": float(seen.attributes.get("age", np.nan)),  # type: ignore[arg-type]
        "age_pooled": bool(seen.attributes.get("age_pooled", False)),
        "sex": seen.attributes.get("sex"),
        "fs": seen.fs,
        "n_samples": seen.signal.shape[1],
        "duration_s": seen.signal.shape[1] / seen.fs,
        "leads": " ".join(seen.leads),
        "labels": " ".join(seen.labels),
        "scale": "; ".join(seen.scale),
        "step": step_of(seen.signal),
        "used_from_s": float(held.argmax() / seen.fs),
        "defects": "; ".join(seen.defects),
    }


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        stat = file.stat()
        whole.update(_digest_of(file, stat.st_mtime_ns, stat.st_size))
    return whole.hexdigest()


@lru_cache(maxsize=64)
def _digest_of(file: Path, changed: int, size: int) -> bytes:
    """The digest of one file; taken once, not once for each record that the file holds."""
    del changed, size
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def readers_of(descriptor: Descriptor) -> dict[str, Reader]:
    """What a folder is read by; what the steward describes goes before what a file looks like."""
    besides = {DESCRIPTOR} | ({descriptor.table.file} if descriptor.table else set())
    named = [descriptor.reader] if descriptor.reader else sorted(READERS)
    readers: dict[str, Reader] = {}
    readers |= sample_readers(descriptor.samples, frozenset(besides))
    return readers | {name: READERS[name] for name in named}


def _is_excluded(record: str, reader: Reader, descriptor: Descriptor) -> bool:
    """Whether somebody says that a record, or the file that names it, is not released."""
    names = [record, *(record + suffix for suffix in reader.suffixes if reader.by_name)]
    return any(matches(name, descriptor.excluded) for name in names)


def _fingerprint(seen: pd.DataFrame, root: Path, descriptor: Descriptor) -> str:
    """Over contents, and names within the release; not over the place it lies at."""
    whole = hashlib.sha256(json.dumps(descriptor.meaning, sort_keys=True).encode())
    for record, digest in sorted(zip(seen["record"], seen["digest"], strict=True)):
        whole.update(f"{record}\0{digest}\n".encode())
    if descriptor.table:
        whole.update(_digest([table_path(root, descriptor)]).encode())
    return f"sha256:{whole.hexdigest()}"


def _chosen(records: list[str], places: Sequence[str]) -> list[str]:
    """Where the same recordings stand in several places, those of the place that has most."""
    if not places:
        return records
    groups = [[one for one in records if one.startswith(place)] for place in places]
    return max(groups, key=len) or records


def _identified(
    seen: pd.DataFrame, root: Path, descriptor: Descriptor
) -> tuple[pd.DataFrame, list[Unread]]:
    """The manifest: whose each record is and of which occasion, sorted by person and time; and
    what of that was not understood.
    """
    unread = _dated(seen, descriptor)
    if descriptor.table:
        unread += join(seen, root, descriptor)
    if descriptor.subject is not None and descriptor.subject.header:
        seen["person"], lacking = _stated(seen["person"], descriptor, root)
        unread += lacking
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
    # One record of an unknown occasion and a person's records count as one session.
    known = session.notna().groupby(seen["subject"]).transform("all")
    seen["session"], seen["session_known"] = session.where(known, "1"), known
    seen = seen.drop(columns="person")
    order = sorted(
        range(len(seen)),
        key=lambda row: (
            natural(str(seen["subject"][row])),
            seen["moment"][row] or "unknown",
            natural(seen["record"][row]),
        ),
    )
    # Columns of dates end in 2262; dates that were shifted farther still order and part records.
    held = [pd.Timestamp(one) if "1" < one < "2262" else pd.NaT for one in seen.pop("moment")]
    seen["taken_at"] = pd.Series(held, index=seen.index, dtype="datetime64[ns]")
    return seen.iloc[order].reset_index(drop=True), unread


def _states_people(persons: pd.Series) -> bool:
    return not any(map(is_missing, persons)) and len(set(persons)) > 1


def _stated(
    persons: pd.Series, descriptor: Descriptor, root: Path
) -> tuple[pd.Series, list[Unread]]:
    """Whom the files of records state; and how many of them state nobody."""
    assert descriptor.subject is not None
    names = people(list(persons), descriptor.subject.same, f"{root}: ids in the files")
    n = names.count(None)
    cure = "their files state no person; write one there, or say subject by path or column"
    return (
        pd.Series(names, index=persons.index, dtype=object),
        [Unread("person", "headers of recordings", n, cure)] if n else [],
    )


def _dated(seen: pd.DataFrame, descriptor: Descriptor) -> list[Unread]:
    """Dates of headers, whose day and month only all of them together can tell apart."""
    written = seen.pop("dated")
    open_rows = np.flatnonzero(written != "")
    days, n = dates([written.iloc[row] for row in open_rows], descriptor.dates)
    for row, day in zip(open_rows, days, strict=True):
        if day is not None:
            seen.loc[row, "moment"] = day.isoformat()
    return [Unread("date", "header lines", n, _CURES["date"])] if n else []


def _contradictions(manifest: pd.DataFrame) -> list[Unread]:
    """People whose records cannot be of one person: of both sexes, or of ages too far apart."""
    people = manifest.groupby("subject", sort=False)
    both = people["sex"].agg(lambda sexes: len(set(sexes.dropna()))) > 1
    # An age is of the day, and the year of birth is one number; or it is told once for all days.
    age = manifest["age"].where(~manifest["age_pooled"].astype(bool))
    year = manifest["taken_at"].dt.year
    ages, births = (
        values.groupby(manifest["subject"], sort=False).agg(lambda part: part.max() - part.min())
        for values in (age, year - age)
    )
    apart = (ages > _YEARS_APART) & ~(births <= _YEARS_APART)
    apart &= births.notna() | (ages > _AGES_APART)
    n = int((both | apart).sum())
    if n < max(_MANY * len(both), 1):
        return []
    cure = (
        "their records have both sexes, or ages that one person cannot have; correct the rule that "
        "says whose a record is"
    )
    return [Unread("person", "records of one person", n, cure)]


def _not_read(n_quarantined: int, root: Path, descriptor: Descriptor) -> Iterator[Unread]:
    """What may say something of people, and was not looked at: headers of recordings that cannot be
    read, and pages of a workbook beside the one that is described.
    """
    if n_quarantined:
        cure = "quarantine names them and why; mend them, or take them out of the release"
        yield Unread("recording", "quarantine", n_quarantined, cure)
    if descriptor.table and (pages := len(other_sheets(root, descriptor))):
        cure = "put them in a file of their own, and describe it or name it under reviewed"
        yield Unread("table", f"{descriptor.table.file}, other pages", pages, cure)


def _leads_left_out(manifest: pd.DataFrame) -> list[Unread]:
    """Records that are attacked neither with the others nor by themselves."""
    cure = (
        f"they lack {', '.join(common_leads(manifest['leads']))}, which most have, and too few "
        "people have their leads; add the missing leads, or take them out of the release"
    )
    n = not_attacked(manifest)
    return [Unread("lead", "records of several sets of leads", n, cure)] if n else []


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
    if rule.header == "id":
        return seen.get("person", nothing)
    days = [moment[:10] or None for moment in seen["moment"]]
    return pd.Series(days, index=seen.index, dtype=object)

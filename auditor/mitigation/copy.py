"""A copy of a release without identifiers: what is written, what is left out, and why.

Each record is cleaned into a folder of its own, read back and compared, before it joins the copy:
a record whose signals would differ, or in which something that identifies is left, is left out.
Files are written in the order of their pseudonyms and all bear one time, so that nothing of the
order of the originals is left.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditor.core.errors import ConfigError, DataError
from auditor.data.account import (
    ANNOTATION,
    ARCHIVE,
    EXCLUDED,
    IGNORED,
    RECORDING,
    SETTINGS,
    TABLE,
    UNKNOWN,
)
from auditor.data.catalog import DESCRIPTOR, Descriptor, SessionRule, SubjectRule, TableRule
from auditor.data.catalog import write_descriptor as write_description
from auditor.data.dataset import readers_of
from auditor.data.identifiers import hits
from auditor.data.identifiers.classes import DATE
from auditor.data.moved import is_yet_to_come
from auditor.data.readers import Read
from auditor.data.readers.base import natural
from auditor.data.readers.samples import SampleFiles, SamplesRule, sample_readers
from auditor.engine import shards
from auditor.mitigation.cleaning import CLEANERS, Piece, Said
from auditor.mitigation.cleaning.base import OLDEST, Task, labels_of
from auditor.mitigation.cleaning.key import Key
from auditor.mitigation.cleaning.samples import FAMILY, rule_of
from auditor.mitigation.cleaning.tables import FILE, recordings_table
from auditor.targets.release import Release

#: The time that every file and folder of a copy bears.
WRITTEN_AT = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
#: Records that travel to a worker at once.
_SHARD = 16


@dataclass(frozen=True)
class Copied:
    """What became of a release.

    Attributes
    ----------
    n_records, n_people : in the copy
    formats : of the copy, how many records each
    gone : by what it is, how much is not in the copy of the records that are
    left_out : by kind and reason, how many records and files are not in the copy
    """

    n_records: int
    n_people: int
    formats: Mapping[str, int]
    gone: Mapping[str, int]
    left_out: Mapping[str, int]


def key_at(path: Path, root: Path, out: Path) -> Key:
    """The key that is kept at a path, or a new one where none is; a new one is not yet written.

    Raises
    ------
    ConfigError
        The path lies in the release or in its copy, or holds no key that its owner alone may read.
    """
    for folder, what in ((out, "the copy"), (root, "the data set")):
        if path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(
                f"--key {path}: lies in {what}, and would be released with it; name another file"
            )
    return Key.read(path) if os.path.lexists(path) else Key.new()


@contextmanager
def written(key: Key, path: Path, out: Path) -> Iterator[None]:
    """A new key, kept while its copy is made, and taken away again where there is none then.

    It is written before the copy: a copy whose key is lost can never be extended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key.write(path)
    try:
        yield
    except BaseException:
        if not (out.is_dir() and any(out.iterdir())):
            path.unlink(missing_ok=True)
        raise


def check_out(root: Path, out: Path) -> None:
    """Refuse a place for a copy that is taken, or lies in the release or around it."""
    here, there = root.resolve(), out.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise ConfigError(f"{out}: lies in {root}, or holds it; name another folder")
    if os.path.lexists(out) and not (out.is_dir() and not any(out.iterdir())):
        raise ConfigError(f"{out}: is there already; name a folder that is not, or that is empty")


def clean(release: Release, out: Path, key: Key, *, dry_run: bool = False) -> Copied:
    """Write a copy of a release without identifiers.

    Parameters
    ----------
    dry_run : whether the copy is thrown away record by record, and only its account is kept

    Raises
    ------
    DataError
        No record is left.
    """
    check_out(release.root, out)
    plan = _plan(release, key)
    gone, left_out = Counter(plan.gone), Counter(plan.left_out)
    with _draft(out, dry_run) as draft:
        done: set[str] = set()
        n_seen = 0
        jobs = [
            _Job(tuple(part), draft, dry_run, release.dataset.descriptor, plan.samples)
            for part in shards(plan.tasks, _SHARD)
        ]
        for part in release.engine.map(_cleaned, jobs):
            for one in part:
                done.update(one.written)
                gone.update(one.gone)
                left_out.update(one.left_out)
                n_seen += len(one.written) + sum(one.left_out.values())
            release.progress("cleaning", n_seen, len(plan.manifest))
        if not done:
            raise DataError(
                f"{release.root}: no record could be cleaned: "
                + "; ".join(f"{n} {why}" for why, n in left_out.items() if n)
            )
        kept = plan.manifest[plan.manifest["name"].isin(done)]
        table, columns = recordings_table(release.dataset, kept)
        gone.update(columns)
        gone.update(_gone_from(kept))
        if not dry_run:
            _write_beside(draft, table, kept, plan.samples)
            _at_one_time(draft)
    return Copied(
        n_records=len(kept),
        n_people=int(kept["subject"].nunique()),
        formats={str(name): int(n) for name, n in kept["reader"].value_counts().items()},
        gone={what: n for what, n in gone.items() if n},
        left_out={what: n for what, n in left_out.items() if n},
    )


@dataclass(frozen=True)
class _Plan:
    """What is cleaned.

    Attributes
    ----------
    tasks : each with the name of its reader, in the order of their names in the copy
    manifest : a row per record that is cleaned: the release's, with `name` and `said`
    gone, left_out : as in `Copied`
    samples : what the copy says of samples that have no header
    """

    tasks: Sequence[tuple[Task, str]]
    manifest: pd.DataFrame
    gone: Counter[str]
    left_out: Counter[str]
    samples: SamplesRule | None


def _plan(release: Release, key: Key) -> _Plan:
    dataset = release.dataset
    left_out = _not_cleaned(release)
    manifest = dataset.manifest
    known = manifest["reader"].isin(list(CLEANERS))
    for reader, n in manifest.loc[~known, "reader"].value_counts().items():
        left_out[f"recordings of the format {reader}, which nothing here can clean"] += int(n)
    manifest = manifest[known].reset_index(drop=True)
    names, files = _names(manifest, key)
    gone: Counter[str] = Counter()
    said = [
        _said(row, name, key, gone)
        for row, name in zip(manifest.to_dict("records"), names, strict=True)
    ]
    groups: defaultdict[tuple[str, str], list[tuple[str, Said]]] = defaultdict(list)
    for record, reader, one in zip(manifest["record"], manifest["reader"], said, strict=True):
        groups[files.get(record) or one.name, reader].append((record, one))
    tasks = [
        (Task(release.root, key, tuple(sorted(group, key=_place)), file), reader)
        for (file, reader), group in sorted(groups.items())
    ]
    manifest = manifest.assign(name=names)
    manifest["said"] = pd.Series(said, index=manifest.index, dtype=object)
    return _Plan(tasks, manifest, gone, left_out, _samples(release, manifest, gone))


def _samples(release: Release, manifest: pd.DataFrame, gone: Counter[str]) -> SamplesRule | None:
    """What the copy says of samples that have no header, by the first of them; None without any."""
    readers = readers_of(release.dataset.descriptor)
    for record, name in zip(manifest["record"], manifest["reader"], strict=True):
        reader = readers[name]
        if isinstance(reader, SampleFiles):
            _, leads = reader.lines(release.root, record)
            return rule_of(reader.rule, leads, gone)
    return None


def _names(manifest: pd.DataFrame, key: Key) -> tuple[list[str], dict[str, str]]:
    """What each record is called in the copy; and by record its file, where that holds many."""
    files: dict[str, str] = {}
    names: dict[str, str] = {}
    rows: defaultdict[str, list[str]] = defaultdict(list)
    columns = (manifest[name].astype(str) for name in ("record", "reader", "subject"))
    for record, reader, subject in zip(*columns, strict=True):
        cleaner = CLEANERS[reader]
        if cleaner.holds_many:
            file = key.name("file", record.rpartition("/")[0]) + cleaner.suffix
            files[record] = file
            rows[file].append(record)
        else:
            own = key.name("record", record)
            names[record] = f"{key.name('subject', subject)}/{own}{cleaner.suffix}"
    for file, records in rows.items():
        # Rows stand in an order that only the key gives.
        for place, record in enumerate(sorted(records, key=lambda one: key.name("record", one))):
            names[record] = f"{file}/row_{place}"
    return [names[record] for record in manifest["record"]], files


def _place(one: tuple[str, Said]) -> list[tuple[int, int | str]]:
    return natural(one[1].name)


def _said(row: Mapping[Any, Any], name: str, key: Key, count: Counter[str]) -> Said:
    """What the copy of a record may say of it."""
    subject = str(row["subject"])
    years = None if pd.isna(row["age"]) else float(row["age"])
    over_89 = years is not None and years > OLDEST
    sex = row["sex"]
    return Said(
        name=name,
        subject=key.name("subject", subject),
        session=key.name("session", subject, str(row["session"])),
        day=_moved(row["taken_at"], key.days(subject)),
        # A group of ages is told by the table alone, as it is written there.
        age=None if over_89 or row["age_pooled"] else years,
        over_89=over_89,
        sex=str(sex) if sex in ("female", "male") else None,
        labels=labels_of(str(row["labels"]).split(), count),
    )


def _moved(moment: Any, days: int) -> date | None:
    if pd.isna(moment):
        return None
    moved: date = moment.date() + timedelta(days=days)
    return moved


def _gone_from(manifest: pd.DataFrame) -> dict[str, int]:
    """What no copy of a record says, whatever its format."""
    return {
        "dates, each person's moved by days of its own": int(manifest["taken_at"].notna().sum()),
        f"ages over {OLDEST}, told as one group": sum(one.over_89 for one in manifest["said"]),
        "names of records and people, replaced": len(manifest),
    }


def _not_cleaned(release: Release) -> Counter[str]:
    """Records and files that no cleaner is asked to copy, and why."""
    dataset = release.dataset
    found: Counter[str] = Counter()
    for reason, n in dataset.quarantine["reason"].value_counts().items():
        found[f"recordings that cannot be used: {reason}"] += int(n)
    found["recordings that stand twice, or where the descriptor does not look"] += (
        dataset.n_left_out
    )
    names = {
        SETTINGS: "settings, which are written anew",
        EXCLUDED: "files that auditor.yaml excludes",
        ARCHIVE: "archives that could not be unpacked, or lie in another",
        TABLE: "tables that nothing describes",
        UNKNOWN: "files that are not understood, as pictures and pages are",
    }
    for what, n in dataset.account.files.items():
        if what in (RECORDING, ANNOTATION, IGNORED):
            continue
        copied = what == TABLE and dataset.descriptor.table is not None
        found[names.get(what, f"{what}s, which may say anything")] += n - copied
    for why, n in dataset.account.ignored.items():
        found[f"files that need not be copied: {why}"] += n
    return found


@dataclass(frozen=True)
class _Job:
    tasks: tuple[tuple[Task, str], ...]
    draft: Path
    dry_run: bool
    descriptor: Descriptor
    samples: SamplesRule | None


@dataclass
class _Done:
    written: list[str] = field(default_factory=list)
    gone: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def _cleaned(job: _Job) -> list[_Done]:
    return [_one(task, reader, job) for task, reader in job.tasks]


def _one(task: Task, reader: str, job: _Job) -> _Done:
    """Clean what is cleaned at once, and read it back before it joins the copy."""
    done = _Done()
    with tempfile.TemporaryDirectory(dir=job.draft, prefix=".one-") as folder:
        place = Path(folder)
        try:
            found = readers_of(job.descriptor)[reader]
            first = found.read(task.root, task.record)
            task = replace(task, annotations=first.annotations, reader=found, samples=job.samples)
            pieces = CLEANERS[reader].pieces(task, done.gone)
            written = [_write(piece, place) for piece in pieces]
            _compare(task, first, place)
        except DataError as error:
            done.left_out[f"recordings that could not be cleaned: {error}"] += len(task.records)
            done.gone.clear()
            return done
        except OSError:
            raise  # a full disk is no fault of a file
        except Exception as error:
            # One strange file must not cost the others; the reason holds nothing of the file.
            why = f"they cannot be understood ({type(error).__name__})"
            done.left_out[f"recordings that could not be cleaned: {why}"] += len(task.records)
            done.gone.clear()
            return done
        if not job.dry_run:
            for name in sorted(written):
                target = job.draft / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(place / name, target)
        done.written += [said.name for _, said in task.records]
    return done


def _write(piece: Piece, place: Path) -> str:
    path = place / piece.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for part in piece.content:
            file.write(part)
    return piece.name


def _compare(task: Task, first: Read, place: Path) -> None:
    """Refuse a copy that is not what was read, or in which something that identifies is left.

    Parameters
    ----------
    first : what was read of the first record
    """
    found = task.reader
    assert found is not None
    again = found
    if isinstance(found, SampleFiles):
        again = sample_readers(task.samples, frozenset())[FAMILY]
    for number, (record, said) in enumerate(task.records):
        old = found.read(task.root, record) if number else first
        new = again.read(place, said.name)
        same = new.fs == old.fs and new.signal.dtype == old.signal.dtype
        if not same or not np.array_equal(new.signal, old.signal, equal_nan=True):
            raise DataError("the signals of the copy would differ")
        for where, text in again.texts(place, said.name):
            left = {
                one.kind
                for one in hits(text, where)
                if one.sure
                and not (one.kind == DATE and is_yet_to_come(text[one.start : one.stop]))
            }
            if left:
                raise DataError(f"what identifies would be left in it ({', '.join(sorted(left))})")


@contextmanager
def _draft(out: Path, dry_run: bool) -> Iterator[Path]:
    """A folder beside the copy's place, which takes that place at the end, or is gone."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
            try:
                yield Path(folder)
            except OSError as error:
                if folder in str(error.filename or folder):
                    error.filename = f"{folder}, where the copy is tried"
                raise
        return
    out = out.absolute()
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    draft.mkdir(parents=True)
    try:
        yield draft
        if out.is_dir():
            out.rmdir()  # it was empty
        os.replace(draft, out)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        # Writing does not say which file it was, and the draft is nobody's file.
        if isinstance(error, OSError) and str(draft) in str(error.filename or draft):
            error.filename = f"{out}, the copy"
        raise


def _write_beside(
    draft: Path, table: pd.DataFrame, kept: pd.DataFrame, samples: SamplesRule | None
) -> None:
    """The table, the list of records, and what says how both are to be read."""
    table.to_csv(draft / FILE, index=False, lineterminator="\n")
    of_headers = sorted(kept.loc[kept["reader"] == "wfdb", "name"])
    if of_headers:
        (draft / "RECORDS").write_text("".join(f"{name}\n" for name in of_headers))
    has = set(table.columns)
    description = Descriptor(
        name="cleaned",
        subject=SubjectRule(column="subject") if "subject" in has else None,
        session=SessionRule(column="session") if "session" in has else None,
        table=TableRule(
            file=FILE,
            record=("record",),
            **{name: name for name in ("age", "sex", "date", "labels") if name in has},
        ),
        samples=samples,
        shifted="date" in has,
        # GE MUSE writes 03-25-2180; of all others the form says what is the day.
        dates="month-first" if (kept["reader"] == "muse").any() else None,
    )
    write_description(description, draft / DESCRIPTOR)


def _at_one_time(draft: Path) -> None:
    """Give all files and folders one time, in the order of their names: that changes a time too."""
    inner = sorted(draft.rglob("*"), key=lambda path: (path.is_dir(), path))
    for path in [*inner, draft]:
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))

"""What each file of a folder is: every one is read, or known, or said to be not understood.

Recordings and their annotations are what a reader says; all else is told by its content. A file of
an archive counts as a file.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from auditor.core.errors import AuditorError, DataError
from auditor.core.unread import Unread
from auditor.data.catalog import DESCRIPTOR, Descriptor
from auditor.data.readers import record_suffixes
from auditor.data.readers.base import matches
from auditor.data.readers.samples import looks_like_samples
from auditor.data.sheets import SPREADSHEETS, SUFFIXES, Sheet, decoded, is_table, read_sheets
from auditor.resources import read_yaml

#: What a file can be, in the order in which they are told.
RECORDING, ANNOTATION, TABLE, TEXT = "recording", "annotation", "table", "text"
SETTINGS, MODEL, ARCHIVE, IGNORED = "settings", "model", "archive", "ignored"
EXCLUDED, UNKNOWN = "excluded", "not understood"
WHAT = (
    *(RECORDING, ANNOTATION, TABLE, TEXT, SETTINGS, MODEL, ARCHIVE, IGNORED, EXCLUDED, UNKNOWN),
)
#: What holds the signals of a header.
_SIGNALS = (".dat", ".mat")
_MODEL = "model.yaml"
#: What a model's folder holds; a table of people is one, where `model.yaml` names it.
_MODELS = (".json", ".ubj", ".onnx", ".safetensors", ".yaml", ".parquet", ".npy", ".npz")
#: So much of a file shows what it is; a table or text in an archive is read so far.
_SHOWN, _MAX_MEMBER = 1 << 16, 64 << 20
#: An archive is listed so far, and a table without a rule is read so far, bytes.
_MAX_MEMBERS, _MAX_TABLE = 10_000, 200 << 20
_TEXTS = (".md", ".txt", ".rst", ".html", ".htm", ".rtf", ".log", ".tex", ".bib", ".cff", ".yaml")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_PACKED: Mapping[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_SUM = re.compile(r"(?:[0-9a-f]{32,128} [ *]\S[^\n]*|SHA\d+ ?\([^\n)]+\) ?= ?[0-9a-f]{32,128})")
_LICENCE = re.compile(
    r"permission is hereby granted|creative commons|open data commons|apache license|"
    r"gnu (?:lesser )?general public license|redistribution and use in source|"
    r"database contents license|credentialed health data license|open database license",
    re.IGNORECASE,
)
_NAMED_LICENCE = re.compile(r"(?:licen[cs]e|copying)(?:[._-].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Document:
    """A file of a folder, or a file of an archive in it.

    Attributes
    ----------
    name : its path in the folder; of a file of an archive, the archive's and its own
    content : what stands in it, where it is of an archive
    """

    path: Path
    name: str
    content: bytes | None = field(default=None, repr=False)

    def sheets(self) -> list[Sheet]:
        """The tables in it; `DataError` where it holds none."""
        inner = Path(self.name.rpartition("//")[2])
        return read_sheets(self.path if self.content is None else inner, self.content)


@dataclass(frozen=True)
class Account:
    """What the files of a folder are.

    Attributes
    ----------
    files : of each of `WHAT`, how many
    ignored : why files are known and ignored, and how many
    tables : those that nothing describes and nobody has spoken of
    reviewed : how many files somebody said to have read, and to tell of nobody
    packed : of each archive, when the files in it were written
    unread : what was not understood, and what nobody has spoken of
    """

    files: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[Document, ...] = ()
    reviewed: int = 0
    packed: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()


@dataclass
class _Open:
    """An account while files are added."""

    files: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    tables: list[Document] = field(default_factory=list)
    reviewed: int = 0
    packed: dict[str, list[datetime]] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)

    def ignore(self, why: str) -> None:
        self.files[IGNORED] += 1
        self.ignored[why] += 1

    def unknown(self, name: str, why: str, kind: str = "file") -> None:
        self.files[UNKNOWN] += 1
        self.unread.append(Unread(kind, name, 1, why))


def account(
    root: Path,
    descriptor: Descriptor,
    *,
    recordings: Set[str],
    annotations: Set[str],
    records: Set[str],
    released: Sequence[Path] = (),
) -> Account:
    """What each file of a folder is.

    Parameters
    ----------
    recordings, annotations : paths in the folder of files that a reader has read as such
    records : what records are called, their paths without suffix
    released : models that are audited too, files or folders, wherever they lie
    """
    found = _Open()
    models_at = [one.resolve() for one in released]
    # A folder that holds the recordings too says nothing of its files by being a model's.
    models_at = [one for one in models_at if not root.resolve().is_relative_to(one)]
    # What is called as a record is, or as a segment of one, is of it, though it was not used.
    stems = set(records)
    # A list of the records may name those that are excluded.
    listed = set(records)
    described = {descriptor.table.file} if descriptor.table else set()
    models: set[str] = set()
    waiting: list[tuple[Path, str]] = []
    for path, name in _files(root):
        stem = str(PurePosixPath(name).with_suffix(""))
        if name.endswith(record_suffixes()):
            listed.add(stem)
        if matches(name, descriptor.excluded):
            found.files[EXCLUDED] += 1
            listed.add(name)
            continue
        if name.endswith(record_suffixes()):
            stems.add(stem)
        if name in recordings:
            found.files[RECORDING] += 1
        elif name in annotations:
            found.files[ANNOTATION] += 1
        elif name in described:
            found.files[TABLE] += 1
        elif path.suffix in _MODELS and any(
            path.resolve().is_relative_to(one) for one in models_at
        ):
            found.files[MODEL] += 1
        elif path.is_symlink() or not path.is_file():
            _link(root, path, name, found)
        elif path.name == DESCRIPTOR:
            found.files[SETTINGS] += 1
        elif path.name == _MODEL:
            found.files[SETTINGS] += 1
            models |= {str(PurePosixPath(name).parent / one) for one in _named(path)}
        else:
            waiting.append((path, name))
    for path, name in waiting:
        if name in models or str(PurePosixPath(name)) in models:
            found.files[MODEL] += 1
        elif name in records or _stem(name, stems):
            found.files[RECORDING] += 1
        else:
            _add(Document(path, name), listed, descriptor, found)
    return Account(
        {what: found.files[what] for what in WHAT if found.files[what]},
        dict(found.ignored),
        tuple(found.tables),
        found.reviewed,
        found.packed,
        tuple(found.unread),
    )


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder, hidden ones too, and links to folders, which are not entered."""
    for folder, names, files in os.walk(root):
        names.sort()
        linked = [name for name in names if Path(folder, name).is_symlink()]
        for file in sorted([*files, *linked]):
            path = Path(folder, file)
            yield path, path.relative_to(root).as_posix()


def _link(root: Path, path: Path, name: str, found: _Open) -> None:
    """A link, a pipe, a socket."""
    try:
        target = path.resolve()
        if target.is_file() and target.is_relative_to(root.resolve()):
            found.ignore("a link to another file of the folder")
            return
        what = "a link that leads nowhere, to a folder or out of the folder"
        what = what if stat.S_ISLNK(path.lstat().st_mode) else "no file"
    except (OSError, RuntimeError):
        what = "a link to itself"
    found.unknown(name, f"it is {what}; remove it, or put a file in its place")


def _named(description: Path) -> set[str]:
    """The files that a `model.yaml` names."""
    try:
        said = read_yaml(description)
    except AuditorError:
        return set()  # said when the model is opened
    found, waiting = set(), [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, str) and (description.parent / one).is_file():
            found.add(one)
    return found


def _stem(name: str, stems: Set[str]) -> bool:
    """Whether a file is a header or a signal that is called as a record is."""
    path = PurePosixPath(name)
    of_signal = path.suffix in (*record_suffixes(), *_SIGNALS)
    return of_signal and str(path.with_suffix("")) in stems


def _add(one: Document, records: Set[str], descriptor: Descriptor, found: _Open) -> None:
    """A file that no reader knows, by its content."""
    name = PurePosixPath(one.name).name.lower()
    try:
        size = one.path.stat().st_size if one.content is None else len(one.content)
        if not size:
            found.ignore("empty")
            return
        if one.content is None and name.endswith(_ARCHIVES):
            _archive(one, records, descriptor, found)
            return
        suffix = PurePosixPath(name).suffix
        if suffix in _PACKED and one.content is None:
            with _PACKED[suffix](one.path, "rb") as packed:
                content = packed.read(_MAX_MEMBER + 1)
            if len(content) > _MAX_MEMBER:
                raise DataError("is larger than is unpacked")
            inner = f"{one.name}//{PurePosixPath(one.name).stem}"
            _add(Document(one.path, inner, content), records, descriptor, found)
            return
        if suffix in SPREADSHEETS or suffix == ".parquet":
            _table(one, size, descriptor, found)
            return
        start = one.content
        if start is None:
            with one.path.open("rb") as file:
                start = file.read(_SHOWN)
        text = decoded(start)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, DataError) as error:
        why = str(error) if isinstance(error, DataError) else "it cannot be read"
        cure = f"{why}; remove it, or say under excluded that it is not released"
        found.unknown(one.name, _or_samples(one, cure, "name it under excluded"))
        return
    if known := _known(one, text, size, records):
        found.ignore(known)
    elif (suffix in SUFFIXES and suffix != ".txt") or is_table(text):
        _table(one, size, descriptor, found)
    elif suffix in _TEXTS or _is_prose(text):
        _text(one, descriptor, found)
    else:
        cure = "it is of no known format; remove it, or name it under excluded"
        found.unknown(one.name, _or_samples(one, cure, "name it under excluded"))


def _known(one: Document, text: str, size: int, records: Set[str]) -> str | None:
    """Why a text tells nothing of people: it is known by its name, and by all that stands in it."""
    path = PurePosixPath(one.name)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if one.content is None and size > _SHOWN:
        # What was read so far may end within a line, and says nothing of the rest.
        if size > _MAX_MEMBER or not _lists(path, lines[:-1], records):
            return None
        lines = [line.strip() for line in decoded(one.path.read_bytes()).splitlines()]
        lines = [line for line in lines if line]
    if why := _lists(path, lines, records):
        return why
    if _NAMED_LICENCE.fullmatch(path.name) and _LICENCE.search(text):
        return "a licence"
    return None


def _lists(path: PurePosixPath, lines: list[str], records: Set[str]) -> str | None:
    """What a text lists, line by line, that is no person."""
    if lines and all(map(_SUM.fullmatch, lines)):
        return "checksums"
    if path.name.startswith("RECORDS"):
        folders = {str(above) for record in records for above in PurePosixPath(record).parents}
        if all(str(path.parent / line) in records | folders for line in lines):
            return "a list of the records"
    if path.name == "ANNOTATORS" and all(re.fullmatch(r"[a-z0-9]+\s.*", line) for line in lines):
        return "a list of the annotators"
    return None


def _is_prose(text: str) -> bool:
    """Whether most of a text is letters, spaces and marks that people write."""
    seen = text[:_SHOWN]
    good = sum(letter.isalnum() or letter.isspace() or letter.isprintable() for letter in seen)
    return good >= 0.98 * len(seen)


def _text(one: Document, descriptor: Descriptor, found: _Open) -> None:
    found.files[TEXT] += 1
    if matches(one.name, descriptor.reviewed):
        found.reviewed += 1
        return
    cure = "read it; if it tells of nobody, name it under reviewed in auditor.yaml"
    found.unread.append(Unread("text", one.name, 1, _or_samples(one, cure)))


def _table(one: Document, size: int, descriptor: Descriptor, found: _Open) -> None:
    if size > _MAX_TABLE:
        why = f"it is larger than the {_MAX_TABLE:,} bytes a table without a rule may have"
        found.unknown(one.name, f"{why}; describe it, or name it under excluded")
        return
    found.files[TABLE] += 1
    if matches(one.name, descriptor.reviewed):
        found.reviewed += 1
        return
    found.tables.append(one)
    cure = (
        "describe it under table in auditor.yaml; or read it, and if it tells of nobody, name it "
        "under reviewed"
    )
    found.unread.append(Unread("table", one.name, 1, _or_samples(one, cure)))


def _or_samples(one: Document, cure: str, otherwise: str = "") -> str:
    """What is to be done with a file, which may be samples that nothing describes."""
    like = looks_like_samples(one.path) if one.content is None else ""
    return f"{like}; or {otherwise or cure}" if like else cure


def _archive(one: Document, records: Set[str], descriptor: Descriptor, found: _Open) -> None:
    """Every file of an archive; recordings in it are not read."""
    try:
        members = list(_members(one.path))
    except (
        *(OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
        *(RuntimeError, DataError),
    ):
        found.unknown(one.name, "it cannot be listed as an archive; unpack it", "archive")
        return
    found.files[ARCHIVE] += 1
    found.packed[one.name] = [written for _, _, written in members if written]
    for name, content, _ in members:
        inner = f"{one.name}//{name}"
        if matches(inner, descriptor.excluded):
            found.files[EXCLUDED] += 1
        elif content is None:
            found.unknown(inner, "it stands in an archive; unpack it")
        else:
            _add(Document(one.path, inner, content), records, descriptor, found)


def _members(path: Path) -> Iterator[tuple[str, bytes | None, datetime | None]]:
    """The files of an archive, what stands in those that are small enough, and when they were
    written, where that is a day; nothing is unpacked to disk.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inner = [one for one in archive.infolist() if not one.is_dir()]
            if len(inner) > _MAX_MEMBERS:
                raise DataError("holds too many files")
            left = _MAX_MEMBER
            for one in inner:
                content = None
                if not one.flag_bits & 1 and one.file_size <= left:
                    with archive.open(one) as member:
                        content = member.read(left + 1)
                    left -= len(content)
                yield one.filename, content if left >= 0 else None, _of_zip(one.date_time)
        return
    with tarfile.open(path, "r:*") as archive_of_tar:
        left = _MAX_MEMBER
        for at, entry in enumerate(archive_of_tar):
            if at >= _MAX_MEMBERS:
                raise DataError("holds too many files")
            if entry.isdir():
                continue
            content = None
            if (
                entry.isreg()
                and entry.size <= left
                and (opened := archive_of_tar.extractfile(entry))
            ):
                content = opened.read(left + 1)
                left -= len(content)
            yield entry.name, content, _of_tar(entry.mtime)


def _of_zip(parts: tuple[int, int, int, int, int, int]) -> datetime | None:
    with suppress(ValueError):
        return datetime(*parts)
    return None


def _of_tar(seconds: float) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return None

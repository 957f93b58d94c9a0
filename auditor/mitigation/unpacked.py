"""A release with its archives unpacked, as it would be had somebody done so in its place.

What an archive holds is hostile: names that lead elsewhere, links, devices, passwords and files
that unpack to more than they could hold are refused, and the archive then stays as it is.
"""

from __future__ import annotations

import errno
import lzma
import os
import secrets
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from auditor.core.errors import DataError
from auditor.data.catalog import recognised

_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
#: Files of an archive, and bytes that a byte of it may unpack to: recordings shrink to a third.
_MAX_MEMBERS, _MAX_RATIO, _LEAST = 1_000_000, 100, 1 << 24
_CHUNK = 1 << 20
#: No fault of an archive.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_BROKEN = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    *(RuntimeError, ValueError),
)


@contextmanager
def unpacked(root: Path, beside: Path) -> Iterator[Path]:
    """A folder with what a release holds, its archives as folders of their names; the release
    itself where it holds none.

    Parameters
    ----------
    beside : a path on the disk that has room; what is unpacked lies there until the end
    """
    archives = list(_archives(root))
    if not archives:
        yield root
        return
    place = beside.absolute()
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.unpacked")
    draft.mkdir(parents=True, mode=0o700)
    try:
        try:
            for path in sorted(root.rglob("*")):
                _placed(path, root, draft, path in archives)
        except OSError as error:
            if str(draft) in str(error.filename or draft):
                error.filename = f"{draft.parent}, where archives are unpacked"
            raise
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _archives(root: Path) -> Iterator[Path]:
    """The archives that `auditor.yaml` does not exclude."""
    described = recognised(root)
    excluded = described.excluded if described else ()
    for folder, _, files in os.walk(root):
        for file in files:
            path = Path(folder, file)
            name = path.relative_to(root).as_posix()
            above = (name, *map(str, PurePosixPath(name).parents))
            told = any(fnmatchcase(one, glob.rstrip("/")) for one in above for glob in excluded)
            if file.lower().endswith(_SUFFIXES) and path.is_file() and not told:
                yield path


def _placed(path: Path, root: Path, draft: Path, is_archive: bool) -> None:
    target = draft / path.relative_to(root)
    if path.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.readlink(path))
    elif path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif path.is_file() and not (is_archive and _unpack(path, target)):
        _same(path, target)


def _same(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # on another disk, or one without links
        shutil.copyfile(path, target)


def _unpack(path: Path, target: Path) -> bool:
    """Whether an archive could be unpacked to a folder."""
    left = max(_MAX_RATIO * path.stat().st_size, _LEAST)
    try:
        for number, (name, member) in enumerate(_members(path)):
            place = target / name
            if number >= _MAX_MEMBERS or not place.resolve().is_relative_to(target.resolve()):
                raise DataError("holds too much, or leads elsewhere")
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                while part := member.read(_CHUNK):
                    left -= len(part)
                    if left < 0:
                        raise DataError("unpacks to more than it could hold")
                    file.write(part)
        target.mkdir(parents=True, exist_ok=True)
    except (*_BROKEN, DataError) as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        return False
    return True


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of an archive, opened one after the other."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist():
                if not one.is_dir():
                    with archive.open(one) as member:
                        yield one.filename, member
        return
    with tarfile.open(path, "r:*") as archive_of_tar:
        for entry in archive_of_tar:
            if entry.isdir():
                continue
            opened = archive_of_tar.extractfile(entry) if entry.isreg() else None
            if opened is None:
                raise DataError("holds what is no file")
            yield entry.name, opened

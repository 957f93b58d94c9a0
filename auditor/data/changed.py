"""Which data sets a change to a repository touches, and whether their contents are here.

Data repositories keep pointers where data would be: DVC a `NAME.dvc` beside what it stands for,
git-annex a link or a line into its store, Git LFS a small text. What is changed is then a pointer,
and what must be scanned is what it points to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auditor.core.errors import ConfigError, DataError
from auditor.data.catalog import recognised
from auditor.data.readers import READERS
from auditor.resources import read_settings

#: No pointer is larger.
_LARGEST_POINTER = 1024
#: What is no recording, and does not make a folder of recordings.
_NO_DATA = {".md", ".py", ".toml", ".cfg", ".lock", ".html", ".ipynb", ".yml", ".gitignore"}
_NO_DATA |= {".gitattributes", ".dvcignore", ".pdf", ".png", ".svg"}


@dataclass(frozen=True)
class Changed:
    """What changed files belong to.

    Attributes
    ----------
    datasets : folders of recordings
    strays : files that belong to none of them, and of which nothing says that they tell of nobody
    """

    datasets: tuple[Path, ...]
    strays: tuple[Path, ...]


def changed_datasets(files: Iterable[Path], root: Path) -> Changed:
    """The folders of recordings in a repository to which changed files belong, each once.

    That is the outermost folder above a file that has an `auditor.yaml` or is known to the
    catalogue, else the folder in `root` that it lies in, if it holds recordings; what lies in
    `root` itself belongs to it where recordings do. What is no data (code, manuals) changes none.

    Parameters
    ----------
    files : changed files; relative ones are of `root`
    root : the top folder of the repository

    Raises
    ------
    DataError
        A file or its contents are not here, or it lies outside the repository.
    """
    root = root.resolve()
    found: dict[Path, None] = {}
    strays: dict[Path, None] = {}
    holds: dict[Path, bool] = {}
    for file in files:
        # Links are not followed: git-annex's lead into its store.
        path = root / file
        if ".." in path.parts or not path.is_relative_to(root):
            raise DataError(f"{file}: lies outside the repository; run this in its top folder")
        if not (path.exists() or path.is_symlink()):
            # A name that was cut at a space, or quoted by git, is no sign that data were removed.
            raise DataError(
                f"{file}: no such file; give whole names (`git diff -z`) of what is not removed "
                "(`--diff-filter=d`)"
            )
        for data in _stands_for(path, root):
            folder = _folder(data, root)
            if folder not in holds:
                holds[folder] = bool(recognised(folder)) or _holds_recordings(folder, root)
            (found if holds[folder] else strays).setdefault(folder if holds[folder] else data)
    return Changed(tuple(found), tuple(strays))


def _holds_recordings(folder: Path, root: Path) -> bool:
    """Whether a folder holds recordings; the top folder, itself."""
    return any(
        # A record of a file that holds many is called by that file and its own name.
        folder != root or "/" not in record or (folder / record.split("/")[0]).is_file()
        for reader in READERS.values()
        for record in reader.find(folder)
    )


def _stands_for(path: Path, root: Path) -> list[Path]:
    """What a changed file is, or points to; nothing where it is no data."""
    if path.suffix == ".dvc":
        return _outputs(path, root)
    if path.suffix.lower() in _NO_DATA or path.name in _NO_DATA:
        return []
    if path.is_symlink() and not path.exists():
        raise DataError(f"{path.relative_to(root)}: its contents are not here; run `git annex get`")
    if path.is_file() and path.stat().st_size <= _LARGEST_POINTER:
        begin = path.read_bytes()
        if begin.startswith(b"version https://git-lfs.github.com/spec/"):
            raise DataError(
                f"{path.relative_to(root)}: its contents are not here; run `git lfs pull`"
            )
        if begin.startswith(b"/annex/objects/"):
            raise DataError(
                f"{path.relative_to(root)}: its contents are not here; run `git annex get`"
            )
    return [path]


def _outputs(pointer: Path, root: Path) -> list[Path]:
    """What a `.dvc` file stands for."""
    name = pointer.relative_to(root)
    try:
        outs = read_settings(pointer, as_text=True)["outs"]
        paths = [(one["path"], pointer.parent / one["path"]) for one in outs]
    except ConfigError as error:
        raise DataError(f"{error}; run `dvc add` again") from None
    except (KeyError, TypeError):
        raise DataError(f"{name}: names no outs as DVC writes them; run `dvc add` again") from None
    found = []
    for written, path in paths:
        data = Path(os.path.realpath(path))
        if not data.is_relative_to(root):
            raise DataError(f"{name}: stands for {written}, outside the repository; move it inside")
        if not os.path.exists(data):
            raise DataError(f"{name}: its contents are not here; run `dvc pull`")
        found.append(data)
    return found


def _folder(data: Path, root: Path) -> Path:
    """The folder of recordings that a file or folder belongs to."""
    above = [one for one in (data, *data.parents) if one.is_relative_to(root) and one.is_dir()]
    for folder in reversed(above):
        if recognised(folder):
            return folder
    return above[-2] if len(above) > 1 else root

"""Public data sets fetched from PhysioNet, and files compared with their publisher's list."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from auditor.core.errors import ConfigError, DataError
from auditor.data.catalog import Descriptor
from auditor.data.readers.base import inside

_LISTS = ("SHA256SUMS.txt", "SHA256SUMS")
#: Downloads one file of a data set, `slug/version`, into a folder.
Download = Callable[[str, Path, str], None]


def fetch(
    entry: Descriptor,
    root: Path,
    progress: Callable[[int, int], None],
    download: Download | None = None,
) -> None:
    """Download a data set; files that agree with the publisher's list are kept as they are.

    Parameters
    ----------
    progress : told how many files are done, and of how many

    Raises
    ------
    ConfigError
        The data set is not on PhysioNet.
    DataError
        A download failed, or what came disagrees with the publisher's list.
    """
    if not entry.slug:
        raise ConfigError(f"{entry.name} is not on PhysioNet; its source: {entry.citation}")
    download = download or _from_physionet
    source = f"{entry.slug}/{entry.version}"
    _attempt(download, source, root, "SHA256SUMS.txt")
    listed = _listed(root)
    for done, (file, wanted) in enumerate(listed.items()):
        progress(done, len(listed))
        path = inside(root, root / file, "the publisher's list")
        if path.is_file() and _sha256(path) == wanted:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        _attempt(download, source, root, file)
        if _sha256(path) != wanted:
            path.unlink()
            raise DataError(
                f"{file}: what was downloaded disagrees with its SHA-256; fetch again to retry"
            )
    progress(len(listed), len(listed))


def verify(root: Path) -> list[tuple[str, str]]:
    """The files of a folder that disagree with the publisher's SHA-256 list, and how."""
    problems = []
    for file, wanted in _listed(root).items():
        path = inside(root, root / file, "the publisher's list")
        if not path.is_file():
            problems.append((file, "absent"))
        elif _sha256(path) != wanted:
            problems.append((file, "differs"))
    return problems


def _listed(root: Path) -> dict[str, str]:
    for name in _LISTS:
        if (root / name).is_file():
            lines = (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
            pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
            if not all(len(pair) == 2 and len(pair[0]) == 64 for pair in pairs):
                raise DataError(f"{root / name}: is not a list of SHA-256 sums and file names")
            return {file.lstrip("*"): wanted for wanted, file in pairs if file.lstrip("*") != name}
    raise DataError(f"{root}: holds no {' or '.join(_LISTS)} to compare the files with")


def _attempt(download: Download, source: str, root: Path, file: str) -> None:
    try:
        download(source, root, file)
    except Exception as error:
        raise DataError(
            f"{file} of {source}: cannot be downloaded ({type(error).__name__}); check the "
            "network, and fetch again: what is there already is kept"
        ) from error


def _from_physionet(source: str, root: Path, file: str) -> None:
    import wfdb

    wfdb.dl_files(source, str(root), [file], keep_subdirs=True, overwrite=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

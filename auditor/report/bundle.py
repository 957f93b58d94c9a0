"""The evidence of an audit in one file: what was found, under what settings, and hashes of it all.

The same audit makes the same bytes: nothing is compressed, no time is kept, the order is fixed. So
a bundle is sound where its parts, packed again, are the bundle, and no hidden byte survives that.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from auditor import __version__
from auditor.core.errors import ConfigError
from auditor.core.finding import Audit
from auditor.report import html
from auditor.report import json as audit_json
from auditor.report.disclosure import clean
from auditor.resources import resource

SCHEMA = "auditor/bundle/1"
LARGEST = 2 * audit_json.LARGEST

#: Every file of a bundle, in its order.
NAMES = ("MANIFEST.json", "audit.json", "audit.schema.json", "report.html", "requirements.lock",
         "settings.json")  # fmt: skip
#: What a page's bytes depend on beside the audit.
_DRAWN_WITH = ("jinja2", "matplotlib", "numpy")

_CURE = "give the file that `auditor bundle` wrote"


@dataclass(frozen=True)
class Bundle:
    """A bundle that was found sound.

    Attributes
    ----------
    audit : what it is of
    sha256 : of each file in it
    repacked : whether it was packed again and is the same; False where other versions packed it
    packed_by : the version that packed it
    """

    audit: Audit
    sha256: Mapping[str, str]
    repacked: bool
    packed_by: str


def pack(audit: Audit) -> bytes:
    """The bundle of an audit."""
    return _zipped(_parts(audit))


def unpack(data: bytes) -> Bundle:
    """What is in a bundle, once everything in it was checked against everything else.

    Raises
    ------
    ConfigError
        It is no bundle, or not as it was packed.
    """
    parts = _unzipped(data)
    manifest = _manifest(parts["MANIFEST.json"])
    sha256 = {name: hashlib.sha256(parts[name]).hexdigest() for name in NAMES[1:]}
    for name, seen in sha256.items():
        if manifest["sha256"].get(name) != seen:
            raise ConfigError(f"{name} is not the file that MANIFEST.json names: it was changed")
    if manifest["sha256"].keys() != sha256.keys():
        raise ConfigError("MANIFEST.json names files that a bundle does not have")
    if _zipped(parts) != data:
        raise ConfigError("the file holds more than its parts: it was changed after it was packed")
    audit = _audit(parts["audit.json"])
    if manifest["release"] != _release(audit) or parts["settings.json"] != _settings(audit):
        raise ConfigError("MANIFEST.json or settings.json tells of another audit than audit.json")
    same_versions = (manifest["auditor"], manifest["drawn_with"]) == (__version__, _drawn_with())
    if same_versions:
        for name, content in reversed(_parts(audit).items()):
            if parts[name] != content:
                raise ConfigError(
                    f"{name} is not what auditor {__version__} packs with audit.json: one of them "
                    "was changed"
                )
    return Bundle(audit, sha256, same_versions, clean(str(manifest["auditor"])))


def read(path: Path) -> bytes:
    """The bytes of a bundle, or of anything that is no larger.

    Raises
    ------
    ConfigError
        The file is missing or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {_CURE}") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: larger than {LARGEST // 2**20} MB, and no bundle is; {_CURE}")
    return data


def _parts(audit: Audit) -> dict[str, bytes]:
    """Every file of an audit's bundle; they hold what its JSON holds, and nothing else of it."""
    text = audit_json.dumps(audit)
    audit = audit_json.from_dict(json.loads(text))
    parts = {
        "audit.json": text.encode(),
        "audit.schema.json": files("auditor.report").joinpath("audit.schema.json").read_bytes(),
        "report.html": html.render(audit).encode(),
        "requirements.lock": resource("requirements.lock").read_bytes(),
        "settings.json": _settings(audit),
    }
    manifest = {
        "schema": SCHEMA,
        "auditor": __version__,
        "drawn_with": _drawn_with(),
        "release": _release(audit),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }
    return {"MANIFEST.json": _dumped(manifest), **parts}


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in NAMES:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, parts[name])
    return buffer.getvalue()


def _unzipped(data: bytes) -> dict[str, bytes]:
    """The files of a bundle; a compressed one is refused, so none is larger than the bundle."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if tuple(entry.filename for entry in entries) != NAMES:
                raise ConfigError(f"its files are not those of a bundle; {_CURE}")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ConfigError(f"its files are compressed, and a bundle's are not; {_CURE}")
            if any(entry.file_size > len(data) for entry in entries):
                raise ConfigError(f"a file in it is larger than the bundle; {_CURE}")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError):
        raise ConfigError(f"not a sound zip file: it was changed or cut short; {_CURE}") from None


def _manifest(content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise ConfigError("MANIFEST.json is not JSON: it was changed") from None
    seen = manifest.get("schema") if isinstance(manifest, dict) else None
    if seen != SCHEMA:
        raise ConfigError(
            f"a bundle of layout {str(seen)[:40]!r}, wanted {SCHEMA}; use the version of auditor "
            "that wrote it"
        )
    wanted = {"schema", "auditor", "drawn_with", "release", "sha256"}
    if manifest.keys() != wanted or not isinstance(manifest["sha256"], dict):
        raise ConfigError("MANIFEST.json does not have the parts that it should: it was changed")
    return manifest


def _audit(content: bytes) -> Audit:
    try:
        audit = audit_json.from_dict(json.loads(content))
    except (ValueError, RecursionError):
        raise ConfigError("audit.json is not JSON: it was changed") from None
    if flaw := audit_json.forged(audit):
        raise ConfigError(f"audit.json is not a sound audit, {flaw}: it was changed")
    return audit


def _release(audit: Audit) -> dict[str, Any]:
    return {key: audit.release[key] for key in ("name", "fingerprint")}


def _settings(audit: Audit) -> bytes:
    """The profile and the preset as they were used, and what measured."""
    keys = ("version", "seed", "device", "preset", "settings", "versions")
    used = {key: audit.auditor[key] for key in keys if key in audit.auditor}
    return _dumped({"auditor": used, "profile": dict(audit.profile)})


def _drawn_with() -> dict[str, str]:
    return {name: version(name) for name in _DRAWN_WITH}


def _dumped(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()

"""What a folder of ECGs is believed to be: a catalogue entry, an `auditor.yaml`, or flags."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from auditor.core.errors import ConfigError
from auditor.data.readers import record_suffixes
from auditor.data.readers.samples import SamplesRule
from auditor.data.rules import Names, Part
from auditor.data.values import Order
from auditor.resources import read_settings, resource, shown, validated

DESCRIPTOR = "auditor.yaml"


class SubjectRule(Part):
    """Who a record is of: a pattern on its path, a column of the table, or the file's own word.

    A pattern's first group is the person; without a group, the whole match.
    """

    path: str | None = None
    column: str | None = None
    #: What the record's file calls the person, such as DICOM's PatientID.
    header: Literal["id"] | None = None
    #: People who are known under two names, as name → the name to use.
    same: dict[str, str] = Field(default_factory=dict)

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return _pattern(value)

    @model_validator(mode="after")
    def _one_source(self) -> SubjectRule:
        if sum(one is not None for one in (self.path, self.column, self.header)) != 1:
            raise ValueError("wanted one of path, column, header")
        return self


class SessionRule(Part):
    """On which occasion a record was taken: the header's date, a path pattern or a column."""

    path: str | None = None
    column: str | None = None
    header: Literal["date"] | None = None

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return _pattern(value)

    @model_validator(mode="after")
    def _one_source(self) -> SessionRule:
        if sum(one is not None for one in (self.path, self.column, self.header)) != 1:
            raise ValueError("wanted one of path, column, header")
        return self


class TableRule(Part):
    """A companion table with a row for each record."""

    file: str
    #: Columns that name the record: by its path, or by its file name alone.
    record: Names
    age: str | None = None
    sex: str | None = None
    #: How the table writes the sexes, where not as words: written → female or male.
    sexes: dict[str, Literal["female", "male"]] = Field(default_factory=dict)
    date: str | None = None
    labels: str | None = None


class Descriptor(Part):
    """What a data set is, where it comes from, and how its records are to be understood."""

    name: str
    title: str = ""
    licence: str = ""
    citation: str = ""
    #: PhysioNet's name for it, and the version described.
    slug: str = ""
    version: str = ""
    #: The format of the recordings; every known one is looked for where none is named.
    reader: str = ""
    #: A file or folder whose presence in the folder tells the data set, as a glob.
    marker: str = ""
    #: What every header in the folder is called, without its suffix, as a pattern.
    names: str = ""
    #: Where the same recordings stand twice, the places to choose among: most records, then first.
    records: Names = ()
    subject: SubjectRule | None = None
    session: SessionRule | None = None
    table: TableRule | None = None
    #: Which files are samples without a header, and how they are to be understood.
    samples: SamplesRule | None = None
    #: The dates in headers are those of a conversion, not of the recordings.
    undated: bool = False
    #: Somebody says that dates were moved, for each person by another number of days.
    shifted: bool = False
    #: What stands first in dates such as 3/4/2019, where the others do not show it.
    dates: Order | None = None
    #: Files and folders, as globs, of which somebody says that they are not part of the release.
    excluded: Names = ()
    #: Texts and tables, as globs, of which somebody says that they were read and tell of nobody.
    reviewed: Names = ()
    #: Places that may identify, as `auditor inspect --identifiers` names them, as globs → why
    #: somebody says that they do not.
    cleared: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    #: What a complete copy holds, e.g. `{subjects: 90, records: 310}`.
    expected_counts: dict[Literal["subjects", "records"], int] = Field(default_factory=dict)

    @field_validator("names")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return _pattern(value) or ""

    @property
    def meaning(self) -> dict[str, Any]:
        """What changes how records are understood, without what the data set is called."""
        keys = {"reader", "records", "subject", "session", "table", "undated"}
        later = {"dates", "excluded", "samples", "shifted"}
        told = self.model_dump(mode="json", include=later, exclude_defaults=True)
        said = self.model_dump(mode="json", include=keys)
        # A key that came later leaves the fingerprints of those who do not use it as they were.
        if said["subject"] and said["subject"]["header"] is None:
            del said["subject"]["header"]
        return said | told


@cache
def catalogue() -> tuple[Descriptor, ...]:
    """The public data sets that are known."""
    raw = read_settings(resource("datasets.yaml"), as_text=True)
    return tuple(
        validated(Descriptor, {"name": name, **one}, f"datasets.yaml: {name}")
        for name, one in raw.items()
    )


def entry(name: str) -> Descriptor:
    """One public data set, by name."""
    for one in catalogue():
        if one.name == name:
            return one
    raise ConfigError(
        f"no data set is named {name!r}; known: {', '.join(one.name for one in catalogue())}"
    )


def describe(
    root: Path,
    *,
    reader: str | None = None,
    subject_pattern: str | None = None,
    session_pattern: str | None = None,
    table: str | None = None,
    record_column: str | None = None,
    subject_column: str | None = None,
    session_column: str | None = None,
    age_column: str | None = None,
    sex_column: str | None = None,
) -> Descriptor:
    """What is believed of a folder: its `auditor.yaml`, else the catalogue; flags win over both.

    Raises
    ------
    ConfigError
        A descriptor or a flag is wrong.
    """
    known = recognised(root) or Descriptor(
        name=root.resolve().name or "release", session=SessionRule(header="date")
    )
    raw = known.model_dump(exclude_none=True)
    if reader:
        raw["reader"] = reader
    if table:
        columns = {"record": (record_column or "record",), "age": age_column, "sex": sex_column}
        raw["table"] = {"file": table, **columns}
    elif record_column or age_column or sex_column:
        raise ConfigError("--record-column, --age-column and --sex-column need --table")
    for key, pattern, column in (
        ("subject", subject_pattern, subject_column),
        ("session", session_pattern, session_column),
    ):
        if pattern and column:
            raise ConfigError(f"--{key}-pattern and --{key}-column exclude each other")
        if column and "table" not in raw:
            raise ConfigError(f"--{key}-column needs --table")
        if pattern or column:
            raw[key] = {"path": pattern} if pattern else {"column": column}
    return validated(Descriptor, raw, "flags")


def recognised(root: Path) -> Descriptor | None:
    """What a folder's `auditor.yaml` says of it, or the catalogue; None where neither does.

    Raises
    ------
    ConfigError
        The descriptor is wrong.
    """
    return _beside(root) or _recognised(root)


def write_descriptor(descriptor: Descriptor, path: Path) -> None:
    """A descriptor as YAML, for a steward to correct."""
    raw = descriptor.model_dump(mode="json", exclude_defaults=True)
    # An unknown rule is written out, so that whoever corrects the file sees what is wanted.
    raw.setdefault("subject", None)
    raw.setdefault("session", None)
    try:
        path.write_text(yaml.safe_dump(raw, sort_keys=False, allow_unicode=True), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def _beside(root: Path) -> Descriptor | None:
    path = root / DESCRIPTOR
    if not os.path.lexists(path):
        return None
    raw = read_settings(path, as_text=True)
    return validated(Descriptor, {"name": root.resolve().name, **raw}, str(path))


def _recognised(root: Path) -> Descriptor | None:
    names: set[str] | None = None
    for one in catalogue():
        if one.marker and not any(root.glob(one.marker)):
            continue
        if one.names:
            names = _header_names(root) if names is None else names
            if not names or not all(re.fullmatch(one.names, name) for name in names):
                continue
        return one
    return None


def _header_names(root: Path) -> set[str]:
    """What the headers in a folder are called, without suffix."""
    return {
        Path(file).stem
        for _, _, files in os.walk(root)
        for file in files
        if file.endswith(record_suffixes())
    }


def _pattern(value: str | None) -> str | None:
    if value is not None:
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the pattern {shown(value)} is not one: {error}") from None
    return value

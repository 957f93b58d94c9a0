"""What `model.yaml` says of a model: its task, its files, its inputs, and who is a member.

Beside a model stands a `model.yaml`, as `auditor train` writes it or in a steward's own hand::

    task: arrhythmia
    file: model.json                       # or models: {I48: {file: i48.json}, …}
    members: rows.parquet                  # or .csv: a row per record
    columns: {record: id, subject: patient, part: used_in_training}
    parts: {members: "1", nonmembers: "0"}
    inputs: [RR ms, QRS ms]                # columns, in the model's order where it has no names
    labels: {I48: atrial_fibrillation}     # what each model tells → its column: 1, 0 or empty

Columns that `auditor train` writes are found by themselves: "input …" and "label …".
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow.lib import ArrowException
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from auditor.core.errors import ConfigError, ModelError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER
from auditor.resources import one_or_more, read_settings, shown, validated

#: A table of records is read up to this size, bytes.
_MAX_TABLE = 4 << 30
#: How alike a key that is not known and one that is have to be for the first to be a slip.
_SLIP = 0.8

DESCRIPTION = "model.yaml"
#: Who a model grew on; who stopped it, chose among its states or lent it ECGs without labels; and
#: who had no part in it. Those held back are neither members nor non-members.
TRAIN, VALIDATION, TEST = "trained", "held back", "judged"


Names = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]


class File(BaseModel):
    """One file of a model; what else is said of it is not asked here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    file: str


class Parts(BaseModel):
    """What the column of parts says of members and of others; all else is neither."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    members: str = TRAIN
    nonmembers: str = TEST


class Columns(BaseModel):
    """What the columns are called that are no inputs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str = "record"
    subject: str = "subject"
    session: str = "session"
    part: str = "part"
    sex: str = "sex"
    age: str = "age"


class Description(BaseModel):
    """A `model.yaml`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    task: str = Field(default="model", pattern=r"^[\w .+-]{1,64}$")
    title: str = Field(default="", max_length=200)
    file: str | None = None
    models: Mapping[str, File] = Field(default_factory=dict)
    members: str | None = None
    columns: Columns = Columns()
    parts: Parts = Parts()
    inputs: Names = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    size: str = "small"
    #: Of what reads ECGs and says nothing of them itself: at how many Hz, and which leads.
    fs: float | None = Field(default=None, gt=0, le=100_000)
    leads: Names = ()

    def files(self) -> dict[str, str]:
        """By what each tells, the model's files."""
        found = {name: one.file for name, one in self.models.items()}
        return found | ({self.task: self.file} if self.file else {})


def read(path: Path) -> Description:
    """What a `model.yaml` says.

    Raises
    ------
    ModelError
        It cannot be read, or says what cannot be.
    """
    try:
        raw = read_settings(path, as_text=True)
        # Other keys are not read, but a slip in one of ours must not go unseen.
        for key in raw.keys() - Description.model_fields:
            if near := get_close_matches(key, Description.model_fields, n=1, cutoff=_SLIP):
                raise ConfigError(f"{path}: {shown(key)}: unknown key; did you mean {near[0]}?")
        return validated(Description, raw, str(path))
    except ConfigError as error:
        raise ModelError(str(error)) from None


def beside(folder: Path, name: str) -> Path:
    """A file that a description names, if it lies in the description's folder.

    Raises
    ------
    ModelError
        It lies elsewhere, or is not there.
    """
    path = folder / name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise ModelError(f"{DESCRIPTION}: names a file outside its folder; copy it there")
    if not os.path.isfile(path):
        raise ModelError(f"{DESCRIPTION}: names {name}, which is not there; copy it there")
    return path


def members(folder: Path, said: Description) -> pd.DataFrame:
    """The table of records that a description names, everything else in it as it is.

    Raises
    ------
    ModelError
        It is missing, too large or damaged, or lacks the column of people.
    """
    assert said.members is not None
    path = beside(folder, said.members)
    if path.stat().st_size > _MAX_TABLE:
        raise ModelError(f"{path.name}: larger than {_MAX_TABLE >> 30} GiB; name fewer records")
    try:
        if path.suffix == ".parquet":
            table = _parquet(path)
        else:
            # "0001" is a name, and not the number 1.
            names = (said.columns.record, said.columns.subject, said.columns.session)
            as_text: dict[Hashable, type[str]] = dict.fromkeys((*names, said.columns.part), str)
            table = pd.read_csv(path, low_memory=False, dtype=as_text)
    except (
        ValueError,
        OSError,
        UnicodeDecodeError,
        pd.errors.ParserError,
        ArrowException,
    ) as error:
        raise ModelError(f"{path.name}: cannot be read as a table; write it again") from error
    if said.columns.subject not in table:
        raise ModelError(
            f"{path.name}: has no column {said.columns.subject!r} that says whose each record is; "
            f"name it in {DESCRIPTION} under columns"
        )
    if table[said.columns.subject].isna().any():
        raise ModelError(
            f"{path.name}: rows without {said.columns.subject!r}; say whose each record is, or "
            "leave them out"
        )
    return table.reset_index(drop=True)


def _parquet(path: Path) -> pd.DataFrame:
    """A table that is not larger than it says, and says that it is not too large."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        about = file.metadata
        size = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
        if max(size, about.num_rows * about.num_columns) > _MAX_TABLE:
            raise ModelError(
                f"{path.name}: holds more than {_MAX_TABLE >> 30} GiB; name fewer records"
            )
        table: pd.DataFrame = file.read().to_pandas()
    return table


def membership(table: pd.DataFrame, said: Description) -> tuple[NDArray[np.int8], str]:
    """(n,) `MEMBER`, `NONMEMBER` or `NEITHER`, and why nobody is a member, if so."""
    if said.columns.part not in table:
        why = f"{DESCRIPTION} names no column that says who was in the training data"
        return np.full(len(table), NEITHER, dtype=np.int8), why
    told = table[said.columns.part].astype(str).str.removesuffix(".0")
    is_member, is_other = told == said.parts.members, told == said.parts.nonmembers
    part = np.select([is_member, is_other], [MEMBER, NONMEMBER], NEITHER).astype(np.int8)
    why = "" if is_member.any() else "no record is said to have been trained on"
    return part, why or ("" if is_other.any() else "no record is said not to have been trained on")


def texts(table: pd.DataFrame, column: str) -> NDArray[np.str_]:
    """(n,) a column of texts; "" where it is not there."""
    if column not in table:
        return np.full(len(table), "", dtype=np.str_)
    return table[column].astype(str).to_numpy(np.str_)


def numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """(n,) a column of numbers, NaN where it holds none, or is not there."""
    if column not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)


def yes_or_no(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """(n,) a column of 1 and 0, NaN where it holds neither, or is not there."""
    label = numbers(table, column)
    return np.where((label == 0) | (label == 1), label, np.nan)

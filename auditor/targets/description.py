"""What `model.yaml` says of a model: its task, its files, its inputs, and who is a member.

Beside a model stands a `model.yaml`, as `auditor train` writes it or in a steward's own hand::

    task: arrhythmia
    file: model.json                       # or models: {I48: {file: i48.json}, …}
    members: rows.parquet                  # or .csv: a row per record
    columns: {record: id, subject: patient, part: used_in_training, sexes: {"1": male, "2": female}}
    parts: {members: "1", nonmembers: "0"}
    inputs: [RR ms, QRS ms]                # columns, in the model's order where it has no names
    labels: {I48: atrial_fibrillation}     # what each model tells → its column: 1, 0 or empty
    classes: {rhythm: [sinus, AF, other]}  # of a model of classes, in its order; 0, 1, 2 without
    outputs: [scores]                      # what is given out where the file is not; all without
    decimals: 2                            # and to how many decimals
    texts: texts.csv                       # what it writes of each record, with or without a file
    steps: 600                             # it was trained for; what it was earlier is in stages/

Columns that `auditor train` writes are found by themselves: "input …" and "label …". A cell that is
there and does not say what its column should is refused, and never counts as empty.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow.lib import ArrowException
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from auditor.core.errors import ConfigError, DataError, ModelError
from auditor.core.target import MEMBER, NEITHER, NONMEMBER, UNKNOWN, Floats
from auditor.data import values
from auditor.data.sheets import read_sheets
from auditor.resources import one_or_more, read_settings, shown, validated

#: A table of records is read up to this size, bytes.
_MAX_TABLE = 4 << 30
#: How alike a key that is not known and one that is have to be for the first to be a slip.
_SLIP = 0.8

DESCRIPTION = "model.yaml"
#: Folders named by steps of training, each with those networks that were trained further, as they
#: were after so many; the others are those that are released.
STAGES = "stages"
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
    """What the columns are called that are no inputs, and how the sexes are written where not as
    words: written → female or male.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str = "record"
    subject: str = "subject"
    session: str = "session"
    part: str = "part"
    sex: str = "sex"
    age: str = "age"
    text: str = "text"
    sexes: Mapping[str, Literal["female", "male"]] = Field(default_factory=dict)


class Description(BaseModel):
    """A `model.yaml`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    task: str = Field(default="model", pattern=r"^[\w .+-]{1,64}$")
    title: str = Field(default="", max_length=200)
    file: str | None = None
    models: Mapping[str, File] = Field(default_factory=dict)
    members: str | None = None
    texts: str | None = None
    columns: Columns = Columns()
    parts: Parts = Parts()
    inputs: Names = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    classes: Mapping[str, Names] = Field(default_factory=dict)
    #: What of the model is released where its file is not, and to how many decimals.
    outputs: Names = ()
    decimals: int | None = Field(default=None, ge=0, le=15)
    size: str = "small"
    steps: int | None = Field(default=None, ge=1)
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
    """The table of records that a description names: the cells of a Parquet file by their types,
    all others as text.

    Raises
    ------
    ModelError
        It is missing, too large or damaged, or lacks a column that the description names.
    """
    assert said.members is not None
    path = beside(folder, said.members)
    table = table_in(path)
    subject = said.columns.subject
    if subject not in table:
        raise ModelError(
            f"{path.name}: has no column {subject!r} that says whose each record is; "
            f"name it in {DESCRIPTION} under columns"
        )
    # Who was trained on may stay unknown, and is then said to be.
    named = said.columns.model_dump(exclude_unset=True, exclude={"part", "sexes", "text"})
    if absent := [column for column in named.values() if column not in table]:
        raise ModelError(
            f"{path.name}: has no column {absent[0]!r}, which {DESCRIPTION} names under columns"
        )
    if any(map(values.is_missing, texts(table, subject))):
        raise ModelError(
            f"{path.name}: rows without {subject!r}; say whose each record is, or leave them out"
        )
    return table.reset_index(drop=True)


def table_in(path: Path) -> pd.DataFrame:
    """A table that a description names.

    Raises
    ------
    ModelError
        It is too large or damaged.
    """
    if path.stat().st_size > _MAX_TABLE:
        raise ModelError(f"{path.name}: larger than {_MAX_TABLE >> 30} GiB; name fewer records")
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _text(path)
    except DataError as error:
        told = str(error).removeprefix(f"{path.name}: ")
        raise ModelError(
            f"{path.name}: cannot be read as a table: {told}; write it again"
        ) from None
    except (ValueError, OSError, ImportError, ArrowException) as error:
        raise ModelError(f"{path.name}: cannot be read as a table; write it again") from error
    if not table.columns.is_unique:
        raise ModelError(f"{path.name}: names a column twice; write it again")
    return table


def _text(path: Path) -> pd.DataFrame:
    """A table whose cells are text."""
    sheets = read_sheets(path)
    if len(sheets) != 1:
        raise ModelError(f"{path.name}: holds {len(sheets)} tables; wanted one")
    if n := len(sheets[0].ragged):
        raise ModelError(
            f"{path.name}: {n} rows hold more cells than the first line names; put cells that "
            "hold the separator in quotes"
        )
    return sheets[0].frame


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
    told = _codes(table, said.columns.part)
    is_member, is_other = told == said.parts.members, told == said.parts.nonmembers
    part = np.select([is_member, is_other], [MEMBER, NONMEMBER], NEITHER).astype(np.int8)
    why = "" if is_member.any() else "no record is said to have been trained on"
    return part, why or ("" if is_other.any() else "no record is said not to have been trained on")


# --- what the cells of a column say -------------------------------------------------------

#: How a label is written where not as a number.
_YES = frozenset({"yes", "y", "true", "t", "positive", "pos", "present"})
_NO = frozenset({"no", "n", "false", "f", "negative", "neg", "absent"})
#: What pandas writes of what a model was asked with as 1 and 0.
_TRUTH = {"true": 1.0, "false": 0.0}
_MALE = {"male": 1.0, "female": 0.0, None: np.nan}
#: A model is asked with no larger number.
_LARGEST = np.finfo(np.float32).max
#: So many different numbers are told of a column of codes, and none that is larger.
_TOLD, _CODE = 3, 99


def texts(table: pd.DataFrame, column: str) -> NDArray[np.str_]:
    """(n,) a column of texts; "" where it is not there."""
    if column not in table:
        return np.full(len(table), "", dtype=np.str_)
    return table[column].astype(str).to_numpy(np.str_)


def numbers(table: pd.DataFrame, column: str) -> Floats:
    """(n,) a column of numbers, NaN where a cell is empty, or the column is not there.

    Raises
    ------
    ModelError
        A cell is there, and is no number.
    """
    if column not in table:
        return np.full(len(table), np.nan)
    found, unread = _numbers(table[column])
    if unread:
        raise _not_understood(
            column, unread, len(table), "no number",
            "numbers, all with one decimal mark, and with one unit or none",
        )  # fmt: skip
    return found


def yes_or_no(table: pd.DataFrame, column: str) -> Floats:
    """(n,) a label, 1 or 0; NaN where a cell is empty or −1, or the column is not there.

    Raises
    ------
    ModelError
        A cell says something else.
    """
    if column not in table:
        return np.full(len(table), np.nan)
    cells = pd.Series(np.char.lower(np.char.strip(texts(table, column))))
    is_yes, is_no = cells.isin(_YES).to_numpy(), cells.isin(_NO).to_numpy()
    is_word = is_yes | is_no
    said, unread = _numbers(table[column].where(~is_word))
    label = np.select([is_yes, is_no], [1.0, 0.0], said)
    # Without a 0, −1 is not what is not known.
    known = (0, 1, UNKNOWN) if (label == 0).any() else (0, 1)
    others = np.unique(label[np.isfinite(label) & ~np.isin(label, known)])
    name = column.removeprefix("label ")
    if len(others) and not unread:
        held = np.unique(label[np.isfinite(label)])
        if len(held) <= _TOLD and _is_told(held):
            raise ModelError(f"label {name} holds {_listed(held)}; wanted 0 and 1")
    if unread or len(others):
        unread += int(np.isin(label, others).sum())
        raise _not_understood(name, unread, len(table), "neither yes nor no", "0 and 1", "label")
    return np.where(label == UNKNOWN, np.nan, label)


def is_yes(text: str) -> bool | None:
    """Whether a text says yes or no; None where it says neither."""
    said = text.strip().lower()
    return True if said in _YES | {"1"} else False if said in _NO | {"0"} else None


def classes(table: pd.DataFrame, column: str, n_classes: int, names: Sequence[str]) -> Floats:
    """(n,) which class, from 0; NaN where a cell is empty or −1, or the column is not there.

    Parameters
    ----------
    names : what each class is called in the table, in the model's order; none, and it is a number

    Raises
    ------
    ModelError
        A cell says something else.
    """
    if column not in table:
        return np.full(len(table), np.nan)
    name = column.removeprefix("label ")
    wanted = (
        f"0 to {n_classes - 1}, or in {DESCRIPTION} under classes what each is called, in the "
        "model's order"
    )
    if names:
        place = {one.strip().lower(): float(at) for at, one in enumerate(names)}
        cells = pd.Series(_codes(table, column)).str.lower()
        found = np.asarray(cells.map(place), dtype=np.float64)
        is_missing = cells.map(values.is_missing).to_numpy(bool)
        unread = int((np.isnan(found) & ~is_missing).sum())
        wanted = f"the {n_classes} that {DESCRIPTION} names under classes"
    else:
        found, unread = _numbers(table[column])
        found = np.asarray(np.where(found == UNKNOWN, np.nan, found), dtype=np.float64)
        known = np.unique(found[np.isfinite(found)])
        others = known[~np.isin(known, range(n_classes))]
        if len(others) and not unread and len(known) <= n_classes + 1 and _is_told(known):
            raise ModelError(f"label {name} holds {_listed(known)}; wanted {wanted}")
        unread += int(np.isin(found, others).sum())
    if unread:
        raise _not_understood(name, unread, len(table), "no class of the model", wanted, "label")
    return found


def male(table: pd.DataFrame, columns: Columns) -> Floats:
    """(n,) 1 for men, 0 for women; NaN where it is not known, or the column is not there.

    Raises
    ------
    ModelError
        A cell says something else.
    """
    said = [columns.sexes.get(cell, cell) for cell in _codes(table, columns.sex)]
    found, unread = values.column(said, values.sex_of)
    if unread:
        raise _not_understood(
            columns.sex, unread, len(table), "no sex",
            f"female and male, or in {DESCRIPTION} under columns what is written for them: "
            "sexes: {'1': male, '2': female}",
        )  # fmt: skip
    return np.array([_MALE[one] for one in found], dtype=np.float64)


def ages(table: pd.DataFrame, column: str) -> Floats:
    """(n,) ages in years, NaN where it is not known, or the column is not there.

    Raises
    ------
    ModelError
        A cell says something else.
    """
    if column not in table or _is_typed(table[column]):
        return numbers(table, column)
    found, unread = values.column(_cells(table[column]), values.age_of)
    if unread:
        raise _not_understood(column, unread, len(table), "no age", "years")
    return np.array([np.nan if one is None else one.years for one in found], dtype=np.float64)


def _is_told(held: Floats) -> bool:
    """Whether numbers are codes of few kinds, and nobody's own."""
    return bool((held == np.round(held)).all() and np.abs(held).max() <= _CODE)


def _listed(held: Floats) -> str:
    *first, last = (f"{one:.0f}" for one in held)
    return f"{', '.join(first)} and {last}" if first else last


def _numbers(column: pd.Series) -> tuple[Floats, int]:
    """The numbers of a column, and how many of its cells are there and are none."""
    if _is_typed(column):
        found, unread = column.to_numpy(np.float64, na_value=np.nan), 0
    else:
        cells = _cells(column)
        said = {cell.lower() for cell in cells if not values.is_missing(cell)}
        if said and said <= _TRUTH.keys():
            found = np.array([_TRUTH.get(cell.lower(), np.nan) for cell in cells])
            unread = 0
        else:
            found, unread = values.numbers(cells)
    return found, unread + int((np.abs(found) > _LARGEST).sum())


def _is_typed(column: pd.Series) -> bool:
    """Whether a column holds numbers, and not texts that may be some."""
    return column.dtype.kind in "biuf"


def _cells(column: pd.Series) -> Sequence[str]:
    return [str(cell).strip() for cell in column.astype(object).where(column.notna(), "")]


def _codes(table: pd.DataFrame, column: str) -> NDArray[np.str_]:
    """(n,) a column of few different texts or whole numbers, as the description writes them."""
    codes = pd.Series(np.char.strip(texts(table, column)))
    return codes.str.removesuffix(".0").to_numpy(np.str_)


def _not_understood(
    column: str, n: int, of: int, what: str, wanted: str, kind: str = "column"
) -> ModelError:
    """How many cells of a column are not what they should be; what they hold may be a person's."""
    return ModelError(f"{kind} {column}: {n} of {of} cells are {what}; wanted {wanted}")

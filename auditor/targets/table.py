"""Records that a model can be asked about by their numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import ModelError
from auditor.core.target import NEITHER, Floats
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import ReleasedModel
from auditor.targets.release import Release

#: What is true of each record of a table, by a column of it.
ReadLabel = Callable[[pd.DataFrame, str], Floats]


@dataclass(frozen=True, eq=False)
class Table:
    """Records, as `core.target.Target` tells them.

    Attributes
    ----------
    inputs, columns : (n, d) float32, NaN where not known, and what each column is called
    y_true : label → (n,) float64: 1 and 0 of a finding, the class counted from 0, the value; NaN
        not known
    """

    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]
    split: NDArray[np.int8]
    male: Floats
    age: Floats
    inputs: NDArray[np.float32]
    columns: tuple[str, ...]
    y_true: Mapping[str, Floats]
    membership_unknown: str


def table_of(
    model: ReleasedModel,
    labels: Mapping[str, ReadLabel],
    asked_by: Sequence[str] = (),
) -> Table:
    """The rows that a model's description names, else what is measured of the release's records.

    Parameters
    ----------
    labels : what the model predicts, and how the column of each is read
    asked_by : names of its inputs, as far as it names them itself

    Raises
    ------
    ModelError
        The table that the description names is missing, too large or damaged, lacks an input, or
        holds what is not understood; or an input is known of nobody.
    """
    said, unknown, table = model.description, model.membership_unknown, model.members
    if table is not None:
        split, unknown = description.membership(table, said)
    else:
        table = _measured(model.release)
        split = np.full(len(table), NEITHER, dtype=np.int8)
    prefixed = {str(one).removeprefix("input "): one for one in table if str(one)[:6] == "input "}
    if prefixed:
        inputs = prefixed
    else:
        wanted = said.inputs or asked_by
        inputs = {one: "male" if one == "sex" and "male" in table else one for one in wanted}
        inputs = {one: column for one, column in inputs.items() if column in table}
        if model.members is not None and (absent := [one for one in wanted if one not in inputs]):
            raise ModelError(
                f"{said.members}: has no column {absent[0]!r}, which the model reads; name its "
                f"inputs in {DESCRIPTION}"
            )
        if len(inputs) < len(wanted) or not wanted:
            # Nothing to ask it with: what the file shows by itself is all there is.
            table, inputs, split = table.iloc[:0], {}, split[:0]
    by_name = {one: description.numbers(table, str(column)) for one, column in inputs.items()}
    rows = list(by_name.values())
    # What `auditor train` writes was empty in training too.
    for name in () if prefixed or not len(table) else by_name:
        if np.isnan(by_name[name]).all():
            raise ModelError(
                f"input {name}: no record has a number, so that the model cannot be asked what it "
                "was made for; add them"
            )
    if "sex" in by_name and not said.columns.sexes:
        male = _male(by_name["sex"])
    else:
        male = description.male(table, said.columns)
    return Table(
        record=description.texts(table, said.columns.record),
        subject=description.texts(table, said.columns.subject),
        session=description.texts(table, said.columns.session),
        split=split,
        male=male,
        age=by_name["age"] if "age" in by_name else description.ages(table, said.columns.age),
        inputs=np.stack(rows, axis=1).astype(np.float32)
        if rows
        else np.zeros((len(table), 0), dtype=np.float32),
        columns=tuple(map(str, inputs)),
        y_true=_true_of(model, labels, table),
        membership_unknown=unknown,
    )


def truth_of(model: ReleasedModel, labels: Mapping[str, ReadLabel]) -> dict[str, Floats]:
    """What is true of each row that the model was asked about, where how that is read shows only in
    its answers.

    Raises
    ------
    ModelError
        A column holds what is not understood.
    """
    table = _measured(model.release) if model.members is None else model.members
    return _true_of(model, labels, table)


def _true_of(
    model: ReleasedModel, labels: Mapping[str, ReadLabel], table: pd.DataFrame
) -> dict[str, Floats]:
    known = {label: model.description.labels.get(label, f"label {label}") for label in labels}
    if len(labels) == 1 and "label event" in table:
        known = dict.fromkeys(known, "label event")
    return {label: labels[label](table, one) for label, one in known.items()}


def _male(sex: Floats) -> Floats:
    """The input of that name, which is 1 for men and 0 for women where nothing else is said.

    Raises
    ------
    ModelError
        It holds other numbers.
    """
    if not np.isin(sex[np.isfinite(sex)], (0, 1)).all():
        raise ModelError(
            f"input sex: holds other numbers than 0 and 1; say in {DESCRIPTION} under columns what "
            "is written for whom: sexes: {'1': male, '2': female}"
        )
    return sex


def _measured(release: Release) -> pd.DataFrame:
    """What is measured of a release's recordings, a row for each; no row without any."""
    found = release.feature_table
    if not len(found):
        return found
    return found.assign(male=found["sex"].map({"male": 1.0, "female": 0.0}))

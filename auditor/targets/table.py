"""Records that a model can be asked about by their numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.target import NEITHER, Floats
from auditor.targets import description
from auditor.targets.model import ReleasedModel
from auditor.targets.release import Release


@dataclass(frozen=True, eq=False)
class Table:
    """Records, as `core.target.Target` tells them.

    Attributes
    ----------
    inputs, columns : (n, d) float32, NaN where not known, and what each column is called
    y_true : label → (n,) float64: 1, 0, NaN not known
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


def table_of(model: ReleasedModel, labels: Sequence[str], asked_by: Sequence[str] = ()) -> Table:
    """The rows that a model's description names, else what is measured of the release's records.

    Parameters
    ----------
    labels : what the model predicts
    asked_by : names of its inputs, as far as it names them itself

    Raises
    ------
    ModelError
        The table that the description names is missing, too large or damaged.
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
        if len(inputs) < len(wanted) or not wanted:
            # Nothing to ask it with: what the file shows by itself is all there is.
            table, inputs, split = table.iloc[:0], {}, split[:0]
    rows = [description.numbers(table, str(one)) for one in inputs.values()]
    known = {label: said.labels.get(label, f"label {label}") for label in labels}
    if len(labels) == 1 and "label event" in table:
        known = dict.fromkeys(known, "label event")
    sex = description.texts(table, said.columns.sex)
    male = np.select([sex == "male", sex == "female"], [1.0, 0.0], np.nan)
    by_name = dict(zip(inputs, rows, strict=True))
    return Table(
        record=description.texts(table, said.columns.record),
        subject=description.texts(table, said.columns.subject),
        session=description.texts(table, said.columns.session),
        split=split,
        male=by_name.get("sex", male),
        age=by_name.get("age", description.numbers(table, said.columns.age)),
        inputs=np.stack(rows, axis=1).astype(np.float32)
        if rows
        else np.zeros((len(table), 0), dtype=np.float32),
        columns=tuple(map(str, inputs)),
        y_true={label: description.yes_or_no(table, one) for label, one in known.items()},
        membership_unknown=unknown,
    )


def _measured(release: Release) -> pd.DataFrame:
    """What is measured of a release's recordings, a row for each; no row without any."""
    found = release.feature_table
    if not len(found):
        return found
    return found.assign(male=found["sex"].map({"male": 1.0, "female": 0.0}))

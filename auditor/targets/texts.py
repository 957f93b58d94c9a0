"""What a model writes of records, as a table of texts beside its `model.yaml`.

Whoever made the texts, and by whatever model, the table is all that is asked for: a row for each
record, its name and the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from auditor.core.errors import ModelError
from auditor.core.target import UNKNOWN, Floats, Target
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import ReleasedModel
from auditor.targets.recordings import Recordings

#: The prompt that shows a model all there is; its answers are what is released.
FULL = "full"
#: Letters of a text, and of all texts of a table, that are read.
_LONGEST, _MOST = 100_000, 1 << 30
#: How the columns of the feature table end that hold what was measured.
_MEASURED = (" ms", " 1/min", " deg", " mV")


@dataclass(frozen=True, eq=False)
class Texts:
    """What a model writes, and what it was taught to: `core.target.WrittenTexts`.

    Attributes
    ----------
    told : by prompt ("full", "blank", "image only", "signal only"), what is written for each record
    written : the answer that belongs to each record, which members' were taught; "" where none
    loss : (n, k) how unlikely the model finds each token of that answer, −log p, NaN past its end;
        None where not known
    """

    told: Mapping[str, tuple[str, ...]]
    written: tuple[str, ...]
    loss: Floats | None = None

    def __post_init__(self) -> None:
        for name, texts in self.told.items():
            if len(texts) != len(self.written):
                raise ValueError(f"{len(texts)} texts are {name}, wanted {len(self.written)}")
        if self.loss is not None and len(self.loss) != len(self.written):
            raise ValueError(f"loss has {len(self.loss)} rows, wanted {len(self.written)}")


def open_texts(model: ReleasedModel) -> Target:
    """A model of which nothing but its texts is there, and the records that they are about.

    Raises
    ------
    ModelError
        The table of texts cannot be read, or is about none of the records; or there are none.
    """
    release = model.release
    if release.is_empty:
        raise ModelError(
            f"{model.description.texts}: is about records, and {release.root} holds none; scan the "
            "folder of those records"
        )
    table = release.feature_table
    n = len(table)
    seen = Recordings(
        np.zeros((n, 0), dtype=np.float32),
        table["record"].to_numpy(np.str_),
        table["subject"].to_numpy(np.str_),
        description.texts(table, "session"),
        description.numbers(table, "age"),
        {
            "sex": table["sex"]
            .map({"male": 1, "female": 0})
            .fillna(UNKNOWN)
            .to_numpy()
            .astype(np.int8)
        },
    )
    measured = {
        str(column): table[column].to_numpy(np.float64)
        for column in table
        if str(column).endswith(_MEASURED)
    }
    return with_texts(model.target(seen, measured, outputs={}), model)


def with_texts(target: Target, model: ReleasedModel) -> Target:
    """The same model with the texts that stand beside it.

    Raises
    ------
    ModelError
        The table of texts cannot be read, or is about none of the records; or the model writes
        texts itself.
    """
    said = model.description
    assert said.texts is not None
    if target.texts is not None:
        raise ModelError(
            f"{DESCRIPTION}: names texts of a model that writes its own; leave texts out"
        )
    path = model.file(said.texts)
    told = _texts(path.name, description.table_in(path), said.columns.record, said.columns.text)
    place = pd.Index(target.record).get_indexer(pd.Index(list(told)))
    unknown = int((place < 0).sum())
    if unknown == len(told):
        raise ModelError(
            f"{path.name}: names {len(told)} records, none of which is in {model.release.root}; "
            f"name records as `auditor inspect` does, in its column {said.columns.record!r}"
        )
    texts = tuple(told.get(str(record), "") for record in target.record)
    return replace(
        target,
        texts=Texts({FULL: texts}, ("",) * len(texts)),
        unread={**target.unread, "model text": unknown},
    )


def _texts(name: str, table: pd.DataFrame, record: str, text: str) -> dict[str, str]:
    """By record, its text; rows without a text are none.

    Raises
    ------
    ModelError
        A column is missing; a record stands there twice; or a text is too long, or none is there.
    """
    for column in (record, text):
        if column not in table:
            seen = ", ".join(map(repr, list(table)[:5]))
            raise ModelError(
                f"{name}: has no column {column!r} but {seen}; rename one, or name it in "
                f"{DESCRIPTION} under columns"
            )
    cells = table[text].astype(object).where(table[text].notna(), "").astype(str)
    rows = pd.Series(cells.to_numpy(), index=description.texts(table, record))
    rows = rows[rows.str.strip() != ""]
    if not len(rows):
        raise ModelError(f"{name}: all {len(table)} texts are empty; wanted one for each record")
    if n := int(rows.index.duplicated().sum()):
        raise ModelError(
            f"{name}: {n} of {len(rows)} rows name a record again; wanted one text for each record"
        )
    length = rows.str.len()
    if n := int((length > _LONGEST).sum()):
        raise ModelError(
            f"{name}: {n} of {len(rows)} texts are longer than {_LONGEST:,} letters; shorten them"
        )
    if length.sum() > _MOST:
        raise ModelError(f"{name}: holds more than {_MOST >> 30} Gi letters; name fewer records")
    return {str(one): said for one, said in rows.items()}

"""The ECGs of a release as a network reads them, whose they are, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError, SignalError
from auditor.core.streams import stream
from auditor.core.target import UNKNOWN, Floats
from auditor.data.dataset import Dataset
from auditor.data.pairs import TABLE, Modality, Pairs, read_pairs
from auditor.data.tables import Table, find
from auditor.data.tables import read as read_table
from auditor.targets.description import numbers, texts
from auditor.targets.release import Release

Rows = NDArray[np.float32]
Places = NDArray[np.int64]
#: (n_leads, n_samples) mV, Hz, names of leads → what a network reads.
Prepare = Callable[[Rows, float, Sequence[str]], Rows]
#: Told how many recordings were read, and of how many.
Reading = Callable[[int, int], None]

#: Records that a network is asked about at once.
AT_ONCE = 64
#: Which diagnostic class each statement of PTB-XL belongs to.
STATEMENTS = Table(("scp_statements.csv",), {"": "text", "diagnostic_class": "text"}, key=("",))
#: Shares of the people who are trained on and who validate; the others are tested on.
_TRAIN, _VALIDATION = 0.6, 0.15
#: A finding is asked where so many people have it, and so many have it not.
_ASKED = 30


@dataclass(frozen=True, eq=False)
class Recordings:
    """ECGs that a network can read.

    Attributes
    ----------
    x : (n, …, n_leads, n_samples) float32
    record, subject, session : (n,) str
    age : (n,) years, NaN where not known
    labels : name → (n,) int8: 1, 0 or `UNKNOWN`; `sex` is 1 for men
    pairs : the visit of each, where they were read of a folder that lists visits
    n_unfit : recordings that the network cannot read
    """

    x: Rows
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]
    age: Floats
    labels: Mapping[str, NDArray[np.int8]]
    pairs: Pairs | None = None
    n_unfit: int = 0

    @classmethod
    def of_visits(cls, pairs: Pairs, x: Rows, n_unfit: int = 0) -> Recordings:
        """The ECGs of visits; labels are the columns of the table that hold 0 and 1 alone."""
        table = pairs.table
        labels = {"sex": _sex(table["sex"])} if "sex" in table else {}
        for name in table.columns:
            values = table[name]
            known = values.dropna()
            if values.dtype.kind == "f" and len(known) and known.isin([0, 1]).all():
                labels[str(name)] = values.fillna(UNKNOWN).to_numpy().astype(np.int8)
        return cls(
            x,
            table["ecg"].to_numpy(str),
            pairs.subject,
            texts(table, "visit"),
            numbers(table, "age"),
            labels,
            pairs,
            n_unfit,
        )

    def split(self, seed: int) -> tuple[Places, Places, Places]:
        """Rows of the people who are trained on, who validate and who are tested on."""
        people, person = np.unique(self.subject, return_inverse=True)
        place = stream(seed, "waves/people").permutation(len(people))[person]
        n_train, n_validation = round(_TRAIN * len(people)), round(_VALIDATION * len(people))
        return (
            np.flatnonzero(place < n_train),
            np.flatnonzero((place >= n_train) & (place < n_train + n_validation)),
            np.flatnonzero(place >= n_train + n_validation),
        )

    def asked(self) -> list[str]:
        """The findings that enough people have, and enough have not."""
        return [
            name
            for name, label in self.labels.items()
            if min(len(np.unique(self.subject[label == kind])) for kind in (0, 1)) >= _ASKED
        ]

    def known(self) -> dict[str, Floats]:
        """By label, (n,) 1, 0, or NaN where it is not known."""
        return {name: np.where(one == UNKNOWN, np.nan, one) for name, one in self.labels.items()}

    # What was recorded at the same visit.

    def pictured(self, modality: Modality) -> Places:
        """Rows of the visits that have a picture of a kind."""
        if self.pairs is None or modality not in self.pairs.table:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.pairs.table[modality].to_numpy() != "")

    def of_pictures(
        self,
        modality: Modality,
        read: Callable[[Pairs, Places], Rows],
        make: Callable[[Rows], Rows],
    ) -> Rows:
        """(n, …) what is made of the picture of each visit; NaN where there is none."""
        assert self.pairs is not None
        rows = self.pictured(modality)
        parts = np.array_split(rows, -(-len(rows) // AT_ONCE))
        found = np.concatenate([make(read(self.pairs, some)) for some in parts])
        values = np.full((len(self.record), *found.shape[1:]), np.nan, dtype=np.float32)
        values[rows] = found
        return values


def has_visits(release: Release) -> bool:
    """Whether a release lists visits."""
    return (release.root / TABLE).is_file()


def visits(release: Release) -> Pairs | None:
    """The visits that a release lists, if it lists any.

    Raises
    ------
    DataError
        Its list is damaged.
    """
    return read_pairs(release.root) if has_visits(release) else None


def read_recordings(
    release: Release, prepare: Prepare, progress: Reading = lambda done, total: None
) -> Recordings:
    """The recordings of a release, as a network reads them.

    Raises
    ------
    DataError
        None of them can be read by it.
    """
    dataset = release.dataset
    found: list[Rows] = []
    rows = []
    for done, name in enumerate(dataset.manifest["record"]):
        try:
            record = dataset.read(str(name))
            found.append(prepare(record.signal, record.fs, record.leads))
            rows.append(done)
        except (SignalError, DataError):
            pass
        progress(done + 1, len(dataset.manifest))
    if not found:
        raise DataError(
            f"{dataset.root}: none of its {len(dataset.manifest)} recordings has the leads and "
            "the length that the network reads"
        )
    kept = dataset.manifest.iloc[rows]
    return Recordings(
        np.stack(found),
        kept["record"].to_numpy(str),
        kept["subject"].to_numpy(str),
        texts(kept, "session"),
        numbers(kept, "age"),
        {name: label[rows] for name, label in _labels(dataset).items()},
        n_unfit=len(dataset.manifest) - len(rows),
    )


def read_visits(
    pairs: Pairs, prepare: Prepare, progress: Reading = lambda done, total: None
) -> Recordings:
    """The ECGs of visits, as a network reads them.

    Raises
    ------
    DataError
        An ECG cannot be read by the network: pairs are made of what can.
    """
    found = []
    for row in range(len(pairs)):
        record = pairs.ecg(row)
        try:
            found.append(prepare(record.signal, record.fs, record.leads))
        except SignalError as error:
            raise DataError(
                f"{pairs.root}: line {row + 2}: its ECG {error}; leave it out"
            ) from None
        progress(row + 1, len(pairs))
    return Recordings.of_visits(pairs, np.stack(found))


def _labels(dataset: Dataset) -> dict[str, NDArray[np.int8]]:
    """Sex, and what the data set says of each record: of PTB-XL the superclasses."""
    root, table = dataset.root, dataset.manifest
    said = [set(str(one or "").split()) for one in table["labels"]]
    if find(root, STATEMENTS):
        statements = read_table(root, STATEMENTS)
        of_class = dict(zip(statements[""], statements["diagnostic_class"], strict=True))
        said = [{of_class[code] for code in some if of_class.get(code)} for some in said]
    names = sorted(set().union(*said)) if said else []
    return {"sex": _sex(table["sex"])} | {
        name: np.array([name in some for some in said], dtype=np.int8) for name in names
    }


def _sex(column: pd.Series[Any]) -> NDArray[np.int8]:
    """(n,) 1 for men, 0 for women, `UNKNOWN`."""
    told = column.map({"male": 1, "female": 0})
    return told.fillna(UNKNOWN).to_numpy().astype(np.int8)

"""ECGs as a network reads them, whose they are, what is known of them, and who takes which part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError, SignalError
from auditor.core.streams import stream
from auditor.data.dataset import Dataset
from auditor.data.pairs import Pairs
from auditor.data.tables import find
from auditor.data.tables import read as read_table
from auditor.systems.cohort import UNKNOWN
from auditor.systems.tabular.sources import STATEMENTS

#: (n_leads, n_samples) mV, Hz, names of leads → what a network reads.
Prepare = Callable[[NDArray[np.float32], float, Sequence[str]], NDArray[np.float32]]
#: Shares of the people who are trained on, who are held back, and who are judged.
_TRAINED, _HELD_BACK = 0.6, 0.15
#: A finding is asked where so many people have it, and so many have it not.
_ASKED = 30


@dataclass(frozen=True, eq=False)
class Waves:
    """ECGs that a network can read.

    Attributes
    ----------
    x : (n, n_leads, n_samples) float32
    record, subject : (n,) str
    labels : name → (n,) int8: 1, 0, −1 not known; `sex` is 1 for men
    n_unfit : recordings that it cannot read
    """

    x: NDArray[np.float32]
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    labels: Mapping[str, NDArray[np.int8]]
    n_unfit: int

    def parts(self, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the people who are trained on, held back and judged."""
        people, person = np.unique(self.subject, return_inverse=True)
        place = stream(seed, "waves/people").permutation(len(people))[person]
        trained, held = round(_TRAINED * len(people)), round(_HELD_BACK * len(people))
        return (
            np.flatnonzero(place < trained),
            np.flatnonzero((place >= trained) & (place < trained + held)),
            np.flatnonzero(place >= trained + held),
        )

    def asked(self) -> list[str]:
        """The findings that enough people have, and enough have not."""
        return [
            name
            for name, label in self.labels.items()
            if min(len(np.unique(self.subject[label == kind])) for kind in (0, 1)) >= _ASKED
        ]


def waves(
    dataset: Dataset,
    prepare: Prepare,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Waves:
    """The recordings of a folder, as a network reads them.

    Raises
    ------
    DataError
        None of them can be read by it.
    """
    read: list[NDArray[np.float32]] = []
    rows = []
    for done, name in enumerate(dataset.manifest["record"]):
        try:
            record = dataset.read(str(name))
            read.append(prepare(record.signal, record.fs, record.leads))
            rows.append(done)
        except (SignalError, DataError):
            pass
        progress(done + 1, len(dataset.manifest))
    if not read:
        raise DataError(
            f"{dataset.root}: none of its {len(dataset.manifest)} recordings has the leads and "
            "the length that the network reads"
        )
    kept = dataset.manifest.iloc[rows]
    return Waves(
        np.stack(read),
        kept["record"].to_numpy(str),
        kept["subject"].to_numpy(str),
        {name: label[rows] for name, label in _labels(dataset).items()},
        len(dataset.manifest) - len(rows),
    )


def _labels(dataset: Dataset) -> dict[str, NDArray[np.int8]]:
    """Sex, and what the data set says of each record: of PTB-XL the superclasses."""
    root, table = dataset.root, dataset.manifest
    sex = table["sex"].map({"male": 1, "female": 0}).fillna(UNKNOWN).to_numpy().astype(np.int8)
    said = [set(str(one or "").split()) for one in table["labels"]]
    if find(root, STATEMENTS):
        statements = read_table(root, STATEMENTS)
        of_class = dict(zip(statements[""], statements["diagnostic_class"], strict=True))
        said = [{of_class[code] for code in some if of_class.get(code)} for some in said]
    names = sorted(set().union(*said)) if said else []
    found: dict[str, NDArray[np.int8]] = {"sex": sex}
    return found | {
        name: np.array([name in some for some in said], dtype=np.int8) for name in names
    }


def paired_waves(
    pairs: Pairs,
    prepare: Prepare,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Waves:
    """The ECGs of visits; labels are the columns of the table that hold 0 and 1 alone.

    Raises
    ------
    DataError
        An ECG cannot be read by the network: pairs are made of what can.
    """
    read = []
    for row in range(len(pairs)):
        record = pairs.ecg(row)
        try:
            read.append(prepare(record.signal, record.fs, record.leads))
        except SignalError as error:
            raise DataError(
                f"{pairs.root}: line {row + 2}: its ECG {error}; leave it out"
            ) from None
        progress(row + 1, len(pairs))
    labels: dict[str, NDArray[np.int8]] = {}
    if "sex" in pairs.table:
        sex = pairs.table["sex"].map({"male": 1, "female": 0})
        labels["sex"] = sex.fillna(UNKNOWN).to_numpy().astype(np.int8)
    for name in pairs.table.columns:
        values = pairs.table[name]
        if values.dtype.kind == "f" and values.dropna().isin([0, 1]).all() and values.notna().any():
            labels[str(name)] = values.fillna(UNKNOWN).to_numpy().astype(np.int8)
    return Waves(np.stack(read), pairs.table["ecg"].to_numpy(str), pairs.subject, labels, n_unfit=0)

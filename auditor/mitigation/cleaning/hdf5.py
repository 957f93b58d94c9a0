"""HDF5 in the layout of CODE-15%: the tracings in rows of another order, and nothing beside them.

Rows are called by their place, which only the key leads to: `exam_id` is left out.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py

from auditor.data.readers.hdf5 import file_of
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Task, copied

_TRACINGS = "tracings"


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    yield Piece(task.file, _content(task, count))


def _content(task: Task, count: Counter[str]) -> Iterator[bytes]:
    rows = []
    texts: tuple[tuple[str, str], ...] = ()
    for record, _ in task.records:
        path, layout, name = file_of(task.root, record)
        texts = layout.texts
        rows.append(layout.row(name))
    count["texts and attributes of files"] += len(texts)
    with (
        tempfile.TemporaryDirectory(prefix="auditor-") as folder,
        h5py.File(path, "r", locking=False) as old,
    ):
        draft = Path(folder, "draft.hdf5")
        tracings = old[_TRACINGS]
        with h5py.File(draft, "w", libver=("earliest", "v110")) as new:
            # No times of creation: the same key gives the same bytes.
            written = new.create_dataset(
                _TRACINGS,
                (len(rows), *tracings.shape[1:]),
                tracings.dtype,
                chunks=(1, *tracings.shape[1:]),
                compression="gzip" if tracings.compression else None,
                track_times=False,
            )
            for place, row in enumerate(rows):
                written[place] = tracings[row]
        yield from copied(draft)


CLEANERS.register("hdf5")(Cleaner(_pieces, ".hdf5", holds_many=True))

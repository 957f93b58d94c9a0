"""Maps a view over the records of a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auditor.core.registry import Registry
from auditor.core.view import View
from auditor.data.protocols import Items
from auditor.engine import Engine, shards
from auditor.signal.prepare import Prepared
from auditor.signal.windows import beat_choice


class SignalView(Protocol):
    """A view of one record that is computed from its signal.

    Attributes
    ----------
    matcher : how two rows are compared, a name in `auditor.attackers.matchers`
    """

    matcher: str

    def columns(self, leads: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the values."""
        ...

    def values(
        self, prepared: Prepared, row: int, chosen: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(d,) what these beats of a record show; NaN where a value is unknown."""
        ...


VIEWS: Registry[SignalView] = Registry("view")


def build(name: str, prepared: Prepared, items: Items, engine: Engine, seed: int) -> View:
    """A registered view of some items.

    Parameters
    ----------
    seed : which random half of a record's beats a half item holds
    """
    columns = VIEWS[name].columns(prepared.leads)
    jobs = []
    for places in shards(range(len(items))):
        chosen = np.asarray(places)
        rows, row = np.unique(items.row[chosen], return_inverse=True)
        jobs.append(_Job(name, prepared.part(rows), Items(row, items.half[chosen]), seed))
    parts = list(engine.map(_build_shard, jobs))
    values = np.concatenate(parts) if parts else np.empty((0, len(columns)), dtype=np.float32)
    return labelled(name, values, columns, prepared, items)


def labelled(
    name: str,
    values: NDArray[np.float32],
    columns: tuple[str, ...],
    prepared: Prepared,
    items: Items,
) -> View:
    """Values of some items, with the records, people and sessions they are of."""
    who = prepared.records.iloc[items.row]
    record, subject, session = (
        who[column].to_numpy().astype(str) for column in ("record", "subject", "session")
    )
    return View(name, values, columns, record, subject, session)


@dataclass(frozen=True)
class _Job:
    view: str
    prepared: Prepared
    items: Items
    seed: int


def _build_shard(job: _Job) -> NDArray[np.float32]:
    view = VIEWS[job.view]
    rows: list[NDArray[np.float32]] = []
    for row, half in zip(job.items.row, job.items.half, strict=True):
        chosen = beat_choice(job.prepared, int(row), int(half), job.seed)
        rows.append(view.values(job.prepared, int(row), chosen))
    return np.stack(rows)

"""A row for each item, of what its beats show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.matchers import Rows
from auditor.data.protocols import Items
from auditor.engine import shards
from auditor.signal.prepare import Prepared
from auditor.signal.windows import beat_choice
from auditor.targets.context import Context

#: Of prepared signals, a row of them and some of its beats: (d,) what these show.
Describe = Callable[[Prepared, int, NDArray[np.int64]], NDArray[np.float32]]


def item_table(context: Context, items: Items, describe: Describe) -> Rows:
    """(n_items, d) what is described of each item, on all workers.

    Parameters
    ----------
    describe : a function of a module, which workers can import
    """
    jobs = []
    for places in shards(range(len(items))):
        chosen = np.asarray(places)
        rows, row = np.unique(items.row[chosen], return_inverse=True)
        part = Items(row, items.half[chosen])
        jobs.append(_Job(describe, context.prepared.part(rows), part, context.seed))
    return np.concatenate(list(context.engine.map(_describe_shard, jobs)))


@dataclass(frozen=True)
class _Job:
    describe: Describe
    prepared: Prepared
    items: Items
    seed: int


def _describe_shard(job: _Job) -> Rows:
    rows = []
    for row, half in job.items.pairs:
        chosen = beat_choice(job.prepared, row, half, job.seed)
        rows.append(job.describe(job.prepared, row, chosen))
    return np.stack(rows)

"""A row for each item, of what its beats show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.matchers import Rows
from auditor.data.protocols import N_HALVES, Items
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

    def described(missing: Items) -> Rows:
        jobs = []
        for places in shards(range(len(missing))):
            chosen = np.asarray(places)
            rows, row = np.unique(missing.row[chosen], return_inverse=True)
            part = Items(row, missing.half[chosen])
            jobs.append(_Job(describe, context.prepared.part(rows), part, context.seed))
        return np.concatenate(list(context.engine.map(_describe_shard, jobs)))

    return kept_rows(context, describe.__qualname__, items, described)


@dataclass(eq=False)
class KeptRows:
    """Rows of some items.

    Attributes
    ----------
    place : (n_numbers,) of each item, by its number, where its row stands; -1 where there is none
    rows : (n_rows, d)
    """

    place: NDArray[np.int64]
    rows: Rows | None = None


def kept_rows(context: Context, name: str, items: Items, compute: Callable[[Items], Rows]) -> Rows:
    """(n_items, d) a row of each item, computed once for each however often it is asked for.

    Parameters
    ----------
    name : of what is computed, which depends on the item alone
    """
    kept: KeptRows = context.memo.setdefault(
        ("rows", name), KeptRows(np.full(N_HALVES * len(context.records), -1))
    )
    numbers = items.numbers
    missing = np.unique(numbers[kept.place[numbers] < 0])
    if len(missing):
        found = compute(Items.numbered(missing))
        have = [] if kept.rows is None else [kept.rows]
        kept.place[missing] = sum(map(len, have)) + np.arange(len(missing))
        kept.rows = np.concatenate([*have, found])
    assert kept.rows is not None
    return kept.rows[kept.place[numbers]]


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

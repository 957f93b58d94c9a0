"""What GEM is shown of each visit: the ECG, and the page that a printer would make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auditor.core.errors import AuditorError
from auditor.core.record import STANDARD_LEADS
from auditor.data.pairs import Pairs
from auditor.engine import Engine, shards
from auditor.signal.feature_table import measure
from auditor.systems.gem import network as gem
from auditor.systems.gem.grounding import Row
from auditor.systems.gem.image import page
from auditor.targets.recordings import Reading, Recordings, Rows

#: By size: of which leads an answer tells more than what is of the whole recording, and how finely
#: a page is drawn before CLIP's square makes it coarser.
TOLD: Mapping[str, Sequence[str]] = {"small": (), "published": STANDARD_LEADS}
DOTS_PER_MM: Mapping[str, int] = {"small": 2, "published": 8}


class _Visit(NamedTuple):
    """An ECG (n_leads, n_samples), what is measured of it, and its page (3, side, side)."""

    ecg: Rows
    measured: Row
    page: Rows


@dataclass(frozen=True)
class _Job:
    pairs: Pairs
    rows: Sequence[int]
    config: gem.GEMConfig
    side: int
    dots_per_mm: int


class Seen(NamedTuple):
    """The visits whose ECGs can be read and measured.

    Attributes
    ----------
    measured : of each, its measurements
    tokens : (n, n_tokens, width) what an image encoder makes of each page
    """

    recordings: Recordings
    measured: list[Row]
    tokens: Rows


def seen(
    pairs: Pairs,
    config: gem.GEMConfig,
    side: int,
    dots_per_mm: int,
    look: Callable[[Rows], Rows],
    engine: Engine,
    progress: Reading,
) -> Seen | None:
    """The visits whose ECGs can be read and measured; None where none can.

    Parameters
    ----------
    look : what the image encoder makes of pages (n, 3, side, side)
    """
    jobs = [_Job(pairs, rows, config, side, dots_per_mm) for rows in shards(range(len(pairs)))]
    kept: list[int] = []
    ecgs, measured, tokens = [], [], []
    for job, found in zip(jobs, engine.map(_read, jobs), strict=True):
        fit = {row: one for row, one in zip(job.rows, found, strict=True) if one is not None}
        kept += fit
        ecgs += [one.ecg for one in fit.values()]
        measured += [one.measured for one in fit.values()]
        if fit:
            tokens.append(look(np.stack([one.page for one in fit.values()])))
        progress(int(job.rows[-1]) + 1, len(pairs))
    if not kept:
        return None
    known = Pairs(pairs.root, pairs.table.iloc[kept].reset_index(drop=True))
    recordings = Recordings.of_visits(known, np.stack(ecgs), len(pairs) - len(kept))
    return Seen(recordings, measured, np.concatenate(tokens))


def _read(job: _Job) -> list[_Visit | None]:
    """The visits of some rows; None where the ECG cannot be read or measured."""
    found: list[_Visit | None] = []
    for row in job.rows:
        try:
            record = job.pairs.ecg(row)
            measured = {"sex": record.attributes.get("sex"), **measure(record).row}
            ecg = gem.prepare(record.signal, record.fs, record.leads, job.config)
        except AuditorError:
            found.append(None)
            continue
        drawn = page(record.signal, record.fs, record.leads, dots_per_mm=job.dots_per_mm)
        found.append(_Visit(ecg, measured, gem.prepare_image(drawn, job.side)))
    return found

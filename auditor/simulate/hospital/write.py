"""Every table of a simulated hospital, written as CSV."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO

import pandas as pd

from auditor.core.errors import ConfigError
from auditor.simulate.hospital import biobank, clinical, ecg_view, mimic, radiographs
from auditor.simulate.hospital.people import People, draw_people
from auditor.simulate.hospital.visits import draw_visits
from auditor.simulate.population import require_at_least

#: Every file under the root, and its columns in their order.
LAYOUT: Mapping[str, tuple[str, ...]] = {
    **mimic.LAYOUT,
    **clinical.LAYOUT,
    **radiographs.LAYOUT,
    **ecg_view.LAYOUT,
    **biobank.LAYOUT,
}


@dataclass(frozen=True)
class Hospital:
    """Tables about simulated people; the same seed gives the same bytes.

    The n-th row of a table of ECGs is the n-th record of `patients.population`, whose dates lie in
    other years. In the waveforms of atrial fibrillation P is small, in the tables it is missing.

    Attributes
    ----------
    n_subjects : patients; ECG-ViEW II has half as many, the biobank at most its own 2,438
    seed : of every random stream

    Raises
    ------
    ConfigError
        There are too few people to fill twenty folds, or the seed is negative.
    """

    n_subjects: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_subjects < 40:
            raise ConfigError(f"a hospital has {self.n_subjects} people, wanted 40 or more")
        require_at_least(self, seed=0)

    @cached_property
    def patients(self) -> People:
        """The people of MIMIC-IV, their ECGs and radiographs."""
        return draw_people(self.seed, "patients", self.n_subjects)

    @cached_property
    def ecg_view_people(self) -> People:
        """The people of ECG-ViEW II."""
        return draw_people(self.seed, "ecg-view", self.n_subjects // 2)

    def write(
        self, root: Path, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Write every table of `LAYOUT` under `root`.

        `progress` is called with the number of tables done and of all.
        """
        visits = draw_visits(self.patients, self.seed)
        tables = chain(
            mimic.tables(visits, self.seed),
            clinical.tables(visits, self.seed),
            radiographs.tables(visits, self.seed),
            ecg_view.tables(self.ecg_view_people, self.seed),
            biobank.tables(self.n_subjects, self.seed),
        )
        for done, (name, table) in enumerate(tables, start=1):
            _write(table[list(LAYOUT[name])], root / name)
            progress(done, len(LAYOUT))


def _write(table: pd.DataFrame, path: Path) -> None:
    """As CSV; a compressed one holds no time, so the same table gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if path.suffix != ".gz":
            _write_csv(table, file)
            return
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
            _write_csv(table, packed)


def _write_csv(table: pd.DataFrame, file: IO[bytes] | gzip.GzipFile) -> None:
    with TextIOWrapper(file, encoding="utf-8", newline="") as text:
        table.to_csv(text, index=False, lineterminator="\n")

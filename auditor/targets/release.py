"""A folder of recordings, opened once and handed to whoever asks about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.core.errors import DataError
from auditor.core.evidence import MIN_PEOPLE
from auditor.data.catalog import describe
from auditor.data.dataset import Dataset, NoRecordsError, open_dataset, without_recordings
from auditor.data.kept import Joined
from auditor.data.leads import LeadSet, common_leads, lead_sets
from auditor.engine import Engine
from auditor.signal.feature_table import kept_features
from auditor.signal.prepare import Prepared, nothing_prepared, prepare

#: Told what is being done, how far it is, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Release:
    """A folder as its recipient gets it: what was read of it, and what is computed from that.

    Attributes
    ----------
    dataset : the recordings, and what the flags and the descriptor say of them
    engine : maps work over shards of records
    max_seconds : a longer record is prepared up to here
    progress : told what is being done, how far it is, and of how much
    fewest : people of whom numbers are told
    lead_set : the records that these are of a whole release, and the leads they are looked at by;
        None of a whole release, which is looked at by the leads that nearly all have
    """

    dataset: Dataset
    engine: Engine
    max_seconds: float = 600.0
    progress: Progress = lambda task, done, total: None
    fewest: int = MIN_PEOPLE
    lead_set: LeadSet | None = None

    @classmethod
    def open(
        cls,
        root: Path,
        engine: Engine,
        *,
        flags: Mapping[str, str | None] | None = None,
        max_seconds: float = 600.0,
        progress: Progress = lambda task, done, total: None,
        may_be_empty: bool = False,
        models: Sequence[Path] = (),
        fewest: int = MIN_PEOPLE,
    ) -> Release:
        """Read a folder.

        Parameters
        ----------
        flags : what `auditor.yaml` would say, such as `subject_pattern`; None says nothing
        models : that are audited too; in the folder, they are known
        may_be_empty : whether a folder without recordings is one too, such as a model's tables

        Raises
        ------
        DataError
            It cannot be read, or holds no recording and has to.
        ConfigError
            A flag or the descriptor is wrong.
        """
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        progress("reading", 0, 0)
        try:
            dataset = open_dataset(
                root,
                describe(root, **given),
                engine=engine,
                models=models,
                progress=lambda done, total: progress("reading", done, total),
            )
        except NoRecordsError:
            if not may_be_empty:
                raise
            dataset = without_recordings(root)
        return cls(dataset, engine, max_seconds, progress, fewest)

    def prepared_as(self, prepared: Prepared, name: str) -> Release:
        """The same release with other signals in the place of its own.

        Parameters
        ----------
        name : of what they are, so that what is kept of them is kept apart
        """
        fingerprint = f"{self.dataset.fingerprint}+{name}"
        other = replace(self, dataset=replace(self.dataset, fingerprint=fingerprint))
        vars(other)["prepared"] = prepared
        return other

    @property
    def root(self) -> Path:
        """The folder."""
        return self.dataset.root

    @property
    def is_empty(self) -> bool:
        """Whether it holds no recording."""
        return not len(self.dataset.manifest)

    @property
    def records(self) -> pd.DataFrame:
        """The records in which heartbeats were found, a person's first one first."""
        return self.prepared.records

    @cached_property
    def prepared(self) -> Prepared:
        """Signals that were cleaned, and their heartbeats."""
        if self.is_empty:
            return nothing_prepared(self.dataset)
        return prepare(
            self.dataset,
            self.engine,
            leads=self.lead_set.leads
            if self.lead_set
            else common_leads(self.dataset.manifest["leads"]),
            max_seconds=self.max_seconds,
            progress=lambda done, total: self.progress("finding heartbeats", done, total),
        )

    @cached_property
    def lead_sets(self) -> Mapping[str, Release]:
        """Name → the records that are looked at by other leads than all are, as a release."""
        if self.is_empty or self.lead_set:
            return {}
        sets = {}
        for one in lead_sets(self.dataset.manifest, self.fewest):
            fingerprint = f"{self.dataset.fingerprint}+{one.name}"
            part = replace(self.dataset.part(one.rows), fingerprint=fingerprint)
            sets[one.name] = replace(self, dataset=part, lead_set=one)
        return sets

    def joined(self, kept: Release) -> Release:
        """The same with what is kept of its people.

        Raises
        ------
        DataError
            They have no lead in common, or too few people, or others who are called the same.
        """
        return replace(self, dataset=Joined.of(self.dataset, kept.dataset), lead_set=None)

    def without_copies(self) -> Release:
        """The same without kept recordings that are copies of released ones.

        Raises
        ------
        DataError
            All that is kept is released too.
        """
        assert isinstance(self.dataset, Joined)
        records = self.records
        copied = records["digest"].isin(records["digest"][~records["kept"]]) & records["kept"]
        if not copied.any():
            return self
        names = set(records["record"][copied])
        left = np.flatnonzero(~self.dataset.manifest["record"].isin(names))
        if not self.dataset.manifest["kept"].iloc[left].any():
            raise DataError(
                f"{self.dataset.kept.root}: all its recordings of people of the release are copies "
                "of released ones; wanted some of other occasions"
            )
        fingerprint = f"{self.dataset.fingerprint}+no copies"
        return replace(self, dataset=replace(self.dataset.part(left), fingerprint=fingerprint))

    @cached_property
    def unusable(self) -> pd.DataFrame:
        """The records in which no heartbeat was found by any leads; columns `record`, `reason`."""
        unusable = self.prepared.unusable
        seen = [one.records["record"] for one in self.lead_sets.values()]
        return unusable[~unusable["record"].isin(pd.concat(seen))] if seen else unusable

    @cached_property
    def feature_table(self) -> pd.DataFrame:
        """What is measured of each record, a row for each; no row where there is no recording."""
        if self.is_empty:
            return pd.DataFrame()
        return kept_features(
            self.dataset,
            self.engine,
            lambda done, total: self.progress("measuring", done, total),
        )

"""A release, and recordings of its people that are kept back, as one data set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.record import Record
from auditor.data.account import Account
from auditor.data.dataset import Dataset
from auditor.data.leads import common_leads

#: Before the names of recordings that are kept.
_KEPT = "kept:/"
#: The share of people who may be of another sex by a slip of the pen; of strangers it is a half.
_WRONG = 0.1


@dataclass(frozen=True, eq=False)
class Joined(Dataset):
    """A release, and what an intruder may hold of its people beside it.

    The manifest has a column `kept`; a person's kept recordings come after those released.

    Attributes
    ----------
    kept : the recordings that are not released
    """

    kept: Dataset = field(kw_only=True)

    @classmethod
    def of(cls, release: Dataset, kept: Dataset) -> Joined:
        """Both in the leads that both have; of what is kept, recordings of people of the release
        that were not made on a day of which one of theirs is released.

        Raises
        ------
        DataError
            They have no lead in common, or too few people.
        """
        here, there = release.manifest, kept.manifest
        common = [one for one in common_leads(here["leads"]) if one in common_leads(there["leads"])]
        if not common:
            raise DataError(f"{kept.root}: no lead of its recordings is in the release's")
        known = here[here["subject_known"]]
        theirs = there[there["subject_known"] & there["subject"].isin(known["subject"])]
        if (n := theirs["subject"].nunique()) < MIN_PEOPLE:
            raise DataError(
                f"{kept.root}: of {len(there)} recordings, those of {n} people of the release, "
                f"wanted {MIN_PEOPLE} people; name people as the release does, by subject in "
                "auditor.yaml and a table that joins both"
            )
        sex = [one[one["sex"].notna()].groupby("subject")["sex"].first() for one in (known, theirs)]
        both = pd.concat(sex, axis=1, join="inner")
        others = int((both.iloc[:, 0] != both.iloc[:, 1]).sum())
        if others > _WRONG * len(both):
            raise DataError(
                f"{kept.root}: of {len(both)} people whose sex both state, {others} are of another "
                "in the release: these are other people who are called the same; correct subject "
                "in auditor.yaml"
            )
        days = set(zip(known["subject"], known["taken_at"].dt.normalize(), strict=True))
        same_day = [
            pd.notna(day) and (subject, day) in days
            for subject, day in zip(
                theirs["subject"], theirs["taken_at"].dt.normalize(), strict=True
            )
        ]
        theirs = theirs[~pd.Series(same_day, index=theirs.index, dtype=bool)]
        manifest = pd.concat(
            [
                here.assign(kept=False),
                theirs.assign(kept=True, record=_KEPT + theirs["record"], session_known=True),
            ],
            ignore_index=True,
        ).assign(leads=" ".join(common))
        first = {one: place for place, one in enumerate(manifest["subject"].unique())}
        order = manifest["subject"].map(first).argsort(kind="stable")
        own = {one: getattr(release, one) for one in Dataset.__dataclass_fields__}
        own["manifest"] = manifest.iloc[order].reset_index(drop=True)
        own["fingerprint"] = f"{release.fingerprint}+{kept.fingerprint}"
        return cls(**own, kept=kept)

    def read(self, record: str) -> Record:
        """One usable record."""
        if not self.manifest["kept"].iloc[self._place[record]]:
            return super().read(record)
        return replace(self.kept.read(record.removeprefix(_KEPT)), id=record)

    def part(self, rows: NDArray[np.int64]) -> Joined:
        """The same with these records alone, light enough to travel to a worker."""
        some = replace(self, manifest=self.manifest.iloc[rows], quarantine=self.quarantine.iloc[:0])
        names = some.manifest["record"].str.removeprefix(_KEPT)[some.manifest["kept"]]
        theirs = np.flatnonzero(self.kept.manifest["record"].isin(names))
        return replace(some, account=Account(), kept=self.kept.part(theirs))

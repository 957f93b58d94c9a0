"""A release, and recordings of its people that are kept back, as one data set."""

from __future__ import annotations

from collections.abc import Sequence
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
from auditor.stats.intervals import wilson

#: Before the names of recordings that are kept.
_KEPT = "kept:/"
#: The share of people who may be of another sex by a slip of the pen; of strangers it is a half.
_WRONG = 0.1
#: Of strangers so large a part may contradict where names are shown to be right; and a larger one
#: shows that they are wrong, of ages, between which people may have aged.
_RIGHT, _STRANGE = 0.25, 0.5
#: How sure that has to be.
_LEVEL = 0.95
#: People whose ages are compared with one another.
_COMPARED = 1000


@dataclass(frozen=True, eq=False)
class Joined(Dataset):
    """A release, and what an intruder may hold of its people beside it.

    The manifest has a column `kept`; a person's kept recordings come after those released.

    Attributes
    ----------
    kept : the recordings that are not released
    agreeing : what both state of people, and agrees as it would not of strangers: "sex", "age"
    """

    kept: Dataset = field(kw_only=True)
    agreeing: tuple[str, ...] = field(kw_only=True, default=())

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
        sex, age = _by_sex(known, theirs), _by_age(known, theirs)
        if sex.n_wrong > _WRONG * sex.n:
            raise DataError(
                f"{kept.root}: of {sex.n} people whose sex both state, {sex.n_wrong} are of "
                "another in the release: these are other people who are called the same; correct "
                "subject in auditor.yaml"
            )
        if age.wrong[0] > _STRANGE * age.strangers:
            raise DataError(
                f"{kept.root}: of {age.n} people whose age both state, {age.n_wrong} are farther "
                "in age from themselves in the release than from most others: these are other "
                "people who are called the same; correct subject in auditor.yaml"
            )
        agreeing = tuple(
            name for name, one in (("sex", sex), ("age", age)) if one.n >= MIN_PEOPLE and one.right
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
        return cls(**own, kept=kept, agreeing=agreeing)

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


@dataclass(frozen=True)
class _Stated:
    """What two sets state of the same people, so called.

    Attributes
    ----------
    n, n_wrong : people of whom both state it, and who contradict themselves
    strangers : the share that would contradict were each another of them
    """

    n: int
    n_wrong: int
    strangers: float

    @property
    def wrong(self) -> tuple[float, float]:
        """An interval for the share that contradicts."""
        return wilson(self.n_wrong, self.n, _LEVEL) if self.n else (0.0, 1.0)

    @property
    def right(self) -> bool:
        """Whether surely far fewer contradict than of strangers would."""
        return self.wrong[1] <= _RIGHT * self.strangers


def _by_sex(*sides: pd.DataFrame) -> _Stated:
    here, there = _of_both([one["sex"].groupby(one["subject"]).first() for one in sides])
    shares = [one.value_counts(normalize=True) for one in (here, there)]
    same = float(shares[0].mul(shares[1], fill_value=0.0).sum())
    return _Stated(len(here), int((here != there).sum()), 1 - same if len(here) else 0.0)


def _by_age(*sides: pd.DataFrame) -> _Stated:
    """By the year of birth where both state dates, else by age; who is farther from themselves than
    from most others contradicts themselves. What lies between the two sets for all is taken off.
    """
    dated = all(one["taken_at"].notna().all() for one in sides)
    born = [
        (one["taken_at"].dt.year - one["age"] if dated else one["age"])
        .astype(float)
        .groupby(one["subject"])
        .median()
        for one in sides
    ]
    series = _of_both(born)
    here, there = (one.to_numpy()[:: max(1, len(one) // _COMPARED)] for one in series)
    if not len(here):
        return _Stated(0, 0, 0.0)
    apart = np.abs(there[:, None] - here - np.median(there - here))  # (n kept, n released)
    wrong = apart > np.median(apart, axis=1, keepdims=True)
    return _Stated(len(here), int(np.diagonal(wrong).sum()), float(wrong.mean()))


def _of_both(sides: Sequence[pd.Series]) -> tuple[pd.Series, pd.Series]:
    """The values of those people whom both sides have."""
    both = pd.concat([one.dropna() for one in sides], axis=1, join="inner")
    return both.iloc[:, 0], both.iloc[:, 1]

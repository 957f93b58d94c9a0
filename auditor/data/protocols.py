"""Who is enrolled and who is to be named, under the named protocols.

A gallery holds each person's first record. Probes are

- `same-session`: their other records of that session: an upper bound on real linkage, for the
  electrodes were not moved;
- `cross-session`: their records of any other session;
- `cross-release`: recordings of theirs of other occasions that are kept and not released;
- `foretold`: recordings of another day that nobody holds, as reference sets let expect from
  `random-segment`; evidence against a release, and never for it;
- `random-segment`: the other half of the beats of the very same records, drawn at random. What
  most papers report; an upper bound, never evidence for a release.

`subject-disjoint` is for attributes: nobody is in training and in test. Nothing of a probe record
is seen in enrolment or training except under `random-segment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.core.errors import EvidenceError
from auditor.core.evidence import MIN_PEOPLE

LINKAGE_PROTOCOLS = ("random-segment", "same-session", "cross-session", "cross-release")

#: Beats a record needs before it is split in two.
MIN_BEATS_TO_HALVE = 6

WHOLE, FIRST_HALF, SECOND_HALF = 0, 1, 2
N_HALVES = 3


@dataclass(frozen=True, eq=False)
class Items:
    """Things to compare: records, or halves of records.

    Attributes
    ----------
    row : (n,) int, rows of the table of usable records
    half : (n,) int, 0 for all beats of the record, 1 or 2 for a random half of them
    """

    row: NDArray[np.int64]
    half: NDArray[np.int64]

    @classmethod
    def whole(cls, row: NDArray[np.int64]) -> Items:
        """Whole records."""
        return cls(row, np.full(len(row), WHOLE))

    @classmethod
    def numbered(cls, numbers: NDArray[np.int64]) -> Items:
        """The items that have these `numbers`."""
        return cls(numbers // N_HALVES, numbers % N_HALVES)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) of each a number that no other has."""
        return self.row * N_HALVES + self.half

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Row and half of each."""
        return [(int(row), int(half)) for row, half in zip(self.row, self.half, strict=True)]


@dataclass(frozen=True, eq=False)
class Split:
    """The gallery and the probes of one protocol."""

    protocol: str
    gallery: Items
    probe: Items


def unmet(records: pd.DataFrame, protocol: str) -> str | None:
    """Why a linkage protocol cannot be carried out on these records; None when it can."""
    n_people = people_searched(records, protocol)
    if n_people >= MIN_PEOPLE:
        return None
    if not records["subject_known"].all():
        return (
            "nothing says which records are of the same person; "
            "name a subject rule in auditor.yaml or with --subject-pattern"
        )
    if records["subject"].is_unique and protocol != "random-segment":
        return "linkage within the release cannot be tested: it holds one usable record per person"
    if protocol == "cross-session" and not records["session_known"].any():
        return (
            "nothing says on which occasion a record was taken, so a person's records count as "
            "one session; name a session rule in auditor.yaml or with --session-column"
        )
    wanted = {
        "cross-session": "people with records of two sessions",
        "cross-release": "people of whom recordings are kept",
        "same-session": "people with two records of one session",
        "random-segment": f"people with a record of {MIN_BEATS_TO_HALVE} beats",
    }[protocol]
    found = "none" if n_people == 0 else f"fewer than {MIN_PEOPLE}"
    return f"needs at least {MIN_PEOPLE} {wanted}; found {found}"


def people_searched(records: pd.DataFrame, protocol: str) -> int:
    """How many people are searched for under a linkage protocol."""
    return int(records["subject"].iloc[_probe_rows(records, protocol)].nunique())


def split(records: pd.DataFrame, protocol: str) -> Split:
    """The gallery and probes of a linkage protocol.

    Parameters
    ----------
    records : usable records, sorted so that a person's first record comes first

    Raises
    ------
    EvidenceError
        Too few people have the records that the protocol needs.
    """
    if reason := unmet(records, protocol):
        raise EvidenceError(reason)
    probes = _probe_rows(records, protocol)
    if protocol == "random-segment":
        return Split(
            protocol,
            Items(probes, np.full(len(probes), FIRST_HALF)),
            Items(probes, np.full(len(probes), SECOND_HALF)),
        )
    return Split(protocol, Items.whole(_first_rows(records)), Items.whole(probes))


def half_of(n_beats: int, half: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which beats of a record belong to a half; the two halves of one stream are disjoint."""
    order = rng.permutation(n_beats)
    if half == WHOLE:
        return np.arange(n_beats)
    cut = n_beats // 2
    return np.sort(order[:cut] if half == FIRST_HALF else order[cut:])


def subject_folds(
    classes: NDArray[np.int64], n_folds: int, rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """For each fold, (n_people,) whether a person is in it; classes are spread evenly."""
    fold = np.empty(len(classes), dtype=np.int64)
    offset = 0
    for one in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == one))
        # Carrying on where the last class stopped keeps the folds equally large.
        fold[members] = (np.arange(len(members)) + offset) % n_folds
        offset += len(members)
    for k in range(n_folds):
        yield fold == k


def later(records: pd.DataFrame) -> NDArray[np.int64]:
    """The rows of all records but each person's first."""
    return np.flatnonzero(records["subject"].duplicated())


def _first_rows(records: pd.DataFrame) -> NDArray[np.int64]:
    return np.flatnonzero(~records["subject"].duplicated())


def _probe_rows(records: pd.DataFrame, protocol: str) -> NDArray[np.int64]:
    if protocol == "random-segment":
        return np.flatnonzero(records["n_beats"] >= MIN_BEATS_TO_HALVE)
    if protocol == "cross-release":
        later = records["subject"].duplicated()
        return np.flatnonzero(records["kept"] & later) if "kept" in records else np.empty(0, int)
    first_session = records.groupby("subject")["session"].transform("first")
    later = records["subject"].duplicated()
    if protocol == "same-session":
        return np.flatnonzero(later & (records["session"] == first_session))
    if protocol == "cross-session":
        known = records["session_known"].groupby(records["subject"]).transform("all")
        return np.flatnonzero(later & known & (records["session"] != first_session))
    raise ValueError(f"no linkage protocol is named {protocol!r}")

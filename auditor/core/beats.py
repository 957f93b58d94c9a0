"""Heartbeats, as nine fiducials each, with what is said of the waves that were not found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

#: Columns of `Beats.fiducials`, in the order in which they occur in a beat.
FIDUCIALS = ("p_on", "p", "p_off", "qrs_on", "r", "qrs_off", "t_on", "t", "t_off")
#: Columns of `Beats.marks`; wave `w` has the fiducials `3 w` to `3 w + 2`.
WAVES = ("P", "QRS", "T")


class Mark(IntEnum):
    """What is known of one wave of one beat. Only a wave that was found has fiducials."""

    FOUND = 0
    UNCERTAIN = 1
    ABSENT = 2


class Kind(IntEnum):
    """Where a beat came from: the usual rhythm, another place in the heart, or a pacemaker."""

    USUAL = 0
    ECTOPIC = 1
    PACED = 2


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of one lead, or of several leads together.

    Attributes
    ----------
    lead : the lead's name; of several together, their names with spaces between
    fs : Hz
    fiducials : (n_beats, 9) float64, sample indices at `fs`
        Columns are `FIDUCIALS`. NaN where a wave is absent or cannot be made out; where it is
        neither, its columns stand in the order in which they occur. Row for row, the beats are the
        same in every lead, and some lead shows the R of each; each lead's R is its own.
    marks : (n_beats, 3) uint8, a `Mark` for each of `WAVES`
    kinds : (n_beats,) uint8, a `Kind` each, the same in every lead
    leads : the same beats lead by lead, where these are of several leads together
    """

    lead: str
    fs: float
    fiducials: NDArray[np.float64]
    marks: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    leads: tuple[Beats, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.fiducials.ndim != 2 or self.fiducials.shape[1] != len(FIDUCIALS):
            raise ValueError(f"fiducials are {self.fiducials.shape}, wanted (n_beats, 9)")
        if self.marks.shape != (len(self), len(WAVES)) or self.kinds.shape != (len(self),):
            raise ValueError(f"marks are {self.marks.shape} and kinds {self.kinds.shape}")

    def __len__(self) -> int:
        return len(self.fiducials)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One fiducial of every beat, (n_beats,) sample indices."""
        return self.fiducials[:, FIDUCIALS.index(name)]

    def part(self, chosen: NDArray[np.bool_]) -> Beats:
        """Some of the beats, in every lead."""
        return replace(
            self,
            fiducials=self.fiducials[chosen],
            marks=self.marks[chosen],
            kinds=self.kinds[chosen],
            leads=tuple(lead.part(chosen) for lead in self.leads),
        )

    def of_kinds(self, kinds: NDArray[np.uint8]) -> Beats:
        """The same beats, told to be of these kinds, in every lead."""
        return replace(
            self, kinds=kinds, leads=tuple(replace(lead, kinds=kinds) for lead in self.leads)
        )

    def of(self, lead: str) -> Beats:
        """The beats of one of the leads."""
        return next(beats for beats in self.leads if beats.lead == lead)

    @property
    def usual(self) -> NDArray[np.bool_]:
        """(n_beats,) whether a beat is of the usual rhythm; all are when fewer than three would be.

        Who is paced throughout has no other beats to be known by.
        """
        usual = self.kinds == Kind.USUAL
        return usual if usual.sum() >= 3 else np.ones(len(self), dtype=bool)

    @property
    def disordered(self) -> NDArray[np.bool_]:
        """(n_beats,) whether the fiducials that were found stand in an impossible order.

        They are in order when p_on < p < p_off ≤ qrs_on < r < qrs_off ≤ t_on < t < t_off.
        """
        earlier = np.fmax.accumulate(np.nan_to_num(self.fiducials, nan=-np.inf), axis=1)[:, :-1]
        later = self.fiducials[:, 1:]
        touching = np.isin(FIDUCIALS[1:], ("qrs_on", "t_on"))
        with np.errstate(invalid="ignore"):
            bad = np.where(touching, later < earlier, later <= earlier)
        return np.asarray(bad.any(axis=1))

"""What an attack hands back: never a verdict.

A `Comparison` is what 1:N search gave, `Trials` what a detector of one property gave,
`Predictions` what a regression gave, `Counts` what was counted for each person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: No rate over fewer people is estimated, and no smaller count of people is told.
MIN_PEOPLE = 10

_PER_PROBE = (
    *("mate", "above", "ties", "best_impostor", "stranger_above", "stranger_ties"),
    *("known_above", "known_ties", "known_size"),
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every probe against every person of a gallery, without the probe × gallery matrix.

    A probe's score for a person is its best score over that person's gallery records; larger is
    more alike. An impostor is a person of the gallery who is not the probe's.

    Attributes
    ----------
    subject : (n,) str
        Whose probe it is. Each has a record in the gallery.
    mate : (n,) float64
        Score of the probe with its own person.
    above, ties : (n,) int
        Impostors who score more than the mate, and as much as the mate.
    best_impostor : (n,) float64
        Best score among impostors: the top score had the person not been enrolled.
    n_gallery : int
        People in the gallery.
    edges : (m,) float64, ascending
        Thresholds of the sketch of impostor scores: every mate score, or quantiles of them
        when there are many.
    sketch_subject : (p,) str
        The probes' people, in the order of the rows of `sketch`.
    sketch : (p, m) int64
        For each person's probes together, how many of the impostor scores looked at are ≥ each
        edge.
    n_impostors : (p,) int64
        How many impostor scores each row of `sketch` summarises: of a large gallery, a sample.
    stranger_above, stranger_ties : (n,) int
        The same as `above` and `ties` for a *stranger* put in the mate's place: another person of
        the same sex and age band, with the true mate left out of the gallery. What sex and age
        alone would link. −1 where there is no such person.
    """

    subject: NDArray[np.str_]
    mate: NDArray[np.float64]
    above: NDArray[np.int64]
    ties: NDArray[np.int64]
    best_impostor: NDArray[np.float64]
    n_gallery: int
    edges: NDArray[np.float64]
    sketch_subject: NDArray[np.str_]
    sketch: NDArray[np.int64]
    n_impostors: NDArray[np.int64]
    stranger_above: NDArray[np.int64]
    stranger_ties: NDArray[np.int64]
    known_above: NDArray[np.int64]
    known_ties: NDArray[np.int64]
    known_size: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.subject)
        for name in _PER_PROBE:
            if getattr(self, name).shape != (n,):
                raise ValueError(f"{name} is {getattr(self, name).shape}, wanted ({n},)")
        if self.sketch.shape != (len(self.sketch_subject), len(self.edges)):
            raise ValueError("sketch is not (people, edges)")

    def of(self, probes: NDArray[np.bool_]) -> Comparison:
        """The same of some probes alone; the sketch is that of all probes of their people."""
        people = np.isin(self.sketch_subject, self.subject[probes])
        return replace(
            self,
            subject=self.subject[probes],
            **{name: getattr(self, name)[probes] for name in _PER_PROBE},
            sketch_subject=self.sketch_subject[people],
            sketch=self.sketch[people],
            n_impostors=self.n_impostors[people],
        )


@dataclass(frozen=True, eq=False)
class Trials:
    """Scores for a yes-or-no property of people.

    Attributes
    ----------
    score : (n,) float64, larger is likelier positive
    positive : (n,) bool
    subject : (n,) str
    stratum : (n,) int
        Scores are comparable within a stratum only (one model, one fold).
    """

    score: NDArray[np.float64]
    positive: NDArray[np.bool_]
    subject: NDArray[np.str_]
    stratum: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.score) == len(self.positive) == len(self.subject) == len(self.stratum):
            raise ValueError("score, positive, subject and stratum differ in length")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a quantity, beside the truth and what guessing predicts.

    Attributes
    ----------
    value, truth : (n,) float64
    prior : (n,) float64
        The prediction that uses no record: the training people's median.
    subject : (n,) str
    """

    value: NDArray[np.float64]
    truth: NDArray[np.float64]
    prior: NDArray[np.float64]
    subject: NDArray[np.str_]

    def __post_init__(self) -> None:
        if not len(self.value) == len(self.truth) == len(self.prior) == len(self.subject):
            raise ValueError("value, truth, prior and subject differ in length")


@dataclass(frozen=True, eq=False)
class Counts:
    """Something counted for each person, under several names.

    Attributes
    ----------
    names : (m,) what was counted
    values : (n, m) int64, a row per person
    """

    names: tuple[str, ...]
    values: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"values are {self.values.shape}, wanted (n, {len(self.names)})")


Evidence = Comparison | Trials | Predictions | Counts

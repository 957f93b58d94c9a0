"""What an attack hands back: never a verdict.

A `SearchResult` is what 1:N search gave, `Margins` by how much, `Trials` what a detector of one
property gave, `Predictions` what a regression gave, `Counts` what was counted for each person,
`Likeness` who stands alike by what is known of them, `Attribution` what the parts of a heartbeat
had to do with any of it, `ClinicalPredictions` what a clinical model said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: No rate over fewer people is estimated, and no smaller count of people is told.
MIN_PEOPLE = 10
#: At most so many people's recordings have something planted in them, to prove an attack able.
MOST_PLANTED = 300

#: What draws the picture where no explanation can be believed.
NOBODY = "none can be believed"

_PER_PROBE = (
    *("mated_score", "n_above", "n_tied", "best_impostor", "nearest"),
    *("matched_impostor_above", "matched_impostor_tied"),
    *("demographic_above", "demographic_tied", "demographic_size", "demographic_best"),
    *("rival", "demographic_rival"),
)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Every probe against every person of a gallery, without the probe × gallery matrix.

    A probe's score for a person is its best score over that person's gallery records; larger is
    more alike. An impostor is a person of the gallery who is not the probe's.

    Attributes
    ----------
    subject : (n,) str
        Whose probe it is. Each has a record in the gallery.
    mated_score : (n,) float64
        Score of the probe with its own person.
    n_above, n_tied : (n,) int
        Impostors who score more than the probe's own person, and as much.
    best_impostor : (n,) float64
        Best score among impostors: the top score had the person not been enrolled.
    nearest : (n, k) float64, descending
        Scores of the eleven best impostors, of all where they are fewer; of a large gallery, of a
        sample. How high anybody scores who is like the probe.
    n_gallery : int
        People in the gallery.
    edges : (m,) float64, ascending
        Thresholds of the sketch of impostor scores: every mated score, or quantiles of them
        when there are many.
    sketch_subject : (p,) str
        The probes' people, in the order of the rows of `sketch`.
    sketch : (p, m) int64
        For each person's probes together, how many of the impostor scores looked at are ≥ each
        edge.
    n_impostors : (p,) int64
        How many impostor scores each row of `sketch` summarises: of a large gallery, a sample.
    matched_impostor_above, matched_impostor_tied : (n,) int
        The same as `n_above` and `n_tied` for a matched impostor in the place of the probe's own
        person, who is left out of the gallery: another person of the same sex and age band. What
        sex and age alone would link. −1 where there is no such person.
    demographic_above, demographic_tied, demographic_size : (n,) int
        The same as `n_above` and `n_tied` among people alike alone, who are of the same sex and
        about the same age, and were enrolled about the same day where that counts as known; and how
        many those are, the probe's own person included.
    demographic_best : (n,) float64
        The same as `best_impostor` among them; −inf where nobody else is alike.
    rival, demographic_rival : (n,) str
        One of the impostors who score more than the probe's own person, of all and of people
        alike, drawn at random of several; of those who score as much where nobody scores more. ""
        where there is none, and where it is not known who it is. Whose being in the gallery cost
        the probe its first place, where one alone did.
    """

    subject: NDArray[np.str_]
    mated_score: NDArray[np.float64]
    n_above: NDArray[np.int64]
    n_tied: NDArray[np.int64]
    best_impostor: NDArray[np.float64]
    n_gallery: int
    edges: NDArray[np.float64]
    sketch_subject: NDArray[np.str_]
    sketch: NDArray[np.int64]
    n_impostors: NDArray[np.int64]
    matched_impostor_above: NDArray[np.int64]
    matched_impostor_tied: NDArray[np.int64]
    demographic_above: NDArray[np.int64]
    demographic_tied: NDArray[np.int64]
    demographic_size: NDArray[np.int64]
    demographic_best: NDArray[np.float64]
    nearest: NDArray[np.float64]
    rival: NDArray[np.str_]
    demographic_rival: NDArray[np.str_]

    def __post_init__(self) -> None:
        n = len(self.subject)
        for name in _PER_PROBE:
            if getattr(self, name).shape[: 1 + (name != "nearest")] != (n,):
                raise ValueError(f"{name} is {getattr(self, name).shape}, wanted ({n},)")
        if self.sketch.shape != (len(self.sketch_subject), len(self.edges)):
            raise ValueError("sketch is not (people, edges)")

    @property
    def among_alike(self) -> SearchResult:
        """The same search by somebody who looks among people alike alone."""
        return replace(
            self,
            n_above=self.demographic_above,
            n_tied=self.demographic_tied,
            best_impostor=self.demographic_best,
            rival=self.demographic_rival,
        )

    @property
    def above_cohort(self) -> SearchResult:
        """The same with scores as they stand above the mean of the ten best of the others.

        The others are everybody but whom the score is about, be it the own person or an impostor
        who would be first without them: where nothing is told neither stands higher.
        """
        best, size = self.best_impostor, max(self.nearest.shape[1] - 1, 1)
        own = self.nearest[:, :size].mean(axis=1)
        among = (self.nearest == best[:, None]).any(axis=1)
        others = (self.nearest.sum(axis=1) - np.where(among, best, 0.0)) / size
        return replace(
            self,
            mated_score=self.mated_score - own,
            best_impostor=best - np.where(among, others, own),
        )

    def of(self, probes: NDArray[np.bool_]) -> SearchResult:
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
class Margins:
    """How far probes score above impostors, and who would come before them were it less far.

    A loss is a share of the distance from the mean impostor score to the score with the own person.

    Attributes
    ----------
    subject : (n,) str
        Whose probe it is.
    mated_score, mean_impostor, best_impostor : (n,) float64
        The probe's score with its own person, and its mean and best score with others.
    nearest : (n, k) float64, descending
        Its best scores with others, as in a `SearchResult`.
    n_gallery : int
        People in the gallery.
    losses : (m,) float64, ascending from 0
    n_reached : (n, m) int64
        Impostors who score at least as much as the own person does after each loss.
    """

    subject: NDArray[np.str_]
    mated_score: NDArray[np.float64]
    mean_impostor: NDArray[np.float64]
    best_impostor: NDArray[np.float64]
    nearest: NDArray[np.float64]
    n_gallery: int
    losses: NDArray[np.float64]
    n_reached: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.subject)
        for name in ("mated_score", "mean_impostor", "best_impostor"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"{name} is {getattr(self, name).shape}, wanted ({n},)")
        if self.n_reached.shape != (n, len(self.losses)):
            raise ValueError(f"n_reached is {self.n_reached.shape}, wanted a column for each loss")


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
    y_true: NDArray[np.float64]
    prior: NDArray[np.float64]
    subject: NDArray[np.str_]

    def __post_init__(self) -> None:
        if not len(self.value) == len(self.y_true) == len(self.prior) == len(self.subject):
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


@dataclass(frozen=True, eq=False)
class Likeness:
    """How many people stand alike by what is known of them, under ever more knowledge.

    Attributes
    ----------
    names : (m,) what is known
    sizes : (n, m) people of the release who fit what is known of each, who is one of them, those
        of whom it is not known as far as they are likely to; by the recording that fewest fit
    in_release : whether whoever knows the last of it knows that the person is in the release
    person : (r,) int, whose each combination of sex and age is that a recording tells
    sex : (r,) int, 0 female, 1 male, −1 not known
    low, high : (r,) int, the first and the last age that it may be
    grouped : (r,) bool, whether that is said of a group of ages
    alike : (r,) int, people of the release who fit it
    first : (n,) int, the row of each person's first recording
    matches : (n,) rows of another table that fit a person, by the recording that fewest fit; None
        where there is no table
    matches_by_luck : (k, n) the same when each thing known of people is another's, drawn by lot
    n_left_out : rows of that table that do not tell all that is asked of them
    """

    names: tuple[str, ...]
    sizes: NDArray[np.float64]
    in_release: bool
    person: NDArray[np.int64]
    sex: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    grouped: NDArray[np.bool_]
    alike: NDArray[np.int64]
    first: NDArray[np.int64]
    matches: NDArray[np.int64] | None = None
    matches_by_luck: NDArray[np.int64] | None = None
    n_left_out: int = 0

    def __post_init__(self) -> None:
        n = len(self.sizes)
        if self.sizes.shape != (n, len(self.names)) or self.first.shape != (n,):
            raise ValueError(f"sizes are {self.sizes.shape}, wanted ({n}, {len(self.names)})")
        for name in ("sex", "low", "high", "grouped", "alike"):
            if getattr(self, name).shape != self.person.shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, wanted a row of each")


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where one method says a network looks, beat by beat, and how its word stood the test.

    Attributes
    ----------
    subject, turn : (n,) whose beat it is, and which of the person's, from 0
    share : (n, n_leads, m) of the beat's relevance, that each of m stretches of it holds
        What speaks against the answer is negative; the sizes add up to 1.
    time : (n, m) of the beat's length
    deletion, insertion : (n,) how much sooner the network's answer falls, and comes back, when
        segments are taken and put back in the order that the method gives for another beat of the
        person, and not in a random one, in units of what taking all of them costs
    matched : (n,) how much further it falls without the method's first segment than without a
        stretch as long of any place, in the same units
    moved_share, moved_time : (k, n, n_leads, m), (k, n, m)
        The same with the boundaries of waves moved in k ways.
    randomised : (n,) correlation of relevance per time with that of the same beat when it is read
        by a network with random weights; NaN where not tried
    error : what a method that must add up leaves unexplained, as a share; None for others
    """

    method: str
    subject: NDArray[np.str_]
    turn: NDArray[np.int64]
    share: NDArray[np.float64]
    time: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    matched: NDArray[np.float64]
    moved_share: NDArray[np.float64]
    moved_time: NDArray[np.float64]
    randomised: NDArray[np.float64]
    error: float | None

    def __post_init__(self) -> None:
        n, _, m = self.share.shape
        if len(self.subject) != n or self.time.shape != (n, m):
            raise ValueError(f"shares are {self.share.shape} of {self.time.shape}")


@dataclass(frozen=True, eq=False)
class Portrait:
    """The mean beat of many people: nobody's own.

    Attributes
    ----------
    leads : (n_leads,) names
    seconds : (n_places,) from R
    mv : (n_leads, n_places) above the level between waves
    segment : (n_places,) the name of each place's segment, "" for none
    n_subjects : people it is the mean of
    """

    leads: tuple[str, ...]
    seconds: NDArray[np.float64]
    mv: NDArray[np.float64]
    segment: tuple[str, ...]
    n_subjects: int


#: What parts of the heartbeat can be taken from.
Seen = SearchResult | Trials | Predictions


@dataclass(frozen=True, eq=False)
class Attribution:
    """What an attack sees with parts of the heartbeat taken away, and how a network's answers are
    explained.

    Attributes
    ----------
    whole, untrained : what the attack sees of whole beats, and what it sees with random weights
    masked, swapped, alone : by segment, what it sees when the probe shows the population's mean
        there, or another person's, and when it shows the mean everywhere else
    explanations : one per method
    sizes, by_size : (k,) sizes of a gallery, and (n, k, m) what each segment that is masked has to
        do with telling the explained beats from the nearest other of so many
    """

    whole: Seen
    untrained: SearchResult | None
    masked: Mapping[str, Seen]
    swapped: Mapping[str, Seen]
    alone: Mapping[str, Seen]
    explanations: tuple[Explanation, ...]
    portrait: Portrait
    sizes: NDArray[np.int64]
    by_size: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClinicalPredictions:
    """What a clinical model says of one finding, on records of people it was not trained on.

    Attributes
    ----------
    score : (n,) float64, the model's probability of the finding
    event : (n,) bool, whether the record's person has it
    subject : (n,) str
    baseline : (n,) float64, the probability by a model that was trained on age and sex alone
    groups : by name ("sex"), (n,) str, the group that each record is of; "" where not known
    age : (n,) float64 years, NaN where not known
    tuned_score, tuned_event : (m,) float64 and bool, of the records that thresholds and calibration
        are fitted on, which are nobody's of the n
    """

    score: NDArray[np.float64]
    event: NDArray[np.bool_]
    subject: NDArray[np.str_]
    baseline: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.str_]]
    age: NDArray[np.float64]
    tuned_score: NDArray[np.float64]
    tuned_event: NDArray[np.bool_]

    def __post_init__(self) -> None:
        columns = {name: getattr(self, name) for name in ("event", "subject", "baseline", "age")}
        for name, column in {"score": self.score, **columns, **self.groups}.items():
            if column.shape != (len(self.score),):
                raise ValueError(f"{name} is {column.shape}, wanted ({len(self.score)},)")
        if self.tuned_score.ndim != 1 or self.tuned_score.shape != self.tuned_event.shape:
            raise ValueError("tuned_score and tuned_event differ in shape")
        for name in ("score", "baseline", "tuned_score"):
            values = getattr(self, name)
            if not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"{name} is not a probability")


Evidence = Seen | Counts | Likeness | Attribution | ClinicalPredictions

"""Which part of the heartbeat gives a person away, or their sex and age?

The claim is causal: how many fewer are found when a part of every probe shows the population's
mean beat, or another person's, and how many are found by that part alone. Explanations of the
network that finds them go beside it, with what became of them under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from auditor.attackers import attribute_learners, embedding, vit
from auditor.attackers.enrolment import Enrolment
from auditor.attackers.matchers import cosine
from auditor.attackers.recogniser import RECOGNISERS, Recogniser
from auditor.attackers.transformer import create
from auditor.checks.attribute import check as attribute
from auditor.checks.attribute.check import Attribute, Guesses
from auditor.checks.attribution.estimates import attribution
from auditor.checks.attribution.faithfulness import explain
from auditor.checks.attribution.network import OfWindows
from auditor.checks.attribution.readers import Reader
from auditor.checks.attribution.relevance import Question
from auditor.checks.attribution.segments import (
    EVERY,
    SEGMENTS,
    UNASSIGNED,
    Floats,
    Reads,
    population,
)
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.linkage.check import Linkage
from auditor.core.errors import EvidenceError
from auditor.core.evidence import (
    MIN_PEOPLE,
    Attribution,
    Explanation,
    Portrait,
    Predictions,
    SearchResult,
    Seen,
    Trials,
)
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.protocols import Items, split, unmet
from auditor.learning.device import fork_rng
from auditor.signal.filters import FS
from auditor.stats.estimators import Curves
from auditor.targets.context import Context

#: People, and records of each, that parts are taken from; people whose beats are explained, and
#: how many beats of each. What it costs does not grow with the release.
_PEOPLE, _RECORDS, _ASKED, _BEATS = 300, 24, 24, 2
#: Beats times leads that are read again for every part that is taken, and that are explained.
_READ, _EXPLAINED = 6000, 192
#: Sizes of galleries in which the nearest other is told apart, and how often each is drawn.
_SIZES, _DRAWS = (2, 5, 10, 20, 50, 100, 200, 500, 1000), 10
#: With waves in fewer of the beats than this, nothing is said of waves.
_DELINEATED = 0.5
#: The mean beat is smoothed over so many places before it is shown.
_SMOOTHING = np.array([0.25, 0.5, 0.25])


def plan(settings: Settings) -> list[OnRecordings]:
    """What identity, and where they are read too sex and age, are read from."""
    return [
        PartsTaken(view, protocol)
        for view in settings.attribution_views
        for protocol in (
            *settings.honest_protocols,
            *(["subject-disjoint"] * (view in settings.attribute_views)),
        )
    ]


@dataclass(frozen=True)
class PartsTaken(OnRecordings):
    """An intruder's search, or reading of sex and age, with parts of the heartbeat taken away."""

    view: str = "embedding"
    protocol: str = "cross-session"
    id: ClassVar[str] = "attribution"

    @property
    def _of_attributes(self) -> bool:
        return self.protocol == "subject-disjoint"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if self._of_attributes:
            return Attribute(self.view).unmet(context)
        if self.protocol == "same-session" and not unmet(context.records, "cross-session"):
            return "told of recordings of another occasion, which is the honest test"
        return Linkage(self.view, self.protocol).unmet(context)

    def attack(self, context: Context, rng: np.random.Generator) -> Mapping[str, Attribution]:
        """By task ("" and "class" for who it is, "sex", "age"), what is left of the attack without
        each part, and how its network is explained.
        """
        if self._of_attributes:
            return {
                task: _read(context, self.view, task, rng) for task in _tasks(context, self.view)
            }
        return dict(_linked(context, self.view, self.protocol, rng))

    def estimate(self, evidence: Mapping[str, Attribution], level: float, draw: Draw) -> Measured:
        """What each part takes from the attack, and which explanation can be believed."""
        found: dict[str, Estimate] = {}
        curves: Curves = {}
        params: dict[str, Any] = {}
        for task, seen in evidence.items():
            told, drawn, said = attribution(task, seen, level=level, rng=draw(task))
            found, curves, params = found | told, curves | drawn, params | said
        return Measured(found, curves, params)


# --- who it is ----------------------------------------------------------------------------


def _linked(
    context: Context, view: str, protocol: str, rng: np.random.Generator
) -> Iterator[tuple[str, Attribution]]:
    enrolment = Enrolment.of_release(context, split(context.records, protocol))
    of_whom = enrolment.pool_subject[enrolment.probe]
    probe = enrolment.probe[_some(of_whom, len(context.prepared.leads), rng)]
    enrolment = replace(enrolment, probe=probe)
    items = Items(enrolment.pool.row[probe], enrolment.pool.half[probe])
    whose = enrolment.pool_subject[probe]
    trains = RECOGNISERS[view].needs_training
    if trains:
        trained, untrained = vit.identity_encoders(context, enrolment.gallery)
        galleries = (vit.embedding(context, one, enrolment.gallery) for one in (trained, untrained))
        asked, blank = (
            Recogniser(enrolment, gallery, gallery[:0], cosine) for gallery in galleries
        )
        reader, twin = (Reader.of_windows(context, OfWindows(one)) for one in (trained, untrained))
    else:
        asked = RECOGNISERS[view](context, enrolment)
        reader, twin = _taught_elsewhere(context, rng)
        blank = replace(asked, gallery=_rows(twin, twin.reads(enrolment.gallery)))
    reads = reader.reads(items)

    def found(reader: Reader, asked: Recogniser, signal: Floats) -> SearchResult:
        pool = np.zeros((len(enrolment.pool), asked.gallery.shape[1]), dtype=np.float32)
        pool[probe] = _rows(reader, replace(reads, signal=signal))
        return replace(asked, pool=pool).search(stream(context.seed, "attribution/searched"))

    edits = _Edits.of(context, reads, whose[reads.item], rng)
    gallery = F.normalize(torch.from_numpy(asked.gallery), dim=1)
    everybody = np.arange(len(whose))
    chosen, turn = _beats(reads, whose, everybody, rng, skip=int(reader.at_one_rate))
    subject = whose[reads.item[chosen]]
    some = reads.part(chosen)
    own = enrolment.gallery_subject[None] == subject[:, None]
    scores = torch.from_numpy(reader.answers(some.signal)) @ gallery.T
    mated, rival = (
        torch.where(torch.from_numpy(mask), scores, -torch.inf).argmax(dim=1)
        for mask in (own, ~own)
    )
    sizes, by_size = _by_size(reader, some, edits.mean[chosen], gallery, own, rng)
    told = partial(context.progress, "explaining who a beat is of")

    def explained(reader: Reader, other: Reader, towards: torch.Tensor) -> tuple[Explanation, ...]:
        ask = Question(reader.network, some, edits.mean[chosen], towards.to(context.device))
        return explain(ask, replace(ask, network=other.network), subject, turn, rng, told)

    untaught = found(twin, blank, reads.signal)
    seen = partial(found, reader, asked)
    by_score = Attribution(
        seen(reads.signal),
        untaught,
        *edits.without(seen),
        explained(reader, twin, gallery[mated] - gallery[rival]),
        edits.portrait(),
        sizes,
        by_size,
    )
    yield "", by_score
    if trains:
        people = np.unique(enrolment.gallery_subject)
        one_hot = torch.eye(len(people))[np.searchsorted(people, enrolment.gallery_subject)]
        head, other = (
            Reader.of_windows(context, OfWindows(one, "identity")) for one in (trained, untrained)
        )
        by_class = explained(head, other, one_hot[mated] - one_hot[rival])
        yield "class", replace(by_score, masked={}, swapped={}, alone={}, explanations=by_class)


def _taught_elsewhere(context: Context, rng: np.random.Generator) -> tuple[Reader, Reader]:
    """The network that was taught on other people, and one that was not taught."""
    with fork_rng(rng):
        blank = embedding.Embedder()
    taught = embedding.load(embedding.trained_without(context.dataset.name).path)
    return Reader.of_embedding(context, taught), Reader.of_embedding(context, blank)


def _by_size(
    reader: Reader,
    reads: Reads,
    mean: Floats,
    gallery: torch.Tensor,
    own: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sizes of galleries, and (n, n_sizes, n_segments) what masking each segment takes from the
    person's lead over the nearest other of so many, as shares of all that is taken.
    """
    shown = [reads.signal, *(reads.replaced(atoms, mean) for atoms in SEGMENTS.values())]
    scores = torch.stack([torch.from_numpy(reader.answers(one)) @ gallery.T for one in shown])
    met = scores.double().numpy()  # (1 + n_segments, n, n_gallery)
    n_gallery = met.shape[2]
    sizes = np.array([*(size for size in _SIZES if size < n_gallery), n_gallery])
    shares = np.zeros((len(reads), len(sizes), len(SEGMENTS)))
    for read in range(len(reads)):
        mine = met[:, read, own[read]].max(axis=1)
        others = met[:, read, ~own[read]]
        for place, size in enumerate(sizes):
            for _ in range(_DRAWS):
                drawn = rng.choice(others.shape[1], size - 1, replace=False)
                nearest = drawn[others[0, drawn].argmax()]
                margin = mine - others[:, nearest]
                lost = margin[0] - margin[1:]
                shares[read, place] += lost / max(np.abs(lost).sum(), 1e-12) / _DRAWS
    return sizes, shares


# --- sex and age --------------------------------------------------------------------------

Task = Literal["sex", "age"]


def _tasks(context: Context, view: str) -> list[Task]:
    """What can be asked and checked."""
    nothing = Guesses(*(np.zeros(len(context.records)) for _ in range(2)))
    known = nothing.checked(
        context, np.zeros(len(context.records)), np.zeros(len(context.records), int)
    )
    tasks: tuple[Task, ...] = ("sex", "age")
    return [task for task in tasks if getattr(known, task) is not None]


@dataclass(frozen=True, eq=False)
class _Told:
    """Who tells a fold's people's sex or age: a network, and what of its answer does."""

    reader: Reader
    twin: Reader
    guess: Callable[[Floats], NDArray[np.float64]]
    towards: NDArray[np.float64]


def _read(context: Context, view: str, task: Task, rng: np.random.Generator) -> Attribution:
    known = attribute.people(context.records)
    subject = context.records["subject"].to_numpy().astype(str)
    truth = known.loc[subject, "male" if task == "sex" else "age"].to_numpy()
    first = ~context.records["subject"].duplicated().to_numpy() & ~np.isnan(truth)
    rows = np.flatnonzero(first)
    most = min(_PEOPLE, max(_READ // (4 * (_BEATS + 1) * len(context.prepared.leads)), 60))
    rows = rows[np.sort(rng.permutation(len(rows))[:most])]
    fold, prior = np.zeros(len(subject), dtype=np.int64), np.zeros(len(subject))
    tellers = []
    name = f"attribute/{view}/subject-disjoint"
    trains = RECOGNISERS[view].needs_training
    blank = None if trains else _taught_elsewhere(context, rng)
    for number, (train, test) in enumerate(attribute.folds(context, stream(context.seed, name))):
        fold[test] = number
        taught = train[~np.isnan(truth[train])]
        prior[test] = float(np.median(truth[taught])) if len(taught) else np.nan
        tellers.append(_teller(context, view, task, number, train, truth, blank))
    readers = [one.reader for one in tellers]
    reads = readers[0].reads(Items.whole(rows))
    nth = np.arange(len(reads)) - np.searchsorted(reads.item, reads.item)
    reads, whose = reads.part(nth <= _BEATS), subject[rows]

    def guessed(readers: Sequence[Reader], signal: Floats) -> Seen:
        guess = np.full(len(subject), np.nan)
        for number, (reader, teller) in enumerate(zip(readers, tellers, strict=True)):
            asked = np.flatnonzero(fold[rows[reads.item]] == number)
            if len(asked):
                item, place = np.unique(reads.item[asked], return_inverse=True)
                part = Reads(signal[asked], reads.label[asked], place, reads.origin)
                guess[rows[item]] = teller.guess(_rows(reader, part))
        nothing = np.full(len(subject), np.nan)
        both = (guess, nothing) if task == "sex" else (nothing, guess)
        seen = getattr(Guesses(*both).checked(context, prior, fold), task)
        assert isinstance(seen, Trials | Predictions)
        return seen

    edits = _Edits.of(context, reads, whose[reads.item], rng)
    among = np.arange(len(rows))
    if trains:  # a network for each fold: one of them is explained, by those it never saw
        among = np.flatnonzero(fold[rows] == 0)
    chosen, turn = _beats(reads, whose, among, rng, skip=int(readers[0].at_one_rate))
    row = rows[reads.item[chosen]]
    right = np.where(truth[row] > (0.5 if task == "sex" else prior[row]), 1.0, -1.0)
    towards = right[:, None] * np.stack([tellers[one].towards for one in fold[row]])
    ask = Question(
        readers[0].network,
        reads.part(chosen),
        edits.mean[chosen],
        torch.from_numpy(towards.astype(np.float32)).to(context.device),
    )
    told = partial(context.progress, f"explaining {task}")
    seen = partial(guessed, readers)
    return Attribution(
        seen(reads.signal),
        None,
        *edits.without(seen),
        explain(ask, replace(ask, network=tellers[0].twin.network), subject[row], turn, rng, told),
        edits.portrait(),
        np.zeros(0, dtype=np.int64),
        np.zeros((len(chosen), 0, len(SEGMENTS))),
    )


def _teller(
    context: Context,
    view: str,
    task: Task,
    fold: int,
    train: NDArray[np.int64],
    truth: NDArray[np.float64],
    taught_elsewhere: tuple[Reader, Reader] | None,
) -> _Told:
    rng = stream(context.seed, f"attribute/{view}/{fold}")
    if taught_elsewhere is None:
        model, _ = vit.sex_and_age_model(context, train, rng)
        blank = create(model.config, rng)
        reader, twin = (Reader.of_windows(context, OfWindows(one, task)) for one in (model, blank))
        return _Told(reader, twin, lambda rows: rows[:, 0].astype(np.float64), np.ones(1))
    table = attribute.view_matrix(context, view)
    subject = context.records["subject"].to_numpy().astype(str)
    objective = "binary:logistic" if task == "sex" else "reg:squarederror"
    taught = train[~np.isnan(truth[train])]
    line = attribute_learners.line(
        int(rng.integers(2**31)), objective, table, truth, subject, taught
    )
    # Directions of all leads side by side are as long as there are leads; answers are of length 1.
    n_leads = len(context.prepared.leads)
    return _Told(*taught_elsewhere, line, line.slope / line.scale * n_leads**0.5)


# --- beats with parts taken away ----------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Edits:
    """Reads, and what else may stand in the place of their parts.

    Attributes
    ----------
    mean, other : the population's mean beat and another person's, with the lengths of these
    beat : the population's mean beat, with its own
    """

    context: Context
    reads: Reads
    mean: Floats
    other: Floats
    beat: Reads
    n_subjects: int

    @classmethod
    def of(
        cls, context: Context, reads: Reads, subject: NDArray[np.str_], rng: np.random.Generator
    ) -> _Edits:
        """What the people of a release make of it.

        Raises
        ------
        EvidenceError
            Waves are not delineated, or the people are too few to have a mean.
        """
        waves = reads.within(SEGMENTS["QRS"]).any(axis=1) & reads.within(SEGMENTS["T"]).any(axis=1)
        if waves.mean() < _DELINEATED:
            raise EvidenceError("too few beats could be delineated to tell their waves apart")
        people, code = np.unique(subject, return_inverse=True)
        if len(people) < MIN_PEOPLE:
            raise EvidenceError(f"needs at least {MIN_PEOPLE} people; found fewer")
        beat = population(reads, code)
        mean = beat.shown(reads.label, np.zeros(len(reads), dtype=np.int64))
        mean = np.where(np.isnan(mean), reads.signal, mean)
        other = reads.shown(reads.label, _others(code, rng))
        return cls(context, reads, mean, other, beat, len(people))

    def without(
        self, seen: Callable[[Floats], Seen]
    ) -> tuple[dict[str, Seen], dict[str, Seen], dict[str, Seen]]:
        """What an attack sees with each part masked, with it swapped, and with it alone."""
        named = {name: atoms for name, atoms in EVERY.items() if name not in UNASSIGNED}
        masked: dict[str, Seen] = {}
        swapped: dict[str, Seen] = {}
        alone: dict[str, Seen] = {}
        for done, (name, atoms) in enumerate(named.items()):
            self.context.progress("taking waves away", done, len(named))
            masked[name] = seen(self.reads.replaced(atoms, self.mean))
            swapped[name] = seen(self.reads.replaced(atoms, self.other))
            here = self.reads.within(atoms)[:, None]
            alone[name] = seen(np.where(here, self.reads.signal, self.beat.signal))
        return masked, swapped, alone

    def portrait(self) -> Portrait:
        """The mean beat, smoothed."""
        padded = np.pad(self.beat.signal[0], ((0, 0), (1, 1)), mode="edge")
        smooth = np.stack([np.convolve(lead, _SMOOTHING, mode="valid") for lead in padded])
        (label,) = self.beat.label
        names = {atom: name for name, atoms in SEGMENTS.items() for atom in atoms}
        return Portrait(
            self.context.prepared.leads,
            (np.arange(len(label)) - self.beat.origin) / FS,
            smooth.astype(np.float64),
            tuple(names.get(atom, "") for atom in label),
            self.n_subjects,
        )


def _rows(reader: Reader, reads: Reads) -> Floats:
    return reader.rows(reads.signal, reads.item, reads.signal.shape[1])


def _some(whose: NDArray[np.str_], n_leads: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places of the records of some people, and of nobody too many: first one of each."""
    kept = rng.permutation(np.unique(whose))[:_PEOPLE]
    order = rng.permutation(len(whose))
    ordered = whose[order]
    count = np.full(len(whose), _RECORDS)
    for person in kept:
        mine = np.flatnonzero(ordered == person)
        count[order[mine]] = np.arange(len(mine))
    most = max(_READ // (9 * n_leads), 80)
    first = np.argsort(count, kind="stable")[:most]
    return np.sort(first[count[first] < _RECORDS])


def _beats(
    reads: Reads,
    whose: NDArray[np.str_],
    among: NDArray[np.int64],
    rng: np.random.Generator,
    skip: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A few reads of some people, of one item each, and which of the person's each is.

    Parameters
    ----------
    whose : (n_items,)
    among : items whose people may be drawn
    skip : reads of an item that are left out where others are there, such as a median of all
    """
    people, first = np.unique(whose[among], return_index=True)
    most = min(_ASKED, max(_EXPLAINED // (_BEATS * reads.signal.shape[1]), MIN_PEOPLE + 2))
    chosen, turn = [], []
    for item in np.sort(among[first[rng.permutation(len(people))[:most]]]):
        mine = np.flatnonzero(reads.item == item)
        mine = (mine[skip:] if len(mine) > skip else mine)[:_BEATS]
        chosen.append(mine)
        turn.append(np.arange(len(mine)))
    return np.concatenate(chosen), np.concatenate(turn)


def _others(code: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) for each read one of another person: the same person for all of somebody's reads."""
    order = rng.permutation(code.max() + 1)
    donor = np.empty(len(order), dtype=np.int64)
    donor[order] = np.roll(order, 1)
    found = np.empty(len(code), dtype=np.int64)
    for person, other in enumerate(donor):
        mine, theirs = np.flatnonzero(code == person), np.flatnonzero(code == other)
        found[mine] = theirs[np.arange(len(mine)) % len(theirs)]
    return found

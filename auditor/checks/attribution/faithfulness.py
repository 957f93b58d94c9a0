"""Whether an explanation deserves belief: what it says is put to the test on the network itself.

A method ranks the segments of a beat. If it is right, the answer falls soonest when segments are
taken in its order, sooner than in random order and more than when as much time is taken elsewhere
(Samek et al. 2017; Petsiuk et al. 2018); another network, with weights drawn at random, must be
explained otherwise (Adebayo et al., NeurIPS 2018); and it must say the same of another beat of the
person, and when the boundaries of waves move by as much as two cardiologists disagree. A part is
taken by putting the population's mean beat in its place, never by a hole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from auditor.checks.attribution.relevance import Question, able
from auditor.checks.attribution.segments import MOVES, SEGMENTS, Atom, Reads, shifted
from auditor.core.evidence import Explanation

Array = NDArray[np.float64]
_N = len(SEGMENTS)
#: (n_atoms, n_segments) which atoms make up a segment.
_PARTS = np.array([[atom in atoms for atoms in SEGMENTS.values()] for atom in Atom], dtype=float)
#: How often a stretch as long as a segment is taken elsewhere.
_ELSEWHERE = 4
#: Beats that a network with random weights is asked about.
_TWINS = 16


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answers of beats with parts taken away.

    Attributes
    ----------
    without : (n, 2 ** n_segments) with each set of segments taken; bit k is segment k
    elsewhere : (n, n_segments) with a stretch as long as that segment taken anywhere, on average
    time : (n, n_segments) share of the beat that each segment lasts
    """

    without: Array
    elsewhere: Array
    time: Array

    @classmethod
    def of(cls, question: Question, rng: np.random.Generator) -> Answers:
        """By asking the network."""
        reads, mean = question.reads, question.mean
        inside = np.stack([reads.within(atoms) for atoms in SEGMENTS.values()], axis=1)
        known = ~np.isnan(mean)

        def asked(taken: NDArray[np.bool_]) -> Array:
            there = taken[:, None] & known
            return question.answers(np.where(there, mean, reads.signal))

        without = np.empty((len(reads), 2**_N))
        for taken in range(2**_N):
            chosen = [bool(taken >> bit & 1) for bit in range(_N)]
            without[:, taken] = asked(np.any(inside[:, chosen], axis=1, keepdims=False))
        n_places = inside.shape[2]
        length = inside.sum(axis=2)
        elsewhere = np.zeros(length.shape)
        for _ in range(_ELSEWHERE):
            first = rng.integers(n_places, size=length.shape)
            for segment in range(_N):
                along = (np.arange(n_places) - first[:, segment, None]) % n_places
                elsewhere[:, segment] += asked(along < length[:, segment, None])
        return cls(without, elsewhere / _ELSEWHERE, length / n_places)

    @property
    def drop(self) -> Array:
        """(n,) how far the answer falls when all segments are taken."""
        return self.without[:, 0] - self.without[:, -1]

    def curves(self, order: NDArray[np.int64]) -> tuple[Array, Array]:
        """(n,) the areas under the deletion and the insertion curve, over shares of time.

        Parameters
        ----------
        order : (n, n_segments) which segment is taken, or put back, first
        """
        row = np.arange(len(order))[:, None]
        taken = np.cumsum(2**order, axis=1)
        start = np.zeros((len(order), 1), dtype=np.int64)
        steps = np.take_along_axis(self.time, order, axis=1)
        total = np.maximum(steps.sum(axis=1, keepdims=True), 1e-9)
        areas = []
        for sets in (taken, 2**_N - 1 - taken):
            first = start if sets is taken else start + 2**_N - 1
            heights = self.without[row, np.concatenate([first, sets], axis=1)]
            middle = (heights[:, 1:] + heights[:, :-1]) / 2
            areas.append((middle * steps / total).sum(axis=1))
        return areas[0], areas[1]

    def by_luck(self) -> tuple[Array, Array]:
        """(n,) the same areas, on average over all orders."""
        deletion, insertion = np.zeros(len(self.time)), np.zeros(len(self.time))
        orders = list(permutations(range(_N)))
        for order in orders:
            areas = self.curves(np.tile(order, (len(self.time), 1)))
            deletion += areas[0]
            insertion += areas[1]
        return deletion / len(orders), insertion / len(orders)


def explain(
    question: Question,
    twin: Question,
    subject: NDArray[np.str_],
    turn: NDArray[np.int64],
    rng: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Explanation, ...]:
    """What each method says, and how it stood its tests.

    Parameters
    ----------
    twin : the same asked of a network with random weights
    subject, turn : (n,) whose each read is, and which of the person's
    """
    answers = Answers.of(question, rng)
    lucky = answers.by_luck()
    unit = max(float(np.abs(answers.drop).mean()), 1e-12)
    row = np.arange(len(subject))
    some = rng.permutation(len(subject))[:_TWINS]
    twin = replace(twin.part(some), closely=False)
    moved = [replace(question, reads=shifted(question.reads, *way)) for way in MOVES]
    partner = _another_beat(subject, turn)
    found = []
    methods = able(question.network)
    for done, (name, method) in enumerate(methods.items()):
        progress(done, len(methods))
        relevance = method(question, rng)
        share = shares(relevance.values, question.reads)
        profile = _profile(share, question.reads)
        again = [
            # Ablation takes whole segments; the others know nothing of boundaries.
            shares(method(one, rng).values if name == "ablation" else relevance.values, one.reads)
            for one in moved
        ]
        random = np.full(len(subject), np.nan)
        random[some] = _alike(profile[some], _of(method(twin, rng).values, twin.reads))
        density = share.sum(axis=1) @ _PARTS / np.maximum(answers.time, 1e-9)
        # Judged by its own answers ablation could not fail: a beat is taken apart in the order that
        # the method gives for another one of the person.
        order = np.argsort(-density[partner], axis=1, kind="stable")
        deletion, insertion = answers.curves(order)
        first = order[:, 0]
        found.append(
            Explanation(
                method=name,
                subject=subject,
                turn=turn,
                share=share,
                time=question.reads.time,
                deletion=(lucky[0] - deletion) / unit,
                insertion=(insertion - lucky[1]) / unit,
                matched=(answers.elsewhere[row, first] - answers.without[row, 2**first]) / unit,
                moved_share=np.stack(again),
                moved_time=np.stack([one.reads.time for one in moved]),
                randomised=random,
                error=relevance.error,
            )
        )
    return tuple(found)


def _another_beat(subject: NDArray[np.str_], turn: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) for each beat the next one of the person; who has one alone, is given another's."""
    order = np.lexsort((turn, subject))
    next_one = np.roll(order, -1)
    starts = np.flatnonzero(np.concatenate([[True], subject[order][1:] != subject[order][:-1]]))
    ends = np.append(starts[1:], len(order)) - 1
    several = ends > starts
    next_one[ends[several]] = order[starts[several]]
    partner = np.empty(len(order), dtype=np.int64)
    partner[order] = next_one
    return partner


def shares(values: Array, reads: Reads) -> Array:
    """(n, n_leads, n_atoms) how much of a beat's relevance each `Atom` of each lead holds.

    What speaks against the answer is negative; the sizes add up to 1.
    """
    inside = (reads.label[:, :, None] == np.arange(len(Atom))).astype(float)
    parts = values @ inside
    size = np.abs(parts).sum(axis=(1, 2), keepdims=True)
    return np.asarray(parts / np.where(size > 0, size, np.inf))


def _of(values: Array, reads: Reads) -> Array:
    return _profile(shares(values, reads), reads)


def _profile(share: Array, reads: Reads) -> Array:
    """(n, n_leads · n_segments) relevance per time; 0 for a segment that a beat lacks."""
    time = reads.time @ _PARTS
    density = share @ _PARTS / np.where(time > 0, time, np.inf)[:, None]
    return np.asarray(density.reshape(len(share), -1))


def _alike(one: Array, other: Array) -> Array:
    """(n,) Pearson's correlation of two profiles; 0 where one of them is level."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.where(size > 0, size, np.inf))

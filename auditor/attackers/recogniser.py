"""Recognisers: how each kind of attacker sees a gallery and the records to be named.

A recogniser gives each item coordinates and matches them: a match maps coordinates to rows whose
dot product is the score. What it learns it learns from the gallery, from people outside the
release, or from mated pairs of other people of the release. Each enters itself in `RECOGNISERS`,
from its own file, by `recogniser`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attackers.enrolment import Enrolment, Places
from auditor.attackers.matchers import Match, Rows
from auditor.attackers.search import search_gallery, search_margins
from auditor.core.evidence import Margins, SearchResult
from auditor.core.registry import Registry
from auditor.data.protocols import Items
from auditor.targets.context import Context

#: People with mated items without whom nothing is trained on them.
MIN_MATED = 10


@dataclass(frozen=True, eq=False)
class Recogniser:
    """One attacker's sight of an enrolment.

    Attributes
    ----------
    gallery, pool : (n, d) coordinates, NaN where unknown
    match : of the gallery, other items and a fold, rows of both
    folded : whether probes are searched fold by fold, as they must where the match differs
    """

    enrolment: Enrolment
    gallery: Rows
    pool: Rows
    match: Match
    folded: bool = False

    @classmethod
    def of_outputs(
        cls, enrolment: Enrolment, searched: Rows, asked: Rows, match: Match
    ) -> Recogniser:
        """By what a model gives out, whatever the match searched fold by fold.

        Parameters
        ----------
        searched, asked : (n, d) of the model's records, as the gallery and as the pool shows them
        """
        sides = searched[enrolment.gallery.row], asked[enrolment.pool.row]
        return cls(enrolment, *sides, match, folded=True)

    def rows(self, fold: int, pool: Places) -> tuple[Rows, Rows]:
        """The gallery, and some of the pool, as they are scored in a fold."""
        return self.match(self.gallery, self.pool[pool], fold)

    def search(
        self, rng: np.random.Generator, people: NDArray[np.str_] | None = None
    ) -> SearchResult:
        """Every probe against everybody enrolled; of some people alone where they are given."""
        who, probe, named = self.enrolment, self.enrolment.probe, None
        if people is not None:
            probe = probe[np.isin(who.pool_subject[probe], people)]
            named = np.isin(who.gallery_subject, people)
        fold = who.pool_fold[probe] if self.folded else np.zeros(len(probe), dtype=np.int64)

        def rows(one: int) -> tuple[Rows, Rows]:
            gallery, asked = self.rows(one, probe[fold == one])
            return gallery if named is None else gallery[named], asked

        enrolled = who.gallery_subject if named is None else who.gallery_subject[named]
        return search_gallery(rows, enrolled, who.pool_subject[probe], who.demographics, rng, fold)

    def margins(self, rng: np.random.Generator, most: int) -> Margins:
        """How far probes score above others than their person; of at most so many, drawn."""
        who, probe = self.enrolment, self.enrolment.probe
        if len(probe) > most:
            probe = np.sort(rng.choice(probe, most, replace=False))
        fold = who.pool_fold[probe] if self.folded else np.zeros(len(probe), dtype=np.int64)
        return search_margins(
            lambda one: self.rows(one, probe[fold == one]),
            who.gallery_subject,
            who.pool_subject[probe],
            fold,
        )


#: How a recogniser sees an enrolment in a context.
Enrol = Callable[[Context, Enrolment], Recogniser]
#: For records to learn from and records asked about, the probability that the person of each of
#: these is male, and their age in years.
ReadAttributes = Callable[
    [Context, Places, Places, np.random.Generator], tuple[NDArray[np.float64], NDArray[np.float64]]
]


@dataclass(frozen=True)
class Registered:
    """A recogniser as its file describes it.

    Attributes
    ----------
    title : what it is called on a page
    rung : its place on the attacker ladder, the weakest first; None where it is no attacker's
    trained_on_pairs : whether it is trained on mated pairs of other people of the release, and so
        needs `MIN_MATED` people who have them
    needs_training : whether its network is trained on the release itself
    untrained : the same with random weights, as a control; None where it has none
    unavailable : why it cannot be had in a context, such as for want of weights; None where it can
    table : (n, d) what it tells of each of some items, to read attributes from; None where nothing
    by_lines : whether attributes are read from its table by lines, and not by trees
    read_attributes : how its own network reads sex and age; None where the table is read
    """

    title: str
    rung: int | None
    enrol: Enrol
    trained_on_pairs: bool = False
    needs_training: bool = False
    untrained: Enrol | None = None
    unavailable: Callable[[Context], str | None] | None = None
    table: Callable[[Context, Items], Rows] | None = None
    by_lines: bool = False
    read_attributes: ReadAttributes | None = None

    def __call__(self, context: Context, enrolment: Enrolment) -> Recogniser:
        """Its sight of an enrolment."""
        return self.enrol(context, enrolment)


class Recognisers(Registry[Registered]):
    """All recognisers by name."""

    def ladder(self) -> list[str]:
        """Their names, the weakest attacker first."""
        rungs = {name: one.rung for name, one in self.items() if one.rung is not None}
        return sorted(rungs, key=lambda name: rungs[name])

    def unavailable(self, context: Context, name: str) -> str | None:
        """Why a recogniser cannot be had in a context; None where it can."""
        known = self[name]
        if known.needs_training and context.training is None:
            return "no network is trained under this preset"
        return known.unavailable(context) if known.unavailable else None


RECOGNISERS = Recognisers("recogniser")


def recogniser(
    name: str,
    *,
    title: str,
    rung: int,
    trained_on_pairs: bool = False,
    needs_training: bool = False,
    untrained: Enrol | None = None,
    unavailable: Callable[[Context], str | None] | None = None,
    table: Callable[[Context, Items], Rows] | None = None,
    by_lines: bool = False,
    read_attributes: ReadAttributes | None = None,
) -> Callable[[Enrol], Enrol]:
    """Enter what is decorated in `RECOGNISERS`; the rest is as in `Registered`.

    Name, title and rung are written out where it stands, so that they can be read without running
    it.
    """

    def enter(enrol: Enrol) -> Enrol:
        facts = trained_on_pairs, needs_training, untrained, unavailable
        readings = table, by_lines, read_attributes
        RECOGNISERS.register(name)(Registered(title, rung, enrol, *facts, *readings))
        return enrol

    return enter

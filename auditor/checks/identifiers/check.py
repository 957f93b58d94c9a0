"""Does anything that travels with the signals name people outright?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.identifiers.places import TIMES, beside, in_texts, judged
from auditor.checks.identifiers.recorders import CONSTANT, Constants
from auditor.checks.identifiers.sighting import Sighting
from auditor.core.evidence import MIN_PEOPLE
from auditor.core.finding import Estimate
from auditor.data.dataset import Dataset
from auditor.data.identifiers import AGE_OVER_89, FREE_TEXT
from auditor.data.identifiers.classes import DATE
from auditor.data.moved import look_moved
from auditor.engine import shards
from auditor.stats.small_cells import FEW, shares_of_people
from auditor.targets.context import Context


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    del settings
    return [Identifiers()]


@dataclass(frozen=True, eq=False)
class Sightings:
    """What identifies, person by person.

    Attributes
    ----------
    places : (n_places,) class, kind of place, and whether it is sure
    met : (n_people, n_places)
    cleared : of how many places somebody says that nothing there identifies
    shifted : whether days were shifted, person by person, as somebody says and they look
    recorders : by constant of recorders that differs, into how many groups of `MIN_PEOPLE` and
        more people fall, and whether there are smaller ones
    """

    places: tuple[tuple[str, str, bool], ...]
    met: NDArray[np.bool_]
    cleared: int = 0
    shifted: bool = False
    recorders: Mapping[str, tuple[int, bool]] = field(default_factory=dict)

    def having(self, places: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n_people,) who has anything at some places."""
        return np.asarray(self.met[:, places].any(axis=1), dtype=np.bool_)


@dataclass(frozen=True)
class Identifiers(OnRecordings):
    """A reader of headers, annotations, file names and tables looks for what names a person."""

    id: ClassVar[str] = "identifiers"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if context.dataset.manifest["subject"].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Sightings:
        """For each person, which class was met at which kind of place."""
        del rng
        dataset = context.dataset
        jobs = [dataset.part(np.asarray(rows)) for rows in shards(range(len(dataset.manifest)))]
        texts = chain.from_iterable(context.engine.map(_in_texts, jobs))
        constants = Constants()
        seen = constants.settled(chain(texts, beside(dataset)))
        people = np.unique(dataset.manifest["subject"].astype(str))
        place_of = {subject: place for place, subject in enumerate(people)}
        met: dict[tuple[str, str, bool], NDArray[np.bool_]] = {}
        for one in judged(seen, dataset.descriptor):
            column = met.setdefault(one.place, np.zeros(len(people), dtype=np.bool_))
            column[place_of[one.subject]] = True
        places = tuple(sorted(met))
        columns = [met[one] for one in places]
        return Sightings(
            places,
            np.column_stack(columns) if columns else np.zeros((len(people), 0), dtype=np.bool_),
            len(dataset.descriptor.cleared),
            dataset.descriptor.shifted and _moved_into_the_past(dataset.manifest),
            constants.groups,
        )

    def estimate(self, evidence: Sightings, level: float, draw: Draw) -> Measured:
        """The share of people with a direct identifier, with what may be one, with free text, and
        with an age over 89.

        Of what may be one, nobody to all are identified by it: the interval reaches from 0 to the
        share of people who have any. Also, as parameters, which class was met at which kind of
        place, for how many people; numbers under `MIN_PEOPLE` are not told. One to nine people are
        no share: as a parameter it is told that there are some.
        """
        del draw
        shifted = [
            evidence.shifted and kind == DATE and where != TIMES
            for kind, where, _ in evidence.places
        ]
        kinds = np.array([kind for kind, _, _ in evidence.places], dtype=object)
        sure = np.array([sure for _, _, sure in evidence.places], dtype=np.bool_)
        counts = ~np.array(shifted, dtype=np.bool_)
        old = kinds == AGE_OVER_89
        chosen = {
            "direct": sure & ~old & counts,
            "ages_over_89": sure & old,
            "free_text": kinds == FREE_TEXT,
        }
        people = {name: evidence.having(those) for name, those in chosen.items()}
        found, few = shares_of_people(people, level, 0.0)
        may = evidence.having(~sure & counts)
        found["possible"] = _at_most(may, level)
        params = {"hits": _told(evidence)} | few
        if 0 < may.sum() < MIN_PEOPLE:
            params["people_to_look_at"] = FEW
        if evidence.cleared:
            params["places_cleared_by_somebody"] = evidence.cleared
        if evidence.recorders:
            params["groups_by_recorder"] = [
                {"by": name, "groups_of_10_and_more": n, "smaller_groups": smaller}
                for name, (n, smaller) in evidence.recorders.items()
            ]
        if evidence.shifted:
            params["dates"] = "shifted for each person, as somebody says and as they look"
        return Measured(found, params=params)


def _in_texts(dataset: Dataset) -> list[Sighting]:
    """What the texts of some records hold; each once for a person, and without what it says."""
    return list(
        dict.fromkeys(
            one if one.kind in (FREE_TEXT, DATE, CONSTANT) else one._replace(value="", rule="")
            for one in in_texts(dataset)
        )
    )


def _at_most(people: NDArray[np.bool_], level: float) -> Estimate:
    """From nobody to the share of people; that of nine where it is fewer."""
    n = int(people.sum())
    share = min(max(n, MIN_PEOPLE - 1) / len(people), 1.0) if n else 0.0
    return Estimate(share, 0.0, share, level, len(people), None)


def _told(evidence: Sightings) -> list[dict[str, Any]]:
    rows = []
    for (kind, where, sure), those in zip(evidence.places, evidence.met.T, strict=True):
        n = int(those.sum())
        people: int | str = n if n >= MIN_PEOPLE else f"fewer than {MIN_PEOPLE}"
        rows.append({"class": kind, "where": where, "people": people, "sure": sure})
    return rows


def _moved_into_the_past(manifest: pd.DataFrame) -> bool:
    """Whether dates look moved, and none into years to come: there each says so by itself."""
    return look_moved(manifest) and not (manifest["taken_at"] > pd.Timestamp.now()).any()

"""Does a combination of sex, age, date … single people out?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.checks.uniqueness.classes import UNKNOWN, ages_of, known_of, people_alike
from auditor.checks.uniqueness.public import read_public
from auditor.core.evidence import MIN_PEOPLE, Likeness
from auditor.core.finding import Estimate
from auditor.data.moved import look_moved
from auditor.stats.age_pyramid import OLDEST, PopulationTable, Pyramid, from_sample, from_table
from auditor.stats.estimators import enough
from auditor.stats.likeness import ages_seen, risks_by_sizes, risks_in_population
from auditor.stats.small_cells import SMALL_CLASS, shares_of_people
from auditor.targets.context import Context

#: What the intruder knows, each set adding to the one before.
KNOWN = ("sex", "age", "gaps", "date")
#: Whoever knows these knows that the person is in the release.
_OF_THE_RELEASE = frozenset({"gaps", "date"})
#: In a smaller class nobody else is, likelier than not.
_NOBODY_ELSE = 1.5
#: How often people's values are dealt anew, to see what matches by luck.
_DEALT = 5


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    return [
        Uniqueness(
            population=settings.population,
            table=settings.population_table,
            public=settings.public,
        )
    ]


@dataclass(frozen=True)
class Uniqueness(OnRecordings):
    """An intruder knows a neighbour's sex and age, perhaps the days of visits, and looks for the
    only record that fits.

    Attributes
    ----------
    population : people among whom an intruder would have to look
    table : how many of them there are of each sex and age; None where nobody says
    public : a table that somebody may hold beside the release
    """

    view: str = "metadata"
    population: int = 1
    table: PopulationTable | None = None
    public: Path | None = None
    id: ClassVar[str] = "uniqueness"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        manifest = context.dataset.manifest
        if manifest[["sex", "age", "taken_at"]].isna().all(axis=None):
            return "the release says neither sex nor age nor date"
        if manifest["subject"].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Likeness:
        """For each person how many people fit what is known of them, under ever more knowledge."""
        known = known_of(context.dataset.manifest)
        names = [name for name in KNOWN if (known[name] != UNKNOWN).any()]
        if context.dataset.descriptor.shifted and look_moved(context.dataset.manifest):
            names = [name for name in names if name != "date"]
        if "gaps" in names and known["gaps"].max() == known["gaps"].min():
            names.remove("gaps")  # nobody was there twice, or all were at the same distances
        sets = [names[: n + 1] for n in range(len(names))]
        person = known["person"]
        sizes = [
            pd.Series(people_alike(known, some)).groupby(person.to_numpy()).min() for some in sets
        ]
        alike = people_alike(known, ["sex", "age"]).astype(np.int64)
        # A person's first recording comes first, and so does its row.
        rows = known.assign(alike=alike).drop_duplicates(["person", "sex", "age"])
        low, high, grouped = ages_of(rows["age"].to_numpy())
        found = Likeness(
            names=tuple(" + ".join(some) for some in sets),
            sizes=np.column_stack(sizes),
            in_release=bool(_OF_THE_RELEASE & set(names)),
            person=rows["person"].to_numpy(),
            sex=rows["sex"].to_numpy(),
            low=low,
            high=high,
            grouped=grouped,
            alike=rows["alike"].to_numpy(),
            first=np.unique(rows["person"].to_numpy(), return_index=True)[1],
        )
        return found if self.public is None else self._joined(found, known, rng)

    def _joined(self, found: Likeness, known: pd.DataFrame, rng: np.random.Generator) -> Likeness:
        """The same with what the public table knows of the people."""
        assert self.public is not None
        table = read_public(self.public)
        person = known["person"].to_numpy()

        def matches(rows: pd.DataFrame) -> NDArray[np.int64]:
            fits = pd.Series(table.matches(rows)).groupby(person).min()
            return fits.to_numpy(dtype=np.int64)

        dealt = []
        for _ in range(_DEALT):
            rows = known.copy()
            for name in ("sex", "age", "date"):
                rows[name] = rng.permutation(rows[name].to_numpy())
            dealt.append(matches(rows))
        return replace(
            found,
            matches=matches(known),
            matches_by_luck=np.stack(dealt),
            n_left_out=table.n_left_out,
        )

    def estimate(self, evidence: Likeness, level: float, draw: Draw) -> Measured:
        """How small the classes are that people fall in, here and in the declared population.

        `max_risk` is the highest chance, over people, of naming one by all that the release tells,
        and `mean_risk` its mean; `alone_in_population` the share of people whom sex and age single
        out there. `alone_by_sizes`, `alone_by_table` and `mean_risk_by_table` are what models say
        to which an age is no number. `below_11` is the share of people whom fewer than 10 others
        of the release are like, `one_match` that of people whom one row of the public table fits.
        """
        n = enough(len(evidence.sizes))
        chance = min(1.0, 1 / self.people)
        found: dict[str, Estimate] = {}
        if ((evidence.sex >= 0) | (evidence.high - evidence.low < OLDEST)).any():
            pyramid = self._pyramid(evidence, draw("pyramid"))
            found |= risks_in_population(evidence, pyramid, level, chance, draw("others"))
            found |= risks_by_sizes(evidence, self.people, level, draw("classes"))
        if evidence.in_release:
            # Who knows the days of recordings knows that the person is in the release: then the
            # release itself is the population to look in, and everybody in it is counted.
            risk = 1 / evidence.sizes[:, -1]
            for name, value in (("max_risk", float(risk.max())), ("mean_risk", float(risk.mean()))):
                found[name] = Estimate(value, value, value, level, n, chance)
        shares, few = shares_of_people(
            {"below_11": evidence.sizes[:, -1] < SMALL_CLASS}, level, None
        )
        found |= shares
        if evidence.matches is not None and evidence.matches_by_luck is not None:
            luck = float((evidence.matches_by_luck == 1).mean())
            matched, some = shares_of_people({"one_match": evidence.matches == 1}, level, luck)
            found, few = found | matched, few | some
            if evidence.n_left_out:
                few["left_out_of_the_public_table"] = f"{evidence.n_left_out:,} rows"
        sets = [
            {"known": name, "share_unique": round(float((column < _NOBODY_ELSE).mean()), 2)}
            for name, column in zip(evidence.names, evidence.sizes.T, strict=True)
        ]
        return Measured(found, params={"known": sets, "population": self.people} | few)

    def _pyramid(self, evidence: Likeness, rng: np.random.Generator) -> Pyramid:
        """How many people of each sex and age the population holds."""
        ages, pooled = ages_seen(evidence)
        if self.table is not None:
            return from_table(self.table, ages, pooled, rng)
        return from_sample(ages, pooled, self.population, rng)

    @property
    def people(self) -> int:
        """Among how many an intruder has to look."""
        return self.population if self.table is None else self.table.people

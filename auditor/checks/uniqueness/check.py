"""Does a combination of sex, age, date … single people out?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.evidence import MIN_PEOPLE, Counts
from auditor.core.finding import Estimate
from auditor.stats import metrics
from auditor.stats.estimators import enough
from auditor.stats.small_cells import SMALL_CLASS, shares_of_people
from auditor.targets.context import Context

#: What the intruder knows, each set adding to the one before.
KNOWN = ("sex", "age", "date")


def plan(settings: Settings) -> list[OnRecordings]:
    """One question, whatever the preset."""
    return [Uniqueness(population=settings.population)]


@dataclass(frozen=True)
class Uniqueness(OnRecordings):
    """An intruder knows a neighbour's sex and age, perhaps the day of a visit, and looks for the
    only record that fits.

    Attributes
    ----------
    population : people among whom an intruder would have to look
    """

    view: str = "metadata"
    population: int = 1
    id: ClassVar[str] = "uniqueness"

    def unmet(self, context: Context) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        manifest = context.dataset.manifest
        if manifest[["sex", "age", "taken_at"]].isna().all(axis=None):
            return "the release says neither sex nor age nor date"
        if manifest["subject"].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people"
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Counts:
        """For each person how many people share their values, under ever more knowledge."""
        del rng
        manifest = context.dataset.manifest
        table = pd.DataFrame(
            {
                "sex": manifest["sex"],
                # Ages are known in whole years, and days without their hours.
                "age": np.floor(manifest["age"].astype(float)),
                "date": pd.to_datetime(manifest["taken_at"]).dt.normalize(),
            }
        )
        # A value that is not given is a value of its own.
        table = table.astype(object).where(table.notna(), "unknown")
        known = [name for name in KNOWN if (table[name] != "unknown").any()]
        subject = manifest["subject"].to_numpy().astype(str)
        names, sizes = [], []
        for n in range(1, len(known) + 1):
            names.append(" + ".join(known[:n]))
            sizes.append(_class_sizes(table[known[:n]], subject))
        return Counts(tuple(names), np.column_stack(sizes))

    def estimate(self, evidence: Counts, level: float, draw: Draw) -> Measured:
        """How small the classes are that people fall in, here and in the declared population.

        `max_risk` is the highest chance, over people, of naming one by all that the release tells;
        `below_11` the share of people who share their values with fewer than 10 others of the
        release.
        """
        del draw
        sizes = evidence.values[:, -1]
        n = enough(len(sizes))
        # Who knows the day of a recording knows that the person is in the release: then the release
        # itself is the population to look in.
        hidden_among = n if "date" in evidence.names[-1] else self.population
        risk = metrics.individual_risk(sizes, min(1.0, n / hidden_among))
        chance = min(1.0, 1 / self.population)
        highest, mean = float(risk.max()), float(risk.mean())
        found = {
            # A count of everybody, not a sample: it has no sampling error of its own.
            "max_risk": Estimate(highest, highest, highest, level, n, chance),
            "mean_risk": Estimate(mean, mean, mean, level, n, chance),
        }
        small, few = shares_of_people({"below_11": sizes < SMALL_CLASS}, level, None)
        sets = [
            {
                "known": name,
                "share_unique": round(float((evidence.values[:, place] == 1).mean()), 2),
            }
            for place, name in enumerate(evidence.names)
        ]
        return Measured(found | small, params={"known": sets, "population": self.population} | few)


def _class_sizes(table: pd.DataFrame, subject: np.ndarray) -> np.ndarray:
    """(n_people,) the size, in people, of the smallest class that any record puts a person in."""
    keys = table.apply(tuple, axis=1)
    frame = pd.DataFrame({"key": keys, "subject": subject})
    size = frame.groupby("key")["subject"].transform("nunique")
    return size.groupby(frame["subject"]).min().to_numpy(dtype=np.int64)

"""Does a combination of sex, age, date … single people out?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditor.checks.base import ATTACKS
from auditor.checks.uniqueness.metadata import metadata
from auditor.core.evidence import MIN_PEOPLE, Counts, Evidence
from auditor.targets.context import Case


@ATTACKS.register("uniqueness")
@dataclass(frozen=True)
class Uniqueness:
    """An intruder knows a neighbour's sex and age, perhaps the day of a visit, and looks for the
    only record that fits.
    """

    view: str = "metadata"
    protocol: None = None
    check: ClassVar[str] = "uniqueness"
    #: What the intruder knows, each set adding to the one before.
    known: ClassVar[tuple[str, ...]] = ("sex", "age", "date")

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder who knows a person's sex and age, or also the day of a recording, looks "
            "for the only record that fits."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        manifest = case.dataset.manifest
        if manifest[["sex", "age", "taken_at"]].isna().all(axis=None):
            return "the release says neither sex nor age nor date"
        if manifest["subject"].nunique() < MIN_PEOPLE:
            return f"needs at least {MIN_PEOPLE} people"
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """For each person how many people share their values, under ever more knowledge."""
        del rng
        view = metadata(case.dataset.manifest)
        table = pd.DataFrame(view.values, columns=list(view.columns))[list(self.known)]
        # Ages are known in whole years; a value that is not given is a value of its own.
        table["age"] = np.floor(table["age"])
        table = table.astype(object).where(table.notna(), "unknown")
        known = [name for name in self.known if (table[name] != "unknown").any()]
        names, sizes = [], []
        for n in range(1, len(known) + 1):
            names.append(" + ".join(known[:n]))
            sizes.append(_class_sizes(table[known[:n]], view.subject))
        return {"": Counts(tuple(names), np.column_stack(sizes))}


def _class_sizes(table: pd.DataFrame, subject: np.ndarray) -> np.ndarray:
    """(n_people,) the size, in people, of the smallest class that any record puts a person in."""
    keys = table.apply(tuple, axis=1)
    frame = pd.DataFrame({"key": keys, "subject": subject})
    size = frame.groupby("key")["subject"].transform("nunique")
    return size.groupby(frame["subject"]).min().to_numpy(dtype=np.int64)

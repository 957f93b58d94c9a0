"""Can somebody learn a person's sex or age from what is released?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold, trees
from auditor.attackers.recogniser import RECOGNISERS
from auditor.checks.base import Draw, Measured, OnRecordings, Settings
from auditor.core.errors import ConfigError
from auditor.core.evidence import Predictions, Trials
from auditor.core.finding import Estimate
from auditor.core.streams import stream
from auditor.data.protocols import Items
from auditor.signal.spikes import Planted
from auditor.stats.estimators import Curves, cross_fitted
from auditor.targets.context import Context

#: People of each sex, and people of known age, without whom nothing is measured.
_MIN_OF_EACH = 10


@dataclass(frozen=True, eq=False)
class Checked:
    """Guesses of sex and of age beside the truth; None where too few people's is known."""

    sex: Trials | None
    age: Predictions | None


@dataclass(frozen=True, eq=False)
class Guesses:
    """What an attacker guesses of each record, (n_records,), by people it never saw."""

    sex: NDArray[np.float64]
    age: NDArray[np.float64]

    def checked(
        self, context: Context, prior: NDArray[np.float64], fold: NDArray[np.int64]
    ) -> Checked:
        """The guesses that can be checked, beside the truth.

        Parameters
        ----------
        prior, fold : (n_records,) the age named by somebody who saw no record, and whose models
            made the guess
        """
        subject = context.records["subject"].to_numpy().astype(str)
        every = people(context.records)
        known = every.loc[context.records["subject"]]
        by_sex, by_age = None, None
        if _measurable_sex(every):
            seen = (known["male"].notna() & ~np.isnan(self.sex)).to_numpy()
            male = known["male"].to_numpy()[seen] == 1
            by_sex = Trials(self.sex[seen], male, subject[seen], fold[seen])
        if _measurable_age(every):
            seen = (known["age"].notna() & ~np.isnan(self.age)).to_numpy()
            age = known["age"].to_numpy()[seen]
            by_age = Predictions(self.age[seen], age, prior[seen], subject[seen])
        return Checked(by_sex, by_age)


def plan(settings: Settings) -> list[OnRecordings]:
    """Every attacker that reads attributes."""
    return [Attribute(view) for view in settings.attribute_views]


@dataclass(frozen=True)
class Attribute(OnRecordings):
    """An intruder learns from other people what an ECG says of sex and age, and reads it from a
    release that withholds them.
    """

    view: str = "fiducials"
    protocol: str = "subject-disjoint"
    id: ClassVar[str] = "attribute"
    planted: ClassVar[Planted] = "sex and age"

    def __post_init__(self) -> None:
        known = RECOGNISERS[self.view]
        if known.table is None and known.read_attributes is None:
            raise ConfigError(f"neither sex nor age can be read by {self.view}")

    def unmet(self, context: Context) -> str | None:
        """Why the recordings do not allow the attack; None when they do."""
        every = people(context.records)
        if not _measurable_sex(every) and not _measurable_age(every):
            return (
                f"needs {_MIN_OF_EACH} people of each sex, or {2 * _MIN_OF_EACH} of known age; "
                "the release names too few to check against"
            )
        return None

    def attack(self, context: Context, rng: np.random.Generator) -> Checked:
        """Guesses for each person by models that saw nobody but others."""
        records, n = people(context.records), len(context.records)
        guess, prior = Guesses(*(np.full(n, np.nan) for _ in range(2))), np.full(n, np.nan)
        fold_of = np.empty(n, dtype=np.int64)
        for fold, (train, test) in enumerate(folds(context, rng)):
            fold_of[test] = fold
            prior[test] = records.loc[
                context.records["subject"].iloc[train].unique(), "age"
            ].median()
            name = f"attribute/{self.view}/{fold}"
            made = self._guess(context, train, test, stream(context.seed, name))
            guess.sex[test], guess.age[test] = made.sex, made.age
        return guess.checked(context, prior, fold_of)

    def estimate(self, evidence: Checked, level: float, draw: Draw) -> Measured:
        """How often sex is told, and how near age; the learners saw the others, and so intervals
        are those of half as many people.
        """
        found: dict[str, Estimate] = {}
        curves: Curves = {}
        for name, seen in (("sex", evidence.sex), ("age", evidence.age)):
            if seen is not None:
                told, drawn = cross_fitted(name, seen, level, draw(name))
                found, curves = found | told, curves | drawn
        return Measured(found, curves)

    def _guess(
        self,
        context: Context,
        train: NDArray[np.int64],
        test: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Guesses:
        if by_network := RECOGNISERS[self.view].read_attributes:
            return Guesses(*by_network(context, train, test, rng))
        return _by_table(context, self.view, train, test, rng)


def people(records: pd.DataFrame) -> pd.DataFrame:
    """One row per person: `male` (1, 0, NaN unknown) and `age` of their first record."""
    first = records.drop_duplicates("subject").set_index("subject")
    male = first["sex"].map({"male": 1.0, "female": 0.0}).astype(float)
    return pd.DataFrame({"male": male, "age": first["age"].astype(float)})


def folds(
    context: Context, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Records to learn from and records to guess about: nobody is in both, everybody is asked
    about once.
    """
    every = people(context.records)
    person_of = pd.Index(every.index).get_indexer(context.records["subject"])
    yield from subject_kfold(person_of, every["male"].fillna(2).to_numpy(dtype=np.int64), rng)


def _measurable_sex(people: pd.DataFrame) -> bool:
    counts = people["male"].value_counts()
    return bool(len(counts) == 2 and counts.min() >= _MIN_OF_EACH)


def _measurable_age(people: pd.DataFrame) -> bool:
    known = people["age"].dropna()
    return len(known) >= 2 * _MIN_OF_EACH and bool(known.min() < known.max())


def _by_table(
    context: Context,
    view: str,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    rng: np.random.Generator,
) -> Guesses:
    """A table of what each record shows, read by trees, or an embedding's by lines; each person
    weighs the same.
    """
    learner = line if RECOGNISERS[view].by_lines else trees
    table = view_matrix(context, view)
    known = people(context.records).loc[context.records["subject"]]
    subject = context.records["subject"].to_numpy().astype(str)
    told = CrossFitted(learner, table, subject, int(rng.integers(2**31)))
    sex = told.predict_proba(known["male"].to_numpy(), train, test)
    return Guesses(sex, told.predict(known["age"].to_numpy(), train, test, rng))


def view_matrix(context: Context, view: str) -> NDArray[np.float32]:
    """(n_records, d) what a view tells of each record."""
    table = RECOGNISERS[view].table
    assert table is not None
    return table(context, Items.whole(np.arange(len(context.records))))

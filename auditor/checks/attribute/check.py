"""Can somebody learn a person's sex or age from what is released?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold, trees
from auditor.attackers.recogniser import RECOGNISERS
from auditor.checks.base import ATTACKS
from auditor.core.errors import ConfigError
from auditor.core.evidence import Evidence, Predictions, Trials
from auditor.core.streams import stream
from auditor.data.protocols import Items
from auditor.targets.context import Case

#: People of each sex, and people of known age, without whom nothing is measured.
_MIN_OF_EACH = 10


@dataclass(frozen=True, eq=False)
class Guesses:
    """What an attacker guesses of each record, (n_records,), by people it never saw."""

    sex: NDArray[np.float64]
    age: NDArray[np.float64]

    def judged(
        self, case: Case, prior: NDArray[np.float64], fold: NDArray[np.int64]
    ) -> dict[str, Evidence]:
        """The guesses that can be checked, beside the truth.

        Parameters
        ----------
        prior, fold : (n_records,) the age named by somebody who saw no record, and whose models
            made the guess
        """
        subject = case.records["subject"].to_numpy().astype(str)
        every = people(case.records)
        known = every.loc[case.records["subject"]]
        evidence: dict[str, Evidence] = {}
        if _measurable_sex(every):
            seen = (known["male"].notna() & ~np.isnan(self.sex)).to_numpy()
            male = known["male"].to_numpy()[seen] == 1
            evidence["sex"] = Trials(self.sex[seen], male, subject[seen], fold[seen])
        if _measurable_age(every):
            seen = (known["age"].notna() & ~np.isnan(self.age)).to_numpy()
            age = known["age"].to_numpy()[seen]
            evidence["age"] = Predictions(self.age[seen], age, prior[seen], subject[seen])
        return evidence


@ATTACKS.register("attribute")
@dataclass(frozen=True)
class Attribute:
    """An intruder learns from other people what an ECG says of sex and age, and reads it from a
    release that withholds them.
    """

    view: str = "fiducials"
    protocol: str = "subject-disjoint"
    check: ClassVar[str] = "attribute"

    def __post_init__(self) -> None:
        known = RECOGNISERS[self.view]
        if known.table is None and known.read_attributes is None:
            raise ConfigError(
                f"{self.view} tells nothing of a record from which to read sex or age"
            )

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder who has learnt from other people's ECGs reads sex and age from a release "
            "that withholds them."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if why := RECOGNISERS.unavailable(case, self.view):
            return why
        every = people(case.records)
        if not _measurable_sex(every) and not _measurable_age(every):
            return (
                f"needs {_MIN_OF_EACH} people of each sex, or {2 * _MIN_OF_EACH} of known age; "
                "the release names too few to check against"
            )
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Guesses for each person by models that saw nobody but others."""
        records, n = people(case.records), len(case.records)
        guess, prior = Guesses(*(np.full(n, np.nan) for _ in range(2))), np.full(n, np.nan)
        fold_of = np.empty(n, dtype=np.int64)
        for fold, (train, test) in enumerate(folds(case, rng)):
            fold_of[test] = fold
            prior[test] = records.loc[case.records["subject"].iloc[train].unique(), "age"].median()
            name = f"attribute/{self.view}/{fold}"
            made = self._guess(case, train, test, stream(case.seed, name))
            guess.sex[test], guess.age[test] = made.sex, made.age
        return guess.judged(case, prior, fold_of)

    def _guess(
        self,
        case: Case,
        train: NDArray[np.int64],
        test: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Guesses:
        if by_network := RECOGNISERS[self.view].read_attributes:
            return Guesses(*by_network(case, train, test, rng))
        return _by_table(case, self.view, train, test, rng)


def people(records: pd.DataFrame) -> pd.DataFrame:
    """One row per person: `male` (1, 0, NaN unknown) and `age` of their first record."""
    first = records.drop_duplicates("subject").set_index("subject")
    male = first["sex"].map({"male": 1.0, "female": 0.0}).astype(float)
    return pd.DataFrame({"male": male, "age": first["age"].astype(float)})


def folds(
    case: Case, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Records to learn from and records to guess about: nobody is in both, everybody is asked
    about once.
    """
    every = people(case.records)
    person_of = pd.Index(every.index).get_indexer(case.records["subject"])
    yield from subject_kfold(person_of, every["male"].fillna(2).to_numpy(dtype=np.int64), rng)


def _measurable_sex(people: pd.DataFrame) -> bool:
    counts = people["male"].value_counts()
    return bool(len(counts) == 2 and counts.min() >= _MIN_OF_EACH)


def _measurable_age(people: pd.DataFrame) -> bool:
    known = people["age"].dropna()
    return len(known) >= 2 * _MIN_OF_EACH and bool(known.min() < known.max())


def _by_table(
    case: Case,
    view: str,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    rng: np.random.Generator,
) -> Guesses:
    """A table of what each record shows, read by trees, or an embedding's by lines; each person
    weighs the same.
    """
    learner = line if RECOGNISERS[view].by_lines else trees
    table = shown(case, view)
    known = people(case.records).loc[case.records["subject"]]
    subject = case.records["subject"].to_numpy().astype(str)
    told = CrossFitted(learner, table, subject, int(rng.integers(2**31)))
    sex = told.predict_proba(known["male"].to_numpy(), train, test)
    return Guesses(sex, told.predict(known["age"].to_numpy(), train, test, rng))


def shown(case: Case, view: str) -> NDArray[np.float32]:
    """(n_records, d) what a view tells of each record."""
    key = "attribute", view
    if key not in case.shared:
        table = RECOGNISERS[view].table
        assert table is not None
        case.shared[key] = table(case, Items.whole(np.arange(len(case.records))))
    found: NDArray[np.float32] = case.shared[key]
    return found

"""Can somebody learn a person's sex or age from what is released?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from auditor.attacks import encoder
from auditor.attacks.case import ATTACKS, Case
from auditor.attacks.rungs import embedded, untaught
from auditor.core.evidence import Evidence, Predictions, Trials
from auditor.core.streams import stream
from auditor.data.protocol import Items, subject_folds
from auditor.views import build

#: People of each sex, and people of known age, without whom nothing is measured.
_MIN_OF_EACH = 10
FOLDS = 5
#: How far a line through an embedding may lean on any one direction of it.
_TRUST = 0.01


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

    @property
    def threat(self) -> str:
        """Who does what with the release, in one sentence."""
        return (
            "An intruder who has learnt from other people's ECGs reads sex and age from a release "
            "that withholds them."
        )

    def unmet(self, case: Case) -> str | None:
        """Why the attack cannot be carried out on this release; None when it can."""
        if why := untaught(case, self.view):
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
        if self.view == "vit":
            return Guesses(*encoder.sex_and_age(case, train, test, rng))
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
    yield from dealt(person_of, every["male"].fillna(2).to_numpy(dtype=np.int64), rng)


def dealt(
    person: NDArray[np.int64], classes: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to guess about, as `folds` deals them.

    Parameters
    ----------
    person : (n,) whose each row is, from 0
    classes : (n_people,) what is to be as frequent in every fold
    """
    for tested in subject_folds(classes, FOLDS, rng):
        test, train = (np.flatnonzero(mask[person]) for mask in (tested, ~tested))
        yield train, test


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
    learner = line if view == "embedding" else trees
    table = shown(case, view)
    known = people(case.records).loc[case.records["subject"]]
    subject = case.records["subject"].to_numpy().astype(str)
    told = Told(learner, table, subject, int(rng.integers(2**31)))
    sex = told.likely(known["male"].to_numpy(), train, test)
    return Guesses(sex, told.guessed(known["age"].to_numpy(), train, test, rng))


def shown(case: Case, view: str) -> NDArray[np.float32]:
    """(n_records, d) what a view tells of each record."""
    key = "attribute", view
    if key not in case.shared:
        everything = Items.whole(np.arange(len(case.records)))
        case.shared[key] = (
            embedded(case, everything)
            if view == "embedding"
            else build(view, case.prepared, everything, case.engine, case.seed).values
        )
    table: NDArray[np.float32] = case.shared[key]
    return table


#: Seed, objective, table, truth, whose each row is, rows to learn from → what it makes of a table.
Learner = Callable[
    [int, str, NDArray[np.float32], NDArray[np.float64], NDArray[np.str_], NDArray[np.int64]],
    Callable[[NDArray[np.float32]], NDArray[np.float64]],
]


@dataclass(frozen=True, eq=False)
class Told:
    """What a learner makes of a table about people it did not learn from.

    Attributes
    ----------
    table : (n, d) what is seen of each row
    subject : (n,) whose each row is
    """

    learner: Learner
    table: NDArray[np.float32]
    subject: NDArray[np.str_]
    seed: int

    def likely(
        self, truth: NDArray[np.float64], train: NDArray[np.int64], test: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n_test,) how likely a yes is; 0 where those to learn from are all of one kind.

        Parameters
        ----------
        truth : (n,) 1 or 0, NaN where not known
        """
        rows = train[~np.isnan(truth[train])]
        if len(np.unique(truth[rows])) < 2:
            return np.zeros(len(test))
        return self._fitted("binary:logistic", truth, rows)(self.table[test])

    def guessed(
        self,
        truth: NDArray[np.float64],
        train: NDArray[np.int64],
        test: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """(n_test,) a quantity, believed no further than it deserves; NaN where none is known."""
        rows = train[~np.isnan(truth[train])]
        if not len(rows):
            return np.full(len(test), np.nan)
        middle = float(np.median(truth[rows]))
        centred = truth - middle
        # How much of a guess to believe is learnt on people the learner did not see.
        inner = np.empty(len(rows))
        names, code = np.unique(self.subject[rows], return_inverse=True)
        for fold in subject_folds(np.zeros(len(names), dtype=np.int64), 3, rng):
            out = fold[code]
            inner[out] = self._fitted("reg:squarederror", centred, rows[~out])(
                self.table[rows[out]]
            )
        belief = encoder.believed(inner, centred[rows])
        return middle + belief * self._fitted("reg:squarederror", centred, rows)(self.table[test])

    def _fitted(
        self, objective: str, truth: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        return self.learner(self.seed, objective, self.table, truth, self.subject, rows)


@dataclass(frozen=True, eq=False)
class Line:
    """A line through a table's columns: `(values - centre) / scale @ slope + height`."""

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    slope: NDArray[np.float64]
    height: float

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) for rows (n, d) of a table."""
        return np.asarray((values - self.centre) / self.scale @ self.slope + self.height)


def line(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Line:
    """A penalised line through some rows of a table, everybody counting the same."""
    weight = even(subject[rows])
    weight = weight / weight.mean()
    centre, scale = table[rows].mean(axis=0), np.maximum(table[rows].std(axis=0), 1e-6)
    seen = (table[rows] - centre) / scale
    if objective == "binary:logistic":
        fit = LogisticRegression(C=_TRUST, max_iter=2000, random_state=seed)
        fit.fit(seen, target[rows], weight)
    else:
        fit = Ridge(alpha=3 / _TRUST).fit(seen, target[rows], weight)
    return Line(centre, scale, np.ravel(fit.coef_), float(np.ravel(fit.intercept_)[0]))


def trees(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Trees trained on some rows of a table, as a function of other rows."""
    import xgboost

    settings = {
        "objective": objective,
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "min_child_weight": 2,
        "seed": seed,
        "nthread": 1,
    }
    matrix = xgboost.DMatrix(table[rows], target[rows], weight=even(subject[rows]))
    model = xgboost.train(settings, matrix, num_boost_round=80)
    return lambda values: model.predict(xgboost.DMatrix(values)).astype(np.float64)


def even(subject: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) weights under which everybody counts the same."""
    _, code, count = np.unique(subject, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[code])

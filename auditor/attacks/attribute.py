"""Can somebody learn a person's sex or age from what is released?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
_FOLDS = 5
#: How far a line through an embedding may lean on any one direction of it.
_TRUST = 0.01


@dataclass(frozen=True, eq=False)
class Guesses:
    """What an attacker guesses of each record, (n_records,), by people it never saw."""

    sex: NDArray[np.float64]
    age: NDArray[np.float64]


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
        people = _people(case.records)
        if not _measurable_sex(people) and not _measurable_age(people):
            return (
                f"needs {_MIN_OF_EACH} people of each sex, or {2 * _MIN_OF_EACH} of known age; "
                "the release names too few to check against"
            )
        return None

    def run(self, case: Case, rng: np.random.Generator) -> Mapping[str, Evidence]:
        """Guesses for each person by models that saw nobody but others."""
        records, people = case.records, _people(case.records)
        classes = people["male"].fillna(2).to_numpy(dtype=np.int64)
        person_of = pd.Index(people.index).get_indexer(records["subject"])
        fold_of = np.empty(len(people), dtype=np.int64)
        guess = Guesses(*(np.full(len(records), np.nan) for _ in range(2)))
        prior = np.full(len(people), np.nan)
        for fold, tested in enumerate(subject_folds(classes, _FOLDS, rng)):
            fold_of[tested] = fold
            prior[tested] = people["age"][~tested].median()
            test, train = (np.flatnonzero(mask[person_of]) for mask in (tested, ~tested))
            name = f"attribute/{self.view}/{fold}"
            made = self._guess(case, train, test, stream(case.seed, name))
            guess.sex[test], guess.age[test] = made.sex, made.age
        subject = records["subject"].to_numpy().astype(str)
        evidence: dict[str, Evidence] = {}
        if _measurable_sex(people):
            known = people["male"].notna().to_numpy()[person_of]
            evidence["sex"] = Trials(
                guess.sex[known],
                people["male"].to_numpy()[person_of][known] == 1,
                subject[known],
                fold_of[person_of][known],
            )
        if _measurable_age(people):
            known = people["age"].notna().to_numpy()[person_of]
            evidence["age"] = Predictions(
                guess.age[known],
                people["age"].to_numpy()[person_of][known],
                prior[person_of][known],
                subject[known],
            )
        return evidence

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


def _people(records: pd.DataFrame) -> pd.DataFrame:
    """One row per person: `male` (1, 0, NaN unknown) and `age` of their first record."""
    first = records.drop_duplicates("subject").set_index("subject")
    male = first["sex"].map({"male": 1.0, "female": 0.0}).astype(float)
    return pd.DataFrame({"male": male, "age": first["age"].astype(float)})


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
    learner = _lines if view == "embedding" else _trees
    if "table" not in (shared := case.shared.setdefault(("attribute", view), {})):
        everything = Items.whole(np.arange(len(case.records)))
        shared["table"] = (
            embedded(case, everything)
            if view == "embedding"
            else build(view, case.prepared, everything, case.engine, case.seed).values
        )
    table = shared["table"]
    people = _people(case.records).loc[case.records["subject"]]
    male, age = people["male"].to_numpy(), people["age"].to_numpy()
    subject = case.records["subject"].to_numpy().astype(str)
    seed = int(rng.integers(2**31))
    sex_rows, age_rows = train[~np.isnan(male[train])], train[~np.isnan(age[train])]
    sex = np.zeros(len(test))
    if len(np.unique(male[sex_rows])) == 2:
        sex = learner(seed, "binary:logistic", table, male, subject, sex_rows)(table[test])
    years = np.full(len(test), np.nan)
    if len(age_rows):
        middle = float(np.median(age[age_rows]))
        centred = age - middle
        # How much of a guess to believe is learnt on people the trees did not see.
        inner = np.empty(len(age_rows))
        names, code = np.unique(subject[age_rows], return_inverse=True)
        for fold in subject_folds(np.zeros(len(names), dtype=np.int64), 3, rng):
            out = fold[code]
            fit = learner(seed, "reg:squarederror", table, centred, subject, age_rows[~out])
            inner[out] = fit(table[age_rows[out]])
        belief = encoder.believed(inner, centred[age_rows])
        fit = learner(seed, "reg:squarederror", table, centred, subject, age_rows)
        years = middle + belief * fit(table[test])
    return Guesses(sex, years)


def _lines(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """A penalised line through some rows of a table, as a function of other rows."""
    _, code, count = np.unique(subject[rows], return_inverse=True, return_counts=True)
    weight = len(rows) / len(count) / count[code]
    centre, scale = table[rows].mean(axis=0), np.maximum(table[rows].std(axis=0), 1e-6)
    seen = (table[rows] - centre) / scale
    if objective == "binary:logistic":
        line = LogisticRegression(C=_TRUST, max_iter=2000, random_state=seed)
        line.fit(seen, target[rows], weight)
        return lambda values: np.asarray(line.decision_function((values - centre) / scale))
    ridge = Ridge(alpha=3 / _TRUST).fit(seen, target[rows], weight)
    return lambda values: np.asarray(ridge.predict((values - centre) / scale))


def _trees(
    seed: int,
    objective: str,
    table: NDArray[np.float32],
    target: NDArray[np.float64],
    subject: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Trees trained on some rows of a table, as a function of other rows."""
    import xgboost

    _, code, count = np.unique(subject[rows], return_inverse=True, return_counts=True)
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
    matrix = xgboost.DMatrix(table[rows], target[rows], weight=1 / count[code])
    model = xgboost.train(settings, matrix, num_boost_round=80)
    return lambda values: model.predict(xgboost.DMatrix(values)).astype(np.float64)

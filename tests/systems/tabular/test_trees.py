"""A finding from a row of numbers: what was planted is found, by the inputs that hold it, in people
who were not seen; and nothing is told of fewer than ten.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.feature_selection import RFE
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.core.target import UNKNOWN
from auditor.learning import boost
from auditor.learning.boost import Trees
from auditor.systems.tabular import trees as tabular
from auditor.systems.task import Task

COLUMNS = ("sex", "age", "RR ms", "PR ms", "QRS ms", "QT ms", "P axis deg", "T axis deg")
FOLDS = 5
TASK = Task(
    name="one", title="One finding", paper="", system="tabular", inputs=COLUMNS,
    n_folds=FOLDS, trees=Trees(rounds=40, depth=2),
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(COLUMNS)}


def people(seed: int = 0, n: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs with gaps, who has the finding (for their RR, T axis and age), and folds."""
    rng = stream(seed, "people")
    rows = rng.standard_normal((n, len(COLUMNS))).astype(np.float32)
    rows[:, 0] = rows[:, 0] > 0
    likely = 1.5 * rows[:, PLACE["RR ms"]] - 1.5 * rows[:, PLACE["T axis deg"]] + rows[:, 1] - 1
    event = (rng.random(n) < expit(likely)).astype(np.int8)
    rows[:, 2:][rng.random((n, len(COLUMNS) - 2)) < 0.1] = np.nan
    return rows, event, rng.integers(FOLDS, size=n)


def trained(task: Task = TASK, target: str = "G30", seed: int = 0, **changed) -> tabular.Trained:
    rows, label, fold = people()
    given = {"inputs": rows, "columns": COLUMNS, "label": label, "fold": fold} | changed
    return tabular.train(**given, target=target, task=task, seed=seed)


@pytest.fixture(scope="module")
def found() -> tabular.Trained:
    return trained()


def auc(label: np.ndarray, one: tabular.Trained, score: np.ndarray | None = None) -> float:
    return float(roc_auc_score(label[one.rows], one.score if score is None else score))


def test_what_was_planted_is_found_and_more_of_it_than_by_age_and_sex(found):
    _, label, _ = people()
    assert auc(label, found) > 0.78
    assert 0.55 < auc(label, found, found.baseline) < auc(label, found) - 0.08


def test_where_nothing_was_planted_nothing_is_found():
    _, label, _ = people()
    null = stream(0, "null").permutation(label)
    one = trained(TASK.model_copy(update={"rotate": True}), label=null)
    assert abs(auc(null, one) - 0.5) < 0.08
    assert abs(auc(null, one, one.baseline) - 0.5) < 0.08


def test_nobody_is_judged_who_was_trained_on(found):
    _, _, fold = people()
    assert set(fold[found.rows]) == {FOLDS - 1}
    assert set(fold[found.validation_rows]) == {FOLDS - 2}
    assert set(fold[found.trained]) == set(range(FOLDS - 2))
    assert found.rows.shape == found.score.shape == found.baseline.shape
    assert found.validation_rows.shape == found.validation_score.shape


def test_labels_of_those_who_are_judged_change_nothing_that_is_said_of_them(found):
    _, label, fold = people()
    other = np.where(fold == FOLDS - 1, 1 - label, label)
    assert np.array_equal(trained(label=other).score, found.score)


def test_in_rotation_everybody_is_judged_once():
    one = trained(TASK.model_copy(update={"rotate": True}))
    assert np.array_equal(np.sort(one.rows), np.arange(1000))
    assert auc(people()[1], one) > 0.78


def test_in_rotation_nothing_is_tuned_on_those_who_are_judged():
    one = trained(TASK.model_copy(update={"rotate": True}))
    assert len(one.validation_rows) == len(one.validation_score) == 0


def test_the_same_seed_gives_the_same_bytes(found):
    again = trained()
    assert boost.as_bytes(again.booster) == boost.as_bytes(found.booster)
    for name in ("rows", "score", "baseline", "validation_score"):
        assert getattr(again, name).tobytes() == getattr(found, name).tobytes()


def test_those_of_whom_it_is_not_known_take_no_part(found):
    rows, label, fold = people()
    strangers = np.full_like(rows, 50.0)  # who would move every cut
    one = trained(
        inputs=np.concatenate([rows, strangers]),
        label=np.concatenate([label, np.full(len(label), UNKNOWN, dtype=np.int8)]),
        fold=np.concatenate([fold, fold]),
    )
    assert boost.as_bytes(one.booster) == boost.as_bytes(found.booster)
    assert np.array_equal(one.rows, found.rows)
    assert np.array_equal(one.score, found.score)


@pytest.mark.parametrize(
    ("fold", "words"), [(0, "to train on"), (FOLDS - 2, "held back"), (FOLDS - 1, "to be judged")]
)
@pytest.mark.parametrize("kind", [0, 1])
def test_a_fold_of_one_kind_is_refused_in_one_line(fold, words, kind):
    _, label, folds = people()
    where = folds < FOLDS - 2 if fold == 0 else folds == fold
    with pytest.raises(EvidenceError, match=f"^those {words} all have it, or none of them$"):
        trained(label=np.where(where, kind, label).astype(np.int8))


def test_an_empty_fold_is_refused():
    _, _, folds = people()
    with pytest.raises(EvidenceError, match="held back"):
        trained(fold=np.where(folds == FOLDS - 2, 0, folds))


def test_sex_does_not_foretell_itself():
    rows, _, _ = people()
    one = trained(target="sex", label=rows[:, 0].astype(np.int8))
    assert "sex" not in one.columns
    assert "age" in one.columns
    assert abs(auc(rows[:, 0], one) - 0.5) < 0.15


def test_sex_is_no_input_where_one_sex_is_asked():
    rows, label, _ = people()
    of_men = np.where(rows[:, 0] == 1, label, UNKNOWN).astype(np.int8)
    one = trained(TASK.model_copy(update={"only": {"C61": "male"}}), "C61", label=of_men)
    assert "sex" not in one.columns
    assert rows[one.rows, 0].all()
    both = trained(TASK.model_copy(update={"only": {"C61": "male"}}), "G30")
    assert "sex" in both.columns


def test_another_cohort_is_told_by_the_same_trees(found):
    others, label, _ = people(seed=7)
    one = trained(outside=others)
    assert roc_auc_score(label, one.outside) > 0.78
    assert np.array_equal(one.outside, boost.probabilities(found.booster, others))
    assert len(np.unique(one.outside_baseline)) > 1
    assert roc_auc_score(label, one.outside_baseline) < roc_auc_score(label, one.outside)
    assert len(found.outside) == len(found.outside_baseline) == 0


# --- selection ----------------------------------------------------------------------------


def plain_loop(label: np.ndarray, seed: int) -> tuple[list[str], np.ndarray]:
    """As the radiograph paper selects: RFE anew for each number of inputs, a refit, then stumps."""
    rows, _, fold = people()
    train, held, test = fold < FOLDS - 2, fold == FOLDS - 2, fold == FOLDS - 1
    best, chosen = -1.0, np.arange(len(COLUMNS))
    for n in range(4, len(COLUMNS) + 1):
        rfe = RFE(XGBClassifier(random_state=seed, n_jobs=1), n_features_to_select=n, step=1)
        some = np.flatnonzero(rfe.fit(rows[train], label[train]).support_)
        if sum(COLUMNS[one] not in ("sex", "age") for one in some) < 4:
            continue
        refit = XGBClassifier(random_state=seed, n_jobs=1).fit(rows[train][:, some], label[train])
        reached = roc_auc_score(label[held], refit.predict_proba(rows[held][:, some])[:, 1])
        if reached > best:  # of sets that tell as well, the smallest
            best, chosen = reached, some
    stumps = XGBClassifier(
        max_depth=1, n_estimators=1000, early_stopping_rounds=10, random_state=seed, n_jobs=1
    )
    shown = [(rows[held][:, chosen], label[held])]
    stumps.fit(rows[train][:, chosen], label[train], eval_set=shown, verbose=False)
    said = stumps.predict_proba(rows[test][:, chosen])[:, 1]
    return [COLUMNS[one] for one in chosen], said


@pytest.mark.parametrize(("seed", "planted"), [(42, True), (7, False)])
def test_what_is_selected_and_said_is_that_of_the_plain_scikit_learn_loop(seed, planted):
    _, label, _ = people()
    label = label if planted else stream(seed, "null").permutation(label)
    task = TASK.model_copy(update={"select": True, "trees": Trees(rounds=1000, depth=1)})
    one = trained(task, seed=seed, label=label)
    chosen, said = plain_loop(label, seed)
    assert list(one.columns) == chosen
    np.testing.assert_allclose(one.score, said, rtol=0, atol=1e-6)


def test_so_many_of_the_selected_are_measured_in_the_ecg():
    rng = stream(0, "age")
    rows, _, _ = people()
    label = (rng.random(len(rows)) < expit(3 * rows[:, 1])).astype(np.int8)  # age alone tells
    for least in (2, 5):
        task = TASK.model_copy(update={"select": True, "select_least": least})
        columns = trained(task, label=label).columns
        assert "age" in columns
        assert len(set(columns) - {"sex", "age"}) >= least


# --- what moves it ------------------------------------------------------------------------


def moved(found, rows, person, seed=0):
    return tabular.shap_summary(found.booster, found.columns, rows, person, stream(seed, "moves"))


def test_what_was_planted_moves_most_and_the_way_it_was_planted(found):
    rows, _, _ = people()
    told = moved(found, rows, np.arange(len(rows)))
    assert set(list(told)[:2]) == {"RR ms", "T axis deg"}
    assert list(told) == sorted(told, key=lambda name: -told[name]["size"])
    rr, t = told["RR ms"]["moves"], told["T axis deg"]["moves"]
    assert rr[0] < 0 < rr[-1]
    assert t[-1] < 0 < t[0]


def test_what_tenths_are_moved_by_adds_up_to_what_all_are_moved_by(found):
    rows, _, _ = people()
    rows = np.nan_to_num(rows)
    told = moved(found, rows, np.arange(len(rows)))
    each = boost.contributions(found.booster, rows)
    total = np.zeros(len(rows))
    for name, one in told.items():
        values = rows[:, PLACE[name]]
        ends = np.unique(np.quantile(values, np.arange(1, 11) / 10))
        n = np.diff([0, *(int((values <= end).sum()) for end in ends[:-1]), len(values)])
        assert n @ np.array(one["moves"]) / n.sum() == pytest.approx(
            each[:, PLACE[name]].mean(), abs=2e-4
        )
        assert one["size"] == pytest.approx(np.abs(each[:, PLACE[name]]).mean(), abs=1e-4)
        total += each[:, PLACE[name]]
    bias = logit(boost.probabilities(found.booster, rows)) - total
    np.testing.assert_allclose(bias, bias[0], rtol=0, atol=1e-4)


def test_a_tenth_of_fewer_than_ten_people_is_not_told_nor_where_it_ends(found):
    rows, _, _ = people()
    person = np.arange(len(rows))
    rr = rows[:, PLACE["RR ms"]]
    lowest = rr <= np.nanquantile(rr, 0.1)
    person[lowest] = person[lowest] % 9  # a hundred rows of nine people
    person[~lowest] += 1000
    one = moved(found, rows, person)["RR ms"]
    assert one["moves"][0] is None
    assert one["up_to"][0] is None
    assert None not in one["moves"][1:]
    assert None not in one["up_to"][1:-1]
    whole = moved(found, rows, np.arange(len(rows)))["RR ms"]
    assert whole["moves"][1:] == one["moves"][1:]
    assert None not in whole["moves"]


def test_an_input_that_was_measured_of_nine_people_is_not_told(found):
    rows, _, _ = people()
    rows[9:, PLACE["QT ms"]] = np.nan
    told = moved(found, rows, np.arange(len(rows)))
    assert "QT ms" not in told
    assert "RR ms" in told
    rows[:, PLACE["QT ms"]] = np.nan
    assert "QT ms" not in moved(found, rows, np.arange(len(rows)))


def test_no_end_is_finer_than_three_digits_and_the_highest_value_is_not_told(found):
    rows, _, _ = people()
    for one in moved(found, rows, np.arange(len(rows))).values():
        *ends, last = one["up_to"]
        assert last is None
        assert ends == [float(f"{end:.3g}") for end in ends] == sorted(ends)
        assert len(one["moves"]) == len(one["up_to"]) <= 10

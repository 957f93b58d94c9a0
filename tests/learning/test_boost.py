"""Trees: eliminated as scikit-learn eliminates, stopped in time, and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost
from scipy.special import expit, logit, softmax
from sklearn.feature_selection import RFE
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from auditor.core.streams import stream
from auditor.learning import boost

NAMES = ("RR ms", "PR/QT ratio", "T axis deg", "sex", "age", "constant", "unmeasured")
SMALL = boost.Trees(rounds=15, depth=3)


def people(seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Rows of seven inputs with gaps, of which the first and the fifth matter, and the last two
    say nothing at all; and who has the finding.
    """
    rng = stream(seed, "people")
    rows = rng.standard_normal((n, len(NAMES))).astype(np.float32)
    rows[:, 3] = rows[:, 3] > 0
    event = rng.random(n) < expit(1.5 * rows[:, 0] - 1.5 * rows[:, 4] - 1)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[:, 5], rows[:, 6] = 1.0, np.nan
    return rows, event


@pytest.fixture(scope="module")
def booster():
    rows, event = people(0)
    return boost.fit(SMALL, rows, event, None, None, NAMES, seed=0)


@pytest.mark.parametrize(
    ("seed", "label"), [(0, "planted"), (1, "planted"), (0, "null"), (1, "rare")]
)
def test_one_way_down_gives_what_scikit_learn_selects_anew_for_each_number(seed, label):
    rows, event = people(seed, 400)
    if label == "null":
        event = stream(seed, "null").permutation(event)
    if label == "rare":
        event &= stream(seed, "rare").random(len(event)) < 0.15
    train, held = rows[:300], rows[300:]
    ours = boost.eliminated(train, event[:300], held, NAMES, 3, seed=42)
    assert [len(kept) for kept, _ in ours] == [7, 6, 5, 4, 3]
    for kept, said in ours:
        rfe = RFE(
            XGBClassifier(random_state=42, n_jobs=1), n_features_to_select=len(kept), step=1
        ).fit(train, event[:300])
        assert np.array_equal(np.flatnonzero(rfe.support_), kept)
        refit = XGBClassifier(random_state=42, n_jobs=1).fit(train[:, kept], event[:300])
        theirs = refit.predict_proba(held[:, kept])[:, 1]
        np.testing.assert_allclose(said, theirs, rtol=0, atol=1e-6)


def test_of_inputs_that_say_nothing_the_first_goes_first():
    rows, event = people(0)
    sets = [kept for kept, _ in boost.eliminated(rows, event, rows, NAMES, 5, seed=0)]
    assert sets[1].tolist() == [0, 1, 2, 3, 4, 6]
    assert sets[2].tolist() == [0, 1, 2, 3, 4]


def test_where_no_tree_splits_the_first_input_goes_first():
    rows, event = people(0, 40)
    event[:] = False
    event[0] = True
    kept = [kept for kept, _ in boost.eliminated(rows, event, rows, NAMES, 6, seed=0)][1]
    assert kept.tolist() == [1, 2, 3, 4, 5, 6]


def test_what_matters_is_kept_longest():
    rows, event = people(3, 1500)
    kept, _ = boost.eliminated(rows[:1000], event[:1000], rows[1000:], NAMES, 2, seed=0)[-1]
    assert kept.tolist() == [0, 4]


def test_a_planted_finding_is_found_and_a_null_is_not():
    rows, event = people(1, 2000)
    for truth, low, high in (
        (event, 0.75, 0.99),
        (stream(1, "null").permutation(event), 0.40, 0.60),
    ):
        parts = [(rows[some], truth[some]) for some in (slice(1000), slice(1000, 1500))]
        found = boost.fit(boost.Trees(), *parts[0], *parts[1], NAMES, seed=0)
        assert low < roc_auc_score(truth[1500:], boost.probabilities(found, rows[1500:])) < high


def test_only_the_trees_up_to_the_best_are_kept():
    rows, event = people(2)
    shape = boost.Trees(rounds=200, depth=2)
    found = boost.fit(shape, rows[:300], event[:300], rows[300:], event[300:], NAMES, seed=0)
    theirs = XGBClassifier(
        n_estimators=200, max_depth=2, early_stopping_rounds=10, random_state=0, n_jobs=1
    ).fit(rows[:300], event[:300], eval_set=[(rows[300:], event[300:])], verbose=False)
    assert (
        boost.n_rounds(found)
        == theirs.best_iteration + 1
        < theirs.get_booster().num_boosted_rounds()
    )
    said = boost.probabilities(found, rows)
    np.testing.assert_allclose(said, theirs.predict_proba(rows)[:, 1], rtol=0, atol=1e-6)


def test_with_nobody_held_back_all_trees_are_grown(booster):
    assert boost.n_rounds(booster) == SMALL.rounds


def test_the_same_seed_gives_the_same_bytes(booster):
    rows, event = people(0)
    again = boost.fit(SMALL, rows, event, None, None, NAMES, seed=0)
    assert boost.as_bytes(again) == boost.as_bytes(booster)
    _, other = people(1)
    assert boost.as_bytes(boost.fit(SMALL, rows, other, None, None, NAMES, seed=0)) != (
        boost.as_bytes(booster)
    )


def test_contributions_and_the_bias_sum_to_the_log_odds(booster):
    rows, _ = people(5)
    moved = boost.contributions(booster, rows)
    assert moved.shape == rows.shape
    bias = logit(boost.probabilities(booster, rows)) - moved.sum(axis=1)
    np.testing.assert_allclose(bias, bias[0], rtol=0, atol=1e-4)
    assert not moved[:, 5:].any()  # what says nothing moves nobody


# --- files --------------------------------------------------------------------------------


def kept(booster, tmp_path: Path) -> tuple[Path, bytes]:
    path = tmp_path / "finding.ubj"
    raw = boost.as_bytes(booster)
    path.write_bytes(raw)
    return path, raw


def test_a_file_brings_the_same_trees_back(booster, tmp_path):
    path, raw = kept(booster, tmp_path)
    back = boost.load(path)
    rows, _ = people(5)
    assert boost.as_bytes(back) == raw
    assert back.feature_names == list(NAMES)
    assert np.array_equal(boost.probabilities(back, rows), boost.probabilities(booster, rows))


def test_trees_that_were_stopped_early_come_back_too(tmp_path):
    rows, event = people(2)
    found = boost.fit(
        boost.Trees(200, 2), rows[:300], event[:300], rows[300:], event[300:], NAMES, seed=0
    )
    path, raw = kept(found, tmp_path)
    assert boost.as_bytes(boost.load(path)) == raw


@pytest.mark.parametrize(
    "recipe",
    [
        {"eta": 0.3, "lambda": 1.0, "max_depth": 6},
        {"eta": 0.1, "lambda": 1.0, "max_depth": 4, "min_child_weight": 5},
        {"eta": 0.05, "lambda": 5.0, "max_depth": 3, "colsample_bytree": 0.5},
        {"eta": 0.5, "lambda": 0.0, "max_depth": 2},
    ],
    ids=str,
)
def test_how_trees_were_grown_is_read_from_them(recipe):
    rows, event = people(3, 2000)
    settings = {"objective": "binary:logistic", **recipe}
    found = xgboost.train(settings, xgboost.DMatrix(rows, event), 20)
    told = boost.grown(found)
    assert (told.rounds, told.depth) == (20, recipe["max_depth"])
    assert told.rate == pytest.approx(recipe["eta"], rel=1e-4)
    assert told.penalty == recipe["lambda"]
    assert told.lightest >= recipe.get("min_child_weight", 1)
    assert told.weight == pytest.approx(len(rows) * told.base * (1 - told.base), rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "weight"),
    [
        ({"objective": "multi:softprob", "num_class": 3, "base_score": 0.5}, 2 * (1 / 3) * (2 / 3)),
        ({"objective": "multi:softprob", "num_class": 3}, None),
        ({"objective": "multi:softprob", "num_class": 4, "num_parallel_tree": 2}, None),
        ({"objective": "reg:squarederror"}, 1.0),
    ],
    ids=str,
)
def test_how_trees_of_classes_and_values_were_grown_is_read_from_them(settings, weight):
    rows, _ = people(3, 2000)
    much = np.nan_to_num(rows[:, 0] + rows[:, 1])
    n_classes = settings.get("num_class", 0)
    truth = np.digitize(much, np.linspace(-1, 1, n_classes - 1)) if n_classes else much
    recipe = {"eta": 0.1, "lambda": 5.0, "max_depth": 4, "nthread": 1}
    told = boost.grown(xgboost.train(settings | recipe, xgboost.DMatrix(rows, truth), 20))
    assert (told.rounds, told.depth) == (20, 4)
    assert told.together == settings.get("num_parallel_tree", 1)
    assert told.rate == pytest.approx(0.1, rel=1e-3)
    assert told.penalty == 5.0
    assert told.weight == pytest.approx(len(rows) * told.each, rel=1e-3)
    assert weight is None or told.each == pytest.approx(weight)


def test_what_a_row_of_other_losses_weighs_is_not_read():
    rows, event = people(3, 500)
    settings = {"objective": "count:poisson", "nthread": 1}
    assert np.isnan(boost.grown(xgboost.train(settings, xgboost.DMatrix(rows, event), 3)).each)


def test_classes_and_values_are_told_and_explained():
    rows, event = people(3, 500)
    much = np.nan_to_num(rows[:, 0].astype(float))
    n, d = rows.shape
    three = np.digitize(much, (-0.5, 0.5))
    of_classes = boost.fit(
        SMALL, rows, three, None, None, NAMES, 0, boost.Objective("multi:softprob", 3)
    )
    likely, margins = boost.probabilities(of_classes, rows), boost.margins(of_classes, rows)
    np.testing.assert_allclose(likely, softmax(margins, axis=1), rtol=0, atol=1e-6)
    assert boost.leaves(of_classes, rows).shape == (n, 3 * SMALL.rounds)
    moved = boost.contributions(of_classes, rows).reshape(n, 3, d).sum(axis=2)
    assert np.ptp(margins - moved, axis=0) == pytest.approx(0, abs=1e-4)
    of_a_value = boost.fit(
        SMALL, rows, much, None, None, NAMES, 0, boost.Objective("reg:squarederror")
    )
    assert np.abs(boost.probabilities(of_a_value, rows) - much).mean() < 0.2
    kinds = [boost.objective_of(one).kind for one in (of_classes, of_a_value)]
    assert kinds == ["class", "value"]
    assert boost.objective_of(boost.fit(SMALL, rows, event, None, None, NAMES, 0)) == boost.FINDING


def test_trees_with_a_penalty_of_another_kind_do_not_agree_on_a_rate():
    rows, event = people(3, 2000)
    settings = {"objective": "binary:logistic", "alpha": 3.0, "max_depth": 4}
    found = boost.grown(xgboost.train(settings, xgboost.DMatrix(rows, event), 20))
    assert np.isnan(found.rate)
    assert np.isnan(found.penalty)


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize(
    "recipe",
    [{}, {"num_parallel_tree": 3, "subsample": 0.5}, {"tree_method": "exact", "gamma": 1.0}],
    ids=str,
)
def test_a_strangers_trees_are_read_from_either_kind_of_file(kind, recipe, tmp_path):
    rows, event = people(4, 800)
    settings = {"objective": "binary:logistic", **recipe}
    found = xgboost.train(settings, xgboost.DMatrix(rows, event), 8)  # without names of inputs
    path = tmp_path / f"theirs.{kind}"
    found.save_model(path)
    back = boost.load(path)
    assert np.array_equal(back.predict(xgboost.DMatrix(rows)), found.predict(xgboost.DMatrix(rows)))
    assert boost.grown(back).rounds == 8


def test_thresholds_are_those_that_the_library_itself_lists(booster):
    frame = booster.trees_to_dataframe()
    frame = frame[frame["Feature"] != "Leaf"]
    found = boost.thresholds(booster)
    assert {NAMES[place] for place in found} == set(frame["Feature"])
    for place, some in found.items():
        listed = frame.loc[frame["Feature"] == NAMES[place], "Split"]
        np.testing.assert_allclose(some, np.unique(listed.to_numpy(np.float32)), rtol=1e-6)


@pytest.mark.parametrize("together", [1, 3])
def test_trees_of_the_first_rounds_tell_what_the_library_tells_by_those(together):
    rows, event = people(5)
    found = boost.fit(boost.Trees(12, 3, together=together), rows, event, None, None, NAMES, 0)
    asked = xgboost.DMatrix(rows, feature_names=list(NAMES))
    assert boost.stages(found) == (1, 3, 6, 12)
    for n in boost.stages(found):
        theirs = found.predict(asked, iteration_range=(0, n))
        np.testing.assert_allclose(boost.probabilities(boost.stopped(found, n), rows), theirs)


def test_trees_that_are_weighed_anew_with_every_other_have_no_earlier_stage():
    rows, event = people(6)
    settings = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}
    assert boost.stages(xgboost.train(settings, xgboost.DMatrix(rows, event), 8)) == ()

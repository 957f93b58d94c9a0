"""What a model was asked with is rebuilt where its outputs follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from auditor.checks.inversion.check import ModelInversion, Rebuilt, plan
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions
from tests.checks.asking import attacked, context, estimated
from tests.checks.inversion.plant import giving_back
from tests.checks.output_linkage.plant import People, naming

REPEATS = 60


def run(target, output) -> Mapping[str, Predictions]:
    return attacked(ModelInversion(target, output)).columns


def test_a_column_is_rebuilt_as_closely_as_the_scores_follow_it():
    rng = np.random.default_rng(0)
    people = People(6, 400, each=1)
    inputs = rng.normal(size=(400, 3))
    logits = inputs[:, :2] + rng.normal(size=(400, 2)) * [0, 1]
    target = people.target(
        {"logits": logits}, inputs=inputs.astype(np.float32), columns=("a", "b", "c")
    )
    seen = run(target, "logits")
    assert set(seen) == {"a", "b", "c"}
    share = {
        name: 1 - ((one.value - one.truth) ** 2).sum() / ((one.prior - one.truth) ** 2).sum()
        for name, one in seen.items()
    }
    assert share["a"] > 0.95
    assert share["b"] == pytest.approx(0.5, abs=0.12)
    assert share["c"] < 0.05


def test_a_column_that_bends_is_rebuilt_too():
    people = People(7, 300, each=1)
    inputs = people.noise(2)
    target = people.target(
        {"scores": np.stack([1 / (1 + np.exp(-(inputs[:, 0] ** 2))), inputs[:, 1]], axis=1)},
        inputs=np.abs(inputs).astype(np.float32),
        columns=("size", "other"),
    )
    seen = run(target, "scores")["size"]
    assert np.corrcoef(seen.value, seen.truth)[0, 1] > 0.9


def test_a_column_that_few_people_have_or_that_never_differs_is_not_asked():
    target = giving_back(0, True)
    inputs = target.inputs.copy()
    inputs[30:, 0], inputs[:, 1], inputs[::2, 2] = np.nan, 1, np.nan
    seen = run(replace(target, inputs=inputs), "scores")
    assert not {"x0", "x1"} & set(seen)
    assert len(seen["x2"].subject) == len(target.record) // 2


def test_only_a_model_with_a_table_of_inputs_is_asked_to_give_them_back():
    assert plan(naming(0, True)) == []
    (one,) = plan(giving_back(0, True))
    assert (one.id, one.view, one.protocol) == ("inversion", "model.scores", "subject-disjoint")


def test_few_people_to_learn_from_and_no_column_are_refused():
    few = giving_back(0, True, n=19)
    assert "20 people to learn from" in str(ModelInversion(few, "scores").unmet(context()))
    with pytest.raises(EvidenceError, match="column"):
        estimated(ModelInversion(None), Rebuilt({}))


def columns(seed, shares, n=80, each=3):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), each).astype(str)
    found = {}
    for name, share in shares.items():
        truth = rng.normal(size=n * each)
        value = share * truth + np.sqrt(share * (1 - share)) * rng.normal(size=n * each)
        found[name] = Predictions(value, truth, np.zeros(n * each), subject)
    return Rebuilt(found)


def test_the_share_of_variance_is_what_it_is_and_the_best_columns_are_named():
    seen = columns(0, {"a": 0.2, "b": 0.9, "c": 0.5}, n=2000, each=1)
    told = estimated(ModelInversion(None), seen)
    found = told.estimates
    assert found["r2_b"].value == pytest.approx(0.9, abs=0.02)
    assert found["r2_c"].low < 0.5 < found["r2_c"].high
    assert found["r2_best"] == found["r2_b"]
    assert found["r2_mean"].value == pytest.approx(1.6 / 3, abs=0.03)
    assert told.params["best"] == told.curves["columns"]["column"] == ["b", "c", "a"]


def test_no_column_of_many_is_called_rebuilt_where_none_is():
    rung = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        subject = np.repeat(np.arange(60), 2).astype(str)
        seen = {
            f"x{k}": Predictions(
                0.1 * rng.normal(size=120), rng.normal(size=120), np.zeros(120), subject
            )
            for k in range(8)
        }
        found = estimated(ModelInversion(None), Rebuilt(seen), seed).estimates
        rung += found["r2_best"].low > 0
    assert rung <= binom.ppf(0.9999, REPEATS, 0.05)

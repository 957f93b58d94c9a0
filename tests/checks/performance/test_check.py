"""What a model is worth is told of people it never saw, and what is lost of the same people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from auditor.checks.performance.check import Performance, Probed, plan
from auditor.core.errors import EvidenceError
from auditor.core.streams import stream
from auditor.core.target import MEMBER, NONMEMBER
from auditor.stats.metrics import by_person
from auditor.targets.variants import variants
from tests.checks.asking import attacked, context, measured
from tests.checks.output_linkage.plant import memorising
from tests.checks.performance.plant import embedding, measuring, telling


def test_the_auc_is_the_mean_of_those_of_people_the_model_never_saw():
    target = telling(0, True)
    found = measured(Performance(target, "scores")).estimates["auc"]
    never = target.split == NONMEMBER
    values, subject = target.view("scores").values[never], target.subject[never]
    each = [
        roc_auc_score(by_person(target.y_true[never, k], subject), by_person(values[:, k], subject))
        for k in range(2)
    ]
    assert found.value == pytest.approx(np.mean(each))
    assert found.low < found.value < found.high
    assert found.n_subjects == len(np.unique(subject)) == 80


def test_nothing_is_told_of_people_the_model_was_trained_on():
    target = telling(0, True)
    swapped = target.view("scores").values.copy()
    swapped[target.split == MEMBER] = 0.5
    other = replace(target, outputs={"scores": lambda: swapped}, _cache={})
    one, two = (measured(Performance(each, "scores")) for each in (target, other))
    assert one.estimates == two.estimates


def test_rounding_to_a_decision_costs_what_it_costs_of_the_same_people():
    target = telling(1, True, n=800)
    whole, *_ = variants(target)
    assert whole.rounded_to == 0
    released = measured(Performance(target, "scores")).estimates["auc"].value
    found = measured(Performance(whole, "scores")).estimates
    assert found["auc_lost"].value == pytest.approx(released - found["auc"].value)
    assert found["auc_lost"].low > 0
    apart = found["auc_lost"].high - found["auc_lost"].low
    assert apart < found["auc"].high - found["auc"].low


def test_of_too_few_people_nothing_is_told():
    check = Performance(telling(0, True, n=30), "scores")
    assert "10 people with a finding" in str(check.unmet(context()))


def test_people_of_whom_the_model_says_nothing_do_not_count():
    target = telling(0, True)
    silent = np.full((len(target.record), 2), np.nan, np.float32)
    with pytest.raises(EvidenceError, match="10 people with a finding"):
        attacked(
            Performance(replace(target, outputs={"scores": lambda: silent}, _cache={}), "scores")
        )


# --- by probes of an embedding ------------------------------------------------------------


def test_an_embedding_that_holds_what_is_true_is_told_so_and_another_is_not():
    for strength, holds in ((1.0, True), (0.0, False)):
        found = measured(Probed(embedding(0, strength), "embedding")).estimates["auc"]
        assert (found.low > 0.5) == holds
        assert holds or found.low <= 0.5 <= found.high
        assert found.n_subjects == 80


@pytest.mark.parametrize("seed", range(5))
def test_of_values_nothing_is_told_where_nothing_is_held(seed):
    held = measured(Probed(measuring(seed, 2.0), "embedding")).estimates["probe_r2"]
    nothing = measured(Probed(measuring(seed, 0.0), "embedding")).estimates["probe_r2"]
    assert held.low > 0.4
    assert nothing.high < held.low
    assert nothing.value < 0.1


def test_the_r2_is_of_people_who_taught_no_probe_and_scikit_learn_agrees():
    target = measuring(3, 2.0)
    who = target.subject
    rows = np.stack([by_person(one, who) for one in target.view("embedding").values.T], axis=1)
    truth = by_person(target.values["volume"], who)
    member = by_person((target.split == MEMBER).astype(float), who) == 1
    scale = StandardScaler().fit(rows[member])
    probe = RidgeCV(alphas=np.logspace(-2, 6, 17)).fit(scale.transform(rows[member]), truth[member])
    told = r2_score(truth[~member], probe.predict(scale.transform(rows[~member])))
    found = measured(Probed(target, "embedding")).estimates["probe_r2"]
    assert found.value == pytest.approx(told)
    assert found.low < found.value < found.high


def test_what_an_earlier_stage_lost_is_of_the_same_people():
    released, earlier = measuring(4, 2.0), measuring(4, 0.7)
    stage = replace(earlier, instead_of=released, stopped_at=5)
    whole = measured(Probed(released, "embedding")).estimates
    found = measured(Probed(stage, "embedding")).estimates
    lost = whole["probe_r2"].value - found["probe_r2"].value
    assert found["probe_r2_lost"].value == pytest.approx(lost)
    assert found["probe_r2_lost"].low > 0
    assert "probe_r2_lost" not in whole
    same = replace(released, instead_of=released, stopped_at=5)
    none = measured(Probed(same, "embedding")).estimates["probe_r2_lost"]
    assert none.value == none.low == none.high == 0


def test_an_embedding_is_asked_where_something_else_could_be_released_alone():
    one = measuring(0, 1.0)
    assert plan(one) == []
    staged = replace(one, stages={5: lambda: one, 10: lambda: one})
    for asked in (staged, replace(one, instead_of=one, stopped_at=5)):
        (check,) = plan(asked)
        assert (type(check), check.output) == (Probed, "embedding")
    both = replace(telling(0, True), stages={5: lambda: one})
    (check,) = plan(both)
    assert check.output == "scores"


def test_of_too_few_people_no_probe_is_taught():
    check = Probed(measuring(0, 1.0, n=16), "embedding")
    assert "among its members" in str(check.unmet(context()))
    with pytest.raises(EvidenceError, match="among its members"):
        check.attack(context(), stream(0, "attack"))


def test_a_model_without_scores_or_without_members_is_not_asked():
    assert plan(memorising(0, True)) == []
    unknown = replace(telling(0, True), membership_unknown="nobody says who is a member")
    (check,) = plan(unknown)
    assert check.unmet(context()) == "nobody says who is a member"

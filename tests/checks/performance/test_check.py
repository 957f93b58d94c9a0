"""What a model is worth is told of people it never saw, and what is lost of the same people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from auditor.checks.performance.check import Performance, plan
from auditor.core.errors import EvidenceError
from auditor.core.target import MEMBER, NONMEMBER
from auditor.stats.metrics import by_person
from auditor.targets.variants import variants
from tests.checks.asking import attacked, context, measured
from tests.checks.output_linkage.plant import memorising
from tests.checks.performance.plant import telling


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


def test_a_model_without_scores_or_without_members_is_not_asked():
    assert plan(memorising(0, True)) == []
    unknown = replace(telling(0, True), membership_unknown="nobody says who is a member")
    (check,) = plan(unknown)
    assert check.unmet(context()) == "nobody says who is a member"

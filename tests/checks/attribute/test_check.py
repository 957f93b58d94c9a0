"""Sex and age are learnt from other people, and believed as far as they deserve."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.vit import shrinkage_slope
from auditor.audit import open_context
from auditor.checks.attribute.check import Attribute
from auditor.engine import engine
from tests.releases import settings, write_release


@pytest.fixture(scope="module")
def strong(tmp_path_factory):
    root = write_release(
        tmp_path_factory.mktemp("sexes"), identity=0.3, demographics=2, seed=0,
        n_subjects=60, n_sessions=1, n_records=1, leads=("I", "II", "V2"),
    )  # fmt: skip
    with engine() as workers:
        yield open_context(root, settings(), workers)


def test_a_planted_sex_and_age_are_found_on_people_never_seen(strong):
    evidence = Attribute("fiducials").attack(strong, np.random.default_rng(0))
    sex, age = evidence.sex, evidence.age
    assert sex.score[sex.positive].mean() > sex.score[~sex.positive].mean() + 0.2
    assert np.abs(age.value - age.truth).mean() < np.abs(age.prior - age.truth).mean()


def test_nobody_is_in_training_and_test(strong, monkeypatch):
    seen = []

    def remember(self, context, train, test, rng):
        subject = context.records["subject"].to_numpy()
        seen.append((set(subject[train]), set(subject[test])))
        return original(self, context, train, test, rng)

    original = Attribute._guess
    monkeypatch.setattr(Attribute, "_guess", remember)
    Attribute("fiducials").attack(strong, np.random.default_rng(0))
    assert len(seen) == 5
    assert all(not train & test for train, test in seen)
    assert set().union(*(test for _, test in seen)) == set(strong.records["subject"])


def test_too_few_people_of_one_sex_and_no_ages_cannot_be_measured(strong):
    records = strong.records.copy()
    try:
        strong.prepared.records["sex"] = "male"
        strong.prepared.records["age"] = np.nan
        assert "people of each sex" in str(Attribute().unmet(strong))
    finally:
        strong.prepared.records[["sex", "age"]] = records[["sex", "age"]]


def test_a_guess_is_believed_as_far_as_the_truth_follows_it():
    truth = np.array([-10.0, 10, -20, 20])
    assert shrinkage_slope(truth, truth) == 1
    assert shrinkage_slope(2 * truth, truth) == pytest.approx(0.5)
    assert shrinkage_slope(-truth, truth) == 0
    assert shrinkage_slope(np.zeros(4), truth) == 0

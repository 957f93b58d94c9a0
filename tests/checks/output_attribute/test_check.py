"""Sex, age and withheld diagnoses are read from outputs that tell them, by people never seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold
from auditor.checks.output_attribute import check as inference
from auditor.checks.output_attribute.check import Inferred, attacks
from auditor.core.evidence import Predictions, Trials
from auditor.stats.metrics import auc, person_trials
from tests.checks.output_attribute.plant import PLANTS, of_diagnoses, of_sex
from tests.checks.output_linkage.plant import CASE, People, risk
from tests.checks.output_linkage.test_check import shuffled


def run(target, output, seed=0):
    attack = Inferred(target, output)
    assert attack.unmet(CASE) is None
    return attack.run(CASE, np.random.default_rng(seed))


def ranked(seen):
    return auc(*person_trials(seen))


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_is_found_and_its_clean_twin_is_not(name):
    assert all(PLANTS[name](seed, True) for seed in range(3))
    assert sum(PLANTS[name](seed, False) for seed in range(3)) <= 1


def test_sex_and_age_are_read_from_an_embedding_that_shows_them():
    seen = run(of_sex(0, True), "embedding")
    assert set(seen) == {"sex", "age", "known/sex", "known/age"}
    assert ranked(seen["sex"]) > 0.8 > 0.7 > ranked(seen["known/sex"])
    age = seen["age"]
    assert isinstance(age, Predictions)
    assert np.abs(age.value - age.truth).mean() < 0.9 * np.abs(age.prior - age.truth).mean()


def test_nobody_is_learnt_from_and_asked_about(monkeypatch):
    pairs = []

    class Watched(CrossFitted):
        def predict_proba(self, truth, train, test):
            pairs.append((set(self.subject[train]), set(self.subject[test])))
            return super().predict_proba(truth, train, test)

    monkeypatch.setattr(inference, "CrossFitted", Watched)
    target = of_sex(0, True)
    run(target, "embedding")
    assert len(pairs) == 10
    assert all(not train & test for train, test in pairs)
    assert set().union(*(test for _, test in pairs)) == set(target.subject)


def test_folds_hold_as_many_of_each_kind():
    person = np.repeat(np.arange(50), 3)
    classes = (np.arange(50) < 10).astype(int)
    folds = list(subject_kfold(person, classes, np.random.default_rng(0)))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(150))
    assert {classes[np.unique(person[test])].sum() for _, test in folds} == {2}


def test_a_withheld_diagnosis_is_guessed_without_its_own_column():
    """Of independent diagnoses none tells another, however sure each is of its own."""
    people = People(0, 300, each=1)
    truth = (people.rng.random((300, 3)) < 0.4).astype(float)
    scores = np.clip(truth, 0.05, 0.95)
    target = people.target({"scores": scores}, tells=("a", "b", "c"), truth=truth)
    seen = run(target, "scores")
    for name in "abc":
        assert abs(ranked(seen[f"withheld/{name}"]) - 0.5) < 0.12


def test_an_embedding_is_asked_whole_and_the_only_diagnosis_of_scores_is_not_asked():
    people = People(0, 200, each=1)
    truth = (people.rng.random((200, 1)) < 0.4).astype(float)
    seen = people.noise(8)
    seen[:, :1] += 2 * truth
    target = people.target(
        {"embedding": seen, "scores": risk(seen[:, :1])}, tells=("a",), truth=truth
    )
    assert ranked(run(target, "embedding")["diagnosis/a"]) > 0.8
    assert not [name for name in run(target, "scores") if name.endswith("/a")]


def test_a_diagnosis_is_a_persons_in_all_of_their_records():
    target = of_sex(0, False)
    truth = np.full((len(target.record), 2), np.nan)
    truth[::2], truth[1:60:2, 0] = 0, 1  # the second records of 30 people
    seen = run(replace(target, tells=("a", "b"), truth=truth), "embedding")
    assert "diagnosis/b" not in seen
    one = seen["diagnosis/a"]
    assert isinstance(one, Trials)
    assert one.positive.sum() == 60
    assert len(one.subject) == len(target.record)


def test_few_people_of_a_kind_are_not_asked_and_no_kind_at_all_is_unmet():
    target = of_diagnoses(0, False)
    truth = target.truth.copy()
    truth[:, 0] = 0
    truth[:9, 0] = 1
    assert "withheld/code0" not in run(replace(target, truth=truth), "scores")
    nothing = replace(
        target, male=target.male * np.nan, age=target.age * np.nan, truth=truth * 0, known={}
    )
    assert "people of each sex" in str(Inferred(nothing, "scores").unmet(CASE))


def test_what_is_not_known_of_some_people_is_not_asked_of_them():
    target = of_diagnoses(0, True)
    age, male = target.age.copy(), target.male.copy()
    age[:40], male[30:60] = np.nan, np.nan
    seen = run(replace(target, age=age, male=male), "scores")
    assert len(seen["age"].subject) == len(age) - 40
    assert len(seen["sex"].subject) == len(male) - 30
    assert len(seen["withheld/code0"].subject) == len(age)


def test_inputs_and_random_weights_are_read_beside_the_output_and_never_the_answer_itself():
    target = of_sex(0, True)
    rng = np.random.default_rng(0)
    seen = target.view("embedding").values
    blurred = seen[:, 5:6] + 2 * rng.normal(size=(len(seen), 1))
    table = np.hstack([blurred, target.male[:, None]]).astype(np.float32)
    blank = {"embedding": lambda: rng.normal(size=(len(table), 4))}
    target = replace(target, inputs=table, columns=("lead", "Sex"), controls=blank)
    found = run(target, "embedding")
    assert 0.7 < ranked(found["inputs/sex"]) < 0.99
    assert ranked(found["untrained/sex"]) < 0.65


def test_leaves_and_explanations_are_read_too():
    people = People(1, 120)
    shap = people.noise(4) + 1.5 * people.sex_z
    leaves = np.round(2 * shap)
    target = people.target({"explanation": shap, "leaves": leaves})
    for output in ("explanation", "leaves"):
        assert ranked(run(target, output)["sex"]) > 0.8
    assert [one.view for one in attacks(target)] == ["model.explanation", "model.leaves"]


def test_the_more_an_output_shows_the_better_it_is_read():
    people = People(2, 150)
    noise = people.noise(6)
    read = [
        ranked(run(people.target({"embedding": noise + s * people.sex_z}), "embedding")["sex"])
        for s in (0, 0.4, 1)
    ]
    assert read == sorted(read)


def test_the_order_of_the_records_does_not_matter():
    target = of_sex(3, True)
    one, other = (run(each, "embedding")["sex"] for each in (target, shuffled(target)))
    np.testing.assert_allclose(one.score, other.score, atol=1e-5)
    assert (one.subject == other.subject).all()


def test_those_to_learn_from_who_are_all_alike_teach_nothing():
    told = CrossFitted(line, np.ones((4, 1), np.float32), np.array(list("abcd")), 0)
    truth = np.array([1.0, 1, np.nan, 0])
    score = told.predict_proba(truth, np.arange(3), np.array([3]))
    assert score.tolist() == [0]
    blank = told.predict(truth * np.nan, np.arange(3), np.array([3]), np.random.default_rng(0))
    assert np.isnan(blank).all()

"""Sex, age and withheld diagnoses are read from outputs that tell them, by people never seen; and
what guesses of attributes amount to, beside what age and sex tell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from auditor.attackers.attribute_learners import CrossFitted, line, subject_kfold
from auditor.checks.output_attribute import guesses
from auditor.checks.output_attribute.check import OutputAttributeInference, plan
from auditor.checks.output_attribute.guesses import Attributes, Guesses
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, Trials
from auditor.stats.metrics import auc, person_trials
from tests.checks.asking import context, estimated
from tests.checks.membership.plant import CLASSES, of_trees
from tests.checks.output_attribute.plant import of_diagnoses, of_sex
from tests.checks.output_linkage.plant import People, risk
from tests.checks.output_linkage.test_check import shuffled

REPEATS = 80
N = 100


def run(target, output, seed=0) -> Attributes:
    attack = OutputAttributeInference(target, output)
    assert attack.unmet(context()) is None
    return attack.attack(context(), np.random.default_rng(seed))


def ranked(seen):
    return auc(*person_trials(seen))


def test_sex_and_age_are_read_from_an_embedding_that_shows_them():
    seen = run(of_sex(0, True), "embedding")
    assert seen.sex is not None
    assert seen.age is not None
    assert seen.diagnoses == seen.sex.controls == seen.age.controls == {}
    assert ranked(seen.sex.output) > 0.8 > 0.7 > ranked(seen.sex.known)
    age = seen.age.output
    assert np.abs(age.value - age.y_true).mean() < 0.9 * np.abs(age.prior - age.y_true).mean()


def test_nobody_is_learnt_from_and_asked_about(monkeypatch):
    pairs = []

    class Watched(CrossFitted):
        def predict_proba(self, truth, train, test):
            pairs.append((set(self.subject[train]), set(self.subject[test])))
            return super().predict_proba(truth, train, test)

    monkeypatch.setattr(guesses, "CrossFitted", Watched)
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
    target = people.target({"scores": scores}, labels=("a", "b", "c"), y_true=truth)
    seen = run(target, "scores")
    for name in "abc":
        assert abs(ranked(seen.diagnoses[name].output) - 0.5) < 0.12


def test_an_embedding_is_asked_whole_and_the_only_diagnosis_of_scores_is_not_asked():
    people = People(0, 200, each=1)
    truth = (people.rng.random((200, 1)) < 0.4).astype(float)
    seen = people.noise(8)
    seen[:, :1] += 2 * truth
    target = people.target(
        {"embedding": seen, "scores": risk(seen[:, :1])}, labels=("a",), y_true=truth
    )
    whole = run(target, "embedding")
    assert whole.kind == "diagnosis"
    assert ranked(whole.diagnoses["a"].output) > 0.8
    assert run(target, "scores").diagnoses == {}


def test_a_diagnosis_is_a_persons_in_all_of_their_records():
    target = of_sex(0, False)
    truth = np.full((len(target.record), 2), np.nan)
    truth[::2], truth[1:60:2, 0] = 0, 1  # the second records of 30 people
    seen = run(replace(target, labels=("a", "b"), y_true=truth), "embedding")
    assert list(seen.diagnoses) == ["a"]
    one = seen.diagnoses["a"].output
    assert one.positive.sum() == 60
    assert len(one.subject) == len(target.record)


def test_few_people_of_a_kind_are_not_asked_and_no_kind_at_all_is_unmet():
    target = of_diagnoses(0, False)
    truth = target.y_true.copy()
    truth[:, 0] = 0
    truth[:9, 0] = 1
    assert "code0" not in run(replace(target, y_true=truth), "scores").diagnoses
    nothing = replace(
        target, male=target.male * np.nan, age=target.age * np.nan, y_true=truth * 0, _cache={}
    )
    assert "people of each sex" in str(OutputAttributeInference(nothing, "scores").unmet(context()))


def test_what_is_not_known_of_some_people_is_not_asked_of_them():
    target = of_diagnoses(0, True)
    age, male = target.age.copy(), target.male.copy()
    age[:40], male[30:60] = np.nan, np.nan
    seen = run(replace(target, age=age, male=male), "scores")
    assert seen.sex is not None
    assert seen.age is not None
    assert len(seen.age.output.subject) == len(age) - 40
    assert len(seen.sex.output.subject) == len(male) - 30
    assert seen.kind == "withheld"
    assert len(seen.diagnoses["code0"].output.subject) == len(age)


def test_inputs_and_random_weights_are_read_beside_the_output_and_never_the_answer_itself():
    target = of_sex(0, True)
    rng = np.random.default_rng(0)
    seen = target.view("embedding").values
    blurred = seen[:, 5:6] + 2 * rng.normal(size=(len(seen), 1))
    table = np.hstack([blurred, target.male[:, None]]).astype(np.float32)
    blank = {"embedding": lambda: rng.normal(size=(len(table), 4))}
    target = replace(target, inputs=table, columns=("lead", "Sex"), controls=blank)
    found = run(target, "embedding")
    assert found.sex is not None
    assert 0.7 < ranked(found.sex.controls["inputs"]) < 0.99
    assert ranked(found.sex.controls["untrained"]) < 0.65


def test_leaves_and_explanations_are_read_too():
    people = People(1, 120)
    shap = people.noise(4) + 1.5 * people.sex_z
    leaves = np.round(2 * shap)
    target = people.target({"explanation": shap, "leaves": leaves})
    for output in ("explanation", "leaves"):
        assert ranked(run(target, output).sex.output) > 0.8
    assert [one.view for one in plan(target)] == ["model.explanation", "model.leaves"]


def test_the_more_an_output_shows_the_better_it_is_read():
    people = People(2, 150)
    noise = people.noise(6)
    read = [
        ranked(run(people.target({"embedding": noise + s * people.sex_z}), "embedding").sex.output)
        for s in (0, 0.4, 1)
    ]
    assert read == sorted(read)


def test_the_order_of_the_records_does_not_matter():
    target = of_sex(3, True)
    one, other = (run(each, "embedding").sex.output for each in (target, shuffled(target)))
    np.testing.assert_allclose(one.score, other.score, atol=1e-5)
    assert (one.subject == other.subject).all()


def test_those_to_learn_from_who_are_all_alike_teach_nothing():
    told = CrossFitted(line, np.ones((4, 1), np.float32), np.array(list("abcd")), 0)
    truth = np.array([1.0, 1, np.nan, 0])
    score = told.predict_proba(truth, np.arange(3), np.array([3]))
    assert score.tolist() == [0]
    blank = told.predict(truth * np.nan, np.arange(3), np.array([3]), np.random.default_rng(0))
    assert np.isnan(blank).all()


# --- what guesses amount to ----------------------------------------------------------------


def trials(rng, strength, positive, each=2):
    """Scores of people in five strata, each stratum on a scale of its own."""
    person = np.repeat(np.arange(N), each)
    score = rng.normal(size=len(person)) + strength * positive[person]
    stratum = person % 5
    return Trials(score + 100 * stratum, positive[person], person.astype(str), stratum)


def even(rng, share=0.4):
    """Whether each person is positive, as often in every stratum."""
    return np.concatenate([rng.permutation(np.arange(5) < 5 * share) for _ in range(N // 5)])


def told(seed=0, **seen):
    """What some guesses amount to."""
    nothing = {"sex": None, "age": None, "kind": "withheld", "diagnoses": {}}
    return estimated(OutputAttributeInference(None), Attributes(**nothing | seen), seed)


def test_what_is_gained_most_may_be_of_a_diagnosis_that_few_people_have():
    """Of few people much may be gained that was not seen: then nothing is within a limit."""
    rng = np.random.default_rng(2)
    many, few = even(rng), np.arange(N) % 20 == 0
    seen = {
        name: Guesses(trials(rng, 0, those), trials(rng, 0, those), {})
        for name, those in (("many", many), ("few", few))
    }
    alone = {name: told(diagnoses={name: one}) for name, one in seen.items()}
    both = told(diagnoses=seen).estimates["withheld_gain"]
    highs = {name: one.estimates["withheld_gain"].high for name, one in alone.items()}
    assert highs["few"] > highs["many"]
    assert both.high > max(highs.values())
    assert both.low <= both.value <= both.high


@pytest.mark.slow
def test_gains_of_nothing_over_nothing_cover_none():
    missed, rung = 0, 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        sex, codes = rng.random(N) < 0.5, [even(rng) for _ in range(4)]
        found = told(
            seed,
            sex=Guesses(trials(rng, 0, sex), trials(rng, 0, sex), {}),
            diagnoses={
                f"c{place}": Guesses(trials(rng, 0, code), trials(rng, 0, code), {})
                for place, code in enumerate(codes)
            },
        ).estimates
        gain = found["sex_gain_over_known"]
        missed += not gain.low <= 0 <= gain.high
        rung += found["withheld_gain"].low > 0
    assert missed <= binom.ppf(0.9999, REPEATS, 0.05)
    assert rung <= binom.ppf(0.9999, REPEATS, 0.025)


def test_scales_of_strata_do_not_matter():
    rng = np.random.default_rng(0)
    sex = even(rng)
    ours, theirs = trials(rng, 2, sex), trials(rng, 0, sex)
    plain = Trials(ours.score - 100 * ours.stratum, ours.positive, ours.subject, ours.stratum)
    found = [told(sex=Guesses(one, theirs, {})).estimates for one in (ours, plain)]
    assert found[0]["sex_gain_over_known"].value == found[1]["sex_gain_over_known"].value
    by_person = plain.score.reshape(N, 2).mean(axis=1)
    whole = roc_auc_score(sex, by_person)
    assert found[0]["sex_auc"].value == pytest.approx(whole, abs=0.04)
    assert found[0]["sex_gain_over_known"].low > 0


def test_the_diagnosis_that_gains_most_is_told_and_its_interval_holds_for_all():
    rng = np.random.default_rng(1)
    seen = {}
    for name, strength in (("a", 0), ("b", 3), ("c", 1)):
        positive = even(rng)
        ours, known = trials(rng, strength, positive), trials(rng, 0, positive)
        seen[name] = Guesses(ours, known, {"inputs": ours})
    all_three = told(diagnoses=seen)
    found, curves = all_three.estimates, all_three.curves
    assert all_three.params == {"withheld": "b"}
    assert curves["withheld"]["withheld"] == ["a", "b", "c"]
    assert found["withheld_gain"].value == max(
        found["withheld_gain"].value, *curves["withheld"]["gain"][::2]
    )
    assert found["withheld_gain"].low > 0
    assert found["withheld_gain_over_inputs"].value == 0
    alone = told(diagnoses={"b": seen["b"]}).estimates
    assert alone["withheld_gain"].low > found["withheld_gain"].low
    assert alone["withheld_gain"].value == found["withheld_gain"].value


def test_age_is_told_in_years_beside_what_others_are_off():
    rng = np.random.default_rng(0)
    truth, subject = rng.uniform(30, 80, 60), np.arange(60).astype(str)
    prior = np.full(60, 55.0)
    near = Predictions(truth + rng.normal(0, 2, 60), truth, prior, subject)
    far = Predictions(truth + rng.normal(0, 8, 60), truth, prior, subject)
    found = told(age=Guesses(near, far, {"inputs": near})).estimates
    assert found["age_gain_years"].low > 5
    assert found["age_gain_over_known_years"].low > 0
    assert found["age_gain_over_inputs_years"].value == 0
    assert found["known_age_mae_years"].value > found["age_mae_years"].value
    assert "known_age_gain_years" not in found


def test_nothing_to_tell_of_is_refused():
    with pytest.raises(EvidenceError, match="too few"):
        told()


def test_a_class_is_no_diagnosis_that_the_others_would_not_tell():
    seen = of_trees(0, objective=CLASSES)
    two = replace(
        seen,
        labels=("rhythm", "axis"),
        y_true=np.repeat(seen.y_true == 1, 2, axis=1).astype(float),
        kinds=dict.fromkeys(("rhythm", "axis"), "class"),
    )
    why = OutputAttributeInference(two, "scores").unmet(context())
    assert why.endswith(
        "found fewer; classes and values are what the model tells, and none is withheld"
    )
    assert OutputAttributeInference(replace(two, kinds={}), "scores").unmet(context()) is None

"""What a model gives out is let pass where more would have been seen, and no where else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.base import OnModel
from auditor.checks.competence.check import prove
from auditor.checks.cross_modal.check import CrossModalRetrieval
from auditor.checks.inversion.check import ModelInversion
from auditor.checks.membership.check import Membership
from auditor.checks.output_attribute.check import OutputAttributeInference
from auditor.checks.output_linkage.check import OutputLinkage
from auditor.checks.run import run_check
from auditor.policy.judge import judge
from auditor.policy.profile import Profile, Rule
from auditor.policy.proofs import competence_needed
from tests.checks.asking import context
from tests.checks.cross_modal.plant import pairing
from tests.checks.inversion.plant import giving_back
from tests.checks.membership.fits import fitted
from tests.checks.output_attribute.plant import of_sex
from tests.checks.output_linkage.plant import People, risk

PEOPLE = 120


def judged(check: OnModel, limits: dict[str, float], seed: int = 0) -> str:
    """What a profile of these limits says of it, the attack put to the proof where it must be."""
    around = context(seed)
    how = {"level": 0.9, "smallest_cell": 10}
    check = replace(check, galleries=(1000,))
    found = [run_check(check, around, **how)]
    assert found[0].status == "measured"
    rules = tuple(
        Rule(id=name, check=check.id, estimate=name, limit=limit, basis="our default: a test",
             models=True)
        for name, limit in limits.items()
    )  # fmt: skip
    asked = Profile(name="test", title="test", context="test", population=1000, rules=rules)
    proofs = [prove(check, around, one, limits, **how) for one in competence_needed(found, asked)]
    return judge([*found, *proofs], asked).outcome


FOUND = {"found_among_1000": 0.11, "named": 0.06}


def outputs(output: str, strength: float, seed: int = 0) -> OutputLinkage:
    """Of people with two records each, who are told by as much of an output."""
    people = People(seed, PEOPLE)
    if output == "leaves":
        rows = people.rng.integers(0, 8, (len(people.person), 100))
        own = people.rng.integers(0, 8, (PEOPLE, 100))[people.person]
        values = np.where(people.rng.random(rows.shape) < strength, own, rows)
    else:
        values = people.noise(32) + 3 * strength * people.noise(32, per_person=True)
        values = risk(values) if output == "scores" else values
    return OutputLinkage(people.target({output: values}), output)


@pytest.mark.parametrize(
    "output",
    ["leaves", *(pytest.param(one, marks=pytest.mark.slow) for one in ("scores", "embedding"))],
)
def test_outputs_that_name_nobody_pass_and_those_that_name_people_fail(output):
    assert judged(outputs(output, 0.0), FOUND) == "pass"
    assert judged(outputs(output, 0.6), FOUND) == "fail"


def test_nothing_but_noise_of_few_people_stays_open():
    people = People(0, 20)
    asked = OutputLinkage(people.target({"embedding": people.noise(32)}), "embedding")
    assert judged(asked, {"named": 0.06}) in ("inconclusive", "not assessed")


def test_a_model_that_says_the_same_of_everybody_does_not_pass():
    people = People(0, PEOPLE)
    same = OutputLinkage(people.target({"scores": np.full((2 * PEOPLE, 3), 0.2)}), "scores")
    assert judged(same, {"named": 0.06}) == "inconclusive"


def test_an_image_that_goes_with_nobody_passes_and_one_that_leads_to_people_fails():
    assert judged(CrossModalRetrieval(pairing(0, False)), FOUND) == "pass"
    strong = pairing(0, True)
    own = People(0, 200).noise(24, per_person=True)[: len(strong.record)]
    both = {name: lambda: own.astype(np.float32) for name in ("embedding", "other")}
    assert judged(CrossModalRetrieval(replace(strong, outputs=both, _cache={})), FOUND) == "fail"


def test_inputs_that_are_not_told_again_pass_and_those_that_are_fail():
    for planted, outcome in ((False, "pass"), (True, "fail")):
        target = giving_back(0, planted)
        asked = ModelInversion(target, next(iter(target.outputs)))
        assert judged(asked, {"r2_best": 0.5}) == outcome


def test_outputs_that_tell_sex_fail():
    target = of_sex(0, True)
    asked = OutputAttributeInference(target, output=next(iter(target.outputs)))
    assert judged(asked, {"sex_gain_over_known": 0.05}) == "fail"


MEMBERS = {"auc": 0.6, "tpr_at_fpr_1pct": 0.03}


def test_a_fit_that_tells_no_members_passes_and_one_that_does_fails():
    assert judged(Membership(fitted(0, 2000)), MEMBERS) == "pass"
    assert judged(Membership(fitted(0, 2000, 2.0)), MEMBERS) == "fail"


def test_where_a_few_members_are_known_by_heart_it_does_not_pass():
    assert judged(Membership(fitted(0, 2000, 6.0, share=0.05)), MEMBERS) == "fail"


def test_of_few_people_no_fit_passes():
    for seed in range(5):
        assert judged(Membership(fitted(seed, 60)), MEMBERS, seed) != "pass"


def test_a_fit_that_is_the_same_of_everybody_does_not_pass():
    target = fitted(0, 2000)
    same = np.full(target.y_true.shape, 0.1)
    asked = Membership(replace(target, membership_signal=lambda: same))
    assert judged(asked, {"auc": 0.6}) == "inconclusive"


def test_an_attack_by_reference_models_is_proven_with_those_that_it_trained():
    trained = []

    def reference(rows, truth, seed):
        trained.append(seed)
        rng = np.random.default_rng(seed)
        own = rng.normal(size=truth.shape) / 2 + usual
        return own + 2 * np.isin(target.subject, target.subject[rows])[:, None]

    target = fitted(0, 300)
    usual = target.membership_signal()
    asked = Membership(replace(target, train_reference=reference))
    assert judged(asked, {"auc": 0.6}) == "pass"
    assert len(trained) == 4

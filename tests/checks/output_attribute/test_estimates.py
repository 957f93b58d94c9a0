"""What guesses of attributes amount to, beside what age and sex tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from auditor.checks.output_attribute.estimates import measured
from auditor.core.errors import EvidenceError
from auditor.core.evidence import Predictions, Trials

REPEATS = 80
N = 100


def trials(rng, strength, positive, each=2):
    """Scores of people in five strata, each stratum on a scale of its own."""
    person = np.repeat(np.arange(N), each)
    score = rng.normal(size=len(person)) + strength * positive[person]
    stratum = person % 5
    return Trials(score + 100 * stratum, positive[person], person.astype(str), stratum)


def even(rng, share=0.4):
    """Whether each person is positive, as often in every stratum."""
    return np.concatenate([rng.permutation(np.arange(5) < 5 * share) for _ in range(N // 5)])


def told(seen, seed=0):
    return measured(seen, level=0.95, rng=np.random.default_rng(seed))


def test_gains_of_nothing_over_nothing_cover_none():
    missed, rung = 0, 0
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        sex, codes = rng.random(N) < 0.5, [even(rng) for _ in range(4)]
        seen = {"sex": trials(rng, 0, sex), "known/sex": trials(rng, 0, sex)}
        for place, code in enumerate(codes):
            seen[f"withheld/c{place}"] = trials(rng, 0, code)
            seen[f"known/withheld/c{place}"] = trials(rng, 0, code)
        found = told(seen, seed)[0]
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
    found = [told({"sex": one, "known/sex": theirs})[0] for one in (ours, plain)]
    assert found[0]["sex_gain_over_known"].value == found[1]["sex_gain_over_known"].value
    by_person = plain.score.reshape(N, 2).mean(axis=1)
    whole = roc_auc_score(sex, by_person)
    assert found[0]["sex_auc"].value == pytest.approx(whole, abs=0.04)
    assert found[0]["sex_gain_over_known"].low > 0


def test_the_diagnosis_that_gains_most_is_told_and_its_interval_holds_for_all():
    rng = np.random.default_rng(1)
    seen, few = {}, {}
    for name, strength in (("a", 0), ("b", 3), ("c", 1)):
        positive = even(rng)
        seen[f"withheld/{name}"] = trials(rng, strength, positive)
        seen[f"known/withheld/{name}"] = trials(rng, 0, positive)
        seen[f"inputs/withheld/{name}"] = seen[f"withheld/{name}"]
    few = {name: one for name, one in seen.items() if name.endswith("/b")}
    found, curves, params = told(seen)
    assert params == {"withheld": "b"}
    assert curves["withheld"]["withheld"] == ["a", "b", "c"]
    assert found["withheld_gain"].value == max(
        found["withheld_gain"].value, *curves["withheld"]["gain"][::2]
    )
    assert found["withheld_gain"].low > 0
    assert found["withheld_gain_over_inputs"].value == 0
    alone = told(few)[0]
    assert alone["withheld_gain"].low > found["withheld_gain"].low
    assert alone["withheld_gain"].value == found["withheld_gain"].value


def test_age_is_told_in_years_beside_what_others_are_off():
    rng = np.random.default_rng(0)
    truth, subject = rng.uniform(30, 80, 60), np.arange(60).astype(str)
    prior = np.full(60, 55.0)
    near = Predictions(truth + rng.normal(0, 2, 60), truth, prior, subject)
    far = Predictions(truth + rng.normal(0, 8, 60), truth, prior, subject)
    found = told({"age": near, "known/age": far, "inputs/age": near})[0]
    assert found["age_gain_years"].low > 5
    assert found["age_gain_over_known_years"].low > 0
    assert found["age_gain_over_inputs_years"].value == 0
    assert found["known_age_mae_years"].value > found["age_mae_years"].value
    assert "known_age_gain_years" not in found


def test_nothing_to_tell_of_is_refused():
    with pytest.raises(EvidenceError, match="too few"):
        told({})

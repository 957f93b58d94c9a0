"""Which sizes of release can pass a rule at all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from auditor.policy.profile import Profile, Rule
from auditor.policy.prospects import least_people, likely_people, prospects
from auditor.stats.intervals import wilson
from auditor.stats.rare_errors import null_passes

LINKAGE = Rule(
    id="linkage", check="linkage", protocol="cross-session", estimate="rank1", limit=0.09,
    basis="our default", rungs=("template", "plda"),
)  # fmt: skip


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("limit", [0.01, 0.09, 0.33])
def test_nobody_found_passes_from_as_many_people_on_as_wilsons_interval_takes(limit, level):
    # With no hit the interval ends at z² / (n + z²).
    z = norm.ppf(0.5 + level / 2)
    assert least_people(limit, level) == int(np.ceil(z * z * (1 - limit) / limit))


@pytest.mark.parametrize("limit", [0.05, 0.09, 0.33])
def test_a_release_that_gives_nothing_away_passes_in_nine_of_ten_cases(limit):
    n = least_people(limit, 0.9, by_luck=1)
    rng = np.random.default_rng(0)

    def passes(n: int) -> float:
        return np.mean([wilson(k, n, 0.9)[1] <= limit for k in rng.binomial(n, 1 / n, 4000)])

    assert passes(n) > 0.88
    assert passes(round(0.8 * n)) < 0.9
    assert n > least_people(limit, 0.9)


def test_a_plan_says_what_is_lacking_for_each_rule_that_asks_attackers():
    counted = Rule(id="id", check="identifiers", estimate="direct", limit=0, basis="our default")
    profile = Profile(
        name="p", title="t", context="c", population=10, rules=(LINKAGE, counted), least_people=60
    )
    (one,) = prospects(profile, lambda protocol: 50, ["template"])
    assert (one.n, one.needed, one.possible) == (50, 60, False)
    assert one.lacking == ("plda",)
    (one,) = prospects(profile, lambda protocol: 60, ["template", "plda"])
    assert one.possible


def test_of_a_model_as_many_members_and_others_are_told_as_a_null_takes():
    rule = Rule(id="members", check="membership", estimate="tpr_at_fpr_1pct", limit=0.05,
                basis="our default", models=True)  # fmt: skip
    profile = Profile(name="p", title="t", context="c", population=10, rules=(rule,))
    n = likely_people(rule, profile)
    assert null_passes(0.05, n, n, 0.01, 0.9) >= 0.9 > null_passes(0.05, n // 2, n // 2, 0.01, 0.9)
    plain = rule.model_copy(update={"estimate": "auc"})
    assert likely_people(plain, profile) is None

"""What every attack promises."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from auditor.audit import open_case, plan
from auditor.checks.base import ATTACKS
from auditor.config import CHECKS
from auditor.core.errors import ConfigError
from auditor.core.evidence import Counts, Predictions, SearchResult, Trials
from auditor.engine import engine
from tests.releases import settings, write_release


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("attacks"), identity=1, seed=0, n_subjects=12)
    with engine() as workers:
        yield open_case(root, settings(), workers)


ATTACKED = plan(settings().preset.model_copy(update={"checks": CHECKS}))


@pytest.mark.parametrize("attack", ATTACKED, ids=repr)
def test_an_attack_says_why_it_cannot_or_hands_back_evidence(attack, case):
    why = attack.unmet(case)
    if why is not None:
        assert why == why.strip()
        return
    for name, evidence in attack.run(case, np.random.default_rng(0)).items():
        assert isinstance(name, str)
        assert isinstance(evidence, SearchResult | Trials | Predictions | Counts)


@pytest.mark.parametrize("attack", [one for one in ATTACKED if one.view != "vit"], ids=repr)
def test_the_same_stream_gives_the_same_evidence(attack, case):
    if attack.unmet(case) is None:
        one, two = (attack.run(case, np.random.default_rng(5)) for _ in range(2))
        assert list(one) == list(two)
        for name in one:
            for key, value in vars(one[name]).items():
                assert np.array_equal(value, vars(two[name])[key]), key


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_attack_describes_its_attacker(name):
    text = inspect.getdoc(ATTACKS[name]) or ""
    assert any(word in text.lower() for word in ("intruder", "reader")), text
    assert ATTACKS[name]().threat.endswith(".")


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="linkage"):
        ATTACKS["linkige"]

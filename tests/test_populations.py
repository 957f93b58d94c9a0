"""Audits of releases in which there is nothing to find, and of those in which there is."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import binom

from auditor.audit import Audit
from tests.releases import CHEAP, PROTOCOLS, all_finished, settings, write_release

LADDER = (*CHEAP, "vit", "fusion")
#: One that learns nothing, one of a table and two that learn from the people of the release.
FEW = ("template", "fiducials", "subspace", "plda")


def many(request, folder, settings_of, **knobs) -> list[Audit]:
    """Audits of as many releases as there are seeds."""
    seeds = range(request.param)
    roots = [write_release(folder(f"{seed}"), seed=seed, **knobs) for seed in seeds]
    for root in roots:  # else whoever knows the date knows who it is
        with (root / "auditor.yaml").open("a", encoding="utf-8") as file:
            file.write("shifted: true\n")
    return all_finished(roots, [settings_of(seed) for seed in seeds])


@pytest.fixture(scope="module", params=[6, pytest.param(20, marks=pytest.mark.slow)])
def null(request, tmp_path_factory) -> list[Audit]:
    """Audits of releases in which nothing identifies anybody; where there is time by all rungs, and
    by a transformer that is trained on each.
    """
    slow = request.param > 6
    rungs = CHEAP if slow else FEW

    def every(seed: int):
        asked = ("linkage", "attribute")
        return settings(seed=seed, epochs=6, vit=slow, rungs=rungs, checks=asked)

    return many(request, tmp_path_factory.mktemp, every, identity=0)


@pytest.fixture(scope="module", params=[1, pytest.param(20, marks=pytest.mark.slow)])
def planted(request, tmp_path_factory) -> list[Audit]:
    """Audits of releases in which hearts differ plainly, for linkage alone."""

    def linkage(seed: int):
        return settings(seed=seed, epochs=20, checks=("identifiers", "uniqueness", "linkage"))

    return many(request, tmp_path_factory.mktemp, linkage, identity=1)


def covering(estimate) -> bool:
    return estimate.low <= estimate.chance <= estimate.high


def misses(audits: list[Audit], check: str) -> Counter:
    """How many intervals of each number do not hold what guessing gets."""
    return Counter(
        {
            (finding.id, name): sum(
                not covering(one[finding.id].estimates[name])
                for one in audits
                if one[finding.id].status == "measured"
            )
            for finding in audits[0]
            if finding.check == check and finding.status == "measured"
            for name, estimate in finding.estimates.items()
            if estimate.chance is not None
        }
    )


def test_linkage_finds_nothing_where_there_is_nothing(null):
    """Intervals of 90 % may miss as often as 90 % intervals do, and no more."""
    missed = misses(null, "linkage")
    told = LADDER if len(null) > 6 else (*FEW, "fusion")
    wanted = {f"linkage/{view}/{p}" for view in told for p in PROTOCOLS}
    assert {finding for finding, _ in missed} == wanted
    most = binom.ppf(0.9999, len(null), 0.1)
    assert most < len(null)
    assert not {one: n for one, n in missed.items() if n > most}


def test_attribute_finds_nothing_where_there_is_nothing(null):
    missed = misses(null, "attribute")
    assert missed
    most = binom.ppf(0.9999, len(null), 0.1)
    assert not {one: n for one, n in missed.items() if n > most}


@pytest.mark.parametrize("view", LADDER)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_linkage_finds_a_planted_identity(planted, view, protocol):
    for one in planted:
        rank1 = one[f"linkage/{view}/{protocol}"].estimates["rank1"]
        assert rank1.low > rank1.chance


def test_a_release_that_links_its_people_fails_and_one_that_does_not_never_fails(null, planted):
    def outcomes(audits: list[Audit]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in audits:
            for rule in one.verdict.rules:
                found.setdefault(rule.id, set()).add(rule.outcome)
        return found

    # Twenty-four people are too few to foretell a thousand; whom an intruder is sure of shows.
    assert outcomes(planted)["linkage-named"] == {"fail"}
    for rule in ("linkage-cross-session", "linkage-named", "linkage-most-exposed"):
        assert "fail" not in outcomes(null)[rule]

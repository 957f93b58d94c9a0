"""Audits of releases in which there is nothing to find, and of those in which there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from scipy.stats import binom

from auditor.audit import Audit, Run
from tests.releases import PROTOCOLS, all_finished, settings, write_release

#: So many releases in a minute or two, and as many as were promised where there is time.
SEEDS = [range(3), pytest.param(range(20), marks=pytest.mark.slow)]
VIEWS = (
    *("template", "fiducials", "whitened", "subspace", "plda"),
    *("vit", "embedding", "adapted", "fusion"),
)


@pytest.fixture(scope="module", params=SEEDS, ids=len)
def null(request, tmp_path_factory) -> list[Audit]:
    """Audits of releases in which nothing identifies anybody."""
    seeds = request.param
    roots = [
        write_release(tmp_path_factory.mktemp("null"), identity=0, seed=seed) for seed in seeds
    ]
    return all_finished(roots, [settings(seed=seed, epochs=6) for seed in seeds])


@pytest.fixture(scope="module", params=SEEDS, ids=len)
def planted(request, tmp_path_factory) -> list[Audit]:
    """Audits of releases in which hearts differ plainly, for linkage alone."""

    def linkage(seed: int) -> Run:
        whole = settings(seed=seed, epochs=20)
        preset = whole.preset.model_copy(
            update={"checks": ("identifiers", "uniqueness", "linkage")}
        )
        return replace(whole, preset=preset)

    seeds = request.param
    roots = [
        write_release(tmp_path_factory.mktemp("planted"), identity=1, seed=seed) for seed in seeds
    ]
    return all_finished(roots, [linkage(seed) for seed in seeds])


def covering(estimate) -> bool:
    return estimate.low <= estimate.chance <= estimate.high


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_linkage_finds_nothing_where_there_is_nothing(null, view, protocol):
    """Intervals of 95 % may miss as often as 95 % intervals do, and no more."""
    misses = Counter()
    for one in null:
        finding = one[f"linkage/{view}/{protocol}"]
        assert finding.status == "measured"
        for name, estimate in finding.estimates.items():
            if estimate.chance is not None:
                misses[name] += not covering(estimate)
    for name, missed in misses.items():
        assert missed <= binom.ppf(0.9999, len(null), 0.05), name


@pytest.mark.parametrize("view", ["fiducials", "vit", "embedding"])
def test_attribute_finds_nothing_where_there_is_nothing(null, view):
    misses = Counter()
    for one in null:
        finding = one[f"attribute/{view}/subject-disjoint"]
        if finding.status == "measured":
            for name, estimate in finding.estimates.items():
                misses[name] += estimate.chance is not None and not covering(estimate)
    assert misses
    for name, missed in misses.items():
        assert missed <= binom.ppf(0.9999, len(null), 0.05), name


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_linkage_finds_a_planted_identity(planted, view, protocol):
    for one in planted:
        rank1 = one[f"linkage/{view}/{protocol}"].estimates["rank1"]
        assert rank1.low > rank1.chance


def test_a_release_that_links_its_people_fails_and_one_that_does_not_never_fails(null, planted):
    def rule(one: Audit):
        return next(r for r in one.verdict.rules if r.id == "linkage-cross-session")

    assert {rule(one).outcome for one in planted} == {"fail"}
    assert "fail" not in {rule(one).outcome for one in null}

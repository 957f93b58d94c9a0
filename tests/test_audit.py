"""A run from settings to a verdict: the same numbers again, and nothing passes unproven."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binom

from auditor.audit import Run
from auditor.core.errors import ConfigError
from auditor.core.finding import Finding
from auditor.policy.judge import judge
from auditor.policy.profile import load_profile
from tests.releases import PROTOCOLS, finished, settings, write_release


def comparable(finding: Finding) -> Finding:
    return replace(finding, seconds=0.0)


@pytest.mark.slow
def test_here_in_two_processes_and_on_a_cluster_the_findings_are_the_same(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    root = write_release(tmp_path / "release", identity=1, seed=3, n_subjects=12)
    found = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        for number, where in enumerate(({}, {"jobs": 2}, {"dask": cluster.scheduler_address})):
            # A store of its own each time, so that everything is worked out anew.
            monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / str(number)))
            few = ("fiducials", "subspace", "embedding")
            audited = finished(root, settings(vit=False, rungs=few, **where))
            found.append([comparable(one) for one in audited])
    assert found[0] == found[1] == found[2]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tmp_path):
    root = write_release(tmp_path, identity=1, seed=0, n_subjects=12)
    first, again = (finished(root, settings(seed=1, epochs=2)) for _ in range(2))
    assert [comparable(f) for f in first] == [comparable(f) for f in again]
    # Rungs draw from streams of their own, so of another seed a few tell what all would.
    few = settings(seed=2, vit=False, rungs=("template", "subspace"), checks=("linkage",))
    other = [f for f in finished(root, few) if f.id.startswith(("linkage/t", "linkage/s"))]
    assert len(other) == 2 * len(PROTOCOLS)
    assert any(first[f.id].estimates != f.estimates for f in other)


def test_a_second_scan_of_the_same_release_reuses_the_store(tmp_path, monkeypatch):
    root = write_release(tmp_path / "release", identity=1, seed=0)
    chosen = settings(vit=False, rungs=("template",), checks=("identifiers", "linkage"))
    first = finished(root, chosen)

    def refuse(job):
        raise AssertionError("prepared again")

    monkeypatch.setattr("auditor.signal.prepare._prepare_shard", refuse)
    assert [comparable(f) for f in finished(root, chosen)] == [comparable(f) for f in first]


def test_one_record_per_person_says_that_linkage_cannot_be_tested(tmp_path):
    root = write_release(tmp_path, identity=1, seed=0, n_sessions=1, n_records=1)
    audited = finished(root, settings(vit=False, rungs=("template",)))
    finding = audited["linkage/template/cross-session"]
    assert finding.status == "skipped"
    assert "cannot be tested" in finding.reason
    assert audited["linkage/template/random-segment"].status == "measured"


def test_a_broken_attack_is_said_and_costs_no_other(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("person p0001 was here")

    monkeypatch.setattr("auditor.attackers.recogniser.search_gallery", broken)
    root = write_release(tmp_path, identity=1, seed=0)
    audited = finished(root, settings(vit=False, rungs=("template",)))
    finding = audited["linkage/template/cross-session"]
    assert finding.status == "failed"
    assert "p0001" not in finding.reason
    assert audited["identifiers"].status == "measured"
    rule = next(r for r in audited.verdict.rules if r.id == "linkage-cross-session")
    assert rule.outcome == "not assessed"


def test_a_release_without_identity_passes_only_with_the_proof_that_the_attack_is_able(tmp_path):
    root = write_release(tmp_path, identity=0, seed=2, n_subjects=120, n_records=1)
    with (root / "auditor.yaml").open("a", encoding="utf-8") as file:
        file.write("shifted: true\n")  # else whoever knows the date knows who it is
    counted = ("identifiers", "uniqueness", "linkage")
    chosen = settings(profile="enclave", vit=False, rungs=("template",), checks=counted)
    # Here the template counts as the strongest attack there is.
    rules = tuple(
        rule.model_copy(
            update=dict.fromkeys(("rungs", "proven"), ("template",) if rule.rungs else ())
        )
        for rule in chosen.profile.rules
    )
    linkage = next(rule for rule in rules if rule.id == "linkage-cross-session")
    # What a rule names is what is proven, whatever the number.
    more = [
        linkage.model_copy(update={"id": name, "estimate": name, "limit": limit})
        for name, limit in (("rank1_known", 0.5), ("tpir_at_fpir_10pct", 0.1), ("rank5", 0.3))
    ]
    profile = chosen.profile.model_copy(update={"rules": (*rules, *more)})
    audited = finished(root, replace(chosen, profile=profile))
    outcomes = {one.id: one.outcome for one in audited.verdict.rules}
    assert {outcomes[one.id] for one in more} == {"pass"}, outcomes
    rule = next(r for r in audited.verdict.rules if r.id == "linkage-cross-session")
    proof = audited["competence/linkage/template/cross-session"]
    assert proof.estimates[f"smallest_{rule.estimate}"].value <= rule.limit
    silent = proof.estimates["null_rank5"]
    # One population's 95 % interval misses chance one time in twenty: here no more than bad luck.
    hits = round(silent.value * silent.n_subjects)
    assert binom.sf(hits - 1, silent.n_subjects, silent.chance) > 0.001
    assert rule.outcome == "pass"
    without = [one for one in audited if one.check != "competence"]
    assert "pass" not in {
        r.outcome for r in judge(without, profile).rules if r.id == "linkage-cross-session"
    }


def test_cheap_rungs_never_pass_a_release(tmp_path):
    root = write_release(tmp_path, identity=0, seed=0)
    audited = finished(
        root, settings(vit=False, rungs=("template", "fiducials"), checks=("linkage",))
    )
    rule = next(r for r in audited.verdict.rules if r.id == "linkage-cross-session")
    assert rule.outcome != "pass"


@pytest.mark.data
def test_ecgiddb_is_found_and_fails_under_every_profile(data):
    asked = ("identifiers", "uniqueness", "linkage")
    audited = finished(data / "ecgiddb", settings(vit=False, rungs=("template",), checks=asked))
    release = audited.release
    assert (release["n_subjects"], release["n_records"]) == (90, 310)
    assert release["n_subjects_with_sessions"] == 20
    assert release["n_quarantined"] == 0
    assert audited.verdict.exit_status == 1
    for profile in ("public", "registered", "enclave"):
        assert judge(audited.findings, load_profile(profile)).exit_status == 1
    same, cross = (
        audited[f"linkage/template/{protocol}"].estimates["rank1"]
        for protocol in ("same-session", "cross-session")
    )
    assert (same.n_subjects, cross.n_subjects) == (89, 20)
    assert same.value >= 0.85
    assert cross.value >= 0.65
    assert cross.chance == pytest.approx(1 / 90)


@pytest.mark.slow
@pytest.mark.data
def test_ludb_of_one_record_a_person_fails_by_what_is_foretold_and_by_an_age_over_89(data):
    audited = finished(data / "ludb", settings(vit=False, rungs=("template",)))
    assert "cannot be tested" in audited["linkage/template/cross-session"].reason
    rules = {rule.id: rule.outcome for rule in audited.verdict.rules if rule.required}
    # Its headers give an age over 89 that its table masks.
    assert rules == {
        "coverage-people": "pass",
        "coverage-records": "pass",
        "linkage-cross-session": "fail",
        "linkage-named": "not assessed",
        "linkage-most-exposed": "not assessed",
        "identifiers": "pass",
        "identifiers-possible": "inconclusive",
        "ages-over-89": "fail",
        "uniqueness": "inconclusive",
    }


def test_a_setting_that_is_not_one_is_refused():
    from auditor.audit import choose_device

    with pytest.raises(ConfigError, match="quick"):
        Run.of(preset="quik")
    with pytest.raises(ConfigError, match="public"):
        Run.of(profile="publik")
    with pytest.raises(ConfigError, match="cpu"):
        choose_device("gpu0")

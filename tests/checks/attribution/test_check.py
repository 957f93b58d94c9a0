"""Which part of the heartbeat an attack lives on: planted waves, nobody's waves, random weights."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from auditor.attackers import vit
from auditor.attackers.transformer import create
from auditor.audit import open_context
from auditor.checks.attribution import check as parts
from auditor.checks.attribution.check import PartsTaken, _Edits
from auditor.checks.attribution.segments import SEGMENTS, Atom
from auditor.checks.linkage.check import Linkage
from auditor.checks.run import run_check
from auditor.core.errors import EvidenceError
from auditor.core.finding import Finding
from auditor.engine import engine
from auditor.simulate.population import Population
from auditor.targets.context import Context
from tests.checks.attribution.test_relevance import heartbeats
from tests.releases import settings

WAVES = ("P", "QRS", "ST", "T")


def opened(root: Path, seed: int = 0, **knobs) -> Context:
    """Simulated people with one record on each of two days, ready to be attacked."""
    known = {"n_subjects": 24, "seconds": 12, "leads": ("I", "II"), "seed": seed} | knobs
    Population(**known).write(root)
    with engine(1) as workers:
        return open_context(root, settings(seed=seed), workers)


def found(context: Context, view: str = "embedding", protocol: str = "cross-session") -> Finding:
    return run_check(PartsTaken(view, protocol), context, level=0.95, smallest_cell=10)


@pytest.fixture
def few(monkeypatch):
    """Explanations of fewer beats: what is tested does not hang on how many."""
    monkeypatch.setattr(parts, "_ASKED", 10)
    monkeypatch.setattr(parts, "_BEATS", 1)


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Context:
    return opened(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def finding(context) -> Finding:
    """People who differ in every wave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_ASKED", 10)
        patch.setattr(parts, "_BEATS", 1)
        return found(context)


def first(finding: Finding, done: str = "masked") -> str:
    """The segment whose loss costs most."""
    table = finding.curves["segments"]
    costs = dict(zip(table["segment"], table[done], strict=True))
    return max(SEGMENTS, key=lambda segment: costs[segment])


@pytest.mark.parametrize(
    "wave", [wave if wave == "ST" else pytest.param(wave, marks=pytest.mark.slow) for wave in WAVES]
)
def test_the_wave_in_which_people_differ_is_named(tmp_path, few, wave):
    finding = found(opened(tmp_path, wave=wave, drift=0.1))
    assert finding.status == "measured", finding.reason
    assert first(finding) == first(finding, "swapped") == first(finding, "alone") == wave
    assert finding.estimates[f"masked_{wave.lower()}"].value > 0.2
    shown = [part for part in SEGMENTS if finding.estimates[f"masked_{part.lower()}"].low > 0]
    assert shown in ([wave], [])
    assert not shown or f"the {wave}" in finding.params["reading"]


def test_where_nobody_differs_nothing_is_lost_and_nothing_is_believed(tmp_path, few):
    finding = found(opened(tmp_path, identity=0))
    for segment in SEGMENTS:
        drop = finding.estimates[f"masked_{segment.lower()}"]
        assert drop.low <= 0 <= drop.high
    assert {row["verdict"] for row in finding.params["verdicts"]} == {"not trustworthy"}
    assert finding.params["reading"].startswith("Nothing to take apart")


@pytest.mark.slow
def test_whole_beats_find_whom_the_linkage_rung_finds(context, finding):
    rung = run_check(Linkage("embedding"), context, level=0.95, smallest_cell=10)
    assert finding.estimates["rank1"] == rung.estimates["rank1"]


def test_a_transformer_with_random_weights_is_never_believed(context, few, monkeypatch):
    def untaught(context, gallery):
        people = len(np.unique(context.records["subject"].to_numpy()[gallery.row]))
        config = vit._config(context, n_ids=people)
        return tuple(create(config, np.random.default_rng(seed)) for seed in (1, 2))

    monkeypatch.setattr(vit, "identity_encoders", untaught)
    finding = found(context, "vit")
    assert finding.status == "measured", finding.reason
    for task in ("", "class_"):
        assert len(finding.params[f"{task}verdicts"]) == 7
        for row in finding.params[f"{task}verdicts"]:
            assert row["verdict"] == "not trustworthy"
            assert "random weights" in row["why not"]


@pytest.mark.slow
def test_sex_and_age_are_taken_apart_by_people_who_were_not_learned_from(tmp_path, few):
    people = tuple((sex, float(age)) for age in range(25, 85, 5) for sex in ("female", "male"))
    context = opened(tmp_path, demographics=3, people=people, n_sessions=1)
    finding = found(context, protocol="subject-disjoint")
    assert finding.status == "measured", finding.reason
    assert finding.estimates["sex_auc"].low > 0.5
    assert finding.estimates["age_concordance"].low > 0.5
    assert set(finding.curves["sex_segments"]["segment"]) > set(SEGMENTS)


def test_the_people_explained_are_drawn_from_those_that_may_be():
    reads = heartbeats(40)
    reads = replace(reads, item=np.repeat(np.arange(20), 2))
    whose = np.array([f"p{item:02d}" for item in range(20)])
    among = np.arange(0, 20, 2)
    chosen, turn = parts._beats(reads, whose, among, np.random.default_rng(0), skip=0)
    assert set(reads.item[chosen]) == set(among)
    assert turn.tolist() == [0, 1] * 10


def test_of_many_records_every_person_is_kept_before_anybody_s_second(monkeypatch):
    whose = np.repeat([f"p{person:03d}" for person in range(90)], 3)
    chosen = parts._some(whose, 8, np.random.default_rng(0))
    assert len(chosen) == 83  # 6,000 beats times leads, 9 beats of 8 leads each
    assert len(set(whose[chosen])) == 83
    assert len(parts._some(whose, 1, np.random.default_rng(0))) == 270


def test_beats_whose_waves_were_not_found_are_not_taken_apart():
    reads = heartbeats(30)
    context = None
    blank = replace(reads, label=np.full_like(reads.label, Atom.UNASSIGNED))
    subject = np.arange(30).astype(str)
    with pytest.raises(EvidenceError, match="delineated"):
        _Edits.of(context, blank, subject, np.random.default_rng(0))
    with pytest.raises(EvidenceError, match="at least 10 people"):
        _Edits.of(context, reads.part(np.arange(9)), subject[:9], np.random.default_rng(0))


def test_a_donor_is_always_somebody_else_and_one_person_for_all_of_a_persons_beats():
    code = np.repeat(np.arange(12), np.arange(1, 13))
    donor = code[parts._others(code, np.random.default_rng(0))]
    assert (donor != code).all()
    assert all(len(np.unique(donor[code == person])) == 1 for person in range(12))


def test_the_mean_beat_that_is_shown_is_of_many_and_of_nobody(context, finding):
    beat = finding.curves["beat"]
    shown = np.array(beat["mv"]).reshape(2, 200)
    for row in range(len(context.records)):
        anchors = context.prepared.anchors(row)
        own = context.prepared.signal(row)[:, anchors[1] - 75 : anchors[1] + 125]
        assert np.abs(own - shown).max() > 0.02


def _named(job: tuple[str, int]) -> tuple[str, dict[str, str]]:
    wave, seed = job
    with TemporaryDirectory() as folder:
        finding = found(opened(Path(folder), seed, wave=wave, n_subjects=40, seconds=20))
    dense = finding.curves["enrichment"]
    by_method = {
        method: max(SEGMENTS, key=lambda part: dense[part][at] or 0)
        for at, method in enumerate(dense["method"])
    }
    return wave, {"masked": first(finding)} | by_method


@pytest.mark.slow
def test_of_forty_planted_waves_nearly_all_are_named():
    jobs = [(wave, seed) for seed in range(10) for wave in WAVES]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as workers:
        named = list(workers.map(_named, jobs))
    right = {how: np.mean([said[how] == wave for wave, said in named]) for how in named[0][1]}
    assert right.pop("masked") >= 0.95
    assert max(right.values()) >= 0.85

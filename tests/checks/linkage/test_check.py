"""The rungs of linkage, one by one and together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from auditor.attackers.ladder import (
    FOLDS,
    FROM_REPEATS,
    MIN_REPEATS,
    RUNGS,
    Field,
    Fused,
    _Repeats,
    _weights,
    rung,
    search_enrolment,
)
from auditor.audit import open_context
from auditor.checks.linkage.check import Linkage
from auditor.data.protocols import Items, split
from auditor.engine import engine
from auditor.signal.segment import cut
from auditor.stats.metrics import rank_rate
from tests.releases import settings, write_release

QUICK = ("template", "fiducials", "whitened", "subspace", "plda", "embedding", "adapted")


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    root = write_release(tmp_path_factory.mktemp("rungs"), identity=1, seed=3, n_subjects=20)
    with engine() as workers:
        yield open_context(root, settings(vit=False), workers)


def field_of(case, protocol: str = "cross-session") -> Field:
    return Field.of(case, split(case.records, protocol))


@pytest.mark.parametrize("protocol", ["cross-session", "same-session", "random-segment"])
def test_a_field_asks_what_its_protocol_asks_and_folds_people_whole(case, protocol):
    parts, field = split(case.records, protocol), field_of(case, protocol)
    assert np.array_equal(field.pool.row[field.probe], parts.probe.row)
    assert np.array_equal(field.pool.half[field.probe], parts.probe.half)
    whose = pd.Series(np.concatenate([field.fold, field.gallery_fold]))
    names = np.concatenate([field.pooled, field.enrolled])
    assert len(set(zip(names, whose, strict=True))) == len(set(names))
    assert set(whose) == set(range(FOLDS))


@pytest.mark.parametrize("other", range(FOLDS))
@pytest.mark.parametrize("fold", range(FOLDS))
def test_nobody_teaches_a_match_they_are_in(case, fold, other):
    field = field_of(case)
    named, repeats, whose = field.others(fold, other)
    for left_out in (fold, other):
        asked = set(field.pooled[field.fold == left_out])
        assert asked
        assert not asked & set(whose)
    assert set(field.enrolled[named]) == set(field.pooled[repeats])


def test_what_two_people_repeat_does_not_teach_the_match_they_meet_in(case):
    """Their records may say anything: how others scatter stays the same; elsewhere it counts."""
    field = field_of(case)
    seen = rung("adapted", case, field)
    rng = np.random.default_rng(0)
    gallery, pool = seen.gallery.copy(), seen.pool.copy()
    for rows, folds in ((gallery, field.gallery_fold), (pool, field.fold)):
        rows[folds <= 1] = rng.normal(size=rows[folds <= 1].shape)
    parts = [slice(0, pool.shape[1])]
    before, after = (
        _Repeats(field, *sides, parts, [np.zeros(1)], {})
        for sides in ((seen.gallery, seen.pool), (gallery, pool))
    )
    for fold, other, same in ((0, 1, True), (1, 0, True), (0, 0, True), (0, 2, False)):
        assert np.array_equal(before.repeated(fold, other), after.repeated(fold, other)) == same


@pytest.mark.parametrize("n_leads", [1, 2])
def test_where_there_is_no_identity_mates_score_as_others_do(n_leads):
    """Noise in place of embeddings: the share of mates above others is a half."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, d = 30, 128 * n_leads
        whose = np.repeat(np.arange(n), 2)
        gallery, pool = rng.normal(size=(n, d)), rng.normal(size=(2 * n, d))
        fold = rng.permutation(n) % FOLDS
        names = np.arange(n).astype(str)
        nothing = Items.whole(np.arange(0))
        field = Field(nothing, nothing, np.arange(2 * n), names, names[whose], fold[whose], fold)
        scatter = [0.2 * np.eye(d)]
        match = _Repeats(field, gallery, pool, [slice(0, d)], scatter, {})
        for one in range(FOLDS):
            asked = np.flatnonzero(field.fold == one)
            rows, probes = match(gallery, pool[asked], one)
            scores = probes @ rows.T
            own = field.pooled[asked][:, None] == names[None]
            found += list((scores < scores[own][:, None]).sum(axis=1) / (n - 1))
    # 720 mates: the mean of as many uniform places strays from a half by 0.011.
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("view", QUICK)
@pytest.mark.parametrize("protocol", ["cross-session", "random-segment"])
def test_normalising_changes_the_unit_and_keeps_people_apart(case, view, protocol):
    field = field_of(case, protocol)
    seen = rung(view, case, field)
    asked = np.flatnonzero(field.fold == 1)
    gallery, probe = seen.normalised(1, asked)
    scores = (probe @ gallery.T).astype(np.float64)
    own = field.pooled[asked][:, None] == field.enrolled[None]
    # The nearest others lie about 0 and spread by about 1, whatever the rung's own unit.
    others = np.where(own, -np.inf, scores)
    near = np.sort(others, axis=1)[:, -8:]
    assert np.isfinite(scores).all()
    assert abs(np.median(near)) < 3
    assert scores[own].mean() > np.median(near)


def test_a_fusion_is_the_weighed_sum_of_its_rungs(case):
    field = field_of(case)
    fused = rung("fusion", case, field)
    assert isinstance(fused, Fused)
    assert len(fused.rungs) == len(QUICK)
    for fold in range(FOLDS):
        asked = np.flatnonzero(field.fold == fold)
        gallery, probe = fused.rows(fold, asked)
        wanted = 0.0
        for share, one in zip(fused.weights[fold], fused.rungs, strict=True):
            rows = one.normalised(fold, asked)
            wanted = wanted + share * (rows[1] @ rows[0].T)
        assert probe @ gallery.T == pytest.approx(wanted, rel=1e-3, abs=1e-3)
        assert fused.weights[fold].sum() == pytest.approx(1)
        assert (fused.weights[fold] >= 0).all()


def test_a_fusion_listens_to_the_rung_that_knows():
    rng = np.random.default_rng(0)
    genuine = np.stack([rng.normal(4, 1, 60), rng.normal(0, 1, 60)], axis=1)
    taught = [(genuine, rng.normal(0, 1, (3000, 2)), np.full(60, 1.0))]
    weights = _weights(taught)
    assert weights[0] > 0.7
    few = [(genuine[:5], rng.normal(0, 1, (250, 2)), np.full(5, 1.0))]
    assert _weights(few) == pytest.approx([0.5, 0.5])


#: Eight shufflings of the others take minutes.
ALL, SWIFT = (*QUICK, "fusion"), ("template", "whitened", "subspace", "adapted")


@pytest.mark.parametrize(
    "view", [view if view in SWIFT else pytest.param(view, marks=pytest.mark.slow) for view in ALL]
)
def test_people_dealt_their_records_at_random_are_found_by_luck(case, view):
    """Which record is whose is shuffled: chance is one in twenty, whatever a rung has learned."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        columns = ["subject", "session"]
        dealt = case.records.copy()
        dealt[columns] = dealt[columns].to_numpy()[rng.permutation(len(dealt))]
        order = np.argsort(dealt["session"].to_numpy(), kind="stable")
        prepared = replace(case.prepared, records=dealt.iloc[order].reset_index(drop=True))
        shuffled = replace(case, prepared=prepared, shared={}, seed=seed)
        evidence = Linkage(view, "cross-session").attack(shuffled, rng).found
        found.append(rank_rate(evidence, 1).mean())
    # Eight times 20 people at 1 in 20: a mean above 0.12 has a chance of 1 in 10,000.
    assert np.mean(found) < 0.12


@pytest.mark.parametrize("view", [*QUICK, "fusion"])
def test_every_rung_finds_people_who_differ(case, view):
    seen = search_enrolment(rung(view, case, field_of(case)), case, np.random.default_rng(0))
    assert rank_rate(seen, 1).mean() > 0.3


def test_rungs_that_learn_from_repeats_say_when_there_are_too_few(case):
    people = case.records["subject"].unique()
    keep = case.records["subject"].isin(people[: MIN_REPEATS - 1])
    first = ~case.records["subject"].duplicated()
    few = replace(case, prepared=case.prepared.part(np.flatnonzero(keep | first)))
    for view in FROM_REPEATS:
        why = Linkage(view, "same-session").unmet(few)
        assert why is not None
        assert "several records" in why or "two records" in why


def test_the_two_halves_of_a_record_are_different_beats_of_one_heart(case):
    parts = split(case.records, "random-segment")
    row = int(parts.gallery.row[0])
    one, other = (cut(case.prepared, row, half, case.seed)[0] for half in (1, 2))
    whole = cut(case.prepared, row, 0, case.seed)[0]
    assert len(one) + len(other) == len(whole)
    assert not any(np.array_equal(a, b) for a in one for b in other)


def test_every_rung_has_a_name_of_its_own():
    assert set(FROM_REPEATS) <= set(RUNGS)
    assert "template" not in RUNGS
